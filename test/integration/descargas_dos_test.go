package integration

import (
	"database/sql"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/presencia"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// pronto is within what time the other gateway has to have taken over, at the
// pace of these tests and on a machine that has much else to do.
const pronto = 20 * time.Second

// dos are two gateways on one PostgreSQL.
type dos struct {
	*escena
	a, b *vida
}

// nacenDos starts them: the one that m kills is asked for the descarga and begins
// it alone, while the other starts.
func nacenDos(t *testing.T, tipo string, m muerte) dos {
	t.Helper()
	e := monta(t, tipo, true)
	d := dos{escena: e, a: nace(t, m, e.env...)}
	e.pide(d.a.api)
	d.b = nace(t, muerte{}, e.en(t.TempDir())...)
	for e.id == "" && !e.pide(d.b.api) {
		time.Sleep(20 * time.Millisecond)
	}
	return d
}

// acaba waits until the descarga has ended and been told of.
func (d dos) acaba() {
	d.t.Helper()
	for fin := time.Now().Add(plazoEscena); !d.publicada(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(fin) {
			d.t.Fatalf("it does not end\n%s\n%s", d.ledger(), d.b.salida)
		}
	}
}

// Two gateways share the work, one dies by kill -9 in the middle of it, and the
// other finishes. The one that dies is at each of these points.
func TestDescarga_WhenOneOfTwoGatewaysIsKilled(t *testing.T) {
	t.Parallel()
	want := map[string][]string{"CFDI": tranquila(t, "CFDI"), "Metadata": tranquila(t, "Metadata")}
	muertes := []muerte{{"creada", 1}, {"solicita-contestada", 1}, {"solicita-anotada", 1}, {"verifica-contestada", 1}, {"descarga-contada", 1},
		{"paquete-llegado", 1}, {"paquete-recibido", 1}, {"paquete-asentado", 1}}
	for i, m := range muertes {
		tipo := []string{"CFDI", "Metadata"}[i%2]
		t.Run(m.punto, func(t *testing.T) {
			t.Parallel()
			d := nacenDos(t, tipo, m)
			d.acaba()
			// From where both live, which of them works on what is chance, and so is
			// whether the one that is to die passes its point.
			if !d.a.acabo() {
				if i < 3 {
					t.Errorf("%s was never passed", m)
				}
				t.Logf("the other did everything: %s was not passed", m)
				d.a.termina(syscall.SIGKILL)
			}
			d.a.matada()
			d.comprueba(d.b.api, want[tipo])
		})
	}
}

// The one that downloads a package, which drips, is killed; the other makes the
// second download, and soon.
func TestDescarga_WhenTheGatewayThatDownloadsIsKilled(t *testing.T) {
	t.Parallel()
	want := tranquila(t, "CFDI")
	e := monta(t, "CFDI", true)
	goteo := sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 64, Demora: 500 * time.Millisecond, Veces: 1}
	if _, err := e.sat.Fallas().Agrega(goteo); err != nil {
		t.Fatal(err)
	}
	d := dos{escena: e}
	datos := t.TempDir()
	d.a = nace(t, muerte{}, e.env...)
	if !d.pide(d.a.api) {
		t.Fatal("it does not answer")
	}
	waitFor(t, func() bool { return d.sat.Estado().Llamadas["cfdi"][opDescargar] >= 1 })
	d.b = nace(t, muerte{}, e.en(datos)...)
	if got := len(d.lee(`SELECT estado FROM tramos_paquetes WHERE estado = 'pendiente'`)); got == 0 {
		t.Fatal("nothing is under way any more")
	}
	d.a.termina(syscall.SIGKILL)
	muerto := time.Now()
	d.acaba()
	if took := time.Since(muerto); took > pronto {
		t.Errorf("the other took %s", took)
	}
	d.comprueba(d.b.api, want)
	if got := d.sat.Estado().Llamadas["cfdi"][opDescargar]; got > 6+4 {
		t.Errorf("%d downloads of six packages, of which four at most were under way", got)
	}
}

// A graceful stop hands over at once: what is under way ends, and the other does
// not wait until it may call the first one dead.
func TestDescarga_WhenOneOfTwoGatewaysStops(t *testing.T) {
	t.Parallel()
	want := tranquila(t, "Metadata")
	d := nacenDos(t, "Metadata", muerte{})
	d.a.termina(syscall.SIGTERM)
	if code := d.a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, d.a.salida)
	}
	quien := d.lee(`SELECT proceso FROM cargos`)
	if vivos := d.lee(`SELECT id FROM procesos`); len(vivos) != 1 || len(quien) > 1 || len(quien) == 1 && quien[0] != vivos[0] {
		t.Errorf("the rounds are %v's and there are %v", quien, vivos)
	}
	d.acaba()
	d.comprueba(d.b.api, want)
	for _, s := range d.sat.Estado().Solicitudes {
		for _, p := range s.PorPaquete {
			if p.Pedidas != 1 {
				t.Errorf("%s was asked for %d times", p.ID, p.Pedidas)
			}
		}
	}
}

// Rounds are made by one at a time, as often by two gateways as by one, and the
// other goes on with them when that one is gone.
func TestRonda_WhenTwoGatewaysShareADatabase(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var dentro, juntas, hechas int
	a := start(t, gatewaytest.Options{Postgres: true, Presencia: presencia.Opciones{Latido: 100 * time.Millisecond, Muerte: 2 * time.Second},
		Paso: func(punto string) {
			mu.Lock()
			defer mu.Unlock()
			switch punto {
			case "ronda":
				dentro++
				hechas++
				juntas = max(juntas, dentro)
			case "ronda-hecha":
				dentro--
			}
		}})
	b := a.Beside()
	cuantas := func() int {
		mu.Lock()
		defer mu.Unlock()
		return hechas
	}
	empieza, antes := time.Now(), cuantas()
	waitFor(t, func() bool { return cuantas() >= antes+4 })
	// A second apart, by one of them: were both to make them, four took two.
	if took := time.Since(empieza); took < 2500*time.Millisecond {
		t.Errorf("four rounds, a second apart, took %s", took)
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
	antes = cuantas()
	waitFor(t, func() bool { return cuantas() > antes })
	if second := holder(); first == "" || second == first || second == "" {
		t.Errorf("the rounds were %q's and are %q's", first, second)
	}
	wantStatus(t, b.Get("/v1/sat/descargas"), http.StatusOK)
	mu.Lock()
	defer mu.Unlock()
	if juntas != 1 {
		t.Errorf("%d rounds at a time", juntas)
	}
}
