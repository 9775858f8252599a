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

// The limit hits packages in transit: no file can be opened, or none may grow. After the
// limit is lifted they are stored, and each is requested once.
func TestDescarga_WhenALimitStandsInTheWay(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("SKIPPED: prlimit (util-linux) is needed: ", err)
	}
	want := calm(t, "CFDI")
	for name, l := range map[string]limit{
		"open files":     {"nofile", "3", "1024", "a whole package cannot be kept yet"},
		"length of file": {"fsize", "0", "unlimited", "the disk does not take what comes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l.trial(t, want)
		})
	}
}

// limit is a limit of prlimit(1): its blocking and its normal value, and what the gateway
// then says.
type limit struct{ de, few, enough, say string }

func (l limit) trial(t *testing.T, want []string) {
	t.Helper()
	e := mount(t, "CFDI", false)
	if _, err := e.sat.Fallas().Add(sandbox.Falla{Operacion: opDescargar, Tipo: control.Lento, Delay: 2 * time.Second, Veces: 4}); err != nil {
		t.Fatal(err)
	}
	v := isBorn(t, death{}, e.env...)
	if !e.ask(v.api) {
		t.Fatal("it does not answer")
	}
	set := func(howMuch string) {
		t.Helper()
		if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(v.cmd.Process.Pid), "--"+l.de+"="+howMuch+":").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	waitFor(t, func() bool { return e.sat.Estado().Llamadas["cfdi"][opDescargar] >= 1 })
	set(l.few)
	for end := time.Now().Add(sceneDeadline); !strings.Contains(v.output.String(), l.say); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing came meanwhile: %s", v.output)
		}
	}
	set(l.enough)
	for end := time.Now().Add(sceneDeadline); !e.published(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not end\n%s\n%s", e.ledger(), v.output)
		}
	}
	e.confirm(v.api, want)
	for _, s := range e.sat.Estado().Solicitudes {
		for _, p := range s.PorPaquete {
			if p.Pedidas != 1 {
				t.Errorf("package %s was asked for %d times", p.ID, p.Pedidas)
			}
		}
	}
}
