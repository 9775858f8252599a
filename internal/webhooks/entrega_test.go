package webhooks

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func TestTry_WhenTheReceiverFailsForDays(t *testing.T) {
	t.Parallel()
	randoms := []float64{0, 0.999, 0.5}
	n := 0
	r := newRig(t, func(c *Config) { c.Random = func() float64 { n++; return randoms[n%len(randoms)] } })
	d, _ := r.create()
	r.receptor.respond(500, 503, 404, 400, 302, 500)
	r.publish("1")
	r.ringAll()
	all := r.receptor.recibidos()
	nominal := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	if len(all) != len(nominal)+1 {
		t.Fatalf("%d attempts", len(all))
	}
	jitter := map[int64]bool{}
	for i, want := range nominal {
		wait := time.Duration(timestamp(t, all[i+1])-timestamp(t, all[i])) * time.Second
		if wait < want*9/10-time.Second || wait > want*11/10+time.Second {
			t.Errorf("wait %d is %v, want about %v", i+1, wait, want)
		}
		if all[i+1].Get("webhook-id") != all[0].Get("webhook-id") || all[i+1].body != all[0].body || all[i+1].Get("webhook-signature") == all[0].Get("webhook-signature") {
			t.Errorf("attempt %d is another message, or has the signature of the first", i+2)
		}
		jitter[int64(wait*100/want)] = true
	}
	if len(jitter) < 3 {
		t.Errorf("no jitter: %v", jitter)
	}
	e := r.only(d)
	var statuses []int
	var results []string
	for _, i := range e.Attempts {
		statuses, results = append(statuses, i.Status), append(results, i.Result)
	}
	if e.Estado != "agotada" || !slices.Equal(statuses[:6], []int{500, 503, 404, 400, 302, 500}) ||
		!slices.Equal(results[:5], []string{ResultFalla, ResultFalla, ResultadoRechazado, ResultadoRechazado, ResultadoRedireccion}) {
		t.Errorf("%s, %v, %v", e.Estado, statuses, results)
	}
	if due := r.expired(r.clock().Add(1000 * time.Hour)); len(due) != 0 {
		t.Errorf("still due: %v", due)
	}
	if took := r.clock().Sub(start); took < 68*time.Hour || took > 84*time.Hour {
		t.Errorf("gave up after %v", took)
	}
}

func timestamp(t *testing.T, a aviso) int64 {
	t.Helper()
	n, err := strconv.ParseInt(a.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWait_WhenTheReceiverAsksForOne(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "-5": 0, "x": 0, "": 0, "99999999": maxWait, "99999999999999999999": 0,
		start.Add(time.Hour).Format(http.TimeFormat): time.Hour, start.Add(-time.Hour).Format(http.TimeFormat): 0,
		start.Add(9000 * time.Hour).Format(http.TimeFormat): maxWait,
	} {
		if got := waitRequested(value, start); got != want {
			t.Errorf("Retry-After %q: %v, want %v", value, got, want)
		}
	}
	for _, tc := range []struct {
		status int
		header string
		want   time.Duration
	}{{429, "3600", time.Hour}, {503, "3600", time.Hour}, {503, "1", 5 * time.Second}, {500, "3600", 5 * time.Second}, {429, "999999", maxWait}} {
		r := newRig(t, nil)
		d, _ := r.create()
		r.receptor.with(func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tc.header)
			w.WriteHeader(tc.status)
		})
		r.publish("1")
		r.ring()
		if got := r.only(d).Next.Sub(start); got != tc.want {
			t.Errorf("%d with %q: wait %v, want %v", tc.status, tc.header, got, tc.want)
		}
	}
}

func TestTry_WhenTheReceiverIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, _ := r.create()
	r.receptor.respond(410)
	r.publish("1")
	r.publish("2")
	r.ringAll()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Errorf("%d requests to a receiver that said 410 at once", n)
	}
	got, err := r.Obtain(t.Context(), "erp", d.ID)
	if err != nil || got.Active || got.Motivo != MotivoWithdrawal {
		t.Errorf("%+v, error %v", got, err)
	}
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 10)
	if err != nil || len(page) != 2 || page[0].Estado != "cancelada" || page[1].Estado != "cancelada" {
		t.Errorf("%+v, error %v", page, err)
	}
	r.publish("3")
	for _, err := range []error{second(r.Trial(t.Context(), "erp", d.ID)), second(r.Resend(t.Context(), "erp", d.ID, page[0].ID))} {
		if !gateway.IsKind(err, gateway.KindConflicto) {
			t.Errorf("of an inactive endpoint: %v", err)
		}
	}
	r.receptor.respond(200)
	if got, err = r.Change(t.Context(), "erp", d.ID, Registration{URL: d.URL, Eventos: d.Eventos, RFCs: d.RFCs, Active: true}); err != nil || !got.Active || got.Motivo != "" {
		t.Errorf("%+v, error %v", got, err)
	}
	r.publish("4")
	r.ringAll()
	if n := len(r.receptor.recibidos()); n != 1 { // events while it was inactive are not sent
		t.Errorf("%d requests once it is active again", n)
	}
}

func second[T any](_ T, err error) error { return err }

func TestResend_WhenDeliveredOrExhausted(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, secret := r.create()
	r.publish("1")
	r.ringAll()
	for range 2 {
		r.advance(time.Hour)
		e, err := r.Resend(t.Context(), "erp", d.ID, r.only(d).ID)
		if err != nil || e.Estado != "pendiente" {
			t.Fatalf("%+v, error %v", e, err)
		}
		r.ringAll()
	}
	all := r.receptor.recibidos()
	if len(all) != 3 {
		t.Fatalf("%d requests", len(all))
	}
	for _, a := range all[1:] {
		if a.Get("webhook-id") != all[0].Get("webhook-id") || a.body != all[0].body || timestamp(t, a) == timestamp(t, all[0]) || a.Get("webhook-signature") != ownFirma(t, secret, a) {
			t.Errorf("sent again as %v", a.Header)
		}
	}
	if e := r.only(d); e.Estado != "entregada" || len(e.Attempts) != 3 {
		t.Errorf("%+v", e)
	}
	r.receptor.respond(500)
	r.publish("2")
	r.ringAll()
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "agotada" {
		t.Fatalf("%+v, error %v", page, err)
	}
	if _, err := r.Resend(t.Context(), "erp", d.ID, page[0].ID); err != nil {
		t.Fatal(err)
	}
	r.receptor.respond(500, 500, 200) // a new round
	r.ringAll()
	if n := len(r.receptor.recibidos()); n != 3 {
		t.Errorf("%d attempts of the second round", n)
	}
	if err := second(r.Resend(t.Context(), "erp", d.ID, "msg_nada")); !gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("of none: %v", err)
	}
}

// The message arrived and nobody recorded that. It arrives again with the same id, after
// the lease.
func TestTry_WhenItDiesBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, _ := r.create()
	r.publish("1")
	first := r.expired(r.clock())[0]
	ctx, die := context.WithCancel(t.Context())
	r.receptor.with(func(n int, w http.ResponseWriter, req *http.Request) {
		if n == 1 {
			die()
			<-req.Context().Done()
		}
		w.WriteHeader(http.StatusOK)
	})
	if _, err := r.Try(ctx, first.ID, first.Turn); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if e := r.only(d); e.Estado != "pendiente" || len(e.Attempts) != 0 {
		t.Errorf("recorded: %+v", e)
	}
	// A second Try in the same turn is late.
	if missing, err := r.Try(t.Context(), first.ID, first.Turn); err != nil || missing != 0 {
		t.Errorf("wait %v, error %v", missing, err)
	}
	if due := r.expired(r.clock().Add(lease - time.Second)); len(due) != 0 {
		t.Errorf("due too early: %v", due)
	}
	r.advance(lease)
	due := r.expired(r.clock())
	if len(due) != 1 || due[0].ID != first.ID || due[0].Turn == first.Turn {
		t.Fatalf("due %v", due)
	}
	if _, err := r.Try(t.Context(), due[0].ID, due[0].Turn); err != nil {
		t.Fatal(err)
	}
	all := r.receptor.recibidos()
	if len(all) != 2 || all[0].Get("webhook-id") != all[1].Get("webhook-id") || all[0].body != all[1].body {
		t.Errorf("%d requests", len(all))
	}
	if e := r.only(d); e.Estado != "entregada" {
		t.Errorf("%+v", e)
	}
}

func TestTry_WhenManyComeOrEarly(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, _ := r.create()
	r.receptor.respond(500, 200)
	r.publish("1")
	sweep := func() store.Due[string] {
		t.Helper()
		due := r.expired(r.clock())
		if len(due) != 1 {
			t.Fatalf("due %v", due)
		}
		return due[0]
	}
	p := sweep()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.Try(context.Background(), p.ID, p.Turn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Errorf("%d requests of one turn", n)
	}
	e := r.only(d)
	if missing, err := r.Try(t.Context(), e.ID, e.Turn); err != nil || missing != 5*time.Second {
		t.Errorf("early: wait %v, error %v", missing, err)
	}
	r.advance(5 * time.Second)
	p = sweep()
	if _, err := r.Try(t.Context(), p.ID, p.Turn); err != nil {
		t.Fatal(err)
	}
	if e := r.only(d); e.Estado != "entregada" || len(r.receptor.recibidos()) != 2 {
		t.Errorf("%+v", e)
	}
	if _, err := r.Try(t.Context(), "msg_nada", 1); err != nil {
		t.Errorf("of none: %v", err)
	}
}

func TestPublish_WhenTwiceOrNotWanted(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ve := true
	r := newRig(t, func(c *Config) {
		c.Reach = func(owner, _ string) (bool, error) { mu.Lock(); defer mu.Unlock(); return owner == "erp" && ve, nil }
	})
	ctx := t.Context()
	d, _ := r.create()
	for _, a := range []Registration{
		{URL: d.URL, Eventos: []string{DescargaFailed}, RFCs: []string{rfc}, Active: true},
		{URL: d.URL, Eventos: Eventos(), RFCs: []string{"PRU010101AB1"}, Active: true},
		{URL: d.URL, Eventos: Eventos(), RFCs: []string{"*"}, Active: false},
	} {
		if _, _, err := r.Create(ctx, "erp", a); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Create(ctx, "otro", Registration{URL: d.URL, Eventos: Eventos(), RFCs: []string{"*"}, Active: true}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.publish("1")
	}
	if due := r.expired(r.clock()); len(due) != 1 {
		t.Errorf("deliveries: %v", due)
	}
	r.advance(time.Millisecond) // the first due leaves first
	another := evento("1")
	another.Tipo, another.Data.IDPaquete = DescargaPaqueteAvailable, "P_01"
	if err := r.Publish(ctx, another); err != nil {
		t.Fatal(err)
	}
	r.ringAll()
	all := r.receptor.recibidos()
	if len(all) != 2 || all[0].Get("webhook-id") == all[1].Get("webhook-id") || !strings.HasSuffix(all[1].body, `"estado":"terminada","idPaquete":"P_01"}}`) {
		t.Errorf("%+v", all)
	}
	for _, bad := range []Evento{{Tipo: DescargaEmpty}, {Key: "x", Tipo: "otra.cosa"}, {Key: "x", Tipo: EventoTrial},
		{Key: "x", Tipo: DescargaEmpty, Data: Data{IDDescarga: strings.Repeat("x", maxBody)}}} {
		if err := r.Publish(ctx, bad); err == nil {
			t.Errorf("published %.40v", bad)
		}
	}
	r.advance(time.Second) // the newest one
	r.publish("2")
	mu.Lock()
	ve = false // its key has lost access to the RFC
	mu.Unlock()
	r.ringAll()
	page, _, err := r.Entregas(ctx, "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "cancelada" || len(r.receptor.recibidos()) != 2 {
		t.Errorf("%+v, error %v", page, err)
	}
}

// A pending test is not sent after its key is gone.
func TestTrial_WhenItsKeyIsGone(t *testing.T) {
	t.Parallel()
	var ve atomic.Bool
	ve.Store(true)
	r := newRig(t, func(c *Config) {
		c.Reach = func(owner, _ string) (bool, error) { return owner == "erp" && ve.Load(), nil }
	})
	d, _ := r.create()
	if _, err := r.Trial(t.Context(), "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	r.ringAll()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Fatalf("%d messages while it is there", n)
	}
	r.advance(time.Minute)
	if _, err := r.Trial(t.Context(), "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	ve.Store(false)
	r.ringAll()
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "cancelada" || len(r.receptor.recibidos()) != 1 {
		t.Errorf("%+v, error %v", page, err)
	}
}

func TestTrial_WhenSentAndWhenTooMany(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, secret := r.create()
	e, err := r.Trial(t.Context(), "erp", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.ringAll()
	got := r.receptor.recibidos()
	want := `{"type":"webhook.prueba","timestamp":"2026-02-01T05:59:59.000Z","data":{"idWebhook":"` + d.ID + `"}}`
	if len(got) != 1 || got[0].body != want || got[0].Get("webhook-id") != e.ID || got[0].Get("webhook-signature") != ownFirma(t, secret, got[0]) {
		t.Errorf("%+v", got)
	}
	for n := range maxTrials + 1 {
		if _, err = r.Trial(t.Context(), "erp", d.ID); (err != nil) != (n == maxTrials) {
			t.Errorf("test %d: %v", n, err)
		}
	}
	if !gateway.IsKind(err, gateway.KindLimite) {
		t.Errorf("error %v", err)
	}
}

func TestTargets_WhenOfAnotherKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := t.Context()
	d, _ := r.create()
	r.publish("1")
	r.ringAll()
	e := r.only(d)
	a := Registration{URL: d.URL, Eventos: d.Eventos, RFCs: d.RFCs, Active: true}
	_, _, broken := r.Rotate(ctx, "otro", d.ID, 0)
	_, _, entregas := r.Entregas(ctx, "otro", d.ID, "", 1)
	for name, err := range map[string]error{
		"get": second(r.Obtain(ctx, "otro", d.ID)), "change": second(r.Change(ctx, "otro", d.ID, a)), "remove": r.Delete(ctx, "otro", d.ID), "rotate": broken,
		"test": second(r.Trial(ctx, "otro", d.ID)), "log": entregas, "again": second(r.Resend(ctx, "otro", d.ID, e.ID)), "none": second(r.Obtain(ctx, "erp", "whd_nada")),
	} {
		if !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := r.List(ctx, "otro"); err != nil || len(all) != 0 {
		t.Errorf("%v, error %v", all, err)
	}
	all, err := r.List(ctx, "erp")
	if diff := cmp.Diff([]Target{d}, all); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	other, _, err := r.Create(ctx, "erp", a)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Entregas(ctx, "erp", other.ID, e.ID, 1); !gateway.IsKind(err, gateway.KindInvalida) {
		t.Errorf("a cursor of another's: %v", err)
	}
	if err := r.Delete(ctx, "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Purge(ctx); err != nil || n != 0 {
		t.Errorf("%d left, error %v", n, err)
	}
	for range MaxTargets - 1 {
		if _, _, err := r.Create(ctx, "erp", a); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Create(ctx, "erp", a); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Errorf("one too many: %v", err)
	}
}

func TestPurge_WhenOld(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, _ := r.create()
	r.publish("1")
	r.ringAll()
	r.advance(Retencion)
	if n, err := r.Purge(t.Context()); err != nil || n != 0 {
		t.Errorf("%d, error %v", n, err)
	}
	r.advance(time.Second)
	if n, err := r.Purge(t.Context()); err != nil || n != 1 {
		t.Errorf("%d, error %v", n, err)
	}
	if page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1); err != nil || len(page) != 0 {
		t.Errorf("%+v, error %v", page, err)
	}
}

// A known outcome is not sent again.
func TestTry_WhenToldToStopOnceItIsAnswered(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	r := newRig(t, nil)
	// The clock is read again after the answer.
	now := r.voucher.Now
	r.voucher.Now = func() time.Time {
		if len(r.receptor.recibidos()) > 0 {
			stop()
		}
		return now()
	}
	r.Servicio = New(r.voucher)
	d, _ := r.create()
	r.publish("1")
	a := r.expired(r.clock())[0]
	if _, err := r.Try(ctx, a.ID, a.Turn); err != nil {
		t.Fatal(err)
	}
	if e := r.only(d); ctx.Err() == nil || e.Estado != "entregada" {
		t.Errorf("%+v", e)
	}
}
