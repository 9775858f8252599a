package ref

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

var issued = sync.OnceValues(func() (*autoridad.Emitido, error) { //nolint:gochecknoglobals // RSA keys are slow to make
	ca, err := autoridad.New(time.Now())
	if err != nil {
		return nil, err
	}
	return ca.Issue(autoridad.Request{RFC: "PRU010101AB1", Password: "x"})
})

var (
	signedInfoForm = regexp.MustCompile(`<SignedInfo>(.*</SignedInfo>)`)
	valueForm      = regexp.MustCompile(`<SignatureValue>([^<]*)<`)
	digestForm     = regexp.MustCompile(`<DigestValue>([^<]*)<`)
)

// verifies fails the test unless envelope bears a good signature of its own
// content: the digest is of what remains without the Signature, family A.
func verifies(t *testing.T, envelope string, key *rsa.PublicKey) {
	t.Helper()
	info, value, digest := signedInfoForm.FindStringSubmatch(envelope), valueForm.FindStringSubmatch(envelope), digestForm.FindStringSubmatch(envelope)
	if info == nil || value == nil || digest == nil {
		t.Fatalf("no signature in %s", envelope)
	}
	_, rest, _ := strings.Cut(envelope, "<s:Body>")
	before, after, _ := strings.Cut(rest, "<Signature ")
	_, after, _ = strings.Cut(after, "</Signature>")
	covered := sha1.Sum([]byte(before + strings.TrimSuffix(after, envelopeEnd)))
	if want := base64.StdEncoding.EncodeToString(covered[:]); digest[1] != want {
		t.Errorf("DigestValue is %s, want %s", digest[1], want)
	}
	signature, err := base64.StdEncoding.DecodeString(value[1])
	if err != nil {
		t.Fatal(err)
	}
	hash := sha1.Sum([]byte(`<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#">` + info[1]))
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, hash[:], signature); err != nil {
		t.Error(err)
	}
}

func TestSigner_WhenSigningVerifiesWithTheCertificate(t *testing.T) {
	t.Parallel()
	own, err := issued()
	if err != nil {
		t.Fatal(err)
	}
	s := NewSigner(own.Key, own.Certificate)
	for name, make := range map[string]func(string, string) (string, error){"Verifica": s.Verify, "Descargar": s.Download} {
		envelope, err := make("05e4038d-6f1b-4c0e-9a57-1d2f83b6c9e4", "Ñ&P010101AB3")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		verifies(t, envelope, &own.Key.PublicKey)
	}
}

func TestFloor_WhenAskedSignsSendsAndTranslates(t *testing.T) {
	t.Parallel()
	own, err := issued()
	if err != nil {
		t.Fatal(err)
	}
	sent := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b strings.Builder
		r.Write(&b) //nolint:errcheck // a Builder never fails
		sent <- b.String()
		w.Write([]byte(`<Envelope><Body><VerificaSolicitudDescargaResponse><VerificaSolicitudDescargaResult EstadoSolicitud="3" CodEstatus="5000">` + //nolint:errcheck // a test's
			`<IdsPaquetes>X_01</IdsPaquetes></VerificaSolicitudDescargaResult></VerificaSolicitudDescargaResponse></Body></Envelope>`))
	}))
	t.Cleanup(upstream.Close)
	f := &Floor{Signer: NewSigner(own.Key, own.Certificate), Client: upstream.Client(), Upstream: upstream.URL}
	w := httptest.NewRecorder()
	body := strings.NewReader(`{"idSolicitud":"05e4038d","rfcSolicitante":"PRU010101AB1"}`)
	f.Handler(zerolog.Nop(), prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/verifica", body))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"EstadoSolicitud":3`) || !strings.Contains(w.Body.String(), `"X_01"`) {
		t.Errorf("status %d, body %s", w.Code, w.Body)
	}
	request := <-sent
	if !strings.Contains(request, `IdSolicitud="05e4038d" RfcSolicitante="PRU010101AB1"`) || !strings.Contains(request, "Authorization: WRAP") {
		t.Errorf("sent %s", request)
	}
	verifies(t, request, &own.Key.PublicKey)
}

func TestStream_WhenTheTextIsCutFails(t *testing.T) {
	t.Parallel()
	answer := "<Envelope>" + strings.Repeat(" ", 1<<10) + "<Paquete>" + strings.Repeat("UEsD", 1<<16)
	for name, dec := range Decoders() {
		var got strings.Builder
		if err := Stream(&got, strings.NewReader(answer), dec); err == nil {
			t.Errorf("%s: %d bytes were taken for whole", name, got.Len())
		}
	}
}
