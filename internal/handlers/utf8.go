package handlers

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// plainText tells of a parameter that is text: UTF-8, and no control characters of
// ASCII, which are those that the contract's patterns leave out.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// utf8Body is a JSON body as it comes, which fails where it is not in UTF-8 or
// escapes half of a surrogate pair (RFC 8259 §8). encoding/json puts U+FFFD in
// their places and goes on, and what is sealed or sent would be another name.
type utf8Body struct {
	io.ReadCloser
	head []byte // how it begins
	read int64  // bytes before rest
	rest []byte // the beginning of a character whose end has not come
	esc  surrogates
	err  error
}

func (b *utf8Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if b.err = b.check(p[:n], err == io.EOF); b.err != nil {
		return 0, b.err
	}
	return n, err
}

// check looks at the next piece of the body; at its end no character may be open.
func (b *utf8Body) check(piece []byte, last bool) error {
	b.head = append(b.head, piece[:min(len(piece), 2-len(b.head))]...)
	if !b.esc.valid(piece) {
		return notUTF8("Tiene medio par sustituto (\\ud800 a \\udfff): escriba el carácter completo.")
	}
	if len(b.rest) == 0 && utf8.Valid(piece) {
		if err := b.mark(piece); err != nil {
			return err
		}
		b.read += int64(len(piece))
		return nil
	}
	all := append(b.rest, piece...)
	whole := len(all)
	for cut := 1; cut < utf8.UTFMax && cut <= len(all) && !last; cut++ {
		if c := all[len(all)-cut]; utf8.RuneStart(c) {
			if !utf8.FullRune(all[len(all)-cut:]) {
				whole -= cut
			}
			break
		}
	}
	if at := firstInvalid(all[:whole]); at >= 0 {
		return notUTF8(fmt.Sprintf("El byte %d no es de UTF-8; %s.", b.read+int64(at)+1, otherThanUTF8(b.head)))
	}
	if err := b.mark(all[:whole]); err != nil {
		return err
	}
	b.read += int64(whole)
	b.rest = append([]byte(nil), all[whole:]...)
	return nil
}

// otherThanUTF8 says what a body that begins so may be.
func otherThanUTF8(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF}), bytes.HasPrefix(head, []byte{0xFE}):
		return "por cómo empieza, el texto está en UTF-16"
	case bytes.Equal(head, []byte{0x1F, 0x8B}):
		return "por cómo empieza, viene comprimido con gzip: envíelo sin comprimir"
	}
	return "quizá el texto está en Latin-1 o Windows-1252"
}

// mark refuses a text, the next of the body, that is its beginning and a byte order
// mark, which RFC 8259 §8.1 forbids and PowerShell and .NET like to write.
func (b *utf8Body) mark(text []byte) error {
	if b.read > 0 || !bytes.HasPrefix(text, []byte("\ufeff")) {
		return nil
	}
	return notUTF8("Empieza con la marca de orden de bytes (BOM, EF BB BF): guárdelo o envíelo como UTF-8 sin BOM.")
}

// firstInvalid is where text stops being UTF-8; negative when it does not.
func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func notUTF8(detalle string) error {
	return &gateway.Error{Kind: gateway.KindMalformada, Detail: "El cuerpo no se puede leer sin cambiarlo: JSON va en UTF-8. " + detalle}
}

// surrogates follows the escapes of JSON through the pieces of a text.
type surrogates struct {
	digits int  // of an escape \u that are still to come; negative behind the backslash
	code   rune // what its digits have said so far
	high   bool // the first half of a pair stands before this
}

// valid tells whether every half so far has its other one.
func (s *surrogates) valid(piece []byte) bool {
	for len(piece) > 0 {
		if s.digits == 0 && !s.high {
			i := bytes.IndexByte(piece, '\\')
			if i < 0 {
				return true
			}
			piece = piece[i:]
		}
		if !s.next(piece[0]) {
			return false
		}
		piece = piece[1:]
	}
	return true
}

func (s *surrogates) next(c byte) bool {
	switch {
	case s.digits > 0:
		s.code = s.code<<4 | hex(c)
		if s.digits--; s.digits > 0 {
			return true
		}
		high, low := s.code>>10 == 0xD800>>10, s.code>>10 == 0xDC00>>10
		paired := s.high == low
		s.high, s.code = high && paired, 0
		return paired
	case s.digits < 0 && c == 'u':
		s.digits = 4
		return true
	case s.digits < 0:
		s.digits = 0
		return !s.high
	case c == '\\':
		s.digits = -1
		return true
	}
	return !s.high
}

// hex is the value of a hexadecimal digit; of anything else, which the JSON's reader
// refuses, some value.
func hex(c byte) rune {
	switch {
	case c >= 'a':
		return rune(c-'a'+10) & 15
	case c >= 'A':
		return rune(c-'A'+10) & 15
	}
	return rune(c) & 15
}
