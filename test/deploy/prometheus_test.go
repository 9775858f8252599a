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

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

const (
	root       = "../.."
	rules      = root + "/deploy/prometheus/reglas.yml"
	dashboards = root + "/deploy/grafana/tableros/pasarela.json"
)

// require skips where a program is missing; CI has them all.
func require(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing", p)
			}
			t.Skipf("SKIPPED: %s is missing, so what operators watch was not tried", p)
		}
	}
}

func run(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestAlerts_WhenTheyFireAndWhenNot(t *testing.T) {
	t.Parallel()
	require(t, "promtool")
	dir := filepath.Dir(rules)
	run(t, dir, "promtool", "check", "config", "prometheus.yml")
	run(t, dir, "promtool", "test", "rules", "reglas_test.yml")
}

// rule is an alert, or a rule that records.
type rule struct {
	Alert, Record, Expr string
	Annotations         map[string]string
}

func readRules(t testing.TB) (all []rule) {
	t.Helper()
	for _, g := range readAs[struct{ Groups []struct{ Rules []rule } }](t, rules).Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Who is woken at three in the morning finds what to do, and nothing is described
// that cannot wake anybody.
func TestAlerts_HaveTheirPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(root + "/docs/operacion.md")
	if err != nil {
		t.Fatal(err)
	}
	helps := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (Pasarela\w+)$`).FindAllStringSubmatch(string(page), -1) {
		helps[m[1]] = true
	}
	tests, err := os.ReadFile(filepath.Join(filepath.Dir(rules), "reglas_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		if !helps[r.Alert] {
			t.Errorf("docs/operacion.md does not say what to do about %s", r.Alert)
		}
		delete(helps, r.Alert)
		if !strings.HasSuffix(r.Annotations["runbook_url"], "/docs/operacion.md#"+strings.ToLower(r.Alert)) {
			t.Errorf("%s leads to %q", r.Alert, r.Annotations["runbook_url"])
		}
		if !strings.Contains(string(tests), `"`+r.Alert+`"`) {
			t.Errorf("no test has %s fire", r.Alert)
		}
	}
	for name := range helps {
		t.Errorf("docs/operacion.md describes %s, which no rule knows", name)
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

func readDashboard(t testing.TB) []panel {
	t.Helper()
	text, err := os.ReadFile(dashboards)
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
	require(t, "prometheus")
	p := start(t)
	prom := observe(t, "1s", p.Admin, startWithKey(t, time.Now().AddDate(0, 0, 10)).Admin)
	p.chapter()
	prom.wait(t, `count(pasarela_upstream_calls_total) > 8`)
	p.chapter()
	p.jam()
	prom.wait(t, `increase(pasarela_http_requests_total{status="500"}[1m]) > 0 and on () sum(pasarela_descargas) > 0`)
	// Recorded a scrape later than what they are made of.
	prom.wait(t, `sum(pasarela:upstream_fallos:rate15m) > 0`)
	for _, panel := range readDashboard(t) {
		for _, target := range panel.Targets {
			if !prom.has(t, prepare(target.Expr)) {
				t.Errorf("panel %q has no data: %s", panel.Title, target.Expr)
			}
			prom.know(t, panel.Title, target.Expr)
		}
	}
	for _, r := range readRules(t) {
		prom.know(t, r.Alert+r.Record, r.Expr)
		prom.series(t, r.Expr) // it can be evaluated
	}
}

// startWithKey starts a gateway that asks for a key, of which there is one, until ends.
func startWithKey(t testing.TB, ends time.Time) *gatewaytest.Gateway {
	t.Helper()
	_, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "claves.json")
	if err := apikeys.Add(file, apikeys.Key{Name: "erp", SHA256: digest, RFCs: []string{"*"}, Scopes: []string{"*"}, Expires: ends}); err != nil {
		t.Fatal(err)
	}
	return gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.APIKeysFile = file }})
}

// Metrics have one list: what the program exports, what the page for operators says
// of it, and what alerts and dashboard ask for.
func TestMetrics_AreThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("prueba")
	m.Watch(telemetry.Sources{})
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		m.Registry().Describe(descs)
	}()
	export := map[string]bool{}
	for d := range descs {
		name := regexp.MustCompile(`fqName: "([a-z_]+)"`).FindStringSubmatch(d.String())
		if name == nil {
			t.Fatalf("no name in %s", d)
		}
		export[name[1]] = true
	}
	page, err := os.ReadFile(root + "/docs/operacion.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range export {
		if strings.HasPrefix(name, "pasarela_") && !regexp.MustCompile("`"+name+"[`{]").Match(page) {
			t.Errorf("docs/operacion.md says nothing of %s", name)
		}
	}
	ask := regexp.MustCompile(`pasarela_[a-z_]+`).FindAllString(string(page), -1)
	for _, panel := range readDashboard(t) {
		for _, target := range panel.Targets {
			ask = append(ask, metrics(target.Expr)...)
		}
	}
	for _, r := range readRules(t) {
		ask = append(ask, metrics(r.Expr)...)
	}
	if len(ask) < 80 {
		t.Errorf("%d metrics found: the test does not see what it looks at", len(ask))
	}
	for _, name := range ask {
		if !export[name] && !export[strings.TrimSuffix(name, "_bucket")] && name != "up" {
			t.Errorf("%s is asked for or described, and no gateway exports it", name)
		}
	}
}

// metrics are the names in expr, without those that rules record.
func metrics(expr string) (names []string) {
	for _, s := range selectors(expr) {
		if name, _, _ := strings.Cut(s, "{"); !strings.Contains(name, ":") {
			names = append(names, name)
		}
	}
	return names
}

// know holds every selector of expr, and every label that it groups by, against
// what was scraped.
func (o observer) know(t testing.TB, who, expr string) {
	t.Helper()
	labels := map[string]bool{}
	for _, selector := range selectors(expr) {
		if !o.has(t, selector) {
			t.Errorf("%s asks for %s, which no gateway exports", who, selector)
		}
		for _, s := range o.question(t, "/api/v1/query", url.Values{"query": {selector}}) {
			for name := range s.Metric {
				labels[name] = true
			}
		}
	}
	for _, m := range regexp.MustCompile(`\bby \(([^)]+)\)`).FindAllStringSubmatch(expr, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			if !labels[strings.TrimSpace(name)] {
				t.Errorf("%s groups by %s, which is no label of %v", who, name, selectors(expr))
			}
		}
	}
}

// selectors are the metrics of an expression with their matchers. They are told
// from functions and words by their prefix; a metric of another kind would have to be added.
func selectors(expr string) []string {
	return regexp.MustCompile(`\b(?:pasarela[a-z_]*(?::[a-z_]+:[a-z0-9]+)?|up|process_[a-z_]+)\b(?:\{[^}]*\})?`).FindAllString(regexp.MustCompile(`job=~"[^"]*"`).ReplaceAllStringFunc(expr, func(m string) string {
		return strings.ReplaceAll(m, "pasarela", "pasarel.")
	}), -1)
}

func prepare(expr string) string { return strings.ReplaceAll(expr, "$__rate_interval", "1m") }

// observer is a Prometheus with the rules of the project that reads one gateway.
type observer struct{ url string }

func observe(t testing.TB, every string, admins ...string) observer {
	t.Helper()
	dir := t.TempDir()
	conf := readAs[map[string]any](t, root+"/deploy/prometheus/prometheus.yml")
	absolute, err := filepath.Abs(rules)
	if err != nil {
		t.Fatal(err)
	}
	conf["rule_files"] = []string{absolute}
	conf["global"] = map[string]any{"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
	job := conf["scrape_configs"].([]any)[0].(map[string]any)
	var targets []string
	for _, admin := range admins {
		targets = append(targets, strings.TrimPrefix(admin, "http://"))
	}
	job["static_configs"] = []any{map[string]any{"targets": targets}}
	text, err := yaml.Marshal(conf)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	where := free.Addr().String()
	free.Close() //nolint:errcheck // it has no connections
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--web.listen-address="+where)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it ended by itself
		cmd.Wait()         //nolint:errcheck // it was killed
		log.Close()        //nolint:errcheck // for reading a failed test
	})
	o := observer{"http://" + where}
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(o.url + "/-/ready"); err == nil {
			resp.Body.Close() //nolint:errcheck // nothing is read
			if resp.StatusCode == http.StatusOK {
				return o
			}
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("prometheus does not start: %s", said)
		}
	}
}

// readAs reads a YAML file.
func readAs[T any](t testing.TB, file string) (v T) {
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

func (o observer) question(t testing.TB, path string, q url.Values) []serie {
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

func (o observer) series(t testing.TB, expr string) int {
	t.Helper()
	return len(o.question(t, "/api/v1/query", url.Values{"query": {expr}}))
}

// wait waits until expr has data.
func (o observer) wait(t testing.TB, expr string) {
	t.Helper()
	if !o.has(t, expr) {
		t.Fatalf("never: %s", expr)
	}
}

// has tells whether expr has data, soon: on a busy machine a scrape may be late,
// and what it would have brought is missing meanwhile.
func (o observer) has(t testing.TB, expr string) bool {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); o.series(t, expr) == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
