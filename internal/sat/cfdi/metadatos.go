package cfdi

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Metadato is one row of a metadata package, in the SAT's own text: amounts with
// the decimals they have, dates in the local time of Mexico without a zone.
// What was no UTF-8 has been read as windows-1252 or has become U+FFFD, and Aviso says so.
type Metadato struct {
	// UUID is in lower case, whatever the SAT wrote.
	UUID, RFCEmisor, NombreEmisor, RFCReceptor, NombreReceptor, RFCPac string
	// FechaEmision, FechaCertificacionSAT and FechaCancelacion are
	// yyyy-MM-dd HH:mm:ss; see ReadFecha. The last one is empty while Estatus is 1.
	FechaEmision, FechaCertificacionSAT, FechaCancelacion string
	Monto                                                 string
	EfectoComprobante                                     string // I, E, T, N, P
	Estatus                                               string // 1 vigente, 0 cancelado
	// Third party, from the package's <ID>_tercero.txt; empty without one. More
	// than one third party of the same CFDI are in Extras.
	RFCACuentaTerceros, NombreACuentaTerceros string
	// Extras are columns that are not known here, under their name in the header,
	// and fields beyond the header as #extra-01, #extra-02…
	Extras []Field
	// Aviso, in Spanish, says what of the row had to be guessed; empty without doubt.
	Aviso string
}

// Field is a value with its name.
type Field struct{ Name, Value string }

// Cancelled tells whether the SAT has it as cancelled; anything but its two
// values is neither.
func (m *Metadato) Cancelled() bool {
	return m.Estatus == "0" || strings.EqualFold(m.Estatus, "cancelado")
}

// readText reads one text of a package.
type readText struct {
	entry    string
	rows     *rows
	row      int // rows read, blank ones and the header not counted
	align    aligner
	terceros *terceros
}

// openText reads the header. The detail is empty when the text can be read.
func openText(entry string, r io.Reader) (t *readText, detail string, err error) {
	if r, err = inUTF8(r); err != nil {
		return nil, "", err
	}
	t = &readText{entry: entry, rows: newRows(r)}
	row, err := t.rows.header()
	switch {
	case errors.Is(err, io.EOF):
		return nil, "El texto está vacío.", nil
	case errors.Is(err, errLongRow):
		return nil, "No es un texto de metadatos: no tiene encabezado.", nil
	case err != nil:
		return nil, "", err
	}
	t.align.header, detail = readHeader(row)
	t.rows.align = &t.align
	return t, detail, nil
}

// skip passes over rows that were read before.
func (t *readText) skip(n int) error {
	for range n {
		row, _, err := t.rows.next()
		if err != nil && !errors.Is(err, errLongRow) {
			return err
		}
		t.row++
		t.head(row)
	}
	return nil
}

// head reports whether a row is a header again, which goes for the rows that follow.
func (t *readText) head(row []byte) bool {
	if !looksHeader(row) {
		return false
	}
	other, detail := readHeader(row)
	if detail != "" || other.terceros() != t.align.terceros() || other.metadatos() != t.align.metadatos() {
		return false
	}
	t.align.header = other
	return true
}

// next reads the next row into m. Its detail, in Spanish, says why the row
// cannot be used. A header in the middle, of texts that were put together, is no row.
func (t *readText) next(m *Metadato) (detail string, err error) {
	for {
		row, finished, err := t.rows.next()
		switch {
		case errors.Is(err, errLongRow):
			t.row++
			return fmt.Sprintf("La fila tiene más de %d bytes o de %d renglones.", maxRow, maxLines), nil
		case err != nil:
			return "", err
		}
		t.row++
		if !t.head(row) {
			return t.read(m, row, finished), nil
		}
	}
}

func (t *readText) read(m *Metadato, row []byte, finished bool) (detail string) {
	*m = Metadato{}
	if t.align.uuid == 0 {
		inLowers(row[:min(len(row), uUIDLength)])
	}
	text, encoding := aUTF8(row)
	if t.align.uuid == 0 && !beginWithUUID(text) {
		return "La fila no empieza con un UUID: «" + show(text) + "»."
	}
	m.Aviso = t.align.align(text)
	t.fill(m)
	m.UUID = strings.ToLower(strings.Trim(m.UUID, ornaments))
	key, valid := Key(m.UUID)
	if !valid {
		*m = Metadato{}
		return "La fila no tiene un UUID en su columna " + t.align.names[t.align.uuid] + ": «" + show(text) + "»."
	}
	if !finished && !t.whole(m) {
		*m = Metadato{}
		return "La última fila está cortada: «" + show(text) + "»."
	}
	if t.rows.doubt {
		m.Aviso = gather(m.Aviso, "Un nombre lleva saltos de línea y la fila admite más de una lectura.")
	}
	m.Aviso = gather(m.Aviso, encoding)
	if t.terceros != nil {
		t.terceros.unite(key, m)
	}
	return ""
}

func beginWithUUID(text string) bool {
	field, _, has := strings.Cut(text, string(separator))
	_, valid := Key(strings.Trim(field, ornaments))
	return has && valid
}

func inLowers(b []byte) {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
}

// gather puts two notices together.
func gather(aviso, other string) string { return strings.TrimSpace(aviso + " " + other) }

func (t *readText) fill(m *Metadato) {
	a := &t.align
	for i := range a.n {
		value := a.tramo(int(a.since[i]), int(a.since[i+1]))
		if target := a.columns[i].field(m); target != nil {
			*target = value
		} else {
			m.Extras = append(m.Extras, Field{a.names[i], value})
		}
	}
	for i := int(a.since[a.n]); i < a.fields(); i++ {
		m.Extras = append(m.Extras, Field{fmt.Sprintf("#extra-%02d", i-int(a.since[a.n])+1), a.tramo(i, i+1)})
	}
}

// field is where a column's value goes; nil among the extras.
func (c column) field(m *Metadato) *string {
	switch c {
	case colUUID:
		return &m.UUID
	case colRFCEmisor:
		return &m.RFCEmisor
	case colNameEmisor:
		return &m.NombreEmisor
	case colRFCReceptor:
		return &m.RFCReceptor
	case colNameReceptor:
		return &m.NombreReceptor
	case colRFCPac:
		return &m.RFCPac
	case colFechaEmision:
		return &m.FechaEmision
	case colFechaCertification:
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
	case colNameTercero:
		return &m.NombreACuentaTerceros
	}
	return nil
}

// whole tells whether a row without its CRLF has everything up to its end. A
// cancelled one ends with a date, and one of the other kind with nothing: between
// them a cut would not show.
func (t *readText) whole(m *Metadato) bool {
	if m.Aviso != "" || t.align.n < len(t.align.columns) {
		return false
	}
	if t.align.columns[t.align.n-1] != colFechaCancelacion || t.align.fields() > int(t.align.since[t.align.n]) {
		return true
	}
	return m.FechaCancelacion != "" == m.Cancelled()
}

// detailOf is a failure of an entry, in Spanish.
func detailOf(err error) string {
	var method *zipdir.MethodError
	switch {
	case errors.As(err, &method) && method.Encrypted:
		return "El archivo está cifrado dentro del ZIP (" + method.Name() + "): no se lee."
	case errors.As(err, &method):
		return "El archivo está comprimido con un método que no se lee (" + method.Name() + ")."
	case errors.Is(err, zipdir.ErrLimit):
		return "El archivo es demasiado grande para leerlo, o lo es para lo que ocupa comprimido."
	case errors.Is(err, zipdir.ErrChecksum):
		return "El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice."
	case errors.Is(err, zipdir.ErrEntry):
		return "El archivo está dañado dentro del ZIP."
	}
	return "El archivo no se pudo leer."
}
