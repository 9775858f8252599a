package sep

import (
	"archive/zip"
	"bytes"
	"slices"
	"strconv"
)

// The forms in which a result may come, by the knob. All but the first are not
// the service's as it was seen: they are what a reader must not stumble over.
const (
	resNormal        = "normal"
	resSinEncabezado = "sin_encabezado"
	resEncima        = "renglon_encima"
	resDeMas         = "columna_de_mas"
	resOrden         = "otro_orden"
	resBlancos       = "renglones_en_blanco"
	resXLSX          = "xlsx"
	resDosLibros     = "dos_libros"
	resIlegible      = "ilegible"
	resSinArchivo    = "sin_archivo"
	resOtroLote      = "otro_lote"
)

func formasResultado() []string {
	return []string{resNormal, resSinEncabezado, resEncima, resDeMas, resOrden, resBlancos, resXLSX, resDosLibros, resIlegible, resSinArchivo, resOtroLote}
}

// libro is a workbook in the archive of a result.
type libro struct {
	nombre string
	bytes  []byte
}

// archivo is the result as the service gives it: a ZIP, sizes after the data, with one workbook.
func (x *lote) archivo(forma string) ([]byte, error) {
	const nombreUTF8 = 0x800
	libros, err := x.libros(forma)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, l := range libros {
		w, err := z.CreateHeader(&zip.FileHeader{Name: l.nombre, Method: zip.Deflate, Modified: x.listo.UTC(), Flags: nombreUTF8})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(l.bytes); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (x *lote) libros(forma string) ([]libro, error) {
	filas := x.filas4()
	switch forma {
	case resXLSX:
		hecho, err := libroXLSX(filas)
		return []libro{{x.nombre() + "x", hecho}}, err
	case resDosLibros:
		mitad := (len(filas) + 1) / 2
		return []libro{{x.nombre(), Libro(filas[:mitad])}, {"Mas" + x.nombre(), Libro(slices.Concat(filas[:1], filas[mitad:]))}}, nil
	case resIlegible:
		return []libro{{x.nombre(), []byte("<html><body>Error al generar el libro</body></html>")}}, nil
	}
	return []libro{{x.nombre(), Libro(cambiaFilas(filas, forma))}}, nil
}

// cambiaFilas does to the rows, heading first, what a form does.
func cambiaFilas(filas [][]any, forma string) [][]any {
	switch forma {
	case resSinEncabezado:
		return filas[1:]
	case resEncima:
		return slices.Concat([][]any{{"SECRETARÍA DE EDUCACIÓN PÚBLICA"}, {}}, filas)
	case resDeMas:
		for i := range filas {
			var primera any = "NO."
			if i > 0 {
				primera = float64(i)
			}
			filas[i] = slices.Insert(filas[i], 0, primera)
		}
	case resOrden:
		for i, f := range filas {
			filas[i] = []any{f[3], f[2], f[0], f[1]}
		}
		filas[0] = []any{"Folio de control", "Descripción", "Archivo", " Estatus "}
	case resBlancos:
		var con [][]any
		for _, f := range filas {
			con = append(con, f, []any{"", "", " "})
		}
		return con
	}
	return filas
}

// filas4 are the rows of the worksheet, its heading first: texts, and numbers in column B.
func (x *lote) filas4() [][]any {
	filas := make([][]any, 0, len(x.filas)+1)
	filas = append(filas, []any{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"})
	for _, f := range x.filas {
		filas = append(filas, []any{f.archivo, float64(f.estatus), f.descripcion, f.folio})
	}
	return filas
}

// libroXLSX is the smallest .xlsx with these rows (ECMA-376): texts within their
// cells, and numbers.
func libroXLSX(filas [][]any) ([]byte, error) {
	const (
		cabeza  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
		abierto = "http://schemas.openxmlformats.org/"
		partes  = abierto + "package/2006/"
		hojas   = abierto + "spreadsheetml/2006/main"
		doc     = abierto + "officeDocument/2006/relationships"
		tipos   = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	)
	var celdas bytes.Buffer
	for i, f := range filas {
		celdas.WriteString(`<row r="` + strconv.Itoa(i+1) + `">`)
		for j, valor := range f {
			lugar := string(rune('A'+j)) + strconv.Itoa(i+1)
			switch v := valor.(type) {
			case string:
				celdas.WriteString(`<c r="` + lugar + `" t="inlineStr"><is><t xml:space="preserve">` + escapa(v) + `</t></is></c>`)
			case float64:
				celdas.WriteString(`<c r="` + lugar + `"><v>` + strconv.FormatFloat(v, 'f', -1, 64) + `</v></c>`)
			}
		}
		celdas.WriteString("</row>")
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, parte := range []struct{ nombre, xml string }{
		{"[Content_Types].xml", `<Types xmlns="` + partes + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + tipos + `sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + tipos + `worksheet+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + partes + `relationships"><Relationship Id="rId1" Type="` + doc + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + hojas + `" xmlns:r="` + doc + `"><sheets><sheet name="` + hoja + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + partes + `relationships"><Relationship Id="rId1" Type="` + doc + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
		{"xl/worksheets/sheet1.xml", `<worksheet xmlns="` + hojas + `"><sheetData>` + celdas.String() + `</sheetData></worksheet>`},
	} {
		w, err := z.Create(parte.nombre)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(cabeza + parte.xml)); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
