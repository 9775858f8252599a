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

// The namespaces of CFDI 3.3 and 3.2, with where their schemas are.
const (
	esquemaCFDI33  = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv33.xsd"
	esquemaCFDI32  = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv32.xsd"
	esquemaPagos10 = "http://www.sat.gob.mx/Pagos http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos10.xsd"
)

// cfdi33 writes a CFDI 3.3 (Anexo 20 of 2017 to 2022).
func (u *Universo) cfdi33(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	prefijo, esquema := complemento(c)
	if c.Tipo == 'P' {
		prefijo, esquema = "pago10", esquemaPagos10
	}
	forma, metodo, condiciones := cobro(c)
	if c.Tipo == 'N' {
		forma = "99"
	}
	pares := append(espacios(esquemaCFDI33, prefijo, esquema),
		"Version", "3.3", "Serie", string(c.Tipo), "Folio", strconv.FormatUint(c.azar>>40, 10),
		"Fecha", string(agregaFecha(nil, c.Fecha, 'T')), "Sello", sello(c.azar, 1))
	pares = si(pares, "FormaPago", forma)
	pares = append(pares, "NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.azar))
	pares = append(sumas(si(pares, "CondicionesDePago", condiciones), c, k), "TipoDeComprobante", string(c.Tipo))
	x.abre("cfdi:Comprobante", ">", append(si(pares, "MetodoPago", metodo), "LugarExpedicion", emisor.domicilio())...)
	u.relacionados(x, c)
	x.abre("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.nombre, "RegimenFiscal", emisor.regimen(0))
	usoCFDI := uso(c.Tipo)
	if c.Tipo != 'E' && c.Tipo != 'I' {
		usoCFDI = "P01"
	}
	x.abre("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.nombre, "UsoCFDI", usoCFDI)
	u.conceptos(x, c, k, cfdi33)
	x.crudo("<cfdi:Complemento>")
	if c.Tipo == 'P' {
		u.pagos10(x, c)
	} else {
		u.complementoCFDI(x, c, k)
	}
	timbre(x, c)
	x.crudo("</cfdi:Complemento>")
}

// pagos10 writes the complement of payments that 3.3 had.
func (u *Universo) pagos10(x *escritor, c *Comprobante) {
	p := u.pago(c)
	x.abre("pago10:Pagos", ">", "Version", "1.0")
	x.abre("pago10:Pago", ">", "FechaPago", string(agregaFecha(nil, c.Fecha, 'T')), "FormaDePagoP", "03", "MonedaP", "MXN", "Monto", monto(p.total))
	for i := range p.facturas {
		f, total := &p.facturas[i], monto(p.cuentas[i].total)
		x.abre("pago10:DoctoRelacionado", "/>", "IdDocumento", f.UUID.String(), "Serie", string(f.Tipo), "Folio", strconv.FormatUint(f.azar>>40, 10),
			"MonedaDR", "MXN", "MetodoDePagoDR", "PPD", "NumParcialidad", "1", "ImpSaldoAnt", total, "ImpPagado", total, "ImpSaldoInsoluto", "0.00")
	}
	x.crudo("</pago10:Pago></pago10:Pagos>")
}

// cfdi32 writes a CFDI 3.2 (Anexo 20 of 2011 to 2017): attributes in lower case, the kind in words.
func (u *Universo) cfdi32(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	tipo := map[byte]string{'I': "ingreso", 'E': "egreso", 'T': "traslado"}[c.Tipo]
	forma, _, condiciones := cobro(c)
	if forma == "" {
		forma = "NA"
	}
	prefijo, esquema := complemento(c)
	pares := append(espacios(esquemaCFDI32, prefijo, esquema),
		"version", "3.2", "serie", string(c.Tipo), "folio", strconv.FormatUint(c.azar>>40, 10),
		"fecha", string(agregaFecha(nil, c.Fecha, 'T')), "sello", sello(c.azar, 1), "formaDePago", "Pago en una sola exhibición",
		"noCertificado", noCertificadoEmisor, "certificado", certificado(c.azar))
	pares = append(si(pares, "condicionesDePago", condiciones), "subTotal", monto(k.subtotal))
	if k.descuento > 0 {
		pares = append(pares, "descuento", monto(k.descuento))
	}
	if moneda := monedaDe(c); moneda == "USD" {
		pares = append(pares, "TipoCambio", "18.7543", "Moneda", moneda)
	} else {
		pares = append(pares, "Moneda", moneda)
	}
	x.abre("cfdi:Comprobante", ">", append(pares, "total", monto(k.total), "tipoDeComprobante", tipo, "metodoDePago", forma, "LugarExpedicion", "México, D.F.")...)
	x.abre("cfdi:Emisor", ">", "rfc", emisor.rfc, "nombre", emisor.nombre)
	x.abre("cfdi:RegimenFiscal", "/>", "Regimen", "Régimen General de Ley Personas Morales")
	x.crudo("</cfdi:Emisor>")
	x.abre("cfdi:Receptor", "/>", "rfc", receptor.rfc, "nombre", receptor.nombre)
	x.crudo("<cfdi:Conceptos>")
	for i := range k.n {
		r := &k.lineas[i]
		_, _, descripcion := r.producto.ficha()
		x.abre("cfdi:Concepto", "/>", "cantidad", strconv.FormatInt(r.cantidad, 10), "unidad", "No aplica", "descripcion", descripcion,
			"valorUnitario", monto(r.valor), "importe", monto(r.importe))
	}
	x.crudo("</cfdi:Conceptos>")
	impuestos32(x, k)
	x.crudo("<cfdi:Complemento>")
	u.complementoCFDI(x, c, k)
	timbre10(x, c)
	x.crudo("</cfdi:Complemento>")
}

// impuestos32 writes the taxes of the whole by their names; what is exempt is not there.
func impuestos32(x *escritor, k *cuentas) {
	var pares []string
	if k.hayRetencion {
		pares = append(pares, "totalImpuestosRetenidos", monto(k.retenido))
	}
	if k.hayTasa {
		pares = append(pares, "totalImpuestosTrasladados", monto(k.trasladado))
	}
	if len(pares) == 0 {
		x.crudo("<cfdi:Impuestos/>")
		return
	}
	x.abre("cfdi:Impuestos", ">", pares...)
	if k.hayRetencion {
		x.crudo("<cfdi:Retenciones>")
		for _, t := range k.resumen(true) {
			x.abre("cfdi:Retencion", "/>", "impuesto", t.tributo.nombre(), "importe", monto(t.importe))
		}
		x.crudo("</cfdi:Retenciones>")
	}
	if k.hayTasa {
		x.crudo("<cfdi:Traslados>")
		for _, t := range k.resumen(false) {
			if !t.exento {
				x.abre("cfdi:Traslado", "/>", "impuesto", t.tributo.nombre(), "tasa", monto(t.tasa/100), "importe", monto(t.importe))
			}
		}
		x.crudo("</cfdi:Traslados>")
	}
	x.crudo("</cfdi:Impuestos>")
}

// timbre10 writes the TimbreFiscalDigital 1.0.
func timbre10(x *escritor, c *Comprobante) {
	x.abre("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital",
		"xsi:schemaLocation", "http://www.sat.gob.mx/TimbreFiscalDigital http://www.sat.gob.mx/TimbreFiscalDigital/TimbreFiscalDigital.xsd", "version", "1.0",
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
		"NumCert", noCertificadoEmisor, "Cert", certificado(c.azar), "FechaExp", fecha+"-06:00", "CveRetenc", claveRetencion(c.Complemento),
		"DescRetenc", descripcionRetencion(c.Complemento))
	x.abre("retenciones:Emisor", "/>", "RFCEmisor", emisor.rfc, "NomDenRazSocE", emisor.nombre)
	x.abre("retenciones:Receptor", ">", "Nacionalidad", "Nacional")
	x.abre("retenciones:Nacional", "/>", "RFCRecep", receptor.rfc, "NomDenRazSocR", receptor.nombre)
	x.crudo("</retenciones:Receptor>")
	x.abre("retenciones:Periodo", "/>", "MesIni", fecha[5:7], "MesFin", fecha[5:7], "Ejerc", fecha[:4])
	bruto, retenido := monto(c.Centavos()), monto(c.retenido())
	x.abre("retenciones:Totales", ">", "montoTotOperacion", bruto, "montoTotGrav", bruto,
		"montoTotExent", "0.00", "montoTotRet", retenido)
	x.abre("retenciones:ImpRetenidos", "/>", "BaseRet", bruto, "Impuesto", "01", "montoRet", retenido, "TipoPagoRet", "Pago definitivo")
	x.crudo("</retenciones:Totales><retenciones:Complemento>")
	complementoDeRetencion(x, c)
	timbre10(x, c)
	x.crudo("</retenciones:Complemento>")
}
