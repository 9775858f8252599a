package descargas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Solicitudes presents solicitudes with their intent on record.
type Solicitudes struct {
	sat   gateway.Solicitante
	store *store.Store
	now   func() time.Time
	// since is when this process began: an older intent has lost its sender.
	since time.Time
}

// NewSolicitudes returns the ledger over st, which no other process writes.
func NewSolicitudes(sat gateway.Solicitante, st *store.Store, now func() time.Time) *Solicitudes {
	return &Solicitudes{sat: sat, store: st, now: now, since: now()}
}

// Presenta validates s and presents it to the SAT once. clave is the caller's
// idempotency key, scoped to the caller, or empty: with one, the same s is
// answered again from the ledger (the second result is true) and another s is a
// KindConflicto. A caller that goes away does not interrupt it.
func (l *Solicitudes) Presenta(ctx context.Context, clave string, s gateway.Solicitud) (gateway.SolicitudAceptada, bool, error) {
	s = s.Normalize()
	if err := s.Validate(l.now()); err != nil {
		return gateway.SolicitudAceptada{}, false, err
	}
	ctx = context.WithoutCancel(ctx)
	row, mine, err := l.store.Intento(ctx, clave, s)
	if err != nil {
		return gateway.SolicitudAceptada{}, false, unrecorded(err)
	}
	if !mine {
		again, err := l.repeat(ctx, row, store.Huella(s))
		if err != nil || !again {
			return accepted(row), true, err
		}
	}
	got, err := l.send(ctx, row, s)
	return got, false, err
}

func unrecorded(err error) error {
	return &gateway.Error{Kind: gateway.KindInterno, Err: err,
		Detail: "No se pudo registrar la solicitud, y sin registro no se envía. Revise el espacio y los permisos de GATEWAY_DATA_DIR."}
}

func accepted(row store.Solicitud) gateway.SolicitudAceptada {
	return gateway.SolicitudAceptada{IDSolicitud: row.IDSolicitud, CodEstatus: row.CodEstatus, Mensaje: row.Mensaje}
}

// repeat decides what a second use of an idempotency key gets: true to send
// after all, or the outcome on record.
func (l *Solicitudes) repeat(ctx context.Context, row store.Solicitud, huella string) (bool, error) {
	if row.Huella != huella {
		return false, &gateway.Error{Kind: gateway.KindConflicto,
			Detail: "Esa Idempotency-Key ya se usó con otra solicitud. Use una clave nueva para cada solicitud distinta."}
	}
	switch row.Estado {
	case store.EstadoAceptada:
		return false, nil
	case store.EstadoRechazada:
		falla := decodeFalla(row.Falla)
		if !falla.Reintentable {
			return false, falla
		}
		mine, err := l.store.Reintento(ctx, row.ID)
		if err != nil {
			return false, unrecorded(err)
		}
		if mine {
			return true, nil
		}
	case store.EstadoDesconocida:
		return false, decodeFalla(row.Falla)
	}
	return false, l.inProgress(row)
}

// inProgress tells a solicitud that is being sent from one whose process died.
func (l *Solicitudes) inProgress(row store.Solicitud) error {
	if !row.Creado.Before(l.since) {
		return &gateway.Error{Kind: gateway.KindConflicto, Reintentable: true, RetryAfter: 2 * time.Second,
			Detail: "Una solicitud con esa Idempotency-Key está en curso. Repita en unos segundos para conocer su resultado."}
	}
	return &gateway.Error{Kind: gateway.KindResultadoDesconocido,
		Detail: "La pasarela se detuvo mientras enviaba esta solicitud y no se sabe si el SAT la registró. No la repita igual: cambie fechaFinal en un segundo."}
}

// send spends the intent and records what came of it.
func (l *Solicitudes) send(ctx context.Context, row store.Solicitud, s gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	got, err := l.sat.Solicita(ctx, s)
	row.IDSolicitud = got.IDSolicitud
	if err == nil {
		row.Estado, row.CodEstatus, row.Mensaje = store.EstadoAceptada, got.CodEstatus, got.Mensaje
	} else {
		falla := l.explain(ctx, gateway.AsError(err), row.Huella)
		err = falla
		row.Estado, row.CodEstatus, row.Mensaje = store.EstadoRechazada, falla.Codigo, falla.Mensaje
		if falla.Kind == gateway.KindResultadoDesconocido {
			row.Estado = store.EstadoDesconocida
		}
		row.Falla = encodeFalla(falla)
	}
	if saved := l.store.Resuelve(ctx, row); saved != nil {
		// The answer is true all the same; the row stays an intent of unknown outcome.
		zerolog.Ctx(ctx).Error().Err(saved).Str("idSolicitud", row.IDSolicitud).Msg("the outcome of a solicitud could not be recorded")
	}
	return got, err
}

// explain adds what the ledger knows: the SAT does not say which solicitud a
// 5005 or 5002 collides with.
func (l *Solicitudes) explain(ctx context.Context, e *gateway.Error, huella string) *gateway.Error {
	if e.Codigo != "5005" && e.Codigo != "5002" {
		return e
	}
	last, err := l.store.UltimaAceptada(ctx, huella)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			zerolog.Ctx(ctx).Error().Err(err).Msg("the ledger could not be read")
		}
		return e
	}
	known := *e
	known.Detail += fmt.Sprintf(" La última que presentó esta pasarela con esos criterios es %s, del %s.",
		last.IDSolicitud, gateway.EnMexico(last.Creado).Format(gateway.FormatoFecha))
	return &known
}

// falla is what a row keeps of a refusal.
type falla struct {
	Kind                             gateway.Kind
	Backend, Codigo, Mensaje, Detail string
	Reintentable                     bool
	RetryAfter                       time.Duration
}

func encodeFalla(e *gateway.Error) string {
	text, err := json.Marshal(falla{e.Kind, e.Backend, e.Codigo, e.Mensaje, e.Detail, e.Reintentable, e.RetryAfter})
	if err != nil {
		return ""
	}
	return string(text)
}

func decodeFalla(text string) *gateway.Error {
	var f falla
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return gateway.AsError(fmt.Errorf("descargas: a row's refusal: %w", err))
	}
	return &gateway.Error{Kind: f.Kind, Backend: f.Backend, Codigo: f.Codigo, Mensaje: f.Mensaje, Detail: f.Detail,
		Reintentable: f.Reintentable, RetryAfter: f.RetryAfter}
}
