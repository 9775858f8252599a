package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// answer is a backend's result in these tests.
type answer struct{ Numero, Texto string }

const operation = "prueba.envio"

func message(key string) Message {
	return Message{Operation: operation, Key: key, Criterios: "lo mismo"}
}

func never(answer) bool { return false }

// sender gives the answers set in it, and counts its calls.
type sender struct {
	calls  atomic.Int64
	answer func(n int64) (answer, error)
}

func (s *sender) send(context.Context) (answer, error) { return s.answer(s.calls.Add(1)) }

// once returns a sender that gives this answer to the first call, and ok to later ones.
func once(first answer, err error) *sender {
	return &sender{answer: func(n int64) (answer, error) {
		if n == 1 {
			return first, err
		}
		return ok, nil
	}}
}

var ok = answer{"100001", "Ñ & «bien»"} //nolint:gochecknoglobals // a constant in all but form

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // may be closed already
	return s
}

func newLedger(t *testing.T) *Ledger {
	t.Helper()
	return over(openStore(t, t.TempDir()))
}

// over is the ledger of the only process that writes st.
func over(st *store.Store) *Ledger {
	return New(st.Attempts, st.Titulos, cluster.New(st, cluster.Options{}))
}

func refused(kind gateway.Kind, retry bool) *gateway.Error {
	return &gateway.Error{Kind: kind, Backend: "sep", Codigo: "c", Mensaje: "m", Detail: "d", Retryable: retry, RetryAfter: 7 * time.Second,
		Fields: []gateway.Field{{Campo: "x", Detalle: "y", ValoresValidos: []string{"z"}}}, Err: errors.New("for the log alone")}
}

// The outcome of the first use decides what a second use of a key gets.
func TestOnce_WhenTheKeyIsUsedAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first    *gateway.Error
		calls    int64
		replayed bool
	}{
		"accepted":                         {nil, 1, true},
		"refused for good":                 {refused(gateway.KindInvalida, false), 1, true},
		"refused, with a code":             {refused(gateway.KindConflicto, false), 1, true},
		"refused for now":                  {refused(gateway.KindNoDisponible, true), 2, false},
		"of unknown outcome":               {refused(gateway.KindResultadoDesconocido, false), 1, true},
		"unknown, and said to be passing":  {refused(gateway.KindResultadoDesconocido, true), 1, true},
		"a defect of ours, not repeatable": {refused(gateway.KindInterno, false), 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := newLedger(t), once(ok, nil)
			if tc.first != nil {
				s = once(answer{}, tc.first)
			}
			first, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
			if replayed || (err == nil) != (tc.first == nil) || err == nil && first != ok {
				t.Fatalf("first: %+v, replayed %v, error %v", first, replayed, err)
			}
			second, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
			if n := s.calls.Load(); n != tc.calls || replayed != tc.replayed {
				t.Errorf("%d sent, want %d; replayed %v, want %v", n, tc.calls, replayed, tc.replayed)
			}
			if tc.first == nil || tc.calls == 2 {
				if err != nil || second != ok {
					t.Errorf("second: %+v, %v", second, err)
				}
				return
			}
			var got *gateway.Error
			if !errors.As(err, &got) {
				t.Fatalf("second: %v", err)
			}
			if diff := cmp.Diff(tc.first, got, cmpopts.IgnoreFields(gateway.Error{}, "Err")); diff != "" || got.Err != nil {
				t.Errorf("the refusal on record (-first +second, cause %v):\n%s", got.Err, diff)
			}
		})
	}
}

// An error from outside the vocabulary is recorded as KindInterno without its text.
func TestOnce_WhenTheErrorIsForeign(t *testing.T) {
	t.Parallel()
	l, s := newLedger(t), once(answer{}, errors.New("canario"))
	if _, _, err := Once(t.Context(), l, message("k"), never, s.send); err == nil {
		t.Fatal("no error")
	}
	_, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
	if !replayed || !gateway.IsKind(err, gateway.KindInterno) || strings.Contains(err.Error(), "canario") || s.calls.Load() != 1 {
		t.Errorf("replayed %v, %d sent: %v", replayed, s.calls.Load(), err)
	}
}

func TestOnce_WhenKeysMeet(t *testing.T) {
	t.Parallel()
	other := message("k")
	other.Criterios = "otra cosa"
	elsewhere := message("k")
	elsewhere.Operation = "prueba.otra"
	for name, tc := range map[string]struct {
		second Message
		calls  int64
		kind   gateway.Kind // KindInterno for none
	}{
		"the same message":     {message("k"), 1, gateway.KindInterno},
		"another message":      {other, 1, gateway.KindConflicto},
		"another kind of it":   {elsewhere, 2, gateway.KindInterno},
		"another key":          {message("k2"), 2, gateway.KindInterno},
		"no key at the second": {message(""), 2, gateway.KindInterno},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := newLedger(t), once(ok, nil)
			if _, _, err := Once(t.Context(), l, message("k"), never, s.send); err != nil {
				t.Fatal(err)
			}
			_, _, err := Once(t.Context(), l, tc.second, never, s.send)
			if n := s.calls.Load(); n != tc.calls || (err == nil) != (tc.kind == gateway.KindInterno) {
				t.Fatalf("%d sent, want %d: %v", n, tc.calls, err)
			}
			if e := gateway.AsError(err); err != nil && (e.Kind != tc.kind || !e.Unsent || e.Retryable) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestOnce_WhenThereIsNoKeyEachIsSent(t *testing.T) {
	t.Parallel()
	l, s := newLedger(t), once(ok, nil)
	for range 3 {
		if _, replayed, err := Once(t.Context(), l, message(""), never, s.send); replayed || err != nil {
			t.Fatalf("replayed %v, %v", replayed, err)
		}
	}
	if n := s.calls.Load(); n != 3 {
		t.Errorf("%d sent, want 3", n)
	}
}

// Of many concurrent calls with one key, one is sent. The others are told to ask again.
func TestOnce_WhenManyComeAtOnce(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	begun, release := make(chan struct{}), make(chan struct{})
	s := &sender{answer: func(int64) (answer, error) {
		close(begun) // a second call panics
		<-release
		return ok, nil
	}}
	var first sync.WaitGroup
	first.Go(func() {
		if got, _, err := Once(t.Context(), l, message("k"), never, s.send); err != nil || got != ok {
			t.Errorf("the one that is sent: %+v, %v", got, err)
		}
	})
	<-begun
	var rest sync.WaitGroup
	for range 16 {
		rest.Go(func() {
			_, replayed, err := Once(t.Context(), l, message("k"), never, s.send)
			e := gateway.AsError(err)
			if err == nil || !replayed || e.Kind != gateway.KindConflicto || !e.Retryable || e.RetryAfter <= 0 || !e.Unsent {
				t.Errorf("meanwhile: replayed %v, %+v", replayed, e)
			}
		})
	}
	rest.Wait()
	close(release)
	first.Wait()
	if got, replayed, err := Once(t.Context(), l, message("k"), never, s.send); got != ok || !replayed || err != nil {
		t.Errorf("afterwards: %+v, replayed %v, %v", got, replayed, err)
	}
}

// One of the callers that come after a passing refusal sends the message again.
func TestOnce_WhenManyRetryARefusal(t *testing.T) {
	t.Parallel()
	l, s := newLedger(t), once(answer{}, refused(gateway.KindNoDisponible, true))
	if _, _, err := Once(t.Context(), l, message("k"), never, s.send); err == nil {
		t.Fatal("no refusal")
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			got, _, err := Once(t.Context(), l, message("k"), never, s.send)
			if err == nil && got != ok || err != nil && !gateway.IsKind(err, gateway.KindConflicto) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := s.calls.Load(); n != 2 {
		t.Errorf("%d sent, want the refused one and one more", n)
	}
}

// A message that an earlier process was sending may have arrived, so it is not sent
// again.
func TestOnce_WhenTheProcessDied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	died := openStore(t, dir)
	m := message("k")
	if _, mine, err := died.Attempts.Try(t.Context(), store.Attempt{Operation: m.Operation, Key: m.Key, Digest: m.digest(), Criterios: m.Criterios}); err != nil || !mine {
		t.Fatalf("mine %v, %v", mine, err)
	}
	if err := died.Close(); err != nil {
		t.Fatal(err)
	}
	s := once(ok, nil)
	l := over(openStore(t, dir))
	for range 2 {
		_, _, err := Once(t.Context(), l, m, never, s.send)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindResultadoDesconocido || e.Unsent || e.Retryable {
			t.Errorf("%+v", e)
		}
	}
	other := m
	other.Criterios = "otra cosa"
	if _, _, err := Once(t.Context(), l, other, never, s.send); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Errorf("another message: %v", err)
	}
	if n := s.calls.Load(); n != 0 {
		t.Errorf("%d sent", n)
	}
}

func TestOnce_WhenRestartedKnowsItsOutcomes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := openStore(t, dir)
	l := over(before)
	for key, s := range map[string]*sender{
		"good": once(ok, nil), "bad": once(answer{}, refused(gateway.KindInvalida, false)),
		"lost": once(answer{}, refused(gateway.KindResultadoDesconocido, false)), "later": once(answer{}, refused(gateway.KindNoDisponible, true)),
	} {
		Once(t.Context(), l, message(key), never, s.send) //nolint:errcheck // what it gives is another test's affair
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	l = over(openStore(t, dir))
	s := &sender{answer: func(int64) (answer, error) { return answer{"again", ""}, nil }}
	if got, replayed, err := Once(t.Context(), l, message("good"), never, s.send); got != ok || !replayed || err != nil {
		t.Errorf("good: %+v, replayed %v, %v", got, replayed, err)
	}
	for key, kind := range map[string]gateway.Kind{"bad": gateway.KindInvalida, "lost": gateway.KindResultadoDesconocido} {
		if _, replayed, err := Once(t.Context(), l, message(key), never, s.send); !replayed || !gateway.IsKind(err, kind) {
			t.Errorf("%s: replayed %v, %v", key, replayed, err)
		}
	}
	if n := s.calls.Load(); n != 0 {
		t.Fatalf("%d sent", n)
	}
	if got, _, err := Once(t.Context(), l, message("later"), never, s.send); got.Numero != "again" || err != nil || s.calls.Load() != 1 {
		t.Errorf("later: %+v, %v, %d sent", got, err, s.calls.Load())
	}
}

// Sending goes on after the caller leaves.
func TestOnce_WhenTheCallerGoesAway(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := Once(ctx, l, message("k"), never, func(ctx context.Context) (answer, error) {
		cancel()
		return ok, ctx.Err()
	})
	if err != nil {
		t.Fatalf("the message was interrupted: %v", err)
	}
	if got, replayed, err := Once(t.Context(), l, message("k"), never, once(answer{}, nil).send); got != ok || !replayed || err != nil {
		t.Errorf("%+v, replayed %v, %v", got, replayed, err)
	}
}

func TestOnce_WhenItCannotBeRecordedNothingIsSent(t *testing.T) {
	t.Parallel()
	st, s := openStore(t, t.TempDir()), once(ok, nil)
	l := over(st)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := Once(t.Context(), l, message("k"), never, s.send)
	if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindSinServicio || !e.Unsent || !strings.Contains(e.Detail, "GATEWAY_DATA_DIR") || s.calls.Load() != 0 {
		t.Errorf("%+v, %d sent", e, s.calls.Load())
	}
}

// A value returned with an error is found again if keep approved it.
func TestLast_WhenAnswersWereKept(t *testing.T) {
	t.Parallel()
	half := answer{Numero: "half"}
	for name, tc := range map[string]struct {
		sent []*sender
		keep bool
		want answer
		held bool
	}{
		"nothing was sent":             {nil, true, answer{}, false},
		"one was accepted":             {[]*sender{once(ok, nil)}, false, ok, true},
		"a later one counts":           {[]*sender{once(ok, nil), once(half, nil)}, false, half, true},
		"one came beside an error":     {[]*sender{once(half, refused(gateway.KindConflicto, false))}, true, half, true},
		"it was not worth keeping":     {[]*sender{once(half, refused(gateway.KindConflicto, false))}, false, answer{}, false},
		"an error after one that held": {[]*sender{once(ok, nil), once(answer{}, refused(gateway.KindConflicto, false))}, false, ok, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, before := newLedger(t), time.Now().Add(-time.Second)
			for _, s := range tc.sent {
				Once(t.Context(), l, message(""), func(answer) bool { return tc.keep }, s.send) //nolint:errcheck // see Last
			}
			got, at, held := Last[answer](t.Context(), l, operation, "lo mismo")
			if got != tc.want || held != tc.held || held && (at.Before(before) || at.After(time.Now())) {
				t.Errorf("%+v at %v, held %v", got, at, held)
			}
			if _, _, held := Last[answer](t.Context(), l, operation, "otra cosa"); held {
				t.Error("another message has an answer")
			}
			if _, _, held := Last[answer](t.Context(), l, "prueba.otra", "lo mismo"); held {
				t.Error("another kind has an answer")
			}
		})
	}
}

// The record holds the request, and not the cause of a refusal.
func TestOnce_WhenRecordedTheCauseStaysOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st := openStore(t, dir)
	bad := refused(gateway.KindInvalida, false)
	bad.Err = errors.New("canario-en-la-causa")
	Once(t.Context(), over(st), message("k"), never, once(answer{}, bad).send) //nolint:errcheck // it is refused
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "pasarela.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database: %v", err)
	}
	found := false
	for _, file := range files {
		text := read(t, file)
		found = found || strings.Contains(text, "lo mismo")
		if strings.Contains(text, "canario") {
			t.Errorf("%s holds the cause", filepath.Base(file))
		}
	}
	if !found {
		t.Error("the database does not hold what was asked for: this test sees nothing")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
