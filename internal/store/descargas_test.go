package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// reloj is a clock that a test moves.
type clockOf struct {
	mu  sync.Mutex
	now time.Time
}

func (r *clockOf) Now() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *clockOf) pass(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

func newClock() *clockOf { return &clockOf{now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)} }

// sampleDescarga is a row with one solicitud to come.
func sampleDescarga(id string, change func(*Descarga)) Descarga {
	d := Descarga{Digest: "h-" + id}
	d.ID, d.Estado, d.Limit = id, gateway.DescargaEnCola, time.Date(2026, 2, 4, 12, 0, 0, 0, time.UTC)
	d.Ceiling = d.Limit
	d.Request.Solicitud = gateway.Solicitud{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", TipoSolicitud: gateway.TipoMetadata,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}
	if change != nil {
		change(&d)
	}
	return d
}

func create(t *testing.T, s *Store, d Descarga) Tramo {
	t.Helper()
	x := Tramo{}
	x.Estado, x.Since, x.Until, x.SiguienteIntento = gateway.TramoPendiente, d.Request.Solicitud.FechaInicial, d.Request.Solicitud.FechaFinal, s.now()
	tramos := []Tramo{x}
	ok, err := s.Descargas.Create(t.Context(), d, tramos, gateway.EventoDescarga{Tipo: "creada"})
	if err != nil || !ok {
		t.Fatalf("%s: %v %v", d.ID, ok, err)
	}
	got, err := s.Tramos.Get(t.Context(), tramos[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func change(t *testing.T, s *Store, id string, f func(*Change)) {
	t.Helper()
	if err := s.Descargas.Change(t.Context(), id, func(c *Change) error { f(c); return c.Err() }); err != nil {
		t.Fatal(err)
	}
}

func TestCreateDescarga_WhenKeyOrCriteriaAreTaken(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		create(t, s, sampleDescarga("a", func(d *Descarga) { d.Key = "k" }))
		for name, d := range map[string]Descarga{
			"the criteria": sampleDescarga("b", func(d *Descarga) { d.Digest = "h-a" }),
			"the key":      sampleDescarga("c", func(d *Descarga) { d.Key = "k" }),
			"the id":       sampleDescarga("a", func(d *Descarga) { d.Digest = "other" }),
		} {
			if ok, err := s.Descargas.Create(t.Context(), d, nil); ok || err != nil {
				t.Errorf("%s: %v %v", name, ok, err)
			}
		}
		if live, err := s.Descargas.Live(t.Context(), "h-a"); err != nil || live.ID != "a" {
			t.Errorf("%+v %v", live, err)
		}
		change(t, s, "a", func(c *Change) { c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaVacia, c.Now() })
		if _, err := s.Descargas.Live(t.Context(), "h-a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		// Once it has ended its criteria are free; its key never is.
		if ok, err := s.Descargas.Create(t.Context(), sampleDescarga("d", func(d *Descarga) { d.Digest = "h-a" }), nil); !ok || err != nil {
			t.Errorf("after its end: %v %v", ok, err)
		}
		if d, err := s.Descargas.ByKey(t.Context(), "k"); err != nil || d.ID != "a" || d.Request.Solicitud.RFCSolicitante != "PRU010101AB1" {
			t.Errorf("%+v %v", d, err)
		}
	})
}

func TestListDescargas_WhenFilteredAndPaged(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := newClock()
		cfg.Now = r.Now
		s := open(t, cfg)
		for i := range 12 {
			create(t, s, sampleDescarga(fmt.Sprintf("d%02d", i), func(d *Descarga) {
				if i%3 == 0 {
					d.Request.Solicitud.RFCSolicitante = "Ñ&P010101AB3"
				}
				if i%4 == 0 {
					d.IDProgramacion = "p"
				}
			}))
			if i%2 == 1 { // two of each instant
				r.pass(time.Second)
			}
		}
		for i := range 3 {
			change(t, s, fmt.Sprintf("d%02d", i), func(c *Change) { c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaVacia, c.Now() })
		}
		t0 := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
		all := "d11 d10 d09 d08 d07 d06 d05 d04 d03 d02 d01 d00"
		for name, tc := range map[string]struct {
			f    gateway.DescargasFilter
			want string
		}{
			"all":          {gateway.DescargasFilter{}, all},
			"of an RFC":    {gateway.DescargasFilter{RFC: "Ñ&P010101AB3"}, "d09 d06 d03 d00"},
			"of a key":     {gateway.DescargasFilter{RFCs: []string{"Ñ&P010101AB3", "NADIE"}}, "d09 d06 d03 d00"},
			"of no RFC":    {gateway.DescargasFilter{RFCs: []string{}}, ""},
			"both":         {gateway.DescargasFilter{RFCs: []string{"Ñ&P010101AB3"}, RFC: "PRU010101AB1"}, ""},
			"by states":    {gateway.DescargasFilter{Estados: []gateway.EstadoDescarga{gateway.DescargaVacia, gateway.DescargaParcial}}, "d02 d01 d00"},
			"of a program": {gateway.DescargasFilter{IDProgramacion: "p"}, "d08 d04 d00"},
			"since":        {gateway.DescargasFilter{CreadaDesde: t0.Add(4 * time.Second)}, "d11 d10 d09 d08"},
			"until":        {gateway.DescargasFilter{CreadaHasta: t0.Add(time.Second)}, "d01 d00"},
			"within":       {gateway.DescargasFilter{CreadaDesde: t0.Add(time.Second), CreadaHasta: t0.Add(2 * time.Second), RFC: "PRU010101AB1"}, "d02"},
		} {
			for _, limit := range []int{1, 2, 5, 100} {
				tc.f.Limit, tc.f.Cursor = limit, ""
				var ids []string
				for {
					page, next, err := s.Descargas.List(t.Context(), tc.f)
					if err != nil || len(page) > limit {
						t.Fatal(len(page), err)
					}
					for _, d := range page {
						ids = append(ids, d.ID)
					}
					if tc.f.Cursor = next; next == "" {
						break
					}
				}
				if got := strings.Join(ids, " "); got != tc.want {
					t.Errorf("%s by %d: %s, want %s", name, limit, got, tc.want)
				}
			}
		}
		for _, cursor := range []string{"nada", "2026~x", "'; DROP TABLE descargas~a"} {
			if _, _, err := s.Descargas.List(t.Context(), gateway.DescargasFilter{Limit: 1, Cursor: cursor}); !errors.Is(err, ErrCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

// TestChange_WhenManyChangeTheSameAtOnce: one after the other, from two gateways:
// no event is lost or numbered twice, each sees what the others made, and the one
// that finds nothing alive is one.
func TestChange_WhenManyChangeTheSameAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		one := open(t, cfg)
		other := one
		if cfg.DatabaseURL != "" {
			anotherOne := cfg
			anotherOne.Dir = t.TempDir()
			other = open(t, anotherOne)
		}
		d := sampleDescarga("a", nil)
		tramos := make([]Tramo, 20)
		for i := range tramos {
			tramos[i].Estado = gateway.TramoPresentada
		}
		if ok, err := one.Descargas.Create(t.Context(), d, tramos, gateway.EventoDescarga{Tipo: "creada"}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		closings := 0
		for i, x := range tramos {
			s := []*Store{one, other}[i%2]
			wg.Go(func() {
				closed := false
				err := s.Descargas.Change(t.Context(), "a", func(c *Change) error {
					x.Estado = gateway.TramoVacia
					c.SaveTramo(x)
					c.Evento(gateway.EventoDescarga{Tipo: "solicitud_vacia", Tramo: x.Number})
					if closed = !c.Standing().Live; closed {
						r := c.Recount()
						c.Evento(gateway.EventoDescarga{Tipo: "vacia", Detalle: fmt.Sprint(r.Empty)})
						c.Descarga().Estado, c.Descarga().Finished = gateway.DescargaVacia, c.Now()
					}
					return c.Err()
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if closed {
					closings++
				}
			})
		}
		wg.Wait()
		eventos, err := one.Descargas.Eventos(t.Context(), "a", 0, 100)
		if err != nil || len(eventos) != 22 || closings != 1 {
			t.Fatalf("%d events, %d ends, %v", len(eventos), closings, err)
		}
		de := map[int64]bool{}
		for i, e := range eventos {
			if e.Number != int64(i+1) {
				t.Errorf("event %d is numbered %d", i+1, e.Number)
			}
			de[e.Tramo] = true
		}
		if last := eventos[21]; last.Tipo != "vacia" || last.Detalle != "20" || last.Estado != gateway.DescargaVacia || len(de) != 21 {
			t.Errorf("%+v, of %d", last, len(de))
		}
		if n, final, err := other.Descargas.LastEvento(t.Context(), "a"); n != 22 || !final || err != nil {
			t.Errorf("%d %v %v", n, final, err)
		}
	})
}

func TestChange_WhenItFailsNothingIsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		x := create(t, s, sampleDescarga("a", nil))
		bad := errors.New("no")
		err := s.Descargas.Change(t.Context(), "a", func(c *Change) error {
			c.Evento(gateway.EventoDescarga{Tipo: "nunca"})
			c.NewPaquete(x.ID, "p", c.Now())
			c.CancelTramos(gateway.TramoCancelada, "d", "m")
			c.Descarga().Estado = gateway.DescargaCancelada
			return bad
		})
		if !errors.Is(err, bad) {
			t.Fatal(err)
		}
		if err := s.Descargas.Change(t.Context(), "nadie", func(*Change) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		d, err := s.Descargas.Get(t.Context(), "a")
		eventos, errEventos := s.Descargas.Eventos(t.Context(), "a", 0, 10)
		paquetes, errPaquetes := s.TramosPaquetes.Of(t.Context(), x.ID)
		if again, errTramo := s.Tramos.Get(t.Context(), x.ID); errors.Join(err, errEventos, errPaquetes, errTramo) != nil ||
			d.Estado != gateway.DescargaEnCola || len(eventos) != 1 || len(paquetes) != 0 || again.Estado != gateway.TramoPendiente || again.Turn != 0 {
			t.Errorf("%+v %v %v %+v %v", d, eventos, paquetes, again, err)
		}
	})
}

// TestTurn_WhenOthersTakeOver: one occupant at a time, and what an earlier turn
// wants to write is refused whole.
func TestTurn_WhenOthersTakeOver(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		ctx := t.Context()
		x := create(t, s, sampleDescarga("a", nil))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var who []string
		for i := range 8 {
			wg.Go(func() {
				_, _, ok, err := s.Tramos.Take(ctx, x.ID, x.Turn, x.SiguienteIntento, fmt.Sprint("proceso-", i))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if ok {
					who = append(who, fmt.Sprint("proceso-", i))
				}
			})
		}
		wg.Wait()
		taken, err := s.Tramos.Get(ctx, x.ID)
		if err != nil || len(who) != 1 || taken.Holder != who[0] {
			t.Fatalf("%v, and the row says %q: %v", who, taken.Holder, err)
		}
		// Whoever read it before may not take it over; who has read it may.
		for _, read := range []Tramo{x, taken} {
			if err := s.Tramos.TakeOver(ctx, read, time.Now(), time.Now()); err != nil {
				t.Error(err)
			}
			if now, err := s.Tramos.Get(ctx, x.ID); err != nil || (now.Holder == "") != (read.Holder != "") {
				t.Errorf("as %q has it: %+v %v", read.Holder, now, err)
			}
		}
		err = s.Descargas.Change(ctx, "a", func(c *Change) error {
			taken.Estado = gateway.TramoVacia
			c.Evento(gateway.EventoDescarga{Tipo: "tarde"})
			c.SaveTramo(taken)
			return c.Err()
		})
		if n, _, _ := s.Descargas.LastEvento(ctx, "a"); !errors.Is(err, ErrTurn) || n != 1 {
			t.Errorf("%v, %d events", err, n)
		}
		taken.IDSolicitud, taken.Presentations = "id", 1
		if err := s.Tramos.RecordSolicitud(ctx, taken); err != nil {
			t.Fatal(err)
		}
		taken.IDSolicitud, taken.Presentations = "otro", 0
		if err := errors.Join(s.Tramos.RecordSolicitud(ctx, taken), s.Tramos.Release(ctx, taken)); err != nil {
			t.Fatal(err)
		}
		if now, err := s.Tramos.Get(ctx, x.ID); err != nil || now.IDSolicitud != "id" || now.Presentations != 1 || now.Turn != 2 || now.Holder != "" || now.Estado != gateway.TramoPendiente {
			t.Errorf("%+v %v", now, err)
		}
	})
}

// TestProgresses_AddsUp: what is replaced counts for the quota alone; what lives
// counts by the share that is stored.
func TestProgresses_AddsUp(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := newClock()
		cfg.Now = r.Now
		s := open(t, cfg)
		x := create(t, s, sampleDescarga("a", nil))
		create(t, s, sampleDescarga("b", nil))
		tomorrow := r.Now().Add(24 * time.Hour)
		change(t, s, "a", func(c *Change) {
			x.Estado, x.Presentations, x.NumeroCFDIs, x.SiguienteIntento = gateway.TramoPartida, 1, 77, time.Time{}
			c.SaveTramo(x)
			for i, e := range []gateway.EstadoTramo{gateway.TramoTerminada, gateway.TramoDescargando, gateway.TramoVacia, gateway.TramoPendiente, gateway.TramoFallida, gateway.TramoSustituida} {
				n := Tramo{}
				n.Estado, n.SiguienteIntento = e, map[bool]time.Time{true: tomorrow}[e == gateway.TramoPendiente]
				c.NewTramo(&n)
				n.Presentations, n.NumeroCFDIs = i, 10
				c.SaveTramo(n)
				if e == gateway.TramoVacia || e == gateway.TramoPendiente || e == gateway.TramoFallida {
					continue
				}
				for j := range 4 {
					p := TramoPaquete{ID: c.NewPaquete(n.ID, fmt.Sprintf("%s-%d", e, j), tomorrow.Add(-time.Hour))}
					if p.ID == 0 || c.NewPaquete(n.ID, fmt.Sprintf("%s-%d", e, j), tomorrow) != 0 {
						t.Error("a package is there twice")
					}
					p.Estado, p.Comprobantes, p.Fallas, p.Next = gateway.PaqueteGuardado, 5, 1, time.Time{}
					p.Repeated, p.DamagedEntries, p.Detalle = 2, 1, fmt.Sprintf("%s-%d.xml: Rota.", e, j)
					if e == gateway.TramoDescargando && j > 0 {
						p.Repeated, p.DamagedEntries = 0, 0
						p.Estado, p.Comprobantes, p.Fallas, p.Next = gateway.PaquetePendiente, -1, -1, tomorrow.Add(-time.Minute*time.Duration(j))
					}
					c.SavePaquete(p)
				}
				if u, want := c.SumPaquetes(n.ID), (PaquetesSum{Saved: 4, Comprobantes: 20, Repeated: 8, Fallas: 4, Falla: "terminada-0.xml: Rota."}); e == gateway.TramoTerminada && u != want {
					t.Errorf("%+v", u)
				}
			}
			if m, want := c.Standing(), (Standing{Live: true, Downloading: true, Finished: true, EmptyOrFailed: true}); m != want {
				t.Errorf("%+v", m)
			}
			if v := c.Recount(); v.Finished != 1 || v.Empty != 1 || v.Failed != 1 || v.Counted != 10 || v.Found != 25 || v.Missing != 0 || v.Repeated != 10 || v.Fallas != 5 || v.DamagedEntries != 5 || v.Falla != "terminada-0.xml: Rota." || v.FirstFailed.Estado != gateway.TramoFallida {
				t.Errorf("%+v", v)
			}
		})
		all, err := s.Descargas.Progresses(t.Context(), []string{"a", "b", "nadie"})
		if err != nil {
			t.Fatal(err)
		}
		a := all["a"]
		want := gateway.Progreso{Solicitudes: 5, SolicitudesTerminadas: 3, Paquetes: 8, PaquetesGuardados: 5, NumeroCFDIs: 50, Found: 25, Repeated: 10, Fallas: 5, Percentage: 65}
		if a.Progreso != want || a.Cuota.Solicitudes != 16 || !a.Next.Equal(tomorrow.Add(-3*time.Minute)) {
			t.Errorf("%+v, next %s", a, a.Next)
		}
		if b := all["b"]; b.Progreso.Solicitudes != 1 || b.Progreso.Percentage != 0 || !b.Next.Equal(r.Now()) {
			t.Errorf("%+v", b)
		}
		if none, err := s.Descargas.Progresses(t.Context(), nil); err != nil || len(none) != 0 {
			t.Errorf("%v %v", none, err)
		}
	})
}
