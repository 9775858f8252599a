package integration

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// random returns a source of randomness, whose seed PASARELA_SEMILLA sets, and the number
// of random runs: times, or PASARELA_MUERTES.
func random(t *testing.T, times int) (*rand.Rand, int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("PASARELA_SEMILLA"), 10, 64); err == nil {
		seed = n
	}
	if n, err := strconv.Atoi(os.Getenv("PASARELA_MUERTES")); err == nil {
		times = n
	}
	t.Logf("PASARELA_SEMILLA=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)), times
}

// A gateway that holds packages, or its connection to the database, is suspended and
// resumes after the other gateway has done everything. What it still tries is refused,
// and nothing is requested twice.
func TestDescarga_WhenOneOfTwoGatewaysStandsStill(t *testing.T) {
	t.Parallel()
	want := calm(t, "CFDI")
	for name, forWhom := range map[string]func(a *life, e *link) (follow func()){
		"its process": func(a *life, _ *link) func() {
			a.cmd.Process.Signal(syscall.SIGSTOP)                   //nolint:errcheck // it runs
			return func() { a.cmd.Process.Signal(syscall.SIGCONT) } //nolint:errcheck // it runs
		},
		"its way to the database": func(_ *life, e *link) func() { return e.freeze() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Start(t)
			e := mountIn(t, "CFDI", address)
			trickle := sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 64, Delay: 300 * time.Millisecond, Veces: 2}
			if _, err := e.sat.Fallas().Add(trickle); err != nil {
				t.Fatal(err)
			}
			path, its, foreign := newLink(t, address), t.TempDir(), t.TempDir()
			d := two{scene: e}
			d.a = isBorn(t, death{}, by(e.en(its), path.url)...)
			if !d.ask(d.a.api) {
				t.Fatal("it does not answer")
			}
			waitFor(t, func() bool { return d.sat.Estado().Llamadas["cfdi"][opDescargar] >= 2 })
			follow := forWhom(d.a, path)
			defer follow()
			d.b = isBorn(t, death{}, e.en(foreign)...)
			d.finish()
			follow()
			// It is back when others see that it lives, and finished when its files are
			// gone.
			waitFor(t, func() bool { return len(d.read(`SELECT id FROM procesos`)) == 2 })
			waitFor(t, func() bool {
				_, partial := packageFiles(t, its)
				return len(partial) == 0
			})
			d.confirm(d.b.api, want)
			d.confirm(d.a.api, want)
		})
	}
}

// postgresDeaths is the number of crashes during one descarga.
const postgresDeaths = 4

// PostgreSQL crashes at any time, and restarts a moment later.
func TestDescarga_WhenPostgresIsKilled(t *testing.T) {
	t.Parallel()
	want := calm(t, "Metadata")
	chance, times := random(t, postgresDeaths)
	for i := range max(1, times/postgresDeaths) {
		t.Run(strconv.Itoa(i), func(t *testing.T) { killPostgres(t, chance, want) })
	}
}

func killPostgres(t *testing.T, chance *rand.Rand, want []string) {
	t.Helper()
	pg := pgtest.OfTrial(t)
	e := mountIn(t, "Metadata", pg.URL)
	// Slow enough to be interrupted.
	for _, op := range []string{opEmitidos, opVerify, opDescargar} {
		if _, err := e.sat.Fallas().Add(sandbox.Falla{Operacion: op, Tipo: control.Lento, Delay: 200 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	data := t.TempDir()
	v := isBorn(t, death{}, e.en(data)...)
	for !e.ask(v.api) {
		time.Sleep(20 * time.Millisecond)
	}
	live := 0
	for range postgresDeaths {
		if !e.published() {
			live++
		}
		if err := pg.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
		if err := pg.Raise(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(1000)) * time.Millisecond)
	}
	if live == 0 {
		t.Error("there was nothing to interrupt")
	}
	for end := time.Now().Add(sceneDeadline); !e.published(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not end\n%s\n%s", e.ledger(), v.output)
		}
	}
	if v.finished() {
		t.Fatalf("the gateway ended: %s", v.output)
	}
	e.confirm(v.api, want)
	if _, partial := packageFiles(t, data); len(partial) != 0 {
		t.Errorf("%v are left", filepath.Base(partial[0]))
	}
}
