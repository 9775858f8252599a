package sat

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// maxObjeto bounds, in bytes, what a call is about.
const maxObjeto = 1000

// deQue tells what a call is about, from its message alone, so that it holds too for calls that are
// refused or that a fault ends: an id in the form that this service gives, or the criteria of a request.
func (ll *llamada) deQue() string {
	if ll.mensaje == nil {
		return ""
	}
	_, nodo, err := ll.envoltura()
	if err != nil || nodo == nil {
		return ""
	}
	var texto string
	switch {
	case ll.op.registra:
		texto = criterios(ll)
	case ll.op.nombre == opVerifica:
		texto = strings.ToLower(nodo.SelectAttrValue("IdSolicitud", ""))
	case ll.op.nombre == opDescargar:
		texto = nodo.SelectAttrValue("IdPaquete", "")
	}
	return texto[:min(len(texto), maxObjeto)]
}

// criterios writes what a request asks for as "Nombre=valor" pairs in the order of their names: equal
// texts are equal criteria. Who signs it is left out where the criteria name him anyway, and the state
// that is meant when none is given is written.
func criterios(ll *llamada) string {
	_, nodo, err := ll.envoltura()
	if err != nil || nodo == nil {
		return ""
	}
	sobra := ""
	if ll.op.nombre == opEmitidos || ll.op.nombre == opRecibidos {
		sobra = "RfcSolicitante"
	}
	var pares []string
	for _, a := range nodo.Attr {
		if a.Space == "" && a.Key != "xmlns" && a.Key != sobra && a.Value != "" {
			valor := a.Value
			if a.Key == "Folio" {
				valor = strings.ToLower(valor)
			}
			pares = append(pares, a.Key+"="+valor)
		}
	}
	if sobra != "" && nodo.SelectAttrValue("EstadoComprobante", "") == "" {
		pares = append(pares, "EstadoComprobante="+estadoVigente)
	}
	var receptores []string
	for _, grupo := range hijos(nodo, nsDes, "RfcReceptores") {
		for _, r := range hijos(grupo, nsDes, "RfcReceptor") {
			if rfc := strings.TrimSpace(r.Text()); rfc != "" {
				receptores = append(receptores, rfc)
			}
		}
	}
	if len(receptores) > 0 {
		slices.Sort(receptores)
		pares = append(pares, "RfcReceptores="+strings.Join(receptores, ","))
	}
	slices.Sort(pares)
	return strings.Join(pares, " ")
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
func (s *Servidor) Criterios() []Criterio {
	porObjeto := map[control.Objeto]*Criterio{}
	s.bitacora.Cuentas(func(o control.Objeto, n int64) {
		if strings.HasPrefix(o.Operacion, opV11) && o.Objeto != "" {
			porObjeto[o] = &Criterio{o.Servicio, o.Operacion, o.Objeto, n, []string{}}
		}
	})
	for _, x := range s.solicitudes.lista() {
		if c := porObjeto[control.Objeto{Servicio: x.ambito.servicio, Operacion: x.operacion, Objeto: x.criterios}]; c != nil {
			c.Registradas = append(c.Registradas, x.id)
		}
	}
	todos := make([]Criterio, 0, len(porObjeto))
	for _, c := range porObjeto {
		todos = append(todos, *c)
	}
	slices.SortFunc(todos, func(a, b Criterio) int {
		return cmp.Or(cmp.Compare(a.Servicio, b.Servicio), cmp.Compare(a.Operacion, b.Operacion), cmp.Compare(a.Criterios, b.Criterios))
	})
	return todos
}
