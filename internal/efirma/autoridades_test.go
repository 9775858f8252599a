package efirma

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// emisor is an authority of any shape, which the sandbox's is not.
type emisor struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func nuevoEmisor(t *testing.T, key *rsa.PrivateKey, cambia func(*x509.Certificate)) emisor {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AC DE PRUEBA"}, NotBefore: ahora.AddDate(-1, 0, 0), NotAfter: ahora.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cambia(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return emisor{cert, key}
}

func (e emisor) emite(t *testing.T, cambia func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte("30001000000500003415")), NotBefore: ahora.AddDate(-1, 0, 0), NotAfter: ahora.AddDate(1, 0, 0),
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUniqueIdentifier, Value: empresa}}}, KeyUsage: usoEfirma,
	}
	cambia(template)
	der, err := x509.CreateCertificate(rand.Reader, template, e.cert, elTesoro(t).una.Public(), e.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func comoEs(*x509.Certificate) {}

func autoridadesDe(t *testing.T, certs ...*x509.Certificate) *Autoridades {
	t.Helper()
	var todo []byte
	for _, c := range certs {
		todo = append(todo, c.Raw...)
	}
	a, err := NewAutoridades(todo)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// revisadaPor is what the check and the loader say, which must be one thing.
func revisadaPor(t *testing.T, cer []byte, a *Autoridades) *Error {
	t.Helper()
	archivos := Archivos{NombreCer: "e.cer", NombreKey: "e.key", Cer: cer, Key: elTesoro(t).emitidaEnUna.KeyDER, Password: []byte(password)}
	r := Revisa(archivos, a, ahora)
	if slices.ContainsFunc(r.Avisos, func(v Aviso) bool { return v.Codigo == AvisoSinComprobar }) != (a == nil) {
		t.Errorf("with authorities %v: told %v", a != nil, r.Avisos)
	}
	c, err := archivos.abre(a).entrega(ahora)
	if len(r.Problemas) == 0 {
		if err != nil || c.Signer == nil {
			t.Errorf("the check accepts what the loader refuses: %v", err)
		}
		return nil
	}
	rechaza(t, err, r.Problemas[0].Problem)
	if c.Signer != nil {
		t.Error("a refused e.firma can sign")
	}
	return r.Problemas[0]
}

func TestRevisa_WhenTheIssuerIsChecked(t *testing.T) {
	c := elTesoro(t)
	ac := nuevoEmisor(t, c.otra, comoEs)
	sucesora := nuevoEmisor(t, c.una, comoEs) // of the same name
	otra := nuevoEmisor(t, c.una, func(c *x509.Certificate) { c.Subject.CommonName = "OTRA AC" })
	vencida := nuevoEmisor(t, c.otra, func(c *x509.Certificate) { c.NotAfter = ahora.AddDate(0, -6, 0) })
	antigua := nuevoEmisor(t, c.otra, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA, c.KeyUsage = false, false, 0 })
	sinUso := nuevoEmisor(t, c.otra, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	arroba := nuevoEmisor(t, c.otra, func(c *x509.Certificate) { c.RawSubject = nombreDe(t, oidCommonName, 19, "ac@sat.mx") })
	// The SAT's authorities and what they issue write one name in different types.
	conOtroTipo := *ac.cert
	conOtroTipo.RawSubject = marshal(t, []atributoSET{{{oidCommonName, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("AC DE PRUEBA")}}}})
	conSHA1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	alterado := ac.emite(t, comoEs)
	alterado[len(alterado)-1] ^= 1
	for name, tt := range map[string]struct {
		cer  []byte
		por  *Autoridades
		dice string // in the refusal; empty when it serves
	}{
		"without authorities":        {ac.emite(t, comoEs), nil, ""},
		"its own":                    {ac.emite(t, comoEs), autoridadesDe(t, ac.cert), ""},
		"its own among others":       {ac.emite(t, comoEs), autoridadesDe(t, otra.cert, sucesora.cert, ac.cert), ""},
		"signed with SHA-1":          {ac.emite(t, conSHA1), autoridadesDe(t, ac.cert), ""},
		"of one that expired":        {vencida.emite(t, comoEs), autoridadesDe(t, vencida.cert), ""},
		"of one without constraints": {antigua.emite(t, comoEs), autoridadesDe(t, antigua.cert), ""},
		"of one without the usage":   {sinUso.emite(t, comoEs), autoridadesDe(t, sinUso.cert), ""},
		"of one with a bad name":     {arroba.emite(t, comoEs), autoridadesDe(t, arroba.cert), ""},
		"critical extension": {ac.emite(t, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), autoridadesDe(t, ac.cert), ""},
		"its name of another type":    {emisor{&conOtroTipo, ac.key}.emite(t, comoEs), autoridadesDe(t, ac.cert), ""},
		"of another":                  {ac.emite(t, comoEs), autoridadesDe(t, otra.cert), "El certificado lo emitió «AC DE PRUEBA», que no está entre las autoridades de GATEWAY_EFIRMA_CA_FILE"},
		"of one of the same name":     {ac.emite(t, comoEs), autoridadesDe(t, sucesora.cert), "dice que lo emitió «AC DE PRUEBA» y no lleva su firma"},
		"changed after it was signed": {alterado, autoridadesDe(t, ac.cert), "no lleva su firma"},
		"the sandbox's, by the SAT's": {c.emitidaEnUna.CerDER, autoridadesDe(t, otra.cert), "que no está entre las autoridades"},
		"the sandbox's, by its own":   {c.emitidaEnUna.CerDER, autoridadesDe(t, c.ca.Certificate), ""},
	} {
		t.Run(name, func(t *testing.T) {
			problema := revisadaPor(t, tt.cer, tt.por)
			switch {
			case tt.dice == "" && problema != nil:
				t.Errorf("refused: %v", problema)
			case tt.dice != "" && (problema == nil || problema.Problem != EmisorNoReconocido || !strings.Contains(problema.Detail, tt.dice)):
				t.Errorf("%v, want %q", problema, tt.dice)
			}
		})
	}
}

// A taxpayer's certificate must not become an issuer by lying in the file.
func TestNewAutoridades_WhenOthersAreAmongThem(t *testing.T) {
	c := elTesoro(t)
	contribuyente := emisor{c.emitidaEnUna.Certificate, c.una}
	falsa := contribuyente.emite(t, comoEs)
	problema := revisadaPor(t, falsa, autoridadesDe(t, c.ca.Certificate, contribuyente.cert))
	if problema == nil || problema.Problem != EmisorNoReconocido {
		t.Errorf("%v", problema)
	}
}

func TestNewAutoridades_WhenFormsDiffer(t *testing.T) {
	c := elTesoro(t)
	una, otra := c.ca.Certificate.Raw, nuevoEmisor(t, c.otra, comoEs).cert.Raw
	for name, tt := range map[string]struct {
		content []byte
		n       int
		dice    string
	}{
		"PEM":               {[]byte(enPEM("CERTIFICATE", una) + "\n# otra\n" + enPEM("TRUSTED CERTIFICATE", otra)), 2, ""},
		"DER":               {slices.Concat(una, otra), 2, ""},
		"DER in lines":      {slices.Concat(una, []byte("\r\n"), otra, []byte("\n")), 2, ""},
		"both":              {slices.Concat([]byte(enPEM("CERTIFICATE", una)), otra), 2, ""},
		"both, DER first":   {slices.Concat(una, []byte(enPEM("CERTIFICATE", otra))), 2, ""},
		"UTF-16":            {enUTF16(enPEM("CERTIFICATE", una)+enPEM("CERTIFICATE", otra), false, true), 2, ""},
		"base64":            {[]byte(strings.ReplaceAll(strings.ReplaceAll(enPEM("X", una), "-----BEGIN X-----", ""), "-----END X-----", "")), 1, ""},
		"with a taxpayer's": {slices.Concat(una, c.emitidaEnUna.CerDER), 1, ""},
		"empty":             {nil, 0, "no certificate of an authority"},
		"text":              {[]byte("hola"), 0, "no certificate of an authority"},
		"a taxpayer's":      {c.emitidaEnUna.CerDER, 0, "no certificate of an authority"},
		"one cut":           {slices.Concat(una, otra[:300]), 0, "is cut"},
		"one damaged":       {[]byte(enPEM("CERTIFICATE", una) + enPEM("CERTIFICATE", otra[:300])), 0, "cannot be read"},
		"too many":          {bytes.Repeat(una, maxPiezas), 0, "over 255 certificates"},
		"too large":         {make([]byte, maxAutoridades+1), 0, "over 1048576 bytes"},
	} {
		a, err := NewAutoridades(tt.content)
		switch {
		case tt.dice != "" && (err == nil || !strings.Contains(err.Error(), tt.dice)):
			t.Errorf("%s: %v, want %q", name, err, tt.dice)
		case tt.dice == "" && (err != nil || len(a.certs) != tt.n):
			t.Errorf("%s: %v, %v; want %d", name, a, err, tt.n)
		}
	}
}

func TestReadAutoridades_WhenThereIsNoFile(t *testing.T) {
	if a, err := ReadAutoridades(""); a != nil || err != nil {
		t.Errorf("%v, %v", a, err)
	}
	path := filepath.Join(t.TempDir(), "sat.pem")
	if _, err := ReadAutoridades(path); !os.IsNotExist(err) {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("hola"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadAutoridades(path); err == nil || !strings.Contains(err.Error(), "sat.pem: no certificate") {
		t.Error(err)
	}
}

func TestKeyring_WhenTheIssuerIsNoneOfTheAuthorities(t *testing.T) {
	c, r := elTesoro(t), &reloj{t: ahora}
	dir := t.TempDir()
	coloca(t, dir, empresa, archivosDe(c.emitidaEnUna))
	sirve(t, NewKeyring(dir, autoridadesDe(t, c.ca.Certificate), r.now), empresa, c.emitidaEnUna)

	ajenas := NewKeyring(dir, autoridadesDe(t, nuevoEmisor(t, c.otra, comoEs).cert), r.now)
	niega(t, ajenas, empresa, EmisorNoReconocido)
	lista, err := ajenas.List()
	if err != nil || len(lista) != 1 || lista[0].Err == nil || lista[0].Err.RFC != empresa || lista[0].Credential == nil || lista[0].Credential.Signer != nil {
		t.Errorf("%+v, %v", lista, err)
	}
	// That it expired helps more than who issued it.
	r.adelanta(10 * 365 * 24 * time.Hour)
	niega(t, ajenas, empresa, Vencida)
}

func TestRevisa_WhenItIsNoEFirmaAndExpired(t *testing.T) {
	c := elTesoro(t)
	fechas := func(p autoridad.Peticion) autoridad.Peticion {
		p.NotBefore, p.NotAfter = ahora.AddDate(-5, 0, 0), ahora.AddDate(-1, 0, 0)
		return p
	}
	ajeno := nuevoEmisor(t, c.otra, comoEs).emite(t, func(c *x509.Certificate) { c.Subject, c.NotAfter = pkix.Name{CommonName: "x"}, ahora.AddDate(0, -1, 0) })
	futuro := emite(t, autoridad.Peticion{Tipo: autoridad.CSD, NotBefore: ahora.AddDate(0, 0, 1)})
	for name, tt := range map[string]struct {
		cer  []byte
		dice string
		no   string
	}{
		"e.firma":      {emite(t, fechas(autoridad.Peticion{})).CerDER, "La e.firma venció el 2025-03-01", "CSD"},
		"CSD":          {emite(t, fechas(autoridad.Peticion{Tipo: autoridad.CSD})).CerDER, "El certificado de sello digital (CSD) venció el 2025-03-01", "La e.firma venció"},
		"CSD to come":  {futuro.CerDER, "El certificado de sello digital (CSD) aún no es vigente", "La e.firma aún"},
		"another kind": {ajeno, "El certificado venció el 2026-02-01", "La e.firma venció"},
	} {
		r := Revisa(Archivos{NombreCer: "e.cer", NombreKey: "e.key", Cer: tt.cer, Key: c.emitidaEnUna.KeyDER, Password: []byte(password)}, nil, ahora)
		var todo strings.Builder
		for _, p := range r.Problemas {
			todo.WriteString(p.Detail + "\n")
		}
		if !strings.Contains(todo.String(), tt.dice) || strings.Contains(todo.String(), tt.no) {
			t.Errorf("%s: %s; want %q and not %q", name, todo.String(), tt.dice, tt.no)
		}
	}
}
