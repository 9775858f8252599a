package webhooks

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// relojes is a machine whose clock can be set, over the rig's, which counts.
type relojes struct {
	*rig
	puesto time.Duration
}

func conRelojes(t *testing.T) *relojes {
	t.Helper()
	r := &relojes{}
	r.rig = nuevoRig(t, func(c *Config) {
		cuenta := c.Now
		began := cuenta()
		c.Now = func() time.Time { return cuenta().Add(r.puesto) }
		c.Clock = clock.New(clock.Config{Wall: c.Now, Monotonic: func() time.Duration { return cuenta().Sub(began) }, Log: zerolog.Nop()})
	})
	return r
}

// barre makes every attempt that is due.
func (r *relojes) barre() {
	r.t.Helper()
	if err := r.Acerca(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, p := range r.vencidas(r.vale.Now()) {
		if _, err := r.Intenta(r.t.Context(), p.ID, p.Turn); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestReloj_AttemptsAreReallyWaitedForAndNotLonger(t *testing.T) {
	t.Parallel()
	r := conRelojes(t)
	d, _ := r.crea()
	r.receptor.responde(slices.Repeat([]int{500}, 50)...)
	r.publica("1")
	r.barre()
	// Ten jumps of four days would be as many attempts as there are.
	for range 10 {
		r.puesto = 4 * 24 * time.Hour
		r.barre()
		r.puesto = 0
		r.barre()
	}
	if e := r.unica(d); e.Estado != store.EntregaPendiente || len(e.Intentos) > 1 {
		t.Errorf("%s after %d attempts", e.Estado, len(e.Intentos))
	}
	// One that is made by a wrong clock is followed by the next in its time.
	r.puesto = 2 * time.Hour
	r.vale.Clock.Heard(r.vale.Now(), 0)
	r.avanza(10 * time.Second)
	r.barre()
	antes := len(r.unica(d).Intentos)
	r.puesto = 0
	r.vale.Clock.Heard(r.vale.Now(), 0)
	r.barre()
	r.avanza(6 * time.Minute)
	r.barre()
	if got := len(r.unica(d).Intentos); got != antes+1 {
		t.Errorf("%d attempts after %d", got, antes)
	}
}

func TestReloj_AnOldSecretSignsUntilItHasSurelyExpired(t *testing.T) {
	t.Parallel()
	r := conRelojes(t)
	d, _ := r.crea()
	if _, _, err := r.Rota(t.Context(), "erp", d.ID, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	firman := func() int {
		t.Helper()
		firmas, err := r.firmas(t.Context(), d.ID, "msg_1", "{}", r.vale.Now())
		if err != nil {
			t.Fatal(err)
		}
		return len(firmas)
	}
	r.puesto = 4 * 24 * time.Hour
	if _, _, err := r.Rota(t.Context(), "erp", d.ID, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	r.puesto = 0
	if got := firman(); got != 3 {
		t.Errorf("%d secrets sign after a rotation by a clock that had jumped", got)
	}
	r.avanza(25 * time.Hour)
	if got := firman(); got != 2 {
		t.Errorf("%d secrets sign though the first has expired", got)
	}
}

// TestReloj_AMessageIsSignedWithTheTimeThatItsReceiverHas: libraries refuse one that is
// five minutes off (Standard Webhooks, verifying).
func TestReloj_AMessageIsSignedWithTheTimeThatItsReceiverHas(t *testing.T) {
	t.Parallel()
	r := conRelojes(t)
	_, secreto := r.crea()
	verdad := func() time.Time { return r.vale.Now().Add(-r.puesto) }
	for _, puesto := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		antes := len(r.receptor.recibidos())
		r.puesto = puesto
		r.publica(puesto.String())
		r.barre()
		if got := len(r.receptor.recibidos()) - antes; got != 0 {
			t.Fatalf("%s: %d messages left before anybody had told the time", puesto, got)
		}
		r.vale.Clock.Heard(verdad(), 0)
		r.barre()
		got := r.receptor.recibidos()[antes:]
		if len(got) != 1 || got[0].Get("webhook-timestamp") != strconv.FormatInt(verdad().Unix(), 10) || got[0].Get("webhook-signature") != firmaPropia(t, secreto, got[0]) {
			t.Errorf("%s: at %d came %v", puesto, verdad().Unix(), got)
		}
		r.puesto = 0
		r.vale.Clock.Heard(verdad(), 0)
	}
}
