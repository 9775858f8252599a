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

// emisor is an authority of arbitrary shape, unlike the sandbox's.
type emisor struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func newEmisor(t *testing.T, key *rsa.PrivateKey, change func(*x509.Certificate)) emisor {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AC DE PRUEBA"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	change(template)
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

func (e emisor) issue(t *testing.T, change func(*x509.Certificate)) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte("30001000000500003415")), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUniqueIdentifier, Value: company}}}, KeyUsage: useEfirma,
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, e.cert, treasure(t).one.Public(), e.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func howItIs(*x509.Certificate) {}

func autoridadesOf(t *testing.T, certs ...*x509.Certificate) *Autoridades {
	t.Helper()
	var all []byte
	for _, c := range certs {
		all = append(all, c.Raw...)
	}
	a, err := NewAutoridades(all)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// checkedBy returns the refusal by Check, and fails if Load refuses differently.
func checkedBy(t *testing.T, cer []byte, a *Autoridades) *Error {
	t.Helper()
	files := Files{CerName: "e.cer", KeyName: "e.key", Cer: cer, Key: treasure(t).emitidoInOne.KeyDER, Password: []byte(password)}
	r := Check(files, a, now)
	if slices.ContainsFunc(r.Avisos, func(v Aviso) bool { return v.Codigo == AvisoUnchecked }) != (a == nil) {
		t.Errorf("with authorities %v: told %v", a != nil, r.Avisos)
	}
	c, err := files.open(a).entrega(now)
	if len(r.Problems) == 0 {
		if err != nil || c.Signer == nil {
			t.Errorf("the check accepts what the loader refuses: %v", err)
		}
		return nil
	}
	reject(t, err, r.Problems[0].Problem)
	if c.Signer != nil {
		t.Error("a refused e.firma can sign")
	}
	return r.Problems[0]
}

func TestCheck_WhenTheIssuerIsChecked(t *testing.T) {
	c := treasure(t)
	ac := newEmisor(t, c.other, howItIs)
	successor := newEmisor(t, c.one, howItIs) // of the same name
	other := newEmisor(t, c.one, func(c *x509.Certificate) { c.Subject.CommonName = "OTRA AC" })
	expired := newEmisor(t, c.other, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, -6, 0) })
	old := newEmisor(t, c.other, func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA, c.KeyUsage = false, false, 0 })
	withoutUse := newEmisor(t, c.other, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	at := newEmisor(t, c.other, func(c *x509.Certificate) { c.RawSubject = nameOf(t, oidCommonName, 19, "ac@sat.mx") })
	// The SAT's authorities and their certificates write the same name in different
	// types.
	withOtherTipo := *ac.cert
	withOtherTipo.RawSubject = marshal(t, []attributeSET{{{oidCommonName, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte("AC DE PRUEBA")}}}})
	withSHA1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }
	altered := ac.issue(t, howItIs)
	altered[len(altered)-1] ^= 1
	for name, tt := range map[string]struct {
		cer []byte
		by  *Autoridades
		say string // in the refusal; empty when it serves
	}{
		"without authorities":        {ac.issue(t, howItIs), nil, ""},
		"its own":                    {ac.issue(t, howItIs), autoridadesOf(t, ac.cert), ""},
		"its own among others":       {ac.issue(t, howItIs), autoridadesOf(t, other.cert, successor.cert, ac.cert), ""},
		"signed with SHA-1":          {ac.issue(t, withSHA1), autoridadesOf(t, ac.cert), ""},
		"of one that expired":        {expired.issue(t, howItIs), autoridadesOf(t, expired.cert), ""},
		"of one without constraints": {old.issue(t, howItIs), autoridadesOf(t, old.cert), ""},
		"of one without the usage":   {withoutUse.issue(t, howItIs), autoridadesOf(t, withoutUse.cert), ""},
		"of one with a bad name":     {at.issue(t, howItIs), autoridadesOf(t, at.cert), ""},
		"critical extension": {ac.issue(t, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}), autoridadesOf(t, ac.cert), ""},
		"its name of another type":    {emisor{&withOtherTipo, ac.key}.issue(t, howItIs), autoridadesOf(t, ac.cert), ""},
		"of another":                  {ac.issue(t, howItIs), autoridadesOf(t, other.cert), "El certificado lo emitió «AC DE PRUEBA», que no está entre las autoridades de GATEWAY_EFIRMA_CA_FILE"},
		"of one of the same name":     {ac.issue(t, howItIs), autoridadesOf(t, successor.cert), "dice que lo emitió «AC DE PRUEBA» y no lleva su firma"},
		"changed after it was signed": {altered, autoridadesOf(t, ac.cert), "no lleva su firma"},
		"the sandbox's, by the SAT's": {c.emitidoInOne.CerDER, autoridadesOf(t, other.cert), "que no está entre las autoridades"},
		"the sandbox's, by its own":   {c.emitidoInOne.CerDER, autoridadesOf(t, c.ca.Certificate), ""},
	} {
		t.Run(name, func(t *testing.T) {
			problem := checkedBy(t, tt.cer, tt.by)
			switch {
			case tt.say == "" && problem != nil:
				t.Errorf("refused: %v", problem)
			case tt.say != "" && (problem == nil || problem.Problem != EmisorNoReconocido || !strings.Contains(problem.Detail, tt.say)):
				t.Errorf("%v, want %q", problem, tt.say)
			}
		})
	}
}

// A taxpayer's certificate in the file must not become an issuer.
func TestNewAutoridades_WhenOthersAreAmongThem(t *testing.T) {
	c := treasure(t)
	contribuyente := emisor{c.emitidoInOne.Certificate, c.one}
	fake := contribuyente.issue(t, howItIs)
	problem := checkedBy(t, fake, autoridadesOf(t, c.ca.Certificate, contribuyente.cert))
	if problem == nil || problem.Problem != EmisorNoReconocido {
		t.Errorf("%v", problem)
	}
}

func TestNewAutoridades_WhenFormsDiffer(t *testing.T) {
	c := treasure(t)
	one, other := c.ca.Certificate.Raw, newEmisor(t, c.other, howItIs).cert.Raw
	for name, tt := range map[string]struct {
		content []byte
		n       int
		say     string
	}{
		"PEM":               {[]byte(inPEM("CERTIFICATE", one) + "\n# otra\n" + inPEM("TRUSTED CERTIFICATE", other)), 2, ""},
		"DER":               {slices.Concat(one, other), 2, ""},
		"DER in lines":      {slices.Concat(one, []byte("\r\n"), other, []byte("\n")), 2, ""},
		"both":              {slices.Concat([]byte(inPEM("CERTIFICATE", one)), other), 2, ""},
		"both, DER first":   {slices.Concat(one, []byte(inPEM("CERTIFICATE", other))), 2, ""},
		"UTF-16":            {inUTF16(inPEM("CERTIFICATE", one)+inPEM("CERTIFICATE", other), false, true), 2, ""},
		"base64":            {[]byte(strings.ReplaceAll(strings.ReplaceAll(inPEM("X", one), "-----BEGIN X-----", ""), "-----END X-----", "")), 1, ""},
		"with a taxpayer's": {slices.Concat(one, c.emitidoInOne.CerDER), 1, ""},
		"empty":             {nil, 0, "no certificate of an authority"},
		"text":              {[]byte("hola"), 0, "no certificate of an authority"},
		"a taxpayer's":      {c.emitidoInOne.CerDER, 0, "no certificate of an authority"},
		"one cut":           {slices.Concat(one, other[:300]), 0, "is cut"},
		"one damaged":       {[]byte(inPEM("CERTIFICATE", one) + inPEM("CERTIFICATE", other[:300])), 0, "cannot be read"},
		"too many":          {bytes.Repeat(one, maxPieces), 0, "over 255 certificates"},
		"too large":         {make([]byte, maxAutoridades+1), 0, "over 1048576 bytes"},
	} {
		a, err := NewAutoridades(tt.content)
		switch {
		case tt.say != "" && (err == nil || !strings.Contains(err.Error(), tt.say)):
			t.Errorf("%s: %v, want %q", name, err, tt.say)
		case tt.say == "" && (err != nil || len(a.certs) != tt.n):
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
	c, r := treasure(t), &clock{t: now}
	dir := t.TempDir()
	place(t, dir, company, filesOf(c.emitidoInOne))
	serve(t, NewKeyring(dir, autoridadesOf(t, c.ca.Certificate), r.now), company, c.emitidoInOne)

	foreign := NewKeyring(dir, autoridadesOf(t, newEmisor(t, c.other, howItIs).cert), r.now)
	deny(t, foreign, company, EmisorNoReconocido)
	list, err := foreign.List()
	if err != nil || len(list) != 1 || list[0].Err == nil || list[0].Err.RFC != company || list[0].Credential == nil || list[0].Credential.Signer != nil {
		t.Errorf("%+v, %v", list, err)
	}
	// Expiry is reported before the issuer, because it helps more.
	r.bringForward(10 * 365 * 24 * time.Hour)
	deny(t, foreign, company, Vencida)
}

func TestCheck_WhenItIsNoEFirmaAndExpired(t *testing.T) {
	c := treasure(t)
	fechas := func(p autoridad.Request) autoridad.Request {
		p.NotBefore, p.NotAfter = now.AddDate(-5, 0, 0), now.AddDate(-1, 0, 0)
		return p
	}
	foreign := newEmisor(t, c.other, howItIs).issue(t, func(c *x509.Certificate) { c.Subject, c.NotAfter = pkix.Name{CommonName: "x"}, now.AddDate(0, -1, 0) })
	future := issue(t, autoridad.Request{Tipo: autoridad.CSD, NotBefore: now.AddDate(0, 0, 1)})
	for name, tt := range map[string]struct {
		cer []byte
		say string
		no  string
	}{
		"e.firma":      {issue(t, fechas(autoridad.Request{})).CerDER, "La e.firma venció el 2025-03-01", "CSD"},
		"CSD":          {issue(t, fechas(autoridad.Request{Tipo: autoridad.CSD})).CerDER, "El certificado de sello digital (CSD) venció el 2025-03-01", "La e.firma venció"},
		"CSD to come":  {future.CerDER, "El certificado de sello digital (CSD) aún no es vigente", "La e.firma aún"},
		"another kind": {foreign, "El certificado venció el 2026-02-01", "La e.firma venció"},
	} {
		r := Check(Files{CerName: "e.cer", KeyName: "e.key", Cer: tt.cer, Key: c.emitidoInOne.KeyDER, Password: []byte(password)}, nil, now)
		var all strings.Builder
		for _, p := range r.Problems {
			all.WriteString(p.Detail + "\n")
		}
		if !strings.Contains(all.String(), tt.say) || strings.Contains(all.String(), tt.no) {
			t.Errorf("%s: %s; want %q and not %q", name, all.String(), tt.say, tt.no)
		}
	}
}
