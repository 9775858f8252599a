package addenda

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// declaracion is the production XMLDecl (XML 1.0 §2.8), with the encoding and
// its quotes as the first group.
var declaracion = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*("[A-Za-z][A-Za-z0-9._-]*"|'[A-Za-z][A-Za-z0-9._-]*'))?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>`)

// maxDeclaracion bounds where a declaration is looked for.
const maxDeclaracion = 256

// codificaciones are the names that a document may declare.
func codificaciones() []string {
	return []string{"UTF-8", "ISO-8859-1", "windows-1252", "UTF-16", "US-ASCII"}
}

// rechazo is why a whole document is refused, in Spanish.
type rechazo string

func (r rechazo) Error() string { return string(r) }

const (
	errCodificacion rechazo = "La codificación declarada no se reconoce: guarde el documento en UTF-8."
	errMedioUTF16   rechazo = "El documento está en UTF-16 y le falta un byte."
	errGrande       rechazo = "El documento pasa de 10 MiB."
)

// decodifica returns the text of a document and makes its declaration say
// UTF-8. What tells the encoding is, in this order, the byte order mark, UTF-16
// showing itself (XML 1.0, appendix F), and the declaration. One that says
// UTF-16 in a document of single bytes is false, and common: it is what .NET
// writes into a string that is stored otherwise.
func decodifica(b []byte) (string, error) {
	var texto string
	switch {
	case bytes.HasPrefix(b, []byte("\xFF\xFE\x00\x00")), bytes.HasPrefix(b, []byte("\x00\x00\xFE\xFF")):
		return "", errCodificacion // UTF-32
	case bytes.HasPrefix(b, []byte(marcaUTF8)):
		texto = string(b[len(marcaUTF8):])
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return deUTF16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return deUTF16(b[2:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte("<\x00")):
		return deUTF16(b, binary.LittleEndian)
	case bytes.HasPrefix(b, []byte("\x00<")):
		return deUTF16(b, binary.BigEndian)
	default:
		var err error
		if texto, err = porDeclaracion(b); err != nil {
			return "", err
		}
	}
	return enUTF8(texto), nil
}

// porDeclaracion reads a document that has no mark.
func porDeclaracion(b []byte) (string, error) {
	switch strings.ToLower(declarada(string(b[:min(len(b), maxDeclaracion)]))) {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "unicode":
		return string(b), nil
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1":
		return deBytes(b, func(c byte) rune { return rune(c) })
	case "windows-1252", "cp1252":
		return deBytes(b, de1252)
	}
	return "", errCodificacion
}

// declarada is the encoding that a document's declaration names, or none.
func declarada(texto string) string {
	if m := declaracion.FindStringSubmatch(texto); m != nil {
		return strings.Trim(m[1], `"'`)
	}
	return ""
}

// enUTF8 changes the encoding that the declaration names, where it has to.
func enUTF8(texto string) string {
	m := declaracion.FindStringSubmatchIndex(texto[:min(len(texto), maxDeclaracion)])
	if m == nil || m[2] < 0 || strings.EqualFold(texto[m[2]+1:m[3]-1], "utf-8") {
		return texto
	}
	return texto[:m[2]+1] + "UTF-8" + texto[m[3]-1:]
}

// deBytes decodes a document of single bytes; -1 is a byte without a character.
func deBytes(b []byte, caracter func(byte) rune) (string, error) {
	var texto strings.Builder
	texto.Grow(len(b) + len(b)/16)
	for i, c := range b {
		r := rune(c)
		if c >= utf8.RuneSelf {
			r = caracter(c)
		}
		if r < 0 {
			return "", defectoEn(texto.String(), texto.Len(), "El byte %02X (el %d.º) no es un carácter de la codificación declarada", c, i+1)
		}
		texto.WriteRune(r)
	}
	return texto.String(), nil
}

// de1252 decodes the upper half of windows-1252: Latin-1 but for these 32, of
// which five are not assigned.
func de1252(c byte) rune {
	const altos = "€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ"
	if c >= 0xA0 {
		return rune(c)
	}
	i := byte(0x80)
	for _, r := range altos {
		if i == c && r != 0 {
			return r
		}
		i++
	}
	return -1
}

func deUTF16(b []byte, orden binary.ByteOrder) (string, error) {
	if len(b)%2 != 0 {
		return "", errMedioUTF16
	}
	var texto strings.Builder
	texto.Grow(len(b) * 3 / 4)
	for i := 0; i < len(b); i += 2 {
		r := rune(orden.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			var otra rune
			if i += 2; i < len(b) {
				otra = rune(orden.Uint16(b[i:]))
			}
			if r = utf16.DecodeRune(r, otra); r == utf8.RuneError {
				return "", defectoEn(texto.String(), texto.Len(), "El documento está en UTF-16 y tiene media pareja de un carácter")
			}
		}
		texto.WriteRune(r)
	}
	return enUTF8(texto.String()), nil
}
