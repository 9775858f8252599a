package descargas

import (
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestReleva_WhenThisMachineHasAgainWhatItTakes what was put off for want of it is
// asked for soon; not before there is, and not what waits for another reason.
func TestReleva_WhenThisMachineHasAgainWhatItTakes(t *testing.T) {
	t.Parallel()
	nuestra := &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnSinLugar, Reintentable: true, NoEnviada: true, RetryAfter: time.Minute, Detail: "sin lugar"}
	delSAT := &gateway.Error{Kind: gateway.KindNoDisponible, Backend: "sat", Own: gateway.OwnSistemaCaido, Reintentable: true, NoEnviada: true, Detail: "sin conexión"}
	for name, tc := range map[string]struct {
		solicita, trae error
		// van says that it goes on.
		van bool
	}{
		"a package":               {trae: nuestra, van: true},
		"a solicitud":             {solicita: nuestra, van: true},
		"a package of the SAT's":  {trae: delSAT},
		"a solicitud for the SAT": {solicita: delSAT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.listo = errors.New("full")
			w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
				return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, tc.solicita
			}
			if tc.solicita != nil {
				w.solicita = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
					return gateway.SolicitudAceptada{}, tc.solicita
				}
			}
			veces := 0
			w.trae = func(gateway.Paquete) error { veces++; return tc.trae }
			w.nueva(nil)
			// So often that the next try is far away.
			for range 200 {
				w.anda(time.Minute)
			}
			tries := func() int { return veces + len(w.pedidas) }
			antes := tries()
			w.toca(t, ritmo.Minimo)
			if n := tries(); n != antes {
				t.Errorf("without room: %d tries more", n-antes)
			}
			w.listo = nil
			w.toca(t, 0)
			if n := tries(); (n == antes+1) != tc.van {
				t.Errorf("with room: %d tries more", n-antes)
			}
			// It has failed again, and a round follows at once.
			antes = tries()
			w.toca(t, 0)
			if n := tries(); n != antes {
				t.Errorf("at once: %d tries more", n-antes)
			}
		})
	}
}

// toca makes a round after d, and what is due then.
func (w *taller) toca(t *testing.T, d time.Duration) {
	t.Helper()
	w.pasa(d)
	if err := w.Releva(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.anda(0)
}
