package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// demo walks every operation through REST and fails if any answer is
// not what a user would expect. The short one has a month where the other has a year.
func demo(ctx context.Context, out io.Writer, short bool) (err error) {
	dir, err := os.MkdirTemp("", "pasarela-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := operations(ctx, out, dir); err != nil {
		return err
	}
	if err := descargas(ctx, out, dir, short); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nAll of it worked.") //nolint:errcheck // a terminal
	return nil
}

// operations walks one call after the other.
func operations(ctx context.Context, out io.Writer, dir string) (err error) {
	clock := &shiftedClock{}
	stack, err := devstack.Start(ctx, dir+"/gateway", devstack.Options{
		Sandbox:   sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir + "/sandbox", Seed: 1, Now: clock.now, Log: zerolog.Nop()},
		Configure: func(c *config.Config) { c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0" },
		Gateway:   app.Options{Queue: app.Queue{Poll: 100 * time.Millisecond, EveryRonda: time.Second}},
		Log:       zerolog.Nop(), Now: clock.now,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	w := &walk{ctx: ctx, screen: newScreen(out), stack: stack, clock: clock}
	w.say("Gateway %s, sandbox %s", stack.API, stack.SandboxURL)
	w.efirmas()
	w.authenticate("cfdi")
	uuid := ""
	for _, s := range solicitudes() {
		if s.folio {
			s.body["uuid"] = uuid
		}
		if found := w.descarga(s); uuid == "" {
			uuid = found
		}
	}
	w.refusal()
	w.titulos()
	w.prodigia()
	w.recurrent()
	return w.err
}

// solicitud is one way of asking.
type solicitud struct {
	title, servicio string
	body            map[string]any
	folio           bool
}

func solicitudes() []solicitud {
	january := func(extra map[string]any) map[string]any {
		body := map[string]any{"rfcSolicitante": rfcCompany, "tipoSolicitud": "CFDI",
			"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}
		maps.Copy(body, extra)
		return body
	}
	return []solicitud{
		{title: "SolicitaDescargaEmitidos, XML", servicio: "cfdi", body: january(map[string]any{"tipoDescarga": "emitidos"})},
		{title: "SolicitaDescargaEmitidos, metadata of every state", servicio: "cfdi",
			body: january(map[string]any{"tipoDescarga": "emitidos", "tipoSolicitud": "Metadata", "estadoComprobante": "Todos"})},
		{title: "SolicitaDescargaRecibidos, XML", servicio: "cfdi", body: january(map[string]any{"tipoDescarga": "recibidos"})},
		{title: "SolicitaDescargaFolio, one invoice", servicio: "cfdi", folio: true,
			body: map[string]any{"tipoDescarga": "folio", "rfcSolicitante": rfcCompany}},
		{title: "SolicitaDescarga of v1.1 (retired by the SAT)", servicio: "cfdi",
			body: january(map[string]any{"version": "1.1", "rfcEmisor": rfcCompany, "fechaFinal": "2026-01-15T23:59:59"})},
		{title: "Retenciones, XML", servicio: "retenciones", body: january(map[string]any{"tipoDescarga": "emitidos"})},
	}
}

// walk makes the calls; after a failure it makes no more.
type walk struct {
	ctx context.Context //nolint:containedctx // the walk is one call
	*screen
	stack *devstack.Stack
	clock *shiftedClock // of both
	err   error
}

// call makes one request, shows it, and returns the body of the wanted status.
func (w *walk) call(method, path string, body any, want int) (got []byte) {
	if w.err != nil {
		return nil
	}
	if got, w.err = ask(w.ctx, w.stack.API, method, path, body, want); w.err == nil {
		w.say("  %s %s → %d", method, path, want)
	}
	return got
}

// get reads quietly.
func (w *walk) get(path string) (got []byte) {
	if w.err == nil {
		got, w.err = ask(w.ctx, w.stack.API, http.MethodGet, path, nil, http.StatusOK)
	}
	return got
}

// open makes one request to the gateway at url; the answer is read by the caller. The body is JSON.
func open(ctx context.Context, url, method, path, accept string, body any) (*http.Response, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// ask is open whose answer is whole, and of the wanted status.
func ask(ctx context.Context, url, method, path string, body any, want int) ([]byte, error) {
	resp, err := open(ctx, url, method, path, "*/*", body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		return got, fmt.Errorf("%s %s: status %d, wanted %d: %s (%w)", method, path, resp.StatusCode, want, got, err)
	}
	return got, nil
}

func (w *walk) show(body []byte) {
	if w.err == nil {
		w.say("    %s", strings.TrimSpace(string(body)))
	}
}

func (w *walk) decode(body []byte, v any) {
	if w.err == nil {
		w.err = json.Unmarshal(body, v)
	}
}

func (w *walk) efirmas() {
	w.say("\n== e.firmas")
	w.show(w.call(http.MethodGet, "/v1/efirmas", nil, http.StatusOK))
}

func (w *walk) authenticate(servicio string) {
	w.say("\n== Autentica (%s)", servicio)
	var token struct{ Token, Expira string }
	w.decode(w.call(http.MethodPost, "/v1/sat/"+servicio+"/autenticaciones", map[string]any{"rfc": rfcCompany}, http.StatusCreated), &token)
	if w.err == nil {
		w.say("    a token of %d characters, until %s (not shown: it is a secret)", len(token.Token), token.Expira)
	}
}

// descarga walks one solicitud to its packages and returns a UUID found in them.
func (w *walk) descarga(s solicitud) string {
	w.say("\n== %s", s.title)
	base := "/v1/sat/" + s.servicio
	var accepted struct{ IDSolicitud string }
	answer := w.call(http.MethodPost, base+"/solicitudes", s.body, http.StatusCreated)
	w.show(answer)
	w.decode(answer, &accepted)
	query := "?rfcSolicitante=" + url.QueryEscape(rfcCompany)
	uuid := ""
	for _, id := range w.wait(base + "/solicitudes/" + accepted.IDSolicitud + query) {
		if found := w.paquete(base + "/paquetes/" + id + query); uuid == "" {
			uuid = found
		}
	}
	return uuid
}

// wait verifies until the solicitud is finished. Between two looks the sandbox's
// clock moves, not ours.
func (w *walk) wait(path string) []string {
	for range 10 {
		var state struct {
			EstadoSolicitud struct{ Codigo string }
			IdsPaquetes     []string
		}
		answer := w.call(http.MethodGet, path, nil, http.StatusOK)
		w.decode(answer, &state)
		if w.err != nil || state.EstadoSolicitud.Codigo == "3" {
			w.show(answer)
			return state.IdsPaquetes
		}
		w.stack.Sandbox.Clock().BringForward(2 * time.Second)
	}
	w.err = errors.New("the solicitud did not finish")
	return nil
}

// paquete downloads a package twice, from the SAT and from storage, and shows
// what is in it.
func (w *walk) paquete(path string) string {
	first := w.call(http.MethodGet, path, nil, http.StatusOK)
	again := w.call(http.MethodGet, path, nil, http.StatusOK)
	if w.err != nil {
		return ""
	}
	if !bytes.Equal(first, again) {
		w.err = errors.New("the stored copy is not what the SAT sent")
		return ""
	}
	archive, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || len(archive.File) == 0 {
		w.err = fmt.Errorf("the package is no ZIP with entries: %w", err)
		return ""
	}
	name := archive.File[0].Name
	w.say("    %d bytes, SHA-256 %x, %d entries, the first is %s", len(first), sha256.Sum256(first), len(archive.File), name)
	uuid, isXML := strings.CutSuffix(name, ".xml")
	if !isXML {
		return ""
	}
	return uuid
}

// refusal shows an error that costs nothing: it is caught before the SAT.
func (w *walk) refusal() {
	w.say("\n== A mistake, caught before it is spent")
	body := map[string]any{"tipoDescarga": "recibidos", "tipoSolicitud": "CFDI", "estadoComprobante": "Todos", "rfcSolicitante": rfcCompany,
		"fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-01-01T00:00:00"}
	w.show(w.call(http.MethodPost, "/v1/sat/cfdi/solicitudes", body, http.StatusUnprocessableEntity))
}
