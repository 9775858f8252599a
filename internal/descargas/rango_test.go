package descargas

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func rangoDe(t *testing.T, desde, hasta string) rango {
	t.Helper()
	r, err := leeRango(desde, hasta)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// parteHasta halves r on and on as the SAT would make the engine, down to pieces
// that satisfy basta, and returns them in order.
func parteHasta(r rango, basta func(rango) bool) []rango {
	if basta(r) {
		return []rango{r}
	}
	antes, despues, ok := r.parte()
	if !ok {
		return []rango{r}
	}
	return append(parteHasta(antes, basta), parteHasta(despues, basta)...)
}

func segundos(r rango) int64 { return int64(r.hasta.Sub(r.desde)/time.Second) + 1 }

// TestParte_CoversEverySecondOnce: whatever the range and wherever the halving
// stops, the pieces touch, without a gap and without a second twice.
func TestParte_CoversEverySecondOnce(t *testing.T) {
	t.Parallel()
	azar := rand.New(rand.NewPCG(1, 2))
	inicio := rangoDe(t, "2020-02-28T23:59:50", "2020-03-01T00:00:10").desde
	for range 500 {
		largo := 1 + azar.Int64N(1<<azar.IntN(28))
		r := rango{inicio.Add(time.Duration(azar.IntN(1<<20)) * time.Second), time.Time{}}
		r.hasta = r.desde.Add(time.Duration(largo-1) * time.Second)
		tope := 1 + azar.Int64N(max(largo/50, 1))
		trozos := parteHasta(r, func(x rango) bool { return segundos(x) <= tope })
		sigue := r.desde
		for _, x := range trozos {
			if !x.desde.Equal(sigue) || x.hasta.Before(x.desde) || segundos(x) > tope {
				t.Fatalf("%v of %v: a piece %v where %v was next", tope, r, x, sigue)
			}
			sigue = x.hasta.Add(time.Second)
		}
		if !sigue.Equal(r.hasta.Add(time.Second)) {
			t.Fatalf("%v ends at %v", r, sigue)
		}
	}
}

// TestParte_WhenSixYearsAreHalved: the depth is that of a binary tree, so that
// the solicitudes are few.
func TestParte_WhenSixYearsAreHalved(t *testing.T) {
	t.Parallel()
	r := rangoDe(t, "2020-11-22T00:00:00", "2026-11-21T23:59:59")
	for profundidad := 0; ; profundidad++ {
		antes, despues, ok := r.parte()
		if !ok {
			if profundidad > 28 {
				t.Errorf("%d halvings", profundidad)
			}
			break
		}
		if d := segundos(despues) - segundos(antes); d < 0 || d > 1 {
			t.Fatalf("halves of %d and %d seconds", segundos(antes), segundos(despues))
		}
		r = despues
	}
	if _, _, ok := rangoDe(t, "2026-01-01T00:00:00", "2026-01-01T00:00:00").parte(); ok {
		t.Error("a second was halved")
	}
}

// TestPide_WhenASecondIsLeft: the SAT wants the end after the beginning. What the
// two halves of two seconds ask for differs from one another and from the whole.
func TestPide_WhenASecondIsLeft(t *testing.T) {
	t.Parallel()
	dos := rangoDe(t, "2026-01-01T00:00:00", "2026-01-01T00:00:01")
	antes, despues, ok := dos.parte()
	if !ok {
		t.Fatal("not halved")
	}
	a, b := antes.pide(false), despues.pide(true)
	want := [2]rango{rangoDe(t, "2025-12-31T23:59:59", "2026-01-01T00:00:00"), rangoDe(t, "2026-01-01T00:00:01", "2026-01-01T00:00:02")}
	if [2]rango{a, b} != want {
		t.Errorf("%v, %v", a, b)
	}
	if largo := dos.pide(true); largo != dos {
		t.Errorf("two seconds became %v", largo)
	}
}

// TestDesplaza_NeverLeavesASecondOut: each shift contains the one before, differs
// from all before, and asks for nothing that the SAT refuses.
func TestDesplaza_NeverLeavesASecondOut(t *testing.T) {
	t.Parallel()
	ahora := gateway.EnMexico(mediodia).Format(gateway.FormatoFecha) // 12:00:00
	for _, tc := range []struct{ name, desde, hasta, wantDesde, wantHasta string }{
		{"in the past", "2026-01-01T00:00:00", "2026-01-31T23:59:59", "2026-01-01T00:00:00", "2026-02-01T00:00:00"},
		{"up to a second ago", "2026-11-21T00:00:00", "2026-11-21T11:59:59", "2026-11-21T00:00:00", ahora},
		{"up to now", "2026-11-21T00:00:00", ahora, "2026-11-20T23:59:59", ahora},
		{"from where the SAT's past begins", "2020-11-21T00:00:00", "2026-01-31T23:59:59", "2020-11-21T00:00:00", "2026-02-01T00:00:00"},
		{"a second behind it, up to now", "2020-11-21T00:00:01", ahora, "2020-11-21T00:00:00", ahora},
	} {
		got, ok := rangoDe(t, tc.desde, tc.hasta).desplaza(mediodia)
		if want := rangoDe(t, tc.wantDesde, tc.wantHasta); !ok || got != want {
			t.Errorf("%s: %v %v, want %v", tc.name, got, ok, want)
		}
	}
	if got, ok := rangoDe(t, "2020-11-21T00:00:00", ahora).desplaza(mediodia); ok {
		t.Errorf("everything there is was widened to %v", got)
	}
	r := rangoDe(t, "2026-11-21T00:00:00", "2026-11-21T11:59:50")
	visto := map[rango]bool{r: true}
	for range maxDesplazos {
		s, ok := r.desplaza(mediodia)
		if !ok || visto[s] || s.desde.After(r.desde) || s.hasta.Before(r.hasta) || segundos(s) != segundos(r)+1 {
			t.Fatalf("%v became %v", r, s)
		}
		visto[s], r = true, s
	}
}

// TestLugarDe_KeepsTheSecondsOfTheHalves: what widened ranges bring twice is read
// once, and a date that is none is nobody else's.
func TestLugarDe_KeepsTheSecondsOfTheHalves(t *testing.T) {
	t.Parallel()
	tramo := store.Tramo{}
	tramo.Desde, tramo.Hasta = "2026-01-01T00:00:01", "2026-01-01T00:00:03"
	tramo.PideDesde, tramo.PideHasta = "2026-01-01T00:00:00", "2026-01-01T00:00:04"
	for fecha, want := range map[string]store.Lugar{
		"2026-01-01T00:00:00": store.Ampliado, "2026-01-01T00:00:01": store.Propio, "2026-01-01 00:00:03": store.Propio, "2026-01-01 00:00:04": store.Ampliado,
		"2026-01-01T00:00:03.999-06:00": store.Propio, "": store.Propio, "ayer": store.Propio, "2025-12-31T23:59:59": store.Ajeno, "2026-01-01 00:00:05": store.Ajeno,
	} {
		if got := lugarDe(fecha, tramo); got != want {
			t.Errorf("%q: %v, want %v", fecha, got, want)
		}
	}
}

func TestCubierto_WhenRunsFailedTheGapIsNext(t *testing.T) {
	t.Parallel()
	corrida := func(desde, hasta string) store.Descarga {
		var d store.Descarga
		d.Peticion.Solicitud.FechaInicial, d.Peticion.Solicitud.FechaFinal = desde+"T00:00:00", hasta+"T23:59:59"
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
		got := cubierto(rangoDe(t, "2026-01-01T00:00:00", "2026-01-01T00:00:00").desde, tc.corridas)
		if got.Format(time.DateOnly) != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	muchas := make([]store.Descarga, 0, memoriaCorridas)
	dia := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for range memoriaCorridas {
		muchas = append(muchas, corrida(dia.Format(time.DateOnly), dia.Format(time.DateOnly)))
		dia = dia.AddDate(0, 0, 1)
	}
	if got := cubierto(rangoDe(t, "2020-01-01T00:00:00", "2020-01-01T00:00:00").desde, muchas); !got.Equal(dia) {
		t.Errorf("behind more than can be remembered: %s, want %s", got, dia)
	}
}
