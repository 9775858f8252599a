package sat

import (
	"slices"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// Summary is a request as the admin port lists it.
type Summary struct {
	ID        string    `json:"idSolicitud"`
	Servicio  string    `json:"servicio"`
	Operacion string    `json:"operacion"`
	Criterios string    `json:"criterios"`
	RFC       string    `json:"rfcSolicitante"`
	Tipo      string    `json:"tipoSolicitud"`
	Creada    time.Time `json:"creada"`
	Estado    int       `json:"estadoSolicitud"`
	Total     int64     `json:"numeroCFDIs"`
	Paquetes  int       `json:"paquetes"`
	Descargas int64     `json:"descargas"`
	Verified  int64     `json:"verificacionesDelDia"`
	// Verificaciones are the calls of Verifica that arrived for it, refused and lost ones too.
	Verificaciones int64 `json:"verificaciones"`
	// PorPaquete has one for each package that was ever made.
	PorPaquete []PaqueteSummary `json:"porPaquete"`
}

// PaqueteSummary is a package: Pedidas are the calls of Descargar that arrived for it, whatever came of
// them, and Servidas those that spent one of its downloads.
type PaqueteSummary struct {
	ID       string `json:"idPaquete"`
	Pedidas  int64  `json:"pedidas"`
	Servidas int64  `json:"servidas"`
}

// list returns every request, oldest first.
func (t *solicitudes) list() []*solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.order)
}

// Solicitudes lists every request, oldest first.
func (s *Server) Solicitudes() []Summary {
	now := s.Clock.Now()
	order := s.solicitudes.list()
	list := make([]Summary, 0, len(order))
	for _, x := range order {
		list = append(list, s.resume(x, now))
	}
	return list
}

func (s *Server) resume(x *solicitud, now time.Time) Summary {
	r := Summary{
		ID: x.id, Servicio: x.scope.servicio, Operacion: x.operation, Criterios: x.criterios, RFC: x.scope.rfc, Tipo: x.tipo,
		Creada: x.created.UTC(), Estado: s.solicitudes.estado(x, now), PorPaquete: []PaqueteSummary{},
		Verificaciones: s.Journal.Count(control.Blob{Servicio: x.scope.servicio, Operation: opVerify, Blob: x.id}),
	}
	s.solicitudes.mu.Lock()
	defer s.solicitudes.mu.Unlock()
	r.Verified = x.verify
	if r.Estado != estFinished && r.Estado != estExpired {
		return r
	}
	r.Total, r.Paquetes = x.result.total, len(x.result.starts)
	for i := range x.result.starts {
		p := PaqueteSummary{ID: idPaquete(x.id, i+1), Servidas: x.descargas[i+1]}
		p.Pedidas = s.Journal.Count(control.Blob{Servicio: x.scope.servicio, Operation: opDescargar, Blob: p.ID})
		r.Descargas += p.Servidas
		r.PorPaquete = append(r.PorPaquete, p)
	}
	return r
}
