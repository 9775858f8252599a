package lotes

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/pasarela-mx/pasarela/internal/textfold"
	"github.com/pasarela-mx/pasarela/internal/xls"
)

// Lectura is what was read of a result.
type Lectura struct {
	Titulos []TituloResultado
	// Avisos say in Spanish what of the workbooks is no title's row, and was passed over.
	Avisos []string
}

// TituloResultado is what became of one title: the workbook's row, and what we
// make of it.
type TituloResultado struct {
	Archivo, Estatus, Descripcion, FolioControl string
	Resultado                                   string // one of the constants below
	Motivo                                      string // of a title that is not registrado; a code of Motivos
}

// What a row comes to.
const (
	Registrado   = "registrado"
	YaRegistrado = "ya_registrado"
	Rechazado    = "rechazado"
	Desconocido  = "desconocido"
)

const (
	// maxTexto bounds the text of a result: a workbook may name one long text in
	// every row. Ten thousand real rows are about one megabyte.
	maxTexto = 32 << 20
	// maxEncima is how many rows may stand above the heading.
	maxEncima = 20
)

var errLargo = errors.New("lotes: the result's text is over its bound")

// errSinEncabezado is a table of which nobody knows what its columns are.
var errSinEncabezado = errors.New("lotes: no heading")

// lee reads every sheet of every book. A row is of a title if it is below a
// heading and has something in a column that the heading names.
func lee(books []xls.Book) (Lectura, error) {
	l := lector{quedan: maxTexto}
	var sinEncabezado []string
	for _, book := range books {
		sheets, err := book.Sheets()
		var otro xls.Disguise
		switch {
		case errors.As(err, &otro):
			return Lectura{}, ilegible(err, strings.TrimSpace("el libro "+book.Name)+" no es de Excel: es "+string(otro))
		case err != nil:
			return Lectura{}, ilegible(err, "no es un libro de Excel de los que se conocen")
		}
		for _, sheet := range sheets {
			donde := strings.TrimSpace(book.Name + " «" + sheet.Name + "»")
			switch deTitulos, err := l.hoja(donde, sheet); {
			case errors.Is(err, errSinEncabezado) && !deTitulos:
				sinEncabezado = append(sinEncabezado, donde)
			case errors.Is(err, errSinEncabezado):
				return Lectura{}, ilegible(err, "la hoja "+donde+" no tiene el encabezado (ARCHIVO, ESTATUS, DESCRIPCION, FOLIO CONTROL), y no se adivina qué es cada columna")
			case err != nil:
				return Lectura{}, ilegible(err, "su texto es demasiado largo")
			}
		}
	}
	if l.hojas == 0 {
		return Lectura{}, ilegible(errSinEncabezado, "ninguna hoja tiene el encabezado (ARCHIVO, ESTATUS, DESCRIPCION, FOLIO CONTROL)")
	}
	for _, donde := range sinEncabezado {
		l.aviso("La hoja %s no es de títulos (no tiene encabezado) y no se leyó.", donde)
	}
	return l.Lectura, nil
}

type lector struct {
	Lectura
	quedan int // bytes of text
	hojas  int // that had a heading
}

func (l *lector) aviso(format string, args ...any) {
	l.Avisos = append(l.Avisos, fmt.Sprintf(format, args...))
}

// hoja reads one sheet. Of one that has rows without a heading above them it
// reports whether they look like titles' all the same.
func (l *lector) hoja(donde string, sheet xls.Sheet) (deTitulos bool, err error) {
	var t tabla
	for celdas := range sheet.Rows {
		for _, celda := range celdas {
			l.quedan -= len(celda)
		}
		if l.quedan < 0 {
			return false, errLargo
		}
		if !t.toma(celdas) {
			break
		}
	}
	if t.columnas == nil || t.deTitulos {
		return t.deTitulos || len(t.encima) > maxEncima, errSinEncabezado
	}
	l.hojas++
	l.Titulos = append(l.Titulos, t.titulos...)
	if len(t.encima) > 0 {
		l.aviso("En %s se pasaron por alto los renglones encima del encabezado (%d): «%s».", donde, len(t.encima), recorta(strings.Join(t.encima, " / ")))
	}
	if t.sueltos > 0 {
		l.aviso("En %s se pasaron por alto los renglones sin datos de un título (%d).", donde, t.sueltos)
	}
	return false, nil
}

// tabla is what was read of a sheet so far.
type tabla struct {
	columnas  map[string]int // nil above the heading
	encima    []string       // the rows above it
	deTitulos bool           // one of those looks like a title's
	titulos   []TituloResultado
	sueltos   int // rows below it with nothing in its columns
}

// toma takes a row, and reports whether to go on.
func (t *tabla) toma(celdas []string) bool {
	texto := strings.TrimSpace(strings.Join(celdas, " "))
	if texto == "" {
		return true
	}
	if columnas, ok := encabezado(celdas); ok { // again on each page, perhaps
		t.columnas = columnas
		return true
	}
	if t.columnas == nil {
		t.deTitulos = t.deTitulos || deTitulo(celdas)
		t.encima = append(t.encima, texto)
		return len(t.encima) <= maxEncima
	}
	if titulo, ok := renglon(celdas, t.columnas); ok {
		t.titulos = append(t.titulos, titulo)
	} else {
		t.sueltos++
	}
	return true
}

// deTitulo reports whether a row looks like a title's: of its cells, one is the
// name of an XML, and there are others.
func deTitulo(celdas []string) bool {
	llenas, xml := 0, false
	for _, celda := range celdas {
		if celda = strings.TrimSpace(celda); celda != "" {
			llenas++
			xml = xml || strings.HasSuffix(strings.ToLower(celda), ".xml")
		}
	}
	return xml && llenas > 1
}

// The columns of a result (sep.md §4).
const (
	columnaArchivo     = "archivo"
	columnaEstatus     = "estatus"
	columnaDescripcion = "descripcion"
	columnaFolio       = "folio"
)

// encabezado reads the row that names the columns, in any order, whatever the
// case, the accents and the blanks. Without the number, the text that tells one
// kind of 2 from another, and something that says whose they are, it is none.
func encabezado(celdas []string) (map[string]int, bool) {
	columnas := map[string]int{}
	for i, celda := range celdas {
		columna := nombra(celda)
		if columna == "" {
			continue
		}
		if _, dos := columnas[columna]; dos {
			return nil, false
		}
		columnas[columna] = i
	}
	_, estatus := columnas[columnaEstatus]
	_, descripcion := columnas[columnaDescripcion]
	_, archivo := columnas[columnaArchivo]
	_, folio := columnas[columnaFolio]
	return columnas, estatus && descripcion && (archivo || folio)
}

// nombra returns which column a heading's cell names, "" for another.
func nombra(celda string) string {
	const masLargo = 60
	if len(celda) > masLargo {
		return ""
	}
	switch strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, textfold.Fold(celda)) {
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

// renglon makes a title of a row, unless none of its columns holds anything.
func renglon(celdas []string, columnas map[string]int) (TituloResultado, bool) {
	celda := func(columna string) string {
		if i, ok := columnas[columna]; ok && i < len(celdas) {
			return celdas[i]
		}
		return ""
	}
	t := TituloResultado{Archivo: celda(columnaArchivo), Estatus: celda(columnaEstatus), Descripcion: celda(columnaDescripcion), FolioControl: celda(columnaFolio)}
	if strings.TrimSpace(t.Archivo+t.Estatus+t.Descripcion+t.FolioControl) == "" {
		return t, false
	}
	t.Resultado, t.Motivo = clasifica(t.Estatus, t.Descripcion)
	return t, true
}

// recorta shortens what an aviso quotes.
func recorta(texto string) string {
	const largo = 200
	runas := []rune(texto)
	if len(runas) <= largo {
		return texto
	}
	return string(runas[:largo]) + "…"
}
