// Package gatewaytest starts the real gateway and the real sandbox, on free
// ports of loopback and in temporary directories, for tests.
package gatewaytest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// The taxpayers whose e.firmas the sandbox makes.
const (
	Company    = "PRU010101AB1"
	CompanyOdd = "Ñ&P010101AB3"
	Persona    = "PEPJ800101AB5"
)

// Gateway is a running pair with a client for each.
type Gateway struct {
	*devstack.Stack
	// Client holds every answer of the API against the contract.
	Client *http.Client

	t    testing.TB
	log  *buffer
	opts devstack.Options
}

// Options vary the pair.
type Options struct {
	// Configure changes the gateway's configuration.
	Configure func(*config.Config)
	// Sandbox changes the sandbox's.
	Sandbox func(*sandbox.Config)
	Now     func() time.Time
	// Monotonic counts on when Now jumps; nil for one that Now's times carry.
	Monotonic func() time.Duration
	// Postgres gives the gateway a new database of PostgreSQL in place of SQLite.
	Postgres bool
	// Step is called at named points of a durable download.
	Step func(point string)
	// Cluster varies the pace at which gateways on one database watch each other.
	Cluster cluster.Options
}

// authority is made once per test binary: RSA keys are slow to make.
var authority = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pasarela-sandbox-")
	if err != nil {
		return "", err
	}
	_, err = sandbox.New(sandbox.Config{Dir: dir, Log: zerolog.Nop()})
	return dir, err
})

// Start starts a pair that stops with the test. The taxpayers' e.firmas are a
// copy of the test's own.
func Start(t testing.TB, opts Options) *Gateway {
	t.Helper()
	shared, err := authority()
	if err != nil {
		t.Fatalf("the sandbox's authority: %v", err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "sandbox"), os.DirFS(shared)); err != nil {
		t.Fatalf("copying the sandbox's authority: %v", err)
	}
	g := &Gateway{t: t, log: &buffer{}, Client: Client(t)}
	g.opts = devstack.Options{
		Sandbox: sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: filepath.Join(dir, "sandbox"), Seed: 1, Log: zerolog.Nop()},
		Configure: func(c *config.Config) {
			c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
			c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = 30*time.Millisecond, 300*time.Millisecond
			if opts.Postgres {
				c.DatabaseURL, c.BlobURL = config.Secret(pgtest.Start(t)), "file://"+filepath.ToSlash(t.TempDir())
			}
			if opts.Configure != nil {
				opts.Configure(c)
			}
		},
		Log:     zerolog.New(g.log).Level(zerolog.DebugLevel),
		Now:     opts.Now,
		Cluster: opts.Cluster,
		Gateway: app.Options{Queue: app.Queue{Poll: 150 * time.Millisecond, EveryRonda: time.Second}, Step: opts.Step, Monotonic: opts.Monotonic},
	}
	if opts.Sandbox != nil {
		opts.Sandbox(&g.opts.Sandbox)
	}
	if g.Stack, err = devstack.Start(context.Background(), filepath.Join(dir, "data"), g.opts); err != nil {
		t.Fatalf("starting gateway and sandbox: %v", err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return g
}

// Beside starts another gateway with the same sandbox and configuration, and a
// data directory of its own: two of them share a PostgreSQL. It stops with the test.
func (g *Gateway) Beside() *Gateway {
	g.t.Helper()
	other := &Gateway{t: g.t, log: &buffer{}, Client: g.Client, opts: g.opts}
	other.opts.Log = zerolog.New(other.log).Level(zerolog.DebugLevel)
	var err error
	if other.Stack, err = g.Stack.Beside(context.Background(), g.t.TempDir(), other.opts); err != nil {
		g.t.Fatalf("starting another gateway: %v", err)
	}
	g.t.Cleanup(func() {
		if err := other.StopGateway(); err != nil {
			g.t.Errorf("stopping the other gateway: %v", err)
		}
	})
	return other
}

// Restart stops the gateway gracefully and starts it again on the same data.
func (g *Gateway) Restart() {
	g.t.Helper()
	if err := g.StopGateway(); err != nil {
		g.t.Fatalf("stopping the gateway: %v", err)
	}
	if err := g.StartGateway(context.Background(), g.opts); err != nil {
		g.t.Fatalf("starting the gateway again: %v", err)
	}
}

// Log returns all that the gateway has logged so far.
func (g *Gateway) Log() string { return g.log.String() }

// Response is a whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body into v.
func (r Response) JSON(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("status %d, body %q: %v", r.Status, r.Body, err)
	}
}

// Send sends a request to the API; body, unless nil, is sent as JSON. headers are
// name and value in turn. Close the answer's body.
func (g *Gateway) Send(ctx context.Context, method, path string, body any, headers ...string) (*http.Response, error) {
	g.t.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			g.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.API+path, reader)
	if err != nil {
		g.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		setHeader(req, headers[i], headers[i+1])
	}
	return g.Client.Do(req)
}

// Do is Send with the answer read whole. The error is of reading: a connection
// that was cut.
func (g *Gateway) Do(method, path string, body any, headers ...string) (Response, error) {
	g.t.Helper()
	resp, err := g.Send(context.Background(), method, path, body, headers...)
	if err != nil {
		return Response{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: whole}, err
}

// Get is Do for a GET that must be answered whole.
func (g *Gateway) Get(path string, headers ...string) Response {
	g.t.Helper()
	return g.must(g.Do(http.MethodGet, path, nil, headers...))
}

// Post is Do for a POST that must be answered whole.
func (g *Gateway) Post(path string, body any, headers ...string) Response {
	g.t.Helper()
	return g.must(g.Do(http.MethodPost, path, body, headers...))
}

func (g *Gateway) must(r Response, err error) Response {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// Request presents a solicitud of rfc for January 2026 with changes (nil takes a
// field out), which must be accepted, and returns its id.
func (g *Gateway) Request(servicio, rfc string, changes map[string]any) string {
	g.t.Helper()
	body := map[string]any{"tipoDescarga": "emitidos", "rfcSolicitante": rfc, "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}
	for k, v := range changes {
		if body[k] = v; v == nil {
			delete(body, k)
		}
	}
	r := g.Post("/v1/sat/"+servicio+"/solicitudes", body)
	if r.Status != http.StatusCreated {
		g.t.Fatalf("solicitud: status %d: %s", r.Status, r.Body)
	}
	var accepted struct{ IDSolicitud string }
	r.JSON(g.t, &accepted)
	return accepted.IDSolicitud
}

// Paquetes moves the sandbox's clock until the solicitud is done and returns the
// ids of its packages.
func (g *Gateway) Paquetes(servicio, rfc, id string) []string {
	g.t.Helper()
	g.Sandbox.Clock().BringForward(time.Minute)
	r := g.Get("/v1/sat/" + servicio + "/solicitudes/" + id + "?rfcSolicitante=" + url.QueryEscape(rfc))
	var state struct {
		EstadoSolicitud struct{ Codigo string }
		IdsPaquetes     []string
	}
	r.JSON(g.t, &state)
	if r.Status != http.StatusOK || state.EstadoSolicitud.Codigo != "3" {
		g.t.Fatalf("solicitud %s: status %d: %s", id, r.Status, r.Body)
	}
	return state.IdsPaquetes
}

// PaquetePath is the route of a package.
func PaquetePath(servicio, rfc, id string) string {
	return "/v1/sat/" + servicio + "/paquetes/" + id + "?rfcSolicitante=" + url.QueryEscape(rfc)
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
