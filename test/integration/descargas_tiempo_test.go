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

// tiempo is a clock that the gateway and the sandbox share and a test moves.
type tiempo struct{ adelanto atomic.Int64 }

func (c *tiempo) Now() time.Time { return time.Now().Add(time.Duration(c.adelanto.Load())) }

func (c *tiempo) pasa(d time.Duration) { c.adelanto.Add(int64(d)) }

// mexico is today's date there, from some days off.
func (c *tiempo) mexico(dias int) string {
	return c.Now().UTC().Add(-6*time.Hour).AddDate(0, 0, dias).Format("2006-01-02")
}

// alas moves to an hour of the next day in Mexico.
func (c *tiempo) alas(hora int) {
	hoy := c.Now().UTC().Add(-6 * time.Hour)
	c.pasa(time.Date(hoy.Year(), hoy.Month(), hoy.Day()+1, hora, 0, 0, 0, time.UTC).Sub(hoy))
}

// conTiempo starts a pair on a clock of the test's.
func conTiempo(t *testing.T, opts gatewaytest.Options, perillas map[string]any) (*rig, *tiempo) {
	t.Helper()
	c := &tiempo{}
	opts.Now = c.Now
	opts.Sandbox = func(s *sandbox.Config) { s.Now = c.Now }
	r := start(t, opts)
	todas := map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"}
	for k, v := range perillas {
		todas[k] = v
	}
	if err := r.Sandbox.Perillas().Cambia(todas); err != nil {
		t.Fatal(err)
	}
	return r, c
}

// hasta waits for a condition.
func hasta(t *testing.T, que string, cumple func() bool) {
	t.Helper()
	for fin := time.Now().Add(patience); !cumple(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(fin) {
			t.Fatalf("never: %s", que)
		}
	}
}

func mirada(t *testing.T, r *rig, path string) descarga {
	t.Helper()
	var d descarga
	r.Get(path).JSON(t, &d)
	return d
}

func TestDescargas_When5011ItGoesOnTomorrow(t *testing.T) {
	t.Parallel()
	r, c := conTiempo(t, gatewaytest.Options{}, nil)
	r.falla(sandbox.Falla{Operacion: opVerifica, Tipo: control.Codigo, Codigo: "5011"})
	path := crea(t, r.Gateway, peticion("Metadata", nil))
	hasta(t, "the limit of the day", func() bool { return r.calls(opVerifica) == 1 })
	hasta(t, "the decision", func() bool { return strings.Contains(mirada(t, r, path).Solicitudes[0].Decision, "mañana") })
	c.alas(1)
	d := espera(t, r.Gateway, path)
	if d.Estado != "terminada" {
		t.Errorf("%+v", d)
	}
	sinRepetir(t, r, d)
}

func TestDescargas_WhenTheDeadlinePasses(t *testing.T) {
	t.Parallel()
	r, c := conTiempo(t, gatewaytest.Options{}, map[string]any{"atascadas_cada": 1})
	path := crea(t, r.Gateway, peticion("Metadata", map[string]any{"plazoHoras": 2}))
	hasta(t, "a solicitud", func() bool { return mirada(t, r, path).Estado == "solicitada" })
	c.pasa(2 * time.Hour)
	d := espera(t, r.Gateway, path)
	if d.Estado != "fallida" || !strings.Contains(d.Motivo, "plazo") || d.Solicitudes[0].IDSolicitud == "" {
		t.Errorf("%s %q %+v", d.Estado, d.Motivo, d.Solicitudes)
	}
	sinRepetir(t, r, d)
}

// finales are the states that a descarga does not leave.
var finales = []string{"terminada", "vacia", "parcial", "fallida", "cancelada"} //nolint:gochecknoglobals // never written

// salta moves the clock to whatever a descarga waits for, again and again, until
// the descarga has ended. antes hears of every instant before it comes.
func (c *tiempo) salta(t *testing.T, r *rig, path string, antes func(time.Time)) descarga {
	t.Helper()
	var d descarga
	hasta(t, "the end of "+path, func() bool {
		d = mirada(t, r, path)
		if d.SiguienteIntento.After(c.Now()) {
			antes(d.SiguienteIntento)
			c.pasa(d.SiguienteIntento.Sub(c.Now()))
		}
		return slices.Contains(finales, d.Estado)
	})
	return d
}

// despacio gives a pair the pauses of production.
func despacio(c *config.Config) {
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = time.Minute, 15*time.Minute
}

// TestDescargas_WhenEveryAnswerOfSolicitaIsLost: what may be asked for again is
// spread over the deadline, so that an outage of a day does not use it up.
func TestDescargas_WhenEveryAnswerOfSolicitaIsLost(t *testing.T) {
	t.Parallel()
	for nombre, tc := range map[string]struct {
		dura        time.Duration
		estado      string
		solicitudes int
	}{"once": {time.Second, "terminada", 2}, "for a day": {24 * time.Hour, "terminada", 5}, "on and on": {1000 * time.Hour, "fallida", 6}} {
		t.Run(nombre, func(t *testing.T) {
			t.Parallel()
			r, c := conTiempo(t, gatewaytest.Options{Configure: despacio}, nil)
			inicio := c.Now()
			r.siempre(sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues})
			path := crea(t, r.Gateway, peticion("Metadata", map[string]any{"plazoHoras": 72}))
			d := c.salta(t, r, path, func(cuando time.Time) {
				if cuando.Sub(inicio) > tc.dura {
					r.Sandbox.Fallas().Reinicia()
				}
			})
			if d.Estado != tc.estado || d.Cuota.SolicitudesPresentadas != tc.solicitudes {
				t.Errorf("%s %q, %+v", d.Estado, d.Motivo, d.Cuota)
			}
			if pasa := c.Now().Sub(inicio); tc.estado == "fallida" && (pasa < 36*time.Hour || pasa > 72*time.Hour || !strings.Contains(d.Motivo, "Tras 6 solicitudes")) {
				t.Errorf("given up after %s: %q", pasa, d.Motivo)
			}
			sinRepetir(t, r, d)
		})
	}
}

// TestDescargas_WhenCancelledAtEachPoint: whatever is under way is written down,
// nothing follows, and what came is there.
func TestDescargas_WhenCancelledAtEachPoint(t *testing.T) {
	t.Parallel()
	// actual is the point at which its descarga is cancelled, once.
	type corte struct {
		punto string
		listo chan struct{}
		path  string
		una   sync.Once
	}
	var actual atomic.Pointer[corte]
	var r *rig
	r = montaRig(t, gatewaytest.Options{Paso: func(p string) {
		if x := actual.Load(); x != nil && x.punto == p {
			x.una.Do(func() {
				<-x.listo
				if got, err := r.Do(http.MethodDelete, x.path, nil); err != nil || got.Status != http.StatusOK {
					t.Errorf("%d %v", got.Status, err)
				}
			})
		}
	}}, nil)
	for dia, punto := range []string{"antes-de-intento", "intento-anotado", "solicita-contestada", "solicita-anotada", "antes-de-verifica", "verifica-contestada", "paquete-traido", "antes-de-asentar-paquete"} {
		t.Run(punto, func(t *testing.T) {
			hoy := fmt.Sprintf("2026-01-%02dT", dia+1)
			body := peticion("Metadata", map[string]any{"fechaInicial": hoy + "00:00:00", "fechaFinal": hoy + "23:59:59"})
			antes := r.calls(opEmitidos)
			x := &corte{punto: punto, listo: make(chan struct{})}
			actual.Store(x)
			ruta := crea(t, r.Gateway, body)
			x.path = ruta
			close(x.listo)
			d := espera(t, r.Gateway, ruta)
			if d.Estado != "cancelada" {
				t.Fatalf("%+v", d)
			}
			hasta(t, "its id is on record", func() bool { return mirada(t, r, ruta).Solicitudes[0].IDSolicitud != "" })
			if strings.Contains(punto, "paquete") {
				hasta(t, "the package that was under way is kept", func() bool {
					d := mirada(t, r, ruta)
					return d.Progreso.PaquetesGuardados == 1 && len(uuids(t, r.Gateway, ruta)) == int(d.Progreso.Encontrados)
				})
			}
			if n := mirada(t, r, ruta).Cuota.SolicitudesPresentadas; int64(n) != r.calls(opEmitidos)-antes {
				t.Errorf("quota of %d, the SAT saw %d", n, r.calls(opEmitidos)-antes)
			}
			if tipos := eventos(t, r, ruta); tipos[len(tipos)-1] != "cancelada" {
				t.Errorf("events %v", tipos)
			}
			// The same range may be asked for again, and nothing is sent twice for it.
			otra := crea(t, r.Gateway, body)
			if d := espera(t, r.Gateway, otra); d.Estado != "terminada" || len(uuids(t, r.Gateway, otra)) != porDia {
				t.Errorf("again: %+v", d)
			}
			sinRepetir(t, r)
		})
	}
}

func TestDescargas_WhenRetentionEndsPackagesGoAndItIsTold(t *testing.T) {
	t.Parallel()
	conRetencion := func(c *config.Config) { c.Descargas.Retencion.Duration = 24 * time.Hour }
	r, c := conTiempo(t, gatewaytest.Options{Configure: conRetencion}, nil)
	path := crea(t, r.Gateway, peticion("Metadata", nil))
	d := espera(t, r.Gateway, path)
	var antes struct {
		Paquetes []struct{ URL, Estado string }
	}
	r.Get(path+"/paquetes").JSON(t, &antes)
	if d.Estado != "terminada" || len(antes.Paquetes) != 1 {
		t.Fatalf("%+v", d)
	}
	c.pasa(25 * time.Hour)
	hasta(t, "the packages are gone", func() bool { return r.Get(path+"/metadatos").Status == http.StatusGone })
	hasta(t, "and it is told", func() bool { return slices.Contains(eventos(t, r, path), "retirada") })
	spent := r.calls(opDescargar)
	if got := r.Get(antes.Paquetes[0].URL); got.Status != http.StatusGone || r.calls(opDescargar) != spent {
		t.Errorf("the package: %d", got.Status)
	}
	if whole, _ := packageFiles(t, r.Config.DataDir); len(whole) != 0 {
		t.Errorf("still on disk: %v", whole)
	}
	sinRepetir(t, r, d)
}

// TestDescargas_WhenTwoShareAPackageItIsKeptForTheOther: the second asks for the
// second more that the first had to ask for, and both have the same solicitud.
func TestDescargas_WhenTwoShareAPackageItIsKeptForTheOther(t *testing.T) {
	t.Parallel()
	conRetencion := func(c *config.Config) { c.Descargas.Retencion.Duration = 24 * time.Hour }
	r, c := conTiempo(t, gatewaytest.Options{Configure: conRetencion}, map[string]any{"demora_proceso": "1h"})
	r.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Codigo, Codigo: "5005"})
	una := crea(t, r.Gateway, peticion("Metadata", nil))
	hasta(t, "the shifted solicitud", func() bool {
		d := mirada(t, r, una)
		return len(d.Solicitudes) == 2 && d.Solicitudes[1].IDSolicitud != ""
	})
	otra := crea(t, r.Gateway, peticion("Metadata", map[string]any{"fechaFinal": "2026-02-01T00:00:00"}))
	hasta(t, "it is adopted", func() bool { return slices.Contains(eventos(t, r, otra), "adoptada") })
	c.pasa(time.Hour)
	a, b := espera(t, r.Gateway, una), espera(t, r.Gateway, otra)
	if a.Estado != "terminada" || b.Estado != "terminada" || b.Cuota.SolicitudesPresentadas != 0 || r.calls(opDescargar) != 1 {
		t.Fatalf("%+v %+v, %d downloads", a, b, r.calls(opDescargar))
	}
	if n, m := len(uuids(t, r.Gateway, una)), len(uuids(t, r.Gateway, otra)); n == 0 || m < n {
		t.Errorf("%d and %d rows", n, m)
	}
	c.pasa(25 * time.Hour)
	for _, path := range []string{una, otra} {
		hasta(t, "both have gone", func() bool { return r.Get(path+"/metadatos").Status == http.StatusGone })
	}
	sinRepetir(t, r)
}

// corridas lists the runs of a recurrent descarga, the first one first.
func corridas(t *testing.T, r *rig, path string) []string {
	t.Helper()
	id := path[strings.LastIndex(path, "/")+1:]
	var lista struct {
		Descargas []struct{ IDDescarga, Estado string }
	}
	r.Get(descargasPath+"?idProgramacion="+url.QueryEscape(id)).JSON(t, &lista)
	var paths []string
	for _, d := range slices.Backward(lista.Descargas) {
		paths = append(paths, descargasPath+"/"+d.IDDescarga)
	}
	return paths
}

// pares reads UUID and estatus of each row.
func pares(t *testing.T, r *rig, path string) []string {
	t.Helper()
	got := r.Get(path + "/metadatos.ndjson?parcial=true")
	wantStatus(t, got, http.StatusOK)
	var todos []string
	for line := range strings.Lines(string(got.Body)) {
		var row struct{ UUID, Estatus string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		todos = append(todos, strings.ToLower(row.UUID)+" "+row.Estatus)
	}
	return todos
}

// TestDescargas_WhenRecurrentEachRunYieldsWhatIsNew walks a week of a recurrent
// descarga of metadata.
func TestDescargas_WhenRecurrentEachRunYieldsWhatIsNew(t *testing.T) {
	enAmbas(t, func(t *testing.T, opts gatewaytest.Options) {
		r, c := conTiempo(t, opts, nil)
		const dias = 30
		body := peticion("Metadata", map[string]any{"fechaInicial": c.mexico(-dias) + "T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 10}})
		delete(body, "fechaFinal")
		path := crea(t, r.Gateway, body)
		vistos, folios := map[string]int{}, map[string]bool{}
		cancelados := 0
		for n := 1; n <= 5; n++ {
			hasta(t, fmt.Sprintf("run %d", n), func() bool { return len(corridas(t, r, path)) == n })
			corrida := corridas(t, r, path)[n-1]
			d := espera(t, r.Gateway, corrida)
			nuevos := pares(t, r, corrida)
			if want := map[bool]string{true: c.mexico(-dias), false: c.mexico(-11)}[n == 1]; d.Estado != "terminada" || d.Solicitudes[0].Desde != want+"T00:00:00" || d.Solicitudes[0].Hasta != c.mexico(-1)+"T23:59:59" {
				t.Errorf("run %d: %s %+v, want from %s", n, d.Estado, d.Solicitudes[0], want)
			}
			for _, par := range nuevos {
				if vistos[par]++; vistos[par] > 1 {
					t.Errorf("run %d yields %s again", n, par)
				}
				uuid, estatus, _ := strings.Cut(par, " ")
				if folios[uuid] && estatus == "0" {
					cancelados++
				}
				folios[uuid] = true
			}
			if n > 1 && (len(nuevos) < porDia || len(nuevos) > porDia+12) {
				t.Errorf("run %d yields %d rows", n, len(nuevos))
			}
			c.alas(5)
		}
		if want := porDia * (dias + 4); len(folios) != want {
			t.Errorf("%d comprobantes in all, want %d", len(folios), want)
		}
		if cancelados == 0 {
			t.Log("none was cancelled meanwhile")
		}
		hasta(t, "the sixth run", func() bool { return len(corridas(t, r, path)) == 6 })
		espera(t, r.Gateway, corridas(t, r, path)[5])
		if got, err := r.Do(http.MethodDelete, path, nil); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%d %v", got.Status, err)
		}
		c.alas(5)
		antes := r.calls(opEmitidos)
		// Another descarga shows that rounds go on.
		espera(t, r.Gateway, crea(t, r.Gateway, peticion("Metadata", nil)))
		if n := len(corridas(t, r, path)); n != 6 || r.calls(opEmitidos) != antes+1 {
			t.Errorf("%d runs after it was cancelled", n)
		}
		sinRepetir(t, r)
	})
}

func TestDescargas_WhenRecurrentTheXMLFollowTheMetadata(t *testing.T) {
	t.Parallel()
	r, c := conTiempo(t, gatewaytest.Options{}, nil)
	body := peticion("CFDI", map[string]any{"fechaInicial": c.mexico(-6) + "T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 3}})
	delete(body, "fechaFinal")
	path := crea(t, r.Gateway, body)
	xml := map[string]bool{}
	for dia := range 2 {
		hasta(t, "metadata and XML", func() bool { return len(corridas(t, r, path)) == 2*dia+2 })
		paths := corridas(t, r, path)[2*dia:]
		espera(t, r.Gateway, paths[0])
		espera(t, r.Gateway, paths[1])
		vigentes := 0
		for _, par := range pares(t, r, paths[0]) {
			if strings.HasSuffix(par, " 1") {
				vigentes++
			}
		}
		got := r.Get(paths[1] + "/cfdis.ndjson")
		filas := 0
		for line := range strings.Lines(string(got.Body)) {
			var row struct{ UUID string }
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			if xml[row.UUID] {
				t.Errorf("%s came twice", row.UUID)
			}
			xml[row.UUID] = true
			filas++
		}
		if filas != vigentes || filas == 0 {
			t.Errorf("day %d: %d XML of %d new ones", dia, filas, vigentes)
		}
		c.alas(5)
	}
	sinRepetir(t, r)
}

// TestDescargas_WhenWebhooksListenTheyAreTold: by a receiver with TLS that checks
// signatures with the specification's own library.
func TestDescargas_WhenWebhooksListenTheyAreTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var secreto string
	vistos := map[string]string{}
	receptor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		cuerpo, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		wh, err := standardwebhooks.NewWebhook(secreto)
		if err == nil {
			err = wh.Verify(cuerpo, req.Header)
		}
		if err != nil {
			t.Errorf("the signature: %v", err)
		}
		var aviso struct {
			Type string
			Data map[string]any
		}
		if err := json.Unmarshal(cuerpo, &aviso); err != nil {
			t.Errorf("%v: %s", err, cuerpo)
		}
		vistos[aviso.Type] = fmt.Sprint(aviso.Data)
		w.WriteHeader(http.StatusNoContent)
	}))
	receptor.Config.ErrorLog = log.New(io.Discard, "", 0)
	receptor.StartTLS()
	t.Cleanup(receptor.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receptor.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := montaRig(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.CAFile, c.Webhooks.Privados = ca, true }}, nil)
	got := r.Post(rutaWebhooks, map[string]any{"url": receptor.URL + "/avisos", "eventos": []string{"descarga.terminada", "descarga.paquete_disponible"}})
	wantStatus(t, got, http.StatusCreated)
	var hecho struct{ Secreto string }
	got.JSON(t, &hecho)
	mu.Lock()
	secreto = hecho.Secreto
	mu.Unlock()
	path := crea(t, r.Gateway, peticion("Metadata", nil))
	d := espera(t, r.Gateway, path)
	hasta(t, "both notices", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(vistos) == 2
	})
	mu.Lock()
	defer mu.Unlock()
	id := path[strings.LastIndex(path, "/")+1:]
	if !strings.Contains(vistos["descarga.terminada"], id) || !strings.Contains(vistos["descarga.paquete_disponible"], "_01") {
		t.Errorf("%v", vistos)
	}
	sinRepetir(t, r, d)
}
