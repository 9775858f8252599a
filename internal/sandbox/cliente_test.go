package sandbox_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const (
	pathAuthenticate = "Autenticacion/Autenticacion.svc"
	pathRequest      = "SolicitaDescargaService.svc"
	pathVerify       = "VerificaSolicitudDescargaService.svc"
	pathDescarga     = "DescargaMasivaService.svc"

	actions         = "http://DescargaMasivaTerceros.sat.gob.mx/"
	accAuthenticate = "http://DescargaMasivaTerceros.gob.mx/IAutenticacion/Autentica"
	accRequest      = actions + "ISolicitaDescargaService/"
	accVerify       = actions + "IVerificaSolicitudDescargaService/VerificaSolicitudDescarga"
	accDescarga     = actions + "IDescargaMasivaTercerosService/Descargar"
	opEmitidos      = "SolicitaDescargaEmitidos"
	opRecibidos     = "SolicitaDescargaRecibidos"
	opFolio         = "SolicitaDescargaFolio"
	excC14n         = "http://www.w3.org/2001/10/xml-exc-c14n#"
	incC14n         = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	wrapped         = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	nsDS            = "http://www.w3.org/2000/09/xmldsig#"
	nsDes           = "http://DescargaMasivaTerceros.sat.gob.mx"
	nsSOAP          = "http://schemas.xmlsoap.org/soap/envelope/"
	nsWSU           = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE          = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	profileX509     = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
	millisFormat    = "2006-01-02T15:04:05.000Z"
	localFormat     = "2006-01-02T15:04:05"
	trialDigits     = "PRU010101AB1"
)

// folder has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var folder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-prueba-*")
	if err == nil {
		_, err = sandbox.New(sandbox.Config{Dir: dir})
	}
	return dir, err
})

func TestMain(m *testing.M) {
	codigo := m.Run()
	if dir, err := folder(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(codigo)
}

// bench is a running sandbox.
type bench struct {
	*sandbox.Sandbox
	soap, admin string
}

// start runs a sandbox on free ports for the length of a test. All share one authority, for speed.
func start(t testing.TB, changes ...func(*sandbox.Config)) *bench {
	t.Helper()
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	cfg := sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir, Seed: 7}
	for _, change := range changes {
		change(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &bench{Sandbox: s}
	ready, end := make(chan struct{}), make(chan error, 1)
	go func() {
		end <- s.Run(ctx, func(soap, admin net.Addr) {
			b.soap, b.admin = "http://"+soap.String(), "http://"+admin.String()
			close(ready)
		})
	}()
	select {
	case <-ready:
	case err := <-end:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-end; err != nil {
			t.Error(err)
		}
	})
	return b
}

// fast makes requests finish at once.
func (b *bench) fast(t testing.TB, more map[string]any) *bench {
	t.Helper()
	b.knobs(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"})
	b.knobs(t, more)
	return b
}

func (b *bench) knobs(t testing.TB, changes map[string]any) {
	t.Helper()
	if err := b.Knobs().Change(changes); err != nil {
		t.Fatal(err)
	}
}

// client is a SAT client written from the protocol alone: canonical forms are strings, as in the PHP
// and .NET programs that people use.
type client struct {
	t        testing.TB
	base     string
	servicio string
	rfc      string
	cer      []byte
	serie    string
	key      *rsa.PrivateKey
	token    string
	http     *http.Client
	firma    func(c *client, op, node, attributes, children string) string
}

// client opens the e.firma of an RFC of the sandbox.
func (b *bench) client(t testing.TB, servicio, rfc string) *client {
	t.Helper()
	e, err := autoridad.LoadEmitido(b.EFirmasDir(), rfc)
	if err != nil {
		t.Fatal(err)
	}
	return b.with(t, servicio, e)
}

func (b *bench) with(t testing.TB, servicio string, e *autoridad.Emitido) *client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{
		t: t, base: b.soap, servicio: servicio, rfc: e.RFC, cer: e.CerDER, key: e.Key,
		serie: e.Certificate.SerialNumber.String(), firma: firmaA, http: &http.Client{Transport: transport},
	}
}

// enter makes a client with a token.
func (b *bench) enter(t testing.TB, servicio, rfc string) *client {
	t.Helper()
	c := b.client(t, servicio, rfc)
	c.enter()
	return c
}

func (c *client) enter() {
	c.t.Helper()
	r := c.authenticate(c.security(time.Now()))
	if r.estado != http.StatusOK {
		c.t.Fatalf("Autentica: %d %s", r.estado, r.body)
	}
	c.token = between(r.body, "<AutenticaResult>", "</AutenticaResult>")
}

// en is the same client within a subtest.
func (c *client) en(t testing.TB) *client {
	clone := *c
	clone.t = t
	return &clone
}

// answer is an answer read whole; err is what went wrong reading it.
type answer struct {
	estado int
	header http.Header
	body   string
	err    error
}

func (c *client) send(path, action, body string, changes ...func(*http.Request)) answer {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodPost, c.base+"/"+c.servicio+"/"+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `"`+action+`"`)
	if c.token != "" {
		r.Header.Set("Authorization", `WRAP access_token="`+c.token+`"`)
	}
	for _, change := range changes {
		change(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func (c *client) authenticate(security string) answer {
	c.t.Helper()
	return c.send(pathAuthenticate, accAuthenticate, authenticateEnvelope(security))
}

func authenticateEnvelope(security string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:u="` + nsWSU + `"><s:Header>` + security +
		`</s:Header><s:Body><Autentica xmlns="http://DescargaMasivaTerceros.gob.mx"/></s:Body></s:Envelope>`
}

// result is the answer of an operation, its attributes by name.
type result struct {
	answer
	attr     map[string]string
	paquetes []string
	zip      []byte // of Descargar, when its base64 is good
}

// ask signs and sends a request; attributes are name and value, in any order.
func (c *client) ask(path, action, op, node string, attributes map[string]string, children string) result {
	c.t.Helper()
	return readResult(c.t, c.send(path, action, c.firma(c, op, node, canonical(attributes), children)))
}

func (c *client) request(op string, attributes map[string]string, receptores ...string) result {
	c.t.Helper()
	var children string
	if len(receptores) > 0 {
		children = "<des:RfcReceptores><des:RfcReceptor>" + strings.Join(receptores, "</des:RfcReceptor><des:RfcReceptor>") + "</des:RfcReceptor></des:RfcReceptores>"
	}
	return c.ask(pathRequest, accRequest+op, op, "solicitud", attributes, children)
}

// emitidos are the attributes of a good request of a day, changed by pairs; an empty value removes.
func (c *client) emitidos(pairs ...string) map[string]string {
	return change(map[string]string{"FechaInicial": "2026-01-10T00:00:00", "FechaFinal": "2026-01-10T23:59:59", "RfcEmisor": c.rfc, "RfcSolicitante": c.rfc, "TipoSolicitud": "CFDI"}, pairs)
}

func (c *client) recibidos(pairs ...string) map[string]string {
	return change(map[string]string{"FechaInicial": "2026-01-10T00:00:00", "FechaFinal": "2026-01-10T23:59:59", "RfcReceptor": c.rfc, "RfcSolicitante": c.rfc, "TipoSolicitud": "CFDI"}, pairs)
}

func change(m map[string]string, pairs []string) map[string]string {
	for i := 0; i < len(pairs); i += 2 {
		if m[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
			delete(m, pairs[i])
		}
	}
	return m
}

func (c *client) verify(id string) result {
	c.t.Helper()
	return c.ask(pathVerify, accVerify, "VerificaSolicitudDescarga", "solicitud", map[string]string{"IdSolicitud": id, "RfcSolicitante": c.rfc}, "")
}

func (c *client) descarga(id string) result {
	c.t.Helper()
	return c.ask(pathDescarga, accDescarga, "PeticionDescargaMasivaTercerosEntrada", "peticionDescarga", map[string]string{"IdPaquete": id, "RfcSolicitante": c.rfc}, "")
}

// paquetes makes a request, waits for it and returns the ids of its packages.
func (c *client) paquetes(op string, attributes map[string]string, receptores ...string) result {
	c.t.Helper()
	r := c.request(op, attributes, receptores...)
	c.wait(r, "CodEstatus", "5000")
	v := c.verify(r.attr["IdSolicitud"])
	c.wait(v, "EstadoSolicitud", "3")
	return v
}

func (c *client) wait(r result, pairs ...string) {
	c.t.Helper()
	if r.err != nil {
		c.t.Fatal(r.err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if r.attr[pairs[i]] != pairs[i+1] {
			c.t.Fatalf("%s = %q, want %q in HTTP %d %.600s", pairs[i], r.attr[pairs[i]], pairs[i+1], r.estado, r.body)
		}
	}
}

// canonical writes attributes sorted, each after a blank.
func canonical(m map[string]string) string {
	var b strings.Builder
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Fprintf(&b, ` %s="%s"`, n, strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(m[n]))
	}
	return b.String()
}

func readResult(t testing.TB, r answer) result {
	t.Helper()
	res := result{answer: r, attr: map[string]string{}}
	if r.err != nil || r.estado != http.StatusOK {
		return res
	}
	d := xml.NewDecoder(strings.NewReader(r.body))
	var within string
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return res
		}
		switch e := tok.(type) {
		case xml.StartElement:
			within = e.Name.Local
			if strings.HasSuffix(e.Name.Local, "Result") || e.Name.Local == "respuesta" {
				for _, a := range e.Attr {
					res.attr[a.Name.Local] = a.Value
				}
			}
		case xml.CharData:
			switch within {
			case "IdsPaquetes":
				res.paquetes = append(res.paquetes, string(e))
			case "Paquete":
				res.zip, _ = base64.StdEncoding.DecodeString(string(e))
			}
		case xml.EndElement:
			within = ""
		}
	}
	return res
}

func openZip(t testing.TB, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if m[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	return m
}

func (b *bench) adminJSON(t testing.TB, method, path, body string, v any) int {
	t.Helper()
	r, err := http.NewRequest(method, b.admin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func sha(text string) string {
	sum := sha1.Sum([]byte(text))
	return b64(sum[:])
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	within, _, _ := strings.Cut(rest, after)
	return within
}

func read(t testing.TB, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
