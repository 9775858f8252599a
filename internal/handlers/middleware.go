package handlers

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/origin"
)

type callerKey struct{}

var (
	// requestIDForm matches ids accepted from callers: without anything that could break
	// a line or a header.
	requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)
	// fieldForm matches field names that a log line may show.
	fieldForm = regexp.MustCompile(`^[A-Za-z0-9_./#-]{1,80}$`)
	// traceparentForm is the form of W3C Trace Context §3.2.
	traceparentForm = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}`)
)

// identify gives the request an id: the caller's own if it is acceptable.
func identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// An answer sent before the body is read (401, 404, 415) waits for it.
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(slowBody)) //nolint:errcheck // a test's recorder has none
		id := r.Header.Get("X-Request-Id")
		if !requestIDForm.MatchString(id) {
			id = uuid.NewString()
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(gateway.WithWork(r.Context(), gateway.Work{RequestID: id})))
	})
}

func requestID(ctx context.Context) string { return gateway.WorkOf(ctx).RequestID }

// access writes one line per request and counts it by its route's pattern.
func (h *handler) access(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := h.cfg.Now()
		with := h.cfg.Log.With().Str("requestId", requestID(r.Context()))
		if m := traceparentForm.FindStringSubmatch(r.Header.Get("traceparent")); m != nil {
			with = with.Str("traceId", m[1]).Str("spanId", m[2])
		}
		log := with.Logger()
		caller := &caller{room: &room{of: h.bodies, wait: roomWait}}
		defer caller.room.free()
		ctx := context.WithValue(log.WithContext(r.Context()), callerKey{}, caller)
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		cut := true
		defer func() {
			took := h.cfg.Now().Sub(started)
			route := pattern(r)
			status := ww.Status()
			if status == 0 {
				status = http.StatusOK
			}
			h.cfg.Observe(route, method(r), status, took)
			log.Info().Str("metodo", method(r)).Str("ruta", route).Int("status", status).Int("bytes", ww.BytesWritten()).
				Dur("ms", took).Bool("cortada", cut).Fields(caller.fields()).Msg("access")
		}()
		next.ServeHTTP(ww, r.WithContext(ctx))
		cut = false
	})
}

// method returns the request's method, or a fixed word: never the caller's own text.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "OTRO"
}

// pattern returns the contract's path, or a fixed word: never the caller's own text.
func pattern(r *http.Request) string {
	if ctx := chi.RouteContext(r.Context()); ctx != nil && ctx.RoutePattern() != "" {
		return ctx.RoutePattern()
	}
	return "desconocida"
}

// recovered turns a panic into a problem and logs its text.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http's own sentinel, passed by identity
				panic(p)
			}
			zerolog.Ctx(r.Context()).Error().Bytes("stack", debug.Stack()).Msg("panic")
			if ww, ok := w.(middleware.WrapResponseWriter); ok && ww.Status() != 0 {
				panic(http.ErrAbortHandler)
			}
			writeProblem(w, r, gateway.AsError(fmt.Errorf("panic: %T", p)))
		}()
		next.ServeHTTP(w, r)
	})
}

// local protects a gateway without keys, which listens on loopback only, from pages in
// this machine's browsers: those that reach it by another name (DNS rebinding), and those
// of another origin, which may be another port of this machine.
func (h *handler) local(next http.Handler) http.Handler {
	if h.cfg.Keys != nil {
		return next
	}
	return wrap(func(w http.ResponseWriter, r *http.Request) error {
		switch {
		case !origin.Loopback(r.Host):
			return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnNombreAjeno,
				Detail: "Sin claves de API la pasarela solo atiende a localhost. Use http://127.0.0.1 o configure GATEWAY_API_KEYS_FILE."}
		case origin.Foreign(r) && (!origin.Opens(r) || !forPeople(r)):
			return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnOrigenAjeno,
				Detail: "Sin claves de API la pasarela no atiende a páginas de otro origen, aunque sean de esta máquina. Llámela desde un programa o desde su página /docs/api, o configure GATEWAY_API_KEYS_FILE."}
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// forPeople reports whether r asks for a page. Pages hold none of this gateway's data and
// cannot be framed; any other answer may have cost the gateway something.
func forPeople(r *http.Request) bool {
	return r.URL.Path == "/" || r.URL.Path == "/docs" || strings.HasPrefix(r.URL.Path, "/docs/")
}

// begins refuses requests that start new work while the gateway stops. Reads are served;
// the storage itself refuses a download that a read would need.
func (h *handler) begins(next http.Handler) http.Handler {
	return wrap(func(w http.ResponseWriter, r *http.Request) error {
		select {
		case <-h.cfg.Stopping:
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				return gateway.ErrStopping
			}
		default:
		}
		next.ServeHTTP(w, r)
		return nil
	})
}
