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
	sealed, err := NewSello("", own).seal(t.Context(), "whd_1", "canario")
	if err != nil || strings.Contains(sealed, "canario") || strings.Contains(sealed, base64.StdEncoding.EncodeToString([]byte("canario"))) {
		t.Fatalf("%s, error %v", sealed, err)
	}
	if info, err := os.Stat(own); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, error %v", info, err)
	}
	again := NewSello(own, "") // another process, or the same file as configuration
	if got, err := again.open(t.Context(), "whd_1", sealed); err != nil || got != "canario" {
		t.Errorf("%s, error %v", got, err)
	}
	if _, err := again.open(t.Context(), "whd_2", sealed); err == nil {
		t.Error("opens for another row")
	}
	if _, err := NewSello("", filepath.Join(dir, "otra.key")).open(t.Context(), "whd_1", sealed); err == nil {
		t.Error("opens with another key")
	}
	if _, err := again.open(t.Context(), "whd_1", "AAAA"); err == nil {
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
		_, err := s.seal(t.Context(), "whd_1", "x")
		if !gateway.IsKind(err, gateway.KindInterno) || strings.Contains(err.Error(), "canario") || strings.Contains(gateway.AsError(err).Detail, dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"a line": good + "\n", "a mark": "\ufeff" + good + "\r\n", "UTF-16": "\xff\xfe" + strings.Join(strings.Split(good, ""), "\x00") + "\x00\r\x00\n\x00",
	} {
		if _, err := NewSello(write(name, text, 0o400), "").seal(t.Context(), "whd_1", "x"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Several gateways must share a key. Without one nothing is registered, and the text
	// says what to set.
	r := newRig(t, func(c *Config) { c.Sello = NewSello("", "") })
	_, _, err := r.Create(t.Context(), "erp", Registration{URL: "https://erp.example/", Eventos: Eventos(), RFCs: []string{"*"}, Active: true})
	if err == nil || !strings.Contains(gateway.AsError(err).Detail, "GATEWAY_SECRETS_KEY_FILE") {
		t.Errorf("error %v", err)
	}
}

// The secret, and the token in the address, are in no log line, metric, error or file of
// the data directory.
func TestSecrets_WhenLookedForAreNowhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, secret := r.create()
	fresh, _, err := r.Rotate(t.Context(), "erp", d.ID, Overlap)
	if err != nil {
		t.Fatal(err)
	}
	canaries := []string{"canario-de-url", "/avisos", "canario-de-respuesta"}
	for _, s := range []string{secret, fresh} {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		canaries = append(canaries, strings.TrimPrefix(s, "whsec_"), string(raw))
	}
	r.receptor.respond(500, 200)
	r.publish("1")
	r.ringAll()
	r.receptor.Close()
	r.publish("2") // net/http's errors hold the address
	r.ring()
	if strings.Count(r.log.String(), "webhook") < 3 {
		t.Errorf("too few lines:\n%s", r.log)
	}
	contain(t, "the log", r.log.String(), canaries...)
	for _, result := range r.cuentas {
		if !slices.Contains(Results(), result) {
			t.Errorf("a metric's label is %q", result)
		}
	}
	// Another key cannot decrypt: this is reported, logged and tried again, and reveals
	// nothing.
	other := New(func() Config { c := r.voucher; c.Sello = NewSello("", filepath.Join(r.dir, "otra.key")); return c }())
	page, _, err := r.Entregas(t.Context(), "erp", d.ID, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	r.advance(time.Hour)
	if _, err := other.Try(t.Context(), page[0].ID, page[0].Turn); err != nil {
		t.Fatal(err)
	}
	if page, _, err = r.Entregas(t.Context(), "erp", d.ID, "", 1); err != nil || page[0].Estado != "pendiente" || page[0].Attempts[1].Result != ResultadoIlegible {
		t.Errorf("%+v, error %v", page, err)
	}
	// The owner repairs that with another address and secret.
	seen, err := other.List(t.Context(), "erp")
	if err != nil || len(seen) != 1 || seen[0].URL != "" {
		t.Errorf("%+v, error %v", seen, err)
	}
	live := newReceptor(t)
	other.client = Red{Private: true, Roots: live.roots()}.client()
	if _, err := other.Change(t.Context(), "erp", d.ID, Registration{URL: live.URL, Eventos: d.Eventos, RFCs: d.RFCs, Active: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Rotate(t.Context(), "erp", d.ID, Overlap); err != nil {
		t.Fatal(err)
	}
	e, err := other.Resend(t.Context(), "erp", d.ID, page[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Try(t.Context(), e.ID, e.Turn); err != nil || len(live.recibidos()) != 1 {
		t.Errorf("%d requests, error %v", len(live.recibidos()), err)
	}
	contain(t, "the log", r.log.String(), canaries...)
	files := 0
	err = filepath.WalkDir(r.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		contain(t, path, string(text), canaries...)
		return err
	})
	if err != nil || files < 3 { // database, write-ahead log and keys
		t.Errorf("%d files, error %v", files, err)
	}
}

// The key is read once. If its disk hangs, callers get an error and nobody waits.
func TestSello_WhenTheDiskHangs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secretos.key")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("SKIPPED: this file system has no pipes with names: ", err)
	}
	s := NewSello(path, "")
	s.disk = disk.NewPatient(1, 10*time.Millisecond)
	for range 3 {
		if err := s.Confirm(); !errors.Is(err, disk.ErrHangs) || !gateway.IsKind(err, gateway.KindSinServicio) {
			t.Fatal(err)
		}
	}
	// The disk answers again.
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(pipe.Close(), os.Remove(path), os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600)); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); s.Confirm() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(s.Confirm())
		}
	}
}
