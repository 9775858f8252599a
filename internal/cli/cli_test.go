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

// output is what a command line gave.
type output struct {
	out, err string
	codigo   int
}

// today is the day on which tests are, for the commands that look at the clock.
var today = time.Date(2026, 3, 1, 18, 0, 0, 0, time.UTC)

func execute(t *testing.T, entry string, args ...string) output {
	t.Helper()
	return executeWith(t, t.Context(), entry, args...)
}

func executeWith(t *testing.T, ctx context.Context, entry string, args ...string) output { //nolint:revive // t comes first in tests
	t.Helper()
	var out, err bytes.Buffer
	codigo := run(ctx, args, Streams{In: strings.NewReader(entry), Out: &out, Err: &err}, func() time.Time { return today })
	return output{out.String(), err.String(), codigo}
}

func walk(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, child := range Orders(c) {
		walk(child, f)
	}
}

// english are words of the library's own texts, and of what people would write
// without thinking.
var english = regexp.MustCompile(`\b(Usage|Flags|Available|Commands|Examples|Global|Use "|help for|the |default|string|strings|duration|int)\b`)

func TestHelp_WhenAskedOfEveryCommand(t *testing.T) {
	n := 0
	walk(New(Streams{}, time.Now), func(c *cobra.Command) {
		n++
		args := strings.Fields(c.CommandPath())[1:]
		short := execute(t, "", append(args, "-h")...)
		length := execute(t, "", append([]string{"help"}, args...)...)
		if short.codigo != 0 || short.err != "" || short.out != length.out {
			t.Errorf("%s: -h and help differ, or fail: %+v", c.CommandPath(), short)
		}
		for _, want := range []string{"\nUso:\n  gateway", "\nOpciones:\n", "\nCódigos de salida:\n", "\nEjemplos:\n", "  -h, --help"} {
			if !strings.Contains(short.out, want) {
				t.Errorf("%s: its help has no %q", c.CommandPath(), want)
			}
		}
		if word := english.FindString(short.out); word != "" {
			t.Errorf("%s: its help says %q:\n%s", c.CommandPath(), word, short.out)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || !strings.Contains(short.out, "--"+f.Name) {
				t.Errorf("%s: --%s is not explained", c.CommandPath(), f.Name)
			}
		})
		for _, line := range strings.Split(short.out, "\n") {
			if len([]rune(line)) > 190 {
				t.Errorf("%s: a line of %d characters: %s", c.CommandPath(), len([]rune(line)), line)
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
		s := execute(t, "", tt.args...)
		if s.codigo != ExitUsage || s.out != "" || !strings.Contains(s.err, tt.want) || !strings.Contains(s.err, "--help».\n") {
			t.Errorf("%q: %+v, want code 2 and %q", tt.args, s, tt.want)
		}
		if word := english.FindString(s.err); word != "" {
			t.Errorf("%q: says %q: %s", tt.args, word, s.err)
		}
	}
}

func TestVersion_WhenAsked(t *testing.T) {
	i := version.Read()
	s := execute(t, "", "version")
	if s.codigo != 0 || !strings.Contains(s.out, "pasarela   "+i.Version+"\n") || !strings.Contains(s.out, i.Go) || !strings.Contains(s.out, i.Plataforma) {
		t.Errorf("%+v", s)
	}
	var got version.Info
	if s := execute(t, "", "version", "--json"); json.Unmarshal([]byte(s.out), &got) != nil || got != i {
		t.Errorf("--json: %+v, want %+v", s, i)
	}
}

func TestServe_WhenTheConfigurationIsWrong(t *testing.T) {
	t.Setenv("GATEWAY_LISTEN", "nowhere")
	for _, args := range [][]string{nil, {"serve"}} {
		if s := execute(t, "", args...); s.codigo != ExitFailed || !strings.HasPrefix(s.err, "gateway: GATEWAY_LISTEN: ") {
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
	dash := execute(t, "", "completion", "bash")
	cmd := exec.Command(bash, "--norc", "--noprofile", "-c", "source /dev/stdin && complete -p gateway")
	cmd.Stdin = strings.NewReader(dash.out)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "-F __start_gateway gateway") {
		t.Fatalf("bash: %v: %s", err, out)
	}
	for word, want := range map[string]string{
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
		args := append([]string{"__complete"}, strings.Split(word, " ")...)
		if s := execute(t, "", args...); !strings.Contains(s.out, want) {
			t.Errorf("%q completes to %q, want %q", word, s.out, want)
		}
	}
	for shell, want := range map[string]string{"zsh": "#compdef gateway", "fish": "complete -c gateway", "powershell": "Register-ArgumentCompleter"} {
		if s := execute(t, "", "completion", shell); s.codigo != 0 || !strings.Contains(s.out, want) {
			t.Errorf("%s: code %d, %.80s", shell, s.codigo, s.out)
		}
	}
}
