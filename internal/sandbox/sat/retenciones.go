package sat

import "slices"

// retencionKind is a kind of retención: its complement, and its key and text in the catalogue.
type retencionKind struct{ complemento, key, description string }

// retencionKinds are those that the universe has.
func retencionKinds() [5]retencionKind {
	return [...]retencionKind{
		{"", "25", "Otro tipo de retenciones"},
		{"dividendos", "14", "Dividendos o utilidades distribuidas"},
		{"intereses", "16", "Intereses"},
		{"arrendamientoenfideicomiso", "17", "Arrendamiento en fideicomiso"},
		{"serviciosplataformastecnologicas10", "26", "Servicios mediante plataformas tecnológicas"},
	}
}

// retencion writes a CFDI de Retenciones e Información de Pagos: 2.0, or 1.0, whose FechaExp has a zone.
func (u *Universe) retencion(x *writer, c *Comprobante, is10 bool) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	fecha, gross, retenido := fechaT(c.Fecha), monto(c.Centavos()), monto(c.retenido())
	kinds := retencionKinds()
	kind := kinds[slices.IndexFunc(kinds[:], func(k retencionKind) bool { return k.complemento == c.Complemento })]
	// or is what 2.0 has in the place of what 1.0 has.
	or := func(of20, of10 string) string {
		if is10 {
			return of10
		}
		return of20
	}
	number := or("2", "1")
	ns := "http://www.sat.gob.mx/esquemas/retencionpago/" + number
	x.open("retenciones:Retenciones", ">", "xmlns:retenciones", ns, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", ns+" "+ns+"/retencionpagov"+number+".xsd",
		"Version", number+".0", "FolioInt", c.number(), "Sello", sello(c.random, 1),
		or("NoCertificado", "NumCert"), noCertificadoEmisor, or("Certificado", "Cert"), certificado(c.random),
		"FechaExp", fecha+or("", "-06:00"), "LugarExpRetenc", when(!is10, emisor.domicilio()),
		"CveRetenc", kind.key, "DescRetenc", kind.description)
	x.open("retenciones:Emisor", "/>", or("RfcE", "RFCEmisor"), emisor.rfc, "NomDenRazSocE", emisor.name,
		"RegimenFiscalE", when(!is10, emisor.regimen(0)))
	x.open("retenciones:Receptor", ">", or("NacionalidadR", "Nacionalidad"), "Nacional")
	x.open("retenciones:Nacional", "/>", or("RfcR", "RFCRecep"), receptor.rfc, "NomDenRazSocR", receptor.name,
		"DomicilioFiscalR", when(!is10, receptor.domicilio()))
	x.raw("</retenciones:Receptor>")
	x.open("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], or("Ejercicio", "Ejerc"), fecha[:4])
	m := or("Monto", "monto")
	x.open("retenciones:Totales", ">", m+"TotOperacion", gross, m+"TotGrav", gross, m+"TotExent", "0.00", m+"TotRet", retenido)
	x.open("retenciones:ImpRetenidos", "/>", "BaseRet", gross, or("ImpuestoRet", "Impuesto"), or("001", "01"), m+"Ret", retenido,
		"TipoPagoRet", or("01", "Pago definitivo"))
	x.raw("</retenciones:Totales><retenciones:Complemento>")
	retencionComplemento(x, c)
	if is10 {
		timbre10(x, c)
	} else {
		timbre(x, c)
	}
	x.raw("</retenciones:Complemento>")
}

// retenido is what was held back of a retención: a tenth.
func (c *Comprobante) retenido() int64 { return ratio(c.Centavos(), 100_000) }

func retencionComplemento(x *writer, c *Comprobante) {
	gross, retenido := monto(c.Centavos()), monto(c.retenido())
	switch c.Complemento {
	case "dividendos":
		x.open("dividendos:Dividendos", ">", "xmlns:dividendos", "http://www.sat.gob.mx/esquemas/retencionpago/1/dividendos", "Version", "1.0")
		x.open("dividendos:DividOUtil", "/>", "CveTipDivOUtil", "01", "MontISRAcredRetMexico", retenido, "MontISRAcredRetExtranjero", "0.00", "TipoSocDistrDiv", "Sociedad Nacional")
		x.raw("</dividendos:Dividendos>")
	case "intereses":
		x.open("intereses:Intereses", "/>", "xmlns:intereses", "http://www.sat.gob.mx/esquemas/retencionpago/1/intereses", "Version", "1.0",
			"SistFinanciero", "SI", "RetiroAORESRetInt", "NO", "OperFinancDerivad", "NO", "MontIntNominal", gross, "MontIntReal", gross, "Perdida", "0.00")
	case "arrendamientoenfideicomiso":
		x.open("arrendamientoenfideicomiso:Arrendamientoenfideicomiso", "/>", "xmlns:arrendamientoenfideicomiso", "http://www.sat.gob.mx/esquemas/retencionpago/1/arrendamientoenfideicomiso",
			"Version", "1.0", "PagProvEfecPorFiduc", gross, "RendimFideicom", gross, "DeduccCorresp", "0.00")
	case "serviciosplataformastecnologicas10":
		platform(x, c, gross, retenido)
	}
}

// platform writes a month of services through a platform: one ride, on which IVA is held back by half.
func platform(x *writer, c *Comprobante, gross, isr string) {
	iva := ratio(c.Centavos(), 160_000)
	fee := ratio(c.Centavos(), 200_000)
	x.open("plataformasTecnologicas:ServiciosPlataformasTecnologicas", ">", "xmlns:plataformasTecnologicas", "http://www.sat.gob.mx/esquemas/retencionpago/1/PlataformasTecnologicas10",
		"Version", "1.0", "Periodicidad", "04", "NumServ", "1", "MonTotServSIVA", gross, "TotalIVATrasladado", monto(iva), "TotalIVARetenido", monto(iva/2),
		"TotalISRRetenido", isr, "DifIVAEntregadoPrestServ", monto(iva-iva/2), "MonTotalporUsoPlataforma", monto(fee))
	x.raw("<plataformasTecnologicas:Servicios>")
	x.open("plataformasTecnologicas:DetallesDelServicio", ">", "FormaPagoServ", "04", "TipoDeServ", "01", "FechaServ", fechaT(c.Fecha)[:len("2006-01-02")], "PrecioServSinIVA", gross)
	x.open("plataformasTecnologicas:ImpuestosTrasladadosdelServicio", "/>", "Base", gross, "Impuesto", "02", "TipoFactor", "Tasa", "TasaCuota", "0.160000", "Importe", monto(iva))
	x.open("plataformasTecnologicas:ComisionDelServicio", "/>", "Base", gross, "Porcentaje", "20.000", "Importe", monto(fee))
	x.raw("</plataformasTecnologicas:DetallesDelServicio></plataformasTecnologicas:Servicios></plataformasTecnologicas:ServiciosPlataformasTecnologicas>")
}
