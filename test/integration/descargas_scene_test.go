package integration

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database/sql driver "pgx"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// scene is a descarga of three solicitudes and six packages, its sandbox, and the
// database of its gateways.
type scene struct {
	t      *testing.T
	sat    *only
	tipo   string
	env    []string
	db     *sql.DB
	client *http.Client
	id     string
	deaths int
}

// key is the Idempotency-Key of every scene's descarga.
const key = "una-sola"

func mount(t *testing.T, tipo string, postgres bool) *scene {
	t.Helper()
	address := ""
	if postgres {
		address = pgtest.Start(t)
	}
	return mountIn(t, tipo, address)
}

// mountIn is mount on the PostgreSQL at address, or on SQLite if that is empty.
func mountIn(t *testing.T, tipo, address string) *scene {
	t.Helper()
	e := &scene{t: t, sat: startSandbox(t), tipo: tipo, client: &http.Client{Timeout: 20 * time.Second}}
	if err := e.sat.Clock().Change(100); err != nil {
		t.Fatal(err)
	}
	if err := e.sat.Knobs().Change(map[string]any{"cfdis_por_dia": 6, "max_cfdi": 14, "max_metadata": 14, "cfdis_por_paquete": 3, "filas_por_paquete": 3}); err != nil {
		t.Fatal(err)
	}
	e.env = append(env(e.sat.url, e.sat.EFirmasDir(), ""), "GATEWAY_DESCARGAS_SONDEO_MINIMO=30ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=300ms")
	driver, postgres := "sqlite", address != ""
	if postgres {
		driver = "pgx"
		e.env = append(e.env, "GATEWAY_DATABASE_URL="+address, "GATEWAY_BLOB_URL=file://"+filepath.ToSlash(t.TempDir()))
	}
	data := t.TempDir()
	e.en(data)
	if !postgres {
		address = "file:" + filepath.Join(data, "pasarela.db") + "?_pragma=busy_timeout(10000)&mode=ro"
	}
	var err error
	if e.db, err = sql.Open(driver, address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.db.Close() }) //nolint:errcheck // read only
	return e
}

// en returns the environment of a gateway with another data directory.
func (e *scene) en(data string) []string {
	e.env = append(slices.DeleteFunc(e.env, func(s string) bool { return strings.HasPrefix(s, "GATEWAY_DATA_DIR=") }), "GATEWAY_DATA_DIR="+data)
	return slices.Clone(e.env)
}

// ask requests the descarga, or returns the existing one; false if the gateway did not
// answer.
func (e *scene) ask(api string) bool {
	e.t.Helper()
	body := request(e.tipo, map[string]any{"fechaInicial": "2026-01-10T00:00:00", "fechaFinal": "2026-01-12T23:59:59"})
	resp, err := send(e.t, e.client, http.MethodPost, api+descargasPath, body, "Idempotency-Key", key)
	if err != nil {
		return false
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return false
	}
	var d struct{ IDDescarga string }
	if err := json.Unmarshal(text, &d); err != nil || resp.StatusCode != http.StatusAccepted {
		e.t.Fatalf("status %d: %s", resp.StatusCode, text)
	}
	if e.id != "" && e.id != d.IDDescarga {
		e.t.Errorf("the same key has made two descargas: %s and %s", e.id, d.IDDescarga)
	}
	e.id = d.IDDescarga
	return true
}

// view reads the descarga.
func (e *scene) view(api string) (d descargaView) {
	e.t.Helper()
	got := whole(e.t, gatewaytest.Client(e.t), http.MethodGet, api+descargasPath+"/"+e.id, nil)
	wantStatus(e.t, got, http.StatusOK)
	got.JSON(e.t, &d)
	return d
}

// sceneDeadline bounds a scene, which takes a second or two on an idle machine.
const sceneDeadline = 3 * time.Minute

// run runs one life after the other. Each ends at its death point, the first one
// certainly, and one more life runs to the end; run returns that one.
func (e *scene) run(demand int, deaths ...death) *life {
	e.t.Helper()
	settings := slices.Clone(e.env)
	e.deaths = len(deaths)
	end := time.Now().Add(sceneDeadline)
	var v *life
	for i := 0; ; i++ {
		m := death{}
		if i < len(deaths) {
			m = deaths[i]
		}
		v = isBorn(e.t, m, settings...)
		finished := false
		for !finished && !v.finished() {
			if time.Now().After(end) {
				e.t.Fatalf("life %d (%s): it does not end\n%s\n%s", i+1, m, e.ledger(), v.output)
			}
			if e.id == "" && !e.ask(v.api) {
				continue
			}
			finished = e.published()
			time.Sleep(20 * time.Millisecond)
		}
		if m.point == "" && !v.finished() {
			return v
		}
		// A life with an earlier death may be at that very point, so it is not checked.
		// One that must pass the point gets the time.
		if i < demand {
			select {
			case <-v.end:
			case <-time.After(patience):
				e.t.Fatalf("%s was never passed", m)
			}
		}
		v.finish(syscall.SIGKILL)
		v.killed()
	}
}

// published reports whether subscribers have been notified of the end.
func (e *scene) published() bool {
	var when string
	err := e.db.QueryRowContext(e.t.Context(), `SELECT publicada FROM descargas WHERE id = $1`, e.id).Scan(&when)
	return err == nil && when != ""
}

// ledger returns the descarga's ledger, for people.
func (e *scene) ledger() string {
	var out strings.Builder
	for _, query := range []string{
		`SELECT numero || ' ' || cuando || ' ' || tipo || ' ' || tramo || ' ' || codigo || ' ' || detalle FROM eventos ORDER BY descarga, numero`,
		`SELECT 'tramo ' || id || ' ' || estado || ' ' || pide_desde || ' ' || pide_hasta || ' siguiente ' || siguiente || ' turno ' || turno || ' de ' || ocupante FROM tramos ORDER BY id`,
		`SELECT 'paquete ' || id || ' ' || id_paquete || ' ' || estado || ' siguiente ' || siguiente || ' turno ' || turno || ' de ' || ocupante || ' ' || detalle FROM tramos_paquetes ORDER BY id`,
	} {
		for _, line := range e.read(query) {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// read returns the only column of a query.
func (e *scene) read(query string) (out []string) {
	e.t.Helper()
	rows, err := e.db.QueryContext(e.t.Context(), query)
	if err != nil {
		e.t.Errorf("%s: %v", query, err)
		return nil
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			e.t.Error(err)
			return out
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		e.t.Error(err)
	}
	return out
}

// uuids returns the whole content of the descarga, sorted.
func (e *scene) uuids(api string) []string {
	e.t.Helper()
	path := map[string]string{"CFDI": "/cfdis.ndjson", "Metadata": "/metadatos.ndjson"}[e.tipo]
	if len(e.lost()) > 0 {
		path += "?parcial=true"
	}
	got := whole(e.t, gatewaytest.Client(e.t), http.MethodGet, api+descargasPath+"/"+e.id+path, nil)
	wantStatus(e.t, got, http.StatusOK)
	var out []string
	for line := range strings.Lines(string(got.Body)) {
		var row struct{ UUID string }
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.UUID == "" {
			e.t.Fatalf("a row %q: %v", line, err)
		}
		out = append(out, strings.ToLower(row.UUID))
	}
	slices.Sort(out)
	return out
}

// confirm compares the content, the requests to the SAT and the record with what was
// promised. want has the UUIDs of an undisturbed run.
func (e *scene) confirm(api string, want []string) {
	e.t.Helper()
	d, got := e.view(api), e.uuids(api)
	if lost := e.lost(); len(lost) > 0 && e.deaths > 1 {
		// Two processes died with it: the descarga says so, and no solicitud is spent on
		// it.
		if d.Estado != "parcial" || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar") || len(e.read(`SELECT causa FROM tramos WHERE causa = 'paquete_perdido'`)) > 0 {
			e.t.Errorf("%v were lost here: it ended %s: %s", lost, d.Estado, d.Motivo)
		}
		want = slices.DeleteFunc(slices.Clone(want), func(uuid string) bool { return !slices.Contains(got, uuid) })
	} else if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
		e.t.Errorf("it ended %s with %+v: %s", d.Estado, d.Progreso, d.Motivo)
	}
	if !slices.Equal(got, want) {
		e.t.Errorf("%d comprobantes, want %d:\n%v\n%v", len(got), len(want), got, want)
	}
	estado := e.sat.Estado()
	if estado.MaxRecibidas != 1 {
		e.t.Errorf("the same criteria were presented %d times: %+v", estado.MaxRecibidas, estado.Criterios)
	}
	for _, s := range estado.Solicitudes {
		for _, p := range s.PorPaquete {
			if p.Pedidas > 2 || p.Servidas > 2 {
				e.t.Errorf("package %s was asked for %d times and served %d times", p.ID, p.Pedidas, p.Servidas)
			}
		}
		e.registered(s)
	}
	e.eventos(api, d.Estado)
	if e.t.Failed() {
		e.t.Logf("the ledger:\n%s", e.ledger())
	}
}

// lost returns the packages both of whose downloads were begun by processes that died.
func (e *scene) lost() []string {
	return e.read(`SELECT id_paquete FROM paquetes WHERE completo = 0 AND parcial = '' AND descargas = 2 AND (nuestras > 0 OR vuela <> '')`)
}

// registered checks that the record has the id of every solicitud that the SAT
// registered. The id may be unknown only if the gateway ended before it recorded the
// answer; then the record has the intent without an outcome.
func (e *scene) registered(s sat.Summary) {
	e.t.Helper()
	known := e.read(`SELECT id_solicitud FROM tramos WHERE id_solicitud <> ''`)
	for _, answer := range e.read(`SELECT respuesta FROM intentos WHERE operacion = 'sat.solicita'`) {
		var a gateway.SolicitudAceptada
		if json.Unmarshal([]byte(answer), &a) == nil {
			known = append(known, a.IDSolicitud)
		}
	}
	if slices.Contains(known, s.ID) {
		return
	}
	for _, open := range e.read(`SELECT criterios FROM intentos WHERE operacion = 'sat.solicita' AND estado = 'intento' AND respuesta = ''`) {
		fields := strings.Split(open, "|")
		if strings.Contains(s.Criterios, "FechaInicial="+fields[4]+" ") && strings.Contains(s.Criterios, "FechaFinal="+fields[5]+" ") {
			e.t.Logf("the answer that gave %s was cut: its intent is on record", s.ID)
			return
		}
	}
	e.t.Errorf("idSolicitud %s is lost: %s", s.ID, s.Criterios)
}

// eventos checks that the ledger's lines are numbered without gaps and have one end.
func (e *scene) eventos(api, end string) {
	e.t.Helper()
	got := whole(e.t, gatewaytest.Client(e.t), http.MethodGet, api+descargasPath+"/"+e.id+"/eventos?limite=1000", nil)
	wantStatus(e.t, got, http.StatusOK)
	var page struct {
		Eventos []struct {
			Numero int
			Tipo   string
		}
	}
	got.JSON(e.t, &page)
	ends := 0
	for i, v := range page.Eventos {
		if v.Numero != i+1 {
			e.t.Errorf("event %d is numbered %d", i+1, v.Numero)
		}
		if v.Tipo == end {
			ends++
		}
	}
	if ends != 1 {
		e.t.Errorf("it ended %d times", ends)
	}
}
