package descargas

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// TestIdentity_IsTheOneThatRowsHave: by another text the engine would not know what it has
// sent, and ask the SAT for the same once more.
func TestIdentity_IsTheOneThatRowsHave(t *testing.T) {
	t.Parallel()
	s := january().Normalize()
	const criterios = "cfdi|1.5|emitidos|PRU010101AB1|2026-01-01T00:00:00|2026-01-31T23:59:59|PRU010101AB1|||CFDI|Vigente||||"
	p := gateway.PeticionDescarga{Solicitud: s}
	recurrent := p
	recurrent.Programacion = &gateway.Programacion{Hora: "04:00", Overlap: 7, Next: fixedNow()}
	for name, tc := range map[string][2]string{
		"operation":         {operationRequest, "sat.solicita"},
		"criteria":          {s.Criterios(), criterios},
		"the engine's key":  {engineKey(s), "descargas\x1f" + criterios},
		"a run's key":       {store.KeyCorrida, "corrida\x1f"},
		"a petition's":      {digest(p), "f35379d2350961c8d345afc1e26db593cece4d2bca67b63d4e7e94ad7dacfc33"},
		"a recurrent one's": {digest(recurrent), "58d8137848496173dcc151f9f72c28a330d08ea4080294af7eae99d52271aaa0"},
	} {
		if tc[0] != tc[1] {
			t.Errorf("%s: %q, want %q", name, tc[0], tc[1])
		}
	}
}

// TestEngineKey_IsNoCallers: a caller's key begins with the ID of its API key, or with the
// separator where there are none. What the engine's own begin with is no ID, whatever an
// entry's name is.
func TestEngineKey_IsNoCallers(t *testing.T) {
	t.Parallel()
	for _, key := range []string{engineKey(january()), store.KeyCorrida} {
		prefix, _, ok := strings.Cut(key, "\x1f")
		if !ok || prefix == "" {
			t.Errorf("%q begins as a caller's without keys", key)
		}
		for _, field := range []string{"id", "shares", "name"} {
			values := map[string]any{"id": "key_" + strings.Repeat("a", 26), "shares": "key_" + strings.Repeat("b", 26), "name": "erp"}
			values[field] = prefix
			file := filepath.Join(t.TempDir(), "keys.json")
			text := fmt.Sprintf(`{"keys":[{"id":%q,"shares":%q,"name":%q,"sha256":%q,"rfcs":["*"],"scopes":["*"]}]}`, values["id"], values["shares"], values["name"], strings.Repeat("0", 64))
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := apikeys.List(file)
			if named := field == "name"; named != (err == nil) || named && keys[0].Owner() == prefix {
				t.Errorf("%s %q: %v, %v", field, prefix, keys, err)
			}
		}
	}
}
