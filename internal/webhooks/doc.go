// Package webhooks notifies callers' own systems about their descargas, following the
// Standard Webhooks specification (standardwebhooks.com): registered endpoints, signed
// messages, attempts for three days, a log, resending, and secrets that rotate without a
// gap.
//
// A delivery is stored before it is sent, and its row says when it is tried next. If a
// process dies before it records the result, the delivery becomes due again. So a message
// may arrive more than once, always with the same webhook-id.
//
// The address is checked at the moment of connecting: it must be public and https, unless
// configured otherwise. Redirects are not followed. Of a receiver's answer only the
// status is kept. Secrets, and addresses because they may hold a token, are encrypted at
// rest and never logged.
package webhooks

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Config configures the service.
type Config struct {
	// Targets are the endpoints, Entregas the messages for them.
	Targets  store.Webhooks
	Entregas store.Entregas
	// Sello encrypts secrets and addresses at rest.
	Sello *Sello
	// Red restricts where messages may go.
	Red Red
	Now func() time.Time
	// Clock gives the time for decisions that cannot be undone; nil means a clock over
	// Now alone.
	Clock *clock.Clock
	// Random returns numbers in [0, 1) for the jitter.
	Random func() float64
	// Wake is called when deliveries may have become due; nil means nobody is told.
	Wake func()
	// Reach reports whether the API key of an endpoint's owner may receive events about
	// rfc today. An error means that this is unknown now. Nil means that every key may.
	Reach func(owner, rfc string) (bool, error)
	// Observe is called after each attempt. May be nil.
	Observe func(result string, took time.Duration)
	Log     zerolog.Logger
}

// Servicio stores endpoints and delivers to them.
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

// current returns the time in the store's precision.
func (s *Servicio) current() time.Time { return s.cfg.Now().Truncate(time.Microsecond) }
