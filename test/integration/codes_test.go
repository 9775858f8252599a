package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// operation is one way to make the gateway call an operation of the SAT.
type operation struct {
	name string
	ok   int
	call func(r *rig) gatewaytest.Response
}

func operations() []operation {
	request := func(changes map[string]any) func(*rig) gatewaytest.Response {
		return func(r *rig) gatewaytest.Response {
			return r.Post("/v1/sat/cfdi/solicitudes", r.body(changes))
		}
	}
	return []operation{
		{opEmitidos, http.StatusCreated, request(nil)},
		{opRecibidos, http.StatusCreated, request(map[string]any{"tipoDescarga": "recibidos"})},
		{opFolio, http.StatusCreated, func(r *rig) gatewaytest.Response {
			folio := fmt.Sprintf("5a3d7c1e-94b2-4f60-8e1d-%012d", r.n.Add(1))
			return r.Post("/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "folio", "rfcSolicitante": gatewaytest.Company, "uuid": folio})
		}},
		{opV11, http.StatusCreated, request(map[string]any{"version": "1.1", "tipoDescarga": nil, "rfcEmisor": gatewaytest.Company})},
		{opVerify, http.StatusNotFound, func(r *rig) gatewaytest.Response {
			return r.Get("/v1/sat/cfdi/solicitudes/" + someUUID + "?rfcSolicitante=" + gatewaytest.Company)
		}},
		{opDescargar, http.StatusNotFound, func(r *rig) gatewaytest.Response {
			return r.Get(gatewaytest.PaquetePath("cfdi", gatewaytest.Company, somePackage))
		}},
	}
}

func operationNamed(name string) operation {
	for _, op := range operations() {
		if op.name == name {
			return op
		}
	}
	return operation{}
}

// This test repeats the table: the promise to callers must not change with the code's own
// table.
func TestCodes_WhenTheSATRefuses(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	request := []string{opEmitidos, opRecibidos, opFolio, opV11}
	for _, tc := range []struct {
		codigo    string
		status    int
		slug      string
		retryable bool
		where     []string // nil is everywhere
	}{
		{"300", 502, "mensaje-rechazado", true, nil},
		{"301", 502, "mensaje-rechazado", false, nil},
		{"302", 502, "mensaje-rechazado", false, nil},
		{"303", 422, "efirma", false, nil},
		{"304", 422, "efirma", false, nil},
		{"305", 422, "efirma", true, nil},
		{"404", 503, "backend-no-disponible", true, nil},
		{"5001", 403, "prohibido", false, request},
		{"5002", 409, "conflicto", false, request},
		{"5003", 409, "conflicto", false, []string{opVerify}},
		{"5004", 404, "no-encontrado", false, []string{opVerify, opDescargar}},
		{"5005", 409, "conflicto", false, request},
		{"5006", 503, "backend-no-disponible", true, nil},
		{"5007", 410, "ya-no-disponible", false, []string{opDescargar}},
		{"5008", 410, "ya-no-disponible", false, []string{opDescargar}},
		{"5011", 429, "demasiadas-peticiones", true, nil},
		{"5012", 409, "conflicto", false, request},
		{"9999", 502, "respuesta-invalida", false, nil},
	} {
		for _, op := range operations() {
			if tc.where != nil && !slices.Contains(tc.where, op.name) {
				continue
			}
			t.Run(tc.codigo+" to "+op.name, func(t *testing.T) {
				f := code(op.name, tc.codigo)
				f.Mensaje = "Lo que dijo el SAT"
				f.Veces = 1
				sent := int64(1)
				if tc.codigo == "300" {
					f.Veces, sent = 2, 2
				}
				r.falla(f)
				before := r.calls(op.name)
				p := wantProblem(t, op.call(r), tc.status, tc.slug)
				if p.Codigo != tc.codigo || p.Backend != "sat" || p.Mensaje != "Lo que dijo el SAT" || p.Reintentable != tc.retryable {
					t.Errorf("codigo %q, backend %q, mensaje %q, reintentable %v", p.Codigo, p.Backend, p.Mensaje, p.Reintentable)
				}
				if got := r.calls(op.name) - before; got != sent {
					t.Errorf("the SAT saw %d calls, want %d", got, sent)
				}
			})
		}
	}
}

// An answer without an id was received, and the error says what it lacks.
func TestCodes_WhenTheSATAcceptsWithoutAnID(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, name := range []string{opEmitidos, opRecibidos, opFolio, opV11} {
		r.falla(code(name, "5000"))
		p := wantProblem(t, operationNamed(name).call(r), 504, "resultado-desconocido")
		if !strings.Contains(p.Detail, "no dio su idSolicitud") || strings.Contains(p.Detail, "no llegó respuesta") || p.Reintentable {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestCodes_WhenTheSATSaysNothingBesideTheCodeTheDocumentsTextIsShown(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	r.falla(code(opVerify, "304"))
	p := wantProblem(t, operationNamed(opVerify).call(r), 422, "efirma")
	if p.Mensaje == "" {
		t.Error("mensaje is empty")
	}
}

func TestCodes_WhenTheMessageHoldsStackTextOrAddressesTheyAreNotShown(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			f := code(op.name, "404")
			f.Mensaje = "Error no controlado. System.NullReferenceException:\r\n   at System.Web.Cosa() in http://127.0.0.1:8085/interno"
			r.falla(f)
			wantProblem(t, op.call(r), 503, "backend-no-disponible")
		})
	}
}

func TestCodes_WhenTheTokenIsRefusedItIsRenewedOnceAndTheCallRepeatedOnce(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, gatewaytest.Options{})
			wantStatus(t, operationNamed(opVerify).call(r), http.StatusNotFound) // a token is in the cache
			authenticate, calls := r.calls(opAutentica), r.calls(op.name)

			r.falla(code(op.name, "300"))
			wantStatus(t, op.call(r), op.ok)
			if a, c := r.calls(opAutentica)-authenticate, r.calls(op.name)-calls; a != 1 || c != 2 {
				t.Errorf("refused once: %d Autentica and %d calls, want 1 and 2", a, c)
			}

			r.always(code(op.name, "300"))
			authenticate, calls = r.calls(opAutentica), r.calls(op.name)
			wantProblem(t, op.call(r), 502, "mensaje-rechazado")
			if a, c := r.calls(opAutentica)-authenticate, r.calls(op.name)-calls; a != 1 || c != 2 {
				t.Errorf("refused always: %d Autentica and %d calls, want 1 and 2", a, c)
			}
		})
	}
}

func wantStatus(t testing.TB, r gatewaytest.Response, status int) {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d: %.500q", r.Status, status, r.Body)
	}
}

// outcome is the expected result of a misbehaviour.
type outcome struct {
	name   string
	falla  sandbox.Falla
	always bool
	status int
	slug   string // empty for a success
	codigo string
	again  bool // retryable
	calls  int64
}

func invalidSecurity(op string) sandbox.Falla {
	return sandbox.Falla{Operacion: op, Tipo: control.Fault, Faultcode: "InvalidSecurity"}
}

func fault(op, codigo string) sandbox.Falla {
	return sandbox.Falla{Operacion: op, Tipo: control.Fault, Faultcode: codigo,
		Mensaje: "Falla interna.\r\n   at System.ServiceModel.Cosa() in http://127.0.0.1:8085/interno"}
}

func cut(op string, bytes int64) sandbox.Falla {
	return sandbox.Falla{Operacion: op, Tipo: control.Corte, Bytes: bytes}
}

func (o outcome) check(t *testing.T, r *rig, op operation) {
	if o.always {
		r.always(o.falla)
	} else {
		r.falla(o.falla)
	}
	before := r.calls(o.falla.Operacion)
	got := op.call(r)
	if n := r.calls(o.falla.Operacion) - before; n != o.calls {
		t.Errorf("the SAT saw %d calls of %s, want %d", n, o.falla.Operacion, o.calls)
	}
	if o.slug == "" {
		wantStatus(t, got, o.status)
	} else if p := wantProblem(t, got, o.status, o.slug); p.Codigo != o.codigo || p.Reintentable != o.again {
		t.Errorf("codigo %q, reintentable %v, want %q, %v: %s", p.Codigo, p.Reintentable, o.codigo, o.again, got.Body)
	}
	r.Sandbox.Fallas().Reset()
	wantStatus(t, op.call(r), op.ok) // what has passed leaves nothing behind
}

func TestFaults_WhenSolicitaFailsItIsNeverRepeated(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, name := range []string{opEmitidos, opRecibidos, opFolio, opV11} {
		op := operationNamed(name)
		for _, o := range []outcome{
			{"invalid security", invalidSecurity(name), false, 422, "efirma", "InvalidSecurity", true, 1},
			{"internal fault", fault(name, "InternalServiceFault"), false, 504, "resultado-desconocido", "InternalServiceFault", false, 1},
			{"unreadable to the SAT", fault(name, "DeserializationFailed"), false, 502, "mensaje-rechazado", "DeserializationFailed", false, 1},
			{"HTML 503", fails(name, control.HTML503), false, 503, "backend-no-disponible", "sistema_caido", true, 1},
			{"empty answer", fails(name, control.Vacio), false, 504, "resultado-desconocido", "respuesta_dudosa", false, 1},
			{"reset before", fails(name, control.Reset), false, 504, "resultado-desconocido", "respuesta_dudosa", false, 1},
			{"reset after", fails(name, control.ResetDespues), false, 504, "resultado-desconocido", "respuesta_dudosa", false, 1},
			{"answer cut in its middle", cut(name, 40), false, 504, "resultado-desconocido", "respuesta_dudosa", false, 1},
			{"answer cut before its first byte", cut(name, 0), false, 504, "resultado-desconocido", "respuesta_dudosa", false, 1},
		} {
			t.Run(name+" "+o.name, func(t *testing.T) { o.check(t, r, op) })
		}
	}
}

func TestFaults_WhenVerificaFailsItIsRepeatedAsItMay(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	op := operationNamed(opVerify)
	for _, o := range []outcome{
		{"invalid security", invalidSecurity(opVerify), false, 422, "efirma", "InvalidSecurity", true, 1},
		{"internal fault", fault(opVerify, "InternalServiceFault"), false, 503, "backend-no-disponible", "InternalServiceFault", true, 1},
		{"action not supported", fault(opVerify, "ActionNotSupported"), false, 503, "backend-no-disponible", "ActionNotSupported", true, 1},
		{"HTML 503 once", fails(opVerify, control.HTML503), false, 404, "", "", false, 2},
		{"HTML 503 always", fails(opVerify, control.HTML503), true, 503, "backend-no-disponible", "sistema_caido", true, 3},
		{"empty answer once", fails(opVerify, control.Vacio), false, 404, "", "", false, 2},
		{"reset before", fails(opVerify, control.Reset), false, 404, "", "", false, 2},
		{"reset after", fails(opVerify, control.ResetDespues), false, 404, "", "", false, 2},
		{"reset always", fails(opVerify, control.Reset), true, 504, "backend-sin-respuesta", "respuesta_tardia", true, 3},
		{"answer cut in its middle", cut(opVerify, 40), false, 404, "", "", false, 2},
	} {
		t.Run(o.name, func(t *testing.T) { o.check(t, r, op) })
	}
}

func TestFaults_WhenDescargarFailsItIsNotRepeated(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, o := range []outcome{
		{"invalid security", invalidSecurity(opDescargar), false, 422, "efirma", "InvalidSecurity", true, 1},
		{"internal fault", fault(opDescargar, "InternalServiceFault"), false, 503, "backend-no-disponible", "InternalServiceFault", true, 1},
		{"HTML 503", fails(opDescargar, control.HTML503), false, 503, "backend-no-disponible", "sistema_caido", true, 1},
		{"empty answer", fails(opDescargar, control.Vacio), false, 502, "respuesta-invalida", "respuesta_ilegible", false, 1},
		{"reset before", fails(opDescargar, control.Reset), false, 504, "backend-sin-respuesta", "descarga_interrumpida", true, 1},
		{"reset after", fails(opDescargar, control.ResetDespues), false, 504, "backend-sin-respuesta", "descarga_interrumpida", true, 1},
		{"no ZIP", fails(opDescargar, control.ZipInvalido), false, 502, "respuesta-invalida", "zip_incompleto", true, 1},
	} {
		t.Run(o.name, func(t *testing.T) {
			path, _ := r.paquete(nil)
			o.check(t, r, operation{opDescargar, http.StatusOK, func(r *rig) gatewaytest.Response { return r.Get(path) }})
		})
	}
}

func TestFaults_WhenAutenticaFailsItIsRepeatedAndNothingElseIsSent(t *testing.T) {
	t.Parallel()
	emitidos := operationNamed(opEmitidos)
	for _, o := range []outcome{
		{"invalid security", invalidSecurity(opAutentica), true, 422, "efirma", "InvalidSecurity", true, 1},
		{"internal fault", fault(opAutentica, "InternalServiceFault"), true, 503, "backend-no-disponible", "InternalServiceFault", true, 1},
		{"action not supported", fault(opAutentica, "ActionNotSupported"), true, 503, "backend-no-disponible", "ActionNotSupported", true, 1},
		{"HTML 503 once", fails(opAutentica, control.HTML503), false, 201, "", "", false, 2},
		{"HTML 503 always", fails(opAutentica, control.HTML503), true, 503, "backend-no-disponible", "sistema_caido", true, 3},
		{"empty answer once", fails(opAutentica, control.Vacio), false, 201, "", "", false, 2},
		{"reset before", fails(opAutentica, control.Reset), false, 201, "", "", false, 2},
		{"reset after", fails(opAutentica, control.ResetDespues), false, 201, "", "", false, 2},
		{"answer cut in its middle", cut(opAutentica, 40), false, 201, "", "", false, 2},
		{"reset always", fails(opAutentica, control.Reset), true, 504, "backend-sin-respuesta", "respuesta_tardia", true, 3},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, gatewaytest.Options{}) // no token in its cache
			o.check(t, r, emitidos)
			want := int64(1)
			if o.slug == "" {
				want = 2
			}
			if got := r.calls(opEmitidos); got != want {
				t.Errorf("the SAT saw %d solicitudes, want %d", got, want)
			}
		})
	}
}

func TestFaults_WhenTheSATHasRetiredVersion11(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	r.knob("retirar_v11", true)
	p := wantProblem(t, operationNamed(opV11).call(r), 501, "operacion-no-ofrecida")
	if p.Codigo != "ActionNotSupported" || p.Reintentable || !strings.Contains(p.Detail, "1.5") {
		t.Errorf("problem %+v", p)
	}
	if got := r.calls("desconocida"); got != 1 {
		t.Errorf("the SAT saw %d calls, want 1", got)
	}
}

func TestFaults_WhenOurClockIsWrongTheProblemSaysSo(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{Now: func() time.Time { return time.Now().Add(-20 * time.Minute) }})
	p := wantProblem(t, operationNamed(opEmitidos).call(r), 502, "mensaje-rechazado")
	if p.Codigo != "InvalidSecurity" || !strings.Contains(p.Detail, "reloj") {
		t.Errorf("problem %+v", p)
	}
}

// This test counts the calls that a breaker lets through.
func TestFaults_WhenTheSATStaysDownTheGatewayStopsAsking(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	op := operationNamed(opVerify)
	wantStatus(t, op.call(r), op.ok)
	r.always(fails(opVerify, control.HTML503))
	for range 6 {
		wantProblem(t, op.call(r), 503, "backend-no-disponible")
	}
	if got := r.calls(opVerify) - 1; got != 8 {
		t.Errorf("the SAT saw %d calls, want 8 and then silence", got)
	}
	open := op.call(r)
	if after, err := strconv.Atoi(open.Header.Get("Retry-After")); err != nil || after > 15 {
		t.Errorf("Retry-After %q, want the breaker's own", open.Header.Get("Retry-After"))
	}
}
