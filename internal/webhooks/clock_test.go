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

// clocks is a machine whose clock can be set, on top of the rig's, which counts.
type clocks struct {
	*rig
	set time.Duration
}

func withClocks(t *testing.T) *clocks {
	t.Helper()
	r := &clocks{}
	r.rig = newRig(t, func(c *Config) {
		cuenta := c.Now
		began := cuenta()
		c.Now = func() time.Time { return cuenta().Add(r.set) }
		c.Clock = clock.New(clock.Config{Wall: c.Now, Monotonic: func() time.Duration { return cuenta().Sub(began) }, Log: zerolog.Nop()})
	})
	return r
}

// sweep makes every attempt that is due.
func (r *clocks) sweep() {
	r.t.Helper()
	if err := r.About(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, p := range r.expired(r.voucher.Now()) {
		if _, err := r.Try(r.t.Context(), p.ID, p.Turn); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestClock_AttemptsAreReallyWaitedForAndNotLonger(t *testing.T) {
	t.Parallel()
	r := withClocks(t)
	d, _ := r.create()
	r.receptor.respond(slices.Repeat([]int{500}, 50)...)
	r.publish("1")
	r.sweep()
	// Without protection, ten jumps of four days would use up every attempt.
	for range 10 {
		r.set = 4 * 24 * time.Hour
		r.sweep()
		r.set = 0
		r.sweep()
	}
	if e := r.only(d); e.Estado != store.EntregaPendiente || len(e.Attempts) > 1 {
		t.Errorf("%s after %d attempts", e.Estado, len(e.Attempts))
	}
	// After an attempt by a wrong clock, the next one comes at its time.
	r.set = 2 * time.Hour
	r.voucher.Clock.Heard(r.voucher.Now(), 0)
	r.advance(10 * time.Second)
	r.sweep()
	before := len(r.only(d).Attempts)
	r.set = 0
	r.voucher.Clock.Heard(r.voucher.Now(), 0)
	r.sweep()
	r.advance(6 * time.Minute)
	r.sweep()
	if got := len(r.only(d).Attempts); got != before+1 {
		t.Errorf("%d attempts after %d", got, before)
	}
}

func TestClock_AnOldSecretSignsUntilItHasSurelyExpired(t *testing.T) {
	t.Parallel()
	r := withClocks(t)
	d, _ := r.create()
	if _, _, err := r.Rotate(t.Context(), "erp", d.ID, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	sign := func() int {
		t.Helper()
		firmas, err := r.firmas(t.Context(), d.ID, "msg_1", "{}", r.voucher.Now())
		if err != nil {
			t.Fatal(err)
		}
		return len(firmas)
	}
	r.set = 4 * 24 * time.Hour
	if _, _, err := r.Rotate(t.Context(), "erp", d.ID, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	r.set = 0
	if got := sign(); got != 3 {
		t.Errorf("%d secrets sign after a rotation by a clock that had jumped", got)
	}
	r.advance(25 * time.Hour)
	if got := sign(); got != 2 {
		t.Errorf("%d secrets sign though the first has expired", got)
	}
}

// Libraries refuse a message whose time is five minutes off (Standard Webhooks,
// verifying).
func TestClock_AMessageIsSignedWithTheTimeThatItsReceiverHas(t *testing.T) {
	t.Parallel()
	r := withClocks(t)
	_, secret := r.create()
	truth := func() time.Time { return r.voucher.Now().Add(-r.set) }
	for _, set := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		before := len(r.receptor.recibidos())
		r.set = set
		r.publish(set.String())
		r.sweep()
		if got := len(r.receptor.recibidos()) - before; got != 0 {
			t.Fatalf("%s: %d messages left before anybody had told the time", set, got)
		}
		r.voucher.Clock.Heard(truth(), 0)
		r.sweep()
		got := r.receptor.recibidos()[before:]
		if len(got) != 1 || got[0].Get("webhook-timestamp") != strconv.FormatInt(truth().Unix(), 10) || got[0].Get("webhook-signature") != ownFirma(t, secret, got[0]) {
			t.Errorf("%s: at %d came %v", set, truth().Unix(), got)
		}
		r.set = 0
		r.voucher.Clock.Heard(truth(), 0)
	}
}
