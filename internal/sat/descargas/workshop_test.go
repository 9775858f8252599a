package descargas

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// workshop is an engine over a real store, woken by hand, before a SAT that says
// what a test wants.
type workshop struct {
	*Engine
	*View
	t    *testing.T
	st   *store.Store
	live present
	// lost says that the others may think this process dead.
	lost   bool
	avisos []Aviso

	mu  sync.Mutex
	now time.Time
	// offset is how far the machine's clock is set off.
	offset    time.Duration
	request   func(s gateway.Solicitud, n int) (gateway.SolicitudAceptada, error)
	verify    func(id string, n int) (gateway.EstadoSolicitud, error)
	fetch     func(p gateway.Paquete) error
	count     func(p gateway.Paquete) int64
	chunks    func(p gateway.Paquete, seen func(Seen) error) (Count, error)
	repeat    func(p gateway.Paquete, detail string) (Second, error)
	requested []gateway.Solicitud
	looks     int
	deleted   []string
	delete    error
	// ready is why nothing could be kept now.
	ready error
}

// present are the other processes that live.
type present map[string]bool

func (present) ID() string             { return "yo" }
func (p present) Alive(id string) bool { return id == "yo" || p[id] }

// cluster is who is there, as an engine sees it.
type cluster struct {
	present
	w *workshop
}

func (p cluster) Lost() bool { return p.w.lost }

func (w *workshop) Request(_ context.Context, s gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	w.mu.Lock()
	w.requested = append(w.requested, s)
	n := len(w.requested)
	w.mu.Unlock()
	return w.request(s, n)
}

func (w *workshop) Verify(_ context.Context, _ gateway.Servicio, _, id string) (gateway.EstadoSolicitud, error) {
	w.mu.Lock()
	w.looks++
	n := w.looks
	w.mu.Unlock()
	return w.verify(id, n)
}

// vault keeps what fetch lets pass.
type vault struct{ w *workshop }

func (a vault) Fetch(_ context.Context, p gateway.Paquete) error { return a.w.fetch(p) }

func (a vault) Ready() error { return a.w.ready }

func (a vault) Repeat(_ context.Context, p gateway.Paquete, detail string) (Second, error) {
	return a.w.repeat(p, detail)
}

func (a vault) Count(ctx context.Context, p gateway.Paquete, _ bool, seen func(Seen) error) (Count, error) {
	if a.w.chunks != nil {
		return a.w.chunks(p, seen)
	}
	n := a.w.count(p)
	for i := range n {
		if err := seen(Seen{UUID: folio(p.IDPaquete, int(i)), Estatus: "1", Fecha: "2026-01-02 03:04:05"}); err != nil {
			return Count{}, err
		}
	}
	return Count{Read: n}, ctx.Err()
}

// folio is the UUID of the i-th comprobante of a package.
func folio(paquete string, i int) string {
	return uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s-%d", paquete, i)).String()
}

func (a vault) Delete(_ context.Context, p gateway.Paquete) error {
	a.w.deleted = append(a.w.deleted, p.IDPaquete)
	return a.w.delete
}

func rows(st *store.Store) Rows {
	return Rows{
		Descargas:      st.Descargas,
		Tramos:         st.Tramos,
		TramosPaquetes: st.TramosPaquetes,
		Comprobantes:   st.Comprobantes,
		Paquetes:       st.Paquetes,
	}
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{t: t, live: present{}, now: noon}
	st, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(t.TempDir(), "d"), Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	w.st = st
	w.request = func(_ gateway.Solicitud, n int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: fmt.Sprintf("id-%d", n), CodEstatus: "5000"}, nil
	}
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
	w.fetch = func(gateway.Paquete) error { return nil }
	w.repeat = func(gateway.Paquete, string) (Second, error) { return Second{Done: true, Same: true}, nil }
	w.count = func(gateway.Paquete) int64 { return 10 }
	w.View = NewView(rows(st))
	w.Engine = New(Config{View: w.View, SAT: w, Solicitudes: NewSolicitudes(w, ledger.New(st.Attempts, st.Titulos, cluster{w.live, w}), w.clock), Vault: vault{w}, Reader: vault{w}, Eraser: vault{w}, Retencion: 24 * time.Hour,
		Store: rows(st), Cluster: cluster{w.live, w}, EFirma: func(string) error { return nil }, Pace: pace, Now: w.clock, Log: zerolog.Nop(),
		Clock:   clock.New(clock.Config{Wall: w.clock, Monotonic: w.past, Log: zerolog.Nop()}),
		Publish: func(_ context.Context, a Aviso) error { w.avisos = append(w.avisos, a); return nil }})
	return w
}

func (w *workshop) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.Add(w.offset)
}

// set sets the machine's clock off; what time has passed it does not change.
func (w *workshop) set(set time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset = set
}

func (w *workshop) past() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.Sub(noon)
}

func (w *workshop) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *workshop) new(changes func(*gateway.PeticionDescarga)) string {
	w.t.Helper()
	p := gateway.PeticionDescarga{Solicitud: january()}
	if changes != nil {
		changes(&p)
	}
	d, _, err := w.Create(w.t.Context(), "", p)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.ID
}

// walk makes one step of each live solicitud and package that is due at now plus d.
func (w *workshop) walk(d time.Duration) {
	w.t.Helper()
	w.pass(d)
	w.every(w.st.Tramos.Due, w.AdvanceTramo)
	w.every(w.st.TramosPaquetes.Due, w.FetchPaquete)
}

// every makes a step of each row that is due.
func (w *workshop) every(list func(context.Context, int) ([]store.Due[int64], error), step func(context.Context, int64, int64) (time.Duration, error)) {
	w.t.Helper()
	rows, err := list(w.t.Context(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range rows {
		if x.At.After(w.clock()) {
			return
		}
		if _, err := step(w.t.Context(), x.ID, x.Turn); err != nil {
			w.t.Fatal(err)
		}
	}
}

// hold puts a solicitud into the hands of a process.
func (w *workshop) hold(tramo int64, process string) {
	w.t.Helper()
	if _, err := w.st.DB().ExecContext(w.t.Context(), `UPDATE tramos SET ocupante = $1, turno = turno + 1 WHERE id = $2`, process, tramo); err != nil {
		w.t.Fatal(err)
	}
}

// turn is whose turn a solicitud is.
func (w *workshop) turn(tramo int64) int64 {
	w.t.Helper()
	x, err := w.st.Tramos.Get(w.t.Context(), tramo)
	if err != nil {
		w.t.Fatal(err)
	}
	return x.Turn
}

// ve shows a descarga. Whatever it is about, its numbers are its own and its reasons have
// codes.
func (w *workshop) ve(id string) gateway.Descarga {
	w.t.Helper()
	d, err := w.Descarga(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.withMotivo("descarga "+string(d.Estado), d.Motivo != "", d.MotivoCodigo)
	for i, x := range d.Solicitudes {
		if x.Number != int64(i+1) || x.Origin >= x.Number {
			w.t.Errorf("solicitud %d of %s is number %d, made of %d", i+1, id, x.Number, x.Origin)
		}
		w.withMotivo("solicitud "+string(x.Estado)+": "+x.Decision, x.MotivoCodigo != "" || x.Estado != gateway.TramoTerminada && !x.Estado.Live(), x.MotivoCodigo)
	}
	paquetes, _, err := w.Paquetes(w.t.Context(), id, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, p := range paquetes {
		if p.Number != int64(i+1) || p.Tramo < 1 || p.Tramo > int64(len(d.Solicitudes)) {
			w.t.Errorf("package %d of %s is number %d, of solicitud %d", i+1, id, p.Number, p.Tramo)
		}
		w.withMotivo("package "+string(p.Estado)+": "+p.Detalle, p.Detalle != "" || p.MotivoCodigo != "", p.MotivoCodigo)
	}
	return d
}

// withMotivo wants a code where there is something to say, and there alone: one that
// docs/errores.md explains.
func (w *workshop) withMotivo(que string, must bool, codigo string) {
	w.t.Helper()
	if must != (codigo != "") {
		w.t.Errorf("%s: motivoCodigo %q", que, codigo)
	}
	if !explained()[codigo] && codigo != "" {
		w.t.Errorf("%s: motivoCodigo %q is in no table", que, codigo)
	}
}

// explained are the codes that the tables of docs/errores.md have, which test/contract
// holds to those of the code.
func explained() map[string]bool {
	out := map[string]bool{}
	for _, r := range gateway.OwnRefusals() {
		out[string(r.Code)] = true
	}
	for _, r := range gateway.OwnReasons() {
		out[string(r.Code)] = true
	}
	for codigo := range table() {
		out[codigo] = true
	}
	return out
}

// row is the row of a descarga's first solicitud.
func (w *workshop) row(id string) int64 {
	w.t.Helper()
	tramos, err := w.st.Tramos.Of(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return tramos[0].ID
}

// finish steps on until the descarga has ended.
func (w *workshop) finish(id string) gateway.Descarga {
	w.t.Helper()
	for range 500 {
		if d := w.ve(id); d.Estado.Final() {
			return d
		}
		w.walk(15 * time.Minute)
	}
	w.t.Fatalf("it does not end: %+v", w.ve(id))
	return gateway.Descarga{}
}

// unrepeated wants no criteria to have been sent twice.
func (w *workshop) unrepeated() {
	w.t.Helper()
	views := map[string]bool{}
	for _, s := range w.requested {
		if views[s.Criterios()] {
			w.t.Errorf("sent twice: %s to %s", s.FechaInicial, s.FechaFinal)
		}
		views[s.Criterios()] = true
	}
}
