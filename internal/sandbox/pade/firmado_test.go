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

const textoContrato = "Contrato de adhesión — ñ Ñ € prueba\nlinea 2 & <fin> ]]>"

func TestFirma_ThePACSignsAndNothingElseChanges(t *testing.T) {
	b := arranca(t)
	for _, operacion := range []string{"firmar", "firmarManifiesto", "firmarContratoAdhesion"} {
		b.Reinicia()
		b.operacion = operacion
		c := b.contrato(textoContrato)
		if operacion == "firmarContratoAdhesion" {
			c = b.adhesion(textoContrato)
		}
		antes := "\ufeff" + c.xml(t)
		r := b.firma(antes)
		if r.estado != 200 || r.campo("firmaOk") != "true" || r.codigo() != "0" || r.campo("mensajeResultado") != "" {
			t.Fatalf("%s: %d %s", operacion, r.estado, r.cuerpo)
		}
		if want := b.ahora.UTC().Add(-6 * time.Hour).Format("2006-01-02T15:04:05"); r.campo("fechaFirma") != want {
			t.Errorf("fechaFirma %s, want %s", r.campo("fechaFirma"), want)
		}
		despues := r.documento(t)
		inicio, fin, _ := strings.Cut(antes, "</Firmas>")
		nueva, ok := strings.CutPrefix(despues, inicio)
		nueva, final := strings.CutSuffix(nueva, "</Firmas>"+fin)
		if !ok || !final {
			t.Fatalf("%s: the rest changed: %s", operacion, despues)
		}
		var f struct {
			Quien, CertificadoSerie, Certificado, Sello string
			Otros                                       []xml.Attr `xml:",any,attr"`
		}
		if err := xml.Unmarshal([]byte(nueva), &f); err != nil {
			t.Fatal(err)
		}
		atributos := map[string]string{}
		for _, a := range f.Otros {
			atributos[a.Name.Local] = a.Value
		}
		revisaPAC(t, b, atributos)
	}
}

func revisaPAC(t *testing.T, b *banco, f map[string]string) {
	t.Helper()
	der, _ := base64.StdEncoding.DecodeString(f["Certificado"])
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	llave, _ := cert.PublicKey.(*rsa.PublicKey)
	sello, _ := base64.StdEncoding.DecodeString(f["Sello"])
	if f["Quien"] != "PCCFDI" || f["RFC"] == "" || f["Nombre"] == "" || f["CertificadoSerie"] != autoridad.Serial(cert) || !b.Autoridad().EsPropio(cert) {
		t.Errorf("%v", f)
	}
	if err := rsa.VerifyPKCS1v15(llave, crypto.SHA256, suma(textoContrato), sello); err != nil {
		t.Error(err)
	}
}

func TestFirma_HashIsTheDocumentations(t *testing.T) {
	b := arranca(t)
	b.operacion, b.prueba = "firmarContratoAdhesion", "true"
	for texto, hash := range map[string]string{
		"abc": "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
		"Contrato de adhesión — ñ Ñ € prueba": "E9-C6-D6-72-35-62-52-8B-BC-61-97-AA-47-AB-7F-EE-91-D6-46-DA",
		"linea 1\nlinea 2":                    "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE",
		"linea 1\r\nlinea 2":                  "65-D9-B7-0A-19-5B-DA-FB-1B-FE-E3-70-A1-B3-80-17-88-CC-5D-C0",
		"Jos\u00e9":                           "8F-72-D2-0B-63-70-AD-3D-02-B6-3B-BE-E5-2B-FA-7B-5D-75-AA-15",
		"Jose\u0301":                          "B8-EC-C4-D5-21-7D-AF-E7-D7-6A-18-2C-EC-08-84-8D-9C-AB-73-CE",
	} {
		c := b.adhesion(texto)
		c.hash = hash
		// escapa writes a CR as a reference, so that it survives.
		if r := b.firma(c.xml(t)); r.codigo() != "0" {
			t.Errorf("%q: %s", texto, r.cuerpo)
		}
		for _, malo := range []string{strings.ToLower(hash), strings.ReplaceAll(hash, "-", ""), hashDe("otro"), "Error SHA-1: x"} {
			c.hash = malo
			if r := b.firma(c.xml(t)); r.codigo() != "309" || r.campo("firmaOk") != "false" {
				t.Errorf("%q with %s: %s", texto, malo, r.cuerpo)
			}
		}
	}
	// A literal CR LF is LF to who reads it: a hash over CR LF is not of what arrives.
	c := b.adhesion("linea 1\r\nlinea 2")
	if r := b.firma(strings.Replace(c.xml(t), "&#xD;&#xA;", "\r\n", 1)); r.codigo() != "309" {
		t.Errorf("literal CR LF: %s", r.cuerpo)
	}
}

// emite issues a certificate for an existing key.
func (b *banco) emite(de *autoridad.Autoridad, e *autoridad.Emitida, desde, hasta time.Time) *autoridad.Emitida {
	b.t.Helper()
	nueva, err := de.Emite(autoridad.Peticion{RFC: e.RFC, Password: "x", Key: e.Key, NotBefore: desde, NotAfter: hasta})
	if err != nil {
		b.t.Fatal(err)
	}
	return nueva
}

func TestFirma_SignaturesAreExaminedByParty(t *testing.T) {
	b := arranca(t)
	ajena, err := autoridad.New(b.ahora)
	if err != nil {
		t.Fatal(err)
	}
	dia := 24 * time.Hour
	for i, p := range []struct {
		e                                    *autoridad.Emitida
		sello, certificado, vigencia, emisor string
	}{
		{b.cliente, "303", "305", "307", "311"},
		{b.integra, "304", "306", "308", "310"},
	} {
		con := func(e *autoridad.Emitida) func(*contrato) {
			return func(c *contrato) { c.firmas[i].con = e }
		}
		pon := func(atributo, valor string) func(*contrato) {
			return func(c *contrato) { c.con(i, atributo, valor) }
		}
		revocada := b.emite(b.Autoridad(), p.e, time.Time{}, time.Time{})
		b.Autoridad().Revoca(autoridad.Serial(revocada.Certificate))
		certificado := b64(p.e.CerDER)
		delOtro := []*autoridad.Emitida{b.integra, b.cliente}[i]
		for nombre, c := range map[string]struct {
			cambia func(*contrato)
			codigo string
		}{
			"certificate no base64":    {pon("Certificado", "no es"), p.certificado},
			"certificate broken":       {pon("Certificado", certificado[:76]+"\n"+certificado[76:]), p.certificado},
			"certificate no DER":       {pon("Certificado", "eA=="), p.certificado},
			"another serial":           {pon("CertificadoSerie", "30001000000000000000"), p.certificado},
			"serial in hexadecimal":    {pon("CertificadoSerie", p.e.Certificate.SerialNumber.Text(16)), p.certificado},
			"another RFC":              {func(c *contrato) { c.con(i, "RFC", "PRU010101AB1").con(i, "RepLegalRFC", "") }, p.certificado},
			"authority of another's":   {con(b.emite(ajena, p.e, time.Time{}, time.Time{})), p.emisor},
			"expired":                  {con(b.emite(b.Autoridad(), p.e, b.ahora.Add(-9*dia), b.ahora.Add(-dia))), p.vigencia},
			"not yet":                  {con(b.emite(b.Autoridad(), p.e, b.ahora.Add(dia), b.ahora.Add(9*dia))), p.vigencia},
			"revoked":                  {con(revocada), p.vigencia},
			"seal no base64":           {pon("Sello", "*"), p.sello},
			"seal broken":              {pon("Sello", "QUJD\nREVG"), p.sello},
			"seal of another text":     {pon("Sello", sella(t, firma{con: p.e, digest: crypto.SHA256}, "otro")), p.sello},
			"seal of the hash":         {pon("Sello", sella(t, firma{con: p.e, digest: crypto.SHA256}, hashDe(textoContrato))), p.sello},
			"seal with another key":    {pon("Sello", sella(t, firma{con: delOtro, digest: crypto.SHA256}, textoContrato)), p.sello},
			"seal with SHA-512":        {pon("Sello", sella(t, firma{con: p.e, digest: crypto.SHA512}, textoContrato)), p.sello},
			"seal with SHA-1":          {func(c *contrato) { c.firmas[i].digest = crypto.SHA1 }, "0"},
			"seal with SHA-256":        {func(c *contrato) { c.firmas[i].digest = crypto.SHA256 }, "0"},
			"representative's e.firma": {func(c *contrato) { c.con(i, "RFC", "PRU010101AB1").con(i, "RepLegalRFC", p.e.RFC) }, "0"},
		} {
			doc := b.contrato(textoContrato)
			c.cambia(doc)
			b.prueba = "true"
			r := b.firma(doc.xml(t))
			ok := map[bool]string{true: "true", false: "false"}[c.codigo == "0"]
			if r.codigo() != c.codigo || r.campo("firmaOk") != ok || (c.codigo != "0" && (r.campo("xmlBase64") != "-" || r.campo("fechaFirma") != "-" || r.campo("mensajeResultado") == "")) {
				t.Errorf("%s of %s: %s", nombre, doc.firmas[i].atributos["Quien"], r.cuerpo)
			}
		}
	}
	// The order in which the parties come does not matter.
	doc := b.contrato(textoContrato)
	doc.firmas[0], doc.firmas[1] = doc.firmas[1], doc.firmas[0]
	doc.con(0, "Sello", "*")
	if r := b.firma(doc.xml(t)); r.codigo() != "304" {
		t.Errorf("integrator first: %s", r.cuerpo)
	}
}

func TestFirma_StructureIsExamined(t *testing.T) {
	b := arranca(t)
	bueno := b.contrato(textoContrato).xml(t)
	cambia := func(viejo, nuevo string) string {
		t.Helper()
		if !strings.Contains(bueno, viejo) {
			t.Fatalf("no %s", viejo)
		}
		return strings.Replace(bueno, viejo, nuevo, 1)
	}
	hash := "<Hash>" + hashDe(textoContrato) + "</Hash>"
	for nombre, c := range map[string]struct{ documento, codigo string }{
		"cut":                  {bueno[:len(bueno)-30], "301"},
		"entity":               {cambia("Juana", "&x;"), "301"},
		"DTD":                  {cambia("<Contrato>", "<!DOCTYPE Contrato><Contrato>"), "301"},
		"attribute twice":      {cambia(`Quien="Cliente"`, `Quien="Cliente" Quien="Cliente"`), "301"},
		"Latin":                {cambia("UTF-8", "ISO-8859-1"), "301"},
		"not UTF-8":            {cambia("ñ", "\xf1"), "301"},
		"another root":         {"<Otro/>", "302"},
		"namespace":            {cambia("<Contrato>", `<Contrato xmlns="u">`), "302"},
		"order":                {strings.Replace(cambia(hash, ""), "</Texto>", "</Texto>"+hash, 1), "302"},
		"no hash":              {cambia(hash, ""), "302"},
		"date":                 {cambia("2026-01-31T23:59:59", "2026-01-31"), "302"},
		"date with a zone":     {cambia("2026-01-31T23:59:59", "2026-01-31T23:59:59-06:00"), "302"},
		"date with a fraction": {cambia("2026-01-31T23:59:59", "2026-01-31T23:59:59.5"), "302"},
		"text with elements":   {cambia("</Texto>", "<b/></Texto>"), "302"},
		"one more element":     {cambia("</Contrato>", "<Otro/></Contrato>"), "302"},
		"text between":         {cambia("<Firmas>", "x<Firmas>"), "302"},
		"text in Firmas":       {cambia("<Firmas>", "<Firmas>x"), "302"},
		"no Firmas":            {bueno[:strings.Index(bueno, "<Firmas>")] + "</Contrato>", "302"},
		"empty Firmas":         {bueno[:strings.Index(bueno, "<Firmas>")] + "<Firmas/></Contrato>", "302"},
		"not a Firma":          {cambia("<Firma ", "<Otra/><Firma "), "302"},
		"prefixed attribute":   {cambia(`Quien="Cliente"`, `xmlns:a="u" a:Quien="x" Quien="Cliente"`), "302"},
		"nobody is the client": {cambia(`Quien="Cliente"`, `Quien="CLIENTE"`), "302"},
		"two clients":          {cambia(`Quien="INT"`, `Quien="Cliente"`), "302"},
		"the PAC's":            {cambia(`Quien="INT"`, `Quien="PCCFDI"`), "302"},
		"no name":              {b.contrato(textoContrato).sin("Nombre").xml(t), "302"},
		"no postal code":       {b.contrato(textoContrato).con(1, "CodigoPostal", " ").xml(t), "302"},
		"another's attribute":  {b.contrato(textoContrato).con(0, "Siglas", "C").xml(t), "302"},
		"no representative":    {b.contrato(textoContrato).sin("RepLegal").sin("RepLegalRFC").xml(t), "0"},
		"an adhesion's":        {b.adhesion(textoContrato).xml(t), "302"},
		"spaces and comments":  {cambia("<Firma ", "\n <!-- x -->\n<Firma "), "0"},
	} {
		b.prueba = "true"
		if r := b.firma(c.documento); r.codigo() != c.codigo {
			t.Errorf("%s: %s", nombre, r.cuerpo)
		}
	}
	b.operacion = "firmarContratoAdhesion"
	for nombre, c := range map[string]struct{ documento, codigo string }{
		"two signers":     {bueno, "302"},
		"with RFC":        {b.adhesion(textoContrato).con(0, "RFC", b.cliente.RFC).xml(t), "302"},
		"no address":      {b.adhesion(textoContrato).sin("Colonia").xml(t), "302"},
		"no power":        {b.adhesion(textoContrato).sin("Facultad").sin("RepLegal").xml(t), "0"},
		"seal of nothing": {b.adhesion(textoContrato).con(0, "Sello", "eA==").xml(t), "303"},
	} {
		if r := b.firma(c.documento); r.codigo() != c.codigo {
			t.Errorf("adhesion, %s: %s", nombre, r.cuerpo)
		}
	}
}

func TestFirma_RequestIsExamined(t *testing.T) {
	b := arranca(t)
	enUna := b64([]byte(b.contrato(textoContrato).xml(t)))
	prueba := "<modoPrueba>true</modoPrueba>"
	for nombre, c := range map[string]struct{ parametros, codigo string }{
		"as it should be": {cuenta + "<xml>" + enUna + "</xml>" + prueba, "0"},
		"no xml":          {cuenta + prueba, "400"},
		"empty xml":       {cuenta + "<xml/>" + prueba, "400"},
		"no contrato":     {strings.Replace(cuenta, "<contrato>sandbox</contrato>", "", 1) + "<xml>" + enUna + "</xml>" + prueba, "400"},
		"another account": {strings.ReplaceAll(cuenta, "sandbox", "otra") + "<xml>" + enUna + "</xml>" + prueba, "1"},
		"line breaks":     {cuenta + "<xml>" + enUna[:76] + "\n" + enUna[76:] + "</xml>" + prueba, "301"},
		"no padding":      {cuenta + "<xml>QQ</xml>" + prueba, "301"},
		"of URLs":         {cuenta + "<xml>-_-_</xml>" + prueba, "301"},
		"XML itself":      {cuenta + "<xml>" + escapa(b.contrato(textoContrato).xml(t)) + "</xml>" + prueba, "301"},
	} {
		r := b.publica(firmado, sobre(nsFirmado, "firmar", c.parametros))
		if r.codigo() != c.codigo {
			t.Errorf("%s: %s", nombre, r.cuerpo)
		}
	}
}

func TestModoPrueba_FailsOpen(t *testing.T) {
	b := arranca(t)
	cfirma := b64([]byte(b.contrato(textoContrato).xml(t)))
	for _, c := range []struct {
		parametro string
		prueba    bool
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
		b.Reinicia()
		r := b.publica(firmado, sobre(nsFirmado, "firmar", cuenta+"<xml>"+cfirma+"</xml>"+c.parametro))
		if r.codigo() != "0" {
			t.Fatalf("%s: %s", c.parametro, r.cuerpo)
		}
		if firmados := len(b.Estado().Contratos); (firmados == 0) != c.prueba {
			t.Errorf("%s: %d signed for real", c.parametro, firmados)
		}
	}
}

func TestFirma_ARepeatIsToldSo(t *testing.T) {
	b := arranca(t)
	doc := b.contrato(textoContrato)
	b.prueba = "true"
	for range 2 {
		if r := b.firma(doc.xml(t)); r.codigo() != "0" {
			t.Fatalf("a trial: %s", r.cuerpo)
		}
	}
	b.prueba = "false"
	primera := b.firma(doc.xml(t))
	repetida := b.firma(doc.xml(t))
	if primera.codigo() != "0" || repetida.codigo() != "2" || repetida.campo("firmaOk") != "false" || repetida.campo("xmlBase64") != "-" || repetida.campo("fechaFirma") != "-" {
		t.Errorf("%s\n%s", primera.cuerpo, repetida.cuerpo)
	}
	b.operacion = "firmarManifiesto"
	if r := b.firma(doc.xml(t)); r.codigo() != "2" {
		t.Errorf("by another operation: %s", r.cuerpo)
	}
	b.prueba = "true"
	if r := b.firma(doc.xml(t)); r.codigo() != "0" {
		t.Errorf("a trial of a signed one: %s", r.cuerpo)
	}
	b.prueba = "false"
	if r := b.firma(b.contrato("otro").xml(t)); r.codigo() != "0" {
		t.Errorf("another text: %s", r.cuerpo)
	}
	otro := b.contrato(textoContrato)
	otro.firmas[0].con = b.emite(b.Autoridad(), b.cliente, time.Time{}, time.Time{})
	if r := b.firma(otro.xml(t)); r.codigo() != "0" {
		t.Errorf("another certificate: %s", r.cuerpo)
	}
	e := b.Estado().Contratos
	if len(e) != 3 || e[0].Operacion != "firmar" || e[0].Hash != hashDe(textoContrato) || e[0].CertificadoSerie != autoridad.Serial(b.cliente.Certificate) || e[0].FechaFirma != primera.campo("fechaFirma") {
		t.Errorf("%+v", e)
	}
	b.Reinicia()
	if r := b.firma(doc.xml(t)); r.codigo() != "0" || len(b.Estado().Contratos) != 1 {
		t.Errorf("after a reset: %s", r.cuerpo)
	}
}

func TestFirma_OfOneContractAtATime(t *testing.T) {
	b := arranca(t)
	documento := b.contrato(textoContrato).xml(t)
	codigos := make(chan string, 8)
	for range cap(codigos) {
		go func() { codigos <- b.firma(documento).codigo() }()
	}
	var todos bytes.Buffer
	for range cap(codigos) {
		todos.WriteString(<-codigos)
	}
	if strings.Count(todos.String(), "0") != 1 || strings.Count(todos.String(), "2") != 7 {
		t.Errorf("codes %s", todos.String())
	}
}

func TestFirma_ClockMovesTheDateAndNotTheCertificates(t *testing.T) {
	b := arranca(t)
	b.Reloj().Adelanta(30 * 365 * 24 * time.Hour)
	r := b.firma(b.contrato(textoContrato).xml(t))
	if want := b.ahora.Add(30 * 365 * 24 * time.Hour).UTC().Add(-6 * time.Hour).Format("2006-01-02T15:04:05"); r.codigo() != "0" || r.campo("fechaFirma") != want {
		t.Errorf("%s; want %s", r.cuerpo, want)
	}
}
