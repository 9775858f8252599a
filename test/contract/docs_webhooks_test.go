package contract

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// TestWebhooks_WordsAreThoseOfTheCode: events and results, on the page and in the contract.
func TestWebhooks_WordsAreThoseOfTheCode(t *testing.T) {
	doc, text := load(t), page(t, "docs/webhooks.md")
	for _, tc := range []struct {
		section, schema string
		want            []string
	}{
		{"## Registrar", "EventoWebhook", webhooks.Eventos()},
		{"## Cuando algo falla", "ResultadoIntento", webhooks.Resultados()},
		{"", "MotivoInactivo", []string{webhooks.MotivoPausado, webhooks.MotivoRetiro}},
	} {
		var inContract, onPage []string
		for _, value := range valuesOf(doc.Components.Schemas[tc.schema].Value) {
			inContract = append(inContract, value.(string))
		}
		if diff := cmp.Diff(tc.want, inContract); diff != "" {
			t.Errorf("%s (-code +contract):\n%s", tc.schema, diff)
		}
		if tc.section == "" {
			continue
		}
		for _, row := range rows(section(t, text, tc.section)) {
			onPage = append(onPage, strings.Trim(row[0], "`"))
		}
		if diff := cmp.Diff(tc.want, onPage); diff != "" {
			t.Errorf("%s (-code +page):\n%s", tc.section, diff)
		}
	}
}

// caso is one message for the page's own code to judge.
type caso struct {
	Secreto     string            `json:"secreto"`
	Encabezados map[string]string `json:"encabezados"`
	Cuerpo      string            `json:"cuerpo"` // base64
}

// casos are messages signed by the specification's library, good and bad ones in turn.
func casos(t *testing.T) (all []caso, want []bool) {
	t.Helper()
	secreto := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	otro := "whsec_" + base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba9876543210"))
	const cuerpo = `{"type":"descarga.vacia","data":{"rfcSolicitante":"Ñ&P010101AB3"}}`
	firma := func(secreto string, hora time.Time) string {
		wh, err := standardwebhooks.NewWebhook(secreto)
		if err != nil {
			t.Fatal(err)
		}
		text, err := wh.Sign("msg_1", hora, []byte(cuerpo))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	now := time.Now()
	add := func(bueno bool, hora time.Time, firmas, cuerpo, id string) {
		all = append(all, caso{secreto, map[string]string{"webhook-id": id, "webhook-timestamp": strconv.FormatInt(hora.Unix(), 10), "webhook-signature": firmas},
			base64.StdEncoding.EncodeToString([]byte(cuerpo))})
		want = append(want, bueno)
	}
	add(true, now, firma(secreto, now), cuerpo, "msg_1")
	add(true, now, firma(otro, now)+" "+firma(secreto, now), cuerpo, "msg_1")
	add(false, now, firma(otro, now), cuerpo, "msg_1")
	add(false, now, firma(secreto, now), cuerpo+" ", "msg_1")
	add(false, now, firma(secreto, now), cuerpo, "msg_2")
	add(false, now.Add(-time.Second), firma(secreto, now), cuerpo, "msg_1")
	old := now.Add(-time.Hour)
	add(false, old, firma(secreto, old), cuerpo, "msg_1")
	add(false, now, "", cuerpo, "msg_1")
	// Who forgets to set the secret must not take what anybody can sign.
	sum := hmac.New(sha256.New, nil)
	fmt.Fprintf(sum, "msg_1.%d.%s", now.Unix(), cuerpo) //nolint:errcheck // a hash has no errors
	for _, secreto = range []string{"", "whsec_"} {
		add(false, now, "v1,"+base64.StdEncoding.EncodeToString(sum.Sum(nil)), cuerpo, "msg_1")
	}
	return all, want
}

// TestWebhooks_CodeOfThePageJudgesMessages runs the page's Python and JavaScript.
func TestWebhooks_CodeOfThePageJudgesMessages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ program, language, file, driver string }{
		{"python3", "python", "v.py", `
import json, sys
print(json.dumps([verifica(c["secreto"], c["encabezados"], base64.b64decode(c["cuerpo"])) for c in json.load(sys.stdin)]))
`},
		{"node", "js", "v.js", `
const casos = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(casos.map((c) => verifica(c.secreto, c.encabezados, Buffer.from(c.cuerpo, 'base64')))))
`},
	} {
		t.Run(tc.program, func(t *testing.T) {
			t.Parallel()
			needs(t, tc.program)
			blocks := fences(page(t, "docs/webhooks.md"), tc.language)
			if len(blocks) != 1 {
				t.Fatalf("%d blocks of %s", len(blocks), tc.language)
			}
			file := filepath.Join(t.TempDir(), tc.file)
			if err := os.WriteFile(file, []byte(blocks[0]+tc.driver), 0o600); err != nil {
				t.Fatal(err)
			}
			all, want := casos(t)
			in, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), tc.program, file)
			cmd.Stdin = strings.NewReader(string(in))
			out, err := cmd.CombinedOutput()
			var got []bool
			if err != nil || json.Unmarshal(out, &got) != nil || !slices.Equal(got, want) {
				t.Errorf("%s, want %v; error %v", out, want, err)
			}
		})
	}
}
