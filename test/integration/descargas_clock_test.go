package integration

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// The machine's clock jumps and the SAT's does not. No descarga ends because of that, or
// of a start under the wrong clock, and all continue when the clock is right.
func TestDescargas_WhenTheMachinesClockJumps(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var set atomic.Int64
	r := start(t, gatewaytest.Options{
		Now:       func() time.Time { return time.Now().Add(time.Duration(set.Load())) },
		Monotonic: func() time.Duration { return time.Since(began) },
	})
	if err := r.Sandbox.Knobs().Change(map[string]any{"demora_aceptada": "1h", "demora_proceso": "1h"}); err != nil {
		t.Fatal(err)
	}
	path := create(t, r.Gateway, request("Metadata", map[string]any{"plazoHoras": 2}))
	waitUntil(t, "a question", func() bool { return r.calls(opVerify) >= 2 })
	doubted := func() bool { return metric(t, r.Gateway, "pasarela_clock_believed") == "0" }
	waitUntil(t, "the clock is believed", func() bool { return !doubted() })
	set.Store(int64(4 * 24 * time.Hour))
	waitUntil(t, "the clock is doubted", doubted)
	alive := func(when string) {
		t.Helper()
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if d := look(t, r, path); d.Estado != "solicitada" && d.Estado != "en_proceso" {
				t.Fatalf("%s: %s %q", when, d.Estado, d.Motivo)
			}
		}
	}
	alive("after the jump")
	r.Restart()
	waitUntil(t, "a start doubts the clock", doubted)
	alive("after a start")
	set.Store(0)
	if err := r.Sandbox.Knobs().Change(map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"}); err != nil {
		t.Fatal(err)
	}
	r.Sandbox.Clock().BringForward(3 * time.Hour)
	if d := wait(t, r.Gateway, path); d.Estado != "terminada" {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
}
