package integration

import (
	"database/sql"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// soon bounds the take-over by the other gateway, at the pace of these tests and on a
// busy machine.
const soon = time.Minute

// two are two gateways on one PostgreSQL.
type two struct {
	*scene
	a, b *life
}

// twoAreBorn starts both. The one that m kills gets the descarga and begins it alone,
// while the other starts.
func twoAreBorn(t *testing.T, tipo string, m death) two {
	t.Helper()
	e := mount(t, tipo, true)
	d := two{scene: e, a: isBorn(t, m, e.env...)}
	e.ask(d.a.api)
	d.b = isBorn(t, death{}, e.en(t.TempDir())...)
	for e.id == "" && !e.ask(d.b.api) {
		time.Sleep(20 * time.Millisecond)
	}
	return d
}

// finish waits until the descarga has ended and its end was notified.
func (d two) finish() {
	d.t.Helper()
	for end := time.Now().Add(sceneDeadline); !d.published(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("it does not end\n%s\n%s", d.ledger(), d.b.output)
		}
	}
}

// Two gateways share the work. One dies by kill -9 at each of these points, and the other
// finishes.
func TestDescarga_WhenOneOfTwoGatewaysIsKilled(t *testing.T) {
	t.Parallel()
	want := map[string][]string{"CFDI": calm(t, "CFDI"), "Metadata": calm(t, "Metadata")}
	deaths := []death{{"creada", 1}, {"solicita-contestada", 1}, {"solicita-anotada", 1}, {"verifica-contestada", 1}, {"descarga-contada", 1},
		{"paquete-llegado", 1}, {"paquete-recibido", 1}, {"paquete-asentado", 1}}
	for i, m := range deaths {
		tipo := []string{"CFDI", "Metadata"}[i%2]
		t.Run(m.point, func(t *testing.T) {
			t.Parallel()
			d := twoAreBorn(t, tipo, m)
			d.finish()
			// Once both live, it is random which of them does the work, and whether the
			// one to be killed passes its point.
			if !d.a.finished() {
				if i < 3 {
					t.Errorf("%s was never passed", m)
				}
				t.Logf("the other did everything: %s was not passed", m)
				d.a.finish(syscall.SIGKILL)
			}
			d.a.killed()
			d.confirm(d.b.api, want[tipo])
		})
	}
}

// The gateway that downloads a slow package is killed; the other one soon makes the
// second download.
func TestDescarga_WhenTheGatewayThatDownloadsIsKilled(t *testing.T) {
	t.Parallel()
	want := calm(t, "CFDI")
	e := mount(t, "CFDI", true)
	trickle := sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 64, Delay: 500 * time.Millisecond, Veces: 1}
	if _, err := e.sat.Fallas().Add(trickle); err != nil {
		t.Fatal(err)
	}
	d := two{scene: e}
	data := t.TempDir()
	d.a = isBorn(t, death{}, e.env...)
	if !d.ask(d.a.api) {
		t.Fatal("it does not answer")
	}
	waitFor(t, func() bool { return d.sat.Estado().Llamadas["cfdi"][opDescargar] >= 1 })
	d.b = isBorn(t, death{}, e.en(data)...)
	if got := len(d.read(`SELECT estado FROM tramos_paquetes WHERE estado = 'pendiente'`)); got == 0 {
		t.Fatal("nothing is under way any more")
	}
	d.a.finish(syscall.SIGKILL)
	dead := time.Now()
	d.finish()
	if took := time.Since(dead); took > soon {
		t.Errorf("the other took %s", took)
	}
	d.confirm(d.b.api, want)
	if got := d.sat.Estado().Llamadas["cfdi"][opDescargar]; got > 6+4 {
		t.Errorf("%d downloads of six packages, of which four at most were under way", got)
	}
}

// A graceful stop hands over at once: running work ends, and the other gateway does not
// wait until it may call the first one dead.
func TestDescarga_WhenOneOfTwoGatewaysStops(t *testing.T) {
	t.Parallel()
	want := calm(t, "Metadata")
	d := twoAreBorn(t, "Metadata", death{})
	d.a.finish(syscall.SIGTERM)
	if code := d.a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.a.output)
	}
	who := d.read(`SELECT proceso FROM cargos`)
	if live := d.read(`SELECT id FROM procesos`); len(live) != 1 || len(who) > 1 || len(who) == 1 && who[0] != live[0] {
		t.Errorf("the rounds are %v's and there are %v", who, live)
	}
	d.finish()
	d.confirm(d.b.api, want)
	for _, s := range d.sat.Estado().Solicitudes {
		for _, p := range s.PorPaquete {
			if p.Pedidas != 1 {
				t.Errorf("%s was asked for %d times", p.ID, p.Pedidas)
			}
		}
	}
}

// One of two gateways makes the rounds, as often as a single gateway would, and the other
// one continues with them when it is gone.
func TestRonda_WhenTwoGatewaysShareADatabase(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var within, joined, done int
	a := start(t, gatewaytest.Options{Postgres: true, Cluster: cluster.Options{Beat: 100 * time.Millisecond, Death: 2 * time.Second},
		Step: func(point string) {
			mu.Lock()
			defer mu.Unlock()
			switch point {
			case "ronda":
				within++
				done++
				joined = max(joined, within)
			case "ronda-hecha":
				within--
			}
		}})
	b := a.Beside()
	howMany := func() int {
		mu.Lock()
		defer mu.Unlock()
		return done
	}
	begin, before := time.Now(), howMany()
	waitFor(t, func() bool { return howMany() >= before+6 })
	// Rounds are a second apart if one gateway makes them. If both did, six would take
	// three seconds; one may be late.
	if took := time.Since(begin); took < 3500*time.Millisecond {
		t.Errorf("six rounds, a second apart, took %s", took)
	}
	db, err := sql.Open("pgx", string(a.Config.DatabaseURL))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // read only
	holder := func() (id string) {
		if err := db.QueryRowContext(t.Context(), `SELECT COALESCE((SELECT proceso FROM cargos WHERE nombre = 'ronda'), '')`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := holder()
	if err := a.StopGateway(); err != nil {
		t.Fatal(err)
	}
	before = howMany()
	waitFor(t, func() bool { return howMany() > before })
	if second := holder(); first == "" || second == first || second == "" {
		t.Errorf("the rounds were %q's and are %q's", first, second)
	}
	wantStatus(t, b.Get("/v1/sat/descargas"), http.StatusOK)
	mu.Lock()
	defer mu.Unlock()
	if joined != 1 {
		t.Errorf("%d rounds at a time", joined)
	}
}
