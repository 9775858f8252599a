package xmldoc

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// text skips character data up to the next <, which it does not read, and reports whether
// it kept any.
func (r *Reader) text(keep bool) (some bool, err error) {
	keep = keep && len(r.ends) > 0
	r.value = r.value[:0]
	if r.pos < r.end && r.buf[r.pos] == '<' {
		return false, nil
	}
	var before [2]byte // the bytes before the window, to find ]]>
	afterCR := false
	for {
		if _, err := r.peek(); err != nil {
			return false, r.endOfText(err)
		}
		piece, stop := r.piece('<')
		if err := r.judge(before, piece); err != nil {
			r.unread(stop)
			return false, err
		}
		before = tail(before, piece)
		if keep && len(piece) > 0 {
			if afterCR, err = r.keep(piece, '\n', afterCR); err != nil {
				return false, err
			}
		}
		switch stop {
		case '&':
			before, afterCR = [2]byte{}, false
			if err := r.referenceInText(keep); err != nil {
				return false, err
			}
		case '<':
			r.pos--
			return len(r.value) > 0, nil
		}
	}
}

// endOfText returns io.EOF if the document may end here.
func (r *Reader) endOfText(err error) error {
	if errors.Is(err, io.EOF) && (len(r.ends) > 0 || !r.rooted) {
		return r.incomplete()
	}
	return err
}

// tail returns the last two bytes of before and piece.
func tail(before [2]byte, piece []byte) [2]byte {
	switch n := len(piece); n {
	case 0:
		return before
	case 1:
		return [2]byte{before[1], piece[0]}
	default:
		return [2]byte{piece[n-2], piece[n-1]}
	}
}

func (r *Reader) referenceInText(keep bool) error {
	if len(r.ends) == 0 {
		return r.fail(Malformed, "hay texto fuera del elemento raíz")
	}
	char, err := r.reference()
	if err == nil && keep {
		r.value = utf8.AppendRune(r.value, char)
	}
	return err
}

func (r *Reader) judge(before [2]byte, piece []byte) error {
	if len(piece) == 0 {
		return nil
	}
	if err := r.check(piece); err != nil {
		return err
	}
	if len(r.ends) == 0 {
		if i := len(piece) - len(bytes.TrimLeft(piece, " \t\r\n")); i < len(piece) {
			return &Error{Kind: Malformed, Detail: "hay texto fuera del elemento raíz", Offset: r.taken + int64(i)}
		}
		return nil
	}
	if i := endOfCDATA(before, piece); i >= 0 {
		return &Error{Kind: Malformed, Detail: "el texto tiene ]]> sin escapar", Offset: r.taken + int64(i)}
	}
	return nil
}

// piece takes the part of the window before until or a &, and that character, which it
// returns as stop. Without one it takes the whole window and stop is 0.
func (r *Reader) piece(until byte) (piece []byte, stop byte) {
	r.taken = r.Offset()
	piece = r.buf[r.pos:r.end]
	if i := bytes.IndexByte(piece, until); i >= 0 {
		piece, stop = piece[:i], until
	}
	if i := bytes.IndexByte(piece, '&'); i >= 0 {
		piece, stop = piece[:i], '&'
	}
	r.pos += len(piece)
	if stop != 0 {
		r.pos++
	}
	return piece, stop
}

// unread puts back the end of a piece, for Resume.
func (r *Reader) unread(stop byte) {
	if stop != 0 {
		r.pos--
	}
}

// endOfCDATA returns the position of the > of a ]]> in a text, where it is forbidden (XML
// 1.0 §2.4), or -1.
func endOfCDATA(before [2]byte, piece []byte) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(piece[at:], '>')
		if i < 0 {
			return -1
		}
		at += i
		a, b := before[0], before[1]
		switch {
		case at == 1:
			a, b = before[1], piece[0]
		case at > 1:
			a, b = piece[at-2], piece[at-1]
		}
		if a == ']' && b == ']' {
			return at
		}
	}
}

// keep appends literal text to value. A line end becomes one LF (XML 1.0 §2.11), even if
// CR and LF come in two pieces. White space becomes blank: LF in text, a space in
// attributes (§3.3.3).
func (r *Reader) keep(piece []byte, white byte, afterCR bool) (endsInCR bool, err error) {
	if white == '\n' && !afterCR && bytes.IndexByte(piece, '\r') < 0 {
		r.value = append(r.value, piece...)
	} else {
		for _, c := range piece {
			if c == '\n' && afterCR {
				afterCR = false
				continue
			}
			afterCR = c == '\r'
			if c == '\r' || white == ' ' && (c == '\n' || c == '\t') {
				c = white
			}
			r.value = append(r.value, c)
		}
	}
	if r.o.MaxValue > 0 && len(r.value) > r.o.MaxValue {
		return false, r.failAt(Bound, "Un valor o texto pasa de %d bytes", r.o.MaxValue)
	}
	return afterCR, nil
}

// reference reads the rest of a reference after its &: a character, or one of the five
// entities that exist without a DTD.
func (r *Reader) reference() (rune, error) {
	const most = 12
	at := r.Offset() - 1
	bad := func(what []byte) error {
		return &Error{Kind: Malformed, Detail: "la referencia &" + brief(what) + " no existe; un & suelto se escribe &amp;", Offset: at}
	}
	var b [most]byte
	n := 0
	for {
		c, err := r.peek()
		if err != nil {
			return 0, r.cut(err)
		}
		if c == ';' {
			r.pos++
			break
		}
		if n == most || c != '#' && classes[c]&nameChar == 0 {
			return 0, bad(b[:n])
		}
		b[n] = c
		n++
		r.pos++
	}
	switch string(b[:n]) {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	char, ok := numeric(b[:n])
	switch {
	case ok:
		return char, nil
	case n > 0 && b[0] == '#':
		return 0, &Error{Kind: Malformed, Detail: "la referencia &" + brief(b[:n]) + "; no es un carácter de XML", Offset: at}
	}
	return 0, bad(append(b[:n:n], ';'))
}

// numeric decodes a character reference without its & and ; (production 66).
func numeric(b []byte) (rune, bool) {
	if len(b) < 2 || b[0] != '#' {
		return 0, false
	}
	base, digits := 10, string(b[1:])
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || v > utf8.MaxRune || !char(rune(v)) {
		return 0, false
	}
	return rune(v), true
}
