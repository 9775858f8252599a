package descargas

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
	t      *testing.T
	st     *store.Store
	cola   *cola
	vivos  presentes
	avisos []Aviso

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
}

// cola remembers who was to be woken.
type cola struct {
	mu       sync.Mutex
	tramos   [][2]int64
	paquetes [][2]int64
	// larga says that work waits in it for hands.
	larga bool
}

func (c *cola) Esperan(context.Context) (tramos, paquetes bool, err error) {
	return c.larga, c.larga, nil
}

func (c *cola) Tramo(_ context.Context, id, turno int64, _ time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tramos = append(c.tramos, [2]int64{id, turno})
	return nil
}

func (c *cola) Paquete(_ context.Context, id, turno int64, _ time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paquetes = append(c.paquetes, [2]int64{id, turno})
	return nil
}

// presentes are the other processes that live.
type presentes map[string]bool

func (presentes) ID() string            { return "yo" }
func (p presentes) Vive(id string) bool { return id == "yo" || p[id] }
func (presentes) Perdida() bool         { return false }

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
	w := &taller{t: t, cola: &cola{}, vivos: presentes{}, now: mediodia}
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
	w.Motor = New(Config{SAT: w, Solicitudes: NewSolicitudes(w, ledger.NewShared(w.st, w.vivos), w.reloj), Almacen: almacen{w}, Lector: almacen{w}, Borrador: almacen{w}, Retencion: 24 * time.Hour,
		Store: w.st, Presencia: w.vivos, Encolador: w.cola, EFirma: func(string) error { return nil }, Ritmo: ritmo, Now: w.reloj, Log: zerolog.Nop(),
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
	tramos, err := w.st.TramosVencidos(w.t.Context(), w.reloj(), w.reloj().Add(time.Second), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range tramos {
		if _, err := w.AvanzaTramo(w.t.Context(), x.ID, x.Turno); err != nil {
			w.t.Fatal(err)
		}
	}
	paquetes, err := w.st.PaquetesVencidos(w.t.Context(), w.reloj(), w.reloj().Add(time.Second), 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range paquetes {
		if _, err := w.TraePaquete(w.t.Context(), x.ID, x.Turno); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *taller) ve(id string) gateway.Descarga {
	w.t.Helper()
	d, err := w.Descarga(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
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

func TestCancela_WhenASolicitudIsUnderWayItsIDIsKept(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		if _, err := w.Cancela(t.Context(), id); err != nil {
			t.Error(err)
		}
		return gateway.SolicitudAceptada{IDSolicitud: "tarde", CodEstatus: "5000"}, nil
	}
	w.anda(0)
	d := w.ve(id)
	if d.Estado != gateway.DescargaCancelada || d.Solicitudes[0].IDSolicitud != "tarde" || d.Cuota.Solicitudes != 1 || d.Solicitudes[0].Presentada.IsZero() {
		t.Errorf("%+v", d)
	}
	// A new one with the same criteria spends none: that one is over, and another second is asked for.
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: "id-2", CodEstatus: "5000"}, nil
	}
	if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
	w.sinRepetir()
}

func TestCancela_WhenAnAnswerIsLostMeanwhileItCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		if _, err := w.Cancela(t.Context(), id); err != nil {
			t.Error(err)
		}
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindResultadoDesconocido, Detail: "d"}
	}
	w.anda(0)
	if d := w.ve(id); d.Estado != gateway.DescargaCancelada || d.Cuota.Solicitudes != 1 || len(d.Solicitudes) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestCancela_WhenAPackageIsUnderWayItIsKept(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	w.trae = func(gateway.Paquete) error {
		_, err := w.Cancela(t.Context(), id)
		return err
	}
	w.anda(0)
	w.anda(time.Minute)
	w.anda(time.Minute)
	paquetes, _, err := w.Paquetes(t.Context(), id, "", 10)
	if err != nil || len(paquetes) != 1 || paquetes[0].Estado != gateway.PaqueteGuardado || paquetes[0].Comprobantes != 10 {
		t.Errorf("%+v, %v", paquetes, err)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaCancelada || d.Progreso.Encontrados != 10 {
		t.Errorf("%+v", d)
	}
}

func TestCancela_WhenTwiceOrOver(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	terminada := w.acaba(id)
	if d, err := w.Cancela(t.Context(), id); err != nil || d.Estado != terminada.Estado {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := w.Cancela(t.Context(), "nadie"); !gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("%v", err)
	}
}

// TestAvanza_WhenTheStoreFailsBehindTheAnswer: the next try finds the id in the
// ledger of solicitudes and spends nothing.
func TestAvanza_WhenTheStoreFailsBehindTheAnswer(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := w.ve(id).Solicitudes[0].ID
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER lleno BEFORE UPDATE OF estado ON descargas BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AvanzaTramo(t.Context(), tramo, 0); err == nil {
		t.Fatal("nothing failed")
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER lleno`); err != nil {
		t.Fatal(err)
	}
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada || len(w.pedidas) != 1 || d.Solicitudes[0].IDSolicitud != "id-1" || d.Cuota.Solicitudes != 1 {
		t.Errorf("%d sent, %+v", len(w.pedidas), d)
	}
}

// TestAvanza_WhenTheStoreFailsBehindARefusal: the SAT may have counted what it
// refused for now, so that the next try asks for a second more all the same.
func TestAvanza_WhenTheStoreFailsBehindARefusal(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	buena := w.solicita
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["404"]
	}
	id := w.nueva(nil)
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER lleno BEFORE UPDATE OF estado ON descargas BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AvanzaTramo(t.Context(), w.ve(id).Solicitudes[0].ID, 0); err == nil {
		t.Fatal("nothing failed")
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER lleno`); err != nil {
		t.Fatal(err)
	}
	w.solicita = buena
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada || len(w.pedidas) != 2 {
		t.Errorf("%d sent, %+v", len(w.pedidas), d)
	}
	w.sinRepetir()
}

// TestReleva_WhenThisProcessLetARowFall: it lives, and yet nobody is at work.
func TestReleva_WhenThisProcessLetARowFall(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := w.ve(id).Solicitudes[0].ID
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) { panic("a defect") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.AvanzaTramo(t.Context(), tramo, 0)
	}()
	if x, err := w.st.Tramo(t.Context(), tramo); err != nil || x.Ocupante != "" {
		t.Errorf("still held: %+v %v", x, err)
	}
	// Also when it could not even say so.
	x, err := w.st.Tramo(t.Context(), tramo)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := w.st.OcupaTramo(t.Context(), x, "yo"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	w.cola.tramos = nil
	w.pasa(time.Hour)
	if err := w.Releva(t.Context(), Gracia); err != nil || fmt.Sprint(w.cola.tramos) != fmt.Sprintf("[[%d 1]]", tramo) {
		t.Errorf("woken %v, %v", w.cola.tramos, err)
	}
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: "id-2"}, nil
	}
	// What the first try sent may have arrived: its criteria are not sent again.
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada || d.Solicitudes[0].Estado != gateway.TramoSustituida {
		t.Errorf("%+v", d)
	}
	w.sinRepetir()
}

// TestReleva_WhenWorkWaitsInALongQueueItIsLetWait: otherwise each round would
// put another job behind the one that waits. When nothing waits, it was lost.
func TestReleva_WhenWorkWaitsInALongQueueItIsLetWait(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := w.ve(id).Solicitudes[0].ID
	w.cola.tramos, w.cola.larga = nil, true
	w.pasa(time.Hour)
	if err := w.Releva(t.Context(), Gracia); err != nil || len(w.cola.tramos) != 0 {
		t.Errorf("woken %v, %v", w.cola.tramos, err)
	}
	w.cola.larga = false
	if err := w.Releva(t.Context(), Gracia); err != nil || len(w.cola.tramos) != 1 || w.cola.tramos[0] != [2]int64{tramo, 1} {
		t.Errorf("woken %v, %v", w.cola.tramos, err)
	}
	w.cola.larga = true
	x, err := w.st.Tramo(t.Context(), tramo)
	if err != nil {
		t.Fatal(err)
	}
	// Another's that lives is left alone, a dead one's begins anew.
	w.cola.tramos = nil
	w.vivos["otro"] = true
	if ok, err := w.st.OcupaTramo(t.Context(), x, "otro"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := w.Releva(t.Context(), Gracia); err != nil || len(w.cola.tramos) != 0 {
		t.Errorf("woken %v, %v", w.cola.tramos, err)
	}
	delete(w.vivos, "otro")
	if err := w.Releva(t.Context(), Gracia); err != nil || len(w.cola.tramos) != 1 || w.cola.tramos[0] != [2]int64{tramo, 2} {
		t.Errorf("woken %v, %v", w.cola.tramos, err)
	}
}

// perdidos makes a solicitud bring nine packages of ten and its replacement none.
func perdidos(w *taller) {
	var diez []string
	for i := range 10 {
		diez = append(diez, fmt.Sprintf("p_%02d", i))
	}
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if id == "id-1" {
			return estado("3", "5000", 100, diez...), nil
		}
		return estado("1", "", 0), nil
	}
	w.trae = func(p gateway.Paquete) error {
		if p.IDPaquete == diez[3] {
			return &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5008", Detail: "d"}
		}
		return nil
	}
}

func TestPaquetePerdido_WhenTheReplacementBringsNothingWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	perdidos(w)
	d := w.acaba(w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 72 * time.Hour }))
	if d.Estado != gateway.DescargaParcial || d.Progreso.Encontrados != 90 || d.Solicitudes[0].Estado != gateway.TramoFallida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
	w.sinRepetir()

	w = nuevoTaller(t)
	perdidos(w)
	id := w.nueva(nil)
	for w.ve(id).Progreso.SolicitudesTerminadas == 0 && len(w.ve(id).Solicitudes) == 1 {
		w.anda(time.Minute)
	}
	if d, err := w.Cancela(t.Context(), id); err != nil || d.Progreso.Encontrados != 90 || d.Solicitudes[0].Estado != gateway.TramoCancelada {
		t.Errorf("cancelled: %+v %v", d, err)
	}
}

func TestPaquetePerdido_WhenTheReplacementBringsAllItAloneCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	perdidos(w)
	antes := w.verifica
	w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if id != "id-1" {
			return estado("3", "5000", 10, "q_01"), nil
		}
		return antes(id, n)
	}
	d := w.acaba(w.nueva(nil))
	if d.Estado != gateway.DescargaTerminada || d.Progreso.Encontrados != 10 || d.Solicitudes[0].Estado != gateway.TramoSustituida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
}

func TestPlazo_WhenItPassesWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 100, "a", "b"), nil }
	w.trae = func(p gateway.Paquete) error {
		if p.IDPaquete == "b" {
			return &gateway.Error{Kind: gateway.KindNoDisponible, Reintentable: true, Detail: "d"}
		}
		return nil
	}
	id := w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 2 * time.Hour })
	d := w.acaba(id)
	if d.Estado != gateway.DescargaParcial || d.Progreso.Encontrados != 10 || len(d.Solicitudes) != 1 || d.Terminada.Sub(d.Creada) > 4*time.Hour {
		t.Errorf("%s %s %+v %+v", d.Estado, d.Motivo, d.Progreso, d.Solicitudes)
	}
}

// TestPlazo_WhenTheSATSaysTomorrow: the deadline is told at the deadline.
func TestPlazo_WhenTheSATSaysTomorrow(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) {
		return estado("", "", 0), respuestas["5011"]
	}
	id := w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 2 * time.Hour })
	w.anda(0)
	w.anda(time.Minute)
	if d := w.ve(id); !d.SiguienteIntento.Equal(mediodia.Add(2 * time.Hour)) {
		t.Errorf("next %s, created %s", d.SiguienteIntento, d.Creada)
	}
	w.anda(2 * time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida {
		t.Errorf("%+v", d)
	}
}

// TestRechazo_WhenVerificaIsRefusedOnAndOn: the patience is of the same refusal in a
// row, whatever else comes between, and it ends.
func TestRechazo_WhenVerificaIsRefusedOnAndOn(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) {
		return gateway.EstadoSolicitud{}, respuestas["303"]
	}
	if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaFallida || w.miradas != 4 {
		t.Errorf("%s after %d questions", d.Estado, w.miradas)
	}

	w = nuevoTaller(t)
	buena := w.verifica
	w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
		switch {
		case n > 20:
			return buena(id, n)
		case n%3 == 0:
			return gateway.EstadoSolicitud{}, respuestas["404"]
		}
		return gateway.EstadoSolicitud{}, respuestas["303"]
	}
	if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s %q after %d questions", d.Estado, d.Motivo, w.miradas)
	}
}

// TestPaquetePerdido_WhenItIsAlwaysLostTheReplacementsAreSpread over the deadline.
func TestPaquetePerdido_WhenItIsAlwaysLostTheReplacementsAreSpread(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.trae = func(gateway.Paquete) error {
		return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007", Detail: "d"}
	}
	d := w.acaba(w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 72 * time.Hour }))
	if pasa := d.Terminada.Sub(d.Creada); d.Estado != gateway.DescargaFallida || len(w.pedidas) != maxSustituciones+1 || pasa < 36*time.Hour || pasa > 72*time.Hour {
		t.Errorf("%s after %s and %d solicitudes", d.Estado, pasa, len(w.pedidas))
	}
	w.sinRepetir()
}

func TestPaquete_WhenItIsRefusedOnAndOnItIsLost(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	pedidos := map[string]int{}
	w.trae = func(p gateway.Paquete) error {
		pedidos[p.IDPaquete]++
		if p.IDPaquete == "id-1_01" {
			return respuestas["303"]
		}
		return nil
	}
	if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada || pedidos["id-1_01"] != 4 || len(w.pedidas) != 2 {
		t.Errorf("%s, %v, %d solicitudes", d.Estado, pedidos, len(w.pedidas))
	}
}

// TestVacia_WhenComprobantesAreKnown: an empty answer to a range that has had some
// is asked for once more, and told if the SAT insists.
func TestVacia_WhenComprobantesAreKnown(t *testing.T) {
	t.Parallel()
	dia := func(desde, hasta string) func(*gateway.PeticionDescarga) {
		return func(p *gateway.PeticionDescarga) { p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = desde, hasta }
	}
	vacia := func(string, int) (gateway.EstadoSolicitud, error) { return estado("5", "5004", 0), nil }
	for nombre, tc := range map[string]struct {
		otra        func(*gateway.PeticionDescarga)
		solicitudes int
	}{
		"the range holds it": {dia("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
		"only a part of it":  {dia("2026-01-02T00:00:00", "2026-02-05T00:00:00"), 1},
		"other criteria": {func(p *gateway.PeticionDescarga) {
			dia("2026-01-01T00:00:00", "2026-02-05T00:00:00")(p)
			p.Solicitud.TipoComprobante = "N"
		}, 1},
		"by an empty package": {dia("2026-01-01T00:00:00", "2026-02-05T00:00:00"), 2},
	} {
		w := nuevoTaller(t)
		if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada {
			t.Fatal(d.Estado)
		}
		buena := w.verifica
		w.verifica = vacia
		if strings.Contains(nombre, "package") {
			w.cuenta = func(gateway.Paquete) int64 { return 0 }
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0, id+"_01"), nil }
		}
		antes := len(w.pedidas)
		d := w.acaba(w.nueva(tc.otra))
		if d.Estado != gateway.DescargaVacia || len(w.pedidas)-antes != tc.solicitudes || strings.Contains(d.Motivo, "antes entregó 10 de él") != (tc.solicitudes == 2) {
			t.Errorf("%s: %s %q, %d solicitudes", nombre, d.Estado, d.Motivo, len(w.pedidas)-antes)
		}
		if tc.solicitudes == 1 {
			continue
		}
		w.cuenta = func(gateway.Paquete) int64 { return 10 }
		// Where it was a bad answer, it is all there the second time.
		w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
			if n%2 == 1 {
				return vacia(id, n)
			}
			return buena(id, n)
		}
		w.miradas = 0
		if d := w.acaba(w.nueva(dia("2026-01-01T00:00:00", "2026-02-06T00:00:00"))); d.Estado != gateway.DescargaTerminada || d.Motivo != "" {
			t.Errorf("%s, then: %s %q", nombre, d.Estado, d.Motivo)
		}
		w.sinRepetir()
	}
}

// TestVacia_WhenTheMetadataHaveNamedThem: the XML of a run that the SAT says are
// none are asked for once more.
func TestVacia_WhenTheMetadataHaveNamedThem(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 2}
	})
	corrida := func(n int) string {
		t.Helper()
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil || len(todas) != n {
			t.Fatalf("%d runs, %v", len(todas), err)
		}
		return todas[0].ID
	}
	w.acaba(corrida(1))
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 0), nil }
	antes := len(w.pedidas)
	if d := w.acaba(corrida(2)); d.Estado != gateway.DescargaVacia || len(w.pedidas)-antes != 2 || !strings.Contains(d.Motivo, "antes entregó 10") {
		t.Errorf("%s %q, %d solicitudes", d.Estado, d.Motivo, len(w.pedidas)-antes)
	}
}

// sinPlazo is a descarga without a deadline of the caller's, whose PlazoNormal has
// passed since the SAT accepted it.
func sinPlazo(t *testing.T) (*taller, string) {
	t.Helper()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("1", "5000", 0), nil }
	id := w.nueva(nil)
	w.anda(0)
	w.anda(time.Minute)
	w.anda(gateway.PlazoNormal)
	if d := w.ve(id); d.Estado != gateway.DescargaSolicitada || d.SiguienteIntento.Sub(w.reloj()) != ritmo.Maximo || !strings.Contains(d.Solicitudes[0].Decision, "Pasó el plazo normal") {
		t.Fatalf("%s %+v", d.Estado, d.Solicitudes)
	}
	return w, id
}

// TestPlazo_WhenNobodyGaveOneWhatTheSATAcceptedIsFollowed: nine days have been
// reported, and an answer is worth more than another solicitud.
func TestPlazo_WhenNobodyGaveOneWhatTheSATAcceptedIsFollowed(t *testing.T) {
	t.Parallel()
	w, id := sinPlazo(t)
	antes, err := w.Eventos(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w.anda(15 * time.Minute)
	}
	if despues, err := w.Eventos(t.Context(), id, 0, 100); err != nil || len(despues) != len(antes) {
		t.Errorf("%d events, and %d: %v", len(antes), len(despues), err)
	}
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada || len(w.pedidas) != 1 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.pedidas))
	}

	// What it needs then is presented, once each: halves too.
	w, id = sinPlazo(t)
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if id == "id-1" {
			return estado("5", "5003", 0), nil
		}
		return estado("3", "5000", 10, id+"_01"), nil
	}
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada || len(w.pedidas) != 3 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.pedidas))
	}
	w, id = sinPlazo(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("5", "5003", 0), nil }
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["404"]
	}
	if d := w.acaba(id); d.Estado != gateway.DescargaFallida || len(w.pedidas) != 3 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.pedidas))
	}

	// And it ends.
	w, id = sinPlazo(t)
	w.anda(gateway.TopeNormal - gateway.PlazoNormal - time.Hour)
	if d := w.ve(id); d.Estado.Final() {
		t.Errorf("%s before the end of patience", d.Estado)
	}
	w.anda(time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || !strings.Contains(d.Motivo, "plazo") {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

// TestPlazo_WhenTheSATNeverAcceptsItEndsWithTheDeadline, whoever gave it.
func TestPlazo_WhenTheSATNeverAcceptsItEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	for _, dado := range []time.Duration{0, 100 * time.Hour} {
		w := nuevoTaller(t)
		w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
			return gateway.SolicitudAceptada{}, respuestas["404"]
		}
		id := w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = dado })
		plazo := dado
		if dado == 0 {
			plazo = gateway.PlazoNormal
		}
		for range 2000 {
			if w.ve(id).Estado.Final() {
				break
			}
			w.anda(15 * time.Minute)
		}
		if d := w.ve(id); d.Estado != gateway.DescargaFallida || d.Terminada.Sub(d.Creada) < plazo || d.Terminada.Sub(d.Creada) > plazo+time.Hour {
			t.Errorf("%s: %s after %s", plazo, d.Estado, d.Terminada.Sub(d.Creada))
		}
		if n := len(w.pedidas); n > 75 {
			t.Errorf("%s: sent %d times", plazo, n)
		}
		w.sinRepetir()
	}
}

// TestPlazo_WhenTheCallerGaveItItIsObeyed, also with the number of the normal one.
func TestPlazo_WhenTheCallerGaveItItIsObeyed(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("1", "5000", 0), nil }
	id := w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = gateway.PlazoNormal })
	w.anda(0)
	w.anda(time.Minute)
	w.anda(gateway.PlazoNormal)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || !d.Tope.Equal(d.Limite) {
		t.Errorf("%s, %s to %s", d.Estado, d.Limite, d.Tope)
	}
}

// TestCrea_WhenTheKeyComesAgain: without a deadline it is the same descarga, also of
// when that was 72 hours; with one it is another petition.
func TestCrea_WhenTheKeyComesAgain(t *testing.T) {
	t.Parallel()
	for _, antes := range []time.Duration{0, 72 * time.Hour, 71 * time.Hour, gateway.PlazoNormal} {
		w := nuevoTaller(t)
		crea := func(plazo time.Duration) (string, error) {
			d, _, err := w.Crea(t.Context(), "k", gateway.PeticionDescarga{Solicitud: enero(), Plazo: plazo})
			return d.ID, err
		}
		primera, err := crea(antes)
		if err != nil {
			t.Fatal(err)
		}
		id, err := crea(0)
		if misma := antes == 0 || antes == 72*time.Hour; misma != (id == primera) || misma != (err == nil) {
			t.Errorf("%s: %q, %v", antes, id, err)
		}
		if id, err = crea(antes); err != nil || id != primera {
			t.Errorf("%s again: %v", antes, err)
		}
		if _, err = crea(70 * time.Hour); !gateway.IsKind(err, gateway.KindConflicto) {
			t.Errorf("%s: %v", antes, err)
		}
	}
}

// TestRechazo_WhenTheEFirmaIsReplacedTheSameRangeGoesOut: a refusal of 305 binds
// nobody for ever, but for those that count.
func TestRechazo_WhenTheEFirmaIsReplacedTheSameRangeGoesOut(t *testing.T) {
	t.Parallel()
	for codigo, veces := range map[string]int{"303": 4, "304": 4, "305": 9, "301": 1, "5001": 1} {
		w := nuevoTaller(t)
		buena := w.solicita
		w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
			return gateway.SolicitudAceptada{}, respuestas[codigo]
		}
		if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaFallida || len(w.pedidas) != veces {
			t.Errorf("%s: %+v", codigo, d)
		}
		w.solicita = buena
		w.pasa(time.Hour)
		if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada || len(w.pedidas) != veces+1 || w.pedidas[0].Criterios() != w.pedidas[veces].Criterios() {
			t.Errorf("%s: %+v, sent %+v", codigo, d, w.pedidas)
		}
		w.pedidas = w.pedidas[:veces]
		w.sinRepetir()
	}
}

func TestRecorta_WhenTheSixYearsMoveOn(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	buena := w.solicita
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["404"]
	}
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2020-11-21T00:00:00", "2020-11-22T23:59:59"
	})
	w.anda(0)
	w.solicita = buena
	w.pasa(13 * time.Hour) // the 22nd in Mexico
	w.anda(0)
	if d := w.ve(id); w.pedidas[1].FechaInicial != "2020-11-22T00:00:00" || d.Solicitudes[0].Desde != "2020-11-21T00:00:00" {
		t.Errorf("%+v %+v", w.pedidas[1], d.Solicitudes)
	}
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["404"]
	}
	id = w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2020-11-22T00:00:00", "2020-11-22T20:00:00"
	})
	w.anda(0)
	antes := len(w.pedidas)
	w.pasa(24 * time.Hour)
	w.anda(0)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || len(w.pedidas) != antes {
		t.Errorf("%+v", d)
	}
}

// TestCinco003_WhenManyTramos: hundreds of solicitudes of one descarga, the halves
// of halves, cover the range and end.
func TestCinco003_WhenManyTramos(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.solicita = func(s gateway.Solicitud, _ int) (gateway.SolicitudAceptada, error) {
		r, err := leeRango(s.FechaInicial, s.FechaFinal)
		if err != nil {
			return gateway.SolicitudAceptada{}, err
		}
		if segundos(r) > 12000 {
			return gateway.SolicitudAceptada{}, respuestas["5003"]
		}
		return gateway.SolicitudAceptada{}, respuestas["5004"]
	}
	id := w.nueva(nil)
	inicio := time.Now()
	d := w.acaba(id)
	if d.Estado != gateway.DescargaVacia || d.Progreso.Solicitudes != 256 || len(d.Solicitudes) != 511 {
		t.Errorf("%s %d solicitudes, %d in all", d.Estado, d.Progreso.Solicitudes, len(d.Solicitudes))
	}
	t.Logf("%d solicitudes in %s", len(d.Solicitudes), time.Since(inicio))
	w.sinRepetir()
	sigue := "2026-01-01T00:00:00"
	hojas := 0
	desde := map[string]gateway.Tramo{}
	for _, x := range d.Solicitudes {
		if x.Estado == gateway.TramoVacia {
			desde[x.Desde] = x
		}
	}
	for ; sigue != "2026-02-01T00:00:00"; hojas++ {
		x, ok := desde[sigue]
		if !ok {
			t.Fatalf("nothing begins at %s", sigue)
		}
		sigue = rangoDe(t, x.Hasta, x.Hasta).desde.Add(time.Second).Format(gateway.FormatoFecha)
	}
	if hojas != 256 {
		t.Errorf("%d pieces", hojas)
	}
}

func TestCrea_WhenTheEFirmaIsMissingNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.cfg.EFirma = func(string) error { return &gateway.Error{Kind: gateway.KindEFirma, Detail: "d", NoEnviada: true} }
	_, _, err := w.Crea(t.Context(), "k", gateway.PeticionDescarga{Solicitud: enero()})
	var e *gateway.Error
	if !errors.As(err, &e) || e.Kind != gateway.KindEFirma {
		t.Errorf("%v", err)
	}
	if todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{Limite: 10}); err != nil || len(todas) != 0 {
		t.Errorf("%v %v", todas, err)
	}
}

// TestIncompleta_WhenMorePackagesComeLater: the SAT's list has been seen to grow
// by the hour.
func TestIncompleta_WhenMorePackagesComeLater(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	var primera time.Time
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if primera.IsZero() {
			primera = w.reloj()
		}
		var hay []string
		for i := 0; i <= int(w.reloj().Sub(primera)/time.Hour) && i < 4; i++ {
			hay = append(hay, fmt.Sprintf("%s_%02d", id, i))
		}
		return estado("3", "5000", 40, hay...), nil
	}
	id := w.nueva(nil)
	for range 600 {
		if w.ve(id).Estado.Final() {
			break
		}
		w.anda(time.Minute)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada || d.Progreso.Encontrados != 40 || d.Cuota.Solicitudes != 1 {
		t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
	}
}

func TestIncompleta_WhenTheRestNeverComesItIsToldAndEnds(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 12, "a"), nil }
	d := w.acaba(w.nueva(nil))
	if d.Estado != gateway.DescargaParcial || d.Motivo != "El SAT contó 12 comprobantes y se leen 10: faltan 2." || d.Terminada.Sub(d.Creada) > 3*time.Hour || w.miradas > maxMiradas+2 {
		t.Errorf("%s %q after %s and %d looks", d.Estado, d.Motivo, d.Terminada.Sub(d.Creada), w.miradas)
	}
}

// TestCuenta_WhenTheJobIsOver: a package of a million rows is counted once, however
// long its job may take.
func TestCuenta_WhenTheJobIsOver(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	ctx, cancela := context.WithCancel(t.Context())
	w.cuenta = func(gateway.Paquete) int64 { cancela(); return 10 }
	id := w.nueva(nil)
	w.anda(0)
	w.pasa(time.Minute)
	tramo := w.ve(id).Solicitudes[0].ID
	if _, err := w.AvanzaTramo(t.Context(), tramo, 0); err != nil {
		t.Fatal(err)
	}
	paquetes, err := w.st.PaquetesDeTramo(t.Context(), tramo)
	if err != nil || len(paquetes) != 1 {
		t.Fatal(paquetes, err)
	}
	if despues, err := w.TraePaquete(ctx, paquetes[0].ID, 0); err != nil || !despues.Nunca {
		t.Errorf("%+v %v", despues, err)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
}

// TestRetira_WhenSomeCannotBeRemoved: what another gateway flies, or a bucket that
// is away, is tried again; what is gone is gone.
func TestRetira_WhenSomeCannotBeRemoved(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	w.acaba(id)
	w.pasa(25 * time.Hour)
	w.borra = &gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); !gateway.IsKind(err, gateway.KindNoDisponible) {
			t.Errorf("%v", err)
		}
	}
	w.borra = &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
	}
	paquetes, _, err := w.Paquetes(t.Context(), id, "", 10)
	if err != nil || paquetes[0].Estado != gateway.PaqueteBorrado || len(w.borrados) != 3 {
		t.Errorf("%+v, removed %v, %v", paquetes, w.borrados, err)
	}
	eventos, err := w.Eventos(t.Context(), id, 0, 100)
	if err != nil || eventos[len(eventos)-1].Tipo != "retirada" {
		t.Errorf("%+v %v", eventos, err)
	}
}

// TestCorrida_WhenItIsCutBetweenItsSteps: the run is made, and its parent does not
// know yet: the next round makes no second one.
func TestCorrida_WhenItIsCutBetweenItsSteps(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-11-01T00:00:00", ""
		p.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 2}
	})
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER corte BEFORE UPDATE OF siguiente ON descargas BEGIN SELECT RAISE(ABORT, 'killed'); END`); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Ronda(t.Context()); err == nil {
			t.Fatal("nothing was cut")
		}
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER corte`); err != nil {
		t.Fatal(err)
	}
	corridas := func() []gateway.Descarga {
		t.Helper()
		todas, _, err := w.Lista(t.Context(), gateway.FiltroDescargas{IDProgramacion: id, Limite: 100})
		if err != nil {
			t.Fatal(err)
		}
		return todas
	}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
		if todas := corridas(); len(todas) != 1 {
			t.Fatalf("%d runs", len(todas))
		}
	}
	metadatos := w.acaba(corridas()[0].ID)
	// The XML of what is new follow, once.
	for range 3 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	todas := corridas()
	if len(todas) != 2 || todas[0].Peticion.NovedadesDe != metadatos.ID || todas[0].Peticion.Solicitud.TipoSolicitud != gateway.TipoCFDI {
		t.Fatalf("%+v", todas)
	}
	// One second of news is a range that the SAT takes.
	if s := todas[0].Peticion.Solicitud; s.FechaInicial != "2026-01-02T03:04:04" || s.FechaFinal != "2026-01-02T03:04:05" {
		t.Errorf("%s to %s", s.FechaInicial, s.FechaFinal)
	}
	// The run fails: tomorrow's begins where it did, also though it lived when the next was made.
	w.acaba(todas[0].ID)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, respuestas["301"]
	}
	w.pasa(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	fallida := w.acaba(corridas()[0].ID)
	w.pasa(24 * time.Hour)
	if err := w.Ronda(t.Context()); err != nil {
		t.Fatal(err)
	}
	if siguiente := corridas()[0]; fallida.Estado != gateway.DescargaFallida || siguiente.ID == fallida.ID || siguiente.Peticion.Solicitud.FechaInicial != fallida.Peticion.Solicitud.FechaInicial {
		t.Errorf("%s from %s, then from %s", fallida.Estado, fallida.Peticion.Solicitud.FechaInicial, siguiente.Peticion.Solicitud.FechaInicial)
	}
}

// TestPaquetePerdido_WhenThisMachineLostItNoSolicitudIsSpent: the SAT is not asked anew,
// and a person is told why; a package that the SAT has lost beside it is another matter.
func TestPaquetePerdido_WhenThisMachineLostItNoSolicitudIsSpent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delSAT  bool
		pedidas int
	}{"alone": {false, 1}, "beside one that the SAT has lost": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, id+"_01", id+"_02"), nil
			}
			w.trae = func(p gateway.Paquete) error {
				switch p.IDPaquete {
				case "id-1_01":
					if _, err := w.st.Reserva(t.Context(), p, "yo", "yo", 2); err != nil {
						return err
					}
					if err := w.st.AnotaNuestra(t.Context(), p, 5); err != nil {
						return err
					}
					return &gateway.Error{Kind: gateway.KindYaNoDisponible, Detail: "se perdió aquí"}
				case "id-1_02":
					if tc.delSAT {
						return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007"}
					}
				}
				return nil
			}
			d := w.acaba(w.nueva(nil))
			if len(w.pedidas) != tc.pedidas || d.Cuota.Solicitudes != tc.pedidas {
				t.Errorf("%d solicitudes: %+v", len(w.pedidas), d)
			}
			if !tc.delSAT && (d.Estado != gateway.DescargaParcial || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1")) {
				t.Errorf("%s: %s", d.Estado, d.Motivo)
			}
		})
	}
}

// TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits as long as it may.
func TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	veces := 0
	w.trae = func(gateway.Paquete) error {
		if veces++; veces == 1 {
			return &gateway.Error{Kind: gateway.KindInterno, Detail: "disco"}
		}
		return nil
	}
	id := w.nueva(nil)
	for range 20 {
		if veces > 0 {
			break
		}
		w.anda(time.Minute)
	}
	w.anda(ritmo.Maximo - time.Second)
	if veces != 1 {
		t.Errorf("tried %d times", veces)
	}
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
}
