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
		{"## Cuando algo falla", "ResultadoIntento", webhooks.Results()},
		{"", "MotivoInactivo", []string{webhooks.MotivoPausado, webhooks.MotivoWithdrawal}},
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

// tc is one message for the page's own code to judge.
type tc struct {
	Secreto     string            `json:"secreto"`
	Encabezados map[string]string `json:"encabezados"`
	Cuerpo      string            `json:"cuerpo"` // base64
}

// cases are messages signed by the specification's library, good and bad ones in turn.
func cases(t *testing.T) (all []tc, want []bool) {
	t.Helper()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba9876543210"))
	const body = `{"type":"descarga.vacia","data":{"rfcSolicitante":"Ñ&P010101AB3"}}`
	firma := func(secret string, hour time.Time) string {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		text, err := wh.Sign("msg_1", hour, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	now := time.Now()
	add := func(good bool, hour time.Time, firmas, body, id string) {
		all = append(all, tc{secret, map[string]string{"webhook-id": id, "webhook-timestamp": strconv.FormatInt(hour.Unix(), 10), "webhook-signature": firmas},
			base64.StdEncoding.EncodeToString([]byte(body))})
		want = append(want, good)
	}
	add(true, now, firma(secret, now), body, "msg_1")
	add(true, now, firma(other, now)+" "+firma(secret, now), body, "msg_1")
	add(false, now, firma(other, now), body, "msg_1")
	add(false, now, firma(secret, now), body+" ", "msg_1")
	add(false, now, firma(secret, now), body, "msg_2")
	add(false, now.Add(-time.Second), firma(secret, now), body, "msg_1")
	old := now.Add(-time.Hour)
	add(false, old, firma(secret, old), body, "msg_1")
	add(false, now, "", body, "msg_1")
	// Who forgets to set the secret must not take what anybody can sign.
	sum := hmac.New(sha256.New, nil)
	fmt.Fprintf(sum, "msg_1.%d.%s", now.Unix(), body) //nolint:errcheck // a hash has no errors
	for _, secret = range []string{"", "whsec_"} {
		add(false, now, "v1,"+base64.StdEncoding.EncodeToString(sum.Sum(nil)), body, "msg_1")
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
			all, want := cases(t)
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
