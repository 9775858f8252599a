package integration

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const solicitudes = "/v1/sat/cfdi/solicitudes"

func TestIdempotency_WhenTheSameIsSentAgainTheLedgerAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	body := r.body(nil)
	first := r.Post(solicitudes, body, "Idempotency-Key", "a")
	wantStatus(t, first, http.StatusCreated)
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says it is a replay")
	}
	r.Restart() // the ledger is on disk
	again := r.Post(solicitudes, body, "Idempotency-Key", "a")
	wantStatus(t, again, http.StatusCreated)
	if again.Header.Get("Idempotent-Replayed") != "true" {
		t.Error("the second answer does not say it is a replay")
	}
	if string(again.Body) != string(first.Body) || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("the replay differs: %s %s", first.Body, again.Body)
	}
	if got := r.calls(opEmitidos); got != 1 {
		t.Errorf("the SAT saw %d solicitudes, want 1", got)
	}
}

func TestIdempotency_WhenTheBodyDiffersTheKeyIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	wantStatus(t, r.Post(solicitudes, r.body(nil), "Idempotency-Key", "a"), http.StatusCreated)
	p := wantProblem(t, r.Post(solicitudes, r.body(nil), "Idempotency-Key", "a"), 409, "conflicto")
	if p.Backend != "" || p.Reintentable {
		t.Errorf("problem %+v", p)
	}
	if got := r.calls(opEmitidos); got != 1 {
		t.Errorf("the SAT saw %d solicitudes, want 1", got)
	}
}

func TestIdempotency_WhenManySendTheSameAtOnceOneGoesOut(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	r.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Lento, Delay: 300 * time.Millisecond})
	body := r.body(nil)
	answers := make([]gatewaytest.Response, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			var err error
			if answers[i], err = r.Do(http.MethodPost, solicitudes, body, "Idempotency-Key", "a"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sent := 0
	for _, a := range answers {
		switch {
		case a.Status == http.StatusCreated && a.Header.Get("Idempotent-Replayed") == "":
			sent++
		case a.Status == http.StatusCreated:
		default:
			if p := wantProblem(t, a, 409, "conflicto"); !p.Reintentable || a.Header.Get("Retry-After") == "" {
				t.Errorf("in progress: %+v", p)
			}
		}
	}
	if got := r.calls(opEmitidos); sent != 1 || got != 1 {
		t.Errorf("%d answers say that they were sent and the SAT saw %d, want 1 and 1", sent, got)
	}
}

func TestIdempotency_WhenTheSATSaysDuplicateTheLedgerTellsOfWhat(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	body := r.body(nil)
	first := r.Post(solicitudes, body)
	wantStatus(t, first, http.StatusCreated)
	var accepted struct{ IDSolicitud string }
	first.JSON(t, &accepted)
	for _, headers := range [][]string{nil, {"Idempotency-Key", "otra"}, {"Idempotency-Key", "otra"}} {
		refused := r.Post(solicitudes, body, headers...)
		p := wantProblem(t, refused, 409, "conflicto")
		if p.Codigo != "5005" || !strings.Contains(p.Detail, accepted.IDSolicitud) || p.IDSolicitud != accepted.IDSolicitud {
			t.Errorf("problem %+v does not name %s", p, accepted.IDSolicitud)
		}
		if where := refused.Header.Get("Location"); where != first.Header.Get("Location") {
			t.Errorf("Location %q, want %q", where, first.Header.Get("Location"))
		}
	}
}

// TestIdempotency_WhenFirstRefused says what a second use of the key costs.
func TestIdempotency_WhenFirstRefused(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	withID := code(opEmitidos, "404")
	withID.ConID = true
	for _, tc := range []struct {
		name   string
		falla  sandbox.Falla
		status int
		slug   string
		sent   int64 // by both uses together
	}{
		{"for good", code(opEmitidos, "5002"), 409, "conflicto", 1},
		{"for good, by the e.firma", code(opEmitidos, "304"), 422, "efirma", 1},
		{"for now", code(opEmitidos, "404"), 503, "backend-no-disponible", 2},
		{"for now but with an id", withID, 503, "backend-no-disponible", 1},
		{"by an overloaded server", fails(opEmitidos, control.HTML503), 503, "backend-no-disponible", 2},
		{"by silence after it arrived", fails(opEmitidos, control.ResetDespues), 504, "resultado-desconocido", 1},
		{"by an answer cut in its middle", cut(opEmitidos, 40), 504, "resultado-desconocido", 1},
		{"by an internal fault", fault(opEmitidos, "InternalServiceFault"), 504, "resultado-desconocido", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body, before, key := r.body(nil), r.calls(opEmitidos), strings.ReplaceAll(tc.name, " ", "-")
			r.falla(tc.falla)
			first := r.Post(solicitudes, body, "Idempotency-Key", key)
			again := r.Post(solicitudes, body, "Idempotency-Key", key)
			if got := r.calls(opEmitidos) - before; got != tc.sent {
				t.Errorf("the SAT saw %d solicitudes, want %d", got, tc.sent)
			}
			wantProblem(t, first, tc.status, tc.slug)
			if tc.sent == 2 {
				wantStatus(t, again, http.StatusCreated)
				return
			}
			wantProblem(t, again, tc.status, tc.slug)
			if again.Header.Get("Idempotent-Replayed") != "true" {
				t.Error("the replay does not say so")
			}
		})
	}
}

func TestIdempotency_WhenTwoCallersChooseTheSameKeyBothAreServed(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	ana := keys.add(t, "ana", []string{gatewaytest.Company}, "*")
	luis := keys.add(t, "luis", []string{gatewaytest.Company}, "*")
	for _, key := range []string{ana, luis} {
		got := r.Post(solicitudes, r.body(nil), "Authorization", "Bearer "+key, "Idempotency-Key", "a")
		wantStatus(t, got, http.StatusCreated)
		if got.Header.Get("Idempotent-Replayed") != "" {
			t.Error("one caller got the other's answer")
		}
	}
}
