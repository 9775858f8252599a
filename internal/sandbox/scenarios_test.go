package sandbox_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

func TestScenarios_ByTheAdminPort(t *testing.T) {
	t.Parallel()
	b := start(t)
	var list struct {
		Puesto     string
		Escenarios []struct {
			Nombre, Nota string
			Perillas     map[string]any
			Fallas       []json.RawMessage
		}
	}
	b.adminJSON(t, "GET", "/escenario", "", &list)
	if list.Puesto != "normal" || len(list.Escenarios) != len(sandbox.Scenarios()) {
		t.Errorf("%+v", list)
	}
	for _, e := range list.Escenarios {
		b.knobs(t, map[string]any{"max_cfdi": 7})
		b.falla(t, sandbox.Falla{Tipo: control.Vacio})
		var set struct {
			Puesto   string
			Perillas map[string]any
			Fallas   []any
		}
		if s := b.adminJSON(t, "PUT", "/escenario", `{"nombre":"`+e.Nombre+`"}`, &set); s != 200 || set.Puesto != e.Nombre || e.Nota == "" {
			t.Errorf("%s: %d %+v", e.Nombre, s, set)
		}
		if len(set.Fallas) != len(e.Fallas) || set.Perillas["max_cfdi"] == 7.0 {
			t.Errorf("%s: %d faults of %d; what was there stayed", e.Nombre, len(set.Fallas), len(e.Fallas))
		}
		if e.Nombre != "normal" && len(e.Perillas)+len(e.Fallas) == 0 {
			t.Errorf("%s changes nothing", e.Nombre)
		}
	}
	var r map[string]string
	if s := b.adminJSON(t, "PUT", "/escenario", `{"nombre":"otro"}`, &r); s != 400 || !strings.Contains(r["error"], "normal, anio_grande, cuotas") {
		t.Errorf("an unknown one: %d %v", s, r)
	}
	b.Reset()
	if b.Knobs().Whole("max_cfdi") != 200_000 || len(b.Fallas().List()) != 0 {
		t.Error("the reset does not go back to the start")
	}
}

func TestScenarios_AtTheStart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := start(t, func(c *sandbox.Config) {
		c.Now, c.Scenario, c.Speed = func() time.Time { return now }, "cuotas", 60
	})
	for range 2 {
		if b.Knobs().Whole("max_cfdi") != 100 || b.Clock().Read().Velocidad != 60 {
			t.Errorf("max_cfdi %d, speed %v", b.Knobs().Whole("max_cfdi"), b.Clock().Read().Velocidad)
		}
		b.knobs(t, map[string]any{"max_cfdi": 7})
		b.Reset()
	}
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []sandbox.Config{{Dir: dir, Scenario: "no hay"}, {Dir: dir, Speed: -1}} {
		if _, err := sandbox.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestScenario_LostAnswersAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *sandbox.Config) { c.Scenario = "respuestas_perdidas" })
	for range 2 {
		c := b.enter(t, "cfdi", sandbox.RFCCompany)
		var lost []int
		for i := range 6 {
			day := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			r := c.request(opEmitidos, c.emitidos("FechaInicial", day+"T00:00:00", "FechaFinal", day+"T23:59:59"))
			if errors.Is(r.err, syscall.ECONNRESET) {
				lost = append(lost, i)
			}
		}
		if d := cmp.Diff([]int{2, 5}, lost); d != "" || len(b.Estado().Solicitudes) != 6 {
			t.Errorf("%d registered; lost %s", len(b.Estado().Solicitudes), d)
		}
		b.Reset()
	}
}

func TestScenario_OutagesFollowTheSandboxClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := start(t, func(c *sandbox.Config) { c.Now, c.Scenario = func() time.Time { return now }, "apagones" })
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	ret := b.enter(t, "retenciones", sandbox.RFCCompany)
	estado := func(minute time.Duration, wants int) {
		t.Helper()
		b.Clock().Fix(minute * time.Minute)
		if r := c.verify(idAny); r.estado != wants {
			t.Errorf("minute %d: %d %v", minute, r.estado, r.err)
		}
		if r := ret.verify(idAny); r.estado != http.StatusOK {
			t.Errorf("minute %d, the other family: %d", minute, r.estado)
		}
	}
	for _, round := range []time.Duration{0, 120, 1200} {
		estado(round+9, http.StatusOK)
		estado(round+10, http.StatusServiceUnavailable)
		estado(round+29, http.StatusServiceUnavailable)
		estado(round+30, http.StatusOK)
		if r := c.authenticate(c.security(time.Now())); r.estado != http.StatusOK {
			t.Errorf("Autentica: %d %v", r.estado, r.err)
		}
		b.Clock().Fix((round + 50) * time.Minute)
		if r := c.authenticate(c.security(time.Now())); r.err == nil {
			t.Errorf("Autentica in its outage: %d", r.estado)
		}
		b.Clock().Fix((round + 90) * time.Minute)
		silent := c.en(t)
		silent.http = &http.Client{Timeout: 100 * time.Millisecond, Transport: c.http.Transport}
		var wait net.Error
		if r := silent.verify(idAny); !errors.As(r.err, &wait) || !wait.Timeout() {
			t.Errorf("in the silence: %v %d", r.err, r.estado)
		}
		estado(round+95, http.StatusOK)
	}
}

func TestScenario_BadDayHasItsCodes(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *sandbox.Config) { c.Scenario = "dia_malo" })
	b.knobs(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s", "descargas_por_paquete": 0})
	b.falla(t, sandbox.Falla{Operacion: opRecibidos, Tipo: control.Vacio, Veces: 1})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	ids := c.askDays(3)
	r := c.request(opEmitidos, c.emitidos("FechaInicial", "2026-02-01T00:00:00", "FechaFinal", "2026-02-01T23:59:59"))
	c.wait(r, "CodEstatus", "404")
	ids = append(ids, r.attr["IdSolicitud"])
	var codigos []string
	for i := range 24 {
		codigos = append(codigos, c.verify(ids[i%4]).attr["CodEstatus"])
	}
	for _, codigo := range []string{"404", "5011", "300", "5000"} {
		if !slices.Contains(codigos, codigo) {
			t.Errorf("no %s among %v", codigo, codigos)
		}
	}
	var v result
	for v.attr["EstadoSolicitud"] != "3" {
		v = c.verify(ids[3])
	}
	if e := b.Estado().Solicitudes[3]; len(v.paquetes) == 0 || e.Total == 0 || v.attr["NumeroCFDIs"] == "" {
		t.Errorf("%v of %d", v.attr, e.Total)
	}
	bad := 0
	for range 4 {
		if d := c.descarga(v.paquetes[0]); d.attr["CodEstatus"] == "5000" && !isZip(d.zip) {
			bad++
		}
	}
	if bad != 2 {
		t.Errorf("%d bad packages, want one cut and one that is no ZIP", bad)
	}
}

func isZip(b []byte) bool {
	return len(b) > 22 && string(b[:2]) == "PK" && strings.Contains(string(b[len(b)-22:]), "PK\x05\x06")
}
