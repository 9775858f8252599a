package sat

import "strconv"

// retencion writes a CFDI de Retenciones e Información de Pagos 2.0.
func (u *Universo) retencion(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	fecha := string(agregaFecha(nil, c.Fecha, 'T'))
	x.abre("retenciones:Retenciones", ">",
		"xmlns:retenciones", "http://www.sat.gob.mx/esquemas/retencionpago/2", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/esquemas/retencionpago/2 http://www.sat.gob.mx/esquemas/retencionpago/2/retencionpagov2.xsd",
		"Version", "2.0", "FolioInt", strconv.FormatUint(c.azar>>40, 10), "Sello", sello(c.azar, 1),
		"NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.azar), "FechaExp", fecha,
		"LugarExpRetenc", emisor.domicilio(), "CveRetenc", claveRetencion(c.Complemento), "DescRetenc", descripcionRetencion(c.Complemento))
	x.abre("retenciones:Emisor", "/>", "RfcE", emisor.rfc, "NomDenRazSocE", emisor.nombre, "RegimenFiscalE", emisor.regimen(0))
	x.abre("retenciones:Receptor", ">", "NacionalidadR", "Nacional")
	x.abre("retenciones:Nacional", "/>", "RfcR", receptor.rfc, "NomDenRazSocR", receptor.nombre, "DomicilioFiscalR", receptor.domicilio())
	x.crudo("</retenciones:Receptor>")
	x.abre("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejercicio", fecha[:4])
	bruto, retenido := monto(c.Centavos()), monto(c.retenido())
	x.abre("retenciones:Totales", ">", "MontoTotOperacion", bruto, "MontoTotGrav", bruto,
		"MontoTotExent", "0.00", "MontoTotRet", retenido)
	x.abre("retenciones:ImpRetenidos", "/>", "BaseRet", bruto, "ImpuestoRet", "001", "MontoRet", retenido, "TipoPagoRet", "01")
	x.crudo("</retenciones:Totales><retenciones:Complemento>")
	complementoDeRetencion(x, c)
	timbre(x, c)
	x.crudo("</retenciones:Complemento>")
}

// claveRetencion is the catalogue's key of the kinds that the universe has.
func claveRetencion(complemento string) string {
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

func descripcionRetencion(complemento string) string {
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
func (c *Comprobante) retenido() int64 { return proporcion(c.Centavos(), 100_000) }

func complementoDeRetencion(x *escritor, c *Comprobante) {
	bruto, retenido := monto(c.Centavos()), monto(c.retenido())
	switch c.Complemento {
	case "dividendos":
		x.abre("dividendos:Dividendos", ">", "xmlns:dividendos", "http://www.sat.gob.mx/esquemas/retencionpago/1/dividendos", "Version", "1.0")
		x.abre("dividendos:DividOUtil", "/>", "CveTipDivOUtil", "01", "MontISRAcredRetMexico", retenido, "MontISRAcredRetExtranjero", "0.00", "TipoSocDistrDiv", "Sociedad Nacional")
		x.crudo("</dividendos:Dividendos>")
	case "intereses":
		x.abre("intereses:Intereses", "/>", "xmlns:intereses", "http://www.sat.gob.mx/esquemas/retencionpago/1/intereses", "Version", "1.0",
			"SistFinanciero", "SI", "RetiroAORESRetInt", "NO", "OperFinancDerivad", "NO", "MontIntNominal", bruto, "MontIntReal", bruto, "Perdida", "0.00")
	case "arrendamientoenfideicomiso":
		x.abre("arrendamientoenfideicomiso:Arrendamientoenfideicomiso", "/>", "xmlns:arrendamientoenfideicomiso", "http://www.sat.gob.mx/esquemas/retencionpago/1/arrendamientoenfideicomiso",
			"Version", "1.0", "PagProvEfecPorFiduc", bruto, "RendimFideicom", bruto, "DeduccCorresp", "0.00")
	case "serviciosplataformastecnologicas10":
		plataforma(x, c, bruto, retenido)
	}
}

// plataforma writes a month of services through a platform: one ride, on which IVA is held back by half.
func plataforma(x *escritor, c *Comprobante, bruto, isr string) {
	iva := proporcion(c.Centavos(), 160_000)
	comision := proporcion(c.Centavos(), 200_000)
	x.abre("plataformasTecnologicas:ServiciosPlataformasTecnologicas", ">", "xmlns:plataformasTecnologicas", "http://www.sat.gob.mx/esquemas/retencionpago/1/PlataformasTecnologicas10",
		"Version", "1.0", "Periodicidad", "04", "NumServ", "1", "MonTotServSIVA", bruto, "TotalIVATrasladado", monto(iva), "TotalIVARetenido", monto(iva/2),
		"TotalISRRetenido", isr, "DifIVAEntregadoPrestServ", monto(iva-iva/2), "MonTotalporUsoPlataforma", monto(comision))
	x.crudo("<plataformasTecnologicas:Servicios>")
	x.abre("plataformasTecnologicas:DetallesDelServicio", ">", "FormaPagoServ", "04", "TipoDeServ", "01", "FechaServ", string(agregaFecha(nil, c.Fecha, 'T')[:10]), "PrecioServSinIVA", bruto)
	x.abre("plataformasTecnologicas:ImpuestosTrasladadosdelServicio", "/>", "Base", bruto, "Impuesto", "02", "TipoFactor", "Tasa", "TasaCuota", "0.160000", "Importe", monto(iva))
	x.abre("plataformasTecnologicas:ComisionDelServicio", "/>", "Base", bruto, "Porcentaje", "20.000", "Importe", monto(comision))
	x.crudo("</plataformasTecnologicas:DetallesDelServicio></plataformasTecnologicas:Servicios></plataformasTecnologicas:ServiciosPlataformasTecnologicas>")
}
