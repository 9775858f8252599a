package store

import (
	"slices"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestPrune_WhenTheDescargaHasEndedLongAgo(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := newClock()
		cfg.Now = r.Now
		s := open(t, cfg)
		all := []string{"creada", "presentada", "consultada", "aplazada", "paquete_aplazado", "paquete_guardado", "terminada"}
		for _, id := range []string{"a", "viva"} {
			create(t, s, sampleDescarga(id, nil))
			for _, tipo := range all[1:] {
				change(t, s, id, func(c *Change) { c.Evento(gateway.EventoDescarga{Tipo: tipo}) })
			}
		}
		change(t, s, "a", func(c *Change) { c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaTerminada, r.Now() })
		wants := func(id string, want []string) {
			t.Helper()
			if err := s.Descargas.Prune(t.Context(), r.Now().Add(-time.Hour), 10); err != nil {
				t.Fatal(err)
			}
			eventos, err := s.Descargas.Eventos(t.Context(), id, 0, 100)
			var got []string
			for _, e := range eventos {
				got = append(got, e.Tipo)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s has %v, %v, want %v", id, got, err, want)
			}
		}
		wants("a", all) // it has just ended
		r.pass(2 * time.Hour)
		wants("a", []string{"creada", "presentada", "paquete_guardado", "terminada"})
		wants("viva", all)
	})
}

// TestForgetNovedades_WhenNobodyCanReadTheirRuns: a run and the XML that was fetched for it
// are read by what they have yielded, and later runs are told by it what is new.
func TestForgetNovedades_WhenNobodyCanReadTheirRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		create(t, s, sampleDescarga("prog", nil))
		for _, id := range []string{"retirada", "sin-xml", "por-pedir", "con-xml", "con-xml-retirado"} {
			create(t, s, sampleDescarga(id, func(d *Descarga) { d.IDProgramacion, d.Key = "prog", KeyCorrida+"prog/"+id }))
			for _, n := range []Novedad{{UUID: id + "-vieja", Estatus: "1", Fecha: "2026-01-02T10:00:00"}, {UUID: id + "-nueva", Estatus: "1", Fecha: "2026-01-20T10:00:00"}} {
				if err := s.Comprobantes.RecordNovedades(t.Context(), "prog", id, []Novedad{n}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, de := range []string{"con-xml", "con-xml-retirado"} {
			create(t, s, sampleDescarga("x-"+de, func(d *Descarga) { d.IDProgramacion, d.Key = "prog", KeyCorrida+de+"/xml" }))
		}
		for _, id := range []string{"retirada", "por-pedir", "con-xml", "con-xml-retirado", "x-con-xml-retirado"} {
			change(t, s, id, func(c *Change) { c.Withdraw() })
		}
		if _, err := s.write.exec(t.Context(), `UPDATE descargas SET sigue = 'xml' WHERE id = 'por-pedir'`); err != nil {
			t.Fatal(err)
		}
		if err := s.Comprobantes.ForgetNovedades(t.Context(), "prog", "2026-01-10T00:00:00"); err != nil {
			t.Fatal(err)
		}
		for id, old := range map[string]bool{"retirada": false, "sin-xml": true, "por-pedir": true, "con-xml": true, "con-xml-retirado": false} {
			got, err := s.Comprobantes.Novedades(t.Context(), id, []string{id + "-vieja", id + "-nueva"})
			if err != nil || got[Novedad{UUID: id + "-vieja", Estatus: "1"}] != old || !got[Novedad{UUID: id + "-nueva", Estatus: "1"}] {
				t.Errorf("%s has %v, %v", id, got, err)
			}
		}
	})
}
