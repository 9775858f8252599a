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
		d := sampleDescarga("a", nil)
		x := create(t, s, d)
		p := gateway.Paquete{Servicio: d.Request.Solicitud.Servicio, RFCSolicitante: d.Request.Solicitud.RFCSolicitante, IDPaquete: "aBc_01"}
		wants := func(want string) {
			t.Helper()
			p.IDPaquete = strings.ToUpper(p.IDPaquete)
			if id, err := s.Paquetes.SATWrite(t.Context(), p); err != nil || id != want {
				t.Errorf("%q, %v, want %q", id, err, want)
			}
		}
		wants("ABC_01")
		change(t, s, "a", func(c *Change) {
			x.Estado, x.IDSolicitud = gateway.TramoDescargando, "3f30A4e1"
			c.SaveTramo(x)
			if c.NewPaquete(x.ID, "aBc_01", time.Time{}) == 0 || c.NewPaquete(x.ID, "ABC_01", time.Time{}) != 0 || c.NewPaquete(x.ID, "abc_02", time.Time{}) == 0 {
				t.Error("a package is there twice, or not at all")
			}
		})
		wants("aBc_01")
		if all, err := s.Tramos.BySolicitud(t.Context(), "3F30a4E1"); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
		if all, err := s.Tramos.BySolicitud(t.Context(), ""); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
		if ok, err := s.Paquetes.Reserve(t.Context(), p, "yo", "", 2); !ok || err != nil {
			t.Fatal(ok, err)
		}
		rows, err := s.TramosPaquetes.Of(t.Context(), x.ID)
		if err != nil || len(rows) != 2 || rows[0].Descargas != 1 || rows[0].Paquete.IDPaquete != "aBc_01" || rows[1].Descargas != 0 {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}
