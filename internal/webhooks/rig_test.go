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

// rig is the service over a real store and real TLS, on a clock that stands.
type rig struct {
	*Servicio
	t    *testing.T
	dir  string
	st   *store.Store
	log  *bitacora
	vale Config // what the service was made of

	mu       sync.Mutex
	now      time.Time
	cuentas  []string
	receptor *receptor
}

type bitacora struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *bitacora) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *bitacora) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

var inicio = time.Date(2026, 2, 1, 5, 59, 59, 0, time.UTC)

func nuevoRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), log: &bitacora{}, now: inicio}
	r.receptor = nuevoReceptor(t)
	st, err := store.Open(t.Context(), store.Config{Dir: r.dir, Now: r.reloj})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	r.st = st
	r.vale = Config{Store: st, Sello: NewSello("", filepath.Join(r.dir, "secretos.key")),
		Red: Red{Privados: true, Raices: r.receptor.raices()}, Now: r.reloj, Azar: func() float64 { return 0.5 },
		Observa: func(resultado string, _ time.Duration) {
			r.mu.Lock()
			r.cuentas = append(r.cuentas, resultado)
			r.mu.Unlock()
		},
		Log: zerolog.New(r.log)}
	if change != nil {
		change(&r.vale)
	}
	r.Servicio = New(r.vale)
	return r
}

func (r *rig) reloj() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *rig) avanza(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

// suena makes the next attempt, at its time, and reports whether there was one.
func (r *rig) suena() bool {
	r.t.Helper()
	next, err := r.st.DueEntregas(r.t.Context(), 1)
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
	if pausa, err := r.Intenta(r.t.Context(), next[0].ID, next[0].Turn); err != nil || pausa != 0 {
		r.t.Fatalf("%s, turn %d: pause %v, error %v", next[0].ID, next[0].Turn, pausa, err)
	}
	return true
}

// vencidas are the deliveries that are due at an instant.
func (r *rig) vencidas(cuando time.Time) []store.Due[string] {
	r.t.Helper()
	all, err := r.st.DueEntregas(r.t.Context(), 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d store.Due[string]) bool { return d.At.After(cuando) })
}

// sonarTodas makes attempts until there are none.
func (r *rig) sonarTodas() {
	r.t.Helper()
	for r.suena() {
	}
}

// crea registers the receiver for every event.
func (r *rig) crea() (Destino, string) {
	r.t.Helper()
	d, secreto, err := r.Crea(r.t.Context(), "erp", Alta{URL: r.receptor.URL + "/avisos?token=canario-de-url", Eventos: Eventos(), RFCs: []string{rfc}, Activo: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return d, secreto
}

const rfc = "Ñ&P010101AB3"

func evento(clave string) Evento {
	return Evento{Clave: clave, Tipo: DescargaTerminada, Instante: inicio, Datos: Datos{IDDescarga: "dsc_1", Servicio: "cfdi", RFCSolicitante: rfc, Estado: "terminada"}}
}

func (r *rig) publica(clave string) {
	r.t.Helper()
	if err := r.Publica(r.t.Context(), evento(clave)); err != nil {
		r.t.Fatal(err)
	}
}

// unica returns the only delivery of d, with its attempts.
func (r *rig) unica(d Destino) Entrega {
	r.t.Helper()
	page, _, err := r.Entregas(r.t.Context(), "erp", d.ID, "", 100)
	if err != nil || len(page) != 1 {
		r.t.Fatalf("deliveries %+v, error %v", page, err)
	}
	return page[0]
}

// aviso is one request as it came.
type aviso struct {
	http.Header
	cuerpo, metodo, ruta string
}

// receptor is a receiver over TLS with an authority of its own.
type receptor struct {
	*httptest.Server
	mu       sync.Mutex
	avisos   []aviso
	contesta func(n int, w http.ResponseWriter, r *http.Request)
}

func nuevoReceptor(t *testing.T) *receptor {
	t.Helper()
	r := &receptor{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.recibe))
	r.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *receptor) raices() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return pool
}

func (r *receptor) recibe(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	r.avisos = append(r.avisos, aviso{req.Header, string(body), req.Method, req.URL.RequestURI()})
	n, contesta := len(r.avisos), r.contesta
	r.mu.Unlock()
	if contesta == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	contesta(n, w, req)
}

// responde sets what is answered to the nth request; the last status stays.
func (r *receptor) responde(statuses ...int) {
	r.con(func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(statuses[min(n, len(statuses))-1]) })
}

func (r *receptor) con(f func(n int, w http.ResponseWriter, r *http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.contesta, r.avisos = f, nil
}

func (r *receptor) recibidos() []aviso {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.avisos)
}

func contiene(t *testing.T, donde, texto string, canarios ...string) {
	t.Helper()
	for _, c := range canarios {
		if strings.Contains(texto, c) {
			t.Errorf("%s holds %q", donde, c)
		}
	}
}
