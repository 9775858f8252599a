package telemetry

import (
	"bytes"
	"strings"
	"testing"

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
