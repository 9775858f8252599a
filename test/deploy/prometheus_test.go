package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

const (
	raiz     = "../.."
	reglas   = raiz + "/deploy/prometheus/reglas.yml"
	tableros = raiz + "/deploy/grafana/tableros/pasarela.json"
)

// requiere skips where a program is missing; CI has them all.
func requiere(t testing.TB, programas ...string) {
	t.Helper()
	for _, p := range programas {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing", p)
			}
			t.Skipf("SKIPPED: %s is missing, so what operators watch was not tried", p)
		}
	}
}

func corre(t testing.TB, dir, nombre string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), nombre, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", nombre, strings.Join(args, " "), err, out)
	}
}

func TestAlerts_WhenTheyFireAndWhenNot(t *testing.T) {
	t.Parallel()
	requiere(t, "promtool")
	dir := filepath.Dir(reglas)
	corre(t, dir, "promtool", "check", "config", "prometheus.yml")
	corre(t, dir, "promtool", "test", "rules", "reglas_test.yml")
}

// regla is an alert, or a rule that records.
type regla struct {
	Alert, Record, Expr string
	Annotations         map[string]string
}

func leeReglas(t testing.TB) (todas []regla) {
	t.Helper()
	for _, g := range leeComo[struct{ Groups []struct{ Rules []regla } }](t, reglas).Groups {
		todas = append(todas, g.Rules...)
	}
	return todas
}

// Who is woken at three in the morning finds what to do, and nothing is described
// that cannot wake anybody.
func TestAlerts_HaveTheirPage(t *testing.T) {
	t.Parallel()
	pagina, err := os.ReadFile(raiz + "/docs/operacion.md")
	if err != nil {
		t.Fatal(err)
	}
	ayudas := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (Pasarela\w+)$`).FindAllStringSubmatch(string(pagina), -1) {
		ayudas[m[1]] = true
	}
	tests, err := os.ReadFile(filepath.Join(filepath.Dir(reglas), "reglas_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range leeReglas(t) {
		if r.Alert == "" {
			continue
		}
		if !ayudas[r.Alert] {
			t.Errorf("docs/operacion.md does not say what to do about %s", r.Alert)
		}
		delete(ayudas, r.Alert)
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/docs/operacion.md#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s leads to %q", r.Alert, r.Annotations["runbook_url"])
		}
		if !strings.Contains(string(tests), `"`+r.Alert+`"`) {
			t.Errorf("no test has %s fire", r.Alert)
		}
	}
	for nombre := range ayudas {
		t.Errorf("docs/operacion.md describes %s, which no rule knows", nombre)
	}
}

// panel is one of the dashboard's.
type panel struct {
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []struct {
		Expr, LegendFormat string
		Instant            bool
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
			Mappings []struct {
				Options map[string]struct{ Text string }
			}
			Custom struct {
				DrawStyle string
				Stacking  struct{ Mode string }
			}
		}
	}
}

func leeTablero(t testing.TB) []panel {
	t.Helper()
	text, err := os.ReadFile(tableros)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Panels []panel }
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Panels
}

// Every expression of the dashboard has data of a gateway that has seen good and
// bad, and so has every selector of the alerts: none asks for a metric, a label or
// a value that the gateway does not have. Alerts themselves have none, as nothing
// is on fire; that they fire is for TestAlerts_WhenTheyFireAndWhenNot.
func TestExpressions_HaveDataOfARealGateway(t *testing.T) {
	t.Parallel()
	requiere(t, "prometheus")
	p := arranca(t)
	prom := observa(t, p.Admin, "1s")
	p.capitulo()
	prom.espera(t, `count(pasarela_upstream_calls_total) > 8`)
	p.capitulo()
	p.atora()
	prom.espera(t, `increase(pasarela_http_requests_total{status="500"}[1m]) > 0 and on () sum(pasarela_descargas) > 0`)
	// Recorded a scrape later than what they are made of.
	prom.espera(t, `sum(pasarela:upstream_fallos:rate15m) > 0`)
	for _, panel := range leeTablero(t) {
		for _, target := range panel.Targets {
			if !prom.tiene(t, prepara(target.Expr)) {
				t.Errorf("panel %q has no data: %s", panel.Title, target.Expr)
			}
			prom.conoce(t, panel.Title, target.Expr)
		}
	}
	for _, r := range leeReglas(t) {
		prom.conoce(t, r.Alert+r.Record, r.Expr)
		prom.series(t, r.Expr) // it can be evaluated
	}
}

// Metrics have one list: what the program exports, what the page for operators says
// of it, and what alerts and dashboard ask for.
func TestMetrics_AreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("prueba")
	m.Watch(telemetry.Fuentes{})
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.Registry().Describe(descs)
	}()
	exporta := map[string]bool{}
	for d := range descs {
		nombre := regexp.MustCompile(`fqName: "([a-z_]+)"`).FindStringSubmatch(d.String())
		if nombre == nil {
			t.Fatalf("no name in %s", d)
		}
		exporta[nombre[1]] = true
	}
	pagina, err := os.ReadFile(raiz + "/docs/operacion.md")
	if err != nil {
		t.Fatal(err)
	}
	for nombre := range exporta {
		if strings.HasPrefix(nombre, "pasarela_") && !regexp.MustCompile("`"+nombre+"[`{]").Match(pagina) {
			t.Errorf("docs/operacion.md says nothing of %s", nombre)
		}
	}
	pide := regexp.MustCompile(`pasarela_[a-z_]+`).FindAllString(string(pagina), -1)
	for _, panel := range leeTablero(t) {
		for _, target := range panel.Targets {
			pide = append(pide, metricas(target.Expr)...)
		}
	}
	for _, r := range leeReglas(t) {
		pide = append(pide, metricas(r.Expr)...)
	}
	if len(pide) < 80 {
		t.Errorf("%d metrics found: the test does not see what it looks at", len(pide))
	}
	for _, nombre := range pide {
		if !exporta[nombre] && !exporta[strings.TrimSuffix(nombre, "_bucket")] && nombre != "up" {
			t.Errorf("%s is asked for or described, and no gateway exports it", nombre)
		}
	}
}

// metricas are the names in expr, without those that rules record.
func metricas(expr string) (nombres []string) {
	for _, s := range selectores(expr) {
		if nombre, _, _ := strings.Cut(s, "{"); !strings.Contains(nombre, ":") {
			nombres = append(nombres, nombre)
		}
	}
	return nombres
}

// conoce holds every selector of expr, and every label that it groups by, against
// what was scraped.
func (o observador) conoce(t testing.TB, quien, expr string) {
	t.Helper()
	etiquetas := map[string]bool{}
	for _, selector := range selectores(expr) {
		if !o.tiene(t, selector) {
			t.Errorf("%s asks for %s, which no gateway exports", quien, selector)
		}
		for _, s := range o.pregunta(t, "/api/v1/query", url.Values{"query": {selector}}) {
			for nombre := range s.Metric {
				etiquetas[nombre] = true
			}
		}
	}
	for _, m := range regexp.MustCompile(`\bby \(([^)]+)\)`).FindAllStringSubmatch(expr, -1) {
		for nombre := range strings.SplitSeq(m[1], ",") {
			if !etiquetas[strings.TrimSpace(nombre)] {
				t.Errorf("%s groups by %s, which is no label of %v", quien, nombre, selectores(expr))
			}
		}
	}
}

// selectores are the metrics of an expression with their matchers. They are told
// from functions and words by their prefix; a metric of another kind would have to be added.
func selectores(expr string) []string {
	return regexp.MustCompile(`\b(?:pasarela[a-z_]*(?::[a-z_]+:[a-z0-9]+)?|up|process_[a-z_]+)\b(?:\{[^}]*\})?`).FindAllString(regexp.MustCompile(`job=~"[^"]*"`).ReplaceAllStringFunc(expr, func(m string) string {
		return strings.ReplaceAll(m, "pasarela", "pasarel.")
	}), -1)
}

func prepara(expr string) string { return strings.ReplaceAll(expr, "$__rate_interval", "1m") }

// observador is a Prometheus with the rules of the project that reads one gateway.
type observador struct{ url string }

func observa(t testing.TB, admin, cada string) observador {
	t.Helper()
	dir := t.TempDir()
	conf := leeComo[map[string]any](t, raiz+"/deploy/prometheus/prometheus.yml")
	absoluto, err := filepath.Abs(reglas)
	if err != nil {
		t.Fatal(err)
	}
	conf["rule_files"] = []string{absoluto}
	conf["global"] = map[string]any{"scrape_interval": cada, "scrape_timeout": cada, "evaluation_interval": cada}
	trabajo := conf["scrape_configs"].([]any)[0].(map[string]any)
	trabajo["static_configs"] = []any{map[string]any{"targets": []string{strings.TrimPrefix(admin, "http://")}}}
	text, err := yaml.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	libre, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	donde := libre.Addr().String()
	libre.Close() //nolint:errcheck // it has no connections
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--web.listen-address="+donde)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it ended by itself
		cmd.Wait()         //nolint:errcheck // it was killed
		log.Close()        //nolint:errcheck // for reading a failed test
	})
	o := observador{"http://" + donde}
	for fin := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(o.url + "/-/ready"); err == nil {
			resp.Body.Close() //nolint:errcheck // nothing is read
			if resp.StatusCode == http.StatusOK {
				return o
			}
		}
		if time.Now().After(fin) {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("prometheus does not start: %s", said)
		}
	}
}

// leeComo reads a YAML file.
func leeComo[T any](t testing.TB, file string) (v T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// serie is one series of an answer: a value, or values over time.
type serie struct {
	Metric map[string]string
	Value  [2]any
	Values [][2]any
}

func (o observador) pregunta(t testing.TB, path string, q url.Values) []serie {
	t.Helper()
	resp, err := http.Get(o.url + path + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	var answer struct {
		Status, Error string
		Data          struct{ Result []serie }
	}
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v, %s", q.Get("query"), err, fmt.Sprint(answer.Error, string(text)))
	}
	return answer.Data.Result
}

func (o observador) series(t testing.TB, expr string) int {
	t.Helper()
	return len(o.pregunta(t, "/api/v1/query", url.Values{"query": {expr}}))
}

// espera waits until expr has data.
func (o observador) espera(t testing.TB, expr string) {
	t.Helper()
	if !o.tiene(t, expr) {
		t.Fatalf("never: %s", expr)
	}
}

// tiene tells whether expr has data, soon: on a busy machine a scrape may be late,
// and what it would have brought is missing meanwhile.
func (o observador) tiene(t testing.TB, expr string) bool {
	t.Helper()
	for fin := time.Now().Add(3 * time.Minute); o.series(t, expr) == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(fin) {
			return false
		}
	}
	return true
}
