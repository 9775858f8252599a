package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestCuentaDescargas_WhenFiltered(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		for i, d := range []struct {
			rfc, programacion string
			estado            gateway.EstadoDescarga
		}{
			{"Ñ&P010101AB3", "", gateway.DescargaEnCola}, {"Ñ&P010101AB3", "p", gateway.DescargaVacia}, {"Ñ&P010101AB3", "", gateway.DescargaVacia},
			{"PRU010101AB1", "p", gateway.DescargaVacia},
		} {
			row := Descarga{Digest: fmt.Sprint(i)}
			row.ID, row.Estado, row.IDProgramacion, row.Request.Solicitud.RFCSolicitante = fmt.Sprint("d", i), d.estado, d.programacion, d.rfc
			if ok, err := s.Descargas.Create(t.Context(), row, nil); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		for _, c := range []struct {
			filter gateway.DescargasFilter
			want   map[gateway.EstadoDescarga]int
		}{
			{gateway.DescargasFilter{}, map[gateway.EstadoDescarga]int{"en_cola": 1, "vacia": 3}},
			// What says which page is shown says nothing of how many there are.
			{gateway.DescargasFilter{RFC: "Ñ&P010101AB3", Estados: []gateway.EstadoDescarga{"fallida"}, Cursor: "x~y", Limit: 1}, map[gateway.EstadoDescarga]int{"en_cola": 1, "vacia": 2}},
			{gateway.DescargasFilter{IDProgramacion: "p"}, map[gateway.EstadoDescarga]int{"vacia": 2}},
			{gateway.DescargasFilter{RFCs: []string{}}, map[gateway.EstadoDescarga]int{}},
		} {
			got, err := s.Descargas.Count(t.Context(), c.filter)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%+v: error %v (-want +got):\n%s", c.filter, err, diff)
			}
		}
	})
}

func TestWebhooksInFalla_WhenSomeAreWell(t *testing.T) {
	withWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for n, host := range []string{"bien.example", "falla.example", "ido.example", "pausado.example"} {
			d := target(n, "erp")
			if d.Host = host; host == "pausado.example" {
				d.Active, d.Motivo = false, "pausado"
			}
			if err := s.Webhooks.Create(ctx, d, "s", 9); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 3 {
			if _, err := s.Entregas.Add(ctx, entregas(3, fmt.Sprintf("whd_%d", n))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			e := WebhookEntrega{ID: fmt.Sprintf("msg_whd_1_%02d", i), Target: "whd_1", Turn: 1, Estado: EntregaPendiente, Failed: 2, Next: base.Add(time.Duration(2-i) * time.Hour)}
			if _, mine, err := s.Entregas.RegisterAttempt(ctx, e, WebhookAttempt{Start: base, Status: 503}, ""); err != nil || !mine {
				t.Fatal(mine, err)
			}
		}
		gone := WebhookEntrega{ID: "msg_whd_2_00", Target: "whd_2", Turn: 1, Estado: EntregaCancelada}
		if _, _, err := s.Entregas.RegisterAttempt(ctx, gone, WebhookAttempt{Start: base, Status: 410}, "retirado"); err != nil {
			t.Fatal(err)
		}
		got, err := s.Webhooks.InFalla(ctx, "retirado", 9)
		want := []WebhookInFalla{{Host: "falla.example", Pending: 2, Next: base.Add(time.Hour)}, {Host: "ido.example", Motivo: "retirado"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		if got, err := s.Webhooks.InFalla(ctx, "retirado", 1); err != nil || len(got) != 1 {
			t.Errorf("%d, error %v", len(got), err)
		}
	})
}
