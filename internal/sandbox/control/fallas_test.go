package control

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pruebas is a list of faults of one operation with a clock in hand.
func pruebas(t *testing.T) (*Fallas, *Reloj) {
	t.Helper()
	ahora := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	reloj := NewReloj(func() time.Time { return ahora })
	return NewFallas(Catalogo{
		Servicios: []string{"s"}, Operaciones: []string{"Op"},
		Admite:  func(Tipo, string) bool { return true },
		Despues: func(tipo Tipo, _ string) bool { return tipo == Vacio },
	}, reloj), reloj
}

func TestFallas_OutageComesHealsAndComesBack(t *testing.T) {
	t.Parallel()
	for _, velocidad := range []float64{0, 1, 600} {
		f, reloj := pruebas(t)
		if err := reloj.Cambia(velocidad); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Agrega(Falla{Tipo: HTML503, Veces: 1, Empieza: time.Hour, Dura: 10 * time.Minute, Repite: 3 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Agrega(Falla{Tipo: Reset, Dura: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		paso := func(d time.Duration, quiere Tipo) {
			t.Helper()
			reloj.Adelanta(d)
			for range 2 { // an outage is not spent
				if got, _ := f.Toma("s", "Op", nil); got.Tipo != quiere {
					t.Fatalf("%v at %v: %q, want %q", velocidad, reloj.Now(), got.Tipo, quiere)
				}
			}
		}
		paso(59*time.Minute, Reset)
		paso(time.Minute, HTML503)
		paso(9*time.Minute+59*time.Second, HTML503)
		paso(time.Second, Reset)
		paso(50*time.Minute, "")
		if n := len(f.Lista()); n != 1 {
			t.Errorf("%d pending, want the one that comes back", n)
		}
		paso(2*time.Hour-time.Second, "")
		paso(time.Second, HTML503)
		paso(30*24*time.Hour, HTML503) // whole periods later
		paso(10*time.Minute, "")
	}
}

func TestFallas_CadaAndContiene(t *testing.T) {
	t.Parallel()
	f, _ := pruebas(t)
	if _, err := f.Agrega(Falla{Tipo: Vacio, Contiene: "abc", Cada: 3, Veces: 2}); err != nil {
		t.Fatal(err)
	}
	var tocadas []int
	for n := 1; n <= 12; n++ {
		if _, hay := f.Toma("s", "Op", []byte("xabcx")); hay {
			tocadas = append(tocadas, n)
		}
		if _, hay := f.Toma("s", "Op", []byte("xabx")); hay {
			t.Error("a message without the text was touched")
		}
	}
	if d := cmp.Diff([]int{3, 6}, tocadas); d != "" {
		t.Error(d)
	}
}

func TestFalla_JSONThereAndBack(t *testing.T) {
	t.Parallel()
	const texto = `{"id":0,"servicio":"s","operacion":"Op","tipo":"codigo","contiene":"x","cada":4,"codigo":"5000","estadoSolicitud":3,"numeroCFDIs":9,"despues":true,"veces":0,"demora":"1s","empieza":"1m0s","dura":"2m0s","repite":"1h0m0s"}`
	var f Falla
	if err := f.UnmarshalJSON([]byte(texto)); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(f)
	if err != nil || string(b) != texto {
		t.Errorf("%v %s", err, b)
	}
	for _, malo := range []string{`{"dura":"x"}`, `{"empieza":5}`, `{"repite":"ayer"}`} {
		if err := f.UnmarshalJSON([]byte(malo)); err == nil {
			t.Errorf("%s was taken", malo)
		}
	}
}

func TestFallas_RefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	f, _ := pruebas(t)
	for nombre, mala := range map[string]Falla{
		"negative period": {Tipo: Vacio, Cada: -1}, "start of nothing": {Tipo: Vacio, Empieza: time.Hour},
		"overlap": {Tipo: Vacio, Dura: time.Hour, Repite: time.Hour}, "after": {Tipo: Goteo, Despues: true},
		"long text": {Tipo: Vacio, Contiene: strings.Repeat("x", maxTexto+1)},
	} {
		if _, err := f.Agrega(mala); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}

func TestBitacora_KeepsTheLastAndCountsAll(t *testing.T) {
	t.Parallel()
	b := NewBitacora()
	primera := b.Anota(Anotacion{Servicio: "s", Operacion: "o", Objeto: "x"})
	for range maxBitacora + 4 {
		b.Anota(Anotacion{Servicio: "s", Operacion: "o", Objeto: "x"})
	}
	b.Completa(primera, func(a *Anotacion) { a.Codigo = "tarde" })
	todas := b.Lee(0)
	if len(todas) != maxBitacora || todas[0].Numero != 6 || todas[len(todas)-1].Numero != maxBitacora+5 {
		t.Errorf("%d kept, from %d", len(todas), todas[0].Numero)
	}
	for i, a := range todas {
		if a.Numero != int64(i)+6 || a.Codigo != "" {
			t.Fatalf("%+v at %d", a, i)
		}
	}
	if l := b.Lee(maxBitacora + 4); len(l) != 1 || len(b.Lee(maxBitacora+5)) != 0 || len(b.Lee(1<<40)) != 0 {
		t.Errorf("after the last but one: %d", len(l))
	}
	if n := b.Cuenta(Objeto{"s", "o", "x"}); n != maxBitacora+5 {
		t.Errorf("%d counted", n)
	}
	for i := range maxObjetos + 5 {
		b.Anota(Anotacion{Objeto: strconv.Itoa(i), Servicio: "otro"})
	}
	n := 0
	b.Cuentas(func(Objeto, int64) { n++ })
	if n != maxObjetos {
		t.Errorf("%d things counted", n)
	}
	b.Reinicia()
	b.Completa(primera, func(a *Anotacion) { a.Codigo = "muy tarde" })
	if a := b.Anota(Anotacion{}); a.Numero != 1 || len(b.Lee(0)) != 1 || b.Cuenta(Objeto{"s", "o", "x"}) != 0 {
		t.Error("the reset left something")
	}
}
