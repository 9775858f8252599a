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
	resAbove         = "renglon_encima"
	resExtra         = "columna_de_mas"
	resOrder         = "otro_orden"
	resBlank         = "renglones_en_blanco"
	resXLSX          = "xlsx"
	resDosLibros     = "dos_libros"
	resIlegible      = "ilegible"
	resSinArchivo    = "sin_archivo"
	resOtroLote      = "otro_lote"
)

func resultForms() []string {
	return []string{resNormal, resSinEncabezado, resAbove, resExtra, resOrder, resBlank, resXLSX, resDosLibros, resIlegible, resSinArchivo, resOtroLote}
}

// libro is a workbook in the archive of a result.
type libro struct {
	name  string
	bytes []byte
}

// file is the result as the service gives it: a ZIP, sizes after the data, with one workbook.
func (x *lote) file(form string) ([]byte, error) {
	const utf8Name = 0x800
	libros, err := x.libros(form)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, l := range libros {
		w, err := z.CreateHeader(&zip.FileHeader{Name: l.name, Method: zip.Deflate, Modified: x.ready.UTC(), Flags: utf8Name})
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

func (x *lote) libros(form string) ([]libro, error) {
	rows := x.rows4()
	switch form {
	case resXLSX:
		done, err := libroXLSX(rows)
		return []libro{{x.name() + "x", done}}, err
	case resDosLibros:
		half := (len(rows) + 1) / 2
		return []libro{{x.name(), Libro(rows[:half])}, {"Mas" + x.name(), Libro(slices.Concat(rows[:1], rows[half:]))}}, nil
	case resIlegible:
		return []libro{{x.name(), []byte("<html><body>Error al generar el libro</body></html>")}}, nil
	}
	return []libro{{x.name(), Libro(changeRows(rows, form))}}, nil
}

// changeRows does to the rows, heading first, what a form does.
func changeRows(rows [][]any, form string) [][]any {
	switch form {
	case resSinEncabezado:
		return rows[1:]
	case resAbove:
		return slices.Concat([][]any{{"SECRETARÍA DE EDUCACIÓN PÚBLICA"}, {}}, rows)
	case resExtra:
		for i := range rows {
			var first any = "NO."
			if i > 0 {
				first = float64(i)
			}
			rows[i] = slices.Insert(rows[i], 0, first)
		}
	case resOrder:
		for i, f := range rows {
			rows[i] = []any{f[3], f[2], f[0], f[1]}
		}
		rows[0] = []any{"Folio de control", "Descripción", "Archivo", " Estatus "}
	case resBlank:
		var with [][]any
		for _, f := range rows {
			with = append(with, f, []any{"", "", " "})
		}
		return with
	}
	return rows
}

// rows4 are the rows of the worksheet, its heading first: texts, and numbers in column B.
func (x *lote) rows4() [][]any {
	rows := make([][]any, 0, len(x.rows)+1)
	rows = append(rows, []any{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"})
	for _, f := range x.rows {
		rows = append(rows, []any{f.file, float64(f.estatus), f.description, f.folio})
	}
	return rows
}

// libroXLSX is the smallest .xlsx with these rows (ECMA-376): texts within their
// cells, and numbers.
func libroXLSX(rows [][]any) ([]byte, error) {
	const (
		head   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
		open   = "http://schemas.openxmlformats.org/"
		parts  = open + "package/2006/"
		sheets = open + "spreadsheetml/2006/main"
		doc    = open + "officeDocument/2006/relationships"
		tipos  = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	)
	var cells bytes.Buffer
	for i, f := range rows {
		cells.WriteString(`<row r="` + strconv.Itoa(i+1) + `">`)
		for j, value := range f {
			place := string(rune('A'+j)) + strconv.Itoa(i+1)
			switch v := value.(type) {
			case string:
				cells.WriteString(`<c r="` + place + `" t="inlineStr"><is><t xml:space="preserve">` + escape(v) + `</t></is></c>`)
			case float64:
				cells.WriteString(`<c r="` + place + `"><v>` + strconv.FormatFloat(v, 'f', -1, 64) + `</v></c>`)
			}
		}
		cells.WriteString("</row>")
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range []struct{ name, xml string }{
		{"[Content_Types].xml", `<Types xmlns="` + parts + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + tipos + `sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + tipos + `worksheet+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="` + parts + `relationships"><Relationship Id="rId1" Type="` + doc + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
		{"xl/workbook.xml", `<workbook xmlns="` + sheets + `" xmlns:r="` + doc + `"><sheets><sheet name="` + sheet + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="` + parts + `relationships"><Relationship Id="rId1" Type="` + doc + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
		{"xl/worksheets/sheet1.xml", `<worksheet xmlns="` + sheets + `"><sheetData>` + cells.String() + `</sheetData></worksheet>`},
	} {
		w, err := z.Create(part.name)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(head + part.xml)); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
