// Package sandbox runs simulated systems, the SAT's Descarga Masiva, the SEP's Títulos Electrónicos and the
// PAC Prodigia's Addendas and Firmado, for clients to be tested against: ours and other people's. It is
// strict where the real ones are, misbehaves on request, and gives the same data for the same seed.
//
// It cannot be taken for production: it listens on loopback unless told otherwise, accepts only the
// certificates of its own authority and the public test ones, and names itself in every answer.
package sandbox

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/pade"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sep"
)

// What the Go caller of a sandbox needs by name.
type (
	// Capture is a SOAP request as received.
	Capture = control.Capture
	// Falla is a misbehaviour asked for.
	Falla = control.Falla
)

// The default addresses.
const (
	Listen      = "127.0.0.1:8081"
	AdminListen = "127.0.0.1:8082"
)

// Config is what a sandbox needs to know. Only Dir is required.
type Config struct {
	Listen      string // of the SOAP services; default Listen; port 0 takes a free one
	AdminListen string // of the admin port; default AdminListen
	// Dir keeps the authority (ca.pem and its files) and the taxpayers' e.firmas in efirmas/<RFC>/. A later
	// start uses them again.
	Dir  string
	Seed uint64 // of the data and of the ids
	// Scenario is the name of the one to start with; none is the knobs at their defaults and no faults.
	Scenario string
	// Speed is how many sandbox seconds pass in a real one at the start; 0 is 1.
	Speed float64
	// AllowNonLoopback lets both listeners bind to addresses that others can reach.
	AllowNonLoopback bool
	Now              func() time.Time // default time.Now
	Log              zerolog.Logger
	Capture          func(Capture) // optional: sees every SOAP request
}

// Sandbox is the simulated systems and what controls them.
type Sandbox struct {
	cfg  Config
	desk control.Desk
	sat  *sat.Server
	sep  *sep.Server
	pade *pade.Server

	mu       sync.Mutex
	scenario string
}

// New prepares a sandbox: it reads or makes the authority and the e.firmas, which takes a second the
// first time.
func New(cfg Config) (*Sandbox, error) {
	if cfg.Dir == "" {
		return nil, errors.New("sandbox: Dir is required: the authority and the e.firmas are kept there")
	}
	if cfg.Listen == "" {
		cfg.Listen = Listen
	}
	if cfg.AdminListen == "" {
		cfg.AdminListen = AdminListen
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for _, address := range []string{cfg.Listen, cfg.AdminListen} {
		if err := checkAddress(address, cfg.AllowNonLoopback); err != nil {
			return nil, err
		}
	}
	ca, err := prepare(cfg.Dir, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	clock := control.NewClock(cfg.Now)
	s := &Sandbox{cfg: cfg, desk: control.Desk{
		Seed: cfg.Seed, Autoridad: ca, Clock: clock, Journal: control.NewJournal(), Counters: control.NewCounters(),
		Knobs:  control.NewKnobs(slices.Concat(sat.Knobs(), sep.Knobs(), pade.Knobs())...),
		Fallas: control.NewFallas(control.Unite(sat.CatalogoFallas(), sep.CatalogoFallas(), pade.CatalogoFallas()), clock),
		Log:    cfg.Log, Capture: cfg.Capture,
	}}
	if s.sat, err = sat.New(s.desk); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.sep, s.pade = sep.New(s.desk), pade.New(s.desk)
	if cfg.Speed == 0 {
		s.cfg.Speed = 1
	}
	if err := errors.Join(s.desk.Clock.Change(s.cfg.Speed), s.SetScenario(cfg.Scenario)); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return s, nil
}

// distribute hands each call to the system whose path it has. Date is the time of the real clock, by which
// signatures and tokens are judged.
func (s *Sandbox) distribute(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.desk.Clock.Real().UTC().Format(http.TimeFormat))
	// Not of the services: nobody should take this for them.
	w.Header().Set("X-Sandbox", "pasarela")
	w = s.desk.Counters.Writer(w)
	switch {
	case strings.HasPrefix(r.URL.Path, sep.Prefix):
		s.sep.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, pade.Prefix):
		s.pade.ServeHTTP(w, r)
	default:
		s.sat.ServeHTTP(w, r)
	}
}

// Handler serves the SOAP services.
func (s *Sandbox) Handler() http.Handler { return http.HandlerFunc(s.distribute) }

// Autoridad is the sandbox's certificate authority: tests issue and revoke with it.
func (s *Sandbox) Autoridad() *autoridad.Autoridad { return s.desk.Autoridad }

// EFirmasDir is where the taxpayers' e.firmas are, one folder for each RFC.
func (s *Sandbox) EFirmasDir() string { return filepath.Join(s.cfg.Dir, carpetaEFirmas) }

// Clock is the clock of requests and packages.
func (s *Sandbox) Clock() *control.Clock { return s.desk.Clock }

// Knobs are the knobs.
func (s *Sandbox) Knobs() *control.Knobs { return s.desk.Knobs }

// Fallas are the misbehaviours asked for.
func (s *Sandbox) Fallas() *control.Fallas { return s.desk.Fallas }

// Estado is what the sandbox did since the last reset.
type Estado struct {
	control.Count
	Solicitudes []sat.Summary `json:"solicitudes"`
	Lotes       []sep.Summary `json:"lotes"`
	// Contratos are those that PADE signed for real; Bloqueadas, the users that it blocked.
	Contratos  []pade.Summary `json:"contratos"`
	Bloqueadas []string       `json:"bloqueadas"`
	// Criterios are what the SAT's Solicita was asked for, and MaxRecibidas is the greatest of their
	// Recibidas: above 1, something was asked twice.
	Criterios    []sat.Criterio `json:"criterios"`
	MaxRecibidas int64          `json:"maxRecibidas"`
}

// Estado returns the counters, the SAT's requests, the SEP's lotes, and PADE's contracts and blocked users.
func (s *Sandbox) Estado() Estado {
	e := Estado{
		Count: s.desk.Counters.Read(), Solicitudes: s.sat.Solicitudes(), Lotes: s.sep.Lotes(),
		Contratos: s.pade.Contratos(), Bloqueadas: s.pade.Blocked(), Criterios: s.sat.Criterios(),
	}
	for _, c := range e.Criterios {
		e.MaxRecibidas = max(e.MaxRecibidas, c.Recibidas)
	}
	return e
}

// Folios yields the folio of every CFDI that rfc issued or received from since to until, both ends included,
// and whether it is cancelled by now: what a complete download must hold, told without a request.
func (s *Sandbox) Folios(rfc string, d sat.Direction, since, until time.Time) iter.Seq2[sat.UUID, bool] {
	return s.sat.Folios(rfc, d, since, until)
}

// Calls returns the calls of the SAT's services with numbers above since, in order of arrival: the last
// 20,000 are kept.
func (s *Sandbox) Calls(since int64) []control.Note { return s.desk.Journal.Read(since) }

// Reset restores the state of the start: requests, quotas, lotes, contracts, blocked users,
// faults, counters, log, knobs and clock. Certificates and tokens stay.
func (s *Sandbox) Reset() {
	s.desk.Clock.Reset()
	s.begin()
	s.desk.Counters.Reset()
	s.desk.Journal.Reset()
	s.sat.Reset()
	s.sep.Reset()
	s.pade.Reset()
}
