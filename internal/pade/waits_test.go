package pade

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// hangs is a service whose WSDL never comes.
func hangs(t *testing.T) (s *service, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	return &service{url: server.URL + "/svc", base: http.DefaultTransport, patience: time.Hour}, asked
}

// eventually fails the test if what is waited for never comes.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// All that ask for a WSDL that hangs wait for one reading, and what it came to is
// the answer of those that ask soon after.
func TestContract_WhenTheWSDLHangs(t *testing.T) {
	t.Parallel()
	s, asked := hangs(t)
	s.patience = 300 * time.Millisecond
	failed := func() {
		_, err := s.contract(t.Context())
		if e := gateway.AsError(err); e.Kind != gateway.KindNoDisponible || !e.Unsent || !e.Retryable || e.RetryAfter <= 0 {
			t.Errorf("%+v", err)
		}
	}
	began := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(failed)
	}
	all.Wait()
	failed()
	if n := asked.Load(); n != 1 && time.Since(began) < remembered {
		t.Errorf("the WSDL was asked for %d times, want 1", n)
	}
	s.forget()
	failed()
	if n := asked.Load(); n < 2 {
		t.Error("it was not asked for again")
	}
}

// A caller that leaves does not wait for it, and takes it from nobody.
func TestContract_WhenACallerLeaves(t *testing.T) {
	t.Parallel()
	s, asked := hangs(t)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := s.contract(ctx); left <- err }()
	eventually(t, "the WSDL was not asked for", func() bool { return asked.Load() == 1 })
	leave()
	select {
	case err := <-left:
		if e := gateway.AsError(err); e.Kind != gateway.KindNoDisponible || !e.Unsent || !errors.Is(err, context.Canceled) {
			t.Errorf("%+v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits on")
	}
}

func de(who string, n int) gateway.CuentaPADE {
	return gateway.CuentaPADE{User: fmt.Sprint("usuario", n), Password: "x", Contrato: "c", De: who}
}

var errRefused = &gateway.Error{Kind: gateway.KindProhibido, Backend: backend, Codigo: "1"}

// wrong is a call that the PAC refuses for its account.
func wrong(calls *atomic.Int32) func() (bool, error) {
	return func() (bool, error) { calls.Add(1); return true, errRefused }
}

func right() (bool, error) { return false, nil }

// What a caller's account comes to stops nobody else, whatever its spelling, contract
// code and password.
func TestCuentas_WhenACallersIsRefusedOthersGoOn(t *testing.T) {
	t.Parallel()
	c := newCuentas()
	var calls atomic.Int32
	for _, user := range []string{"Úno", "uno", " UNO "} {
		for _, contrato := range []string{"c1", "c2"} {
			err := c.use(t.Context(), gateway.CuentaPADE{User: user, Contrato: contrato, Password: user + contrato, De: "b"}, wrong(&calls))
			if !gateway.IsKind(err, gateway.KindProhibido) {
				t.Errorf("%v", err)
			}
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d wrong logins left, want 1", n)
	}
	for _, other := range []string{"", "a"} {
		if err := c.use(t.Context(), gateway.CuentaPADE{User: "uno", Contrato: "c1", De: other}, right); err != nil {
			t.Errorf("%q: %v", other, err)
		}
	}
	if c.free("a") != 0 || c.count() != 1 || c.stopped("") || !c.stopped("b") {
		t.Error("another's was freed, or another is stopped")
	}
	if c.free("b") != 1 || c.use(t.Context(), gateway.CuentaPADE{User: "uno", De: "b"}, right) != nil {
		t.Error("it was not freed")
	}
}

// A caller may have so many accounts stopped, and no more are tried; nobody's
// accounts are kept without bound.
func TestCuentas_WhenACallerBringsManyTheyAreBounded(t *testing.T) {
	t.Parallel()
	c := newCuentas()
	var calls atomic.Int32
	for n := range 3 * maxCuentas {
		if err := c.use(t.Context(), de("good", n), right); err != nil {
			t.Fatal(err)
		}
		if err := c.use(t.Context(), de("b", n), wrong(&calls)); !gateway.IsKind(err, gateway.KindProhibido) {
			t.Fatal(err)
		}
	}
	if n := calls.Load(); n != maxCuentas || len(c.by["b"]) != maxCuentas || len(c.by["good"]) > maxCuentas {
		t.Errorf("%d logins, %d and %d kept", n, len(c.by["b"]), len(c.by["good"]))
	}
	if err := c.use(t.Context(), de("", 1), right); err != nil {
		t.Errorf("the configured account: %v", err)
	}
}

// The first login of an account that hangs holds nobody up: who leaves is gone, who
// waits too long is told, and when it has ended without a word those that waited are
// answered at once.
func TestCuentas_WhenTheFirstLoginHangs(t *testing.T) {
	t.Parallel()
	c := newCuentas()
	c.patience = time.Hour
	started, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- c.use(t.Context(), de("a", 1), func() (bool, error) {
			close(started)
			<-release
			return false, &gateway.Error{Kind: gateway.KindSinRespuesta, Backend: backend}
		})
	}()
	<-started
	never := func() (bool, error) { t.Error("another first login"); return false, nil }
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if err := c.use(ctx, de("a", 1), never); !gateway.IsKind(err, gateway.KindNoDisponible) || !gateway.AsError(err).Unsent {
		t.Errorf("who left: %v", err)
	}
	if err := c.use(t.Context(), de("b", 1), right); err != nil {
		t.Errorf("the account as another brings it: %v", err)
	}
	c.patience = time.Millisecond
	if err := c.use(t.Context(), de("a", 1), never); !errors.Is(err, errWithoutTurn) {
		t.Errorf("who waited too long: %v", err)
	}
	other, _, _ := c.turn(de("a", 1))
	close(release)
	if err := other.wait(t.Context()); !errors.Is(err, errWithoutTurn) {
		t.Errorf("who waited: %v", err)
	}
	if err := <-first; !gateway.IsKind(err, gateway.KindSinRespuesta) {
		t.Error(err)
	}
	if err := c.use(t.Context(), de("a", 1), right); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// A panic in a call leaves the account as it was.
func TestCuentas_WhenACallPanics(t *testing.T) {
	t.Parallel()
	c := newCuentas()
	func() {
		defer func() { recover() }()                                        //nolint:errcheck // it is what is tested
		c.use(t.Context(), de("a", 1), func() (bool, error) { panic("x") }) //nolint:errcheck // it panics
	}()
	if p := c.by["a"][digest(de("a", 1))]; p.accepted || p.refused || p.try != nil {
		t.Errorf("%+v", p)
	}
}
