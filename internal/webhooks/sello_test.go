package webhooks

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestSello_WhenItsKeyIsMadeOrGiven(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := filepath.Join(dir, "secretos.key")
	sealed, err := NewSello("", own).sella(t.Context(), "whd_1", "canario")
	if err != nil || strings.Contains(sealed, "canario") || strings.Contains(sealed, base64.StdEncoding.EncodeToString([]byte("canario"))) {
		t.Fatalf("%s, error %v", sealed, err)
	}
	if info, err := os.Stat(own); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, error %v", info, err)
	}
	again := NewSello(own, "") // another process, or the same file given
	if got, err := again.abre(t.Context(), "whd_1", sealed); err != nil || got != "canario" {
		t.Errorf("%s, error %v", got, err)
	}
	if _, err := again.abre(t.Context(), "whd_2", sealed); err == nil {
		t.Error("opens for another row")
	}
	if _, err := NewSello("", filepath.Join(dir, "otra.key")).abre(t.Context(), "whd_1", sealed); err == nil {
		t.Error("opens with another key")
	}
	if _, err := again.abre(t.Context(), "whd_1", "AAAA"); err == nil {
		t.Error("opens what was never sealed")
	}
	if left, err := filepath.Glob(own + ".*"); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, error %v", left, err)
	}
}

func TestSello_WhenItsKeyIsNoGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode fs.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, s := range map[string]*Sello{
		"none": NewSello("", ""), "missing": NewSello(filepath.Join(dir, "nada"), ""), "short": NewSello(write("short", "Y2FuYXJpbw==", 0o600), ""),
		"no base64": NewSello(write("text", "canario!", 0o600), ""), "open to others": NewSello(write("open", good, 0o622), ""), "large": NewSello(write("large", strings.Repeat("A", 2000), 0o600), ""),
	} {
		_, err := s.sella(t.Context(), "whd_1", "x")
		if !gateway.IsKind(err, gateway.KindInterno) || strings.Contains(err.Error(), "canario") || strings.Contains(gateway.AsError(err).Detail, dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"a line": good + "\n", "a mark": "\ufeff" + good + "\r\n", "UTF-16": "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00\r\x00\n\x00",
	} {
		if _, err := NewSello(write(name, text, 0o400), "").sella(t.Context(), "whd_1", "x"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Several gateways must share a key: without one, nothing is registered, and the text says what to set.
	r := nuevoRig(t, func(c *Config) { c.Sello = NewSello("", "") })
	_, _, err := r.Crea(t.Context(), "erp", Alta{URL: "https://erp.example/", Eventos: Eventos(), RFCs: []string{"*"}, Activo: true})
	if err == nil || !strings.Contains(gateway.AsError(err).Detail, "GATEWAY_SECRETS_KEY_FILE") {
		t.Errorf("error %v", err)
	}
}

// TestSecretos_WhenLookedForAreNowhere: the secret, and the token in the address,
// are in no log line, metric, error or file of the data directory.
func TestSecretos_WhenLookedForAreNowhere(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	d, secreto := r.crea()
	nuevo, _, err := r.Rota(t.Context(), "erp", d.ID, Traslape)
	if err != nil {
		t.Fatal(err)
	}
	canarios := []string{"canario-de-url", "/avisos", "canario-de-respuesta"}
	for _, s := range []string{secreto, nuevo} {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		canarios = append(canarios, strings.TrimPrefix(s, "whsec_"), string(raw))
	}
	r.receptor.responde(500, 200)
	r.publica("1")
	r.sonarTodas()
	r.receptor.Close()
	r.publica("2") // net/http's errors hold the address
	r.suena()
	if strings.Count(r.log.String(), "webhook") < 3 {
		t.Errorf("too few lines:\n%s", r.log)
	}
	contiene(t, "the log", r.log.String(), canarios...)
	for _, resultado := range r.cuentas {
		if !slices.Contains(Resultados(), resultado) {
			t.Errorf("a metric's label is %q", resultado)
		}
	}
	// The key no longer opens what it sealed: told, logged and tried again, without a word of it.
	otra := New(func() Config { c := r.vale; c.Sello = NewSello("", filepath.Join(r.dir, "otra.key")); return c }())
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	r.avanza(time.Hour)
	if _, err := otra.Intenta(t.Context(), page[0].ID, page[0].Turno); err != nil {
		t.Fatal(err)
	}
	if page, _, err = r.Entregas(t.Context(), "erp", d.ID, "", 1); err != nil || page[0].Estado != "pendiente" || page[0].Intentos[1].Resultado != ResultadoIlegible {
		t.Errorf("%+v, error %v", page, err)
	}
	// Its owner mends that: another address, another secret.
	seen, err := otra.Lista(t.Context(), "erp")
	if err != nil || len(seen) != 1 || seen[0].URL != "" {
		t.Errorf("%+v, error %v", seen, err)
	}
	vivo := nuevoReceptor(t)
	otra.cliente = Red{Privados: true, Raices: vivo.raices()}.cliente()
	if _, err := otra.Cambia(t.Context(), "erp", d.ID, Alta{URL: vivo.URL, Eventos: d.Eventos, RFCs: d.RFCs, Activo: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := otra.Rota(t.Context(), "erp", d.ID, Traslape); err != nil {
		t.Fatal(err)
	}
	e, err := otra.Reenvia(t.Context(), "erp", d.ID, page[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := otra.Intenta(t.Context(), e.ID, e.Turno); err != nil || len(vivo.recibidos()) != 1 {
		t.Errorf("%d requests, error %v", len(vivo.recibidos()), err)
	}
	contiene(t, "the log", r.log.String(), canarios...)
	files := 0
	err = filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		contiene(t, path, string(text), canarios...)
		return err
	})
	if err != nil || files < 3 { // database, its log and the keys
		t.Errorf("%d files, error %v", files, err)
	}
}

// The key is read once; where its disk hangs, whoever needs it is told, and nobody waits.
func TestSello_WhenTheDiskHangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secretos.key")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	s := NewSello(path, "")
	s.disco = disk.NewPatient(1, 10*time.Millisecond)
	for range 3 {
		if err := s.Comprueba(); !errors.Is(err, disk.ErrHangs) || !gateway.IsKind(err, gateway.KindSinServicio) {
			t.Fatal(err)
		}
	}
	// It is back.
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pipe.Close(), os.Remove(path), os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); s.Comprueba() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(s.Comprueba())
		}
	}
}
