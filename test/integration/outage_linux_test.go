package integration

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// call is a call of one operation of the contract during an outage.
type call struct {
	method, path string
	body         any
	headers      []string
	// read reports that it only reads the ledger, write that it must write it.
	read, write bool
}

// contractCalls has a call of every operation of the contract, with the resources that r
// has made.
func contractCalls(t *testing.T, r *rig) map[string]call {
	t.Helper()
	d := r.createDescarga(r.metadatos())
	c := r.createDescarga(r.body(map[string]any{"servicio": "cfdi"}))
	r.follow(d.IDDescarga)
	r.follow(c.IDDescarga)
	hook, _ := register(t, r, "")
	trial := r.Post(pathWebhooks+"/"+hook.ID+"/prueba", nil)
	wantStatus(t, trial, http.StatusAccepted)
	var entrega struct{ IDEntrega string }
	trial.JSON(t, &entrega)
	id := r.Request("cfdi", gatewaytest.Company, r.body(nil))
	paquete := gatewaytest.PaquetePath("cfdi", gatewaytest.Company, r.Paquetes("cfdi", gatewaytest.Company, id)[0])
	upload := r.Post("/v1/sep/lotes", map[string]any{"nombreArchivo": "a.zip", "titulos": devstack.Titulos(1, "A-", gatewaytest.Persona)})
	wantStatus(t, upload, http.StatusCreated)
	number := upload.Header.Get("Location")
	done, descargas := pathDescargas+"/"+d.IDDescarga, pathDescargas+"/"+c.IDDescarga
	webhook := pathWebhooks + "/" + hook.ID
	document := zipped(t, issue(t, r.Gateway, devstack.Titulos(1, "B-", gatewaytest.Persona)...)...)
	return map[string]call{
		"obtenerTokenSat":         {method: "POST", path: "/v1/sat/cfdi/autenticaciones", body: map[string]any{"rfcSolicitante": gatewaytest.Company}},
		"crearSolicitud":          {method: "POST", path: solicitudes, body: r.body(nil), headers: []string{"Idempotency-Key", "apagon"}, write: true},
		"verificarSolicitud":      {method: "GET", path: solicitudes + "/" + id + "?rfcSolicitante=" + gatewaytest.Company},
		"descargarPaquete":        {method: "GET", path: paquete, write: true},
		"crearDescarga":           {method: "POST", path: pathDescargas, body: r.metadatos(), headers: []string{"Idempotency-Key", "apagon"}, write: true},
		"listarDescargas":         {method: "GET", path: pathDescargas, read: true},
		"obtenerDescarga":         {method: "GET", path: done, read: true},
		"cancelarDescarga":        {method: "DELETE", path: done, read: true}, // it has ended
		"listarEventosDescarga":   {method: "GET", path: done + "/eventos", read: true},
		"seguirDescarga":          {method: "GET", path: done + "/eventos/flujo", read: true},
		"listarPaquetesDescarga":  {method: "GET", path: done + "/paquetes", read: true},
		"listarMetadatosDescarga": {method: "GET", path: done + "/metadatos", read: true},
		"exportarMetadatosNdjson": {method: "GET", path: done + "/metadatos.ndjson", read: true},
		"exportarMetadatosCsv":    {method: "GET", path: done + "/metadatos.csv", read: true},
		"listarCfdisDescarga":     {method: "GET", path: descargas + "/cfdis", read: true},
		"exportarCfdisNdjson":     {method: "GET", path: descargas + "/cfdis.ndjson", read: true},
		"exportarCfdisCsv":        {method: "GET", path: descargas + "/cfdis.csv", read: true},
		"obtenerCfdiDescarga":     {method: "GET", path: descargas + "/cfdis/" + someUUID, read: true},
		"listarEfirmas":           {method: "GET", path: "/v1/efirmas"},
		"obtenerEfirma":           {method: "GET", path: "/v1/efirmas/" + gatewaytest.Company},

		"emitirTitulos":  {method: "POST", path: "/v1/sep/titulos", body: map[string]any{"titulos": devstack.Titulos(1, "C-", gatewaytest.Persona)}},
		"validarTitulos": {method: "POST", path: "/v1/sep/titulos/validacion", body: bytes.NewReader(document), headers: []string{"Content-Type", "application/zip"}},
		"cargarLote": {method: "POST", path: "/v1/sep/lotes", write: true,
			body: map[string]any{"nombreArchivo": "b.zip", "titulos": devstack.Titulos(1, "D-", gatewaytest.Persona)}},
		"consultarLote":          {method: "GET", path: number},
		"obtenerResultadoLote":   {method: "GET", path: number + "/resultado"},
		"exportarResultadoLote":  {method: "GET", path: number + "/resultado.csv"},
		"descargarLibroLote":     {method: "GET", path: number + "/resultado/libro"},
		"descargarResultadoLote": {method: "GET", path: number + "/resultado.zip"},
		"cancelarTitulo":         {method: "POST", path: "/v1/sep/titulos/A-0/cancelacion", body: map[string]any{"motCancelacion": "R5"}, write: true},
		"listarCatalogosSep":     {method: "GET", path: "/v1/sep/catalogos"},
		"obtenerCatalogoSep":     {method: "GET", path: "/v1/sep/catalogos/entidades"},

		"procesarAddenda":        {method: "POST", path: "/v1/pade/addendas", body: map[string]any{"datos": "pedido|1"}},
		"adjuntarAddenda":        {method: "POST", path: "/v1/pade/addendas/adjunta", body: map[string]any{"datos": "pedido|1", "xmlCfdi": cfdiSealed}},
		"firmarContrato":         {method: "POST", path: "/v1/pade/contratos", body: contratoBy("Uno", true), write: true},
		"firmarManifiesto":       {method: "POST", path: "/v1/pade/contratos/manifiesto", body: contratoBy("Dos", true), write: true},
		"firmarContratoAdhesion": {method: "POST", path: "/v1/pade/contratos/adhesion", body: contratoBy("Tres", true)}, /* refused before */
		"desbloquearCuentaPade":  {method: "DELETE", path: "/v1/pade/bloqueo"},

		"listarWebhooks":         {method: "GET", path: pathWebhooks, read: true},
		"crearWebhook":           {method: "POST", path: pathWebhooks, body: webhookRequest(nil), write: true},
		"obtenerWebhook":         {method: "GET", path: webhook, read: true},
		"actualizarWebhook":      {method: "PUT", path: webhook, body: webhookRequest(nil), write: true},
		"rotarSecretoWebhook":    {method: "POST", path: webhook + "/secreto", write: true},
		"probarWebhook":          {method: "POST", path: webhook + "/prueba", write: true},
		"listarEntregasWebhook":  {method: "GET", path: webhook + "/entregas", read: true},
		"reenviarEntregaWebhook": {method: "POST", path: webhook + "/entregas/" + entrega.IDEntrega + "/reenvio", write: true},
		"eliminarWebhook":        {method: "DELETE", path: webhook, write: true},

		"obtenerEspecificacionYaml": {method: "GET", path: "/openapi.yaml"},
		"obtenerEspecificacionJson": {method: "GET", path: "/openapi.json"},
	}
}

// blackout makes every call at once and compares the answers with what the database can
// do meanwhile.
func blackout(t *testing.T, r *rig, calls map[string]call, readable bool) {
	t.Helper()
	var wg sync.WaitGroup
	for name, c := range calls {
		wg.Go(func() {
			var got gatewaytest.Response
			var err error
			if body, ok := c.body.(*bytes.Reader); ok {
				again := *body
				got, err = upload(t, r.Gateway, c.path, &again, c.headers...)
			} else {
				got, err = r.Do(c.method, c.path, c.body, c.headers...)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if got.Status >= 500 {
				p := wantProblem(t, got, http.StatusServiceUnavailable, "pasarela-no-disponible")
				if !p.Reintentable || p.Backend != "" || got.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %v %s", name, got.Header, got.Body)
				}
			}
			if away := c.write || c.read && !readable; away != (got.Status == http.StatusServiceUnavailable) {
				t.Errorf("%s: status %d: %.300s", name, got.Status, got.Body)
			}
		})
	}
	wg.Wait()
}

// all checks that there is a call of every operation of the contract.
func all(t *testing.T, calls map[string]call) {
	t.Helper()
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			if _, ok := calls[op.OperationID]; !ok {
				t.Errorf("no call of %s", op.OperationID)
			}
		}
	}
}

// Every failure of the database is temporary, and every operation of the contract says so
// or does not need the database: nobody else is blamed, and nothing is sent.
func TestOutage_WhenPostgresIsAwayEveryOperationSaysSo(t *testing.T) {
	t.Parallel()
	pgtest.Start(t) // skips without PostgreSQL
	pg, err := pgtest.StartServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pg.Close() }) //nolint:errcheck // it is gone
	key := filepath.Join(t.TempDir(), "secretos.key")
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.SecretsKeyFile = key
		c.DatabaseURL, c.BlobURL = config.Secret(pg.URL), "file://"+t.TempDir()
		c.Webhooks.Privados = true
	}})
	calls := contractCalls(t, r)
	all(t, calls)
	sent := func() string { return fmt.Sprint(r.calls(opEmitidos), r.calls(opDescargar)) }
	before := sent()

	conn, err := pgx.Connect(t.Context(), pg.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // done with it
	readonly := func(value string) {
		t.Helper()
		for _, statement := range []string{`SET default_transaction_read_only = off`, `ALTER DATABASE postgres SET default_transaction_read_only = ` + value,
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()`} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	readonly("on")
	list(t, r) // connections that were cut are told of once
	blackout(t, r, calls, true)
	readonly("off")
	list(t, r)

	thaw := freeze(t, pg.PID)
	blackout(t, r, calls, false)
	thaw()
	list(t, r)
	if now := sent(); now != before {
		t.Errorf("sent %s, and %s before", now, before)
	}
	// An intent whose write is uncertain was not sent.
	c := calls["crearSolicitud"]
	waitFor(t, func() bool { return r.Post(c.path, c.body, c.headers...).Status == http.StatusCreated })

	if err := syscall.Kill(pg.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return r.Get(pathDescargas).Status == http.StatusServiceUnavailable })
	delete(calls, "crearSolicitud")
	calls["crearSolicitud"] = call{method: "POST", path: solicitudes, body: r.body(nil), write: true}
	blackout(t, r, calls, false)
}

// list waits until the database serves again.
func list(t *testing.T, r *rig) {
	t.Helper()
	waitFor(t, func() bool { return r.Get(pathDescargas).Status == http.StatusOK })
}

// freeze suspends a server and its children.
func freeze(t *testing.T, pid int) (thaw func()) {
	t.Helper()
	signal := func(s syscall.Signal) {
		syscall.Kill(pid, s) //nolint:errcheck // first, so that it has no more children than are read
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				syscall.Kill(n, s) //nolint:errcheck // one that has ended
			}
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// Another process holds SQLite's write lock: reads continue.
func TestOutage_WhenSQLiteIsLockedEveryWriteSaysSo(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }})
	calls := contractCalls(t, r)
	all(t, calls)
	before := r.calls(opEmitidos)
	release := holds(t, r)
	blackout(t, r, calls, true)
	if now := r.calls(opEmitidos); now != before {
		t.Errorf("sent %d, and %d before", now, before)
	}
	release()
	c := calls["crearSolicitud"]
	waitFor(t, func() bool { return r.Post(c.path, c.body, c.headers...).Status == http.StatusCreated })
}

// holds takes SQLite's write lock until release.
func holds(t *testing.T, r *rig) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.Config.DataDir, "pasarela.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What the SAT answered while the database took no write is written in the last moment of
// a stop: the next start would not know it, and it has spent quota.
func TestStop_WhenAnAnswerIsNotWrittenYetItIsWritten(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.Config.DataDir, "pasarela.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // done with it
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to); err != nil {
			t.Fatal(err)
		}
	}
	r.falla(sandbox.Falla{Operacion: opEmitidos, Tipo: control.Lento, Delay: 2 * time.Second})
	body := r.body(nil)
	ask := func() gatewaytest.Response {
		got, err := r.Do(http.MethodPost, "/v1/sat/cfdi/solicitudes", body, "Idempotency-Key", "last-moment")
		if err != nil {
			t.Error(err)
		}
		return got
	}
	answered := make(chan gatewaytest.Response, 1)
	go func() { answered <- ask() }()
	for end, n := time.Now().Add(time.Minute), 0; n == 0; time.Sleep(10 * time.Millisecond) {
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM intentos`).Scan(&n); err != nil || time.Now().After(end) {
			t.Fatal("nothing is asked for", err)
		}
	}
	rename("intentos", "fuera")
	first := <-answered
	wantStatus(t, first, http.StatusCreated)
	rename("fuera", "intentos")
	r.Restart()
	again := ask()
	if wantStatus(t, again, http.StatusCreated); again.Header.Get("Idempotent-Replayed") != "true" || !bytes.Equal(again.Body, first.Body) {
		t.Errorf("%v %s, want %s", again.Header, again.Body, first.Body)
	}
	if n := r.calls(opEmitidos); n != 1 {
		t.Errorf("asked for %d times", n)
	}
}
