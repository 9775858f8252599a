// Package tablero is the page of the durable downloads, for people who look after
// the gateway: what lives, how far it is, what the SAT said and what was decided.
// It is server-rendered and complete without JavaScript. It refuses to change
// anything: it takes GET alone, reads through a port, and hands out no package,
// XML, token or address of a webhook.
package tablero

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Descargas is what the page reads. A cursor that none of its own pages gave is an
// *Error of KindMalformada; an id that it does not know, of KindNoEncontrado.
type Descargas interface {
	// Descarga returns one with its Solicitudes.
	Descarga(ctx context.Context, id string) (gateway.Descarga, error)
	// Lista returns a page, the newest first, and the cursor of the next; empty for the last.
	Lista(ctx context.Context, f gateway.FiltroDescargas) (pagina []gateway.Descarga, siguiente string, err error)
	// Cuenta counts by state what f lets pass, whatever its Estados, Cursor and Limite.
	Cuenta(ctx context.Context, f gateway.FiltroDescargas) (map[gateway.EstadoDescarga]int, error)
	// Eventos returns up to limite events whose Numero is over despues, in order.
	Eventos(ctx context.Context, id string, despues int64, limite int) ([]gateway.EventoDescarga, error)
	// UltimoEvento returns the Numero of the last event; 0 for none.
	UltimoEvento(ctx context.Context, id string) (int64, error)
	// Paquetes returns a page of the packages and the cursor of the next.
	Paquetes(ctx context.Context, id, cursor string, limite int) (pagina []gateway.PaqueteDescarga, siguiente string, err error)
}

// EFirma is what the page says of an e.firma that needs somebody.
type EFirma struct {
	RFC string
	// Vence is the end of its validity; zero where the certificate could not be read.
	Vence time.Time
	// Motivo says in Spanish why it cannot be used; empty when it can.
	Motivo string
}

// Webhook is what the page says of an endpoint that does not take its messages.
type Webhook struct {
	// Host of its address, never more of it: the rest may hold a token.
	Host string
	// Retirado: it answered 410 and is told of nothing any more.
	Retirado bool
	// Pendientes are the messages that failed and will be tried again.
	Pendientes int
	// Siguiente is when the next of them is; zero for none.
	Siguiente time.Time
}

// Config is what the page needs.
type Config struct {
	Descargas Descargas
	// DescribeCodigo and DescribeEstado give the meaning of the SAT's codes in Spanish.
	DescribeCodigo, DescribeEstado func(string) string
	// EFirmas lists every e.firma, Webhooks the endpoints in trouble. Either may be nil.
	EFirmas  func() ([]EFirma, error)
	Webhooks func(ctx context.Context, limite int) ([]Webhook, error)
	Now      func() time.Time
	Log      zerolog.Logger
}

//go:embed plantillas/*.html
var plantillas embed.FS

//go:embed recursos/*
var recursos embed.FS

const (
	// consulta bounds the time of a page's queries.
	consulta = 10 * time.Second
	// entrega is how long a reader may take for a page.
	entrega = 30 * time.Second
)

// tablero serves the page.
type tablero struct {
	cfg               Config
	lista, una, falla *template.Template
}

// New returns the handler of /descargas and everything below it.
func New(cfg Config) (http.Handler, error) {
	t := &tablero{cfg: cfg}
	for _, p := range []struct {
		into *(*template.Template)
		file string
	}{{&t.lista, "lista.html"}, {&t.una, "detalle.html"}, {&t.falla, "falla.html"}} {
		var err error
		*p.into, err = template.New("base.html").Funcs(funciones()).ParseFS(plantillas, "plantillas/base.html", "plantillas/piezas.html", "plantillas/"+p.file)
		if err != nil {
			return nil, fmt.Errorf("tablero: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /descargas", t.muestra(t.listaDescargas))
	mux.HandleFunc("GET /descargas/{$}", func(w http.ResponseWriter, _ *http.Request) {
		// Relative, which http.Redirect would not leave it: a proxy may put a path before it.
		w.Header().Set("Location", "../descargas")
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	mux.HandleFunc("GET /descargas/{id}", t.muestra(t.detalle))
	archivos, err := recursos.ReadDir("recursos")
	if err != nil {
		return nil, fmt.Errorf("tablero: %w", err)
	}
	for _, a := range archivos {
		contenido, err := recursos.ReadFile("recursos/" + a.Name())
		if err != nil {
			return nil, fmt.Errorf("tablero: %w", err)
		}
		mux.HandleFunc("GET /descargas/recursos/"+a.Name(), recurso(a.Name(), contenido))
	}
	return guarda(mux), nil
}

// recurso serves one file, which a browser keeps until its content is another.
func recurso(nombre string, contenido []byte) http.HandlerFunc {
	suma := sha256.Sum256(contenido)
	etag := `"` + hex.EncodeToString(suma[:16]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, nombre, time.Time{}, bytes.NewReader(contenido))
	}
}

// pagina is what every page is made of.
type pagina struct {
	Titulo string
	// Raiz leads to /descargas, relative, so that a proxy may put a path before it.
	Raiz string
	// Cada is after how many seconds the page is brought up to date; 0 for never.
	Cada int
	// Pausa leads to the page that stands still, or back to the one that moves;
	// empty where nothing moves.
	Pausa     string
	Pausada   bool
	Ahora     time.Time
	Lateral   lateral
	Contenido any
}

// vista makes a page of a request.
type vista func(r *http.Request) (*template.Template, pagina, error)

// muestra renders a page into memory first, so that what fails on the way is a
// page that says so and never half of one.
func (t *tablero) muestra(v vista) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), consulta)
		defer cancel()
		status := http.StatusOK
		plantilla, p, err := v(r.WithContext(ctx))
		if err != nil {
			status, plantilla, p = t.fallida(r, err)
		}
		p.Ahora = t.cfg.Now()
		var b bytes.Buffer
		if err := plantilla.Execute(&b, p); err != nil {
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

// fallida is the page of a failure. Its text is ours; the cause goes to the log.
func (t *tablero) fallida(r *http.Request, err error) (int, *template.Template, pagina) {
	raiz := "descargas"
	if r.PathValue("id") != "" {
		raiz = "../descargas"
	}
	p := pagina{Titulo: "No se puede mostrar", Raiz: raiz}
	switch {
	case gateway.IsKind(err, gateway.KindNoEncontrado):
		p.Titulo, p.Contenido = "No hay tal descarga", "Ninguna descarga tiene ese identificador."
		return http.StatusNotFound, t.falla, p
	case gateway.IsKind(err, gateway.KindMalformada):
		p.Titulo, p.Contenido = "La dirección no es de esta página", gateway.AsError(err).Detail
		return http.StatusBadRequest, t.falla, p
	}
	if r.Context().Err() == nil {
		t.cfg.Log.Error().Err(err).Msg("the page of the descargas")
	}
	p.Contenido = "No se pudo leer la base de datos. La causa está en la bitácora de la pasarela."
	return http.StatusServiceUnavailable, t.falla, p
}
