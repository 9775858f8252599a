// Package webhooks tells callers' own systems what became of their descargas,
// by the Standard Webhooks specification (standardwebhooks.com): registered
// endpoints, signed messages, attempts for three days, a log, sending again, and
// secrets that are rotated without a gap.
//
// A delivery is a row before it is sent, and its row says when it is tried next. It
// is due again if whoever takes it does not live to record what happened, so that a
// message may arrive more than once, always with the same webhook-id.
//
// It refuses addresses that are not public and https, unless configured, at the
// moment of connecting; it follows no redirect, and keeps nothing of what a
// receiver answers but the status. Secrets and addresses, which may hold a
// token, are sealed at rest and are in no log line.
package webhooks

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Config is what the service needs.
type Config struct {
	// Targets are the endpoints, Entregas the messages for them.
	Targets  store.Webhooks
	Entregas store.Entregas
	// Sello seals secrets and addresses at rest.
	Sello *Sello
	// Red says where messages may go.
	Red Red
	Now func() time.Time
	// Clock tells the time where a wrong one would do harm that nothing undoes; nil for
	// one over Now alone.
	Clock *clock.Clock
	// Random gives numbers in [0, 1) for the jitter.
	Random func() float64
	// Wake is told that deliveries may have come that are due; nil for nobody.
	Wake func()
	// Reach reports whether an API key to whose owner dueno an endpoint belongs may be
	// told of rfc, today; an error says that nobody knows now. Nil: every one may.
	Reach func(owner, rfc string) (bool, error)
	// Observe is told of each attempt, by its result. May be nil.
	Observe func(result string, took time.Duration)
	Log     zerolog.Logger
}

// Servicio keeps endpoints and delivers to them.
type Servicio struct {
	cfg    Config
	client client
}

// New returns the service.
func New(cfg Config) *Servicio {
	if cfg.Clock == nil {
		cfg.Clock = clock.New(clock.Config{Wall: cfg.Now, Log: cfg.Log})
	}
	if cfg.Wake == nil {
		cfg.Wake = func() {}
	}
	return &Servicio{cfg: cfg, client: cfg.Red.client()}
}

// current is as precise as the store.
func (s *Servicio) current() time.Time { return s.cfg.Now().Truncate(time.Microsecond) }
