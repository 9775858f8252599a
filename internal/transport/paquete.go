package transport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/segmentio/asm/base64"
)

const (
	// blockSize is what is read, decoded and written at a time.
	blockSize = 128 << 10
	// maxCarry holds a base64 quantum that a block's end cut.
	maxCarry = 4
	// decodeSlack is what the SIMD decoder may write beyond the decoded length.
	decodeSlack = 64
)

var (
	errBase64    = errors.New("the text is not whole base64")
	errEnvBound  = errors.New("the envelope around the text is over its bound")
	errMixed     = errors.New("the element holds more than text")
	errTwice     = errors.New("the element stands twice")
	errUncounted = errors.New("the status forbids a package that is there")
)

// sinkError marks a failure of the caller's sink.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }
func (e *sinkError) Unwrap() error { return e.err }

// streamAnswer reads an answer whose element named in stop holds base64 text. The
// decoded bytes go to sink block by block; memory stays flat whatever the size.
// It returns the answer, the bytes decoded, and the rest of the envelope (the
// element emptied), which is well formed and at most bound bytes long.
//
// The XML is read by encoding/xml, which takes its bytes one by one from a
// reader of ours: behind the start tag the reader is exactly at the text, which
// is then taken in blocks until the next tag.
func streamAnswer(body io.Reader, stop []string, sink io.Writer, bound int64) (Answer, int64, []byte, error) {
	src := &textReader{r: body, buf: make([]byte, blockSize), bound: bound}
	r := &answerReader{dec: xml.NewDecoder(src)}
	found, err := r.run(stop)
	if err != nil {
		return r.answer, 0, nil, src.cause(err)
	}
	var n int64
	if found {
		if r.answer.CodEstatus != "" && r.answer.CodEstatus != "5000" {
			sink = refuse{}
		}
		dec := &textDecoder{sink: sink, out: make([]byte, blockSize/4*3+decodeSlack)}
		if n, err = dec.decode(src); err != nil {
			return r.answer, n, nil, src.cause(err)
		}
		if err := r.finish(stop); err != nil {
			return r.answer, n, nil, src.cause(err)
		}
	}
	return r.answer, n, src.rest.Bytes(), nil
}

// refuse takes nothing: a refusal's element must be empty.
type refuse struct{}

func (refuse) Write(p []byte) (int, error) {
	if len(p) > 0 {
		return 0, errUncounted
	}
	return 0, nil
}

// textReader feeds the XML decoder byte by byte, keeping what it read, and the
// base64 decoder block by block.
type textReader struct {
	r     io.Reader
	buf   []byte
	data  []byte // unread part of buf
	err   error  // what the source ended with
	rest  bytes.Buffer
	bound int64
}

// ReadByte serves encoding/xml.
func (t *textReader) ReadByte() (byte, error) {
	if !t.fill() {
		return 0, t.err
	}
	if int64(t.rest.Len()) >= t.bound {
		t.err = errEnvBound
		return 0, t.err
	}
	c := t.data[0]
	t.data = t.data[1:]
	t.rest.WriteByte(c)
	return c, nil
}

// Read makes it an io.Reader, which xml.NewDecoder asks for and does not use.
func (t *textReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := t.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// fill makes at least one byte available, if there is one.
func (t *textReader) fill() bool {
	for len(t.data) == 0 && t.err == nil {
		n, err := t.r.Read(t.buf)
		t.data, t.err = t.buf[:n], err
	}
	return len(t.data) > 0
}

// cause prefers the source's own failure to what the XML decoder made of it.
func (t *textReader) cause(err error) error {
	var sink *sinkError
	if t.err != nil && !errors.Is(t.err, io.EOF) && !errors.As(err, &sink) {
		return t.err
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) && syntax.Msg == "unexpected EOF" {
		return io.ErrUnexpectedEOF
	}
	return err
}

// textDecoder turns base64 text into bytes for the sink. White space, also as a
// character reference, is allowed anywhere; anything else that is not base64,
// an incomplete end, or text behind the padding, is an error.
type textDecoder struct {
	sink   io.Writer
	out    []byte
	carry  [maxCarry]byte
	ncarry int
	ended  bool // padding was seen
	n      int64
}

// decode consumes src up to the next '<', which is left unread.
func (d *textDecoder) decode(src *textReader) (int64, error) {
	for {
		if !src.fill() {
			return d.n, src.err
		}
		text := src.data
		if i := bytes.IndexByte(text, '<'); i >= 0 {
			text = text[:i]
		}
		if i := bytes.IndexByte(text, '&'); i >= 0 {
			text = text[:i]
		}
		src.data = src.data[len(text):]
		if err := d.block(compact(text)); err != nil {
			return d.n, err
		}
		if len(src.data) == 0 {
			continue
		}
		if src.data[0] == '<' {
			break
		}
		if err := spaceReference(src); err != nil {
			return d.n, err
		}
	}
	if d.ncarry != 0 {
		return d.n, errBase64
	}
	return d.n, nil
}

// spaceReference consumes one character reference to white space, as some
// runtimes write for the line ends of base64; any other is an error.
func spaceReference(src *textReader) error {
	var ref []byte
	for len(ref) < len("&#x0D;") && src.fill() {
		c := src.data[0]
		src.data = src.data[1:]
		ref = append(ref, c)
		if c == ';' {
			break
		}
	}
	switch strings.ToLower(string(ref)) {
	case "&#13;", "&#10;", "&#9;", "&#32;", "&#xd;", "&#xa;", "&#x9;", "&#x20;", "&#x0d;", "&#x0a;":
		return nil
	}
	return errBase64
}

// compact removes XML white space in place; text without any is left alone,
// which four vectorised searches tell faster than one loop.
func compact(text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 &&
		bytes.IndexByte(text, ' ') < 0 && bytes.IndexByte(text, '\t') < 0 {
		return text
	}
	kept := text[:0]
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			kept = append(kept, c)
		}
	}
	return kept
}

// block decodes text without white space, minding the quantum that is open.
func (d *textDecoder) block(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if d.ended {
		return errBase64
	}
	if d.ncarry > 0 {
		k := copy(d.carry[d.ncarry:], text)
		d.ncarry += k
		text = text[k:]
		if d.ncarry < maxCarry {
			return nil
		}
		d.ncarry = 0
		if err := d.quanta(d.carry[:]); err != nil {
			return err
		}
		if len(text) > 0 && d.ended {
			return errBase64
		}
	}
	whole := len(text) &^ 3
	d.ncarry = copy(d.carry[:], text[whole:])
	if whole == 0 {
		return nil
	}
	if err := d.quanta(text[:whole]); err != nil {
		return err
	}
	if d.ended && d.ncarry > 0 {
		return errBase64
	}
	return nil
}

// quanta decodes whole quanta and hands the bytes on.
func (d *textDecoder) quanta(text []byte) error {
	n, err := base64.StdEncoding.Decode(d.out, text)
	if err != nil {
		return fmt.Errorf("%w: %w", errBase64, err)
	}
	d.ended = text[len(text)-1] == '='
	d.n += int64(n)
	if _, err := d.sink.Write(d.out[:n]); err != nil {
		return &sinkError{err}
	}
	return nil
}
