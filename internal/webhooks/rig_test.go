package webhooks

import (
	"bytes"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// rig is the service with a real store and real TLS, on a clock that the test moves.
type rig struct {
	*Servicio
	t       *testing.T
	dir     string
	st      *store.Store
	log     *journal
	voucher Config // the service's configuration

	mu       sync.Mutex
	now      time.Time
	cuentas  []string
	receptor *receptor
}

type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *journal) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *journal) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var start = time.Date(2026, 2, 1, 5, 59, 59, 0, time.UTC)

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), log: &journal{}, now: start}
	r.receptor = newReceptor(t)
	st, err := store.Open(t.Context(), store.Config{Dir: r.dir, Now: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	r.st = st
	r.voucher = Config{Targets: st.Webhooks, Entregas: st.Entregas, Sello: NewSello("", filepath.Join(r.dir, "secretos.key")),
		Red: Red{Private: true, Roots: r.receptor.roots()}, Now: r.clock, Random: func() float64 { return 0.5 },
		Observe: func(result string, _ time.Duration) {
			r.mu.Lock()
			r.cuentas = append(r.cuentas, result)
			r.mu.Unlock()
		},
		Log: zerolog.New(r.log)}
	if change != nil {
		change(&r.voucher)
	}
	r.Servicio = New(r.voucher)
	return r
}

func (r *rig) clock() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *rig) advance(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

// ring makes the next attempt when it is due, and reports whether there was one.
func (r *rig) ring() bool {
	r.t.Helper()
	next, err := r.st.Entregas.Due(r.t.Context(), 1)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(next) == 0 {
		return false
	}
	r.mu.Lock()
	if next[0].At.After(r.now) {
		r.now = next[0].At
	}
	r.mu.Unlock()
	if pause, err := r.Try(r.t.Context(), next[0].ID, next[0].Turn); err != nil || pause != 0 {
		r.t.Fatalf("%s, turn %d: pause %v, error %v", next[0].ID, next[0].Turn, pause, err)
	}
	return true
}

// expired returns the deliveries that are due at an instant.
func (r *rig) expired(when time.Time) []store.Due[string] {
	r.t.Helper()
	all, err := r.st.Entregas.Due(r.t.Context(), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d store.Due[string]) bool { return d.At.After(when) })
}

// ringAll makes every attempt.
func (r *rig) ringAll() {
	r.t.Helper()
	for r.ring() {
	}
}

// create registers the receiver for every event.
func (r *rig) create() (Target, string) {
	r.t.Helper()
	d, secret, err := r.Create(r.t.Context(), "erp", Registration{URL: r.receptor.URL + "/avisos?token=canario-de-url", Eventos: Eventos(), RFCs: []string{rfc}, Active: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return d, secret
}

const rfc = "Ñ&P010101AB3"

func evento(key string) Evento {
	return Evento{Key: key, Tipo: DescargaFinished, Instant: start, Data: Data{IDDescarga: "dsc_1", Servicio: "cfdi", RFCSolicitante: rfc, Estado: "terminada"}}
}

func (r *rig) publish(key string) {
	r.t.Helper()
	if err := r.Publish(r.t.Context(), evento(key)); err != nil {
		r.t.Fatal(err)
	}
}

// only returns the only delivery of d, with its attempts.
func (r *rig) only(d Target) Entrega {
	r.t.Helper()
	page, _, err := r.Entregas(r.t.Context(), "erp", d.ID, "", 100)
	if err != nil || len(page) != 1 {
		r.t.Fatalf("deliveries %+v, error %v", page, err)
	}
	return page[0]
}

// aviso is one received request.
type aviso struct {
	http.Header
	body, method, path string
}

// receptor is a receiver over TLS with its own authority.
type receptor struct {
	*httptest.Server
	mu     sync.Mutex
	avisos []aviso
	answer func(n int, w http.ResponseWriter, r *http.Request)
}

func newReceptor(t *testing.T) *receptor {
	t.Helper()
	r := &receptor{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.receive))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *receptor) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return pool
}

func (r *receptor) receive(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.avisos = append(r.avisos, aviso{req.Header, string(body), req.Method, req.URL.RequestURI()})
	n, answer := len(r.avisos), r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(n, w, req)
}

// respond sets the answer to the nth request; the last status is repeated.
func (r *receptor) respond(statuses ...int) {
	r.with(func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(statuses[min(n, len(statuses))-1]) })
}

func (r *receptor) with(f func(n int, w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.avisos = f, nil
}

func (r *receptor) recibidos() []aviso {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.avisos)
}

func contain(t *testing.T, where, text string, canaries ...string) {
	t.Helper()
	for _, c := range canaries {
		if strings.Contains(text, c) {
			t.Errorf("%s holds %q", where, c)
		}
	}
}
