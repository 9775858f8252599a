package control

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// trials is a list of faults of one operation with a clock in hand.
func trials(t *testing.T) (*Fallas, *Clock) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	clock := NewClock(func() time.Time { return now })
	return NewFallas(Catalogo{
		Servicios: []string{"s"}, Operations: []string{"Op"},
		Admit: func(Tipo, string) bool { return true },
		After: func(tipo Tipo, _ string) bool { return tipo == Vacio },
	}, clock), clock
}

func TestFallas_OutageComesHealsAndComesBack(t *testing.T) {
	t.Parallel()
	for _, speed := range []float64{0, 1, 600} {
		f, clock := trials(t)
		if err := clock.Change(speed); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(Falla{Tipo: HTML503, Veces: 1, Begin: time.Hour, Last: 10 * time.Minute, Repeat: 3 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Add(Falla{Tipo: Reset, Last: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		step := func(d time.Duration, wants Tipo) {
			t.Helper()
			clock.BringForward(d)
			for range 2 { // an outage is not spent
				if got, _ := f.Take("s", "Op", nil); got.Tipo != wants {
					t.Fatalf("%v at %v: %q, want %q", speed, clock.Now(), got.Tipo, wants)
				}
			}
		}
		step(59*time.Minute, Reset)
		step(time.Minute, HTML503)
		step(9*time.Minute+59*time.Second, HTML503)
		step(time.Second, Reset)
		step(50*time.Minute, "")
		if n := len(f.List()); n != 1 {
			t.Errorf("%d pending, want the one that comes back", n)
		}
		step(2*time.Hour-time.Second, "")
		step(time.Second, HTML503)
		step(30*24*time.Hour, HTML503) // whole periods later
		step(10*time.Minute, "")
	}
}

func TestFallas_CadaAndContiene(t *testing.T) {
	t.Parallel()
	f, _ := trials(t)
	if _, err := f.Add(Falla{Tipo: Vacio, Contiene: "abc", Cada: 3, Veces: 2}); err != nil {
		t.Fatal(err)
	}
	var touched []int
	for n := 1; n <= 12; n++ {
		if _, has := f.Take("s", "Op", []byte("xabcx")); has {
			touched = append(touched, n)
		}
		if _, has := f.Take("s", "Op", []byte("xabx")); has {
			t.Error("a message without the text was touched")
		}
	}
	if d := cmp.Diff([]int{3, 6}, touched); d != "" {
		t.Error(d)
	}
}

func TestFalla_JSONThereAndBack(t *testing.T) {
	t.Parallel()
	const text = `{"id":0,"servicio":"s","operacion":"Op","tipo":"codigo","contiene":"x","cada":4,"codigo":"5000","estadoSolicitud":3,"numeroCFDIs":9,"despues":true,"veces":0,"demora":"1s","empieza":"1m0s","dura":"2m0s","repite":"1h0m0s"}`
	var f Falla
	if err := f.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(f)
	if err != nil || string(b) != text {
		t.Errorf("%v %s", err, b)
	}
	for _, bad := range []string{`{"dura":"x"}`, `{"empieza":5}`, `{"repite":"ayer"}`} {
		if err := f.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestFallas_RefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	f, _ := trials(t)
	for name, bad := range map[string]Falla{
		"negative period": {Tipo: Vacio, Cada: -1}, "start of nothing": {Tipo: Vacio, Begin: time.Hour},
		"overlap": {Tipo: Vacio, Last: time.Hour, Repeat: time.Hour}, "after": {Tipo: Goteo, Despues: true},
		"long text": {Tipo: Vacio, Contiene: strings.Repeat("x", maxText+1)},
	} {
		if _, err := f.Add(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestJournal_KeepsTheLastAndCountsAll(t *testing.T) {
	t.Parallel()
	b := NewJournal()
	first := b.Record(Note{Servicio: "s", Operacion: "o", Objeto: "x"})
	for range maxJournal + 4 {
		b.Record(Note{Servicio: "s", Operacion: "o", Objeto: "x"})
	}
	b.Complete(first, func(a *Note) { a.Codigo = "tarde" })
	all := b.Read(0)
	if len(all) != maxJournal || all[0].Numero != 6 || all[len(all)-1].Numero != maxJournal+5 {
		t.Errorf("%d kept, from %d", len(all), all[0].Numero)
	}
	for i, a := range all {
		if a.Numero != int64(i)+6 || a.Codigo != "" {
			t.Fatalf("%+v at %d", a, i)
		}
	}
	if l := b.Read(maxJournal + 4); len(l) != 1 || len(b.Read(maxJournal+5)) != 0 || len(b.Read(1<<40)) != 0 {
		t.Errorf("after the last but one: %d", len(l))
	}
	if n := b.Count(Blob{"s", "o", "x"}); n != maxJournal+5 {
		t.Errorf("%d counted", n)
	}
	for i := range maxBlobs + 5 {
		b.Record(Note{Objeto: strconv.Itoa(i), Servicio: "otro"})
	}
	n := 0
	b.Cuentas(func(Blob, int64) { n++ })
	if n != maxBlobs {
		t.Errorf("%d things counted", n)
	}
	b.Reset()
	b.Complete(first, func(a *Note) { a.Codigo = "muy tarde" })
	if a := b.Record(Note{}); a.Numero != 1 || len(b.Read(0)) != 1 || b.Count(Blob{"s", "o", "x"}) != 0 {
		t.Error("the reset left something")
	}
}
