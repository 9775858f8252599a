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
func version(c *Comprobante, k perillasPaquete) int {
	suerte := c.azar >> 40 % 200
	viejo := suerte < 2*uint64(k.antiguos) //nolint:gosec // at most a hundred
	fecha := fechaDe(c.Fecha)
	antes := func(anio int, mes time.Month) bool {
		return k.dentro && fecha.Before(time.Date(anio, mes, 1, 0, 0, 0, 0, time.UTC))
	}
	switch {
	case c.Servicio == Retenciones && (viejo || antes(2022, time.January)):
		return retencion10
	case c.Servicio == Retenciones:
		return retencion20
	case c.Tipo != 'P' && c.Tipo != 'N' && (viejo && suerte%2 == 0 || antes(2018, time.January)):
		return cfdi32
	case viejo || antes(2022, time.January):
		return cfdi33
	}
	return cfdi40
}

// cfdi33 writes a CFDI 3.3 (Anexo 20 of 2017 to 2022).
func (u *Universo) cfdi33(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	base := baseDe(c)
	x.abre("cfdi:Comprobante", ">",
		"xmlns:cfdi", "http://www.sat.gob.mx/cfd/3", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv33.xsd",
		"Version", "3.3", "Serie", string(c.Tipo), "Folio", strconv.FormatUint(c.azar>>40, 10),
		"Fecha", string(agregaFecha(nil, c.Fecha, 'T')), "Sello", sello(c.azar, 1),
		"NoCertificado", noCertificadoEmisor, "Certificado", sello(c.azar, 2),
		"SubTotal", monto(base), "Moneda", monedaDe(c), "Total", monto(c.Centavos),
		"TipoDeComprobante", string(c.Tipo), "LugarExpedicion", lugarExpedicion)
	x.abre("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.nombre, "RegimenFiscal", "601")
	usoCFDI := uso(c.Tipo)
	if c.Tipo != 'E' && c.Tipo != 'I' {
		usoCFDI = "P01"
	}
	x.abre("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.nombre, "UsoCFDI", usoCFDI)
	x.crudo("<cfdi:Conceptos>")
	x.abre("cfdi:Concepto", "/>", "ClaveProdServ", "84111506", "Cantidad", "1", "ClaveUnidad", "ACT",
		"Descripcion", "Servicio de facturación y asesoría", "ValorUnitario", monto(base), "Importe", monto(base))
	x.crudo("</cfdi:Conceptos>")
	if iva := c.Centavos - base; iva > 0 {
		x.abre("cfdi:Impuestos", ">", "TotalImpuestosTrasladados", monto(iva))
		x.crudo("<cfdi:Traslados>")
		x.abre("cfdi:Traslado", "/>", "Impuesto", "002", "TipoFactor", "Tasa", "TasaOCuota", "0.160000", "Importe", monto(iva))
		x.crudo("</cfdi:Traslados></cfdi:Impuestos>")
	}
	x.crudo("<cfdi:Complemento>")
	if c.Tipo == 'P' {
		pago10(x, c)
	} else {
		complementoCFDI(x, c)
	}
	timbre(x, c)
	x.crudo("</cfdi:Complemento>")
}

// pago10 writes the complement of payments that 3.3 had.
func pago10(x *escritor, c *Comprobante) {
	pagado := monto(10_000 + int64(c.azar>>20%5_000_000))
	x.abre("pago10:Pagos", ">", "xmlns:pago10", "http://www.sat.gob.mx/Pagos", "Version", "1.0")
	x.abre("pago10:Pago", ">", "FechaPago", string(agregaFecha(nil, c.Fecha, 'T')), "FormaDePagoP", "03", "MonedaP", "MXN", "Monto", pagado)
	x.abre("pago10:DoctoRelacionado", "/>", "IdDocumento", c.UUID.String(), "MonedaDR", "MXN", "MetodoDePagoDR", "PPD",
		"NumParcialidad", "1", "ImpSaldoAnt", pagado, "ImpPagado", pagado, "ImpSaldoInsoluto", "0.00")
	x.crudo("</pago10:Pago></pago10:Pagos>")
}

// cfdi32 writes a CFDI 3.2 (Anexo 20 of 2011 to 2017): attributes in lower case, the kind in words.
func (u *Universo) cfdi32(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	base := baseDe(c)
	tipo := map[byte]string{'I': "ingreso", 'E': "egreso", 'T': "traslado"}[c.Tipo]
	x.abre("cfdi:Comprobante", ">",
		"xmlns:cfdi", "http://www.sat.gob.mx/cfd/3", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv32.xsd",
		"version", "3.2", "serie", string(c.Tipo), "folio", strconv.FormatUint(c.azar>>40, 10),
		"fecha", string(agregaFecha(nil, c.Fecha, 'T')), "sello", sello(c.azar, 1), "formaDePago", "Pago en una sola exhibición",
		"noCertificado", noCertificadoEmisor, "certificado", sello(c.azar, 2), "subTotal", monto(base), "Moneda", monedaDe(c),
		"total", monto(c.Centavos), "tipoDeComprobante", tipo, "metodoDePago", "03", "LugarExpedicion", "México, D.F.")
	x.abre("cfdi:Emisor", ">", "rfc", emisor.rfc, "nombre", emisor.nombre)
	x.abre("cfdi:RegimenFiscal", "/>", "Regimen", "Régimen General de Ley Personas Morales")
	x.crudo("</cfdi:Emisor>")
	x.abre("cfdi:Receptor", "/>", "rfc", receptor.rfc, "nombre", receptor.nombre)
	x.crudo("<cfdi:Conceptos>")
	x.abre("cfdi:Concepto", "/>", "cantidad", "1", "unidad", "No aplica", "descripcion", "Servicio de facturación y asesoría",
		"valorUnitario", monto(base), "importe", monto(base))
	iva := monto(c.Centavos - base)
	x.crudo("</cfdi:Conceptos>")
	x.abre("cfdi:Impuestos", ">", "totalImpuestosTrasladados", iva)
	x.crudo("<cfdi:Traslados>")
	x.abre("cfdi:Traslado", "/>", "impuesto", "IVA", "tasa", "16.00", "importe", iva)
	x.crudo("</cfdi:Traslados></cfdi:Impuestos><cfdi:Complemento>")
	complementoCFDI(x, c)
	timbre10(x, c)
	x.crudo("</cfdi:Complemento>")
}

// timbre10 writes the TimbreFiscalDigital 1.0.
func timbre10(x *escritor, c *Comprobante) {
	x.abre("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital", "version", "1.0",
		"UUID", c.UUID.String(), "FechaTimbrado", string(agregaFecha(nil, certificacion(c), 'T')),
		"selloCFD", sello(c.azar, 1), "noCertificadoSAT", noCertificadoSAT, "selloSAT", sello(c.azar, 3))
}

// retencion10 writes a CFDI de Retenciones 1.0, whose FechaExp has a zone.
func (u *Universo) retencion10(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	fecha := string(agregaFecha(nil, c.Fecha, 'T'))
	x.abre("retenciones:Retenciones", ">",
		"xmlns:retenciones", "http://www.sat.gob.mx/esquemas/retencionpago/1", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/esquemas/retencionpago/1 http://www.sat.gob.mx/esquemas/retencionpago/1/retencionpagov1.xsd",
		"Version", "1.0", "FolioInt", strconv.FormatUint(c.azar>>40, 10), "Sello", sello(c.azar, 1),
		"NumCert", noCertificadoEmisor, "Cert", sello(c.azar, 2), "FechaExp", fecha+"-06:00", "CveRetenc", claveRetencion(c.Complemento))
	x.abre("retenciones:Emisor", "/>", "RFCEmisor", emisor.rfc, "NomDenRazSocE", emisor.nombre)
	x.abre("retenciones:Receptor", ">", "Nacionalidad", "Nacional")
	x.abre("retenciones:Nacional", "/>", "RFCRecep", receptor.rfc, "NomDenRazSocR", receptor.nombre)
	x.crudo("</retenciones:Receptor>")
	x.abre("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejerc", fecha[:4])
	retenido := monto(c.Centavos / 10)
	x.abre("retenciones:Totales", ">", "montoTotOperacion", monto(c.Centavos), "montoTotGrav", monto(c.Centavos),
		"montoTotExent", "0.00", "montoTotRet", retenido)
	x.abre("retenciones:ImpRetenidos", "/>", "BaseRet", monto(c.Centavos), "Impuesto", "01", "montoRet", retenido, "TipoPagoRet", "Pago definitivo")
	x.crudo("</retenciones:Totales><retenciones:Complemento>")
	complementoDeRetencion(x, c)
	timbre10(x, c)
	x.crudo("</retenciones:Complemento>")
}

// baseDe is the subtotal, and monedaDe the currency: payments and transfers move no money themselves.
func baseDe(c *Comprobante) int64 {
	if c.Tipo == 'N' {
		return c.Centavos
	}
	return c.Centavos * 100 / 116
}

func monedaDe(c *Comprobante) string {
	if c.Centavos == 0 {
		return "XXX"
	}
	return "MXN"
}
