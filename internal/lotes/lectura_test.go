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
	"github.com/pasarela-mx/pasarela/internal/xls"
)

// hojaDe makes a sheet of rows whose cells are separated by bars.
func hojaDe(nombre string, filas ...string) xls.Sheet {
	var todas [][]string
	for _, f := range filas {
		todas = append(todas, strings.Split(f, "|"))
	}
	return xls.Sheet{Name: nombre, Rows: slices.Values(todas)}
}

func TestHoja_ByItsHeading(t *testing.T) {
	t.Parallel()
	a := TituloResultado{"a.xml", "1", "bien", "0001", Registrado, ""}
	b := TituloResultado{"b.xml", "2", "Folio de control previamente registrado: 0002", "0002", YaRegistrado, "folio_ya_registrado"}
	const filaA, filaB = "a.xml|1|bien|0001", "b.xml|2|Folio de control previamente registrado: 0002|0002"
	const nombres = "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL"
	for name, tc := range map[string]struct {
		filas  []string
		want   []TituloResultado
		avisos int
	}{
		"as the SEP":                    {[]string{nombres, filaA, filaB}, []TituloResultado{a, b}, 0},
		"nobody in it":                  {[]string{nombres}, nil, 0},
		"other case, accents, blanks":   {[]string{" Archivo | estatus|Descripción |Folio  de Control", filaA}, []TituloResultado{a}, 0},
		"hard blanks and line ends":     {[]string{"Archivo\u00a0| ESTATUS\n|DESCRIPCIO\u0301N|FOLIO\r\nCONTROL\u200b", filaA}, []TituloResultado{a}, 0},
		"columns between":               {[]string{"ARCHIVO|FECHA|ESTATUS||DESCRIPCION|USUARIO|FOLIO CONTROL", "a.xml|2026-01-01|1||bien|x|0001"}, []TituloResultado{a}, 0},
		"a title over all columns":      {[]string{"RESULTADO DE LA CARGA|||", nombres, filaA, nombres, filaB}, []TituloResultado{a, b}, 1},
		"with underscores":              {[]string{"nombre_archivo|STATUS|descripcion:|FOLIO_CONTROL", filaA}, []TituloResultado{a}, 0},
		"in another order":              {[]string{"FOLIO CONTROL|DESCRIPCION|ESTATUS|ARCHIVO", "0001|bien|1|a.xml"}, []TituloResultado{a}, 0},
		"a column in front":             {[]string{"NO.|" + nombres, "1|" + filaA, "2|" + filaB}, []TituloResultado{a, b}, 0},
		"a column between and behind":   {[]string{"ARCHIVO|FECHA|ESTATUS|DESCRIPCION|FOLIO CONTROL|CURP", "a.xml|2026|1|bien|0001|X"}, []TituloResultado{a}, 0},
		"a row above":                   {[]string{"SEP||", nombres, filaA}, []TituloResultado{a}, 1},
		"nineteen rows above":           {append(slices.Repeat([]string{"x"}, 19), nombres, filaA), []TituloResultado{a}, 1},
		"blank rows":                    {[]string{"|||", nombres, "", filaA, "|\u00a0||", filaB, "|||"}, []TituloResultado{a, b}, 0},
		"the heading on each page":      {[]string{nombres, filaA, nombres, filaB}, []TituloResultado{a, b}, 0},
		"a row beside the columns":      {[]string{"NO.|" + nombres, "1|" + filaA, "Total||||"}, []TituloResultado{a}, 1},
		"no column of the file":         {[]string{"ESTATUS|DESCRIPCION|FOLIO CONTROL", "1|bien|0001"}, []TituloResultado{{"", "1", "bien", "0001", Registrado, ""}}, 0},
		"no column of the folio":        {[]string{"ARCHIVO|ESTATUS|DESCRIPCION", "a.xml|1|bien"}, []TituloResultado{{"a.xml", "1", "bien", "", Registrado, ""}}, 0},
		"a number with its decimal":     {[]string{nombres, "a.xml|1.0|bien|0001"}, []TituloResultado{{"a.xml", "1.0", "bien", "0001", Registrado, ""}}, 0},
		"short rows":                    {[]string{nombres, "a.xml"}, []TituloResultado{{"a.xml", "", "", "", Desconocido, MotivoOtro}}, 0},
		"a row of a folio and no more":  {[]string{nombres, "|||0001"}, []TituloResultado{{"", "", "", "0001", Desconocido, MotivoOtro}}, 0},
		"a text that names the columns": {[]string{nombres, "a.xml|2|ARCHIVO ESTATUS DESCRIPCION FOLIO|0001"}, []TituloResultado{{"a.xml", "2", "ARCHIVO ESTATUS DESCRIPCION FOLIO", "0001", Rechazado, MotivoOtro}}, 0},
	} {
		l := lector{quedan: maxTexto}
		_, err := l.hoja("libro", hojaDe("Resultado", tc.filas...))
		if d := cmp.Diff(tc.want, l.Titulos); err != nil || d != "" || len(l.Avisos) != tc.avisos {
			t.Errorf("%s: %v, avisos %q\n%s", name, err, l.Avisos, d)
		}
	}
}

// A table whose columns nobody names is not guessed at, and no title of it is
// passed over in silence.
func TestHoja_WithoutAHeading(t *testing.T) {
	t.Parallel()
	const fila = "a.xml|1|bien|0001"
	for name, tc := range map[string]struct {
		filas     []string
		deTitulos bool
	}{
		"rows alone":                {[]string{fila, fila}, true},
		"a title above the heading": {[]string{fila, "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL", fila}, true},
		"a name twice":              {[]string{"ARCHIVO|ARCHIVO|ESTATUS|DESCRIPCION", fila}, true},
		"no number":                 {[]string{"ARCHIVO|DESCRIPCION|FOLIO CONTROL", fila}, true},
		"no description":            {[]string{"ARCHIVO|ESTATUS|FOLIO CONTROL", "a.xml|1|0001"}, true},
		"only the number":           {[]string{"ESTATUS|DESCRIPCION", "1|bien"}, false},
		"a heading too far below":   {append(slices.Repeat([]string{"x"}, maxEncima+1), "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL"), true},
		"a cover":                   {[]string{"RESULTADO DE LA CARGA", "Lote|77", "Archivo cargado: a.xml"}, false},
	} {
		l := lector{quedan: maxTexto}
		deTitulos, err := l.hoja("libro", hojaDe("Resultado", tc.filas...))
		if !errors.Is(err, errSinEncabezado) || deTitulos != tc.deTitulos {
			t.Errorf("%s: %v, %v", name, deTitulos, err)
		}
	}
}

func TestHoja_WhenItsTextIsEndless(t *testing.T) {
	t.Parallel()
	l := lector{quedan: 10}
	if _, err := l.hoja("libro", hojaDe("Resultado", "ARCHIVO|ESTATUS|DESCRIPCION|FOLIO CONTROL")); !errors.Is(err, errLargo) {
		t.Errorf("%v", err)
	}
}

func TestLee_WhenNothingCanBeRead(t *testing.T) {
	t.Parallel()
	_, err := lee([]xls.Book{{Name: "a.xlsx", Kind: xls.XLSX}})
	e := gateway.AsError(err)
	if e.Kind != gateway.KindRespuestaInvalida || e.Reintentable || !strings.Contains(e.Detail, "resultado.zip") {
		t.Errorf("%+v", e)
	}
}

func TestLee_WhenABookIsAPageItSaysSo(t *testing.T) {
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
	_, err = lee(books)
	if e := gateway.AsError(err); e.Reintentable || !strings.Contains(e.Detail, "ResultadoCargaTitulos1.xls no es de Excel: es una página HTML") || !strings.Contains(e.Detail, "resultado.zip") {
		t.Errorf("%+v", err)
	}
}
