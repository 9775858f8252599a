package xls

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// sharedStrings reads the texts to which cells refer (ECMA-376 part 1, §18.4).
func (p *parts) sharedStrings(name string) ([]string, error) {
	var all []string
	err := p.each(name, func(d *xmldoc.Reader, element string) error {
		if _, err := attributes(d); err != nil || element != "si" {
			return err
		}
		text, err := richText(d)
		all = append(all, text)
		return err
	})
	return all, err
}

// richText joins the texts in the element that began, including formatted runs, without
// their phonetics (rPh).
func richText(d *xmldoc.Reader) (string, error) {
	var b strings.Builder
	phonetic := 0
	for depth := 1; depth > 0; {
		event, err := d.Next()
		if err != nil {
			return "", malformed("%w", err)
		}
		switch event {
		case xmldoc.Start:
			depth++
			if local(d.Name()) == "rPh" || phonetic > 0 {
				phonetic++
			}
			if _, err := attributes(d); err != nil {
				return "", err
			}
		case xmldoc.End:
			depth--
			phonetic = max(0, phonetic-1)
		case xmldoc.CharData:
			if phonetic == 0 && local(d.Name()) == "t" {
				b.Write(d.Value())
			}
		}
	}
	return unescape(b.String()), nil
}

// unescape decodes _x000D_, the form in which an .xlsx writes what XML cannot
// (ST_Xstring, §22.9.2.19).
func unescape(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, "_x")
		if i < 0 || len(text) < i+7 {
			return b.String() + text
		}
		code, err := strconv.ParseUint(text[i+2:i+6], 16, 16)
		if err != nil || text[i+6] != '_' || utf16.IsSurrogate(rune(code)) {
			b.WriteString(text[:i+2])
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		b.WriteRune(rune(code))
		text = text[i+7:]
	}
}

// worksheet reads the cells of a part (§18.3) into s. A formula's cell has its saved
// value.
func (p *parts) worksheet(name string, s *sheet) error {
	row, column := -1, 0
	return p.each(name, func(d *xmldoc.Reader, element string) error {
		got, err := attributes(d, "r", "t")
		if err != nil {
			return err
		}
		switch element {
		case "row":
			column = 0
			row, err = rowNumber(got["r"], row+1)
			return err
		case "c":
			if row < 0 {
				return malformed("a cell outside a row")
			}
			if column, err = columnNumber(got["r"], column); err != nil {
				return err
			}
			text, err := s.value(d, got["t"])
			if err != nil {
				return err
			}
			column++
			return s.put(uint16(row), uint16(column-1), text) //nolint:gosec // G115: both are bounded where they are read
		}
		return nil
	})
}

// rowNumber parses a row's number, from 1, which may be absent.
func rowNumber(r string, next int) (int, error) {
	if r != "" {
		n, err := strconv.ParseUint(r, 10, 32)
		if err != nil || n == 0 {
			return 0, malformed("row %q", r)
		}
		next = int(n) - 1
	}
	if next >= MaxRows {
		return 0, tooLarge("row %d, the bound is %d", next+1, MaxRows)
	}
	return next, nil
}

// columnNumber parses the letters of a cell's reference, "B2", which may be absent.
func columnNumber(r string, next int) (int, error) {
	if r == "" {
		if next >= math.MaxUint16 {
			return 0, tooLarge("column %d", next)
		}
		return next, nil
	}
	n := 0
	for _, letter := range strings.TrimRight(r, "0123456789") {
		if letter < 'A' || letter > 'Z' || n > MaxRows {
			return 0, malformed("cell %q", r)
		}
		n = n*26 + int(letter-'A') + 1
	}
	if n == 0 || n > math.MaxUint16 {
		return 0, malformed("cell %q", r)
	}
	return n - 1, nil
}

// value reads a cell of a type to its end. As in an .xls, an ambiguous value is refused.
func (s *sheet) value(d *xmldoc.Reader, kind string) (string, error) {
	raw, inline := "", ""
	for depth := 1; depth > 0; {
		event, err := d.NextTag()
		if err != nil {
			return "", malformed("%w", err)
		}
		if event == xmldoc.End {
			depth--
			continue
		}
		element := local(d.Name())
		if _, err := attributes(d); err != nil {
			return "", err
		}
		switch element {
		case "v":
			raw, err = plainText(d)
		case "is":
			inline, err = richText(d)
		default:
			depth++
		}
		if err != nil {
			return "", err
		}
	}
	switch kind {
	case "inlineStr":
		return inline, nil
	case "str", "d":
		return unescape(raw), nil
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(raw))
		if err != nil || i < 0 || i >= len(s.strings) {
			return "", malformed("shared string %q of %d", raw, len(s.strings))
		}
		return s.strings[i], nil
	case "", "n":
		return numberText(raw)
	case "e": // by its name, "#N/A"
		return raw, nil
	case "b":
		switch strings.TrimSpace(raw) { // an xsd:boolean
		case "1", "true":
			return boolErr(1, false), nil
		case "0", "false":
			return boolErr(0, false), nil
		case "":
			return "", nil
		}
	}
	return "", malformed("a cell of type %q, which results do not have", kind)
}

func numberText(raw string) (string, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return "", nil
	}
	v, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return "", malformed("number %q", raw)
	}
	return number(v), nil
}

// plainText reads the text of the element that began, to its end.
func plainText(d *xmldoc.Reader) (string, error) {
	var b strings.Builder
	for {
		event, err := d.Next()
		switch {
		case err != nil:
			return "", malformed("%w", err)
		case event == xmldoc.Start:
			return "", malformed("an element inside a value")
		case event == xmldoc.End:
			return b.String(), nil
		case event == xmldoc.CharData:
			b.Write(d.Value())
		}
	}
}
