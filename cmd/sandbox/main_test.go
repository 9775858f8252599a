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
	end context.CancelFunc
}

func (a *aviso) Write(b []byte) (int, error) {
	defer a.end()
	return a.Builder.Write(b)
}

func TestRun_SaysWhatItIsAndWhere(t *testing.T) {
	ctx, end := context.WithCancel(context.Background())
	out := &aviso{end: end}
	if err := run(ctx, sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: t.TempDir(), Scenario: "cuotas", Speed: 60}, out); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Esto NO es el SAT", "/cfdi/", "/retenciones/", "efirmas", "cuotas, a 60 segundos por segundo"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the banner does not say %q:\n%s", text, out)
		}
	}
}

// The image's HEALTHCHECK: it holds while the sandbox runs, and not a moment longer.
func TestQuestion_WhenItRunsAndWhenNot(t *testing.T) {
	ctx, end := context.WithCancel(context.Background())
	admin, done := make(chan string, 1), make(chan error, 1)
	s, err := sandbox.New(sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- s.Run(ctx, func(_, a net.Addr) { admin <- a.String() }) }()
	where := <-admin
	_, port, _ := net.SplitHostPort(where)
	for _, a := range []string{where, "0.0.0.0:" + port, ":" + port} {
		if err := question(t.Context(), a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	end()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{where, "no port"} {
		if err := question(t.Context(), a); err == nil {
			t.Errorf("%s is said to run", a)
		}
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if err := question(t.Context(), other.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another program: %v", err)
	}
}
