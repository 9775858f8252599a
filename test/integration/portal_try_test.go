package integration

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// step is an operation that a reader tries in the reference.
type step struct {
	// Op is the operation's id.
	Op string `json:"op"`
	// Escribe is what the reader writes into parameters, by name.
	Escribe map[string]string `json:"escribe,omitempty"`
	// Cuerpo is what the reader writes in place of the example.
	Cuerpo string `json:"cuerpo,omitempty"`
	// Hasta is what the reader sends again and again for, as the SAT and the SEP take their time.
	Hasta string `json:"hasta,omitempty"`
	// Abierta leaves the operation open, to be looked at.
	Abierta bool `json:"abierta,omitempty"`
	// Status is what must come of it; none, when the page itself refuses.
	Status string `json:"-"`
	// Send is the query that must be sent.
	Send string `json:"-"`
}

// reading tries every operation of the contract, in an order in which earlier answers
// have what later ones need.
func reading() []step {
	return []step{
		{Op: "listarEfirmas", Status: "200"},
		{Op: "obtenerEfirma", Status: "200"},

		{Op: "obtenerTokenSat", Status: "201"},
		{Op: "verificarSolicitud"},
		{Op: "crearSolicitud", Status: "201"},
		{Op: "crearSolicitud", Status: "409"}, // another key, and the SAT has that solicitud
		{Op: "verificarSolicitud", Hasta: `_01"`, Status: "200", Send: "rfcSolicitante=PRU010101AB1"},
		{Op: "descargarPaquete", Status: "200", Send: "rfcSolicitante=PRU010101AB1"},

		{Op: "obtenerDescarga"},
		{Op: "crearDescarga", Status: "202"},
		{Op: "obtenerDescarga", Hasta: `"terminada"`, Status: "200"},
		{Op: "listarMetadatosDescarga", Status: "200"},
		{Op: "exportarMetadatosNdjson", Status: "200"},
		{Op: "exportarMetadatosCsv", Status: "200"},
		{Op: "crearDescarga", Status: "202", Cuerpo: `{"servicio": "cfdi", "rfcSolicitante": "PRU010101AB1", "tipoDescarga": "emitidos",
			"tipoSolicitud": "CFDI", "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}`},
		{Op: "obtenerDescarga", Hasta: `"terminada"`, Status: "200"},
		{Op: "listarEventosDescarga", Status: "200"},
		{Op: "seguirDescarga", Status: "200"},
		{Op: "listarPaquetesDescarga", Status: "200"},
		{Op: "listarCfdisDescarga", Status: "200"},
		{Op: "exportarCfdisNdjson", Status: "200"},
		{Op: "exportarCfdisCsv", Status: "200"},
		{Op: "obtenerCfdiDescarga", Status: "200"},
		{Op: "crearDescarga", Status: "202", Cuerpo: `{"servicio": "cfdi", "rfcSolicitante": "PRU010101AB1", "tipoDescarga": "recibidos",
			"tipoSolicitud": "Metadata", "fechaInicial": "2026-01-01T00:00:00", "programacion": {"hora": "04:00", "traslapeDias": 5}}`},
		{Op: "cancelarDescarga", Status: "200"},
		{Op: "listarDescargas", Status: "200"},
		{Op: "listarDescargas", Status: "400", Escribe: map[string]string{"cursor": "inventado"}, Send: "cursor=inventado"},

		{Op: "emitirTitulos", Status: "200"},
		{Op: "validarTitulos", Status: "200"},
		{Op: "cargarLote", Status: "201"},
		{Op: "consultarLote", Hasta: `"procesado": true`, Status: "200"},
		{Op: "obtenerResultadoLote", Status: "200"},
		{Op: "exportarResultadoLote", Status: "200"},
		{Op: "descargarLibroLote", Status: "200"},
		{Op: "descargarResultadoLote", Status: "200"},
		{Op: "cancelarTitulo", Status: "200"},
		{Op: "listarCatalogosSep", Status: "200"},
		{Op: "obtenerCatalogoSep", Status: "200"},

		{Op: "procesarAddenda", Status: "200"},
		{Op: "adjuntarAddenda", Status: "200"},
		{Op: "firmarContrato", Status: "200"},
		{Op: "firmarManifiesto", Status: "200"},
		{Op: "firmarContratoAdhesion", Status: "200"},
		{Op: "desbloquearCuentaPade", Status: "204"},

		{Op: "crearWebhook", Status: "201"},
		{Op: "listarWebhooks", Status: "200"},
		{Op: "obtenerWebhook", Status: "200"},
		{Op: "rotarSecretoWebhook", Status: "200"},
		{Op: "probarWebhook", Status: "202"},
		{Op: "listarEntregasWebhook", Hasta: `"msg_`, Status: "200"},
		{Op: "reenviarEntregaWebhook", Status: "202"},
		{Op: "actualizarWebhook", Status: "200"},
		{Op: "probarWebhook", Status: "409"}, // the example has put it to rest
		{Op: "eliminarWebhook", Status: "204"},

		{Op: "obtenerEspecificacionYaml", Status: "200"},
		{Op: "obtenerEspecificacionJson", Status: "200"},
	}
}

// press is the reader: opens an operation, presses Probar, writes, presses Enviar,
// and reads what the page shows.
const press = `;
const duerme = (ms) => new Promise((ok) => setTimeout(ok, ms));
const espera = async (que) => { for (let i = 0; i < 2400; i++) { const x = que(); if (x) return x; await duerme(50); } throw new Error("no llega: " + que); };
const escribe = (campo, texto) => {
  const tipo = { INPUT: HTMLInputElement, TEXTAREA: HTMLTextAreaElement, SELECT: HTMLSelectElement }[campo.tagName];
  Object.getOwnPropertyDescriptor(tipo.prototype, "value").set.call(campo, texto);
  campo.dispatchEvent(new Event(campo.tagName === "SELECT" ? "change" : "input", { bubbles: true }));
};
const dice = (v) => fetch("/vio", { method: "POST", body: JSON.stringify(v) });
const da = async (p) => {
  const op = await espera(() => document.querySelector('[id^="operations-"][id$="-' + p.op + '"]'));
  if (!op.querySelector(".execute")) {
    if (!op.classList.contains("is-open")) op.querySelector(".opblock-summary-control").click();
    const probar = await espera(() => op.querySelector(".try-out__btn"));
    await dice({ op: p.op, alto: op.offsetHeight });
    probar.click();
  }
  const envia = await espera(() => op.querySelector(".execute"));
  for (const [nombre, texto] of Object.entries(p.escribe ?? {})) escribe(op.querySelector('tr[data-param-name="' + nombre + '"] :is(input, select)'), texto);
  if (p.cuerpo) escribe(await espera(() => op.querySelector(".body-param textarea")), p.cuerpo);
  if (p.escribe || p.cuerpo) await duerme(1000); // the page waits for the end of a word
  for (;;) {
    if (op.querySelector(".btn-clear")) {
      op.querySelector(".btn-clear").click();
      await espera(() => !op.querySelector(".live-responses-table"));
    }
    envia.click();
    const status = await espera(() => op.querySelector(".live-responses-table .response .response-col_status") ?? op.querySelector(".validation-errors"));
    const cuerpo = op.querySelector(".live-responses-table .response .response-col_description")?.textContent ?? "";
    if (p.hasta && !cuerpo.includes(p.hasta)) { await fetch("/pausa"); continue; }
    const rgb = getComputedStyle(status).color.match(/\d+/g);
    const dicho = status.textContent.trim();
    if (!p.abierta && pasos.findLast((x) => x.op === p.op) === p) op.querySelector(".opblock-summary-control").click(); // many open ones are slow
    return { op: p.op, status: dicho, cuerpo: cuerpo.slice(0, 400), rojo: +rgb[0] > +rgb[1] };
  }
};
(async () => {
  for (const p of pasos) {
    await dice(await da(p).catch((e) => ({ op: p.op, status: "?", cuerpo: String(e) })));
  }
  await dice({ fin: true });
})();`

// shownAttempt is what the page showed for a step, and the last request until then.
type shownAttempt struct {
	shown
	requested int
	last      *http.Request
}

// dashOf is the script of a reader who tries steps.
func dashOf(t *testing.T, steps ...step) map[string]string {
	t.Helper()
	script, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"referencia.js": ";const pasos = " + string(script) + press}
}

// try makes a browser try steps. It returns the results, and the height of each operation
// before it is tried.
func try(t *testing.T, api string, steps []step) (attempts []shownAttempt, heights map[string]int) {
	t.Helper()
	var mu sync.Mutex
	var requested []*http.Request
	heights = map[string]int{}
	end := make(chan struct{})
	l := visit{dash: dashOf(t, steps...)}
	l.hear = func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requested = append(requested, r.Clone(context.WithoutCancel(r.Context())))
	}
	l.ve = func(v shown) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case v.Fin:
			close(end)
		case v.Alto > 0:
			if heights[v.Op] == 0 { // of one opened again, an answer is shown
				heights[v.Op] = v.Alto
			}
		default:
			attempts = append(attempts, shownAttempt{v, len(requested), requested[len(requested)-1]})
		}
	}
	if said := chromiumtest.Until(t, l.before(t, api)+"/pasarela/docs/api", end); len(said) != 0 {
		t.Errorf("the console says %q", said)
	}
	mu.Lock()
	defer mu.Unlock()
	return attempts, heights
}

// maxHeight is the largest height of an untried operation, in pixels of a narrow window.
const maxHeight = 5000

func TestPortal_WhenEveryOperationIsTriedItSendsWhatItsReaderWrote(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	operations := map[string]*openapi3.Operation{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			operations[op.OperationID] = op
		}
	}
	steps := reading()
	attempts, heights := try(t, g.API, steps)
	if len(attempts) != len(steps) {
		t.Fatalf("%d operations were tried, of %d", len(attempts), len(steps))
	}
	keys := map[string]bool{}
	before := 0
	for i, p := range steps {
		v := attempts[i]
		if p.Status == "" {
			if !strings.Contains(v.Status, "es obligatorio.") || v.requested != before || !v.Rojo {
				t.Errorf("%s without what is required: %d requests, the page says %q", p.Op, v.requested-before, v.Status)
			}
			continue
		}
		before = v.requested
		if v.Status != p.Status || v.Rojo != (p.Status >= "400") || strings.Contains(v.Cuerpo, "Error:") {
			t.Errorf("%s: status %s (red: %t), want %s; the page shows %s", p.Op, v.Status, v.Rojo, p.Status, v.Cuerpo)
		}
		if v.last.URL.RawQuery != p.Send {
			t.Errorf("%s sends the query %q, want %q", p.Op, v.last.URL.RawQuery, p.Send)
		}
		op := operations[p.Op]
		for _, param := range op.Parameters {
			sent := v.last.Header.Get(param.Value.Name)
			if param.Value.Name == "Idempotency-Key" {
				if id, err := uuid.Parse(sent); err != nil || id.Version() != 4 || keys[sent] {
					t.Errorf("%s sends the key %q", p.Op, sent)
				}
				keys[sent] = true
			} else if param.Value.In == openapi3.ParameterInHeader && sent != "" {
				t.Errorf("%s sends %s: %s", p.Op, param.Value.Name, sent)
			}
		}
	}
	for id := range operations {
		if !slices.ContainsFunc(steps, func(p step) bool { return p.Op == id && p.Status != "" }) {
			t.Errorf("%s is not tried", id)
		}
		if heights[id] == 0 || heights[id] > maxHeight {
			t.Errorf("%s is %d pixels high", id, heights[id])
		}
	}
}

// TestPortal_WhenAParameterIsTheReadersOwnNoAnswerReplacesIt: nor is one sent that
// was written and taken away again.
func TestPortal_WhenAParameterIsTheReadersOwnNoAnswerReplacesIt(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	// The descarga lives as long as the test takes, so that its criteria are refused again.
	if err := g.Sandbox.Knobs().Change(map[string]any{"demora_proceso": 48 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	const foreign = "019c1d2e-7f30-7a4b-9c55-8a1d27f8c3aa"
	steps := []step{
		{Op: "obtenerDescarga", Status: "404", Escribe: map[string]string{"idDescarga": foreign}},
		{Op: "crearDescarga", Status: "202"},
		{Op: "obtenerDescarga", Status: "404"},
		{Op: "crearDescarga", Status: "202", Escribe: map[string]string{"Idempotency-Key": "mia"}, Cuerpo: `{"servicio": "cfdi", "rfcSolicitante": "PRU010101AB1",
			"tipoDescarga": "emitidos", "tipoSolicitud": "Metadata", "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}`},
		{Op: "crearDescarga", Status: "202"},
		{Op: "crearDescarga", Status: "409", Escribe: map[string]string{"Idempotency-Key": ""}},
		{Op: "listarDescargas", Status: "200", Escribe: map[string]string{"limite": "2", "estado": "cancelada"}, Send: "estado=cancelada&limite=2"},
		{Op: "listarDescargas", Status: "200", Escribe: map[string]string{"limite": "", "estado": ""}},
		{Op: "listarDescargas", Status: "400", Escribe: map[string]string{"limite": "muchos"}, Send: "limite=muchos"},
	}
	attempts, _ := try(t, g.API, steps)
	if len(attempts) != len(steps) {
		t.Fatalf("%d operations were tried, of %d", len(attempts), len(steps))
	}
	keys := []string{}
	for i, p := range steps {
		v := attempts[i]
		if v.Status != p.Status || v.last.URL.RawQuery != p.Send {
			t.Errorf("%d, %s: status %s for %s, want %s; the page shows %s", i, p.Op, v.Status, v.last.URL, p.Status, v.Cuerpo)
		}
		if p.Op == "obtenerDescarga" && !strings.HasSuffix(v.last.URL.Path, foreign) {
			t.Errorf("%d asks for %s", i, v.last.URL.Path)
		}
		keys = append(keys, v.last.Header.Get("Idempotency-Key"))
	}
	if keys[3] != "mia" || keys[4] != "mia" || len(keys[5]) != 36 || keys[5] == keys[1] {
		t.Errorf("keys: %q", keys)
	}
}
