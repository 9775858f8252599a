package sat

import (
	"testing"
	"time"
)

const rfcPrueba = "PRU010101AB1"

func dia(t testing.TB, texto string) int64 {
	t.Helper()
	f, err := time.Parse(formatoFecha, texto)
	if err != nil {
		t.Fatal(err)
	}
	return f.Unix()
}

func TestUniverso_FindsEveryComprobanteByItsFolio(t *testing.T) {
	u := NewUniverso(9)
	otro := NewUniverso(10)
	vistos := map[UUID]bool{}
	for _, servicio := range Servicios() {
		for _, sentido := range []Sentido{Emitidos, Recibidos} {
			a := ambito{servicio, rfcPrueba, sentido, 500}
			n := 0
			for pos, c := range u.desde(a, u.inicio(a, dia(t, "2024-02-28T00:00:00")), dia(t, "2024-03-01T23:59:59")) {
				n++
				if vistos[c.UUID] {
					t.Fatalf("%s twice", c.UUID)
				}
				vistos[c.UUID] = true
				leido, ok := leeUUID(c.UUID.String())
				if hallado, hay := u.busca(ambito{servicio, rfcPrueba, u.sentido(leido), 500}, leido); !ok || !hay || hallado != c {
					t.Fatalf("%v not found again at %v: %+v", c, pos, hallado)
				}
				if c.UUID[6]>>4 != 4 || c.UUID[8]>>6 != 2 {
					t.Fatalf("%s is not of version 4", c.UUID)
				}
				otra := Retenciones
				if servicio == Retenciones {
					otra = CFDI
				}
				for nombre, extrano := range map[string]bool{
					"another RFC":    existe(u.busca(ambito{servicio, "OTR010101AB1", sentido, 500}, leido)),
					"another seed":   existe(otro.busca(a, leido)),
					"another family": existe(u.busca(ambito{otra, rfcPrueba, sentido, 500}, leido)),
				} {
					if extrano {
						t.Fatalf("%s finds it", nombre)
					}
				}
			}
			if n != 1500 {
				t.Errorf("%s %d: %d in three days of 500", servicio, sentido, n)
			}
		}
	}
}

func existe(_ Comprobante, ok bool) bool { return ok }

func TestUniverso_DatesGoForwardAndPiecesMakeTheWhole(t *testing.T) {
	u := NewUniverso(1)
	for _, porDia := range []int64{1, 7, 40, 86_400, 100_000} {
		a := ambito{CFDI, rfcPrueba, Emitidos, porDia}
		inicio, corte, fin := dia(t, "2025-05-01T06:30:00"), dia(t, "2025-05-02T12:00:00"), dia(t, "2025-05-03T01:00:00")
		lista := func(desde, hasta int64) (uuids []UUID) {
			antes := desde
			for _, c := range u.desde(a, u.inicio(a, desde), hasta) {
				if c.Fecha < antes || c.Fecha > hasta {
					t.Fatalf("%d a day: %d after %d, until %d", porDia, c.Fecha, antes, hasta)
				}
				antes = c.Fecha
				uuids = append(uuids, c.UUID)
			}
			return uuids
		}
		todo, una, otra := lista(inicio, fin), lista(inicio, corte), lista(corte+1, fin)
		if len(todo) == 0 || len(todo) != len(una)+len(otra) {
			t.Errorf("%d a day: %d in all, %d and %d in two pieces", porDia, len(todo), len(una), len(otra))
		}
	}
}

func TestUniverso_HasSomeOfEverything(t *testing.T) {
	u := NewUniverso(1)
	cuenta := map[string]int{}
	for _, servicio := range Servicios() {
		a := ambito{servicio, rfcPrueba, Emitidos, 2000}
		for _, c := range u.desde(a, u.inicio(a, dia(t, "2025-05-01T00:00:00")), dia(t, "2025-05-01T23:59:59")) {
			cuenta[string(c.Tipo)]++
			cuenta[c.Complemento]++
			if c.Tercero != sinTercero {
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
	for _, p := range u.partes {
		if !formaRFC.MatchString(p.rfc) || rfcs[p.rfc] {
			t.Errorf("RFC %s", p.rfc)
		}
		rfcs[p.rfc] = true
	}
}

func BenchmarkUniverso_Million(b *testing.B) {
	u := NewUniverso(1)
	a := ambito{CFDI, rfcPrueba, Emitidos, 10_000}
	for b.Loop() {
		n := 0
		for range u.desde(a, posicion{dia: 20_000}, 20_100*segundosDia-1) {
			n++
		}
		if n != 1_000_000 {
			b.Fatal(n)
		}
	}
}
