package sat

import (
	"cmp"
	"strconv"
	"time"
)

// The versions that an XML may be written in.
const (
	cfdi40 = iota
	cfdi33
	cfdi32
	retencion20
	retencion10
)

// version is what a comprobante is written in: by its date where the traps of packages are on, and the
// older ones for a share of all where that is asked for. Payments and payroll do not exist in 3.2 as such.
func version(c *Comprobante, k paqueteKnobs) int {
	luck := c.random >> 40 % 200
	old := luck < 2*uint64(k.old) //nolint:gosec // at most a hundred
	fecha := fechaOf(c.Fecha)
	before := func(year int, month time.Month) bool {
		return k.within && fecha.Before(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC))
	}
	switch {
	case c.Servicio == Retenciones && (old || before(2022, time.January)):
		return retencion10
	case c.Servicio == Retenciones:
		return retencion20
	case c.Tipo != 'P' && c.Tipo != 'N' && (old && luck%2 == 0 || before(2018, time.January)):
		return cfdi32
	case old || before(2022, time.January):
		return cfdi33
	}
	return cfdi40
}

// pagos10 writes the complement of payments that 3.3 had.
func (u *Universe) pagos10(x *writer, c *Comprobante) {
	p := u.pago(c)
	x.open("pago10:Pagos", ">", "Version", "1.0")
	x.open("pago10:Pago", ">", "FechaPago", fechaT(c.Fecha), "FormaDePagoP", "03", "MonedaP", "MXN", "Monto", monto(p.total))
	for i := range p.facturas {
		f, total := &p.facturas[i], monto(p.cuentas[i].total)
		x.open("pago10:DoctoRelacionado", "/>", "IdDocumento", f.UUID.String(), "Serie", string(f.Tipo), "Folio", f.number(),
			"MonedaDR", "MXN", "MetodoDePagoDR", "PPD", "NumParcialidad", "1",
			"ImpSaldoAnt", total, "ImpPagado", total, "ImpSaldoInsoluto", "0.00")
	}
	x.raw("</pago10:Pago></pago10:Pagos>")
}

// cfdi32 writes a CFDI 3.2 (Anexo 20 of 2011 to 2017): attributes in lower case, the kind in words.
func (u *Universe) cfdi32(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	tipo := map[byte]string{'I': "ingreso", 'E': "egreso", 'T': "traslado"}[c.Tipo]
	form, _, conditions := charge(c)
	prefix, schema := complemento(c, cfdi32)
	moneda, _ := monedaOf(c)
	x.open("cfdi:Comprobante", ">", append(spaces(schemaCFDI32, prefix, schema),
		"version", "3.2", "serie", string(c.Tipo), "folio", c.number(),
		"fecha", fechaT(c.Fecha), "sello", sello(c.random, 1), "formaDePago", "Pago en una sola exhibición",
		"noCertificado", noCertificadoEmisor, "certificado", certificado(c.random), "condicionesDePago", conditions,
		"subTotal", monto(k.subtotal), "descuento", when(k.descuento > 0, monto(k.descuento)),
		"TipoCambio", when(moneda == "USD", "18.7543"), "Moneda", moneda, "total", monto(k.total),
		"tipoDeComprobante", tipo, "metodoDePago", cmp.Or(form, "NA"), "LugarExpedicion", "México, D.F.")...)
	x.open("cfdi:Emisor", ">", "rfc", emisor.rfc, "nombre", emisor.name)
	x.open("cfdi:RegimenFiscal", "/>", "Regimen", "Régimen General de Ley Personas Morales")
	x.raw("</cfdi:Emisor>")
	x.open("cfdi:Receptor", "/>", "rfc", receptor.rfc, "nombre", receptor.name)
	x.raw("<cfdi:Conceptos>")
	for i := range k.n {
		r := &k.lines[i]
		x.open("cfdi:Concepto", "/>", "cantidad", strconv.FormatInt(r.quantity, 10), "unidad", "No aplica",
			"descripcion", r.product.sold().description, "valorUnitario", monto(r.value), "importe", monto(r.importe))
	}
	x.raw("</cfdi:Conceptos>")
	impuestos32(x, k)
	x.raw("<cfdi:Complemento>")
	u.complementoCFDI(x, c, k)
	timbre10(x, c)
	x.raw("</cfdi:Complemento>")
}

// impuestos32 writes the taxes of the whole by their names; what is exempt is not there.
func impuestos32(x *writer, k *cuentas) {
	if !k.hasRetencion && !k.hasTasa {
		x.raw("<cfdi:Impuestos/>")
		return
	}
	x.open("cfdi:Impuestos", ">", "totalImpuestosRetenidos", when(k.hasRetencion, monto(k.retenido)),
		"totalImpuestosTrasladados", when(k.hasTasa, monto(k.trasladado)))
	for _, of := range []struct {
		name, plural  string
		has, retenido bool
	}{{"cfdi:Retencion", "es", k.hasRetencion, true}, {"cfdi:Traslado", "s", k.hasTasa, false}} {
		if !of.has {
			continue
		}
		x.raw("<" + of.name + of.plural + ">")
		for _, t := range k.summary(of.retenido) {
			if !t.exento {
				x.open(of.name, "/>", "impuesto", t.levy.name(), "tasa", when(!of.retenido, monto(t.tasa/100)), "importe", monto(t.importe))
			}
		}
		x.raw("</" + of.name + of.plural + ">")
	}
	x.raw("</cfdi:Impuestos>")
}

// timbre10 writes the TimbreFiscalDigital 1.0.
func timbre10(x *writer, c *Comprobante) {
	x.open("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital",
		"xsi:schemaLocation", "http://www.sat.gob.mx/TimbreFiscalDigital http://www.sat.gob.mx/TimbreFiscalDigital/TimbreFiscalDigital.xsd",
		"version", "1.0",
		"UUID", c.UUID.String(), "FechaTimbrado", fechaT(certification(c)),
		"selloCFD", sello(c.random, 1), "noCertificadoSAT", noCertificadoSAT, "selloSAT", sello(c.random, 3))
}
