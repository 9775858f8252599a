package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/asm/base64"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

const (
	// blockSize is the size of one read.
	blockSize = 128 << 10
	// writeSize is the size of one write: whole pages, so a file system need not read any
	// back.
	writeSize = 256 << 10
	// maxCarry is the longest base64 quantum cut by the end of a block.
	maxCarry = 4
	// decodeSlack is how far the SIMD decoder may write beyond the decoded length.
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

// streamAnswer reads an answer whose element named in stop holds base64 text. It writes
// the decoded bytes to dec's sink block by block, in constant memory. It returns the
// answer and the rest of the envelope in UTF-8, with the element emptied: well formed,
// and bounded by bound.
func streamAnswer(body io.Reader, charset string, stop []string, dec *textDecoder, bound int64) (Answer, []byte, error) {
	rest := &bounded{left: bound}
	r := newAnswerReader(body, xmldoc.Options{Charset: charset, Copy: rest, Window: blockSize, MaxValue: int(bound)})
	found, err := r.run(stop)
	if err != nil {
		return r.answer, nil, cutAsEOF(err)
	}
	if found {
		if r.answer.CodEstatus != "" && r.answer.CodEstatus != "5000" {
			dec.sink = refuse{}
		}
		if err := dec.decode(r.doc); err != nil {
			return r.answer, nil, cutAsEOF(err)
		}
		if err := r.finish(stop); err != nil {
			return r.answer, nil, cutAsEOF(err)
		}
	}
	return r.answer, canonical(&rest.Buffer, r.doc), nil
}

// bounded is a writer with a maximum size.
type bounded struct {
	bytes.Buffer
	left int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errEnvBound
	}
	return b.Buffer.Write(p)
}

// cutAsEOF returns io.ErrUnexpectedEOF if err says that the message ended early, and err
// otherwise.
func cutAsEOF(err error) error {
	if errors.Is(err, xmldoc.Incomplete) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}

// refuse accepts no byte: the element of a refusal must be empty.
type refuse struct{}

func (refuse) Write(p []byte) (int, error) {
	if len(p) > 0 {
		return 0, errUncounted
	}
	return 0, nil
}

// textDecoder decodes base64 text into the sink. White space is allowed anywhere. Any
// other foreign character, an incomplete end, or text after the padding is an error.
type textDecoder struct {
	sink  io.Writer
	out   []byte // decoded and not yet written: the first held bytes
	n     int64  // written in all
	state textState
}

func newTextDecoder(sink io.Writer) *textDecoder {
	return &textDecoder{sink: sink}
}

// came returns how many bytes have been decoded, written or not.
func (d *textDecoder) came() int64 { return d.n + int64(d.state.held) }

// textState is restored if a block has to be decoded again the slow way.
type textState struct {
	held   int
	carry  [maxCarry]byte
	ncarry int
	ended  bool // padding was seen
}

// decode decodes and writes the text of the open element, up to its end. After an error
// the bytes still held are lost, as the whole package is.
func (d *textDecoder) decode(doc *xmldoc.Reader) error {
	d.out = make([]byte, writeSize+blockSize/4*3+maxCarry+decodeSlack)
	for {
		piece, err := doc.Piece()
		if err != nil {
			return err
		}
		if piece == nil {
			ended, err := d.markup(doc)
			if err != nil {
				return err
			}
			if ended {
				break
			}
			continue
		}
		if err := d.next(piece); err != nil {
			return err
		}
	}
	if d.state.ncarry != 0 {
		return errBase64
	}
	return d.write(d.state.held)
}

// markup reads markup within the text: its end, or a CDATA section, which is text too.
// Elements are an error.
func (d *textDecoder) markup(doc *xmldoc.Reader) (ended bool, err error) {
	e, err := doc.Next()
	switch {
	case err != nil:
		return false, err
	case e == xmldoc.CharData:
		for piece := range slices.Chunk(doc.Value(), blockSize) {
			if err := d.next(piece); err != nil {
				return false, err
			}
		}
		return false, nil
	case e != xmldoc.End:
		return false, errMixed
	}
	return true, nil
}

// next decodes a piece of text. Text without spaces, as the SAT sends it, is decoded
// directly. Spaces are looked for only if that fails.
func (d *textDecoder) next(text []byte) error {
	// The decoder skips line ends by itself, so it would lose count of the quanta.
	done := false
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		before := d.state
		// The carried bytes have not been checked yet.
		if done = d.block(text) == nil && !bytes.ContainsAny(d.state.carry[:d.state.ncarry], " \t"); !done {
			d.state = before
		}
	}
	if !done {
		if err := d.block(compact(text)); err != nil {
			return err
		}
	}
	if d.state.held >= writeSize {
		return d.write(writeSize)
	}
	return nil
}

// write writes the first n held bytes and keeps the rest.
func (d *textDecoder) write(n int) error {
	if _, err := d.sink.Write(d.out[:n]); err != nil {
		return &sinkError{err}
	}
	d.n += int64(n)
	d.state.held = copy(d.out, d.out[n:d.state.held])
	return nil
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

// block decodes text without white space and completes the carried quantum.
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

// quanta decodes whole quanta after the held bytes.
func (d *textDecoder) quanta(text []byte) error {
	n, err := base64.StdEncoding.Decode(d.out[d.state.held:], text)
	if err != nil {
		return fmt.Errorf("%w: %w", errBase64, err)
	}
	d.state.ended = text[len(text)-1] == '='
	d.state.held += n
	return nil
}
