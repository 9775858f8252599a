package contract

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestDescargas_StatesAreTheCodes(t *testing.T) {
	var want, got []string
	for _, e := range gateway.EstadosDescarga() {
		want = append(want, string(e))
	}
	for _, row := range rows(section(t, page(t, "docs/descargas.md"), "## Seguir")) {
		estado := strings.Trim(row[0], "`")
		got = append(got, estado)
		if final := gateway.EstadoDescarga(estado).Final(); final != strings.HasPrefix(row[1], "**final:**") {
			t.Errorf("%s is final = %v, and the page says %q", estado, final, row[1])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-code +page):\n%s", diff)
	}
}

// TestDescargas_CodesExist: what the page decides about is in the SAT's table.
func TestDescargas_CodesExist(t *testing.T) {
	known := map[string]bool{"5000": true, "InvalidSecurity": true, "ActionNotSupported": true}
	for _, c := range gateway.RechazosSAT() {
		known[c.Codigo] = true
	}
	table := section(t, page(t, "docs/descargas.md"), "## Qué decide sola")
	codes := 0
	for line := range strings.SplitSeq(table, "\n") {
		said, ok := strings.CutPrefix(line, "| ")
		if !ok {
			continue
		}
		for _, word := range quoted(strings.SplitN(said, "|", 2)[0]) {
			codes++
			if !known[word] {
				t.Errorf("the SAT has no code %s", word)
			}
		}
	}
	if codes < 9 {
		t.Errorf("only %d codes were found", codes)
	}
}

// TestDescargas_FormsAreThoseOfTheContract holds the table of forms against what
// the routes give.
func TestDescargas_FormsAreThoseOfTheContract(t *testing.T) {
	var got []string
	for _, row := range rows(section(t, page(t, "docs/descargas.md"), "## Leer")) {
		got = append(got, strings.Trim(row[0], "`"))
	}
	for _, kind := range []string{"/metadatos", "/cfdis"} {
		var want []string
		for path := range load(t).Paths.Map() {
			if form, ok := strings.CutPrefix(path, "/v1/sat/descargas/{idDescarga}"+kind); ok && !strings.HasPrefix(form, "/") {
				want = append(want, "…/metadatos"+form)
			}
		}
		sameWords(t, want, append([]string{}, got...))
	}
}

// TestDescargas_CommandsWork runs the lines of docs/descargas.md, one block after
// the other.
func TestDescargas_CommandsWork(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "grep", "tail", "wc", "head")
	commands(t, "docs/descargas.md", [][]string{
		{"/v1/sat/descargas/", `"idDescarga":"`, `"estadoComprobante":"Todos"`},
		{"retry: ", "event: presentada\n", "event: fin\n", `"estado":"terminada"`, `"codigo":"5000","descripcion":`},
		{`"metadatos":[{`, `"siguiente":"`, `"estado":"guardado"`, `"url":"/v1/sat/cfdi/paquetes/`},
		{"event: fin", `"cfdis":[{`, "<cfdi:Comprobante "},
		{`"estado":"programada"`, `"descargas":[`, `"estado":"cancelada"`},
		{`"idSolicitud":"`, `"estadoSolicitud":{"codigo":"3"`, "PK"},
	})
}

// TestDescargas_OneOperationAtATimeIsRepeatedAsThePageSays: the same key gives the same
// solicitud, and the same criteria with another give the SAT's 5005.
func TestDescargas_OneOperationAtATimeIsRepeatedAsThePageSays(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "head")
	g := gatewaytest.Start(t, gatewaytest.Options{})
	ports := strings.NewReplacer("/tmp/", t.TempDir()+"/", "http://127.0.0.1:8080", g.API, "http://127.0.0.1:8082", g.SandboxAdmin)
	block := fences(section(t, page(t, "docs/descargas.md"), "## Una operación a la vez"), "sh")[0]
	var ids []string
	for range 2 {
		out, err := paste(t, t.TempDir(), ports.Replace(block))
		id := regexp.MustCompile(`"idSolicitud":"([^"]+)","codEstatus":\{"codigo":"5000"`).FindStringSubmatch(out)
		if err != nil || id == nil {
			t.Fatalf("%v\n%s", err, out)
		}
		ids = append(ids, id[1])
	}
	if ids[0] != ids[1] {
		t.Errorf("the same key gave %q", ids)
	}
	again := g.Post("/v1/sat/cfdi/solicitudes", map[string]string{"tipoDescarga": "recibidos", "tipoSolicitud": "CFDI",
		"rfcSolicitante": gatewaytest.Company, "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"})
	if again.Status != http.StatusConflict || !strings.Contains(string(again.Body), `"5005"`) || !strings.Contains(string(again.Body), ids[0]) {
		t.Errorf("with another key: %d %s; want 409 with 5005 and %s", again.Status, again.Body, ids[0])
	}
}
