package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestNovedades_WhenRunsFindTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		ctx := t.Context()
		for _, id := range []string{"p", "r1", "r2"} {
			create(t, s, sampleDescarga(id, nil))
		}
		much := make([]Novedad, 0, 1201)
		for i := range 1201 {
			much = append(much, Novedad{UUID: fmt.Sprintf("u%04d", i), Estatus: "1", Fecha: fmt.Sprintf("2026-01-01T00:%02d:%02d", i/60, i%60)})
		}
		for range 2 { // a package may be counted twice
			if err := s.Comprobantes.RecordNovedades(ctx, "p", "r1", much); err != nil {
				t.Fatal(err)
			}
		}
		after := []Novedad{much[3], {UUID: "u0003", Estatus: "0", Fecha: much[3].Fecha}, {UUID: "nuevo", Estatus: "1", Fecha: "2026-01-02T00:00:00"}, {UUID: "nuevo", Estatus: "0", Fecha: "2026-01-02T00:00:00"}}
		if err := s.Comprobantes.RecordNovedades(ctx, "p", "r2", after); err != nil {
			t.Fatal(err)
		}
		uuids := make([]string, 0, 1202)
		for _, n := range much {
			uuids = append(uuids, n.UUID)
		}
		r1, err := s.Comprobantes.Novedades(ctx, "r1", append(uuids, "nuevo"))
		if err != nil || len(r1) != 1201 {
			t.Errorf("%d %v", len(r1), err)
		}
		r2, err := s.Comprobantes.Novedades(ctx, "r2", append(uuids, "nuevo"))
		want := map[Novedad]bool{{UUID: "u0003", Estatus: "0"}: true, {UUID: "nuevo", Estatus: "1"}: true, {UUID: "nuevo", Estatus: "0"}: true}
		if err != nil || fmt.Sprint(r2) != fmt.Sprint(want) {
			t.Errorf("%v %v", r2, err)
		}
		since, until, n, err := s.Comprobantes.NovedadesRango(ctx, "r1", "1")
		if err != nil || since != "2026-01-01T00:00:00" || until != "2026-01-01T00:20:00" || n != 1201 {
			t.Errorf("%s %s %d %v", since, until, n, err)
		}
		if since, until, n, err := s.Comprobantes.NovedadesRango(ctx, "r1", "0"); since != "" || until != "" || n != 0 || err != nil {
			t.Errorf("%s %s %d %v", since, until, n, err)
		}
	})
}

func TestToWithdraw_WhenSomeAreStillNeeded(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := newClock()
		cfg.Now = r.Now
		s := open(t, cfg)
		ctx := t.Context()
		finish := func(id string) {
			x := create(t, s, sampleDescarga(id, nil))
			change(t, s, id, func(c *Change) {
				c.NewPaquete(x.ID, "compartido", c.Now())
				c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaTerminada, c.Now()
			})
			r.pass(time.Hour)
		}
		finish("a")
		finish("b")
		create(t, s, sampleDescarga("viva", nil))
		ids := func(before time.Time) []string {
			t.Helper()
			ds, err := s.Descargas.ToWithdraw(ctx, before, 10)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, d := range ds {
				out = append(out, d.ID)
			}
			return out
		}
		between := r.Now().Add(-90 * time.Minute)
		if got := ids(between); !slices.Equal(got, []string{"a"}) {
			t.Errorf("%v", got)
		}
		paquetes, err := s.TramosPaquetes.Page(ctx, "a", 0, 10)
		if err != nil || len(paquetes) != 1 {
			t.Fatal(paquetes, err)
		}
		if used, err := s.TramosPaquetes.InUse(ctx, paquetes[0], between); !used || err != nil {
			t.Errorf("%v %v", used, err)
		}
		if used, err := s.TramosPaquetes.InUse(ctx, paquetes[0], r.Now()); used || err != nil {
			t.Errorf("%v %v", used, err)
		}
		change(t, s, "a", func(c *Change) { c.Withdraw() })
		if got := ids(r.Now()); !slices.Equal(got, []string{"b"}) {
			t.Errorf("%v", got)
		}
		if ds, err := s.Descargas.ToPublish(ctx, 1); err != nil || len(ds) != 1 || ds[0].ID != "a" {
			t.Errorf("%v %v", ds, err)
		}
		if err := s.Descargas.MarkPublished(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if ds, err := s.Descargas.ToPublish(ctx, 5); err != nil || len(ds) != 1 || ds[0].ID != "b" {
			t.Errorf("%v %v", ds, err)
		}
	})
}

// TestCorridas_LeavesOutThoseThatLeftAGap: a difference of numbers leaves none.
func TestCorridas_LeavesOutThoseThatLeftAGap(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		for i, tc := range []struct {
			estado gateway.EstadoDescarga
			tramo  gateway.EstadoTramo
			key    string
		}{
			{gateway.DescargaTerminada, gateway.TramoTerminada, ""}, {gateway.DescargaParcial, gateway.TramoTerminada, ""}, {gateway.DescargaParcial, gateway.TramoFallida, ""},
			{gateway.DescargaFallida, gateway.TramoFallida, ""}, {gateway.DescargaCancelada, gateway.TramoCancelada, ""}, {gateway.DescargaVacia, gateway.TramoVacia, ""},
			{gateway.DescargaEnProceso, gateway.TramoPresentada, ""}, {gateway.DescargaTerminada, gateway.TramoTerminada, "/xml"},
		} {
			id := fmt.Sprint("r", i)
			x := create(t, s, sampleDescarga(id, func(d *Descarga) {
				d.IDProgramacion, d.Key = "p", "corrida/"+id+tc.key
				d.Request.Solicitud.FechaFinal = fmt.Sprintf("2026-01-%02dT23:59:59", i+10)
			}))
			change(t, s, id, func(c *Change) {
				x.Estado = tc.tramo
				c.SaveTramo(x)
				c.Descarga().Estado = tc.estado
			})
		}
		ds, err := s.Descargas.Corridas(t.Context(), "p", 10)
		var ids []string
		for _, d := range ds {
			ids = append(ids, d.ID)
		}
		if err != nil || !slices.Equal(ids, []string{"r6", "r5", "r1", "r0"}) {
			t.Errorf("%v %v", ids, err)
		}
		if two, err := s.Descargas.Corridas(t.Context(), "p", 2); err != nil || len(two) != 2 {
			t.Errorf("%v %v", two, err)
		}
	})
}
