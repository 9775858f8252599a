package zipdir

import (
	"errors"
	"io"
)

const (
	// block is the size of one read of consecutive contents.
	block = 256 << 10
	// near is the largest gap that still counts as consecutive: extras and padding.
	near = 64 << 10
)

// window reads the contents in blocks. Forwards, it reads each byte once, a block at a
// time. After a jump it reads only what the caller expects.
type window struct {
	r        io.ReaderAt
	size     int64
	buf      []byte // its capacity is one block
	at       int64  // position of buf
	expected int64
	begun    bool
	turn     int // number of reads into buf
}

func newWindow(r io.ReaderAt, size uint64) *window {
	return &window{r: r, size: int64(size), expected: block} //nolint:gosec // below the file's size
}

// expect announces how many bytes will be read after a jump.
func (w *window) expect(n uint64) { w.expected = int64(min(n, block)) }

func (w *window) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) {
		b, err := w.peek(at + int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// peek returns the window from a position on, at least one byte.
func (w *window) peek(at int64) ([]byte, error) {
	if i := at - w.at; i >= 0 && i < int64(len(w.buf)) {
		return w.buf[i:], nil
	}
	if at < 0 || at >= w.size {
		return nil, io.ErrUnexpectedEOF
	}
	n := min(block, w.size-at)
	after := w.at + int64(len(w.buf))
	if follows := w.begun && at >= after && at-after <= near; !follows {
		n = min(n, max(w.expected, lenLocal))
	}
	if w.buf == nil {
		w.buf = make([]byte, 0, min(block, w.size))
	}
	w.turn++
	got, err := w.r.ReadAt(w.buf[:n], at)
	if got == 0 || err != nil && !errors.Is(err, io.EOF) {
		w.buf = w.buf[:0]
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	w.buf, w.at, w.begun = w.buf[:got], at, true
	return w.buf, nil
}
