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
// decoded bytes go to the sink of dec block by block; memory stays flat whatever the size.
// It returns the answer and the rest of the envelope in UTF-8 (the element emptied),
// which is well formed and some bound bytes long at most.
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

// bounded holds what it may.
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

// cutAsEOF tells a message that ends early from one that is wrong.
func cutAsEOF(err error) error {
	if errors.Is(err, xmldoc.Incomplete) {
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	}
	return err
}

// refuse takes nothing: a refusal's element must be empty.
type refuse struct{}

func (refuse) Write(p []byte) (int, error) {
	if len(p) > 0 {
		return 0, errUncounted
	}
	return 0, nil
}

// textDecoder turns base64 text into bytes for the sink. White space is allowed
// anywhere; anything else that is not base64,
// an incomplete end, or text behind the padding, is an error.
type textDecoder struct {
	sink  io.Writer
	out   []byte // decoded and not yet written: the first held bytes
	n     int64  // written in all
	state textState
}

func newTextDecoder(sink io.Writer) *textDecoder {
	return &textDecoder{sink: sink}
}

// came is what has been decoded, written or not.
func (d *textDecoder) came() int64 { return d.n + int64(d.state.held) }

// textState is what a block that turns out to need the slow way must not change.
type textState struct {
	held   int
	carry  [maxCarry]byte
	ncarry int
	ended  bool // padding was seen
}

// decode takes the text of the element that is open, up to its end, and writes
// all that it decodes. What it held when it fails is lost, as the package is.
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

// markup reads what stands in the text: its end, or a CDATA section, which is
// text too. Elements are none of it.
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

// next decodes a piece of text. Text in one run, as the SAT sends it, is decoded
// as it is; only when that fails is it looked at for spaces.
func (d *textDecoder) next(text []byte) error {
	// The decoder would skip line ends by itself and so lose count of quanta.
	done := false
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		before := d.state
		// What is carried over has not been looked at yet.
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

// write hands the first n held bytes on and keeps the rest.
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
