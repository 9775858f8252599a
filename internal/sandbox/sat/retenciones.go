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
		"NoCertificado", noCertificadoEmisor, "Certificado", sello(c.azar, 2), "FechaExp", fecha,
		"LugarExpRetenc", lugarExpedicion, "CveRetenc", claveRetencion(c.Complemento))
	x.abre("retenciones:Emisor", "/>", "RfcE", emisor.rfc, "NomDenRazSocE", emisor.nombre, "RegimenFiscalE", "601")
	x.abre("retenciones:Receptor", ">", "NacionalidadR", "Nacional")
	x.abre("retenciones:Nacional", "/>", "RfcR", receptor.rfc, "NomDenRazSocR", receptor.nombre, "DomicilioFiscalR", lugarExpedicion)
	x.crudo("</retenciones:Receptor>")
	x.abre("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejercicio", fecha[:4])
	retenido := monto(c.Centavos / 10)
	x.abre("retenciones:Totales", ">", "MontoTotOperacion", monto(c.Centavos), "MontoTotGrav", monto(c.Centavos),
		"MontoTotExent", "0.00", "MontoTotRet", retenido)
	x.abre("retenciones:ImpRetenidos", "/>", "BaseRet", monto(c.Centavos), "ImpuestoRet", "001", "MontoRet", retenido, "TipoPagoRet", "01")
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

func complementoDeRetencion(x *escritor, c *Comprobante) {
	bruto := monto(c.Centavos)
	switch c.Complemento {
	case "dividendos":
		x.abre("dividendos:Dividendos", ">", "xmlns:dividendos", "http://www.sat.gob.mx/esquemas/retencionpago/1/dividendos", "Version", "1.0")
		x.abre("dividendos:DividOUtil", "/>", "CveTipDivOUtil", "01", "MontISRAcredRetMexico", monto(c.Centavos/10), "MontISRAcredRetExtranjero", "0.00", "TipoSocDistrDiv", "Sociedad Nacional")
		x.crudo("</dividendos:Dividendos>")
	case "intereses":
		x.abre("intereses:Intereses", "/>", "xmlns:intereses", "http://www.sat.gob.mx/esquemas/retencionpago/1/intereses", "Version", "1.0",
			"SistFinanciero", "SI", "RetiroAORESRetInt", "NO", "OperFinancDerivad", "NO", "MontIntNominal", bruto, "MontIntReal", bruto, "Perdida", "0.00")
	case "arrendamientoenfideicomiso":
		x.abre("arrendamientoenfideicomiso:Arrendamientoenfideicomiso", "/>", "xmlns:arrendamientoenfideicomiso", "http://www.sat.gob.mx/esquemas/retencionpago/1/arrendamientoenfideicomiso",
			"Version", "1.0", "PagProvEfecPorFiduc", bruto, "RendimFideicom", bruto, "DeduccCorresp", "0.00")
	case "serviciosplataformastecnologicas10":
		x.abre("plataformasTecnologicas:ServiciosPlataformasTecnologicas", "/>", "xmlns:plataformasTecnologicas", "http://www.sat.gob.mx/esquemas/retencionpago/1/PlataformasTecnologicas10",
			"Version", "1.0", "Periodicidad", "04", "NumServ", "1", "MonTotServSIVA", bruto)
	}
}
