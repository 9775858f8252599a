package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// deathPoint is a point at which a durable download may be killed.
type deathPoint struct {
	point string
	// n is the pass at which the first life ends.
	n int
	// before is where a life must end first, so that this point is passed.
	before death
	// other reports that the point leads to another end than a complete descarga.
	other bool
}

// deathPoints lists all of them in the order of a descarga's life
// (docs/architecture/interruptions.md).
func deathPoints() []deathPoint {
	return []deathPoint{
		{point: "antes-de-crear", n: 1},
		{point: "creada", n: 1},
		{point: "antes-de-intento", n: 1},
		{point: "intento-anotado", n: 2},
		{point: "solicita-contestada", n: 2},
		{point: "solicita-anotada", n: 2},
		{point: "presentada-registrada", n: 1},
		{point: "adoptada-registrada", n: 1, before: death{"solicita-anotada", 1}},
		{point: "antes-de-verifica", n: 1},
		{point: "verifica-contestada", n: 2},
		{point: "consultada-registrada", n: 2},
		{point: "descarga-contada", n: 2},
		{point: "paquete-llegado", n: 3},
		{point: "paquete-entero", n: 2},
		{point: "paquete-recibido", n: 1},
		{point: "paquete-guardado", n: 2},
		{point: "paquete-traido", n: 4},
		{point: "antes-de-asentar-paquete", n: 3},
		{point: "paquete-asentado", n: 5},
		{point: "terminada", n: 1},
		{point: "publicada", n: 1},
		{point: "aplazada-registrada", other: true},
		{point: "solicitud_fallida-registrada", other: true},
		{point: "plazo-registrada", other: true},
	}
}

// calm is the result of a scene without kills.
func calm(t *testing.T, tipo string) []string {
	t.Helper()
	e := mount(t, tipo, false)
	v := e.run(0)
	d := e.view(v.api)
	uuids := e.uuids(v.api)
	if d.Cuota.SolicitudesPresentadas < 2 || d.Progreso.TotalPaquetes < 5 || len(uuids) < 15 || len(slices.Compact(slices.Clone(uuids))) != len(uuids) {
		t.Fatalf("the scene is too small: %+v, %v", d, uuids)
	}
	e.confirm(v.api, uuids)
	return uuids
}

// kill -9 of the gateway at every point on both databases: in its first life, or in its
// first and second. With PASARELA_MUERTES both, and at that many random passes of random
// points.
func TestDescarga_WhenKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	want := map[string][]string{"CFDI": calm(t, "CFDI"), "Metadata": calm(t, "Metadata")}
	trial := func(name string, i int, postgres bool, deaths []death, demand int) {
		tipo := []string{"CFDI", "Metadata"}[i%2]
		t.Run(fmt.Sprintf("%s/%s/%d", name, map[bool]string{false: "SQLite", true: "PostgreSQL"}[postgres], len(deaths)), func(t *testing.T) {
			t.Parallel()
			e := mount(t, tipo, postgres)
			e.confirm(e.run(demand, deaths...).api, want[tipo])
		})
	}
	all := os.Getenv("PASARELA_MUERTES") != ""
	for i, p := range deathPoints() {
		if p.other {
			continue
		}
		one := []death{{p.point, p.n}}
		if p.before.point != "" {
			one = []death{p.before, one[0]}
		}
		two := append(slices.Clone(one), death{p.point, 1})
		for j, postgres := range []bool{false, true} {
			if all || (i+j)%2 == 0 {
				trial(p.point, i/2+j, postgres, one, len(one))
			}
			if all || (i+j)%2 == 1 {
				trial(p.point, i/2+j+1, postgres, two, len(one))
			}
		}
	}
	chance, times := random(t, 0)
	for i := range times {
		deaths := make([]death, 1+chance.IntN(4))
		for j := range deaths {
			deaths[j] = death{deathPoints()[chance.IntN(20)].point, 1 + chance.IntN(4)}
		}
		trial(fmt.Sprintf("azar-%d", i), i, chance.IntN(2) == 1, deaths, 0)
	}
}

// If two processes died during a package's two downloads, the SAT is not blamed: the
// descarga says so, and no solicitud is spent on it.
func TestDescarga_WhenBothDownloadsDieNoSolicitudIsSpent(t *testing.T) {
	t.Parallel()
	for name, postgres := range map[string]bool{"SQLite": false, "PostgreSQL": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := mount(t, "CFDI", postgres)
			if err := e.sat.Knobs().Change(map[string]any{"max_cfdi": 1000, "cfdis_por_paquete": 1000}); err != nil {
				t.Fatal(err)
			}
			v := e.run(2, death{"descarga-contada", 1}, death{"descarga-contada", 1})
			d := e.view(v.api)
			if d.Estado != "fallida" || d.Cuota.SolicitudesPresentadas != 1 || len(e.sat.Estado().Solicitudes) != 1 || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1") {
				t.Errorf("%+v: %s\n%s", d, d.Motivo, e.ledger())
			}
		})
	}
}

// steps matches the points' names in the code, and tipos what may precede "-registrada".
var (
	steps = regexp.MustCompile(`(?:Step|step|point)\("([a-z_-]+)"\)`)
	tipos = regexp.MustCompile(`step\{[^}]*?tipo: "([a-z_]+)"|p\.tipo = "([a-z_]+)"`)
)

// Every point in the code must be in the table.
func TestDeathPoints_WhenComparedWithTheCode(t *testing.T) {
	t.Parallel()
	var known []string
	for _, p := range deathPoints() {
		known = append(known, p.point)
	}
	found := map[string]bool{}
	for _, dir := range []string{"descargas", "paquetes"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "internal", "sat", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range steps.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
			for _, m := range tipos.FindAllSubmatch(text, -1) {
				found[string(m[1])+string(m[2])+"-registrada"] = true
			}
		}
	}
	for point := range found {
		if !slices.Contains(known, point) {
			t.Errorf("the code passes %q, which no test kills at", point)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture", "interruptions.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range deathPoints() {
		if !found[p.point] {
			t.Errorf("the code does not pass %q any more", p.point)
		}
		if !p.other && !strings.Contains(string(page), "`"+p.point+"`") {
			t.Errorf("docs/architecture/interruptions.md does not say what becomes of a kill at %q", p.point)
		}
	}
}
