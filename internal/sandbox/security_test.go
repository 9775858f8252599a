package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const securityFault = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">a:InvalidSecurity</faultcode><faultstring xml:lang="en-US">An error occurred when verifying security for the message.</faultstring></s:Fault></s:Body></s:Envelope>`

func TestAuthenticate_GrantsATokenInTheServicesShape(t *testing.T) {
	b := start(t)
	c := b.client(t, "cfdi", sandbox.RFCCompany)
	r := c.authenticate(c.security(time.Now()))
	if r.estado != http.StatusOK {
		t.Fatalf("%d %s", r.estado, r.body)
	}
	created, err1 := time.Parse(millisFormat, between(r.body, "<u:Created>", "</u:Created>"))
	expire, err2 := time.Parse(millisFormat, between(r.body, "<u:Expires>", "</u:Expires>"))
	if err1 != nil || err2 != nil || expire.Sub(created) != 5*time.Minute {
		t.Errorf("Timestamp %v to %v", created, expire)
	}
	token := between(r.body, "<AutenticaResult>", "</AutenticaResult>")
	jwt, serie, ok := strings.Cut(token, "%26wrap_subject%3d")
	if !ok || strings.Count(jwt, ".") != 2 || !strings.HasPrefix(serie, "3330303031") {
		t.Errorf("token of %d characters, subject %q", len(token), serie)
	}
	for name, value := range map[string]string{"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "Content-Type": "text/xml; charset=utf-8"} {
		if r.header.Get(name) != value {
			t.Errorf("%s: %q", name, r.header.Get(name))
		}
	}
	if r.header.Get("Date") == "" {
		t.Error("no Date, which clients with a bad clock read")
	}
}

func TestAuthenticate_InvalidSecurity(t *testing.T) {
	b := start(t)
	c := b.client(t, "cfdi", sandbox.RFCCompany)
	now := time.Now()
	good := c.security(now)
	other := b.client(t, "cfdi", sandbox.RFCPersona)
	change := func(old, fresh string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to change: %s", old)
		}
		return strings.Replace(good, old, fresh, 1)
	}
	mark := "<u:Timestamp" + between(good, "<u:Timestamp", "</u:Timestamp>") + "</u:Timestamp>"
	fake := strings.Replace(mark, now.UTC().Format("2006"), "2020", 1)
	cases := map[string]string{
		"no Security":                  "",
		"expired":                      c.security(now.Add(-6 * time.Minute)),
		"of the future":                c.security(now.Add(6 * time.Minute)),
		"window of an hour":            c.securityOf(now, now.Add(time.Hour)),
		"backwards":                    c.securityOf(now.Add(2*time.Minute), now.Add(time.Minute)),
		"tampered Timestamp":           change("<u:Created>2", "<u:Created> 2"),
		"tampered digest":              change("<DigestValue>", "<DigestValue>AAAA"),
		"tampered signature":           change("<SignatureValue>"+between(good, "<SignatureValue>", "</SignatureValue>"), "<SignatureValue>"+b64(make([]byte, 256))),
		"another's certificate":        change(b64(c.cer), b64(other.cer)),
		"certificate that is not one":  change(b64(c.cer), b64([]byte("x"))),
		"token reference that dangles": change(`URI="#uuid-1"`, `URI="#uuid-2"`),
		"token reference to another":   change(`URI="#uuid-1"`, `URI="#_0"`),
		"signed reference to another":  c.securityWith(now, now.Add(time.Minute), "#uuid-1"),
		"signed reference to nothing":  c.securityWith(now, now.Add(time.Minute), "#_1"),
		"reference to nothing":         change(`URI="#_0"`, `URI="#_1"`),
		"reference to all":             change(`URI="#_0"`, `URI=""`),
		"rsa-sha256":                   change("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
		"sha256 digest":                change("http://www.w3.org/2000/09/xmldsig#sha1\"", "http://www.w3.org/2001/04/xmlenc#sha256\""),
		"inclusive c14n":               strings.ReplaceAll(good, excC14n, incC14n),
		"two Timestamps":               change(mark, mark+mark),
		"wrapped: signed one inside":   change(mark, fake+"<Objeto>"+mark+"</Objeto>"),
		"wrapped: same Id elsewhere":   change("<o:BinarySecurityToken", `<x Id="_0"/><o:BinarySecurityToken`),
		"wrapped: fake one signs none": change(mark, strings.Replace(fake, `u:Id="_0"`, `u:Id="_9"`, 1)+`<x>`+mark+`</x>`),
		"two signatures":               change("</o:Security>", `<Signature xmlns="`+nsDS+`"/></o:Security>`),
		"two Securities":               good + good,
		"a transform too many":         change("</Transforms>", `<Transform Algorithm="`+wrapped+`"/></Transforms>`),
	}
	for name, security := range cases {
		t.Run(name, func(t *testing.T) {
			r := c.authenticate(security)
			if r.estado != http.StatusInternalServerError || r.body != securityFault {
				t.Errorf("%d %s", r.estado, r.body)
			}
		})
	}
	if r := c.authenticate(good); r.estado != http.StatusOK {
		t.Errorf("the header they were made from was refused: %d", r.estado)
	}
}

// TestCertificados_WhoMayEnter also asks for an operation with the same certificate and another's
// token of the same RFC, which is how a certificate that got no token reaches the later checks.
func TestCertificados_WhoMayEnter(t *testing.T) {
	b := start(t)
	now := time.Now()
	foreign, err := autoridad.New(now)
	if err != nil {
		t.Fatal(err)
	}
	llave := b.client(t, "cfdi", sandbox.RFCCompany).key
	issue := func(a *autoridad.Autoridad, p autoridad.Request) *autoridad.Emitido {
		p.RFC, p.Password, p.Key = trialDigits, "x", llave
		e, err := a.Issue(p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	revoked := issue(b.Autoridad(), autoridad.Request{})
	b.Autoridad().Revoke(autoridad.Serial(revoked.Certificate))
	cases := []struct {
		name    string
		emitido *autoridad.Emitido
		codigo  string
	}{
		{"good", issue(b.Autoridad(), autoridad.Request{}), "5000"},
		{"CSD", issue(b.Autoridad(), autoridad.Request{Tipo: autoridad.CSD}), "305"},
		{"of another authority", issue(foreign, autoridad.Request{}), "305"},
		{"expired", issue(b.Autoridad(), autoridad.Request{NotBefore: now.AddDate(-4, 0, 0), NotAfter: now.Add(-time.Hour)}), "304"},
		{"not yet valid", issue(b.Autoridad(), autoridad.Request{NotBefore: now.Add(time.Hour)}), "304"},
		{"revoked", revoked, "304"},
	}
	token := b.enter(t, "cfdi", sandbox.RFCCompany).token
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := b.with(t, "cfdi", tc.emitido)
			r := c.authenticate(c.security(time.Now()))
			if enter := tc.codigo == "5000"; (r.estado == http.StatusOK) != enter || (!enter && r.body != securityFault) {
				t.Errorf("Autentica: %d %.200s", r.estado, r.body)
			}
			c.token = token
			c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", tc.codigo)
		})
	}
}

func TestToken_FormsAndLife(t *testing.T) {
	now := time.Now()
	b := start(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	raw := c.token
	jwt, _, _ := strings.Cut(raw, "%26")
	good := map[string]string{
		"raw": raw, "without suffix": jwt,
		"decoded": strings.NewReplacer("%26", "&", "%3d", "=").Replace(raw),
	}
	for name, token := range good {
		c.token = token
		if r := c.verify("3f30a4e1-af73-4085-8991-e4d97eef16bd"); r.attr["CodEstatus"] != "5004" {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	retenciones := b.enter(t, "retenciones", sandbox.RFCCompany).token
	persona := b.enter(t, "cfdi", sandbox.RFCPersona).token
	bad := map[string]struct{ token, mensaje string }{
		"none": {"", "Token invalido."}, "nonsense": {"a.b.c", "Token invalido."},
		"tampered":            {"x" + jwt, "Token invalido."},
		"of the other family": {retenciones, "Token invalido."},
		"of another RFC":      {persona, "Usuario No Válido"},
	}
	for name, badOne := range bad {
		t.Run(name, func(t *testing.T) {
			c := c.en(t)
			c.token = badOne.token
			c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", "300", "Mensaje", badOne.mensaje)
			v := c.verify("3f30a4e1-af73-4085-8991-e4d97eef16bd")
			c.wait(v, "CodEstatus", "300", "EstadoSolicitud", "0", "NumeroCFDIs", "0")
			d := c.descarga("X_01")
			c.wait(d, "CodEstatus", "300")
			if !strings.Contains(d.body, "<Paquete></Paquete>") || !strings.Contains(d.body, "<h:respuesta ") {
				t.Errorf("Descargar: %s", d.body)
			}
		})
	}
	c.token = raw
	now = now.Add(299 * time.Second)
	c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", "5000")
	now = now.Add(2 * time.Second)
	c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", "300", "Mensaje", "Usuario No Válido")
	b.knobs(t, map[string]any{"vida_token": "10m"})
	c.wait(c.verify("3f30a4e1-af73-4085-8991-e4d97eef16bd"), "CodEstatus", "5004")
}

func TestSello_302(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	attributes := canonical(c.emitidos())
	for name, firma := range map[string]func(*client, string, string, string, string) string{"A": firmaA, "late prefix": signWithLatePrefix, "B": firmaB, "D": firmaD, "D apart": signApart} {
		good := firma(c, opEmitidos, "solicitud", attributes, "")
		change := func(old, fresh string) string {
			if !strings.Contains(good, old) {
				t.Fatalf("%s: nothing to change: %s", name, old)
			}
			return strings.Replace(good, old, fresh, 1)
		}
		ini := strings.LastIndex(good[:strings.Index(good, "SignedInfo")], "<")
		ini = strings.LastIndex(good[:ini], "<")
		end := strings.Index(good, "</des:solicitud>")
		complete := good[ini:end]
		cases := map[string]string{
			"tampered attribute": change("2026-01-10T23:59:59", "2026-01-10T23:59:58"),
			"tampered digest":    change("DigestValue>", "DigestValue>AAAA"),
			"tampered signature": strings.Replace(good, between(good, "SignatureValue>", "</"), b64(make([]byte, 256)), 1),
			"added attribute":    change("<des:solicitud ", `<des:solicitud Complemento="nomina12" `),
			"no signature":       strings.Replace(good, complete, "", 1),
			"two signatures":     strings.Replace(good, complete, complete+complete, 1),
			"signature moved up": strings.Replace(strings.Replace(good, complete, "", 1), "</des:solicitud>", "</des:solicitud>"+complete, 1),
			"rsa-sha256":         change(nsDS+"rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
			"no certificate":     strings.Replace(good, b64(c.cer), "", 1),
			"other URI":          change(`URI=""`, `URI="#x"`),
			"unknown transform":  change("Transform Algorithm=\"", "Transform Algorithm=\"urn:x"),
		}
		for tc, body := range cases {
			t.Run(name+" "+tc, func(t *testing.T) {
				c := c.en(t)
				r := readResult(t, c.send(pathRequest, accRequest+opEmitidos, body))
				c.wait(r, "CodEstatus", "302", "Mensaje", "Sello Mal Formado")
			})
		}
	}
	t.Run("lenient", func(t *testing.T) {
		b.knobs(t, map[string]any{"firma_estricta": false})
		body := strings.Replace(firmaA(c, opEmitidos, "solicitud", attributes, ""), "2026-01-10T23:59:59", "2026-01-10T23:59:58", 1)
		c.wait(readResult(t, c.send(pathRequest, accRequest+opEmitidos, body)), "CodEstatus", "5000")
		nested := `<des:RfcReceptores><Signature xmlns="` + nsDS + `"/></des:RfcReceptores>`
		for name, bad := range map[string]string{
			"without signature":      c.envelope(opEmitidos, "solicitud", attributes, "", ""),
			"another one in a child": firmaA(c, opEmitidos, "solicitud", attributes, nested),
		} {
			if r := readResult(t, c.send(pathRequest, accRequest+opEmitidos, bad)); r.attr["CodEstatus"] != "302" {
				t.Errorf("%s: %s", name, r.body)
			}
		}
	})
}

func TestSello_303SaysWhose(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	other := sandbox.RFCPersona
	c.wait(c.request(opEmitidos, c.emitidos("RfcSolicitante", other, "RfcEmisor", other)), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcEmisor")
	c.wait(c.request(opEmitidos, c.emitidos("RfcSolicitante", "", "RfcEmisor", other)), "CodEstatus", "303")
	c.wait(c.request(opRecibidos, c.recibidos("RfcSolicitante", other, "RfcReceptor", other)), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcReceptor")
	c.wait(c.request(opFolio, map[string]string{"Folio": "11111111-2222-4333-8444-555555555555", "RfcSolicitante": other}), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcSolicitante")
	c.rfc = other
	c.wait(c.verify("3f30a4e1-af73-4085-8991-e4d97eef16bd"), "CodEstatus", "303", "EstadoSolicitud", "0")
	c.wait(c.descarga("X_01"), "CodEstatus", "303")
}
