package titulo

import (
	"bytes"
	"encoding/base64"
)

// tipoDe tells what content starts like this. UTF-16 counts as XML, so that
// the reader can say what is wrong with it.
func tipoDe(inicio []byte) Tipo {
	if bytes.HasPrefix(inicio, []byte("PK\x03\x04")) || bytes.HasPrefix(inicio, []byte("PK\x05\x06")) {
		return TipoZip
	}
	for _, bom := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF\x00"} {
		inicio = bytes.TrimPrefix(inicio, []byte(bom))
	}
	if bytes.HasPrefix(bytes.TrimLeft(inicio, " \t\r\n"), []byte("<")) {
		return TipoXML
	}
	return TipoDesconocido
}

// desenvuelve decodes the start of a base64 text, either alphabet, in lines or
// not, quoted or as a data: URL; nil when it is none.
func desenvuelve(texto []byte) []byte {
	if bytes.HasPrefix(texto, []byte("data:")) {
		_, texto, _ = bytes.Cut(texto, []byte(","))
	}
	limpio := bytes.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '"', '=':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, texto)
	limpio = limpio[:len(limpio)/4*4] // the head ends anywhere
	datos := make([]byte, base64.StdEncoding.DecodedLen(len(limpio)))
	n, err := base64.StdEncoding.Decode(datos, limpio)
	if err != nil {
		return nil
	}
	return datos[:n]
}
