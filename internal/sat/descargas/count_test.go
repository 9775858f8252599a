package descargas

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// chunk is a part of what a package lets be read.
type chunk struct {
	since, until int    // comprobantes, the last one not included
	fecha        string // of emission
}

// chunks make a package of parts.
func chunks(fallas int64, parts ...chunk) func(gateway.Paquete, func(Seen) error) (Count, error) {
	return func(_ gateway.Paquete, seen func(Seen) error) (Count, error) {
		c := Count{Fallas: fallas, DamagedEntries: fallas}
		if fallas > 0 {
			c.Falla = "a.xml: Está dañado."
		}
		for _, x := range parts {
			for i := x.since; i < x.until; i++ {
				c.Read++
				if err := seen(Seen{UUID: folio("", i), Estatus: "1", Fecha: x.fecha}); err != nil {
					return c, err
				}
			}
		}
		return c, nil
	}
}

func TestCount_WhenThePackagesAreNotWhatTheSATCounted(t *testing.T) {
	t.Parallel()
	const day = "2026-01-02T03:04:05"
	for name, tc := range map[string]struct {
		paquete  func(gateway.Paquete, func(Seen) error) (Count, error)
		number   int64
		want     gateway.EstadoDescarga
		motivo   string
		progreso [3]int64 // encontrados, repeated, fallas
		looks    int      // at most
	}{
		"the same twice": {chunks(0, chunk{0, 6, day}, chunk{2, 6, day}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 6: faltan 4, 4 vienen repetidos.", [3]int64{6, 4, 0}, maxLooks + 2},
		// What is missing is there, and nothing is waited for.
		"one unreadable": {chunks(1, chunk{0, 9, day}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 9: 1 no se puede leer (entrada a.xml: Está dañado), faltan 0.", [3]int64{9, 0, 1}, 2},
		"one unreadable and others missing": {chunks(1, chunk{0, 7, day}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 7: 1 no se puede leer (entrada a.xml: Está dañado), faltan 2.", [3]int64{7, 0, 1}, maxLooks + 2},
		"all of it, and some twice":     {chunks(0, chunk{0, 10, day}, chunk{0, 3, day}), 10, gateway.DescargaTerminada, "3 vienen repetidos en los paquetes.", [3]int64{10, 3, 0}, 2},
		"nothing, and nothing counted":  {chunks(0), 0, gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango.", [3]int64{}, 2},
		"more than none":                {chunks(0, chunk{0, 2, day}), 0, gateway.DescargaTerminada, "El SAT contó 0 comprobantes y se leen 2: sobran 2.", [3]int64{2, 0, 0}, 2},
		"nothing counted, one is there": {chunks(1), 0, gateway.DescargaParcial, "El SAT contó 0 comprobantes y se leen 0, pero 1 no se puede leer (entrada a.xml: Está dañado): lo que se leyó ahí puede no ser lo que el SAT empacó.", [3]int64{0, 0, 1}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.chunks = tc.paquete
			w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", tc.number, "a"), nil }
			d := w.finish(w.new(nil))
			p := d.Progreso
			if d.Estado != tc.want || d.Motivo != tc.motivo || [3]int64{p.Found, p.Repeated, p.Fallas} != tc.progreso || w.looks > tc.looks {
				t.Errorf("%s %q %+v after %d looks", d.Estado, d.Motivo, p, w.looks)
			}
			// Who is told of the end is told the same.
			var aviso Aviso
			for _, a := range w.avisos {
				if a.Tipo != PaqueteAvailable {
					aviso = a
				}
			}
			if aviso.Descarga.Progreso.Found != p.Found || aviso.Descarga.Progreso.Fallas != p.Fallas || aviso.Descarga.Progreso.Repeated != p.Repeated {
				t.Errorf("announced as %+v", aviso.Descarga.Progreso)
			}
			w.pass(2 * maxCuenta)
			if err := w.Ronda(t.Context()); err != nil {
				t.Error(err)
			}
			if q := w.ve(d.ID).Progreso; q.Found != p.Found || q.Repeated != p.Repeated {
				t.Errorf("what was counted is %+v after the rows are gone", q)
			}
		})
	}
}

// TestIdentities_WhenACountIsCutItComesToTheSame: rows that it has left behind are
// not counted again, nor taken for another's.
func TestIdentities_WhenACountIsCutItComesToTheSame(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	tramo := store.Tramo{Tramo: w.ve(id).Solicitudes[0]}
	p := store.TramoPaquete{ID: 7, IDTramo: w.row(id)}
	for _, until := range []int{17, 100, 100} { // cut, whole, and once more
		i := &identities{ctx: t.Context(), rows: w.st.Comprobantes, p: p, tramo: tramo, lote: 10, lotes: map[store.Place][][store.UUIDLength]byte{}}
		for n := range until {
			for range 1 + n%2 {
				if err := i.add(Seen{UUID: folio("", n), Fecha: []string{"2026-01-02T03:04:05", "2099-01-01T00:00:00"}[n%3/2]}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if until == 100 {
			if err := i.close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := w.st.Comprobantes.CountIdentities(t.Context(), p); err != nil || n != 100 {
		t.Errorf("%d, %v", n, err)
	}
}

// halves makes a descarga that splits once; the package of each half is what paquete
// says, by its range.
func halves(t *testing.T, paquete func(t store.Tramo) (number int64, parts []chunk)) gateway.Descarga {
	t.Helper()
	w := newWorkshop(t)
	de := func(id string) store.Tramo {
		tramos, err := w.st.Tramos.BySolicitud(t.Context(), strings.TrimSuffix(id, "_01"))
		if err != nil || len(tramos) != 1 {
			t.Fatalf("%s: %v %v", id, tramos, err)
		}
		return tramos[0]
	}
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if de(id).Origin == 0 {
			return estado("5", "5003", 0), nil
		}
		number, _ := paquete(de(id))
		return estado("3", "5000", number, id+"_01"), nil
	}
	w.chunks = func(p gateway.Paquete, seen func(Seen) error) (Count, error) {
		_, parts := paquete(de(p.IDPaquete))
		return chunks(0, parts...)(p, seen)
	}
	return w.finish(w.new(func(p *gateway.PeticionDescarga) {
		// Halves of a second each take their neighbour along.
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-01-02T00:00:00", "2026-01-02T00:00:01"
	}))
}

func TestCount_WhenTwoSolicitudesHaveTheSame(t *testing.T) {
	t.Parallel()
	const before, one, two, outside = "2026-01-01T23:59:59", "2026-01-02T00:00:00", "2026-01-02T00:00:01", "2026-01-09T00:00:00"
	first := func(x store.Tramo) bool { return x.Since == one }
	for name, tc := range map[string]struct {
		paquete func(store.Tramo) (int64, []chunk)
		want    gateway.EstadoDescarga
		motivo  string
	}{
		"each has its own": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 4, []chunk{{0, 4, one}}
			}
			return 3, []chunk{{4, 7, two}}
		}, gateway.DescargaTerminada, ""},
		// The first half asks from a second earlier, where another descarga's are.
		"what a range was widened by counts": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 6, []chunk{{0, 4, one}, {90, 92, before}}
			}
			return 3, []chunk{{4, 7, two}}
		}, gateway.DescargaTerminada, ""},
		"one has what is the other's": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 4, []chunk{{0, 4, one}}
			}
			return 3, []chunk{{4, 6, two}, {0, 1, one}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 6: falta 1, 1 viene repetido."},
		"both have what is in neither range": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 4, []chunk{{0, 3, one}, {50, 51, outside}}
			}
			return 3, []chunk{{4, 6, two}, {50, 51, outside}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 6: falta 1, 1 viene repetido."},
		"one has what is in no range": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 4, []chunk{{0, 3, one}, {50, 51, outside}}
			}
			return 3, []chunk{{4, 7, two}}
		}, gateway.DescargaTerminada, ""},
		"too many in one do not make up for the other": {func(x store.Tramo) (int64, []chunk) {
			if first(x) {
				return 4, []chunk{{0, 3, one}}
			}
			return 3, []chunk{{4, 8, two}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 7: falta 1, y a otras solicitudes les sobra 1."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := halves(t, tc.paquete); d.Estado != tc.want || d.Motivo != tc.motivo || len(d.Solicitudes) != 3 {
				t.Errorf("%s %q %+v", d.Estado, d.Motivo, d.Progreso)
			}
		})
	}
}

func document(uuid string) string {
	return `<?xml version="1.0"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Fecha="2026-01-02T03:04:05" TipoDeComprobante="I"><cfdi:Complemento>` +
		`<tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="1.1" UUID="` + uuid + `"/></cfdi:Complemento></cfdi:Comprobante>`
}

func TestReading_WhenCountedEveryEntryIsOpened(t *testing.T) {
	t.Parallel()
	const name = "0A1B2C3D-0000-4000-8000-00000000000%d"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	write := func(name, text string) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: time.Unix(0, 0)})
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		write(fmt.Sprintf(name+".xml", i), document(fmt.Sprintf(name, i)))
	}
	// The timbre says who it is, not the name.
	write(fmt.Sprintf(name+".xml", 9), document(strings.ToLower(fmt.Sprintf(name, 1))))
	write("sin.xml", "<a/>")
	write("odd.xml", document("no-es-uuid"))
	write("leame.txt", "hola")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	paquete := b.Bytes()
	paquete[bytes.Index(paquete, fmt.Appendf(nil, `UUID="`+name, 2))-50] ^= 1
	var seen []string
	c, err := NewReading(Rows{}, &saved{zips: map[string][]byte{"": paquete}}).Count(t.Context(), gateway.Paquete{}, false, func(v Seen) error {
		seen = append(seen, v.UUID+" "+v.Estatus+" "+v.Fecha)
		return nil
	})
	want := Count{Read: 3, Fallas: 3, DamagedEntries: 1, Foreign: 1, Falla: fmt.Sprintf(name+".xml: El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice.", 2)}
	if err != nil || c != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
	if got, want := fmt.Sprint(seen), "[0a1b2c3d-0000-4000-8000-000000000000 1 2026-01-02T03:04:05 0a1b2c3d-0000-4000-8000-000000000001 1 2026-01-02T03:04:05 0a1b2c3d-0000-4000-8000-000000000001 1 2026-01-02T03:04:05]"; got != want {
		t.Error(got)
	}
	if _, err := NewReading(Rows{}, &saved{zips: map[string][]byte{"": paquete[:len(paquete)-30]}}).Count(t.Context(), gateway.Paquete{}, false, func(Seen) error { return nil }); err == nil {
		t.Error("what is no ZIP was counted")
	}
}

// onlyFallas has what cannot be read be what was packed.
func onlyFallas(f func(gateway.Paquete, func(Seen) error) (Count, error)) func(gateway.Paquete, func(Seen) error) (Count, error) {
	return func(p gateway.Paquete, seen func(Seen) error) (Count, error) {
		c, err := f(p, seen)
		c.DamagedEntries = 0
		return c, err
	}
}

// TestSecond_WhenEntriesCannotBeRead: the second download is asked for once, and what is
// kept is what counts.
func TestSecond_WhenEntriesCannotBeRead(t *testing.T) {
	t.Parallel()
	const day = "2026-01-02T03:04:05"
	outside := &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnSistemaCaido, Unsent: true, Retryable: true, Detail: "no está"}
	for name, tc := range map[string]struct {
		first, second func(gateway.Paquete, func(Seen) error) (Count, error)
		repeat        func(n int) (Second, error)
		want          gateway.EstadoDescarga
		progreso      [2]int64 // encontrados, fallas
		times         int
		evento        string
	}{
		"the second is sound": {chunks(1, chunk{0, 9, day}), chunks(0, chunk{0, 10, day}), func(int) (Second, error) { return Second{Done: true, Change: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		// What only the first had is in nothing that is kept.
		"the second has others": {chunks(2, chunk{0, 8, day}), chunks(1, chunk{1, 10, day}), func(int) (Second, error) { return Second{Done: true, Change: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 2, "y vale la segunda."},
		"the second is the same": {chunks(1, chunk{0, 9, day}), nil, func(int) (Second, error) { return Second{Done: true, Same: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "las dos entregas son idénticas."},
		"the second is no better": {chunks(1, chunk{0, 9, day}), nil, func(int) (Second, error) { return Second{Done: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "vale la entrega en que se lee más."},
		"the SAT is away for a while": {chunks(1, chunk{0, 9, day}), chunks(0, chunk{0, 10, day}), func(n int) (Second, error) {
			if n < 3 {
				return Second{}, outside
			}
			return Second{Done: true, Change: true}, nil
		}, gateway.DescargaTerminada, [2]int64{10, 0}, 3, "y vale la segunda."},
		"the SAT is away": {chunks(1, chunk{0, 9, day}), nil, func(int) (Second, error) { return Second{}, outside },
			gateway.DescargaParcial, [2]int64{9, 1}, 1 + maxSecond, "no se pudo bajar otra vez: no está"},
		"the SAT owes no more": {chunks(1, chunk{0, 9, day}), nil, func(int) (Second, error) {
			return Second{}, &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5007", Detail: "venció"}
		}, gateway.DescargaParcial, [2]int64{9, 1}, 1, "no se pudo bajar otra vez: venció"},
		// Whatever the reason: what was packed wrongly may have been packed again.
		"an entry is no CFDI": {onlyFallas(chunks(1, chunk{0, 9, day})), chunks(0, chunk{0, 10, day}), func(int) (Second, error) { return Second{Done: true, Change: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		"an entry is no CFDI, twice": {onlyFallas(chunks(1, chunk{0, 9, day})), nil, func(int) (Second, error) { return Second{Done: true, Same: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "las dos entregas son idénticas."},
		"it is empty": {chunks(0), chunks(0, chunk{0, 10, day}), func(int) (Second, error) { return Second{Done: true, Change: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		"it is empty, twice": {chunks(0), nil, func(int) (Second, error) { return Second{Done: true, Same: true}, nil },
			gateway.DescargaParcial, [2]int64{0, 0}, 1, "las dos entregas son idénticas."},
		"an entry is of no package": {func(p gateway.Paquete, seen func(Seen) error) (Count, error) {
			c, err := chunks(0, chunk{0, 9, day})(p, seen)
			c.Foreign = 1
			return c, err
		}, nil, nil, gateway.DescargaParcial, [2]int64{9, 0}, 0, "Se guardó el paquete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			n, changed := 0, false
			w.chunks = func(p gateway.Paquete, seen func(Seen) error) (Count, error) {
				if changed {
					return tc.second(p, seen)
				}
				return tc.first(p, seen)
			}
			w.repeat = func(_ gateway.Paquete, detail string) (Second, error) {
				if want := map[bool]string{true: "No trae ninguno de los comprobantes que contó el SAT.", false: "a.xml: Está dañado."}[strings.HasPrefix(name, "it is empty")]; detail != want {
					t.Errorf("%q", detail)
				}
				if n++; changed {
					return Second{Done: true}, nil
				}
				s, err := tc.repeat(n)
				changed = s.Change
				return s, err
			}
			w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, "a"), nil }
			d := w.finish(w.new(nil))
			if d.Estado != tc.want || [2]int64{d.Progreso.Found, d.Progreso.Fallas} != tc.progreso || n != tc.times || d.Cuota.Solicitudes != 1 {
				t.Errorf("%s %q %+v after %d calls", d.Estado, d.Motivo, d.Progreso, n)
			}
			eventos, err := w.Eventos(t.Context(), d.ID, 0, 100)
			var saved string
			for _, e := range eventos {
				if e.Tipo == "paquete_guardado" {
					saved += e.Detalle
				}
			}
			if err != nil || !strings.Contains(saved, tc.evento) {
				t.Errorf("%q, %v", saved, err)
			}
		})
	}
}
