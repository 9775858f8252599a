package integration

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// sharedClock is a clock of gateway and sandbox that a test moves.
type sharedClock struct{ lead atomic.Int64 }

func (c *sharedClock) Now() time.Time { return time.Now().Add(time.Duration(c.lead.Load())) }

func (c *sharedClock) pass(d time.Duration) { c.lead.Add(int64(d)) }

// mexico returns the date in Mexico, some days from today.
func (c *sharedClock) mexico(days int) string {
	return c.Now().UTC().Add(-6*time.Hour).AddDate(0, 0, days).Format("2006-01-02")
}

// alas moves to an hour of the next day in Mexico.
func (c *sharedClock) alas(hour int) {
	today := c.Now().UTC().Add(-6 * time.Hour)
	c.pass(time.Date(today.Year(), today.Month(), today.Day()+1, hour, 0, 0, 0, time.UTC).Sub(today))
}

// withTime starts a pair on the test's clock.
func withTime(t *testing.T, opts gatewaytest.Options, knobs map[string]any) (*rig, *sharedClock) {
	t.Helper()
	c := &sharedClock{}
	opts.Now = c.Now
	opts.Sandbox = func(s *sandbox.Config) { s.Now = c.Now }
	r := start(t, opts)
	all := map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"}
	for k, v := range knobs {
		all[k] = v
	}
	if err := r.Sandbox.Knobs().Change(all); err != nil {
		t.Fatal(err)
	}
	return r, c
}

// waitUntil waits for a condition.
func waitUntil(t *testing.T, que string, meets func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !meets(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", que)
		}
	}
}

func look(t *testing.T, r *rig, path string) descarga {
	t.Helper()
	var d descarga
	r.Get(path).JSON(t, &d)
	return d
}

func TestDescargas_When5011ItGoesOnTomorrow(t *testing.T) {
	t.Parallel()
	r, c := withTime(t, gatewaytest.Options{}, nil)
	r.falla(sandbox.Falla{Operacion: opVerify, Tipo: control.Codigo, Codigo: "5011"})
	path := create(t, r.Gateway, request("Metadata", nil))
	waitUntil(t, "the limit of the day", func() bool { return r.calls(opVerify) == 1 })
	waitUntil(t, "the decision", func() bool { return strings.Contains(look(t, r, path).Solicitudes[0].Decision, "mañana") })
	c.alas(1)
	d := wait(t, r.Gateway, path)
	if d.Estado != "terminada" {
		t.Errorf("%+v", d)
	}
	unrepeated(t, r, d)
}

func TestDescargas_WhenTheDeadlinePasses(t *testing.T) {
	t.Parallel()
	r, c := withTime(t, gatewaytest.Options{}, map[string]any{"atascadas_cada": 1})
	path := create(t, r.Gateway, request("Metadata", map[string]any{"plazoHoras": 2}))
	waitUntil(t, "a solicitud", func() bool { return look(t, r, path).Estado == "solicitada" })
	c.pass(2 * time.Hour)
	d := wait(t, r.Gateway, path)
	if d.Estado != "fallida" || !strings.Contains(d.Motivo, "plazo") || d.Solicitudes[0].IDSolicitud == "" {
		t.Errorf("%s %q %+v", d.Estado, d.Motivo, d.Solicitudes)
	}
	unrepeated(t, r, d)
}

// final are the final states of a descarga.
var final = []string{"terminada", "vacia", "parcial", "fallida", "cancelada"} //nolint:gochecknoglobals // never written

// skip moves the clock to the descarga's next due time, again and again, until the
// descarga has ended. It calls before with every instant first.
func (c *sharedClock) skip(t *testing.T, r *rig, path string, before func(time.Time)) descarga {
	t.Helper()
	var d descarga
	waitUntil(t, "the end of "+path, func() bool {
		d = look(t, r, path)
		if d.SiguienteIntento.After(c.Now()) {
			before(d.SiguienteIntento)
			c.pass(d.SiguienteIntento.Sub(c.Now()))
		}
		return slices.Contains(final, d.Estado)
	})
	return d
}

// slowly gives a pair the pauses of production.
func slowly(c *config.Config) {
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = time.Minute, 15*time.Minute
}

// Retries are spread over the deadline, so that an outage of a day does not use them up.
func TestDescargas_WhenEveryAnswerOfSolicitaIsLost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		last        time.Duration
		estado      string
		solicitudes int
	}{"once": {time.Second, "terminada", 2}, "for a day": {24 * time.Hour, "terminada", 5}, "on and on": {1000 * time.Hour, "fallida", 6}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, c := withTime(t, gatewaytest.Options{Configure: slowly}, nil)
			start := c.Now()
			r.always(sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues})
			path := create(t, r.Gateway, request("Metadata", map[string]any{"plazoHoras": 72}))
			d := c.skip(t, r, path, func(when time.Time) {
				if when.Sub(start) > tc.last {
					r.Sandbox.Fallas().Reset()
				}
			})
			if d.Estado != tc.estado || d.Cuota.SolicitudesPresentadas != tc.solicitudes {
				t.Errorf("%s %q, %+v", d.Estado, d.Motivo, d.Cuota)
			}
			if pass := c.Now().Sub(start); tc.estado == "fallida" && (pass < 36*time.Hour || pass > 72*time.Hour || !strings.Contains(d.Motivo, "Tras 6 solicitudes")) {
				t.Errorf("given up after %s: %q", pass, d.Motivo)
			}
			unrepeated(t, r, d)
		})
	}
}

// A request in progress is recorded, nothing follows, and what came is stored.
func TestDescargas_WhenCancelledAtEachPoint(t *testing.T) {
	t.Parallel()
	// actual is the point at which its descarga is cancelled, once.
	type cut struct {
		point string
		ready chan struct{}
		path  string
		one   sync.Once
	}
	var actual atomic.Pointer[cut]
	var r *rig
	r = mountRig(t, gatewaytest.Options{Step: func(p string) {
		if x := actual.Load(); x != nil && x.point == p {
			x.one.Do(func() {
				<-x.ready
				if got, err := r.Do(http.MethodDelete, x.path, nil); err != nil || got.Status != http.StatusOK {
					t.Errorf("%d %v", got.Status, err)
				}
			})
		}
	}}, nil)
	for day, point := range []string{"antes-de-intento", "intento-anotado", "solicita-contestada", "solicita-anotada", "antes-de-verifica", "verifica-contestada", "paquete-traido", "antes-de-asentar-paquete"} {
		t.Run(point, func(t *testing.T) {
			today := fmt.Sprintf("2026-01-%02dT", day+1)
			body := request("Metadata", map[string]any{"fechaInicial": today + "00:00:00", "fechaFinal": today + "23:59:59"})
			before := r.calls(opEmitidos)
			x := &cut{point: point, ready: make(chan struct{})}
			actual.Store(x)
			path := create(t, r.Gateway, body)
			x.path = path
			close(x.ready)
			d := wait(t, r.Gateway, path)
			if d.Estado != "cancelada" {
				t.Fatalf("%+v", d)
			}
			waitUntil(t, "its id is on record", func() bool { return look(t, r, path).Solicitudes[0].IDSolicitud != "" })
			if strings.Contains(point, "paquete") {
				waitUntil(t, "the package that was under way is kept", func() bool {
					d := look(t, r, path)
					return d.Progreso.PaquetesGuardados == 1 && len(uuids(t, r.Gateway, path)) == int(d.Progreso.Encontrados)
				})
			}
			if n := look(t, r, path).Cuota.SolicitudesPresentadas; int64(n) != r.calls(opEmitidos)-before {
				t.Errorf("quota of %d, the SAT saw %d", n, r.calls(opEmitidos)-before)
			}
			if tipos := eventos(t, r, path); tipos[len(tipos)-1] != "cancelada" {
				t.Errorf("events %v", tipos)
			}
			// The same range may be requested again, and nothing is sent twice for it.
			other := create(t, r.Gateway, body)
			if d := wait(t, r.Gateway, other); d.Estado != "terminada" || len(uuids(t, r.Gateway, other)) != perDay {
				t.Errorf("again: %+v", d)
			}
			unrepeated(t, r)
		})
	}
}

func TestDescargas_WhenRetentionEndsPackagesGoAndItIsTold(t *testing.T) {
	t.Parallel()
	withRetencion := func(c *config.Config) { c.Descargas.Retencion.Duration = 24 * time.Hour }
	r, c := withTime(t, gatewaytest.Options{Configure: withRetencion}, nil)
	path := create(t, r.Gateway, request("Metadata", nil))
	d := wait(t, r.Gateway, path)
	var before struct {
		Paquetes []struct{ URL, Estado string }
	}
	r.Get(path+"/paquetes").JSON(t, &before)
	if d.Estado != "terminada" || len(before.Paquetes) != 1 {
		t.Fatalf("%+v", d)
	}
	c.pass(25 * time.Hour)
	waitUntil(t, "the packages are gone", func() bool { return r.Get(path+"/metadatos").Status == http.StatusGone })
	waitUntil(t, "and it is told", func() bool { return slices.Contains(eventos(t, r, path), "retirada") })
	spent := r.calls(opDescargar)
	if got := r.Get(before.Paquetes[0].URL); got.Status != http.StatusGone || r.calls(opDescargar) != spent {
		t.Errorf("the package: %d", got.Status)
	}
	if whole, _ := packageFiles(t, r.Config.DataDir); len(whole) != 0 {
		t.Errorf("still on disk: %v", whole)
	}
	unrepeated(t, r, d)
}

// The second descarga asks for the extra second that the first had to ask for, and both
// have the same solicitud.
func TestDescargas_WhenTwoShareAPackageItIsKeptForTheOther(t *testing.T) {
	t.Parallel()
	withRetencion := func(c *config.Config) { c.Descargas.Retencion.Duration = 24 * time.Hour }
	r, c := withTime(t, gatewaytest.Options{Configure: withRetencion}, map[string]any{"demora_proceso": "1h"})
	r.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Codigo, Codigo: "5005"})
	one := create(t, r.Gateway, request("Metadata", nil))
	waitUntil(t, "the shifted solicitud", func() bool {
		d := look(t, r, one)
		return len(d.Solicitudes) == 2 && d.Solicitudes[1].IDSolicitud != ""
	})
	other := create(t, r.Gateway, request("Metadata", map[string]any{"fechaFinal": "2026-02-01T00:00:00"}))
	waitUntil(t, "it is adopted", func() bool { return slices.Contains(eventos(t, r, other), "adoptada") })
	c.pass(time.Hour)
	a, b := wait(t, r.Gateway, one), wait(t, r.Gateway, other)
	if a.Estado != "terminada" || b.Estado != "terminada" || b.Cuota.SolicitudesPresentadas != 0 || r.calls(opDescargar) != 1 {
		t.Fatalf("%+v %+v, %d downloads", a, b, r.calls(opDescargar))
	}
	if n, m := len(uuids(t, r.Gateway, one)), len(uuids(t, r.Gateway, other)); n == 0 || m < n {
		t.Errorf("%d and %d rows", n, m)
	}
	c.pass(25 * time.Hour)
	for _, path := range []string{one, other} {
		waitUntil(t, "both have gone", func() bool { return r.Get(path+"/metadatos").Status == http.StatusGone })
	}
	unrepeated(t, r)
}

// corridas lists the runs of a recurrent descarga, oldest first.
func corridas(t *testing.T, r *rig, path string) []string {
	t.Helper()
	id := path[strings.LastIndex(path, "/")+1:]
	var list struct {
		Descargas []struct{ IDDescarga, Estado string }
	}
	r.Get(descargasPath+"?idProgramacion="+url.QueryEscape(id)).JSON(t, &list)
	var paths []string
	for _, d := range slices.Backward(list.Descargas) {
		paths = append(paths, descargasPath+"/"+d.IDDescarga)
	}
	return paths
}

// pairs returns UUID and estatus of each row.
func pairs(t *testing.T, r *rig, path string) []string {
	t.Helper()
	got := r.Get(path + "/metadatos.ndjson?parcial=true")
	wantStatus(t, got, http.StatusOK)
	var all []string
	for line := range strings.Lines(string(got.Body)) {
		var row struct{ UUID, Estatus string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.ToLower(row.UUID)+" "+row.Estatus)
	}
	return all
}

// This test runs a week of a recurrent descarga of metadata.
func TestDescargas_WhenRecurrentEachRunYieldsWhatIsNew(t *testing.T) {
	inBoth(t, func(t *testing.T, opts gatewaytest.Options) {
		r, c := withTime(t, opts, nil)
		const days = 30
		body := request("Metadata", map[string]any{"fechaInicial": c.mexico(-days) + "T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 10}})
		delete(body, "fechaFinal")
		path := create(t, r.Gateway, body)
		seen, folios := map[string]int{}, map[string]bool{}
		cancelled := 0
		for n := 1; n <= 5; n++ {
			waitUntil(t, fmt.Sprintf("run %d", n), func() bool { return len(corridas(t, r, path)) == n })
			corrida := corridas(t, r, path)[n-1]
			d := wait(t, r.Gateway, corrida)
			fresh := pairs(t, r, corrida)
			if want := map[bool]string{true: c.mexico(-days), false: c.mexico(-11)}[n == 1]; d.Estado != "terminada" || d.Solicitudes[0].Desde != want+"T00:00:00" || d.Solicitudes[0].Hasta != c.mexico(-1)+"T23:59:59" {
				t.Errorf("run %d: %s %+v, want from %s", n, d.Estado, d.Solicitudes[0], want)
			}
			for _, pair := range fresh {
				if seen[pair]++; seen[pair] > 1 {
					t.Errorf("run %d yields %s again", n, pair)
				}
				uuid, estatus, _ := strings.Cut(pair, " ")
				if folios[uuid] && estatus == "0" {
					cancelled++
				}
				folios[uuid] = true
			}
			if n > 1 && (len(fresh) < perDay || len(fresh) > perDay+12) {
				t.Errorf("run %d yields %d rows", n, len(fresh))
			}
			c.alas(5)
		}
		if want := perDay * (days + 4); len(folios) != want {
			t.Errorf("%d comprobantes in all, want %d", len(folios), want)
		}
		if cancelled == 0 {
			t.Log("none was cancelled meanwhile")
		}
		waitUntil(t, "the sixth run", func() bool { return len(corridas(t, r, path)) == 6 })
		wait(t, r.Gateway, corridas(t, r, path)[5])
		if got, err := r.Do(http.MethodDelete, path, nil); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%d %v", got.Status, err)
		}
		c.alas(5)
		before := r.calls(opEmitidos)
		// Another descarga shows that rounds continue.
		wait(t, r.Gateway, create(t, r.Gateway, request("Metadata", nil)))
		if n := len(corridas(t, r, path)); n != 6 || r.calls(opEmitidos) != before+1 {
			t.Errorf("%d runs after it was cancelled", n)
		}
		unrepeated(t, r)
	})
}

func TestDescargas_WhenRecurrentTheXMLFollowTheMetadata(t *testing.T) {
	t.Parallel()
	r, c := withTime(t, gatewaytest.Options{}, nil)
	body := request("CFDI", map[string]any{"fechaInicial": c.mexico(-6) + "T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 3}})
	delete(body, "fechaFinal")
	path := create(t, r.Gateway, body)
	xml := map[string]bool{}
	for day := range 2 {
		waitUntil(t, "metadata and XML", func() bool { return len(corridas(t, r, path)) == 2*day+2 })
		paths := corridas(t, r, path)[2*day:]
		wait(t, r.Gateway, paths[0])
		wait(t, r.Gateway, paths[1])
		current := 0
		for _, pair := range pairs(t, r, paths[0]) {
			if strings.HasSuffix(pair, " 1") {
				current++
			}
		}
		got := r.Get(paths[1] + "/cfdis.ndjson")
		rows := 0
		for line := range strings.Lines(string(got.Body)) {
			var row struct{ UUID string }
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			if xml[row.UUID] {
				t.Errorf("%s came twice", row.UUID)
			}
			xml[row.UUID] = true
			rows++
		}
		if rows != current || rows == 0 {
			t.Errorf("day %d: %d XML of %d new ones", day, rows, current)
		}
		c.alas(5)
	}
	unrepeated(t, r)
}

// A receiver with TLS checks the signatures with the specification's own library.
func TestDescargas_WhenWebhooksListenTheyAreTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var secret string
	seen := map[string]string{}
	receptor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		wh, err := standardwebhooks.NewWebhook(secret)
		if err == nil {
			err = wh.Verify(body, req.Header)
		}
		if err != nil {
			t.Errorf("the signature: %v", err)
		}
		var aviso struct {
			Type string
			Data map[string]any
		}
		if err := json.Unmarshal(body, &aviso); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		seen[aviso.Type] = fmt.Sprint(aviso.Data)
		w.WriteHeader(http.StatusNoContent)
	}))
	receptor.Config.ErrorLog = log.New(io.Discard, "", 0)
	receptor.StartTLS()
	t.Cleanup(receptor.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receptor.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := mountRig(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.CAFile, c.Webhooks.Privados = ca, true }}, nil)
	got := r.Post(pathWebhooks, map[string]any{"url": receptor.URL + "/avisos", "eventos": []string{"descarga.terminada", "descarga.paquete_disponible"}})
	wantStatus(t, got, http.StatusCreated)
	var done struct{ Secreto string }
	got.JSON(t, &done)
	mu.Lock()
	secret = done.Secreto
	mu.Unlock()
	path := create(t, r.Gateway, request("Metadata", nil))
	d := wait(t, r.Gateway, path)
	waitUntil(t, "both notices", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 2
	})
	mu.Lock()
	defer mu.Unlock()
	id := path[strings.LastIndex(path, "/")+1:]
	if !strings.Contains(seen["descarga.terminada"], id) || !strings.Contains(seen["descarga.paquete_disponible"], "_01") {
		t.Errorf("%v", seen)
	}
	unrepeated(t, r, d)
}
