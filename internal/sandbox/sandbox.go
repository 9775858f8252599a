// Package sandbox runs simulated systems, the SAT's Descarga Masiva, the SEP's Títulos Electrónicos and the
// PAC Prodigia's Addendas and Firmado, for clients to be tested against: ours and other people's. It is
// strict where the real ones are, misbehaves on request, and gives the same data for the same seed.
//
// It refuses to look like production: it listens on loopback unless told otherwise, knows only the
// certificates of its own authority and the public test ones, and says what it is in every answer.
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
	// Captura is a SOAP request as received: the SAT's token is taken out, the SEP's and PADE's credentials
	// are in the body.
	Captura = sat.Captura
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
	// Dir keeps the authority (ca.pem and its files) and the taxpayers' e.firmas in efirmas/<RFC>/. What
	// is there is used again.
	Dir  string
	Seed uint64 // of the data and of the ids
	// Escenario is the name of the one to start with; none is the knobs at their defaults and no faults.
	Escenario string
	// Velocidad is how many sandbox seconds pass in a real one at the start; 0 is 1.
	Velocidad float64
	// AllowNonLoopback lets both listeners bind to addresses that others can reach.
	AllowNonLoopback bool
	Now              func() time.Time // default time.Now
	Log              zerolog.Logger
	Captura          func(Captura) // optional: sees every SOAP request
}

// Sandbox is the simulated systems and what controls them.
type Sandbox struct {
	cfg        Config
	autoridad  *autoridad.Autoridad
	reloj      *control.Reloj
	perillas   *control.Perillas
	fallas     *control.Fallas
	contadores *control.Contadores
	bitacora   *control.Bitacora
	sat        *sat.Servidor
	sep        *sep.Servidor
	pade       *pade.Servidor

	mu        sync.Mutex
	escenario string
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
	for _, direccion := range []string{cfg.Listen, cfg.AdminListen} {
		if err := revisaDireccion(direccion, cfg.AllowNonLoopback); err != nil {
			return nil, err
		}
	}
	ca, err := prepara(cfg.Dir, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	reloj := control.NewReloj(cfg.Now)
	s := &Sandbox{
		cfg: cfg, autoridad: ca, reloj: reloj, bitacora: control.NewBitacora(),
		perillas:   control.NewPerillas(slices.Concat(sat.Perillas(), sep.Perillas(), pade.Perillas())...),
		fallas:     control.NewFallas(control.Une(sat.CatalogoFallas(), sep.CatalogoFallas(), pade.CatalogoFallas()), reloj),
		contadores: control.NewContadores(),
	}
	s.sat, err = sat.New(sat.Opciones{
		Semilla: cfg.Seed, Autoridad: ca, Reloj: s.reloj, Perillas: s.perillas, Fallas: s.fallas,
		Contadores: s.contadores, Bitacora: s.bitacora, Log: cfg.Log, Captura: cfg.Captura,
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.sep = sep.New(sep.Opciones{
		Semilla: cfg.Seed, Autoridad: ca, Reloj: s.reloj, Perillas: s.perillas, Fallas: s.fallas,
		Contadores: s.contadores, Log: cfg.Log, Captura: deLaSEP(cfg.Captura),
	})
	s.pade = pade.New(pade.Opciones{
		Semilla: cfg.Seed, Autoridad: ca, Reloj: s.reloj, Perillas: s.perillas, Fallas: s.fallas,
		Contadores: s.contadores, Log: cfg.Log, Captura: dePADE(cfg.Captura),
	})
	if cfg.Velocidad == 0 {
		s.cfg.Velocidad = 1
	}
	if err := errors.Join(s.reloj.Cambia(s.cfg.Velocidad), s.PonEscenario(cfg.Escenario)); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return s, nil
}

// reparte hands each call to the system that its path begins with. The Date is that of the clock which
// security is judged by.
func (s *Sandbox) reparte(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.reloj.Real().UTC().Format(http.TimeFormat))
	switch {
	case strings.HasPrefix(r.URL.Path, sep.Prefijo):
		s.sep.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, pade.Prefijo):
		s.pade.ServeHTTP(w, r)
	default:
		s.sat.ServeHTTP(w, r)
	}
}

func deLaSEP(captura func(Captura)) func(sep.Captura) {
	if captura == nil {
		return nil
	}
	return func(c sep.Captura) { captura(Captura(c)) }
}

func dePADE(captura func(Captura)) func(pade.Captura) {
	if captura == nil {
		return nil
	}
	return func(c pade.Captura) { captura(Captura(c)) }
}

// Handler serves the SOAP services.
func (s *Sandbox) Handler() http.Handler { return http.HandlerFunc(s.reparte) }

// Autoridad is the sandbox's certificate authority: tests issue and revoke with it.
func (s *Sandbox) Autoridad() *autoridad.Autoridad { return s.autoridad }

// EFirmasDir is where the taxpayers' e.firmas are, one folder for each RFC.
func (s *Sandbox) EFirmasDir() string { return filepath.Join(s.cfg.Dir, carpetaEFirmas) }

// Reloj is the clock of requests and packages.
func (s *Sandbox) Reloj() *control.Reloj { return s.reloj }

// Perillas are the knobs.
func (s *Sandbox) Perillas() *control.Perillas { return s.perillas }

// Fallas are the misbehaviours asked for.
func (s *Sandbox) Fallas() *control.Fallas { return s.fallas }

// Estado is what the sandbox did since the last reset.
type Estado struct {
	control.Conteo
	Solicitudes []sat.Resumen `json:"solicitudes"`
	Lotes       []sep.Resumen `json:"lotes"`
	// Contratos are those that PADE signed for real; Bloqueadas, the users that it blocked.
	Contratos  []pade.Resumen `json:"contratos"`
	Bloqueadas []string       `json:"bloqueadas"`
	// Criterios are what the SAT's Solicita was asked for, and MaxRecibidas is the greatest of their
	// Recibidas: above 1, something was asked twice.
	Criterios    []sat.Criterio `json:"criterios"`
	MaxRecibidas int64          `json:"maxRecibidas"`
}

// Estado returns the counters, the SAT's requests, the SEP's lotes, and PADE's contracts and blocked users.
func (s *Sandbox) Estado() Estado {
	e := Estado{
		Conteo: s.contadores.Lee(), Solicitudes: s.sat.Solicitudes(), Lotes: s.sep.Lotes(),
		Contratos: s.pade.Contratos(), Bloqueadas: s.pade.Bloqueadas(), Criterios: s.sat.Criterios(),
	}
	for _, c := range e.Criterios {
		e.MaxRecibidas = max(e.MaxRecibidas, c.Recibidas)
	}
	return e
}

// Folios yields the folio of every CFDI that rfc issued or received from desde to hasta, both ends included,
// and whether it is cancelled by now: what a complete download must hold, told without a request.
func (s *Sandbox) Folios(rfc string, d sat.Sentido, desde, hasta time.Time) iter.Seq2[sat.UUID, bool] {
	return s.sat.Folios(rfc, d, desde, hasta)
}

// Llamadas returns the calls of the SAT's services with numbers above desde, in order of arrival: the last
// 20,000 are kept.
func (s *Sandbox) Llamadas(desde int64) []control.Anotacion { return s.bitacora.Lee(desde) }

// Reinicia puts everything back as it was at the start: requests, quotas, lotes, contracts, blocked
// users, faults, counters, log, knobs and clock. Certificates and tokens stay.
func (s *Sandbox) Reinicia() {
	s.reloj.Reinicia()
	s.empieza()
	s.contadores.Reinicia()
	s.bitacora.Reinicia()
	s.sat.Reinicia()
	s.sep.Reinicia()
	s.pade.Reinicia()
}
