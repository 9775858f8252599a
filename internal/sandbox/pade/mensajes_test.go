package pade_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const open = `<?xml version='1.0' encoding='UTF-8'?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>`

func TestMessage_AnswerIsOfJAXWS(t *testing.T) {
	b := start(t)
	r := b.addenda("a|1")
	want := open + `<ns2:procesarAddendaResponse xmlns:ns2="http://addendas.ws.pade.mx"><return>&lt;?xml version="1.0" encoding="UTF-8"?&gt;&lt;servicioAddendas&gt;&lt;id&gt;` +
		r.field("id") + `&lt;/id&gt;&lt;contrato&gt;sandbox&lt;/contrato&gt;&lt;codigo&gt;0&lt;/codigo&gt;&lt;mensaje/&gt;&lt;xmlBase64&gt;` + r.field("xmlBase64") +
		`&lt;/xmlBase64&gt;&lt;/servicioAddendas&gt;</return></ns2:procesarAddendaResponse></S:Body></S:Envelope>`
	if r.estado != 200 || r.tipo != "text/xml; charset=utf-8" || r.body != want {
		t.Errorf("%d %s\n%s\n%s", r.estado, r.tipo, r.body, want)
	}
	other := b.addenda("a|1")
	if id := r.field("id"); len(id) != 36 || other.field("id") == id {
		t.Errorf("ids %s and %s", id, other.field("id"))
	}
	b.Reset()
	if same := b.addenda("a|1"); same.body != r.body {
		t.Error("the same seed gave another answer")
	}
}

func TestMessage_ParametersAsTheServiceTakesThem(t *testing.T) {
	b := start(t)
	data := "<datos>a|1</datos>"
	for name, c := range map[string]struct{ body, codigo, document string }{
		"as it should be":    {envelope(nsAddendas, "procesarAddenda", cuenta+data), "0", ">1<"},
		"another order":      {envelope(nsAddendas, "procesarAddenda", data+cuenta), "0", ">1<"},
		"unknown ones":       {envelope(nsAddendas, "procesarAddenda", "<x><y>1</y></x>"+cuenta+data+"<Datos/>"), "0", ">1<"},
		"twice":              {envelope(nsAddendas, "procesarAddenda", cuenta+data+"<datos>a|2</datos>"), "0", ">2<"},
		"CDATA":              {envelope(nsAddendas, "procesarAddenda", cuenta+"<datos><![CDATA[a|<b>&]]></datos>"), "0", "&lt;b&gt;&amp;"},
		"children unset":     {strings.Replace(strings.Replace(envelope(nsAddendas, "procesarAddenda", cuenta+data), "<t:", "<", 1), "</t:", "</", 1), "", ""},
		"qualified":          {envelope(nsAddendas, "procesarAddenda", strings.NewReplacer("</", "</t:", "<", "<t:").Replace(cuenta+data)), "3", ""},
		"default namespace":  {byDefault(cuenta + data), "3", ""},
		"undeclared again":   {byDefault(strings.NewReplacer("<datos>", `<datos xmlns="">`, "<contrato>", `<contrato xmlns="">`, "<usuario>", `<usuario xmlns="">`, "<passwd>", `<passwd xmlns="">`).Replace(cuenta + data)), "0", ">1<"},
		"one is qualified":   {envelope(nsAddendas, "procesarAddenda", cuenta+"<t:datos>a|1</t:datos>"), "3", ""},
		"missing":            {envelope(nsAddendas, "procesarAddenda", cuenta), "3", ""},
		"empty":              {envelope(nsAddendas, "procesarAddenda", cuenta+"<datos/>"), "3", ""},
		"nil":                {envelope(nsAddendas, "procesarAddenda", cuenta+`<datos xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">a|1</datos>`), "3", ""},
		"elements for text":  {envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1<b>c|2</b></datos>"), "3", ""},
		"text after a child": {envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1<b/>a|2</datos>"), "0", ">2<"},
		"headers, BOM":       {"\ufeff" + strings.Replace(envelope(nsAddendas, "procesarAddenda", cuenta+data), "<s:Body>", `<s:Header><x y="1">z</x></s:Header><s:Body>`, 1), "0", ">1<"},
	} {
		r := b.publish(addendas, c.body)
		if c.codigo == "" {
			if r.estado != 500 || !strings.Contains(r.body, "Cannot find dispatch method for {}procesarAddenda<") {
				t.Errorf("%s: %d %s", name, r.estado, r.body)
			}
			continue
		}
		if r.estado != 200 || r.codigo() != c.codigo {
			t.Errorf("%s: %d %s", name, r.estado, r.body)
			continue
		}
		if c.document != "" && !strings.Contains(r.document(t), c.document) {
			t.Errorf("%s: %s", name, r.document(t))
		}
	}
	for _, action := range []string{"", `""`, "procesarAddenda", `"http://otra/"`} {
		r := b.publish(addendas+"?wsdl", envelope(nsAddendas, "procesarAddenda", cuenta+data), func(r *http.Request) { r.Header.Set("SOAPAction", action) })
		if r.codigo() != "0" {
			t.Errorf("SOAPAction %q at ?wsdl: %s", action, r.body)
		}
	}
}

func byDefault(params string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><procesarAddenda xmlns="` + nsAddendas + `">` + params + `</procesarAddenda></s:Body></s:Envelope>`
}

func TestMessage_Faults(t *testing.T) {
	b := start(t)
	good := envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>")
	for name, c := range map[string]struct{ body, codigo, text string }{
		"another namespace": {strings.Replace(good, nsAddendas, "http://otro", 1), "S:Client", "Cannot find dispatch method for {http://otro}procesarAddenda"},
		"another operation": {envelope(nsAddendas, "noExiste", ""), "S:Client", "Cannot find dispatch method for {" + nsAddendas + "}noExiste"},
		"the other service": {envelope(nsSigned, "firmar", ""), "S:Client", "Cannot find dispatch method for {" + nsSigned + "}firmar"},
		"empty body":        {`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`, "S:Client", "Cannot find dispatch method for {}"},
		"SOAP 1.2":          {strings.Replace(good, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", 1), "S:VersionMismatch", "Couldn't create SOAP message. Expecting Envelope in namespace http://schemas.xmlsoap.org/soap/envelope/, but got http://www.w3.org/2003/05/soap-envelope "},
		"cut":               {good[:74], "S:Server", "XML reader error: com.ctc.wstx.exc.WstxEOFException: Unexpected EOF; was expecting a close tag for element &lt;Body&gt;\n at [row,col {unknown-source}]: [1,75]"},
		"nothing":           {"", "S:Server", "XML reader error: com.ctc.wstx.exc.WstxEOFException: Unexpected EOF in prolog\n at [row,col {unknown-source}]: [1,1]"},
		"must understand":   {strings.Replace(good, "<s:Body>", `<s:Header><a xmlns="u" s:mustUnderstand="1"/></s:Header><s:Body>`, 1), "S:MustUnderstand", "MustUnderstand headers:[{u}a] are not understood"},
		"control character": {strings.Replace(good, "a|1", "a|&#x1;", 1), "S:Server", "javax.xml.bind.UnmarshalException\n - with linked exception:\n[com.ctc.wstx.exc.WstxParsingException: Illegal character entity: expansion character (code 0x1\n at [row,col {unknown-source}]: [1,"},
		"the same, raw":     {strings.Replace(good, "a|1", "a|\x01", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"not UTF-8":         {strings.Replace(good, "a|1", "a|\xf1", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"DTD":               {"<!DOCTYPE x>" + good, "S:Server", "XML reader error: "},
		"prefix":            {strings.Replace(good, "<datos>a|1</datos>", "<q:datos>a|1</q:datos>", 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"attribute twice":   {strings.Replace(good, "<datos>", `<datos a="1" a="2">`, 1), "S:Server", "javax.xml.bind.UnmarshalException"},
		"cut at the end":    {strings.TrimSuffix(good, "</s:Envelope>"), "S:Server", "XML reader error: "},
		"two roots":         {good + "<x/>", "S:Server", "XML reader error: "},
		"text after":        {good + "x", "S:Server", "XML reader error: "},
		"declared late":     {" <?xml version=\"1.0\"?>" + good, "S:Server", "XML reader error: "},
		"no body":           {`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>`, "S:Client", "Missing Body"},
	} {
		r := b.publish(addendas, c.body)
		missing := `<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope"><faultcode>` + c.codigo + `</faultcode><faultstring>` + c.text
		if r.estado != 500 || r.tipo != "text/xml; charset=utf-8" || !strings.HasPrefix(r.body, open+missing) || strings.Contains(r.body, "<detail") {
			t.Errorf("%s: %v %d %s", name, r.err, r.estado, r.body)
		}
	}
	if e := b.Estado(); e.Llamadas["pade"]["procesarAddenda"] != 0 || e.Codigos["S:Client"] == 0 {
		t.Errorf("%v %v", e.Llamadas, e.Codigos)
	}
}

func TestMessage_TypesAndEncodings(t *testing.T) {
	b := start(t)
	good := envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>")
	for _, tipo := range []string{"", "application/xml", "application/json", "application/soap+xml; charset=utf-8", "text/plain"} {
		r := b.publish(addendas, good, func(r *http.Request) { r.Header.Set("Content-Type", tipo) })
		if r.estado != 415 || r.body != "" || r.tipo != "" {
			t.Errorf("%q: %d %q %q", tipo, r.estado, r.tipo, r.body)
		}
	}
	if r := b.publish(addendas, strings.Replace(good, "a|1", strings.Repeat(" ", 49<<20), 1)); r.err == nil && r.estado != 413 {
		t.Errorf("too large: %d", r.estado)
	}
	latin := strings.Replace(good, "a|1", "a|\xf1 &#8364;", 1)
	for name, r := range map[string]answer{
		"declared":     b.publish(addendas, `<?xml version="1.0" encoding="ISO-8859-1"?>`+latin, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml") }),
		"Content-Type": b.publish(addendas, latin, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=iso-8859-1") }),
	} {
		if r.estado != 200 || r.tipo != "text/xml ;charset=ISO-8859-1" || !strings.HasPrefix(r.body, `<?xml version='1.0' encoding='ISO-8859-1'?>`) {
			t.Errorf("%s: %d %s %s", name, r.estado, r.tipo, r.body)
			continue
		}
		_, rest, _ := strings.Cut(r.body, "&lt;xmlBase64&gt;")
		text, _, _ := strings.Cut(rest, "&lt;")
		r.internal = "<r><xmlBase64>" + text + "</xmlBase64></r>"
		if !strings.Contains(r.document(t), ">ñ €<") {
			t.Errorf("%s: %s", name, r.document(t))
		}
	}
	r := b.publish(addendas, strings.Replace(good, "a|1", "sin barra ni \xf1 &#8364;", 1), func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=iso-8859-1") })
	if !strings.Contains(r.body, "l\xednea 1") {
		t.Errorf("the answer is not in the request's encoding: %s", r.body)
	}
	if r := b.publish(addendas, good, func(r *http.Request) { r.Header.Set("Content-Type", "text/xml; charset=ebcdic") }); r.estado != 500 || !strings.Contains(r.body, "UnsupportedEncodingException") {
		t.Errorf("an encoding nobody knows: %d %s", r.estado, r.body)
	}
}

func TestContract_IsPublishedWithAnAddressNotToFollow(t *testing.T) {
	b := start(t)
	if err := b.Knobs().Change(map[string]any{"pade_firmado_namespace": "urn:otro & más"}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"/pade/addendas?wsdl": {`targetNamespace="http://addendas.ws.pade.mx"`, `<soap:address location="http://127.0.0.1:80/pade/addendas"/>`, `<wsdl:operation name="procesarAdjuntarAddenda">`},
		"/pade/firmado?WSDL":  {`targetNamespace="urn:otro &amp; más"`, `xmlns:tns="urn:otro &amp; más"`, `<soap:address location="http://127.0.0.1:80/pade/firmado"/>`, `<wsdl:operation name="firmarManifiesto">`},
		"/pade/firmado":       {"no es Prodigia"},
	} {
		resp, err := http.Get(b.base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, w := range want {
			if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Sandbox") == "" || !strings.Contains(string(body), w) {
				t.Errorf("GET %s has no %s: %d %s", path, w, resp.StatusCode, body)
			}
		}
	}
	b.operation = "firmarManifiesto"
	if r := b.firma("x"); r.estado != 500 || !strings.Contains(r.body, "Cannot find dispatch method for {"+nsSigned+"}") {
		t.Errorf("the contract's namespace of before: %d %s", r.estado, r.body)
	}
	if r := b.publish(signed, envelope("urn:otro &amp; más", "firmarManifiesto", "")); r.codigo() != "400" || !strings.Contains(r.body, `xmlns:ns2="urn:otro &amp; más"`) {
		t.Errorf("the knob's: %d %s", r.estado, r.body)
	}
	for path, method := range map[string]string{"/pade/otra": http.MethodGet, "/pade/addendas": http.MethodPut} {
		r, err := http.NewRequest(method, b.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", method, path, resp.StatusCode)
		}
	}
}

func TestCapture_SeesTheWholeMessage(t *testing.T) {
	var views []sandbox.Capture
	b := start(t, func(c *sandbox.Config) { c.Capture = func(x sandbox.Capture) { views = append(views, x) } })
	b.addenda("a|1")
	if len(views) != 1 || views[0].Servicio != "pade" || views[0].Operation != "procesarAddenda" ||
		string(views[0].Body) != envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>a|1</datos>") || views[0].Header.Get("Content-Type") == "" {
		t.Errorf("%+v", views)
	}
}
