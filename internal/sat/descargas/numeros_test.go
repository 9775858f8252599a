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

// TestNumbers_WhenOthersCameBeforeNothingTellsOfThem: of the second descarga of a gateway
// everything is told as of its first: solicitudes, packages, events, what is said of them
// and where pages begin.
func TestNumbers_WhenOthersCameBeforeNothingTellsOfThem(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	zips := map[string][]byte{}
	w.verify = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if n%2 == 1 {
			return estado("4", "", 0), nil // replaced once
		}
		for i := range 2 {
			paquete := fmt.Sprintf("%s_%02d", id, i+1)
			zips[paquete] = someCFDI(t, folio(paquete, 0))
		}
		return estado("3", "5000", 20, id+"_01", id+"_02"), nil
	}
	var dichos [2]string
	for i, day := range []string{"02", "03"} {
		id := w.new(func(p *gateway.PeticionDescarga) {
			p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = "2026-01-"+day+"T00:00:00", "2026-01-"+day+"T23:59:59"
		})
		d := w.ve(id)
		for range 50 {
			if d.Estado.Final() {
				break
			}
			w.walk(15 * time.Minute)
			d = w.ve(id)
			dichos[i] += d.Solicitudes[len(d.Solicitudes)-1].Decision + "\n"
		}
		if d.Estado != gateway.DescargaTerminada || len(d.Solicitudes) != 2 {
			t.Fatalf("%+v", d)
		}
		dichos[i] += said(t, w, d, zips)
	}
	if dichos[0] != dichos[1] || !strings.Contains(dichos[0], "Sustituye a la solicitud 1") {
		t.Errorf("of the first:\n%s\nof the second:\n%s", dichos[0], dichos[1])
	}
}

// said is all that is told of a descarga but what is the SAT's.
func said(t *testing.T, w *workshop, d gateway.Descarga, zips map[string][]byte) string {
	t.Helper()
	var b strings.Builder
	for _, s := range d.Solicitudes {
		fmt.Fprintf(&b, "%d<%d %s\n", s.Number, s.Origin, s.Decision)
	}
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		page, next, err := w.Paquetes(t.Context(), d.ID, cursor, 1)
		if err != nil || len(page) != 1 || pages > 2 {
			t.Fatalf("behind %q: %+v, %v", cursor, page, err)
		}
		fmt.Fprintf(&b, "package %d of %d, then %q\n", page[0].Number, page[0].Tramo, next)
		cursor = next
	}
	eventos, err := w.Eventos(t.Context(), d.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range eventos {
		fmt.Fprintf(&b, "%d %s %d\n", e.Number, e.Tipo, e.Tramo)
	}
	l := NewReading(rows(w.st), &saved{zips: zips})
	for cursor, rows := "", 0; rows < 2; rows++ {
		read := 0
		for row, err := range l.Summaries(t.Context(), d, cursor, false) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; read == 1 {
				cursor = row.Cursor
			}
		}
		if read != 2-rows {
			t.Errorf("%d rows behind %d", read, rows)
		}
		paquete, _, _ := strings.Cut(cursor, ".")
		fmt.Fprintf(&b, "a row of package %s\n", paquete)
	}
	return b.String()
}

func someCFDI(t *testing.T, uuid string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create(uuid + ".xml")
	if err == nil {
		_, err = f.Write([]byte(document(uuid)))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
