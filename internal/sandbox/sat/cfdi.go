package sat

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
)

const (
	noCertificadoSAT    = "30001000000500009999"
	noCertificadoEmisor = "30001000000500000001"
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

// The namespaces of CFDI 4.0 and of the complements, with where their schemas are.
const (
	esquemaCFDI40   = "http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd"
	esquemaPagos20  = "http://www.sat.gob.mx/Pagos20 http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos20.xsd"
	esquemaNomina12 = "http://www.sat.gob.mx/nomina12 http://www.sat.gob.mx/sitio_internet/cfd/nomina/nomina12.xsd"
	esquemaLeyendas = "http://www.sat.gob.mx/leyendasFiscales http://www.sat.gob.mx/sitio_internet/cfd/leyendasFiscales/leyendasFisc.xsd"
	esquemaTimbre   = "http://www.sat.gob.mx/TimbreFiscalDigital http://www.sat.gob.mx/sitio_internet/cfd/TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd"
)

// complemento returns the prefix and the schema of the complement of a CFDI.
func complemento(c *Comprobante) (prefijo, esquema string) {
	switch c.Complemento {
	case "nomina12":
		return "nomina12", esquemaNomina12
	case "pagos20":
		return "pago20", esquemaPagos20
	case "leyendasfisc":
		return "leyendasFisc", esquemaLeyendas
	}
	return "", ""
}

// espacios are the attributes of the root that declare its namespace and its complement's, with their schemas.
func espacios(esquema, prefijo, delComplemento string) []string {
	ns, _, _ := strings.Cut(esquema, " ")
	const caben = 64 // the names and values of a root that has them all
	pares := append(make([]string, 0, caben), "xmlns:cfdi", ns, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
	if delComplemento != "" {
		ns, _, _ := strings.Cut(delComplemento, " ")
		pares = append(pares, "xmlns:"+prefijo, ns)
		esquema += " " + delComplemento
	}
	return append(pares, "xsi:schemaLocation", esquema)
}

// cobro is how a comprobante is paid: FormaPago, MetodoPago and CondicionesDePago, each empty where the kind
// of comprobante does not have it.
func cobro(c *Comprobante) (forma, metodo, condiciones string) {
	switch {
	case c.Tipo == 'N':
		return "", "PUE", ""
	case c.Tipo == 'I' && aCredito(c.azar):
		return "99", "PPD", "CREDITO A 30 DIAS"
	case c.Tipo == 'I' || c.Tipo == 'E':
		return [...]string{"03", "03", "01", "04", "28"}[c.azar>>40%5], "PUE", ""
	}
	return "", "", ""
}

// importe writes an amount as the currency of the comprobante has it: XXX has no decimals.
func importe(c *Comprobante, centavos int64) string {
	if c.Tipo == 'P' || c.Tipo == 'T' {
		return "0"
	}
	return monto(centavos)
}

// si appends an attribute that has a value.
func si(pares []string, nombre, valor string) []string {
	if valor == "" {
		return pares
	}
	return append(pares, nombre, valor)
}

// sumas appends SubTotal to Total in the order of Anexo 20.
func sumas(pares []string, c *Comprobante, k *cuentas) []string {
	pares = append(pares, "SubTotal", importe(c, k.subtotal))
	if k.descuento > 0 {
		pares = append(pares, "Descuento", monto(k.descuento))
	}
	moneda := monedaDe(c)
	pares = append(pares, "Moneda", moneda)
	if moneda == "USD" {
		pares = append(pares, "TipoCambio", "1"+strconv.FormatUint(6+c.azar>>36%4, 10)+".7543")
	}
	return append(pares, "Total", importe(c, k.total))
}

// cfdi writes a CFDI 4.0 (Anexo 20) of any of the five types.
func (u *Universo) cfdi(x *escritor, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	forma, metodo, condiciones := cobro(c)
	prefijo, esquema := complemento(c)
	pares := append(espacios(esquemaCFDI40, prefijo, esquema),
		"Version", "4.0", "Serie", string(c.Tipo), "Folio", strconv.FormatUint(c.azar>>40, 10),
		"Fecha", string(agregaFecha(nil, c.Fecha, 'T')), "Sello", sello(c.azar, 1))
	pares = si(pares, "FormaPago", forma)
	pares = append(pares, "NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.azar))
	pares = sumas(si(pares, "CondicionesDePago", condiciones), c, k)
	pares = append(pares, "TipoDeComprobante", string(c.Tipo), "Exportacion", "01")
	x.abre("cfdi:Comprobante", ">", append(si(pares, "MetodoPago", metodo), "LugarExpedicion", emisor.domicilio())...)
	u.relacionados(x, c)
	x.abre("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.nombre, "RegimenFiscal", emisor.regimen(0))
	x.abre("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.nombre, "DomicilioFiscalReceptor", receptor.domicilio(),
		"RegimenFiscalReceptor", receptor.regimen(c.Tipo), "UsoCFDI", uso(c.Tipo))
	u.conceptos(x, c, k, cfdi40)
	x.crudo("<cfdi:Complemento>")
	u.complementoCFDI(x, c, k)
	timbre(x, c)
	x.crudo("</cfdi:Complemento>")
}

// relacionados names the comprobante that a credit note is about.
func (u *Universo) relacionados(x *escritor, c *Comprobante) {
	if c.Tipo != 'E' {
		return
	}
	x.abre("cfdi:CfdiRelacionados", ">", "TipoRelacion", "01")
	for _, f := range u.facturas(c, 1, false) {
		x.abre("cfdi:CfdiRelacionado", "/>", "UUID", f.UUID.String())
	}
	x.crudo("</cfdi:CfdiRelacionados>")
}

// conceptos writes the lines and the taxes of the whole, as 4.0 and 3.3 have them: the older has no ObjetoImp,
// no third parties, and no Base in the taxes of the whole.
func (u *Universo) conceptos(x *escritor, c *Comprobante, k *cuentas, version int) {
	x.crudo("<cfdi:Conceptos>")
	pares := make([]string, 0, 16)
	for i := range k.n {
		r := &k.lineas[i]
		clave, unidad, descripcion := r.producto.ficha()
		pares := append(pares[:0], "ClaveProdServ", clave, "Cantidad", strconv.FormatInt(r.cantidad, 10), "ClaveUnidad", unidad, "Descripcion", descripcion,
			"ValorUnitario", importe(c, r.valor), "Importe", importe(c, r.importe))
		if r.rebaja > 0 {
			pares = append(pares, "Descuento", monto(r.rebaja))
		}
		if version == cfdi40 {
			pares = append(pares, "ObjetoImp", r.objeto())
		}
		conTercero := version == cfdi40 && c.Tercero != sinTercero
		if r.n == 0 && !conTercero {
			x.abre("cfdi:Concepto", "/>", pares...)
			continue
		}
		x.abre("cfdi:Concepto", ">", pares...)
		if r.n > 0 {
			x.crudo("<cfdi:Impuestos>")
			traslados(x, r.impuestos(), true)
			retenciones(x, r.impuestos(), true)
			x.crudo("</cfdi:Impuestos>")
		}
		if conTercero {
			t := u.partes[c.Tercero]
			x.abre("cfdi:ACuentaTerceros", "/>", "RfcACuentaTerceros", t.rfc, "NombreACuentaTerceros", t.nombre,
				"RegimenFiscalACuentaTerceros", t.regimen(0), "DomicilioFiscalACuentaTerceros", t.domicilio())
		}
		x.crudo("</cfdi:Concepto>")
	}
	x.crudo("</cfdi:Conceptos>")
	if !k.hayTraslado && !k.hayRetencion {
		return
	}
	if version == cfdi33 && !k.hayTasa && !k.hayRetencion {
		return // 3.3 sums no exempt ones
	}
	pares = pares[:0]
	if k.hayRetencion {
		pares = append(pares, "TotalImpuestosRetenidos", monto(k.retenido))
	}
	if k.hayTasa {
		pares = append(pares, "TotalImpuestosTrasladados", monto(k.trasladado))
	}
	x.abre("cfdi:Impuestos", ">", pares...)
	retenciones(x, k.resumen(true), false)
	traslados(x, k.resumen(false), version == cfdi40)
	x.crudo("</cfdi:Impuestos>")
}

// traslados writes the taxes that are added.
func traslados(x *escritor, impuestos []impuesto, conBase bool) {
	hay := false
	for _, t := range impuestos {
		if t.retenido {
			continue
		}
		if !hay {
			x.crudo("<cfdi:Traslados>")
		}
		hay = true
		pares := make([]string, 0, 10)
		if conBase {
			pares = append(pares, "Base", monto(t.base))
		}
		pares = append(pares, "Impuesto", t.tributo.clave(), "TipoFactor", t.factor())
		if !t.exento {
			pares = append(pares, "TasaOCuota", tasa(t.tasa), "Importe", monto(t.importe))
		}
		x.abre("cfdi:Traslado", "/>", pares...)
	}
	if hay {
		x.crudo("</cfdi:Traslados>")
	}
}

// retenciones writes the taxes that are held back: of a line in full, of the whole by tax.
func retenciones(x *escritor, impuestos []impuesto, deConcepto bool) {
	hay := false
	for _, t := range impuestos {
		if !t.retenido {
			continue
		}
		if !hay {
			x.crudo("<cfdi:Retenciones>")
		}
		hay = true
		if deConcepto {
			x.abre("cfdi:Retencion", "/>", "Base", monto(t.base), "Impuesto", t.tributo.clave(), "TipoFactor", t.factor(), "TasaOCuota", tasa(t.tasa), "Importe", monto(t.importe))
			continue
		}
		x.abre("cfdi:Retencion", "/>", "Impuesto", t.tributo.clave(), "Importe", monto(t.importe))
	}
	if hay {
		x.crudo("</cfdi:Retenciones>")
	}
}

// tasa writes millionths with their six decimals.
func tasa(millonesimas int64) string {
	texto := strconv.FormatInt(millon+millonesimas, 10)
	return "0." + texto[1:]
}

// timbre writes the TimbreFiscalDigital 1.1, which carries the folio fiscal.
func timbre(x *escritor, c *Comprobante) {
	x.abre("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital", "xsi:schemaLocation", esquemaTimbre, "Version", "1.1",
		"UUID", c.UUID.String(), "FechaTimbrado", string(agregaFecha(nil, certificacion(c), 'T')), "RfcProvCertif", rfcPAC,
		"SelloCFD", sello(c.azar, 1), "NoCertificadoSAT", noCertificadoSAT, "SelloSAT", sello(c.azar, 3))
}

func monto(centavos int64) string { return string(agregaMonto(nil, centavos)) }

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
	b := ruido(azar, cual)
	return base64.StdEncoding.EncodeToString(b[:])
}

// certificado begins as a DER sequence of its length does, and is none.
func certificado(azar uint64) string {
	b := ruido(azar, 2)
	b[0], b[1] = 0x30, 0x82
	binary.BigEndian.PutUint16(b[2:], bytesSello-4)
	return base64.StdEncoding.EncodeToString(b[:])
}

func ruido(azar, cual uint64) (b [bytesSello]byte) {
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], mezcla(azar^cual<<8^uint64(i)))
	}
	return b
}
