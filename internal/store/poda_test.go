package store

import (
	"slices"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestPoda_WhenTheDescargaHasEndedLongAgo(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := nuevoReloj()
		cfg.Now = r.Now
		s := open(t, cfg)
		todos := []string{"creada", "presentada", "consultada", "aplazada", "paquete_aplazado", "paquete_guardado", "terminada"}
		for _, id := range []string{"a", "viva"} {
			crea(t, s, unaDescarga(id, nil))
			for _, tipo := range todos[1:] {
				cambia(t, s, id, func(c *Cambio) { c.Evento(gateway.EventoDescarga{Tipo: tipo}) })
			}
		}
		cambia(t, s, "a", func(c *Cambio) { c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaTerminada, r.Now() })
		quiere := func(id string, want []string) {
			t.Helper()
			if err := s.Poda(t.Context(), r.Now().Add(-time.Hour), 10); err != nil {
				t.Fatal(err)
			}
			eventos, err := s.Eventos(t.Context(), id, 0, 100)
			var got []string
			for _, e := range eventos {
				got = append(got, e.Tipo)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s has %v, %v, want %v", id, got, err, want)
			}
		}
		quiere("a", todos) // it has just ended
		r.pasa(2 * time.Hour)
		quiere("a", []string{"creada", "presentada", "paquete_guardado", "terminada"})
		quiere("viva", todos)
	})
}

// TestOlvidaNovedades_WhenNobodyCanReadTheirRuns: a run and the XML that was fetched for it
// are read by what they have yielded, and later runs are told by it what is new.
func TestOlvidaNovedades_WhenNobodyCanReadTheirRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		crea(t, s, unaDescarga("prog", nil))
		for _, id := range []string{"retirada", "sin-xml", "por-pedir", "con-xml", "con-xml-retirado"} {
			crea(t, s, unaDescarga(id, func(d *Descarga) { d.IDProgramacion, d.Clave = "prog", ClaveCorrida+"prog/"+id }))
			for _, n := range []Novedad{{UUID: id + "-vieja", Estatus: "1", Fecha: "2026-01-02T10:00:00"}, {UUID: id + "-nueva", Estatus: "1", Fecha: "2026-01-20T10:00:00"}} {
				if err := s.AnotaNovedades(t.Context(), "prog", id, []Novedad{n}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, de := range []string{"con-xml", "con-xml-retirado"} {
			crea(t, s, unaDescarga("x-"+de, func(d *Descarga) { d.IDProgramacion, d.Clave = "prog", ClaveCorrida+de+"/xml" }))
		}
		for _, id := range []string{"retirada", "por-pedir", "con-xml", "con-xml-retirado", "x-con-xml-retirado"} {
			cambia(t, s, id, func(c *Cambio) { c.Retira() })
		}
		if _, err := s.exec(t.Context(), `UPDATE descargas SET sigue = 'xml' WHERE id = 'por-pedir'`); err != nil {
			t.Fatal(err)
		}
		if err := s.OlvidaNovedades(t.Context(), "prog", "2026-01-10T00:00:00"); err != nil {
			t.Fatal(err)
		}
		for id, vieja := range map[string]bool{"retirada": false, "sin-xml": true, "por-pedir": true, "con-xml": true, "con-xml-retirado": false} {
			got, err := s.Novedades(t.Context(), id, []string{id + "-vieja", id + "-nueva"})
			if err != nil || got[Novedad{UUID: id + "-vieja", Estatus: "1"}] != vieja || !got[Novedad{UUID: id + "-nueva", Estatus: "1"}] {
				t.Errorf("%s has %v, %v", id, got, err)
			}
		}
	})
}
