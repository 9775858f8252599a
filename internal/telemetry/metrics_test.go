package telemetry

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/transport"
)

func TestUpstream_WhenAnAnswerCannotBeReadLogsHowItBegins(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	observe := NewMetrics("prueba").Upstream(zerolog.New(&log))
	op := &transport.Operation{Backend: "sep", Name: "carga"}
	observe(transport.Event{Operation: op, Code: "ilegible", Err: &transport.Error{Class: transport.ClassMalformed, Sent: true, Beginning: "<a>recepci\uFFFDn"}})
	if !strings.Contains(log.String(), "\"respuesta\":\"<a>recepci\uFFFDn\"") {
		t.Errorf("the line is %s", log.String())
	}
	log.Reset()
	observe(transport.Event{Operation: op, Code: "ok"})
	if strings.Contains(log.String(), "respuesta") {
		t.Errorf("the line is %s", log.String())
	}
}

// What fails here is counted as this machine's, in series that were there before; what
// the system does is not.
func TestUpstream_WhenThisMachineFailsItIsCountedAsItsOwn(t *testing.T) {
	t.Parallel()
	m := NewMetrics("prueba")
	observe := m.Upstream(zerolog.Nop())
	op := &transport.Operation{Backend: "sat", Name: "Descargar"}
	for _, class := range []transport.Class{transport.ClassSink, transport.ClassResources, transport.ClassResources, transport.ClassTimeout, transport.ClassCanceled} {
		observe(transport.Event{Operation: op, Code: string(class), Err: &transport.Error{Class: class}})
	}
	observe(transport.Event{Operation: op, Code: "5000"})
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

// A system that says another code each time fills no memory; what it said before is still counted.
func TestUpstream_WhenTheCodesHaveNoEnd(t *testing.T) {
	t.Parallel()
	m := NewMetrics("prueba")
	observe := m.Upstream(zerolog.Nop())
	op := &transport.Operation{Backend: "sat", Name: "Verifica"}
	observe(transport.Event{Operation: op, Code: "5000"})
	for i := range 10_000 {
		observe(transport.Event{Operation: op, Code: "x" + strconv.Itoa(i)})
	}
	observe(transport.Event{Operation: op, Code: "5000"})
	observe(transport.Event{Operation: &transport.Operation{Backend: "sat", Name: "Solicita"}, Code: "5002"})
	if n := testutil.CollectAndCount(m.upstream); n != maxCodes+2 {
		t.Errorf("%d series", n)
	}
	for code, want := range map[string]float64{"5000": 2, "otro": 10_000 - maxCodes + 1} {
		if got := testutil.ToFloat64(m.upstream.WithLabelValues("sat", "Verifica", code)); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}
