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
	// blockSize is what is read and decoded at a time.
	blockSize = 128 << 10
	// writeSize is what is written at a time: whole pages, so that a file takes
	// them without reading any back.
	writeSize = 256 << 10
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
		dec := &textDecoder{sink: sink, out: make([]byte, writeSize+blockSize/4*3+maxCarry+decodeSlack)}
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
	sink  io.Writer
	out   []byte // decoded and not yet written: the first held bytes
	n     int64  // decoded in all
	state textState
}

// textState is what a block that turns out to need the slow way must not change.
type textState struct {
	held   int
	carry  [maxCarry]byte
	ncarry int
	ended  bool // padding was seen
}

// decode consumes src up to the next '<', which is left unread, and writes all
// that it decoded. What it held when it fails is lost, as the package is.
func (d *textDecoder) decode(src *textReader) (int64, error) {
	for {
		if !src.fill() {
			return d.n, src.err
		}
		if src.data[0] == '<' {
			break
		}
		if err := d.next(src); err != nil {
			return d.n, err
		}
		if d.state.held >= writeSize {
			if err := d.write(writeSize); err != nil {
				return d.n, err
			}
		}
	}
	if d.state.ncarry != 0 {
		return d.n, errBase64
	}
	return d.n, d.write(d.state.held)
}

// next consumes the text that src has at hand. Text in one run, as the SAT sends
// it, is decoded as it is; only when that fails is it looked at for spaces and
// references.
func (d *textDecoder) next(src *textReader) error {
	text := src.data
	if i := bytes.IndexByte(text, '<'); i >= 0 {
		text = text[:i]
	}
	// The decoder would skip line ends by itself and so lose count of quanta.
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		before := d.state
		// What is carried over has not been looked at yet.
		if d.block(text) == nil && !bytes.ContainsAny(d.state.carry[:d.state.ncarry], "& \t") {
			src.data = src.data[len(text):]
			return nil
		}
		d.state = before
	}
	if i := bytes.IndexByte(text, '&'); i >= 0 {
		text = text[:i]
	}
	src.data = src.data[len(text):]
	if err := d.block(compact(text)); err != nil {
		return err
	}
	if len(src.data) > 0 && src.data[0] == '&' {
		return spaceReference(src)
	}
	return nil
}

// write hands the first n held bytes on and keeps the rest.
func (d *textDecoder) write(n int) error {
	if _, err := d.sink.Write(d.out[:n]); err != nil {
		return &sinkError{err}
	}
	d.n += int64(n)
	d.state.held = copy(d.out, d.out[n:d.state.held])
	return nil
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

// compact removes XML white space in place.
func compact(text []byte) []byte {
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
	s := &d.state
	if len(text) == 0 {
		return nil
	}
	if s.ended {
		return errBase64
	}
	if s.ncarry > 0 {
		k := copy(s.carry[s.ncarry:], text)
		s.ncarry += k
		text = text[k:]
		if s.ncarry < maxCarry {
			return nil
		}
		s.ncarry = 0
		if err := d.quanta(s.carry[:]); err != nil {
			return err
		}
		if len(text) > 0 && s.ended {
			return errBase64
		}
	}
	whole := len(text) &^ 3
	s.ncarry = copy(s.carry[:], text[whole:])
	if whole == 0 {
		return nil
	}
	if err := d.quanta(text[:whole]); err != nil {
		return err
	}
	if s.ended && s.ncarry > 0 {
		return errBase64
	}
	return nil
}

// quanta decodes whole quanta behind what is held.
func (d *textDecoder) quanta(text []byte) error {
	n, err := base64.StdEncoding.Decode(d.out[d.state.held:], text)
	if err != nil {
		return fmt.Errorf("%w: %w", errBase64, err)
	}
	d.state.ended = text[len(text)-1] == '='
	d.state.held += n
	return nil
}
