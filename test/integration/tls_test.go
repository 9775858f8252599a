package integration

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// TestTLS_WhenTheCertificateIsOfNoAuthorityKnownItIsSaid, of each system, with the
// setting that mends it; and with that setting it is mended.
func TestTLS_WhenTheCertificateIsOfNoAuthorityKnownItIsSaid(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	otherName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for name, tc := range map[string]struct{ url, ca, say string }{
		"unknown": {server.URL, "", "GATEWAY_CA_FILE"},
		// The test server's certificate is of 127.0.0.1 and example.com.
		"another name": {otherName, ca, "es de otro nombre"},
		"known":        {server.URL, ca, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, gatewaytest.Options{Configure: func(c *config.Config) {
				c.CAFile, c.SEP.URL, c.PADE.Addendas.URL = tc.ca, tc.url+"/", tc.url+"/addendas"
				c.SAT.CFDI.AutenticaURL = tc.url + "/autentica"
			}})
			for system, got := range map[string]gatewaytest.Response{
				"sat":  operationNamed(opVerify).call(r),
				"sep":  r.Get("/v1/sep/lotes/1"),
				"pade": r.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|1"}),
			} {
				if tc.say == "" {
					if strings.Contains(string(got.Body), "certificado") || got.Status < 400 {
						t.Errorf("%s: status %d: %s", system, got.Status, got.Body)
					}
					continue
				}
				p := wantProblem(t, got, http.StatusServiceUnavailable, "backend-no-disponible")
				if p.Reintentable || p.Backend != system || !strings.Contains(p.Detail, tc.say) || strings.Contains(p.Detail, "más tarde") {
					t.Errorf("%s: %+v", system, p)
				}
			}
		})
	}
}
