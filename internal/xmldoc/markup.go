package xmldoc

import (
	"bytes"
	"errors"
	"strings"
)

// bang reads a comment, or a CDATA section, whose text it keeps. It refuses a DTD.
func (r *Reader) bang(keep bool) (Event, error) {
	c, err := r.byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case '-':
		if err := r.expect("-"); err != nil {
			return 0, err
		}
		if err := r.until("--", false); err != nil {
			return 0, err
		}
		return 0, r.expect(">")
	case '[':
		if len(r.ends) == 0 {
			return 0, r.failAt(Malformed, "hay texto fuera del elemento raíz")
		}
		if err := r.expect("CDATA["); err != nil {
			return 0, err
		}
		return CharData, r.until("]]>", keep)
	case 'D':
		if err := r.expect("OCTYPE"); err != nil {
			return 0, err
		}
		return 0, r.failAt(DTD, "El documento lleva un DTD: quítelo")
	}
	r.pos--
	return 0, r.failAt(Malformed, "aquí debe estar un comentario o CDATA")
}

// until reads to the end of stop and keeps the text before stop. All bytes of stop but
// the last are equal.
func (r *Reader) until(stop string, keep bool) error {
	r.value = r.value[:0]
	run, found, afterCR := 0, false, false
	for !found {
		if _, err := r.peek(); err != nil {
			return r.cut(err)
		}
		r.taken = r.Offset()
		piece := r.buf[r.pos:r.end]
		piece, run, found = upTo(piece, stop, run)
		r.pos += len(piece)
		if err := r.check(piece); err != nil {
			return err
		}
		if keep {
			var err error
			if afterCR, err = r.keep(piece, '\n', afterCR); err != nil {
				return err
			}
		}
	}
	r.value = r.value[:max(0, len(r.value)-len(stop))]
	return nil
}

// upTo cuts piece after stop, of which run bytes came before piece. It reports whether
// stop is there, or else how many of its bytes piece ends with.
func upTo(piece []byte, stop string, run int) (cut []byte, ends int, found bool) {
	first, last := stop[0], stop[len(stop)-1]
	for i := 0; i < len(piece); {
		c := piece[i]
		i++
		switch {
		case c == last && run >= len(stop)-1:
			return piece[:i], 0, true
		case c == first:
			run++
		default:
			run = 0
			j := bytes.IndexByte(piece[i:], first)
			if j < 0 {
				return piece, 0, false
			}
			i += j
		}
	}
	return piece, run, false
}

// instruction reads a processing instruction, after its <?, or the declaration.
func (r *Reader) instruction(keep bool) (Event, error) {
	var colon int
	var err error
	if r.target, colon, err = r.name(r.target[:0]); err != nil {
		return 0, err
	}
	switch {
	case string(r.target) == "xml" && r.start == 0:
		return 0, r.declaration()
	case bytes.EqualFold(r.target, []byte("xml")):
		return 0, r.badDeclaration()
	case colon >= 0: // Namespaces in XML 1.0 §7
		return 0, r.failAt(Malformed, "el nombre de una instrucción de proceso lleva dos puntos")
	}
	c, err := r.byte()
	switch {
	case err != nil:
		return 0, err
	case c == '?':
		r.value = r.value[:0]
		return Instruction, r.expect(">")
	case !blank(c):
		r.pos--
		return 0, r.fail(Malformed, "falta un espacio después de %s", brief(r.target))
	}
	if _, err := r.blanks(); err != nil {
		return 0, err
	}
	return Instruction, r.until("?>", keep)
}

func (r *Reader) badDeclaration() error {
	return r.failAt(Malformed, "la declaración XML está mal escrita o no está al principio")
}

// declaration reads the rest of the XML declaration (XML 1.0, production 23).
func (r *Reader) declaration() error {
	last := 0
	for {
		some, err := r.blanks()
		if err != nil {
			return err
		}
		c, err := r.peek()
		if err != nil {
			return r.cut(err)
		}
		switch {
		case c == '?' && last > 0:
			r.pos++
			return r.expect(">")
		case c == '?' || !some:
			return r.badDeclaration()
		}
		if last, err = r.part(last); err != nil {
			return err
		}
	}
}

// part reads one part of the declaration: version, encoding, standalone, in this order.
// It takes and returns the index of the last part read.
func (r *Reader) part(last int) (order int, err error) {
	name, value, err := r.pseudoAttribute()
	var fault *Error
	if errors.As(err, &fault) && fault.Kind == Malformed {
		return 0, r.badDeclaration()
	}
	if err != nil {
		return 0, err
	}
	valid := false
	switch name {
	case "version":
		if order, valid = 1, value == "1.0"; value == "1.1" {
			return 0, r.failAt(Malformed, "la declaración dice ser de XML 1.1, y se lee XML 1.0")
		}
	case "encoding":
		order, valid = 2, last > 0 && encName(value)
	case "standalone":
		order, valid = 3, last > 0 && (value == "yes" || value == "no")
	}
	if !valid || order <= last {
		return 0, r.badDeclaration()
	}
	if name == "encoding" {
		return order, r.encoding(value)
	}
	return order, nil
}

// encoding compares the declared encoding with the actual one.
func (r *Reader) encoding(value string) error {
	r.declared = value
	c := byName(value)
	switch {
	case r.o.OnlyUTF8 && !strings.EqualFold(value, "utf-8"):
		return r.failAt(Encoding, "El documento dice estar en %s; guárdelo en UTF-8", brief(value))
	case r.wide && r.o.Charset == "" && (c == latin1 || c == windows1252): // XML 1.0 §4.3.3
		return r.failAt(Encoding, "El documento está en UTF-16 y dice estar en %s", brief(value))
	}
	return nil
}

// pseudoAttribute reads one attribute of the declaration. Its value has no references.
func (r *Reader) pseudoAttribute() (name, value string, err error) {
	if r.target, _, err = r.name(r.target[:0]); err != nil {
		return "", "", err
	}
	quote, err := r.equals()
	if err != nil {
		return "", "", err
	}
	r.value = r.value[:0]
	for {
		c, err := r.byte()
		if err != nil {
			return "", "", err
		}
		if c == quote {
			return string(r.target), string(r.value), nil
		}
		if len(r.value) == maxDeclaration {
			return "", "", r.fail(Malformed, "la declaración XML es demasiado larga")
		}
		r.value = append(r.value, c)
	}
}

// equals reads an attribute's =, the blanks around it, and the opening quote.
func (r *Reader) equals() (quote byte, err error) {
	if _, err := r.blanks(); err != nil {
		return 0, err
	}
	if err := r.expect("="); err != nil {
		return 0, err
	}
	if _, err := r.blanks(); err != nil {
		return 0, err
	}
	if quote, err = r.byte(); err == nil && quote != '"' && quote != '\'' {
		r.pos--
		err = r.fail(Malformed, "el valor de un atributo va entre comillas")
	}
	return quote, err
}

// encName is production 81.
func encName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || classes[c]&nameChar == 0 || c >= 0x80) {
			return false
		}
	}
	return s != ""
}
