package integration

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// paso is an operation that a reader tries in the reference.
type paso struct {
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
	// Envia is the query that must be sent.
	Envia string `json:"-"`
}

// lectura presses every operation of the contract, in an order in which each finds
// what it needs in the answers before it.
func lectura() []paso {
	return []paso{
		{Op: "listarEfirmas", Status: "200"},
		{Op: "obtenerEfirma", Status: "200"},

		{Op: "obtenerTokenSat", Status: "201"},
		{Op: "verificarSolicitud"},
		{Op: "crearSolicitud", Status: "201"},
		{Op: "crearSolicitud", Status: "409"}, // another key, and the SAT has that solicitud
		{Op: "verificarSolicitud", Hasta: `_01"`, Status: "200", Envia: "rfcSolicitante=PRU010101AB1"},
		{Op: "descargarPaquete", Status: "200", Envia: "rfcSolicitante=PRU010101AB1"},

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
		{Op: "listarDescargas", Status: "400", Escribe: map[string]string{"cursor": "inventado"}, Envia: "cursor=inventado"},

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

// oprime is the reader: opens an operation, presses Probar, writes, presses Enviar,
// and reads what the page shows.
const oprime = `;
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

// intento is what the page showed of a paso, and the last request that had come then.
type intento struct {
	visto
	pedidos int
	ultimo  *http.Request
}

// guionDe is the script of a reader who tries pasos.
func guionDe(t *testing.T, pasos ...paso) map[string]string {
	t.Helper()
	script, err := json.Marshal(pasos)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"referencia.js": ";const pasos = " + string(script) + oprime}
}

// intenta has a browser try pasos, and returns what came of each, and how high each
// operation is before it is tried.
func intenta(t *testing.T, api string, pasos []paso) (intentos []intento, altos map[string]int) {
	t.Helper()
	var mu sync.Mutex
	var pedidos []*http.Request
	altos = map[string]int{}
	fin := make(chan struct{})
	l := visita{guion: guionDe(t, pasos...)}
	l.oye = func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		pedidos = append(pedidos, r.Clone(context.WithoutCancel(r.Context())))
	}
	l.ve = func(v visto) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case v.Fin:
			close(fin)
		case v.Alto > 0:
			if altos[v.Op] == 0 { // of one opened again, an answer is shown
				altos[v.Op] = v.Alto
			}
		default:
			intentos = append(intentos, intento{v, len(pedidos), pedidos[len(pedidos)-1]})
		}
	}
	if dicho := chromiumtest.Until(t, l.ante(t, api)+"/pasarela/docs/api", fin); len(dicho) != 0 {
		t.Errorf("the console says %q", dicho)
	}
	mu.Lock()
	defer mu.Unlock()
	return intentos, altos
}

// maxAlto is how high an operation may be before anything was sent, in pixels of a
// narrow window.
const maxAlto = 5000

func TestPortal_WhenEveryOperationIsTriedItSendsWhatItsReaderWrote(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	operaciones := map[string]*openapi3.Operation{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			operaciones[op.OperationID] = op
		}
	}
	pasos := lectura()
	intentos, altos := intenta(t, g.API, pasos)
	if len(intentos) != len(pasos) {
		t.Fatalf("%d operations were tried, of %d", len(intentos), len(pasos))
	}
	claves := map[string]bool{}
	antes := 0
	for i, p := range pasos {
		v := intentos[i]
		if p.Status == "" {
			if !strings.Contains(v.Status, "es obligatorio.") || v.pedidos != antes || !v.Rojo {
				t.Errorf("%s without what is required: %d requests, the page says %q", p.Op, v.pedidos-antes, v.Status)
			}
			continue
		}
		antes = v.pedidos
		if v.Status != p.Status || v.Rojo != (p.Status >= "400") || strings.Contains(v.Cuerpo, "Error:") {
			t.Errorf("%s: status %s (red: %t), want %s; the page shows %s", p.Op, v.Status, v.Rojo, p.Status, v.Cuerpo)
		}
		if v.ultimo.URL.RawQuery != p.Envia {
			t.Errorf("%s sends the query %q, want %q", p.Op, v.ultimo.URL.RawQuery, p.Envia)
		}
		op := operaciones[p.Op]
		for _, param := range op.Parameters {
			sent := v.ultimo.Header.Get(param.Value.Name)
			if param.Value.Name == "Idempotency-Key" {
				if id, err := uuid.Parse(sent); err != nil || id.Version() != 4 || claves[sent] {
					t.Errorf("%s sends the key %q", p.Op, sent)
				}
				claves[sent] = true
			} else if param.Value.In == openapi3.ParameterInHeader && sent != "" {
				t.Errorf("%s sends %s: %s", p.Op, param.Value.Name, sent)
			}
		}
	}
	for id := range operaciones {
		if !slices.ContainsFunc(pasos, func(p paso) bool { return p.Op == id && p.Status != "" }) {
			t.Errorf("%s is not tried", id)
		}
		if altos[id] == 0 || altos[id] > maxAlto {
			t.Errorf("%s is %d pixels high", id, altos[id])
		}
	}
}

// TestPortal_WhenAParameterIsTheReadersOwnNoAnswerReplacesIt: nor is one sent that
// was written and taken away again.
func TestPortal_WhenAParameterIsTheReadersOwnNoAnswerReplacesIt(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	const ajeno = "019c1d2e-7f30-7a4b-9c55-8a1d27f8c3aa"
	pasos := []paso{
		{Op: "obtenerDescarga", Status: "404", Escribe: map[string]string{"idDescarga": ajeno}},
		{Op: "crearDescarga", Status: "202"},
		{Op: "obtenerDescarga", Status: "404"},
		{Op: "crearDescarga", Status: "202", Escribe: map[string]string{"Idempotency-Key": "mia"}, Cuerpo: `{"servicio": "cfdi", "rfcSolicitante": "PRU010101AB1",
			"tipoDescarga": "emitidos", "tipoSolicitud": "Metadata", "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}`},
		{Op: "crearDescarga", Status: "202"},
		{Op: "crearDescarga", Status: "409", Escribe: map[string]string{"Idempotency-Key": ""}},
		{Op: "listarDescargas", Status: "200", Escribe: map[string]string{"limite": "2", "estado": "cancelada"}, Envia: "estado=cancelada&limite=2"},
		{Op: "listarDescargas", Status: "200", Escribe: map[string]string{"limite": "", "estado": ""}},
		{Op: "listarDescargas", Status: "400", Escribe: map[string]string{"limite": "muchos"}, Envia: "limite=muchos"},
	}
	intentos, _ := intenta(t, g.API, pasos)
	if len(intentos) != len(pasos) {
		t.Fatalf("%d operations were tried, of %d", len(intentos), len(pasos))
	}
	claves := []string{}
	for i, p := range pasos {
		v := intentos[i]
		if v.Status != p.Status || v.ultimo.URL.RawQuery != p.Envia {
			t.Errorf("%d, %s: status %s for %s, want %s; the page shows %s", i, p.Op, v.Status, v.ultimo.URL, p.Status, v.Cuerpo)
		}
		if p.Op == "obtenerDescarga" && !strings.HasSuffix(v.ultimo.URL.Path, ajeno) {
			t.Errorf("%d asks for %s", i, v.ultimo.URL.Path)
		}
		claves = append(claves, v.ultimo.Header.Get("Idempotency-Key"))
	}
	if claves[3] != "mia" || claves[4] != "mia" || len(claves[5]) != 36 || claves[5] == claves[1] {
		t.Errorf("keys: %q", claves)
	}
}
