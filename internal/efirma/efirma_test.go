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
		p    autoridad.Peticion
		want Credential
	}{
		{
			"company",
			autoridad.Peticion{RFC: empresa, Nombre: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09", RFCRepresentante: persona},
			Credential{RFC: empresa, Nombre: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09", RFCRepresentante: persona},
		},
		{
			"person",
			autoridad.Peticion{RFC: persona, Nombre: "JUANA PÉREZ PEÑA", CURP: "PEPJ800101MDFRRN09", Cifrado: autoridad.AES256},
			Credential{RFC: persona, Nombre: "JUANA PÉREZ PEÑA", CURP: "PEPJ800101MDFRRN09"},
		},
		{
			"odd letters",
			autoridad.Peticion{RFC: rara, Nombre: "Ñ & P"},
			Credential{RFC: rara, Nombre: "Ñ & P"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := emite(t, tt.p)
			got, err := Load(e.CerDER, e.KeyDER, []byte(password), ahora)
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

// firma checks the signer against the certificate that others will verify with.
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
	e := elTesoro(t).emitidaEnUna
	abierta, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	bloque := func(tipo string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: tipo, Bytes: der})
	}
	cerPEM := bloque("CERTIFICATE", e.CerDER)
	for name, f := range map[string]struct{ cer, key, password []byte }{
		"PEM":                   {cerPEM, bloque("ENCRYPTED PRIVATE KEY", e.KeyDER), []byte(password)},
		"PEM with text before":  {append([]byte("Bag Attributes\n"), cerPEM...), e.KeyDER, []byte(password)},
		"PEM with the key":      {append(bloque("PRIVATE KEY", abierta), cerPEM...), e.KeyDER, []byte(password)},
		"key not encrypted":     {e.CerDER, abierta, nil},
		"key not encrypted PEM": {e.CerDER, bloque("PRIVATE KEY", abierta), []byte("no se mira")},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(f.cer, f.key, f.password, ahora)
			if err != nil {
				t.Fatal(err)
			}
			firma(t, c, e.Certificate)
		})
	}
}

func TestLoad_WhenRefused(t *testing.T) {
	c := elTesoro(t)
	e := c.emitidaEnUna
	otra := emite(t, autoridad.Peticion{Key: c.otra})
	csd := emite(t, autoridad.Peticion{Tipo: autoridad.CSD})
	debil := emite(t, autoridad.Peticion{Key: c.debil})
	vieja := emite(t, autoridad.Peticion{NotBefore: ahora.AddDate(-5, 0, 0), NotAfter: ahora.AddDate(-1, 0, 0)})
	nueva := emite(t, autoridad.Peticion{NotBefore: ahora.AddDate(0, 0, 1)})
	grande := bytes.Repeat([]byte("x"), maxArchivo+1)
	tests := []struct {
		name     string
		cer, key []byte
		password string
		want     Problem
		rfc      string // of the credential given beside; empty for none
	}{
		{"certificate empty", nil, e.KeyDER, password, CerIlegible, ""},
		{"certificate cut", e.CerDER[:500], e.KeyDER, password, CerIlegible, ""},
		{"key for certificate", e.KeyDER, e.KeyDER, password, CerIlegible, ""},
		{"PEM without certificate", []byte("-----BEGIN X-----\n-----END X-----\n"), e.KeyDER, password, CerIlegible, ""},
		{"certificate large", grande, e.KeyDER, password, DemasiadoGrande, ""},
		{"key large", e.CerDER, grande, password, DemasiadoGrande, ""},
		{"password large", e.CerDER, e.KeyDER, string(grande), DemasiadoGrande, ""},
		{"key empty", e.CerDER, nil, password, KeyIlegible, empresa},
		{"key cut", e.CerDER, e.KeyDER[:500], password, KeyIlegible, empresa},
		{"certificate for key", e.CerDER, e.CerDER, password, KeyIlegible, empresa},
		{"password wrong", e.CerDER, e.KeyDER, "otra", PasswordIncorrecto, empresa},
		{"no password", e.CerDER, e.KeyDER, "", PasswordAusente, empresa},
		{"key of another", e.CerDER, otra.KeyDER, password, LlaveNoCorresponde, empresa},
		{"CSD", csd.CerDER, csd.KeyDER, password, EsCSD, empresa},
		{"weak", debil.CerDER, debil.KeyDER, password, LlaveDebil, empresa},
		{"expired", vieja.CerDER, vieja.KeyDER, password, Vencida, empresa},
		{"expired and password wrong", vieja.CerDER, vieja.KeyDER, "otra", Vencida, empresa},
		{"not yet valid", nueva.CerDER, nueva.KeyDER, password, AunNoVigente, empresa},
		{"authority", c.ca.Certificate.Raw, e.KeyDER, password, NoEsEfirma, "XAXX010101000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cred, err := Load(tt.cer, tt.key, []byte(tt.password), ahora)
			rechaza(t, err, tt.want)
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
	e := elTesoro(t).emitidaEnUna
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
				rechaza(t, err, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// certifica makes a certificate of any shape, which autoridad would not.
func certifica(t testing.TB, template *x509.Certificate, public, signer any) []byte {
	t.Helper()
	template.NotBefore, template.NotAfter = ahora.AddDate(-1, 0, 0), ahora.AddDate(1, 0, 0)
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
	key := elTesoro(t).una
	curva, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	con := func(rfc string, ou ...string) pkix.Name {
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
		{"TLS of a server", certifica(t, &x509.Certificate{Subject: con("", "Sistemas"), KeyUsage: tls}, key.Public(), key), NoEsEfirma},
		{"no usages", certifica(t, &x509.Certificate{Subject: con(empresa)}, key.Public(), key), NoEsEfirma},
		{"no RFC", certifica(t, &x509.Certificate{Subject: con(""), KeyUsage: usoEfirma}, key.Public(), key), SinRFC},
		{"no RFC in its place", certifica(t, &x509.Certificate{Subject: con("2.5.4.45"), KeyUsage: usoEfirma}, key.Public(), key), SinRFC},
		{"CSD by its usages alone", certifica(t, &x509.Certificate{Subject: con(empresa), KeyUsage: usoSello}, key.Public(), key), EsCSD},
		{"CSD by its unit alone", certifica(t, &x509.Certificate{Subject: con(empresa, "Sucursal"), KeyUsage: usoEfirma}, key.Public(), key), EsCSD},
		{"half the usages", certifica(t, &x509.Certificate{Subject: con(empresa), KeyUsage: usoSello | x509.KeyUsageKeyAgreement}, key.Public(), key), NoEsEfirma},
		{"serial of another kind", certifica(t, &x509.Certificate{Subject: con(empresa), KeyUsage: usoEfirma, SerialNumber: big.NewInt(7)}, key.Public(), key), NoEsEfirma},
		{"elliptic curve", certifica(t, &x509.Certificate{Subject: con(empresa), KeyUsage: usoEfirma}, curva.Public(), curva), NoEsEfirma},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tt.cer, elTesoro(t).emitidaEnUna.KeyDER, []byte(password), ahora)
			rechaza(t, err, tt.want)
		})
	}
}

func TestLoad_WhenRFCIsWrittenOddly(t *testing.T) {
	key := elTesoro(t).una
	for escrito, want := range map[string][2]string{
		" pru010101ab1 / pepj800101ab5 ": {empresa, persona},
		"PRU010101AB1/PEPJ800101AB5":     {empresa, persona},
		"PRU010101AB1 / ":                {empresa, ""},
		"PEPJ800101AB5 / PEPJ800101AB5":  {persona, ""},
		"N\u0303&P010101AB3":             {rara, ""},
	} {
		t.Run(escrito, func(t *testing.T) {
			subject := pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidUniqueIdentifier, Value: escrito}}}
			cer := certifica(t, &x509.Certificate{Subject: subject, KeyUsage: usoEfirma}, key.Public(), key)
			c, err := Load(cer, elTesoro(t).emitidaEnUna.KeyDER, []byte(password), ahora)
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
	e := elTesoro(t).emitidaEnUna
	c, err := Load(e.CerDER, e.KeyDER, []byte(password), ahora)
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
	var secretos []string
	for _, n := range append([]*big.Int{e.Key.D, e.Key.Precomputed.Dp}, e.Key.Primes...) {
		secretos = append(secretos, n.Text(10), n.Text(16), base64.StdEncoding.EncodeToString(n.Bytes()), fmt.Sprintf("%d", n.Bytes()))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{c, *c, c.Signer, *c.Signer.(*signer)} {
			revisa(t, verb, fmt.Sprintf(verb, v), secretos)
		}
	}
	revisa(t, "json", string(jsonCred)+string(jsonSigner), secretos)
}

func revisa(t *testing.T, como, texto string, secretos []string) {
	t.Helper()
	for _, s := range append(secretos, password) {
		if strings.Contains(strings.ToLower(texto), strings.ToLower(s)) {
			t.Errorf("%s reveals the key", como)
		}
	}
}
