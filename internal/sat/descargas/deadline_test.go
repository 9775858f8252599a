package descargas

import (
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestDeadline_WhenItPassesWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 100, "a", "b"), nil }
	w.fetch = func(p gateway.Paquete) error {
		if p.IDPaquete == "b" {
			return &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnSistemaCaido, Retryable: true, Detail: "d"}
		}
		return nil
	}
	id := w.new(func(p *gateway.PeticionDescarga) { p.Deadline = 2 * time.Hour })
	d := w.finish(id)
	if d.Estado != gateway.DescargaParcial || d.Progreso.Found != 10 || len(d.Solicitudes) != 1 || d.Finished.Sub(d.Created) > 4*time.Hour {
		t.Errorf("%s %s %+v %+v", d.Estado, d.Motivo, d.Progreso, d.Solicitudes)
	}
}

// TestDeadline_WhenTheSATSaysTomorrow: the deadline is told at the deadline.
func TestDeadline_WhenTheSATSaysTomorrow(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) {
		return estado("", "", 0), answers["5011"]
	}
	id := w.new(func(p *gateway.PeticionDescarga) { p.Deadline = 2 * time.Hour })
	w.walk(0)
	w.walk(time.Minute)
	if d := w.ve(id); !d.SiguienteIntento.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("next %s, created %s", d.SiguienteIntento, d.Created)
	}
	w.walk(2 * time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida {
		t.Errorf("%+v", d)
	}
}

// TestRefusal_WhenVerificaIsRefusedOnAndOn: the patience is of the same refusal in a
// row, whatever else comes between, and it ends.
func TestRefusal_WhenVerificaIsRefusedOnAndOn(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) {
		return gateway.EstadoSolicitud{}, answers["303"]
	}
	if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaFallida || w.looks != 4 {
		t.Errorf("%s after %d questions", d.Estado, w.looks)
	}

	w = newWorkshop(t)
	good := w.verify
	w.verify = func(id string, n int) (gateway.EstadoSolicitud, error) {
		switch {
		case n > 20:
			return good(id, n)
		case n%3 == 0:
			return gateway.EstadoSolicitud{}, answers["404"]
		}
		return gateway.EstadoSolicitud{}, answers["303"]
	}
	if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%s %q after %d questions", d.Estado, d.Motivo, w.looks)
	}
}

// TestDeadline_WhenNobodyGaveOneWhatTheSATAcceptedIsFollowed: nine days have been
// reported, and an answer is worth more than another solicitud.
func TestDeadline_WhenNobodyGaveOneWhatTheSATAcceptedIsFollowed(t *testing.T) {
	t.Parallel()
	w, id := withoutDeadline(t)
	before, err := w.Eventos(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w.walk(15 * time.Minute)
	}
	if after, err := w.Eventos(t.Context(), id, 0, 100); err != nil || len(after) != len(before) {
		t.Errorf("%d events, and %d: %v", len(before), len(after), err)
	}
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, id+"_01"), nil }
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada || len(w.requested) != 1 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.requested))
	}

	// What it needs then is presented, once each: halves too.
	w, id = withoutDeadline(t)
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if id == "id-1" {
			return estado("5", "5003", 0), nil
		}
		return estado("3", "5000", 10, id+"_01"), nil
	}
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada || len(w.requested) != 3 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.requested))
	}
	w, id = withoutDeadline(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("5", "5003", 0), nil }
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, answers["404"]
	}
	if d := w.finish(id); d.Estado != gateway.DescargaFallida || len(w.requested) != 3 {
		t.Errorf("%s, %d solicitudes", d.Estado, len(w.requested))
	}

	// And it ends.
	w, id = withoutDeadline(t)
	w.walk(gateway.NormalCeiling - gateway.NormalDeadline - time.Hour)
	if d := w.ve(id); d.Estado.Final() {
		t.Errorf("%s before the end of patience", d.Estado)
	}
	w.walk(time.Hour)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || !strings.Contains(d.Motivo, "plazo") {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}

// TestDeadline_WhenTheSATNeverAcceptsItEndsWithTheDeadline, whoever gave it.
func TestDeadline_WhenTheSATNeverAcceptsItEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	for _, given := range []time.Duration{0, 100 * time.Hour} {
		w := newWorkshop(t)
		w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
			return gateway.SolicitudAceptada{}, answers["404"]
		}
		id := w.new(func(p *gateway.PeticionDescarga) { p.Deadline = given })
		deadline := given
		if given == 0 {
			deadline = gateway.NormalDeadline
		}
		for range 2000 {
			if w.ve(id).Estado.Final() {
				break
			}
			w.walk(15 * time.Minute)
		}
		if d := w.ve(id); d.Estado != gateway.DescargaFallida || d.Finished.Sub(d.Created) < deadline || d.Finished.Sub(d.Created) > deadline+time.Hour {
			t.Errorf("%s: %s after %s", deadline, d.Estado, d.Finished.Sub(d.Created))
		}
		if n := len(w.requested); n > 75 {
			t.Errorf("%s: sent %d times", deadline, n)
		}
		w.unrepeated()
	}
}

// TestDeadline_WhenTheCallerGaveItItIsObeyed, also with the number of the normal one.
func TestDeadline_WhenTheCallerGaveItItIsObeyed(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("1", "5000", 0), nil }
	id := w.new(func(p *gateway.PeticionDescarga) { p.Deadline = gateway.NormalDeadline })
	w.walk(0)
	w.walk(time.Minute)
	w.walk(gateway.NormalDeadline)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || !d.Ceiling.Equal(d.Limit) {
		t.Errorf("%s, %s to %s", d.Estado, d.Limit, d.Ceiling)
	}
}

// TestRefusal_WhenTheEFirmaIsReplacedTheSameRangeGoesOut: a refusal of 305 binds
// nobody for ever, but for those that count.
func TestRefusal_WhenTheEFirmaIsReplacedTheSameRangeGoesOut(t *testing.T) {
	t.Parallel()
	for codigo, times := range map[string]int{"303": 4, "304": 4, "305": 9, "301": 1, "5001": 1} {
		w := newWorkshop(t)
		good := w.request
		w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
			return gateway.SolicitudAceptada{}, answers[codigo]
		}
		if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaFallida || len(w.requested) != times {
			t.Errorf("%s: %+v", codigo, d)
		}
		w.request = good
		w.pass(time.Hour)
		if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaTerminada || len(w.requested) != times+1 || w.requested[0].Criterios() != w.requested[times].Criterios() {
			t.Errorf("%s: %+v, sent %+v", codigo, d, w.requested)
		}
		w.requested = w.requested[:times]
		w.unrepeated()
	}
}

func TestTrim_WhenTheSixYearsMoveOn(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	good := w.request
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, answers["404"]
	}
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2020-11-21T00:00:00", "2020-11-22T23:59:59"
	})
	w.walk(0)
	w.request = good
	w.pass(13 * time.Hour) // the 22nd in Mexico
	w.walk(0)
	if d := w.ve(id); w.requested[1].FechaInicial != "2020-11-22T00:00:00" || d.Solicitudes[0].Since != "2020-11-21T00:00:00" {
		t.Errorf("%+v %+v", w.requested[1], d.Solicitudes)
	}
	w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{}, answers["404"]
	}
	id = w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2020-11-22T00:00:00", "2020-11-22T20:00:00"
	})
	w.walk(0)
	before := len(w.requested)
	w.pass(24 * time.Hour)
	w.walk(0)
	if d := w.ve(id); d.Estado != gateway.DescargaFallida || len(w.requested) != before {
		t.Errorf("%+v", d)
	}
}
