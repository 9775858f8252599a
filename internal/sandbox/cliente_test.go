package sandbox_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
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
	rutaAutentica = "Autenticacion/Autenticacion.svc"
	rutaSolicita  = "SolicitaDescargaService.svc"
	rutaVerifica  = "VerificaSolicitudDescargaService.svc"
	rutaDescarga  = "DescargaMasivaService.svc"

	acciones      = "http://DescargaMasivaTerceros.sat.gob.mx/"
	accAutentica  = "http://DescargaMasivaTerceros.gob.mx/IAutenticacion/Autentica"
	accSolicita   = acciones + "ISolicitaDescargaService/"
	accVerifica   = acciones + "IVerificaSolicitudDescargaService/VerificaSolicitudDescarga"
	accDescarga   = acciones + "IDescargaMasivaTercerosService/Descargar"
	opEmitidos    = "SolicitaDescargaEmitidos"
	opRecibidos   = "SolicitaDescargaRecibidos"
	opFolio       = "SolicitaDescargaFolio"
	excC14n       = "http://www.w3.org/2001/10/xml-exc-c14n#"
	incC14n       = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	envuelta      = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	nsDS          = "http://www.w3.org/2000/09/xmldsig#"
	nsDes         = "http://DescargaMasivaTerceros.sat.gob.mx"
	nsSOAP        = "http://schemas.xmlsoap.org/soap/envelope/"
	nsWSU         = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE        = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	perfilX509    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
	formatoMilis  = "2006-01-02T15:04:05.000Z"
	formatoLocal  = "2006-01-02T15:04:05"
	digitosPrueba = "PRU010101AB1"
)

// carpeta has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var carpeta = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-prueba-*")
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

// banco is a running sandbox.
type banco struct {
	*sandbox.Sandbox
	soap, admin string
}

// arranca runs a sandbox on free ports for the length of a test. All share one authority, for speed.
func arranca(t testing.TB, cambios ...func(*sandbox.Config)) *banco {
	t.Helper()
	dir, err := carpeta()
	if err != nil {
		t.Fatal(err)
	}
	cfg := sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir, Seed: 7}
	for _, cambia := range cambios {
		cambia(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancela := context.WithCancel(context.Background())
	b := &banco{Sandbox: s}
	listo, fin := make(chan struct{}), make(chan error, 1)
	go func() {
		fin <- s.Run(ctx, func(soap, admin net.Addr) {
			b.soap, b.admin = "http://"+soap.String(), "http://"+admin.String()
			close(listo)
		})
	}()
	select {
	case <-listo:
	case err := <-fin:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancela()
		if err := <-fin; err != nil {
			t.Error(err)
		}
	})
	return b
}

// rapido makes requests finish at once.
func (b *banco) rapido(t testing.TB, mas map[string]any) *banco {
	t.Helper()
	b.perillas(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"})
	b.perillas(t, mas)
	return b
}

func (b *banco) perillas(t testing.TB, cambios map[string]any) {
	t.Helper()
	if err := b.Perillas().Cambia(cambios); err != nil {
		t.Fatal(err)
	}
}

// cliente is a SAT client written from the protocol alone: canonical forms are strings, as in the PHP
// and .NET programs that people use.
type cliente struct {
	t        testing.TB
	base     string
	servicio string
	rfc      string
	cer      []byte
	serie    string
	key      *rsa.PrivateKey
	token    string
	http     *http.Client
	firma    func(c *cliente, op, nodo, atributos, hijos string) string
}

// cliente opens the e.firma of an RFC of the sandbox.
func (b *banco) cliente(t testing.TB, servicio, rfc string) *cliente {
	t.Helper()
	e, err := autoridad.LoadEmitida(b.EFirmasDir(), rfc)
	if err != nil {
		t.Fatal(err)
	}
	return b.con(t, servicio, e)
}

func (b *banco) con(t testing.TB, servicio string, e *autoridad.Emitida) *cliente {
	transporte := &http.Transport{DisableCompression: true}
	t.Cleanup(transporte.CloseIdleConnections)
	return &cliente{
		t: t, base: b.soap, servicio: servicio, rfc: e.RFC, cer: e.CerDER, key: e.Key,
		serie: e.Certificate.SerialNumber.String(), firma: firmaA, http: &http.Client{Transport: transporte},
	}
}

// entra makes a client with a token.
func (b *banco) entra(t testing.TB, servicio, rfc string) *cliente {
	t.Helper()
	c := b.cliente(t, servicio, rfc)
	c.entra()
	return c
}

func (c *cliente) entra() {
	c.t.Helper()
	r := c.autentica(c.seguridad(time.Now()))
	if r.estado != http.StatusOK {
		c.t.Fatalf("Autentica: %d %s", r.estado, r.cuerpo)
	}
	c.token = entre(r.cuerpo, "<AutenticaResult>", "</AutenticaResult>")
}

// en is the same client within a subtest.
func (c *cliente) en(t testing.TB) *cliente {
	copia := *c
	copia.t = t
	return &copia
}

// respuesta is an answer read whole; err is what went wrong reading it.
type respuesta struct {
	estado int
	header http.Header
	cuerpo string
	err    error
}

func (c *cliente) envia(ruta, accion, cuerpo string, cambios ...func(*http.Request)) respuesta {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodPost, c.base+"/"+c.servicio+"/"+ruta, strings.NewReader(cuerpo))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `"`+accion+`"`)
	if c.token != "" {
		r.Header.Set("Authorization", `WRAP access_token="`+c.token+`"`)
	}
	for _, cambia := range cambios {
		cambia(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return respuesta{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return respuesta{resp.StatusCode, resp.Header, string(b), err}
}

func (c *cliente) autentica(seguridad string) respuesta {
	c.t.Helper()
	return c.envia(rutaAutentica, accAutentica, sobreAutentica(seguridad))
}

func sobreAutentica(seguridad string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:u="` + nsWSU + `"><s:Header>` + seguridad +
		`</s:Header><s:Body><Autentica xmlns="http://DescargaMasivaTerceros.gob.mx"/></s:Body></s:Envelope>`
}

// seguridad is the WS-Security header of Autentica, created at an instant.
func (c *cliente) seguridad(creado time.Time) string {
	return c.seguridadDe(creado, creado.Add(5*time.Minute))
}

func (c *cliente) seguridadDe(creado, expira time.Time) string {
	return c.seguridadCon(creado, expira, "#_0")
}

// seguridadCon signs the Timestamp under a reference of its own.
func (c *cliente) seguridadCon(creado, expira time.Time, uri string) string {
	tiempos := "<u:Created>" + creado.UTC().Format(formatoMilis) + "</u:Created><u:Expires>" + expira.UTC().Format(formatoMilis) + "</u:Expires></u:Timestamp>"
	digesto := sha(`<u:Timestamp xmlns:u="` + nsWSU + `" u:Id="_0">` + tiempos)
	info := func(xmlns string) string { return signedInfo(xmlns, "", excC14n, ` URI="`+uri+`"`, excC14n, digesto) }
	return `<o:Security xmlns:o="` + nsWSSE + `" s:mustUnderstand="1"><u:Timestamp u:Id="_0">` + tiempos +
		`<o:BinarySecurityToken u:Id="uuid-1" ValueType="` + perfilX509 + `" EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary">` +
		b64(c.cer) + `</o:BinarySecurityToken><Signature xmlns="` + nsDS + `">` + info("") + "<SignatureValue>" +
		c.sella(info(` xmlns="`+nsDS+`"`)) + `</SignatureValue><KeyInfo><o:SecurityTokenReference><o:Reference ValueType="` + perfilX509 +
		`" URI="#uuid-1"/></o:SecurityTokenReference></KeyInfo></Signature></o:Security>`
}

func (c *cliente) sella(texto string) string {
	suma := sha1.Sum([]byte(texto))
	firma, err := rsa.SignPKCS1v15(rand.Reader, c.key, crypto.SHA1, suma[:])
	if err != nil {
		c.t.Fatal(err)
	}
	return b64(firma)
}

// signedInfo is canonical when xmlns is what canonicalisation puts there.
func signedInfo(xmlns, p, c14n, uri, transformada, digesto string) string {
	return strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(
		`«SignedInfo` + xmlns + `>«CanonicalizationMethod Algorithm="` + c14n + `">»CanonicalizationMethod>«SignatureMethod Algorithm="` + nsDS + `rsa-sha1">»SignatureMethod>` +
			`«Reference` + uri + `>«Transforms>«Transform Algorithm="` + transformada + `">»Transform>»Transforms>«DigestMethod Algorithm="` + nsDS + `sha1">»DigestMethod>` +
			`«DigestValue>` + digesto + `»DigestValue>»Reference>»SignedInfo>`)
}

func (c *cliente) llave(p string) string {
	return strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(`«KeyInfo>«X509Data>«X509IssuerSerial>«X509IssuerName>CN=X»X509IssuerName>«X509SerialNumber>`) + c.serie +
		strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(`»X509SerialNumber>»X509IssuerSerial>«X509Certificate>`+b64(c.cer)+`»X509Certificate>»X509Data>»KeyInfo>`)
}

// firmaA is phpcfdi's way: the operation's element, exclusive canonicalisation, URI "".
func firmaA(c *cliente, op, nodo, atributos, hijos string) string {
	return firmaConURI(` URI=""`)(c, op, nodo, atributos, hijos)
}

func firmaConURI(uri string) func(c *cliente, op, nodo, atributos, hijos string) string {
	return func(c *cliente, op, nodo, atributos, hijos string) string {
		digesto := sha("<des:" + op + ` xmlns:des="` + nsDes + `"><des:` + nodo + atributos + ">" + hijos + "</des:" + nodo + "></des:" + op + ">")
		sello := c.sella(signedInfo(` xmlns="`+nsDS+`"`, "", excC14n, uri, excC14n, digesto))
		return c.sobre(op, nodo, atributos, hijos, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", excC14n, uri, excC14n, digesto)+
			"<SignatureValue>"+sello+"</SignatureValue>"+c.llave("")+"</Signature>")
	}
}

// firmaConPrefijoTardio is python-cfdiclient's way: A, whose names get a prefix once it is signed.
func firmaConPrefijoTardio(c *cliente, op, nodo, atributos, hijos string) string {
	antes, firma, _ := strings.Cut(firmaA(c, op, nodo, atributos, hijos), `<Signature xmlns="`+nsDS+`">`)
	firma, despues, _ := strings.Cut(firma, "</Signature>")
	firma = strings.NewReplacer("</", "</xd:", "<", "<xd:").Replace(firma)
	return antes + `<xd:Signature xmlns:xd="` + nsDS + `">` + firma + "</xd:Signature>" + despues
}

// heredados are the namespaces in scope in sobre, as inclusive canonicalisation renders them.
const heredados = ` xmlns:des="` + nsDes + `" xmlns:s="` + nsSOAP + `"`

// firmaB is the request node alone, inclusive, enveloped.
func firmaB(c *cliente, op, nodo, atributos, hijos string) string {
	digesto := sha("<des:" + nodo + heredados + atributos + ">" + hijos + "</des:" + nodo + ">")
	sello := c.sella(signedInfo(` xmlns="`+nsDS+`"`+heredados, "", incC14n, ` URI=""`, envuelta, digesto))
	return c.sobre(op, nodo, atributos, hijos, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", incC14n, ` URI=""`, envuelta, digesto)+
		"<SignatureValue>"+sello+"</SignatureValue>"+c.llave("")+"</Signature>")
}

// firmaD is satcfdi's way: the operation's element, inclusive, enveloped, with the prefix ds.
func firmaD(c *cliente, op, nodo, atributos, hijos string) string {
	digesto := sha("<des:" + op + heredados + "><des:" + nodo + atributos + ">" + hijos + "</des:" + nodo + "></des:" + op + ">")
	ds := ` xmlns:des="` + nsDes + `" xmlns:ds="` + nsDS + `" xmlns:s="` + nsSOAP + `"`
	sello := c.sella(signedInfo(ds, "ds:", incC14n, ` URI=""`, envuelta, digesto))
	return c.sobre(op, nodo, atributos, hijos, `<ds:Signature xmlns:ds="`+nsDS+`">`+signedInfo("", "ds:", incC14n, ` URI=""`, envuelta, digesto)+
		"<ds:SignatureValue>"+sello+"</ds:SignatureValue>"+c.llave("ds:")+"</ds:Signature>")
}

// firmaDAparte is what satcfdi really sends: D, its SignedInfo signed as a document of its own.
func firmaDAparte(c *cliente, op, nodo, atributos, hijos string) string {
	texto := firmaD(c, op, nodo, atributos, hijos)
	digesto := entre(texto, "<ds:DigestValue>", "</ds:DigestValue>")
	sello := c.sella(signedInfo(` xmlns:ds="`+nsDS+`"`, "ds:", incC14n, ` URI=""`, envuelta, digesto))
	return strings.Replace(texto, entre(texto, "<ds:SignatureValue>", "</ds:SignatureValue>"), sello, 1)
}

func (c *cliente) sobre(op, nodo, atributos, hijos, firma string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:des="` + nsDes + `"><s:Header/><s:Body><des:` + op + "><des:" + nodo + atributos + ">" + hijos + firma +
		"</des:" + nodo + "></des:" + op + "></s:Body></s:Envelope>"
}

// resultado is the answer of an operation, its attributes by name.
type resultado struct {
	respuesta
	attr     map[string]string
	paquetes []string
	zip      []byte // of Descargar, when its base64 is good
}

// pide signs and sends a request; atributos are name and value, in any order.
func (c *cliente) pide(ruta, accion, op, nodo string, atributos map[string]string, hijos string) resultado {
	c.t.Helper()
	return leeResultado(c.t, c.envia(ruta, accion, c.firma(c, op, nodo, canonicos(atributos), hijos)))
}

func (c *cliente) solicita(op string, atributos map[string]string, receptores ...string) resultado {
	c.t.Helper()
	var hijos string
	if len(receptores) > 0 {
		hijos = "<des:RfcReceptores><des:RfcReceptor>" + strings.Join(receptores, "</des:RfcReceptor><des:RfcReceptor>") + "</des:RfcReceptor></des:RfcReceptores>"
	}
	return c.pide(rutaSolicita, accSolicita+op, op, "solicitud", atributos, hijos)
}

// emitidos are the attributes of a good request of a day, changed by pairs; an empty value removes.
func (c *cliente) emitidos(pares ...string) map[string]string {
	return cambia(map[string]string{"FechaInicial": "2026-01-10T00:00:00", "FechaFinal": "2026-01-10T23:59:59", "RfcEmisor": c.rfc, "RfcSolicitante": c.rfc, "TipoSolicitud": "CFDI"}, pares)
}

func (c *cliente) recibidos(pares ...string) map[string]string {
	return cambia(map[string]string{"FechaInicial": "2026-01-10T00:00:00", "FechaFinal": "2026-01-10T23:59:59", "RfcReceptor": c.rfc, "RfcSolicitante": c.rfc, "TipoSolicitud": "CFDI"}, pares)
}

func cambia(m map[string]string, pares []string) map[string]string {
	for i := 0; i < len(pares); i += 2 {
		if m[pares[i]] = pares[i+1]; pares[i+1] == "" {
			delete(m, pares[i])
		}
	}
	return m
}

func (c *cliente) verifica(id string) resultado {
	c.t.Helper()
	return c.pide(rutaVerifica, accVerifica, "VerificaSolicitudDescarga", "solicitud", map[string]string{"IdSolicitud": id, "RfcSolicitante": c.rfc}, "")
}

func (c *cliente) descarga(id string) resultado {
	c.t.Helper()
	return c.pide(rutaDescarga, accDescarga, "PeticionDescargaMasivaTercerosEntrada", "peticionDescarga", map[string]string{"IdPaquete": id, "RfcSolicitante": c.rfc}, "")
}

// paquetes makes a request, waits for it and returns the ids of its packages.
func (c *cliente) paquetes(op string, atributos map[string]string, receptores ...string) resultado {
	c.t.Helper()
	r := c.solicita(op, atributos, receptores...)
	c.espera(r, "CodEstatus", "5000")
	v := c.verifica(r.attr["IdSolicitud"])
	c.espera(v, "EstadoSolicitud", "3")
	return v
}

func (c *cliente) espera(r resultado, pares ...string) {
	c.t.Helper()
	if r.err != nil {
		c.t.Fatal(r.err)
	}
	for i := 0; i < len(pares); i += 2 {
		if r.attr[pares[i]] != pares[i+1] {
			c.t.Fatalf("%s = %q, want %q in HTTP %d %.600s", pares[i], r.attr[pares[i]], pares[i+1], r.estado, r.cuerpo)
		}
	}
}

// canonicos writes attributes sorted, each after a blank.
func canonicos(m map[string]string) string {
	var b strings.Builder
	var nombres []string
	for n := range m {
		nombres = append(nombres, n)
	}
	slices.Sort(nombres)
	for _, n := range nombres {
		fmt.Fprintf(&b, ` %s="%s"`, n, strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(m[n]))
	}
	return b.String()
}

func leeResultado(t testing.TB, r respuesta) resultado {
	t.Helper()
	res := resultado{respuesta: r, attr: map[string]string{}}
	if r.err != nil || r.estado != http.StatusOK {
		return res
	}
	d := xml.NewDecoder(strings.NewReader(r.cuerpo))
	var dentro string
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
			dentro = e.Name.Local
			if strings.HasSuffix(e.Name.Local, "Result") || e.Name.Local == "respuesta" {
				for _, a := range e.Attr {
					res.attr[a.Name.Local] = a.Value
				}
			}
		case xml.CharData:
			switch dentro {
			case "IdsPaquetes":
				res.paquetes = append(res.paquetes, string(e))
			case "Paquete":
				res.zip, _ = base64.StdEncoding.DecodeString(string(e))
			}
		case xml.EndElement:
			dentro = ""
		}
	}
	return res
}

func abreZip(t testing.TB, b []byte) map[string][]byte {
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

func (b *banco) adminJSON(t testing.TB, metodo, ruta, cuerpo string, v any) int {
	t.Helper()
	r, err := http.NewRequest(metodo, b.admin+ruta, strings.NewReader(cuerpo))
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

func sha(texto string) string {
	suma := sha1.Sum([]byte(texto))
	return b64(suma[:])
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func entre(texto, antes, despues string) string {
	_, resto, _ := strings.Cut(texto, antes)
	dentro, _, _ := strings.Cut(resto, despues)
	return dentro
}

func lee(t testing.TB, partes ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(partes...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
