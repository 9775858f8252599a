package addenda

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// What PACs and their libraries are known to make of a CFDI without touching
// what its seal covers.
func TestAdjunta_WhenThePACWritesTheCFDIAnew(t *testing.T) {
	minificado := strings.NewReplacer("\n  <", "<", "\n<", "<").Replace(con(nueva))
	for name, despues := range map[string]string{
		"re-prefixed":          strings.NewReplacer("cfdi:", "s:", "xmlns:cfdi", "xmlns:s").Replace(con(nueva)),
		"reordered":            cambia(`Version="4.0" Sello="AAAA==" Total="1.00"`, `Total="1.00" Sello="AAAA==" Version="4.0"`),
		"minified":             minificado,
		"indented":             strings.ReplaceAll(con(nueva), "\n", "\n\t\t"),
		"with CRLF":            strings.ReplaceAll(con(nueva), "\n", "\r\n"),
		"by references":        cambia("PEÑA", "PE&#209;A", "&#xA;", "&#10;"),
		"in single quotes":     cambia(`Nombre="PEÑA &amp; CO"`, `Nombre='PEÑA &amp; CO'`),
		"declared again":       cambia("<cfdi:Emisor ", `<cfdi:Emisor xmlns:cfdi="http://www.sat.gob.mx/cfd/4" `, "<cfdi:Conceptos>", `<cfdi:Conceptos xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`),
		"standalone":           cambia(`encoding="UTF-8"?>`, `encoding="UTF-8" standalone="yes"?>`),
		"without declaration":  strings.TrimPrefix(con(nueva), `<?xml version="1.0" encoding="UTF-8"?>`+"\n"),
		"the location added":   cambia(`cfdv40.xsd"`, `cfdv40.xsd http://x.example/a http://x.example/a.xsd"`),
		"empty written apart":  cambia(`CO"/>`, `CO"></cfdi:Emisor>`),
		"in ISO-8859-1":        string(enBytes(strings.Replace(con(nueva), "UTF-8", "ISO-8859-1", 1))),
		"in windows-1252":      string(enBytes(strings.Replace(con(nueva), "UTF-8", "windows-1252", 1))),
		"in UTF-16":            string(en16(strings.Replace(con(nueva), "UTF-8", "UTF-16", 1), binary.BigEndian, true)),
		"blanks in the header": cambia(`encoding="UTF-8"`, `encoding = "UTF-8" `),
	} {
		if avisos, err := Adjunta([]byte(sellado), []byte(despues)); err != nil || avisos != nil {
			t.Errorf("%s: %v %v", name, avisos, err)
		}
	}
}

// Each way of damaging a CFDI has its reason: the addenda is missing, the seal may
// be broken and where, or it cannot be read.
func TestAdjunta_WhenItIsWithheldTheReasonIsItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		despues string
		clase   error
		detalle string
	}{
		"the location lost":      {cambia(` xsi:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd"`, ""), ErrAlterado, "/Comprobante/@schemaLocation"},
		"a number written anew":  {cambia(`Total="1.00"`, `Total="1.0"`), ErrAlterado, "/Comprobante/@Total"},
		"the Ñ lost":             {cambia("PEÑA", "PE?A"), ErrAlterado, "/Comprobante/Emisor/@Nombre"},
		"mojibake":               {cambia("PEÑA", "PEÃ‘A"), ErrAlterado, "/Comprobante/Emisor/@Nombre"},
		"escaped twice":          {cambia("&amp;", "&amp;amp;"), ErrAlterado, "/Comprobante/Emisor/@Nombre"},
		"blanks collapsed":       {cambia("b  c", "b c"), ErrAlterado, "Concepto/@Descripcion"},
		"a reference made blank": {cambia("&#xA;", "\n"), ErrAlterado, "Concepto/@Descripcion"},
		"no Addenda":             {sellado, ErrSinAddenda, "No trae una Addenda con contenido."},
		"an empty one":           {con("<cfdi:Addenda/>"), ErrSinAddenda, "No trae una Addenda con contenido."},
		"in no namespace":        {con(`<Addenda xmlns=""><a/></Addenda>`), ErrAlterado, "Trae una Addenda que no es hija de Comprobante en su espacio de nombres"},
		"an undeclared prefix":   {con("<cfdi:Addenda><x:a/></cfdi:Addenda>"), ErrIlegible, "prefijo de x:a"},
		"undeclared Latin-1":     {string(enBytes(con(nueva))), ErrIlegible, "no está en UTF-8"},
		"an error page":          {"<html><body>Error</body></html>", ErrIlegible, ""},
		"cut":                    {con(nueva)[:300], ErrIlegible, ""},
	} {
		avisos, err := Adjunta([]byte(sellado), []byte(tt.despues))
		var r *Rechazo
		if !errors.As(err, &r) || !errors.Is(err, tt.clase) || !strings.Contains(r.Detalle, tt.detalle) || r.Detalle == "" || len(avisos) > 0 && !errors.Is(err, ErrSinAddenda) {
			t.Errorf("%s: %v %v, want %v with %q", name, avisos, err, tt.clase, tt.detalle)
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
		"in Latin-1":                 {string(enBytes(strings.Replace(doc, "UTF-8", "ISO-8859-1", 1))), ""},
		"UTF-16 in UTF-8":            {strings.Replace(doc, "UTF-8", "UTF-16", 1), ""},
		"in UTF-16":                  {string(en16(strings.Replace(doc, "UTF-8", "UTF-16", 1), binary.LittleEndian, true)), ""},
		"with CRLF":                  {strings.Replace(doc, "?>", "?>\r\n", 1), ""},
		"an instruction and comment": {strings.Replace(doc, "?>", `?><?xml-stylesheet href="a"?><!-- de prueba -->`, 1), ""},
		"xmlns:schemaLocation":       {strings.Replace(doc, " Nombre", ` xmlns:schemaLocation="http://www.sat.gob.mx/cfd/4 cfdv40.xsd" Nombre`, 1), ""},
		"xsi that is not declared":   {strings.Replace(doc, " Nombre", ` xsi:schemaLocation="a b" Nombre`, 1), "prefijo de xsi:schemaLocation"},
		"cfd/3":                      {strings.Replace(doc, "cfd/4", "cfd/3", 1), ""},
		"Retenciones":                {`<r:Retenciones xmlns:r="http://www.sat.gob.mx/esquemas/retencionpago/2"/>`, "no es un CFDI"},
		"a raw &":                    {strings.Replace(doc, "ÑANDÚ", "Ñ & Ú", 1), "bien formado"},
		"a NUL":                      {strings.Replace(doc, "ÑANDÚ", "Ñ\x00", 1), "U+0000"},
	} {
		got, campos := CFDI([]byte(tt.in))
		switch {
		case tt.refused == "" && (campos != nil || !strings.Contains(got, `Nombre="ÑANDÚ"`) || !strings.Contains(got, `encoding="UTF-8"`)):
			t.Errorf("%s: %q %v", name, got, campos)
		case tt.refused != "" && (len(campos) != 1 || !strings.Contains(campos[0].Detalle, tt.refused)):
			t.Errorf("%s: %q %v, want a refusal with %q", name, got, campos, tt.refused)
		}
	}
}
