package pade_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const abre = `<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>`

func TestMessage_AnswerIsOfJAXWS(t *testing.T) {
	b := arranca(t)
	r := b.addenda("a|1")
	want := abre + `<ns2:procesarAddendaResponse xmlns:ns2="http://addendas.ws.pade.mx"><return>&lt;?xml version="1.0" encoding="UTF-8"?&gt;&lt;servicioAddendas&gt;&lt;id&gt;` +
		r.campo("id") + `&lt;/id&gt;&lt;contrato&gt;sandbox&lt;/contrato&gt;&lt;codigo&gt;0&lt;/codigo&gt;&lt;mensaje/&gt;&lt;xmlBase64&gt;` + r.campo("xmlBase64") +
		`&lt;/xmlBase64&gt;&lt;/servicioAddendas&gt;</return></ns2:procesarAddendaResponse></S:Body></S:Envelope>`
	if r.estado != 200 || r.tipo != "text/xml; charset=utf-8" || r.cuerpo != want {
		t.Errorf("%d %s\n%s\n%s", r.estado, r.tipo, r.cuerpo, want)
	}
	otro := b.addenda("a|1")
	if id := r.campo("id"); len(id) != 36 || otro.campo("id") == id {
		t.Errorf("ids %s and %s", id, otro.campo("id"))
	}
	b.Reinicia()
	if igual := b.addenda("a|1"); igual.cuerpo != r.cuerpo {
		t.Error("the same seed gave another answer")
	}
}

func TestMessage_ParametersAsTheServiceTakesThem(t *testing.T) {
	b := arranca(t)
	datos := "<datos>a|1</datos>"
	for nombre, c := range map[string]struct{ cuerpo, codigo, documento string }{
		"as it should be":    {sobre(nsAddendas, "procesarAddenda", cuenta+datos), "0", ">1<"},
		"another order":      {sobre(nsAddendas, "procesarAddenda", datos+cuenta), "0", ">1<"},
		"unknown ones":       {sobre(nsAddendas, "procesarAddenda", "<x><y>1</y></x>"+cuenta+datos+"<Datos/>"), "0", ">1<"},
		"twice":              {sobre(nsAddendas, "procesarAddenda", cuenta+datos+"<datos>a|2</datos>"), "0", ">2<"},
		"CDATA":              {sobre(nsAddendas, "procesarAddenda", cuenta+"<datos><![CDATA[a|<b>&]]></datos>"), "0", "&lt;b&gt;&amp;"},
		"children unset":     {strings.Replace(strings.Replace(sobre(nsAddendas, "procesarAddenda", cuenta+datos), "<t:", "<", 1), "</t:", "</", 1), "", ""},
		"qualified":          {sobre(nsAddendas, "procesarAddenda", strings.NewReplacer("</", "</t:", "<", "<t:").Replace(cuenta+datos)), "3", ""},
		"default namespace":  {porDefecto(cuenta + datos), "3", ""},
		"undeclared again":   {porDefecto(strings.NewReplacer("<datos>", `<datos xmlns="">`, "<contrato>", `<contrato xmlns="">`, "<usuario>", `<usuario xmlns="">`, "<passwd>", `<passwd xmlns="">`).Replace(cuenta + datos)), "0", ">1<"},
		"one is qualified":   {sobre(nsAddendas, "procesarAddenda", cuenta+"<t:datos>a|1</t:datos>"), "3", ""},
		"missing":            {sobre(nsAddendas, "procesarAddenda", cuenta), "3", ""},
		"empty":              {sobre(nsAddendas, "procesarAddenda", cuenta+"<datos/>"), "3", ""},
		"nil":                {sobre(nsAddendas, "procesarAddenda", cuenta+`<datos xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">a|1</datos>`), "3", ""},
		"elements for text":  {sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1<b>c|2</b></datos>"), "3", ""},
		"text after a child": {sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1<b/>a|2</datos>"), "0", ">2<"},
		"headers, BOM":       {"\ufeff" + strings.Replace(sobre(nsAddendas, "procesarAddenda", cuenta+datos), "<s:Body>", `<s:Header><x y="1">z</x></s:Header><s:Body>`, 1), "0", ">1<"},
	} {
		r := b.publica(addendas, c.cuerpo)
		if c.codigo == "" {
			if r.estado != 500 || !strings.Contains(r.cuerpo, "Cannot find dispatch method for {}procesarAddenda<") {
				t.Errorf("%s: %d %s", nombre, r.estado, r.cuerpo)
			}
			continue
		}
		if r.estado != 200 || r.codigo() != c.codigo {
			t.Errorf("%s: %d %s", nombre, r.estado, r.cuerpo)
			continue
		}
		if c.documento != "" && !strings.Contains(r.documento(t), c.documento) {
			t.Errorf("%s: %s", nombre, r.documento(t))
		}
	}
	for _, accion := range []string{"", `""`, "procesarAddenda", `"http://otra/"`} {
		r := b.publica(addendas+"?wsdl", sobre(nsAddendas, "procesarAddenda", cuenta+datos), func(r *http.Request) { r.Header.Set("SOAPAction", accion) })
		if r.codigo() != "0" {
			t.Errorf("SOAPAction %q at ?wsdl: %s", accion, r.cuerpo)
		}
	}
}

func porDefecto(parametros string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><procesarAddenda xmlns="` + nsAddendas + `">` + parametros + `</procesarAddenda></s:Body></s:Envelope>`
}

func TestMessage_Faults(t *testing.T) {
	b := arranca(t)
	bueno := sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>")
	for nombre, c := range map[string]struct{ cuerpo, codigo, texto string }{
		"another namespace": {strings.Replace(bueno, nsAddendas, "http://otro", 1), "S:Client", "Cannot find dispatch method for {http://otro}procesarAddenda"},
		"another operation": {sobre(nsAddendas, "noExiste", ""), "S:Client", "Cannot find dispatch method for {" + nsAddendas + "}noExiste"},
		"the other service": {sobre(nsFirmado, "firmar", ""), "S:Client", "Cannot find dispatch method for {" + nsFirmado + "}firmar"},
		"empty body":        {`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`, "S:Client", "Cannot find dispatch method for {}"},
		"SOAP 1.2":          {strings.Replace(bueno, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", 1), "S:VersionMismatch", "Couldn't create SOAP message. Expecting Envelope in namespace http://schemas.xmlsoap.org/soap/envelope/, but got http://www.w3.org/2003/05/soap-envelope "},
		"cut":               {bueno[:74], "S:Server", "XML reader error: com.ctc.wstx.exc.WstxEOFException: Unexpected EOF; was expecting a close tag for element &lt;Body&gt;\n at [row,col {unknown-source}]: [1,75]"},
		"nothing":           {"", "S:Server", "XML reader error: com.ctc.wstx.exc.WstxEOFException: Unexpected EOF in prolog\n at [row,col {unknown-source}]: [1,1]"},
		"must understand":   {strings.Replace(bueno, "<s:Body>", `<s:Header><a xmlns="u" s:mustUnderstand="1"/></s:Header><s:Body>`, 1), "S:MustUnderstand", "MustUnderstand headers:[{u}a] are not understood"},
		"control character": {strings.Replace(bueno, "a|1", "a|&#x1;", 1), "S:Server", "javax.xml.bind.UnmarshalException\n - with linked exception:\n[com.ctc.wstx.exc.WstxParsingException: Illegal character entity: expansion character (code 0x1\n at [row,col {unknown-source}]: [1,"},
		"the same, raw":     {strings.Replace(bueno, "a|1", "a|\x01", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"not UTF-8":         {strings.Replace(bueno, "a|1", "a|\xf1", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"DTD":               {"<!DOCTYPE x>" + bueno, "S:Server", "XML reader error: "},
		"prefix":            {strings.Replace(bueno, "<datos>a|1</datos>", "<q:datos>a|1</q:datos>", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"attribute twice":   {strings.Replace(bueno, "<datos>", `<datos a="1" a="2">`, 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"cut at the end":    {strings.TrimSuffix(bueno, "</s:Envelope>"), "S:Server", "XML reader error: "},
		"two roots":         {bueno + "<x/>", "S:Server", "XML reader error: "},
		"text after":        {bueno + "x", "S:Server", "XML reader error: "},
		"declared late":     {" <?xml version=\"1.0\"?>" + bueno, "S:Server", "XML reader error: "},
		"no body":           {`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>`, "S:Client", "Missing Body"},
	} {
		r := b.publica(addendas, c.cuerpo)
		falta := `<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope"><faultcode>` + c.codigo + `</faultcode><faultstring>` + c.texto
		if r.estado != 500 || r.tipo != "text/xml; charset=utf-8" || !strings.HasPrefix(r.cuerpo, abre+falta) || strings.Contains(r.cuerpo, "<detail") {
			t.Errorf("%s: %v %d %s", nombre, r.err, r.estado, r.cuerpo)
		}
	}
	if e := b.Estado(); e.Llamadas["pade"]["procesarAddenda"] != 0 || e.Codigos["S:Client"] == 0 {
		t.Errorf("%v %v", e.Llamadas, e.Codigos)
	}
}

func TestMessage_TypesAndEncodings(t *testing.T) {
	b := arranca(t)
	bueno := sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>")
	for _, tipo := range []string{"", "application/xml", "application/json", "application/soap+xml; charset=utf-8", "text/plain"} {
		r := b.publica(addendas, bueno, func(r *http.Request) { r.Header.Set("Content-Type", tipo) })
		if r.estado != 415 || r.cuerpo != "" || r.tipo != "" {
			t.Errorf("%q: %d %q %q", tipo, r.estado, r.tipo, r.cuerpo)
		}
	}
	if r := b.publica(addendas, strings.Replace(bueno, "a|1", strings.Repeat(" ", 49<<20), 1)); r.err == nil && r.estado != 413 {
		t.Errorf("too large: %d", r.estado)
	}
	latino := strings.Replace(bueno, "a|1", "a|\xf1 &#8364;", 1)
	for nombre, r := range map[string]respuesta{
		"declared":     b.publica(addendas, `<?xml version="1.0" encoding="ISO-8859-1"?>`+latino, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml") }),
		"Content-Type": b.publica(addendas, latino, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=iso-8859-1") }),
	} {
		if r.estado != 200 || r.tipo != "text/xml ;charset=ISO-8859-1" || !strings.HasPrefix(r.cuerpo, `<?xml version='1.0' encoding='ISO-8859-1'?>`) {
			t.Errorf("%s: %d %s %s", nombre, r.estado, r.tipo, r.cuerpo)
			continue
		}
		_, resto, _ := strings.Cut(r.cuerpo, "&lt;xmlBase64&gt;")
		texto, _, _ := strings.Cut(resto, "&lt;")
		r.interno = "<r><xmlBase64>" + texto + "</xmlBase64></r>"
		if !strings.Contains(r.documento(t), ">ñ €<") {
			t.Errorf("%s: %s", nombre, r.documento(t))
		}
	}
	r := b.publica(addendas, strings.Replace(bueno, "a|1", "sin barra ni \xf1 &#8364;", 1), func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=iso-8859-1") })
	if !strings.Contains(r.cuerpo, "l\xednea 1") {
		t.Errorf("the answer is not in the request's encoding: %s", r.cuerpo)
	}
	if r := b.publica(addendas, bueno, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=ebcdic") }); r.estado != 500 || !strings.Contains(r.cuerpo, "UnsupportedEncodingException") {
		t.Errorf("an encoding nobody knows: %d %s", r.estado, r.cuerpo)
	}
}

func TestContract_IsPublishedWithAnAddressNotToFollow(t *testing.T) {
	b := arranca(t)
	if err := b.Perillas().Cambia(map[string]any{"pade_firmado_namespace": "urn:otro & más"}); err != nil {
		t.Fatal(err)
	}
	for ruta, want := range map[string][]string{
		"/pade/addendas?wsdl": {`targetNamespace="http://addendas.ws.pade.mx"`, `<soap:address location="http://127.0.0.1:80/pade/addendas"/>`, `<wsdl:operation name="procesarAdjuntarAddenda">`},
		"/pade/firmado?WSDL":  {`targetNamespace="urn:otro &amp; más"`, `xmlns:tns="urn:otro &amp; más"`, `<soap:address location="http://127.0.0.1:80/pade/firmado"/>`, `<wsdl:operation name="firmarManifiesto">`},
		"/pade/firmado":       {"no es Prodigia"},
	} {
		resp, err := http.Get(b.base + ruta)
		if err != nil {
			t.Fatal(err)
		}
		cuerpo, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, w := range want {
			if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Sandbox") == "" || !strings.Contains(string(cuerpo), w) {
				t.Errorf("GET %s has no %s: %d %s", ruta, w, resp.StatusCode, cuerpo)
			}
		}
	}
	b.operacion = "firmarManifiesto"
	if r := b.firma("x"); r.estado != 500 || !strings.Contains(r.cuerpo, "Cannot find dispatch method for {"+nsFirmado+"}") {
		t.Errorf("the contract's namespace of before: %d %s", r.estado, r.cuerpo)
	}
	if r := b.publica(firmado, sobre("urn:otro &amp; más", "firmarManifiesto", "")); r.codigo() != "400" || !strings.Contains(r.cuerpo, `xmlns:ns2="urn:otro &amp; más"`) {
		t.Errorf("the knob's: %d %s", r.estado, r.cuerpo)
	}
	for ruta, metodo := range map[string]string{"/pade/otra": http.MethodGet, "/pade/addendas": http.MethodPut} {
		r, err := http.NewRequest(metodo, b.base+ruta, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", metodo, ruta, resp.StatusCode)
		}
	}
}

func TestCaptura_SeesTheWholeMessage(t *testing.T) {
	var vistas []sandbox.Captura
	b := arranca(t, func(c *sandbox.Config) { c.Captura = func(x sandbox.Captura) { vistas = append(vistas, x) } })
	b.addenda("a|1")
	if len(vistas) != 1 || vistas[0].Servicio != "pade" || vistas[0].Operacion != "procesarAddenda" ||
		string(vistas[0].Body) != sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>") || vistas[0].Header.Get("Content-Type") == "" {
		t.Errorf("%+v", vistas)
	}
}
