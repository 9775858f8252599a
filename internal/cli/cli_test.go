package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pasarela-mx/pasarela/internal/version"
)

// salida is what a command line gave.
type salida struct {
	out, err string
	codigo   int
}

// hoy is the day on which tests are, for the commands that look at the clock.
var hoy = time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)

func ejecuta(t *testing.T, entrada string, args ...string) salida {
	t.Helper()
	return ejecutaCon(t, t.Context(), entrada, args...)
}

func ejecutaCon(t *testing.T, ctx context.Context, entrada string, args ...string) salida { //nolint:revive // t comes first in tests
	t.Helper()
	var out, err bytes.Buffer
	codigo := corre(ctx, args, Streams{In: strings.NewReader(entrada), Out: &out, Err: &err}, func() time.Time { return hoy })
	return salida{out.String(), err.String(), codigo}
}

func recorre(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, hija := range Ordenes(c) {
		recorre(hija, f)
	}
}

// ingles are words of the library's own texts, and of what people would write
// without thinking.
var ingles = regexp.MustCompile(`\b(Usage|Flags|Available|Commands|Examples|Global|Use "|help for|the |default|string|strings|duration|int)\b`)

func TestHelp_WhenAskedOfEveryCommand(t *testing.T) {
	n := 0
	recorre(New(Streams{}, time.Now), func(c *cobra.Command) {
		n++
		args := strings.Fields(c.CommandPath())[1:]
		corto := ejecuta(t, "", append(args, "-h")...)
		largo := ejecuta(t, "", append([]string{"help"}, args...)...)
		if corto.codigo != 0 || corto.err != "" || corto.out != largo.out {
			t.Errorf("%s: -h and help differ, or fail: %+v", c.CommandPath(), corto)
		}
		for _, want := range []string{"\nUso:\n  gateway", "\nOpciones:\n", "\nCódigos de salida:\n", "\nEjemplos:\n", "  -h, --help"} {
			if !strings.Contains(corto.out, want) {
				t.Errorf("%s: its help has no %q", c.CommandPath(), want)
			}
		}
		if palabra := ingles.FindString(corto.out); palabra != "" {
			t.Errorf("%s: its help says %q:\n%s", c.CommandPath(), palabra, corto.out)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || !strings.Contains(corto.out, "--"+f.Name) {
				t.Errorf("%s: --%s is not explained", c.CommandPath(), f.Name)
			}
		})
		for _, linea := range strings.Split(corto.out, "\n") {
			if len([]rune(linea)) > 190 {
				t.Errorf("%s: a line of %d characters: %s", c.CommandPath(), len([]rune(linea)), linea)
			}
		}
	})
	if n < 15 {
		t.Errorf("%d commands were looked at", n)
	}
}

func TestMain_WhenTheCommandLineIsWrong(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"descarga"}, "No hay la orden «descarga» en «gateway». ¿Quiso decir «descargar»?"},
		{[]string{"nada-parecido"}, "No hay la orden «nada-parecido»"},
		{[]string{"serve", "x"}, "«gateway serve» no lleva argumentos, y se dio «x»"},
		{[]string{"migrate", "x"}, "no lleva argumentos"},
		{[]string{"keys"}, "Falta decir cuál: create, list, revoke"},
		{[]string{"keys", "creat"}, "¿Quiso decir «create»?"},
		{[]string{"keys", "create", "-file", "x"}, "Las de más de una letra llevan dos guiones: --file"},
		{[]string{"migrate", "-backed-up"}, "llevan dos guiones: --backed-up"},
		{[]string{"version", "--nada"}, "No hay la opción --nada."},
		{[]string{"version", "-x"}, "No hay la opción -x."},
		{[]string{"version", "--json=quizá"}, `--json: "quizá" no es true ni false.`},
		{[]string{"keys", "create", "--file"}, "Falta el valor de --file."},
		{[]string{"healthcheck", "--timeout", "luego"}, `--timeout: "luego" no es una duración como 30s, 5m o 2h.`},
		{[]string{"efirma", "check", "--dias", "pocos"}, `--dias: "pocos" no es un número entero.`},
		{[]string{"completion", "csh"}, "No hay la orden «csh» en «gateway completion»"},
		{[]string{"help", "nada"}, "No hay la orden «nada»."},
		{[]string{"--=x"}, "no es una opción bien escrita"},
	} {
		s := ejecuta(t, "", tt.args...)
		if s.codigo != ExitUsage || s.out != "" || !strings.Contains(s.err, tt.want) || !strings.Contains(s.err, "--help».\n") {
			t.Errorf("%q: %+v, want code 2 and %q", tt.args, s, tt.want)
		}
		if palabra := ingles.FindString(s.err); palabra != "" {
			t.Errorf("%q: says %q: %s", tt.args, palabra, s.err)
		}
	}
}

func TestVersion_WhenAsked(t *testing.T) {
	i := version.Read()
	s := ejecuta(t, "", "version")
	if s.codigo != 0 || !strings.Contains(s.out, "pasarela   "+i.Version+"\n") || !strings.Contains(s.out, i.Go) || !strings.Contains(s.out, i.Plataforma) {
		t.Errorf("%+v", s)
	}
	var got version.Info
	if s := ejecuta(t, "", "version", "--json"); json.Unmarshal([]byte(s.out), &got) != nil || got != i {
		t.Errorf("--json: %+v, want %+v", s, i)
	}
}

func TestServe_WhenTheConfigurationIsWrong(t *testing.T) {
	t.Setenv("GATEWAY_LISTEN", "nowhere")
	for _, args := range [][]string{nil, {"serve"}} {
		if s := ejecuta(t, "", args...); s.codigo != ExitFailed || !strings.HasPrefix(s.err, "gateway: GATEWAY_LISTEN: ") {
			t.Errorf("%q: %+v", args, s)
		}
	}
}

// The script has to be one that bash takes, and has to know commands, options and
// values with their meanings.
func TestCompletion_WhenBashSourcesIt(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash")
	}
	guion := ejecuta(t, "", "completion", "bash")
	cmd := exec.Command(bash, "--norc", "--noprofile", "-c", "source /dev/stdin && complete -p gateway")
	cmd.Stdin = strings.NewReader(guion.out)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "-F __start_gateway gateway") {
		t.Fatalf("bash: %v: %s", err, out)
	}
	for palabra, want := range map[string]string{
		"desc":                            "descargar\tBaja del SAT",
		"efirma ch":                       "check\tDice si una e.firma sirve",
		"descargar --ti":                  "--tipo\t",
		"descargar --tipo ":               "emitidos\tlos que emitió el RFC",
		"descargar --que ":                "metadata\tuna fila por comprobante",
		"descargar --servicio ":           "retenciones\t",
		"descargar --estado ":             "cancelado\t",
		"descargar --comprobante ":        "N\tnómina",
		"descargar --complemento nomina1": "nomina12",
		"keys create --scope ":            "sat:descargas",
	} {
		args := append([]string{"__complete"}, strings.Split(palabra, " ")...)
		if s := ejecuta(t, "", args...); !strings.Contains(s.out, want) {
			t.Errorf("%q completes to %q, want %q", palabra, s.out, want)
		}
	}
	for shell, want := range map[string]string{"zsh": "#compdef gateway", "fish": "complete -c gateway", "powershell": "Register-ArgumentCompleter"} {
		if s := ejecuta(t, "", "completion", shell); s.codigo != 0 || !strings.Contains(s.out, want) {
			t.Errorf("%s: code %d, %.80s", shell, s.codigo, s.out)
		}
	}
}
