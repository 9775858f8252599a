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

// TestFirma_WhenThePublishedExample is the known answer of the specification's
// own libraries (TestWebhookSign and its sisters in every language).
func TestFirma_WhenThePublishedExample(t *testing.T) {
	t.Parallel()
	got, err := firma("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, time.Unix(1614265330, 0))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("%s, want %s; error %v", got, want, err)
	}
	if _, err := firma("whsec_canario!", "m", "", inicio); err == nil || strings.Contains(err.Error(), "canario") {
		t.Errorf("no base64: %v", err)
	}
}

// firmaPropia computes a signature from the text of the specification alone.
func firmaPropia(t *testing.T, secreto string, a aviso) string {
	t.Helper()
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(secreto, "whsec_"))
	if err != nil || len(key) != 32 {
		t.Fatalf("a secret of %d bytes, error %v", len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(a.Get("webhook-id") + "." + a.Get("webhook-timestamp") + "." + a.cuerpo))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestIntenta_WhenDelivered(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, secreto := r.crea()
	r.publica("dsc_1/terminada")
	r.sonarTodas()
	got := r.receptor.recibidos()
	if len(got) != 1 {
		t.Fatalf("%d requests", len(got))
	}
	a := got[0]
	const want = `{"type":"descarga.terminada","timestamp":"2026-02-01T05:59:59.000Z","data":{"idDescarga":"dsc_1","servicio":"cfdi","rfcSolicitante":"Ñ&P010101AB3","estado":"terminada"}}`
	if a.cuerpo != want || a.metodo != http.MethodPost || a.ruta != "/avisos?token=canario-de-url" || a.Get("Content-Type") != "application/json" {
		t.Errorf("%+v", a)
	}
	if !regexp.MustCompile(`^msg_[a-z0-9]{26}$`).MatchString(a.Get("webhook-id")) || a.Get("webhook-timestamp") != strconv.FormatInt(inicio.Unix(), 10) {
		t.Errorf("headers %v", a.Header)
	}
	if own := firmaPropia(t, secreto, a); a.Get("webhook-signature") != own {
		t.Errorf("signature %s, want %s", a.Get("webhook-signature"), own)
	}
	wh, err := standardwebhooks.NewWebhook(secreto)
	if err != nil || wh.VerifyIgnoringTimestamp([]byte(a.cuerpo), a.Header) != nil {
		t.Errorf("the specification's library does not accept it; error %v", err)
	}
	e := r.unica(d)
	if e.Estado != "entregada" || !e.Siguiente.IsZero() || len(e.Intentos) != 1 || e.Intentos[0].Status != 204 || e.Intentos[0].Resultado != ResultadoEntregado || e.ID != a.Get("webhook-id") {
		t.Errorf("%+v", e)
	}
}

func TestRota_WhenBothSecretsSignForAWhile(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, viejo := r.crea()
	nuevo, hasta, err := r.Rota(t.Context(), "erp", d.ID, Traslape)
	if err != nil || nuevo == viejo || !hasta.Equal(inicio.Add(24*time.Hour)) {
		t.Fatalf("until %v, error %v", hasta, err)
	}
	last := func(clave string) (aviso, []string) {
		t.Helper()
		r.publica(clave)
		r.sonarTodas()
		all := r.receptor.recibidos()
		a := all[len(all)-1]
		return a, strings.Split(a.Get("webhook-signature"), " ")
	}
	a, firmas := last("1")
	if len(firmas) != 2 || firmas[0] != firmaPropia(t, nuevo, a) || firmas[1] != firmaPropia(t, viejo, a) {
		t.Errorf("during the overlap: %v", firmas)
	}
	r.avanza(24 * time.Hour)
	if a, firmas = last("2"); len(firmas) != 1 || firmas[0] != firmaPropia(t, nuevo, a) {
		t.Errorf("after the overlap: %v", firmas)
	}
	filtrado := nuevo
	if nuevo, _, err = r.Rota(t.Context(), "erp", d.ID, 0); err != nil {
		t.Fatal(err)
	}
	if a, firmas = last("3"); len(firmas) != 1 || firmas[0] != firmaPropia(t, nuevo, a) || firmas[0] == firmaPropia(t, filtrado, a) {
		t.Errorf("without an overlap: %v", firmas)
	}
	for n := range maxSecretos {
		_, _, err = r.Rota(t.Context(), "erp", d.ID, time.Hour)
		if last := n == maxSecretos-1; (err != nil) != last {
			t.Errorf("rotation %d: %v", n, err)
		}
	}
}
