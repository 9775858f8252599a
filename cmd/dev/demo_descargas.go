package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const (
	// speed is how many seconds of the SAT pass in one of ours: its ten minutes are one.
	speed = 600
	// growth bounds what a year may cost the gateway over what it takes when idle.
	growth = 64 << 20
	mib    = 1 << 20
)

// periodo is what the demo asks for.
type periodo struct {
	name, initial, final string
	rows                 int64 // metadata rows, of both directions
	cfdis                int64 // issued CFDI in force, at least
	knobs                map[string]any
}

// demoPeriodo is the scenario anio_grande, whole; the short one is a month of it, with a limit that is as
// much lower, so that it has to be split too.
func demoPeriodo(short bool) periodo {
	if short {
		return periodo{name: "a month", initial: "2025-01-01T00:00:00", final: "2025-01-31T23:59:59", rows: 31 * 3288, cfdis: 35_000,
			knobs: map[string]any{"max_cfdi": 17_000, "cfdis_por_paquete": 2000, "filas_por_paquete": 20_000}}
	}
	return periodo{name: "a year", initial: "2025-01-01T00:00:00", final: "2025-12-31T23:59:59", rows: 365 * 3288, cfdis: 450_000}
}

// year walks durable downloads: a year of a large company, from one request to
// every row read back, through a gateway that is a process of its own.
type year struct {
	*screen
	periodo
	sat       *devstack.Stack
	gateway   *process
	requested []*requested
}

// requested is one descarga that was asked for.
type requested struct {
	titulo, tipoDescarga, tipoSolicitud string

	path string
	seen seen
}

// seen is what a descarga shows of itself.
type seen struct {
	IDDescarga, Estado, Motivo string
	Progreso                   struct {
		Porcentaje, TotalSolicitudes, SolicitudesTerminadas, TotalPaquetes, PaquetesGuardados int
		Bytes, NumeroCFDIs, Encontrados, Ilegibles                                            int64
	}
	Cuota struct{ SolicitudesPresentadas, PaquetesServidos int }
}

// descargas is the part of the demo that takes a minute.
func descargas(ctx context.Context, out io.Writer, dir string, short bool) (err error) {
	a := &year{screen: newScreen(out), periodo: demoPeriodo(short), requested: []*requested{
		{titulo: "issued, metadata", tipoDescarga: "emitidos", tipoSolicitud: "Metadata"},
		{titulo: "received, metadata", tipoDescarga: "recibidos", tipoSolicitud: "Metadata"},
		{titulo: "issued, XML", tipoDescarga: "emitidos", tipoSolicitud: "CFDI"},
	}}
	a.say("\n== Durable downloads: %s of a large company, on a clock %d times as fast", a.name, speed)
	file, err := compile(ctx, dir)
	if err != nil {
		return err
	}
	a.sat, err = devstack.StartSandbox(ctx, filepath.Join(dir, "anio"), sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Dir: filepath.Join(dir, "sandbox"), Seed: 1, Scenario: "anio_grande", Speed: speed, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.sat.Stop()) }()
	if err := a.sat.Sandbox.Knobs().Change(a.knobs); err != nil {
		return err
	}
	cfg := a.sat.Config
	cfg.Listen, cfg.AdminListen, cfg.Webhooks.Privados = "127.0.0.1:0", "127.0.0.1:0", true
	cfg.ShutdownTimeout.Duration = 10 * time.Second
	cfg.Descargas = config.Descargas{SondeoMinimo: config.Duration{Duration: 500 * time.Millisecond}, SondeoMaximo: config.Duration{Duration: 2 * time.Second}}
	env, err := cfg.Environ()
	if err != nil {
		return err
	}
	if a.gateway, err = start(ctx, file, env); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.gateway.Close()) }()
	a.say("    gateway %s, process %d, %s when idle", a.gateway.api, a.gateway.cmd.Process.Pid, a.now())
	return a.walk(ctx)
}

// walk is the story.
func (a *year) walk(ctx context.Context) error {
	receptor, err := a.register(ctx)
	if err != nil {
		return err
	}
	defer receptor.Close() //nolint:errcheck // the demo ends
	started := time.Now()
	for _, step := range []func(context.Context) error{a.ask, a.follow, func(ctx context.Context) error { return a.compare(ctx, time.Since(started)) },
		receptor.wait, a.read, a.flatMemory} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ask asks for all of it: one call each.
func (a *year) ask(ctx context.Context) error {
	for _, p := range a.requested {
		body := map[string]any{"servicio": "cfdi", "rfcSolicitante": rfcCompany, "tipoDescarga": p.tipoDescarga, "tipoSolicitud": p.tipoSolicitud,
			"fechaInicial": a.initial, "fechaFinal": a.final}
		if err := a.call(ctx, http.MethodPost, "/v1/sat/descargas", body, http.StatusAccepted, &p.seen); err != nil {
			return err
		}
		p.path = "/v1/sat/descargas/" + p.seen.IDDescarga
		a.say("  POST /v1/sat/descargas → 202 %s (%s)", p.path, p.titulo)
	}
	return nil
}

// follow follows all three by their events until each has told its end, and shows
// how far they are.
func (a *year) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var streams sync.WaitGroup
	for _, p := range a.requested {
		streams.Go(func() {
			if err := a.eventos(ctx, p); err != nil {
				cancel(fmt.Errorf("%s: %w", p.titulo, err))
			}
		})
	}
	ended := make(chan struct{})
	go func() { streams.Wait(); close(ended) }()
	started := time.Now()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-time.After(300 * time.Millisecond):
		}
		if err := a.progress(ctx, time.Since(started)); err != nil {
			<-ended
			return errors.Join(context.Cause(ctx), err)
		}
	}
	a.finish()
	return context.Cause(ctx)
}

// progress reads how far each is and moves the line.
func (a *year) progress(ctx context.Context, took time.Duration) error {
	var solicitudes, finished, paquetes, saved int
	var size, found int64
	for _, p := range a.requested {
		if err := a.call(ctx, http.MethodGet, p.path, nil, http.StatusOK, &p.seen); err != nil {
			return err
		}
		g := p.seen.Progreso
		solicitudes, finished, paquetes, saved = solicitudes+g.TotalSolicitudes, finished+g.SolicitudesTerminadas, paquetes+g.TotalPaquetes, saved+g.PaquetesGuardados
		size, found = size+g.Bytes, found+g.Encontrados
	}
	a.advance(fmt.Sprintf("  %4.0f s  %d/%d solicitudes, %d/%d packages, %d MiB, %s found; RSS %s",
		took.Seconds(), finished, solicitudes, saved, paquetes, size/mib, humanize.Comma(found), a.now()))
	return nil
}

// compare holds the ends against what was wanted, and what reached the SAT against
// what may: nothing asked twice, no package fetched twice.
func (a *year) compare(_ context.Context, took time.Duration) error {
	var rows, cfdis, size int64
	var paquetes int
	for _, p := range a.requested {
		v := p.seen
		a.say("    %-18s %s: %s comprobantes in %d packages, %d MiB; quota spent: %d solicitudes, %d downloads", p.titulo, v.Estado,
			humanize.Comma(v.Progreso.Encontrados), v.Progreso.PaquetesGuardados, v.Progreso.Bytes/mib, v.Cuota.SolicitudesPresentadas, v.Cuota.PaquetesServidos)
		if v.Estado != "terminada" || v.Progreso.Encontrados != v.Progreso.NumeroCFDIs || v.Progreso.Ilegibles != 0 {
			return fmt.Errorf("%s: %+v", p.titulo, v)
		}
		paquetes, size = paquetes+v.Progreso.PaquetesGuardados, size+v.Progreso.Bytes
		if p.tipoSolicitud == "CFDI" {
			cfdis += v.Progreso.Encontrados
		} else {
			rows += v.Progreso.Encontrados
		}
	}
	if rows != a.rows || cfdis < a.cfdis {
		return fmt.Errorf("%d rows and %d CFDI, wanted %d and at least %d", rows, cfdis, a.rows, a.cfdis)
	}
	estado := a.sat.Sandbox.Estado()
	splits, twice := 0, estado.MaxRecibidas > 1
	for _, s := range estado.Solicitudes {
		if s.Estado == 5 {
			splits++
		}
		for _, p := range s.PorPaquete {
			twice = twice || p.Pedidas != 1
		}
	}
	a.say("    %s rows and %s CFDI, %d MiB, in %.1f s; %d solicitudes presented, %d of them too large and split, %d packages",
		humanize.Comma(rows), humanize.Comma(cfdis), size/mib, took.Seconds(), len(estado.Solicitudes), splits, paquetes)
	if twice || splits == 0 {
		return fmt.Errorf("something was asked of the SAT twice (%v), or nothing was split (%d)", twice, splits)
	}
	a.say("    the sandbox: no criteria were received twice, no package was fetched twice")
	return nil
}

// flatMemory fails when the year was held.
func (a *year) flatMemory(context.Context) error {
	peak, ok := a.gateway.memory("VmHWM")
	if !ok {
		a.say("    memory of the gateway: not measured, there is no /proc here")
		return nil
	}
	a.say("    memory of the gateway: %d MiB idle, %d MiB at its highest, %d MiB are allowed beside the idle ones",
		a.gateway.rest/mib, peak/mib, growth/mib)
	if peak-a.gateway.rest > growth {
		return errors.New("the gateway's memory grew with the data")
	}
	return nil
}

// now is what the gateway takes now.
func (a *year) now() string {
	if rss, ok := a.gateway.memory("VmRSS"); ok {
		return fmt.Sprintf("%d MiB", rss/mib)
	}
	return "memory unknown"
}

// call makes one call and decodes the answer of the wanted status.
func (a *year) call(ctx context.Context, method, path string, body any, want int, into any) error {
	got, err := ask(ctx, a.gateway.api, method, path, body, want)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(got, into)
}

// open reads a part of the API that is not JSON.
func (a *year) open(ctx context.Context, path, accept string) (*http.Response, error) {
	resp, err := open(ctx, a.gateway.api, http.MethodGet, path, accept, nil)
	if err == nil && resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("GET %s: status %d", path, resp.StatusCode), resp.Body.Close())
	}
	return resp, err
}
