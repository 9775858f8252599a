package sat

import "strconv"

// retencion writes a CFDI de Retenciones e Información de Pagos 2.0.
func (u *Universe) retencion(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	fecha := string(addFecha(nil, c.Fecha, 'T'))
	x.open("retenciones:Retenciones", ">",
		"xmlns:retenciones", "http://www.sat.gob.mx/esquemas/retencionpago/2", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/esquemas/retencionpago/2 http://www.sat.gob.mx/esquemas/retencionpago/2/retencionpagov2.xsd",
		"Version", "2.0", "FolioInt", strconv.FormatUint(c.random>>40, 10), "Sello", sello(c.random, 1),
		"NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.random), "FechaExp", fecha,
		"LugarExpRetenc", emisor.domicilio(), "CveRetenc", retencionKey(c.Complemento), "DescRetenc", retencionDescription(c.Complemento))
	x.open("retenciones:Emisor", "/>", "RfcE", emisor.rfc, "NomDenRazSocE", emisor.name, "RegimenFiscalE", emisor.regimen(0))
	x.open("retenciones:Receptor", ">", "NacionalidadR", "Nacional")
	x.open("retenciones:Nacional", "/>", "RfcR", receptor.rfc, "NomDenRazSocR", receptor.name, "DomicilioFiscalR", receptor.domicilio())
	x.raw("</retenciones:Receptor>")
	x.open("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejercicio", fecha[:4])
	gross, retenido := monto(c.Centavos()), monto(c.retenido())
	x.open("retenciones:Totales", ">", "MontoTotOperacion", gross, "MontoTotGrav", gross,
		"MontoTotExent", "0.00", "MontoTotRet", retenido)
	x.open("retenciones:ImpRetenidos", "/>", "BaseRet", gross, "ImpuestoRet", "001", "MontoRet", retenido, "TipoPagoRet", "01")
	x.raw("</retenciones:Totales><retenciones:Complemento>")
	retencionComplemento(x, c)
	timbre(x, c)
	x.raw("</retenciones:Complemento>")
}

// retencionKey is the catalogue's key of the kinds that the universe has.
func retencionKey(complemento string) string {
	switch complemento {
	case "dividendos":
		return "14"
	case "intereses":
		return "16"
	case "arrendamientoenfideicomiso":
		return "17"
	case "serviciosplataformastecnologicas10":
		return "26"
	}
	return "25"
}

func retencionDescription(complemento string) string {
	switch complemento {
	case "dividendos":
		return "Dividendos o utilidades distribuidas"
	case "intereses":
		return "Intereses"
	case "arrendamientoenfideicomiso":
		return "Arrendamiento en fideicomiso"
	case "serviciosplataformastecnologicas10":
		return "Servicios mediante plataformas tecnológicas"
	}
	return "Otro tipo de retenciones"
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
	x.open("plataformasTecnologicas:DetallesDelServicio", ">", "FormaPagoServ", "04", "TipoDeServ", "01", "FechaServ", string(addFecha(nil, c.Fecha, 'T')[:10]), "PrecioServSinIVA", gross)
	x.open("plataformasTecnologicas:ImpuestosTrasladadosdelServicio", "/>", "Base", gross, "Impuesto", "02", "TipoFactor", "Tasa", "TasaCuota", "0.160000", "Importe", monto(iva))
	x.open("plataformasTecnologicas:ComisionDelServicio", "/>", "Base", gross, "Porcentaje", "20.000", "Importe", monto(fee))
	x.raw("</plataformasTecnologicas:DetallesDelServicio></plataformasTecnologicas:Servicios></plataformasTecnologicas:ServiciosPlataformasTecnologicas>")
}
