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

// writeXML appends the XML of a comprobante up to where filler goes, and returns what comes after
// it apart. Without filler there is no Addenda.
func (u *Universe) writeXML(b []byte, c *Comprobante, k paqueteKnobs) (head, queue []byte) {
	x := &writer{b: b}
	x.raw(`<?xml version="1.0" encoding="UTF-8"?>`)
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
		return x.close("retenciones", "Retenciones", k.padding)
	}
	return x.close("cfdi", "Comprobante", k.padding)
}

// writer appends XML.
type writer struct{ b []byte }

func (x *writer) raw(text string) { x.b = append(x.b, text...) }

// open starts a tag with its attributes; end is > or />.
func (x *writer) open(name, end string, pairs ...string) {
	x.b = append(append(x.b, '<'), name...)
	for i := 0; i+1 < len(pairs); i += 2 {
		x.b = append(append(append(x.b, ' '), pairs[i]...), `="`...)
		x.b = append(addEscaped(x.b, pairs[i+1]), '"')
	}
	x.b = append(x.b, end...)
}

// close ends the document, with an Addenda around the filler when there will be any.
func (x *writer) close(prefix, root string, padding int64) (head, queue []byte) {
	end := "</" + prefix + ":" + root + ">"
	if padding == 0 {
		x.raw(end)
		return x.b, nil
	}
	x.raw("<" + prefix + `:Addenda><Relleno xmlns="urn:sandbox:relleno">`)
	return x.b, []byte("</Relleno></" + prefix + ":Addenda>" + end)
}

// The namespaces of CFDI 4.0 and of the complements, with where their schemas are.
const (
	schemaCFDI40   = "http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd"
	schemaPagos20  = "http://www.sat.gob.mx/Pagos20 http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos20.xsd"
	schemaNomina12 = "http://www.sat.gob.mx/nomina12 http://www.sat.gob.mx/sitio_internet/cfd/nomina/nomina12.xsd"
	schemaLeyendas = "http://www.sat.gob.mx/leyendasFiscales http://www.sat.gob.mx/sitio_internet/cfd/leyendasFiscales/leyendasFisc.xsd"
	schemaTimbre   = "http://www.sat.gob.mx/TimbreFiscalDigital http://www.sat.gob.mx/sitio_internet/cfd/TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd"
)

// complemento returns the prefix and the schema of the complement of a CFDI.
func complemento(c *Comprobante) (prefix, schema string) {
	switch c.Complemento {
	case "nomina12":
		return "nomina12", schemaNomina12
	case "pagos20":
		return "pago20", schemaPagos20
	case "leyendasfisc":
		return "leyendasFisc", schemaLeyendas
	}
	return "", ""
}

// spaces are the attributes of the root that declare its namespace and its complement's, with their schemas.
func spaces(schema, prefix, ofComplemento string) []string {
	ns, _, _ := strings.Cut(schema, " ")
	const fit = 64 // the names and values of a root that has them all
	pairs := append(make([]string, 0, fit), "xmlns:cfdi", ns, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
	if ofComplemento != "" {
		ns, _, _ := strings.Cut(ofComplemento, " ")
		pairs = append(pairs, "xmlns:"+prefix, ns)
		schema += " " + ofComplemento
	}
	return append(pairs, "xsi:schemaLocation", schema)
}

// charge is how a comprobante is paid: FormaPago, MetodoPago and CondicionesDePago, each empty where the kind
// of comprobante does not have it.
func charge(c *Comprobante) (form, method, conditions string) {
	switch {
	case c.Tipo == 'N':
		return "", "PUE", ""
	case c.Tipo == 'I' && aCredito(c.random):
		return "99", "PPD", "CREDITO A 30 DIAS"
	case c.Tipo == 'I' || c.Tipo == 'E':
		return [...]string{"03", "03", "01", "04", "28"}[c.random>>40%5], "PUE", ""
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
func si(pairs []string, name, value string) []string {
	if value == "" {
		return pairs
	}
	return append(pairs, name, value)
}

// sums appends SubTotal to Total in the order of Anexo 20.
func sums(pairs []string, c *Comprobante, k *cuentas) []string {
	pairs = append(pairs, "SubTotal", importe(c, k.subtotal))
	if k.descuento > 0 {
		pairs = append(pairs, "Descuento", monto(k.descuento))
	}
	moneda := monedaOf(c)
	pairs = append(pairs, "Moneda", moneda)
	if moneda == "USD" {
		pairs = append(pairs, "TipoCambio", "1"+strconv.FormatUint(6+c.random>>36%4, 10)+".7543")
	}
	return append(pairs, "Total", importe(c, k.total))
}

// cfdi writes a CFDI 4.0 (Anexo 20) of any of the five types.
func (u *Universe) cfdi(x *writer, c *Comprobante) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	form, method, conditions := charge(c)
	prefix, schema := complemento(c)
	pairs := append(spaces(schemaCFDI40, prefix, schema),
		"Version", "4.0", "Serie", string(c.Tipo), "Folio", strconv.FormatUint(c.random>>40, 10),
		"Fecha", string(addFecha(nil, c.Fecha, 'T')), "Sello", sello(c.random, 1))
	pairs = si(pairs, "FormaPago", form)
	pairs = append(pairs, "NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.random))
	pairs = sums(si(pairs, "CondicionesDePago", conditions), c, k)
	pairs = append(pairs, "TipoDeComprobante", string(c.Tipo), "Exportacion", "01")
	x.open("cfdi:Comprobante", ">", append(si(pairs, "MetodoPago", method), "LugarExpedicion", emisor.domicilio())...)
	u.relacionados(x, c)
	x.open("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.name, "RegimenFiscal", emisor.regimen(0))
	x.open("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.name, "DomicilioFiscalReceptor", receptor.domicilio(),
		"RegimenFiscalReceptor", receptor.regimen(c.Tipo), "UsoCFDI", use(c.Tipo))
	u.conceptos(x, c, k, cfdi40)
	x.raw("<cfdi:Complemento>")
	u.complementoCFDI(x, c, k)
	timbre(x, c)
	x.raw("</cfdi:Complemento>")
}

// relacionados names the comprobante that a credit note is about.
func (u *Universe) relacionados(x *writer, c *Comprobante) {
	if c.Tipo != 'E' {
		return
	}
	x.open("cfdi:CfdiRelacionados", ">", "TipoRelacion", "01")
	for _, f := range u.facturas(c, 1, false) {
		x.open("cfdi:CfdiRelacionado", "/>", "UUID", f.UUID.String())
	}
	x.raw("</cfdi:CfdiRelacionados>")
}

// conceptos writes the lines and the taxes of the whole, as 4.0 and 3.3 have them: the older has no ObjetoImp,
// no third parties, and no Base in the taxes of the whole.
func (u *Universe) conceptos(x *writer, c *Comprobante, k *cuentas, version int) {
	x.raw("<cfdi:Conceptos>")
	pairs := make([]string, 0, 16)
	for i := range k.n {
		r := &k.lines[i]
		key, unit, description := r.product.token()
		pairs := append(pairs[:0], "ClaveProdServ", key, "Cantidad", strconv.FormatInt(r.quantity, 10), "ClaveUnidad", unit, "Descripcion", description,
			"ValorUnitario", importe(c, r.value), "Importe", importe(c, r.importe))
		if r.lower > 0 {
			pairs = append(pairs, "Descuento", monto(r.lower))
		}
		if version == cfdi40 {
			pairs = append(pairs, "ObjetoImp", r.blob())
		}
		withTercero := version == cfdi40 && c.Tercero != withoutTercero
		if r.n == 0 && !withTercero {
			x.open("cfdi:Concepto", "/>", pairs...)
			continue
		}
		x.open("cfdi:Concepto", ">", pairs...)
		if r.n > 0 {
			x.raw("<cfdi:Impuestos>")
			traslados(x, r.impuestos(), true)
			retenciones(x, r.impuestos(), true)
			x.raw("</cfdi:Impuestos>")
		}
		if withTercero {
			t := u.parts[c.Tercero]
			x.open("cfdi:ACuentaTerceros", "/>", "RfcACuentaTerceros", t.rfc, "NombreACuentaTerceros", t.name,
				"RegimenFiscalACuentaTerceros", t.regimen(0), "DomicilioFiscalACuentaTerceros", t.domicilio())
		}
		x.raw("</cfdi:Concepto>")
	}
	x.raw("</cfdi:Conceptos>")
	if !k.hasTraslado && !k.hasRetencion {
		return
	}
	if version == cfdi33 && !k.hasTasa && !k.hasRetencion {
		return // 3.3 sums no exempt ones
	}
	pairs = pairs[:0]
	if k.hasRetencion {
		pairs = append(pairs, "TotalImpuestosRetenidos", monto(k.retenido))
	}
	if k.hasTasa {
		pairs = append(pairs, "TotalImpuestosTrasladados", monto(k.trasladado))
	}
	x.open("cfdi:Impuestos", ">", pairs...)
	retenciones(x, k.summary(true), false)
	traslados(x, k.summary(false), version == cfdi40)
	x.raw("</cfdi:Impuestos>")
}

// traslados writes the taxes that are added.
func traslados(x *writer, impuestos []impuesto, withBase bool) {
	has := false
	for _, t := range impuestos {
		if t.retenido {
			continue
		}
		if !has {
			x.raw("<cfdi:Traslados>")
		}
		has = true
		pairs := make([]string, 0, 10)
		if withBase {
			pairs = append(pairs, "Base", monto(t.base))
		}
		pairs = append(pairs, "Impuesto", t.levy.key(), "TipoFactor", t.factor())
		if !t.exento {
			pairs = append(pairs, "TasaOCuota", tasa(t.tasa), "Importe", monto(t.importe))
		}
		x.open("cfdi:Traslado", "/>", pairs...)
	}
	if has {
		x.raw("</cfdi:Traslados>")
	}
}

// retenciones writes the taxes that are held back: of a line in full, of the whole by tax.
func retenciones(x *writer, impuestos []impuesto, ofConcepto bool) {
	has := false
	for _, t := range impuestos {
		if !t.retenido {
			continue
		}
		if !has {
			x.raw("<cfdi:Retenciones>")
		}
		has = true
		if ofConcepto {
			x.open("cfdi:Retencion", "/>", "Base", monto(t.base), "Impuesto", t.levy.key(), "TipoFactor", t.factor(), "TasaOCuota", tasa(t.tasa), "Importe", monto(t.importe))
			continue
		}
		x.open("cfdi:Retencion", "/>", "Impuesto", t.levy.key(), "Importe", monto(t.importe))
	}
	if has {
		x.raw("</cfdi:Retenciones>")
	}
}

// tasa writes millionths with their six decimals.
func tasa(ppms int64) string {
	text := strconv.FormatInt(million+ppms, 10)
	return "0." + text[1:]
}

// timbre writes the TimbreFiscalDigital 1.1, which carries the folio fiscal.
func timbre(x *writer, c *Comprobante) {
	x.open("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital", "xsi:schemaLocation", schemaTimbre, "Version", "1.1",
		"UUID", c.UUID.String(), "FechaTimbrado", string(addFecha(nil, certification(c), 'T')), "RfcProvCertif", rfcPAC,
		"SelloCFD", sello(c.random, 1), "NoCertificadoSAT", noCertificadoSAT, "SelloSAT", sello(c.random, 3))
}

func monto(centavos int64) string { return string(addMonto(nil, centavos)) }

func use(tipo byte) string {
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
func sello(random, which uint64) string {
	b := noise(random, which)
	return base64.StdEncoding.EncodeToString(b[:])
}

// certificado begins as a DER sequence of its length does, and is none.
func certificado(random uint64) string {
	b := noise(random, 2)
	b[0], b[1] = 0x30, 0x82
	binary.BigEndian.PutUint16(b[2:], bytesSello-4)
	return base64.StdEncoding.EncodeToString(b[:])
}

func noise(random, which uint64) (b [bytesSello]byte) {
	for i := 0; i < len(b); i += 8 {
		binary.BigEndian.PutUint64(b[i:], mix(random^which<<8^uint64(i)))
	}
	return b
}
