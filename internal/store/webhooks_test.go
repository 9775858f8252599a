package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// withWebhooks runs f on SQLite and on PostgreSQL.
func withWebhooks(t *testing.T, f func(t *testing.T, s *Store)) {
	onBoth(t, func(t *testing.T, c Config) { f(t, open(t, c)) })
}

var base = time.Date(2026, 2, 1, 5, 59, 59, 123456000, time.UTC)

func TestWebhooks_WhenKept(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for n, owner := range []string{"erp", "erp", "otro"} {
			if err := s.Webhooks.Create(ctx, target(n, owner), fmt.Sprint("s", n), 2); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Webhooks.Create(ctx, target(9, "erp"), "s", 2); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		got, err := s.Webhooks.Of(ctx, "erp")
		if diff := cmp.Diff([]WebhookTarget{target(0, "erp"), target(1, "erp")}, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		changed := target(1, "erp")
		changed.URL, changed.Host, changed.Active, changed.Motivo, changed.Eventos, changed.RFCs = "otra", "h", false, "pausado", []string{"c"}, []string{"*"}
		if err := s.Webhooks.Change(ctx, changed); err != nil {
			t.Fatal(err)
		}
		one, err := s.Webhooks.Get(ctx, changed.ID)
		if diff := cmp.Diff(changed, one); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		active, err := s.Webhooks.Active(ctx)
		if diff := cmp.Diff([]WebhookTarget{target(0, "erp"), target(2, "otro")}, active); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		if err := s.Webhooks.Delete(ctx, changed.ID); err != nil {
			t.Fatal(err)
		}
		_, err = s.Webhooks.Get(ctx, changed.ID)
		for _, err := range []error{err, s.Webhooks.Delete(ctx, changed.ID), s.Webhooks.Change(ctx, changed), s.Webhooks.Rotate(ctx, changed.ID, "x", base, base, 9)} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("of one that is gone: %v", err)
			}
		}
	})
}

func TestWebhooks_WhenSecretsRotate(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx, id := t.Context(), "whd_1"
		if err := s.Webhooks.Create(ctx, target(1, "erp"), "s1", 9); err != nil {
			t.Fatal(err)
		}
		hour := func(n int) time.Time { return base.Add(time.Duration(n) * time.Hour) }
		wants := func(at int, want ...string) {
			t.Helper()
			if got, err := s.Webhooks.Secrets(ctx, id, hour(at)); err != nil || !cmp.Equal(got, want) {
				t.Errorf("at hour %d: %v, want %v; error %v", at, got, want, err)
			}
		}
		wants(0, "s1")
		if err := errors.Join(s.Webhooks.Rotate(ctx, id, "s2", hour(0), hour(24), 3), s.Webhooks.Rotate(ctx, id, "s3", hour(1), hour(25), 3)); err != nil {
			t.Fatal(err)
		}
		wants(2, "s3", "s2", "s1")
		if err := s.Webhooks.Rotate(ctx, id, "s4", hour(2), hour(26), 3); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		wants(2, "s3", "s2", "s1") // and nothing has changed
		wants(24, "s3", "s2")
		wants(25, "s3")
		if err := s.Webhooks.Rotate(ctx, id, "s5", hour(30), hour(30), 3); err != nil {
			t.Fatal(err)
		}
		wants(30, "s5")
	})
}

func entregas(n int, target string) []WebhookEntrega {
	var out []WebhookEntrega
	for i := range n {
		// Two of each instant: the id decides between them.
		out = append(out, WebhookEntrega{ID: fmt.Sprintf("msg_%s_%02d", target, i), Target: target, Evento: "a", Body: `{"ñ":1}`, Created: base.Add(time.Duration(i/2) * time.Second)})
	}
	return out
}

func TestEntregas_WhenTakenRecordedAndSentAgain(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for n := range 2 {
			if err := s.Webhooks.Create(ctx, target(n, "erp"), "s", 9); err != nil {
				t.Fatal(err)
			}
		}
		rows := append(entregas(3, "whd_0"), entregas(1, "whd_1")...)
		rows = append(rows, WebhookEntrega{ID: "msg_nadie", Target: "whd_nadie", Created: base})
		if fresh, err := s.Entregas.Add(ctx, rows); err != nil || len(fresh) != 4 {
			t.Fatalf("new %v, error %v", fresh, err)
		}
		if fresh, err := s.Entregas.Add(ctx, rows); err != nil || len(fresh) != 0 {
			t.Errorf("entered twice: %v, error %v", fresh, err)
		}
		due, err := s.Entregas.Due(ctx, 3)
		if err != nil || len(due) != 3 || due[0].Turn != 1 || due[0].ID != "msg_whd_0_00" || !due[0].At.Equal(base) {
			t.Errorf("due %+v, error %v", due, err)
		}
		id := "msg_whd_0_00"
		var winners atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if turn, mine, err := s.Entregas.Take(context.Background(), id, 1, base.Add(time.Minute)); err != nil || mine && turn != 2 {
					t.Errorf("turn %d, error %v", turn, err)
				} else if mine {
					winners.Add(1)
				}
			})
		}
		wg.Wait()
		if winners.Load() != 1 {
			t.Errorf("%d took it", winners.Load())
		}
		e, err := s.Entregas.Get(ctx, id)
		if err != nil || e.Turn != 2 || !e.Next.Equal(base.Add(time.Minute)) {
			t.Errorf("taken: %+v, error %v", e, err)
		}
		e.Failed, e.Next = 1, base.Add(time.Hour)
		i := WebhookAttempt{Start: base, Duration: 1500 * time.Millisecond, Status: 503, Result: "falla"}
		if turn, mine, err := s.Entregas.RegisterAttempt(ctx, e, i, ""); err != nil || !mine || turn != 3 {
			t.Errorf("turn %d, mine %v, error %v", turn, mine, err)
		}
		// A second taker of the same turn is late: its attempt is logged and changes nothing.
		beat := e
		beat.Estado = EntregaAgotada
		if _, mine, err := s.Entregas.RegisterAttempt(ctx, beat, i, ""); err != nil || mine {
			t.Errorf("late: mine %v, error %v", mine, err)
		}
		again, err := s.Entregas.Reopen(ctx, "whd_0", id, base.Add(2*time.Hour))
		if err != nil || again.Turn != 4 || again.Failed != 0 || again.Estado != EntregaPendiente || again.Total != 2 || !again.Next.Equal(base.Add(2*time.Hour)) {
			t.Errorf("sent again: %+v, error %v", again, err)
		}
		if _, err := s.Entregas.Reopen(ctx, "whd_1", id, base); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's: %v", err)
		}
		page, err := s.Entregas.Page(ctx, "whd_0", WebhookEntrega{}, 10, 1)
		i.Number = 2
		if err != nil || len(page) != 3 || !cmp.Equal(page[2].Attempts, []WebhookAttempt{i}) {
			t.Errorf("page %+v, error %v", page, err)
		}
		if n, err := s.Entregas.CountPending(ctx, "whd_0", "a"); err != nil || n != 3 {
			t.Errorf("%d pending, error %v", n, err)
		}
	})
}

func TestEntregas_WhenTheEndpointEnds(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for n := range 2 {
			if err := s.Webhooks.Create(ctx, target(n, "erp"), "s", 9); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Entregas.Add(ctx, append(entregas(3, "whd_0"), entregas(2, "whd_1")...)); err != nil {
			t.Fatal(err)
		}
		state := func(id string) string {
			t.Helper()
			e, err := s.Entregas.Get(ctx, id)
			if err != nil {
				return err.Error()
			}
			return e.Estado
		}
		gone := WebhookEntrega{ID: "msg_whd_0_00", Target: "whd_0", Turn: 1, Estado: EntregaCancelada}
		if _, _, err := s.Entregas.RegisterAttempt(ctx, gone, WebhookAttempt{Start: base, Status: 410}, "retirado"); err != nil {
			t.Fatal(err)
		}
		if d, err := s.Webhooks.Get(ctx, "whd_0"); err != nil || d.Active || d.Motivo != "retirado" {
			t.Errorf("%+v, error %v", d, err)
		}
		if a, b, other := state("msg_whd_0_00"), state("msg_whd_0_02"), state("msg_whd_1_00"); a != EntregaCancelada || b != EntregaCancelada || other != EntregaPendiente {
			t.Errorf("states %s, %s and %s", a, b, other)
		}
		d := target(1, "erp")
		d.Active = false
		if err := errors.Join(s.Entregas.Cancel(ctx, "msg_whd_1_00", 1), s.Webhooks.Change(ctx, d)); err != nil {
			t.Fatal(err)
		}
		if a, b := state("msg_whd_1_00"), state("msg_whd_1_01"); a != EntregaCancelada || b != EntregaCancelada {
			t.Errorf("states %s and %s", a, b)
		}
		if err := s.Webhooks.Delete(ctx, "whd_0"); err != nil {
			t.Fatal(err)
		}
		if got := state("msg_whd_0_00"); got != ErrNotFound.Error() {
			t.Errorf("the log of one that is gone: %s", got)
		}
		if _, mine, err := s.Entregas.RegisterAttempt(ctx, gone, WebhookAttempt{Start: base}, ""); err != nil || mine {
			t.Errorf("of one that is gone: mine %v, error %v", mine, err)
		}
	})
}

func TestEntregas_WhenPagedAndPurged(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if err := s.Webhooks.Create(ctx, target(0, "erp"), "s", 9); err != nil {
			t.Fatal(err)
		}
		all := entregas(7, "whd_0")
		if _, err := s.Entregas.Add(ctx, all); err != nil {
			t.Fatal(err)
		}
		for _, e := range all[:3] {
			e.Turn, e.Estado = 1, EntregaEntregada
			if _, _, err := s.Entregas.RegisterAttempt(ctx, e, WebhookAttempt{Start: base, Status: 200}, ""); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		var last WebhookEntrega
		for {
			page, err := s.Entregas.Page(ctx, "whd_0", last, 3, 5)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.ID)
				if want := e.ID < "msg_whd_0_03"; (len(e.Attempts) == 1) != want {
					t.Errorf("%s has %d attempts", e.ID, len(e.Attempts))
				}
			}
			last = page[len(page)-1]
		}
		var want []string
		for i := len(all) - 1; i >= 0; i-- {
			want = append(want, all[i].ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		if n, err := s.Entregas.Purge(ctx, base.Add(time.Second)); err != nil || n != 2 { // 00 and 01 are done with; 02 is later, the rest is pending
			t.Errorf("%d purged, error %v", n, err)
		}
	})
}
func target(n int, owner string) WebhookTarget {
	return WebhookTarget{ID: fmt.Sprintf("whd_%d", n), Owner: owner, Host: "erp.example", URL: "sellada", Eventos: []string{"a", "b"}, RFCs: []string{"Ñ&P010101AB3"},
		Active: true, Created: base.Add(time.Duration(n) * time.Second)}
}
