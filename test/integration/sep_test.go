package integration

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// result is the answer of …/resultado.
type result struct {
	NumeroLote string
	Titulos    []struct{ Archivo, Estatus, Descripcion, FolioControl, Resultado, MotivoCodigo string }
}

// upload posts body as it is.
func upload(t *testing.T, g *gatewaytest.Gateway, path string, body io.Reader, headers ...string) (gatewaytest.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.API+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := g.Client.Do(req)
	if err != nil {
		return gatewaytest.Response{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole, err := io.ReadAll(resp.Body)
	return gatewaytest.Response{Status: resp.StatusCode, Header: resp.Header, Body: whole}, err
}

// lote uploads body as media, lets the sandbox process it, and returns the rows.
// query is how far the file is to be checked, empty for all the way.
func lote(t *testing.T, g *gatewaytest.Gateway, media, query string, body []byte) result {
	t.Helper()
	r, err := upload(t, g, "/v1/sep/lotes"+query, bytes.NewReader(body), "Content-Type", media)
	if err != nil || r.Status != http.StatusCreated {
		t.Fatalf("carga: status %d, %v: %s", r.Status, err, r.Body)
	}
	return rows(t, g, r)
}

func rows(t *testing.T, g *gatewaytest.Gateway, upload gatewaytest.Response) result {
	t.Helper()
	location := upload.Header.Get("Location")
	if early := g.Get(location + "/resultado"); early.Status != http.StatusConflict || early.Header.Get("Retry-After") == "" {
		t.Errorf("the result before its time: status %d: %s", early.Status, early.Body)
	}
	g.Sandbox.Clock().BringForward(time.Hour)
	var state struct {
		Procesado   bool
		EstatusLote int
	}
	g.Get(location).JSON(t, &state)
	if !state.Procesado || state.EstatusLote != 1 {
		t.Fatalf("the lote is not processed: %+v", state)
	}
	var out result
	r := g.Get(location + "/resultado")
	if r.Status != http.StatusOK {
		t.Fatalf("resultado: status %d: %s", r.Status, r.Body)
	}
	r.JSON(t, &out)
	return out
}

// issue returns the documents of n titles as built and signed by the gateway.
func issue(t *testing.T, g *gatewaytest.Gateway, titulos ...any) []string {
	t.Helper()
	r := g.Post("/v1/sep/titulos", map[string]any{"titulos": titulos})
	if r.Status != http.StatusOK {
		t.Fatalf("emisión: status %d: %s", r.Status, r.Body)
	}
	var out struct{ Titulos []struct{ XML string } }
	r.JSON(t, &out)
	var docs []string
	for _, x := range out.Titulos {
		docs = append(docs, x.XML)
	}
	return docs
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, content := range files {
		w, err := z.Create(fmt.Sprintf("%d.xml", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSEP_FromJSONToRegisteredRows(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	const n = 200
	upload := g.Post("/v1/sep/lotes", map[string]any{"titulos": devstack.Titulos(n, "A", gatewaytest.Persona)})
	if upload.Status != http.StatusCreated {
		t.Fatalf("carga: status %d: %s", upload.Status, upload.Body)
	}
	got := rows(t, g, upload)
	if len(got.Titulos) != n {
		t.Fatalf("%d rows, want %d", len(got.Titulos), n)
	}
	for _, row := range got.Titulos {
		if row.Resultado != "registrado" || row.Estatus != "1" || row.MotivoCodigo != "" || !strings.HasPrefix(row.FolioControl, "A") {
			t.Fatalf("%+v", row)
		}
	}
	location := upload.Header.Get("Location") + "/resultado"
	csvFile := g.Get(location + ".csv")
	records, err := csv.NewReader(bytes.NewReader(csvFile.Body)).ReadAll()
	if err != nil || len(records) != n+1 || records[1][3] != got.Titulos[0].FolioControl || records[1][4] != "registrado" {
		t.Errorf("CSV: %d records, %v", len(records), err)
	}
	if book := g.Get(location + "/libro"); !bytes.HasPrefix(book.Body, []byte("\xd0\xcf\x11\xe0")) {
		t.Errorf("the workbook begins %q", book.Body[:8])
	}
	if z := g.Get(location + ".zip"); !bytes.HasPrefix(z.Body, []byte("PK")) {
		t.Errorf("the archive begins %q", z.Body[:4])
	}
}

// Each rejection of the SEP has its own motivo.
func TestSEP_WhenTitlesAreRejected(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(6, "R", gatewaytest.Persona)...)
	lote(t, g, "application/zip", "", zipped(t, docs[0]))
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_curps_desconocidas": "MEXL010203HDFXXS17"}); err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(docs[4], `sello="`)
	_, after, _ := strings.Cut(rest, `"`)
	broken := before + `sello="` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 256)) + `"` + after
	cases := []struct{ doc, result, motivo string }{
		{docs[0], "ya_registrado", "folio_ya_registrado"},
		{strings.Replace(docs[1], "MEXL010203HDFXXS05", "MEXL010203HDFXXS17", 1), "rechazado", "curp_no_encontrada"},
		{strings.Replace(docs[2], `cargo="RECTOR"`, `cargo="RECTORA"`, 1), "rechazado", "cargo_invalido"},
		{strings.Replace(docs[3], `idEntidadFederativa="09"`, `idEntidadFederativa="9"`, 1), "rechazado", "entidad_invalida"},
		{broken, "rechazado", "sello_invalido"},
		{docs[5], "registrado", ""},
	}
	var files []string
	for _, c := range cases {
		files = append(files, c.doc)
	}
	got := lote(t, g, "application/zip", "?comprobar=forma", zipped(t, files...))
	if len(got.Titulos) != len(cases) {
		t.Fatalf("%d rows for %d titles", len(got.Titulos), len(cases))
	}
	for i, row := range got.Titulos {
		if row.Resultado != cases[i].result || row.MotivoCodigo != cases[i].motivo || row.Descripcion == "" {
			t.Errorf("title %d: %+v, want %s %s", i, row, cases[i].result, cases[i].motivo)
		}
	}
}

// The same file in each form that an upload may have.
func TestSEP_WhenUploadsComeInEveryForm(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(5, "F", gatewaytest.Persona)...)
	asJSON := func(content []byte) []byte {
		return []byte(`{ "nombreArchivo" : "l.zip", "archivoBase64":"` + strings.ReplaceAll(base64.StdEncoding.EncodeToString(content), "/", `\/`) + `"}`)
	}
	multipart := "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"m.zip\"\r\n\r\n" + string(zipped(t, docs[1])) + "\r\n--x--\r\n"
	for name, tc := range map[string]struct {
		media string
		body  []byte
	}{
		"raw ZIP":   {"application/zip", zipped(t, docs[0])},
		"multipart": {"multipart/form-data; boundary=x", []byte(multipart)},
		"JSON":      {"application/json", asJSON(zipped(t, docs[2]))},
		"raw XML":   {"application/xml", []byte(docs[3])},
	} {
		t.Run(name, func(t *testing.T) {
			if got := lote(t, g, tc.media, "", tc.body); len(got.Titulos) != 1 || got.Titulos[0].Resultado != "registrado" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// What the SEP would refuse for its form does not leave.
func TestSEP_WhenUploadsAreWrong(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(2, "W", gatewaytest.Persona)...)
	good := zipped(t, docs[0])
	b64 := base64.StdEncoding.EncodeToString(good)
	for name, tc := range map[string]struct {
		media, query, body string
		status             int
	}{
		"base64 sent raw":       {"application/zip", "", b64, 422},
		"base64 of base64":      {"application/json", "", `{"nombreArchivo":"l.zip","archivoBase64":"` + base64.StdEncoding.EncodeToString([]byte(b64)) + `"}`, 422},
		"an XML called ZIP":     {"application/zip", "?nombreArchivo=l.zip", docs[0], 422},
		"an empty ZIP":          {"application/zip", "", string(zipped(t)), 422},
		"the same folio twice":  {"application/zip", "", string(zipped(t, docs[0], docs[0])), 422},
		"an entry that is none": {"application/zip", "", string(zipped(t, "hello")), 422},
		"a cut ZIP":             {"application/zip", "", string(good[:len(good)-9]), 422},
		"a long name":           {"application/zip", "?nombreArchivo=" + strings.Repeat("x", 97) + ".zip", string(good), 422},
		"not base64":            {"application/json", "", `{"nombreArchivo":"l.zip","archivoBase64":"@@@"}`, 422},
		"half a base64":         {"application/json", "", `{"nombreArchivo":"l.zip","archivoBase64":"UEs"}`, 422},
		"a string that is cut":  {"application/json", "", `{"archivoBase64":"UEsD`, 400},
		"not JSON":              {"application/json", "", `[1]`, 400},
		"an unknown field":      {"application/json", "", `{"archivoBase64":"` + b64 + `","x":1}`, 422},
		"an unknown deep field": {"application/json", "", `{"titulos":[{"folioControl":"1","noCedulaa":"x"}]}`, 422},
		"neither":               {"application/json", "", `{}`, 422},
		"another media type":    {"text/plain", "", "x", 415},
		"no part":               {"multipart/form-data; boundary=x", "", "--x--\r\n", 422},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := upload(t, g, "/v1/sep/lotes"+tc.query, strings.NewReader(tc.body), "Content-Type", tc.media)
			if err != nil || r.Status != tc.status {
				t.Errorf("status %d, want %d, %v: %s", r.Status, tc.status, err, r.Body)
			}
		})
	}
	if n := g.Sandbox.Estado().Llamadas["sep"]["cargaTituloElectronico"]; n != 0 {
		t.Errorf("%d uploads left", n)
	}
}

func TestSEP_WhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(1, "L", gatewaytest.Persona)...)
	if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "sep", Operacion: "cargaTituloElectronico", Tipo: "reset_despues", Veces: 1}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second use of the key sends nothing
		r, err := upload(t, g, "/v1/sep/lotes", bytes.NewReader(zipped(t, docs[0])), "Content-Type", "application/zip", "Idempotency-Key", "k")
		if err != nil || r.Status != http.StatusGatewayTimeout || !strings.Contains(string(r.Body), "resultado-desconocido") {
			t.Errorf("status %d, %v: %s", r.Status, err, r.Body)
		}
	}
	if n := g.Sandbox.Estado().Llamadas["sep"]["cargaTituloElectronico"]; n != 1 {
		t.Errorf("%d uploads left, want 1", n)
	}
	// Recovery: the same file again, and the title comes back as registered.
	g.Sandbox.Clock().BringForward(time.Hour)
	if got := lote(t, g, "application/zip", "", zipped(t, docs[0])); got.Titulos[0].Resultado != "ya_registrado" {
		t.Errorf("%+v", got)
	}
}

func TestSEP_WhenTitlesAreCancelled(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(1, "C", gatewaytest.Persona)...)
	lote(t, g, "application/zip", "", zipped(t, docs[0]))
	cancel := func(folio string, body any, headers ...string) gatewaytest.Response {
		return g.Post("/v1/sep/titulos/"+folio+"/cancelacion", body, headers...)
	}
	if r := cancel("C00001", map[string]any{"motCancelacion": "R9"}); r.Status != 422 {
		t.Errorf("an unknown reason: %d: %s", r.Status, r.Body)
	}
	if r := cancel("C00001", map[string]any{"motCancelacion": "R5"}, "Backend-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("sandbox:canario"))); r.Status != 403 {
		t.Errorf("a wrong password: %d: %s", r.Status, r.Body)
	}
	if r := cancel("C00001", map[string]any{"motCancelacion": "R5"}); r.Status != 200 {
		t.Errorf("%d: %s", r.Status, r.Body)
	}
	if r := cancel("NADIE", map[string]any{"motCancelacion": "R5"}); r.Status != 404 {
		t.Errorf("no such folio: %d: %s", r.Status, r.Body)
	}
	if strings.Contains(g.Log(), "canario") {
		t.Error("a password is in the log")
	}
}

func TestSEP_WhenTitlesAreValidated(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(2, "V", gatewaytest.Persona)...)
	type answer struct {
		Valido  bool
		Titulos []struct {
			Archivo, FolioControl string
			Valido                bool
			Problemas             []struct{ Ruta, Codigo, Nivel string }
		}
	}
	broken := strings.Replace(docs[1], `nombreCarrera="INGENIER`, `nombreCarrera="ARQUITECTUR`, 1)
	r, err := upload(t, g, "/v1/sep/titulos/validacion", bytes.NewReader(zipped(t, docs[0], broken)), "Content-Type", "application/zip")
	if err != nil || r.Status != 200 {
		t.Fatalf("status %d, %v: %s", r.Status, err, r.Body)
	}
	var got answer
	r.JSON(t, &got)
	if got.Valido || len(got.Titulos) != 2 || !got.Titulos[0].Valido || got.Titulos[1].Valido || got.Titulos[1].FolioControl != "V00002" {
		t.Fatalf("%+v", got)
	}
	for _, p := range got.Titulos[0].Problemas {
		if strings.HasPrefix(p.Codigo, "curp") {
			t.Errorf("the sandbox's own title has a CURP that is none: %+v", p)
		}
	}
	found := false
	for _, p := range got.Titulos[1].Problemas {
		found = found || strings.HasPrefix(p.Ruta, "firmaResponsables/0") && p.Nivel == "error"
	}
	if !found {
		t.Errorf("the broken sello is not found: %+v", got.Titulos[1])
	}
}

// What is wrong with titles in JSON is told field by field, and nothing is signed.
func TestSEP_WhenTitlesCannotBeIssued(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	change := func(section, field string, value any) map[string]any {
		x := devstack.Titulo("X1", gatewaytest.Persona)
		x[section].(map[string]any)[field] = value
		return x
	}
	signer := devstack.Titulo("X1", gatewaytest.Persona)
	signer["firmaResponsables"].([]any)[0].(map[string]any)["curp"] = "MEXL010203HDFXXS05"
	for name, tc := range map[string]struct {
		titulos []any
		field   string
	}{
		"an entidad of one digit": {[]any{change("expedicion", "idEntidadFederativa", "9")}, "titulos/0/expedicion/idEntidadFederativa"},
		"no date of examination":  {[]any{change("expedicion", "fechaExamenProfesional", "")}, "titulos/0/expedicion/fechaExamenProfesional"},
		"a CURP without its form": {[]any{devstack.Titulo("OK", gatewaytest.Persona), change("profesionista", "curp", "X")}, "titulos/1/profesionista/curp"},
		"another's CURP":          {[]any{signer}, "titulos/0/firmaResponsables/0/curp"},
		"the same folio twice":    {[]any{devstack.Titulo("X1", gatewaytest.Persona), devstack.Titulo("X1", gatewaytest.Persona)}, "titulos/1/folioControl"},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.Post("/v1/sep/titulos", map[string]any{"titulos": tc.titulos})
			if r.Status != 422 || !strings.Contains(string(r.Body), `"`+tc.field+`"`) {
				t.Errorf("status %d, no %s in %s", r.Status, tc.field, r.Body)
			}
		})
	}
	if r := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{devstack.Titulo("X1", "AAA010101AAA")}}); r.Status != 422 || !strings.Contains(string(r.Body), "#efirma") {
		t.Errorf("no such e.firma: %d: %s", r.Status, r.Body)
	}
}
