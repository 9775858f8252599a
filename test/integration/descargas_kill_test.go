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

// puntoDeMuerte is where a durable download may be cut.
type puntoDeMuerte struct {
	punto string
	// n is which pass of it ends the first life.
	n int
	// antes is where a life has to end before, so that this point is passed.
	antes muerte
	// otro says that the point leads to another end than everything having come.
	otro bool
}

// puntosDeMuerte are all of them, in the order of a descarga's life
// (docs/architecture/interruptions.md).
func puntosDeMuerte() []puntoDeMuerte {
	return []puntoDeMuerte{
		{punto: "antes-de-crear", n: 1},
		{punto: "creada", n: 1},
		{punto: "antes-de-intento", n: 1},
		{punto: "intento-anotado", n: 2},
		{punto: "solicita-contestada", n: 2},
		{punto: "solicita-anotada", n: 2},
		{punto: "presentada-registrada", n: 1},
		{punto: "adoptada-registrada", n: 1, antes: muerte{"solicita-anotada", 1}},
		{punto: "antes-de-verifica", n: 1},
		{punto: "verifica-contestada", n: 2},
		{punto: "consultada-registrada", n: 2},
		{punto: "descarga-contada", n: 2},
		{punto: "paquete-llegado", n: 3},
		{punto: "paquete-entero", n: 2},
		{punto: "paquete-recibido", n: 1},
		{punto: "paquete-guardado", n: 2},
		{punto: "paquete-traido", n: 4},
		{punto: "antes-de-asentar-paquete", n: 3},
		{punto: "paquete-asentado", n: 5},
		{punto: "terminada", n: 1},
		{punto: "publicada", n: 1},
		{punto: "aplazada-registrada", otro: true},
		{punto: "solicitud_fallida-registrada", otro: true},
		{punto: "plazo-registrada", otro: true},
	}
}

// tranquila is what a scene brings that nobody disturbs.
func tranquila(t *testing.T, tipo string) []string {
	t.Helper()
	e := monta(t, tipo, false)
	v := e.corre(0)
	d := e.vista(v.api)
	uuids := e.uuids(v.api)
	if d.Cuota.SolicitudesPresentadas < 2 || d.Progreso.TotalPaquetes < 5 || len(uuids) < 15 || len(slices.Compact(slices.Clone(uuids))) != len(uuids) {
		t.Fatalf("the scene is too small: %+v, %v", d, uuids)
	}
	e.comprueba(v.api, uuids)
	return uuids
}

// kill -9 of the gateway at every point on both databases: in its first life, or
// in its first and its second. With PASARELA_MUERTES both, and at random passes of
// random points as often as that says.
func TestDescarga_WhenKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	want := map[string][]string{"CFDI": tranquila(t, "CFDI"), "Metadata": tranquila(t, "Metadata")}
	prueba := func(nombre string, i int, postgres bool, muertes []muerte, exige int) {
		tipo := []string{"CFDI", "Metadata"}[i%2]
		t.Run(fmt.Sprintf("%s/%s/%d", nombre, map[bool]string{false: "SQLite", true: "PostgreSQL"}[postgres], len(muertes)), func(t *testing.T) {
			t.Parallel()
			e := monta(t, tipo, postgres)
			e.comprueba(e.corre(exige, muertes...).api, want[tipo])
		})
	}
	todas := os.Getenv("PASARELA_MUERTES") != ""
	for i, p := range puntosDeMuerte() {
		if p.otro {
			continue
		}
		una := []muerte{{p.punto, p.n}}
		if p.antes.punto != "" {
			una = []muerte{p.antes, una[0]}
		}
		dos := append(slices.Clone(una), muerte{p.punto, 1})
		for j, postgres := range []bool{false, true} {
			if todas || (i+j)%2 == 0 {
				prueba(p.punto, i/2+j, postgres, una, len(una))
			}
			if todas || (i+j)%2 == 1 {
				prueba(p.punto, i/2+j+1, postgres, dos, len(una))
			}
		}
	}
	chance, veces := azar(t, 0)
	for i := range veces {
		muertes := make([]muerte, 1+chance.IntN(4))
		for j := range muertes {
			muertes[j] = muerte{puntosDeMuerte()[chance.IntN(20)].punto, 1 + chance.IntN(4)}
		}
		prueba(fmt.Sprintf("azar-%d", i), i, chance.IntN(2) == 1, muertes, 0)
	}
}

// A package whose two downloads two processes have begun, and died with, is not the SAT's
// fault: it is told, and no solicitud is spent on it.
func TestDescarga_WhenBothDownloadsDieNoSolicitudIsSpent(t *testing.T) {
	t.Parallel()
	for name, postgres := range map[string]bool{"SQLite": false, "PostgreSQL": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := monta(t, "CFDI", postgres)
			if err := e.sat.Perillas().Cambia(map[string]any{"max_cfdi": 1000, "cfdis_por_paquete": 1000}); err != nil {
				t.Fatal(err)
			}
			v := e.corre(2, muerte{"descarga-contada", 1}, muerte{"descarga-contada", 1})
			d := e.vista(v.api)
			if d.Estado != "fallida" || d.Cuota.SolicitudesPresentadas != 1 || len(e.sat.Estado().Solicitudes) != 1 || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1") {
				t.Errorf("%+v: %s\n%s", d, d.Motivo, e.ledger())
			}
		})
	}
}

// pasos are the points' names in the code, and tipos what "-registrada" follows.
var (
	pasos = regexp.MustCompile(`(?:Paso|paso|punto)\("([a-z_-]+)"\)`)
	tipos = regexp.MustCompile(`paso\{[^}]*?tipo: "([a-z_]+)"|p\.tipo = "([a-z_]+)"`)
)

// No point may be added to the code that is not in the table.
func TestPuntosDeMuerte_WhenComparedWithTheCode(t *testing.T) {
	t.Parallel()
	var known []string
	for _, p := range puntosDeMuerte() {
		known = append(known, p.punto)
	}
	found := map[string]bool{}
	for _, dir := range []string{"descargas", "paquetes"} {
		files, err := filepath.Glob(filepath.Join("..", "..", "internal", dir, "*.go"))
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
			for _, m := range pasos.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
			for _, m := range tipos.FindAllSubmatch(text, -1) {
				found[string(m[1])+string(m[2])+"-registrada"] = true
			}
		}
	}
	for punto := range found {
		if !slices.Contains(known, punto) {
			t.Errorf("the code passes %q, which no test kills at", punto)
		}
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture", "interruptions.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range puntosDeMuerte() {
		if !found[p.punto] {
			t.Errorf("the code does not pass %q any more", p.punto)
		}
		if !p.otro && !strings.Contains(string(page), "`"+p.punto+"`") {
			t.Errorf("docs/architecture/interruptions.md does not say what becomes of a kill at %q", p.punto)
		}
	}
}
