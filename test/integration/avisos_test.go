package integration

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// The body of every event type, as a receiver gets it, conforms to the schema from which
// generators make its type, and its code is the descarga's.
func TestAvisos_WhenEachEventHappensItsBodyIsTheContracts(t *testing.T) {
	t.Parallel()
	hear := &receptor{t: t}
	srv := httptest.NewServer(hear)
	t.Cleanup(srv.Close)
	r := mountRig(t, gatewaytest.Options{Configure: func(c *config.Config) { c.Webhooks.Privados = true }}, map[string]any{"cfdis_por_dia": 1})
	got := r.Post(pathWebhooks, webhookRequest(map[string]any{"url": srv.URL, "eventos": webhooks.Eventos()}))
	wantStatus(t, got, http.StatusCreated)
	var done struct{ Webhook seenWebhook }
	got.JSON(t, &done)
	wantStatus(t, r.Post(pathWebhooks+"/"+done.Webhook.ID+"/prueba", nil), http.StatusAccepted)
	rango := func(day, hour string) map[string]any {
		return map[string]any{"fechaInicial": "2026-01-" + day + "T00:00:00", "fechaFinal": "2026-01-" + day + "T" + hour}
	}
	r.falla(sandbox.Falla{Tipo: control.Codigo, Codigo: "5012", Operacion: opEmitidos, Contiene: "2026-01-03"})
	for _, tc := range []struct {
		estado, motivo string
		day, hour      string
	}{
		{"terminada", "", "01", "23:59:59"},
		{"vacia", "sin_comprobantes", "02", "00:00:01"},
		{"fallida", "5012", "03", "23:59:59"},
	} {
		d := wait(t, r.Gateway, create(t, r.Gateway, request("Metadata", rango(tc.day, tc.hour))))
		if d.Estado != tc.estado || d.MotivoCodigo != tc.motivo {
			t.Errorf("%s %q, want %+v", d.Estado, d.MotivoCodigo, tc)
		}
	}
	r.falla(sandbox.Falla{Tipo: control.ConDefectos, Defectos: []string{"crc"}, Operacion: opDescargar, Veces: 2})
	if d := wait(t, r.Gateway, create(t, r.Gateway, request("CFDI", rango("04", "23:59:59")))); d.Estado != "parcial" || d.MotivoCodigo != "entradas_ilegibles" && d.MotivoCodigo != "entradas_danadas" {
		t.Errorf("%+v", d)
	}
	// A recurrent descarga waits for tomorrow.
	body := request("Metadata", map[string]any{"fechaInicial": "2026-01-05T00:00:00", "programacion": map[string]any{"hora": "04:00", "traslapeDias": 1}})
	delete(body, "fechaFinal")
	recurrent := create(t, r.Gateway, body)
	if got, err := r.Do(http.MethodDelete, recurrent, nil); err != nil || got.Status != http.StatusOK {
		t.Errorf("%d %v", got.Status, err)
	}
	if d := wait(t, r.Gateway, recurrent); d.Estado != "cancelada" || d.MotivoCodigo != "cancelada_por_cliente" {
		t.Errorf("%+v", d)
	}
	for _, evento := range append(webhooks.Eventos(), webhooks.EventoTrial) {
		hear.arrive(t, `"type":"`+evento+`"`)
	}
	if aviso := hear.arrive(t, webhooks.DescargaFailed); !strings.Contains(aviso, `"motivoCodigo":"5012"`) {
		t.Errorf("why it failed is not in %s", aviso)
	}
	forWhom := callsFor(t, r)
	for _, operation := range []string{opEmitidos, opVerify, opDescargar} {
		if n := forWhom[operation]; n[0] == 0 || n[1] != 0 {
			t.Errorf("%s: %d lines of the log say what it was for, %d do not", operation, n[0], n[1])
		}
	}
}

// callsFor counts, by operation, the log lines of calls that name their descarga and
// solicitud, and those that do not or have an empty field.
func callsFor(t *testing.T, r *rig) map[string][2]int {
	t.Helper()
	out := map[string][2]int{}
	for line := range strings.Lines(r.Log()) {
		if !strings.Contains(line, `"message":"upstream"`) {
			continue
		}
		var call struct {
			Operacion, IDDescarga string
			Solicitud             int
		}
		if err := json.Unmarshal([]byte(line), &call); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		n := out[call.Operacion]
		if call.IDDescarga != "" && call.Solicitud > 0 && !strings.Contains(line, `:""`) {
			n[0]++
		} else {
			n[1]++
		}
		out[call.Operacion] = n
	}
	return out
}
