package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// aviso is a message for an example to judge.
type aviso struct {
	name             string
	hour             time.Time
	id, firmas, body string
	genuine          bool
}

// avisos are messages signed by the specification's own library, good and bad.
func avisos(t *testing.T, secret string) []aviso {
	t.Helper()
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
	old := now.Add(-time.Hour)
	return []aviso{
		{"signed", now, "msg_1", firma(secret, now), body, true},
		{"signed twice, while the secret changes", now, "msg_1", firma(other, now) + " " + firma(secret, now), body, true},
		{"signed with another secret", now, "msg_1", firma(other, now), body, false},
		{"changed", now, "msg_1", firma(secret, now), body + " ", false},
		{"of another id", now, "msg_2", firma(secret, now), body, false},
		{"an hour old", old, "msg_1", firma(secret, old), body, false},
	}
}

// withoutLlave is a message signed with an empty key, which whoever forgets to set the
// secret would have.
func withoutLlave() aviso {
	a := aviso{hour: time.Now(), id: "msg_1", body: "{}"}
	sum := hmac.New(sha256.New, nil)
	fmt.Fprintf(sum, "%s.%d.%s", a.id, a.hour.Unix(), a.body) //nolint:errcheck // a hash has no errors
	a.firmas = "v1," + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	return a
}

// TestAvisos_ExamplesJudgeMessages builds and runs the programs of examples/avisos.
// A message that is not genuine must end them with 1 and nothing said: a stack
// trace is not a judgement.
func TestAvisos_ExamplesJudgeMessages(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, tc := range []struct {
		language, build string
		run             []string
	}{
		{"php", "", []string{"php", "verifica.php"}},
		{"java", "javac Verifica.java", []string{"java", "Verifica"}},
		{"go", "go build -o verifica verifica.go", []string{"./verifica"}},
		{"csharp", "mcs -langversion:latest -out:verifica.exe Verifica.cs", []string{"mono", "verifica.exe"}},
	} {
		t.Run(tc.language, func(t *testing.T) {
			t.Parallel()
			for _, program := range strings.Fields(tc.run[0] + " " + strings.SplitN(tc.build+" ", " ", 2)[0]) {
				if program == "./verifica" {
					continue
				}
				if _, err := exec.LookPath(program); err != nil {
					if os.Getenv("CI") != "" {
						t.Fatalf("%s is missing", program)
					}
					t.Skipf("SKIPPED: %s is missing, so the example was not tried", program)
				}
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "examples", "avisos"))); err != nil {
				t.Fatal(err)
			}
			if out, err := shell(t.Context(), dir, tc.build); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			judge := func(a aviso, secret string) ([]byte, error) {
				cmd := exec.CommandContext(t.Context(), tc.run[0], append(tc.run[1:], a.id, strconv.FormatInt(a.hour.Unix(), 10), a.firmas)...)
				cmd.Dir, cmd.Stdin = dir, strings.NewReader(a.body)
				cmd.Env = append(os.Environ(), "PASARELA_SECRETO="+secret)
				return cmd.CombinedOutput()
			}
			for _, withoutSecret := range []string{"", "whsec_"} {
				if out, err := judge(withoutLlave(), withoutSecret); err == nil {
					t.Errorf("with the secret %q a message that anybody can sign is genuine\n%s", withoutSecret, out)
				}
			}
			for _, a := range avisos(t, secret) {
				out, err := judge(a, secret)
				var exit *exec.ExitError
				refused := errors.As(err, &exit) && exit.ExitCode() == 1
				if len(out) > 0 || a.genuine != (err == nil) || !a.genuine && !refused {
					t.Errorf("a message %s: %v\n%s", a.name, err, out)
				}
			}
		})
	}
}
