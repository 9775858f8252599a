package integration

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// atOnce runs f n times at the same time.
func atOnce(n int, f func()) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-begin
			f()
		})
	}
	close(begin)
	wg.Wait()
}

func TestTokens_WhenAHundredAskAtOnceOneIsFetched(t *testing.T) {
	t.Parallel()
	for _, op := range []operation{operationNamed(opEmitidos), operationNamed(opVerify)} {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, gatewaytest.Options{})
			atOnce(100, func() {
				if got := op.call(r); got.Status != op.ok {
					t.Errorf("status %d: %s", got.Status, got.Body)
				}
			})
			if a, c := r.calls(opAutentica), r.calls(op.name); a != 1 || c != 100 {
				t.Errorf("%d Autentica and %d calls, want 1 and 100", a, c)
			}
		})
	}
}

func TestTokens_WhenAHundredAreRefusedAtOnceOneIsFetched(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	op := operationNamed(opVerify)
	wantStatus(t, op.call(r), op.ok)
	f := code(opVerify, "300")
	f.Veces = 20
	r.falla(f)
	atOnce(20, func() {
		// A straggler may be refused twice; the number of requests to the SAT counts.
		op.call(r)
	})
	if got := r.calls(opAutentica) - 1; got < 1 || got > 4 {
		t.Errorf("%d Autentica for twenty refusals of one token", got)
	}
}

func TestConnections_WhenCallsFollowEachOtherTheyAreReused(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	op := operationNamed(opVerify)
	for range 200 {
		wantStatus(t, op.call(r), op.ok)
	}
	path, _ := r.paquete(nil)
	wantZip(t, r.Get(path))
	wantStatus(t, op.call(r), op.ok)
	if got := r.Sandbox.Estado().Conexiones; got > 4 {
		t.Errorf("%d connections for calls one after the other: one that is kept, and one of its own for what must not be sent twice; want 4 at most", got)
	}
}

func TestConnections_WhenCallsComeInWavesTheyAreReused(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	op := operationNamed(opVerify)
	for range 3 {
		atOnce(64, func() { op.call(r) })
	}
	if got := r.Sandbox.Estado().Conexiones; got > 96 {
		t.Errorf("%d connections for three waves of 64 calls", got)
	}
}

// clock is real time and a distance.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func TestTokens_WhenFourMinutesOldTheyAreRenewed(t *testing.T) {
	t.Parallel()
	c := &clock{}
	r := start(t, gatewaytest.Options{Now: c.now, Sandbox: func(s *sandbox.Config) { s.Now = c.now }})
	op := operationNamed(opVerify)
	for _, step := range []struct {
		advance time.Duration
		want    int64
	}{{0, 1}, {3*time.Minute + 50*time.Second, 1}, {20 * time.Second, 2}, {3*time.Minute + 50*time.Second, 2}, {time.Hour, 3}} {
		c.advance(step.advance)
		wantStatus(t, op.call(r), op.ok)
		if got := r.calls(opAutentica); got != step.want {
			t.Fatalf("%v later: %d Autentica, want %d", step.advance, got, step.want)
		}
	}
	if refused := r.Sandbox.Estado().Codigos["300"]; refused != 0 {
		t.Errorf("the SAT refused %d tokens", refused)
	}
}

// An outage of Autentica alone costs nothing for a minute.
func TestTokens_WhenARenewalFailsTheOldOneServesToItsEnd(t *testing.T) {
	t.Parallel()
	c := &clock{}
	r := start(t, gatewaytest.Options{Now: c.now, Sandbox: func(s *sandbox.Config) { s.Now = c.now }})
	op := operationNamed(opVerify)
	wantStatus(t, op.call(r), op.ok)
	r.always(fault(opAutentica, "InternalServiceFault"))
	c.advance(4*time.Minute + 20*time.Second)
	wantStatus(t, op.call(r), op.ok)
	c.advance(time.Minute)
	wantProblem(t, op.call(r), 503, "backend-no-disponible")
}

func TestTokens_WhenOfOneFamilyTheyAreNotUsedForTheOther(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	var tokens []string
	for _, servicio := range []string{"cfdi", "retenciones", "cfdi"} {
		got := r.Post("/v1/sat/"+servicio+"/autenticaciones", map[string]any{"rfc": gatewaytest.Company})
		wantStatus(t, got, http.StatusCreated)
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", got.Header.Get("Cache-Control"))
		}
		var answer struct {
			Token            string
			Creacion, Expira time.Time
		}
		got.JSON(t, &answer)
		if life := answer.Expira.Sub(answer.Creacion); life <= 0 || life > 5*time.Minute {
			t.Errorf("a life of %v", life)
		}
		tokens = append(tokens, answer.Token)
	}
	if tokens[0] == tokens[1] || tokens[0] != tokens[2] {
		t.Error("one family's token was given for the other, or fetched again")
	}
	wantStatus(t, r.Get("/v1/sat/retenciones/solicitudes/"+someUUID+"?rfcSolicitante="+gatewaytest.Company), http.StatusNotFound)
	estado := r.Sandbox.Estado()
	if estado.Llamadas["cfdi"][opAutentica] != 1 || estado.Llamadas["retenciones"][opAutentica] != 1 || estado.Codigos["300"] != 0 {
		t.Errorf("calls %v, codes %v", estado.Llamadas, estado.Codigos)
	}
	for _, token := range tokens {
		if jwt, _, _ := strings.Cut(token, "%26"); strings.Contains(r.Log(), jwt) {
			t.Error("the log holds a token")
		}
	}
}

// TestSecrets_WhenAllGoesAndFailsTheyAreShownNowhere greps for a password that
// stands nowhere else.
func TestSecrets_WhenAllGoesAndFailsTheyAreShownNowhere(t *testing.T) {
	t.Parallel()
	const rfc, canary = "CAN010101AB7", "canario-de-la-contrasena-9f31"
	r := start(t, gatewaytest.Options{})
	issued, err := r.Sandbox.Autoridad().Issue(autoridad.Request{RFC: rfc, Name: "CANARIO DE PRUEBA", Password: canary,
		RFCRepresentante: gatewaytest.Persona, CURP: "PEPJ800101MDFRRN03"})
	if err != nil {
		t.Fatal(err)
	}
	if err := issued.WriteTo(r.Sandbox.EFirmasDir()); err != nil {
		t.Fatal(err)
	}
	verify := "/v1/sat/cfdi/solicitudes/" + someUUID + "?rfcSolicitante=" + rfc
	requests := []func() gatewaytest.Response{
		func() gatewaytest.Response { return r.Get(verify) },
		func() gatewaytest.Response { return r.Get("/v1/efirmas") },
		func() gatewaytest.Response { return r.Get("/v1/efirmas/" + rfc) },
		func() gatewaytest.Response {
			return r.Post(solicitudes, r.body(map[string]any{"rfcSolicitante": rfc}))
		},
		func() gatewaytest.Response { return r.Get(gatewaytest.PaquetePath("cfdi", rfc, somePackage)) },
	}
	for range 2 {
		for _, request := range requests {
			got := request()
			if leaked.Match(got.Body) || strings.Contains(string(got.Body), canary) {
				t.Errorf("a body shows a secret or an address: %s", got.Body)
			}
		}
		for _, op := range []string{opAutentica, opEmitidos, opVerify, opDescargar} {
			r.falla(fault(op, "InternalServiceFault"))
		}
	}
	overwrite(t, filepath.Join(r.Sandbox.EFirmasDir(), rfc, "password.txt"), canary+"-otra")
	got := r.Get("/v1/efirmas/" + rfc)
	if strings.Contains(string(got.Body), canary) || strings.Contains(r.Log(), canary) {
		t.Errorf("the password is shown: %s", got.Body)
	}
}
