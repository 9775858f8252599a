package descargas

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Rows are what durable downloads keep.
type Rows struct {
	Descargas      store.Descargas
	Tramos         store.Tramos
	TramosPaquetes store.TramosPaquetes
	Comprobantes   store.Comprobantes
	Paquetes       store.Paquetes
}

// Vault fetches packages at most twice and keeps them.
type Vault interface {
	// Fetch returns when the package is in storage. Errors are *gateway.Error, but
	// for the context's own.
	Fetch(ctx context.Context, p gateway.Paquete) error
	// Repeat enters that a package in storage has damaged entries, detalle the first of
	// them. If the SAT still owes a download it makes that, and keeps the one of both in
	// which more can be read.
	Repeat(ctx context.Context, p gateway.Paquete, detail string) (Second, error)
	// Ready says, as an error, why this machine could keep no package now.
	Ready() error
}

// Second is what the second download of a package has come to.
type Second struct {
	// Done says that it was made, now or before; Change that it has taken the place of
	// the first, Same that both are the same bytes.
	Done, Change, Same bool
}

// Config is what a Engine needs.
type Config struct {
	SAT         gateway.Solicitante
	Solicitudes *Solicitudes
	Vault       Vault
	Reader      Reader
	// Eraser is what retention removes packages with.
	Eraser Eraser
	Store  Rows
	// View is told of changes, and shows what they have come to.
	View    *View
	Cluster store.Processes
	// Wake is told that rows may have come that are due; nil for nobody.
	Wake func()
	// EFirma fails, as calls to the SAT would, when the e.firma of rfc cannot be used.
	EFirma func(rfc string) error
	Pace   Pace
	Now    func() time.Time
	// Clock tells the time where a wrong one would do harm that nothing undoes; nil
	// for one over Now alone.
	Clock *clock.Clock
	Log   zerolog.Logger
	// Publish is told of what subscribers may want to know; nil for nobody. It is
	// told at least once, with the same key each time.
	Publish func(ctx context.Context, a Aviso) error
	// Retencion is how long the packages of a descarga are kept after its end; zero
	// for ever.
	Retencion time.Duration
	// Step is called at named points of the work; tests stop the process there.
	Step func(point string)
}

// Aviso is what subscribers hear of a descarga.
type Aviso struct {
	// Key is the same for the same event, however often it is told.
	Key      string
	Tipo     string // "descarga." and the state, or PaqueteAvailable
	When     time.Time
	Descarga gateway.Descarga
	// IDPaquete is there with PaqueteAvailable alone.
	IDPaquete string
	// MotivoCodigo is the descarga's, or the package's.
	MotivoCodigo string
}

// PaqueteAvailable is the Aviso of a package that has come into storage.
const PaqueteAvailable = "descarga.paquete_disponible"

// Engine works the durable downloads off.
type Engine struct {
	cfg Config
	// hands are the rows that this process is at work on.
	hands       hands
	recurrentes recurrentes
	retention   retention
}

// New returns an engine over cfg.
func New(cfg Config) *Engine {
	if cfg.Step == nil {
		cfg.Step = func(string) {}
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	if cfg.Publish == nil {
		cfg.Publish = func(context.Context, Aviso) error { return nil }
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.New(clock.Config{Wall: cfg.Now, Log: cfg.Log})
	}
	m := &Engine{cfg: cfg, hands: hands{rows: make(map[string]bool)}}
	m.recurrentes = recurrentes{
		rows:   cfg.Store,
		clock:  cfg.Clock,
		create: m.create,
		change: m.change,
	}
	m.retention = retention{
		rows:            cfg.Store,
		clock:           cfg.Clock,
		eraser:          cfg.Eraser,
		keep:            cfg.Retencion,
		change:          m.change,
		forgetNovedades: m.recurrentes.forgetNovedades,
	}
	return m
}

// ErrNotExist is said of a descarga that is not there and of one that the key does
// not see: the two must look alike.
var ErrNotExist = &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnDescargaInexistente, Detail: "No hay tal descarga, o la clave de API no alcanza a su RFC."}

// Create registers a descarga and starts it. key is the caller's idempotency key,
// scoped to the caller, or empty: a second use with the same petition returns the
// same descarga (the second result is true), with another a KindConflicto. While
// one with the same criteria lives, another is a KindConflicto whose Recurso it is.
func (m *Engine) Create(ctx context.Context, key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
	p = p.Normalize()
	now := m.cfg.Now()
	if d, repeated, err := m.repeated(ctx, key, p); err != nil || repeated {
		return d, repeated, err
	}
	if err := p.Validate(now); err != nil {
		return gateway.Descarga{}, false, err
	}
	if err := m.cfg.EFirma(p.Solicitud.RFCSolicitante); err != nil {
		return gateway.Descarga{}, false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return gateway.Descarga{}, false, internal(err)
	}
	d := store.Descarga{Key: key, Digest: digest(p)}
	d.ID, d.Request, d.Estado = id.String(), p, gateway.DescargaEnCola
	d.Limit, d.Ceiling = p.Expire(m.cfg.Clock.Latest())
	if p.Programacion != nil {
		d.Estado = gateway.DescargaProgramada
		programacion := *p.Programacion
		// It runs at once for what is past, and then every day.
		programacion.Next = m.cfg.Clock.Earliest()
		d.Request.Programacion = &programacion
	}
	created, err := m.create(ctx, d, false)
	if err != nil {
		return gateway.Descarga{}, false, err
	}
	if !created {
		// Somebody was faster with the same key or the same criteria.
		if d, repeated, err := m.repeated(ctx, key, p); err != nil || repeated {
			return d, repeated, err
		}
		return gateway.Descarga{}, false, m.duplicate(ctx, d.Digest)
	}
	complete, err := m.cfg.View.Descarga(ctx, d.ID)
	return complete, false, err
}

// create writes d with its first solicitud, and wakes it.
func (m *Engine) create(ctx context.Context, d store.Descarga, corrida bool) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	var tramos []store.Tramo
	evento := gateway.EventoDescarga{Tipo: "creada", Detalle: "Se registró la descarga. Nada se ha pedido todavía al SAT."}
	if d.Estado != gateway.DescargaProgramada {
		s := d.Request.Solicitud
		t := store.Tramo{}
		t.Estado, t.Since, t.Until, t.PideDesde, t.PideHasta = gateway.TramoPendiente, s.FechaInicial, s.FechaFinal, s.FechaInicial, s.FechaFinal
		t.SiguienteIntento = m.cfg.Now()
		tramos = []store.Tramo{t}
	} else {
		evento.Detalle = "Se registró la descarga recurrente. Cada corrida es una descarga aparte."
	}
	if corrida {
		evento.Detalle = "La creó la descarga recurrente " + d.IDProgramacion + "."
	}
	m.cfg.Step("antes-de-crear")
	created, err := m.cfg.Store.Descargas.Create(ctx, d, tramos, evento)
	if err != nil {
		return false, internal(err)
	}
	m.cfg.Step("creada")
	if created {
		m.cfg.Wake()
	}
	return created, nil
}

// repeated returns the descarga that key made, if it has.
func (m *Engine) repeated(ctx context.Context, key string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
	if key == "" {
		return gateway.Descarga{}, false, nil
	}
	d, err := m.cfg.Store.Descargas.ByKey(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return gateway.Descarga{}, false, nil
	}
	if err != nil {
		return gateway.Descarga{}, false, internal(err)
	}
	if d.Digest != digest(p) || !p.SameDeadline(d.Request) {
		return gateway.Descarga{}, false, gateway.KeyReused()
	}
	complete, err := m.cfg.View.Descarga(ctx, d.ID)
	return complete, err == nil, err
}

func (m *Engine) duplicate(ctx context.Context, digest string) error {
	live, err := m.cfg.Store.Descargas.Live(ctx, digest)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return internal(err)
	}
	if err != nil {
		// It has just ended.
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaRecienTerminada, Retryable: true, RetryAfter: time.Second, Unsent: true,
			Detail: "Una descarga con los mismos criterios acaba de terminar. Repita."}
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaDuplicada, Unsent: true, Resource: path(live.ID),
		Detail: "Ya hay una descarga viva con los mismos criterios: " + live.ID + ". Sígala, o cancélela antes de crear otra."}
}

func path(id string) string { return "/v1/sat/descargas/" + id }

// digest identifies what a petition asks for.
func digest(p gateway.PeticionDescarga) string {
	text := p.Solicitud.Criterios()
	if p.Programacion != nil {
		text = fmt.Sprintf("%s|%s|%d", text, p.Programacion.Hora, p.Programacion.Overlap)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func internal(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise la base de datos, y el espacio y los permisos de GATEWAY_DATA_DIR.")
}

// Cancel ends a descarga. What had come is kept; what the SAT has been asked is
// spent. A descarga that has ended is returned as it is, also while the ledger
// takes no write.
func (m *Engine) Cancel(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := m.cfg.View.Registered(ctx, id)
	if err != nil {
		return gateway.Descarga{}, err
	}
	if d.Estado.Final() {
		return m.cfg.View.Descarga(ctx, id)
	}
	err = m.change(context.WithoutCancel(ctx), id, func(c *store.Change) error {
		row := c.Descarga()
		if row.Estado.Final() {
			return store.ErrTurn
		}
		const decision = "Se canceló a petición del cliente."
		live := c.LiveTramos()
		const motivo = string(gateway.OwnCanceladaPorCliente)
		c.CancelTramos(gateway.TramoCancelada, decision, motivo)
		for _, t := range live {
			t.Estado = gateway.TramoCancelada
			rescue(c, t)
		}
		row.Estado, row.Motivo, row.MotivoCodigo, row.Finished = gateway.DescargaCancelada, decision, motivo, m.cfg.Clock.Latest()
		if row.Request.Programacion != nil {
			row.Request.Programacion.Next = time.Time{}
		}
		c.Evento(gateway.EventoDescarga{Tipo: "cancelada", Detalle: decision + " Lo que ya había llegado se conserva."})
		return c.Err()
	})
	if err != nil && !errors.Is(err, store.ErrTurn) {
		return gateway.Descarga{}, err
	}
	return m.cfg.View.Descarga(ctx, id)
}

// change makes a change and tells everybody who waits for one.
func (m *Engine) change(ctx context.Context, id string, change func(*store.Change) error) error {
	var d store.Descarga
	finish := false
	err := m.cfg.Store.Descargas.Change(ctx, id, func(c *store.Change) error {
		lived := !c.Descarga().Estado.Final()
		if err := change(c); err != nil {
			return err
		}
		d = *c.Descarga()
		finish = lived && d.Estado.Final()
		return c.Err()
	})
	switch {
	case errors.Is(err, store.ErrTurn):
		return err
	case err != nil:
		return readingFailure(err)
	}
	m.cfg.View.hearers.notify(id)
	m.cfg.Wake()
	if finish {
		m.cfg.Step("terminada")
		m.publish(ctx, d.Descarga)
	}
	return nil
}

// publish tells the subscribers of an end. A failure is only logged: a round
// tells again.
func (m *Engine) publish(ctx context.Context, d gateway.Descarga) {
	all := []store.Descarga{{Descarga: d}}
	err := m.cfg.View.complete(ctx, all)
	if err == nil {
		err = m.cfg.Publish(ctx, Aviso{Key: d.ID + "/" + string(d.Estado), Tipo: "descarga." + string(d.Estado), When: d.Finished, Descarga: all[0].Descarga, MotivoCodigo: d.MotivoCodigo})
	}
	if err == nil {
		m.cfg.Step("publicada")
		err = m.cfg.Store.Descargas.MarkPublished(ctx, d.ID)
	}
	if err != nil {
		m.cfg.Log.Error().Err(err).Str("idDescarga", d.ID).Msg("the end of a descarga could not be published; the next round tries again")
	}
}
