package lotes

import (
	"archive/zip"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/xls"
)

// sheetOf makes a sheet of rows whose cells are separated by bars.
func sheetOf(name string, rows ...string) xls.Sheet {
	var all [][]string
	for _, f := range rows {
		all = append(all, strings.Split(f, "|"))
	}
	return xls.Sheet{Name: name, Rows: slices.Values(all)}
}

func TestSheet_ByItsHeading(t *testing.T) {
	t.Parallel()
	a := TituloResult{"a.xml", "1", "bien", "0001", Registrado, ""}
	b := TituloResult{"b.xml", "2", "Folio de control previamente registrado: 0002", "0002", YaRegistrado, "folio_ya_registrado"}
	const rowA, rowB = "a.xml|1|bien|0001", "b.xml|2|Folio de control previamente registrado: 0002|0002"
	const names = "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL"
	for name, tc := range map[string]struct {
		rows   []string
		want   []TituloResult
		avisos int
	}{
		"as the SEP":                    {[]string{names, rowA, rowB}, []TituloResult{a, b}, 0},
		"nobody in it":                  {[]string{names}, nil, 0},
		"other case, accents, blanks":   {[]string{" Archivo | estatus|Descripción |Folio  de Control", rowA}, []TituloResult{a}, 0},
		"hard blanks and line ends":     {[]string{"Archivo\u00a0| ESTATUS\n|DESCRIPCIO\u0301N|FOLIO\r\nCONTROL\u200b", rowA}, []TituloResult{a}, 0},
		"columns between":               {[]string{"ARCHIVO|FECHA|ESTATUS||DESCRIPCION|USUARIO|FOLIO CONTROL", "a.xml|2026-01-01|1||bien|x|0001"}, []TituloResult{a}, 0},
		"a title over all columns":      {[]string{"RESULTADO DE LA CARGA|||", names, rowA, names, rowB}, []TituloResult{a, b}, 1},
		"with underscores":              {[]string{"nombre_archivo|STATUS|descripcion:|FOLIO_CONTROL", rowA}, []TituloResult{a}, 0},
		"in another order":              {[]string{"FOLIO CONTROL|DESCRIPCION|ESTATUS|ARCHIVO", "0001|bien|1|a.xml"}, []TituloResult{a}, 0},
		"a column in front":             {[]string{"NO.|" + names, "1|" + rowA, "2|" + rowB}, []TituloResult{a, b}, 0},
		"a column between and behind":   {[]string{"ARCHIVO|FECHA|ESTATUS|DESCRIPCION|FOLIO CONTROL|CURP", "a.xml|2026|1|bien|0001|X"}, []TituloResult{a}, 0},
		"a row above":                   {[]string{"SEP||", names, rowA}, []TituloResult{a}, 1},
		"nineteen rows above":           {append(slices.Repeat([]string{"x"}, 19), names, rowA), []TituloResult{a}, 1},
		"blank rows":                    {[]string{"|||", names, "", rowA, "|\u00a0||", rowB, "|||"}, []TituloResult{a, b}, 0},
		"the heading on each page":      {[]string{names, rowA, names, rowB}, []TituloResult{a, b}, 0},
		"a row beside the columns":      {[]string{"NO.|" + names, "1|" + rowA, "Total||||"}, []TituloResult{a}, 1},
		"no column of the file":         {[]string{"ESTATUS|DESCRIPCION|FOLIO CONTROL", "1|bien|0001"}, []TituloResult{{"", "1", "bien", "0001", Registrado, ""}}, 0},
		"no column of the folio":        {[]string{"ARCHIVO|ESTATUS|DESCRIPCION", "a.xml|1|bien"}, []TituloResult{{"a.xml", "1", "bien", "", Registrado, ""}}, 0},
		"a number with its decimal":     {[]string{names, "a.xml|1.0|bien|0001"}, []TituloResult{{"a.xml", "1.0", "bien", "0001", Registrado, ""}}, 0},
		"short rows":                    {[]string{names, "a.xml"}, []TituloResult{{"a.xml", "", "", "", Desconocido, MotivoOtro}}, 0},
		"a row of a folio and no more":  {[]string{names, "|||0001"}, []TituloResult{{"", "", "", "0001", Desconocido, MotivoOtro}}, 0},
		"a text that names the columns": {[]string{names, "a.xml|2|ARCHIVO ESTATUS DESCRIPCION FOLIO|0001"}, []TituloResult{{"a.xml", "2", "ARCHIVO ESTATUS DESCRIPCION FOLIO", "0001", Rechazado, MotivoOtro}}, 0},
	} {
		l := reader{remain: maxText}
		_, err := l.sheet("libro", sheetOf("Resultado", tc.rows...))
		if d := cmp.Diff(tc.want, l.Titulos); err != nil || d != "" || len(l.Avisos) != tc.avisos {
			t.Errorf("%s: %v, avisos %q\n%s", name, err, l.Avisos, d)
		}
	}
}

// A table whose columns nobody names is not guessed at, and no title of it is
// passed over in silence.
func TestSheet_WithoutAHeading(t *testing.T) {
	t.Parallel()
	const row = "a.xml|1|bien|0001"
	for name, tc := range map[string]struct {
		rows      []string
		ofTitulos bool
	}{
		"rows alone":                {[]string{row, row}, true},
		"a title above the heading": {[]string{row, "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL", row}, true},
		"a name twice":              {[]string{"ARCHIVO|ARCHIVO|ESTATUS|DESCRIPCION", row}, true},
		"no number":                 {[]string{"ARCHIVO|DESCRIPCION|FOLIO CONTROL", row}, true},
		"no description":            {[]string{"ARCHIVO|ESTATUS|FOLIO CONTROL", "a.xml|1|0001"}, true},
		"only the number":           {[]string{"ESTATUS|DESCRIPCION", "1|bien"}, false},
		"a heading too far below":   {append(slices.Repeat([]string{"x"}, maxAbove+1), "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL"), true},
		"a cover":                   {[]string{"RESULTADO DE LA CARGA", "Lote|77", "Archivo cargado: a.xml"}, false},
	} {
		l := reader{remain: maxText}
		ofTitulos, err := l.sheet("libro", sheetOf("Resultado", tc.rows...))
		if !errors.Is(err, errWithoutHeader) || ofTitulos != tc.ofTitulos {
			t.Errorf("%s: %v, %v", name, ofTitulos, err)
		}
	}
}

func TestSheet_WhenItsTextIsEndless(t *testing.T) {
	t.Parallel()
	l := reader{remain: 10}
	if _, err := l.sheet("libro", sheetOf("Resultado", "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL")); !errors.Is(err, errLength) {
		t.Errorf("%v", err)
	}
}

func TestRead_WhenNothingCanBeRead(t *testing.T) {
	t.Parallel()
	_, err := read([]xls.Book{{Name: "a.xlsx", Kind: xls.XLSX}})
	e := gateway.AsError(err)
	if e.Kind != gateway.KindRespuestaInvalida || e.Retryable || !strings.Contains(e.Detail, "resultado.zip") {
		t.Errorf("%+v", e)
	}
}

func TestRead_WhenABookIsAPageItSaysSo(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	w, err := z.Create("ResultadoCargaTitulos1.xls")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("<html><table>")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	books, err := xls.Books(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = read(books)
	if e := gateway.AsError(err); e.Retryable || !strings.Contains(e.Detail, "ResultadoCargaTitulos1.xls no es de Excel: es una página HTML") || !strings.Contains(e.Detail, "resultado.zip") {
		t.Errorf("%+v", err)
	}
}
