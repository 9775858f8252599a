package descargas

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
)

// operationRequest is the ledger's name of a solicitud.
const operationRequest = "sat.solicita"

// Solicitudes presents solicitudes with their intent on record.
type Solicitudes struct {
	sat    gateway.Solicitante
	ledger *ledger.Ledger
	now    func() time.Time
}

// NewSolicitudes returns solicitudes recorded in l.
func NewSolicitudes(sat gateway.Solicitante, l *ledger.Ledger, now func() time.Time) *Solicitudes {
	return &Solicitudes{sat: sat, ledger: l, now: now}
}

// Submit validates s and presents it to the SAT once. key is the caller's
// idempotency key, scoped to the caller, or empty; see ledger.Once for what a
// second use of it gets. A caller that goes away does not interrupt it.
func (l *Solicitudes) Submit(ctx context.Context, key string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error) {
	s = s.Normalize()
	if err := s.Validate(l.now()); err != nil {
		return gateway.SolicitudAceptada{}, false, err
	}
	return l.submit(ctx, key, s, nil, func(string) {})
}

// submit presents a solicitud that is normalized and valid. revoke is
// ledger.Message's. point is called where the process may end and must find its
// way again.
func (l *Solicitudes) submit(ctx context.Context, key string, s gateway.Solicitud, revoke func(*gateway.Error, time.Time) bool, point func(string)) (gateway.SolicitudAceptada, bool, error) {
	m := ledger.Message{Operation: operationRequest, Key: key, Criterios: s.Criterios(), Revoke: revoke,
		Hint: "Al SAT no la repita igual: cambie fechaFinal en un segundo."}
	// The SAT has been seen to give an id beside an error (sat.md §6).
	hasID := func(a gateway.SolicitudAceptada) bool { return a.IDSolicitud != "" }
	return ledger.Once(ctx, l.ledger, m, hasID, func(ctx context.Context) (gateway.SolicitudAceptada, error) {
		point("intento-anotado")
		got, err := l.sat.Request(ctx, s)
		point("solicita-contestada")
		if err != nil {
			err = l.explain(ctx, gateway.AsError(err), s)
		}
		return got, err
	})
}

// Known is what the ledger knows of a solicitud that was presented before.
type Known struct {
	Clave string
	// IDSolicitud is the SAT's; empty when none is known.
	IDSolicitud string
	// Pendiente says that it may have arrived and no answer is known.
	Pendiente bool
	// Rechazada says that the SAT was sent it and refused it for a reason that passes.
	Rechazada bool
	Cuando    time.Time
}

// Known returns what became of every solicitud with the criteria of s.
func (l *Solicitudes) Known(ctx context.Context, s gateway.Solicitud) ([]Known, error) {
	return ledger.Known(ctx, l.ledger, operationRequest, s.Criterios(), func(c ledger.KnownMessage, a gateway.SolicitudAceptada) Known {
		return Known{Clave: c.Key, IDSolicitud: a.IDSolicitud, Pendiente: c.Pending, Rechazada: c.Refused, Cuando: c.When}
	})
}

// explain adds what the ledger knows: the SAT does not say which solicitud a
// 5005 or 5002 collides with.
func (l *Solicitudes) explain(ctx context.Context, e *gateway.Error, s gateway.Solicitud) error {
	if e.Codigo != "5005" && e.Codigo != "5002" {
		return e
	}
	last, at, ok := ledger.Last[gateway.SolicitudAceptada](ctx, l.ledger, operationRequest, s.Criterios())
	if !ok {
		return e
	}
	known := *e
	known.IDSolicitud = last.IDSolicitud
	known.Resource = "/v1/sat/" + string(s.Servicio) + "/solicitudes/" + url.PathEscape(last.IDSolicitud) + "?rfcSolicitante=" + url.QueryEscape(s.RFCSolicitante)
	known.Detail += fmt.Sprintf(" La última que presentó esta pasarela con esos criterios es %s, del %s.",
		last.IDSolicitud, gateway.InMexico(at).Format(gateway.FechaFormat))
	return &known
}
