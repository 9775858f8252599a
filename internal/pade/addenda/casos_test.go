package addenda

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// What PACs and their libraries are known to make of a CFDI without touching
// what its seal covers.
func TestAttach_WhenThePACWritesTheCFDIAnew(t *testing.T) {
	minified := strings.NewReplacer("\n  <", "<", "\n<", "<").Replace(with(fresh))
	for name, after := range map[string]string{
		"re-prefixed":          strings.NewReplacer("cfdi:", "s:", "xmlns:cfdi", "xmlns:s").Replace(with(fresh)),
		"reordered":            change(`Version="4.0" Sello="AAAA==" Total="1.00"`, `Total="1.00" Sello="AAAA==" Version="4.0"`),
		"minified":             minified,
		"indented":             strings.ReplaceAll(with(fresh), "\n", "\n\t\t"),
		"with CRLF":            strings.ReplaceAll(with(fresh), "\n", "\r\n"),
		"by references":        change("PEÑA", "PE&#209;A", "&#xA;", "&#10;"),
		"in single quotes":     change(`Nombre="PEÑA &amp; CO"`, `Nombre='PEÑA &amp; CO'`),
		"declared again":       change("<cfdi:Emisor ", `<cfdi:Emisor xmlns:cfdi="http://www.sat.gob.mx/cfd/4" `, "<cfdi:Conceptos>", `<cfdi:Conceptos xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`),
		"standalone":           change(`encoding="UTF-8"?>`, `encoding="UTF-8" standalone="yes"?>`),
		"without declaration":  strings.TrimPrefix(with(fresh), `<?xml version="1.0" encoding="UTF-8"?>`+"\n"),
		"the location added":   change(`cfdv40.xsd"`, `cfdv40.xsd http://x.example/a http://x.example/a.xsd"`),
		"empty written apart":  change(`CO"/>`, `CO"></cfdi:Emisor>`),
		"in ISO-8859-1":        string(inBytes(strings.Replace(with(fresh), "UTF-8", "ISO-8859-1", 1))),
		"in windows-1252":      string(inBytes(strings.Replace(with(fresh), "UTF-8", "windows-1252", 1))),
		"in UTF-16":            string(in16(strings.Replace(with(fresh), "UTF-8", "UTF-16", 1), binary.BigEndian, true)),
		"blanks in the header": change(`encoding="UTF-8"`, `encoding = "UTF-8" `),
	} {
		if avisos, err := Attach([]byte(sealed), []byte(after)); err != nil || avisos != nil {
			t.Errorf("%s: %v %v", name, avisos, err)
		}
	}
}

// Each way of damaging a CFDI has its reason: the addenda is missing, the seal may
// be broken and where, or it cannot be read.
func TestAttach_WhenItIsWithheldTheReasonIsItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		after  string
		class  error
		detail string
	}{
		"the location lost":      {change(` xsi:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd"`, ""), ErrAltered, "/Comprobante/@schemaLocation"},
		"a number written anew":  {change(`Total="1.00"`, `Total="1.0"`), ErrAltered, "/Comprobante/@Total"},
		"the Ñ lost":             {change("PEÑA", "PE?A"), ErrAltered, "/Comprobante/Emisor/@Nombre"},
		"mojibake":               {change("PEÑA", "PEÃ‘A"), ErrAltered, "/Comprobante/Emisor/@Nombre"},
		"escaped twice":          {change("&amp;", "&amp;amp;"), ErrAltered, "/Comprobante/Emisor/@Nombre"},
		"blanks collapsed":       {change("b  c", "b c"), ErrAltered, "Concepto/@Descripcion"},
		"a reference made blank": {change("&#xA;", "\n"), ErrAltered, "Concepto/@Descripcion"},
		"no Addenda":             {sealed, ErrWithoutAddenda, "No trae una Addenda con contenido."},
		"an empty one":           {with("<cfdi:Addenda/>"), ErrWithoutAddenda, "No trae una Addenda con contenido."},
		"in no namespace":        {with(`<Addenda xmlns=""><a/></Addenda>`), ErrAltered, "Trae una Addenda que no es hija de Comprobante en su espacio de nombres"},
		"an undeclared prefix":   {with("<cfdi:Addenda><x:a/></cfdi:Addenda>"), ErrUnreadable, "prefijo de x:a"},
		"undeclared Latin-1":     {string(inBytes(with(fresh))), ErrUnreadable, "no está en UTF-8"},
		"an error page":          {"<html><body>Error</body></html>", ErrUnreadable, ""},
		"cut":                    {with(fresh)[:300], ErrUnreadable, ""},
	} {
		avisos, err := Attach([]byte(sealed), []byte(tt.after))
		var r *Refusal
		if !errors.As(err, &r) || !errors.Is(err, tt.class) || !strings.Contains(r.Detail, tt.detail) || r.Detail == "" || len(avisos) > 0 && !errors.Is(err, ErrWithoutAddenda) {
			t.Errorf("%s: %v %v, want %v with %q", name, avisos, err, tt.class, tt.detail)
		}
	}
}

// The CFDI that people send: what is readable is sent, with its values, and what
// is not is refused with its reason.
func TestCFDI_WhenSentAsPeopleHaveIt(t *testing.T) {
	const doc = `<?xml version="1.0" encoding="UTF-8"?><c:Comprobante xmlns:c="http://www.sat.gob.mx/cfd/4" Nombre="ÑANDÚ"/>`
	for name, tt := range map[string]struct{ in, refused string }{
		"with a mark":                {"\ufeff" + doc, ""},
		"with two":                   {"\ufeff\ufeff" + doc, "fuera"},
		"in Latin-1":                 {string(inBytes(strings.Replace(doc, "UTF-8", "ISO-8859-1", 1))), ""},
		"UTF-16 in UTF-8":            {strings.Replace(doc, "UTF-8", "UTF-16", 1), ""},
		"in UTF-16":                  {string(in16(strings.Replace(doc, "UTF-8", "UTF-16", 1), binary.LittleEndian, true)), ""},
		"with CRLF":                  {strings.Replace(doc, "?>", "?>\r\n", 1), ""},
		"an instruction and comment": {strings.Replace(doc, "?>", `?><?xml-stylesheet href="a"?><!-- de prueba -->`, 1), ""},
		"xmlns:schemaLocation":       {strings.Replace(doc, " Nombre", ` xmlns:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd" Nombre`, 1), ""},
		"xsi that is not declared":   {strings.Replace(doc, " Nombre", ` xsi:schemaLocation="a b" Nombre`, 1), "prefijo de xsi:schemaLocation"},
		"cfd/3":                      {strings.Replace(doc, "cfd/4", "cfd/3", 1), ""},
		"Retenciones":                {`<r:Retenciones xmlns:r="http://www.sat.gob.mx/esquemas/retencionpago/2"/>`, "no es un CFDI"},
		"a raw &":                    {strings.Replace(doc, "ÑANDÚ", "Ñ & Ú", 1), "bien formado"},
		"a NUL":                      {strings.Replace(doc, "ÑANDÚ", "Ñ\x00", 1), "U+0000"},
	} {
		got, fields := CFDI([]byte(tt.in))
		switch {
		case tt.refused == "" && (fields != nil || !strings.Contains(got, `Nombre="ÑANDÚ"`) || !strings.Contains(got, `encoding="UTF-8"`)):
			t.Errorf("%s: %q %v", name, got, fields)
		case tt.refused != "" && (len(fields) != 1 || !strings.Contains(fields[0].Detalle, tt.refused)):
			t.Errorf("%s: %q %v, want a refusal with %q", name, got, fields, tt.refused)
		}
	}
}
