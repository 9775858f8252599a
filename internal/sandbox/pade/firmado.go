package pade

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// The codes of Firmado; those of a party are in parts.
const (
	codSignedBefore      = "2"
	codXMLBadFormed      = "301"
	codStructure         = "302"
	codRequest           = "400"
	codInternal          = "99"
	mensajeAlreadySigned = "El contrato fue firmado previamente"
	mensajeStructure     = "El contrato está mal formado: "
)

// centre is the time of most of Mexico, where no summer time is kept.
var centre = time.FixedZone("CST", -6*60*60)

// firma is the three operations: the one with credentials judges them first. A trial is a signature that
// nobody remembers, and that no former one prevents.
func (s *Server) firma(ll *call) result {
	if missing := ll.missing(); missing != nil {
		return result{codigo: codRequest, mensaje: "Petición inválida, faltan parámetros: " + strings.Join(missing, ", ")}
	}
	if ll.op.name == opFirmar && (!s.enter(ll) || !s.isItsContrato(ll)) {
		return result{codigo: codCredentials, mensaje: "Usuario, contraseña o código de contrato incorrectos"}
	}
	c, bad := readRequest(ll)
	if bad == nil {
		bad = s.check(c)
	}
	if bad != nil {
		return *bad
	}
	now := s.Clock.Now()
	signed, err := s.pac.contrafirma(c, s.Clock.Real())
	if err != nil {
		s.Log.Error().Err(err).Msg("pade: internal error")
		return result{codigo: codInternal, mensaje: "Error interno"}
	}
	fecha := now.In(centre).Format(formFecha)
	if !truth(ll.datum(parModoPrueba)) {
		done := Summary{Operacion: ll.op.name, Hash: c.hash, CertificadoSerie: c.firmas[0]["CertificadoSerie"], FechaFirma: fecha}
		if !s.firmas.add(done) {
			return result{codigo: codSignedBefore, mensaje: mensajeAlreadySigned}
		}
	}
	return result{codigo: codDone, document: signed, fecha: fecha}
}

// readRequest reads the contract out of a call. Its base64 is a text to the service, which gets the line
// breaks too: they are refused.
func readRequest(ll *call) (*contrato, *result) {
	text := ll.datum(xmlPair)
	document, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, &result{codigo: codXMLBadFormed, mensaje: "El XML está mal formado: no es base64 en una línea"}
	}
	withoutMark := bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))
	if m := reDeclared.FindSubmatch(withoutMark); m != nil && !strings.EqualFold(string(m[1]), "UTF-8") {
		return nil, &result{codigo: codXMLBadFormed, mensaje: "El XML está mal formado: no es UTF-8"}
	}
	if err := wellFormed(withoutMark); err != nil {
		return nil, &result{codigo: codXMLBadFormed, mensaje: "El XML está mal formado: " + err.Error()}
	}
	c, err := readContrato(document, ll.op.name)
	if err != nil {
		return nil, &result{codigo: codStructure, mensaje: mensajeStructure + err.Error()}
	}
	return c, nil
}

// pac signs for the PAC. Its certificate is issued when it is first needed, because a key takes time.
type pac struct {
	autoridad *autoridad.Autoridad

	mu    sync.Mutex
	firma *autoridad.Emitido
}

const (
	rfcPAC  = "PCC010101AB2"
	pacName = "PAC DE PRUEBA DEL SANDBOX"
)

func (p *pac) credential(now time.Time) (*autoridad.Emitido, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.firma == nil {
		emitido, err := p.autoridad.Issue(autoridad.Request{RFC: rfcPAC, Name: pacName, Password: "sandbox", NotBefore: now.Add(-24 * time.Hour)})
		if err != nil {
			return nil, err
		}
		p.firma = emitido
	}
	return p.firma, nil
}

// contrafirma appends the PAC's own Firma and leaves every other byte as it is.
func (p *pac) contrafirma(c *contrato, now time.Time) ([]byte, error) {
	credential, err := p.credential(now)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.text))
	sello, err := credential.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing for the PAC: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("<Firma")
	for _, a := range [][2]string{
		{"Quien", whoPAC},
		{"RFC", rfcPAC},
		{"Nombre", pacName},
		{"CertificadoSerie", autoridad.Serial(credential.Certificate)},
		{"Certificado", base64.StdEncoding.EncodeToString(credential.CerDER)},
		{"Sello", base64.StdEncoding.EncodeToString(sello)},
	} {
		b.WriteString(" " + a[0] + `="` + escapeAttribute(a[1]) + `"`)
	}
	b.WriteString("/>")
	return slices.Concat(c.document[:c.end], b.Bytes(), c.document[c.end:]), nil
}

// Summary is a signed contract as the admin port shows it.
type Summary struct {
	Operacion        string `json:"operacion"`
	Hash             string `json:"hash"`
	CertificadoSerie string `json:"certificadoSerie"` // of the client
	FechaFirma       string `json:"fechaFirma"`
}

// record remembers the contracts that were signed, by their hash and the client's certificate.
type record struct {
	mu  sync.Mutex
	all []Summary
	has map[[2]string]bool
}

func newRecord() *record { return &record{has: make(map[[2]string]bool)} }

func (r *record) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
	clear(r.has)
}

// add reports whether it was not there.
func (r *record) add(fresh Summary) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [2]string{fresh.Hash, fresh.CertificadoSerie}
	if r.has[key] {
		return false
	}
	r.has[key] = true
	r.all = append(r.all, fresh)
	return true
}

func (r *record) summary() []Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Summary{}, r.all...)
}
