package pade_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// folder has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var folder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-pade-prueba-*")
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

const (
	addendas   = "/pade/addendas"
	signed     = "/pade/firmado"
	nsAddendas = "http://addendas.ws.pade.mx"
	nsSigned   = "http://firmado.ws.pade.mx"
	cuenta     = "<contrato>sandbox</contrato><usuario>sandbox</usuario><passwd>sandbox</passwd>"
)

// bench is a sandbox whose clock stands until it is moved.
type bench struct {
	*sandbox.Sandbox
	t                testing.TB
	base             string
	client, intact   *autoridad.Emitido
	now              time.Time
	operation, trial string // of firma
}

func start(t testing.TB, changes ...func(*sandbox.Config)) *bench {
	t.Helper()
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.Now(), operation: "firmar", trial: "false"}
	cfg := sandbox.Config{Dir: dir, Seed: 7, Now: func() time.Time { return b.now }}
	for _, change := range changes {
		change(&cfg)
	}
	if b.Sandbox, err = sandbox.New(cfg); err != nil {
		t.Fatal(err)
	}
	for rfc, e := range map[string]**autoridad.Emitido{sandbox.RFCPersona: &b.client, sandbox.RFCSpecial: &b.intact} {
		if *e, err = autoridad.LoadEmitido(b.EFirmasDir(), rfc); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	b.base = server.URL
	return b
}

// answer is an answer read whole; internal is the document in its return.
type answer struct {
	estado   int
	tipo     string
	body     string
	internal string
	withRet  bool
	err      error
}

// field returns the text of an element of the inner document, and "-" when it is not there.
func (r answer) field(name string) string {
	d := xml.NewDecoder(strings.NewReader(r.internal))
	for {
		t, err := d.Token()
		if err != nil {
			return "-"
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == name {
			var text string
			if d.DecodeElement(&text, &e) != nil {
				return "-"
			}
			return text
		}
	}
}

// codigo is that of either service.
func (r answer) codigo() string {
	if c := r.field("codigo"); c != "-" {
		return c
	}
	return r.field("codigoResultado")
}

func (r answer) document(t testing.TB) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(r.field("xmlBase64"))
	if err != nil || len(b) == 0 {
		t.Fatalf("no document: %v %d %s", err, r.estado, r.body)
	}
	return string(b)
}

// envelope has a wrapper with a prefix, as it must be.
func envelope(ns, operation, params string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><t:` + operation + ` xmlns:t="` + ns + `">` + params + `</t:` + operation + `></s:Body></s:Envelope>`
}

func (b *bench) publish(path, body string, changes ...func(*http.Request)) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `""`)
	for _, change := range changes {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	output := answer{estado: resp.StatusCode, tipo: resp.Header.Get("Content-Type"), body: string(read), err: err}
	var wrapper struct {
		Body struct {
			Cualquiera struct {
				Return *string `xml:"return"`
			} `xml:",any"`
		}
	}
	d := xml.NewDecoder(strings.NewReader(output.body))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, io.EOF }
	if d.Decode(&wrapper) == nil && wrapper.Body.Cualquiera.Return != nil {
		output.internal, output.withRet = *wrapper.Body.Cualquiera.Return, true
	}
	return output
}

// addenda calls procesarAddenda with the account, data as they are to be on the wire.
func (b *bench) addenda(data string) answer {
	b.t.Helper()
	return b.publish(addendas, envelope(nsAddendas, "procesarAddenda", cuenta+"<datos>"+data+"</datos>"))
}

func (b *bench) attach(data, cfdi string) answer {
	b.t.Helper()
	return b.publish(addendas, envelope(nsAddendas, "procesarAdjuntarAddenda", cuenta+"<datos>"+data+"</datos><xmlcfdi>"+escape(cfdi)+"</xmlcfdi>"))
}

// firma sends bytes for a contract to b.operation with b.trial.
func (b *bench) firma(document string) answer {
	b.t.Helper()
	params := "<xml>" + b64([]byte(document)) + "</xml><modoPrueba>" + b.trial + "</modoPrueba>"
	if b.operation == "firmar" {
		params = cuenta + params
	}
	return b.publish(signed, envelope(nsSigned, b.operation, params))
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// contrato is a Contrato to be written, its hash and seals to be made when they are nil.
type contrato struct {
	fecha, text, hash string
	firmas            []firma
}

type firma struct {
	attributes map[string]string
	with       *autoridad.Emitido
	digest     crypto.Hash
}

func (b *bench) contrato(text string) *contrato {
	client := firma{map[string]string{"Quien": "Cliente", "RFC": b.client.RFC, "Nombre": "Juana", "RepLegalRFC": "", "RepLegal": ""}, b.client, crypto.SHA256}
	intact := firma{map[string]string{
		"Quien": "INT", "RFC": b.intact.RFC, "Nombre": `Ñandú & "Peña"`, "RepLegalRFC": b.client.RFC, "RepLegal": "Juana", "Siglas": "INT",
		"CalleNumero": "1", "Colonia": "C", "Ciudad": "M", "Estado": "CDMX", "CodigoPostal": "06000", "NombreSoftware": "S", "URLInformacion": "https://s.mx",
	}, b.intact, crypto.SHA1}
	return &contrato{fecha: "2026-01-31T23:59:59", text: text, firmas: []firma{client, intact}}
}

func (b *bench) adhesion(text string) *contrato {
	return &contrato{fecha: "2026-01-31T23:59:59", text: text, firmas: []firma{{map[string]string{
		"Quien": "Cliente", "Nombre": "Juana", "RepLegal": "Juana", "Facultad": "Poder", "CalleNumero": "1", "Colonia": "C", "Ciudad": "M", "Estado": "CDMX", "CodigoPostal": "06000",
	}, b.client, crypto.SHA256}}}
}

// with sets an attribute of a signer as it is to be sent; sin takes one of the first signer's out.
func (c *contrato) with(i int, attribute, value string) *contrato {
	c.firmas[i].attributes[attribute] = value
	return c
}

func (c *contrato) without(attribute string) *contrato {
	delete(c.firmas[0].attributes, attribute)
	return c
}

// xml writes the contract; what of a signature was set before stays.
func (c *contrato) xml(t testing.TB) string {
	t.Helper()
	hash := c.hash
	if hash == "" {
		hash = hashOf(c.text)
	}
	var s strings.Builder
	s.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Contrato>\n<Fecha>" + c.fecha + "</Fecha><Hash>" + hash + "</Hash><Texto>" + escape(c.text) + "</Texto><Firmas>")
	for _, f := range c.firmas {
		s.WriteString("<Firma")
		for n, v := range f.complete(t, c.text) {
			s.WriteString(" " + n + `="` + escape(v) + `"`)
		}
		s.WriteString("/>")
	}
	return s.String() + "</Firmas></Contrato>\n"
}

func (f firma) complete(t testing.TB, text string) map[string]string {
	t.Helper()
	all := map[string]string{
		"CertificadoSerie": autoridad.Serial(f.with.Certificate), "Certificado": b64(f.with.CerDER), "Sello": seal(t, f, text),
	}
	for n, v := range f.attributes {
		all[n] = v
	}
	return all
}

func seal(t testing.TB, f firma, text string) string {
	t.Helper()
	h := f.digest.New()
	h.Write([]byte(text))
	sello, err := f.with.Key.Sign(rand.Reader, h.Sum(nil), f.digest)
	if err != nil {
		t.Fatal(err)
	}
	return b64(sello)
}

func hashOf(text string) string {
	var pairs []string
	for _, c := range sha1.Sum([]byte(text)) {
		pairs = append(pairs, fmt.Sprintf("%02X", c))
	}
	return strings.Join(pairs, "-")
}

func sum(text string) []byte {
	s := sha256.Sum256([]byte(text))
	return s[:]
}
