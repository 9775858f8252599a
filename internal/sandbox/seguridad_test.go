package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const faltaSeguridad = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:a="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">a:InvalidSecurity</faultcode><faultstring xml:lang="en-US">An error occurred when verifying security for the message.</faultstring></s:Fault></s:Body></s:Envelope>`

func TestAutentica_GrantsATokenInTheServicesShape(t *testing.T) {
	b := arranca(t)
	c := b.cliente(t, "cfdi", sandbox.RFCEmpresa)
	r := c.autentica(c.seguridad(time.Now()))
	if r.estado != http.StatusOK {
		t.Fatalf("%d %s", r.estado, r.cuerpo)
	}
	creado, err1 := time.Parse(formatoMilis, entre(r.cuerpo, "<u:Created>", "</u:Created>"))
	expira, err2 := time.Parse(formatoMilis, entre(r.cuerpo, "<u:Expires>", "</u:Expires>"))
	if err1 != nil || err2 != nil || expira.Sub(creado) != 5*time.Minute {
		t.Errorf("Timestamp %v to %v", creado, expira)
	}
	token := entre(r.cuerpo, "<AutenticaResult>", "</AutenticaResult>")
	jwt, serie, ok := strings.Cut(token, "%26wrap_subject%3d")
	if !ok || strings.Count(jwt, ".") != 2 || !strings.HasPrefix(serie, "3330303031") {
		t.Errorf("token of %d characters, subject %q", len(token), serie)
	}
	for nombre, valor := range map[string]string{"Server": "Microsoft-IIS/10.0", "X-Powered-By": "ASP.NET", "Content-Type": "text/xml; charset=utf-8"} {
		if r.header.Get(nombre) != valor {
			t.Errorf("%s: %q", nombre, r.header.Get(nombre))
		}
	}
	if r.header.Get("Date") == "" {
		t.Error("no Date, which clients with a bad clock read")
	}
}

func TestAutentica_InvalidSecurity(t *testing.T) {
	b := arranca(t)
	c := b.cliente(t, "cfdi", sandbox.RFCEmpresa)
	ahora := time.Now()
	bueno := c.seguridad(ahora)
	otro := b.cliente(t, "cfdi", sandbox.RFCPersona)
	cambia := func(viejo, nuevo string) string {
		if !strings.Contains(bueno, viejo) {
			t.Fatalf("nothing to change: %s", viejo)
		}
		return strings.Replace(bueno, viejo, nuevo, 1)
	}
	marca := "<u:Timestamp" + entre(bueno, "<u:Timestamp", "</u:Timestamp>") + "</u:Timestamp>"
	falsa := strings.Replace(marca, ahora.UTC().Format("2006"), "2020", 1)
	casos := map[string]string{
		"no Security":                  "",
		"expired":                      c.seguridad(ahora.Add(-6 * time.Minute)),
		"of the future":                c.seguridad(ahora.Add(6 * time.Minute)),
		"window of an hour":            c.seguridadDe(ahora, ahora.Add(time.Hour)),
		"backwards":                    c.seguridadDe(ahora.Add(2*time.Minute), ahora.Add(time.Minute)),
		"tampered Timestamp":           cambia("<u:Created>2", "<u:Created> 2"),
		"tampered digest":              cambia("<DigestValue>", "<DigestValue>AAAA"),
		"tampered signature":           cambia("<SignatureValue>"+entre(bueno, "<SignatureValue>", "</SignatureValue>"), "<SignatureValue>"+b64(make([]byte, 256))),
		"another's certificate":        cambia(b64(c.cer), b64(otro.cer)),
		"certificate that is not one":  cambia(b64(c.cer), b64([]byte("x"))),
		"token reference that dangles": cambia(`URI="#uuid-1"`, `URI="#uuid-2"`),
		"token reference to another":   cambia(`URI="#uuid-1"`, `URI="#_0"`),
		"signed reference to another":  c.seguridadCon(ahora, ahora.Add(time.Minute), "#uuid-1"),
		"signed reference to nothing":  c.seguridadCon(ahora, ahora.Add(time.Minute), "#_1"),
		"reference to nothing":         cambia(`URI="#_0"`, `URI="#_1"`),
		"reference to all":             cambia(`URI="#_0"`, `URI=""`),
		"rsa-sha256":                   cambia("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
		"sha256 digest":                cambia("http://www.w3.org/2000/09/xmldsig#sha1\"", "http://www.w3.org/2001/04/xmlenc#sha256\""),
		"inclusive c14n":               strings.ReplaceAll(bueno, excC14n, incC14n),
		"two Timestamps":               cambia(marca, marca+marca),
		"wrapped: signed one inside":   cambia(marca, falsa+"<Objeto>"+marca+"</Objeto>"),
		"wrapped: same Id elsewhere":   cambia("<o:BinarySecurityToken", `<x Id="_0"/><o:BinarySecurityToken`),
		"wrapped: fake one signs none": cambia(marca, strings.Replace(falsa, `u:Id="_0"`, `u:Id="_9"`, 1)+`<x>`+marca+`</x>`),
		"two signatures":               cambia("</o:Security>", `<Signature xmlns="`+nsDS+`"/></o:Security>`),
		"two Securities":               bueno + bueno,
		"a transform too many":         cambia("</Transforms>", `<Transform Algorithm="`+envuelta+`"/></Transforms>`),
	}
	for nombre, seguridad := range casos {
		t.Run(nombre, func(t *testing.T) {
			r := c.autentica(seguridad)
			if r.estado != http.StatusInternalServerError || r.cuerpo != faltaSeguridad {
				t.Errorf("%d %s", r.estado, r.cuerpo)
			}
		})
	}
	if r := c.autentica(bueno); r.estado != http.StatusOK {
		t.Errorf("the header they were made from was refused: %d", r.estado)
	}
}

// TestCertificados_WhoMayEnter also asks for an operation with the same certificate and another's
// token of the same RFC, which is how a certificate that got no token reaches the later checks.
func TestCertificados_WhoMayEnter(t *testing.T) {
	b := arranca(t)
	ahora := time.Now()
	ajena, err := autoridad.New(ahora)
	if err != nil {
		t.Fatal(err)
	}
	llave := b.cliente(t, "cfdi", sandbox.RFCEmpresa).key
	emite := func(a *autoridad.Autoridad, p autoridad.Peticion) *autoridad.Emitida {
		p.RFC, p.Password, p.Key = digitosPrueba, "x", llave
		e, err := a.Emite(p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	revocada := emite(b.Autoridad(), autoridad.Peticion{})
	b.Autoridad().Revoca(autoridad.Serial(revocada.Certificate))
	casos := []struct {
		nombre  string
		emitida *autoridad.Emitida
		codigo  string
	}{
		{"good", emite(b.Autoridad(), autoridad.Peticion{}), "5000"},
		{"CSD", emite(b.Autoridad(), autoridad.Peticion{Tipo: autoridad.CSD}), "305"},
		{"of another authority", emite(ajena, autoridad.Peticion{}), "305"},
		{"expired", emite(b.Autoridad(), autoridad.Peticion{NotBefore: ahora.AddDate(-4, 0, 0), NotAfter: ahora.Add(-time.Hour)}), "304"},
		{"not yet valid", emite(b.Autoridad(), autoridad.Peticion{NotBefore: ahora.Add(time.Hour)}), "304"},
		{"revoked", revocada, "304"},
	}
	token := b.entra(t, "cfdi", sandbox.RFCEmpresa).token
	for _, caso := range casos {
		t.Run(caso.nombre, func(t *testing.T) {
			c := b.con(t, "cfdi", caso.emitida)
			r := c.autentica(c.seguridad(time.Now()))
			if entra := caso.codigo == "5000"; (r.estado == http.StatusOK) != entra || (!entra && r.cuerpo != faltaSeguridad) {
				t.Errorf("Autentica: %d %.200s", r.estado, r.cuerpo)
			}
			c.token = token
			c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", caso.codigo)
		})
	}
}

func TestToken_FormsAndLife(t *testing.T) {
	ahora := time.Now()
	b := arranca(t, func(c *sandbox.Config) { c.Now = func() time.Time { return ahora } })
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	crudo := c.token
	jwt, _, _ := strings.Cut(crudo, "%26")
	buenos := map[string]string{
		"raw": crudo, "without suffix": jwt,
		"decoded": strings.NewReplacer("%26", "&", "%3d", "=").Replace(crudo),
	}
	for nombre, token := range buenos {
		c.token = token
		if r := c.verifica("3f30a4e1-af73-4085-8991-e4d97eef16bd"); r.attr["CodEstatus"] != "5004" {
			t.Errorf("%s: %s", nombre, r.cuerpo)
		}
	}
	retenciones := b.entra(t, "retenciones", sandbox.RFCEmpresa).token
	persona := b.entra(t, "cfdi", sandbox.RFCPersona).token
	malos := map[string]struct{ token, mensaje string }{
		"none": {"", "Token invalido."}, "nonsense": {"a.b.c", "Token invalido."},
		"tampered":            {"x" + jwt, "Token invalido."},
		"of the other family": {retenciones, "Token invalido."},
		"of another RFC":      {persona, "Usuario No Válido"},
	}
	for nombre, malo := range malos {
		t.Run(nombre, func(t *testing.T) {
			c := c.en(t)
			c.token = malo.token
			c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", "300", "Mensaje", malo.mensaje)
			v := c.verifica("3f30a4e1-af73-4085-8991-e4d97eef16bd")
			c.espera(v, "CodEstatus", "300", "EstadoSolicitud", "0", "NumeroCFDIs", "0")
			d := c.descarga("X_01")
			c.espera(d, "CodEstatus", "300")
			if !strings.Contains(d.cuerpo, "<Paquete></Paquete>") || !strings.Contains(d.cuerpo, "<h:respuesta ") {
				t.Errorf("Descargar: %s", d.cuerpo)
			}
		})
	}
	c.token = crudo
	ahora = ahora.Add(299 * time.Second)
	c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", "5000")
	ahora = ahora.Add(2 * time.Second)
	c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", "300", "Mensaje", "Usuario No Válido")
	b.perillas(t, map[string]any{"vida_token": "10m"})
	c.espera(c.verifica("3f30a4e1-af73-4085-8991-e4d97eef16bd"), "CodEstatus", "5004")
}

func TestSello_302(t *testing.T) {
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	atributos := canonicos(c.emitidos())
	for nombre, firma := range map[string]func(*cliente, string, string, string, string) string{"A": firmaA, "late prefix": firmaConPrefijoTardio, "B": firmaB, "D": firmaD, "D apart": firmaDAparte} {
		bueno := firma(c, opEmitidos, "solicitud", atributos, "")
		cambia := func(viejo, nuevo string) string {
			if !strings.Contains(bueno, viejo) {
				t.Fatalf("%s: nothing to change: %s", nombre, viejo)
			}
			return strings.Replace(bueno, viejo, nuevo, 1)
		}
		ini := strings.LastIndex(bueno[:strings.Index(bueno, "SignedInfo")], "<")
		ini = strings.LastIndex(bueno[:ini], "<")
		fin := strings.Index(bueno, "</des:solicitud>")
		completa := bueno[ini:fin]
		casos := map[string]string{
			"tampered attribute": cambia("2026-01-10T23:59:59", "2026-01-10T23:59:58"),
			"tampered digest":    cambia("DigestValue>", "DigestValue>AAAA"),
			"tampered signature": strings.Replace(bueno, entre(bueno, "SignatureValue>", "</"), b64(make([]byte, 256)), 1),
			"added attribute":    cambia("<des:solicitud ", `<des:solicitud Complemento="nomina12" `),
			"no signature":       strings.Replace(bueno, completa, "", 1),
			"two signatures":     strings.Replace(bueno, completa, completa+completa, 1),
			"signature moved up": strings.Replace(strings.Replace(bueno, completa, "", 1), "</des:solicitud>", "</des:solicitud>"+completa, 1),
			"rsa-sha256":         cambia(nsDS+"rsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
			"no certificate":     strings.Replace(bueno, b64(c.cer), "", 1),
			"other URI":          cambia(`URI=""`, `URI="#x"`),
			"unknown transform":  cambia("Transform Algorithm=\"", "Transform Algorithm=\"urn:x"),
		}
		for caso, cuerpo := range casos {
			t.Run(nombre+" "+caso, func(t *testing.T) {
				c := c.en(t)
				r := leeResultado(t, c.envia(rutaSolicita, accSolicita+opEmitidos, cuerpo))
				c.espera(r, "CodEstatus", "302", "Mensaje", "Sello Mal Formado")
			})
		}
	}
	t.Run("lenient", func(t *testing.T) {
		b.perillas(t, map[string]any{"firma_estricta": false})
		cuerpo := strings.Replace(firmaA(c, opEmitidos, "solicitud", atributos, ""), "2026-01-10T23:59:59", "2026-01-10T23:59:58", 1)
		c.espera(leeResultado(t, c.envia(rutaSolicita, accSolicita+opEmitidos, cuerpo)), "CodEstatus", "5000")
		anidada := `<des:RfcReceptores><Signature xmlns="` + nsDS + `"/></des:RfcReceptores>`
		for nombre, malo := range map[string]string{
			"without signature":      c.sobre(opEmitidos, "solicitud", atributos, "", ""),
			"another one in a child": firmaA(c, opEmitidos, "solicitud", atributos, anidada),
		} {
			if r := leeResultado(t, c.envia(rutaSolicita, accSolicita+opEmitidos, malo)); r.attr["CodEstatus"] != "302" {
				t.Errorf("%s: %s", nombre, r.cuerpo)
			}
		}
	})
}

func TestSello_303SaysWhose(t *testing.T) {
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	otro := sandbox.RFCPersona
	c.espera(c.solicita(opEmitidos, c.emitidos("RfcSolicitante", otro, "RfcEmisor", otro)), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcEmisor")
	c.espera(c.solicita(opEmitidos, c.emitidos("RfcSolicitante", "", "RfcEmisor", otro)), "CodEstatus", "303")
	c.espera(c.solicita(opRecibidos, c.recibidos("RfcSolicitante", otro, "RfcReceptor", otro)), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcReceptor")
	c.espera(c.solicita(opFolio, map[string]string{"Folio": "11111111-2222-4333-8444-555555555555", "RfcSolicitante": otro}), "CodEstatus", "303", "Mensaje", "Sello no corresponde con RfcSolicitante")
	c.rfc = otro
	c.espera(c.verifica("3f30a4e1-af73-4085-8991-e4d97eef16bd"), "CodEstatus", "303", "EstadoSolicitud", "0")
	c.espera(c.descarga("X_01"), "CodEstatus", "303")
}
