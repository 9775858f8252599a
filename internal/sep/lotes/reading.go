package lotes

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/xls"
	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// Reading is what was read of a result.
type Reading struct {
	Titulos []TituloResult
	// Avisos describe in Spanish the parts of the workbooks that are not rows of titles
	// and were skipped.
	Avisos []string
}

// TituloResult is the result of one title: the workbook's row and its meaning.
type TituloResult struct {
	File, Estatus, Description, FolioControl string
	Result                                   string // one of the constants below
	Motivo                                   string // if not registered; a code of Motivos
}

// The meanings of a row.
const (
	Registrado   = "registrado"
	YaRegistrado = "ya_registrado"
	Rechazado    = "rechazado"
	Desconocido  = "desconocido"
)

const (
	// maxText bounds the text of a result: a workbook may use one long text in every row.
	// Ten thousand real rows have about one megabyte.
	maxText = 32 << 20
	// maxAbove bounds the rows above the heading.
	maxAbove = 20
)

var errLength = errors.New("lotes: the result's text is over its bound")

// errWithoutHeader is a table whose columns are unknown.
var errWithoutHeader = errors.New("lotes: no heading")

// read reads every sheet of every book. A row is a title's if it is below a heading and
// has something in a column that the heading names.
func read(books []xls.Book) (Reading, error) {
	l := reader{remain: maxText}
	var withoutHeader []string
	for _, book := range books {
		sheets, err := book.Sheets()
		var other xls.Disguise
		switch {
		case errors.As(err, &other):
			return Reading{}, unreadable(err, strings.TrimSpace("el libro "+book.Name)+" no es de Excel: es "+string(other))
		case err != nil:
			return Reading{}, unreadable(err, "no es un libro de Excel de los que se conocen")
		}
		for _, sheet := range sheets {
			where := strings.TrimSpace(book.Name + " «" + sheet.Name + "»")
			switch ofTitulos, err := l.sheet(where, sheet); {
			case errors.Is(err, errWithoutHeader) && !ofTitulos:
				withoutHeader = append(withoutHeader, where)
			case errors.Is(err, errWithoutHeader):
				return Reading{}, unreadable(err, "la hoja "+where+" no tiene el encabezado (ARCHIVO, ESTATUS, DESCRIPCION, FOLIO CONTROL), y no se adivina qué es cada columna")
			case err != nil:
				return Reading{}, unreadable(err, "su texto es demasiado largo")
			}
		}
	}
	if l.sheets == 0 {
		return Reading{}, unreadable(errWithoutHeader, "ninguna hoja tiene el encabezado (ARCHIVO, ESTATUS, DESCRIPCION, FOLIO CONTROL)")
	}
	for _, where := range withoutHeader {
		l.aviso("La hoja %s no es de títulos (no tiene encabezado) y no se leyó.", where)
	}
	return l.Reading, nil
}

type reader struct {
	Reading
	remain int // bytes of text
	sheets int // with a heading
}

func (l *reader) aviso(format string, args ...any) {
	l.Avisos = append(l.Avisos, fmt.Sprintf(format, args...))
}

// sheet reads one sheet. If it has no heading, it reports whether its rows look like
// titles'.
func (l *reader) sheet(where string, sheet xls.Sheet) (ofTitulos bool, err error) {
	var t table
	for cells := range sheet.Rows {
		for _, cell := range cells {
			l.remain -= len(cell)
		}
		if l.remain < 0 {
			return false, errLength
		}
		if !t.take(cells) {
			break
		}
	}
	if t.columns == nil || t.ofTitulos {
		return t.ofTitulos || len(t.above) > maxAbove, errWithoutHeader
	}
	l.sheets++
	l.Titulos = append(l.Titulos, t.titulos...)
	if len(t.above) > 0 {
		l.aviso("En %s se pasaron por alto los renglones encima del encabezado (%d): «%s».", where, len(t.above), gateway.Clip(strings.Join(t.above, " / "), 200))
	}
	if t.loose > 0 {
		l.aviso("En %s se pasaron por alto los renglones sin datos de un título (%d).", where, t.loose)
	}
	return false, nil
}

// table is the state of reading a sheet.
type table struct {
	columns   map[string]int // nil above the heading
	above     []string       // the rows above it
	ofTitulos bool           // one of those looks like a title's
	titulos   []TituloResult
	loose     int // rows below it with nothing in its columns
}

// take reads a row, and reports whether to continue.
func (t *table) take(cells []string) bool {
	text := strings.TrimSpace(strings.Join(cells, " "))
	if text == "" {
		return true
	}
	if columns, ok := header(cells); ok { // a heading may be repeated on each page
		t.columns = columns
		return true
	}
	if t.columns == nil {
		t.ofTitulos = t.ofTitulos || ofTitulo(cells)
		t.above = append(t.above, text)
		return len(t.above) <= maxAbove
	}
	if titulo, ok := line(cells, t.columns); ok {
		t.titulos = append(t.titulos, titulo)
	} else {
		t.loose++
	}
	return true
}

// ofTitulo reports whether a row looks like a title's: one of its cells is the name of an
// XML, and there are others.
func ofTitulo(cells []string) bool {
	full, xml := 0, false
	for _, cell := range cells {
		if cell = strings.TrimSpace(cell); cell != "" {
			full++
			xml = xml || strings.HasSuffix(strings.ToLower(cell), ".xml")
		}
	}
	return xml && full > 1
}

// The columns of a result (sep.md §4).
const (
	columnaArchivo     = "archivo"
	columnaEstatus     = "estatus"
	columnaDescripcion = "descripcion"
	columnaFolio       = "folio"
)

// header reads the row that names the columns, in any order, ignoring case, accents and
// spaces. A heading needs the number, the text that distinguishes the kinds of 2, and a
// column that identifies the title.
func header(cells []string) (map[string]int, bool) {
	columns := map[string]int{}
	for i, cell := range cells {
		column := inferName(cell)
		if column == "" {
			continue
		}
		if _, two := columns[column]; two {
			return nil, false
		}
		columns[column] = i
	}
	_, estatus := columns[columnaEstatus]
	_, description := columns[columnaDescripcion]
	_, file := columns[columnaArchivo]
	_, folio := columns[columnaFolio]
	return columns, estatus && description && (file || folio)
}

// inferName returns the column that a heading's cell names; "" for an unknown one.
func inferName(cell string) string {
	const longest = 60
	if len(cell) > longest {
		return ""
	}
	switch strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, textfold.Fold(cell)) {
	case "archivo", "nombrearchivo", "nombredearchivo", "nombredelarchivo":
		return columnaArchivo
	case "estatus", "status", "estatustitulo", "estatusdeltitulo":
		return columnaEstatus
	case "descripcion", "descripciones":
		return columnaDescripcion
	case "foliocontrol", "foliodecontrol", "folio":
		return columnaFolio
	}
	return ""
}

// line returns the title of a row, unless none of its columns has a value.
func line(cells []string, columns map[string]int) (TituloResult, bool) {
	cell := func(column string) string {
		if i, ok := columns[column]; ok && i < len(cells) {
			return cells[i]
		}
		return ""
	}
	t := TituloResult{File: cell(columnaArchivo), Estatus: cell(columnaEstatus), Description: cell(columnaDescripcion), FolioControl: cell(columnaFolio)}
	if strings.TrimSpace(t.File+t.Estatus+t.Description+t.FolioControl) == "" {
		return t, false
	}
	t.Result, t.Motivo = classify(t.Estatus, t.Description)
	return t, true
}
