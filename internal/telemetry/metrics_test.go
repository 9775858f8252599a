package telemetry

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

func TestUpstream_WhenAnAnswerCannotBeReadLogsHowItBegins(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	observe := NewMetrics("prueba").Upstream(zerolog.New(&log))
	op := &transport.Operation{Backend: "sep", Name: "carga"}
	observe(t.Context(), transport.Event{Operation: op, Code: "ilegible", Err: &transport.Error{Class: transport.ClassMalformed, Sent: true, Beginning: "<a>recepci\uFFFDn"}})
	if !strings.Contains(log.String(), "\"respuesta\":\"<a>recepci\uFFFDn\"") {
		t.Errorf("the line is %s", log.String())
	}
	log.Reset()
	observe(t.Context(), transport.Event{Operation: op, Code: "ok"})
	if strings.Contains(log.String(), "respuesta") {
		t.Errorf("the line is %s", log.String())
	}
}

// A log line names the request, or the descarga and its solicitud, and has no empty
// fields.
func TestUpstream_LogsWhatACallWasFor(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	observe := NewMetrics("prueba").Upstream(zerolog.New(&log))
	const rest = `"backend":"sat","operacion":"verifica",%s"codigo":"5000","intentos":0,%s"ms":0,"enviados":0,"recibidos":0,"message":"upstream"}` + "\n"
	for _, tc := range []struct {
		work          gateway.Work
		event         transport.Event
		first, second string
	}{
		{gateway.Work{}, transport.Event{}, "", ""},
		{gateway.Work{RequestID: "r-1"}, transport.Event{RFC: "PRU010101AB1", Status: 200}, `"requestId":"r-1","rfc":"PRU010101AB1",`, `"status":200,`},
		{gateway.Work{IDDescarga: "d-1", Solicitud: 3}, transport.Event{Servicio: "cfdi"}, `"idDescarga":"d-1","servicio":"cfdi",`, `"solicitud":3,`},
	} {
		log.Reset()
		tc.event.Operation, tc.event.Code = &transport.Operation{Backend: "sat", Name: "verifica"}, "5000"
		observe(gateway.WithWork(t.Context(), tc.work), tc.event)
		if want := `{"level":"info",` + fmt.Sprintf(rest, tc.first, tc.second); log.String() != want {
			t.Errorf("%+v:\n%swant\n%s", tc.work, log.String(), want)
		}
	}
}

// A failure of this machine is counted as its own, in series that existed before. A
// failure of the system is not.
func TestUpstream_WhenThisMachineFailsItIsCountedAsItsOwn(t *testing.T) {
	t.Parallel()
	m := NewMetrics("prueba")
	observe := m.Upstream(zerolog.Nop())
	op := &transport.Operation{Backend: "sat", Name: "Descargar"}
	for _, class := range []transport.Class{transport.ClassSink, transport.ClassResources, transport.ClassResources, transport.ClassTimeout, transport.ClassCanceled} {
		observe(t.Context(), transport.Event{Operation: op, Code: string(class), Err: &transport.Error{Class: class}})
	}
	observe(t.Context(), transport.Event{Operation: op, Code: "5000"})
	const want = `
# HELP pasarela_own_failures_total Upstream calls that failed by this machine's own fault, by class: the system knows nothing of it.
# TYPE pasarela_own_failures_total counter
pasarela_own_failures_total{code="destino"} 1
pasarela_own_failures_total{code="interna"} 0
pasarela_own_failures_total{code="recursos"} 2
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "pasarela_own_failures_total"); err != nil {
		t.Error(err)
	}
}

// A system with ever new codes does not fill the memory, and earlier codes are still
// counted.
func TestUpstream_WhenTheCodesHaveNoEnd(t *testing.T) {
	t.Parallel()
	m := NewMetrics("prueba")
	observe := m.Upstream(zerolog.Nop())
	op := &transport.Operation{Backend: "sat", Name: "Verifica"}
	observe(t.Context(), transport.Event{Operation: op, Code: "5000"})
	for i := range 10_000 {
		observe(t.Context(), transport.Event{Operation: op, Code: "x" + strconv.Itoa(i)})
	}
	observe(t.Context(), transport.Event{Operation: op, Code: "5000"})
	observe(t.Context(), transport.Event{Operation: &transport.Operation{Backend: "sat", Name: "Solicita"}, Code: "5002"})
	if n := testutil.CollectAndCount(m.upstream); n != maxCodes+2 {
		t.Errorf("%d series", n)
	}
	for code, want := range map[string]float64{"5000": 2, "otro": 10_000 - maxCodes + 1} {
		if got := testutil.ToFloat64(m.upstream.WithLabelValues("sat", "Verifica", code)); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}
