package descargas

import (
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestTakeOver_WhenThisMachineHasAgainWhatItTakes what was put off for want of it is
// asked for soon; not before there is, and not what waits for another reason.
func TestTakeOver_WhenThisMachineHasAgainWhatItTakes(t *testing.T) {
	t.Parallel()
	ours := &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnSinLugar, Retryable: true, Unsent: true, RetryAfter: time.Minute, Detail: "sin lugar"}
	ofSAT := &gateway.Error{Kind: gateway.KindNoDisponible, Backend: "sat", Own: gateway.OwnSistemaCaido, Retryable: true, Unsent: true, Detail: "sin conexión"}
	for name, tc := range map[string]struct {
		request, fetch error
		// going says that it goes on.
		going bool
	}{
		"a package":               {fetch: ours, going: true},
		"a solicitud":             {request: ours, going: true},
		"a package of the SAT's":  {fetch: ofSAT},
		"a solicitud for the SAT": {request: ofSAT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.ready = errors.New("full")
			w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
				return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, tc.request
			}
			if tc.request != nil {
				w.request = func(gateway.Solicitud, int) (gateway.SolicitudAceptada, error) {
					return gateway.SolicitudAceptada{}, tc.request
				}
			}
			times := 0
			w.fetch = func(gateway.Paquete) error { times++; return tc.fetch }
			w.new(nil)
			// So often that the next try is far away.
			for range 200 {
				w.walk(time.Minute)
			}
			tries := func() int { return times + len(w.requested) }
			before := tries()
			w.touch(t, pace.Min)
			if n := tries(); n != before {
				t.Errorf("without room: %d tries more", n-before)
			}
			w.ready = nil
			w.touch(t, 0)
			if n := tries(); (n == before+1) != tc.going {
				t.Errorf("with room: %d tries more", n-before)
			}
			// It has failed again, and a round follows at once.
			before = tries()
			w.touch(t, 0)
			if n := tries(); n != before {
				t.Errorf("at once: %d tries more", n-before)
			}
		})
	}
}

// touch makes a round after d, and what is due then.
func (w *workshop) touch(t *testing.T, d time.Duration) {
	t.Helper()
	w.pass(d)
	if err := w.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.walk(0)
}
