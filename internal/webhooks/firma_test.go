package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The known answer comes from the specification's own libraries (TestWebhookSign, in
// every language).
func TestFirma_WhenThePublishedExample(t *testing.T) {
	t.Parallel()
	got, err := firma("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, time.Unix(1614265330, 0))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, want %s; error %v", got, want, err)
	}
	if _, err := firma("whsec_canario!", "m", "", start); err == nil || strings.Contains(err.Error(), "canario") {
		t.Errorf("no base64: %v", err)
	}
}

// ownFirma computes a signature from the specification's text alone.
func ownFirma(t *testing.T, secret string, a aviso) string {
	t.Helper()
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) != 32 {
		t.Fatalf("a secret of %d bytes, error %v", len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(a.Get("webhook-id") + "." + a.Get("webhook-timestamp") + "." + a.body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestTry_WhenDelivered(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, secret := r.create()
	r.publish("dsc_1/terminada")
	r.ringAll()
	got := r.receptor.recibidos()
	if len(got) != 1 {
		t.Fatalf("%d requests", len(got))
	}
	a := got[0]
	const want = `{"type":"descarga.terminada","timestamp":"2026-02-01T05:59:59.000Z","data":{"idDescarga":"dsc_1","servicio":"cfdi","rfcSolicitante":"Ñ&P010101AB3","estado":"terminada"}}`
	if a.body != want || a.method != http.MethodPost || a.path != "/avisos?token=canario-de-url" || a.Get("Content-Type") != "application/json" {
		t.Errorf("%+v", a)
	}
	if !regexp.MustCompile(`^msg_[a-z0-9]{26}$`).MatchString(a.Get("webhook-id")) || a.Get("webhook-timestamp") != strconv.FormatInt(start.Unix(), 10) {
		t.Errorf("headers %v", a.Header)
	}
	if own := ownFirma(t, secret, a); a.Get("webhook-signature") != own {
		t.Errorf("signature %s, want %s", a.Get("webhook-signature"), own)
	}
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil || wh.VerifyIgnoringTimestamp([]byte(a.body), a.Header) != nil {
		t.Errorf("the specification's library does not accept it; error %v", err)
	}
	e := r.only(d)
	if e.Estado != "entregada" || !e.Next.IsZero() || len(e.Attempts) != 1 || e.Attempts[0].Status != 204 || e.Attempts[0].Result != ResultadoEntregado || e.ID != a.Get("webhook-id") {
		t.Errorf("%+v", e)
	}
}

func TestRotate_WhenBothSecretsSignForAWhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, old := r.create()
	fresh, until, err := r.Rotate(t.Context(), "erp", d.ID, Overlap)
	if err != nil || fresh == old || !until.Equal(start.Add(24*time.Hour)) {
		t.Fatalf("until %v, error %v", until, err)
	}
	last := func(key string) (aviso, []string) {
		t.Helper()
		r.publish(key)
		r.ringAll()
		all := r.receptor.recibidos()
		a := all[len(all)-1]
		return a, strings.Split(a.Get("webhook-signature"), " ")
	}
	a, firmas := last("1")
	if len(firmas) != 2 || firmas[0] != ownFirma(t, fresh, a) || firmas[1] != ownFirma(t, old, a) {
		t.Errorf("during the overlap: %v", firmas)
	}
	r.advance(24 * time.Hour)
	if a, firmas = last("2"); len(firmas) != 1 || firmas[0] != ownFirma(t, fresh, a) {
		t.Errorf("after the overlap: %v", firmas)
	}
	filtered := fresh
	if fresh, _, err = r.Rotate(t.Context(), "erp", d.ID, 0); err != nil {
		t.Fatal(err)
	}
	if a, firmas = last("3"); len(firmas) != 1 || firmas[0] != ownFirma(t, fresh, a) || firmas[0] == ownFirma(t, filtered, a) {
		t.Errorf("without an overlap: %v", firmas)
	}
	for n := range maxSecrets {
		_, _, err = r.Rotate(t.Context(), "erp", d.ID, time.Hour)
		if last := n == maxSecrets-1; (err != nil) != last {
			t.Errorf("rotation %d: %v", n, err)
		}
	}
}
