// Package dashboard is the page of the durable downloads, for people who look after
// the gateway: what lives, how far it is, what the SAT said and what was decided.
// It is server-rendered and complete without JavaScript. It refuses to change
// anything: it takes GET alone, reads through a port, and hands out no package,
// XML, token or address of a webhook.
package dashboard

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/web"
)

// Descargas is what the page reads. A cursor that none of its own pages gave is an
// *Error of KindMalformada; an id that it does not know, of KindNoEncontrado.
type Descargas interface {
	// Descarga returns one with its Solicitudes.
	Descarga(ctx context.Context, id string) (gateway.Descarga, error)
	// List returns a page, the newest first, and the cursor of the next; empty for the last.
	List(ctx context.Context, f gateway.DescargasFilter) (page []gateway.Descarga, next string, err error)
	// Count counts by state what f lets pass, whatever its Estados, Cursor and Limite.
	Count(ctx context.Context, f gateway.DescargasFilter) (map[gateway.EstadoDescarga]int, error)
	// Eventos returns up to limite events whose Numero is over despues, in order.
	Eventos(ctx context.Context, id string, after int64, limit int) ([]gateway.EventoDescarga, error)
	// LastEvento returns the Numero of the last event; 0 for none.
	LastEvento(ctx context.Context, id string) (int64, error)
	// Paquetes returns a page of the packages and the cursor of the next.
	Paquetes(ctx context.Context, id, cursor string, limit int) (page []gateway.PaqueteDescarga, next string, err error)
}

// EFirma is what the page says of an e.firma that needs somebody.
type EFirma struct {
	RFC string
	// Expire is the end of its validity; zero where the certificate could not be read.
	Expire time.Time
	// Motivo says in Spanish why it cannot be used; empty when it can.
	Motivo string
}

// Webhook is what the page says of an endpoint that does not take its messages.
type Webhook struct {
	// Host of its address, never more of it: the rest may hold a token.
	Host string
	// Withdrawn: it answered 410 and is told of nothing any more.
	Withdrawn bool
	// Pending are the messages that failed and will be tried again.
	Pending int
	// Next is when the next of them is; zero for none.
	Next time.Time
}

// Config is what the page needs.
type Config struct {
	Descargas Descargas
	// EFirmas lists every e.firma, Webhooks the endpoints in trouble. Either may be nil.
	EFirmas  func() ([]EFirma, error)
	Webhooks func(ctx context.Context, limit int) ([]Webhook, error)
	Now      func() time.Time
	Log      zerolog.Logger
}

//go:embed plantillas/*.html
var templates embed.FS

//go:embed recursos/*
var resources embed.FS

// csp lets the page ask for itself again, and show its icon.
const csp = web.CSP + "; img-src 'self'; connect-src 'self'"

const (
	// query bounds the time of a page's queries.
	query = 10 * time.Second
	// entrega is how long a reader may take for a page.
	entrega = 30 * time.Second
)

// dashboard serves the page.
type dashboard struct {
	cfg              Config
	list, one, falla *template.Template
}

// New returns the handler of /descargas and everything below it.
func New(cfg Config) (http.Handler, error) {
	t := &dashboard{cfg: cfg}
	for _, p := range []struct {
		into *(*template.Template)
		file string
	}{{&t.list, "lista.html"}, {&t.one, "detalle.html"}, {&t.falla, "falla.html"}} {
		var err error
		*p.into, err = template.New("base.html").Funcs(functions()).ParseFS(templates, "plantillas/base.html", "plantillas/piezas.html", "plantillas/"+p.file)
		if err != nil {
			return nil, fmt.Errorf("dashboard: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /descargas", t.show(t.listDescargas))
	mux.HandleFunc("GET /descargas/{$}", func(w http.ResponseWriter, _ *http.Request) {
		// Relative, which http.Redirect would not leave it: a proxy may put a path before it.
		w.Header().Set("Location", "../descargas")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	mux.HandleFunc("GET /descargas/{id}", t.show(t.detail))
	if err := web.Resources(mux, "/descargas/recursos/", resources); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return web.Guard(mux, "no-store", func(*http.Request) string { return csp }), nil
}

// page is what every page is made of.
type page struct {
	Titulo string
	// Root leads to /descargas, relative, so that a proxy may put a path before it.
	Root string
	// Every is after how many seconds the page is brought up to date; 0 for never.
	Every int
	// Pause leads to the page that stands still, or back to the one that moves;
	// empty where nothing moves.
	Pause   string
	Paused  bool
	Now     time.Time
	Lateral lateral
	Content any
}

// view makes a page of a request.
type view func(r *http.Request) (*template.Template, page, error)

// show renders a page into memory first, so that what fails on the way is a
// page that says so and never half of one.
func (t *dashboard) show(v view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), query)
		defer cancel()
		status := http.StatusOK
		template, p, err := v(r.WithContext(ctx))
		if err != nil {
			status, template, p = t.failed(r, err)
		}
		p.Now = t.cfg.Now()
		var b bytes.Buffer
		if err := template.Execute(&b, p); err != nil {
			t.cfg.Log.Error().Err(err).Msg("a page of the descargas could not be rendered")
			http.Error(w, "No se pudo componer la página.", http.StatusInternalServerError)
			return
		}
		// A server without deadlines is a test's recorder.
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(entrega)) //nolint:errcheck // see above
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		w.Write(b.Bytes()) //nolint:errcheck // the caller is gone
	}
}

// failed is the page of a failure. Its text is ours; the cause goes to the log.
func (t *dashboard) failed(r *http.Request, err error) (int, *template.Template, page) {
	root := "descargas"
	if r.PathValue("id") != "" {
		root = "../descargas"
	}
	p := page{Titulo: "No se puede mostrar", Root: root}
	switch {
	case gateway.IsKind(err, gateway.KindNoEncontrado):
		p.Titulo, p.Content = "No hay tal descarga", "Ninguna descarga tiene ese identificador."
		return http.StatusNotFound, t.falla, p
	case gateway.IsKind(err, gateway.KindMalformada):
		p.Titulo, p.Content = "La dirección no es de esta página", gateway.AsError(err).Detail
		return http.StatusBadRequest, t.falla, p
	}
	if r.Context().Err() == nil {
		t.cfg.Log.Error().Err(err).Msg("the page of the descargas")
	}
	p.Content = "No se pudo leer la base de datos. La causa está en la bitácora de la pasarela."
	return http.StatusServiceUnavailable, t.falla, p
}
