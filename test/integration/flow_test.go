// Package integration tests the whole gateway against the sandbox over HTTP.
package integration

import (
	"archive/zip"
	"bytes"
	"net/http"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

func TestFlow_FromSolicitudToPackage(t *testing.T) {
	t.Parallel()
	g := start(t, gatewaytest.Options{})
	for _, tc := range []struct {
		name, servicio, rfc string
		changes             map[string]any
	}{
		{"emitidos", "cfdi", gatewaytest.Company, nil},
		{"an RFC with Ñ and &", "cfdi", gatewaytest.CompanyOdd, nil},
		{"recibidos of a person", "cfdi", gatewaytest.Persona, map[string]any{"tipoDescarga": "recibidos"}},
		{"metadata of all states", "cfdi", gatewaytest.Company, map[string]any{"tipoSolicitud": "Metadata", "estadoComprobante": "Todos"}},
		{"version 1.1", "cfdi", gatewaytest.Company, map[string]any{"version": "1.1", "tipoDescarga": nil, "rfcEmisor": gatewaytest.Company, "fechaFinal": "2026-01-30T23:59:59"}},
		{"retenciones", "retenciones", gatewaytest.Company, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := g.Request(tc.servicio, tc.rfc, tc.changes)
			for _, paquete := range g.Paquetes(tc.servicio, tc.rfc, id) {
				first := g.Get(gatewaytest.PaquetePath(tc.servicio, tc.rfc, paquete))
				if first.Status != http.StatusOK {
					t.Fatalf("first GET: status %d: %s", first.Status, first.Body)
				}
				archive, err := zip.NewReader(bytes.NewReader(first.Body), int64(len(first.Body)))
				if err != nil || len(archive.File) == 0 {
					t.Fatalf("the package is no ZIP with entries: %v", err)
				}
				again := g.stored(gatewaytest.PaquetePath(tc.servicio, tc.rfc, paquete))
				if !bytes.Equal(first.Body, again.Body) {
					t.Errorf("the stored copy differs from what the first caller got")
				}
			}
		})
	}
}
