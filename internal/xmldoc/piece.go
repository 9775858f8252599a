package xmldoc

import (
	"errors"
	"io"
	"unicode/utf8"
)

// Piece returns the text of the open element piece by piece, for texts that are
// too long to hold; nil is at the next markup, which Next reads. The attributes
// must have been read. A reference is a piece of its own. A piece is valid until
// the next call, may be changed, and has not been held against what characters
// may be: it is for a caller that knows which it takes.
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
