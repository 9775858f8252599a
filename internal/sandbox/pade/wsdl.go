package pade

import (
	"bytes"
	"strings"
)

// The shapes of a contract. JAX-WS publishes one in two parts whenever the interface has another namespace than its
// implementation.
const (
	wsdlEntero      = "entero"
	wsdlPartido     = "partido"
	wsdlSinPortType = "sin_porttype"
)

const nsImplementation = "http://impl.ws.pade.mx/"

// part makes of a contract the part that a query asks for: the interface, or what implements it. published is the
// address that the contract gives for itself.
func (s *Server) part(b []byte, query, published string) []byte {
	form := s.Knobs.Text(perWSDL)
	if form == wsdlEntero {
		return b
	}
	head := bytes.Index(b, []byte("<wsdl:types>"))
	link := bytes.Index(b, []byte("<wsdl:binding "))
	if !strings.EqualFold(query, "wsdl") { // the interface
		return bytes.Join([][]byte{b[:link], []byte("</wsdl:definitions>\n")}, nil)
	}
	const own = `targetNamespace="`
	start := string(b[:head])
	_, rest, _ := strings.Cut(start, own)
	ns, _, _ := strings.Cut(rest, `"`)
	start = strings.Replace(start, own+ns+`"`, own+nsImplementation+`"`, 1)
	matters := ""
	if form == wsdlPartido {
		matters = `<wsdl:import namespace="` + ns + `" location="` + escapeAttribute(published) + `?wsdl=1"/>`
	}
	// The binding and the service are of the implementation, and the interface is not.
	body := strings.Replace(string(b[link:]), ` binding="tns:`, ` xmlns:impl="`+nsImplementation+`" binding="impl:`, 1)
	return []byte(start + matters + body)
}
