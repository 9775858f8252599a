package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/origin"
)

const (
	headerTimeout = 10 * time.Second
	keepAlive     = 2 * time.Minute
	maxHeader     = 32 << 10
	pingTimeout   = 2 * time.Second
	// answerTimeout is when an answer is over whose caller takes nothing of it: a lote may
	// take a quarter of an hour to come, and the SEP its time. What is larger than a buffer
	// or lasts has a time of its own for each piece (handlers).
	answerTimeout = 30 * time.Minute
	// adminTimeout is how long both ways may take on the admin listener.
	adminTimeout = time.Minute
)

// serve runs both listeners.
func (a *App) serve(ctx context.Context) error {
	var lc net.ListenConfig
	apiListener, err := lc.Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("GATEWAY_LISTEN: %w", err)
	}
	adminListener, err := lc.Listen(ctx, "tcp", a.cfg.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("GATEWAY_ADMIN_LISTEN: %w", err), apiListener.Close())
	}
	admin, err := a.admin()
	if err != nil {
		return errors.Join(err, apiListener.Close(), adminListener.Close())
	}
	apiServer, adminServer := newServer(a.api), newAdminServer(admin)
	failed := make(chan error, 2)
	go func() { failed <- apiServer.Serve(apiListener) }()
	go func() { failed <- adminServer.Serve(adminListener) }()
	for _, text := range exposures(a.cfg) {
		a.opts.Log.Warn().Msg(text)
	}
	a.opts.Log.Info().Str("api", apiListener.Addr().String()).Str("admin", adminListener.Addr().String()).
		Str("version", a.opts.Version).Msg("listening")
	if a.opts.Started != nil {
		a.opts.Started(apiListener.Addr(), adminListener.Addr())
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, a.shutdown(ctx, apiServer, adminServer))
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: hardened(h), ReadHeaderTimeout: headerTimeout, WriteTimeout: answerTimeout, IdleTimeout: keepAlive, MaxHeaderBytes: maxHeader}
}

// newAdminServer takes no bodies: one that never comes would hold its connection.
func newAdminServer(h http.Handler) *http.Server {
	server := newServer(h)
	server.ReadTimeout, server.WriteTimeout = adminTimeout, adminTimeout
	return server
}

// hardened does what every answer wants.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// A message with Content-Length and Transfer-Encoding is read by the latter, and its
		// connection must then close (RFC 9112 §6.1): a proxy that went by the former would
		// pass somebody else's request behind it. net/http does not tell that there were both.
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// shutdown begins nothing any more, and waits for jobs and downloads under way; what is
// there goes on being read meanwhile. Then it accepts no more and waits for answers
// under way. Health and metrics go last.
func (a *App) shutdown(ctx context.Context, apiServer, adminServer *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.ShutdownTimeout.Duration)
	defer cancel()
	a.opts.Log.Info().Msg("stopping: running requests and downloads may finish")
	close(a.stopped)
	a.paquetes.Quiet()
	// Callers that keep connections would go on asking here.
	apiServer.SetKeepAlivesEnabled(false)
	err := errors.Join(a.jobQueue.Stop(ctx), a.paquetes.Land(ctx), apiServer.Shutdown(ctx), a.paquetes.Close(ctx), apiServer.Close(), adminServer.Close())
	a.opts.Log.Info().Msg("stopped")
	return err
}

// admin serves what operators and orchestrators read. An upstream that is down
// never makes the gateway unready: it must go on answering from storage.
func (a *App) admin() (http.Handler, error) {
	page, err := a.dashboard()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-a.stopped:
			text(w, http.StatusServiceUnavailable, "stopping")
			return
		default:
		}
		ctx, cancel := context.WithTimeout(r.Context(), pingTimeout)
		defer cancel()
		if err := a.present.Serve(ctx); err != nil {
			a.opts.Log.Error().Err(err).Msg("not ready")
			text(w, http.StatusServiceUnavailable, "store: not ready")
			return
		}
		full := ""
		if free, floor, err := a.store.Folder.Floor(); err == nil && free < floor {
			full = fmt.Sprintf("\ndisk: %d bytes are free of the %d that stay so (GATEWAY_DISCO_LIBRE): no package is fetched and no file is taken", free, floor)
		}
		switch fault := a.keysFault(); {
		case fault.Closed:
			text(w, http.StatusServiceUnavailable, "API keys: no key is taken, as their file is gone or has been at fault for too long")
		case fault.Err != nil:
			text(w, http.StatusOK, fmt.Sprintf("ok\nAPI keys: their file has been at fault for %s, and the earlier keys are taken for %s more", fault.Since.Round(time.Second), (apikeys.Tolerance-fault.Since).Round(time.Second))+full)
		default:
			text(w, http.StatusOK, "ok"+full)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.Registry(), promhttp.HandlerOpts{}))
	// Relative, as a proxy may put a path before it.
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "descargas")
		w.WriteHeader(http.StatusFound)
	})
	mux.Handle("/descargas", page)
	mux.Handle("/descargas/", page)
	return a.guard(mux), nil
}

// guard keeps pages of others in a reader's browser from the admin listener, which asks
// nobody who they are: it answers to no name that could be theirs (DNS rebinding), and
// what their origin sends is refused, but for links that somebody follows.
func (a *App) guard(next http.Handler) http.Handler {
	names := a.cfg.AdminNombres
	if host, _, err := net.SplitHostPort(a.cfg.AdminListen); err == nil && host != "" {
		names = append(slices.Clone(names), host)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !origin.Private(r.Host, names...):
			text(w, http.StatusForbidden, "El puerto de administración no atiende a ese nombre. Llámelo por su dirección IP, por localhost, por un nombre sin puntos o por uno de GATEWAY_ADMIN_NOMBRES.")
		case origin.Foreign(r) && !origin.Opens(r):
			text(w, http.StatusForbidden, "El puerto de administración no se sirve a páginas de otro origen.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, body) //nolint:errcheck // the caller is gone
}
