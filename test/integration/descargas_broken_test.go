package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// receptor stores the webhooks that reach it, and checks them against the contract.
type receptor struct {
	t      *testing.T
	mu     sync.Mutex
	bodies []string
}

func (r *receptor) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the gateway sends it again
	}
	if _, err := gatewaytest.Aviso(body); err != nil {
		r.t.Errorf("a webhook outside the contract: %v: %s", err, body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
	w.WriteHeader(http.StatusNoContent)
}

// arrive waits for a webhook with a text.
func (r *receptor) arrive(t *testing.T, text string) string {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		i := slices.IndexFunc(r.bodies, func(c string) bool { return strings.Contains(c, text) })
		if i >= 0 {
			defer r.mu.Unlock()
			return r.bodies[i]
		}
		r.mu.Unlock()
		if time.Now().After(end) {
			t.Fatalf("no webhook says %q: %q", text, r.bodies)
		}
	}
}

type seenPaquete struct {
	IDPaquete, Estado, Detalle, URL    string
	Dudoso                             bool
	Comprobantes, Repetidos, Ilegibles int64
	VecesServido                       int
}

// rotate runs one descarga of a package that is broken in each delivery, or once.
func rotate(t *testing.T, tipo string, f sandbox.Falla) (*operatedGateway, *receptor, string, descarga, seenPaquete) {
	t.Helper()
	hear := &receptor{t: t}
	srv := httptest.NewServer(hear)
	t.Cleanup(srv.Close)
	o := &operatedGateway{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }})}
	fast(t, o.Gateway, map[string]any{"cfdis_por_dia": 1})
	wantStatus(t, o.Post(pathWebhooks, webhookRequest(map[string]any{"url": srv.URL, "eventos": []string{"descarga.terminada", "descarga.parcial", "descarga.fallida"}})), http.StatusCreated)
	if f.Tipo != "" {
		f.Operacion = opDescargar
		o.falla(f)
	}
	path := create(t, o.Gateway, request(tipo, nil))
	d := wait(t, o.Gateway, path)
	var list struct{ Paquetes []seenPaquete }
	o.Get(path+"/paquetes").JSON(t, &list)
	if len(list.Paquetes) == 0 {
		t.Fatalf("%+v", d)
	}
	return o, hear, path, d, list.Paquetes[len(list.Paquetes)-1]
}

// The API, the page and the webhook report an unreadable entry, and the second download
// is used once.
func TestDescarga_WhenOneEntryCannotBeRead(t *testing.T) {
	t.Parallel()
	o, hear, path, d, p := rotate(t, "CFDI", sandbox.Falla{Tipo: control.ConDefectos, Defectos: []string{"crc"}})
	t.Run("chromium", func(t *testing.T) {
		dom, said := chromiumtest.DOM(t, o.Admin+"/descargas/"+path[strings.LastIndex(path, "/")+1:], 2*time.Second)
		if len(said) != 0 || !strings.Contains(dom, "1 entrada ilegible") || !strings.Contains(dom, ">dudoso<") || !strings.Contains(dom, "faltan 0.") {
			t.Errorf("the console says %q\n%s", said, dom)
		}
		if dir := os.Getenv("PASARELA_CAPTURAS"); dir != "" {
			chromiumtest.Shot(t, o.Admin+"/descargas/"+path[strings.LastIndex(path, "/")+1:], filepath.Join(dir, "descarga-danada.png"), 1180, 1600)
		}
	})
	n := d.Progreso.NumeroCFDIs
	if d.Estado != "parcial" || n < 2 || d.Progreso.Encontrados != n-1 || d.Progreso.Ilegibles != 1 || d.Cuota.PaquetesServidos != 2 || d.Cuota.SolicitudesPresentadas != 1 ||
		!strings.Contains(d.Motivo, ": 1 no se puede leer (entrada ") || !strings.HasSuffix(d.Motivo, ", faltan 0.") {
		t.Errorf("%+v", d)
	}
	if p.Estado != "guardado" || !p.Dudoso || p.Ilegibles != 1 || p.Comprobantes != n-1 || p.VecesServido != 2 || !strings.Contains(p.Detalle, "dañado") || o.calls() != 2 {
		t.Errorf("%+v after %d downloads", p, o.calls())
	}
	eventos := string(o.Get(path + "/eventos").Body)
	if !strings.Contains(eventos, "las dos entregas son idénticas") {
		t.Error(eventos)
	}
	got := o.Get(p.URL)
	wantStatus(t, got, http.StatusOK)
	if got.Header.Get("X-Paquete-Dudoso") != "archivos_danados" || !strings.HasPrefix(string(got.Body), "PK") {
		t.Errorf("%v", got.Header)
	}
	var list struct {
		Cfdis  []any
		Fallas []struct{ Entrada, Detalle string }
	}
	o.Get(path+"/cfdis?parcial=true").JSON(t, &list)
	if int64(len(list.Cfdis)) != n-1 || len(list.Fallas) != 1 || !strings.Contains(d.Motivo, list.Fallas[0].Entrada) {
		t.Errorf("%d read, faults %+v", len(list.Cfdis), list.Fallas)
	}
	_, text := o.page("/descargas/" + path[strings.LastIndex(path, "/")+1:])
	o.say(text, "parcial", "1 entrada ilegible", "dudoso", d.Motivo, "2 de 2")
	var aviso struct {
		Data struct {
			Estado   string
			Progreso struct{ NumeroCFDIs, Encontrados, Repetidos, Ilegibles int64 }
		}
	}
	if err := json.Unmarshal([]byte(hear.arrive(t, "descarga.parcial")), &aviso); err != nil || aviso.Data.Progreso.Ilegibles != 1 || aviso.Data.Progreso.Encontrados != n-1 || aviso.Data.Progreso.NumeroCFDIs != n {
		t.Errorf("%+v, %v", aviso, err)
	}
}

func (o *operatedGateway) calls() int64 {
	var n int64
	for _, operations := range o.Sandbox.Estado().Llamadas {
		n += operations[opDescargar]
	}
	return n
}

// Each case has its final state and its cost.
func TestDescarga_WhenWhatIsDeliveredIsBroken(t *testing.T) {
	t.Parallel()
	always := func(_ string, defects ...string) sandbox.Falla {
		return sandbox.Falla{Tipo: control.ConDefectos, Defectos: defects}
	}
	onceMore := func(f sandbox.Falla) sandbox.Falla { f.Veces = 1; return f }
	for name, tc := range map[string]struct {
		tipo                   string
		falla                  sandbox.Falla
		estado                 string
		missing, repes, fallas int64
		descargas, solicitudes int
		dubious                bool
		motivo                 string
	}{
		"a checksum, the first time":   {"CFDI", onceMore(always("", "crc")), "terminada", 0, 0, 0, 2, 1, false, ""},
		"another method":               {"CFDI", always("", "deflate64"), "parcial", 1, 0, 1, 2, 1, true, "Deflate64"},
		"an entry is cut":              {"CFDI", always("", "xml_cortado"), "parcial", 1, 0, 1, 2, 1, true, "1 no se puede leer"},
		"cut, the first time":          {"CFDI", onceMore(always("", "xml_cortado")), "terminada", 0, 0, 0, 2, 1, false, ""},
		"an entry is encrypted":        {"CFDI", always("", "cifrada"), "parcial", 1, 0, 1, 2, 1, true, "cifrado"},
		"twice, in another's place":    {"CFDI", always("", "en_lugar"), "parcial", 1, 1, 0, 1, 1, false, "falta 1, 1 viene repetido."},
		"twice, beside all":            {"CFDI", always("", "repetida"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"twice, with the name doubled": {"CFDI", always("", "repetida", "copia_doble"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"bytes behind the ZIP":         {"CFDI", always("", "cola"), "terminada", 0, 0, 0, 1, 1, false, ""},
		"metadata with a bad checksum": {"Metadata", always("", "crc"), "parcial", 0, 0, 1, 2, 1, true, "no se puede leer (entrada "},
		"a row is there twice":         {"Metadata", always("", "repetida"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"no ZIP at all":                {"CFDI", sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 500}, "fallida", -1, 0, 0, 2, 1, true, "idénticas"},
		"no ZIP, the first time":       {"CFDI", onceMore(sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 500}), "terminada", 0, 0, 0, 2, 1, false, ""},
		"a part of a ZIP":              {"CFDI", sandbox.Falla{Tipo: control.Truncado, Bytes: 400}, "fallida", -1, 0, 0, 2, 1, true, "idénticas"},
		"nothing":                      {"CFDI", sandbox.Falla{Tipo: control.Truncado}, "fallida", -1, 0, 0, 4, 2, false, "ya se había pedido otra vez"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _, path, d, p := rotate(t, tc.tipo, tc.falla)
			missing := d.Progreso.NumeroCFDIs - d.Progreso.Encontrados
			if tc.missing < 0 {
				missing = tc.missing
			}
			if d.Estado != tc.estado || missing != tc.missing || d.Progreso.Ilegibles != tc.fallas || d.Cuota.PaquetesServidos != tc.descargas || d.Cuota.SolicitudesPresentadas != tc.solicitudes ||
				!strings.Contains(d.Motivo, tc.motivo) || p.Dudoso != tc.dubious || p.Repetidos != tc.repes || o.calls() != int64(tc.descargas) {
				t.Errorf("%+v\n%+v\n%d downloads\n%s", d, p, o.calls(), o.Get(path+"/eventos").Body)
			}
			if d.Estado == "fallida" && tc.dubious {
				plain := p.URL[:strings.Index(p.URL, "&dudoso=true")]
				if got := wantProblem(t, o.Get(plain), http.StatusGone, "ya-no-disponible"); !strings.Contains(got.Detail, "?dudoso=true") {
					t.Errorf("%+v", got)
				}
				got := o.Get(p.URL)
				wantStatus(t, got, http.StatusOK)
				if got.Header.Get("X-Paquete-Dudoso") != "incompleto" || len(got.Body) == 0 {
					t.Errorf("%v, %d bytes", got.Header, len(got.Body))
				}
			}
		})
	}
}

// Both spellings are the same package, with one copy and one count, and the SAT gets its
// own spelling.
func TestPaquete_WhenItsIDIsWrittenInTheOtherCase(t *testing.T) {
	t.Parallel()
	o, _, _, _, p := rotate(t, "CFDI", sandbox.Falla{})
	for _, id := range []string{strings.ToLower(p.IDPaquete), strings.ToUpper(p.IDPaquete)} {
		got := o.Get(strings.Replace(p.URL, p.IDPaquete, id, 1))
		wantStatus(t, got, http.StatusOK)
		if got.Header.Get("ETag") == "" || o.calls() != 1 {
			t.Errorf("%v after %d downloads", got.Header, o.calls())
		}
	}
}
