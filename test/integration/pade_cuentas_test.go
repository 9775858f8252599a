package integration

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// basic is a caller's own account.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// as is a request with a key, and with an account unless it is empty.
func as(r *rig, key, cuenta string, body map[string]any) gatewaytest.Response {
	headers := []string{"Authorization", "Bearer " + key}
	if cuenta != "" {
		headers = append(headers, "Backend-Authorization", cuenta)
	}
	return r.Post("/v1/pade/addendas", body, headers...)
}

// asks sends a request without a body.
func asks(t *testing.T, r *rig, method, path string, headers ...string) gatewaytest.Response {
	t.Helper()
	got, err := r.Do(method, path, nil, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// No caller can block the configured account for others: not with its user and another
// password in any spelling, not with another contract code, and not by freeing it again
// and again.
func TestPADE_WhenATenantWantsTheConfiguredAccountBlocked(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	a, b := keys.add(t, "a", []string{"PRU010101AB1"}, "*"), keys.add(t, "b", []string{"PEPJ800101AB5"}, "*")
	addenda := map[string]any{"datos": "a|1"}
	unblock := func(key string) gatewaytest.Response {
		return asks(t, r, http.MethodDelete, "/v1/pade/bloqueo", "Authorization", "Bearer "+key)
	}
	for _, user := range []string{"sandbox", "SANDBOX", " sándbox ", "sandbox"} {
		for _, contrato := range []string{"", "sandbox", "otro"} {
			body := map[string]any{"datos": "a|1"}
			if contrato != "" {
				body["codigoContrato"] = contrato
			}
			p := wantProblem(t, as(r, b, basic(user, "canario"), body), http.StatusForbidden, "prohibido")
			if p.Reintentable {
				t.Errorf("%+v", p)
			}
		}
		wantStatus(t, unblock(b), http.StatusNoContent)
	}
	for _, contrato := range []string{"otro", "otro2", "otro3", "Sandbox"} {
		got := as(r, b, "", map[string]any{"datos": "a|1", "codigoContrato": contrato})
		if wantProblem(t, got, http.StatusUnprocessableEntity, "datos-invalidos"); !strings.Contains(string(got.Body), `"campo":"codigoContrato"`) {
			t.Errorf("%s", got.Body)
		}
	}
	if n := r.Sandbox.Estado().Llamadas["pade"]["procesarAddenda"]; n != 0 {
		t.Errorf("%d logins left", n)
	}
	wantStatus(t, as(r, a, "", addenda), http.StatusOK)
	wantStatus(t, as(r, b, "", addenda), http.StatusOK) // it may use it as everybody
	// The account's owner may send it too, but after three wrong guesses a caller learns
	// nothing more.
	wantStatus(t, as(r, a, basic("sandbox", "sandbox"), addenda), http.StatusOK)
	wantProblem(t, as(r, b, basic("sandbox", "sandbox"), addenda), http.StatusForbidden, "prohibido")
	if strings.Contains(r.Log(), "canario") {
		t.Error("a password is in the log")
	}
}

// A caller's own account is separate: it needs its own contract code, and a refusal by
// the PAC stops it for nobody else.
func TestPADE_WhenACallersAccountIsRefused(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	a, b := keys.add(t, "a", []string{"*"}, "*"), keys.add(t, "b", []string{"*"}, "*")
	got := as(r, b, basic("otro", "canario"), map[string]any{"datos": "a|1"})
	if wantProblem(t, got, http.StatusUnprocessableEntity, "datos-invalidos"); !strings.Contains(string(got.Body), `"campo":"codigoContrato"`) {
		t.Errorf("%s", got.Body)
	}
	logins := func() uint64 { return uint64(r.Sandbox.Estado().Llamadas["pade"]["procesarAddenda"]) }
	for n := range 3 {
		for _, contrato := range []string{"x", "y"} {
			wantProblem(t, as(r, b, basic("otro", strings.Repeat("p", n+1)), map[string]any{"datos": "a|1", "codigoContrato": contrato}), http.StatusForbidden, "prohibido")
		}
	}
	if n := logins(); n != 1 {
		t.Errorf("%d wrong logins of one account, want 1", n)
	}
	wantProblem(t, as(r, a, basic("otro", "p"), map[string]any{"datos": "a|1", "codigoContrato": "x"}), http.StatusForbidden, "prohibido")
	if n := logins(); n != 2 {
		t.Errorf("%d logins, want 2: another's account of that name is tried", n)
	}
	wantMetric(t, r.Gateway, "pasarela_pade_refused_accounts", "2")
	wantStatus(t, asks(t, r, http.MethodDelete, "/v1/pade/bloqueo", "Authorization", "Bearer "+a), http.StatusNoContent)
	wantMetric(t, r.Gateway, "pasarela_pade_refused_accounts", "1")
}

// If the PAC refuses the configured account, only the gateway's operator can free it.
func TestPADE_WhenTheConfiguredAccountIsRefused(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	tenant, named := keys.add(t, "tenant", []string{"*"}, "*"), keys.add(t, "named", []string{"PRU010101AB1"}, apikeys.ScopePADE, "*")
	operator := keys.add(t, "operator", []string{"*"}, apikeys.ScopePADE, apikeys.ScopeAddendas)
	if err := r.Sandbox.Knobs().Change(map[string]any{"pade_password": "otra"}); err != nil {
		t.Fatal(err)
	}
	addenda := map[string]any{"datos": "a|1"}
	unblock := func(key string) gatewaytest.Response {
		return asks(t, r, http.MethodDelete, "/v1/pade/bloqueo", "Authorization", "Bearer "+key)
	}
	for range 2 {
		wantProblem(t, as(r, tenant, "", addenda), http.StatusForbidden, "prohibido")
		wantProblem(t, unblock(tenant), http.StatusForbidden, "prohibido")
		wantProblem(t, unblock(named), http.StatusForbidden, "prohibido")
	}
	if n := r.Sandbox.Estado().Llamadas["pade"]["procesarAddenda"]; n != 1 {
		t.Errorf("%d wrong logins, want 1", n)
	}
	if err := r.Sandbox.Knobs().Change(map[string]any{"pade_password": "sandbox"}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, unblock(operator), http.StatusNoContent)
	wantStatus(t, as(r, tenant, "", addenda), http.StatusOK)
}

// The SEP's user with another password is not sent either.
func TestSEP_WhenATenantSendsTheConfiguredUser(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	b := keys.add(t, "b", []string{"*"}, "*")
	for range 4 {
		wantProblem(t, asks(t, r, http.MethodGet, "/v1/sep/lotes/1", "Authorization", "Bearer "+b, "Backend-Authorization", basic("Sandbox", "canario")), http.StatusForbidden, "prohibido")
	}
	for op, n := range r.Sandbox.Estado().Llamadas["sep"] {
		if n != 0 {
			t.Errorf("%d calls of %s left", n, op)
		}
	}
	// The caller's own account is sent.
	asks(t, r, http.MethodGet, "/v1/sep/lotes/1", "Authorization", "Bearer "+b, "Backend-Authorization", basic("propia", "canario"))
	if n := r.Sandbox.Estado().Llamadas["sep"]["consultaProcesoTituloElectronico"]; n == 0 {
		t.Error("an account of its own did not leave")
	}
}
