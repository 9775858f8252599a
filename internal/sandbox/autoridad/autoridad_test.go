package autoridad_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

var (
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	// RSA keys are slow to make, and which one is certified matters to few tests.
	llave     = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	firstOnce = sync.OnceValues(func() (*autoridad.Autoridad, error) { return autoridad.New(now) })
)

func first(t *testing.T) *autoridad.Autoridad {
	t.Helper()
	a, err := firstOnce()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *autoridad.Autoridad, p autoridad.Request) *autoridad.Emitido {
	t.Helper()
	if p.Key == nil {
		key, err := llave()
		if err != nil {
			t.Fatal(err)
		}
		p.Key = key
	}
	if p.Password == "" {
		p.Password = "contraseña"
	}
	e, err := a.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func values(cert *x509.Certificate, oid asn1.ObjectIdentifier) []string {
	var all []string
	for _, n := range cert.Subject.Names {
		if n.Type.Equal(oid) {
			all = append(all, n.Value.(string))
		}
	}
	return all
}

func TestIssue_WhenShapesDiffer(t *testing.T) {
	const common = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	tests := []struct {
		name string
		p    autoridad.Request
		rfc  string
		curp []string
		ou   []string
		use  x509.KeyUsage
	}{
		{
			"company",
			autoridad.Request{RFC: "PRU010101AB1", Name: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09", RFCRepresentante: "PEPJ800101AB5"},
			"PRU010101AB1 / PEPJ800101AB5",
			[]string{" / PEPJ800101HDFRRN09"},
			nil,
			common | x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement,
		},
		{
			"person",
			autoridad.Request{RFC: "PEPJ800101AB5", Name: "JUANA PÉREZ", CURP: "PEPJ800101HDFRRN09", Encrypted: autoridad.AES256},
			"PEPJ800101AB5",
			[]string{"PEPJ800101HDFRRN09"},
			nil,
			common | x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement,
		},
		{
			"odd letters",
			autoridad.Request{RFC: "Ñ&P010101AB3"},
			"Ñ&P010101AB3",
			nil,
			nil,
			common | x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement,
		},
		{
			"CSD",
			autoridad.Request{RFC: "PRU010101AB1", Tipo: autoridad.CSD},
			"PRU010101AB1",
			nil,
			[]string{"Sucursal 1"},
			common,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := issue(t, first(t), tt.p)
			cert, err := x509.ParseCertificate(e.CerDER)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.rfc}, values(cert, asn1.ObjectIdentifier{2, 5, 4, 45})); diff != "" {
				t.Errorf("RFC (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.curp, values(cert, asn1.ObjectIdentifier{2, 5, 4, 5})); diff != "" {
				t.Errorf("CURP (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ou, cert.Subject.OrganizationalUnit); diff != "" {
				t.Errorf("OU (-want +got):\n%s", diff)
			}
			if cert.KeyUsage != tt.use {
				t.Errorf("KeyUsage = %b, want %b", cert.KeyUsage, tt.use)
			}
			if s := autoridad.Serial(cert); !regexp.MustCompile(`^30001000000[0-9]{9}$`).MatchString(s) {
				t.Errorf("serial %q is not twenty digits", s)
			}
			key, err := pkcs8.ParsePKCS8PrivateKeyRSA(e.KeyDER, []byte(e.Password))
			if err != nil {
				t.Fatalf("opening the key: %v", err)
			}
			if !key.PublicKey.Equal(cert.PublicKey) {
				t.Error("the key is not the certificate's")
			}
			// HMAC-SHA1 is the DEFAULT: DER leaves it out (X.690 §11.5).
			if bytes.Contains(e.KeyDER, []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07}) {
				t.Error("the key names its default PRF")
			}
			if !first(t).IsOwn(cert) {
				t.Error("not recognised as its own")
			}
		})
	}
}

func TestIssue_WhenNoDatesAreGiven(t *testing.T) {
	cert := issue(t, first(t), autoridad.Request{RFC: "PRU010101AB1"}).Certificate
	if !cert.NotBefore.Before(now) || !cert.NotAfter.After(now.AddDate(3, 0, 0)) {
		t.Errorf("valid from %s to %s, which hardly covers %s", cert.NotBefore, cert.NotAfter, now)
	}
}

func TestIssue_WhenPetitionIsWrong(t *testing.T) {
	for name, p := range map[string]autoridad.Request{
		"no password":    {RFC: "PRU010101AB1"},
		"lower case":     {RFC: "pru010101ab1", Password: "x"},
		"path traversal": {RFC: "../../PRU010101AB1", Password: "x"},
		"empty RFC":      {Password: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := first(t).Issue(p); err == nil {
				t.Errorf("issued %q", e.RFC)
			}
		})
	}
}

func TestIssue_WhenConcurrent(t *testing.T) {
	const n = 16
	a, serials := first(t), make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			serials[i] = autoridad.Serial(issue(t, a, autoridad.Request{RFC: "PRU010101AB1"}).Certificate)
		})
	}
	wg.Wait()
	slices.Sort(serials)
	if got := len(slices.Compact(serials)); got != n {
		t.Errorf("%d different serials of %d", got, n)
	}
}

func TestIsOwn_WhenForged(t *testing.T) {
	a := first(t)
	other, err := autoridad.New(now)
	if err != nil {
		t.Fatal(err)
	}
	ours := issue(t, a, autoridad.Request{RFC: "PRU010101AB1"})
	// Another authority of the same name: the name agrees, the signature does not.
	sameName := issue(t, other, autoridad.Request{RFC: "PRU010101AB1"}).Certificate
	if diff := cmp.Diff(a.Certificate.RawSubject, sameName.RawIssuer); diff != "" {
		t.Fatalf("the forged certificate should copy the issuer's name:\n%s", diff)
	}
	// Signed by the key of an e.firma of ours, as if that were an authority.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: now}
	der, err := x509.CreateCertificate(rand.Reader, template, ours.Certificate, ours.Key.Public(), ours.Key)
	if err != nil {
		t.Fatal(err)
	}
	child, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name, cert := range map[string]*x509.Certificate{
		"same issuer name": sameName, "signed by an e.firma": child, "the authority itself": a.Certificate, "nil": nil,
	} {
		if a.IsOwn(cert) {
			t.Errorf("%s: recognised as its own", name)
		}
	}
}

func TestNew_WhenRead(t *testing.T) {
	a := first(t)
	for _, want := range []string{"SANDBOX", "NO ES EL SERVICIO"} {
		if got := a.Certificate.Subject.String(); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("issuer %q does not say %q", got, want)
		}
	}
}

func TestLoad_WhenSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	a, err := autoridad.New(now)
	if err != nil {
		t.Fatal(err)
	}
	e := issue(t, a, autoridad.Request{RFC: "PRU010101AB1"})
	a.Revoke(autoridad.Serial(e.Certificate))
	if err := a.Save(dir); err != nil {
		t.Fatal(err)
	}
	b, err := autoridad.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !b.IsOwn(e.Certificate) {
		t.Error("does not know what it issued before")
	}
	if !b.IsOwn(issue(t, b, autoridad.Request{RFC: "PRU010101AB1"}).Certificate) {
		t.Error("cannot issue any more")
	}
	if !b.Revoked(autoridad.Serial(e.Certificate)) || b.Revoked("30001000000999999999") {
		t.Error("does not know what was revoked")
	}
	info, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("ca.key has mode %v", info.Mode())
	}
}

func TestLoad_WhenNothingThere(t *testing.T) {
	if _, err := autoridad.Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want fs.ErrNotExist", err)
	}
}

func TestLoad_WhenKeyIsOfAnother(t *testing.T) {
	dirA, dirB := t.TempDir(), t.TempDir()
	for _, dir := range []string{dirA, dirB} {
		a, err := autoridad.New(now)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Save(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dirB, "ca.key"), filepath.Join(dirA, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := autoridad.Load(dirA); err == nil {
		t.Error("loaded a certificate with the key of another")
	}
}

func TestWriteTo_WhenReadBack(t *testing.T) {
	dir := t.TempDir()
	e := issue(t, first(t), autoridad.Request{RFC: "Ñ&P010101AB3"})
	if err := e.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{"Ñ&P010101AB3.cer": 0o644, "Ñ&P010101AB3.key": 0o600, "password.txt": 0o600} {
		info, err := os.Stat(filepath.Join(dir, e.RFC, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, e.RFC))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("%d files in the folder, want 3", len(entries))
	}
	back, err := autoridad.LoadEmitido(dir, e.RFC)
	if err != nil {
		t.Fatal(err)
	}
	if !back.Certificate.Equal(e.Certificate) || !back.Key.Equal(e.Key) || back.Password != e.Password {
		t.Error("what was read back is not what was written")
	}
	if _, err := autoridad.LoadEmitido(dir, "PRU010101AB1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing one: error = %v, want fs.ErrNotExist", err)
	}
}

func TestPKCS12_WhenOpened(t *testing.T) {
	e := issue(t, first(t), autoridad.Request{RFC: "PRU010101AB1"})
	pfx, err := e.PKCS12()
	if err != nil {
		t.Fatal(err)
	}
	key, cert, err := pkcs12.Decode(pfx, e.Password)
	if err != nil {
		t.Fatal(err)
	}
	if !e.Key.Equal(key) || !cert.Equal(e.Certificate) {
		t.Error("another pair came out")
	}
}
