package sat

import (
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

// The namespaces of CFDI 3.3 and 3.2, with where their schemas are.
const (
	schemaCFDI33  = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv33.xsd"
	schemaCFDI32  = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv32.xsd"
	schemaPagos10 = "http://www.sat.gob.mx/Pagos http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos10.xsd"
)

// cfdi33 writes a CFDI 3.3 (Anexo 20 of 2017 to 2022).
func (u *Universe) cfdi33(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	prefix, schema := complemento(c)
	if c.Tipo == 'P' {
		prefix, schema = "pago10", schemaPagos10
	}
	form, method, conditions := charge(c)
	if c.Tipo == 'N' {
		form = "99"
	}
	pairs := append(spaces(schemaCFDI33, prefix, schema),
		"Version", "3.3", "Serie", string(c.Tipo), "Folio", strconv.FormatUint(c.random>>40, 10),
		"Fecha", string(addFecha(nil, c.Fecha, 'T')), "Sello", sello(c.random, 1))
	pairs = si(pairs, "FormaPago", form)
	pairs = append(pairs, "NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.random))
	pairs = append(sums(si(pairs, "CondicionesDePago", conditions), c, k), "TipoDeComprobante", string(c.Tipo))
	x.open("cfdi:Comprobante", ">", append(si(pairs, "MetodoPago", method), "LugarExpedicion", emisor.domicilio())...)
	u.relacionados(x, c)
	x.open("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.name, "RegimenFiscal", emisor.regimen(0))
	cfdiUse := use(c.Tipo)
	if c.Tipo != 'E' && c.Tipo != 'I' {
		cfdiUse = "P01"
	}
	x.open("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.name, "UsoCFDI", cfdiUse)
	u.conceptos(x, c, k, cfdi33)
	x.raw("<cfdi:Complemento>")
	if c.Tipo == 'P' {
		u.pagos10(x, c)
	} else {
		u.complementoCFDI(x, c, k)
	}
	timbre(x, c)
	x.raw("</cfdi:Complemento>")
}

// pagos10 writes the complement of payments that 3.3 had.
func (u *Universe) pagos10(x *writer, c *Comprobante) {
	p := u.pago(c)
	x.open("pago10:Pagos", ">", "Version", "1.0")
	x.open("pago10:Pago", ">", "FechaPago", string(addFecha(nil, c.Fecha, 'T')), "FormaDePagoP", "03", "MonedaP", "MXN", "Monto", monto(p.total))
	for i := range p.facturas {
		f, total := &p.facturas[i], monto(p.cuentas[i].total)
		x.open("pago10:DoctoRelacionado", "/>", "IdDocumento", f.UUID.String(), "Serie", string(f.Tipo), "Folio", strconv.FormatUint(f.random>>40, 10),
			"MonedaDR", "MXN", "MetodoDePagoDR", "PPD", "NumParcialidad", "1", "ImpSaldoAnt", total, "ImpPagado", total, "ImpSaldoInsoluto", "0.00")
	}
	x.raw("</pago10:Pago></pago10:Pagos>")
}

// cfdi32 writes a CFDI 3.2 (Anexo 20 of 2011 to 2017): attributes in lower case, the kind in words.
func (u *Universe) cfdi32(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	tipo := map[byte]string{'I': "ingreso", 'E': "egreso", 'T': "traslado"}[c.Tipo]
	form, _, conditions := charge(c)
	if form == "" {
		form = "NA"
	}
	prefix, schema := complemento(c)
	pairs := append(spaces(schemaCFDI32, prefix, schema),
		"version", "3.2", "serie", string(c.Tipo), "folio", strconv.FormatUint(c.random>>40, 10),
		"fecha", string(addFecha(nil, c.Fecha, 'T')), "sello", sello(c.random, 1), "formaDePago", "Pago en una sola exhibición",
		"noCertificado", noCertificadoEmisor, "certificado", certificado(c.random))
	pairs = append(si(pairs, "condicionesDePago", conditions), "subTotal", monto(k.subtotal))
	if k.descuento > 0 {
		pairs = append(pairs, "descuento", monto(k.descuento))
	}
	if moneda := monedaOf(c); moneda == "USD" {
		pairs = append(pairs, "TipoCambio", "18.7543", "Moneda", moneda)
	} else {
		pairs = append(pairs, "Moneda", moneda)
	}
	x.open("cfdi:Comprobante", ">", append(pairs, "total", monto(k.total), "tipoDeComprobante", tipo, "metodoDePago", form, "LugarExpedicion", "México, D.F.")...)
	x.open("cfdi:Emisor", ">", "rfc", emisor.rfc, "nombre", emisor.name)
	x.open("cfdi:RegimenFiscal", "/>", "Regimen", "Régimen General de Ley Personas Morales")
	x.raw("</cfdi:Emisor>")
	x.open("cfdi:Receptor", "/>", "rfc", receptor.rfc, "nombre", receptor.name)
	x.raw("<cfdi:Conceptos>")
	for i := range k.n {
		r := &k.lines[i]
		_, _, description := r.product.token()
		x.open("cfdi:Concepto", "/>", "cantidad", strconv.FormatInt(r.quantity, 10), "unidad", "No aplica", "descripcion", description,
			"valorUnitario", monto(r.value), "importe", monto(r.importe))
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
	var pairs []string
	if k.hasRetencion {
		pairs = append(pairs, "totalImpuestosRetenidos", monto(k.retenido))
	}
	if k.hasTasa {
		pairs = append(pairs, "totalImpuestosTrasladados", monto(k.trasladado))
	}
	if len(pairs) == 0 {
		x.raw("<cfdi:Impuestos/>")
		return
	}
	x.open("cfdi:Impuestos", ">", pairs...)
	if k.hasRetencion {
		x.raw("<cfdi:Retenciones>")
		for _, t := range k.summary(true) {
			x.open("cfdi:Retencion", "/>", "impuesto", t.levy.name(), "importe", monto(t.importe))
		}
		x.raw("</cfdi:Retenciones>")
	}
	if k.hasTasa {
		x.raw("<cfdi:Traslados>")
		for _, t := range k.summary(false) {
			if !t.exento {
				x.open("cfdi:Traslado", "/>", "impuesto", t.levy.name(), "tasa", monto(t.tasa/100), "importe", monto(t.importe))
			}
		}
		x.raw("</cfdi:Traslados>")
	}
	x.raw("</cfdi:Impuestos>")
}

// timbre10 writes the TimbreFiscalDigital 1.0.
func timbre10(x *writer, c *Comprobante) {
	x.open("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital",
		"xsi:schemaLocation", "http://www.sat.gob.mx/TimbreFiscalDigital http://www.sat.gob.mx/TimbreFiscalDigital/TimbreFiscalDigital.xsd", "version", "1.0",
		"UUID", c.UUID.String(), "FechaTimbrado", string(addFecha(nil, certification(c), 'T')),
		"selloCFD", sello(c.random, 1), "noCertificadoSAT", noCertificadoSAT, "selloSAT", sello(c.random, 3))
}

// retencion10 writes a CFDI de Retenciones 1.0, whose FechaExp has a zone.
func (u *Universe) retencion10(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	fecha := string(addFecha(nil, c.Fecha, 'T'))
	x.open("retenciones:Retenciones", ">",
		"xmlns:retenciones", "http://www.sat.gob.mx/esquemas/retencionpago/1", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/esquemas/retencionpago/1 http://www.sat.gob.mx/esquemas/retencionpago/1/retencionpagov1.xsd",
		"Version", "1.0", "FolioInt", strconv.FormatUint(c.random>>40, 10), "Sello", sello(c.random, 1),
		"NumCert", noCertificadoEmisor, "Cert", certificado(c.random), "FechaExp", fecha+"-06:00", "CveRetenc", retencionKey(c.Complemento),
		"DescRetenc", retencionDescription(c.Complemento))
	x.open("retenciones:Emisor", "/>", "RFCEmisor", emisor.rfc, "NomDenRazSocE", emisor.name)
	x.open("retenciones:Receptor", ">", "Nacionalidad", "Nacional")
	x.open("retenciones:Nacional", "/>", "RFCRecep", receptor.rfc, "NomDenRazSocR", receptor.name)
	x.raw("</retenciones:Receptor>")
	x.open("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejerc", fecha[:4])
	gross, retenido := monto(c.Centavos()), monto(c.retenido())
	x.open("retenciones:Totales", ">", "montoTotOperacion", gross, "montoTotGrav", gross,
		"montoTotExent", "0.00", "montoTotRet", retenido)
	x.open("retenciones:ImpRetenidos", "/>", "BaseRet", gross, "Impuesto", "01", "montoRet", retenido, "TipoPagoRet", "Pago definitivo")
	x.raw("</retenciones:Totales><retenciones:Complemento>")
	retencionComplemento(x, c)
	timbre10(x, c)
	x.raw("</retenciones:Complemento>")
}
