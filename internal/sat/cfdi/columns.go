package cfdi

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is what a column of a text holds.
type column uint8

const (
	colOther column = iota // not known here: kept under its own name
	colUUID
	colRFCEmisor
	colNameEmisor
	colRFCReceptor
	colNameReceptor
	colRFCPac
	colFechaEmision
	colFechaCertification
	colMonto
	colEfecto
	colEstatus
	colFechaCancelacion
	colRFCTercero
	colNameTercero
	colNameOther // not known either, but a name by its own
)

const (
	separator = '~'
	// ornaments may stand around a UUID or the name of a column, of which they are no part.
	ornaments    = " \t\"{}"
	maxOrnaments = 8
	// maxStartHeader is within what a header's first two columns are.
	maxStartHeader = 64
	maxColumns     = 64
	utf8Mark       = "\uFEFF"
)

func columnOf(name string) column {
	switch n := strings.ToLower(name); n {
	case "uuid":
		return colUUID
	case "rfcemisor":
		return colRFCEmisor
	case "nombreemisor":
		return colNameEmisor
	case "rfcreceptor":
		return colRFCReceptor
	case "nombrereceptor":
		return colNameReceptor
	case "rfcpac", "paccertifico": // the second since 2026
		return colRFCPac
	case "fechaemision":
		return colFechaEmision
	case "fechacertificacionsat":
		return colFechaCertification
	case "monto":
		return colMonto
	case "efectocomprobante":
		return colEfecto
	case "estatus":
		return colEstatus
	case "fechacancelacion":
		return colFechaCancelacion
	case "rfcacuentaterceros":
		return colRFCTercero
	case "nombreacuentaterceros":
		return colNameTercero
	default:
		if strings.HasPrefix(n, "nombre") {
			return colNameOther
		}
		return colOther
	}
}

// header is the first row of a text.
type header struct {
	columns []column
	names   []string
	uuid    int    // which column has the UUID
	raw     string // as written
}

// readHeader reads the first row; the detail, in Spanish, is empty when it can be used.
func readHeader(row []byte) (e header, detail string) {
	text := strings.ToValidUTF8(string(row), "�")
	e.raw = text
	if strings.Count(text, string(separator)) >= maxColumns {
		return e, "El encabezado tiene demasiadas columnas."
	}
	views := map[column]bool{}
	for name := range strings.SplitSeq(text, string(separator)) {
		name = strings.Trim(name, ornaments)
		c := columnOf(name)
		if c != colOther && c != colNameOther {
			if views[c] {
				c = colOther // the first is the one
			}
			views[c] = true
		}
		e.columns, e.names = append(e.columns, c), append(e.names, name)
	}
	e.uuid = slices.Index(e.columns, colUUID)
	if e.uuid < 0 || len(e.columns) < 2 {
		return e, "No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «" + show(text) + "»."
	}
	return e, ""
}

// looksHeader reports whether a row begins with the names of two columns.
func looksHeader(row []byte) bool {
	first, rest, has := bytes.Cut(row, []byte{separator})
	if !has || len(first) >= uUIDLength || !known(first) {
		return false
	}
	second, _, _ := bytes.Cut(rest, []byte{separator})
	return known(second)
}

func known(name []byte) bool {
	c := columnOf(string(bytes.Trim(name, ornaments)))
	return c != colOther && c != colNameOther
}

func (e header) has(c column) bool {
	for _, other := range e.columns {
		if other == c {
			return true
		}
	}
	return false
}

// terceros tells the text that is joined to the metadata.
func (e header) terceros() bool { return e.has(colRFCTercero) && !e.has(colRFCEmisor) }

func (e header) metadatos() bool { return e.has(colRFCEmisor) }

// free tells the columns whose text may hold the separator.
func (c column) free() bool {
	return c == colNameEmisor || c == colNameReceptor || c == colNameTercero || c == colNameOther
}

// admit tells whether a value has the shape of its column: what the SAT writes
// when strict, what still could be one when not.
func (c column) admit(value string, strict bool) bool {
	switch c {
	case colUUID:
		_, ok := Key(strings.Trim(value, ornaments))
		return ok
	case colRFCEmisor:
		return isRFC(value)
	case colRFCReceptor, colRFCPac:
		return isRFC(value) || !strict && value == ""
	case colRFCTercero:
		return value == "" || isRFC(value)
	case colFechaEmision:
		return isFecha(value)
	case colFechaCertification:
		return isFecha(value) || !strict && value == ""
	case colFechaCancelacion:
		return value == "" || isFecha(value)
	case colMonto:
		return isMonto(value)
	case colEfecto:
		return len(value) == 1 && isLetter(value[0]) || !strict && isWord(value)
	case colEstatus:
		return value == "0" || value == "1" || !strict && isWord(value)
	}
	return true
}

// isRFC is the shape of an RFC, not its check digit: three or four letters, a
// date, three more. Bytes over ASCII count as letters, so that a spoilt Ñ passes.
func isRFC(s string) bool {
	const queue, maxStart = 9, 8
	n := len(s) - queue
	if n < 3 || n > maxStart {
		return false
	}
	for i := range n {
		if c := s[i]; !isLetter(c) && c != '&' && c < utf8.RuneSelf {
			return false
		}
	}
	for i := n; i < n+6; i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	for i := n + 6; i < len(s); i++ {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// isFecha is yyyy-MM-dd HH:mm:ss, with a T and with fractions too.
func isFecha(s string) bool {
	const form, maxFecha = "dddd-dd-dd?dd:dd:dd", 33
	if len(s) < len(form) || len(s) > maxFecha {
		return false
	}
	for i := range len(form) {
		switch f, c := form[i], s[i]; {
		case f == 'd' && !isDigit(c), f == '?' && c != ' ' && c != 'T', (f == '-' || f == ':') && c != f:
			return false
		}
	}
	return true
}

func isMonto(s string) bool {
	const maxMonto = 40
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits++
		case c != '.' && c != ',' && c != '-' && c != '+' && c != '$' && c != ' ' && c != 'E' && c != 'e':
			return false
		}
	}
	return digits > 0 && len(s) <= maxMonto
}

func isWord(s string) bool {
	const maxWord = 12
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c < utf8.RuneSelf {
			return false
		}
	}
	return len(s) <= maxWord
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
