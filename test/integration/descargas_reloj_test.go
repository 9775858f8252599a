package integration

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// A machine whose clock jumps, before a SAT whose clock does not: no descarga ends by
// it, not by a start under the wrong clock either, and all go on when it is right.
func TestDescargas_WhenTheMachinesClockJumps(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var puesto atomic.Int64
	r := start(t, gatewaytest.Options{
		Now:       func() time.Time { return time.Now().Add(time.Duration(puesto.Load())) },
		Monotonic: func() time.Duration { return time.Since(began) },
	})
	if err := r.Sandbox.Perillas().Cambia(map[string]any{"demora_aceptada": "1h", "demora_proceso": "1h"}); err != nil {
		t.Fatal(err)
	}
	path := crea(t, r.Gateway, peticion("Metadata", map[string]any{"plazoHoras": 2}))
	hasta(t, "a question", func() bool { return r.calls(opVerifica) >= 2 })
	dudada := func() bool { return metrica(t, r.Gateway, "pasarela_clock_believed") == "0" }
	hasta(t, "the clock is believed", func() bool { return !dudada() })
	puesto.Store(int64(4 * 24 * time.Hour))
	hasta(t, "the clock is doubted", dudada)
	vive := func(cuando string) {
		t.Helper()
		for fin := time.Now().Add(3 * time.Second); time.Now().Before(fin); time.Sleep(100 * time.Millisecond) {
			if d := mirada(t, r, path); d.Estado != "solicitada" && d.Estado != "en_proceso" {
				t.Fatalf("%s: %s %q", cuando, d.Estado, d.Motivo)
			}
		}
	}
	vive("after the jump")
	r.Restart()
	hasta(t, "a start doubts the clock", dudada)
	vive("after a start")
	puesto.Store(0)
	if err := r.Sandbox.Perillas().Cambia(map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"}); err != nil {
		t.Fatal(err)
	}
	r.Sandbox.Reloj().Adelanta(3 * time.Hour)
	if d := espera(t, r.Gateway, path); d.Estado != "terminada" {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}
