package sat

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// The shape of a CFDI by Anexo 20, in little: the attributes that an element must have, in any order, the others
// that it may have, and its children in theirs. It is no copy of a schema.
type forma struct {
	debe, puede string
	hijos       string // names in order; + is one or more, * any number, ? at most one
}

func formas40() map[string]forma {
	impuestos := forma{"", "TotalImpuestosRetenidos TotalImpuestosTrasladados", "Retenciones? Traslados?"}
	return map[string]forma{
		"Comprobante": {
			"Version Serie Folio Fecha Sello NoCertificado Certificado SubTotal Moneda Total TipoDeComprobante Exportacion LugarExpedicion",
			"FormaPago CondicionesDePago Descuento TipoCambio MetodoPago", "CfdiRelacionados? Emisor Receptor Conceptos Impuestos? Complemento Addenda?",
		},
		"CfdiRelacionados":        {"TipoRelacion", "", "CfdiRelacionado+"},
		"CfdiRelacionado":         {"UUID", "", ""},
		"Emisor":                  {"Rfc Nombre RegimenFiscal", "", ""},
		"Receptor":                {"Rfc Nombre DomicilioFiscalReceptor RegimenFiscalReceptor UsoCFDI", "", ""},
		"Conceptos":               {"", "", "Concepto+"},
		"Concepto":                {"ClaveProdServ Cantidad ClaveUnidad Descripcion ValorUnitario Importe ObjetoImp", "Descuento", "Impuestos? ACuentaTerceros?"},
		"ACuentaTerceros":         {"RfcACuentaTerceros NombreACuentaTerceros RegimenFiscalACuentaTerceros DomicilioFiscalACuentaTerceros", "", ""},
		"Concepto/Impuestos":      {"", "", "Traslados? Retenciones?"},
		"Comprobante/Impuestos":   impuestos,
		"Traslados":               {"", "", "Traslado+"},
		"Retenciones":             {"", "", "Retencion+"},
		"Traslado":                {"Base Impuesto TipoFactor", "TasaOCuota Importe", ""},
		"Concepto/Retencion":      {"Base Impuesto TipoFactor TasaOCuota Importe", "", ""},
		"Comprobante/Retencion":   {"Impuesto Importe", "", ""},
		"Complemento":             {"", "", "Nomina? Pagos? LeyendasFiscales? TimbreFiscalDigital"},
		"TimbreFiscalDigital":     {"Version UUID FechaTimbrado RfcProvCertif SelloCFD NoCertificadoSAT SelloSAT", "", ""},
		"LeyendasFiscales":        {"version", "", "Leyenda+"},
		"Leyenda":                 {"textoLeyenda", "", ""},
		"Pagos":                   {"Version", "", "Totales Pago+"},
		"Totales":                 {"MontoTotalPagos", "TotalRetencionesIVA TotalRetencionesISR TotalTrasladosBaseIVA16 TotalTrasladosImpuestoIVA16 TotalTrasladosBaseIVA0 TotalTrasladosImpuestoIVA0 TotalTrasladosBaseIVAExento", ""},
		"Pago":                    {"FechaPago FormaDePagoP MonedaP TipoCambioP Monto", "", "DoctoRelacionado+ ImpuestosP?"},
		"DoctoRelacionado":        {"IdDocumento Serie Folio MonedaDR EquivalenciaDR NumParcialidad ImpSaldoAnt ImpPagado ImpSaldoInsoluto ObjetoImpDR", "", "ImpuestosDR?"},
		"ImpuestosDR":             {"", "", "RetencionesDR? TrasladosDR?"},
		"RetencionesDR":           {"", "", "RetencionDR+"},
		"TrasladosDR":             {"", "", "TrasladoDR+"},
		"RetencionDR":             {"BaseDR ImpuestoDR TipoFactorDR TasaOCuotaDR ImporteDR", "", ""},
		"TrasladoDR":              {"BaseDR ImpuestoDR TipoFactorDR", "TasaOCuotaDR ImporteDR", ""},
		"ImpuestosP":              {"", "", "RetencionesP? TrasladosP?"},
		"RetencionesP":            {"", "", "RetencionP+"},
		"TrasladosP":              {"", "", "TrasladoP+"},
		"RetencionP":              {"ImpuestoP ImporteP", "", ""},
		"TrasladoP":               {"BaseP ImpuestoP TipoFactorP", "TasaOCuotaP ImporteP", ""},
		"Nomina":                  {"Version TipoNomina FechaPago FechaInicialPago FechaFinalPago NumDiasPagados TotalPercepciones TotalDeducciones", "TotalOtrosPagos", "Emisor Receptor Percepciones Deducciones OtrosPagos?"},
		"Nomina/Emisor":           {"RegistroPatronal", "Curp", ""},
		"Nomina/Receptor":         {"Curp NumSeguridadSocial FechaInicioRelLaboral Antigüedad TipoContrato TipoRegimen NumEmpleado RiesgoPuesto PeriodicidadPago SalarioBaseCotApor SalarioDiarioIntegrado ClaveEntFed", "Puesto", ""},
		"Percepciones":            {"TotalSueldos TotalGravado TotalExento", "", "Percepcion+"},
		"Percepcion":              {"TipoPercepcion Clave Concepto ImporteGravado ImporteExento", "", ""},
		"Deducciones":             {"TotalOtrasDeducciones TotalImpuestosRetenidos", "", "Deduccion+"},
		"Deduccion":               {"TipoDeduccion Clave Concepto Importe", "", ""},
		"OtrosPagos":              {"", "", "OtroPago+"},
		"OtroPago":                {"TipoOtroPago Clave Concepto Importe", "", "SubsidioAlEmpleo?"},
		"SubsidioAlEmpleo":        {"SubsidioCausado", "", ""},
		"Retenciones/Emisor":      {"RfcE NomDenRazSocE RegimenFiscalE", "", ""},
		"Retenciones/Receptor":    {"NacionalidadR", "", "Nacional"},
		"Nacional":                {"RfcR NomDenRazSocR DomicilioFiscalR", "", ""},
		"Periodo":                 {"MesIni MesFin Ejercicio", "", ""},
		"Retenciones/Totales":     {"MontoTotOperacion MontoTotGrav MontoTotExent MontoTotRet", "", "ImpRetenidos*"},
		"ImpRetenidos":            {"BaseRet ImpuestoRet MontoRet TipoPagoRet", "", ""},
		"Retenciones/Complemento": {"", "", "Dividendos? Intereses? Arrendamientoenfideicomiso? ServiciosPlataformasTecnologicas? TimbreFiscalDigital"},
		"Retenciones/": {
			"Version FolioInt Sello NoCertificado Certificado FechaExp LugarExpRetenc CveRetenc", "DescRetenc", "Emisor Receptor Periodo Totales Complemento",
		},
		"Dividendos":                       {"Version", "", "DividOUtil"},
		"DividOUtil":                       {"CveTipDivOUtil MontISRAcredRetMexico MontISRAcredRetExtranjero TipoSocDistrDiv", "", ""},
		"Intereses":                        {"Version SistFinanciero RetiroAORESRetInt OperFinancDerivad MontIntNominal MontIntReal Perdida", "", ""},
		"Arrendamientoenfideicomiso":       {"Version PagProvEfecPorFiduc RendimFideicom DeduccCorresp", "", ""},
		"ServiciosPlataformasTecnologicas": {"Version Periodicidad NumServ MonTotServSIVA TotalIVATrasladado TotalIVARetenido TotalISRRetenido DifIVAEntregadoPrestServ MonTotalporUsoPlataforma", "", "Servicios"},
		"Servicios":                        {"", "", "DetallesDelServicio+"},
		"DetallesDelServicio":              {"FormaPagoServ TipoDeServ FechaServ PrecioServSinIVA", "", "ImpuestosTrasladadosdelServicio ComisionDelServicio"},
		"ImpuestosTrasladadosdelServicio":  {"Base Impuesto TipoFactor TasaCuota Importe", "", ""},
		"ComisionDelServicio":              {"Base Porcentaje Importe", "", ""},
	}
}

// valores are the forms of attributes, by name; those that are not here are texts, which must not be empty.
func valores() map[string]*regexp.Regexp {
	dinero := `(0|[1-9]\d*)(\.\d\d)?`
	uuid := `[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}`
	rfc := `[A-Z&Ñ]{3,4}\d\d(0[1-9]|1[012])(0[1-9]|[12]\d|3[01])[A-Z0-9]{2}[0-9A]`
	fecha := `20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d`
	textos := map[string]string{
		"UUID": uuid, "IdDocumento": uuid, "Fecha": fecha, "FechaTimbrado": fecha, "FechaPago": fecha + `|20\d\d-\d\d-\d\d`, "FechaExp": fecha,
		"NoCertificado": `\d{20}`, "NoCertificadoSAT": `\d{20}`, "Moneda": "MXN|USD|XXX", "TipoCambio": `\d+\.\d{1,6}`, "TipoCambioP": "1", "EquivalenciaDR": "1",
		"TipoDeComprobante": "[IETNP]", "Exportacion": "01", "MetodoPago": "PUE|PPD", "FormaPago": `\d\d`, "LugarExpedicion": `\d{5}`, "LugarExpRetenc": `\d{5}`,
		"DomicilioFiscalReceptor": `\d{5}`, "DomicilioFiscalR": `\d{5}`, "RegimenFiscal": "601|612", "RegimenFiscalReceptor": "601|612|605", "UsoCFDI": "G03|G02|S01|CN01|CP01",
		"ClaveProdServ": `\d{8}`, "ClaveUnidad": "E48|H87|KGM|ACT", "ObjetoImp": "0[12]", "ObjetoImpDR": "0[12]", "TasaOCuota": `0\.\d{6}`, "TasaOCuotaDR": `0\.\d{6}`, "TasaOCuotaP": `0\.\d{6}`,
		"Rfc": rfc, "RfcE": rfc, "RfcR": rfc, "RfcProvCertif": rfc, "RfcACuentaTerceros": rfc, "TipoRelacion": "0[1-7]", "NumSeguridadSocial": `\d{11}`, "Antigüedad": `P\d{1,4}W`, "Curp": `[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d`,
		"NumDiasPagados": `\d+\.\d{3}`, "RegistroPatronal": "[A-Z0-9]{11}", "TipoFactor": "Tasa|Exento", "Cantidad": `[1-9]\d*`, "CveRetenc": `\d\d`, "MesIni": "0[1-9]|1[0-2]", "Ejercicio": `20\d\d`,
	}
	for _, n := range strings.Fields("SubTotal Descuento Total ValorUnitario Importe Base TotalImpuestosRetenidos TotalImpuestosTrasladados Monto ImpPagado ImpSaldoAnt ImpSaldoInsoluto BaseDR ImporteDR BaseP ImporteP " +
		"MontoTotalPagos TotalPercepciones TotalDeducciones TotalOtrosPagos TotalSueldos TotalGravado TotalExento ImporteGravado ImporteExento MontoTotOperacion MontoTotRet BaseRet MontoRet") {
		textos[n] = dinero
	}
	todos := map[string]*regexp.Regexp{}
	for n, t := range textos {
		todos[n] = regexp.MustCompile("^(" + t + ")$")
	}
	return todos
}

// juez holds a document against the shape and its sums.
type juez struct {
	t       *testing.T
	formas  map[string]forma
	valores map[string]*regexp.Regexp
	donde   string
}

func nuevoJuez(t *testing.T) *juez {
	return &juez{t: t, formas: formas40(), valores: valores()}
}

func (j *juez) mal(formato string, a ...any) {
	j.t.Helper()
	j.t.Errorf("%s: %s", j.donde, fmt.Sprintf(formato, a...))
}

// formaDe finds the shape of an element: by its nearest ancestor that has one of its own, or by its name.
func (j *juez) formaDe(e *etree.Element) (forma, bool) {
	if e.Parent().Parent() == nil && e.Tag == "Retenciones" {
		return j.formas["Retenciones/"], true
	}
	for p := e.Parent(); p != nil; p = p.Parent() {
		if f, ok := j.formas[p.Tag+"/"+e.Tag]; ok && (p.Tag != "Retenciones" || p.Space == "retenciones") {
			return f, true
		}
	}
	f, ok := j.formas[e.Tag]
	return f, ok
}

func (j *juez) elemento(e *etree.Element) {
	f, ok := j.formaDe(e)
	if !ok {
		j.mal("element %s", e.FullTag())
		return
	}
	var hay []string
	for _, a := range e.Attr {
		if a.Space == "xmlns" || a.Space == "xsi" {
			continue
		}
		hay = append(hay, a.Key)
		if forma := j.valores[a.Key]; a.Value == "" || forma != nil && !forma.MatchString(a.Value) {
			j.mal("%s/@%s = %q", e.Tag, a.Key, a.Value)
		}
		if !slices.Contains(strings.Fields(f.debe+" "+f.puede), a.Key) {
			j.mal("%s has %s", e.Tag, a.Key)
		}
	}
	for _, n := range strings.Fields(f.debe) {
		if !slices.Contains(hay, n) {
			j.mal("%s lacks %s", e.Tag, n)
		}
	}
	j.hijos(e, strings.Fields(f.hijos))
	for _, h := range e.ChildElements() {
		j.elemento(h)
	}
}

func (j *juez) hijos(e *etree.Element, orden []string) {
	hijos := e.ChildElements()
	for _, quiere := range orden {
		nombre := strings.TrimRight(quiere, "+*?")
		n := 0
		for n < len(hijos) && hijos[n].Tag == nombre {
			n++
		}
		switch veces := strings.TrimPrefix(quiere, nombre); {
		case veces == "" && n != 1, veces == "?" && n > 1, veces == "+" && n == 0:
			j.mal("%s has %d %s", e.Tag, n, nombre)
		}
		hijos = hijos[n:]
	}
	if len(hijos) > 0 {
		j.mal("%s has %s out of its place", e.Tag, hijos[0].Tag)
	}
}

// dec reads an attribute as an exact decimal; one that is not there is 0.
func dec(e *etree.Element, nombre string) *big.Rat {
	r, ok := new(big.Rat).SetString(e.SelectAttrValue(nombre, "0"))
	if !ok {
		return big.NewRat(-1, 1)
	}
	return r
}

func suma(elementos []*etree.Element, nombre string) *big.Rat {
	total := new(big.Rat)
	for _, e := range elementos {
		total.Add(total, dec(e, nombre))
	}
	return total
}

// al rounds to the cent, halves upwards.
func al(r *big.Rat) *big.Rat {
	c, _ := new(big.Rat).SetString(r.FloatString(2)) // which rounds halves away from zero
	return c
}

func (j *juez) iguales(que string, uno, otro *big.Rat) {
	if uno.Cmp(otro) != 0 {
		j.mal("%s: %s is not %s", que, uno.FloatString(6), otro.FloatString(6))
	}
}

func todos(e *etree.Element, camino string) []*etree.Element { return e.FindElements(camino) }

// comprobante holds the sums of a CFDI 4.0 against one another, and what goes with its kind.
func (j *juez) comprobante(raiz *etree.Element, c *Comprobante) {
	conceptos := todos(raiz, "./Conceptos/Concepto")
	total := new(big.Rat).Sub(dec(raiz, "SubTotal"), dec(raiz, "Descuento"))
	j.iguales("SubTotal", dec(raiz, "SubTotal"), suma(conceptos, "Importe"))
	j.iguales("Descuento", dec(raiz, "Descuento"), suma(conceptos, "Descuento"))
	for _, con := range conceptos {
		j.iguales("Importe", dec(con, "Importe"), new(big.Rat).Mul(dec(con, "Cantidad"), dec(con, "ValorUnitario")))
		impuestos := append(todos(con, "./Impuestos/Traslados/Traslado"), todos(con, "./Impuestos/Retenciones/Retencion")...)
		if (con.SelectAttrValue("ObjetoImp", "") == "02") != (len(impuestos) > 0) {
			j.mal("ObjetoImp with %d taxes", len(impuestos))
		}
		for _, i := range impuestos {
			j.gravamen(i)
		}
	}
	global := raiz.SelectElement("Impuestos")
	if global != nil {
		j.grupos(raiz, global)
		total.Add(total, dec(global, "TotalImpuestosTrasladados"))
		total.Sub(total, dec(global, "TotalImpuestosRetenidos"))
	} else if n := len(todos(raiz, "./Conceptos/Concepto/Impuestos")); n > 0 {
		j.mal("%d lines have taxes and the whole has none", n)
	}
	j.iguales("Total", dec(raiz, "Total"), total)
	j.iguales("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(raiz, "Total"))
	j.clase(raiz, c)
}

// gravamen is a tax of a line: its amount is its rate of its base; one that is exempt has neither.
func (j *juez) gravamen(i *etree.Element) {
	exento := i.SelectAttrValue("TipoFactor", "") == "Exento"
	if exento != (i.SelectAttr("TasaOCuota") == nil) || exento != (i.SelectAttr("Importe") == nil) || dec(i, "Base").Sign() <= 0 {
		j.mal("tax %v", i.Attr)
	}
	j.iguales("tax", dec(i, "Importe"), al(new(big.Rat).Mul(dec(i, "Base"), dec(i, "TasaOCuota"))))
}

// grupos holds the taxes of the whole against those of the lines.
func (j *juez) grupos(raiz, global *etree.Element) {
	clave := func(e *etree.Element, retenido bool) string {
		if retenido {
			return "R" + e.SelectAttrValue("Impuesto", "")
		}
		return "T" + e.SelectAttrValue("Impuesto", "") + e.SelectAttrValue("TipoFactor", "") + e.SelectAttrValue("TasaOCuota", "")
	}
	junta := func(de *etree.Element, camino string) map[string][2]string {
		grupos := map[string][]*etree.Element{}
		for _, retenido := range []bool{false, true} {
			nombre := "Traslados/Traslado"
			if retenido {
				nombre = "Retenciones/Retencion"
			}
			for _, e := range todos(de, camino+nombre) {
				k := clave(e, retenido)
				grupos[k] = append(grupos[k], e)
			}
		}
		sumas := map[string][2]string{}
		for k, g := range grupos {
			base := suma(g, "Base").FloatString(2)
			if k[0] == 'R' {
				base = ""
			}
			sumas[k] = [2]string{base, suma(g, "Importe").FloatString(2)}
		}
		return sumas
	}
	lineas, whole := junta(raiz, "./Conceptos/Concepto/Impuestos/"), junta(global, "./")
	if fmt.Sprint(lineas) != fmt.Sprint(whole) {
		j.mal("taxes of the lines %v, of the whole %v", lineas, whole)
	}
	if n := len(todos(global, "./Traslados/Traslado")) + len(todos(global, "./Retenciones/Retencion")); n != len(whole) {
		j.mal("%d taxes of the whole in %d groups", n, len(whole))
	}
	j.iguales("TotalImpuestosTrasladados", dec(global, "TotalImpuestosTrasladados"), suma(todos(global, "./Traslados/Traslado"), "Importe"))
	j.iguales("TotalImpuestosRetenidos", dec(global, "TotalImpuestosRetenidos"), suma(todos(global, "./Retenciones/Retencion"), "Importe"))
}

// clase is what the kind of comprobante wants and what it must not have.
func (j *juez) clase(raiz *etree.Element, c *Comprobante) {
	atributo := func(n string) string { return raiz.SelectAttrValue(n, "-") }
	got := strings.Join([]string{atributo("Moneda"), atributo("FormaPago"), atributo("MetodoPago"), raiz.SelectElement("Receptor").SelectAttrValue("UsoCFDI", "")}, " ")
	quiere := map[byte]string{'I': `^(MXN 99 PPD|MXN \d\d PUE|USD \d\d PUE) G03$`, 'E': `^MXN \d\d PUE G02$`, 'T': `^XXX - - S01$`, 'N': `^MXN - PUE CN01$`, 'P': `^XXX - - CP01$`}[c.Tipo]
	if !regexp.MustCompile(quiere).MatchString(got) || (atributo("Moneda") == "USD") != (atributo("TipoCambio") != "-") || atributo("MetodoPago") == "PUE" && atributo("FormaPago") == "99" {
		j.mal("kind %c has %s %s", c.Tipo, got, atributo("TipoCambio"))
	}
	if relacionados := len(todos(raiz, "./CfdiRelacionados/CfdiRelacionado")); (relacionados > 0) != (c.Tipo == 'E') {
		j.mal("%d related", relacionados)
	}
	if (c.Tipo == 'P' || c.Tipo == 'T') && (atributo("SubTotal") != "0" || atributo("Total") != "0") {
		j.mal("SubTotal %s, Total %s", atributo("SubTotal"), atributo("Total"))
	}
	if n := raiz.SelectElement("Complemento").SelectElement("Nomina"); n != nil {
		j.nomina(n, raiz)
	}
	if p := raiz.SelectElement("Complemento").SelectElement("Pagos"); p != nil {
		j.pagos(p)
	}
}

func (j *juez) nomina(n, raiz *etree.Element) {
	per, ded := n.SelectElement("Percepciones"), n.SelectElement("Deducciones")
	mas := func(uno, otro *big.Rat) *big.Rat { return new(big.Rat).Add(uno, otro) }
	j.iguales("TotalPercepciones", dec(n, "TotalPercepciones"), mas(dec(per, "TotalGravado"), dec(per, "TotalExento")))
	j.iguales("TotalSueldos", dec(per, "TotalSueldos"), dec(n, "TotalPercepciones"))
	j.iguales("TotalGravado", dec(per, "TotalGravado"), suma(todos(per, "Percepcion"), "ImporteGravado"))
	j.iguales("TotalExento", dec(per, "TotalExento"), suma(todos(per, "Percepcion"), "ImporteExento"))
	j.iguales("TotalDeducciones", dec(n, "TotalDeducciones"), suma(todos(ded, "Deduccion"), "Importe"))
	j.iguales("TotalDeducciones", dec(n, "TotalDeducciones"), mas(dec(ded, "TotalOtrasDeducciones"), dec(ded, "TotalImpuestosRetenidos")))
	j.iguales("TotalOtrosPagos", dec(n, "TotalOtrosPagos"), suma(todos(n, "OtrosPagos/OtroPago"), "Importe"))
	j.iguales("SubTotal", dec(raiz, "SubTotal"), mas(dec(n, "TotalPercepciones"), dec(n, "TotalOtrosPagos")))
	j.iguales("Descuento", dec(raiz, "Descuento"), dec(n, "TotalDeducciones"))
	if r := n.SelectElement("Receptor"); raiz.SelectElement("Receptor").SelectAttrValue("RegimenFiscalReceptor", "") != "605" || r.SelectAttrValue("FechaInicioRelLaboral", "9") > n.SelectAttrValue("FechaFinalPago", "") {
		j.mal("who is paid: %v", r.Attr)
	}
}

func (j *juez) pagos(p *etree.Element) {
	pago, totales := p.SelectElement("Pago"), p.SelectElement("Totales")
	doctos := todos(pago, "DoctoRelacionado")
	j.iguales("MontoTotalPagos", dec(totales, "MontoTotalPagos"), dec(pago, "Monto"))
	j.iguales("Monto", dec(pago, "Monto"), suma(doctos, "ImpPagado"))
	for _, d := range doctos {
		j.iguales("ImpSaldoInsoluto", dec(d, "ImpSaldoInsoluto"), new(big.Rat).Sub(dec(d, "ImpSaldoAnt"), dec(d, "ImpPagado")))
		if (d.SelectAttrValue("ObjetoImpDR", "") == "02") != (d.SelectElement("ImpuestosDR") != nil) {
			j.mal("ObjetoImpDR without its taxes, or with some")
		}
	}
	for _, t := range []struct{ nombre, de string }{{"Traslado", "Traslados"}, {"Retencion", "Retenciones"}} {
		for _, campo := range []string{"Importe", "Base"} {
			dr, pp := suma(todos(pago, "DoctoRelacionado/ImpuestosDR/"+t.de+"DR/"+t.nombre+"DR"), campo+"DR"), suma(todos(pago, "ImpuestosP/"+t.de+"P/"+t.nombre+"P"), campo+"P")
			if campo == "Importe" || t.nombre == "Traslado" {
				j.iguales(t.nombre+"P/@"+campo+"P", pp, dr)
			}
		}
	}
	for nombre, camino := range map[string]string{
		"TotalTrasladosImpuestoIVA16": "ImpuestosP/TrasladosP/TrasladoP[@TasaOCuotaP='0.160000']", "TotalRetencionesIVA": "ImpuestosP/RetencionesP/RetencionP[@ImpuestoP='002']",
		"TotalRetencionesISR": "ImpuestosP/RetencionesP/RetencionP[@ImpuestoP='001']",
	} {
		j.iguales(nombre, dec(totales, nombre), suma(todos(pago, camino), "ImporteP"))
	}
	for nombre, camino := range map[string]string{"TotalTrasladosBaseIVA16": "[@TasaOCuotaP='0.160000']", "TotalTrasladosBaseIVA0": "[@TasaOCuotaP='0.000000']", "TotalTrasladosBaseIVAExento": "[@TipoFactorP='Exento']"} {
		j.iguales(nombre, dec(totales, nombre), suma(todos(pago, "ImpuestosP/TrasladosP/TrasladoP"+camino), "BaseP"))
	}
}

func (j *juez) retencion(raiz *etree.Element, c *Comprobante) {
	t := raiz.SelectElement("Totales")
	j.iguales("MontoTotOperacion", dec(t, "MontoTotOperacion"), new(big.Rat).Add(dec(t, "MontoTotGrav"), dec(t, "MontoTotExent")))
	j.iguales("MontoTotRet", dec(t, "MontoTotRet"), suma(todos(t, "ImpRetenidos"), "MontoRet"))
	j.iguales("MontoRet", dec(t, "MontoTotRet"), al(new(big.Rat).Mul(dec(t, "MontoTotGrav"), big.NewRat(1, 10))))
	j.iguales("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(t, "MontoTotOperacion"))
}

// acuerda holds what the metadata row says against the XML.
func (j *juez) acuerda(u *Universo, raiz *etree.Element, c *Comprobante) {
	fila := strings.Split(string(u.agregaFila(nil, c, &paquete{solicitud: &solicitud{pedido: &pedido{}}}, 1)), "~")
	t := raiz.FindElement("./Complemento/TimbreFiscalDigital")
	got := []string{t.SelectAttrValue("UUID", ""), raiz.FindElement("Emisor").SelectAttrValue("Rfc", "") + raiz.FindElement("Emisor").SelectAttrValue("RfcE", ""),
		t.SelectAttrValue("RfcProvCertif", ""), strings.Replace(raiz.SelectAttrValue("Fecha", "")+raiz.SelectAttrValue("FechaExp", ""), "T", " ", 1), strings.Replace(t.SelectAttrValue("FechaTimbrado", ""), "T", " ", 1)}
	if quiere := []string{strings.ToLower(fila[0]), fila[1], fila[5], fila[6], fila[7]}; !slices.Equal(got, quiere) {
		j.mal("the XML says %v, the metadata %v", got, quiere)
	}
	if tipo := raiz.SelectAttrValue("TipoDeComprobante", "R"); tipo != fila[9] {
		j.mal("kind %s, in the metadata %s", tipo, fila[9])
	}
	if s := raiz.SelectAttrValue("Sello", ""); c.Servicio == CFDI && t.SelectAttrValue("SelloCFD", "-") != s {
		j.mal("the timbre has another seal")
	}
	for _, n := range []string{"Sello", "Certificado"} {
		if b, err := base64.StdEncoding.DecodeString(raiz.SelectAttrValue(n, "")); err != nil || len(b) != bytesSello {
			j.mal("%s: %v, %d bytes", n, err, len(b))
		}
	}
}

// muestra yields comprobantes of both families, directions and sorts of taxpayer.
func muestra(u *Universo, n int) iter.Seq[Comprobante] {
	return func(yield func(Comprobante) bool) {
		for _, a := range []ambito{
			{CFDI, rfcPrueba, Emitidos, 700}, {CFDI, rfcPrueba, Recibidos, 700}, {CFDI, "PEPJ800101AB5", Emitidos, 400}, {CFDI, "PEPJ800101AB5", Recibidos, 300},
			{CFDI, "Ñ&P010101AB3", Emitidos, 3}, {Retenciones, rfcPrueba, Emitidos, 200}, {Retenciones, "PEPJ800101AB5", Recibidos, 200},
		} {
			quedan := n
			for _, c := range u.desde(a, posicion{dia: 20_089}, 1<<40) {
				if quedan--; quedan < 0 {
					break
				}
				if !yield(c) {
					return
				}
			}
		}
	}
}

func TestForma_EveryKindOfCFDI40AndRetenciones20(t *testing.T) {
	t.Parallel()
	u := NewUniverso(5)
	j := nuevoJuez(t)
	kinds := map[string]int{}
	for c := range muestra(u, 900) {
		xml, _ := u.escribeXML(nil, &c, perillasPaquete{})
		doc := etree.NewDocument()
		doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
		if err := doc.ReadFromBytes(xml); err != nil {
			t.Fatalf("%s: %v", c.UUID, err)
		}
		raiz := doc.Root()
		j.donde = fmt.Sprintf("%s %c %s", c.UUID, c.Tipo, c.Complemento)
		j.elemento(raiz)
		j.esquemas(raiz)
		j.acuerda(u, raiz, &c)
		if c.Servicio == Retenciones {
			j.retencion(raiz, &c)
			kinds["R"+c.Complemento]++
			continue
		}
		j.comprobante(raiz, &c)
		j.relaciones(u, raiz, &c)
		kinds[string(c.Tipo)+c.Complemento]++
		if c.Tipo == 'I' {
			kinds[fmt.Sprint("perfil ", perfilDe(&c), c.Sentido == Emitidos && esPersona(c.RFC))]++
		}
		if t.Failed() {
			t.Fatalf("%s", xml)
		}
	}
	for _, que := range []string{"I", "Ileyendasfisc", "E", "T", "Nnomina12", "Ppagos20", "R", "Rdividendos", "Rintereses", "Rarrendamientoenfideicomiso", "Rserviciosplataformastecnologicas10",
		"perfil 0 false", "perfil 1 false", "perfil 2 false", "perfil 3 false", "perfil 4 false", "perfil 5 false", "perfil 5 true"} {
		if kinds[que] < 10 {
			t.Errorf("%d of %q among %v", kinds[que], que, kinds)
		}
	}
}

// esquemas: every namespace of the document has its schema, at the root or at the timbre.
func (j *juez) esquemas(raiz *etree.Element) {
	for _, e := range []*etree.Element{raiz, raiz.FindElement("./Complemento/TimbreFiscalDigital")} {
		lugares := strings.Fields(e.SelectAttrValue("xsi:schemaLocation", ""))
		if len(lugares)%2 != 0 || !slices.Contains(lugares, e.NamespaceURI()) {
			j.mal("schemaLocation %v of %s", lugares, e.Tag)
		}
		for _, a := range e.Attr {
			if a.Space == "xmlns" && a.Key != "xsi" && !slices.Contains(lugares, a.Value) {
				j.mal("%s has no schema", a.Value)
			}
		}
	}
}

// relaciones: what a comprobante is about exists, was issued before by the same to the same, and was not paid
// in cash when it is paid now. Universes that are small have to invent it.
func (j *juez) relaciones(u *Universo, raiz *etree.Element, c *Comprobante) {
	for _, e := range append(todos(raiz, "./CfdiRelacionados/CfdiRelacionado"), todos(raiz, "./Complemento/Pagos/Pago/DoctoRelacionado")...) {
		id, ok := leeUUID(e.SelectAttrValue("UUID", e.SelectAttrValue("IdDocumento", "")))
		f, hay := u.busca(ambito{c.Servicio, c.RFC, c.Sentido, c.porDia}, id)
		if !ok || !hay && c.porDia > 3 {
			j.mal("about %v, which does not exist", id)
		}
		if !hay {
			continue
		}
		if f.Tipo != 'I' || f.Contraparte != c.Contraparte || f.Fecha > c.Fecha || c.Tipo == 'P' && !aCredito(f.azar) {
			j.mal("about %+v", f)
		}
		if c.Tipo == 'P' {
			j.iguales("ImpSaldoAnt", dec(e, "ImpSaldoAnt"), big.NewRat(f.Centavos(), 100))
		}
	}
}

// TestForma_OlderVersionsAddUp holds the sums of CFDI 3.3 and 3.2 against one another.
func TestForma_OlderVersionsAddUp(t *testing.T) {
	t.Parallel()
	u := NewUniverso(5)
	j := nuevoJuez(t)
	versiones := map[string]int{}
	for c := range muestra(u, 500) {
		if c.Servicio == Retenciones {
			continue
		}
		xml, _ := u.escribeXML(nil, &c, perillasPaquete{antiguos: 100})
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(xml); err != nil {
			t.Fatal(err)
		}
		raiz := doc.Root()
		v := raiz.SelectAttrValue("Version", raiz.SelectAttrValue("version", ""))
		versiones[v]++
		j.donde = c.UUID.String() + " " + v
		n := func(moderno string) string {
			if v == "3.2" {
				return strings.ToLower(moderno[:1]) + moderno[1:]
			}
			return moderno
		}
		j.iguales("SubTotal", dec(raiz, n("SubTotal")), suma(todos(raiz, "./Conceptos/Concepto"), n("Importe")))
		total := new(big.Rat).Sub(dec(raiz, n("SubTotal")), dec(raiz, n("Descuento")))
		if g := raiz.SelectElement("Impuestos"); g != nil {
			j.iguales("traslados", dec(g, n("TotalImpuestosTrasladados")), suma(todos(g, "./Traslados/Traslado"), n("Importe")))
			j.iguales("retenciones", dec(g, n("TotalImpuestosRetenidos")), suma(todos(g, "./Retenciones/Retencion"), n("Importe")))
			total.Add(total, dec(g, n("TotalImpuestosTrasladados")))
			total.Sub(total, dec(g, n("TotalImpuestosRetenidos")))
		}
		j.iguales("Total", dec(raiz, n("Total")), total)
		j.iguales("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(raiz, n("Total")))
		if v == "3.3" && strings.Contains(string(xml), "ObjetoImp") || c.Tipo == 'I' && raiz.SelectAttrValue("MetodoPago", raiz.SelectAttrValue("metodoDePago", "")) == "" {
			j.mal("%s", xml)
		}
		if p := raiz.FindElement("./Complemento/Pagos/Pago"); p != nil {
			j.iguales("Monto", dec(p, "Monto"), suma(todos(p, "DoctoRelacionado"), "ImpPagado"))
		}
	}
	if versiones["3.2"] < 100 || versiones["3.3"] < 100 || len(versiones) != 2 {
		t.Errorf("%v", versiones)
	}
}

// TestForma_AnotherParserReadsThem has libxml2 read some of every kind and version.
func TestForma_AnotherParserReadsThem(t *testing.T) {
	t.Parallel()
	programa, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is missing")
		}
		t.Skip("xmllint is missing: nobody else reads these XML")
	}
	u := NewUniverso(5)
	dir := t.TempDir()
	var archivos []string
	for _, antiguos := range []int64{0, 100} {
		for c := range muestra(u, 60) {
			xml, _ := u.escribeXML(nil, &c, perillasPaquete{antiguos: antiguos})
			archivo := filepath.Join(dir, fmt.Sprintf("%d-%s.xml", antiguos, c.UUID))
			if err := os.WriteFile(archivo, xml, 0o600); err != nil {
				t.Fatal(err)
			}
			archivos = append(archivos, archivo)
		}
	}
	if salida, err := exec.CommandContext(t.Context(), programa, append([]string{"--noout", "--nonet"}, archivos...)...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, bytes.TrimSpace(salida))
	}
}
