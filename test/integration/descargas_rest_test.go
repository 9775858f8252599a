package integration

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

const pathDescargas = "/v1/sat/descargas"

// descargaView is the part of a descarga that these tests read.
type descargaView struct {
	IDDescarga, Estado, Motivo string
	Progreso                   struct{ NumeroCFDIs, Encontrados, TotalPaquetes, PaquetesGuardados int }
	Cuota                      struct{ SolicitudesPresentadas, PaquetesServidos int }
	Solicitudes                []struct {
		Estado, IDSolicitud, Decision string
		CodEstatus                    struct{ Codigo, Descripcion string }
	}
}

// metadatos asks for a month of metadata that no other test of this rig uses.
func (r *rig) metadatos() map[string]any {
	return map[string]any{"servicio": "cfdi", "rfcSolicitante": gatewaytest.Company, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": fmt.Sprintf("2026-01-31T23:00:%02d", r.n.Add(1))}
}

func (r *rig) createDescarga(body map[string]any, headers ...string) descargaView {
	r.t.Helper()
	got := r.Post(pathDescargas, body, headers...)
	var d descargaView
	got.JSON(r.t, &d)
	if got.Status != http.StatusAccepted || got.Header.Get("Location") != pathDescargas+"/"+d.IDDescarga || got.Header.Get("Retry-After") == "" {
		r.t.Fatalf("status %d, %v: %s", got.Status, got.Header, got.Body)
	}
	return d
}

// follow follows a descarga by its stream to the end, while the sandbox's clock runs, and
// returns the types of its events.
func (r *rig) follow(id string) []string {
	r.t.Helper()
	resp, err := r.Send(r.t.Context(), http.MethodGet, pathDescargas+"/"+id+"/eventos/flujo", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	var tipos []string
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if tipo, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			tipos = append(tipos, tipo)
			r.Sandbox.Clock().BringForward(time.Minute)
		}
	}
	if err := lines.Err(); err != nil || len(tipos) == 0 || tipos[len(tipos)-1] != "fin" {
		r.t.Fatalf("the stream ends with %v after %v", err, tipos)
	}
	return tipos
}

func (r *rig) descarga(id string) descargaView {
	r.t.Helper()
	var d descargaView
	r.Get(pathDescargas+"/"+id).JSON(r.t, &d)
	return d
}

// This test calls every route of a metadata descarga as a client would.
func TestDescargas_WhenFollowedToTheEndEverythingIsRead(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	id := r.createDescarga(r.metadatos()).IDDescarga
	tipos := r.follow(id)
	d := r.descarga(id)
	n := d.Progreso.NumeroCFDIs
	if d.Estado != "terminada" || n == 0 || d.Progreso.Encontrados != n || d.Cuota.SolicitudesPresentadas != 1 || d.Solicitudes[0].CodEstatus.Descripcion == "" {
		t.Fatalf("%+v", d)
	}

	var page struct {
		Eventos   []struct{ Tipo string }
		Siguiente int
	}
	seen := 0
	for next := pathDescargas + "/" + id + "/eventos?limite=2"; next != ""; {
		got := r.Get(next)
		got.JSON(t, &page)
		for _, e := range page.Eventos {
			if e.Tipo != tipos[seen] {
				t.Errorf("event %d is %s, and was %s", seen+1, e.Tipo, tipos[seen])
			}
			seen++
		}
		next = nextOf(got)
	}
	if seen != len(tipos)-1 { // end is none
		t.Errorf("%d events by pages and %d by the stream", seen, len(tipos)-1)
	}
	if got, err := r.Do(http.MethodGet, pathDescargas+"/"+id+"/eventos/flujo", nil, "Last-Event-ID", fmt.Sprint(seen)); err != nil || got.Status != http.StatusNoContent {
		t.Errorf("coming again after the end: %d, %v", got.Status, err)
	}
	wantProblem(t, r.Get(pathDescargas+"/"+id+"/eventos/flujo", "Last-Event-ID", fmt.Sprint(seen+1)), http.StatusBadRequest, "solicitud-malformada")

	var paquetes struct {
		Paquetes []struct {
			Estado, URL  string
			Comprobantes int
		}
	}
	r.Get(pathDescargas+"/"+id+"/paquetes").JSON(t, &paquetes)
	if len(paquetes.Paquetes) != d.Progreso.TotalPaquetes || paquetes.Paquetes[0].Estado != "guardado" {
		t.Fatalf("%+v", paquetes)
	}
	spent := r.calls(opDescargar)
	wantStatus(t, r.Get(paquetes.Paquetes[0].URL), http.StatusOK)
	if r.calls(opDescargar) != spent {
		t.Error("a stored package was downloaded again")
	}
	readsAlike(t, r, pathDescargas+"/"+id+"/metadatos", "metadatos", n)
	wantProblem(t, r.Get(pathDescargas+"/"+id+"/cfdis"), http.StatusConflict, "conflicto")
	wantProblem(t, r.Get(pathDescargas+"/"+id+"/metadatos?cursor=nada"), http.StatusBadRequest, "solicitud-malformada")
}

func TestDescargas_WhenOfCFDIEachIsRead(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	body := r.metadatos()
	body["tipoSolicitud"] = "CFDI"
	id := r.createDescarga(body).IDDescarga
	r.follow(id)
	d := r.descarga(id)
	if d.Estado != "terminada" {
		t.Fatalf("%+v", d)
	}
	uuids := readsAlike(t, r, pathDescargas+"/"+id+"/cfdis", "cfdis", d.Progreso.NumeroCFDIs)
	for _, uuid := range []string{strings.ToUpper(uuids[0]), strings.ToLower(uuids[len(uuids)-1])} {
		got := r.Get(pathDescargas + "/" + id + "/cfdis/" + uuid)
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/xml" || !strings.Contains(strings.ToLower(string(got.Body)), strings.ToLower(uuid)) {
			t.Errorf("%s: %d %v %.200s", uuid, got.Status, got.Header, got.Body)
		}
	}
	wantProblem(t, r.Get(pathDescargas+"/"+id+"/cfdis/"+someUUID), http.StatusNotFound, "no-encontrado")
	wantProblem(t, r.Get(pathDescargas+"/"+id+"/metadatos"), http.StatusConflict, "conflicto")
}

// Metadata and CFDI of one range are joined by their UUID, which the SAT spells in two
// ways.
func TestDescargas_WhenMetadataAndCFDIAreOfOneRangeTheirRowsJoin(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	read := map[string][]string{}
	for tipo, list := range map[string]string{"Metadata": "metadatos", "CFDI": "cfdis"} {
		body := r.metadatos()
		body["tipoSolicitud"], body["estadoComprobante"] = tipo, "Vigente"
		id := r.createDescarga(body).IDDescarga
		r.follow(id)
		d := r.descarga(id)
		if d.Estado != "terminada" || d.Progreso.NumeroCFDIs == 0 {
			t.Fatalf("%s: %+v", tipo, d)
		}
		uuids := readsAlike(t, r, pathDescargas+"/"+id+"/"+list, list, d.Progreso.NumeroCFDIs)
		slices.Sort(uuids)
		read[tipo] = uuids
	}
	if !slices.Equal(read["Metadata"], read["CFDI"]) {
		t.Errorf("%d of metadata and %d of CFDI are not the same: %v… and %v…", len(read["Metadata"]), len(read["CFDI"]), read["Metadata"][:1], read["CFDI"][:1])
	}
	for _, uuid := range read["Metadata"] {
		if uuid != strings.ToLower(uuid) {
			t.Errorf("%s is not in lower case", uuid)
		}
	}
}

// The SAT accepts complementos that are not in its list or ours: they are sent, with a
// warning.
func TestDescargas_WhenAComplementoIsNotKnownItIsSent(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	body := r.metadatos()
	body["complemento"] = "cartaporte31"
	id := r.createDescarga(body).IDDescarga
	r.follow(id)
	got := r.Get(pathDescargas + "/" + id)
	if !strings.Contains(string(got.Body), `"avisos":["La pasarela no conoce el complemento «cartaporte31»`) {
		t.Errorf("%s", got.Body)
	}
	if d := r.descarga(id); d.Estado != "vacia" && d.Estado != "terminada" {
		t.Errorf("%+v", d)
	}
	body["complemento"] = "CartaPorte31"
	wantProblem(t, r.Post(pathDescargas, body), http.StatusUnprocessableEntity, "datos-invalidos")
}

// readsAlike reads a route in its three forms, expects the same n rows of each, and
// returns their UUIDs.
func readsAlike(t *testing.T, r *rig, path, list string, n int) []string {
	t.Helper()
	var byPage, byLine, byRow []string
	for next := path + "?limite=7"; next != ""; {
		got := r.Get(next)
		wantStatus(t, got, http.StatusOK)
		var page map[string]json.RawMessage
		got.JSON(t, &page)
		var rows []struct{ UUID string }
		if err := json.Unmarshal(page[list], &rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			byPage = append(byPage, row.UUID)
		}
		next = nextOf(got)
	}
	for line := range strings.Lines(string(r.Get(path + ".ndjson").Body)) {
		var row struct{ UUID string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		byLine = append(byLine, row.UUID)
	}
	rows, err := csv.NewReader(strings.NewReader(string(r.Get(path + ".csv").Body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		byRow = append(byRow, row[0])
	}
	if len(byPage) != n || fmt.Sprint(byPage) != fmt.Sprint(byLine) || fmt.Sprint(byPage) != fmt.Sprint(byRow) {
		t.Fatalf("%s: %d by pages, %d as NDJSON, %d as CSV, want %d alike", path, len(byPage), len(byLine), len(byRow), n)
	}
	return byPage
}

// nextOf returns the page that Link names; empty for none.
func nextOf(got gatewaytest.Response) string {
	next, found := strings.CutSuffix(strings.TrimPrefix(got.Header.Get("Link"), "<"), `>; rel="next"`)
	if !found {
		return ""
	}
	return next
}

// With the key the same descarga is returned. Without it there is a conflict that names
// the other descarga.
func TestDescargas_WhenTheSameIsAskedForTwice(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	body := r.metadatos()
	first := r.createDescarga(body, "Idempotency-Key", "k")
	again := r.Post(pathDescargas, body, "Idempotency-Key", "k")
	var d descargaView
	again.JSON(t, &d)
	if again.Status != http.StatusAccepted || again.Header.Get("Idempotent-Replayed") != "true" || d.IDDescarga != first.IDDescarga {
		t.Errorf("%d %v %s", again.Status, again.Header, again.Body)
	}
	clash := r.Post(pathDescargas, body)
	wantProblem(t, clash, http.StatusConflict, "conflicto")
	if got := clash.Header.Get("Location"); got != pathDescargas+"/"+first.IDDescarga {
		t.Errorf("Location %q", got)
	}
	// A part of a live descarga is not served as the whole.
	wantProblem(t, r.Get(pathDescargas+"/"+first.IDDescarga+"/metadatos"), http.StatusConflict, "conflicto")
	for range 2 {
		got, err := r.Do(http.MethodDelete, pathDescargas+"/"+first.IDDescarga, nil)
		if got.JSON(t, &d); err != nil || got.Status != http.StatusOK || d.Estado != "cancelada" {
			t.Errorf("cancelling: %d %s, %v", got.Status, got.Body, err)
		}
	}
	if tipos := r.follow(first.IDDescarga); tipos[len(tipos)-2] != "cancelada" {
		t.Errorf("events %v", tipos)
	}
}
