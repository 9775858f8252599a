package sat

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// peticion is the request of an operation once its attributes are read.
type peticion struct {
	envoltura, nodo *etree.Element
	atributos       map[string]string
	receptores      []string // RfcReceptores/RfcReceptor
}

// formato is what an operation takes.
type formato struct {
	obligatorios, opcionales []string
	receptores               bool                // whether RfcReceptores may come
	enumeraciones            map[string]catalogo // wrong values are deserialisation faults
	// solicitante returns the RFC that must be the certificate's.
	solicitante func(*peticion) string
	// reglas are the business rules that code 301 carries.
	reglas func(*peticion) error
}

// catalogo is an enumeration of the contract, under the name that its fault gives.
type catalogo struct {
	tipo    string
	valores []string
}

var formaRFC = regexp.MustCompile(`^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{2}[0-9A]$`)

// examina reads the request and checks what is common to every operation, in the order of the codes:
// 300 token, 301 shape, 302 signature, 303 whose it is, 304 and 305 the certificate.
func (s *Servidor) examina(ll *llamada, f formato) (*peticion, error) {
	envoltura, nodo, err := ll.envoltura()
	if err != nil {
		return nil, err
	}
	p := &peticion{envoltura: envoltura, nodo: nodo, atributos: map[string]string{}}
	for nombre, c := range f.enumeraciones {
		if nodo == nil {
			break
		}
		if a := nodo.SelectAttr(nombre); a != nil && !slices.Contains(c.valores, a.Value) {
			return nil, valorInvalido(ll.op, a.Value, c.tipo)
		}
	}
	ahora := s.ahora()
	titular, no := s.fichas.titular(ll.servicio, ll.autorizacion, ahora, s.perillas.Duracion(vidaToken))
	if no != nil {
		return nil, no
	}
	cert := certificadoDe(nodo)
	if cert != nil && rfcDeCertificado(cert) != titular {
		return nil, rechaza(codTokenInvalido)
	}
	if err := p.lee(f); err != nil {
		return nil, err
	}
	if err := s.revisaSello(ll, p, cert); err != nil {
		s.log.Info().Err(err).Str("operacion", ll.op.nombre).Msg("sat: 302")
		return nil, rechaza(codSello)
	}
	if rfcDeCertificado(cert) != f.solicitante(p) {
		return nil, rechaza(codSelloOtroRFC, "Sello no corresponde con "+ll.op.rfcSello)
	}
	if codigo := s.juzgaOperacion(cert, ahora); codigo != "" {
		return nil, rechaza(codigo)
	}
	return p, nil
}

// lee takes attributes and receivers, refuses what the operation does not know, and asks its rules.
func (p *peticion) lee(f formato) error {
	if p.nodo == nil {
		return malFormado("falta el elemento de la petición")
	}
	if err := p.leeAtributos(f); err != nil {
		return err
	}
	if err := p.leeHijos(f); err != nil {
		return err
	}
	if f.reglas == nil {
		return nil
	}
	return f.reglas(p)
}

func (p *peticion) leeAtributos(f formato) error {
	for _, a := range p.nodo.Attr {
		switch {
		case a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns"):
			continue
		case a.Space != "" || (!slices.Contains(f.obligatorios, a.Key) && !slices.Contains(f.opcionales, a.Key)):
			return malFormado("el atributo " + a.FullKey() + " no se espera")
		case a.Value == "":
			continue
		case strings.HasPrefix(a.Key, "Rfc") && !formaRFC.MatchString(a.Value):
			return malFormado(a.Key + " no es un RFC válido")
		}
		p.atributos[a.Key] = a.Value
	}
	for _, nombre := range f.obligatorios {
		if p.atributos[nombre] == "" {
			return malFormado("falta el atributo " + nombre)
		}
	}
	return nil
}

func (p *peticion) leeHijos(f formato) error {
	vistos := false
	for _, h := range p.nodo.ChildElements() {
		switch {
		case es(h, nsDS, "Signature"):
			continue
		case !f.receptores || vistos || !es(h, nsDes, "RfcReceptores"):
			return malFormado("el elemento " + h.Tag + " no se espera")
		}
		vistos = true
		for _, r := range hijos(h, nsDes, "RfcReceptor") {
			// An empty one is what python-cfdiclient sends when it means none.
			if rfc := strings.TrimSpace(r.Text()); rfc != "" {
				p.receptores = append(p.receptores, rfc)
			}
		}
	}
	return nil
}

// revisaSello is what code 302 stands for: one signature, in its place, that verifies. With the knob
// firma_estricta off only its presence counts, as the record of the real service suggests.
func (s *Servidor) revisaSello(ll *llamada, p *peticion, cert *x509.Certificate) error {
	firma := firmaOperacion(ll.mensaje.cuerpo, p.nodo)
	switch {
	case firma == nil:
		return errSinFirma
	case cert == nil:
		return errSinCertificado
	case !s.perillas.Bool(firmaEstricta):
		return nil
	}
	info, err := leeFirma(firma)
	if err != nil {
		return err
	}
	return info.verificaOperacion(p.envoltura, p.nodo, cert)
}
