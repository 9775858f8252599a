package sat

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// request is the request of an operation once its attributes are read.
type request struct {
	wrapper, node *etree.Element
	attributes    map[string]string
	receptores    []string // RfcReceptores/RfcReceptor
}

// format is what an operation takes.
type format struct {
	required, optional []string
	receptores         bool                // whether RfcReceptores may come
	enums              map[string]catalogo // wrong values are deserialisation faults
	// solicitante returns the RFC that must be the certificate's.
	solicitante func(*request) string
	// rules are the business rules that code 301 carries.
	rules func(*request) error
}

// catalogo is an enumeration of the contract, under the name that its fault gives.
type catalogo struct {
	tipo   string
	values []string
}

var rfcForm = regexp.MustCompile(`^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{2}[0-9A]$`)

// examine reads the request and checks what is common to every operation, in the order of the codes:
// 300 token, 301 shape, 302 signature, 303 whose it is, 304 and 305 the certificate.
func (s *Server) examine(ll *call, f format) (*request, error) {
	wrapper, node, err := ll.wrapper()
	if err != nil {
		return nil, err
	}
	p := &request{wrapper: wrapper, node: node, attributes: map[string]string{}}
	for name, c := range f.enums {
		if node == nil {
			break
		}
		if a := node.SelectAttr(name); a != nil && !slices.Contains(c.values, a.Value) {
			return nil, invalidValue(ll.op, a.Value, c.tipo)
		}
	}
	now := s.now()
	titular, no := s.tokens.titular(ll.servicio, ll.authorization, now, s.Knobs.Duration(vidaToken))
	if no != nil {
		return nil, no
	}
	cert := certificadoOf(node)
	if cert != nil && certificadoRFC(cert) != titular {
		return nil, reject(codTokenInvalid)
	}
	if err := p.read(f); err != nil {
		return nil, err
	}
	if err := s.checkSello(ll, p, cert); err != nil {
		s.Log.Info().Err(err).Str("operacion", ll.op.name).Msg("sat: 302")
		return nil, reject(codSello)
	}
	if certificadoRFC(cert) != f.solicitante(p) {
		return nil, reject(codSelloOtherRFC, "Sello no corresponde con "+ll.op.rfcSello)
	}
	if codigo := s.judgeOperation(cert, now); codigo != "" {
		return nil, reject(codigo)
	}
	return p, nil
}

// read takes attributes and receivers, refuses what the operation does not know, and asks its rules.
func (p *request) read(f format) error {
	if p.node == nil {
		return badFormed("falta el elemento de la petición")
	}
	if err := p.readAttributes(f); err != nil {
		return err
	}
	if err := p.readChildren(f); err != nil {
		return err
	}
	if f.rules == nil {
		return nil
	}
	return f.rules(p)
}

func (p *request) readAttributes(f format) error {
	for _, a := range p.node.Attr {
		switch {
		case a.Space == "xmlns" || (a.Space == "" && a.Key == "xmlns"):
			continue
		case a.Space != "" || (!slices.Contains(f.required, a.Key) && !slices.Contains(f.optional, a.Key)):
			return badFormed("el atributo " + a.FullKey() + " no se espera")
		case a.Value == "":
			continue
		case strings.HasPrefix(a.Key, "Rfc") && !rfcForm.MatchString(a.Value):
			return badFormed(a.Key + " no es un RFC válido")
		}
		p.attributes[a.Key] = a.Value
	}
	for _, name := range f.required {
		if p.attributes[name] == "" {
			return badFormed("falta el atributo " + name)
		}
	}
	return nil
}

func (p *request) readChildren(f format) error {
	seen := false
	for _, h := range p.node.ChildElements() {
		switch {
		case wellformed.Is(h, nsDS, "Signature"):
			continue
		case !f.receptores || seen || !wellformed.Is(h, nsDes, "RfcReceptores"):
			return badFormed("el elemento " + h.Tag + " no se espera")
		}
		seen = true
		p.receptores = receptoresOf(h)
	}
	return nil
}

// receptoresOf are the RFCs of a list. An empty one is what python-cfdiclient sends when it means none.
func receptoresOf(list *etree.Element) []string {
	var all []string
	for _, r := range children(list, nsDes, "RfcReceptor") {
		if rfc := strings.TrimSpace(r.Text()); rfc != "" {
			all = append(all, rfc)
		}
	}
	return all
}

// checkSello is what code 302 stands for: one signature, in its place, that verifies. With the knob
// firma_estricta off only its presence counts, as the record of the real service suggests.
func (s *Server) checkSello(ll *call, p *request, cert *x509.Certificate) error {
	firma := firmaOperation(ll.mensaje.body, p.node)
	switch {
	case firma == nil:
		return errWithoutFirma
	case cert == nil:
		return errWithoutCertificado
	case !s.Knobs.Bool(firmaEstricta):
		return nil
	}
	info, err := readFirma(firma)
	if err != nil {
		return err
	}
	return info.verifyOperation(p.wrapper, p.node, cert)
}
