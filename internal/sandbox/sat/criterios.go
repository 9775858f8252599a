package sat

import (
	"cmp"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// maxBlob bounds, in bytes, what a call is about.
const maxBlob = 1000

// ofWhat tells what a call is about, from its message alone, so that it holds too for calls that are
// refused or that a fault ends: an id in the form that this service gives, or the criteria of a request.
func (ll *call) ofWhat() string {
	if ll.mensaje == nil {
		return ""
	}
	_, node, err := ll.wrapper()
	if err != nil || node == nil {
		return ""
	}
	var text string
	switch {
	case ll.op.register:
		text = criterios(ll.op.name, node)
	case ll.op.name == opVerify:
		text = strings.ToLower(node.SelectAttrValue("IdSolicitud", ""))
	case ll.op.name == opDescargar:
		text = node.SelectAttrValue("IdPaquete", "")
	}
	return text[:min(len(text), maxBlob)]
}

// criterios writes what a request asks for as "Nombre=valor" pairs in the order of their names: equal
// texts are equal criteria. Who signs it is left out where the criteria name him anyway, and the state
// that is meant when none is given is written.
func criterios(operation string, node *etree.Element) string {
	surplus := ""
	if operation == opEmitidos || operation == opRecibidos {
		surplus = "RfcSolicitante"
	}
	var pairs []string
	for _, a := range node.Attr {
		if a.Space == "" && a.Key != "xmlns" && a.Key != surplus && a.Value != "" {
			value := a.Value
			if a.Key == "Folio" {
				value = strings.ToLower(value)
			}
			pairs = append(pairs, a.Key+"="+value)
		}
	}
	if surplus != "" && node.SelectAttrValue("EstadoComprobante", "") == "" {
		pairs = append(pairs, "EstadoComprobante="+estadoVigente)
	}
	var receptores []string
	for _, group := range children(node, nsDes, "RfcReceptores") {
		receptores = append(receptores, receptoresOf(group)...)
	}
	if len(receptores) > 0 {
		slices.Sort(receptores)
		pairs = append(pairs, "RfcReceptores="+strings.Join(receptores, ","))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, " ")
}

// Criterio is what was asked for and how often, for tests that must see that nothing is asked twice.
type Criterio struct {
	Servicio  string `json:"servicio"`
	Operacion string `json:"operacion"`
	Criterios string `json:"criterios"`
	// Recibidas are the messages that arrived with these criteria, refused and lost ones too.
	Recibidas int64 `json:"recibidas"`
	// Registradas are the ids of those that were accepted, oldest first.
	Registradas []string `json:"registradas"`
}

// Criterios lists what was asked for, by family, operation and text.
func (s *Server) Criterios() []Criterio {
	byBlob := map[control.Blob]*Criterio{}
	s.Journal.Cuentas(func(o control.Blob, n int64) {
		if strings.HasPrefix(o.Operation, opV11) && o.Blob != "" {
			byBlob[o] = &Criterio{o.Servicio, o.Operation, o.Blob, n, []string{}}
		}
	})
	for _, x := range s.solicitudes.list() {
		if c := byBlob[control.Blob{Servicio: x.scope.servicio, Operation: x.operation, Blob: x.criterios}]; c != nil {
			c.Registradas = append(c.Registradas, x.id)
		}
	}
	all := make([]Criterio, 0, len(byBlob))
	for _, c := range byBlob {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b Criterio) int {
		return cmp.Or(cmp.Compare(a.Servicio, b.Servicio), cmp.Compare(a.Operacion, b.Operacion), cmp.Compare(a.Criterios, b.Criterios))
	})
	return all
}
