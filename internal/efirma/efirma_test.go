package efirma

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

func TestLoad_WhenGood(t *testing.T) {
	tests := []struct {
		name string
		p    autoridad.Request
		want Credential
	}{
		{
			"company",
			autoridad.Request{RFC: company, Name: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09", RFCRepresentante: persona},
			Credential{RFC: company, Nombre: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09", RFCRepresentante: persona},
		},
		{
			"person",
			autoridad.Request{RFC: persona, Name: "JUANA PÉREZ PEÑA", CURP: "PEPJ800101MDFRRN09", Encrypted: autoridad.AES256},
			Credential{RFC: persona, Nombre: "JUANA PÉREZ PEÑA", CURP: "PEPJ800101MDFRRN09"},
		},
		{
			"odd letters",
			autoridad.Request{RFC: odd, Name: "Ñ & P"},
			Credential{RFC: odd, Nombre: "Ñ & P"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := issue(t, tt.p)
			got, err := Load(e.CerDER, e.KeyDER, []byte(password), now)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Serial = autoridad.Serial(e.Certificate)
			tt.want.SerialDecimal = new(big.Int).SetBytes([]byte(tt.want.Serial)).String()
			tt.want.CertificateBase64 = base64.StdEncoding.EncodeToString(e.CerDER)
			tt.want.NotBefore, tt.want.NotAfter = e.Certificate.NotBefore, e.Certificate.NotAfter
			opts := cmpopts.IgnoreFields(Credential{}, "Certificate", "Signer", "IssuerName")
			if diff := cmp.Diff(tt.want, *got, opts); diff != "" {
				t.Errorf("credential (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(got.IssuerName, "CN=AC SANDBOX PASARELA,O=") {
				t.Errorf("IssuerName = %q", got.IssuerName)
			}
			firma(t, got, e.Certificate)
		})
	}
}

// firma checks the signer with the public key of the certificate.
func firma(t *testing.T, c *Credential, cert *x509.Certificate) {
	t.Helper()
	digest := sha1.Sum([]byte("lo que se firma"))
	sig, err := c.Signer.Sign(rand.Reader, digest[:], crypto.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA1, digest[:], sig); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	if !cert.PublicKey.(*rsa.PublicKey).Equal(c.Signer.Public()) {
		t.Error("Public is not the certificate's key")
	}
}

func TestLoad_WhenFormsDiffer(t *testing.T) {
	e := treasure(t).emitidoInOne
	open, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(tipo string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: tipo, Bytes: der})
	}
	cerPEM := block("CERTIFICATE", e.CerDER)
	for name, f := range map[string]struct{ cer, key, password []byte }{
		"PEM":                   {cerPEM, block("ENCRYPTED PRIVATE KEY", e.KeyDER), []byte(password)},
		"PEM with text before":  {append([]byte("Bag Attributes\n"), cerPEM...), e.KeyDER, []byte(password)},
		"PEM with the key":      {append(block("PRIVATE KEY", open), cerPEM...), e.KeyDER, []byte(password)},
		"key not encrypted":     {e.CerDER, open, nil},
		"key not encrypted PEM": {e.CerDER, block("PRIVATE KEY", open), []byte("no se mira")},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(f.cer, f.key, f.password, now)
			if err != nil {
				t.Fatal(err)
			}
			firma(t, c, e.Certificate)
		})
	}
}

func TestLoad_WhenRefused(t *testing.T) {
	c := treasure(t)
	e := c.emitidoInOne
	other := issue(t, autoridad.Request{Key: c.other})
	csd := issue(t, autoridad.Request{Tipo: autoridad.CSD})
	weak := issue(t, autoridad.Request{Key: c.weak})
	old := issue(t, autoridad.Request{NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-1, 0, 0)})
	fresh := issue(t, autoridad.Request{NotBefore: now.AddDate(0, 0, 1)})
	big := bytes.Repeat([]byte("x"), maxFile+1)
	tests := []struct {
		name     string
		cer, key []byte
		password string
		want     Problem
		rfc      string // of the credential returned with the refusal; empty for none
	}{
		{"certificate empty", nil, e.KeyDER, password, CerIlegible, ""},
		{"certificate cut", e.CerDER[:500], e.KeyDER, password, CerIlegible, ""},
		{"key for certificate", e.KeyDER, e.KeyDER, password, CerIlegible, ""},
		{"PEM without certificate", []byte("-----BEGIN X-----\n-----END X-----\n"), e.KeyDER, password, CerIlegible, ""},
		{"certificate large", big, e.KeyDER, password, DemasiadoGrande, ""},
		{"key large", e.CerDER, big, password, DemasiadoGrande, ""},
		{"password large", e.CerDER, e.KeyDER, string(big), DemasiadoGrande, ""},
		{"key empty", e.CerDER, nil, password, KeyIlegible, company},
		{"key cut", e.CerDER, e.KeyDER[:500], password, KeyIlegible, company},
		{"certificate for key", e.CerDER, e.CerDER, password, KeyIlegible, company},
		{"password wrong", e.CerDER, e.KeyDER, "otra", PasswordIncorrecto, company},
		{"no password", e.CerDER, e.KeyDER, "", PasswordAusente, company},
		{"key of another", e.CerDER, other.KeyDER, password, LlaveNoCorresponde, company},
		{"CSD", csd.CerDER, csd.KeyDER, password, EsCSD, company},
		{"weak", weak.CerDER, weak.KeyDER, password, LlaveDebil, company},
		{"expired", old.CerDER, old.KeyDER, password, Vencida, company},
		{"expired and password wrong", old.CerDER, old.KeyDER, "otra", Vencida, company},
		{"not yet valid", fresh.CerDER, fresh.KeyDER, password, AunNoVigente, company},
		{"authority", c.ca.Certificate.Raw, e.KeyDER, password, NoEsEfirma, "XAXX010101000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cred, err := Load(tt.cer, tt.key, []byte(tt.password), now)
			reject(t, err, tt.want)
			switch {
			case tt.rfc == "" && cred != nil:
				t.Errorf("credential %+v of an unreadable certificate", cred)
			case tt.rfc == "":
			case cred == nil:
				t.Error("no metadata beside the error")
			case cred.Signer != nil:
				t.Error("a refused e.firma can sign")
			case cred.RFC != tt.rfc || cred.Serial == "" || cred.NotAfter.IsZero():
				t.Errorf("metadata %+v", cred)
			}
		})
	}
}

func TestLoad_WhenDatesAreJustMet(t *testing.T) {
	e := treasure(t).emitidoInOne
	for name, tt := range map[string]struct {
		now  time.Time
		want Problem
	}{
		"a second before": {e.Certificate.NotBefore.Add(-time.Second), AunNoVigente},
		"first second":    {e.Certificate.NotBefore, ""},
		"last second":     {e.Certificate.NotAfter, ""},
		"a second after":  {e.Certificate.NotAfter.Add(time.Second), Vencida},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(e.CerDER, e.KeyDER, []byte(password), tt.now)
			if tt.want != "" {
				reject(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// certify makes a certificate of arbitrary shape, unlike the sandbox's autoridad.
func certify(t testing.TB, template *x509.Certificate, public, signer any) []byte {
	t.Helper()
	template.NotBefore, template.NotAfter = now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0)
	if template.SerialNumber == nil {
		template.SerialNumber = new(big.Int).SetBytes([]byte("30001000000500003415"))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLoad_WhenCertificateIsOfAnotherKind(t *testing.T) {
	key := treasure(t).one
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(rfc string, ou ...string) pkix.Name {
		n := pkix.Name{CommonName: "X", OrganizationalUnit: ou}
		if rfc != "" {
			n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidUniqueIdentifier, Value: rfc}}
		}
		return n
	}
	tls := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	tests := []struct {
		name string
		cer  []byte
		want Problem
	}{
		{"TLS of a server", certify(t, &x509.Certificate{Subject: with("", "Sistemas"), KeyUsage: tls}, key.Public(), key), NoEsEfirma},
		{"no usages", certify(t, &x509.Certificate{Subject: with(company)}, key.Public(), key), NoEsEfirma},
		{"no RFC", certify(t, &x509.Certificate{Subject: with(""), KeyUsage: useEfirma}, key.Public(), key), SinRFC},
		{"no RFC in its place", certify(t, &x509.Certificate{Subject: with("2.5.4.45"), KeyUsage: useEfirma}, key.Public(), key), SinRFC},
		{"CSD by its usages alone", certify(t, &x509.Certificate{Subject: with(company), KeyUsage: useSello}, key.Public(), key), EsCSD},
		{"CSD by its unit alone", certify(t, &x509.Certificate{Subject: with(company, "Sucursal"), KeyUsage: useEfirma}, key.Public(), key), EsCSD},
		{"half the usages", certify(t, &x509.Certificate{Subject: with(company), KeyUsage: useSello | x509.KeyUsageKeyAgreement}, key.Public(), key), NoEsEfirma},
		{"serial of another kind", certify(t, &x509.Certificate{Subject: with(company), KeyUsage: useEfirma, SerialNumber: big.NewInt(7)}, key.Public(), key), NoEsEfirma},
		{"elliptic curve", certify(t, &x509.Certificate{Subject: with(company), KeyUsage: useEfirma}, curve.Public(), curve), NoEsEfirma},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tt.cer, treasure(t).emitidoInOne.KeyDER, []byte(password), now)
			reject(t, err, tt.want)
		})
	}
}

func TestLoad_WhenRFCIsWrittenOddly(t *testing.T) {
	key := treasure(t).one
	for written, want := range map[string][2]string{
		" pru010101ab1 / pepj800101ab5 ": {company, persona},
		"PRU010101AB1/PEPJ800101AB5":     {company, persona},
		"PRU010101AB1 / ":                {company, ""},
		"PEPJ800101AB5 / PEPJ800101AB5":  {persona, ""},
		"N\u0303&P010101AB3":             {odd, ""},
	} {
		t.Run(written, func(t *testing.T) {
			subject := pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUniqueIdentifier, Value: written}}}
			cer := certify(t, &x509.Certificate{Subject: subject, KeyUsage: useEfirma}, key.Public(), key)
			c, err := Load(cer, treasure(t).emitidoInOne.KeyDER, []byte(password), now)
			if err != nil {
				t.Fatal(err)
			}
			if got := [2]string{c.RFC, c.RFCRepresentante}; got != want {
				t.Errorf("read %q, want %q", got, want)
			}
		})
	}
}

func TestCredential_WhenPrinted(t *testing.T) {
	e := treasure(t).emitidoInOne
	c, err := Load(e.CerDER, e.KeyDER, []byte(password), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Signer.(*rsa.PrivateKey); ok {
		t.Error("the key can be asserted out of the signer")
	}
	jsonCred, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	jsonSigner, err := json.Marshal(c.Signer)
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for _, n := range append([]*big.Int{e.Key.D, e.Key.Precomputed.Dp}, e.Key.Primes...) {
		secrets = append(secrets, n.Text(10), n.Text(16), base64.StdEncoding.EncodeToString(n.Bytes()), fmt.Sprintf("%d", n.Bytes()))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{c, *c, c.Signer, *c.Signer.(*signer)} {
			check(t, verb, fmt.Sprintf(verb, v), secrets)
		}
	}
	check(t, "json", string(jsonCred)+string(jsonSigner), secrets)
}

func check(t *testing.T, how, text string, secrets []string) {
	t.Helper()
	for _, s := range append(secrets, password) {
		if strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			t.Errorf("%s reveals the key", how)
		}
	}
}
