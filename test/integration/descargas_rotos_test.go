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
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// receptor keeps the webhooks that reach it, and holds them against the contract.
type receptor struct {
	t       *testing.T
	mu      sync.Mutex
	cuerpos []string
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
	r.cuerpos = append(r.cuerpos, string(body))
	w.WriteHeader(http.StatusNoContent)
}

// llega waits for a webhook with a text.
func (r *receptor) llega(t *testing.T, texto string) string {
	t.Helper()
	for fin := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		i := slices.IndexFunc(r.cuerpos, func(c string) bool { return strings.Contains(c, texto) })
		if i >= 0 {
			defer r.mu.Unlock()
			return r.cuerpos[i]
		}
		r.mu.Unlock()
		if time.Now().After(fin) {
			t.Fatalf("no webhook says %q: %q", texto, r.cuerpos)
		}
	}
}

type paqueteVisto struct {
	IDPaquete, Estado, Detalle, URL    string
	Dudoso                             bool
	Comprobantes, Repetidos, Ilegibles int64
	VecesServido                       int
}

// rota runs one descarga of a package that is spoilt each time, or once.
func rota(t *testing.T, tipo string, f sandbox.Falla) (*operacion, *receptor, string, descarga, paqueteVisto) {
	t.Helper()
	oye := &receptor{t: t}
	srv := httptest.NewServer(oye)
	t.Cleanup(srv.Close)
	o := &operacion{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }})}
	rapido(t, o.Gateway, map[string]any{"cfdis_por_dia": 1})
	wantStatus(t, o.Post(rutaWebhooks, peticionWebhook(map[string]any{"url": srv.URL, "eventos": []string{"descarga.terminada", "descarga.parcial", "descarga.fallida"}})), http.StatusCreated)
	if f.Tipo != "" {
		f.Operacion = opDescargar
		o.falla(f)
	}
	ruta := crea(t, o.Gateway, peticion(tipo, nil))
	d := espera(t, o.Gateway, ruta)
	var lista struct{ Paquetes []paqueteVisto }
	o.Get(ruta+"/paquetes").JSON(t, &lista)
	if len(lista.Paquetes) == 0 {
		t.Fatalf("%+v", d)
	}
	return o, oye, ruta, d, lista.Paquetes[len(lista.Paquetes)-1]
}

// TestDescarga_WhenOneEntryCannotBeRead says what everybody is told of it: the API,
// the page, the webhook; and that the second download is used once.
func TestDescarga_WhenOneEntryCannotBeRead(t *testing.T) {
	t.Parallel()
	o, oye, ruta, d, p := rota(t, "CFDI", sandbox.Falla{Tipo: control.ConDefectos, Defectos: []string{"crc"}})
	t.Run("chromium", func(t *testing.T) {
		dom, dicho := chromiumtest.DOM(t, o.Admin+"/descargas/"+ruta[strings.LastIndex(ruta, "/")+1:], 2*time.Second)
		if len(dicho) != 0 || !strings.Contains(dom, "1 entrada ilegible") || !strings.Contains(dom, ">dudoso<") || !strings.Contains(dom, "faltan 0.") {
			t.Errorf("the console says %q\n%s", dicho, dom)
		}
		if dir := os.Getenv("PASARELA_CAPTURAS"); dir != "" {
			chromiumtest.Shot(t, o.Admin+"/descargas/"+ruta[strings.LastIndex(ruta, "/")+1:], filepath.Join(dir, "descarga-danada.png"), 1180, 1600)
		}
	})
	n := d.Progreso.NumeroCFDIs
	if d.Estado != "parcial" || n < 2 || d.Progreso.Encontrados != n-1 || d.Progreso.Ilegibles != 1 || d.Cuota.PaquetesServidos != 2 || d.Cuota.SolicitudesPresentadas != 1 ||
		!strings.Contains(d.Motivo, ": 1 no se puede leer (entrada ") || !strings.HasSuffix(d.Motivo, ", faltan 0.") {
		t.Errorf("%+v", d)
	}
	if p.Estado != "guardado" || !p.Dudoso || p.Ilegibles != 1 || p.Comprobantes != n-1 || p.VecesServido != 2 || !strings.Contains(p.Detalle, "dañado") || o.llamadas() != 2 {
		t.Errorf("%+v after %d downloads", p, o.llamadas())
	}
	eventos := string(o.Get(ruta + "/eventos").Body)
	if !strings.Contains(eventos, "las dos entregas son idénticas") {
		t.Error(eventos)
	}
	got := o.Get(p.URL)
	wantStatus(t, got, http.StatusOK)
	if got.Header.Get("X-Paquete-Dudoso") != "archivos_danados" || !strings.HasPrefix(string(got.Body), "PK") {
		t.Errorf("%v", got.Header)
	}
	var lista struct {
		Cfdis  []any
		Fallas []struct{ Entrada, Detalle string }
	}
	o.Get(ruta+"/cfdis?parcial=true").JSON(t, &lista)
	if int64(len(lista.Cfdis)) != n-1 || len(lista.Fallas) != 1 || !strings.Contains(d.Motivo, lista.Fallas[0].Entrada) {
		t.Errorf("%d read, faults %+v", len(lista.Cfdis), lista.Fallas)
	}
	_, texto := o.pagina("/descargas/" + ruta[strings.LastIndex(ruta, "/")+1:])
	o.dice(texto, "parcial", "1 entrada ilegible", "dudoso", d.Motivo, "2 de 2")
	var aviso struct {
		Data struct {
			Estado   string
			Progreso struct{ NumeroCFDIs, Encontrados, Repetidos, Ilegibles int64 }
		}
	}
	if err := json.Unmarshal([]byte(oye.llega(t, "descarga.parcial")), &aviso); err != nil || aviso.Data.Progreso.Ilegibles != 1 || aviso.Data.Progreso.Encontrados != n-1 || aviso.Data.Progreso.NumeroCFDIs != n {
		t.Errorf("%+v, %v", aviso, err)
	}
}

func (o *operacion) llamadas() int64 {
	var n int64
	for _, operaciones := range o.Sandbox.Estado().Llamadas {
		n += operaciones[opDescargar]
	}
	return n
}

// TestDescarga_WhenWhatIsDeliveredIsBroken: each case says how it ends, and what it
// has spent.
func TestDescarga_WhenWhatIsDeliveredIsBroken(t *testing.T) {
	t.Parallel()
	siempre := func(_ string, defectos ...string) sandbox.Falla {
		return sandbox.Falla{Tipo: control.ConDefectos, Defectos: defectos}
	}
	unaVez := func(f sandbox.Falla) sandbox.Falla { f.Veces = 1; return f }
	for name, tc := range map[string]struct {
		tipo                   string
		falla                  sandbox.Falla
		estado                 string
		faltan, repes, fallas  int64
		descargas, solicitudes int
		dudoso                 bool
		motivo                 string
	}{
		"a checksum, the first time":   {"CFDI", unaVez(siempre("", "crc")), "terminada", 0, 0, 0, 2, 1, false, ""},
		"another method":               {"CFDI", siempre("", "deflate64"), "parcial", 1, 0, 1, 2, 1, true, "Deflate64"},
		"an entry is cut":              {"CFDI", siempre("", "xml_cortado"), "parcial", 1, 0, 1, 2, 1, true, "1 no se puede leer"},
		"cut, the first time":          {"CFDI", unaVez(siempre("", "xml_cortado")), "terminada", 0, 0, 0, 2, 1, false, ""},
		"an entry is encrypted":        {"CFDI", siempre("", "cifrada"), "parcial", 1, 0, 1, 2, 1, true, "cifrado"},
		"twice, in another's place":    {"CFDI", siempre("", "en_lugar"), "parcial", 1, 1, 0, 1, 1, false, "falta 1, 1 viene repetido."},
		"twice, beside all":            {"CFDI", siempre("", "repetida"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"twice, with the name doubled": {"CFDI", siempre("", "repetida", "copia_doble"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"bytes behind the ZIP":         {"CFDI", siempre("", "cola"), "terminada", 0, 0, 0, 1, 1, false, ""},
		"metadata with a bad checksum": {"Metadata", siempre("", "crc"), "parcial", 0, 0, 1, 2, 1, true, "no se puede leer (entrada "},
		"a row is there twice":         {"Metadata", siempre("", "repetida"), "terminada", 0, 1, 0, 1, 1, false, "1 viene repetido"},
		"no ZIP at all":                {"CFDI", sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 500}, "fallida", -1, 0, 0, 2, 1, true, "idénticas"},
		"no ZIP, the first time":       {"CFDI", unaVez(sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 500}), "terminada", 0, 0, 0, 2, 1, false, ""},
		"a part of a ZIP":              {"CFDI", sandbox.Falla{Tipo: control.Truncado, Bytes: 400}, "fallida", -1, 0, 0, 2, 1, true, "idénticas"},
		"nothing":                      {"CFDI", sandbox.Falla{Tipo: control.Truncado}, "fallida", -1, 0, 0, 4, 2, false, "ya se había pedido otra vez"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, _, ruta, d, p := rota(t, tc.tipo, tc.falla)
			faltan := d.Progreso.NumeroCFDIs - d.Progreso.Encontrados
			if tc.faltan < 0 {
				faltan = tc.faltan
			}
			if d.Estado != tc.estado || faltan != tc.faltan || d.Progreso.Ilegibles != tc.fallas || d.Cuota.PaquetesServidos != tc.descargas || d.Cuota.SolicitudesPresentadas != tc.solicitudes ||
				!strings.Contains(d.Motivo, tc.motivo) || p.Dudoso != tc.dudoso || p.Repetidos != tc.repes || o.llamadas() != int64(tc.descargas) {
				t.Errorf("%+v\n%+v\n%d downloads\n%s", d, p, o.llamadas(), o.Get(ruta+"/eventos").Body)
			}
			if d.Estado == "fallida" && tc.dudoso {
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

// TestPaquete_WhenItsIDIsWrittenInTheOtherCase: it is the same package, with one copy
// and one count, and the SAT reads its own spelling.
func TestPaquete_WhenItsIDIsWrittenInTheOtherCase(t *testing.T) {
	t.Parallel()
	o, _, _, _, p := rota(t, "CFDI", sandbox.Falla{})
	for _, id := range []string{strings.ToLower(p.IDPaquete), strings.ToUpper(p.IDPaquete)} {
		got := o.Get(strings.Replace(p.URL, p.IDPaquete, id, 1))
		wantStatus(t, got, http.StatusOK)
		if got.Header.Get("ETag") == "" || o.llamadas() != 1 {
			t.Errorf("%v after %d downloads", got.Header, o.llamadas())
		}
	}
}
