package integration

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// TestDescarga_WhenThereIsNoFileLeftToOpen while packages are on their way: what comes is
// kept once there is, and each is asked for once.
func TestDescarga_WhenThereIsNoFileLeftToOpen(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("SKIPPED: prlimit (util-linux) is needed: ", err)
	}
	want := tranquila(t, "CFDI")
	e := monta(t, "CFDI", false)
	if _, err := e.sat.Fallas().Agrega(sandbox.Falla{Operacion: opDescargar, Tipo: control.Lento, Demora: 2 * time.Second, Veces: 4}); err != nil {
		t.Fatal(err)
	}
	v := nace(t, muerte{}, e.env...)
	if !e.pide(v.api) {
		t.Fatal("it does not answer")
	}
	archivos := func(cuantos string) {
		t.Helper()
		if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(v.cmd.Process.Pid), "--nofile="+cuantos+":").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	waitFor(t, func() bool { return e.sat.Estado().Llamadas["cfdi"][opDescargar] >= 1 })
	archivos("3")
	for fin := time.Now().Add(plazoEscena); !strings.Contains(v.salida.String(), "a whole package cannot be kept yet"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(fin) {
			t.Fatalf("nothing came meanwhile: %s", v.salida)
		}
	}
	archivos("1024")
	for fin := time.Now().Add(plazoEscena); !e.publicada(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(fin) {
			t.Fatalf("it does not end\n%s\n%s", e.ledger(), v.salida)
		}
	}
	e.comprueba(v.api, want)
	for _, s := range e.sat.Estado().Solicitudes {
		for _, p := range s.PorPaquete {
			if p.Pedidas != 1 {
				t.Errorf("package %s was asked for %d times", p.ID, p.Pedidas)
			}
		}
	}
}
