package integration

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// canaries are secrets, by what they are, in every form that they may fly in.
type canaries map[string][]string

// texts are the forms of a text: as it is, escaped, and in base64 at each of the
// three places where it may begin in a longer text.
func texts(secret string) []string {
	out := []string{secret, strings.Trim(strconv.QuoteToASCII(secret), `"`)}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, before), secret...))
		out = append(out, strings.TrimRight(encoded, "=")[4:len(strings.TrimRight(encoded, "="))-1])
	}
	return out
}

// keyForms are the private key's: pieces of its encodings, and its exponent.
func keyForms(t *testing.T, e *autoridad.Emitido) []string {
	t.Helper()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{"PRIVATE KEY", e.Key.D.Text(16)[:40], e.Key.D.String()[:40], e.Key.Primes[0].String()[:40]}
	for _, der := range [][]byte{pkcs8, x509.MarshalPKCS1PrivateKey(e.Key), e.KeyDER} {
		text := base64.StdEncoding.EncodeToString(der)
		for i := 400; i+32 < len(text); i += 400 {
			out = append(out, text[i:i+32])
		}
	}
	return out
}

// check fails for each canary that text holds, but for those that may be there.
func (c canaries) check(t *testing.T, where, text string, allowed ...string) {
	t.Helper()
	for what, forms := range c {
		for _, form := range forms {
			if strings.Contains(text, form) && !slices.Contains(allowed, what) {
				t.Errorf("%s: %s is there", where, what)
				break
			}
		}
	}
}

const (
	secretAccount = "cañario-de-la-cuenta"
	secretHeader  = "cañario-del-encabezado"
	secretEFirma  = "canario-de-la-efirma"
	fileContent   = "contenido-canario@example.com"
	rfcCanary     = "CAND800101AB7"
	ofTheFile     = "the file's content"
)

// flock is a gateway whose every secret is a canary.
func flock(t *testing.T) (*gatewaytest.Gateway, canaries) {
	t.Helper()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { overwrite(t, c.SEP.PasswordFile, secretAccount) }})
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_password": secretAccount}); err != nil {
		t.Fatal(err)
	}
	e, err := g.Sandbox.Autoridad().Issue(autoridad.Request{RFC: rfcCanary, CURP: devstack.CURPRepresentante, Password: secretEFirma})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.WriteTo(g.Config.EfirmaDir); err != nil {
		t.Fatal(err)
	}
	return g, canaries{
		"the account's password": texts(secretAccount), "the caller's password": texts(secretHeader), "the e.firma's password": texts(secretEFirma),
		"the private key": keyForms(t, e), ofTheFile: texts(fileContent),
	}
}

// canaryTitle is a title whose content is a canary.
func canaryTitle(folio string) map[string]any {
	title := devstack.Titulo(folio, rfcCanary)
	title["profesionista"].(map[string]any)["correoElectronico"] = fileContent
	return title
}

func TestSEPCanaries_WhenAllGoesWellOrWrongNoSecretIsSeen(t *testing.T) {
	t.Parallel()
	g, secrets := flock(t)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("otro:"+secretHeader))
	send := func(where, method, path, media string, body []byte, headers ...string) gatewaytest.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, g.API+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if media != "" {
			req.Header.Set("Content-Type", media)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := g.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read only
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var header bytes.Buffer
		resp.Header.Write(&header) //nolint:errcheck // a Buffer never fails
		secrets.check(t, where, header.String()+string(text))
		return gatewaytest.Response{Status: resp.StatusCode, Header: resp.Header, Body: text}
	}

	// A whole flow. The emitted document is the one answer that holds the content.
	issued := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{canaryTitle("K1"), canaryTitle("K2")}})
	wantStatus(t, issued, http.StatusOK)
	secrets.check(t, "emisión", string(issued.Body), ofTheFile)
	if !strings.Contains(string(issued.Body), fileContent) {
		t.Fatal("the emitted title does not hold the canary: this test sees nothing")
	}
	file := zipped(t, issue(t, g, canaryTitle("K1"))...)
	asJSON, err := json.Marshal(map[string]any{"archivoBase64": file})
	if err != nil {
		t.Fatal(err)
	}
	loaded := send("carga", http.MethodPost, "/v1/sep/lotes", "application/zip", file)
	wantStatus(t, loaded, http.StatusCreated)
	rows(t, g, loaded)
	location := loaded.Header.Get("Location")
	for _, form := range []string{"", ".csv"} {
		wantStatus(t, send("resultado", http.MethodGet, location+"/resultado"+form, "", nil), http.StatusOK)
	}
	titulos, err := json.Marshal(map[string]any{"titulos": []any{canaryTitle("K3")}})
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, send("carga de títulos", http.MethodPost, "/v1/sep/lotes", "application/json", titulos), http.StatusCreated)
	wantStatus(t, send("validación", http.MethodPost, "/v1/sep/titulos/validacion", "application/zip", file), http.StatusOK)

	type call struct{ where, method, path, media, body string }
	calls := map[string]call{
		opUpload:            {"carga", http.MethodPost, "/v1/sep/lotes", "application/json", string(asJSON)},
		opQuery:             {"consulta", http.MethodGet, location, "", ""},
		opDescarga:          {"resultado", http.MethodGet, location + "/resultado", "", ""},
		opCancel:            {"cancelación", http.MethodPost, "/v1/sep/titulos/K1/cancelacion", "application/json", `{"motCancelacion":"R5"}`},
		opCancelInstitucion: {"cancelación, por institución", http.MethodPost, "/v1/sep/titulos/K1/cancelacion", "application/json", `{"motCancelacion":"R5","cveInstitucion":"1"}`},
	}
	do := func(why string, c call, headers ...string) int {
		return send(c.where+", "+why, c.method, c.path, c.media, []byte(c.body), headers...).Status
	}

	// Wrong accounts, and credentials that are not even credentials.
	for why, header := range map[string]string{
		"another account": basic, "no colon": "Basic " + base64.StdEncoding.EncodeToString([]byte(secretHeader)), "no base64": "Basic " + secretHeader,
		"no scheme": secretHeader, "another scheme": "Bearer " + secretHeader, "no user": "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+secretHeader)),
	} {
		for operation, c := range calls {
			status := do(why, c, "Backend-Authorization", header)
			if ok := status == http.StatusForbidden || status == http.StatusUnprocessableEntity; !ok && operation != opCancelInstitucion {
				t.Errorf("%s, %s: status %d", c.where, why, status)
			}
		}
	}

	// Every way in which the service may fail.
	for _, operation := range []string{opUpload, opQuery, opDescarga, opCancel, opCancelInstitucion} {
		for _, f := range []sandbox.Falla{
			{Tipo: control.Reset}, {Tipo: control.ResetDespues}, {Tipo: control.HTML503}, {Tipo: control.Vacio}, {Tipo: control.Fault},
			{Tipo: control.Fault, Faultcode: "Client"}, {Tipo: control.Codigo, Codigo: "9", Mensaje: "Motivo nuevo"}, {Tipo: control.Corte, Bytes: 30},
			{Tipo: control.Truncado, Bytes: 9}, {Tipo: control.Base64Invalido, Bytes: 9}, {Tipo: control.ZipInvalido},
		} {
			f.Servicio, f.Operacion, f.Veces = "sep", operation, 1
			if _, err := g.Sandbox.Fallas().Add(f); err != nil {
				continue // not of this operation
			}
			do(string(f.Tipo), calls[operation])
			g.Sandbox.Fallas().Reset()
			do("to keep the breaker shut", calls[opQuery])
		}
	}

	// Bodies that are refused before anything is sent.
	for why, body := range map[string]string{
		"cut": string(asJSON[:len(asJSON)-3]), "twice in base64": `{"archivoBase64":"` + base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(file))) + `"}`,
		"an unknown field": `{"otro":1,` + string(asJSON[1:]), "a title that is none": `{"titulos":"` + fileContent + `"}`, "another form": `{"titulos":[{"firmaResponsables":"` + fileContent + `"}]}`,
		"a file that is none": `{"archivoBase64":"` + base64.StdEncoding.EncodeToString([]byte(fileContent)) + `"}`,
	} {
		if status := do(why, call{"carga", http.MethodPost, "/v1/sep/lotes", "application/json", body}); status < 400 {
			t.Errorf("%s: status %d", why, status)
		}
	}
	do("raw text", call{"carga", http.MethodPost, "/v1/sep/lotes", "application/xml", fileContent})

	log := g.Log()
	secrets.check(t, "the log", log)
	for _, want := range []string{opUpload, opQuery, opDescarga, opCancel, opCancelInstitucion, "problem"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not hold %s: this test sees nothing", want)
		}
	}
	metrics, err := http.Get(g.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(metrics.Body)
	if err != nil || !strings.Contains(string(text), opUpload) {
		t.Fatalf("metrics: %v", err)
	}
	secrets.check(t, "/metrics", string(text))
	onDisk(t, g.Config.DataDir, secrets)
}

// onDisk looks into all that the gateway keeps: no secret, and nothing of a file
// that has passed.
func onDisk(t *testing.T, dir string, secrets canaries) {
	t.Helper()
	files := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the ledger's mark on its way, which has its own name by now
		}
		files[strings.TrimPrefix(filepath.Base(path), ".")] = len(content)
		secrets.check(t, filepath.Base(path), string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(files, func(name string, _ int) bool { return strings.HasPrefix(name, "pasarela.") })
	if len(files) > 0 {
		t.Errorf("left in the data directory: %v", files)
	}
}
