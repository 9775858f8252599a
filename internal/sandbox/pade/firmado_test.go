package pade_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const textContrato = "Contrato de adhesión — ñ Ñ € prueba\nlinea 2 & <fin> ]]>"

func TestFirma_ThePACSignsAndNothingElseChanges(t *testing.T) {
	b := start(t)
	for _, operation := range []string{"firmar", "firmarManifiesto", "firmarContratoAdhesion"} {
		b.Reset()
		b.operation = operation
		c := b.contrato(textContrato)
		if operation == "firmarContratoAdhesion" {
			c = b.adhesion(textContrato)
		}
		before := "\ufeff" + c.xml(t)
		r := b.firma(before)
		if r.estado != 200 || r.field("firmaOk") != "true" || r.codigo() != "0" || r.field("mensajeResultado") != "" {
			t.Fatalf("%s: %d %s", operation, r.estado, r.body)
		}
		if want := b.now.UTC().Add(-6 * time.Hour).Format("2006-01-02T15:04:05"); r.field("fechaFirma") != want {
			t.Errorf("fechaFirma %s, want %s", r.field("fechaFirma"), want)
		}
		after := r.document(t)
		start, end, _ := strings.Cut(before, "</Firmas>")
		fresh, ok := strings.CutPrefix(after, start)
		fresh, final := strings.CutSuffix(fresh, "</Firmas>"+end)
		if !ok || !final {
			t.Fatalf("%s: the rest changed: %s", operation, after)
		}
		var f struct {
			Quien, CertificadoSerie, Certificado, Sello string
			Otros                                       []xml.Attr `xml:",any,attr"`
		}
		if err := xml.Unmarshal([]byte(fresh), &f); err != nil {
			t.Fatal(err)
		}
		attributes := map[string]string{}
		for _, a := range f.Otros {
			attributes[a.Name.Local] = a.Value
		}
		checkPAC(t, b, attributes)
	}
}

func checkPAC(t *testing.T, b *bench, f map[string]string) {
	t.Helper()
	der, _ := base64.StdEncoding.DecodeString(f["Certificado"])
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	llave, _ := cert.PublicKey.(*rsa.PublicKey)
	sello, _ := base64.StdEncoding.DecodeString(f["Sello"])
	if f["Quien"] != "PCCFDI" || f["RFC"] == "" || f["Nombre"] == "" || f["CertificadoSerie"] != autoridad.Serial(cert) || !b.Autoridad().IsOwn(cert) {
		t.Errorf("%v", f)
	}
	if err := rsa.VerifyPKCS1v15(llave, crypto.SHA256, sum(textContrato), sello); err != nil {
		t.Error(err)
	}
}

func TestFirma_HashIsTheDocumentations(t *testing.T) {
	b := start(t)
	b.operation, b.trial = "firmarContratoAdhesion", "true"
	for text, hash := range map[string]string{
		"abc": "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
		"Contrato de adhesión — ñ Ñ € prueba": "E9-C6-D6-72-35-62-52-8B-BC-61-97-AA-47-AB-7F-EE-91-D6-46-DA",
		"linea 1\nlinea 2":                    "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE",
		"linea 1\r\nlinea 2":                  "65-D9-B7-0A-19-5B-DA-FB-1B-FE-E3-70-A1-B3-80-17-88-CC-5D-C0",
		"Jos\u00e9":                           "8F-72-D2-0B-63-70-AD-3D-02-B6-3B-BE-E5-2B-FA-7B-5D-75-AA-15",
		"Jose\u0301":                          "B8-EC-C4-D5-21-7D-AF-E7-D7-6A-18-2C-EC-08-84-8D-9C-AB-73-CE",
	} {
		c := b.adhesion(text)
		c.hash = hash
		// escape writes a CR as a reference, so that it survives.
		if r := b.firma(c.xml(t)); r.codigo() != "0" {
			t.Errorf("%q: %s", text, r.body)
		}
		for _, bad := range []string{strings.ToLower(hash), strings.ReplaceAll(hash, "-", ""), hashOf("otro"), "Error SHA-1: x"} {
			c.hash = bad
			if r := b.firma(c.xml(t)); r.codigo() != "309" || r.field("firmaOk") != "false" {
				t.Errorf("%q with %s: %s", text, bad, r.body)
			}
		}
	}
	// A literal CR LF is LF to who reads it: a hash over CR LF is not of what arrives.
	c := b.adhesion("linea 1\r\nlinea 2")
	if r := b.firma(strings.Replace(c.xml(t), "&#xD;&#xA;", "\r\n", 1)); r.codigo() != "309" {
		t.Errorf("literal CR LF: %s", r.body)
	}
}

// issue issues a certificate for an existing key.
func (b *bench) issue(de *autoridad.Autoridad, e *autoridad.Emitido, since, until time.Time) *autoridad.Emitido {
	b.t.Helper()
	fresh, err := de.Issue(autoridad.Request{RFC: e.RFC, Password: "x", Key: e.Key, NotBefore: since, NotAfter: until})
	if err != nil {
		b.t.Fatal(err)
	}
	return fresh
}

func TestFirma_SignaturesAreExaminedByParty(t *testing.T) {
	b := start(t)
	foreign, err := autoridad.New(b.now)
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	for i, p := range []struct {
		e                                    *autoridad.Emitido
		sello, certificado, vigencia, emisor string
	}{
		{b.client, "303", "305", "307", "311"},
		{b.intact, "304", "306", "308", "310"},
	} {
		with := func(e *autoridad.Emitido) func(*contrato) {
			return func(c *contrato) { c.firmas[i].with = e }
		}
		set := func(attribute, value string) func(*contrato) {
			return func(c *contrato) { c.with(i, attribute, value) }
		}
		revoked := b.issue(b.Autoridad(), p.e, time.Time{}, time.Time{})
		b.Autoridad().Revoke(autoridad.Serial(revoked.Certificate))
		certificado := b64(p.e.CerDER)
		ofOther := []*autoridad.Emitido{b.intact, b.client}[i]
		for name, c := range map[string]struct {
			change func(*contrato)
			codigo string
		}{
			"certificate no base64":    {set("Certificado", "no es"), p.certificado},
			"certificate broken":       {set("Certificado", certificado[:76]+"\n"+certificado[76:]), p.certificado},
			"certificate no DER":       {set("Certificado", "eA=="), p.certificado},
			"another serial":           {set("CertificadoSerie", "30001000000000000000"), p.certificado},
			"serial in hexadecimal":    {set("CertificadoSerie", p.e.Certificate.SerialNumber.Text(16)), p.certificado},
			"another RFC":              {func(c *contrato) { c.with(i, "RFC", "PRU010101AB1").with(i, "RepLegalRFC", "") }, p.certificado},
			"authority of another's":   {with(b.issue(foreign, p.e, time.Time{}, time.Time{})), p.emisor},
			"expired":                  {with(b.issue(b.Autoridad(), p.e, b.now.Add(-9*day), b.now.Add(-day))), p.vigencia},
			"not yet":                  {with(b.issue(b.Autoridad(), p.e, b.now.Add(day), b.now.Add(9*day))), p.vigencia},
			"revoked":                  {with(revoked), p.vigencia},
			"seal no base64":           {set("Sello", "*"), p.sello},
			"seal broken":              {set("Sello", "QUJD\nREVG"), p.sello},
			"seal of another text":     {set("Sello", seal(t, firma{with: p.e, digest: crypto.SHA256}, "otro")), p.sello},
			"seal of the hash":         {set("Sello", seal(t, firma{with: p.e, digest: crypto.SHA256}, hashOf(textContrato))), p.sello},
			"seal with another key":    {set("Sello", seal(t, firma{with: ofOther, digest: crypto.SHA256}, textContrato)), p.sello},
			"seal with SHA-512":        {set("Sello", seal(t, firma{with: p.e, digest: crypto.SHA512}, textContrato)), p.sello},
			"seal with SHA-1":          {func(c *contrato) { c.firmas[i].digest = crypto.SHA1 }, "0"},
			"seal with SHA-256":        {func(c *contrato) { c.firmas[i].digest = crypto.SHA256 }, "0"},
			"representative's e.firma": {func(c *contrato) { c.with(i, "RFC", "PRU010101AB1").with(i, "RepLegalRFC", p.e.RFC) }, "0"},
		} {
			doc := b.contrato(textContrato)
			c.change(doc)
			b.trial = "true"
			r := b.firma(doc.xml(t))
			ok := map[bool]string{true: "true", false: "false"}[c.codigo == "0"]
			if r.codigo() != c.codigo || r.field("firmaOk") != ok || (c.codigo != "0" && (r.field("xmlBase64") != "-" || r.field("fechaFirma") != "-" || r.field("mensajeResultado") == "")) {
				t.Errorf("%s of %s: %s", name, doc.firmas[i].attributes["Quien"], r.body)
			}
		}
	}
	// The order in which the parties come does not matter.
	doc := b.contrato(textContrato)
	doc.firmas[0], doc.firmas[1] = doc.firmas[1], doc.firmas[0]
	doc.with(0, "Sello", "*")
	if r := b.firma(doc.xml(t)); r.codigo() != "304" {
		t.Errorf("integrator first: %s", r.body)
	}
}

func TestFirma_StructureIsExamined(t *testing.T) {
	b := start(t)
	good := b.contrato(textContrato).xml(t)
	change := func(old, fresh string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %s", old)
		}
		return strings.Replace(good, old, fresh, 1)
	}
	hash := "<Hash>" + hashOf(textContrato) + "</Hash>"
	for name, c := range map[string]struct{ document, codigo string }{
		"cut":                  {good[:len(good)-30], "301"},
		"entity":               {change("Juana", "&x;"), "301"},
		"DTD":                  {change("<Contrato>", "<!DOCTYPE Contrato><Contrato>"), "301"},
		"attribute twice":      {change(`Quien="Cliente"`, `Quien="Cliente" Quien="Cliente"`), "301"},
		"Latin":                {change("UTF-8", "ISO-8859-1"), "301"},
		"not UTF-8":            {change("ñ", "\xf1"), "301"},
		"another root":         {"<Otro/>", "302"},
		"namespace":            {change("<Contrato>", `<Contrato xmlns="u">`), "302"},
		"order":                {strings.Replace(change(hash, ""), "</Texto>", "</Texto>"+hash, 1), "302"},
		"no hash":              {change(hash, ""), "302"},
		"date":                 {change("2026-01-31T23:59:59", "2026-01-31"), "302"},
		"date with a zone":     {change("2026-01-31T23:59:59", "2026-01-31T23:59:59-06:00"), "302"},
		"date with a fraction": {change("2026-01-31T23:59:59", "2026-01-31T23:59:59.5"), "302"},
		"text with elements":   {change("</Texto>", "<b/></Texto>"), "302"},
		"one more element":     {change("</Contrato>", "<Otro/></Contrato>"), "302"},
		"text between":         {change("<Firmas>", "x<Firmas>"), "302"},
		"text in Firmas":       {change("<Firmas>", "<Firmas>x"), "302"},
		"no Firmas":            {good[:strings.Index(good, "<Firmas>")] + "</Contrato>", "302"},
		"empty Firmas":         {good[:strings.Index(good, "<Firmas>")] + "<Firmas/></Contrato>", "302"},
		"not a Firma":          {change("<Firma ", "<Otra/><Firma "), "302"},
		"prefixed attribute":   {change(`Quien="Cliente"`, `xmlns:a="u" a:Quien="x" Quien="Cliente"`), "302"},
		"nobody is the client": {change(`Quien="Cliente"`, `Quien="CLIENTE"`), "302"},
		"two clients":          {change(`Quien="INT"`, `Quien="Cliente"`), "302"},
		"the PAC's":            {change(`Quien="INT"`, `Quien="PCCFDI"`), "302"},
		"no name":              {b.contrato(textContrato).without("Nombre").xml(t), "302"},
		"no postal code":       {b.contrato(textContrato).with(1, "CodigoPostal", " ").xml(t), "302"},
		"another's attribute":  {b.contrato(textContrato).with(0, "Siglas", "C").xml(t), "302"},
		"no representative":    {b.contrato(textContrato).without("RepLegal").without("RepLegalRFC").xml(t), "0"},
		"an adhesion's":        {b.adhesion(textContrato).xml(t), "302"},
		"spaces and comments":  {change("<Firma ", "\n <!-- x -->\n<Firma "), "0"},
	} {
		b.trial = "true"
		if r := b.firma(c.document); r.codigo() != c.codigo {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	b.operation = "firmarContratoAdhesion"
	for name, c := range map[string]struct{ document, codigo string }{
		"two signers":     {good, "302"},
		"with RFC":        {b.adhesion(textContrato).with(0, "RFC", b.client.RFC).xml(t), "302"},
		"no address":      {b.adhesion(textContrato).without("Colonia").xml(t), "302"},
		"no power":        {b.adhesion(textContrato).without("Facultad").without("RepLegal").xml(t), "0"},
		"seal of nothing": {b.adhesion(textContrato).with(0, "Sello", "eA==").xml(t), "303"},
	} {
		if r := b.firma(c.document); r.codigo() != c.codigo {
			t.Errorf("adhesion, %s: %s", name, r.body)
		}
	}
}

func TestFirma_RequestIsExamined(t *testing.T) {
	b := start(t)
	inOne := b64([]byte(b.contrato(textContrato).xml(t)))
	trial := "<modoPrueba>true</modoPrueba>"
	for name, c := range map[string]struct{ params, codigo string }{
		"as it should be": {cuenta + "<xml>" + inOne + "</xml>" + trial, "0"},
		"no xml":          {cuenta + trial, "400"},
		"empty xml":       {cuenta + "<xml/>" + trial, "400"},
		"no contrato":     {strings.Replace(cuenta, "<contrato>sandbox</contrato>", "", 1) + "<xml>" + inOne + "</xml>" + trial, "400"},
		"another account": {strings.ReplaceAll(cuenta, "sandbox", "otra") + "<xml>" + inOne + "</xml>" + trial, "1"},
		"line breaks":     {cuenta + "<xml>" + inOne[:76] + "\n" + inOne[76:] + "</xml>" + trial, "301"},
		"no padding":      {cuenta + "<xml>QQ</xml>" + trial, "301"},
		"of URLs":         {cuenta + "<xml>-_-_</xml>" + trial, "301"},
		"XML itself":      {cuenta + "<xml>" + escape(b.contrato(textContrato).xml(t)) + "</xml>" + trial, "301"},
	} {
		r := b.publish(signed, envelope(nsSigned, "firmar", c.params))
		if r.codigo() != c.codigo {
			t.Errorf("%s: %s", name, r.body)
		}
	}
}

func TestTrialMode_FailsOpen(t *testing.T) {
	b := start(t)
	signedBase64 := b64([]byte(b.contrato(textContrato).xml(t)))
	for _, c := range []struct {
		param string
		trial bool
	}{
		{"<modoPrueba>true</modoPrueba>", true},
		{"<modoPrueba>1</modoPrueba>", true},
		{"<modoPrueba> true\n</modoPrueba>", true},
		{"<modoPrueba>false</modoPrueba><modoPrueba>true</modoPrueba>", true},
		{"<modoPrueba>false</modoPrueba>", false},
		{"<modoPrueba>0</modoPrueba>", false},
		{"<modoPrueba>TRUE</modoPrueba>", false},
		{"<modoPrueba>True</modoPrueba>", false},
		{"<modoPrueba>si</modoPrueba>", false},
		{"<modoPrueba/>", false},
		{"", false},
		{"<modoprueba>true</modoprueba>", false},
		{"<t:modoPrueba>true</t:modoPrueba>", false},
		{"<modoPrueba>true</modoPrueba><modoPrueba>false</modoPrueba>", false},
		{"<modoPrueba><true/></modoPrueba>", false},
	} {
		b.Reset()
		r := b.publish(signed, envelope(nsSigned, "firmar", cuenta+"<xml>"+signedBase64+"</xml>"+c.param))
		if r.codigo() != "0" {
			t.Fatalf("%s: %s", c.param, r.body)
		}
		if signed := len(b.Estado().Contratos); (signed == 0) != c.trial {
			t.Errorf("%s: %d signed for real", c.param, signed)
		}
	}
}

func TestFirma_ARepeatIsToldSo(t *testing.T) {
	b := start(t)
	doc := b.contrato(textContrato)
	b.trial = "true"
	for range 2 {
		if r := b.firma(doc.xml(t)); r.codigo() != "0" {
			t.Fatalf("a trial: %s", r.body)
		}
	}
	b.trial = "false"
	first := b.firma(doc.xml(t))
	repeated := b.firma(doc.xml(t))
	if first.codigo() != "0" || repeated.codigo() != "2" || repeated.field("firmaOk") != "false" || repeated.field("xmlBase64") != "-" || repeated.field("fechaFirma") != "-" {
		t.Errorf("%s\n%s", first.body, repeated.body)
	}
	b.operation = "firmarManifiesto"
	if r := b.firma(doc.xml(t)); r.codigo() != "2" {
		t.Errorf("by another operation: %s", r.body)
	}
	b.trial = "true"
	if r := b.firma(doc.xml(t)); r.codigo() != "0" {
		t.Errorf("a trial of a signed one: %s", r.body)
	}
	b.trial = "false"
	if r := b.firma(b.contrato("otro").xml(t)); r.codigo() != "0" {
		t.Errorf("another text: %s", r.body)
	}
	other := b.contrato(textContrato)
	other.firmas[0].with = b.issue(b.Autoridad(), b.client, time.Time{}, time.Time{})
	if r := b.firma(other.xml(t)); r.codigo() != "0" {
		t.Errorf("another certificate: %s", r.body)
	}
	e := b.Estado().Contratos
	if len(e) != 3 || e[0].Operacion != "firmar" || e[0].Hash != hashOf(textContrato) || e[0].CertificadoSerie != autoridad.Serial(b.client.Certificate) || e[0].FechaFirma != first.field("fechaFirma") {
		t.Errorf("%+v", e)
	}
	b.Reset()
	if r := b.firma(doc.xml(t)); r.codigo() != "0" || len(b.Estado().Contratos) != 1 {
		t.Errorf("after a reset: %s", r.body)
	}
}

func TestFirma_OfOneContractAtATime(t *testing.T) {
	b := start(t)
	document := b.contrato(textContrato).xml(t)
	codigos := make(chan string, 8)
	for range cap(codigos) {
		go func() { codigos <- b.firma(document).codigo() }()
	}
	var all bytes.Buffer
	for range cap(codigos) {
		all.WriteString(<-codigos)
	}
	if strings.Count(all.String(), "0") != 1 || strings.Count(all.String(), "2") != 7 {
		t.Errorf("codes %s", all.String())
	}
}

func TestFirma_ClockMovesTheDateAndNotTheCertificates(t *testing.T) {
	b := start(t)
	b.Clock().BringForward(30 * 365 * 24 * time.Hour)
	r := b.firma(b.contrato(textContrato).xml(t))
	if want := b.now.Add(30 * 365 * 24 * time.Hour).UTC().Add(-6 * time.Hour).Format("2006-01-02T15:04:05"); r.codigo() != "0" || r.field("fechaFirma") != want {
		t.Errorf("%s; want %s", r.body, want)
	}
}
