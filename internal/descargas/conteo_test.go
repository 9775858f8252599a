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

// trozo is a part of what a package lets be read.
type trozo struct {
	desde, hasta int    // comprobantes, the last one not included
	fecha        string // of emission
}

// trozos make a package of parts.
func trozos(fallas int64, partes ...trozo) func(gateway.Paquete, func(Visto) error) (Conteo, error) {
	return func(_ gateway.Paquete, visto func(Visto) error) (Conteo, error) {
		c := Conteo{Fallas: fallas, Danadas: fallas}
		if fallas > 0 {
			c.Falla = "a.xml: Está dañado."
		}
		for _, x := range partes {
			for i := x.desde; i < x.hasta; i++ {
				c.Leidos++
				if err := visto(Visto{UUID: folio("", i), Estatus: "1", Fecha: x.fecha}); err != nil {
					return c, err
				}
			}
		}
		return c, nil
	}
}

func TestConteo_WhenThePackagesAreNotWhatTheSATCounted(t *testing.T) {
	t.Parallel()
	const dia = "2026-01-02T03:04:05"
	for name, tc := range map[string]struct {
		paquete  func(gateway.Paquete, func(Visto) error) (Conteo, error)
		numero   int64
		want     gateway.EstadoDescarga
		motivo   string
		progreso [3]int64 // encontrados, repetidos, fallas
		miradas  int      // at most
	}{
		"the same twice": {trozos(0, trozo{0, 6, dia}, trozo{2, 6, dia}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 6: faltan 4, 4 vienen repetidos.", [3]int64{6, 4, 0}, maxMiradas + 2},
		// What is missing is there, and nothing is waited for.
		"one unreadable": {trozos(1, trozo{0, 9, dia}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 9: 1 no se puede leer (entrada a.xml: Está dañado), faltan 0.", [3]int64{9, 0, 1}, 2},
		"one unreadable and others missing": {trozos(1, trozo{0, 7, dia}), 10, gateway.DescargaParcial,
			"El SAT contó 10 comprobantes y se leen 7: 1 no se puede leer (entrada a.xml: Está dañado), faltan 2.", [3]int64{7, 0, 1}, maxMiradas + 2},
		"all of it, and some twice":     {trozos(0, trozo{0, 10, dia}, trozo{0, 3, dia}), 10, gateway.DescargaTerminada, "3 vienen repetidos en los paquetes.", [3]int64{10, 3, 0}, 2},
		"nothing, and nothing counted":  {trozos(0), 0, gateway.DescargaVacia, "El SAT no encontró comprobantes en el rango.", [3]int64{}, 2},
		"more than none":                {trozos(0, trozo{0, 2, dia}), 0, gateway.DescargaTerminada, "El SAT contó 0 comprobantes y se leen 2: sobran 2.", [3]int64{2, 0, 0}, 2},
		"nothing counted, one is there": {trozos(1), 0, gateway.DescargaParcial, "El SAT contó 0 comprobantes y se leen 0, pero 1 no se puede leer (entrada a.xml: Está dañado): lo que se leyó ahí puede no ser lo que el SAT empacó.", [3]int64{0, 0, 1}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.trozos = tc.paquete
			w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", tc.numero, "a"), nil }
			d := w.acaba(w.nueva(nil))
			p := d.Progreso
			if d.Estado != tc.want || d.Motivo != tc.motivo || [3]int64{p.Encontrados, p.Repetidos, p.Fallas} != tc.progreso || w.miradas > tc.miradas {
				t.Errorf("%s %q %+v after %d looks", d.Estado, d.Motivo, p, w.miradas)
			}
			// Who is told of the end is told the same.
			var aviso Aviso
			for _, a := range w.avisos {
				if a.Tipo != PaqueteDisponible {
					aviso = a
				}
			}
			if aviso.Descarga.Progreso.Encontrados != p.Encontrados || aviso.Descarga.Progreso.Fallas != p.Fallas || aviso.Descarga.Progreso.Repetidos != p.Repetidos {
				t.Errorf("announced as %+v", aviso.Descarga.Progreso)
			}
			w.pasa(2 * maxCuenta)
			if err := w.Ronda(t.Context()); err != nil {
				t.Error(err)
			}
			if q := w.ve(d.ID).Progreso; q.Encontrados != p.Encontrados || q.Repetidos != p.Repetidos {
				t.Errorf("what was counted is %+v after the rows are gone", q)
			}
		})
	}
}

// TestIdentidades_WhenACountIsCutItComesToTheSame: rows that it has left behind are
// not counted again, nor taken for another's.
func TestIdentidades_WhenACountIsCutItComesToTheSame(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	tramo := store.Tramo{Tramo: w.ve(id).Solicitudes[0]}
	p := store.PaqueteDeTramo{ID: 7, IDTramo: w.fila(id)}
	for _, hasta := range []int{17, 100, 100} { // cut, whole, and once more
		i := &identidades{ctx: t.Context(), store: w.st, p: p, tramo: tramo, lote: 10, lotes: map[store.Lugar][][store.LargoUUID]byte{}}
		for n := range hasta {
			for range 1 + n%2 {
				if err := i.agrega(Visto{UUID: folio("", n), Fecha: []string{"2026-01-02T03:04:05", "2099-01-01T00:00:00"}[n%3/2]}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if hasta == 100 {
			if err := i.cierra(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := w.st.CuentaIdentidades(t.Context(), p); err != nil || n != 100 {
		t.Errorf("%d, %v", n, err)
	}
}

// mitades makes a descarga that splits once; the package of each half is what paquete
// says, by its range.
func mitades(t *testing.T, paquete func(t store.Tramo) (numero int64, partes []trozo)) gateway.Descarga {
	t.Helper()
	w := nuevoTaller(t)
	de := func(id string) store.Tramo {
		tramos, err := w.st.TramosDeSolicitud(t.Context(), strings.TrimSuffix(id, "_01"))
		if err != nil || len(tramos) != 1 {
			t.Fatalf("%s: %v %v", id, tramos, err)
		}
		return tramos[0]
	}
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if de(id).Origen == 0 {
			return estado("5", "5003", 0), nil
		}
		numero, _ := paquete(de(id))
		return estado("3", "5000", numero, id+"_01"), nil
	}
	w.trozos = func(p gateway.Paquete, visto func(Visto) error) (Conteo, error) {
		_, partes := paquete(de(p.IDPaquete))
		return trozos(0, partes...)(p, visto)
	}
	return w.acaba(w.nueva(func(p *gateway.PeticionDescarga) {
		// Halves of a second each take their neighbour along.
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-01-02T00:00:00", "2026-01-02T00:00:01"
	}))
}

func TestConteo_WhenTwoSolicitudesHaveTheSame(t *testing.T) {
	t.Parallel()
	const antes, uno, dos, fuera = "2026-01-01T23:59:59", "2026-01-02T00:00:00", "2026-01-02T00:00:01", "2026-01-09T00:00:00"
	primera := func(x store.Tramo) bool { return x.Desde == uno }
	for name, tc := range map[string]struct {
		paquete func(store.Tramo) (int64, []trozo)
		want    gateway.EstadoDescarga
		motivo  string
	}{
		"each has its own": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 4, []trozo{{0, 4, uno}}
			}
			return 3, []trozo{{4, 7, dos}}
		}, gateway.DescargaTerminada, ""},
		// The first half asks from a second earlier, where another descarga's are.
		"what a range was widened by counts": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 6, []trozo{{0, 4, uno}, {90, 92, antes}}
			}
			return 3, []trozo{{4, 7, dos}}
		}, gateway.DescargaTerminada, ""},
		"one has what is the other's": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 4, []trozo{{0, 4, uno}}
			}
			return 3, []trozo{{4, 6, dos}, {0, 1, uno}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 6: falta 1, 1 viene repetido."},
		"both have what is in neither range": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 4, []trozo{{0, 3, uno}, {50, 51, fuera}}
			}
			return 3, []trozo{{4, 6, dos}, {50, 51, fuera}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 6: falta 1, 1 viene repetido."},
		"one has what is in no range": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 4, []trozo{{0, 3, uno}, {50, 51, fuera}}
			}
			return 3, []trozo{{4, 7, dos}}
		}, gateway.DescargaTerminada, ""},
		"too many in one do not make up for the other": {func(x store.Tramo) (int64, []trozo) {
			if primera(x) {
				return 4, []trozo{{0, 3, uno}}
			}
			return 3, []trozo{{4, 8, dos}}
		}, gateway.DescargaParcial, "El SAT contó 7 comprobantes y se leen 7: falta 1, y a otras solicitudes les sobra 1."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := mitades(t, tc.paquete); d.Estado != tc.want || d.Motivo != tc.motivo || len(d.Solicitudes) != 3 {
				t.Errorf("%s %q %+v", d.Estado, d.Motivo, d.Progreso)
			}
		})
	}
}

func documento(uuid string) string {
	return `<?xml version="1.0"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Fecha="2026-01-02T03:04:05" TipoDeComprobante="I"><cfdi:Complemento>` +
		`<tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="1.1" UUID="` + uuid + `"/></cfdi:Complemento></cfdi:Comprobante>`
}

func TestLectura_WhenCountedEveryEntryIsOpened(t *testing.T) {
	t.Parallel()
	const nombre = "0A1B2C3D-0000-4000-8000-00000000000%d"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	escribe := func(nombre, texto string) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: nombre, Method: zip.Store, Modified: time.Unix(0, 0)})
		if err == nil {
			_, err = f.Write([]byte(texto))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		escribe(fmt.Sprintf(nombre+".xml", i), documento(fmt.Sprintf(nombre, i)))
	}
	// The timbre says who it is, not the name.
	escribe(fmt.Sprintf(nombre+".xml", 9), documento(strings.ToLower(fmt.Sprintf(nombre, 1))))
	escribe("sin.xml", "<a/>")
	escribe("odd.xml", documento("no-es-uuid"))
	escribe("leame.txt", "hola")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	paquete := b.Bytes()
	paquete[bytes.Index(paquete, fmt.Appendf(nil, `UUID="`+nombre, 2))-50] ^= 1
	var vistos []string
	c, err := NewLectura(nil, &guardados{zips: map[string][]byte{"": paquete}}).Cuenta(t.Context(), gateway.Paquete{}, false, func(v Visto) error {
		vistos = append(vistos, v.UUID+" "+v.Estatus+" "+v.Fecha)
		return nil
	})
	want := Conteo{Leidos: 3, Fallas: 3, Danadas: 1, Ajenas: 1, Falla: fmt.Sprintf(nombre+".xml: El archivo está dañado dentro del ZIP: su contenido no da el CRC-32 que el ZIP dice.", 2)}
	if err != nil || c != want {
		t.Errorf("%+v, %v, want %+v", c, err, want)
	}
	if got, want := fmt.Sprint(vistos), "[0a1b2c3d-0000-4000-8000-000000000000 1 2026-01-02T03:04:05 0a1b2c3d-0000-4000-8000-000000000001 1 2026-01-02T03:04:05 0a1b2c3d-0000-4000-8000-000000000001 1 2026-01-02T03:04:05]"; got != want {
		t.Error(got)
	}
	if _, err := NewLectura(nil, &guardados{zips: map[string][]byte{"": paquete[:len(paquete)-30]}}).Cuenta(t.Context(), gateway.Paquete{}, false, func(Visto) error { return nil }); err == nil {
		t.Error("what is no ZIP was counted")
	}
}

// soloFallas has what cannot be read be what was packed.
func soloFallas(f func(gateway.Paquete, func(Visto) error) (Conteo, error)) func(gateway.Paquete, func(Visto) error) (Conteo, error) {
	return func(p gateway.Paquete, visto func(Visto) error) (Conteo, error) {
		c, err := f(p, visto)
		c.Danadas = 0
		return c, err
	}
}

// TestSegunda_WhenEntriesCannotBeRead: the second download is asked for once, and what is
// kept is what counts.
func TestSegunda_WhenEntriesCannotBeRead(t *testing.T) {
	t.Parallel()
	const dia = "2026-01-02T03:04:05"
	afuera := &gateway.Error{Kind: gateway.KindNoDisponible, Own: gateway.OwnSistemaCaido, NoEnviada: true, Reintentable: true, Detail: "no está"}
	for name, tc := range map[string]struct {
		primera, segunda func(gateway.Paquete, func(Visto) error) (Conteo, error)
		repite           func(n int) (Segunda, error)
		want             gateway.EstadoDescarga
		progreso         [2]int64 // encontrados, fallas
		veces            int
		evento           string
	}{
		"the second is sound": {trozos(1, trozo{0, 9, dia}), trozos(0, trozo{0, 10, dia}), func(int) (Segunda, error) { return Segunda{Hecha: true, Cambia: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		// What only the first had is in nothing that is kept.
		"the second has others": {trozos(2, trozo{0, 8, dia}), trozos(1, trozo{1, 10, dia}), func(int) (Segunda, error) { return Segunda{Hecha: true, Cambia: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 2, "y vale la segunda."},
		"the second is the same": {trozos(1, trozo{0, 9, dia}), nil, func(int) (Segunda, error) { return Segunda{Hecha: true, Igual: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "las dos entregas son idénticas."},
		"the second is no better": {trozos(1, trozo{0, 9, dia}), nil, func(int) (Segunda, error) { return Segunda{Hecha: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "vale la entrega en que se lee más."},
		"the SAT is away for a while": {trozos(1, trozo{0, 9, dia}), trozos(0, trozo{0, 10, dia}), func(n int) (Segunda, error) {
			if n < 3 {
				return Segunda{}, afuera
			}
			return Segunda{Hecha: true, Cambia: true}, nil
		}, gateway.DescargaTerminada, [2]int64{10, 0}, 3, "y vale la segunda."},
		"the SAT is away": {trozos(1, trozo{0, 9, dia}), nil, func(int) (Segunda, error) { return Segunda{}, afuera },
			gateway.DescargaParcial, [2]int64{9, 1}, 1 + maxSegundas, "no se pudo bajar otra vez: no está"},
		"the SAT owes no more": {trozos(1, trozo{0, 9, dia}), nil, func(int) (Segunda, error) {
			return Segunda{}, &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5007", Detail: "venció"}
		}, gateway.DescargaParcial, [2]int64{9, 1}, 1, "no se pudo bajar otra vez: venció"},
		// Whatever the reason: what was packed wrongly may have been packed again.
		"an entry is no CFDI": {soloFallas(trozos(1, trozo{0, 9, dia})), trozos(0, trozo{0, 10, dia}), func(int) (Segunda, error) { return Segunda{Hecha: true, Cambia: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		"an entry is no CFDI, twice": {soloFallas(trozos(1, trozo{0, 9, dia})), nil, func(int) (Segunda, error) { return Segunda{Hecha: true, Igual: true}, nil },
			gateway.DescargaParcial, [2]int64{9, 1}, 1, "las dos entregas son idénticas."},
		"it is empty": {trozos(0), trozos(0, trozo{0, 10, dia}), func(int) (Segunda, error) { return Segunda{Hecha: true, Cambia: true}, nil },
			gateway.DescargaTerminada, [2]int64{10, 0}, 1, "y vale la segunda."},
		"it is empty, twice": {trozos(0), nil, func(int) (Segunda, error) { return Segunda{Hecha: true, Igual: true}, nil },
			gateway.DescargaParcial, [2]int64{0, 0}, 1, "las dos entregas son idénticas."},
		"an entry is of no package": {func(p gateway.Paquete, visto func(Visto) error) (Conteo, error) {
			c, err := trozos(0, trozo{0, 9, dia})(p, visto)
			c.Ajenas = 1
			return c, err
		}, nil, nil, gateway.DescargaParcial, [2]int64{9, 0}, 0, "Se guardó el paquete"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			n, cambiado := 0, false
			w.trozos = func(p gateway.Paquete, visto func(Visto) error) (Conteo, error) {
				if cambiado {
					return tc.segunda(p, visto)
				}
				return tc.primera(p, visto)
			}
			w.repite = func(_ gateway.Paquete, detalle string) (Segunda, error) {
				if want := map[bool]string{true: "No trae ninguno de los comprobantes que contó el SAT.", false: "a.xml: Está dañado."}[strings.HasPrefix(name, "it is empty")]; detalle != want {
					t.Errorf("%q", detalle)
				}
				if n++; cambiado {
					return Segunda{Hecha: true}, nil
				}
				s, err := tc.repite(n)
				cambiado = s.Cambia
				return s, err
			}
			w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, "a"), nil }
			d := w.acaba(w.nueva(nil))
			if d.Estado != tc.want || [2]int64{d.Progreso.Encontrados, d.Progreso.Fallas} != tc.progreso || n != tc.veces || d.Cuota.Solicitudes != 1 {
				t.Errorf("%s %q %+v after %d calls", d.Estado, d.Motivo, d.Progreso, n)
			}
			eventos, err := w.Eventos(t.Context(), d.ID, 0, 100)
			var guardado string
			for _, e := range eventos {
				if e.Tipo == "paquete_guardado" {
					guardado += e.Detalle
				}
			}
			if err != nil || !strings.Contains(guardado, tc.evento) {
				t.Errorf("%q, %v", guardado, err)
			}
		})
	}
}
