package integration

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// put writes an entry of its own making and returns its key.
func (k keyFile) put(t *testing.T, entry apikeys.Key) string {
	t.Helper()
	key, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	entry.SHA256 = digest
	if err := apikeys.Add(k.path, entry); err != nil {
		t.Fatal(err)
	}
	return key
}

// find returns the entry of a name.
func (k keyFile) find(t *testing.T, name string) apikeys.Key {
	t.Helper()
	all, err := apikeys.List(k.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		if entry.Name == name {
			return entry
		}
	}
	t.Fatalf("there is no key %s", name)
	return apikeys.Key{}
}

func (k keyFile) revoke(t *testing.T, name string) {
	t.Helper()
	if err := apikeys.Remove(k.path, name); err != nil {
		t.Fatal(err)
	}
}

func TestKeys_WhenANameIsGivenAgainItsHolderGetsNothingOfTheOldOne(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	old := "Bearer " + keys.add(t, "erp", []string{gatewaytest.Company}, "*")
	heir := "Bearer " + keys.put(t, apikeys.Key{Name: "erp-2", Shares: keys.find(t, "erp").Owner(), RFCs: []string{gatewaytest.Company}, Scopes: []string{"*"}})
	w, _ := register(t, r, old)
	one := pathWebhooks + "/" + w.ID
	var e struct{ IDEntrega string }
	r.Post(one+"/prueba", nil, "Authorization", old).JSON(t, &e)
	first := r.Post(solicitudes, r.body(nil), "Authorization", old, "Idempotency-Key", "la-misma")
	wantStatus(t, first, http.StatusCreated)
	d := r.Post(pathDescargas, r.metadatos(), "Authorization", old, "Idempotency-Key", "la-misma")
	wantStatus(t, d, http.StatusAccepted)

	keys.revoke(t, "erp")
	wantProblem(t, r.Get(one, "Authorization", old), http.StatusUnauthorized, "no-autenticado")
	now := "Bearer " + keys.add(t, "erp", []string{gatewaytest.Company}, "*")
	if got := r.Get(pathWebhooks, "Authorization", now); strings.TrimSpace(string(got.Body)) != `{"webhooks":[]}` {
		t.Errorf("the new holder's webhooks: %s", got.Body)
	}
	for _, path := range []string{"GET " + one, "PUT " + one, "DELETE " + one, "POST " + one + "/secreto", "POST " + one + "/prueba", "GET " + one + "/entregas", "POST " + one + "/entregas/" + e.IDEntrega + "/reenvio"} {
		method, path, _ := strings.Cut(path, " ")
		var body any
		if method == http.MethodPut {
			body = webhookRequest(nil)
		}
		got, err := r.Do(method, path, body, "Authorization", now)
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, got, http.StatusNotFound, "no-encontrado")
	}
	// Another petition under the same Idempotency-Key is a conflict for whoever used it before.
	other := r.body(map[string]any{"fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-02-02T00:00:00"})
	again := r.Post(solicitudes, other, "Authorization", now, "Idempotency-Key", "la-misma")
	wantStatus(t, again, http.StatusCreated)
	if again.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the new holder gets the answer of the old one")
	}
	wantProblem(t, r.Post(solicitudes, other, "Authorization", heir, "Idempotency-Key", "la-misma"), http.StatusConflict, "conflicto")
	if got := r.Post(pathDescargas, r.metadatos(), "Authorization", now, "Idempotency-Key", "la-misma"); got.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("the new holder gets the descarga of the old one: %d %s", got.Status, got.Body)
	}

	// Who shares what the old one made goes on with it.
	wantStatus(t, r.Get(one+"/entregas", "Authorization", heir), http.StatusOK)
	wantStatus(t, r.Post(one+"/secreto", nil, "Authorization", heir), http.StatusOK)
	if got := r.Post(solicitudes, r.body(nil), "Authorization", heir, "Idempotency-Key", "la-misma"); got.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if id := keys.find(t, "erp-2").ID; !strings.Contains(r.Log(), `"clave":"erp-2","idClave":"`+id+`"`) {
		t.Error("no access line has the id of the key")
	}
}

func TestKeys_WhenTheHeaderComesTwiceNoneCounts(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	good := keys.add(t, "buena", []string{"*"}, "*")
	for name, pair := range map[string][2]string{
		"good and bad": {"Bearer " + good, "Bearer x"}, "bad and good": {"Bearer x", "Bearer " + good}, "the same": {"Bearer " + good, "Bearer " + good}, "good and empty": {"Bearer " + good, ""},
	} {
		for _, header := range []string{"Authorization", "Backend-Authorization", "Content-Type"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.API+"/v1/efirmas", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+good)
			req.Header[header] = pair[:]
			resp, err := r.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close() //nolint:errcheck // read only
			if err != nil {
				t.Fatal(err)
			}
			wantProblem(t, gatewaytest.Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, http.StatusBadRequest, "solicitud-malformada")
			if !strings.Contains(string(body), `"campo":"`+header+`"`) {
				t.Errorf("%s: %s twice: %s", name, header, body)
			}
		}
	}
}

func TestKeys_WhenExpiredOrFromElsewhere(t *testing.T) {
	t.Parallel()
	clock := newJumping()
	keys := keyFile{t.TempDir() + "/claves.json"}
	ends := time.Now().Add(time.Hour)
	brief := keys.put(t, apikeys.Key{Name: "breve", RFCs: []string{"*"}, Scopes: []string{"*"}, Expires: ends})
	here := keys.put(t, apikeys.Key{Name: "aquí", RFCs: []string{"*"}, Scopes: []string{"*"}, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	there := keys.put(t, apikeys.Key{Name: "allá", RFCs: []string{"*"}, Scopes: []string{"*"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	r := start(t, gatewaytest.Options{Now: clock.now, Monotonic: clock.monotonic, Configure: func(c *config.Config) { c.APIKeysFile = keys.path }})
	get := func(key string, headers ...string) gatewaytest.Response {
		t.Helper()
		return r.Get("/v1/efirmas", append([]string{"Authorization", "Bearer " + key}, headers...)...)
	}
	wantStatus(t, get(brief), http.StatusOK)
	wantStatus(t, get(here), http.StatusOK)
	refused := get(there, "X-Forwarded-For", "192.0.2.7", "Forwarded", "for=192.0.2.7", "X-Real-Ip", "192.0.2.7")
	wantProblem(t, refused, http.StatusForbidden, "prohibido")
	if !strings.Contains(string(refused.Body), "127.0.0.1") {
		t.Errorf("it does not say which address it sees: %s", refused.Body)
	}
	clock.advance(time.Hour + time.Second)
	expired := get(brief)
	wantProblem(t, expired, http.StatusUnauthorized, "no-autenticado")
	if !strings.Contains(string(expired.Body), "venció el ") {
		t.Errorf("it does not say that it has expired: %s", expired.Body)
	}
	wantStatus(t, get(here), http.StatusOK)
}

// jumping is a clock that a test sets forward, and that is right all the same.
type jumping struct {
	began time.Time
	ahead atomic.Int64
}

func newJumping() *jumping { return &jumping{began: time.Now()} }

func (j *jumping) now() time.Time           { return time.Now().Add(time.Duration(j.ahead.Load())) }
func (j *jumping) monotonic() time.Duration { return j.now().Sub(j.began) }
func (j *jumping) advance(by time.Duration) { j.ahead.Add(int64(by)) }

// readyz returns what the page of the admin listener says.
func readyz(t *testing.T, r *rig) (int, string) {
	t.Helper()
	resp, err := http.Get(r.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestKeys_WhenTheFileIsAtFaultItIsToldAndClosesInTheEnd(t *testing.T) {
	t.Parallel()
	clock := newJumping()
	keys := keyFile{t.TempDir() + "/claves.json"}
	key := keys.add(t, "a", []string{"*"}, "*")
	r := start(t, gatewaytest.Options{Now: clock.now, Monotonic: clock.monotonic, Configure: func(c *config.Config) { c.APIKeysFile = keys.path }})
	good, err := os.ReadFile(keys.path)
	if err != nil {
		t.Fatal(err)
	}
	get := func() gatewaytest.Response { return r.Get("/v1/efirmas", "Authorization", "Bearer "+key) }
	ready := func(status int, says string) {
		t.Helper()
		got, body := readyz(t, r)
		if got != status || !strings.Contains(body, says) {
			t.Errorf("/readyz: %d %q, want %d and %q", got, body, status, says)
		}
	}
	wantStatus(t, get(), http.StatusOK)
	ready(http.StatusOK, "ok")
	wantMetric(t, r.Gateway, "pasarela_api_keys_fault_seconds", "0")
	if err := os.WriteFile(keys.path, []byte(strings.Replace(string(good), "]", ",]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, get(), http.StatusOK)
	ready(http.StatusOK, "ok\nAPI keys: ")
	if !strings.Contains(r.Log(), "the file of API keys is at fault") {
		t.Error("the log says nothing")
	}
	clock.advance(apikeys.Tolerance)
	closed := get()
	wantProblem(t, closed, http.StatusServiceUnavailable, "pasarela-no-disponible")
	if closed.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	ready(http.StatusServiceUnavailable, "API keys")
	if err := os.WriteFile(keys.path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, get(), http.StatusOK)
	ready(http.StatusOK, "ok")
}

// A package of hours is no way to go on reading with a key that was taken away.
func TestKeys_WhenRevokedWhileAPackageIsReadItIsCut(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	admin := "Bearer " + keys.add(t, "otra", []string{"*"}, "*")
	key := "Bearer " + keys.add(t, "lee", []string{gatewaytest.Company}, "sat:paquetes")
	r.knob("relleno_bytes", large/36)
	r.knob("cfdis_por_dia", 40)
	created := r.Post(solicitudes, r.body(map[string]any{"fechaInicial": "2026-01-31T00:00:00"}), "Authorization", admin)
	wantStatus(t, created, http.StatusCreated)
	var accepted struct{ IDSolicitud string }
	created.JSON(t, &accepted)
	r.Sandbox.Clock().BringForward(1e12)
	path := gatewaytest.PaquetePath("cfdi", gatewaytest.Company, strings.ToUpper(accepted.IDSolicitud)+"_01")
	waitUntil(t, "the package is in storage", func() bool {
		got := r.Get(path, "Authorization", admin)
		return got.Status == http.StatusOK && got.Header.Get("ETag") != ""
	})
	resp, err := r.Send(t.Context(), http.MethodGet, path, nil, "Authorization", key)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	keys.revoke(t, "lee")
	for err == nil {
		// It takes seconds in all, as a caller far away would: longer than it is not asked for.
		_, err = io.CopyN(io.Discard, resp.Body, 1<<20)
		time.Sleep(50 * time.Millisecond)
	}
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the package was read to its end with a key that was revoked")
	}
	wantProblem(t, r.Get(path, "Authorization", key), http.StatusUnauthorized, "no-autenticado")
}

// A lote takes minutes to come; whoever may not send it at its end does not.
func TestKeys_WhenRevokedWhileALoteComesItIsNotSent(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	key := keys.add(t, "carga", []string{"*"}, "*")
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.API+"/v1/sep/lotes?comprobar=forma", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/zip")
	lote := zipped(t, "<x/>")
	before := fmt.Sprint(r.Sandbox.Estado().Llamadas)
	go func() {
		feed.Write(lote[:10]) //nolint:errcheck // the request says it
		if err := apikeys.Remove(keys.path, "carga"); err != nil {
			t.Error(err)
		}
		feed.Write(lote[10:]) //nolint:errcheck // see above
		feed.Close()          //nolint:errcheck // see above
	}()
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if after := fmt.Sprint(r.Sandbox.Estado().Llamadas); resp.StatusCode != http.StatusUnauthorized || after != before {
		t.Errorf("status %d, called %s and before %s", resp.StatusCode, after, before)
	}
}
