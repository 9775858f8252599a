package titulo

import (
	"bytes"
	"encoding/base64"
)

// tipoOf returns the kind of content that starts like this. UTF-16 counts as XML, so that
// the XML reader reports it.
func tipoOf(start []byte) Tipo {
	if bytes.HasPrefix(start, []byte("PK\x03\x04")) || bytes.HasPrefix(start, []byte("PK\x05\x06")) {
		return TipoZip
	}
	for _, bom := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF\x00"} {
		start = bytes.TrimPrefix(start, []byte(bom))
	}
	if bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("<")) {
		return TipoXML
	}
	return TipoUnknown
}

// unwrap decodes the start of a base64 text in either alphabet, in lines or not, quoted
// or as a data: URL; nil if it is not base64.
func unwrap(text []byte) []byte {
	if bytes.HasPrefix(text, []byte("data:")) {
		_, text, _ = bytes.Cut(text, []byte(","))
	}
	clean := bytes.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '"', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, text)
	clean = clean[:len(clean)/4*4] // the head may end within a group
	data := make([]byte, base64.StdEncoding.DecodedLen(len(clean)))
	n, err := base64.StdEncoding.Decode(data, clean)
	if err != nil {
		return nil
	}
	return data[:n]
}
