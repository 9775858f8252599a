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

// azar is a source of this run's, whose seed PASARELA_SEMILLA repeats, and how often what
// is left to chance is done: veces, or as PASARELA_MUERTES says.
func azar(t *testing.T, veces int) (*rand.Rand, int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("PASARELA_SEMILLA"), 10, 64); err == nil {
		seed = n
	}
	if n, err := strconv.Atoi(os.Getenv("PASARELA_MUERTES")); err == nil {
		veces = n
	}
	t.Logf("PASARELA_SEMILLA=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)), veces
}

// A gateway stands still with packages in its hands, or its way to the database does,
// and wakes when the other has done everything: what it still does is refused, and
// nothing is asked twice.
func TestDescarga_WhenOneOfTwoGatewaysStandsStill(t *testing.T) {
	t.Parallel()
	want := tranquila(t, "CFDI")
	for name, para := range map[string]func(a *vida, e *enlace) (sigue func()){
		"its process": func(a *vida, _ *enlace) func() {
			a.cmd.Process.Signal(syscall.SIGSTOP)                   //nolint:errcheck // it runs
			return func() { a.cmd.Process.Signal(syscall.SIGCONT) } //nolint:errcheck // it runs
		},
		"its way to the database": func(_ *vida, e *enlace) func() { return e.congela() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Start(t)
			e := montaEn(t, "CFDI", address)
			goteo := sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 64, Demora: 300 * time.Millisecond, Veces: 2}
			if _, err := e.sat.Fallas().Agrega(goteo); err != nil {
				t.Fatal(err)
			}
			ruta, suyo, ajeno := enlaza(t, address), t.TempDir(), t.TempDir()
			d := dos{escena: e}
			d.a = nace(t, muerte{}, por(e.en(suyo), ruta.url)...)
			if !d.pide(d.a.api) {
				t.Fatal("it does not answer")
			}
			waitFor(t, func() bool { return d.sat.Estado().Llamadas["cfdi"][opDescargar] >= 2 })
			sigue := para(d.a, ruta)
			defer sigue()
			d.b = nace(t, muerte{}, e.en(ajeno)...)
			d.acaba()
			sigue()
			// It is back when others see that it lives, and done when its files are away.
			waitFor(t, func() bool { return len(d.lee(`SELECT id FROM procesos`)) == 2 })
			waitFor(t, func() bool {
				_, parciales := packageFiles(t, suyo)
				return len(parciales) == 0
			})
			d.comprueba(d.b.api, want)
			d.comprueba(d.a.api, want)
		})
	}
}

// muertesDePostgres is how many crashes one descarga sees.
const muertesDePostgres = 4

// PostgreSQL crashes at any time, and comes back a moment later.
func TestDescarga_WhenPostgresIsKilled(t *testing.T) {
	t.Parallel()
	want := tranquila(t, "Metadata")
	chance, veces := azar(t, muertesDePostgres)
	for i := range max(1, veces/muertesDePostgres) {
		t.Run(strconv.Itoa(i), func(t *testing.T) { mataPostgres(t, chance, want) })
	}
}

func mataPostgres(t *testing.T, chance *rand.Rand, want []string) {
	t.Helper()
	pg := pgtest.DePrueba(t)
	e := montaEn(t, "Metadata", pg.URL)
	// So slow that there is something to interrupt.
	for _, op := range []string{opEmitidos, opVerifica, opDescargar} {
		if _, err := e.sat.Fallas().Agrega(sandbox.Falla{Operacion: op, Tipo: control.Lento, Demora: 200 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	data := t.TempDir()
	v := nace(t, muerte{}, e.en(data)...)
	for !e.pide(v.api) {
		time.Sleep(20 * time.Millisecond)
	}
	vivas := 0
	for range muertesDePostgres {
		if !e.publicada() {
			vivas++
		}
		if err := pg.Mata(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
		if err := pg.Levanta(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(chance.IntN(1000)) * time.Millisecond)
	}
	if vivas == 0 {
		t.Error("there was nothing to interrupt")
	}
	for fin := time.Now().Add(plazoEscena); !e.publicada(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(fin) {
			t.Fatalf("it does not end\n%s\n%s", e.ledger(), v.salida)
		}
	}
	if v.acabo() {
		t.Fatalf("the gateway ended: %s", v.salida)
	}
	e.comprueba(v.api, want)
	if _, parciales := packageFiles(t, data); len(parciales) != 0 {
		t.Errorf("%v are left", filepath.Base(parciales[0]))
	}
}
