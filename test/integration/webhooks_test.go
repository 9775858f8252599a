package integration

import (
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

const pathWebhooks = "/v1/webhooks"

// avisos is an address with a token, as receivers have them.
const avisos = "https://erp.example/avisos?token=canario-de-url"

type seenWebhook struct {
	ID                string `json:"idWebhook"`
	URL, MotivoCodigo string
	Rfcs, Eventos     []string
	Activo            bool
}

func webhookRequest(changes map[string]any) map[string]any {
	body := map[string]any{"url": avisos, "eventos": []string{"descarga.terminada", "descarga.vacia"}}
	for k, v := range changes {
		body[k] = v
	}
	return body
}

// register makes a webhook and returns it with its secret.
func register(t *testing.T, r *rig, bearer string) (seenWebhook, string) {
	t.Helper()
	got := r.Post(pathWebhooks, webhookRequest(nil), "Authorization", bearer)
	wantStatus(t, got, http.StatusCreated)
	var out struct {
		Webhook seenWebhook
		Secreto string
	}
	got.JSON(t, &out)
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(out.Secreto, "whsec_")); err != nil || len(raw) != 32 {
		t.Errorf("a secret of %d bytes: %v", len(raw), err)
	}
	if got.Header.Get("Location") != pathWebhooks+"/"+out.Webhook.ID || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", got.Header)
	}
	return out.Webhook, out.Secreto
}

func TestWebhooks_WhenRegisteredChangedAndRemoved(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	bearer := "Bearer " + keys.add(t, "erp", []string{gatewaytest.Company, gatewaytest.CompanyOdd}, "webhooks")
	auth := []string{"Authorization", bearer}
	w, secret := register(t, r, bearer)
	if w.URL != avisos || !w.Activo || !slices.Equal(w.Rfcs, []string{gatewaytest.Company, gatewaytest.CompanyOdd}) || len(w.Eventos) != 2 {
		t.Errorf("%+v", w)
	}
	one := pathWebhooks + "/" + w.ID
	put := func(changes map[string]any) gatewaytest.Response {
		t.Helper()
		got, err := r.Do(http.MethodPut, one, webhookRequest(changes), auth...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var after seenWebhook
	put(map[string]any{"rfcs": []string{gatewaytest.Company}, "activo": false, "eventos": []string{"descarga.fallida"}}).JSON(t, &after)
	if after.Activo || after.MotivoCodigo != "pausado" || len(after.Rfcs) != 1 || len(after.Eventos) != 1 {
		t.Errorf("%+v", after)
	}
	wantProblem(t, r.Post(one+"/prueba", nil, auth...), http.StatusConflict, "conflicto")
	var again seenWebhook
	r.Get(one, auth...).JSON(t, &again)
	if again.Activo || again.MotivoCodigo != "pausado" {
		t.Errorf("%+v", again)
	}
	wantStatus(t, put(nil), http.StatusOK)
	for name, changes := range map[string]map[string]any{
		"private": {"url": "https://10.0.0.1/"}, "metadata": {"url": "https://169.254.169.254/"}, "no TLS": {"url": "http://erp.example/"}, "port": {"url": "https://erp.example:22/"},
		"user": {"url": "https://u:p@erp.example/"}, "no event": {"eventos": []string{}}, "another event": {"eventos": []string{"webhook.prueba"}},
		"twice": {"eventos": []string{"descarga.vacia", "descarga.vacia"}}, "no RFC": {"rfcs": []string{"*"}}, "unknown field": {"secreto": "whsec_x"},
	} {
		if got := put(changes); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	wantProblem(t, put(map[string]any{"rfcs": []string{gatewaytest.Persona}}), http.StatusForbidden, "prohibido")
	var rotated struct{ Secreto, AnteriorHasta string }
	got := r.Post(one+"/secreto?traslapeHoras=0", nil, auth...)
	got.JSON(t, &rotated)
	if got.Status != http.StatusOK || rotated.Secreto == secret || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", got.Status, got.Header)
	}
	wantProblem(t, r.Post(one+"/secreto?traslapeHoras=169", nil, auth...), http.StatusUnprocessableEntity, "datos-invalidos")
	for _, body := range [][]byte{r.Get(pathWebhooks, auth...).Body, r.Get(one, auth...).Body} {
		if strings.Contains(string(body), "whsec_") {
			t.Errorf("a secret is shown again: %s", body)
		}
	}
	nowhere(t, r, "canario-de-url", strings.TrimPrefix(secret, "whsec_"), strings.TrimPrefix(rotated.Secreto, "whsec_"))
	if got, err := r.Do(http.MethodDelete, one, nil, auth...); err != nil || got.Status != http.StatusNoContent {
		t.Errorf("%d, error %v", got.Status, err)
	}
	wantProblem(t, r.Get(one, auth...), http.StatusNotFound, "no-encontrado")
}

// nowhere looks for canaries in what the gateway wrote: log, metrics, data directory.
func nowhere(t *testing.T, r *rig, canaries ...string) {
	t.Helper()
	resp, err := http.Get(r.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"the log": r.Log(), "the metrics": string(metrics)}
	err = filepath.WalkDir(r.Config.DataDir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the ledger's mark on its way, which has its own name by now
		}
		places[path] = string(text)
		return err
	})
	if err != nil || len(places) < 4 {
		t.Errorf("%d places, error %v", len(places), err)
	}
	for place, text := range places {
		for _, c := range canaries {
			if strings.Contains(text, c) {
				t.Errorf("%s holds %q", place, c)
			}
		}
	}
}

func TestWebhooks_WhenOfAnotherKey(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	mine := "Bearer " + keys.add(t, "erp", []string{gatewaytest.Company}, "webhooks")
	other := []string{"Authorization", "Bearer " + keys.add(t, "otro", []string{"*"}, "webhooks")}
	w, _ := register(t, r, mine)
	one := pathWebhooks + "/" + w.ID
	var e struct{ IDEntrega string }
	r.Post(one+"/prueba", nil, "Authorization", mine).JSON(t, &e)
	for _, tc := range []struct {
		method, path string
		body         any
	}{
		{"GET", one, nil}, {"PUT", one, webhookRequest(nil)}, {"DELETE", one, nil}, {"POST", one + "/secreto", nil}, {"POST", one + "/prueba", nil},
		{"GET", one + "/entregas", nil}, {"POST", one + "/entregas/" + e.IDEntrega + "/reenvio", nil},
	} {
		got, err := r.Do(tc.method, tc.path, tc.body, other...)
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, got, http.StatusNotFound, "no-encontrado")
	}
	if got := r.Get(pathWebhooks, other...); strings.TrimSpace(string(got.Body)) != `{"webhooks":[]}` {
		t.Errorf("%s", got.Body)
	}
	wantStatus(t, r.Get(one, "Authorization", mine), http.StatusOK)
}

func TestWebhooks_WhenTheLogIsPaged(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	w, _ := register(t, r, "")
	if !slices.Equal(w.Rfcs, []string{"*"}) {
		t.Errorf("without keys it hears of %v", w.Rfcs)
	}
	one := pathWebhooks + "/" + w.ID
	var sent, got []string
	for range 7 {
		var e struct{ IDEntrega string }
		answer := r.Post(one+"/prueba", nil)
		wantStatus(t, answer, http.StatusAccepted)
		answer.JSON(t, &e)
		sent = append([]string{e.IDEntrega}, sent...)
	}
	next := regexp.MustCompile(`^<(/v1/webhooks/[^>]*)>; rel="next"$`)
	for path := one + "/entregas?limite=3"; path != ""; {
		answer := r.Get(path)
		var page struct {
			Entregas  []struct{ IDEntrega, Evento, Estado string }
			Siguiente string
		}
		answer.JSON(t, &page)
		for _, e := range page.Entregas {
			if got = append(got, e.IDEntrega); e.Evento != "webhook.prueba" || e.Estado != "pendiente" {
				t.Errorf("%+v", e)
			}
		}
		path = ""
		if m := next.FindStringSubmatch(answer.Header.Get("Link")); m != nil {
			path = m[1]
		}
		if (path == "") != (page.Siguiente == "") {
			t.Errorf("Link %q and siguiente %q", answer.Header.Get("Link"), page.Siguiente)
		}
	}
	if !slices.Equal(got, sent) {
		t.Errorf("pages hold %v, want %v", got, sent)
	}
	wantStatus(t, r.Post(one+"/entregas/"+sent[0]+"/reenvio", nil), http.StatusAccepted)
	wantProblem(t, r.Post(one+"/entregas/msg_aaaaaaaaaaaaaaaaaaaaaaaaaa/reenvio", nil), http.StatusNotFound, "no-encontrado")
	for _, query := range []string{"limite=0", "limite=101", "cursor=x", "cursor=msg_aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if answer := r.Get(one + "/entregas?" + query); answer.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", query, answer.Status, answer.Body)
		}
	}
	for range 3 {
		wantStatus(t, r.Post(one+"/prueba", nil), http.StatusAccepted)
	}
	wantProblem(t, r.Post(one+"/prueba", nil), http.StatusTooManyRequests, "demasiadas-peticiones")
	r.Restart() // the key that was made is found again
	wantStatus(t, r.Get(one), http.StatusOK)
}
