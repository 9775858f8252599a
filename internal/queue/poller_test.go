package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// table is the rows of a kind; each test sets their steps.
type table struct {
	mu   sync.Mutex
	rows map[int]store.Due[int]
	// taken lists the steps in the order in which they began. inHand is how many are
	// running, most the largest number at once.
	taken        []int
	inHand, most int
	step         func(ctx context.Context, id int) (time.Duration, error)
	looks        int
	looking      func(ctx context.Context) error
}

func newTable(step func(ctx context.Context, id int) (time.Duration, error)) *table {
	return &table{rows: map[int]store.Due[int]{}, step: step}
}

// put makes a row due at an instant, in a new turn.
func (r *table) put(id int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[id] = store.Due[int]{ID: id, Turn: r.rows[id].Turn + 1, At: at}
}

func (r *table) next(ctx context.Context, limit int) ([]store.Due[int], error) {
	r.mu.Lock()
	r.looks++
	looking := r.looking
	r.mu.Unlock()
	if looking != nil {
		if err := looking(ctx); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []store.Due[int]
	for _, row := range r.rows {
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b store.Due[int]) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return out[:min(limit, len(out))], nil
}

func (r *table) work(ctx context.Context, id int, turn int64) (time.Duration, error) {
	r.mu.Lock()
	if r.rows[id].Turn != turn {
		r.mu.Unlock()
		return time.Second, nil
	}
	r.taken = append(r.taken, id)
	r.inHand++
	r.most = max(r.most, r.inHand)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inHand--
	}()
	return r.step(ctx, id)
}

// done is the usual last action of a step.
func (r *table) done(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, id)
}

func (r *table) seen() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

func (r *table) kind(hands int) Kind[int] {
	return Kind[int]{Name: "prueba", Hands: hands, Limit: time.Hour, Next: r.next, Step: r.work}
}

// nobody makes no rounds.
func nobody() Rondas {
	nothing := func(context.Context) error { return nil }
	return Rondas{Hold: func(context.Context) (bool, error) { return false, nil }, Let: nothing, TakeOver: nothing, Ronda: nothing}
}

func start(t *testing.T, poll time.Duration, kinds ...Work) *Queue {
	t.Helper()
	c := New(zerolog.Nop())
	c.Start(Jobs{Kinds: kinds, Rondas: nobody(), Now: time.Now, Poll: poll, EveryRonda: time.Hour})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Rows are taken in the order of their due times, with at most the configured hands, and
// each row has one hand at a time.
func TestPoller_WhenThereIsMoreToDoThanHands(t *testing.T) {
	t.Parallel()
	var r *table
	r = newTable(func(_ context.Context, id int) (time.Duration, error) {
		time.Sleep(3 * time.Millisecond)
		r.done(id)
		return 0, nil
	})
	past := time.Now().Add(-time.Hour)
	for i := range 40 {
		r.put(i, past.Add(time.Duration(i)*time.Second))
	}
	start(t, 20*time.Millisecond, r.kind(3))
	until(t, "all rows", func() bool { return len(r.seen()) >= 40 })
	got := r.seen()
	for i, id := range got {
		if id < i-3 || id > i+3 {
			t.Fatalf("taken in the order %v", got)
		}
	}
	if len(got) != 40 || r.most > 3 {
		t.Errorf("%d steps, %d at once", len(got), r.most)
	}
}

// A row is taken when it is due, and at once after Wake.
func TestPoller_WhenTheNextLookIsFarAway(t *testing.T) {
	t.Parallel()
	var r *table
	r = newTable(func(_ context.Context, id int) (time.Duration, error) {
		r.done(id)
		return 0, nil
	})
	at := time.Now().Add(300 * time.Millisecond)
	r.put(1, at)
	c := start(t, time.Hour, r.kind(2))
	until(t, "its instant", func() bool { return len(r.seen()) == 1 })
	if early := time.Until(at); early > 0 {
		t.Errorf("it was taken %s before its time", early)
	}
	r.put(2, time.Now())
	c.Wake()
	until(t, "the bell", func() bool { return len(r.seen()) == 2 })
}

// Rows written by other processes are found without Wake.
func TestPoller_WhenNobodyTellsOfARow(t *testing.T) {
	t.Parallel()
	var r *table
	r = newTable(func(_ context.Context, id int) (time.Duration, error) {
		r.done(id)
		return 0, nil
	})
	start(t, 20*time.Millisecond, r.kind(1))
	r.put(1, time.Now())
	until(t, "the next look", func() bool { return len(r.seen()) == 1 })
}

// A row that fails, panics or cannot be taken stays due. It is left alone for a while,
// longer each time, and blocks no hands. A new due time ends the pause.
func TestPoller_WhenStepsComeToNothing(t *testing.T) {
	t.Parallel()
	var r *table
	r = newTable(func(_ context.Context, id int) (time.Duration, error) {
		switch id {
		case 1:
			return 0, errors.New("the database is away")
		case 2:
			panic("a defect")
		case 3:
			return time.Hour, nil
		}
		r.done(id)
		return 0, nil
	})
	began := time.Now()
	for i := range 10 {
		r.put(i, began.Add(time.Duration(i-100)*time.Second))
	}
	start(t, 10*time.Millisecond, r.kind(1))
	until(t, "the others", func() bool { return len(r.seen()) >= 10 })
	looks := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.looks
	}
	from := looks()
	until(t, "twenty looks more", func() bool { return looks() >= from+20 })
	times := map[int]int{}
	for _, id := range r.seen() {
		times[id]++
	}
	for id := range 10 {
		// A slow machine may see the end of the first pause.
		if most := 1 + int(time.Since(began)/rest); times[id] < 1 || times[id] > most {
			t.Errorf("row %d was taken %d times", id, times[id])
		}
	}
	r.put(3, time.Now())
	until(t, "the row with another instant", func() bool { return slices.Contains(r.seen()[10:], 3) })
}

func TestPoller_WhenAStepFailsAgainAndAgain(t *testing.T) {
	t.Parallel()
	r := newTable(func(context.Context, int) (time.Duration, error) { return 0, errors.New("the database is away") })
	r.put(1, time.Now())
	p, ok := r.kind(1).runner(pace{now: time.Now, poll: time.Hour, log: zerolog.Nop()}).(*poller[int])
	if !ok {
		t.Fatal("another kind of poller")
	}
	row := r.rows[1]
	for fails := 1; fails < 30; fails++ {
		before := time.Now()
		p.hand(t.Context(), row)
		got, want := p.rests[1], min(time.Duration(fails)*rest, maxRest)
		if left := got.until.Sub(before); got.fails != fails || left < want || left > want+time.Since(before) {
			t.Fatalf("left alone for %s after %d failures, want %s", left, got.fails, want)
		}
	}
	// Its step made progress, so the next failure counts as the first.
	row.At = row.At.Add(time.Second)
	if p.hand(t.Context(), row); p.rests[1].fails != 1 {
		t.Errorf("%+v", p.rests[1])
	}
}

// A database that does not answer blocks neither the other kinds of work nor the stop.
func TestPoller_WhenTheRowsCannotBeRead(t *testing.T) {
	t.Parallel()
	hangs, works := newTable(nil), &table{}
	hangs.looking = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	works = newTable(func(_ context.Context, id int) (time.Duration, error) {
		works.done(id)
		return 0, nil
	})
	away := true
	works.looking = func(context.Context) error {
		works.mu.Lock()
		defer works.mu.Unlock()
		if away {
			return errors.New("the database is away")
		}
		return nil
	}
	works.put(1, time.Now())
	c := start(t, 10*time.Millisecond, hangs.kind(1), works.kind(1))
	until(t, "looks that fail", func() bool {
		works.mu.Lock()
		defer works.mu.Unlock()
		return works.looks > 2
	})
	works.mu.Lock()
	away = false
	works.mu.Unlock()
	until(t, "the row", func() bool { return len(works.seen()) == 1 })
	stop, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := c.Stop(stop); err != nil || stop.Err() != nil {
		t.Errorf("%v, %v", err, stop.Err())
	}
}

// Stop takes no more rows and waits for steps; when its time is up it cancels them.
func TestStop_WhenStepsAreUnderWay(t *testing.T) {
	t.Parallel()
	for name, patient := range map[string]bool{"in time": true, "cut": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, ends := make(chan struct{}), make(chan struct{})
			var cut error
			var r *table
			r = newTable(func(ctx context.Context, id int) (time.Duration, error) {
				close(began)
				select {
				case <-ends:
				case <-ctx.Done():
					cut = ctx.Err()
				}
				r.done(id)
				return 0, nil
			})
			r.put(1, time.Now())
			c := start(t, 10*time.Millisecond, r.kind(1))
			<-began
			if load := c.Loads(); len(load) != 1 || load[0] != (Load{Kind: "prueba", Hands: 1, Busy: 1}) {
				t.Errorf("%+v", load)
			}
			r.put(2, time.Now())
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			if patient {
				time.AfterFunc(50*time.Millisecond, func() { close(ends) })
			} else {
				cancel()
			}
			if err := c.Stop(ctx); err != nil {
				t.Error(err)
			}
			if (cut == nil) != patient || len(r.seen()) != 1 {
				t.Errorf("cut: %v, taken: %v", cut, r.seen())
			}
		})
	}
}
