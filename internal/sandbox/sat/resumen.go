package sat

import (
	"slices"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// Resumen is a request as the admin port lists it.
type Resumen struct {
	ID         string    `json:"idSolicitud"`
	Servicio   string    `json:"servicio"`
	Operacion  string    `json:"operacion"`
	Criterios  string    `json:"criterios"`
	RFC        string    `json:"rfcSolicitante"`
	Tipo       string    `json:"tipoSolicitud"`
	Creada     time.Time `json:"creada"`
	Estado     int       `json:"estadoSolicitud"`
	Total      int64     `json:"numeroCFDIs"`
	Paquetes   int       `json:"paquetes"`
	Descargas  int64     `json:"descargas"`
	Verificada int64     `json:"verificacionesDelDia"`
	// Verificaciones are the calls of Verifica that arrived for it, refused and lost ones too.
	Verificaciones int64 `json:"verificaciones"`
	// PorPaquete has one for each package that was ever made.
	PorPaquete []ResumenPaquete `json:"porPaquete"`
}

// ResumenPaquete is a package: Pedidas are the calls of Descargar that arrived for it, whatever came of
// them, and Servidas those that spent one of its downloads.
type ResumenPaquete struct {
	ID       string `json:"idPaquete"`
	Pedidas  int64  `json:"pedidas"`
	Servidas int64  `json:"servidas"`
}

// lista returns every request, oldest first.
func (t *solicitudes) lista() []*solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.orden)
}

// Solicitudes lists every request, oldest first.
func (s *Servidor) Solicitudes() []Resumen {
	ahora := s.reloj.Now()
	orden := s.solicitudes.lista()
	lista := make([]Resumen, 0, len(orden))
	for _, x := range orden {
		lista = append(lista, s.resume(x, ahora))
	}
	return lista
}

func (s *Servidor) resume(x *solicitud, ahora time.Time) Resumen {
	r := Resumen{
		ID: x.id, Servicio: x.ambito.servicio, Operacion: x.operacion, Criterios: x.criterios, RFC: x.ambito.rfc, Tipo: x.tipo,
		Creada: x.creada.UTC(), Estado: s.solicitudes.estado(x, ahora), PorPaquete: []ResumenPaquete{},
		Verificaciones: s.bitacora.Cuenta(control.Objeto{Servicio: x.ambito.servicio, Operacion: opVerifica, Objeto: x.id}),
	}
	s.solicitudes.mu.Lock()
	defer s.solicitudes.mu.Unlock()
	r.Verificada = x.verificas
	if r.Estado != estTerminada && r.Estado != estVencida {
		return r
	}
	r.Total, r.Paquetes = x.resultado.total, len(x.resultado.inicios)
	for i := range x.resultado.inicios {
		p := ResumenPaquete{ID: idPaquete(x.id, i+1), Servidas: x.descargas[i+1]}
		p.Pedidas = s.bitacora.Cuenta(control.Objeto{Servicio: x.ambito.servicio, Operacion: opDescargar, Objeto: p.ID})
		r.Descargas += p.Servidas
		r.PorPaquete = append(r.PorPaquete, p)
	}
	return r
}
