package descargas

import (
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestPlazo_WhenItPassesWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 100, "a", "b"), nil }
	w.trae = func(p gateway.Paquete) error {
		if p.IDPaquete == "b" {
			return &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnSistemaCaido, Reintentable: true, Detail: "d"}
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
