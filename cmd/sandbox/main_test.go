package main

import (
	"context"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// aviso ends the run once the banner is out.
type aviso struct {
	strings.Builder
	fin context.CancelFunc
}

func (a *aviso) Write(b []byte) (int, error) {
	defer a.fin()
	return a.Builder.Write(b)
}

func TestRun_SaysWhatItIsAndWhere(t *testing.T) {
	ctx, fin := context.WithCancel(context.Background())
	out := &aviso{fin: fin}
	if err := run(ctx, sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: t.TempDir(), Escenario: "cuotas", Velocidad: 60}, out); err != nil {
		t.Fatal(err)
	}
	for _, texto := range []string{"Esto NO es el SAT", "/cfdi/", "/retenciones/", "efirmas", "cuotas, a 60 segundos por segundo"} {
		if !strings.Contains(out.String(), texto) {
			t.Errorf("the banner does not say %q:\n%s", texto, out)
		}
	}
}
