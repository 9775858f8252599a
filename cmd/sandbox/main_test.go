package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
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

// The image's HEALTHCHECK: it holds while the sandbox runs, and not a moment longer.
func TestPregunta_WhenItRunsAndWhenNot(t *testing.T) {
	ctx, fin := context.WithCancel(context.Background())
	admin, hecho := make(chan string, 1), make(chan error, 1)
	s, err := sandbox.New(sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go func() { hecho <- s.Run(ctx, func(_, a net.Addr) { admin <- a.String() }) }()
	donde := <-admin
	_, port, _ := net.SplitHostPort(donde)
	for _, a := range []string{donde, "0.0.0.0:" + port, ":" + port} {
		if err := pregunta(t.Context(), a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	fin()
	if err := <-hecho; err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{donde, "no port"} {
		if err := pregunta(t.Context(), a); err == nil {
			t.Errorf("%s is said to run", a)
		}
	}
	otro := httptest.NewServer(http.NotFoundHandler())
	defer otro.Close()
	if err := pregunta(t.Context(), otro.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another program: %v", err)
	}
}
