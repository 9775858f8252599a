package descargas

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

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
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindResultadoDesconocido, Own: gateway.OwnRespuestaDudosa, Detail: "d"}
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
	tramo := w.fila(id)
	if _, err := w.st.DB().ExecContext(t.Context(), `CREATE TRIGGER lleno BEFORE UPDATE OF estado ON descargas BEGIN SELECT RAISE(ABORT, 'disk full'); END`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AvanzaTramo(t.Context(), tramo, w.turno(tramo)); err == nil {
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
	tramo := w.fila(id)
	if _, err := w.AvanzaTramo(t.Context(), tramo, w.turno(tramo)); err == nil {
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
	tramo := w.fila(id)
	w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) { panic("a defect") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = w.AvanzaTramo(t.Context(), tramo, w.turno(tramo))
	}()
	if x, err := w.st.Tramo(t.Context(), tramo); err != nil || x.Ocupante != "" {
		t.Errorf("still held: %+v %v", x, err)
	}
	// Also when it could not even say so.
	w.ocupa(tramo, "yo")
	if err := w.Releva(t.Context()); err != nil {
		t.Fatal(err)
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

// TestCrea_WhenTheKeyComesAgain: without a deadline it is the same descarga; with one it
// is another petition.
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
		if misma := antes == 0; misma != (id == primera) || misma != (err == nil) {
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
	tramo := w.fila(id)
	if _, err := w.AvanzaTramo(t.Context(), tramo, w.turno(tramo)); err != nil {
		t.Fatal(err)
	}
	paquetes, err := w.st.PaquetesDeTramo(t.Context(), tramo)
	if err != nil || len(paquetes) != 1 {
		t.Fatal(paquetes, err)
	}
	if _, err := w.TraePaquete(ctx, paquetes[0].ID, paquetes[0].Turno); err != nil {
		t.Error(err)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada {
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
