package transport

import (
	"strings"
	"testing"
	"time"
)

func TestParseAnswer_WhenResult(t *testing.T) {
	t.Parallel()
	got, _, err := parseAnswer([]byte(`<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">`+
		`<s:Header><o:Security xmlns:o="urn:o"><u:Timestamp xmlns:u="urn:u"><u:Created> 2026-01-01T00:00:00.000Z</u:Created><u:Expires>2026-01-01T00:04:00.000Z</u:Expires></u:Timestamp></o:Security></s:Header>`+
		`<s:Body><R xmlns="urn:d"><Res CodEstatus=" 5000 " Mensaje="Solicitud Aceptada"/></R></s:Body></s:Envelope>`), "")
	if err != nil {
		t.Fatal(err)
	}
	if got.CodEstatus != "5000" || got.Mensaje != "Solicitud Aceptada" || got.Expires.Sub(got.Created) != 4*time.Minute || got.fault {
		t.Errorf("%+v", got)
	}
}

func TestParseAnswer_WhenFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, code, text string }{
		"white space around the code": {
			"<s:Fault><faultcode xmlns:a=\"urn:x\">\n\t a:InvalidSecurity \n</faultcode><faultstring xml:lang=\"en-US\">An error occurred when verifying security for the message.</faultstring></s:Fault>",
			"InvalidSecurity", "An error occurred when verifying security for the message."},
		"an address and a stack": {
			"<s:Fault><faultcode>s:Server</faultcode><faultstring>Failed at http://10.0.0.7:8080/x.svc for urn:d\n   at System.Xml.Reader()</faultstring><detail><x>secret</x></detail></s:Fault>",
			"Server", "Failed at [dirección] for urn:d"},
		"the contract's own namespace stays": {
			"<s:Fault><faultcode>a:ActionNotSupported</faultcode><faultstring>Action 'http://ns.example/IService/Op' cannot be processed</faultstring></s:Fault>",
			"ActionNotSupported", "Action 'http://ns.example/IService/Op' cannot be processed"},
		"an endless text": {
			"<s:Fault><faultcode>s:Client</faultcode><faultstring>" + strings.Repeat("ñ", 1000) + "</faultstring></s:Fault>",
			"Client", strings.Repeat("ñ", maxFaultstring) + "…"},
	} {
		got, _, err := parseAnswer([]byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`+tc.body+`</s:Body></s:Envelope>`), "")
		if err != nil || !got.fault {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if e := got.faultError(500, "http://ns.example"); e.Faultcode != tc.code || e.Faultstring != tc.text {
			t.Errorf("%s: code %q, text %q", name, e.Faultcode, e.Faultstring)
		}
	}
}

func TestParseAnswer_WhenNotSOAP(t *testing.T) {
	t.Parallel()
	const ns = `xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`
	for name, body := range map[string]string{
		"nothing":          "",
		"text":             "Service Unavailable",
		"HTML":             "<html><body>503</body></html>",
		"SOAP 1.2":         `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body/></s:Envelope>`,
		"DTD":              `<!DOCTYPE x [<!ENTITY a "b">]><s:Envelope ` + ns + `><s:Body/></s:Envelope>`,
		"entity":           `<s:Envelope ` + ns + `><s:Body>&a;</s:Body></s:Envelope>`,
		"cut":              `<s:Envelope ` + ns + `><s:Body>`,
		"two documents":    `<s:Envelope ` + ns + `></s:Envelope><s:Envelope ` + ns + `></s:Envelope>`,
		"too deep":         `<s:Envelope ` + ns + `>` + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + `</s:Envelope>`,
		"attributes touch": `<s:Envelope ` + ns + `><s:Body a="1"b="2"/></s:Envelope>`,
	} {
		if got, _, err := parseAnswer([]byte(body), ""); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

// FuzzParseAnswer: no answer makes the parser panic, and what it shows of a
// fault is one line without addresses.
func FuzzParseAnswer(f *testing.F) {
	const ns = `xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`
	f.Add([]byte(`<s:Envelope ` + ns + `><s:Body><s:Fault><faultcode>a:X</faultcode><faultstring>http://h/ at System.X</faultstring></s:Fault></s:Body></s:Envelope>`))
	f.Add([]byte(`<s:Envelope ` + ns + `><s:Header><h:respuesta xmlns:h="urn:d" CodEstatus="5000" Mensaje="m"/></s:Header><s:Body><a><b CodEstatus="1"/></a></s:Body></s:Envelope>`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := parseAnswer(data, "")
		if err != nil {
			return
		}
		e := got.faultError(500, "urn:d")
		for _, text := range []string{e.Faultcode, e.Faultstring} {
			if strings.ContainsAny(text, "\r\n") || strings.Contains(text, "http://") || len([]rune(text)) > maxFaultstring+1 {
				t.Errorf("shown: %q", text)
			}
		}
	})
}
