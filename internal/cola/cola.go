// Package cola is the job queue: River over the store's database, on SQLite or
// PostgreSQL. It wakes the work of others at its time, on one of the gateways
// that share the database, and elects the one that makes the rounds.
//
// It refuses to be the truth: what is to be done, and when, is in the tables of
// those who do it. A job that is lost is found again by a round; one that comes
// twice, or late, finds its turn over.
package cola

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// The queues: each kind of work has hands of its own, so that packages of hours
// do not keep the SAT from being asked in time.
const (
	colaTramos   = "tramos"
	colaPaquetes = "paquetes"
	// ColaWebhooks is for deliveries to subscribers.
	ColaWebhooks = "webhooks"

	manosTramos   = 32
	manosPaquetes = 4
	manosWebhooks = 8
)

const (
	// sondeo is how often a queue is looked into; what is due waits that long.
	sondeo = 500 * time.Millisecond
	// Ronda is the time between two rounds, and relevos how often in it what a dead
	// gateway left is looked for.
	Ronda   = 15 * time.Second
	relevos = 3
	// vidaTrabajo is how long a job may take; a package that takes longer goes on
	// without its job.
	vidaTrabajo = 4 * time.Minute
	// rescate is when River gives a job up whose process has died.
	rescate = 5 * time.Minute
	// atraso is how late a job is that goes before the others.
	atraso                       = time.Second
	prioridadAtrasada, prioridad = 1, 2
	// memoria is how long a job that is done is remembered.
	memoria = time.Hour
)

// Motor is the work on descargas.
type Motor interface {
	AvanzaTramo(ctx context.Context, id, turno int64) (descargas.Despues, error)
	TraePaquete(ctx context.Context, id, turno int64) (descargas.Despues, error)
}

// Trabajos is the work that is woken.
type Trabajos struct {
	Motor  Motor
	Rondas Rondas
	// Otros adds workers of other kinds.
	Otros func(*river.Workers) error
	Now   func() time.Time
	// ID is this process's, Vive whether another may be alive.
	ID   string
	Vive func(id string) bool
	// Sondeo and CadaRonda replace the intervals, for tests and benchmarks; zero
	// for the normal ones.
	Sondeo, CadaRonda time.Duration
}

// Rondas is what one of the gateways does for all, at times.
type Rondas struct {
	// Ocupa tells whether it is this one, and Deja lets another be it.
	Ocupa func(context.Context) (bool, error)
	Deja  func(context.Context) error
	// Releva is called every 5 seconds, Ronda every 15.
	Releva, Ronda func(context.Context) error
}

// Cola is the queue. Start it before anything is put into it.
type Cola struct {
	store *store.Store
	log   zerolog.Logger
	now   func() time.Time

	mu      sync.Mutex
	cliente cliente
	rondas  *rondas
}

// cliente is what is used of River's client, whatever its database.
type cliente interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	inserta(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error
	// espera tells whether a job has waited in a queue since before antes.
	espera(ctx context.Context, queue string, antes time.Time) (bool, error)
}

type deRiver[T any] struct{ *river.Client[T] }

func (c deRiver[T]) inserta(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := c.Insert(ctx, args, opts)
	return err
}

func (c deRiver[T]) espera(ctx context.Context, queue string, antes time.Time) (bool, error) {
	primero, err := c.JobList(ctx, river.NewJobListParams().Queues(queue).States(rivertype.JobStateAvailable).
		OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1))
	return err == nil && len(primero.Jobs) > 0 && primero.Jobs[0].ScheduledAt.Before(antes), err
}

// New returns the queue over st, not yet started.
func New(st *store.Store, log zerolog.Logger) *Cola {
	return &Cola{store: st, log: log, now: time.Now}
}

// Migra brings River's tables up to date; it is a store.Config.Migra.
func Migra(ctx context.Context, st *store.Store) error {
	if st.Postgres() {
		return migra(ctx, riverpgxv5.New(st.Pool()))
	}
	return migra(ctx, riversqlite.New(st.DB()))
}

func migra[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: silencio()})
	if err != nil {
		return fmt.Errorf("cola: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("cola: %w", err)
	}
	return nil
}

// Start begins to wake t.
func (c *Cola) Start(ctx context.Context, t Trabajos) error {
	if t.Now != nil {
		c.now = t.Now
	}
	cfg, err := c.configura(t)
	if err != nil {
		return err
	}
	nuevo, err := c.abre(cfg)
	if err != nil {
		return fmt.Errorf("cola: %w", err)
	}
	c.mu.Lock()
	c.cliente = nuevo
	c.mu.Unlock()
	// The jobs end with Stop, which lets them; not with whoever started them.
	if err := c.destrona(ctx, t.Vive); err != nil {
		return fmt.Errorf("cola: %w", err)
	}
	if err := nuevo.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("cola: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rondas = empieza(t.Rondas, cmp.Or(t.CadaRonda, Ronda), c.log)
	return nil
}

// destrona removes the leader that River has on record if it is known to be dead:
// without one nothing that waits for its time is woken, and River waits for
// fifteen seconds before it believes that a leader is gone.
func (c *Cola) destrona(ctx context.Context, vive func(string) bool) error {
	var lider string
	if err := c.store.DB().QueryRowContext(ctx, `SELECT COALESCE((SELECT leader_id FROM river_leader), '')`).Scan(&lider); err != nil {
		return err
	}
	if lider == "" || vive(lider) {
		return nil
	}
	_, err := c.store.DB().ExecContext(ctx, `DELETE FROM river_leader WHERE leader_id = $1`, lider)
	return err
}

func (c *Cola) abre(cfg *river.Config) (cliente, error) {
	if c.store.Postgres() {
		r, err := river.NewClient(riverpgxv5.New(c.store.Pool()), cfg)
		return deRiver[pgx.Tx]{r}, err
	}
	r, err := river.NewClient(riversqlite.New(c.store.ParaCola()), cfg)
	return deRiver[*sql.Tx]{r}, err
}

func (c *Cola) configura(t Trabajos) (*river.Config, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &deTramos{motor: t.Motor, now: c.now})
	river.AddWorker(workers, &dePaquetes{motor: t.Motor, now: c.now})
	if t.Otros != nil {
		if err := t.Otros(workers); err != nil {
			return nil, fmt.Errorf("cola: %w", err)
		}
	}
	poll := cmp.Or(t.Sondeo, sondeo)
	return &river.Config{
		ID:      t.ID,
		Logger:  registro(c.log),
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			colaTramos: {MaxWorkers: manosTramos}, colaPaquetes: {MaxWorkers: manosPaquetes},
			ColaWebhooks: {MaxWorkers: manosWebhooks},
		},
		FetchPollInterval:           poll,
		FetchCooldown:               min(poll, river.FetchCooldownDefault),
		JobTimeout:                  vidaTrabajo,
		RescueStuckJobsAfter:        rescate,
		CompletedJobRetentionPeriod: memoria,
		CancelledJobRetentionPeriod: memoria,
		ErrorHandler:                fallas{log: c.log},
	}, nil
}

// Stop lets the running jobs end for as long as ctx lasts, then cuts them.
func (c *Cola) Stop(ctx context.Context) error {
	c.mu.Lock()
	r := c.cliente
	c.cliente = nil
	hace := c.rondas
	c.rondas = nil
	c.mu.Unlock()
	hace.termina(ctx)
	var err error
	if r != nil {
		if err = r.Stop(ctx); err != nil {
			corte, cancela := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancela()
			err = r.StopAndCancel(corte)
		}
	}
	return err
}

var errParada = errors.New("cola: it is not running")

// promocion is how often River looks for jobs whose time comes. One that is due
// before its next look is not left to it: it is woken at once, and sleeps the rest.
const promocion = 5 * time.Second

// Inserta puts a job of another kind into a queue, to be woken at cuando.
func (c *Cola) Inserta(ctx context.Context, args river.JobArgs, queue string, cuando time.Time) error {
	c.mu.Lock()
	r := c.cliente
	c.mu.Unlock()
	if r == nil {
		return errParada
	}
	opts := &river.InsertOpts{Queue: queue, MaxAttempts: intentos, Priority: prioridad}
	// The clock of the work may be another than River's.
	switch espera := cuando.Sub(c.now()); {
	case espera > promocion:
		opts.ScheduledAt = time.Now().Add(espera)
	case espera < -atraso:
		// What has waited goes first: a round that queues it again, where there is
		// more to do than hands, must not send it to the end.
		opts.Priority = prioridadAtrasada
	}
	return r.inserta(ctx, args, opts)
}

// paciencia is how long a job may wait for hands before its queue counts as long.
const paciencia = 5 * time.Second

// Esperan implements descargas.Encolador.
func (c *Cola) Esperan(ctx context.Context) (tramos, paquetes bool, err error) {
	c.mu.Lock()
	r := c.cliente
	c.mu.Unlock()
	if r == nil {
		return false, false, errParada
	}
	antes := time.Now().Add(-paciencia)
	if tramos, err = r.espera(ctx, colaTramos, antes); err != nil {
		return false, false, fmt.Errorf("cola: %w", err)
	}
	if paquetes, err = r.espera(ctx, colaPaquetes, antes); err != nil {
		return false, false, fmt.Errorf("cola: %w", err)
	}
	return tramos, paquetes, nil
}

// Tramo implements descargas.Encolador.
func (c *Cola) Tramo(ctx context.Context, id, turno int64, cuando time.Time) error {
	return c.Inserta(ctx, tramoArgs{ID: id, Turno: turno}, colaTramos, cuando)
}

// Paquete implements descargas.Encolador.
func (c *Cola) Paquete(ctx context.Context, id, turno int64, cuando time.Time) error {
	return c.Inserta(ctx, paqueteArgs{ID: id, Turno: turno}, colaPaquetes, cuando)
}
