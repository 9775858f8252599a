package xmldoc_test

import (
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

var declaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z][A-Za-z0-9._-]*)"|'([A-Za-z][A-Za-z0-9._-]*)'))?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>`)

// decoded returns a document's text in UTF-8, without its mark. The mark goes before
// the declaration; without either it is UTF-8 (XML 1.0, appendix F).
func decoded(b []byte) (string, error) {
	text := string(b)
	for _, wide := range []struct {
		begins string
		skip   int
		order  binary.ByteOrder
	}{
		{"\xFF\xFE", 2, binary.LittleEndian}, {"\xFE\xFF", 2, binary.BigEndian},
		{"<\x00?\x00", 0, binary.LittleEndian}, {"\x00<\x00?", 0, binary.BigEndian},
	} {
		if strings.HasPrefix(text, wide.begins) {
			return fromUTF16(b[wide.skip:], wide.order)
		}
	}
	if text, marked := strings.CutPrefix(text, "\xEF\xBB\xBF"); marked {
		return text, nil
	}
	m := declaration.FindStringSubmatch(text)
	if m == nil {
		return text, nil
	}
	switch strings.ToLower(m[1] + m[2]) {
	case "", "utf-8", "utf-16", "us-ascii":
		return text, nil
	case "iso-8859-1":
		return charmap.ISO8859_1.NewDecoder().String(text)
	case "windows-1252":
		return charmap.Windows1252.NewDecoder().String(text)
	}
	return "", errors.New("unsupported encoding " + m[1] + m[2])
}

func fromUTF16(b []byte, order binary.ByteOrder) (string, error) {
	if len(b)%2 != 0 {
		return "", errors.New("half a character of UTF-16")
	}
	var text strings.Builder
	for len(b) > 0 {
		r := rune(order.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) {
			if len(b) == 0 {
				return "", errors.New("half a pair of UTF-16")
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(b))); r == '\uFFFD' {
				return "", errors.New("half a pair of UTF-16")
			}
			b = b[2:]
		}
		text.WriteRune(r)
	}
	if m := declaration.FindStringSubmatch(text.String()); m != nil {
		switch strings.ToLower(m[1] + m[2]) {
		case "iso-8859-1", "windows-1252":
			return "", errors.New("the mark and the declaration disagree")
		}
	}
	return text.String(), nil
}
