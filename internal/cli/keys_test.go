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
	archivo := filepath.Join(t.TempDir(), "keys.json")
	s := ejecuta(t, "", "keys", "create", "--file", archivo, "--name", "erp", "--rfc", "PRU010101AB1,PEPJ800101AB5", "--scope", "sat:descargas,sat:paquetes")
	clave := strings.TrimSpace(s.out)
	if s.codigo != 0 || !strings.HasPrefix(clave, "pasarela_") || strings.Count(s.out, "\n") != 1 || strings.Contains(s.err, clave) {
		t.Fatalf("create: %+v", s)
	}
	guardado, err := os.ReadFile(archivo)
	if err != nil || strings.Contains(string(guardado), clave) || !strings.Contains(string(guardado), apikeys.Digest(clave)) {
		t.Fatalf("the file: %v: %s", err, guardado)
	}
	// The setting is the default of --file.
	t.Setenv("GATEWAY_API_KEYS_FILE", archivo)
	if s := ejecuta(t, "", "keys", "create", "--name", "todo", "--rfc", "*"); s.codigo != 0 {
		t.Fatalf("create by the setting: %+v", s)
	}
	if s := ejecuta(t, "", "keys", "create", "--name", "erp-2", "--rfc", "PRU010101AB1", "--shares", "erp", "--expires", "2126-12-31", "--network", "192.0.2.7/24,2001:db8::/48"); s.codigo != 0 {
		t.Fatalf("create with all: %+v", s)
	}
	claves, err := apikeys.List(archivo)
	if err != nil || len(claves) != 3 {
		t.Fatalf("%+v, %v", claves, err)
	}
	erp, todo, erp2 := claves[0], claves[1], claves[2]
	if erp2.Owner() != erp.ID || erp2.ID == erp.ID || todo.Owner() != todo.ID {
		t.Errorf("erp is %s; erp-2 is %s and shares with %s", erp.ID, erp2.ID, erp2.Owner())
	}
	s = ejecuta(t, "", "keys", "list")
	if got, want := strings.Fields(s.out), strings.Fields("NOMBRE RFC ALCANCES VENCE REDES ID COMPARTE CON "+
		"erp PRU010101AB1,PEPJ800101AB5 sat:descargas,sat:paquetes - - "+erp.ID+" - "+
		"todo * * - - "+todo.ID+" - "+
		"erp-2 PRU010101AB1 * 2127-01-01T00:00:00-06:00 192.0.2.0/24,2001:db8::/48 "+erp2.ID+" "+erp.ID); !slices.Equal(got, want) || s.codigo != 0 {
		t.Errorf("list: %+v", s)
	}
	s = ejecuta(t, "", "keys", "list", "--json")
	var lista struct{ Claves []map[string]any }
	if err := json.Unmarshal([]byte(s.out), &lista); err != nil || len(lista.Claves) != 3 || strings.Contains(s.out, apikeys.Digest(clave)) {
		t.Errorf("list --json: %v: %+v", err, s)
	}
	if diff := cmp.Diff(map[string]any{"id": todo.ID, "nombre": "todo", "rfcs": []any{"*"}, "alcances": []any{"*"}}, lista.Claves[1]); diff != "" {
		t.Errorf("list --json (-want +got):\n%s", diff)
	}
	all := map[string]any{"id": erp2.ID, "nombre": "erp-2", "rfcs": []any{"PRU010101AB1"}, "alcances": []any{"*"}, "vence": "2127-01-01T00:00:00-06:00",
		"redes": []any{"192.0.2.0/24", "2001:db8::/48"}, "comparteCon": erp.ID}
	if diff := cmp.Diff(all, lista.Claves[2]); diff != "" {
		t.Errorf("list --json (-want +got):\n%s", diff)
	}
	if s := ejecuta(t, "", "keys", "revoke", "--name", "erp"); s.codigo != 0 || s.out != "La clave de erp ya no sirve.\n" {
		t.Errorf("revoke: %+v", s)
	}
	if s := ejecuta(t, "", "keys", "list"); strings.Contains(s.out, "erp ") || !strings.Contains(s.out, "todo") {
		t.Errorf("after revoke: %+v", s)
	}
}

func TestKeys_WhenSomethingIsWrong(t *testing.T) {
	archivo := filepath.Join(t.TempDir(), "keys.json")
	roto := filepath.Join(t.TempDir(), "roto.json")
	if err := os.WriteFile(roto, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := ejecuta(t, "", "keys", "create", "--file", archivo, "--name", "erp", "--rfc", "*"); s.codigo != 0 {
		t.Fatalf("%+v", s)
	}
	otra := []string{"create", "--file", archivo, "--name", "otra", "--rfc", "*"}
	for _, tt := range []struct {
		codigo int
		want   string
		args   []string
	}{
		{2, "Falta --file", []string{"create", "--name", "x", "--rfc", "*"}},
		{2, "Falta --name", []string{"create", "--file", archivo, "--rfc", "*"}},
		{2, "Falta --rfc", []string{"create", "--file", archivo, "--name", "x"}},
		{2, "--scope: «sat» no es uno de: sat:token, ", []string{"create", "--file", archivo, "--name", "x", "--rfc", "*", "--scope", "sat"}},
		{2, "--rfc: «nada» no tiene la forma de un RFC", []string{"create", "--file", archivo, "--name", "x", "--rfc", "nada"}},
		{1, "ya hay una clave llamada «erp»", []string{"create", "--file", archivo, "--name", "erp", "--rfc", "*"}},
		{2, "--expires: «mañana» no es una fecha", append(slices.Clone(otra), "--expires", "mañana")},
		{2, "--expires: 2020-01-31 ya pasó", append(slices.Clone(otra), "--expires", "2020-01-31")},
		{2, "--network: «192.0.2.7» no es una red", append(slices.Clone(otra), "--network", "192.0.2.7")},
		{2, "--network: «::ffff:192.0.2.0/120» no es una red", append(slices.Clone(otra), "--network", "::ffff:192.0.2.0/120")},
		{1, "no hay una clave llamada «nadie»", append(slices.Clone(otra), "--shares", "nadie")},
		{2, "Falta --file", []string{"list"}},
		{1, "no hay tal archivo de claves", []string{"list", "--file", archivo + ".nada"}},
		{1, roto, []string{"list", "--file", roto}},
		{2, "Falta --name", []string{"revoke", "--file", archivo}},
		{1, "no hay una clave llamada «otra»", []string{"revoke", "--file", archivo, "--name", "otra"}},
		{1, "no hay tal archivo de claves", []string{"revoke", "--file", archivo + ".nada", "--name", "erp"}},
	} {
		if s := ejecuta(t, "", append([]string{"keys"}, tt.args...)...); s.codigo != tt.codigo || s.out != "" || !strings.Contains(s.err, tt.want) {
			t.Errorf("%q: %+v, want code %d and %q", tt.args, s, tt.codigo, tt.want)
		}
	}
	if claves, err := apikeys.List(archivo); err != nil || len(claves) != 1 {
		t.Errorf("the file has %d keys: %v", len(claves), err)
	}
}

type sinEspacio struct{}

func (sinEspacio) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestKeysCreate_WhenTheKeyCannotBeShown(t *testing.T) {
	archivo := filepath.Join(t.TempDir(), "keys.json")
	args := []string{"keys", "create", "--file", archivo, "--name", "erp", "--rfc", "*"}
	var errores strings.Builder
	if codigo := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: sinEspacio{}, Err: &errores}); codigo != ExitFailed || !strings.Contains(errores.String(), "no se creó") {
		t.Errorf("code %d: %s", codigo, errores.String())
	}
	if s := ejecuta(t, "", args...); s.codigo != ExitOK {
		t.Errorf("its name is taken by a key that nobody has: %+v", s)
	}
}
