package xmldoc

import (
	"errors"
	"io"
	"unicode/utf8"
)

// Piece returns the text of the open element piece by piece, for texts too long to hold.
// It returns nil at the next markup, which Next reads. Read the attributes first. A
// reference is a separate piece. A piece is valid until the next call and may be changed.
// Its characters are not checked: the caller must know which ones it accepts.
func (r *Reader) Piece() ([]byte, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	piece, err := r.nextPiece()
	if err != nil {
		r.failed = err
	}
	return piece, err
}

func (r *Reader) nextPiece() ([]byte, error) {
	if r.pending || r.closing || r.empty {
		return nil, nil
	}
	c, err := r.peek()
	if errors.Is(err, io.EOF) {
		return nil, r.incomplete()
	}
	if err != nil || c == '<' {
		return nil, err
	}
	if err := r.copy(r.pos); err != nil {
		return nil, err
	}
	piece, stop := r.piece('<')
	r.unread(stop)
	r.copied = r.pos
	if len(piece) > 0 {
		return piece, nil
	}
	r.pos++ // &
	to := r.o.Copy
	r.o.Copy = nil
	char, err := r.reference()
	if err != nil {
		return nil, err
	}
	r.o.Copy, r.copied = to, r.pos
	r.value = utf8.AppendRune(r.value[:0], char)
	return r.value, nil
}
