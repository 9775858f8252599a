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

// writeXML appends the XML of a comprobante up to the place of the filler, and returns the rest as queue.
// Without filler the document has no Addenda.
func (u *Universe) writeXML(b []byte, c *Comprobante, k paqueteKnobs) (head, queue []byte) {
	x := &writer{b: b}
	x.raw(`<?xml version="1.0" encoding="UTF-8"?>`)
	switch v := version(c, k); v {
	case retencion10, retencion20:
		u.retencion(x, c, v == retencion10)
	case cfdi32:
		u.cfdi32(x, c)
	default:
		u.cfdi(x, c, v)
	}
	if c.Servicio == Retenciones {
		return x.close("retenciones", "Retenciones", k.padding)
	}
	return x.close("cfdi", "Comprobante", k.padding)
}

// writer appends XML.
type writer struct{ b []byte }

func (x *writer) raw(text string) { x.b = append(x.b, text...) }

// open starts a tag with its attributes, those that have a value; end is > or />.
func (x *writer) open(name, end string, pairs ...string) {
	x.b = append(append(x.b, '<'), name...)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		x.b = append(append(append(x.b, ' '), pairs[i]...), `="`...)
		x.b = append(append(x.b, escape(pairs[i+1])...), '"')
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

// when is a value that is there on a condition.
func when(is bool, value string) string {
	if is {
		return value
	}
	return ""
}

// The namespaces of CFDI and of the complements, with where their schemas are.
const (
	schemaCFDI33   = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv33.xsd"
	schemaCFDI32   = "http://www.sat.gob.mx/cfd/3 http://www.sat.gob.mx/sitio_internet/cfd/3/cfdv32.xsd"
	schemaPagos10  = "http://www.sat.gob.mx/Pagos http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos10.xsd"
	schemaCFDI40   = "http://www.sat.gob.mx/cfd/4 http://www.sat.gob.mx/sitio_internet/cfd/4/cfdv40.xsd"
	schemaPagos20  = "http://www.sat.gob.mx/Pagos20 http://www.sat.gob.mx/sitio_internet/cfd/Pagos/Pagos20.xsd"
	schemaNomina12 = "http://www.sat.gob.mx/nomina12 http://www.sat.gob.mx/sitio_internet/cfd/nomina/nomina12.xsd"
	schemaLeyendas = "http://www.sat.gob.mx/leyendasFiscales " +
		"http://www.sat.gob.mx/sitio_internet/cfd/leyendasFiscales/leyendasFisc.xsd"
	schemaTimbre = "http://www.sat.gob.mx/TimbreFiscalDigital " +
		"http://www.sat.gob.mx/sitio_internet/cfd/TimbreFiscalDigital/TimbreFiscalDigitalv11.xsd"
)

// complemento returns the prefix and the schema of the complement of a CFDI.
func complemento(c *Comprobante, version int) (prefix, schema string) {
	switch {
	case c.Complemento == "pagos20" && version == cfdi33:
		return "pago10", schemaPagos10
	case c.Complemento == "pagos20":
		return "pago20", schemaPagos20
	case c.Complemento == "nomina12":
		return "nomina12", schemaNomina12
	case c.Complemento == "leyendasfisc":
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

// cfdi writes a CFDI 4.0, or 3.3 (Anexo 20 of 2017 to 2022), of any of the five types.
func (u *Universe) cfdi(x *writer, c *Comprobante, version int) {
	emisor, receptor := u.emisor(c), u.receptor(c)
	k := c.cuentas()
	form, method, conditions := charge(c)
	prefix, schema := complemento(c, version)
	is40, root, number, cfdiUse := true, schemaCFDI40, "4.0", use(c.Tipo)
	if version == cfdi33 {
		is40, root, number = false, schemaCFDI33, "3.3"
		if c.Tipo == 'N' {
			form = "99"
		}
		if c.Tipo != 'E' && c.Tipo != 'I' {
			cfdiUse = "P01"
		}
	}
	moneda, exchange := monedaOf(c)
	x.open("cfdi:Comprobante", ">", append(spaces(root, prefix, schema),
		"Version", number, "Serie", string(c.Tipo), "Folio", c.number(),
		"Fecha", fechaT(c.Fecha), "Sello", sello(c.random, 1), "FormaPago", form,
		"NoCertificado", noCertificadoEmisor, "Certificado", certificado(c.random), "CondicionesDePago", conditions,
		"SubTotal", importe(c, k.subtotal), "Descuento", when(k.descuento > 0, monto(k.descuento)),
		"Moneda", moneda, "TipoCambio", exchange, "Total", importe(c, k.total),
		"TipoDeComprobante", string(c.Tipo), "Exportacion", when(is40, "01"),
		"MetodoPago", method, "LugarExpedicion", emisor.domicilio())...)
	u.relacionados(x, c)
	x.open("cfdi:Emisor", "/>", "Rfc", emisor.rfc, "Nombre", emisor.name, "RegimenFiscal", emisor.regimen(0))
	x.open("cfdi:Receptor", "/>", "Rfc", receptor.rfc, "Nombre", receptor.name,
		"DomicilioFiscalReceptor", when(is40, receptor.domicilio()),
		"RegimenFiscalReceptor", when(is40, receptor.regimen(c.Tipo)), "UsoCFDI", cfdiUse)
	u.conceptos(x, c, k, is40)
	x.raw("<cfdi:Complemento>")
	if c.Tipo == 'P' && !is40 {
		u.pagos10(x, c)
	} else {
		u.complementoCFDI(x, c, k)
	}
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

// conceptos writes the lines and the taxes of the whole. 3.3 has no ObjetoImp, no third
// parties, and no Base in the taxes of the whole.
func (u *Universe) conceptos(x *writer, c *Comprobante, k *cuentas, is40 bool) {
	withTercero := is40 && c.Tercero != withoutTercero
	x.raw("<cfdi:Conceptos>")
	for i := range k.n {
		r := &k.lines[i]
		s := r.product.sold()
		end := ">"
		if r.n == 0 && !withTercero {
			end = "/>"
		}
		x.open("cfdi:Concepto", end, "ClaveProdServ", s.key, "Cantidad", strconv.FormatInt(r.quantity, 10), "ClaveUnidad", s.unit,
			"Descripcion", s.description, "ValorUnitario", importe(c, r.value), "Importe", importe(c, r.importe),
			"Descuento", when(r.lower > 0, monto(r.lower)), "ObjetoImp", when(is40, r.blob()))
		if r.n > 0 {
			x.raw("<cfdi:Impuestos>")
			x.impuestos("cfdi:Traslado", "s", "", group(nil, r.impuestos(), false), whole)
			x.impuestos("cfdi:Retencion", "es", "", group(nil, r.impuestos(), true), whole)
			x.raw("</cfdi:Impuestos>")
		}
		if withTercero {
			t := u.parts[c.Tercero]
			x.open("cfdi:ACuentaTerceros", "/>", "RfcACuentaTerceros", t.rfc, "NombreACuentaTerceros", t.name,
				"RegimenFiscalACuentaTerceros", t.regimen(0), "DomicilioFiscalACuentaTerceros", t.domicilio())
		}
		if end == ">" {
			x.raw("</cfdi:Concepto>")
		}
	}
	x.raw("</cfdi:Conceptos>")
	if !k.hasRetencion && !k.hasTasa && (!is40 || !k.hasTraslado) {
		return // 3.3 sums no exempt ones
	}
	x.open("cfdi:Impuestos", ">", "TotalImpuestosRetenidos", when(k.hasRetencion, monto(k.retenido)),
		"TotalImpuestosTrasladados", when(k.hasTasa, monto(k.trasladado)))
	x.impuestos("cfdi:Retencion", "es", "", k.summary(true), byTax)
	ofTraslados := whole
	if !is40 {
		ofTraslados = withoutBase
	}
	x.impuestos("cfdi:Traslado", "s", "", k.summary(false), ofTraslados)
	x.raw("</cfdi:Impuestos>")
}

// shape is which attributes of a tax are written.
type shape int

const (
	whole shape = iota
	withoutBase
	byTax // the tax and its amount alone
)

// impuestos writes taxes in their plural, when there are any. of ends every name: Pagos'
// are of a document (DR) or of the payment (P).
func (x *writer) impuestos(name, plural, of string, list []impuesto, how shape) {
	if len(list) == 0 {
		return
	}
	x.raw("<" + name + plural + of + ">")
	for _, t := range list {
		x.open(name+of, "/>", "Base"+of, when(how == whole, monto(t.base)), "Impuesto"+of, t.levy.key(),
			"TipoFactor"+of, when(how != byTax, t.factor()), "TasaOCuota"+of, when(how != byTax && !t.exento, tasa(t.tasa)),
			"Importe"+of, when(!t.exento, monto(t.importe)))
	}
	x.raw("</" + name + plural + of + ">")
}

// tasa writes millionths with their six decimals.
func tasa(ppms int64) string {
	text := strconv.FormatInt(million+ppms, 10)
	return "0." + text[1:]
}

// timbre writes the TimbreFiscalDigital 1.1, which carries the folio fiscal.
func timbre(x *writer, c *Comprobante) {
	x.open("tfd:TimbreFiscalDigital", "/>", "xmlns:tfd", "http://www.sat.gob.mx/TimbreFiscalDigital",
		"xsi:schemaLocation", schemaTimbre, "Version", "1.1",
		"UUID", c.UUID.String(), "FechaTimbrado", fechaT(certification(c)), "RfcProvCertif", rfcPAC,
		"SelloCFD", sello(c.random, 1), "NoCertificadoSAT", noCertificadoSAT, "SelloSAT", sello(c.random, 3))
}

func monto(centavos int64) string { return string(addMonto(nil, centavos)) }

// fechaT writes a date and time as XML does.
func fechaT(seconds int64) string { return string(addFecha(nil, seconds, 'T')) }

// number is the Folio that the emisor gave it.
func (c *Comprobante) number() string { return strconv.FormatUint(c.random>>40, 10) }

func use(tipo byte) string {
	return map[byte]string{'N': "CN01", 'P': "CP01", 'E': "G02", 'T': "S01", 'I': "G03"}[tipo]
}

// sello has the length of a signature. It is random and signs nothing.
func sello(random, which uint64) string {
	b := noise(random, which)
	return base64.StdEncoding.EncodeToString(b[:])
}

// certificado begins like a DER sequence of its length. The rest is random.
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
