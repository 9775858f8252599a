package sat

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// judge holds a document against the shape and its sums.
type judge struct {
	t      *testing.T
	forms  map[string]form
	values map[string]*regexp.Regexp
	where  string
}

func newJudge(t *testing.T) *judge {
	return &judge{t: t, forms: forms40(), values: values()}
}

func (j *judge) bad(format string, a ...any) {
	j.t.Helper()
	j.t.Errorf("%s: %s", j.where, fmt.Sprintf(format, a...))
}

// formOf finds the shape of an element: by its nearest ancestor that has one of its own, or by its name.
func (j *judge) formOf(e *etree.Element) (form, bool) {
	if e.Parent().Parent() == nil && e.Tag == "Retenciones" {
		return j.forms["Retenciones/"], true
	}
	for p := e.Parent(); p != nil; p = p.Parent() {
		if f, ok := j.forms[p.Tag+"/"+e.Tag]; ok && (p.Tag != "Retenciones" || p.Space == "retenciones") {
			return f, true
		}
	}
	f, ok := j.forms[e.Tag]
	return f, ok
}

func (j *judge) element(e *etree.Element) {
	f, ok := j.formOf(e)
	if !ok {
		j.bad("element %s", e.FullTag())
		return
	}
	var has []string
	for _, a := range e.Attr {
		if a.Space == "xmlns" || a.Space == "xsi" {
			continue
		}
		has = append(has, a.Key)
		if form := j.values[a.Key]; a.Value == "" || form != nil && !form.MatchString(a.Value) {
			j.bad("%s/@%s = %q", e.Tag, a.Key, a.Value)
		}
		if !slices.Contains(strings.Fields(f.must+" "+f.can), a.Key) {
			j.bad("%s has %s", e.Tag, a.Key)
		}
	}
	for _, n := range strings.Fields(f.must) {
		if !slices.Contains(has, n) {
			j.bad("%s lacks %s", e.Tag, n)
		}
	}
	j.children(e, strings.Fields(f.children))
	for _, h := range e.ChildElements() {
		j.element(h)
	}
}

func (j *judge) children(e *etree.Element, order []string) {
	children := e.ChildElements()
	for _, wants := range order {
		name := strings.TrimRight(wants, "+*?")
		n := 0
		for n < len(children) && children[n].Tag == name {
			n++
		}
		switch times := strings.TrimPrefix(wants, name); {
		case times == "" && n != 1, times == "?" && n > 1, times == "+" && n == 0:
			j.bad("%s has %d %s", e.Tag, n, name)
		}
		children = children[n:]
	}
	if len(children) > 0 {
		j.bad("%s has %s out of its place", e.Tag, children[0].Tag)
	}
}

// dec reads an attribute as an exact decimal; one that is not there is 0.
func dec(e *etree.Element, name string) *big.Rat {
	r, ok := new(big.Rat).SetString(e.SelectAttrValue(name, "0"))
	if !ok {
		return big.NewRat(-1, 1)
	}
	return r
}

func sum(elements []*etree.Element, name string) *big.Rat {
	total := new(big.Rat)
	for _, e := range elements {
		total.Add(total, dec(e, name))
	}
	return total
}

// al rounds to the cent, halves upwards.
func al(r *big.Rat) *big.Rat {
	c, _ := new(big.Rat).SetString(r.FloatString(2)) // which rounds halves away from zero
	return c
}

func (j *judge) equal(que string, one, other *big.Rat) {
	if one.Cmp(other) != 0 {
		j.bad("%s: %s is not %s", que, one.FloatString(6), other.FloatString(6))
	}
}

func all(e *etree.Element, way string) []*etree.Element { return e.FindElements(way) }

// comprobante holds the sums of a CFDI 4.0 against one another, and what goes with its kind.
func (j *judge) comprobante(root *etree.Element, c *Comprobante) {
	conceptos := all(root, "./Conceptos/Concepto")
	total := new(big.Rat).Sub(dec(root, "SubTotal"), dec(root, "Descuento"))
	j.equal("SubTotal", dec(root, "SubTotal"), sum(conceptos, "Importe"))
	j.equal("Descuento", dec(root, "Descuento"), sum(conceptos, "Descuento"))
	for _, with := range conceptos {
		j.equal("Importe", dec(with, "Importe"), new(big.Rat).Mul(dec(with, "Cantidad"), dec(with, "ValorUnitario")))
		impuestos := append(all(with, "./Impuestos/Traslados/Traslado"), all(with, "./Impuestos/Retenciones/Retencion")...)
		if (with.SelectAttrValue("ObjetoImp", "") == "02") != (len(impuestos) > 0) {
			j.bad("ObjetoImp with %d taxes", len(impuestos))
		}
		for _, i := range impuestos {
			j.gravamen(i)
		}
	}
	global := root.SelectElement("Impuestos")
	if global != nil {
		j.groups(root, global)
		total.Add(total, dec(global, "TotalImpuestosTrasladados"))
		total.Sub(total, dec(global, "TotalImpuestosRetenidos"))
	} else if n := len(all(root, "./Conceptos/Concepto/Impuestos")); n > 0 {
		j.bad("%d lines have taxes and the whole has none", n)
	}
	j.equal("Total", dec(root, "Total"), total)
	j.equal("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(root, "Total"))
	j.class(root, c)
}

// gravamen is a tax of a line: its amount is its rate of its base; one that is exempt has neither.
func (j *judge) gravamen(i *etree.Element) {
	exento := i.SelectAttrValue("TipoFactor", "") == "Exento"
	if exento != (i.SelectAttr("TasaOCuota") == nil) || exento != (i.SelectAttr("Importe") == nil) || dec(i, "Base").Sign() <= 0 {
		j.bad("tax %v", i.Attr)
	}
	j.equal("tax", dec(i, "Importe"), al(new(big.Rat).Mul(dec(i, "Base"), dec(i, "TasaOCuota"))))
}

// groups holds the taxes of the whole against those of the lines.
func (j *judge) groups(root, global *etree.Element) {
	key := func(e *etree.Element, retenido bool) string {
		if retenido {
			return "R" + e.SelectAttrValue("Impuesto", "")
		}
		return "T" + e.SelectAttrValue("Impuesto", "") + e.SelectAttrValue("TipoFactor", "") + e.SelectAttrValue("TasaOCuota", "")
	}
	gather := func(de *etree.Element, way string) map[string][2]string {
		groups := map[string][]*etree.Element{}
		for _, retenido := range []bool{false, true} {
			name := "Traslados/Traslado"
			if retenido {
				name = "Retenciones/Retencion"
			}
			for _, e := range all(de, way+name) {
				k := key(e, retenido)
				groups[k] = append(groups[k], e)
			}
		}
		sums := map[string][2]string{}
		for k, g := range groups {
			base := sum(g, "Base").FloatString(2)
			if k[0] == 'R' {
				base = ""
			}
			sums[k] = [2]string{base, sum(g, "Importe").FloatString(2)}
		}
		return sums
	}
	lines, whole := gather(root, "./Conceptos/Concepto/Impuestos/"), gather(global, "./")
	if fmt.Sprint(lines) != fmt.Sprint(whole) {
		j.bad("taxes of the lines %v, of the whole %v", lines, whole)
	}
	if n := len(all(global, "./Traslados/Traslado")) + len(all(global, "./Retenciones/Retencion")); n != len(whole) {
		j.bad("%d taxes of the whole in %d groups", n, len(whole))
	}
	j.equal("TotalImpuestosTrasladados", dec(global, "TotalImpuestosTrasladados"), sum(all(global, "./Traslados/Traslado"), "Importe"))
	j.equal("TotalImpuestosRetenidos", dec(global, "TotalImpuestosRetenidos"), sum(all(global, "./Retenciones/Retencion"), "Importe"))
}

// class is what the kind of comprobante wants and what it must not have.
func (j *judge) class(root *etree.Element, c *Comprobante) {
	attribute := func(n string) string { return root.SelectAttrValue(n, "-") }
	got := strings.Join([]string{attribute("Moneda"), attribute("FormaPago"), attribute("MetodoPago"), root.SelectElement("Receptor").SelectAttrValue("UsoCFDI", "")}, " ")
	wants := map[byte]string{'I': `^(MXN 99 PPD|MXN \d\d PUE|USD \d\d PUE) G03$`, 'E': `^MXN \d\d PUE G02$`, 'T': `^XXX - - S01$`, 'N': `^MXN - PUE CN01$`, 'P': `^XXX - - CP01$`}[c.Tipo]
	if !regexp.MustCompile(wants).MatchString(got) || (attribute("Moneda") == "USD") != (attribute("TipoCambio") != "-") || attribute("MetodoPago") == "PUE" && attribute("FormaPago") == "99" {
		j.bad("kind %c has %s %s", c.Tipo, got, attribute("TipoCambio"))
	}
	if relacionados := len(all(root, "./CfdiRelacionados/CfdiRelacionado")); (relacionados > 0) != (c.Tipo == 'E') {
		j.bad("%d related", relacionados)
	}
	if (c.Tipo == 'P' || c.Tipo == 'T') && (attribute("SubTotal") != "0" || attribute("Total") != "0") {
		j.bad("SubTotal %s, Total %s", attribute("SubTotal"), attribute("Total"))
	}
	if n := root.SelectElement("Complemento").SelectElement("Nomina"); n != nil {
		j.nomina(n, root)
	}
	if p := root.SelectElement("Complemento").SelectElement("Pagos"); p != nil {
		j.pagos(p)
	}
}

func (j *judge) nomina(n, root *etree.Element) {
	per, ded := n.SelectElement("Percepciones"), n.SelectElement("Deducciones")
	more := func(one, other *big.Rat) *big.Rat { return new(big.Rat).Add(one, other) }
	j.equal("TotalPercepciones", dec(n, "TotalPercepciones"), more(dec(per, "TotalGravado"), dec(per, "TotalExento")))
	j.equal("TotalSueldos", dec(per, "TotalSueldos"), dec(n, "TotalPercepciones"))
	j.equal("TotalGravado", dec(per, "TotalGravado"), sum(all(per, "Percepcion"), "ImporteGravado"))
	j.equal("TotalExento", dec(per, "TotalExento"), sum(all(per, "Percepcion"), "ImporteExento"))
	j.equal("TotalDeducciones", dec(n, "TotalDeducciones"), sum(all(ded, "Deduccion"), "Importe"))
	j.equal("TotalDeducciones", dec(n, "TotalDeducciones"), more(dec(ded, "TotalOtrasDeducciones"), dec(ded, "TotalImpuestosRetenidos")))
	j.equal("TotalOtrosPagos", dec(n, "TotalOtrosPagos"), sum(all(n, "OtrosPagos/OtroPago"), "Importe"))
	j.equal("SubTotal", dec(root, "SubTotal"), more(dec(n, "TotalPercepciones"), dec(n, "TotalOtrosPagos")))
	j.equal("Descuento", dec(root, "Descuento"), dec(n, "TotalDeducciones"))
	if r := n.SelectElement("Receptor"); root.SelectElement("Receptor").SelectAttrValue("RegimenFiscalReceptor", "") != "605" || r.SelectAttrValue("FechaInicioRelLaboral", "9") > n.SelectAttrValue("FechaFinalPago", "") {
		j.bad("who is paid: %v", r.Attr)
	}
}

func (j *judge) pagos(p *etree.Element) {
	pago, totals := p.SelectElement("Pago"), p.SelectElement("Totales")
	doctos := all(pago, "DoctoRelacionado")
	j.equal("MontoTotalPagos", dec(totals, "MontoTotalPagos"), dec(pago, "Monto"))
	j.equal("Monto", dec(pago, "Monto"), sum(doctos, "ImpPagado"))
	for _, d := range doctos {
		j.equal("ImpSaldoInsoluto", dec(d, "ImpSaldoInsoluto"), new(big.Rat).Sub(dec(d, "ImpSaldoAnt"), dec(d, "ImpPagado")))
		if (d.SelectAttrValue("ObjetoImpDR", "") == "02") != (d.SelectElement("ImpuestosDR") != nil) {
			j.bad("ObjetoImpDR without its taxes, or with some")
		}
	}
	for _, t := range []struct{ name, de string }{{"Traslado", "Traslados"}, {"Retencion", "Retenciones"}} {
		for _, field := range []string{"Importe", "Base"} {
			dr, pp := sum(all(pago, "DoctoRelacionado/ImpuestosDR/"+t.de+"DR/"+t.name+"DR"), field+"DR"), sum(all(pago, "ImpuestosP/"+t.de+"P/"+t.name+"P"), field+"P")
			if field == "Importe" || t.name == "Traslado" {
				j.equal(t.name+"P/@"+field+"P", pp, dr)
			}
		}
	}
	for name, way := range map[string]string{
		"TotalTrasladosImpuestoIVA16": "ImpuestosP/TrasladosP/TrasladoP[@TasaOCuotaP='0.160000']", "TotalRetencionesIVA": "ImpuestosP/RetencionesP/RetencionP[@ImpuestoP='002']",
		"TotalRetencionesISR": "ImpuestosP/RetencionesP/RetencionP[@ImpuestoP='001']",
	} {
		j.equal(name, dec(totals, name), sum(all(pago, way), "ImporteP"))
	}
	for name, way := range map[string]string{"TotalTrasladosBaseIVA16": "[@TasaOCuotaP='0.160000']", "TotalTrasladosBaseIVA0": "[@TasaOCuotaP='0.000000']", "TotalTrasladosBaseIVAExento": "[@TipoFactorP='Exento']"} {
		j.equal(name, dec(totals, name), sum(all(pago, "ImpuestosP/TrasladosP/TrasladoP"+way), "BaseP"))
	}
}

func (j *judge) retencion(root *etree.Element, c *Comprobante) {
	t := root.SelectElement("Totales")
	j.equal("MontoTotOperacion", dec(t, "MontoTotOperacion"), new(big.Rat).Add(dec(t, "MontoTotGrav"), dec(t, "MontoTotExent")))
	j.equal("MontoTotRet", dec(t, "MontoTotRet"), sum(all(t, "ImpRetenidos"), "MontoRet"))
	j.equal("MontoRet", dec(t, "MontoTotRet"), al(new(big.Rat).Mul(dec(t, "MontoTotGrav"), big.NewRat(1, 10))))
	j.equal("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(t, "MontoTotOperacion"))
}

// agree holds what the metadata row says against the XML.
func (j *judge) agree(u *Universe, root *etree.Element, c *Comprobante) {
	row := strings.Split(string(u.addRow(nil, c, &paquete{solicitud: &solicitud{requested: &requested{}}}, 1)), "~")
	t := root.FindElement("./Complemento/TimbreFiscalDigital")
	got := []string{t.SelectAttrValue("UUID", ""), root.FindElement("Emisor").SelectAttrValue("Rfc", "") + root.FindElement("Emisor").SelectAttrValue("RfcE", ""),
		t.SelectAttrValue("RfcProvCertif", ""), strings.Replace(root.SelectAttrValue("Fecha", "")+root.SelectAttrValue("FechaExp", ""), "T", " ", 1), strings.Replace(t.SelectAttrValue("FechaTimbrado", ""), "T", " ", 1)}
	if wants := []string{strings.ToLower(row[0]), row[1], row[5], row[6], row[7]}; !slices.Equal(got, wants) {
		j.bad("the XML says %v, the metadata %v", got, wants)
	}
	if tipo := root.SelectAttrValue("TipoDeComprobante", "R"); tipo != row[9] {
		j.bad("kind %s, in the metadata %s", tipo, row[9])
	}
	if s := root.SelectAttrValue("Sello", ""); c.Servicio == CFDI && t.SelectAttrValue("SelloCFD", "-") != s {
		j.bad("the timbre has another seal")
	}
	for _, n := range []string{"Sello", "Certificado"} {
		if b, err := base64.StdEncoding.DecodeString(root.SelectAttrValue(n, "")); err != nil || len(b) != bytesSello {
			j.bad("%s: %v, %d bytes", n, err, len(b))
		}
	}
}
