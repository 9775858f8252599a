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

// carpeta has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var carpeta = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-pade-prueba-*")
	if err == nil {
		_, err = sandbox.New(sandbox.Config{Dir: dir})
	}
	return dir, err
})

func TestMain(m *testing.M) {
	codigo := m.Run()
	if dir, err := carpeta(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(codigo)
}

const (
	addendas   = "/pade/addendas"
	firmado    = "/pade/firmado"
	nsAddendas = "http://addendas.ws.pade.mx"
	nsFirmado  = "http://firmado.ws.pade.mx"
	cuenta     = "<contrato>sandbox</contrato><usuario>sandbox</usuario><passwd>sandbox</passwd>"
)

// banco is a sandbox whose clock stands until it is moved.
type banco struct {
	*sandbox.Sandbox
	t                 testing.TB
	base              string
	cliente, integra  *autoridad.Emitida
	ahora             time.Time
	operacion, prueba string // of firma
}

func arranca(t testing.TB, cambios ...func(*sandbox.Config)) *banco {
	t.Helper()
	dir, err := carpeta()
	if err != nil {
		t.Fatal(err)
	}
	b := &banco{t: t, ahora: time.Now(), operacion: "firmar", prueba: "false"}
	cfg := sandbox.Config{Dir: dir, Seed: 7, Now: func() time.Time { return b.ahora }}
	for _, cambia := range cambios {
		cambia(&cfg)
	}
	if b.Sandbox, err = sandbox.New(cfg); err != nil {
		t.Fatal(err)
	}
	for rfc, e := range map[string]**autoridad.Emitida{sandbox.RFCPersona: &b.cliente, sandbox.RFCEspecial: &b.integra} {
		if *e, err = autoridad.LoadEmitida(b.EFirmasDir(), rfc); err != nil {
			t.Fatal(err)
		}
	}
	servidor := httptest.NewServer(b.Handler())
	t.Cleanup(servidor.Close)
	b.base = servidor.URL
	return b
}

// respuesta is an answer read whole; interno is the document in its return.
type respuesta struct {
	estado  int
	tipo    string
	cuerpo  string
	interno string
	conRet  bool
	err     error
}

// campo returns the text of an element of the inner document, and "-" when it is not there.
func (r respuesta) campo(nombre string) string {
	d := xml.NewDecoder(strings.NewReader(r.interno))
	for {
		t, err := d.Token()
		if err != nil {
			return "-"
		}
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == nombre {
			var texto string
			if d.DecodeElement(&texto, &e) != nil {
				return "-"
			}
			return texto
		}
	}
}

// codigo is that of either service.
func (r respuesta) codigo() string {
	if c := r.campo("codigo"); c != "-" {
		return c
	}
	return r.campo("codigoResultado")
}

func (r respuesta) documento(t testing.TB) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(r.campo("xmlBase64"))
	if err != nil || len(b) == 0 {
		t.Fatalf("no document: %v %d %s", err, r.estado, r.cuerpo)
	}
	return string(b)
}

// sobre has a wrapper with a prefix, as it must be.
func sobre(ns, operacion, parametros string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><t:` + operacion + ` xmlns:t="` + ns + `">` + parametros + `</t:` + operacion + `></s:Body></s:Envelope>`
}

func (b *banco) publica(ruta, cuerpo string, cambios ...func(*http.Request)) respuesta {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.base+ruta, strings.NewReader(cuerpo))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `""`)
	for _, cambia := range cambios {
		cambia(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return respuesta{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	leido, err := io.ReadAll(resp.Body)
	salida := respuesta{estado: resp.StatusCode, tipo: resp.Header.Get("Content-Type"), cuerpo: string(leido), err: err}
	var envoltura struct {
		Body struct {
			Cualquiera struct {
				Retorno *string `xml:"return"`
			} `xml:",any"`
		}
	}
	d := xml.NewDecoder(strings.NewReader(salida.cuerpo))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, io.EOF }
	if d.Decode(&envoltura) == nil && envoltura.Body.Cualquiera.Retorno != nil {
		salida.interno, salida.conRet = *envoltura.Body.Cualquiera.Retorno, true
	}
	return salida
}

// addenda calls procesarAddenda with the account, datos as they are to be on the wire.
func (b *banco) addenda(datos string) respuesta {
	b.t.Helper()
	return b.publica(addendas, sobre(nsAddendas, "procesarAddenda", cuenta+"<datos>"+datos+"</datos>"))
}

func (b *banco) adjunta(datos, cfdi string) respuesta {
	b.t.Helper()
	return b.publica(addendas, sobre(nsAddendas, "procesarAdjuntarAddenda", cuenta+"<datos>"+datos+"</datos><xmlcfdi>"+escapa(cfdi)+"</xmlcfdi>"))
}

// firma sends bytes for a contract to b.operacion with b.prueba.
func (b *banco) firma(documento string) respuesta {
	b.t.Helper()
	parametros := "<xml>" + b64([]byte(documento)) + "</xml><modoPrueba>" + b.prueba + "</modoPrueba>"
	if b.operacion == "firmar" {
		parametros = cuenta + parametros
	}
	return b.publica(firmado, sobre(nsFirmado, b.operacion, parametros))
}

func escapa(texto string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(texto))
	return b.String()
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// contrato is a Contrato to be written, its hash and seals to be made when they are nil.
type contrato struct {
	fecha, texto, hash string
	firmas             []firma
}

type firma struct {
	atributos map[string]string
	con       *autoridad.Emitida
	digest    crypto.Hash
}

func (b *banco) contrato(texto string) *contrato {
	cliente := firma{map[string]string{"Quien": "Cliente", "RFC": b.cliente.RFC, "Nombre": "Juana", "RepLegalRFC": "", "RepLegal": ""}, b.cliente, crypto.SHA256}
	integra := firma{map[string]string{
		"Quien": "INT", "RFC": b.integra.RFC, "Nombre": `Ñandú & "Peña"`, "RepLegalRFC": b.cliente.RFC, "RepLegal": "Juana", "Siglas": "INT",
		"CalleNumero": "1", "Colonia": "C", "Ciudad": "M", "Estado": "CDMX", "CodigoPostal": "06000", "NombreSoftware": "S", "URLInformacion": "https://s.mx",
	}, b.integra, crypto.SHA1}
	return &contrato{fecha: "2026-01-31T23:59:59", texto: texto, firmas: []firma{cliente, integra}}
}

func (b *banco) adhesion(texto string) *contrato {
	return &contrato{fecha: "2026-01-31T23:59:59", texto: texto, firmas: []firma{{map[string]string{
		"Quien": "Cliente", "Nombre": "Juana", "RepLegal": "Juana", "Facultad": "Poder", "CalleNumero": "1", "Colonia": "C", "Ciudad": "M", "Estado": "CDMX", "CodigoPostal": "06000",
	}, b.cliente, crypto.SHA256}}}
}

// con sets an attribute of a signer as it is to be sent; sin takes one of the first signer's out.
func (c *contrato) con(i int, atributo, valor string) *contrato {
	c.firmas[i].atributos[atributo] = valor
	return c
}

func (c *contrato) sin(atributo string) *contrato {
	delete(c.firmas[0].atributos, atributo)
	return c
}

// xml writes the contract; what of a signature was set before stays.
func (c *contrato) xml(t testing.TB) string {
	t.Helper()
	hash := c.hash
	if hash == "" {
		hash = hashDe(c.texto)
	}
	var s strings.Builder
	s.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Contrato>\n<Fecha>" + c.fecha + "</Fecha><Hash>" + hash + "</Hash><Texto>" + escapa(c.texto) + "</Texto><Firmas>")
	for _, f := range c.firmas {
		s.WriteString("<Firma")
		for n, v := range f.completa(t, c.texto) {
			s.WriteString(" " + n + `="` + escapa(v) + `"`)
		}
		s.WriteString("/>")
	}
	return s.String() + "</Firmas></Contrato>\n"
}

func (f firma) completa(t testing.TB, texto string) map[string]string {
	t.Helper()
	todos := map[string]string{
		"CertificadoSerie": autoridad.Serial(f.con.Certificate), "Certificado": b64(f.con.CerDER), "Sello": sella(t, f, texto),
	}
	for n, v := range f.atributos {
		todos[n] = v
	}
	return todos
}

func sella(t testing.TB, f firma, texto string) string {
	t.Helper()
	h := f.digest.New()
	h.Write([]byte(texto))
	sello, err := f.con.Key.Sign(rand.Reader, h.Sum(nil), f.digest)
	if err != nil {
		t.Fatal(err)
	}
	return b64(sello)
}

func hashDe(texto string) string {
	var pares []string
	for _, c := range sha1.Sum([]byte(texto)) {
		pares = append(pares, fmt.Sprintf("%02X", c))
	}
	return strings.Join(pares, "-")
}

func suma(texto string) []byte {
	s := sha256.Sum256([]byte(texto))
	return s[:]
}
