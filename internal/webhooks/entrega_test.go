package webhooks

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func TestIntenta_WhenTheReceiverFailsForDays(t *testing.T) {
	t.Parallel()
	azares := []float64{0, 0.999, 0.5}
	n := 0
	r := nuevoRig(t, func(c *Config) { c.Azar = func() float64 { n++; return azares[n%len(azares)] } })
	d, _ := r.crea()
	r.receptor.responde(500, 503, 404, 400, 302, 500)
	r.publica("1")
	r.sonarTodas()
	all := r.receptor.recibidos()
	nominal := []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
	if len(all) != len(nominal)+1 {
		t.Fatalf("%d attempts", len(all))
	}
	jitter := map[int64]bool{}
	for i, want := range nominal {
		wait := time.Duration(timestamp(t, all[i+1])-timestamp(t, all[i])) * time.Second
		if wait < want*9/10-time.Second || wait > want*11/10+time.Second {
			t.Errorf("wait %d is %v, want about %v", i+1, wait, want)
		}
		if all[i+1].Get("webhook-id") != all[0].Get("webhook-id") || all[i+1].cuerpo != all[0].cuerpo || all[i+1].Get("webhook-signature") == all[0].Get("webhook-signature") {
			t.Errorf("attempt %d is another message, or has the signature of the first", i+2)
		}
		jitter[int64(wait*100/want)] = true
	}
	if len(jitter) < 3 {
		t.Errorf("no jitter: %v", jitter)
	}
	e := r.unica(d)
	var statuses []int
	var results []string
	for _, i := range e.Intentos {
		statuses, results = append(statuses, i.Status), append(results, i.Resultado)
	}
	if e.Estado != "agotada" || !slices.Equal(statuses[:6], []int{500, 503, 404, 400, 302, 500}) ||
		!slices.Equal(results[:5], []string{ResultadoFalla, ResultadoFalla, ResultadoRechazado, ResultadoRechazado, ResultadoRedireccion}) {
		t.Errorf("%s, %v, %v", e.Estado, statuses, results)
	}
	if due := r.vencidas(r.reloj().Add(1000 * time.Hour)); len(due) != 0 {
		t.Errorf("still due: %v", due)
	}
	if took := r.reloj().Sub(inicio); took < 68*time.Hour || took > 84*time.Hour {
		t.Errorf("gave up after %v", took)
	}
}

func timestamp(t *testing.T, a aviso) int64 {
	t.Helper()
	n, err := strconv.ParseInt(a.Get("webhook-timestamp"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEspera_WhenTheReceiverAsksForOne(t *testing.T) {
	t.Parallel()
	for valor, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "0": 0, "-5": 0, "x": 0, "": 0, "99999999": maxEspera, "99999999999999999999": 0,
		inicio.Add(time.Hour).Format(http.TimeFormat): time.Hour, inicio.Add(-time.Hour).Format(http.TimeFormat): 0,
		inicio.Add(9000 * time.Hour).Format(http.TimeFormat): maxEspera,
	} {
		if got := esperaPedida(valor, inicio); got != want {
			t.Errorf("Retry-After %q: %v, want %v", valor, got, want)
		}
	}
	for _, tc := range []struct {
		status int
		header string
		want   time.Duration
	}{{429, "3600", time.Hour}, {503, "3600", time.Hour}, {503, "1", 5 * time.Second}, {500, "3600", 5 * time.Second}, {429, "999999", maxEspera}} {
		r := nuevoRig(t, nil)
		d, _ := r.crea()
		r.receptor.con(func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tc.header)
			w.WriteHeader(tc.status)
		})
		r.publica("1")
		r.suena()
		if got := r.unica(d).Siguiente.Sub(inicio); got != tc.want {
			t.Errorf("%d with %q: wait %v, want %v", tc.status, tc.header, got, tc.want)
		}
	}
}

func TestIntenta_WhenTheReceiverIsGone(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, _ := r.crea()
	r.receptor.responde(410)
	r.publica("1")
	r.publica("2")
	r.sonarTodas()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Errorf("%d requests to a receiver that said 410 at once", n)
	}
	got, err := r.Obtiene(t.Context(), "erp", d.ID)
	if err != nil || got.Activo || got.Motivo != MotivoRetiro {
		t.Errorf("%+v, error %v", got, err)
	}
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 10)
	if err != nil || len(page) != 2 || page[0].Estado != "cancelada" || page[1].Estado != "cancelada" {
		t.Errorf("%+v, error %v", page, err)
	}
	r.publica("3")
	for _, err := range []error{segundo(r.Prueba(t.Context(), "erp", d.ID)), segundo(r.Reenvia(t.Context(), "erp", d.ID, page[0].ID))} {
		if !gateway.IsKind(err, gateway.KindConflicto) {
			t.Errorf("of an inactive endpoint: %v", err)
		}
	}
	r.receptor.responde(200)
	if got, err = r.Cambia(t.Context(), "erp", d.ID, Alta{URL: d.URL, Eventos: d.Eventos, RFCs: d.RFCs, Activo: true}); err != nil || !got.Activo || got.Motivo != "" {
		t.Errorf("%+v, error %v", got, err)
	}
	r.publica("4")
	r.sonarTodas()
	if n := len(r.receptor.recibidos()); n != 1 { // what happened while it was inactive is not sent
		t.Errorf("%d requests once it is active again", n)
	}
}

func segundo[T any](_ T, err error) error { return err }

func TestReenvia_WhenDeliveredOrExhausted(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, secreto := r.crea()
	r.publica("1")
	r.sonarTodas()
	for range 2 {
		r.avanza(time.Hour)
		e, err := r.Reenvia(t.Context(), "erp", d.ID, r.unica(d).ID)
		if err != nil || e.Estado != "pendiente" {
			t.Fatalf("%+v, error %v", e, err)
		}
		r.sonarTodas()
	}
	all := r.receptor.recibidos()
	if len(all) != 3 {
		t.Fatalf("%d requests", len(all))
	}
	for _, a := range all[1:] {
		if a.Get("webhook-id") != all[0].Get("webhook-id") || a.cuerpo != all[0].cuerpo || timestamp(t, a) == timestamp(t, all[0]) || a.Get("webhook-signature") != firmaPropia(t, secreto, a) {
			t.Errorf("sent again as %v", a.Header)
		}
	}
	if e := r.unica(d); e.Estado != "entregada" || len(e.Intentos) != 3 {
		t.Errorf("%+v", e)
	}
	r.receptor.responde(500)
	r.publica("2")
	r.sonarTodas()
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "agotada" {
		t.Fatalf("%+v, error %v", page, err)
	}
	if _, err := r.Reenvia(t.Context(), "erp", d.ID, page[0].ID); err != nil {
		t.Fatal(err)
	}
	r.receptor.responde(500, 500, 200) // a round of its own
	r.sonarTodas()
	if n := len(r.receptor.recibidos()); n != 3 {
		t.Errorf("%d attempts of the second round", n)
	}
	if err := segundo(r.Reenvia(t.Context(), "erp", d.ID, "msg_nada")); !gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("of none: %v", err)
	}
}

// TestIntenta_WhenItDiesBeforeItIsRecorded: the message has arrived and nobody
// wrote that down. It arrives once more with the same id, and not before its
// taker must be dead.
func TestIntenta_WhenItDiesBeforeItIsRecorded(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, _ := r.crea()
	r.publica("1")
	first := r.vencidas(r.reloj())[0]
	ctx, die := context.WithCancel(t.Context())
	r.receptor.con(func(n int, w http.ResponseWriter, req *http.Request) {
		if n == 1 {
			die()
			<-req.Context().Done()
		}
		w.WriteHeader(http.StatusOK)
	})
	if _, err := r.Intenta(ctx, first.ID, first.Turn); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if e := r.unica(d); e.Estado != "pendiente" || len(e.Intentos) != 0 {
		t.Errorf("recorded: %+v", e)
	}
	// Whoever comes once more in the same turn is late.
	if falta, err := r.Intenta(t.Context(), first.ID, first.Turn); err != nil || falta != 0 {
		t.Errorf("wait %v, error %v", falta, err)
	}
	if due := r.vencidas(r.reloj().Add(arriendo - time.Second)); len(due) != 0 {
		t.Errorf("due too early: %v", due)
	}
	r.avanza(arriendo)
	due := r.vencidas(r.reloj())
	if len(due) != 1 || due[0].ID != first.ID || due[0].Turn == first.Turn {
		t.Fatalf("due %v", due)
	}
	if _, err := r.Intenta(t.Context(), due[0].ID, due[0].Turn); err != nil {
		t.Fatal(err)
	}
	all := r.receptor.recibidos()
	if len(all) != 2 || all[0].Get("webhook-id") != all[1].Get("webhook-id") || all[0].cuerpo != all[1].cuerpo {
		t.Errorf("%d requests", len(all))
	}
	if e := r.unica(d); e.Estado != "entregada" {
		t.Errorf("%+v", e)
	}
}

func TestIntenta_WhenManyComeOrEarly(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, _ := r.crea()
	r.receptor.responde(500, 200)
	r.publica("1")
	sweep := func() store.Due[string] {
		t.Helper()
		due := r.vencidas(r.reloj())
		if len(due) != 1 {
			t.Fatalf("due %v", due)
		}
		return due[0]
	}
	p := sweep()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.Intenta(context.Background(), p.ID, p.Turn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Errorf("%d requests of one turn", n)
	}
	e := r.unica(d)
	if falta, err := r.Intenta(t.Context(), e.ID, e.Turno); err != nil || falta != 5*time.Second {
		t.Errorf("early: wait %v, error %v", falta, err)
	}
	r.avanza(5 * time.Second)
	p = sweep()
	if _, err := r.Intenta(t.Context(), p.ID, p.Turn); err != nil {
		t.Fatal(err)
	}
	if e := r.unica(d); e.Estado != "entregada" || len(r.receptor.recibidos()) != 2 {
		t.Errorf("%+v", e)
	}
	if _, err := r.Intenta(t.Context(), "msg_nada", 1); err != nil {
		t.Errorf("of none: %v", err)
	}
}

func TestPublica_WhenTwiceOrNotWanted(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ve := true
	r := nuevoRig(t, func(c *Config) {
		c.Alcanza = func(dueno, _ string) (bool, error) { mu.Lock(); defer mu.Unlock(); return dueno == "erp" && ve, nil }
	})
	ctx := t.Context()
	d, _ := r.crea()
	for _, a := range []Alta{
		{URL: d.URL, Eventos: []string{DescargaFallida}, RFCs: []string{rfc}, Activo: true},
		{URL: d.URL, Eventos: Eventos(), RFCs: []string{"PRU010101AB1"}, Activo: true},
		{URL: d.URL, Eventos: Eventos(), RFCs: []string{"*"}, Activo: false},
	} {
		if _, _, err := r.Crea(ctx, "erp", a); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Crea(ctx, "otro", Alta{URL: d.URL, Eventos: Eventos(), RFCs: []string{"*"}, Activo: true}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.publica("1")
	}
	if due := r.vencidas(r.reloj()); len(due) != 1 {
		t.Errorf("deliveries: %v", due)
	}
	r.avanza(time.Millisecond) // what is due first leaves first
	another := evento("1")
	another.Tipo, another.Datos.IDPaquete = DescargaPaqueteDisponible, "P_01"
	if err := r.Publica(ctx, another); err != nil {
		t.Fatal(err)
	}
	r.sonarTodas()
	all := r.receptor.recibidos()
	if len(all) != 2 || all[0].Get("webhook-id") == all[1].Get("webhook-id") || !strings.HasSuffix(all[1].cuerpo, `"estado":"terminada","idPaquete":"P_01"}}`) {
		t.Errorf("%+v", all)
	}
	for _, bad := range []Evento{{Tipo: DescargaVacia}, {Clave: "x", Tipo: "otra.cosa"}, {Clave: "x", Tipo: EventoPrueba},
		{Clave: "x", Tipo: DescargaVacia, Datos: Datos{IDDescarga: strings.Repeat("x", maxCuerpo)}}} {
		if err := r.Publica(ctx, bad); err == nil {
			t.Errorf("published %.40v", bad)
		}
	}
	r.avanza(time.Second) // the newest one
	r.publica("2")
	mu.Lock()
	ve = false // its key no longer sees the RFC
	mu.Unlock()
	r.sonarTodas()
	page, _, err := r.Entregas(ctx, "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "cancelada" || len(r.receptor.recibidos()) != 2 {
		t.Errorf("%+v, error %v", page, err)
	}
}

// A test that waits is not sent once its key is gone: it is nobody's any more.
func TestPrueba_WhenItsKeyIsGone(t *testing.T) {
	t.Parallel()
	var ve atomic.Bool
	ve.Store(true)
	r := nuevoRig(t, func(c *Config) {
		c.Alcanza = func(dueno, _ string) (bool, error) { return dueno == "erp" && ve.Load(), nil }
	})
	d, _ := r.crea()
	if _, err := r.Prueba(t.Context(), "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	r.sonarTodas()
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Fatalf("%d messages while it is there", n)
	}
	r.avanza(time.Minute)
	if _, err := r.Prueba(t.Context(), "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	ve.Store(false)
	r.sonarTodas()
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil || page[0].Estado != "cancelada" || len(r.receptor.recibidos()) != 1 {
		t.Errorf("%+v, error %v", page, err)
	}
}

func TestPrueba_WhenSentAndWhenTooMany(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, secreto := r.crea()
	e, err := r.Prueba(t.Context(), "erp", d.ID)
	if err != nil {
		t.Fatal(err)
	}
	r.sonarTodas()
	got := r.receptor.recibidos()
	want := `{"type":"webhook.prueba","timestamp":"2026-02-01T05:59:59.000Z","data":{"idWebhook":"` + d.ID + `"}}`
	if len(got) != 1 || got[0].cuerpo != want || got[0].Get("webhook-id") != e.ID || got[0].Get("webhook-signature") != firmaPropia(t, secreto, got[0]) {
		t.Errorf("%+v", got)
	}
	for n := range maxPruebas + 1 {
		if _, err = r.Prueba(t.Context(), "erp", d.ID); (err != nil) != (n == maxPruebas) {
			t.Errorf("test %d: %v", n, err)
		}
	}
	if !gateway.IsKind(err, gateway.KindLimite) {
		t.Errorf("error %v", err)
	}
}

func TestDestinos_WhenOfAnotherKey(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	ctx := t.Context()
	d, _ := r.crea()
	r.publica("1")
	r.sonarTodas()
	e := r.unica(d)
	a := Alta{URL: d.URL, Eventos: d.Eventos, RFCs: d.RFCs, Activo: true}
	_, _, rota := r.Rota(ctx, "otro", d.ID, 0)
	_, _, entregas := r.Entregas(ctx, "otro", d.ID, "", 1)
	for name, err := range map[string]error{
		"get": segundo(r.Obtiene(ctx, "otro", d.ID)), "change": segundo(r.Cambia(ctx, "otro", d.ID, a)), "remove": r.Borra(ctx, "otro", d.ID), "rotate": rota,
		"test": segundo(r.Prueba(ctx, "otro", d.ID)), "log": entregas, "again": segundo(r.Reenvia(ctx, "otro", d.ID, e.ID)), "none": segundo(r.Obtiene(ctx, "erp", "whd_nada")),
	} {
		if !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := r.Lista(ctx, "otro"); err != nil || len(all) != 0 {
		t.Errorf("%v, error %v", all, err)
	}
	all, err := r.Lista(ctx, "erp")
	if diff := cmp.Diff([]Destino{d}, all); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	other, _, err := r.Crea(ctx, "erp", a)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Entregas(ctx, "erp", other.ID, e.ID, 1); !gateway.IsKind(err, gateway.KindInvalida) {
		t.Errorf("a cursor of another's: %v", err)
	}
	if err := r.Borra(ctx, "erp", d.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Purga(ctx); err != nil || n != 0 {
		t.Errorf("%d left, error %v", n, err)
	}
	for range MaxDestinos - 1 {
		if _, _, err := r.Crea(ctx, "erp", a); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.Crea(ctx, "erp", a); !gateway.IsKind(err, gateway.KindConflicto) {
		t.Errorf("one too many: %v", err)
	}
}

func TestPurga_WhenOld(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, _ := r.crea()
	r.publica("1")
	r.sonarTodas()
	r.avanza(Retencion)
	if n, err := r.Purga(t.Context()); err != nil || n != 0 {
		t.Errorf("%d, error %v", n, err)
	}
	r.avanza(time.Second)
	if n, err := r.Purga(t.Context()); err != nil || n != 1 {
		t.Errorf("%d, error %v", n, err)
	}
	if page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1); err != nil || len(page) != 0 {
		t.Errorf("%+v, error %v", page, err)
	}
}

// TestIntenta_WhenToldToStopOnceItIsAnswered: what is known is not sent again.
func TestIntenta_WhenToldToStopOnceItIsAnswered(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	r := nuevoRig(t, nil)
	// The clock is read once more when the answer is there.
	now := r.vale.Now
	r.vale.Now = func() time.Time {
		if len(r.receptor.recibidos()) > 0 {
			stop()
		}
		return now()
	}
	r.Servicio = New(r.vale)
	d, _ := r.crea()
	r.publica("1")
	a := r.vencidas(r.reloj())[0]
	if _, err := r.Intenta(ctx, a.ID, a.Turn); err != nil {
		t.Fatal(err)
	}
	if e := r.unica(d); ctx.Err() == nil || e.Estado != "entregada" {
		t.Errorf("%+v", e)
	}
}
