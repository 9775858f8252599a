package handlers

import (
	"strings"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// joint stands between several values in one cell: the SAT's texts never hold it
// (sat.md §11).
const joint = "|"

func (h *handler) metadatos() forma[cfdi.Metadato, rest.Metadato] {
	return forma[cfdi.Metadato, rest.Metadato]{
		h: h, nombre: "metadatos", tipo: gateway.TipoMetadata, lee: h.cfg.Lectura.Metadatos, muestra: metadato,
		pagina: func(valores []rest.Metadato, fallas []rest.FallaDeLectura, siguiente string) any {
			return rest.ListaMetadatos{Metadatos: valores, Fallas: fallas, Siguiente: siguiente}
		},
		columnas: []string{"uuid", "rfcEmisor", "nombreEmisor", "rfcReceptor", "nombreReceptor", "rfcPac", "fechaEmision", "fechaCertificacionSat",
			"monto", "efectoComprobante", "estatus", "fechaCancelacion", "rfcACuentaTerceros", "nombreACuentaTerceros", "extras", "aviso"},
		celdas: func(c []string, m *cfdi.Metadato) []string {
			return append(c, m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision, m.FechaCertificacionSAT,
				m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion, m.RFCACuentaTerceros, m.NombreACuentaTerceros, extras(m.Extras), m.Aviso)
		},
	}
}

func metadato(m *cfdi.Metadato) rest.Metadato {
	out := rest.Metadato{
		UUID: m.UUID, RFCEmisor: m.RFCEmisor, NombreEmisor: m.NombreEmisor, RFCReceptor: m.RFCReceptor, NombreReceptor: m.NombreReceptor,
		RFCPac: m.RFCPac, FechaEmision: m.FechaEmision, FechaCertificacionSAT: m.FechaCertificacionSAT, FechaCancelacion: m.FechaCancelacion,
		Monto: m.Monto, EfectoComprobante: m.EfectoComprobante, Estatus: m.Estatus, Cancelado: m.Cancelado(),
		RFCACuentaTerceros: m.RFCACuentaTerceros, NombreACuentaTerceros: m.NombreACuentaTerceros, Aviso: m.Aviso,
	}
	for _, e := range m.Extras {
		out.Extras = append(out.Extras, rest.ColumnaExtra{Nombre: e.Nombre, Valor: e.Valor})
	}
	return out
}

func extras(campos []cfdi.Campo) string {
	texts := make([]string, len(campos))
	for i, c := range campos {
		texts[i] = c.Nombre + "=" + c.Valor
	}
	return strings.Join(texts, joint)
}

func (h *handler) resumenes() forma[cfdi.Resumen, rest.ResumenCFDI] {
	return forma[cfdi.Resumen, rest.ResumenCFDI]{
		h: h, nombre: "cfdis", tipo: gateway.TipoCFDI, lee: h.cfg.Lectura.Resumenes, muestra: resumen,
		pagina: func(valores []rest.ResumenCFDI, fallas []rest.FallaDeLectura, siguiente string) any {
			return rest.ListaCFDIs{CFDIs: valores, Fallas: fallas, Siguiente: siguiente}
		},
		columnas: []string{"uuid", "version", "tipoComprobante", "rfcEmisor", "nombreEmisor", "rfcReceptor", "nombreReceptor", "fecha", "fechaTimbrado",
			"serie", "folio", "moneda", "subTotal", "total", "metodoPago", "formaPago", "complementos", "aviso"},
		celdas: func(c []string, s *cfdi.Resumen) []string {
			return append(c, s.UUID, s.Version, s.Tipo, s.RFCEmisor, s.NombreEmisor, s.RFCReceptor, s.NombreReceptor, s.Fecha, s.FechaTimbrado,
				s.Serie, s.Folio, s.Moneda, s.SubTotal, s.Total, s.MetodoPago, s.FormaPago, strings.Join(s.Complementos, joint), s.Aviso)
		},
	}
}

func resumen(s *cfdi.Resumen) rest.ResumenCFDI {
	return rest.ResumenCFDI{
		UUID: s.UUID, Version: s.Version, TipoComprobante: s.Tipo, RFCEmisor: s.RFCEmisor, NombreEmisor: s.NombreEmisor,
		RFCReceptor: s.RFCReceptor, NombreReceptor: s.NombreReceptor, Fecha: s.Fecha, FechaTimbrado: s.FechaTimbrado,
		Serie: s.Serie, Folio: s.Folio, Moneda: s.Moneda, SubTotal: s.SubTotal, Total: s.Total,
		MetodoPago: s.MetodoPago, FormaPago: s.FormaPago, Complementos: s.Complementos, Aviso: s.Aviso,
	}
}
