package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// reloj is a clock that a test moves.
type relojDe struct {
	mu  sync.Mutex
	now time.Time
}

func (r *relojDe) Now() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *relojDe) pasa(d time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.now = r.now.Add(d) }

func nuevoReloj() *relojDe { return &relojDe{now: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)} }

// unaDescarga is a row with one solicitud to come.
func unaDescarga(id string, cambia func(*Descarga)) Descarga {
	d := Descarga{Huella: "h-" + id}
	d.ID, d.Estado, d.Limite = id, gateway.DescargaEnCola, time.Date(2026, 2, 4, 12, 0, 0, 0, time.UTC)
	d.Tope = d.Limite
	d.Peticion.Solicitud = gateway.Solicitud{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", TipoSolicitud: gateway.TipoMetadata,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}
	if cambia != nil {
		cambia(&d)
	}
	return d
}

func crea(t *testing.T, s *Store, d Descarga) Tramo {
	t.Helper()
	x := Tramo{}
	x.Estado, x.Desde, x.Hasta, x.SiguienteIntento = gateway.TramoPendiente, d.Peticion.Solicitud.FechaInicial, d.Peticion.Solicitud.FechaFinal, s.now()
	tramos := []Tramo{x}
	ok, err := s.CreaDescarga(t.Context(), d, tramos, gateway.EventoDescarga{Tipo: "creada"})
	if err != nil || !ok {
		t.Fatalf("%s: %v %v", d.ID, ok, err)
	}
	got, err := s.Tramo(t.Context(), tramos[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func cambia(t *testing.T, s *Store, id string, f func(*Cambio)) {
	t.Helper()
	if err := s.Cambia(t.Context(), id, func(c *Cambio) error { f(c); return c.Err() }); err != nil {
		t.Fatal(err)
	}
}

func TestCreaDescarga_WhenKeyOrCriteriaAreTaken(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		crea(t, s, unaDescarga("a", func(d *Descarga) { d.Clave = "k" }))
		for name, d := range map[string]Descarga{
			"the criteria": unaDescarga("b", func(d *Descarga) { d.Huella = "h-a" }),
			"the key":      unaDescarga("c", func(d *Descarga) { d.Clave = "k" }),
			"the id":       unaDescarga("a", func(d *Descarga) { d.Huella = "other" }),
		} {
			if ok, err := s.CreaDescarga(t.Context(), d, nil); ok || err != nil {
				t.Errorf("%s: %v %v", name, ok, err)
			}
		}
		if viva, err := s.DescargaViva(t.Context(), "h-a"); err != nil || viva.ID != "a" {
			t.Errorf("%+v %v", viva, err)
		}
		cambia(t, s, "a", func(c *Cambio) { c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaVacia, c.Ahora() })
		if _, err := s.DescargaViva(t.Context(), "h-a"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		// Once it has ended its criteria are free; its key never is.
		if ok, err := s.CreaDescarga(t.Context(), unaDescarga("d", func(d *Descarga) { d.Huella = "h-a" }), nil); !ok || err != nil {
			t.Errorf("after its end: %v %v", ok, err)
		}
		if d, err := s.DescargaDeClave(t.Context(), "k"); err != nil || d.ID != "a" || d.Peticion.Solicitud.RFCSolicitante != "PRU010101AB1" {
			t.Errorf("%+v %v", d, err)
		}
	})
}

func TestListaDescargas_WhenFilteredAndPaged(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := nuevoReloj()
		cfg.Now = r.Now
		s := open(t, cfg)
		for i := range 12 {
			crea(t, s, unaDescarga(fmt.Sprintf("d%02d", i), func(d *Descarga) {
				if i%3 == 0 {
					d.Peticion.Solicitud.RFCSolicitante = "Ñ&P010101AB3"
				}
				if i%4 == 0 {
					d.IDProgramacion = "p"
				}
			}))
			if i%2 == 1 { // two of each instant
				r.pasa(time.Second)
			}
		}
		for i := range 3 {
			cambia(t, s, fmt.Sprintf("d%02d", i), func(c *Cambio) { c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaVacia, c.Ahora() })
		}
		t0 := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
		todas := "d11 d10 d09 d08 d07 d06 d05 d04 d03 d02 d01 d00"
		for name, tc := range map[string]struct {
			f    gateway.FiltroDescargas
			want string
		}{
			"all":          {gateway.FiltroDescargas{}, todas},
			"of an RFC":    {gateway.FiltroDescargas{RFC: "Ñ&P010101AB3"}, "d09 d06 d03 d00"},
			"of a key":     {gateway.FiltroDescargas{RFCs: []string{"Ñ&P010101AB3", "NADIE"}}, "d09 d06 d03 d00"},
			"of no RFC":    {gateway.FiltroDescargas{RFCs: []string{}}, ""},
			"both":         {gateway.FiltroDescargas{RFCs: []string{"Ñ&P010101AB3"}, RFC: "PRU010101AB1"}, ""},
			"by states":    {gateway.FiltroDescargas{Estados: []gateway.EstadoDescarga{gateway.DescargaVacia, gateway.DescargaParcial}}, "d02 d01 d00"},
			"of a program": {gateway.FiltroDescargas{IDProgramacion: "p"}, "d08 d04 d00"},
			"since":        {gateway.FiltroDescargas{CreadaDesde: t0.Add(4 * time.Second)}, "d11 d10 d09 d08"},
			"until":        {gateway.FiltroDescargas{CreadaHasta: t0.Add(time.Second)}, "d01 d00"},
			"within":       {gateway.FiltroDescargas{CreadaDesde: t0.Add(time.Second), CreadaHasta: t0.Add(2 * time.Second), RFC: "PRU010101AB1"}, "d02"},
		} {
			for _, limite := range []int{1, 2, 5, 100} {
				tc.f.Limite, tc.f.Cursor = limite, ""
				var ids []string
				for {
					page, next, err := s.ListaDescargas(t.Context(), tc.f)
					if err != nil || len(page) > limite {
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
					t.Errorf("%s by %d: %s, want %s", name, limite, got, tc.want)
				}
			}
		}
		for _, cursor := range []string{"nada", "2026~x", "'; DROP TABLE descargas~a"} {
			if _, _, err := s.ListaDescargas(t.Context(), gateway.FiltroDescargas{Limite: 1, Cursor: cursor}); !errors.Is(err, ErrCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

// TestCambia_WhenManyChangeTheSameAtOnce: one after the other, from two gateways:
// no event is lost or numbered twice, each sees what the others made, and the one
// that finds nothing alive is one.
func TestCambia_WhenManyChangeTheSameAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		uno := open(t, cfg)
		otro := uno
		if cfg.DatabaseURL != "" {
			otra := cfg
			otra.Dir = t.TempDir()
			otro = open(t, otra)
		}
		d := unaDescarga("a", nil)
		tramos := make([]Tramo, 20)
		for i := range tramos {
			tramos[i].Estado = gateway.TramoPresentada
		}
		if ok, err := uno.CreaDescarga(t.Context(), d, tramos, gateway.EventoDescarga{Tipo: "creada"}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		cierres := 0
		for i, x := range tramos {
			s := []*Store{uno, otro}[i%2]
			wg.Go(func() {
				cerro := false
				err := s.Cambia(t.Context(), "a", func(c *Cambio) error {
					x.Estado = gateway.TramoVacia
					c.GuardaTramo(x)
					c.Evento(gateway.EventoDescarga{Tipo: "solicitud_vacia", Tramo: x.Numero})
					if cerro = !c.Marcha().Vivos; cerro {
						r := c.Recuento()
						c.Evento(gateway.EventoDescarga{Tipo: "vacia", Detalle: fmt.Sprint(r.Vacias)})
						c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaVacia, c.Ahora()
					}
					return c.Err()
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if cerro {
					cierres++
				}
			})
		}
		wg.Wait()
		eventos, err := uno.Eventos(t.Context(), "a", 0, 100)
		if err != nil || len(eventos) != 22 || cierres != 1 {
			t.Fatalf("%d events, %d ends, %v", len(eventos), cierres, err)
		}
		de := map[int64]bool{}
		for i, e := range eventos {
			if e.Numero != int64(i+1) {
				t.Errorf("event %d is numbered %d", i+1, e.Numero)
			}
			de[e.Tramo] = true
		}
		if ultimo := eventos[21]; ultimo.Tipo != "vacia" || ultimo.Detalle != "20" || ultimo.Estado != gateway.DescargaVacia || len(de) != 21 {
			t.Errorf("%+v, of %d", ultimo, len(de))
		}
		if n, final, err := otro.UltimoEvento(t.Context(), "a"); n != 22 || !final || err != nil {
			t.Errorf("%d %v %v", n, final, err)
		}
	})
}

func TestCambia_WhenItFailsNothingIsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		x := crea(t, s, unaDescarga("a", nil))
		mal := errors.New("no")
		err := s.Cambia(t.Context(), "a", func(c *Cambio) error {
			c.Evento(gateway.EventoDescarga{Tipo: "nunca"})
			c.NuevoPaquete(x.ID, "p", c.Ahora())
			c.CancelaTramos(gateway.TramoCancelada, "d", "m")
			c.Descarga().Estado = gateway.DescargaCancelada
			return mal
		})
		if !errors.Is(err, mal) {
			t.Fatal(err)
		}
		if err := s.Cambia(t.Context(), "nadie", func(*Cambio) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		d, err := s.Descarga(t.Context(), "a")
		eventos, errEventos := s.Eventos(t.Context(), "a", 0, 10)
		paquetes, errPaquetes := s.PaquetesDeTramo(t.Context(), x.ID)
		if again, errTramo := s.Tramo(t.Context(), x.ID); errors.Join(err, errEventos, errPaquetes, errTramo) != nil ||
			d.Estado != gateway.DescargaEnCola || len(eventos) != 1 || len(paquetes) != 0 || again.Estado != gateway.TramoPendiente || again.Turno != 0 {
			t.Errorf("%+v %v %v %+v %v", d, eventos, paquetes, again, err)
		}
	})
}

// TestTurno_WhenOthersTakeOver: one occupant at a time, and what an earlier turn
// wants to write is refused whole.
func TestTurno_WhenOthersTakeOver(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		ctx := t.Context()
		x := crea(t, s, unaDescarga("a", nil))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var quienes []string
		for i := range 8 {
			wg.Go(func() {
				_, _, ok, err := s.TomaTramo(ctx, x.ID, x.Turno, x.SiguienteIntento, fmt.Sprint("proceso-", i))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if ok {
					quienes = append(quienes, fmt.Sprint("proceso-", i))
				}
			})
		}
		wg.Wait()
		tomado, err := s.Tramo(ctx, x.ID)
		if err != nil || len(quienes) != 1 || tomado.Ocupante != quienes[0] {
			t.Fatalf("%v, and the row says %q: %v", quienes, tomado.Ocupante, err)
		}
		// Whoever read it before may not take it over; who has read it may.
		for _, leido := range []Tramo{x, tomado} {
			if err := s.RelevaTramo(ctx, leido, time.Now(), time.Now()); err != nil {
				t.Error(err)
			}
			if ahora, err := s.Tramo(ctx, x.ID); err != nil || (ahora.Ocupante == "") != (leido.Ocupante != "") {
				t.Errorf("as %q has it: %+v %v", leido.Ocupante, ahora, err)
			}
		}
		err = s.Cambia(ctx, "a", func(c *Cambio) error {
			tomado.Estado = gateway.TramoVacia
			c.Evento(gateway.EventoDescarga{Tipo: "tarde"})
			c.GuardaTramo(tomado)
			return c.Err()
		})
		if n, _, _ := s.UltimoEvento(ctx, "a"); !errors.Is(err, ErrTurno) || n != 1 {
			t.Errorf("%v, %d events", err, n)
		}
		tomado.IDSolicitud, tomado.Presentaciones = "id", 1
		if err := s.AnotaSolicitud(ctx, tomado); err != nil {
			t.Fatal(err)
		}
		tomado.IDSolicitud, tomado.Presentaciones = "otro", 0
		if err := errors.Join(s.AnotaSolicitud(ctx, tomado), s.SueltaTramo(ctx, tomado)); err != nil {
			t.Fatal(err)
		}
		if ahora, err := s.Tramo(ctx, x.ID); err != nil || ahora.IDSolicitud != "id" || ahora.Presentaciones != 1 || ahora.Turno != 2 || ahora.Ocupante != "" || ahora.Estado != gateway.TramoPendiente {
			t.Errorf("%+v %v", ahora, err)
		}
	})
}

// TestAvances_AddsUp: what is replaced counts for the quota alone; what lives
// counts by the share that is stored.
func TestAvances_AddsUp(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := nuevoReloj()
		cfg.Now = r.Now
		s := open(t, cfg)
		x := crea(t, s, unaDescarga("a", nil))
		crea(t, s, unaDescarga("b", nil))
		manana := r.Now().Add(24 * time.Hour)
		cambia(t, s, "a", func(c *Cambio) {
			x.Estado, x.Presentaciones, x.NumeroCFDIs, x.SiguienteIntento = gateway.TramoPartida, 1, 77, time.Time{}
			c.GuardaTramo(x)
			for i, e := range []gateway.EstadoTramo{gateway.TramoTerminada, gateway.TramoDescargando, gateway.TramoVacia, gateway.TramoPendiente, gateway.TramoFallida, gateway.TramoSustituida} {
				n := Tramo{}
				n.Estado, n.SiguienteIntento = e, map[bool]time.Time{true: manana}[e == gateway.TramoPendiente]
				c.NuevoTramo(&n)
				n.Presentaciones, n.NumeroCFDIs = i, 10
				c.GuardaTramo(n)
				if e == gateway.TramoVacia || e == gateway.TramoPendiente || e == gateway.TramoFallida {
					continue
				}
				for j := range 4 {
					p := PaqueteDeTramo{ID: c.NuevoPaquete(n.ID, fmt.Sprintf("%s-%d", e, j), manana.Add(-time.Hour))}
					if p.ID == 0 || c.NuevoPaquete(n.ID, fmt.Sprintf("%s-%d", e, j), manana) != 0 {
						t.Error("a package is there twice")
					}
					p.Estado, p.Comprobantes, p.Fallas, p.Siguiente = gateway.PaqueteGuardado, 5, 1, time.Time{}
					p.Repetidos, p.Danadas, p.Detalle = 2, 1, fmt.Sprintf("%s-%d.xml: Rota.", e, j)
					if e == gateway.TramoDescargando && j > 0 {
						p.Repetidos, p.Danadas = 0, 0
						p.Estado, p.Comprobantes, p.Fallas, p.Siguiente = gateway.PaquetePendiente, -1, -1, manana.Add(-time.Minute*time.Duration(j))
					}
					c.GuardaPaquete(p)
				}
				if u, want := c.SumaPaquetes(n.ID), (SumaPaquetes{Guardados: 4, Comprobantes: 20, Repetidos: 8, Fallas: 4, Falla: "terminada-0.xml: Rota."}); e == gateway.TramoTerminada && u != want {
					t.Errorf("%+v", u)
				}
			}
			if m, want := c.Marcha(), (Marcha{Vivos: true, Descargando: true, Terminadas: true, Acabadas: true}); m != want {
				t.Errorf("%+v", m)
			}
			if v := c.Recuento(); v.Terminadas != 1 || v.Vacias != 1 || v.Fallidas != 1 || v.Contados != 10 || v.Encontrados != 25 || v.Faltan != 0 || v.Repetidos != 10 || v.Fallas != 5 || v.Danadas != 5 || v.Falla != "terminada-0.xml: Rota." || v.Fallida.Estado != gateway.TramoFallida {
				t.Errorf("%+v", v)
			}
		})
		todos, err := s.Avances(t.Context(), []string{"a", "b", "nadie"})
		if err != nil {
			t.Fatal(err)
		}
		a := todos["a"]
		want := gateway.Progreso{Solicitudes: 5, SolicitudesTerminadas: 3, Paquetes: 8, PaquetesGuardados: 5, NumeroCFDIs: 50, Encontrados: 25, Repetidos: 10, Fallas: 5, Porcentaje: 65}
		if a.Progreso != want || a.Cuota.Solicitudes != 16 || !a.Siguiente.Equal(manana.Add(-3*time.Minute)) {
			t.Errorf("%+v, next %s", a, a.Siguiente)
		}
		if b := todos["b"]; b.Progreso.Solicitudes != 1 || b.Progreso.Porcentaje != 0 || !b.Siguiente.Equal(r.Now()) {
			t.Errorf("%+v", b)
		}
		if none, err := s.Avances(t.Context(), nil); err != nil || len(none) != 0 {
			t.Errorf("%v %v", none, err)
		}
	})
}

func TestNovedades_WhenRunsFindTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		ctx := t.Context()
		for _, id := range []string{"p", "r1", "r2"} {
			crea(t, s, unaDescarga(id, nil))
		}
		muchas := make([]Novedad, 0, 1201)
		for i := range 1201 {
			muchas = append(muchas, Novedad{UUID: fmt.Sprintf("u%04d", i), Estatus: "1", Fecha: fmt.Sprintf("2026-01-01T00:%02d:%02d", i/60, i%60)})
		}
		for range 2 { // a package may be counted twice
			if err := s.AnotaNovedades(ctx, "p", "r1", muchas); err != nil {
				t.Fatal(err)
			}
		}
		despues := []Novedad{muchas[3], {UUID: "u0003", Estatus: "0", Fecha: muchas[3].Fecha}, {UUID: "nuevo", Estatus: "1", Fecha: "2026-01-02T00:00:00"}, {UUID: "nuevo", Estatus: "0", Fecha: "2026-01-02T00:00:00"}}
		if err := s.AnotaNovedades(ctx, "p", "r2", despues); err != nil {
			t.Fatal(err)
		}
		uuids := make([]string, 0, 1202)
		for _, n := range muchas {
			uuids = append(uuids, n.UUID)
		}
		r1, err := s.Novedades(ctx, "r1", append(uuids, "nuevo"))
		if err != nil || len(r1) != 1201 {
			t.Errorf("%d %v", len(r1), err)
		}
		r2, err := s.Novedades(ctx, "r2", append(uuids, "nuevo"))
		want := map[Novedad]bool{{UUID: "u0003", Estatus: "0"}: true, {UUID: "nuevo", Estatus: "1"}: true, {UUID: "nuevo", Estatus: "0"}: true}
		if err != nil || fmt.Sprint(r2) != fmt.Sprint(want) {
			t.Errorf("%v %v", r2, err)
		}
		desde, hasta, n, err := s.RangoDeNovedades(ctx, "r1", "1")
		if err != nil || desde != "2026-01-01T00:00:00" || hasta != "2026-01-01T00:20:00" || n != 1201 {
			t.Errorf("%s %s %d %v", desde, hasta, n, err)
		}
		if desde, hasta, n, err := s.RangoDeNovedades(ctx, "r1", "0"); desde != "" || hasta != "" || n != 0 || err != nil {
			t.Errorf("%s %s %d %v", desde, hasta, n, err)
		}
	})
}

func TestPorRetirar_WhenSomeAreStillNeeded(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		r := nuevoReloj()
		cfg.Now = r.Now
		s := open(t, cfg)
		ctx := t.Context()
		termina := func(id string) {
			x := crea(t, s, unaDescarga(id, nil))
			cambia(t, s, id, func(c *Cambio) {
				c.NuevoPaquete(x.ID, "compartido", c.Ahora())
				c.Descarga().Estado, c.Descarga().Terminada = gateway.DescargaTerminada, c.Ahora()
			})
			r.pasa(time.Hour)
		}
		termina("a")
		termina("b")
		crea(t, s, unaDescarga("viva", nil))
		ids := func(antes time.Time) []string {
			t.Helper()
			ds, err := s.PorRetirar(ctx, antes, 10)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, d := range ds {
				out = append(out, d.ID)
			}
			return out
		}
		entre := r.Now().Add(-90 * time.Minute)
		if got := ids(entre); !slices.Equal(got, []string{"a"}) {
			t.Errorf("%v", got)
		}
		paquetes, err := s.PaquetesDeDescarga(ctx, "a", 0, 10)
		if err != nil || len(paquetes) != 1 {
			t.Fatal(paquetes, err)
		}
		if usado, err := s.PaqueteEnUso(ctx, paquetes[0], entre); !usado || err != nil {
			t.Errorf("%v %v", usado, err)
		}
		if usado, err := s.PaqueteEnUso(ctx, paquetes[0], r.Now()); usado || err != nil {
			t.Errorf("%v %v", usado, err)
		}
		cambia(t, s, "a", func(c *Cambio) { c.Retira() })
		if got := ids(r.Now()); !slices.Equal(got, []string{"b"}) {
			t.Errorf("%v", got)
		}
		if ds, err := s.PorPublicar(ctx, 1); err != nil || len(ds) != 1 || ds[0].ID != "a" {
			t.Errorf("%v %v", ds, err)
		}
		if err := s.MarcaPublicada(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if ds, err := s.PorPublicar(ctx, 5); err != nil || len(ds) != 1 || ds[0].ID != "b" {
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
			clave  string
		}{
			{gateway.DescargaTerminada, gateway.TramoTerminada, ""}, {gateway.DescargaParcial, gateway.TramoTerminada, ""}, {gateway.DescargaParcial, gateway.TramoFallida, ""},
			{gateway.DescargaFallida, gateway.TramoFallida, ""}, {gateway.DescargaCancelada, gateway.TramoCancelada, ""}, {gateway.DescargaVacia, gateway.TramoVacia, ""},
			{gateway.DescargaEnProceso, gateway.TramoPresentada, ""}, {gateway.DescargaTerminada, gateway.TramoTerminada, "/xml"},
		} {
			id := fmt.Sprint("r", i)
			x := crea(t, s, unaDescarga(id, func(d *Descarga) {
				d.IDProgramacion, d.Clave = "p", "corrida/"+id+tc.clave
				d.Peticion.Solicitud.FechaFinal = fmt.Sprintf("2026-01-%02dT23:59:59", i+10)
			}))
			cambia(t, s, id, func(c *Cambio) {
				x.Estado = tc.tramo
				c.GuardaTramo(x)
				c.Descarga().Estado = tc.estado
			})
		}
		ds, err := s.Corridas(t.Context(), "p", 10)
		var ids []string
		for _, d := range ds {
			ids = append(ids, d.ID)
		}
		if err != nil || !slices.Equal(ids, []string{"r6", "r5", "r1", "r0"}) {
			t.Errorf("%v %v", ids, err)
		}
		if dos, err := s.Corridas(t.Context(), "p", 2); err != nil || len(dos) != 2 {
			t.Errorf("%v %v", dos, err)
		}
	})
}
