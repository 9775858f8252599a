package pade_test

import (
	"strings"
	"testing"
)

func TestAddenda_OfLines(t *testing.T) {
	b := start(t)
	const before, after = `<cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`, `</cfdi:Addenda>`
	for data, want := range map[string]string{
		"proveedor|123":                          `<Dato campo="proveedor">123</Dato>`,
		"a|1&#xA;b|2&#xA;":                       `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1\nb|2":                               `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1\r\n\r\nb|2":                         `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1&#xD;&#xA;b|2":                       `<Dato campo="a">1&#13;</Dato><Dato campo="b">2</Dato>`,
		"n|ñ € — ]]&gt; &amp;amp;|x":             `<Dato campo="n">ñ € — ]]&gt; &amp;amp;|x</Dato>`,
		"&lt;a&gt; &quot;b&quot;|":               `<Dato campo="&lt;a&gt; &quot;b&quot;"></Dato>`,
		"a|" + strings.Repeat("x", 1<<20) + "\n": `<Dato campo="a">` + strings.Repeat("x", 1<<20) + `</Dato>`,
	} {
		r := b.addenda(data)
		if r.codigo() != "0" || r.field("mensaje") != "" || r.document(t) != before+want+after {
			t.Errorf("%.60q: %.400s", data, r.body)
		}
	}
}

func TestAddenda_IsPutIntoTheCFDIAndNothingElseChanges(t *testing.T) {
	b := start(t)
	const datum = `<Dato campo="a">1</Dato>`
	for name, c := range map[string]struct{ before, after string }{
		"cfdi":      {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<cfdi:Comprobante xmlns:cfdi='http://www.sat.gob.mx/cfd/4'  Sello = \"x&#10;ñ\"><!-- ]]&gt; --><cfdi:Emisor/>\r\n<![CDATA[<]]> </cfdi:Comprobante>\n<!-- fin -->", ""},
		"self":      {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" />`, `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" ><cfdi:Addenda>` + datum + `</cfdi:Addenda></cfdi:Comprobante>`},
		"empty":     {`<x:Comprobante xmlns:x="http://www.sat.gob.mx/cfd/3"></x:Comprobante >`, `<x:Comprobante xmlns:x="http://www.sat.gob.mx/cfd/3"><x:Addenda>` + datum + `</x:Addenda></x:Comprobante >`},
		"no prefix": {`<Comprobante xmlns="http://www.sat.gob.mx/cfd/2"><a/></Comprobante>`, `<Comprobante xmlns="http://www.sat.gob.mx/cfd/2"><a/><cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/2" xmlns="">` + datum + `</cfdi:Addenda></Comprobante>`},
		"5 MB":      {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + strings.Repeat("<cfdi:Concepto a='"+strings.Repeat("x", 1000)+"'/>", 5_000) + `</cfdi:Comprobante>`, ""},
	} {
		want := c.after
		if want == "" {
			want = strings.Replace(c.before, "</cfdi:Comprobante>", "<cfdi:Addenda>"+datum+"</cfdi:Addenda></cfdi:Comprobante>", 1)
		}
		r := b.attach("a|1", c.before)
		if r.codigo() != "0" || r.document(t) != want {
			t.Errorf("%s: %.500s", name, r.body)
		}
	}
}

func TestAddenda_Refused(t *testing.T) {
	b := start(t)
	const root = `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`
	for name, r := range map[string]struct {
		r      answer
		codigo string
		say    string
	}{
		"no bar":        {b.addenda("a|1\nsin barra"), "6", "línea 2"},
		"no name":       {b.addenda("|1"), "6", "línea 1"},
		"blank":         {b.addenda("\n\n"), "6", "no hay datos"},
		"cut":           {b.attach("a|1", root), "6", "no está bien formado"},
		"no prefix":     {b.attach("a|1", `<cfdi:Comprobante/>`), "6", "no está bien formado"},
		"BOM":           {b.attach("a|1", "\ufeff"+root+"</cfdi:Comprobante>"), "6", "no está bien formado"},
		"DTD":           {b.attach("a|1", "<!DOCTYPE x>"+root+"</cfdi:Comprobante>"), "6", "no está bien formado"},
		"Latin":         {b.attach("a|1", `<?xml version="1.0" encoding="ISO-8859-1"?>`+root+"</cfdi:Comprobante>"), "6", "ISO-8859-1"},
		"no CFDI":       {b.attach("a|1", "<Comprobante/>"), "6", "no es un CFDI"},
		"has one":       {b.attach("a|1", root+"<cfdi:Addenda/></cfdi:Comprobante>"), "6", "ya tiene"},
		"bad data":      {b.attach("a", root+"</cfdi:Comprobante>"), "6", "línea 1"},
		"no xmlcfdi":    {b.attach("a|1", ""), "3", "xmlcfdi"},
		"xml as xml":    {b.publish(addendas, envelope(nsAddendas, "procesarAdjuntarAddenda", cuenta+"<datos>a|1</datos><xmlcfdi><a/></xmlcfdi>")), "3", "xmlcfdi"},
		"all missing":   {b.publish(addendas, envelope(nsAddendas, "procesarAddenda", "")), "3", "contrato, usuario, passwd, datos"},
		"wrong contrat": {b.publish(addendas, envelope(nsAddendas, "procesarAddenda", strings.Replace(cuenta, "sandbox", "otro", 1)+"<datos>a|1</datos>")), "2", "contraseña"},
	} {
		if r.r.estado != 200 || r.r.codigo() != r.codigo || !strings.Contains(r.r.field("mensaje"), r.say) || r.r.field("xmlBase64") != "-" {
			t.Errorf("%s: %d %.400s", name, r.r.estado, r.r.body)
		}
	}
}

// enter calls an operation of each service with an account.
func (b *bench) enter(servicio, contrato, user, password string) string {
	b.t.Helper()
	params := "<contrato>" + contrato + "</contrato><usuario>" + user + "</usuario><passwd>" + password + "</passwd>"
	if servicio == signed {
		return b.publish(signed, envelope(nsSigned, "firmar", params+"<xml>eA==</xml><modoPrueba>true</modoPrueba>")).codigo()
	}
	return b.publish(addendas, envelope(nsAddendas, "procesarAddenda", params+"<datos>a|1</datos>")).codigo()
}

func TestAccount_ThreeWrongLoginsBlockIt(t *testing.T) {
	b := start(t)
	step := func(servicio, contrato, user, password, want string) {
		t.Helper()
		if got := b.enter(servicio, contrato, user, password); got != want {
			t.Errorf("%s %s/%s/%s: code %s, want %s", servicio, contrato, user, password, got, want)
		}
	}
	// Two, and a right one in between, do not.
	for range 2 {
		step(addendas, "sandbox", "sandbox", "mala", "1")
		step(signed, "sandbox", "sandbox", "mala", "1")
		step(addendas, "sandbox", "sandbox", "sandbox", "0")
	}
	// Wrong contract codes are no wrong logins; nor is a call without a password one.
	for range 4 {
		step(addendas, "otro", "sandbox", "sandbox", "2")
		step(signed, "otro", "sandbox", "sandbox", "1")
		step(addendas, "sandbox", "sandbox", "", "3")
		step(signed, "sandbox", "sandbox", "", "400")
	}
	// Another's block is another's.
	for range 4 {
		step(signed, "sandbox", "otro", "sandbox", "1")
	}
	step(signed, "sandbox", "sandbox", "sandbox", "301")
	step(addendas, "sandbox", "sandbox", "mala", "1")
	step(signed, "sandbox", "sandbox", "mala", "1")
	step(addendas, "sandbox", "sandbox", "mala", "1")
	step(addendas, "sandbox", "sandbox", "sandbox", "1")
	step(signed, "sandbox", "sandbox", "sandbox", "1")
	if got := strings.Join(b.Estado().Bloqueadas, ","); got != "otro,sandbox" {
		t.Errorf("blocked: %s", got)
	}
	b.operation = "firmarManifiesto"
	if r := b.firma("x"); r.codigo() != "301" {
		t.Errorf("an operation without credentials: %s", r.body)
	}
	b.Reset()
	step(addendas, "sandbox", "sandbox", "sandbox", "0")
	if err := b.Knobs().Change(map[string]any{"pade_contrato": "C", "pade_usuario": "U", "pade_password": "P"}); err != nil {
		t.Fatal(err)
	}
	step(addendas, "C", "U", "P", "0")
	step(addendas, "sandbox", "sandbox", "sandbox", "1")
}
