package xmldoc

import (
	"bytes"
	"errors"
	"strings"
)

// bang reads a comment or a CDATA section, whose text it keeps; a DTD is refused.
func (r *Reader) bang(keep bool) (cdata bool, err error) {
	c, err := r.byte()
	if err != nil {
		return false, err
	}
	switch c {
	case '-':
		if err := r.expect("-"); err != nil {
			return false, err
		}
		if err := r.until("--", false); err != nil {
			return false, err
		}
		return false, r.expect(">")
	case '[':
		if len(r.ends) == 0 {
			return false, r.failAt(Malformed, "hay texto fuera del elemento raíz")
		}
		if err := r.expect("CDATA["); err != nil {
			return false, err
		}
		return true, r.until("]]>", keep)
	case 'D':
		if err := r.expect("OCTYPE"); err != nil {
			return false, err
		}
		return false, r.failAt(DTD, "El documento lleva un DTD: quítelo")
	}
	r.pos--
	return false, r.failAt(Malformed, "aquí debe estar un comentario o CDATA")
}

// until passes over everything to the end of stop, whose bytes but the last are
// alike, and keeps it without stop.
func (r *Reader) until(stop string, keep bool) error {
	first, last := stop[0], stop[len(stop)-1]
	r.value = r.value[:0]
	run, afterCR := 0, false
	for {
		if _, err := r.peek(); err != nil {
			return r.cut(err)
		}
		r.taken = r.Offset()
		piece := r.buf[r.pos:r.fin]
		found := false
		for i := 0; i < len(piece); {
			c := piece[i]
			i++
			switch {
			case c == last && run >= len(stop)-1:
				piece, found = piece[:i], true
			case c == first:
				run++
				continue
			default:
				run = 0
				if j := bytes.IndexByte(piece[i:], first); j >= 0 {
					i += j
				} else {
					i = len(piece)
				}
				continue
			}
			break
		}
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
		if found {
			r.value = r.value[:max(0, len(r.value)-len(stop))]
			return nil
		}
	}
}

// instruction reads a processing instruction, after its <?, or the declaration.
func (r *Reader) instruction(keep bool) (declaration bool, err error) {
	first := r.start == 0
	colon := 0
	if r.target, colon, err = r.name(r.target[:0]); err != nil {
		return false, err
	}
	switch {
	case string(r.target) == "xml" && first:
		return true, r.declaration()
	case bytes.EqualFold(r.target, []byte("xml")):
		return false, r.failAt(Malformed, "la declaración XML está mal escrita o no está al principio")
	case colon >= 0: // Namespaces in XML 1.0 §7
		return false, r.failAt(Malformed, "el nombre de una instrucción de proceso lleva dos puntos")
	}
	c, err := r.byte()
	switch {
	case err != nil:
		return false, err
	case c == '?':
		r.value = r.value[:0]
		return false, r.expect(">")
	case !blank(c):
		r.pos--
		return false, r.fail(Malformed, "falta un espacio después de %s", brief(r.target))
	}
	if _, err := r.blanks(); err != nil {
		return false, err
	}
	return false, r.until("?>", keep)
}

// declaration reads the rest of the XML declaration (XML 1.0, production 23):
// version, encoding, standalone, in this order.
func (r *Reader) declaration() error {
	bad := func() error {
		return r.failAt(Malformed, "la declaración XML está mal escrita o no está al principio")
	}
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
		if c == '?' {
			if last == 0 {
				return bad()
			}
			r.pos++
			return r.expect(">")
		}
		name, value, err := r.pseudoAttribute()
		if err != nil {
			var fault *Error
			if errors.As(err, &fault) && fault.Kind == Malformed {
				return bad()
			}
			return err
		}
		order := 1 + strings.Index("version encoding standalone", name)
		valid := order > last && (last > 0 || name == "version")
		switch name {
		case "version":
			valid = valid && value == "1.0"
		case "encoding":
			valid = valid && encName(value)
			r.declared = value
		case "standalone":
			valid = valid && (value == "yes" || value == "no")
		default:
			valid = false
		}
		if !some || !valid {
			return bad()
		}
		if name == "encoding" && r.o.OnlyUTF8 && !strings.EqualFold(value, "utf-8") {
			return r.failAt(Encoding, "El documento dice estar en %s; guárdelo en UTF-8", brief(value))
		}
		if c := byName(value); name == "encoding" && r.wide && r.o.Charset == "" && (c == latin1 || c == windows1252) {
			return r.failAt(Encoding, "El documento está en UTF-16 y dice estar en %s", brief(value)) // XML 1.0 §4.3.3
		}
		last = order
	}
}

// pseudoAttribute reads one of the declaration's. Its value has no references.
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

// equals reads the = of an attribute, with the blanks around it, and its quote.
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
