package descargas

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Presencia tells which of the gateways that share the database are alive.
type Presencia interface {
	ID() string
	Vive(id string) bool
	// Perdida says that the others may think this one dead.
	Perdida() bool
}

// Almacen fetches packages at most twice and keeps them.
type Almacen interface {
	// Trae returns when the package is in storage. Errors are *gateway.Error, but
	// for the context's own.
	Trae(ctx context.Context, p gateway.Paquete) error
	// Repite enters that a package in storage has damaged entries, detalle the first of
	// them. If the SAT still owes a download it makes that, and keeps the one of both in
	// which more can be read.
	Repite(ctx context.Context, p gateway.Paquete, detalle string) (Segunda, error)
	// Listo says, as an error, why this machine could keep no package now.
	Listo() error
}

// Segunda is what the second download of a package has come to.
type Segunda struct {
	// Hecha says that it was made, now or before; Cambia that it has taken the place of
	// the first, Igual that both are the same bytes.
	Hecha, Cambia, Igual bool
}

// Config is what a Motor needs.
type Config struct {
	SAT         gateway.Solicitante
	Solicitudes *Solicitudes
	Almacen     Almacen
	Lector      Lector
	// Borrador is what retention removes packages with.
	Borrador  Borrador
	Store     *store.Store
	Presencia Presencia
	// Wake is told that rows may have come that are due; nil for nobody.
	Wake func()
	// EFirma fails, as calls to the SAT would, when the e.firma of rfc cannot be used.
	EFirma func(rfc string) error
	Ritmo  Ritmo
	Now    func() time.Time
	// Clock tells the time where a wrong one would do harm that nothing undoes; nil
	// for one over Now alone.
	Clock *clock.Clock
	Log   zerolog.Logger
	// Publica is told of what subscribers may want to know; nil for nobody. It is
	// told at least once, with the same key each time.
	Publica func(ctx context.Context, a Aviso) error
	// Retencion is how long the packages of a descarga are kept after its end; zero
	// for ever.
	Retencion time.Duration
	// Paso is called at named points of the work; tests stop the process there.
	Paso func(punto string)
}

// Aviso is what subscribers hear of a descarga.
type Aviso struct {
	// Clave is the same for the same event, however often it is told.
	Clave    string
	Tipo     string // "descarga." and the state, or PaqueteDisponible
	Cuando   time.Time
	Descarga gateway.Descarga
	// IDPaquete is there with PaqueteDisponible alone.
	IDPaquete string
	// MotivoCodigo is the descarga's, or the package's.
	MotivoCodigo string
}

// PaqueteDisponible is the Aviso of a package that has come into storage.
const PaqueteDisponible = "descarga.paquete_disponible"

// Motor works the durable downloads off.
type Motor struct {
	cfg Config
	mu  sync.Mutex
	// manos are the rows that this process is at work on.
	manos map[string]bool
	// oyentes wait for events of a descarga.
	oyentes map[string][]chan struct{}
}

// New returns an engine over cfg.
func New(cfg Config) *Motor {
	if cfg.Paso == nil {
		cfg.Paso = func(string) {}
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	if cfg.Publica == nil {
		cfg.Publica = func(context.Context, Aviso) error { return nil }
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.New(clock.Config{Wall: cfg.Now, Log: cfg.Log})
	}
	return &Motor{cfg: cfg, manos: make(map[string]bool), oyentes: make(map[string][]chan struct{})}
}

// ErrNoExiste is said of a descarga that is not there and of one that the key does
// not see: the two must look alike.
var ErrNoExiste = &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnDescargaInexistente, Detail: "No hay tal descarga, o la clave de API no alcanza a su RFC."}

// Crea registers a descarga and starts it. clave is the caller's idempotency key,
// scoped to the caller, or empty: a second use with the same petition returns the
// same descarga (the second result is true), with another a KindConflicto. While
// one with the same criteria lives, another is a KindConflicto whose Recurso it is.
func (m *Motor) Crea(ctx context.Context, clave string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
	p = p.Normalize()
	ahora := m.cfg.Now()
	if d, repetida, err := m.repetida(ctx, clave, p); err != nil || repetida {
		return d, repetida, err
	}
	if err := p.Validate(ahora); err != nil {
		return gateway.Descarga{}, false, err
	}
	if err := m.cfg.EFirma(p.Solicitud.RFCSolicitante); err != nil {
		return gateway.Descarga{}, false, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return gateway.Descarga{}, false, interno(err)
	}
	d := store.Descarga{Clave: clave, Huella: huella(p)}
	d.ID, d.Peticion, d.Estado = id.String(), p, gateway.DescargaEnCola
	d.Limite, d.Tope = p.Vence(m.cfg.Clock.Latest())
	if p.Programacion != nil {
		d.Estado = gateway.DescargaProgramada
		programacion := *p.Programacion
		// It runs at once for what is past, and then every day.
		programacion.Siguiente = m.cfg.Clock.Earliest()
		d.Peticion.Programacion = &programacion
	}
	creada, err := m.crea(ctx, d, false)
	if err != nil {
		return gateway.Descarga{}, false, err
	}
	if !creada {
		// Somebody was faster with the same key or the same criteria.
		if d, repetida, err := m.repetida(ctx, clave, p); err != nil || repetida {
			return d, repetida, err
		}
		return gateway.Descarga{}, false, m.duplicada(ctx, d.Huella)
	}
	completa, err := m.Descarga(ctx, d.ID)
	return completa, false, err
}

// crea writes d with its first solicitud, and wakes it.
func (m *Motor) crea(ctx context.Context, d store.Descarga, corrida bool) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	var tramos []store.Tramo
	evento := gateway.EventoDescarga{Tipo: "creada", Detalle: "Se registró la descarga. Nada se ha pedido todavía al SAT."}
	if d.Estado != gateway.DescargaProgramada {
		s := d.Peticion.Solicitud
		t := store.Tramo{}
		t.Estado, t.Desde, t.Hasta, t.PideDesde, t.PideHasta = gateway.TramoPendiente, s.FechaInicial, s.FechaFinal, s.FechaInicial, s.FechaFinal
		t.SiguienteIntento = m.cfg.Now()
		tramos = []store.Tramo{t}
	} else {
		evento.Detalle = "Se registró la descarga recurrente. Cada corrida es una descarga aparte."
	}
	if corrida {
		evento.Detalle = "La creó la descarga recurrente " + d.IDProgramacion + "."
	}
	m.cfg.Paso("antes-de-crear")
	creada, err := m.cfg.Store.CreaDescarga(ctx, d, tramos, evento)
	if err != nil {
		return false, interno(err)
	}
	m.cfg.Paso("creada")
	if creada {
		m.cfg.Wake()
	}
	return creada, nil
}

// repetida returns the descarga that clave made, if it has.
func (m *Motor) repetida(ctx context.Context, clave string, p gateway.PeticionDescarga) (gateway.Descarga, bool, error) {
	if clave == "" {
		return gateway.Descarga{}, false, nil
	}
	d, err := m.cfg.Store.DescargaDeClave(ctx, clave)
	if errors.Is(err, store.ErrNotFound) {
		return gateway.Descarga{}, false, nil
	}
	if err != nil {
		return gateway.Descarga{}, false, interno(err)
	}
	if d.Huella != huella(p) || !p.MismoPlazo(d.Peticion) {
		return gateway.Descarga{}, false, gateway.KeyReused()
	}
	completa, err := m.Descarga(ctx, d.ID)
	return completa, err == nil, err
}

func (m *Motor) duplicada(ctx context.Context, huella string) error {
	viva, err := m.cfg.Store.DescargaViva(ctx, huella)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return interno(err)
	}
	if err != nil {
		// It has just ended.
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaRecienTerminada, Reintentable: true, RetryAfter: time.Second, NoEnviada: true,
			Detail: "Una descarga con los mismos criterios acaba de terminar. Repita."}
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaDuplicada, NoEnviada: true, Recurso: ruta(viva.ID),
		Detail: "Ya hay una descarga viva con los mismos criterios: " + viva.ID + ". Sígala, o cancélela antes de crear otra."}
}

func ruta(id string) string { return "/v1/sat/descargas/" + id }

// huella identifies what a petition asks for.
func huella(p gateway.PeticionDescarga) string {
	texto := p.Solicitud.Criterios()
	if p.Programacion != nil {
		texto = fmt.Sprintf("%s|%s|%d", texto, p.Programacion.Hora, p.Programacion.Traslape)
	}
	suma := sha256.Sum256([]byte(texto))
	return hex.EncodeToString(suma[:])
}

func interno(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise la base de datos, y el espacio y los permisos de GATEWAY_DATA_DIR.")
}

// Cancela ends a descarga. What had come is kept; what the SAT has been asked is
// spent. A descarga that has ended is returned as it is.
func (m *Motor) Cancela(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := m.cfg.Store.Descarga(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return gateway.Descarga{}, ErrNoExiste
	}
	if err != nil {
		return gateway.Descarga{}, interno(err)
	}
	if !d.Estado.Final() {
		err = m.cambia(context.WithoutCancel(ctx), id, func(c *store.Cambio) error {
			fila := c.Descarga()
			if fila.Estado.Final() {
				return nil
			}
			const decision = "Se canceló a petición del cliente."
			vivos := c.TramosVivos()
			const motivo = string(gateway.OwnCanceladaPorCliente)
			c.CancelaTramos(gateway.TramoCancelada, decision, motivo)
			for _, t := range vivos {
				t.Estado = gateway.TramoCancelada
				rescata(c, t)
			}
			fila.Estado, fila.Motivo, fila.MotivoCodigo, fila.Terminada = gateway.DescargaCancelada, decision, motivo, m.cfg.Clock.Latest()
			if fila.Peticion.Programacion != nil {
				fila.Peticion.Programacion.Siguiente = time.Time{}
			}
			c.Evento(gateway.EventoDescarga{Tipo: "cancelada", Detalle: decision + " Lo que ya había llegado se conserva."})
			return c.Err()
		})
		if err != nil {
			return gateway.Descarga{}, err
		}
	}
	return m.Descarga(ctx, id)
}

// cambia makes a change and tells everybody who waits for one.
func (m *Motor) cambia(ctx context.Context, id string, cambio func(*store.Cambio) error) error {
	var d store.Descarga
	termina := false
	err := m.cfg.Store.Cambia(ctx, id, func(c *store.Cambio) error {
		vivia := !c.Descarga().Estado.Final()
		if err := cambio(c); err != nil {
			return err
		}
		d = *c.Descarga()
		termina = vivia && d.Estado.Final()
		return c.Err()
	})
	switch {
	case errors.Is(err, store.ErrTurno):
		return err
	case errors.Is(err, store.ErrNotFound):
		return ErrNoExiste
	case err != nil:
		return interno(err)
	}
	m.avisa(id)
	m.cfg.Wake()
	if termina {
		m.cfg.Paso("terminada")
		m.publica(ctx, d.Descarga)
	}
	return nil
}

// publica tells the subscribers of an end. A failure is only logged: a round
// tells again.
func (m *Motor) publica(ctx context.Context, d gateway.Descarga) {
	todas := []store.Descarga{{Descarga: d}}
	err := m.completa(ctx, todas)
	if err == nil {
		err = m.cfg.Publica(ctx, Aviso{Clave: d.ID + "/" + string(d.Estado), Tipo: "descarga." + string(d.Estado), Cuando: d.Terminada, Descarga: todas[0].Descarga, MotivoCodigo: d.MotivoCodigo})
	}
	if err == nil {
		m.cfg.Paso("publicada")
		err = m.cfg.Store.MarcaPublicada(ctx, d.ID)
	}
	if err != nil {
		m.cfg.Log.Error().Err(err).Str("idDescarga", d.ID).Msg("the end of a descarga could not be published; the next round tries again")
	}
}
