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

// taller is an engine over a real store, woken by hand, before a SAT that says
// what a test wants.
type taller struct {
	*Motor
	t     *testing.T
	st    *store.Store
	vivos presentes
	// perdida says that the others may think this process dead.
	perdida bool
	avisos  []Aviso

	mu  sync.Mutex
	now time.Time
	// puesto is how far the machine's clock is set off.
	puesto   time.Duration
	solicita func(s gateway.Solicitud, n int) (gateway.SolicitudAceptada, error)
	verifica func(id string, n int) (gateway.EstadoSolicitud, error)
	trae     func(p gateway.Paquete) error
	cuenta   func(p gateway.Paquete) int64
	trozos   func(p gateway.Paquete, visto func(Visto) error) (Conteo, error)
	repite   func(p gateway.Paquete, detalle string) (Segunda, error)
	pedidas  []gateway.Solicitud
	miradas  int
	borrados []string
	borra    error
	// listo is why nothing could be kept now.
	listo error
}

// presentes are the other processes that live.
type presentes map[string]bool

func (presentes) ID() string            { return "yo" }
func (p presentes) Vive(id string) bool { return id == "yo" || p[id] }

// presencia is who is there, as an engine sees it.
type presencia struct {
	presentes
	w *taller
}

func (p presencia) Perdida() bool { return p.w.perdida }

func (w *taller) Solicita(_ context.Context, s gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	w.mu.Lock()
	w.pedidas = append(w.pedidas, s)
	n := len(w.pedidas)
	w.mu.Unlock()
	return w.solicita(s, n)
}

func (w *taller) Verifica(_ context.Context, _ gateway.Servicio, _, id string) (gateway.EstadoSolicitud, error) {
	w.mu.Lock()
	w.miradas++
	n := w.miradas
	w.mu.Unlock()
	return w.verifica(id, n)
}

// almacen keeps what trae lets pass.
type almacen struct{ w *taller }

func (a almacen) Trae(_ context.Context, p gateway.Paquete) error { return a.w.trae(p) }

func (a almacen) Listo() error { return a.w.listo }

func (a almacen) Repite(_ context.Context, p gateway.Paquete, detalle string) (Segunda, error) {
	return a.w.repite(p, detalle)
}

func (a almacen) Cuenta(ctx context.Context, p gateway.Paquete, _ bool, visto func(Visto) error) (Conteo, error) {
	if a.w.trozos != nil {
		return a.w.trozos(p, visto)
	}
	n := a.w.cuenta(p)
	for i := range n {
		if err := visto(Visto{UUID: folio(p.IDPaquete, int(i)), Estatus: "1", Fecha: "2026-01-02 03:04:05"}); err != nil {
			return Conteo{}, err
		}
	}
	return Conteo{Leidos: n}, ctx.Err()
}

// folio is the UUID of the i-th comprobante of a package.
func folio(paquete string, i int) string {
	return uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s-%d", paquete, i)).String()
}

func (a almacen) Borra(_ context.Context, p gateway.Paquete) error {
	a.w.borrados = append(a.w.borrados, p.IDPaquete)
	return a.w.borra
}

func nuevoTaller(t *testing.T) *taller {
	t.Helper()
	w := &taller{t: t, vivos: presentes{}, now: mediodia}
	st, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(t.TempDir(), "d"), Now: w.reloj})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // may be closed already
	w.st = st
	w.solicita = func(_ gateway.Solicitud, n int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: fmt.Sprintf("id-%d", n), CodEstatus: "5000"}, nil
	}
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
	w.trae = func(gateway.Paquete) error { return nil }
	w.repite = func(gateway.Paquete, string) (Segunda, error) { return Segunda{Hecha: true, Igual: true}, nil }
	w.cuenta = func(gateway.Paquete) int64 { return 10 }
	w.Motor = New(Config{SAT: w, Solicitudes: NewSolicitudes(w, ledger.NewShared(w.st, presencia{w.vivos, w}), w.reloj), Almacen: almacen{w}, Lector: almacen{w}, Borrador: almacen{w}, Retencion: 24 * time.Hour,
		Store: w.st, Presencia: presencia{w.vivos, w}, EFirma: func(string) error { return nil }, Ritmo: ritmo, Now: w.reloj, Log: zerolog.Nop(),
		Clock:   clock.New(clock.Config{Wall: w.reloj, Monotonic: w.pasado, Log: zerolog.Nop()}),
		Publica: func(_ context.Context, a Aviso) error { w.avisos = append(w.avisos, a); return nil }})
	return w
}

func (w *taller) reloj() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.Add(w.puesto)
}

// pon sets the machine's clock off; what time has passed it does not change.
func (w *taller) pon(puesto time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.puesto = puesto
}

func (w *taller) pasado() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now.Sub(mediodia)
}

func (w *taller) pasa(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *taller) nueva(cambios func(*gateway.PeticionDescarga)) string {
	w.t.Helper()
	p := gateway.PeticionDescarga{Solicitud: enero()}
	if cambios != nil {
		cambios(&p)
	}
	d, _, err := w.Crea(w.t.Context(), "", p)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.ID
}

// anda makes one step of each live solicitud and package that is due at now plus d.
func (w *taller) anda(d time.Duration) {
	w.t.Helper()
	w.pasa(d)
	w.cada(w.st.DueTramos, w.AvanzaTramo)
	w.cada(w.st.DuePaquetes, w.TraePaquete)
}

// cada makes a step of each row that is due.
func (w *taller) cada(lista func(context.Context, int) ([]store.Due[int64], error), paso func(context.Context, int64, int64) (time.Duration, error)) {
	w.t.Helper()
	filas, err := lista(w.t.Context(), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range filas {
		if x.At.After(w.reloj()) {
			return
		}
		if _, err := paso(w.t.Context(), x.ID, x.Turn); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ocupa puts a solicitud into the hands of a process.
func (w *taller) ocupa(tramo int64, proceso string) {
	w.t.Helper()
	if _, err := w.st.DB().ExecContext(w.t.Context(), `UPDATE tramos SET ocupante = $1, turno = turno + 1 WHERE id = $2`, proceso, tramo); err != nil {
		w.t.Fatal(err)
	}
}

// turno is whose turn a solicitud is.
func (w *taller) turno(tramo int64) int64 {
	w.t.Helper()
	x, err := w.st.Tramo(w.t.Context(), tramo)
	if err != nil {
		w.t.Fatal(err)
	}
	return x.Turno
}

// ve shows a descarga. Whatever it is about, its numbers are its own and its reasons have
// codes.
func (w *taller) ve(id string) gateway.Descarga {
	w.t.Helper()
	d, err := w.Descarga(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.conMotivo("descarga "+string(d.Estado), d.Motivo != "", d.MotivoCodigo)
	for i, x := range d.Solicitudes {
		if x.Numero != int64(i+1) || x.Origen >= x.Numero {
			w.t.Errorf("solicitud %d of %s is number %d, made of %d", i+1, id, x.Numero, x.Origen)
		}
		w.conMotivo("solicitud "+string(x.Estado)+": "+x.Decision, x.MotivoCodigo != "" || x.Estado != gateway.TramoTerminada && !x.Estado.Vivo(), x.MotivoCodigo)
	}
	paquetes, _, err := w.Paquetes(w.t.Context(), id, "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, p := range paquetes {
		if p.Numero != int64(i+1) || p.Tramo < 1 || p.Tramo > int64(len(d.Solicitudes)) {
			w.t.Errorf("package %d of %s is number %d, of solicitud %d", i+1, id, p.Numero, p.Tramo)
		}
		w.conMotivo("package "+string(p.Estado)+": "+p.Detalle, p.Detalle != "" || p.MotivoCodigo != "", p.MotivoCodigo)
	}
	return d
}

// conMotivo wants a code where there is something to say, and there alone: one that
// docs/errores.md explains.
func (w *taller) conMotivo(que string, debe bool, codigo string) {
	w.t.Helper()
	if debe != (codigo != "") {
		w.t.Errorf("%s: motivoCodigo %q", que, codigo)
	}
	if !explicados()[codigo] && codigo != "" {
		w.t.Errorf("%s: motivoCodigo %q is in no table", que, codigo)
	}
}

// explicados are the codes that the tables of docs/errores.md have, which test/contract
// holds to those of the code.
func explicados() map[string]bool {
	out := map[string]bool{}
	for _, r := range gateway.OwnRefusals() {
		out[string(r.Code)] = true
	}
	for _, r := range gateway.OwnReasons() {
		out[string(r.Code)] = true
	}
	for codigo := range tabla() {
		out[codigo] = true
	}
	return out
}

// fila is the row of a descarga's first solicitud.
func (w *taller) fila(id string) int64 {
	w.t.Helper()
	tramos, err := w.st.Tramos(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return tramos[0].ID
}

// acaba steps on until the descarga has ended.
func (w *taller) acaba(id string) gateway.Descarga {
	w.t.Helper()
	for range 500 {
		if d := w.ve(id); d.Estado.Final() {
			return d
		}
		w.anda(15 * time.Minute)
	}
	w.t.Fatalf("it does not end: %+v", w.ve(id))
	return gateway.Descarga{}
}

// sinRepetir wants no criteria to have been sent twice.
func (w *taller) sinRepetir() {
	w.t.Helper()
	vistas := map[string]bool{}
	for _, s := range w.pedidas {
		if vistas[s.Criterios()] {
			w.t.Errorf("sent twice: %s to %s", s.FechaInicial, s.FechaFinal)
		}
		vistas[s.Criterios()] = true
	}
}
