package sat

import (
	"testing"
	"time"
)

const rfcTrial = "PRU010101AB1"

func day(t testing.TB, text string) int64 {
	t.Helper()
	f, err := time.Parse(fechaFormat, text)
	if err != nil {
		t.Fatal(err)
	}
	return f.Unix()
}

func TestUniverse_FindsEveryComprobanteByItsFolio(t *testing.T) {
	u := NewUniverse(9)
	other := NewUniverse(10)
	seen := map[UUID]bool{}
	for _, servicio := range Servicios() {
		for _, direction := range []Direction{Emitidos, Recibidos} {
			a := scope{servicio, rfcTrial, direction, 500}
			n := 0
			for pos, c := range u.since(a, u.start(a, day(t, "2024-02-28T00:00:00")), day(t, "2024-03-01T23:59:59")) {
				n++
				if seen[c.UUID] {
					t.Fatalf("%s twice", c.UUID)
				}
				seen[c.UUID] = true
				read, ok := readUUID(c.UUID.String())
				if found, has := u.find(scope{servicio, rfcTrial, u.direction(read), 500}, read); !ok || !has || found != c {
					t.Fatalf("%v not found again at %v: %+v", c, pos, found)
				}
				if c.UUID[6]>>4 != 4 || c.UUID[8]>>6 != 2 {
					t.Fatalf("%s is not of version 4", c.UUID)
				}
				anotherOne := Retenciones
				if servicio == Retenciones {
					anotherOne = CFDI
				}
				for name, strange := range map[string]bool{
					"another RFC":    exist(u.find(scope{servicio, "OTR010101AB1", direction, 500}, read)),
					"another seed":   exist(other.find(a, read)),
					"another family": exist(u.find(scope{anotherOne, rfcTrial, direction, 500}, read)),
				} {
					if strange {
						t.Fatalf("%s finds it", name)
					}
				}
			}
			if n != 1500 {
				t.Errorf("%s %d: %d in three days of 500", servicio, direction, n)
			}
		}
	}
}

func exist(_ Comprobante, ok bool) bool { return ok }

func TestUniverse_DatesGoForwardAndPiecesMakeTheWhole(t *testing.T) {
	u := NewUniverse(1)
	for _, perDay := range []int64{1, 7, 40, 86_400, 100_000} {
		a := scope{CFDI, rfcTrial, Emitidos, perDay}
		start, cut, end := day(t, "2025-05-01T06:30:00"), day(t, "2025-05-02T12:00:00"), day(t, "2025-05-03T01:00:00")
		list := func(since, until int64) (uuids []UUID) {
			before := since
			for _, c := range u.since(a, u.start(a, since), until) {
				if c.Fecha < before || c.Fecha > until {
					t.Fatalf("%d a day: %d after %d, until %d", perDay, c.Fecha, before, until)
				}
				before = c.Fecha
				uuids = append(uuids, c.UUID)
			}
			return uuids
		}
		all, one, other := list(start, end), list(start, cut), list(cut+1, end)
		if len(all) == 0 || len(all) != len(one)+len(other) {
			t.Errorf("%d a day: %d in all, %d and %d in two pieces", perDay, len(all), len(one), len(other))
		}
	}
}

func TestUniverse_HasSomeOfEverything(t *testing.T) {
	u := NewUniverse(1)
	cuenta := map[string]int{}
	for _, servicio := range Servicios() {
		a := scope{servicio, rfcTrial, Emitidos, 2000}
		for _, c := range u.since(a, u.start(a, day(t, "2025-05-01T00:00:00")), day(t, "2025-05-01T23:59:59")) {
			cuenta[string(c.Tipo)]++
			cuenta[c.Complemento]++
			if c.Tercero != withoutTercero {
				cuenta["tercero"]++
			}
			if c.Cancelacion != 0 {
				cuenta["cancelado"]++
			}
		}
	}
	for _, que := range []string{"I", "E", "T", "N", "P", "R", "nomina12", "pagos20", "leyendasfisc", "dividendos", "intereses", "tercero", "cancelado"} {
		if cuenta[que] == 0 {
			t.Errorf("no %s among %v", que, cuenta)
		}
	}
	rfcs := map[string]bool{}
	for _, p := range u.parts {
		if !rfcForm.MatchString(p.rfc) || rfcs[p.rfc] {
			t.Errorf("RFC %s", p.rfc)
		}
		rfcs[p.rfc] = true
	}
}

func BenchmarkUniverse_Million(b *testing.B) {
	u := NewUniverse(1)
	a := scope{CFDI, rfcTrial, Emitidos, 10_000}
	for b.Loop() {
		n := 0
		for range u.since(a, position{day: 20_000}, 20_100*secondsDay-1) {
			n++
		}
		if n != 1_000_000 {
			b.Fatal(n)
		}
	}
}
