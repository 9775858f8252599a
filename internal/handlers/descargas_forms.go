package handlers

import (
	"strings"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
)

// joint separates several values in one cell; the SAT's texts never contain it (sat.md
// §11).
const joint = "|"

func (h *handler) metadatos() form[cfdi.Metadato, rest.Metadato] {
	return form[cfdi.Metadato, rest.Metadato]{
		h: h, name: "metadatos", tipo: gateway.TipoMetadata, read: h.cfg.Reading.Metadatos, show: metadato,
		page: func(values []rest.Metadato, fallas []rest.FallaDeLectura, next string) any {
			return rest.ListaMetadatos{Metadatos: values, Fallas: fallas, Siguiente: next}
		},
		columns: []string{"uuid", "rfcEmisor", "nombreEmisor", "rfcReceptor", "nombreReceptor", "rfcPac", "fechaEmision", "fechaCertificacionSat",
			"monto", "efectoComprobante", "estatus", "fechaCancelacion", "rfcACuentaTerceros", "nombreACuentaTerceros", "extras", "aviso"},
		cells: func(c []string, m *cfdi.Metadato) []string {
			return append(c, m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision, m.FechaCertificacionSAT,
				m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion, m.RFCACuentaTerceros, m.NombreACuentaTerceros, extras(m.Extras), m.Aviso)
		},
	}
}

func metadato(m *cfdi.Metadato) rest.Metadato {
	out := rest.Metadato{
		UUID: m.UUID, RFCEmisor: m.RFCEmisor, NombreEmisor: m.NombreEmisor, RFCReceptor: m.RFCReceptor, NombreReceptor: m.NombreReceptor,
		RFCPac: m.RFCPac, FechaEmision: m.FechaEmision, FechaCertificacionSAT: m.FechaCertificacionSAT, FechaCancelacion: m.FechaCancelacion,
		Monto: m.Monto, EfectoComprobante: m.EfectoComprobante, Estatus: m.Estatus, Cancelado: m.Cancelled(),
		RFCACuentaTerceros: m.RFCACuentaTerceros, NombreACuentaTerceros: m.NombreACuentaTerceros, Aviso: m.Aviso,
	}
	for _, e := range m.Extras {
		out.Extras = append(out.Extras, rest.ColumnaExtra{Nombre: e.Name, Valor: e.Value})
	}
	return out
}

func extras(fields []cfdi.Field) string {
	texts := make([]string, len(fields))
	for i, c := range fields {
		texts[i] = c.Name + "=" + c.Value
	}
	return strings.Join(texts, joint)
}

func (h *handler) summaries() form[cfdi.Summary, rest.ResumenCFDI] {
	return form[cfdi.Summary, rest.ResumenCFDI]{
		h: h, name: "cfdis", tipo: gateway.TipoCFDI, read: h.cfg.Reading.Summaries, show: summary,
		page: func(values []rest.ResumenCFDI, fallas []rest.FallaDeLectura, next string) any {
			return rest.ListaCFDIs{CFDIs: values, Fallas: fallas, Siguiente: next}
		},
		columns: []string{"uuid", "version", "tipoComprobante", "rfcEmisor", "nombreEmisor", "rfcReceptor", "nombreReceptor", "fecha", "fechaTimbrado",
			"serie", "folio", "moneda", "subTotal", "total", "metodoPago", "formaPago", "complementos", "aviso"},
		cells: func(c []string, s *cfdi.Summary) []string {
			return append(c, s.UUID, s.Version, s.Tipo, s.RFCEmisor, s.NombreEmisor, s.RFCReceptor, s.NombreReceptor, s.Fecha, s.FechaTimbrado,
				s.Serie, s.Folio, s.Moneda, s.SubTotal, s.Total, s.MetodoPago, s.FormaPago, strings.Join(s.Complementos, joint), s.Aviso)
		},
	}
}

func summary(s *cfdi.Summary) rest.ResumenCFDI {
	return rest.ResumenCFDI{
		UUID: s.UUID, Version: s.Version, TipoComprobante: s.Tipo, RFCEmisor: s.RFCEmisor, NombreEmisor: s.NombreEmisor,
		RFCReceptor: s.RFCReceptor, NombreReceptor: s.NombreReceptor, Fecha: s.Fecha, FechaTimbrado: s.FechaTimbrado,
		Serie: s.Serie, Folio: s.Folio, Moneda: s.Moneda, SubTotal: s.SubTotal, Total: s.Total,
		MetodoPago: s.MetodoPago, FormaPago: s.FormaPago, Complementos: s.Complementos, Aviso: s.Aviso,
	}
}
