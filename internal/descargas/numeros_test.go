package descargas

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestNumeros_WhenOthersCameBeforeNothingTellsOfThem: of the second descarga of a gateway
// everything is told as of its first: solicitudes, packages, events, what is said of them
// and where pages begin.
func TestNumeros_WhenOthersCameBeforeNothingTellsOfThem(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	zips := map[string][]byte{}
	w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if n%2 == 1 {
			return estado("4", "", 0), nil // replaced once
		}
		for i := range 2 {
			paquete := fmt.Sprintf("%s_%02d", id, i+1)
			zips[paquete] = unCFDI(t, folio(paquete, 0))
		}
		return estado("3", "5000", 20, id+"_01", id+"_02"), nil
	}
	var dichos [2]string
	for i, dia := range []string{"02", "03"} {
		id := w.nueva(func(p *gateway.PeticionDescarga) {
			p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-01-"+dia+"T00:00:00", "2026-01-"+dia+"T23:59:59"
		})
		d := w.ve(id)
		for range 50 {
			if d.Estado.Final() {
				break
			}
			w.anda(15 * time.Minute)
			d = w.ve(id)
			dichos[i] += d.Solicitudes[len(d.Solicitudes)-1].Decision + "\n"
		}
		if d.Estado != gateway.DescargaTerminada || len(d.Solicitudes) != 2 {
			t.Fatalf("%+v", d)
		}
		dichos[i] += loDicho(t, w, d, zips)
	}
	if dichos[0] != dichos[1] || !strings.Contains(dichos[0], "Sustituye a la solicitud 1") {
		t.Errorf("of the first:\n%s\nof the second:\n%s", dichos[0], dichos[1])
	}
}

// loDicho is all that is told of a descarga but what is the SAT's.
func loDicho(t *testing.T, w *taller, d gateway.Descarga, zips map[string][]byte) string {
	t.Helper()
	var b strings.Builder
	for _, s := range d.Solicitudes {
		fmt.Fprintf(&b, "%d<%d %s\n", s.Numero, s.Origen, s.Decision)
	}
	for cursor, paginas := "", 0; paginas == 0 || cursor != ""; paginas++ {
		pagina, siguiente, err := w.Paquetes(t.Context(), d.ID, cursor, 1)
		if err != nil || len(pagina) != 1 || paginas > 2 {
			t.Fatalf("behind %q: %+v, %v", cursor, pagina, err)
		}
		fmt.Fprintf(&b, "package %d of %d, then %q\n", pagina[0].Numero, pagina[0].Tramo, siguiente)
		cursor = siguiente
	}
	eventos, err := w.Eventos(t.Context(), d.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range eventos {
		fmt.Fprintf(&b, "%d %s %d\n", e.Numero, e.Tipo, e.Tramo)
	}
	l := NewLectura(w.st, &guardados{zips: zips})
	for cursor, filas := "", 0; filas < 2; filas++ {
		leidas := 0
		for fila, err := range l.Resumenes(t.Context(), d.ID, cursor, false) {
			if err != nil {
				t.Fatal(err)
			}
			if leidas++; leidas == 1 {
				cursor = fila.Cursor
			}
		}
		if leidas != 2-filas {
			t.Errorf("%d rows behind %d", leidas, filas)
		}
		paquete, _, _ := strings.Cut(cursor, ".")
		fmt.Fprintf(&b, "a row of package %s\n", paquete)
	}
	return b.String()
}

func unCFDI(t *testing.T, uuid string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(uuid + ".xml")
	if err == nil {
		_, err = f.Write([]byte(documento(uuid)))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
