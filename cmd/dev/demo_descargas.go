package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const (
	// velocidad is how many seconds of the SAT pass in one of ours: its ten minutes are one.
	velocidad = 600
	// crecimiento bounds what a year may cost the gateway over what it takes when idle.
	crecimiento = 64 << 20
	mib         = 1 << 20
)

// periodo is what the demo asks for.
type periodo struct {
	nombre, inicial, final string
	filas                  int64 // metadata rows, of both directions
	cfdis                  int64 // issued CFDI in force, at least
	perillas               map[string]any
}

// elPeriodo is the scenario anio_grande, whole; the short one is a month of it, with a limit that is as
// much lower, so that it has to be split too.
func elPeriodo(corto bool) periodo {
	if corto {
		return periodo{nombre: "a month", inicial: "2025-01-01T00:00:00", final: "2025-01-31T23:59:59", filas: 31 * 3288, cfdis: 35_000,
			perillas: map[string]any{"max_cfdi": 17_000, "cfdis_por_paquete": 2000, "filas_por_paquete": 20_000}}
	}
	return periodo{nombre: "a year", inicial: "2025-01-01T00:00:00", final: "2025-12-31T23:59:59", filas: 365 * 3288, cfdis: 450_000}
}

// anio walks durable downloads: a year of a large company, from one request to
// every row read back, through a gateway that is a process of its own.
type anio struct {
	*pantalla
	periodo
	sat     *devstack.Stack
	gateway *proceso
	pedidas []*pedida
}

// pedida is one descarga that was asked for.
type pedida struct {
	titulo, tipoDescarga, tipoSolicitud string

	path  string
	visto visto
}

// visto is what a descarga shows of itself.
type visto struct {
	IDDescarga, Estado, Motivo string
	Progreso                   struct {
		Porcentaje, TotalSolicitudes, SolicitudesTerminadas, TotalPaquetes, PaquetesGuardados int
		Bytes, NumeroCFDIs, Encontrados, Ilegibles                                            int64
	}
	Cuota struct{ SolicitudesPresentadas, PaquetesServidos int }
}

// descargas is the part of the demo that takes a minute.
func descargas(ctx context.Context, out io.Writer, dir string, corto bool) (err error) {
	a := &anio{pantalla: newPantalla(out), periodo: elPeriodo(corto), pedidas: []*pedida{
		{titulo: "issued, metadata", tipoDescarga: "emitidos", tipoSolicitud: "Metadata"},
		{titulo: "received, metadata", tipoDescarga: "recibidos", tipoSolicitud: "Metadata"},
		{titulo: "issued, XML", tipoDescarga: "emitidos", tipoSolicitud: "CFDI"},
	}}
	a.di("\n== Durable downloads: %s of a large company, on a clock %d times as fast", a.nombre, velocidad)
	file, err := compila(ctx, dir)
	if err != nil {
		return err
	}
	a.sat, err = devstack.StartSandbox(ctx, filepath.Join(dir, "anio"), sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0",
		Dir: filepath.Join(dir, "sandbox"), Seed: 1, Escenario: "anio_grande", Velocidad: velocidad, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.sat.Stop()) }()
	if err := a.sat.Sandbox.Perillas().Cambia(a.perillas); err != nil {
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
	if a.gateway, err = arranca(ctx, file, env); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.gateway.Close()) }()
	a.di("    gateway %s, process %d, %s when idle", a.gateway.api, a.gateway.cmd.Process.Pid, a.ahora())
	return a.camina(ctx)
}

// camina is the story.
func (a *anio) camina(ctx context.Context) error {
	receptor, err := a.registra(ctx)
	if err != nil {
		return err
	}
	defer receptor.Close() //nolint:errcheck // the demo ends
	started := time.Now()
	for _, paso := range []func(context.Context) error{a.pide, a.sigue, func(ctx context.Context) error { return a.coteja(ctx, time.Since(started)) },
		receptor.espera, a.lee, a.memoriaPlana} {
		if err := paso(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pide asks for all of it: one call each.
func (a *anio) pide(ctx context.Context) error {
	for _, p := range a.pedidas {
		body := map[string]any{"servicio": "cfdi", "rfcSolicitante": rfcEmpresa, "tipoDescarga": p.tipoDescarga, "tipoSolicitud": p.tipoSolicitud,
			"fechaInicial": a.inicial, "fechaFinal": a.final}
		if err := a.llama(ctx, http.MethodPost, "/v1/sat/descargas", body, http.StatusAccepted, &p.visto); err != nil {
			return err
		}
		p.path = "/v1/sat/descargas/" + p.visto.IDDescarga
		a.di("  POST /v1/sat/descargas → 202 %s (%s)", p.path, p.titulo)
	}
	return nil
}

// sigue follows all three by their events until each has told its end, and shows
// how far they are.
func (a *anio) sigue(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var streams sync.WaitGroup
	for _, p := range a.pedidas {
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
		if err := a.avance(ctx, time.Since(started)); err != nil {
			<-ended
			return errors.Join(context.Cause(ctx), err)
		}
	}
	a.para()
	return context.Cause(ctx)
}

// avance reads how far each is and moves the line.
func (a *anio) avance(ctx context.Context, took time.Duration) error {
	var solicitudes, terminadas, paquetes, guardados int
	var size, found int64
	for _, p := range a.pedidas {
		if err := a.llama(ctx, http.MethodGet, p.path, nil, http.StatusOK, &p.visto); err != nil {
			return err
		}
		g := p.visto.Progreso
		solicitudes, terminadas, paquetes, guardados = solicitudes+g.TotalSolicitudes, terminadas+g.SolicitudesTerminadas, paquetes+g.TotalPaquetes, guardados+g.PaquetesGuardados
		size, found = size+g.Bytes, found+g.Encontrados
	}
	a.avanza(fmt.Sprintf("  %4.0f s  %d/%d solicitudes, %d/%d packages, %d MiB, %s found; RSS %s",
		took.Seconds(), terminadas, solicitudes, guardados, paquetes, size/mib, miles(found), a.ahora()))
	return nil
}

// coteja holds the ends against what was wanted, and what reached the SAT against
// what may: nothing asked twice, no package fetched twice.
func (a *anio) coteja(_ context.Context, took time.Duration) error {
	var rows, cfdis, size int64
	var paquetes int
	for _, p := range a.pedidas {
		v := p.visto
		a.di("    %-18s %s: %s comprobantes in %d packages, %d MiB; quota spent: %d solicitudes, %d downloads", p.titulo, v.Estado,
			miles(v.Progreso.Encontrados), v.Progreso.PaquetesGuardados, v.Progreso.Bytes/mib, v.Cuota.SolicitudesPresentadas, v.Cuota.PaquetesServidos)
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
	if rows != a.filas || cfdis < a.cfdis {
		return fmt.Errorf("%d rows and %d CFDI, wanted %d and at least %d", rows, cfdis, a.filas, a.cfdis)
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
	a.di("    %s rows and %s CFDI, %d MiB, in %.1f s; %d solicitudes presented, %d of them too large and split, %d packages",
		miles(rows), miles(cfdis), size/mib, took.Seconds(), len(estado.Solicitudes), splits, paquetes)
	if twice || splits == 0 {
		return fmt.Errorf("something was asked of the SAT twice (%v), or nothing was split (%d)", twice, splits)
	}
	a.di("    the sandbox: no criteria were received twice, no package was fetched twice")
	return nil
}

// memoriaPlana fails when the year was held.
func (a *anio) memoriaPlana(context.Context) error {
	peak, ok := a.gateway.memoria("VmHWM")
	if !ok {
		a.di("    memory of the gateway: not measured, there is no /proc here")
		return nil
	}
	a.di("    memory of the gateway: %d MiB idle, %d MiB at its highest, %d MiB are allowed beside the idle ones",
		a.gateway.reposo/mib, peak/mib, crecimiento/mib)
	if peak-a.gateway.reposo > crecimiento {
		return errors.New("the gateway's memory grew with the data")
	}
	return nil
}

// ahora is what the gateway takes now.
func (a *anio) ahora() string {
	if rss, ok := a.gateway.memoria("VmRSS"); ok {
		return fmt.Sprintf("%d MiB", rss/mib)
	}
	return "memory unknown"
}

// llama makes one call and decodes the answer of the wanted status.
func (a *anio) llama(ctx context.Context, method, path string, body any, want int, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	resp, err := a.abre(ctx, method, path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		return fmt.Errorf("%s %s: status %d, wanted %d: %s (%w)", method, path, resp.StatusCode, want, got, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(got, into)
}

// abre makes one call whose answer is read by the caller.
func (a *anio) abre(ctx context.Context, method, path, accept string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.gateway.api+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// miles writes n with commas between thousands.
func miles(n int64) string {
	text := fmt.Sprint(n)
	var groups []string
	for len(text) > 3 {
		groups, text = append([]string{text[len(text)-3:]}, groups...), text[:len(text)-3]
	}
	return strings.Join(append([]string{text}, groups...), ",")
}
