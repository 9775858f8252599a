package integration

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// TestPaquete_WhenTheUpstreamHasNoEnd: base64 for ever fills no disk, and the other
// download is not spent on the same.
func TestPaquete_WhenTheUpstreamHasNoEnd(t *testing.T) {
	t.Parallel()
	calls := make(chan struct{}, 10)
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls <- struct{}{}
		io.WriteString(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><RespuestaDescargaMasivaTercerosSalida xmlns="http://DescargaMasivaTerceros.sat.gob.mx"><Paquete>UEsDBAAA`) //nolint:errcheck // a test's server
		for block := bytes.Repeat([]byte("A"), 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	t.Cleanup(hostile.Close)
	const highest = 8 << 20
	dir := t.TempDir()
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.DataDir, c.SAT.PaqueteMaximo.N, c.SAT.CFDI.DescargaURL = dir, highest, hostile.URL
	}})
	paquete, _ := r.paquete(nil)
	resp, err := http.Get(r.API + paquete)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode == http.StatusOK && err == nil || n > highest {
		t.Errorf("%d bytes, whole by their looks", n)
	}
	for range 2 {
		resp := r.Get(paquete)
		wantStatus(t, resp, http.StatusServiceUnavailable)
		if resp.Header.Get("Retry-After") == "" || !strings.Contains(string(resp.Body), `"paquete_excesivo"`) || !strings.Contains(string(resp.Body), "8.0 MiB") {
			t.Errorf("%v %s", resp.Header, resp.Body)
		}
	}
	if len(calls) != 1 {
		t.Errorf("%d downloads", len(calls))
	}
	if files, err := filepath.Glob(filepath.Join(dir, "paquetes", "parciales", "*")); err != nil || len(files) > 0 {
		t.Errorf("%v stay, %v", files, err)
	}
}

// TestDisk_WhenLessIsFreeThanStaysSo nothing comes and nothing is spent; what is told
// says so, and the gateway goes on serving.
func TestDisk_WhenLessIsFreeThanStaysSo(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.DiscoLibre.N = 1 << 60 }})
	paquete, _ := r.paquete(nil)
	wantStatus(t, r.Get(paquete), http.StatusServiceUnavailable)
	r.wantDescargas(t, 0)
	resp, err := upload(t, r.Gateway, "/v1/sep/lotes?nombreArchivo=titulo.xml", strings.NewReader("<x/>"), "Content-Type", "application/xml")
	if err != nil || resp.Status != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(string(resp.Body), `"disco_lleno"`) {
		t.Errorf("status %d, %v: %s", resp.Status, err, resp.Body)
	}
	if status, says := readyz(t, r); status != http.StatusOK || !strings.Contains(says, "\ndisk: ") || !strings.Contains(says, "GATEWAY_DISCO_LIBRE") {
		t.Errorf("/readyz: %d %q", status, says)
	}
	wantStatus(t, r.Get("/v1/efirmas"), http.StatusOK)

	sound := start(t, gatewaytest.Options{})
	if status, says := readyz(t, sound); status != http.StatusOK || strings.Contains(says, "disk") {
		t.Errorf("/readyz: %d %q", status, says)
	}
}
