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

// The codes of Firmado; those of a party are in partes.
const (
	codFirmadoAntes   = "2"
	codXMLMalFormado  = "301"
	codEstructura     = "302"
	codPeticion       = "400"
	codInterno        = "99"
	mensajeYaFirmado  = "El contrato fue firmado previamente"
	mensajeEstructura = "El contrato está mal formado: "
)

// centro is the time of most of Mexico, where no summer time is kept.
var centro = time.FixedZone("CST", -6*60*60)

// firma is the three operations: the one with credentials judges them first. A trial is a signature that
// nobody remembers, and that no former one prevents.
func (s *Servidor) firma(ll *llamada) resultado {
	if faltan := ll.faltan(); faltan != nil {
		return resultado{codigo: codPeticion, mensaje: "Petición inválida, faltan parámetros: " + strings.Join(faltan, ", ")}
	}
	if ll.op.nombre == opFirmar && (!s.entra(ll) || !s.esSuContrato(ll)) {
		return resultado{codigo: codCredenciales, mensaje: "Usuario, contraseña o código de contrato incorrectos"}
	}
	c, mal := leePeticion(ll)
	if mal == nil {
		mal = s.revisa(c)
	}
	if mal != nil {
		return *mal
	}
	ahora := s.o.Reloj.Now()
	firmado, err := s.pac.contrafirma(c, s.o.Reloj.Real())
	if err != nil {
		s.o.Log.Error().Err(err).Msg("pade: internal error")
		return resultado{codigo: codInterno, mensaje: "Error interno"}
	}
	fecha := ahora.In(centro).Format(formaFecha)
	if !verdad(ll.dato(parModoPrueba)) {
		hecho := Resumen{Operacion: ll.op.nombre, Hash: c.hash, CertificadoSerie: c.firmas[0]["CertificadoSerie"], FechaFirma: fecha}
		if !s.firmas.agrega(hecho) {
			return resultado{codigo: codFirmadoAntes, mensaje: mensajeYaFirmado}
		}
	}
	return resultado{codigo: codHecho, documento: firmado, fecha: fecha}
}

// leePeticion reads the contract out of a call. Its base64 is a text to the service, which gets the line
// breaks too: they are refused.
func leePeticion(ll *llamada) (*contrato, *resultado) {
	texto := ll.dato(parXML)
	documento, err := base64.StdEncoding.Strict().DecodeString(texto)
	if err != nil || strings.ContainsAny(texto, "\r\n") {
		return nil, &resultado{codigo: codXMLMalFormado, mensaje: "El XML está mal formado: no es base64 en una línea"}
	}
	sinMarca := bytes.TrimPrefix(documento, []byte("\xef\xbb\xbf"))
	if m := reDeclarado.FindSubmatch(sinMarca); m != nil && !strings.EqualFold(string(m[1]), "UTF-8") {
		return nil, &resultado{codigo: codXMLMalFormado, mensaje: "El XML está mal formado: no es UTF-8"}
	}
	if err := bienFormado(sinMarca); err != nil {
		return nil, &resultado{codigo: codXMLMalFormado, mensaje: "El XML está mal formado: " + err.Error()}
	}
	c, err := leeContrato(documento, ll.op.nombre)
	if err != nil {
		return nil, &resultado{codigo: codEstructura, mensaje: mensajeEstructura + err.Error()}
	}
	return c, nil
}

// pac signs for the PAC. Its certificate is issued when it is first needed, because a key takes time.
type pac struct {
	autoridad *autoridad.Autoridad

	mu    sync.Mutex
	firma *autoridad.Emitida
}

const (
	rfcPAC    = "PCC010101AB2"
	nombrePAC = "PAC DE PRUEBA DEL SANDBOX"
)

func (p *pac) credencial(ahora time.Time) (*autoridad.Emitida, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.firma == nil {
		emitida, err := p.autoridad.Emite(autoridad.Peticion{RFC: rfcPAC, Nombre: nombrePAC, Password: "sandbox", NotBefore: ahora.Add(-24 * time.Hour)})
		if err != nil {
			return nil, err
		}
		p.firma = emitida
	}
	return p.firma, nil
}

// contrafirma appends the PAC's own Firma and leaves every other byte as it is.
func (p *pac) contrafirma(c *contrato, ahora time.Time) ([]byte, error) {
	credencial, err := p.credencial(ahora)
	if err != nil {
		return nil, err
	}
	suma := sha256.Sum256([]byte(c.texto))
	sello, err := credencial.Key.Sign(rand.Reader, suma[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing for the PAC: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("<Firma")
	for _, a := range [][2]string{
		{"Quien", quienPAC},
		{"RFC", rfcPAC},
		{"Nombre", nombrePAC},
		{"CertificadoSerie", autoridad.Serial(credencial.Certificate)},
		{"Certificado", base64.StdEncoding.EncodeToString(credencial.CerDER)},
		{"Sello", base64.StdEncoding.EncodeToString(sello)},
	} {
		b.WriteString(" " + a[0] + `="` + escapaAtributo(a[1]) + `"`)
	}
	b.WriteString("/>")
	return slices.Concat(c.documento[:c.fin], b.Bytes(), c.documento[c.fin:]), nil
}

// Resumen is a signed contract as the admin port shows it.
type Resumen struct {
	Operacion        string `json:"operacion"`
	Hash             string `json:"hash"`
	CertificadoSerie string `json:"certificadoSerie"` // of the client
	FechaFirma       string `json:"fechaFirma"`
}

// registro remembers the contracts that were signed, by their hash and the client's certificate.
type registro struct {
	mu    sync.Mutex
	todos []Resumen
	hay   map[[2]string]bool
}

func nuevoRegistro() *registro { return &registro{hay: make(map[[2]string]bool)} }

func (r *registro) reinicia() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.todos = nil
	clear(r.hay)
}

// agrega tells whether it was not there.
func (r *registro) agrega(nuevo Resumen) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	clave := [2]string{nuevo.Hash, nuevo.CertificadoSerie}
	if r.hay[clave] {
		return false
	}
	r.hay[clave] = true
	r.todos = append(r.todos, nuevo)
	return true
}

func (r *registro) resumen() []Resumen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Resumen{}, r.todos...)
}
