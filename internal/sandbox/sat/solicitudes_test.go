package sat

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSolicitudes_ForgetTheOldest(t *testing.T) {
	s := newSolicitudes(NewUniverse(1))
	now := time.Now()
	ask := func(i int) (string, error) {
		p := &requested{scope: scope{CFDI, rfcTrial, Emitidos, 1}, tipo: tipoCFDI, byPaquete: 1, created: now, enProceso: now.Add(time.Hour)}
		p.key(fmt.Sprint(i))
		return s.register(p, 1)
	}
	first, err := ask(0)
	if err != nil {
		t.Fatal(err)
	}
	var no *refusal
	if _, err := ask(0); !errors.As(err, &no) || no.codigo != codDuplicate {
		t.Fatalf("an equal one: %v", err)
	}
	for i := range maxSolicitudes + 9 {
		if _, err := ask(i + 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.order) != maxSolicitudes || len(s.byID) != maxSolicitudes || len(s.bySame) != maxSolicitudes || len(s.forLife) != maxSolicitudes {
		t.Errorf("%d, %d, %d and %d held", len(s.order), len(s.byID), len(s.bySame), len(s.forLife))
	}
	if s.find(CFDI, rfcTrial, first) != nil {
		t.Error("the oldest is still there")
	}
	if _, err := ask(0); err != nil {
		t.Errorf("its quota is still there: %v", err)
	}
}

// Whether an equal one is alive is looked up outside the lock: of many at once one must still win.
func TestSolicitudes_OfEqualOnesAtOnceOneIsRegistered(t *testing.T) {
	t.Parallel()
	s := newSolicitudes(NewUniverse(1))
	now := time.Now()
	var accepted, duplicate atomic.Int64
	var g sync.WaitGroup
	for i := range 400 {
		g.Go(func() {
			// What is compared is over at once, so that its state is a walk.
			p := &requested{scope: scope{CFDI, rfcTrial, Emitidos, 50}, since: 20_000 * secondsDay, until: 20_020 * secondsDay, tipo: tipoCFDI,
				filter: filter{cut: 20_100 * secondsDay}, byPaquete: 10, ceiling: maxIndex, created: now, enProceso: now, list: now, life: time.Hour}
			p.key(fmt.Sprint(i % 20))
			_, err := s.register(p, 2)
			var no *refusal
			switch {
			case err == nil:
				accepted.Add(1)
			case errors.As(err, &no) && no.codigo == codDuplicate:
				duplicate.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	g.Wait()
	if accepted.Load() != 20 || duplicate.Load() != 380 || len(s.order) != 20 {
		t.Errorf("%d registered and %d refused", accepted.Load(), duplicate.Load())
	}
}

func BenchmarkSolicitudes_AtTheLimit(b *testing.B) {
	s := newSolicitudes(NewUniverse(1))
	now := time.Now()
	ids := make([]string, 0, maxSolicitudes)
	ask := func(i int) string {
		p := &requested{scope: scope{CFDI, rfcTrial, Emitidos, 1}, tipo: tipoCFDI, byPaquete: 1, created: now, enProceso: now.Add(time.Hour)}
		p.key(fmt.Sprint(i))
		id, err := s.register(p, 1)
		if err != nil {
			b.Fatal(err)
		}
		return id
	}
	for i := range maxSolicitudes {
		ids = append(ids, ask(i))
	}
	i := maxSolicitudes
	for b.Loop() {
		ask(i)
		s.find(CFDI, rfcTrial, ids[i%maxSolicitudes])
		i++
	}
}
