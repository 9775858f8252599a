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

const nsImplementacion = "http://impl.ws.pade.mx/"

// parte makes of a contract the part that a query asks for: the interface, or what implements it. publicada is the
// address that the contract gives for itself.
func (s *Servidor) parte(b []byte, query, publicada string) []byte {
	forma := s.o.Perillas.Texto(perWSDL)
	if forma == wsdlEntero {
		return b
	}
	cabeza := bytes.Index(b, []byte("<wsdl:types>"))
	enlace := bytes.Index(b, []byte("<wsdl:binding "))
	if !strings.EqualFold(query, "wsdl") { // the interface
		return bytes.Join([][]byte{b[:enlace], []byte("</wsdl:definitions>\n")}, nil)
	}
	const propio = `targetNamespace="`
	inicio := string(b[:cabeza])
	_, resto, _ := strings.Cut(inicio, propio)
	ns, _, _ := strings.Cut(resto, `"`)
	inicio = strings.Replace(inicio, propio+ns+`"`, propio+nsImplementacion+`"`, 1)
	importa := ""
	if forma == wsdlPartido {
		importa = `<wsdl:import namespace="` + ns + `" location="` + escapaAtributo(publicada) + `?wsdl=1"/>`
	}
	// The binding and the service are of the implementation, and the interface is not.
	cuerpo := strings.Replace(string(b[enlace:]), ` binding="tns:`, ` xmlns:impl="`+nsImplementacion+`" binding="impl:`, 1)
	return []byte(inicio + importa + cuerpo)
}
