package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// The configured account is everybody's: a lote and its titles are of who sent them.
func TestKeys_WhenALoteIsAnothersItIsNotThere(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	mine := "Bearer " + keys.add(t, "una", []string{gatewaytest.Persona}, "*")
	heir := "Bearer " + keys.put(t, apikeys.Key{Name: "una-2", Shares: keys.find(t, "una").ID, RFCs: []string{gatewaytest.Company}, Scopes: []string{"*"}})
	other := "Bearer " + keys.add(t, "otra", []string{gatewaytest.Persona}, "*")
	root := "Bearer " + keys.add(t, "todo", []string{"*"}, "*")

	emitted := r.Post("/v1/sep/titulos", map[string]any{"titulos": devstack.Titulos(2, "D", gatewaytest.Persona)}, "Authorization", mine)
	wantStatus(t, emitted, http.StatusOK)
	var out struct{ Titulos []struct{ XML string } }
	emitted.JSON(t, &out)
	archive := zipped(t, out.Titulos[0].XML, out.Titulos[1].XML)
	send := func(bearer string, headers ...string) string {
		t.Helper()
		got, err := upload(t, r.Gateway, "/v1/sep/lotes", bytes.NewReader(archive), append([]string{"Content-Type", "application/zip", "Authorization", bearer}, headers...)...)
		if err != nil || got.Status != http.StatusCreated {
			t.Fatalf("%d %s, %v", got.Status, got.Body, err)
		}
		return got.Header.Get("Location")
	}
	first := send(mine, "Idempotency-Key", "la-misma")
	if again := send(mine, "Idempotency-Key", "la-misma"); again != first {
		t.Errorf("the same upload is %s and %s", first, again)
	}
	r.Sandbox.Clock().BringForward(time.Hour)
	// Whoever uploads another's titles has them registered by the other.
	second := send(other, "Idempotency-Key", "la-misma")
	r.Sandbox.Clock().BringForward(time.Hour)

	const nobody = "/v1/sep/lotes/999999"
	for _, suffix := range []string{"", "/resultado"} {
		for _, bearer := range []string{mine, heir, root} {
			wantStatus(t, r.Get(first+suffix, "Authorization", bearer), http.StatusOK)
		}
		got := r.Get(first+suffix, "Authorization", other, "X-Request-Id", "r")
		wantProblem(t, got, http.StatusNotFound, "no-encontrado")
		unknown := r.Get(nobody+suffix, "Authorization", other, "X-Request-Id", "r")
		if strings.ReplaceAll(string(got.Body), first, nobody) != string(unknown.Body) {
			t.Errorf("another's lote looks like %s, one that is none like %s", got.Body, unknown.Body)
		}
		wantProblem(t, r.Get(second+suffix, "Authorization", mine), http.StatusNotFound, "no-encontrado")
		wantStatus(t, r.Get(second+suffix, "Authorization", other), http.StatusOK)
		// The SEP itself judges an account that comes with the call.
		wantStatus(t, r.Get(first+suffix, "Authorization", other, "Backend-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("sandbox:sandbox"))), http.StatusOK)
	}

	cancel := func(folio, bearer string) gatewaytest.Response {
		return r.Post("/v1/sep/titulos/"+folio+"/cancelacion", map[string]any{"motCancelacion": "R5"}, "Authorization", bearer)
	}
	before := asJSON(t, r.Sandbox.Estado().Llamadas)
	wantProblem(t, cancel("NADIE", other), http.StatusNotFound, "no-encontrado")
	if after := asJSON(t, r.Sandbox.Estado().Llamadas); after != before {
		t.Errorf("the SEP was asked about a title of nobody's: %s, before %s", after, before)
	}
	refused := cancel("D00001", other)
	wantProblem(t, refused, http.StatusNotFound, "no-encontrado")
	var p struct{ Backend string }
	if err := json.Unmarshal(refused.Body, &p); err != nil || p.Backend != "" {
		t.Errorf("it left for the SEP: %s", refused.Body)
	}
	wantStatus(t, cancel("D00001", heir), http.StatusOK)
	wantStatus(t, cancel("D00002", root), http.StatusOK)

	// What is on record stays so across a restart.
	r.Restart()
	wantStatus(t, r.Get(first, "Authorization", mine), http.StatusOK)
	wantProblem(t, r.Get(first, "Authorization", other), http.StatusNotFound, "no-encontrado")
}
