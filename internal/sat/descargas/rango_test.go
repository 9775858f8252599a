package descargas

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func rangoOf(t *testing.T, since, until string) rango {
	t.Helper()
	r, err := readRango(since, until)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// partUntil halves r on and on as the SAT would make the engine, down to pieces
// that satisfy suffice, and returns them in order.
func partUntil(r rango, suffice func(rango) bool) []rango {
	if suffice(r) {
		return []rango{r}
	}
	before, after, ok := r.part()
	if !ok {
		return []rango{r}
	}
	return append(partUntil(before, suffice), partUntil(after, suffice)...)
}

func seconds(r rango) int64 { return int64(r.until.Sub(r.since)/time.Second) + 1 }

// TestPart_CoversEverySecondOnce: whatever the range and wherever the halving
// stops, the pieces touch, without a gap and without a second twice.
func TestPart_CoversEverySecondOnce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	start := rangoOf(t, "2020-02-28T23:59:50", "2020-03-01T00:00:10").since
	for range 500 {
		length := 1 + random.Int64N(1<<random.IntN(28))
		r := rango{start.Add(time.Duration(random.IntN(1<<20)) * time.Second), time.Time{}}
		r.until = r.since.Add(time.Duration(length-1) * time.Second)
		ceiling := 1 + random.Int64N(max(length/50, 1))
		chunks := partUntil(r, func(x rango) bool { return seconds(x) <= ceiling })
		aftermath := r.since
		for _, x := range chunks {
			if !x.since.Equal(aftermath) || x.until.Before(x.since) || seconds(x) > ceiling {
				t.Fatalf("%v of %v: a piece %v where %v was next", ceiling, r, x, aftermath)
			}
			aftermath = x.until.Add(time.Second)
		}
		if !aftermath.Equal(r.until.Add(time.Second)) {
			t.Fatalf("%v ends at %v", r, aftermath)
		}
	}
}

// TestPart_WhenSixYearsAreHalved: the depth is that of a binary tree, so that
// the solicitudes are few.
func TestPart_WhenSixYearsAreHalved(t *testing.T) {
	t.Parallel()
	r := rangoOf(t, "2020-11-22T00:00:00", "2026-11-21T23:59:59")
	for depth := 0; ; depth++ {
		before, after, ok := r.part()
		if !ok {
			if depth > 28 {
				t.Errorf("%d halvings", depth)
			}
			break
		}
		if d := seconds(after) - seconds(before); d < 0 || d > 1 {
			t.Fatalf("halves of %d and %d seconds", seconds(before), seconds(after))
		}
		r = after
	}
	if _, _, ok := rangoOf(t, "2026-01-01T00:00:00", "2026-01-01T00:00:00").part(); ok {
		t.Error("a second was halved")
	}
}

// TestAsk_WhenASecondIsLeft: the SAT wants the end after the beginning. What the
// two halves of two seconds ask for differs from one another and from the whole.
func TestAsk_WhenASecondIsLeft(t *testing.T) {
	t.Parallel()
	two := rangoOf(t, "2026-01-01T00:00:00", "2026-01-01T00:00:01")
	before, after, ok := two.part()
	if !ok {
		t.Fatal("not halved")
	}
	a, b := before.ask(false), after.ask(true)
	want := [2]rango{rangoOf(t, "2025-12-31T23:59:59", "2026-01-01T00:00:00"), rangoOf(t, "2026-01-01T00:00:01", "2026-01-01T00:00:02")}
	if [2]rango{a, b} != want {
		t.Errorf("%v, %v", a, b)
	}
	if length := two.ask(true); length != two {
		t.Errorf("two seconds became %v", length)
	}
}

// TestShift_NeverLeavesASecondOut: each shift contains the one before, differs
// from all before, and asks for nothing that the SAT refuses.
func TestShift_NeverLeavesASecondOut(t *testing.T) {
	t.Parallel()
	now := gateway.InMexico(noon).Format(gateway.FechaFormat) // 12:00:00
	for _, tc := range []struct{ name, since, until, wantFrom, wantUntil string }{
		{"in the past", "2026-01-01T00:00:00", "2026-01-31T23:59:59", "2026-01-01T00:00:00", "2026-02-01T00:00:00"},
		{"up to a second ago", "2026-11-21T00:00:00", "2026-11-21T11:59:59", "2026-11-21T00:00:00", now},
		{"up to now", "2026-11-21T00:00:00", now, "2026-11-20T23:59:59", now},
		{"from where the SAT's past begins", "2020-11-21T00:00:00", "2026-01-31T23:59:59", "2020-11-21T00:00:00", "2026-02-01T00:00:00"},
		{"a second behind it, up to now", "2020-11-21T00:00:01", now, "2020-11-21T00:00:00", now},
	} {
		got, ok := rangoOf(t, tc.since, tc.until).shift(noon)
		if want := rangoOf(t, tc.wantFrom, tc.wantUntil); !ok || got != want {
			t.Errorf("%s: %v %v, want %v", tc.name, got, ok, want)
		}
	}
	if got, ok := rangoOf(t, "2020-11-21T00:00:00", now).shift(noon); ok {
		t.Errorf("everything there is was widened to %v", got)
	}
	r := rangoOf(t, "2026-11-21T00:00:00", "2026-11-21T11:59:50")
	seen := map[rango]bool{r: true}
	for range maxShifts {
		s, ok := r.shift(noon)
		if !ok || seen[s] || s.since.After(r.since) || s.until.Before(r.until) || seconds(s) != seconds(r)+1 {
			t.Fatalf("%v became %v", r, s)
		}
		seen[s], r = true, s
	}
}

// TestPlaceOf_KeepsTheSecondsOfTheHalves: what widened ranges bring twice is read
// once, and a date that is none is nobody else's.
func TestPlaceOf_KeepsTheSecondsOfTheHalves(t *testing.T) {
	t.Parallel()
	tramo := store.Tramo{}
	tramo.Since, tramo.Until = "2026-01-01T00:00:01", "2026-01-01T00:00:03"
	tramo.PideDesde, tramo.PideHasta = "2026-01-01T00:00:00", "2026-01-01T00:00:04"
	for fecha, want := range map[string]store.Place{
		"2026-01-01T00:00:00": store.Ampliado, "2026-01-01T00:00:01": store.Own, "2026-01-01 00:00:03": store.Own, "2026-01-01 00:00:04": store.Ampliado,
		"2026-01-01T00:00:03.999-06:00": store.Own, "": store.Own, "ayer": store.Own, "2025-12-31T23:59:59": store.Ajeno, "2026-01-01 00:00:05": store.Ajeno,
	} {
		if got := placeOf(fecha, tramo); got != want {
			t.Errorf("%q: %v, want %v", fecha, got, want)
		}
	}
}

func TestCovered_WhenRunsFailedTheGapIsNext(t *testing.T) {
	t.Parallel()
	corrida := func(since, until string) store.Descarga {
		var d store.Descarga
		d.Request.Solicitud.FechaInicial, d.Request.Solicitud.FechaFinal = since+"T00:00:00", until+"T23:59:59"
		return d
	}
	for name, tc := range map[string]struct {
		corridas []store.Descarga
		want     string
	}{
		"none yet":          {nil, "2026-01-01"},
		"one":               {[]store.Descarga{corrida("2026-01-01", "2026-01-31")}, "2026-02-01"},
		"with overlap":      {[]store.Descarga{corrida("2026-01-30", "2026-02-01"), corrida("2026-01-01", "2026-01-31")}, "2026-02-02"},
		"the first failed":  {[]store.Descarga{corrida("2026-01-30", "2026-02-01"), corrida("2026-01-31", "2026-02-02")}, "2026-01-01"},
		"one between":       {[]store.Descarga{corrida("2026-02-05", "2026-02-06"), corrida("2026-01-01", "2026-01-31")}, "2026-02-01"},
		"and then filled":   {[]store.Descarga{corrida("2026-02-05", "2026-02-06"), corrida("2026-02-01", "2026-02-07"), corrida("2026-01-01", "2026-01-31")}, "2026-02-08"},
		"one within others": {[]store.Descarga{corrida("2026-01-01", "2026-02-28"), corrida("2026-01-05", "2026-01-06")}, "2026-03-01"},
	} {
		got := covered(rangoOf(t, "2026-01-01T00:00:00", "2026-01-01T00:00:00").since, tc.corridas)
		if got.Format(time.DateOnly) != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	much := make([]store.Descarga, 0, memoryCorridas)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for range memoryCorridas {
		much = append(much, corrida(day.Format(time.DateOnly), day.Format(time.DateOnly)))
		day = day.AddDate(0, 0, 1)
	}
	if got := covered(rangoOf(t, "2020-01-01T00:00:00", "2020-01-01T00:00:00").since, much); !got.Equal(day) {
		t.Errorf("behind more than can be remembered: %s, want %s", got, day)
	}
}
