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

func TestEscenarios_ByTheAdminPort(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	var lista struct {
		Puesto     string
		Escenarios []struct {
			Nombre, Nota string
			Perillas     map[string]any
			Fallas       []json.RawMessage
		}
	}
	b.adminJSON(t, "GET", "/escenario", "", &lista)
	if lista.Puesto != "normal" || len(lista.Escenarios) != len(sandbox.Escenarios()) {
		t.Errorf("%+v", lista)
	}
	for _, e := range lista.Escenarios {
		b.perillas(t, map[string]any{"max_cfdi": 7})
		b.falla(t, sandbox.Falla{Tipo: control.Vacio})
		var puesto struct {
			Puesto   string
			Perillas map[string]any
			Fallas   []any
		}
		if s := b.adminJSON(t, "PUT", "/escenario", `{"nombre":"`+e.Nombre+`"}`, &puesto); s != 200 || puesto.Puesto != e.Nombre || e.Nota == "" {
			t.Errorf("%s: %d %+v", e.Nombre, s, puesto)
		}
		if len(puesto.Fallas) != len(e.Fallas) || puesto.Perillas["max_cfdi"] == 7.0 {
			t.Errorf("%s: %d faults of %d; what was there stayed", e.Nombre, len(puesto.Fallas), len(e.Fallas))
		}
		if e.Nombre != "normal" && len(e.Perillas)+len(e.Fallas) == 0 {
			t.Errorf("%s changes nothing", e.Nombre)
		}
	}
	var r map[string]string
	if s := b.adminJSON(t, "PUT", "/escenario", `{"nombre":"otro"}`, &r); s != 400 || !strings.Contains(r["error"], "normal, anio_grande, cuotas") {
		t.Errorf("an unknown one: %d %v", s, r)
	}
	b.Reinicia()
	if b.Perillas().Entero("max_cfdi") != 200_000 || len(b.Fallas().Lista()) != 0 {
		t.Error("the reset does not go back to the start")
	}
}

func TestEscenarios_AtTheStart(t *testing.T) {
	t.Parallel()
	ahora := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := arranca(t, func(c *sandbox.Config) {
		c.Now, c.Escenario, c.Velocidad = func() time.Time { return ahora }, "cuotas", 60
	})
	for range 2 {
		if b.Perillas().Entero("max_cfdi") != 100 || b.Reloj().Lee().Velocidad != 60 {
			t.Errorf("max_cfdi %d, speed %v", b.Perillas().Entero("max_cfdi"), b.Reloj().Lee().Velocidad)
		}
		b.perillas(t, map[string]any{"max_cfdi": 7})
		b.Reinicia()
	}
	dir, err := carpeta()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []sandbox.Config{{Dir: dir, Escenario: "no hay"}, {Dir: dir, Velocidad: -1}} {
		if _, err := sandbox.New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestEscenario_LostAnswersAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	b := arranca(t, func(c *sandbox.Config) { c.Escenario = "respuestas_perdidas" })
	for range 2 {
		c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
		var perdidas []int
		for i := range 6 {
			dia := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			r := c.solicita(opEmitidos, c.emitidos("FechaInicial", dia+"T00:00:00", "FechaFinal", dia+"T23:59:59"))
			if errors.Is(r.err, syscall.ECONNRESET) {
				perdidas = append(perdidas, i)
			}
		}
		if d := cmp.Diff([]int{2, 5}, perdidas); d != "" || len(b.Estado().Solicitudes) != 6 {
			t.Errorf("%d registered; lost %s", len(b.Estado().Solicitudes), d)
		}
		b.Reinicia()
	}
}

func TestEscenario_OutagesFollowTheSandboxClock(t *testing.T) {
	t.Parallel()
	ahora := time.Now()
	b := arranca(t, func(c *sandbox.Config) { c.Now, c.Escenario = func() time.Time { return ahora }, "apagones" })
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	ret := b.entra(t, "retenciones", sandbox.RFCEmpresa)
	estado := func(minuto time.Duration, quiere int) {
		t.Helper()
		b.Reloj().Fija(minuto * time.Minute)
		if r := c.verifica(idCualquiera); r.estado != quiere {
			t.Errorf("minute %d: %d %v", minuto, r.estado, r.err)
		}
		if r := ret.verifica(idCualquiera); r.estado != http.StatusOK {
			t.Errorf("minute %d, the other family: %d", minuto, r.estado)
		}
	}
	for _, vuelta := range []time.Duration{0, 120, 1200} {
		estado(vuelta+9, http.StatusOK)
		estado(vuelta+10, http.StatusServiceUnavailable)
		estado(vuelta+29, http.StatusServiceUnavailable)
		estado(vuelta+30, http.StatusOK)
		if r := c.autentica(c.seguridad(time.Now())); r.estado != http.StatusOK {
			t.Errorf("Autentica: %d %v", r.estado, r.err)
		}
		b.Reloj().Fija((vuelta + 50) * time.Minute)
		if r := c.autentica(c.seguridad(time.Now())); r.err == nil {
			t.Errorf("Autentica in its outage: %d", r.estado)
		}
		b.Reloj().Fija((vuelta + 90) * time.Minute)
		callada := c.en(t)
		callada.http = &http.Client{Timeout: 100 * time.Millisecond, Transport: c.http.Transport}
		var espera net.Error
		if r := callada.verifica(idCualquiera); !errors.As(r.err, &espera) || !espera.Timeout() {
			t.Errorf("in the silence: %v %d", r.err, r.estado)
		}
		estado(vuelta+95, http.StatusOK)
	}
}

func TestEscenario_BadDayHasItsCodes(t *testing.T) {
	t.Parallel()
	b := arranca(t, func(c *sandbox.Config) { c.Escenario = "dia_malo" })
	b.perillas(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s", "descargas_por_paquete": 0})
	b.falla(t, sandbox.Falla{Operacion: opRecibidos, Tipo: control.Vacio, Veces: 1})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	ids := c.pideDias(3)
	r := c.solicita(opEmitidos, c.emitidos("FechaInicial", "2026-02-01T00:00:00", "FechaFinal", "2026-02-01T23:59:59"))
	c.espera(r, "CodEstatus", "404")
	ids = append(ids, r.attr["IdSolicitud"])
	var codigos []string
	for i := range 24 {
		codigos = append(codigos, c.verifica(ids[i%4]).attr["CodEstatus"])
	}
	for _, codigo := range []string{"404", "5011", "300", "5000"} {
		if !slices.Contains(codigos, codigo) {
			t.Errorf("no %s among %v", codigo, codigos)
		}
	}
	var v resultado
	for v.attr["EstadoSolicitud"] != "3" {
		v = c.verifica(ids[3])
	}
	if e := b.Estado().Solicitudes[3]; len(v.paquetes) == 0 || e.Total == 0 || v.attr["NumeroCFDIs"] == "" {
		t.Errorf("%v of %d", v.attr, e.Total)
	}
	malos := 0
	for range 4 {
		if d := c.descarga(v.paquetes[0]); d.attr["CodEstatus"] == "5000" && !esZip(d.zip) {
			malos++
		}
	}
	if malos != 2 {
		t.Errorf("%d bad packages, want one cut and one that is no ZIP", malos)
	}
}

func esZip(b []byte) bool {
	return len(b) > 22 && string(b[:2]) == "PK" && strings.Contains(string(b[len(b)-22:]), "PK\x05\x06")
}
