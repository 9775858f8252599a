package cfdi

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Metadato is one row of a metadata package, in the SAT's own text: amounts with
// the decimals they have, dates in the local time of Mexico without a zone.
// What was no UTF-8 has been read as windows-1252 or has become U+FFFD, and Aviso says so.
type Metadato struct {
	// UUID is in lower case, whatever the SAT wrote.
	UUID, RFCEmisor, NombreEmisor, RFCReceptor, NombreReceptor, RFCPac string
	// FechaEmision, FechaCertificacionSAT and FechaCancelacion are
	// yyyy-MM-dd HH:mm:ss; see LeeFecha. The last one is empty while Estatus is 1.
	FechaEmision, FechaCertificacionSAT, FechaCancelacion string
	Monto                                                 string
	EfectoComprobante                                     string // I, E, T, N, P
	Estatus                                               string // 1 vigente, 0 cancelado
	// Third party, from the package's <ID>_tercero.txt; empty without one. More
	// than one third party of the same CFDI are in Extras.
	RFCACuentaTerceros, NombreACuentaTerceros string
	// Extras are columns that are not known here, under their name in the header,
	// and fields beyond the header as #extra-01, #extra-02…
	Extras []Campo
	// Aviso, in Spanish, says what of the row had to be guessed; empty without doubt.
	Aviso string
}

// Campo is a value with its name.
type Campo struct{ Nombre, Valor string }

// Cancelado tells whether the SAT has it as cancelled; anything but its two
// values is neither.
func (m *Metadato) Cancelado() bool {
	return m.Estatus == "0" || strings.EqualFold(m.Estatus, "cancelado")
}

// LeeFecha parses a date of the SAT in the zone that it is meant in: Mexico's,
// which the text does not say.
func LeeFecha(texto string, zona *time.Location) (time.Time, error) {
	if len(texto) > len(time.DateTime) && texto[len(time.DateOnly)] == 'T' && !strings.ContainsAny(texto[len(time.DateTime):], "Z+-") {
		return time.ParseInLocation("2006-01-02T15:04:05", texto, zona)
	}
	if len(texto) == len(time.DateTime) {
		texto = texto[:len(time.DateOnly)] + " " + texto[len(time.DateOnly)+1:]
		return time.ParseInLocation(time.DateTime, texto, zona)
	}
	return time.Parse(time.RFC3339, texto)
}

// textoLeido reads one text of a package.
type textoLeido struct {
	entrada  string
	filas    *filas
	fila     int // rows read, blank ones and the header not counted
	alinea   alineador
	terceros *terceros
}

// abreTexto reads the header. The detail is empty when the text can be read.
func abreTexto(entrada string, r io.Reader) (t *textoLeido, detalle string, err error) {
	if r, err = enUTF8(r); err != nil {
		return nil, "", err
	}
	t = &textoLeido{entrada: entrada, filas: nuevasFilas(r)}
	fila, err := t.filas.encabezado()
	switch {
	case errors.Is(err, io.EOF):
		return nil, "El texto está vacío.", nil
	case errors.Is(err, errFilaLarga):
		return nil, "No es un texto de metadatos: no tiene encabezado.", nil
	case err != nil:
		return nil, "", err
	}
	t.alinea.encabezado, detalle = leeEncabezado(fila)
	t.filas.alinea = &t.alinea
	return t, detalle, nil
}

// salta passes over rows that were read before.
func (t *textoLeido) salta(n int) error {
	for range n {
		fila, _, err := t.filas.siguiente()
		if err != nil && !errors.Is(err, errFilaLarga) {
			return err
		}
		t.fila++
		t.encabeza(fila)
	}
	return nil
}

// encabeza reports whether a row is a header again, which goes for the rows that follow.
func (t *textoLeido) encabeza(fila []byte) bool {
	if !pareceEncabezado(fila) {
		return false
	}
	otro, detalle := leeEncabezado(fila)
	if detalle != "" || otro.terceros() != t.alinea.terceros() || otro.metadatos() != t.alinea.metadatos() {
		return false
	}
	t.alinea.encabezado = otro
	return true
}

// siguiente reads the next row into m. Its detail, in Spanish, says why the row
// cannot be used. A header in the middle, of texts that were put together, is no row.
func (t *textoLeido) siguiente(m *Metadato) (detalle string, err error) {
	for {
		fila, terminada, err := t.filas.siguiente()
		switch {
		case errors.Is(err, errFilaLarga):
			t.fila++
			return fmt.Sprintf("La fila tiene más de %d bytes o de %d renglones.", maxFila, maxRenglones), nil
		case err != nil:
			return "", err
		}
		t.fila++
		if !t.encabeza(fila) {
			return t.lee(m, fila, terminada), nil
		}
	}
}

func (t *textoLeido) lee(m *Metadato, fila []byte, terminada bool) (detalle string) {
	*m = Metadato{}
	if t.alinea.uuid == 0 {
		enMinusculas(fila[:min(len(fila), largoUUID)])
	}
	texto, codificacion := aUTF8(fila)
	if t.alinea.uuid == 0 && !empiezaConUUID(texto) {
		return "La fila no empieza con un UUID: «" + muestra(texto) + "»."
	}
	m.Aviso = t.alinea.alinea(texto)
	t.llena(m)
	m.UUID = strings.ToLower(strings.Trim(m.UUID, adornos))
	clave, valida := Clave(m.UUID)
	if !valida {
		*m = Metadato{}
		return "La fila no tiene un UUID en su columna " + t.alinea.nombres[t.alinea.uuid] + ": «" + muestra(texto) + "»."
	}
	if !terminada && !t.entera(m) {
		*m = Metadato{}
		return "La última fila está cortada: «" + muestra(texto) + "»."
	}
	if t.filas.duda {
		m.Aviso = junta(m.Aviso, "Un nombre lleva saltos de línea y la fila admite más de una lectura.")
	}
	m.Aviso = junta(m.Aviso, codificacion)
	if t.terceros != nil {
		t.terceros.une(clave, m)
	}
	return ""
}

func empiezaConUUID(texto string) bool {
	campo, _, hay := strings.Cut(texto, string(separador))
	_, valida := Clave(strings.Trim(campo, adornos))
	return hay && valida
}

func enMinusculas(b []byte) {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
}

// junta puts two notices together.
func junta(aviso, otro string) string { return strings.TrimSpace(aviso + " " + otro) }

func (t *textoLeido) llena(m *Metadato) {
	a := &t.alinea
	for i := range a.n {
		valor := a.tramo(int(a.desde[i]), int(a.desde[i+1]))
		if destino := a.columnas[i].campo(m); destino != nil {
			*destino = valor
		} else {
			m.Extras = append(m.Extras, Campo{a.nombres[i], valor})
		}
	}
	for i := int(a.desde[a.n]); i < a.campos(); i++ {
		m.Extras = append(m.Extras, Campo{fmt.Sprintf("#extra-%02d", i-int(a.desde[a.n])+1), a.tramo(i, i+1)})
	}
}

// campo is where a column's value goes; nil among the extras.
func (c columna) campo(m *Metadato) *string {
	switch c {
	case colUUID:
		return &m.UUID
	case colRFCEmisor:
		return &m.RFCEmisor
	case colNombreEmisor:
		return &m.NombreEmisor
	case colRFCReceptor:
		return &m.RFCReceptor
	case colNombreReceptor:
		return &m.NombreReceptor
	case colRFCPac:
		return &m.RFCPac
	case colFechaEmision:
		return &m.FechaEmision
	case colFechaCertificacion:
		return &m.FechaCertificacionSAT
	case colMonto:
		return &m.Monto
	case colEfecto:
		return &m.EfectoComprobante
	case colEstatus:
		return &m.Estatus
	case colFechaCancelacion:
		return &m.FechaCancelacion
	case colRFCTercero:
		return &m.RFCACuentaTerceros
	case colNombreTercero:
		return &m.NombreACuentaTerceros
	}
	return nil
}

// entera tells whether a row without its CRLF has everything up to its end. A
// cancelled one ends with a date, and one of the other kind with nothing: between
// them a cut would not show.
func (t *textoLeido) entera(m *Metadato) bool {
	if m.Aviso != "" || t.alinea.n < len(t.alinea.columnas) {
		return false
	}
	if t.alinea.columnas[t.alinea.n-1] != colFechaCancelacion || t.alinea.campos() > int(t.alinea.desde[t.alinea.n]) {
		return true
	}
	return m.FechaCancelacion != "" == m.Cancelado()
}

// detalleDe is a failure of an entry, in Spanish.
func detalleDe(err error) string {
	var metodo *zipdir.MethodError
	switch {
	case errors.As(err, &metodo) && metodo.Encrypted:
		return "El archivo está cifrado dentro del ZIP (" + metodo.Name() + "): no se lee."
	case errors.As(err, &metodo):
		return "El archivo está comprimido con un método que no se lee (" + metodo.Name() + ")."
	case errors.Is(err, zipdir.ErrLimit):
		return "El archivo es demasiado grande para leerlo, o lo es para lo que ocupa comprimido."
	case errors.Is(err, zipdir.ErrChecksum):
		return "El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice."
	case errors.Is(err, zipdir.ErrEntry):
		return "El archivo está dañado dentro del ZIP."
	}
	return "El archivo no se pudo leer."
}
