package transport

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"

	"github.com/segmentio/asm/base64"
)

// encodeBlock is the size of one read: whole base64 quanta.
const encodeBlock = 96 << 10

var errMark = errors.New("transport: the body and the call disagree about an adjunto")

// message is an outgoing envelope: bytes, or bytes around an attached file. The file is
// read and encoded while it is sent, so memory use does not depend on its size.
type message struct {
	head, tail []byte
	attached   *io.SectionReader
	size       int64
}

func newMessage(envelope []byte, attached *io.SectionReader, mark string) (message, error) {
	if attached == nil {
		return message{head: envelope, size: int64(len(envelope))}, nil
	}
	head, tail, found := bytes.Cut(envelope, []byte(mark))
	if mark == "" || !found || bytes.Contains(tail, []byte(mark)) {
		return message{}, errMark
	}
	encoded := (attached.Size() + 2) / 3 * 4
	return message{head: head, tail: tail, attached: attached, size: int64(len(head)) + encoded + int64(len(tail))}, nil
}

// reader returns a reader of the message from its start; each repeat uses a new one.
func (m message) reader() io.Reader {
	if m.attached == nil {
		return bytes.NewReader(m.head)
	}
	again := io.NewSectionReader(m.attached, 0, m.attached.Size())
	return io.MultiReader(bytes.NewReader(m.head), &encoder{src: again}, bytes.NewReader(m.tail))
}

// outgoing is a message that records whether any of it has been read. The HTTP transport
// reads it only once it has a connection, and may open it again if a kept-alive
// connection turns out to be closed before anything was written.
type outgoing struct {
	message message
	sent    atomic.Bool
}

func (o *outgoing) open() io.ReadCloser { return &outgoingReader{o, o.message.reader()} }

type outgoingReader struct {
	o *outgoing
	r io.Reader
}

func (r *outgoingReader) Read(p []byte) (int, error) {
	r.o.sent.Store(true)
	return r.r.Read(p)
}

func (r *outgoingReader) Close() error { return nil }

// encoder encodes src as base64, block by block.
type encoder struct {
	src  io.Reader
	raw  []byte
	text []byte
	rest []byte // encoded and not yet read
	err  error
}

func (e *encoder) Read(p []byte) (int, error) {
	if e.raw == nil {
		e.raw = make([]byte, encodeBlock)
		e.text = make([]byte, encodeBlock/3*4)
	}
	if len(e.rest) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		n, err := io.ReadFull(e.src, e.raw)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			e.err = io.EOF
		case err != nil:
			e.err = err
			return 0, err
		}
		e.rest = e.text[:base64.StdEncoding.EncodedLen(n)]
		base64.StdEncoding.Encode(e.rest, e.raw[:n])
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
