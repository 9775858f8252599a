package contract

import (
	"archive/zip"
	"bufio"
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// gets asks for each of forms, or for the first form that there is.
func (e *examples) gets(t *testing.T, path string, forms ...string) gatewaytest.Response {
	t.Helper()
	if len(forms) == 0 {
		forms = []string{"application/json"}
	}
	var first gatewaytest.Response
	for i, form := range forms {
		got := e.Get(path, "Accept", form)
		if got.Status != http.StatusOK {
			t.Errorf("GET %s as %s: status %d: %s", path, form, got.Status, got.Body)
		}
		if i == 0 {
			first = got
		}
	}
	return first
}

// walksSAT sees a solicitud in each of the states that the examples show.
func (e *examples) walksSAT(t *testing.T) {
	id := e.Request("cfdi", gatewaytest.Company, map[string]any{"fechaFinal": "2026-01-30T23:59:59"})
	state := "/v1/sat/cfdi/solicitudes/" + id + "?rfcSolicitante=" + gatewaytest.Company
	e.gets(t, state)
	paquetes := e.Paquetes("cfdi", gatewaytest.Company, id)
	path := gatewaytest.PaquetePath("cfdi", gatewaytest.Company, paquetes[0])
	for got := e.gets(t, path, "application/zip"); got.Header.Get("Accept-Ranges") != "bytes"; got = e.gets(t, path, "application/zip") {
		time.Sleep(10 * time.Millisecond) // it is served before it is stored
	}
	part := e.Get(path, "Range", "bytes=0-1")
	if part.Status != http.StatusPartialContent || string(part.Body) != "PK" {
		t.Errorf("a range: status %d: %.100q", part.Status, part.Body)
	}
	for _, motivo := range []string{"5003", "5004"} {
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "5000",
			EstadoSolicitud: 5, CodigoEstadoSolicitud: motivo, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		e.gets(t, state)
	}
}

// walksDescargas reads one of metadata that has to be split, one of CFDI, one
// that finds nothing, and one that is cancelled.
func (e *examples) walksDescargas(t *testing.T) {
	t.Run("metadatos", func(t *testing.T) {
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "5000",
			EstadoSolicitud: 5, CodigoEstadoSolicitud: "5003", Veces: 1, Contiene: gatewaytest.Persona}); err != nil {
			t.Fatal(err)
		}
		e.traps(t, true)
		defer e.traps(t, false)
		base := e.descarga(t, map[string]any{"rfcSolicitante": gatewaytest.Persona, "tipoSolicitud": "Metadata", "tipoDescarga": "recibidos"})
		e.gets(t, base+"/metadatos")
		e.gets(t, base+"/metadatos.ndjson", "application/x-ndjson")
		e.gets(t, base+"/metadatos.csv", "text/csv")
		e.gets(t, base+"/metadatos?limite=1")
		e.gets(t, base+"/eventos?limite=1")
		e.gets(t, base+"/paquetes?limite=1")
	})
	t.Run("cfdi", func(t *testing.T) {
		e.traps(t, true)
		defer e.traps(t, false)
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "Descargar", Tipo: control.ConDefectos, Defectos: []string{"repetida"}, Veces: 1,
			Contiene: strings.TrimPrefix(gatewaytest.CompanyOdd, "Ñ&")}); err != nil {
			t.Fatal(err)
		}
		base := e.descarga(t, map[string]any{"rfcSolicitante": gatewaytest.CompanyOdd, "tipoSolicitud": "CFDI"})
		e.gets(t, base+"/paquetes")
		var page struct{ Cfdis []struct{ UUID string } }
		// One XML of a hundred is cut, so that the descarga ends partial.
		e.gets(t, base+"/cfdis?parcial=true").JSON(t, &page)
		e.gets(t, base+"/cfdis.ndjson?parcial=true", "application/x-ndjson")
		e.gets(t, base+"/cfdis.csv?parcial=true", "text/csv")
		e.gets(t, base+"/cfdis?parcial=true&limite=1")
		e.gets(t, base+"/cfdis/"+page.Cfdis[0].UUID, "application/xml")
	})
	t.Run("danada", func(t *testing.T) {
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "Descargar", Tipo: control.ConDefectos, Defectos: []string{"crc"}, Veces: 2, Contiene: gatewaytest.Persona}); err != nil {
			t.Fatal(err)
		}
		base := e.descarga(t, map[string]any{"rfcSolicitante": gatewaytest.Persona, "tipoSolicitud": "CFDI", "fechaFinal": "2026-01-03T23:59:59"})
		e.gets(t, base+"/paquetes")
	})
	t.Run("vacia", func(t *testing.T) {
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "5000",
			EstadoSolicitud: 5, CodigoEstadoSolicitud: "5004", Veces: 1, Contiene: gatewaytest.Persona}); err != nil {
			t.Fatal(err)
		}
		e.descarga(t, map[string]any{"rfcSolicitante": gatewaytest.Persona, "tipoSolicitud": "CFDI", "fechaFinal": "2026-01-15T23:59:59"})
	})
	e.gets(t, "/v1/sat/descargas")
	e.gets(t, "/v1/sat/descargas?limite=1")
	e.gets(t, "/v1/sat/descargas?estado=fallida")
	got := e.Post("/v1/sat/descargas", descargaOf(map[string]any{"fechaFinal": "2026-01-20T23:59:59"}))
	cancelled, err := e.Do(http.MethodDelete, got.Header.Get("Location"), nil)
	if err != nil || cancelled.Status != http.StatusOK {
		t.Errorf("status %d, %v: %s", cancelled.Status, err, cancelled.Body)
	}
}

// traps puts what readers trip over into the sandbox's packages.
func (e *examples) traps(t *testing.T, set bool) {
	t.Helper()
	if err := e.Sandbox.Knobs().Change(map[string]any{"trampas_paquete": set}); err != nil {
		t.Fatal(err)
	}
}

func descargaOf(changes map[string]any) map[string]any {
	body := map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}
	for k, v := range changes {
		body[k] = v
	}
	return body
}

// descarga makes one, follows it to its end while the sandbox's clock runs, looks
// at it on the way, and returns its route.
func (e *examples) descarga(t *testing.T, changes map[string]any) string {
	t.Helper()
	made := e.Post("/v1/sat/descargas", descargaOf(changes))
	if made.Status != http.StatusAccepted {
		t.Fatalf("status %d: %s", made.Status, made.Body)
	}
	base := made.Header.Get("Location")
	resp, err := e.Send(t.Context(), http.MethodGet, base+"/eventos/flujo", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(resp.Body)
	last := ""
	for lines.Scan() {
		if tipo, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			last = tipo
			e.gets(t, base)
			e.gets(t, base+"/paquetes")
			e.Sandbox.Clock().BringForward(time.Minute)
		}
	}
	if err := lines.Err(); err != nil || last != "fin" {
		t.Fatalf("the stream ends with %v after %q", err, last)
	}
	e.gets(t, base)
	e.gets(t, base+"/eventos")
	return base
}

// walksSEP has a lote of one good title and one that the SEP does not register,
// and reads its result in every form.
func (e *examples) walksSEP(t *testing.T) {
	lote := e.example(t, "cargarLote", "titulos")
	titulos := lote["titulos"].([]any)
	upload := e.Post("/v1/sep/lotes", map[string]any{"titulos": []any{titulos[0], with(titulos[0], "folioControl", "OTRO20260001")}})
	if upload.Status != http.StatusCreated {
		t.Fatalf("status %d: %s", upload.Status, upload.Body)
	}
	base := upload.Header.Get("Location")
	e.gets(t, base)
	e.Sandbox.Clock().BringForward(time.Hour)
	e.gets(t, base)
	e.gets(t, base+"/resultado")
	e.gets(t, base+"/resultado.csv", "text/csv")
	xls, zip := e.gets(t, base+"/resultado/libro", "application/vnd.ms-excel"), e.gets(t, base+"/resultado.zip", "application/zip")
	if !bytes.HasPrefix(xls.Body, []byte{0xd0, 0xcf, 0x11, 0xe0}) || !bytes.HasPrefix(zip.Body, []byte("PK")) {
		t.Errorf("the workbook begins with %.8q and the zip with %.8q", xls.Body, zip.Body)
	}
	for _, form := range []struct{ form, path, accept string }{
		{"xlsx", "/resultado/libro", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		{"renglon_encima", "/resultado", "application/json"}, {"normal", "/resultado", "application/json"},
	} {
		if err := e.Sandbox.Knobs().Change(map[string]any{"sep_resultado": form.form}); err != nil {
			t.Fatal(err)
		}
		e.gets(t, base+form.path, form.accept)
	}
	for _, broken := range []string{"", "otra cosa"} {
		titulo := with(titulos[0], "folioControl", "AVISO2026")
		if broken != "" {
			titulo["profesionista"] = with(titulo["profesionista"], "correoElectronico", broken)
		}
		got := e.Post("/v1/sep/titulos", map[string]any{"titulos": []any{titulo}, "firmar": broken == ""})
		if want := broken == ""; want != (got.Status == http.StatusOK) {
			t.Errorf("with %q: status %d: %s", broken, got.Status, got.Body)
		}
	}
	// What is wrong with a title is told where titles are checked.
	sealed := e.Post("/v1/sep/titulos", e.example(t, "emitirTitulos", "sellar"), "Accept", "application/xml")
	spoilt := bytes.Replace(sealed.Body, []byte(`cargo="`), []byte(`cargo="X`), 1)
	got := e.raw(t, http.MethodPost, "/v1/sep/titulos/validacion", spoilt, "Content-Type", "application/xml")
	if got.Status != http.StatusOK || !bytes.Contains(got.Body, []byte(`"valido":false`)) {
		t.Errorf("a spoilt title: status %d: %s", got.Status, got.Body)
	}
	twice := e.raw(t, http.MethodPost, "/v1/sep/titulos/validacion", zipOf(t, map[string][]byte{"1.xml": sealed.Body, "2.xml": sealed.Body, "LEEME.txt": []byte("Títulos de junio")}), "Content-Type", "application/zip")
	if twice.Status != http.StatusOK || !bytes.Contains(twice.Body, []byte("folio_duplicado")) || bytes.Contains(twice.Body, []byte(`"problemas":[],"titulos"`)) {
		t.Errorf("one title twice: status %d: %s", twice.Status, twice.Body)
	}
	e.gets(t, "/v1/sep/catalogos")
	e.gets(t, "/v1/sep/catalogos/modalidades")
}

func zipOf(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// with is a copy of an object with one field changed.
func with(object any, name string, value any) map[string]any {
	out := map[string]any{}
	for k, v := range object.(map[string]any) {
		out[k] = v
	}
	out[name] = value
	return out
}

// walksPADE has each document as itself too; as JSON the requests have had it.
func (e *examples) walksPADE(t *testing.T) {
	for path, body := range map[string]map[string]any{
		"/v1/pade/addendas":             e.example(t, "procesarAddenda", "datos"),
		"/v1/pade/addendas/adjunta":     e.example(t, "adjuntarAddenda", "texto"),
		"/v1/pade/contratos":            e.example(t, "firmarContrato", "prueba"),
		"/v1/pade/contratos/manifiesto": e.example(t, "firmarManifiesto", "prueba"),
		"/v1/pade/contratos/adhesion":   e.example(t, "firmarContratoAdhesion", "prueba"),
	} {
		if got := e.Post(path, body, "Accept", "application/xml"); got.Status != http.StatusOK || !bytes.HasPrefix(got.Body, []byte("<")) {
			t.Errorf("%s: status %d: %.200s", path, got.Status, got.Body)
		}
	}
	// What came back is odd: once an Addenda that is not last, once another contract.
	other := e.example(t, "firmarContrato", "prueba")
	other["contrato"] = with(other["contrato"], "texto", "Otro contrato de prueba.")
	for _, odd := range []struct {
		operation, defect, path string
		body                    map[string]any
	}{
		{"procesarAdjuntarAddenda", "addenda_al_principio", "/v1/pade/addendas/adjunta", e.example(t, "adjuntarAddenda", "texto")},
		{"firmar", "alterado", "/v1/pade/contratos", other},
	} {
		if _, err := e.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: odd.operation, Tipo: control.ConDefectos, Defectos: []string{odd.defect}, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		if got := e.Post(odd.path, odd.body); got.Status != http.StatusOK {
			t.Errorf("%s: status %d: %.200s", odd.defect, got.Status, got.Body)
		}
	}
	if got, err := e.Do(http.MethodDelete, "/v1/pade/bloqueo", nil); err != nil || got.Status != http.StatusNoContent {
		t.Errorf("bloqueo: status %d, %v", got.Status, err)
	}
}

func (e *examples) walksWebhooks(t *testing.T) {
	e.gets(t, "/v1/webhooks")
	hook := "/v1/webhooks/" + e.registersWebhook(t)
	e.gets(t, hook)
	if got := e.Post(hook+"/secreto?traslapeHoras=24", nil); got.Status != http.StatusOK {
		t.Errorf("secreto: status %d: %s", got.Status, got.Body)
	}
	var sent struct{ IDEntrega string }
	for range 2 {
		got := e.Post(hook+"/prueba", nil)
		if got.Status != http.StatusAccepted {
			t.Errorf("prueba: status %d: %s", got.Status, got.Body)
		}
		got.JSON(t, &sent)
	}
	// erp.example has no address, so that each attempt is told as one that found none.
	for until := time.Now().Add(3 * time.Minute); !strings.Contains(string(e.gets(t, hook+"/entregas").Body), `"cuando"`); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("no attempt was made")
		}
	}
	e.gets(t, hook+"/entregas?limite=1")
	if got := e.Post(hook+"/entregas/"+url.PathEscape(sent.IDEntrega)+"/reenvio", nil); got.Status != http.StatusAccepted {
		t.Errorf("reenvío: status %d: %s", got.Status, got.Body)
	}
	if got, err := e.Do(http.MethodPut, hook, e.example(t, "actualizarWebhook", "pausa")); err != nil || got.Status != http.StatusOK {
		t.Errorf("pausa: status %d, %v: %s", got.Status, err, got.Body)
	}
	e.gets(t, hook)
	if got, err := e.Do(http.MethodDelete, hook, nil); err != nil || got.Status != http.StatusNoContent {
		t.Errorf("status %d, %v", got.Status, err)
	}
	e.gets(t, "/v1/webhooks")
}

func (e *examples) walksOthers(t *testing.T) {
	e.gets(t, "/v1/efirmas")
	e.gets(t, "/v1/efirmas/"+gatewaytest.Company)
	e.gets(t, "/v1/efirmas/"+rfcForeign)
	e.gets(t, "/openapi.yaml", "application/yaml")
	e.gets(t, "/openapi.json")
}

// neverSeen are the places of examples that this gateway cannot be brought to
// answer: an operation, and after · how the path of the field begins.
func neverSeen() map[string]*excuse {
	return map[string]*excuse{
		"listarEntregasWebhook · entregas[].intentos[].status": {why: "webhooks call public addresses only, so that nobody answers here"},
		"listarMetadatosDescarga · fallas[].fila":              {why: "the sandbox writes no row that is beyond reading"},
		"exportarMetadatosNdjson · falla.fila":                 {why: "as above"},
	}
}
