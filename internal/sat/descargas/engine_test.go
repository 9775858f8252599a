package descargas

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestCancel_WhenASolicitudIsUnderWayItsIDIsKept(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		if _, err := w.Cancel(t.Context(), id); err != nil {
			t.Error(err)
		}
		return gateway.SolicitudAceptada{IDSolicitud: "tarde", CodEstatus: "5000"}, nil
	}
	w.walk(0)
	d := w.ve(id)
	if d.Estado != gateway.DescargaCancelada || d.Solicitudes[0].IDSolicitud != "tarde" || d.Cuota.Solicitudes != 1 || d.Solicitudes[0].Submitted.IsZero() {
		t.Errorf("%+v", d)
	}
	// A new one with the same criteria spends none: that one is over, and another second is asked for.
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: "id-2", CodEstatus: "5000"}, nil
	}
	if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
	w.unrepeated()
}

func TestCancel_WhenAnAnswerIsLostMeanwhileItCounts(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		if _, err := w.Cancel(t.Context(), id); err != nil {
			t.Error(err)
		}
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindResultadoDesconocido, Own: gateway.OwnRespuestaDudosa, Detail: "d"}
	}
	w.walk(0)
	if d := w.ve(id); d.Estado != gateway.DescargaCancelada || d.Cuota.Solicitudes != 1 || len(d.Solicitudes) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestCancel_WhenAPackageIsUnderWayItIsKept(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	w.fetch = func(gateway.Paquete) error {
		_, err := w.Cancel(t.Context(), id)
		return err
	}
	w.walk(0)
	w.walk(time.Minute)
	w.walk(time.Minute)
	paquetes, _, err := w.Paquetes(t.Context(), id, "", 10)
	if err != nil || len(paquetes) != 1 || paquetes[0].Estado != gateway.PaqueteGuardado || paquetes[0].Comprobantes != 10 {
		t.Errorf("%+v, %v", paquetes, err)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaCancelada || d.Progreso.Found != 10 {
		t.Errorf("%+v", d)
	}
}

func TestCancel_WhenTwiceOrOver(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	finished := w.finish(id)
	if d, err := w.Cancel(t.Context(), id); err != nil || d.Estado != finished.Estado {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := w.Cancel(t.Context(), "nadie"); !gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("%v", err)
	}
}

// TestAdvance_WhenTheStoreFailsBehindTheAnswer: the next try finds the id in the
// ledger of solicitudes and spends nothing.
func TestAdvance_WhenTheStoreFailsBehindTheAnswer(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	tramo := w.row(id)
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER lleno BEFORE UPDATE OF estado ON descargas BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AdvanceTramo(t.Context(), tramo, w.turn(tramo)); err == nil {
		t.Fatal("nothing failed")
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER lleno`); err != nil {
		t.Fatal(err)
	}
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada || len(w.requested) != 1 || d.Solicitudes[0].IDSolicitud != "id-1" || d.Cuota.Solicitudes != 1 {
		t.Errorf("%d sent, %+v", len(w.requested), d)
	}
}

// TestAdvance_WhenTheStoreFailsBehindARefusal: the SAT may have counted what it
// refused for now, so that the next try asks for a second more all the same.
func TestAdvance_WhenTheStoreFailsBehindARefusal(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	good := w.request
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, answers["404"]
	}
	id := w.new(nil)
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER lleno BEFORE UPDATE OF estado ON descargas BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	tramo := w.row(id)
	if _, err := w.AdvanceTramo(t.Context(), tramo, w.turn(tramo)); err == nil {
		t.Fatal("nothing failed")
	}
	if _, err := w.st.DB().ExecContext(t.Context(), `DROP TRIGGER lleno`); err != nil {
		t.Fatal(err)
	}
	w.request = good
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada || len(w.requested) != 2 {
		t.Errorf("%d sent, %+v", len(w.requested), d)
	}
	w.unrepeated()
}

// TestTakeOver_WhenThisProcessLetARowFall: it lives, and yet nobody is at work.
func TestTakeOver_WhenThisProcessLetARowFall(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	tramo := w.row(id)
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) { panic("a defect") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.AdvanceTramo(t.Context(), tramo, w.turn(tramo))
	}()
	if x, err := w.st.Tramos.Get(t.Context(), tramo); err != nil || x.Holder != "" {
		t.Errorf("still held: %+v %v", x, err)
	}
	// Also when it could not even say so.
	w.hold(tramo, "yo")
	if err := w.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: "id-2"}, nil
	}
	// What the first try sent may have arrived: its criteria are not sent again.
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada || d.Solicitudes[0].Estado != gateway.TramoSustituida {
		t.Errorf("%+v", d)
	}
	w.unrepeated()
}

// loseNine makes a solicitud bring nine packages of ten and its replacement none.
func loseNine(w *workshop) {
	var ten []string
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("p_%02d", i))
	}
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if id == "id-1" {
			return estado("3", "5000", 100, ten...), nil
		}
		return estado("1", "", 0), nil
	}
	w.fetch = func(p gateway.Paquete) error {
		if p.IDPaquete == ten[3] {
			return &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5008", Detail: "d"}
		}
		return nil
	}
}

// TestCreate_WhenTheKeyComesAgain: without a deadline it is the same descarga; with one it
// is another petition.
func TestCreate_WhenTheKeyComesAgain(t *testing.T) {
	t.Parallel()
	for _, before := range []time.Duration{0, 72 * time.Hour, 71 * time.Hour, gateway.NormalDeadline} {
		w := newWorkshop(t)
		create := func(deadline time.Duration) (string, error) {
			d, _, err := w.Create(t.Context(), "k", gateway.PeticionDescarga{Solicitud: january(), Deadline: deadline})
			return d.ID, err
		}
		first, err := create(before)
		if err != nil {
			t.Fatal(err)
		}
		id, err := create(0)
		if same := before == 0; same != (id == first) || same != (err == nil) {
			t.Errorf("%s: %q, %v", before, id, err)
		}
		if id, err = create(before); err != nil || id != first {
			t.Errorf("%s again: %v", before, err)
		}
		if _, err = create(70 * time.Hour); !gateway.IsKind(err, gateway.KindConflicto) {
			t.Errorf("%s: %v", before, err)
		}
	}
}

func TestCreate_WhenTheEFirmaIsMissingNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.cfg.EFirma = func(string) error { return &gateway.Error{Kind: gateway.KindEFirma, Detail: "d", Unsent: true} }
	_, _, err := w.Create(t.Context(), "k", gateway.PeticionDescarga{Solicitud: january()})
	var e *gateway.Error
	if !errors.As(err, &e) || e.Kind != gateway.KindEFirma {
		t.Errorf("%v", err)
	}
	if all, _, err := w.List(t.Context(), gateway.DescargasFilter{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
}

// TestCuenta_WhenTheJobIsOver: a package of a million rows is counted once, however
// long its job may take.
func TestCuenta_WhenTheJobIsOver(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.count = func(gateway.Paquete) int64 { cancel(); return 10 }
	id := w.new(nil)
	w.walk(0)
	w.pass(time.Minute)
	tramo := w.row(id)
	if _, err := w.AdvanceTramo(t.Context(), tramo, w.turn(tramo)); err != nil {
		t.Fatal(err)
	}
	paquetes, err := w.st.TramosPaquetes.Of(t.Context(), tramo)
	if err != nil || len(paquetes) != 1 {
		t.Fatal(paquetes, err)
	}
	if _, err := w.FetchPaquete(ctx, paquetes[0].ID, paquetes[0].Turn); err != nil {
		t.Error(err)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
}

// TestFive003_WhenManyTramos: hundreds of solicitudes of one descarga, the halves
// of halves, cover the range and end.
func TestFive003_WhenManyTramos(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.request = func(s gateway.Solicitud, _ int) (gateway.SolicitudAceptada, error) {
		r, err := readRango(s.FechaInicial, s.FechaFinal)
		if err != nil {
			return gateway.SolicitudAceptada{}, err
		}
		if seconds(r) > 12000 {
			return gateway.SolicitudAceptada{}, answers["5003"]
		}
		return gateway.SolicitudAceptada{}, answers["5004"]
	}
	id := w.new(nil)
	start := time.Now()
	d := w.finish(id)
	if d.Estado != gateway.DescargaVacia || d.Progreso.Solicitudes != 256 || len(d.Solicitudes) != 511 {
		t.Errorf("%s %d solicitudes, %d in all", d.Estado, d.Progreso.Solicitudes, len(d.Solicitudes))
	}
	t.Logf("%d solicitudes in %s", len(d.Solicitudes), time.Since(start))
	w.unrepeated()
	aftermath := "2026-01-01T00:00:00"
	sheets := 0
	since := map[string]gateway.Tramo{}
	for _, x := range d.Solicitudes {
		if x.Estado == gateway.TramoVacia {
			since[x.Since] = x
		}
	}
	for ; aftermath != "2026-02-01T00:00:00"; sheets++ {
		x, ok := since[aftermath]
		if !ok {
			t.Fatalf("nothing begins at %s", aftermath)
		}
		aftermath = rangoOf(t, x.Until, x.Until).since.Add(time.Second).Format(gateway.FechaFormat)
	}
	if sheets != 256 {
		t.Errorf("%d pieces", sheets)
	}
}
