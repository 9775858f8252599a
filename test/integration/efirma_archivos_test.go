package integration

import (
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// inUTF16 writes a text as PowerShell's ">" does.
func inUTF16(text string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text + "\r\n")) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestEFirmas_WhenTheIssuerIsChecked(t *testing.T) {
	t.Parallel()
	other, err := autoridad.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "otra.pem")
	overwrite(t, foreign, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate.Raw})))
	start := func(authorities func(*config.Config) string) *gatewaytest.Gateway {
		return gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.EfirmaCAFile = authorities(c) }})
	}
	token := func(g *gatewaytest.Gateway) gatewaytest.Response {
		return g.Post("/v1/sat/cfdi/autenticaciones", map[string]any{"rfc": gatewaytest.Company})
	}

	own := start(func(c *config.Config) string { return filepath.Join(filepath.Dir(c.EfirmaDir), "ca.pem") })
	wantStatus(t, token(own), http.StatusCreated)

	g := start(func(*config.Config) string { return foreign })
	if p := wantProblem(t, token(g), http.StatusUnprocessableEntity, "efirma"); p.Codigo != "emisor_no_reconocido" {
		t.Errorf("codigo %q: %s", p.Codigo, p.Detail)
	}
	var seen struct {
		Estado, MotivoCodigo, Motivo string
	}
	r := g.Get("/v1/efirmas/" + gatewaytest.Company)
	wantStatus(t, r, http.StatusOK)
	r.JSON(t, &seen)
	if seen.Estado != "rechazada" || seen.MotivoCodigo != "emisor_no_reconocido" || seen.Motivo == "" {
		t.Errorf("%s", r.Body)
	}
}

// Whoever writes passwords on Windows gets an e.firma and an account that work.
func TestSecretFiles_WhenTheyAreInUTF16(t *testing.T) {
	t.Parallel()
	const account = "contraseña-é"
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		overwrite(t, c.SEP.PasswordFile, inUTF16(account))
		path := filepath.Join(c.EfirmaDir, gatewaytest.Company, "password.txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		overwrite(t, path, inUTF16(string(text)))
	}})
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_password": account}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, g.Post("/v1/sat/cfdi/autenticaciones", map[string]any{"rfc": gatewaytest.Company}), http.StatusCreated)
	// The SEP does not know the lote; with another password it would not say so.
	wantProblem(t, g.Get("/v1/sep/lotes/999"), http.StatusNotFound, "no-encontrado")
}
