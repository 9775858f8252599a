package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// libro is the ledger of one descarga that lives, with a wait that works.
type libro struct {
	mu      sync.Mutex
	estado  gateway.EstadoDescarga
	eventos []gateway.EventoDescarga
	changed chan struct{}
	// fails is what reading answers, where it is not nil.
	fails error
}

func newLibro(n int, estado gateway.EstadoDescarga) *libro {
	l := &libro{changed: make(chan struct{})}
	for range n {
		l.add(gateway.DescargaEnProceso)
	}
	l.set(estado)
	return l
}

// set changes the state; the last event, if any, tells it.
func (l *libro) set(estado gateway.EstadoDescarga) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.estado = estado
	if n := len(l.eventos); n > 0 {
		l.eventos[n-1].Estado = estado
	}
}

func (l *libro) add(estado gateway.EstadoDescarga) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.eventos) + 1)
	l.eventos = append(l.eventos, gateway.EventoDescarga{Number: n, When: now(), Tipo: "consultada", Detalle: "a\r\nb\ndata: c", Tramo: 1,
		Codigo: "5000", Mensaje: "m", Estado: estado})
	l.estado = estado
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *libro) fake() *fakeDescargas {
	return &fakeDescargas{
		descarga: func(string) (gateway.Descarga, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			d := whole()
			d.Estado = l.estado
			return d, nil
		},
		eventos: func(_ string, after int64, limit int) ([]gateway.EventoDescarga, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.fails != nil {
				return nil, l.fails
			}
			from := min(int(after), len(l.eventos))
			return append([]gateway.EventoDescarga{}, l.eventos[from:min(from+limit, len(l.eventos))]...), nil
		},
		wait: func(ctx context.Context, _ string, after int64) error {
			for {
				l.mu.Lock()
				ready, changed := int64(len(l.eventos)) > after || l.estado.Final(), l.changed
				l.mu.Unlock()
				if ready {
					return nil
				}
				select {
				case <-changed:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		},
	}
}

const (
	eventosPath = "/v1/sat/descargas/d-1/eventos"
	streamPath  = eventosPath + "/flujo"
)

// ids are the numbers of the events in a stream.
func ids(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			out = append(out, id)
		}
	}
	return out
}

func TestEventos_WhenAskedAsJSON(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, newLibro(5, gateway.DescargaEnProceso).fake(), nil)
	w := s.do(http.MethodGet, eventosPath+"?limite=2&despues=1", "")
	const one = `{"numero":%d,"cuando":"2026-02-01T18:00:00Z","tipo":"consultada","detalle":"a\r\nb\ndata: c","solicitud":1,"codigo":"5000","mensaje":"m","estado":"en_proceso"}`
	wantJSON(t, fmt.Sprintf(`{"siguiente":3,"eventos":[`+one+`,`+one+`]}`, 2, 3), w.Body.String())
	if got := w.Header().Get("Link"); got != `<`+eventosPath+`?despues=3&limite=2>; rel="next"` {
		t.Errorf("Link %q", got)
	}
	w = s.do(http.MethodGet, eventosPath+"?limite=2&despues=3", "")
	if strings.Contains(w.Body.String(), "siguiente") || w.Header().Get("Link") != "" || strings.Count(w.Body.String(), "numero") != 2 {
		t.Errorf("the last page: %s %v", w.Body, w.Header())
	}
	// The event named is there and none is behind it.
	wantJSON(t, `{"eventos":[]}`, s.do(http.MethodGet, eventosPath+"?despues=5", "").Body.String())
}

func TestEventos_WhenTheEventIsNoneOfIts(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, newLibro(5, gateway.DescargaEnProceso).fake(), nil)
	for _, tc := range []struct{ path, header, field string }{
		{eventosPath + "?despues=6", "", "despues"}, {streamPath + "?despues=6", "", "despues"}, {streamPath, "6", "Last-Event-ID"}, {streamPath, "x", "Last-Event-ID"},
		{streamPath, "-1", "Last-Event-ID"}, {streamPath, "1 2", "Last-Event-ID"}, {streamPath, "99999999999999999999", "Last-Event-ID"},
		{streamPath + "?despues=2", "6", "Last-Event-ID"},
	} {
		var headers []string
		if tc.header != "" {
			headers = []string{"Last-Event-ID", tc.header}
		}
		w := s.do(http.MethodGet, tc.path, "", headers...)
		if p := problem(t, w); p.Status != 400 || len(p.Errores) != 1 || p.Errores[0].Campo != tc.field {
			t.Errorf("%+v: %d %s", tc, w.Code, w.Body)
		}
	}
}

func TestEventos_WhenItEndedTheStreamTellsAllAndEnds(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, newLibro(streamBatch+2, gateway.DescargaTerminada).fake(), nil)
	w := s.do(http.MethodGet, streamPath, "")
	text := w.Body.String()
	if h := w.Header(); w.Code != 200 || h.Get("Content-Type") != contentEvents || h.Get("Cache-Control") != "no-store" || h.Get("X-Accel-Buffering") != "no" || !w.Flushed {
		t.Errorf("%d %v, flushed %v", w.Code, h, w.Flushed)
	}
	const first = "retry: 5000\n\nid: 1\nevent: consultada\ndata: " +
		`{"numero":1,"cuando":"2026-02-01T18:00:00Z","tipo":"consultada","detalle":"a\r\nb\ndata: c","solicitud":1,"codigo":"5000","mensaje":"m","estado":"en_proceso"}` + "\n\nid: 2\n"
	if !strings.HasPrefix(text, first) {
		t.Errorf("begins\n%.400s", text)
	}
	if got := ids(text); len(got) != streamBatch+2 {
		t.Errorf("%d events", len(got))
	}
	_, end, ok := strings.Cut(text, "event: fin\ndata: ")
	if !ok || !strings.HasSuffix(end, "\n\n") || !strings.Contains(end, `"estado":"terminada"`) || strings.Contains(end, `"solicitudes":[`) {
		t.Errorf("ends with %s", end)
	}
}

func TestEventos_WhenResumedNoneIsMissingOrTwice(t *testing.T) {
	t.Parallel()
	ended := newDescargas(t, newLibro(5, gateway.DescargaParcial).fake(), nil)
	for name, tc := range map[string]struct {
		path   string
		header string
		want   []string
	}{
		"by the header":       {streamPath, "3", []string{"4", "5"}},
		"by the address":      {streamPath + "?despues=4", "", []string{"5"}},
		"by both":             {streamPath + "?despues=1", "4", []string{"5"}},
		"after the last":      {streamPath + "?despues=5", "", nil},
		"from the beginning":  {streamPath, "0", []string{"1", "2", "3", "4", "5"}},
		"with all the header": {streamPath + "?despues=0", "4", []string{"5"}},
	} {
		var headers []string
		if tc.header != "" {
			headers = append(headers, "Last-Event-ID", tc.header)
		}
		w := ended.do(http.MethodGet, tc.path, "", headers...)
		if diff := cmp.Diff(tc.want, ids(w.Body.String())); diff != "" || !strings.Contains(w.Body.String(), "event: fin\n") {
			t.Errorf("%s: %s\n%s", name, diff, w.Body)
		}
	}
	// A browser that comes again after the end is told to stop.
	w := ended.do(http.MethodGet, streamPath, "", "Last-Event-ID", "5")
	if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// live follows a descarga in a bubble whose clock moves by itself.
func live(ctx context.Context, t *testing.T, f *fakeDescargas, change func(*Config), headers ...string) (body func() string, done <-chan struct{}) {
	t.Helper()
	s := newDescargas(t, f, change)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080"+streamPath, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := &safeRecorder{ResponseRecorder: httptest.NewRecorder()}
	ended := make(chan struct{})
	go func() { defer close(ended); s.ServeHTTP(w, r) }()
	return w.text, ended
}

// safeRecorder can be read while it is written.
type safeRecorder struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func (w *safeRecorder) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(p)
}

func (w *safeRecorder) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Body.String()
}

func TestEventos_WhenItLivesEventsComeAsTheyHappen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLibro(1, gateway.DescargaEnProceso)
		body, done := live(t.Context(), t, l.fake(), nil)
		synctest.Wait()
		if got := ids(body()); len(got) != 1 {
			t.Errorf("at first %v", got)
		}
		time.Sleep(2*heartbeat + time.Second)
		synctest.Wait()
		if got := strings.Count(body(), ": latido\n\n"); got != 2 {
			t.Errorf("%d beats in two beats' time", got)
		}
		l.add(gateway.DescargaDescargando)
		synctest.Wait()
		if got := ids(body()); !cmp.Equal(got, []string{"1", "2"}) {
			t.Errorf("after one: %v", got)
		}
		l.add(gateway.DescargaTerminada)
		<-done
		if got := ids(body()); !cmp.Equal(got, []string{"1", "2", "3"}) || !strings.Contains(body(), "event: fin\n") {
			t.Errorf("at last %s", body())
		}
	})
}

func TestEventos_WhenResumedAtTheLastItWaitsForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLibro(3, gateway.DescargaEnProceso)
		body, done := live(t.Context(), t, l.fake(), nil, "Last-Event-ID", "3")
		synctest.Wait()
		if got := ids(body()); got != nil {
			t.Errorf("told again: %v", got)
		}
		l.add(gateway.DescargaVacia)
		<-done
		if got := ids(body()); !cmp.Equal(got, []string{"4"}) {
			t.Errorf("at last %s", body())
		}
	})
}

// TestEventos_WhenTheStreamHasToEnd: without end, so that the client comes again.
func TestEventos_WhenTheStreamHasToEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end   func(stop chan struct{}, cancel func(), l *libro)
		after time.Duration
		logs  bool
	}{
		"the gateway stops":      {func(stop chan struct{}, _ func(), _ *libro) { close(stop) }, 0, false},
		"the caller is gone":     {func(_ chan struct{}, cancel func(), _ *libro) { cancel() }, 0, false},
		"it has lasted too long": {func(chan struct{}, func(), *libro) {}, maxStream, false},
		"the ledger fails": {func(_ chan struct{}, _ func(), l *libro) {
			l.mu.Lock()
			l.fails = errors.New("canario")
			l.mu.Unlock()
			l.add(gateway.DescargaEnProceso)
		}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop := make(chan struct{})
				l := newLibro(1, gateway.DescargaEnProceso)
				log := &bytes.Buffer{}
				body, done := live(ctx, t, l.fake(), func(c *Config) { c.Stopping, c.Log = stop, zerolog.New(log) })
				synctest.Wait()
				began := time.Now()
				tc.end(stop, cancel, l)
				<-done
				if took := time.Since(began); took != tc.after {
					t.Errorf("ended after %v", took)
				}
				if strings.Contains(body(), "event: fin") || strings.Contains(body(), "canario") {
					t.Errorf("the stream: %s", body())
				}
				if got := strings.Contains(log.String(), "ended early"); got != tc.logs {
					t.Errorf("logged %v: %s", got, log)
				}
			})
		})
	}
}

// A key that is not good for the stream any more gets no further event, and is told why.
func TestEventos_WhenTheKeyIsWithdrawn(t *testing.T) {
	t.Parallel()
	seen := apikeys.Key{ID: "key_erp", RFCs: []string{"PRU010101AB1"}, Scopes: []string{apikeys.ScopeDescargas}}
	other, reader := seen, seen
	other.RFCs, reader.Scopes = []string{"PEPJ800101AB5"}, []string{apikeys.ScopePaquetes}
	for name, tc := range map[string]struct {
		key    apikeys.Key
		err    error
		status int
	}{
		"revoked":         {err: apikeys.ErrUnknown, status: 401},
		"expired":         {seen, apikeys.ErrExpired, 401},
		"without the RFC": {other, nil, 403},
		"without a scope": {reader, nil, 403},
		"nobody knows":    {err: apikeys.ErrClosed, status: 503},
	} {
		for _, quiet := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, quiet %v", name, quiet), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var gone atomic.Bool
					l := newLibro(1, gateway.DescargaEnProceso)
					body, done := live(t.Context(), t, l.fake(), func(c *Config) {
						c.Keys = func(string, netip.Addr) (apikeys.Key, error) {
							if gone.Load() {
								return tc.key, tc.err
							}
							return seen, nil
						}
					}, "Authorization", "Bearer x")
					synctest.Wait()
					began := time.Now()
					gone.Store(true)
					if !quiet {
						l.add(gateway.DescargaDescargando)
					}
					<-done
					if took := time.Since(began); took > heartbeat {
						t.Errorf("it went on for %v", took)
					}
					text, last, _ := strings.Cut(body(), "event: cierre\ndata: ")
					var p rest.Problema
					if err := json.Unmarshal([]byte(last), &p); err != nil || p.Status != tc.status || p.Detail == "" || !cmp.Equal(ids(text), []string{"1"}) || strings.Contains(text, "latido") {
						t.Errorf("%v: %s", err, body())
					}
				})
			})
		}
	}
}

func TestEventos_WhenTheLedgerFailsAtOnceItIsAProblem(t *testing.T) {
	t.Parallel()
	l := newLibro(1, gateway.DescargaEnProceso)
	l.fails = errors.New("canario")
	w := newDescargas(t, l.fake(), nil).do(http.MethodGet, streamPath, "")
	if p := problem(t, w); p.Status != 500 || strings.Contains(w.Body.String(), "canario") {
		t.Errorf("%+v", p)
	}
}

// TestEventos_WhenAWaitEndsForNothing: it does not turn in circles.
func TestEventos_WhenAWaitEndsForNothing(t *testing.T) {
	t.Parallel()
	f := newLibro(1, gateway.DescargaEnProceso).fake()
	waits := 0
	f.wait = func(context.Context, string, int64) error { waits++; return nil }
	w := newDescargas(t, f, nil).do(http.MethodGet, streamPath, "")
	if waits != 1 || strings.Contains(w.Body.String(), "fin") {
		t.Errorf("%d waits: %s", waits, w.Body)
	}
}
