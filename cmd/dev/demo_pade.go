package main

import (
	"net/http"
	"strings"
)

// cfdi is a made-up invoice that an addenda is attached to.
const cfdi = `<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Sello="MUESTRA" Total="116.00"><cfdi:Emisor Nombre="Ñandú &amp; Peña"/></cfdi:Comprobante>`

// prodigia walks the PAC's operations: addendas, and a contract that is signed
// once however often it is asked for.
func (w *walk) prodigia() {
	w.say("\n== Prodigia: an addenda, and one attached to an invoice")
	w.show(w.call(http.MethodPost, "/v1/pade/addendas", map[string]any{"datos": "pedido|4500\ntienda|12"}, http.StatusOK))
	w.show(w.call(http.MethodPost, "/v1/pade/addendas/adjunta", map[string]any{"datos": "pedido|4500", "xmlCfdi": cfdi}, http.StatusOK))
	w.say("\n== Prodigia: a contract is signed, as a trial; the same one again comes from the record")
	for range 2 {
		answer := string(w.call(http.MethodPost, "/v1/pade/contratos", contrato(), http.StatusOK))
		head, _, _ := strings.Cut(answer, `"xml"`)
		w.say("    %s…", head)
	}
	if n := w.stack.Sandbox.Estado().Llamadas["pade"]["firmar"]; w.err == nil {
		w.say("    calls that reached the PAC: %d", n)
	}
	w.show(w.call(http.MethodPost, "/v1/pade/contratos/manifiesto", contrato(), http.StatusOK))
}

// contrato is a contract between a taxpayer and an integrator, both sealed by
// the gateway.
func contrato() map[string]any {
	client := map[string]any{"quien": "Cliente", "rfc": rfcPersona, "nombre": "JUANA PÉREZ", "repLegalRfc": rfcPersona, "repLegal": "JUANA PÉREZ", "firmarCon": rfcPersona}
	integrador := map[string]any{"quien": "INT", "rfc": rfcPersona, "nombre": "INTEGRADOR DE PRUEBA", "repLegalRfc": rfcPersona, "repLegal": "JUANA PÉREZ",
		"siglas": "INT", "calleNumero": "Calle 1", "colonia": "Centro", "ciudad": "México", "estado": "CDMX", "codigoPostal": "01000",
		"nombreSoftware": "ERP", "urlInformacion": "https://example.com", "firmarCon": rfcPersona}
	return map[string]any{"modoPrueba": true, "contrato": map[string]any{"fecha": "2026-05-20T10:00:00",
		"texto": "Carta manifiesto de prueba.\r\nSegunda línea.", "firmas": []any{client, integrador}}}
}
