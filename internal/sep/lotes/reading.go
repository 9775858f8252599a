package lotes

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/pasarela-mx/pasarela/internal/sep/xls"
	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// Reading is what was read of a result.
type Reading struct {
	Titulos []TituloResult
	// Avisos say in Spanish what of the workbooks is no title's row, and was passed over.
	Avisos []string
}

// TituloResult is what became of one title: the workbook's row, and what we
// make of it.
type TituloResult struct {
	File, Estatus, Description, FolioControl string
	Result                                   string // one of the constants below
	Motivo                                   string // of a title that is not registered; a code of Motivos
}

// What a row comes to.
const (
	Registrado   = "registrado"
	YaRegistrado = "ya_registrado"
	Rechazado    = "rechazado"
	Desconocido  = "desconocido"
)

const (
	// maxText bounds the text of a result: a workbook may name one long text in
	// every row. Ten thousand real rows are about one megabyte.
	maxText = 32 << 20
	// maxAbove is how many rows may stand above the heading.
	maxAbove = 20
)

var errLength = errors.New("lotes: the result's text is over its bound")

// errWithoutHeader is a table of which nobody knows what its columns are.
var errWithoutHeader = errors.New("lotes: no heading")

// read reads every sheet of every book. A row is of a title if it is below a
// heading and has something in a column that the heading names.
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
	sheets int // that had a heading
}

func (l *reader) aviso(format string, args ...any) {
	l.Avisos = append(l.Avisos, fmt.Sprintf(format, args...))
}

// sheet reads one sheet. Of one that has rows without a heading above them it
// reports whether they look like titles' all the same.
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
		l.aviso("En %s se pasaron por alto los renglones encima del encabezado (%d): «%s».", where, len(t.above), trim(strings.Join(t.above, " / ")))
	}
	if t.loose > 0 {
		l.aviso("En %s se pasaron por alto los renglones sin datos de un título (%d).", where, t.loose)
	}
	return false, nil
}

// table is what was read of a sheet so far.
type table struct {
	columns   map[string]int // nil above the heading
	above     []string       // the rows above it
	ofTitulos bool           // one of those looks like a title's
	titulos   []TituloResult
	loose     int // rows below it with nothing in its columns
}

// take takes a row, and reports whether to go on.
func (t *table) take(cells []string) bool {
	text := strings.TrimSpace(strings.Join(cells, " "))
	if text == "" {
		return true
	}
	if columns, ok := header(cells); ok { // again on each page, perhaps
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

// ofTitulo reports whether a row looks like a title's: of its cells, one is the
// name of an XML, and there are others.
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

// header reads the row that names the columns, in any order, whatever the
// case, the accents and the blanks. Without the number, the text that tells one
// kind of 2 from another, and something that says whose they are, it is none.
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

// inferName returns which column a heading's cell names, "" for another.
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

// line makes a title of a row, unless none of its columns holds anything.
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

// trim shortens what an aviso quotes.
func trim(text string) string {
	const length = 200
	runas := []rune(text)
	if len(runas) <= length {
		return text
	}
	return string(runas[:length]) + "…"
}
