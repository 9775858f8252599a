package cfdi

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// columna is what a column of a text holds.
type columna uint8

const (
	colOtra columna = iota // not known here: kept under its own name
	colUUID
	colRFCEmisor
	colNombreEmisor
	colRFCReceptor
	colNombreReceptor
	colRFCPac
	colFechaEmision
	colFechaCertificacion
	colMonto
	colEfecto
	colEstatus
	colFechaCancelacion
	colRFCTercero
	colNombreTercero
	colNombreOtro // not known either, but a name by its own
)

const (
	separador = '~'
	// adornos may stand around a UUID or the name of a column, of which they are no part.
	adornos    = " \t\"{}"
	maxAdornos = 8
	// maxInicioEncabezado is within what a header's first two columns are.
	maxInicioEncabezado = 64
	maxColumnas         = 64
	marcaUTF8           = "\uFEFF"
)

func columnaDe(nombre string) columna {
	switch n := strings.ToLower(nombre); n {
	case "uuid":
		return colUUID
	case "rfcemisor":
		return colRFCEmisor
	case "nombreemisor":
		return colNombreEmisor
	case "rfcreceptor":
		return colRFCReceptor
	case "nombrereceptor":
		return colNombreReceptor
	case "rfcpac", "paccertifico": // the second since 2026
		return colRFCPac
	case "fechaemision":
		return colFechaEmision
	case "fechacertificacionsat":
		return colFechaCertificacion
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
		return colNombreTercero
	default:
		if strings.HasPrefix(n, "nombre") {
			return colNombreOtro
		}
		return colOtra
	}
}

// encabezado is the first row of a text.
type encabezado struct {
	columnas []columna
	nombres  []string
	uuid     int    // which column has the UUID
	crudo    string // as written
}

// leeEncabezado reads the first row; the detail, in Spanish, is empty when it can be used.
func leeEncabezado(fila []byte) (e encabezado, detalle string) {
	texto := strings.ToValidUTF8(string(fila), "�")
	e.crudo = texto
	if strings.Count(texto, string(separador)) >= maxColumnas {
		return e, "El encabezado tiene demasiadas columnas."
	}
	vistas := map[columna]bool{}
	for nombre := range strings.SplitSeq(texto, string(separador)) {
		nombre = strings.Trim(nombre, adornos)
		c := columnaDe(nombre)
		if c != colOtra && c != colNombreOtro {
			if vistas[c] {
				c = colOtra // the first is the one
			}
			vistas[c] = true
		}
		e.columnas, e.nombres = append(e.columnas, c), append(e.nombres, nombre)
	}
	e.uuid = slices.Index(e.columnas, colUUID)
	if e.uuid < 0 || len(e.columnas) < 2 {
		return e, "No es un texto de metadatos: el encabezado no tiene una columna Uuid entre otras, sino «" + muestra(texto) + "»."
	}
	return e, ""
}

// pareceEncabezado reports whether a row begins with the names of two columns.
func pareceEncabezado(fila []byte) bool {
	primero, resto, hay := bytes.Cut(fila, []byte{separador})
	if !hay || len(primero) >= largoUUID || !conocida(primero) {
		return false
	}
	segundo, _, _ := bytes.Cut(resto, []byte{separador})
	return conocida(segundo)
}

func conocida(nombre []byte) bool {
	c := columnaDe(string(bytes.Trim(nombre, adornos)))
	return c != colOtra && c != colNombreOtro
}

func (e encabezado) tiene(c columna) bool {
	for _, otra := range e.columnas {
		if otra == c {
			return true
		}
	}
	return false
}

// terceros tells the text that is joined to the metadata.
func (e encabezado) terceros() bool { return e.tiene(colRFCTercero) && !e.tiene(colRFCEmisor) }

func (e encabezado) metadatos() bool { return e.tiene(colRFCEmisor) }

// libre tells the columns whose text may hold the separator.
func (c columna) libre() bool {
	return c == colNombreEmisor || c == colNombreReceptor || c == colNombreTercero || c == colNombreOtro
}

// admite tells whether a value has the shape of its column: what the SAT writes
// when strict, what still could be one when not.
func (c columna) admite(valor string, estricto bool) bool {
	switch c {
	case colUUID:
		_, ok := Clave(strings.Trim(valor, adornos))
		return ok
	case colRFCEmisor:
		return esRFC(valor)
	case colRFCReceptor, colRFCPac:
		return esRFC(valor) || !estricto && valor == ""
	case colRFCTercero:
		return valor == "" || esRFC(valor)
	case colFechaEmision:
		return esFecha(valor)
	case colFechaCertificacion:
		return esFecha(valor) || !estricto && valor == ""
	case colFechaCancelacion:
		return valor == "" || esFecha(valor)
	case colMonto:
		return esMonto(valor)
	case colEfecto:
		return len(valor) == 1 && esLetra(valor[0]) || !estricto && esPalabra(valor)
	case colEstatus:
		return valor == "0" || valor == "1" || !estricto && esPalabra(valor)
	}
	return true
}

// esRFC is the shape of an RFC, not its check digit: three or four letters, a
// date, three more. Bytes over ASCII count as letters, so that a spoilt Ñ passes.
func esRFC(s string) bool {
	const cola, maxInicio = 9, 8
	n := len(s) - cola
	if n < 3 || n > maxInicio {
		return false
	}
	for i := range n {
		if c := s[i]; !esLetra(c) && c != '&' && c < utf8.RuneSelf {
			return false
		}
	}
	for i := n; i < n+6; i++ {
		if !esDigito(s[i]) {
			return false
		}
	}
	for i := n + 6; i < len(s); i++ {
		if !esLetra(s[i]) && !esDigito(s[i]) {
			return false
		}
	}
	return true
}

// esFecha is yyyy-MM-dd HH:mm:ss, with a T and with fractions too.
func esFecha(s string) bool {
	const forma, maxFecha = "dddd-dd-dd?dd:dd:dd", 33
	if len(s) < len(forma) || len(s) > maxFecha {
		return false
	}
	for i := range len(forma) {
		switch f, c := forma[i], s[i]; {
		case f == 'd' && !esDigito(c), f == '?' && c != ' ' && c != 'T', (f == '-' || f == ':') && c != f:
			return false
		}
	}
	return true
}

func esMonto(s string) bool {
	const maxMonto = 40
	digitos := 0
	for i := range len(s) {
		switch c := s[i]; {
		case esDigito(c):
			digitos++
		case c != '.' && c != ',' && c != '-' && c != '+' && c != '$' && c != ' ' && c != 'E' && c != 'e':
			return false
		}
	}
	return digitos > 0 && len(s) <= maxMonto
}

func esPalabra(s string) bool {
	const maxPalabra = 12
	for i := range len(s) {
		if c := s[i]; !esLetra(c) && c < utf8.RuneSelf {
			return false
		}
	}
	return len(s) <= maxPalabra
}

func esLetra(c byte) bool  { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func esDigito(c byte) bool { return c >= '0' && c <= '9' }
