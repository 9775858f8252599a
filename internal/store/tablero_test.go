package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestCuentaDescargas_WhenFiltered(t *testing.T) {
	conWebhooks(t, func(t *testing.T, s *Store) {
		for i, d := range []struct {
			rfc, programacion string
			estado            gateway.EstadoDescarga
		}{
			{"Ñ&P010101AB3", "", gateway.DescargaEnCola}, {"Ñ&P010101AB3", "p", gateway.DescargaVacia}, {"Ñ&P010101AB3", "", gateway.DescargaVacia},
			{"PRU010101AB1", "p", gateway.DescargaVacia},
		} {
			fila := Descarga{Huella: fmt.Sprint(i)}
			fila.ID, fila.Estado, fila.IDProgramacion, fila.Peticion.Solicitud.RFCSolicitante = fmt.Sprint("d", i), d.estado, d.programacion, d.rfc
			if ok, err := s.CreaDescarga(t.Context(), fila, nil); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		for _, c := range []struct {
			filtro gateway.FiltroDescargas
			want   map[gateway.EstadoDescarga]int
		}{
			{gateway.FiltroDescargas{}, map[gateway.EstadoDescarga]int{"en_cola": 1, "vacia": 3}},
			// What says which page is shown says nothing of how many there are.
			{gateway.FiltroDescargas{RFC: "Ñ&P010101AB3", Estados: []gateway.EstadoDescarga{"fallida"}, Cursor: "x~y", Limite: 1}, map[gateway.EstadoDescarga]int{"en_cola": 1, "vacia": 2}},
			{gateway.FiltroDescargas{IDProgramacion: "p"}, map[gateway.EstadoDescarga]int{"vacia": 2}},
			{gateway.FiltroDescargas{RFCs: []string{}}, map[gateway.EstadoDescarga]int{}},
		} {
			got, err := s.CuentaDescargas(t.Context(), c.filtro)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%+v: error %v (-want +got):\n%s", c.filtro, err, diff)
			}
		}
	})
}

func TestWebhooksEnFalla_WhenSomeAreWell(t *testing.T) {
	conWebhooks(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for n, host := range []string{"bien.example", "falla.example", "ido.example", "pausado.example"} {
			d := destino(n, "erp")
			if d.Host = host; host == "pausado.example" {
				d.Activo, d.Motivo = false, "pausado"
			}
			if err := s.CreaWebhook(ctx, d, "s", 9); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 3 {
			if _, err := s.AgregaEntregas(ctx, entregas(3, fmt.Sprintf("whd_%d", n))); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2 {
			e := WebhookEntrega{ID: fmt.Sprintf("msg_whd_1_%02d", i), Destino: "whd_1", Turno: 1, Estado: EntregaPendiente, Fallidos: 2, Siguiente: base.Add(time.Duration(2-i) * time.Hour)}
			if _, mia, err := s.RegistraIntento(ctx, e, WebhookIntento{Inicio: base, Status: 503}, ""); err != nil || !mia {
				t.Fatal(mia, err)
			}
		}
		gone := WebhookEntrega{ID: "msg_whd_2_00", Destino: "whd_2", Turno: 1, Estado: EntregaCancelada}
		if _, _, err := s.RegistraIntento(ctx, gone, WebhookIntento{Inicio: base, Status: 410}, "retirado"); err != nil {
			t.Fatal(err)
		}
		got, err := s.WebhooksEnFalla(ctx, "retirado", 9)
		want := []WebhookEnFalla{{Host: "falla.example", Pendientes: 2, Siguiente: base.Add(time.Hour)}, {Host: "ido.example", Motivo: "retirado"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
		if got, err := s.WebhooksEnFalla(ctx, "retirado", 1); err != nil || len(got) != 1 {
			t.Errorf("%d, error %v", len(got), err)
		}
	})
}
