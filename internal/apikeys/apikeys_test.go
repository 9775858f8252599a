package apikeys

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Two writes within a clock tick must differ.
	past := time.Now().Add(-time.Duration(len(text)) * time.Second)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
}

func entry(name, key, rfcs, scopes string) string {
	return `{"name":"` + name + `","sha256":"` + Digest(key) + `","rfcs":[` + rfcs + `],"scopes":[` + scopes + `]}`
}

func TestAdd_ThenFind(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	key, digest, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	erp := Key{Name: "erp", SHA256: digest, RFCs: []string{"Ñ&P010101AB3"}, Scopes: []string{ScopePaquetes}}
	if err := Add(path, erp); err != nil {
		t.Fatal(err)
	}
	if err := Add(path, erp); err == nil {
		t.Error("two keys of one name")
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), key) {
		t.Errorf("the file holds the key itself: %s, %v", text, err)
	}
	ring, err := Open(path, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	got, ok := ring.Find(key)
	if !ok || got.Name != "erp" || !got.Sees("Ñ&P010101AB3") || got.Sees("PRU010101AB1") || !got.Allows(ScopePaquetes) || got.Allows(ScopeToken) {
		t.Errorf("found %+v, %v", got, ok)
	}
	for _, wrong := range []string{"", key + "x", key[:len(key)-1], digest} {
		if _, ok := ring.Find(wrong); ok {
			t.Errorf("%q is let in", wrong)
		}
	}
}

func TestRing_WhenFileChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, `{"keys":[`+entry("a", "key-a", `"*"`, `"*"`)+`]}`)
	var faults []error
	ring, err := Open(path, func(err error) { faults = append(faults, err) })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(key string, want bool) {
		t.Helper()
		if _, ok := ring.Find(key); ok != want {
			t.Errorf("%s: %v, want %v", key, ok, want)
		}
	}
	expect("key-a", true)
	write(t, path, `{"keys":[`+entry("bb", "key-b", `"*"`, `"*"`)+`]}`)
	expect("key-a", false)
	expect("key-b", true)
	write(t, path, `{"keys":[`) // half written
	expect("key-b", true)
	expect("key-b", true)
	if len(faults) != 1 {
		t.Errorf("%d faults told, want one: %v", len(faults), faults)
	}
	write(t, path, `{"keys":[]}`)
	expect("key-b", false)
	write(t, path, `{"keys":[`+entry("c", "key-c", `"*"`, `"*"`)+`]}`)
	expect("key-c", true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("key-c", false)
}

// PowerShell and Notepad put a mark before what they save.
func TestOpen_WhenAnEditorSavedIt(t *testing.T) {
	t.Parallel()
	text := `{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `]}`
	for name, saved := range map[string]string{
		"a mark": "\ufeff" + text + "\r\n", "UTF-16": "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00") + "\x00",
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		write(t, path, saved)
		ring, err := Open(path, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if key, ok := ring.Find("k"); !ok || key.Name != "a" {
			t.Errorf("%s: found %+v", name, key)
		}
	}
}

func TestOpen_WhenFileIsAtFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, says string }{
		"not JSON":       {`keys`, "invalid"},
		"unknown field":  {`{"keys":[],"x":1}`, "x"},
		"no name":        {`{"keys":[` + entry("", "k", `"*"`, `"*"`) + `]}`, "name"},
		"no RFC":         {`{"keys":[` + entry("a", "k", ``, `"*"`) + `]}`, "rfcs"},
		"bad RFC":        {`{"keys":[` + entry("a", "k", `"pru010101ab1"`, `"*"`) + `]}`, "pru010101ab1"},
		"no scope":       {`{"keys":[` + entry("a", "k", `"*"`, ``) + `]}`, "scopes"},
		"unknown scope":  {`{"keys":[` + entry("a", "k", `"*"`, `"sat:todo"`) + `]}`, ScopePaquetes},
		"a key, no hash": {`{"keys":[{"name":"a","sha256":"pasarela_x","rfcs":["*"],"scopes":["*"]}]}`, "sha256"},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		write(t, path, tc.text)
		if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.says)
		}
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, `{"keys":[]}`)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a file that all may write: %v", err)
	}
}

func TestMay_WhenTheKeyChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, `{"keys":[`+entry("erp", "k", `"PRU010101AB1"`, `"webhooks"`)+`,`+entry("todo", "l", `"*"`, `"*"`)+`,`+entry("lee", "m", `"*"`, `"efirmas:leer"`)+`]}`)
	r, err := Open(path, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, rfc string
		want      bool
	}{{"erp", "PRU010101AB1", true}, {"erp", "PEPJ800101AB5", false}, {"todo", "PEPJ800101AB5", true}, {"lee", "PRU010101AB1", false}, {"nadie", "PRU010101AB1", false}, {"", "PRU010101AB1", false}} {
		if got := r.May(tc.name, ScopeWebhooks, tc.rfc); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
	write(t, path, `{"keys":[]}`)
	if r.May("erp", ScopeWebhooks, "PRU010101AB1") {
		t.Error("a key that is gone")
	}
}
