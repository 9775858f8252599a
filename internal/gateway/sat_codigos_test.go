package gateway_test

import (
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestCodigoSAT_EveryRowHasItsTextAndOthersSaySo(t *testing.T) {
	t.Parallel()
	for _, c := range gateway.RechazosSAT() {
		if got := gateway.CodigoSAT(c.Codigo); got != (gateway.Codigo{Codigo: c.Codigo, Descripcion: c.Text}) {
			t.Errorf("%s: %+v", c.Codigo, got)
		}
	}
	for codigo, want := range map[string]string{"5000": "Solicitud recibida con éxito", "": "", "9999": "Código no documentado por el SAT"} {
		if got := gateway.CodigoSAT(codigo); got.Codigo != codigo || got.Descripcion != want {
			t.Errorf("%q: %+v", codigo, got)
		}
	}
}

func TestEstadoSAT_MeansWhatTheSATSays(t *testing.T) {
	t.Parallel()
	for estado, want := range map[string]string{"": "", "0": "Sin estado", "3": "Terminada", "5": "Rechazada", "6": "Vencida",
		"7": "Estado no documentado", "-1": "Estado no documentado", "x": "Estado no documentado"} {
		if got := gateway.EstadoSAT(estado); got.Codigo != estado || !strings.HasPrefix(got.Descripcion, want) || want == "" && got.Descripcion != "" {
			t.Errorf("%q: %+v", estado, got)
		}
	}
}
