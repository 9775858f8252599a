package store

import (
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestPaquete_WhenTheSATWritesIDsInBothCases(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		d := unaDescarga("a", nil)
		x := crea(t, s, d)
		p := gateway.Paquete{Servicio: d.Peticion.Solicitud.Servicio, RFCSolicitante: d.Peticion.Solicitud.RFCSolicitante, IDPaquete: "aBc_01"}
		quiere := func(want string) {
			t.Helper()
			p.IDPaquete = strings.ToUpper(p.IDPaquete)
			if id, err := s.EscrituraDelSAT(t.Context(), p); err != nil || id != want {
				t.Errorf("%q, %v, want %q", id, err, want)
			}
		}
		quiere("ABC_01")
		cambia(t, s, "a", func(c *Cambio) {
			x.Estado, x.IDSolicitud = gateway.TramoDescargando, "3f30A4e1"
			c.GuardaTramo(x)
			if c.NuevoPaquete(x.ID, "aBc_01", time.Time{}) == 0 || c.NuevoPaquete(x.ID, "ABC_01", time.Time{}) != 0 || c.NuevoPaquete(x.ID, "abc_02", time.Time{}) == 0 {
				t.Error("a package is there twice, or not at all")
			}
		})
		quiere("aBc_01")
		if todos, err := s.TramosDeSolicitud(t.Context(), "3F30a4E1"); err != nil || len(todos) != 1 {
			t.Errorf("%v, %v", todos, err)
		}
		if todos, err := s.TramosDeSolicitud(t.Context(), ""); err != nil || len(todos) != 0 {
			t.Errorf("%v, %v", todos, err)
		}
		if ok, err := s.Reserva(t.Context(), p, "yo", "", 2); !ok || err != nil {
			t.Fatal(ok, err)
		}
		filas, err := s.PaquetesDeTramo(t.Context(), x.ID)
		if err != nil || len(filas) != 2 || filas[0].Descargas != 1 || filas[0].Paquete.IDPaquete != "aBc_01" || filas[1].Descargas != 0 {
			t.Errorf("%+v, %v", filas, err)
		}
	})
}
