package apikeys

import (
	"errors"
	"net/netip"
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
	return `{"id":"` + idOf(name) + `","name":"` + name + `","sha256":"` + Digest(key) + `","rfcs":[` + rfcs + `],"scopes":[` + scopes + `]}`
}

// with adds a field to an entry.
func with(entry, field string) string { return strings.TrimSuffix(entry, "}") + "," + field + "}" }

// idOf returns a well-formed id for a name.
func idOf(name string) string { return "key_" + (strings.Map(letter, Digest(name)))[:26] }

// letter maps a hexadecimal digit to a base32 letter.
func letter(r rune) rune {
	if r < '2' || r > '7' && r < 'a' {
		return r + 'g' - '0'
	}
	return r
}

// quiet fails t if any fault is reported.
func quiet(t *testing.T) func(Fault) {
	return func(f Fault) { t.Error(f.Err) }
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
	ring, err := Open(path, time.Now, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring.Find(key)
	if err != nil || !idForm.MatchString(got.ID) || got.Owner() != got.ID || got.Name != "erp" || !got.Sees("Ñ&P010101AB3") || got.Sees("PRU010101AB1") || !got.Allows(ScopePaquetes) || got.Allows(ScopeToken) {
		t.Errorf("found %+v, %v", got, err)
	}
	for _, wrong := range []string{"", key + "x", key[:len(key)-1], digest} {
		if _, err := ring.Find(wrong); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// PowerShell and Notepad save with a byte order mark.
func TestOpen_WhenAnEditorSavedIt(t *testing.T) {
	t.Parallel()
	text := `{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `]}`
	for name, saved := range map[string]string{
		"a mark": "\ufeff" + text + "\r\n", "UTF-16": "\xff\xfe" + strings.Join(strings.Split(text, ""), "\x00") + "\x00",
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		write(t, path, saved)
		ring, err := Open(path, time.Now, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if key, err := ring.Find("k"); err != nil || key.Name != "a" {
			t.Errorf("%s: found %+v, %v", name, key, err)
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
		"no id":          {`{"keys":[{"name":"a","sha256":"` + Digest("k") + `","rfcs":["*"],"scopes":["*"]}]}`, "gateway keys create"},
		"a name for id":  {strings.Replace(`{"keys":[`+entry("a", "k", `"*"`, `"*"`)+`]}`, idOf("a"), "key_a", 1), "gateway keys create"},
		"a name twice":   {`{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `,` + strings.Replace(entry("a", "l", `"*"`, `"*"`), idOf("a"), idOf("b"), 1) + `]}`, "same name"},
		"an id twice":    {`{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `,` + strings.Replace(entry("a", "l", `"*"`, `"*"`), `"name":"a"`, `"name":"b"`, 1) + `]}`, "same id"},
		"a digest twice": {`{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `,` + strings.Replace(entry("b", "k", `"*"`, `"*"`), Digest("k"), strings.ToUpper(Digest("k")), 1) + `]}`, "same sha256"},
		"a list twice":   {`{"keys":[` + entry("a", "k", `"*"`, `"*"`) + `],"keys":[]}`, `"keys" stands twice`},
		"RFCs twice":     {`{"keys":[` + with(entry("a", "k", `"PRU010101AB1"`, `"*"`), `"RFCs":["*"]`) + `]}`, `"RFCs" stands twice`},
		"shares a name":  {`{"keys":[` + with(entry("a", "k", `"*"`, `"*"`), `"shares":"b"`) + `]}`, "shares"},
		"no instant":     {`{"keys":[` + with(entry("a", "k", `"*"`, `"*"`), `"expires":"2026-01-31"`) + `]}`, "2026-01-31"},
		"no network":     {`{"keys":[` + with(entry("a", "k", `"*"`, `"*"`), `"networks":[]`) + `]}`, "networks"},
		"an address":     {`{"keys":[` + with(entry("a", "k", `"*"`, `"*"`), `"networks":["192.0.2.1"]`) + `]}`, "192.0.2.1"},
		"IPv4 in IPv6":   {`{"keys":[` + with(entry("a", "k", `"*"`, `"*"`), `"networks":["::ffff:192.0.2.0/120"]`) + `]}`, "networks"},
		"a key, no hash": {`{"keys":[{"id":"` + idOf("a") + `","name":"a","sha256":"pasarela_x","rfcs":["*"],"scopes":["*"]}]}`, "sha256"},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		write(t, path, tc.text)
		if _, err := Open(path, time.Now, nil); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.says)
		}
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, `{"keys":[]}`)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, time.Now, nil); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("a file that all may write: %v", err)
	}
}

func TestMay_WhenTheKeyChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	now := time.Now()
	write(t, path, `{"keys":[`+strings.Join([]string{
		entry("erp", "k", `"PRU010101AB1"`, `"webhooks"`), entry("todo", "l", `"*"`, `"*"`), entry("lee", "m", `"*"`, `"efirmas:leer"`),
		with(entry("otra", "n", `"PEPJ800101AB5"`, `"webhooks"`), `"shares":"`+idOf("erp")+`"`),
		with(entry("vencida", "o", `"*"`, `"*"`), `"expires":"`+now.Format(time.RFC3339)+`"`),
	}, ",")+`]}`)
	r, err := Open(path, time.Now, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, rfc string
		want      bool
	}{
		{"erp", "PRU010101AB1", true}, {"erp", "PEPJ800101AB5", true}, {"erp", "XAXX010101000", false}, {"todo", "PEPJ800101AB5", true},
		{"lee", "PRU010101AB1", false}, {"otra", "PEPJ800101AB5", false}, {"vencida", "PRU010101AB1", false}, {"nadie", "PRU010101AB1", false},
	} {
		if got, err := r.May(idOf(tc.name), ScopeWebhooks, tc.rfc, now); got != tc.want || err != nil {
			t.Errorf("%+v: %v, %v", tc, got, err)
		}
	}
	for _, owner := range []string{"", "erp"} {
		if got, err := r.May(owner, ScopeWebhooks, "PRU010101AB1", now); got || err != nil {
			t.Errorf("owner %q: %v, %v", owner, got, err)
		}
	}
	write(t, path, `{"keys":[]}`)
	if got, err := r.May(idOf("erp"), ScopeWebhooks, "PRU010101AB1", now); got || err != nil {
		t.Errorf("a key that is gone: %v, %v", got, err)
	}
}

func TestUsable_ByTimeAndAddress(t *testing.T) {
	t.Parallel()
	ends := time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC)
	office := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	for name, tc := range map[string]struct {
		key  Key
		at   time.Time
		from string
		want error
	}{
		"for ever, from anywhere":   {Key{}, ends, "198.51.100.1", nil},
		"from no address at all":    {Key{}, ends, "", nil},
		"before its end":            {Key{Expires: ends}, ends.Add(-time.Nanosecond), "198.51.100.1", nil},
		"at its end":                {Key{Expires: ends}, ends, "198.51.100.1", ErrExpired},
		"after it":                  {Key{Expires: ends}, ends.Add(time.Hour), "198.51.100.1", ErrExpired},
		"from its network":          {Key{Networks: office}, ends, "192.0.2.77", nil},
		"the same, written as IPv6": {Key{Networks: office}, ends, "::ffff:192.0.2.77", nil},
		"from its other network":    {Key{Networks: office}, ends, "2001:db8::1", nil},
		"with a zone":               {Key{Networks: office}, ends, "2001:db8::1%eth0", nil},
		"from another":              {Key{Networks: office}, ends, "192.0.3.1", ErrNetwork},
		"from nowhere":              {Key{Networks: office}, ends, "", ErrNetwork},
		"at its end, from another":  {Key{Expires: ends, Networks: office}, ends, "192.0.3.1", ErrExpired},
	} {
		from, _ := netip.ParseAddr(tc.from)
		if err := tc.key.Usable(tc.at, from); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
