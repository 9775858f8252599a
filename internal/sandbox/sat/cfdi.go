package sat

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

const (
	noCertificadoSAT    = "30001000000500009999"
	noCertificadoEmisor = "30001000000500000001"
	lugarExpedicion     = "06300"
	bytesSello          = 256
)

// escribeXML appends the XML of a comprobante up to where filler goes, and returns what comes after
// it apart. Without filler there is no Addenda.
func (u *Universo) escribeXML(b []byte, c *Comprobante, k perillasPaquete) (cabeza, cola []byte) {
	x := &escritor{b: b}
	x.crudo(`<?xml version="1.0" encoding="UTF-8"?>`)
	switch version(c, k) {
	case retencion10:
		u.retencion10(x, c)
	case retencion20:
		u.retencion(x, c)
	case cfdi32:
		u.cfdi32(x, c)
	case cfdi33:
		u.cfdi33(x, c)
	default:
		u.cfdi(x, c)
	}
	if c.Servicio == Retenciones {
		return x.cierra("retenciones", "Retenciones", k.relleno)
	}
	return x.cierra("cfdi", "Comprobante", k.relleno)
}

// escritor appends XML.
type escritor struct{ b []byte }

func (x *escritor) crudo(texto string) { x.b = append(x.b, texto...) }

// abre starts a tag with its attributes; fin is > or />.
func (x *escritor) abre(nombre, fin string, pares ...string) {
	x.b = append(append(x.b, '<'), nombre...)
	for i := 0; i+1 < len(pares); i += 2 {
		x.b = append(append(append(x.b, ' '), pares[i]...), `="`...)
		x.b = append(agregaEscapado(x.b, pares[i+1]), '"')
	}
	x.b = append(x.b, fin...)
}

// cierra ends the document, with an Addenda around the filler when there will be any.
func (x *escritor) cierra(prefijo, raiz string, relleno int64) (cabeza, cola []byte) {
	fin := "</" + prefijo + ":" + raiz + ">"
	if relleno == 0 {
		x.crudo(fin)
		return x.b, nil
	}
	x.crudo("<" + prefijo + `:Addenda><Relleno xmlns="urn:sandbox:relleno">`)
	return x.b, []byte("</Relleno></" + prefijo + ":Addenda>" + fin)
}

// cfdi writes a CFDI 4.0 (Anexo 20) of any of the five types.
func (u *Universo) cfdi(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	base := baseDe(c)
	tipo := string(c.Tipo)
	x.abre("cfdi:Comprobante", ">",
		"xmlns:cfdi", "http://www.sat.gob.mx/cfd/4", "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance",
		"xsi:schemaLocation", "http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd",
		"Version", "4.0", "Serie", tipo, "Folio", strconv.FormatUint(c.azar>>40, 10),
		"Fecha", string(agregaFecha(nil, c.Fecha, 'T')), "Sello", sello(c.azar, 1),
		"NoCertificado", noCertificadoEmisor, "Certificado", sello(c.azar, 2),
		"SubTotal", monto(base), "Moneda", monedaDe(c), "Total", monto(c.Centavos),
		"TipoDeComprobante", tipo, "Exportacion", "01", "LugarExpedicion", lugarExpedicion)
	x.abre("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.nombre, "RegimenFiscal", "601")
	x.abre("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.nombre, "DomicilioFiscalReceptor", lugarExpedicion,
		"RegimenFiscalReceptor", regimen(c.Tipo), "UsoCFDI", uso(c.Tipo))
	u.conceptos(x, c, base)
	x.crudo("<cfdi:Complemento>")
	complementoCFDI(x, c)
	timbre(x, c)
	x.crudo("</cfdi:Complemento>")
}

func (u *Universo) conceptos(x *escritor, c *Comprobante, base int64) {
	clave, unidad, descripcion, objeto := "84111506", "E48", "Servicio de facturación y asesoría", "02"
	switch c.Tipo {
	case 'P':
		clave, unidad, descripcion, objeto = "84111506", "ACT", "Pago", "01"
	case 'N':
		clave, unidad, descripcion, objeto = "84111505", "ACT", "Pago de nómina", "01"
	case 'T':
		clave, unidad, descripcion, objeto = "78101800", "E48", "Traslado de mercancía", "01"
	case 'E':
		descripcion = "Devolución o bonificación"
	}
	x.crudo("<cfdi:Conceptos>")
	x.abre("cfdi:Concepto", ">", "ClaveProdServ", clave, "Cantidad", "1", "ClaveUnidad", unidad, "Descripcion", descripcion,
		"ValorUnitario", monto(base), "Importe", monto(base), "ObjetoImp", objeto)
	iva := monto(c.Centavos - base)
	if objeto == "02" {
		x.crudo("<cfdi:Impuestos><cfdi:Traslados>")
		x.abre("cfdi:Traslado", "/>", "Base", monto(base), "Impuesto", "002", "TipoFactor", "Tasa", "TasaOCuota", "0.160000", "Importe", iva)
		x.crudo("</cfdi:Traslados></cfdi:Impuestos>")
	}
	if c.Tercero != sinTercero {
		t := u.partes[c.Tercero]
		x.abre("cfdi:ACuentaTerceros", "/>", "RfcACuentaTerceros", t.rfc, "NombreACuentaTerceros", t.nombre,
			"RegimenFiscalACuentaTerceros", "601", "DomicilioFiscalACuentaTerceros", lugarExpedicion)
	}
	x.crudo("</cfdi:Concepto></cfdi:Conceptos>")
	if objeto == "02" {
		x.abre("cfdi:Impuestos", ">", "TotalImpuestosTrasladados", iva)
		x.crudo("<cfdi:Traslados>")
		x.abre("cfdi:Traslado", "/>", "Base", monto(base), "Impuesto", "002", "TipoFactor", "Tasa", "TasaOCuota", "0.160000", "Importe", iva)
		x.crudo("</cfdi:Traslados></cfdi:Impuestos>")
	}
}

// complementoCFDI writes the complement that the filter of the same name finds, in little.
func complementoCFDI(x *escritor, c *Comprobante) {
	fecha := string(agregaFecha(nil, c.Fecha, 'T'))
	switch c.Complemento {
	case "nomina12":
		total := monto(c.Centavos)
		x.abre("nomina12:Nomina", ">", "xmlns:nomina12", "http://www.sat.gob.mx/nomina12", "Version", "1.2", "TipoNomina", "O",
			"FechaPago", fecha[:10], "FechaInicialPago", fecha[:10], "FechaFinalPago", fecha[:10], "NumDiasPagados", "15.000", "TotalPercepciones", total)
		x.abre("nomina12:Receptor", "/>", "Curp", "XEXX010101HNEXXXA4", "TipoContrato", "01", "TipoRegimen", "02", "NumEmpleado", "1",
			"PeriodicidadPago", "04", "ClaveEntFed", "CMX")
		x.abre("nomina12:Percepciones", ">", "TotalSueldos", total, "TotalGravado", total, "TotalExento", "0.00")
		x.abre("nomina12:Percepcion", "/>", "TipoPercepcion", "001", "Clave", "001", "Concepto", "Sueldo", "ImporteGravado", total, "ImporteExento", "0.00")
		x.crudo("</nomina12:Percepciones></nomina12:Nomina>")
	case "pagos20":
		pagado := monto(10_000 + int64(c.azar>>20%5_000_000))
		x.abre("pago20:Pagos", ">", "xmlns:pago20", "http://www.sat.gob.mx/Pagos20", "Version", "2.0")
		x.abre("pago20:Totales", "/>", "MontoTotalPagos", pagado)
		x.abre("pago20:Pago", ">", "FechaPago", fecha, "FormaDePagoP", "03", "MonedaP", "MXN", "TipoCambioP", "1", "Monto", pagado)
		x.abre("pago20:DoctoRelacionado", "/>", "IdDocumento", c.UUID.String(), "MonedaDR", "MXN", "EquivalenciaDR", "1", "NumParcialidad", "1",
			"ImpSaldoAnt", pagado, "ImpPagado", pagado, "ImpSaldoInsoluto", "0.00", "ObjetoImpDR", "01")
		x.crudo("</pago20:Pago></pago20:Pagos>")
	case "leyendasfisc":
		x.abre("leyendasFisc:LeyendasFiscales", ">", "xmlns:leyendasFisc", "http://www.sat.gob.mx/leyendasFiscales", "version", "1.0")
		x.abre("leyendasFisc:Leyenda", "/>", "textoLeyenda", "Operación de prueba, sin efectos fiscales")
		x.crudo("</leyendasFisc:LeyendasFiscales>")
	}
}

// timbre writes the TimbreFiscalDigital 1.1, which carries the folio fiscal.
func timbre(x *escritor, c *Comprobante) {
	x.abre("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital", "Version", "1.1",
		"UUID", c.UUID.String(), "FechaTimbrado", string(agregaFecha(nil, certificacion(c), 'T')), "RfcProvCertif", rfcPAC,
		"SelloCFD", sello(c.azar, 1), "NoCertificadoSAT", noCertificadoSAT, "SelloSAT", sello(c.azar, 3))
}

func monto(centavos int64) string { return string(agregaMonto(nil, centavos)) }

func regimen(tipo byte) string {
	if tipo == 'N' {
		return "605"
	}
	return "601"
}

func uso(tipo byte) string {
	switch tipo {
	case 'N':
		return "CN01"
	case 'P':
		return "CP01"
	case 'E':
		return "G02"
	case 'T':
		return "S01"
	}
	return "G03"
}

// sello is as long as a signature and signs nothing.
func sello(azar, cual uint64) string {
	var b [bytesSello]byte
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], mezcla(azar^cual<<8^uint64(i)))
	}
	return base64.StdEncoding.EncodeToString(b[:])
}
