package pade_test

import (
	"strings"
	"testing"
)

func TestAddenda_OfLines(t *testing.T) {
	b := arranca(t)
	const antes, despues = `<cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`, `</cfdi:Addenda>`
	for datos, want := range map[string]string{
		"proveedor|123":                          `<Dato campo="proveedor">123</Dato>`,
		"a|1&#xA;b|2&#xA;":                       `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1\nb|2":                               `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1\r\n\r\nb|2":                         `<Dato campo="a">1</Dato><Dato campo="b">2</Dato>`,
		"a|1&#xD;&#xA;b|2":                       `<Dato campo="a">1&#13;</Dato><Dato campo="b">2</Dato>`,
		"n|ñ € — ]]&gt; &amp;amp;|x":             `<Dato campo="n">ñ € — ]]&gt; &amp;amp;|x</Dato>`,
		"&lt;a&gt; &quot;b&quot;|":               `<Dato campo="&lt;a&gt; &quot;b&quot;"></Dato>`,
		"a|" + strings.Repeat("x", 1<<20) + "\n": `<Dato campo="a">` + strings.Repeat("x", 1<<20) + `</Dato>`,
	} {
		r := b.addenda(datos)
		if r.codigo() != "0" || r.campo("mensaje") != "" || r.documento(t) != antes+want+despues {
			t.Errorf("%.60q: %.400s", datos, r.cuerpo)
		}
	}
}

func TestAddenda_IsPutIntoTheCFDIAndNothingElseChanges(t *testing.T) {
	b := arranca(t)
	const dato = `<Dato campo="a">1</Dato>`
	for nombre, c := range map[string]struct{ antes, despues string }{
		"cfdi":      {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<cfdi:Comprobante xmlns:cfdi='http://www.sat.gob.mx/cfd/4'  Sello = \"x&#10;ñ\"><!-- ]]&gt; --><cfdi:Emisor/>\r\n<![CDATA[<]]> </cfdi:Comprobante>\n<!-- fin -->", ""},
		"self":      {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" />`, `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" ><cfdi:Addenda>` + dato + `</cfdi:Addenda></cfdi:Comprobante>`},
		"empty":     {`<x:Comprobante xmlns:x="http://www.sat.gob.mx/cfd/3"></x:Comprobante >`, `<x:Comprobante xmlns:x="http://www.sat.gob.mx/cfd/3"><x:Addenda>` + dato + `</x:Addenda></x:Comprobante >`},
		"no prefix": {`<Comprobante xmlns="http://www.sat.gob.mx/cfd/2"><a/></Comprobante>`, `<Comprobante xmlns="http://www.sat.gob.mx/cfd/2"><a/><cfdi:Addenda xmlns:cfdi="http://www.sat.gob.mx/cfd/2" xmlns="">` + dato + `</cfdi:Addenda></Comprobante>`},
		"5 MB":      {`<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">` + strings.Repeat("<cfdi:Concepto a='"+strings.Repeat("x", 1000)+"'/>", 5_000) + `</cfdi:Comprobante>`, ""},
	} {
		want := c.despues
		if want == "" {
			want = strings.Replace(c.antes, "</cfdi:Comprobante>", "<cfdi:Addenda>"+dato+"</cfdi:Addenda></cfdi:Comprobante>", 1)
		}
		r := b.adjunta("a|1", c.antes)
		if r.codigo() != "0" || r.documento(t) != want {
			t.Errorf("%s: %.500s", nombre, r.cuerpo)
		}
	}
}

func TestAddenda_Refused(t *testing.T) {
	b := arranca(t)
	const raiz = `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4">`
	for nombre, r := range map[string]struct {
		r      respuesta
		codigo string
		dice   string
	}{
		"no bar":        {b.addenda("a|1\nsin barra"), "6", "línea 2"},
		"no name":       {b.addenda("|1"), "6", "línea 1"},
		"blank":         {b.addenda("\n\n"), "6", "no hay datos"},
		"cut":           {b.adjunta("a|1", raiz), "6", "no está bien formado"},
		"no prefix":     {b.adjunta("a|1", `<cfdi:Comprobante/>`), "6", "no está bien formado"},
		"BOM":           {b.adjunta("a|1", "\ufeff"+raiz+"</cfdi:Comprobante>"), "6", "no está bien formado"},
		"DTD":           {b.adjunta("a|1", "<!DOCTYPE x>"+raiz+"</cfdi:Comprobante>"), "6", "no está bien formado"},
		"Latin":         {b.adjunta("a|1", `<?xml version="1.0" encoding="ISO-8859-1"?>`+raiz+"</cfdi:Comprobante>"), "6", "ISO-8859-1"},
		"no CFDI":       {b.adjunta("a|1", "<Comprobante/>"), "6", "no es un CFDI"},
		"has one":       {b.adjunta("a|1", raiz+"<cfdi:Addenda/></cfdi:Comprobante>"), "6", "ya tiene"},
		"bad data":      {b.adjunta("a", raiz+"</cfdi:Comprobante>"), "6", "línea 1"},
		"no xmlcfdi":    {b.adjunta("a|1", ""), "3", "xmlcfdi"},
		"xml as xml":    {b.publica(addendas, sobre(nsAddendas, "procesarAdjuntarAddenda", cuenta+"<datos>a|1</datos><xmlcfdi><a/></xmlcfdi>")), "3", "xmlcfdi"},
		"all missing":   {b.publica(addendas, sobre(nsAddendas, "procesarAddenda", "")), "3", "contrato, usuario, passwd, datos"},
		"wrong contrat": {b.publica(addendas, sobre(nsAddendas, "procesarAddenda", strings.Replace(cuenta, "sandbox", "otro", 1)+"<datos>a|1</datos>")), "2", "contraseña"},
	} {
		if r.r.estado != 200 || r.r.codigo() != r.codigo || !strings.Contains(r.r.campo("mensaje"), r.dice) || r.r.campo("xmlBase64") != "-" {
			t.Errorf("%s: %d %.400s", nombre, r.r.estado, r.r.cuerpo)
		}
	}
}

// entra calls an operation of each service with an account.
func (b *banco) entra(servicio, contrato, usuario, password string) string {
	b.t.Helper()
	parametros := "<contrato>" + contrato + "</contrato><usuario>" + usuario + "</usuario><passwd>" + password + "</passwd>"
	if servicio == firmado {
		return b.publica(firmado, sobre(nsFirmado, "firmar", parametros+"<xml>eA==</xml><modoPrueba>true</modoPrueba>")).codigo()
	}
	return b.publica(addendas, sobre(nsAddendas, "procesarAddenda", parametros+"<datos>a|1</datos>")).codigo()
}

func TestAccount_ThreeWrongLoginsBlockIt(t *testing.T) {
	b := arranca(t)
	paso := func(servicio, contrato, usuario, password, want string) {
		t.Helper()
		if got := b.entra(servicio, contrato, usuario, password); got != want {
			t.Errorf("%s %s/%s/%s: code %s, want %s", servicio, contrato, usuario, password, got, want)
		}
	}
	// Two, and a right one in between, do not.
	for range 2 {
		paso(addendas, "sandbox", "sandbox", "mala", "1")
		paso(firmado, "sandbox", "sandbox", "mala", "1")
		paso(addendas, "sandbox", "sandbox", "sandbox", "0")
	}
	// Wrong contract codes are no wrong logins; nor is a call without a password one.
	for range 4 {
		paso(addendas, "otro", "sandbox", "sandbox", "2")
		paso(firmado, "otro", "sandbox", "sandbox", "1")
		paso(addendas, "sandbox", "sandbox", "", "3")
		paso(firmado, "sandbox", "sandbox", "", "400")
	}
	// Another's block is another's.
	for range 4 {
		paso(firmado, "sandbox", "otro", "sandbox", "1")
	}
	paso(firmado, "sandbox", "sandbox", "sandbox", "301")
	paso(addendas, "sandbox", "sandbox", "mala", "1")
	paso(firmado, "sandbox", "sandbox", "mala", "1")
	paso(addendas, "sandbox", "sandbox", "mala", "1")
	paso(addendas, "sandbox", "sandbox", "sandbox", "1")
	paso(firmado, "sandbox", "sandbox", "sandbox", "1")
	if got := strings.Join(b.Estado().Bloqueadas, ","); got != "otro,sandbox" {
		t.Errorf("blocked: %s", got)
	}
	b.operacion = "firmarManifiesto"
	if r := b.firma("x"); r.codigo() != "301" {
		t.Errorf("an operation without credentials: %s", r.cuerpo)
	}
	b.Reinicia()
	paso(addendas, "sandbox", "sandbox", "sandbox", "0")
	if err := b.Perillas().Cambia(map[string]any{"pade_contrato": "C", "pade_usuario": "U", "pade_password": "P"}); err != nil {
		t.Fatal(err)
	}
	paso(addendas, "C", "U", "P", "0")
	paso(addendas, "sandbox", "sandbox", "sandbox", "1")
}
