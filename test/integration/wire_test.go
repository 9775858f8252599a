package integration

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// seen is a request as it came over the wire.
type seen struct {
	header http.Header
	body   string
}

// wire stands between the gateway and the sandbox and keeps what passes.
type wire struct {
	mu   sync.Mutex
	seen map[string]seen // by operation, the last one
}

var actionForm = regexp.MustCompile(`/([A-Za-z]+)"$`)

// startWired starts a pair whose wire is seen. firma selects the family.
func startWired(t *testing.T, firma string) (*rig, *wire) {
	t.Helper()
	w := &wire{seen: map[string]seen{}}
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.SAT.Firma = firma
		target, err := url.Parse(c.SAT.CFDI.AutenticaURL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target.Host})
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) { w.pass(t, proxy, rw, req) }))
		t.Cleanup(server.Close)
		for _, address := range []*string{&c.SAT.CFDI.AutenticaURL, &c.SAT.CFDI.SolicitaURL, &c.SAT.CFDI.VerificaURL, &c.SAT.CFDI.DescargaURL} {
			*address = strings.Replace(*address, "http://"+target.Host, server.URL, 1)
		}
	}})
	return r, w
}

func (w *wire) pass(t *testing.T, proxy http.Handler, rw http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	operation := "?"
	if m := actionForm.FindStringSubmatch(req.Header.Get("SOAPAction")); m != nil {
		operation = m[1]
	}
	w.mu.Lock()
	w.seen[operation] = seen{req.Header.Clone(), string(body)}
	w.mu.Unlock()
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	proxy.ServeHTTP(rw, req)
}

// takeAll makes one call of each operation, with every field somewhere, and returns what was seen.
func (w *wire) takeAll(t *testing.T, r *rig) map[string]seen {
	t.Helper()
	rango := func(more map[string]any) map[string]any {
		body := map[string]any{"rfcSolicitante": gatewaytest.CompanyOdd, "tipoSolicitud": "CFDI",
			"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	for _, body := range []map[string]any{
		rango(map[string]any{"tipoDescarga": "emitidos", "estadoComprobante": "Todos", "tipoComprobante": "N", "complemento": "nomina12",
			"rfcACuentaTerceros": "PEPJ800101AB5", "rfcReceptores": []string{"PEPJ800101AB5", "Ñ&P010101AB3"}}),
		rango(map[string]any{"tipoDescarga": "recibidos", "rfcEmisor": "PEPJ800101AB5", "tipoSolicitud": "Metadata", "estadoComprobante": "Cancelado"}),
		{"rfcSolicitante": gatewaytest.CompanyOdd, "tipoDescarga": "folio", "uuid": someUUID},
		rango(map[string]any{"version": "1.1", "rfcEmisor": gatewaytest.CompanyOdd, "rfcReceptor": "PEPJ800101AB5"}),
	} {
		wantStatus(t, r.Post(solicitudes, body), http.StatusCreated)
	}
	rfc := "?rfcSolicitante=" + url.QueryEscape(gatewaytest.CompanyOdd)
	wantStatus(t, r.Get(solicitudes+"/"+someUUID+rfc), http.StatusNotFound)
	wantStatus(t, r.Get("/v1/sat/cfdi/paquetes/"+somePackage+rfc), http.StatusNotFound)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) != 7 {
		t.Fatalf("%d operations were seen, want 7", len(w.seen))
	}
	return w.seen
}

const actionBase = "http://DescargaMasivaTerceros.sat.gob.mx/"

func TestWire_WhenSentTheHeadersAreTheProtocols(t *testing.T) {
	t.Parallel()
	r, w := startWired(t, "sobre")
	actions := map[string]string{
		opAutentica: "http://DescargaMasivaTerceros.gob.mx/IAutenticacion/Autentica",
		opEmitidos:  actionBase + "ISolicitaDescargaService/SolicitaDescargaEmitidos",
		opRecibidos: actionBase + "ISolicitaDescargaService/SolicitaDescargaRecibidos",
		opFolio:     actionBase + "ISolicitaDescargaService/SolicitaDescargaFolio",
		opV11:       actionBase + "ISolicitaDescargaService/SolicitaDescarga",
		opVerify:    actionBase + "IVerificaSolicitudDescargaService/VerificaSolicitudDescarga",
		opDescargar: actionBase + "IDescargaMasivaTercerosService/Descargar",
	}
	wrap := regexp.MustCompile(`^WRAP access_token="[A-Za-z0-9._%-]+"$`)
	for operation, s := range w.takeAll(t, r) {
		if got := s.header.Get("SOAPAction"); got != `"`+actions[operation]+`"` {
			t.Errorf("%s: SOAPAction %s", operation, got)
		}
		if got := s.header.Get("Content-Type"); got != "text/xml; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", operation, got)
		}
		authorization := s.header.Values("Authorization")
		if operation == opAutentica && len(authorization) != 0 {
			t.Errorf("%s carries an Authorization", operation)
		}
		if operation != opAutentica && (len(authorization) != 1 || !wrap.MatchString(authorization[0])) {
			t.Errorf("%s: Authorization is not WRAP access_token=\"…\"", operation)
		}
		if got := s.header.Get("Accept-Encoding"); operation == opDescargar && strings.Contains(got, "gzip") {
			t.Errorf("%s: Accept-Encoding %q", operation, got)
		}
		if !strings.HasPrefix(s.header.Get("User-Agent"), "pasarela/") {
			t.Errorf("%s: User-Agent %q", operation, s.header.Get("User-Agent"))
		}
	}
}

// changing are the parts of an envelope that differ from run to run.
var changing = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(<SignatureValue>)[^<]+`), "${1}FIRMA"},
	{regexp.MustCompile(`(<X509Certificate>)[^<]+`), "${1}CERTIFICADO"},
	{regexp.MustCompile(`(EncodingType="[^"]+">)[^<]+`), "${1}CERTIFICADO"},
	{regexp.MustCompile(`(<X509IssuerName>)[^<]+`), "${1}EMISOR"},
	{regexp.MustCompile(`(<X509SerialNumber>)[0-9]+`), "${1}SERIE"},
	{regexp.MustCompile(`uuid-[0-9a-f-]{36}-1`), "uuid-TOKEN-1"},
	{regexp.MustCompile(`(<u:(?:Created|Expires)>)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "${1}INSTANTE"},
}

// TestWire_WhenSentTheBytesAreThese keeps the digests too, but for Autentica,
// where the instant is digested.
func TestWire_WhenSentTheBytesAreThese(t *testing.T) {
	t.Parallel()
	for _, firma := range []string{"sobre", "solicitud"} {
		t.Run(firma, func(t *testing.T) {
			t.Parallel()
			r, w := startWired(t, firma)
			for operation, s := range w.takeAll(t, r) {
				got := s.body
				for _, c := range changing {
					got = c.form.ReplaceAllString(got, c.with)
				}
				if operation == opAutentica {
					got = regexp.MustCompile(`(<DigestValue>)[^<]+`).ReplaceAllString(got, "${1}DIGESTO")
				}
				golden := filepath.Join("testdata", "TestWire_"+firma+"_"+operation+".xml")
				if *update {
					overwrite(t, golden, got)
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-golden +sent):\n%s", operation, diff)
				}
			}
		})
	}
}

// parse reads an envelope and returns its body's element.
func parse(t *testing.T, body string) (*etree.Document, *etree.Element) {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(body); err != nil {
		t.Fatal(err)
	}
	return doc, doc.FindElement("/Envelope/Body").ChildElements()[0]
}

// publicKey writes the public key of a certificate, base64 of its DER, as a file.
func publicKey(t *testing.T, dir, text string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(parsed.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "llave.pem")
	overwrite(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	return key
}
