package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
)

func TestKeys_WhenMadeListedAndRevoked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	s := execute(t, "", "keys", "create", "--file", file, "--name", "erp", "--rfc", "PRU010101AB1,PEPJ800101AB5", "--scope", "sat:descargas,sat:paquetes")
	key := strings.TrimSpace(s.out)
	if s.codigo != 0 || !strings.HasPrefix(key, "pasarela_") || strings.Count(s.out, "\n") != 1 || strings.Contains(s.err, key) {
		t.Fatalf("create: %+v", s)
	}
	saved, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(saved), key) || !strings.Contains(string(saved), apikeys.Digest(key)) {
		t.Fatalf("the file: %v: %s", err, saved)
	}
	// The setting is the default of --file.
	t.Setenv("GATEWAY_API_KEYS_FILE", file)
	if s := execute(t, "", "keys", "create", "--name", "todo", "--rfc", "*"); s.codigo != 0 {
		t.Fatalf("create by the setting: %+v", s)
	}
	if s := execute(t, "", "keys", "create", "--name", "erp-2", "--rfc", "PRU010101AB1", "--shares", "erp", "--expires", "2126-12-31", "--network", "192.0.2.7/24,2001:db8::/48"); s.codigo != 0 {
		t.Fatalf("create with all: %+v", s)
	}
	keys, err := apikeys.List(file)
	if err != nil || len(keys) != 3 {
		t.Fatalf("%+v, %v", keys, err)
	}
	erp, todo, erp2 := keys[0], keys[1], keys[2]
	if erp2.Owner() != erp.ID || erp2.ID == erp.ID || todo.Owner() != todo.ID {
		t.Errorf("erp is %s; erp-2 is %s and shares with %s", erp.ID, erp2.ID, erp2.Owner())
	}
	s = execute(t, "", "keys", "list")
	if got, want := strings.Fields(s.out), strings.Fields("NOMBRE RFC ALCANCES VENCE REDES ID COMPARTE CON "+
		"erp PRU010101AB1,PEPJ800101AB5 sat:descargas,sat:paquetes - - "+erp.ID+" - "+
		"todo * * - - "+todo.ID+" - "+
		"erp-2 PRU010101AB1 * 2127-01-01T00:00:00-06:00 192.0.2.0/24,2001:db8::/48 "+erp2.ID+" "+erp.ID); !slices.Equal(got, want) || s.codigo != 0 {
		t.Errorf("list: %+v", s)
	}
	s = execute(t, "", "keys", "list", "--json")
	var list struct{ Claves []map[string]any }
	if err := json.Unmarshal([]byte(s.out), &list); err != nil || len(list.Claves) != 3 || strings.Contains(s.out, apikeys.Digest(key)) {
		t.Errorf("list --json: %v: %+v", err, s)
	}
	if diff := cmp.Diff(map[string]any{"id": todo.ID, "nombre": "todo", "rfcs": []any{"*"}, "alcances": []any{"*"}}, list.Claves[1]); diff != "" {
		t.Errorf("list --json (-want +got):\n%s", diff)
	}
	all := map[string]any{"id": erp2.ID, "nombre": "erp-2", "rfcs": []any{"PRU010101AB1"}, "alcances": []any{"*"}, "vence": "2127-01-01T00:00:00-06:00",
		"redes": []any{"192.0.2.0/24", "2001:db8::/48"}, "comparteCon": erp.ID}
	if diff := cmp.Diff(all, list.Claves[2]); diff != "" {
		t.Errorf("list --json (-want +got):\n%s", diff)
	}
	if s := execute(t, "", "keys", "revoke", "--name", "erp"); s.codigo != 0 || s.out != "La clave de erp ya no sirve.\n" {
		t.Errorf("revoke: %+v", s)
	}
	if s := execute(t, "", "keys", "list"); strings.Contains(s.out, "erp ") || !strings.Contains(s.out, "todo") {
		t.Errorf("after revoke: %+v", s)
	}
}

func TestKeys_WhenSomethingIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	broken := filepath.Join(t.TempDir(), "roto.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := execute(t, "", "keys", "create", "--file", file, "--name", "erp", "--rfc", "*"); s.codigo != 0 {
		t.Fatalf("%+v", s)
	}
	other := []string{"create", "--file", file, "--name", "otra", "--rfc", "*"}
	for _, tt := range []struct {
		codigo int
		want   string
		args   []string
	}{
		{2, "Falta --file", []string{"create", "--name", "x", "--rfc", "*"}},
		{2, "Falta --name", []string{"create", "--file", file, "--rfc", "*"}},
		{2, "Falta --rfc", []string{"create", "--file", file, "--name", "x"}},
		{2, "--scope: «sat» no es uno de: sat:token, ", []string{"create", "--file", file, "--name", "x", "--rfc", "*", "--scope", "sat"}},
		{2, "--rfc: «nada» no tiene la forma de un RFC", []string{"create", "--file", file, "--name", "x", "--rfc", "nada"}},
		{1, "ya hay una clave llamada «erp»", []string{"create", "--file", file, "--name", "erp", "--rfc", "*"}},
		{2, "--expires: «mañana» no es una fecha", append(slices.Clone(other), "--expires", "mañana")},
		{2, "--expires: 2020-01-31 ya pasó", append(slices.Clone(other), "--expires", "2020-01-31")},
		{2, "--network: «192.0.2.7» no es una red", append(slices.Clone(other), "--network", "192.0.2.7")},
		{2, "--network: «::ffff:192.0.2.0/120» no es una red", append(slices.Clone(other), "--network", "::ffff:192.0.2.0/120")},
		{1, "no hay una clave llamada «nadie»", append(slices.Clone(other), "--shares", "nadie")},
		{2, "Falta --file", []string{"list"}},
		{1, "no hay tal archivo de claves", []string{"list", "--file", file + ".nada"}},
		{1, broken, []string{"list", "--file", broken}},
		{2, "Falta --name", []string{"revoke", "--file", file}},
		{1, "no hay una clave llamada «otra»", []string{"revoke", "--file", file, "--name", "otra"}},
		{1, "no hay tal archivo de claves", []string{"revoke", "--file", file + ".nada", "--name", "erp"}},
	} {
		if s := execute(t, "", append([]string{"keys"}, tt.args...)...); s.codigo != tt.codigo || s.out != "" || !strings.Contains(s.err, tt.want) {
			t.Errorf("%q: %+v, want code %d and %q", tt.args, s, tt.codigo, tt.want)
		}
	}
	if keys, err := apikeys.List(file); err != nil || len(keys) != 1 {
		t.Errorf("the file has %d keys: %v", len(keys), err)
	}
}

type withoutSpace struct{}

func (withoutSpace) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestKeysCreate_WhenTheKeyCannotBeShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	args := []string{"keys", "create", "--file", file, "--name", "erp", "--rfc", "*"}
	var errors strings.Builder
	if codigo := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: withoutSpace{}, Err: &errors}); codigo != ExitFailed || !strings.Contains(errors.String(), "no se creó") {
		t.Errorf("code %d: %s", codigo, errors.String())
	}
	if s := execute(t, "", args...); s.codigo != ExitOK {
		t.Errorf("its name is taken by a key that nobody has: %+v", s)
	}
}
