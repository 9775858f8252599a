package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kelseyhightower/envconfig"
)

// clear takes every GATEWAY_ variable out of the test's environment.
func clear(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, Prefix+"_") {
			t.Setenv(name, "")
			os.Unsetenv(name) //nolint:errcheck // Setenv restores it
		}
	}
}

func TestLoad_WhenNothingIsSet(t *testing.T) {
	clear(t)
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.SAT.Firma != "sobre" ||
		c.SAT.CFDI.AutenticaURL != "https://cfdidescargamasivasolicitud.clouda.sat.gob.mx/Autenticacion/Autenticacion.svc" ||
		c.SAT.CFDI.DescargaURL != "https://cfdidescargamasiva.clouda.sat.gob.mx/DescargaMasivaService.svc" ||
		c.SAT.Retenciones.VerificaURL != "https://retendescargamasivasolicitud.clouda.sat.gob.mx/VerificaSolicitudDescargaService.svc" {
		t.Errorf("%+v", c)
	}
}

func TestLoad_WhenMuchIsWrong(t *testing.T) {
	clear(t)
	for name, value := range map[string]string{
		"GATEWAY_LISTEN": "0.0.0.0:8080", "GATEWAY_LOG_LEVEL": "loud", "GATEWAY_SAT_FIRMA": "x", "GATEWAY_SHUTDOWN_TIMEOUT": "soon",
		"GATEWAY_SAT_CFDI_AUTENTICA_URL": "http://sat.example/a", "GATEWAY_SAT_RETENCIONES_DESCARGA_URL": "https://user:canario@sat.example/d",
		"GATEWAY_EFIRMA_DIR": "/nowhere/at/all", "GATEWAY_ADMIN_LISTEN": "9090", "GATEWAY_SAT_CFDI_AUTENTCA_URL": "https://x", "GATEWAY_WEBHOOKS_PUERTOS": "443,0",
	} {
		t.Setenv(name, value)
	}
	_, err := Load()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"GATEWAY_LISTEN", "GATEWAY_API_KEYS_FILE", "GATEWAY_LOG_LEVEL", "GATEWAY_SAT_FIRMA", "GATEWAY_SHUTDOWN_TIMEOUT",
		"GATEWAY_SAT_CFDI_AUTENTICA_URL", "GATEWAY_SAT_RETENCIONES_DESCARGA_URL", "GATEWAY_EFIRMA_DIR", "GATEWAY_ADMIN_LISTEN", "GATEWAY_SAT_CFDI_AUTENTCA_URL", "GATEWAY_WEBHOOKS_PUERTOS"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "canario") {
		t.Errorf("a password is shown:\n%v", err)
	}
}

func TestCheck_WhenListening(t *testing.T) {
	clear(t)
	base, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for listen, fine := range map[string]bool{
		"127.0.0.1:0": true, "[::1]:8080": true, "localhost:8080": true, "127.8.8.8:1": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "192.168.1.5:80": false, "gateway.example:80": false,
	} {
		c := base
		c.Listen = listen
		if err := c.Check(); (err == nil) != fine {
			t.Errorf("%s without keys: %v", listen, err)
		}
		c.APIKeysFile = "keys.json"
		if err := c.Check(); err != nil {
			t.Errorf("%s with keys: %v", listen, err)
		}
	}
}

func TestCheck_WhenTheAdminPageHasNames(t *testing.T) {
	clear(t)
	t.Setenv("GATEWAY_ADMIN_NOMBRES", "pasarela.ejemplo.mx,otra.ejemplo.mx")
	c, err := Load()
	if err != nil || len(c.AdminNombres) != 2 || c.AdminNombres[1] != "otra.ejemplo.mx" {
		t.Fatalf("%q, error %v", c.AdminNombres, err)
	}
	for _, name := range []string{"https://pasarela.ejemplo.mx", "pasarela.ejemplo.mx:443", "pasarela.ejemplo.mx/descargas", "*.ejemplo.mx", " otra.ejemplo.mx", ""} {
		c.AdminNombres = []string{"pasarela.ejemplo.mx", name}
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), "GATEWAY_ADMIN_NOMBRES") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestUpstream_WhenInTheClear(t *testing.T) {
	t.Parallel()
	for url, fine := range map[string]bool{
		"https://sat.example/x": true, "http://127.0.0.1:8081/x": true, "http://localhost/x": true, "http://[::1]:9/x": true,
		"http://sat.example/x": false, "http://10.0.0.1/x": false, "ftp://127.0.0.1/x": false, "127.0.0.1": false, "": false, "https://sat.example/x?wsdl": false,
	} {
		if err := upstream("X", url); (err == nil) != fine {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Settings must name the variables that envconfig reads, all and no other.
func TestSettings_AreThoseThatAreRead(t *testing.T) {
	t.Parallel()
	var read bytes.Buffer
	if err := envconfig.Usagef(Prefix, &Config{}, &read, "{{range .}}{{usage_key .}}\n{{end}}"); err != nil {
		t.Fatal(err)
	}
	settings, err := Settings()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
		if s.Description == "" {
			t.Errorf("%s has no description", s.Name)
		}
	}
	if want := strings.Fields(read.String()); !slices.Equal(names, want) {
		t.Errorf("settings\n%v\nread\n%v", names, want)
	}
}

func TestCheck_WhenTheDatabaseIsElsewhere(t *testing.T) {
	clear(t)
	base, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		url, file string
		fine      bool
	}{
		{"", "", true}, {"", "clave.txt", false},
		{"postgres://u@db.example:5432/pasarela", "", true}, {"postgresql://u@db.example/pasarela?sslmode=verify-full", "clave.txt", true},
		{"postgres://u:canario@db.example/pasarela", "", true}, {"postgres:///pasarela?host=/run/postgresql", "", true},
		{"postgres://u:canario@db.example/pasarela", "clave.txt", false}, {"postgres://db.example/pasarela?password=canario", "clave.txt", false},
		{"mysql://u:canario@db.example/pasarela", "", false}, {"host=db.example password=canario", "", false},
		{"postgres://u:canario@db.example:puerto/pasarela", "", false}, {"postgres:u:canario@db.example", "", false}, {"postgres://u:can%zzario@db.example", "", false},
	} {
		c := base
		c.DatabaseURL, c.DatabasePasswordFile, c.BlobURL = Secret(tc.url), tc.file, "s3://paquetes"
		err := c.Check()
		if (err == nil) != tc.fine {
			t.Errorf("%q with file %q: %v", tc.url, tc.file, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "GATEWAY_DATABASE_") || strings.Contains(err.Error(), "can") || strings.Contains(err.Error(), "db.example")) {
			t.Errorf("%q: %v", tc.url, err)
		}
	}
}

func TestDatabase_WhenThePasswordIsInAFile(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                              "",
		"postgres://u@h/d":              "postgres://u@h/d?password=a%26b%3F%20%C3%B1",
		"postgres:///d?host=%2Frun&x=1": "postgres:///d?host=%2Frun&password=a%26b%3F%20%C3%B1&x=1",
	} {
		if got := (Config{DatabaseURL: Secret(url)}).Database("a&b? ñ"); got != want {
			t.Errorf("%q: %q, want %q", url, got, want)
		}
		if got := (Config{DatabaseURL: Secret(url)}).Database(""); got != url {
			t.Errorf("%q without a password: %q", url, got)
		}
	}
}

func TestSecret_WhenPrinted(t *testing.T) {
	t.Setenv("GATEWAY_DATABASE_URL", "postgres://u:canario@h/d")
	t.Setenv("GATEWAY_BLOB_URL", "s3://paquetes")
	c, err := Load()
	if err != nil || c.Database("") != "postgres://u:canario@h/d" {
		t.Fatalf("%v", err)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v", c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprint(c.DatabaseURL), fmt.Sprintf("%q %x", c.DatabaseURL, c.DatabaseURL), string(asJSON)} {
		if strings.Contains(text, "canario") || strings.Contains(text, "63616e6172696f") {
			t.Errorf("shown: %s", text)
		}
	}
}

func TestLoad_WhenWebhooksMayGoFurther(t *testing.T) {
	clear(t)
	c, err := Load()
	if err != nil || c.Webhooks.Privados || !slices.Equal(c.Webhooks.Puertos, []uint16{443}) {
		t.Errorf("%+v, error %v", c.Webhooks, err)
	}
	t.Setenv("GATEWAY_WEBHOOKS_PRIVADOS", "true")
	t.Setenv("GATEWAY_WEBHOOKS_PUERTOS", "443,8443")
	t.Setenv("GATEWAY_SECRETS_KEY_FILE", "/k")
	if c, err = Load(); err != nil || !c.Webhooks.Privados || !slices.Equal(c.Webhooks.Puertos, []uint16{443, 8443}) || c.SecretsKeyFile != "/k" {
		t.Errorf("%+v, error %v", c.Webhooks, err)
	}
}
