package pade

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// published is a server of WSDLs by path and query; HOST stands for its host
// without the port.
type published struct {
	documents map[string]string
	mu        sync.Mutex
	asked     []string
}

func (p *published) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.URL.RequestURI())
	p.mu.Unlock()
	document, ok := p.documents[r.URL.RequestURI()]
	switch {
	case !ok:
		http.NotFound(w, r)
	case document == "503":
		w.WriteHeader(http.StatusServiceUnavailable)
	case strings.HasPrefix(document, "302 "):
		http.Redirect(w, r, document[len("302 "):], http.StatusFound)
	default:
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = io.WriteString(w, document)
	}
}

// definitions is a WSDL of a target namespace; i, m and t are prefixes of
// http://interfaz, http://mensajes and the target.
func definitions(target, content string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"` +
		` xmlns:i="http://interfaz" xmlns:m="http://mensajes" xmlns:t="` + target + `" targetNamespace="` + target + `">` + content + `</definitions>`
}

const (
	iface     = `<portType name="Addendas"><operation name="procesarAddenda"/><operation name="procesarAdjuntarAddenda"/></portType>`
	linked    = `<binding name="B" type="i:Addendas"><soap:binding style="document"/></binding><service name="S"><port name="P" binding="t:B"><soap:address location="http://x:80/svc"/></port></service>`
	ofMensaje = `<message name="pide"><part name="parameters" element="m:procesarAddenda"/></message><portType name="Addendas"><operation name="procesarAddenda"><input message="t:pide"/></operation></portType>`
)

func TestWSDL_WhenItIsReadTheNamespaceIsThatOfTheInterface(t *testing.T) {
	t.Parallel()
	both := map[string]string{"procesarAddenda": "http://interfaz", "procesarAdjuntarAddenda": "http://interfaz"}
	for name, tt := range map[string]struct {
		documents map[string]string
		want      map[string]string
		asked     int // documents, when more than those that are there
	}{
		"of one part":              {map[string]string{"/svc?wsdl": definitions("http://interfaz", iface+linked)}, both, 0},
		"an interface alone":       {map[string]string{"/svc?wsdl": definitions("http://interfaz", iface)}, both, 0},
		"Latin-1 under UTF-8":      {map[string]string{"/svc?wsdl": definitions("http://interfaz", "<!-- versi\xf3n -->"+iface+linked)}, both, 0},
		"in an unknown encoding":   {map[string]string{"/svc?wsdl": strings.Replace(definitions("http://interfaz", "<!-- versi\xf3n -->"+iface+linked), "UTF-8", "latin9", 1)}, both, 0},
		"a line before it":         {map[string]string{"/svc?wsdl": "\r\n" + definitions(" http://interfaz\n", iface+linked) + "\n<!-- x"}, both, 0},
		"imported, relative":       {map[string]string{"/svc?wsdl": definitions("http://impl", `<import namespace="http://interfaz" location="?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("http://interfaz", iface)}, both, 0},
		"imported, as a path":      {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="/otra/i.wsdl"/>`+linked), "/otra/i.wsdl": definitions("http://interfaz", iface)}, both, 0},
		"imported, beside it":      {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="i.wsdl"/>`+linked), "/i.wsdl": definitions("http://interfaz", iface)}, both, 0},
		"imported, in the clear":   {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="http://HOST:80/svc?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("http://interfaz", iface)}, both, 0},
		"imported, another port":   {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="https://HOST:9443/svc?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("http://interfaz", iface)}, both, 0},
		"three, one below another": {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("http://b", `<import location="?wsdl=2"/>`), "/svc?wsdl=2": definitions("http://interfaz", iface)}, both, 0},
		"that import each other":   {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/><import location="?wsdl"/><import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("http://interfaz", `<import location="?wsdl"/><import location="?wsdl=1"/>`+iface)}, both, 0},
		"the binding imported":     {map[string]string{"/svc?wsdl": definitions("http://servicio", `<import location="?wsdl=1"/><service name="S"><port name="P" binding="i:B"/></service>`), "/svc?wsdl=1": definitions("http://interfaz", iface+`<binding name="B" type="i:Addendas"><soap:binding/></binding>`)}, both, 0},
		"an import without place":  {map[string]string{"/svc?wsdl": definitions("http://interfaz", `<import namespace="x"/>`+iface+linked)}, both, 0},
		"schemas are not asked for": {map[string]string{"/svc?wsdl": definitions("http://interfaz", `<types><xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"><xsd:import schemaLocation="?xsd=1"/><xsd:element name="portType"/></xsd:schema></types>`+iface+linked)},
			both, 0},
		"a schema as an import":  {map[string]string{"/svc?wsdl": definitions("http://interfaz", `<import location="?xsd=1"/>`+iface+linked), "/svc?xsd=1": `<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"/>`}, both, 0},
		"an import that is gone": {map[string]string{"/svc?wsdl": definitions("http://interfaz", `<import location="?wsdl=7"/>`+iface+linked)}, both, 2},
		"one elsewhere, not needed": {map[string]string{"/svc?wsdl": definitions("http://interfaz", `<import location="http://otro.example/x"/>`+iface+linked)},
			both, 0},
		"the message's element": {map[string]string{"/svc?wsdl": definitions("http://interfaz", ofMensaje+linked)}, map[string]string{"procesarAddenda": "http://mensajes"}, 0},
		"with prefixes": {map[string]string{"/svc?wsdl": `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns="http://interfaz" targetNamespace="http://interfaz">` +
			`<w:portType name="A"><w:operation name="procesarAddenda"/></w:portType><w:binding name="B" type="A"><s:binding xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"/></w:binding>` +
			`<w:service name="S"><w:port name="P" binding="B"/></w:service></w:definitions>`}, map[string]string{"procesarAddenda": "http://interfaz"}, 0},
		"SOAP 1.2 and HTTP beside it": {map[string]string{"/svc?wsdl": definitions("http://t", `<portType name="X"><operation name="procesarAddenda"/></portType><portType name="Get"><operation name="otra"/></portType>`+
			`<import location="?wsdl=1"/><binding name="B12" type="t:X"><soap12:binding/></binding><binding name="BGet" type="t:Get"/><binding name="B" type="i:Addendas"><soap:binding/></binding>`+
			`<service name="S"><port name="P12" binding="t:B12"/><port name="PGet" binding="t:BGet"/><port name="P" binding="t:B"/></service>`), "/svc?wsdl=1": definitions("http://interfaz", iface)}, both, 0},
		"several services, ours by its path": {map[string]string{"/svc?wsdl": definitions("http://t", `<portType name="X"><operation name="procesarAddenda"/></portType><import location="?wsdl=1"/>`+
			`<binding name="BX" type="t:X"><soap:binding/></binding><binding name="B" type="i:Addendas"><soap:binding/></binding>`+
			`<service name="Otro"><port name="P" binding="t:BX"><soap:address location="http://HOST:80/otro"/></port></service><service name="S"><port name="P" binding="t:B"><soap:address location="http://HOST:80/svc"/></port></service>`),
			"/svc?wsdl=1": definitions("http://interfaz", iface)}, both, 0},
		"two ports, an operation each": {map[string]string{"/svc?wsdl": definitions("http://t", `<portType name="X"><operation name="firmar"/></portType><import location="?wsdl=1"/>`+
			`<binding name="BX" type="t:X"><soap:binding/></binding><binding name="B" type="i:Addendas"><soap:binding/></binding><service name="S"><port name="P1" binding="t:BX"/><port name="P2" binding="t:B"/></service>`),
			"/svc?wsdl=1": definitions("http://interfaz", iface)}, map[string]string{"firmar": "http://t", "procesarAddenda": "http://interfaz", "procesarAdjuntarAddenda": "http://interfaz"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, asked, err := learn(t, tt.documents)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.namespaces); diff != "" || len(got.operations) != len(tt.want) {
				t.Errorf("%v %s", got.operations, diff)
			}
			if want := max(tt.asked, len(tt.documents)); len(asked) != want || len(slices.Compact(slices.Sorted(slices.Values(asked)))) != want {
				t.Errorf("asked for %v", asked)
			}
		})
	}
}

// learn has a service read a WSDL at /svc.
func learn(t *testing.T, documents map[string]string) (contract, []string, error) {
	t.Helper()
	p := &published{documents: map[string]string{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	host, _, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	for uri, document := range documents {
		p.documents[uri] = strings.ReplaceAll(document, "HOST", host)
	}
	s := &service{url: server.URL + "/svc", setting: "GATEWAY_PADE_ADDENDAS_NAMESPACE", base: http.DefaultTransport}
	got, err := s.contract(t.Context())
	p.mu.Lock()
	defer p.mu.Unlock()
	return got, p.asked, err
}

func TestWSDL_WhenItIsNotEnoughItSaysSoWithTheSetting(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other address was asked") }))
	defer elsewhere.Close()
	other := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1) + "/svc?wsdl=1"
	chain := map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked)}
	for i := range 9 {
		chain[fmt.Sprintf("/svc?wsdl=%d", i+1)] = definitions("http://x", fmt.Sprintf(`<import location="?wsdl=%d"/>`, i+2))
	}
	wide, many := map[string]string{}, ""
	for i := range 40 {
		many += fmt.Sprintf(`<import location="?wsdl=%d"/>`, i)
		wide[fmt.Sprintf("/svc?wsdl=%d", i)] = definitions("http://x", "")
	}
	wide["/svc?wsdl"] = definitions("http://impl", many+linked)
	one := func(content string) map[string]string {
		return map[string]string{"/svc?wsdl": definitions("http://impl", content)}
	}
	for name, tt := range map[string]struct {
		documents map[string]string
		says      string
		most      int // documents asked for
	}{
		"no portType":                    {one(linked), "no está su portType «Addendas»", 1},
		"nothing":                        {one(""), "no tiene portType con operaciones", 1},
		"a portType without operations":  {one(`<portType name="A"/>`), "no tiene portType con operaciones", 1},
		"a portType of somebody else's":  {one(`<portType name="Otra"><operation name="x"/></portType>` + linked), "no está su portType «Addendas»", 1},
		"imported from another host":     {one(`<import location="` + other + `"/>` + linked), "Importa «" + other + "», que está en otra dirección y no se sigue.", 1},
		"imported by another scheme":     {one(`<import location="file:///etc/passwd"/>` + linked), "Importa «file:///etc/passwd», que está en otra dirección", 1},
		"imported from no address":       {one(`<import location="http://%zz/"/>` + linked), "que está en otra dirección", 1},
		"imported, and gone":             {one(`<import location="?wsdl=1"/>` + linked), "Importa «?wsdl=1», que contestó HTTP 404.", 2},
		"imported, and led elsewhere":    {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": "302 " + other}, "que contestó HTTP 302", 2},
		"imported, and broken":           {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": "<definitions"}, "que no es XML bien formado", 2},
		"imported, too large":            {map[string]string{"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": definitions("x", strings.Repeat(" ", maxWSDL))}, "pasan de 1048576 bytes", 2},
		"one below the other, too deep":  {chain, "y son demasiados documentos", maxImports + 1},
		"one beside the other, too many": {wide, "y son demasiados documentos", maxDocuments},
		"without a namespace":            {map[string]string{"/svc?wsdl": `<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><portType name="A"><operation name="x"/></portType></definitions>`}, "sus operaciones no están en ninguno", 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, asked, err := learn(t, tt.documents)
			e := gateway.AsError(err)
			if err == nil || e.Kind != gateway.KindMensajeRechazado || e.Retryable || !e.Unsent || !strings.Contains(e.Detail, tt.says) || !strings.Contains(e.Detail, "GATEWAY_PADE_ADDENDAS_NAMESPACE") {
				t.Errorf("%v: %+v", got, e)
			}
			if len(asked) > tt.most {
				t.Errorf("%d documents were asked for: %v", len(asked), asked)
			}
		})
	}
}

// What may pass is tried again, and what was learnt is kept.
func TestWSDL_WhenItCannotBeReadItIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, documents := range map[string]map[string]string{
		"not there":              {},
		"down":                   {"/svc?wsdl": "503"},
		"led elsewhere":          {"/svc?wsdl": "302 /otra"},
		"a page":                 {"/svc?wsdl": "<html><body>Mantenimiento</body></html>"},
		"no XML":                 {"/svc?wsdl": "Mantenimiento"},
		"with a DTD":             {"/svc?wsdl": "<!DOCTYPE x>" + definitions("http://interfaz", iface)},
		"too large":              {"/svc?wsdl": definitions("http://interfaz", iface+strings.Repeat(" ", maxWSDL))},
		"its other part is down": {"/svc?wsdl": definitions("http://impl", `<import location="?wsdl=1"/>`+linked), "/svc?wsdl=1": "503"},
	} {
		if _, _, err := learn(t, documents); err == nil || gateway.AsError(err).Kind != gateway.KindNoDisponible || !gateway.AsError(err).Retryable {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := &published{documents: map[string]string{"/svc?wsdl": definitions("http://interfaz", iface+linked)}}
	server := httptest.NewServer(p)
	defer server.Close()
	s := &service{url: server.URL + "/svc", base: http.DefaultTransport}
	for range 3 {
		if _, err := s.contract(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.forget()
	if _, err := s.contract(t.Context()); err != nil || len(p.asked) != 2 {
		t.Errorf("%v after %d documents, want 2", err, len(p.asked))
	}
}
