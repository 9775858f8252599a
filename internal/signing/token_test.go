package signing

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var tokenKey = TokenKey{Servicio: "cfdi", RFC: "PRU010101AB1", Serial: "1"}

// fetcher counts the fetches and gives tokens of five minutes.
type fetcher struct {
	n     atomic.Int32
	fails atomic.Bool
	takes time.Duration
}

var errDown = errors.New("down")

func (f *fetcher) fetch(context.Context) (Token, error) {
	time.Sleep(f.takes)
	if f.fails.Load() {
		return Token{}, errDown
	}
	now := time.Now()
	return Token{Value: strconv.Itoa(int(f.n.Add(1))), Created: now, Expires: now.Add(5 * time.Minute)}, nil
}

func TestTokens_WhenAHundredAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetcher{takes: time.Second}
		tokens := NewTokens(time.Now)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got, err := tokens.Get(t.Context(), tokenKey, f.fetch); err != nil || got.Value != "1" {
					t.Errorf("token %q, error %v", got.Value, err)
				}
			})
		}
		wg.Wait()
		if n := f.n.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestTokens_WhenTimePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetcher{}
		tokens := NewTokens(time.Now)
		want := func(value string) {
			t.Helper()
			if got, err := tokens.Get(t.Context(), tokenKey, f.fetch); err != nil || got.Value != value {
				t.Errorf("token %q, error %v, want %q", got.Value, err, value)
			}
		}
		want("1")
		time.Sleep(4*time.Minute - time.Second)
		want("1")
		time.Sleep(time.Second) // a minute left: renewed
		want("2")
		f.fails.Store(true)
		time.Sleep(4*time.Minute + 30*time.Second) // half a minute left and no renewal to be had
		want("2")
		time.Sleep(31 * time.Second) // expired
		if _, err := tokens.Get(t.Context(), tokenKey, f.fetch); !errors.Is(err, errDown) {
			t.Errorf("an expired token: error %v, want the fetch's", err)
		}
	})
}

func TestTokens_WhenRejected(t *testing.T) {
	t.Parallel()
	f := &fetcher{}
	tokens := NewTokens(time.Now)
	first, err := tokens.Get(t.Context(), tokenKey, f.fetch)
	if err != nil {
		t.Fatal(err)
	}
	tokens.Reject(tokenKey, first.Value)
	second, err := tokens.Get(t.Context(), tokenKey, f.fetch)
	if err != nil || second.Value != "2" {
		t.Fatalf("token %q, error %v after a rejection", second.Value, err)
	}
	// A slower caller that was refused with the old one does not cost the new one.
	tokens.Reject(tokenKey, first.Value)
	if third, err := tokens.Get(t.Context(), tokenKey, f.fetch); err != nil || third.Value != "2" {
		t.Errorf("token %q, error %v after a late rejection", third.Value, err)
	}
}

func TestTokens_WhenTheFirstCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fetcher{takes: time.Second}
		tokens := NewTokens(time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := tokens.Get(ctx, tokenKey, f.fetch)
			gone <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left got %v", err)
		}
		if got, err := tokens.Get(t.Context(), tokenKey, f.fetch); err != nil || got.Value != "1" {
			t.Errorf("the next caller got %q, %v: the fetch was lost", got.Value, err)
		}
	})
}

func TestTokens_WhenKeysDiffer(t *testing.T) {
	t.Parallel()
	f := &fetcher{}
	tokens := NewTokens(time.Now)
	for _, key := range []TokenKey{tokenKey, {"retenciones", tokenKey.RFC, "1"}, {"cfdi", tokenKey.RFC, "2"}, {"cfdi", "PEPJ800101AB5", "1"}} {
		if _, err := tokens.Get(t.Context(), key, f.fetch); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.n.Load(); n != 4 {
		t.Errorf("%d fetches for 4 keys", n)
	}
}

// After a clock is set back, a cached token would be used for hours after its end.
func TestTokens_WhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	tokens := NewTokens(func() time.Time { return now })
	n := 0
	fetch := func(context.Context) (Token, error) {
		n++
		return Token{Value: strconv.Itoa(n), Created: now, Expires: now.Add(5 * time.Minute)}, nil
	}
	for _, step := range []struct {
		jump time.Duration
		want string
	}{{0, "1"}, {time.Second, "1"}, {-2 * time.Hour, "2"}, {time.Minute, "2"}} {
		now = now.Add(step.jump)
		if got, err := tokens.Get(t.Context(), tokenKey, fetch); err != nil || got.Value != step.want {
			t.Errorf("after %s: token %q, error %v; want %q", step.jump, got.Value, err, step.want)
		}
	}
}
