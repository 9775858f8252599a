package sat

import (
	"bytes"
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
type form struct {
	must, can string
	children  string // names in order; + is one or more, * any number, ? at most one
}

func forms40() map[string]form {
	impuestos := form{"", "TotalImpuestosRetenidos TotalImpuestosTrasladados", "Retenciones? Traslados?"}
	return map[string]form{
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

// values are the forms of attributes, by name; those that are not here are texts, which must not be empty.
func values() map[string]*regexp.Regexp {
	money := `(0|[1-9]\d*)(\.\d\d)?`
	uuid := `[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}`
	rfc := `[A-Z&Ñ]{3,4}\d\d(0[1-9]|1[012])(0[1-9]|[12]\d|3[01])[A-Z0-9]{2}[0-9A]`
	fecha := `20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d`
	texts := map[string]string{
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
		texts[n] = money
	}
	all := map[string]*regexp.Regexp{}
	for n, t := range texts {
		all[n] = regexp.MustCompile("^(" + t + ")$")
	}
	return all
}

// show yields comprobantes of both families, directions and sorts of taxpayer.
func show(u *Universe, n int) iter.Seq[Comprobante] {
	return func(yield func(Comprobante) bool) {
		for _, a := range []scope{
			{CFDI, rfcTrial, Emitidos, 700}, {CFDI, rfcTrial, Recibidos, 700}, {CFDI, "PEPJ800101AB5", Emitidos, 400}, {CFDI, "PEPJ800101AB5", Recibidos, 300},
			{CFDI, "Ñ&P010101AB3", Emitidos, 3}, {Retenciones, rfcTrial, Emitidos, 200}, {Retenciones, "PEPJ800101AB5", Recibidos, 200},
		} {
			remain := n
			for _, c := range u.since(a, position{day: 20_089}, 1<<40) {
				if remain--; remain < 0 {
					break
				}
				if !yield(c) {
					return
				}
			}
		}
	}
}

func TestForm_EveryKindOfCFDI40AndRetenciones20(t *testing.T) {
	t.Parallel()
	u := NewUniverse(5)
	j := newJudge(t)
	kinds := map[string]int{}
	for c := range show(u, 900) {
		xml, _ := u.writeXML(nil, &c, paqueteKnobs{})
		doc := etree.NewDocument()
		doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
		if err := doc.ReadFromBytes(xml); err != nil {
			t.Fatalf("%s: %v", c.UUID, err)
		}
		root := doc.Root()
		j.where = fmt.Sprintf("%s %c %s", c.UUID, c.Tipo, c.Complemento)
		j.element(root)
		j.schemas(root)
		j.agree(u, root, &c)
		if c.Servicio == Retenciones {
			j.retencion(root, &c)
			kinds["R"+c.Complemento]++
			continue
		}
		j.comprobante(root, &c)
		j.relations(u, root, &c)
		kinds[string(c.Tipo)+c.Complemento]++
		if c.Tipo == 'I' {
			kinds[fmt.Sprint("perfil ", profileOf(&c), c.Direction == Emitidos && isPersona(c.RFC))]++
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

// schemas: every namespace of the document has its schema, at the root or at the timbre.
func (j *judge) schemas(root *etree.Element) {
	for _, e := range []*etree.Element{root, root.FindElement("./Complemento/TimbreFiscalDigital")} {
		places := strings.Fields(e.SelectAttrValue("xsi:schemaLocation", ""))
		if len(places)%2 != 0 || !slices.Contains(places, e.NamespaceURI()) {
			j.bad("schemaLocation %v of %s", places, e.Tag)
		}
		for _, a := range e.Attr {
			if a.Space == "xmlns" && a.Key != "xsi" && !slices.Contains(places, a.Value) {
				j.bad("%s has no schema", a.Value)
			}
		}
	}
}

// relations: what a comprobante is about exists, was issued before by the same to the same, and was not paid
// in cash when it is paid now. Universes that are small have to invent it.
func (j *judge) relations(u *Universe, root *etree.Element, c *Comprobante) {
	for _, e := range append(all(root, "./CfdiRelacionados/CfdiRelacionado"), all(root, "./Complemento/Pagos/Pago/DoctoRelacionado")...) {
		id, ok := readUUID(e.SelectAttrValue("UUID", e.SelectAttrValue("IdDocumento", "")))
		f, has := u.find(scope{c.Servicio, c.RFC, c.Direction, c.perDay}, id)
		if !ok || !has && c.perDay > 3 {
			j.bad("about %v, which does not exist", id)
		}
		if !has {
			continue
		}
		if f.Tipo != 'I' || f.Contraparte != c.Contraparte || f.Fecha > c.Fecha || c.Tipo == 'P' && !aCredito(f.random) {
			j.bad("about %+v", f)
		}
		if c.Tipo == 'P' {
			j.equal("ImpSaldoAnt", dec(e, "ImpSaldoAnt"), big.NewRat(f.Centavos(), 100))
		}
	}
}

// TestForm_OlderVersionsAddUp holds the sums of CFDI 3.3 and 3.2 against one another.
func TestForm_OlderVersionsAddUp(t *testing.T) {
	t.Parallel()
	u := NewUniverse(5)
	j := newJudge(t)
	versions := map[string]int{}
	for c := range show(u, 500) {
		if c.Servicio == Retenciones {
			continue
		}
		xml, _ := u.writeXML(nil, &c, paqueteKnobs{old: 100})
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(xml); err != nil {
			t.Fatal(err)
		}
		root := doc.Root()
		v := root.SelectAttrValue("Version", root.SelectAttrValue("version", ""))
		versions[v]++
		j.where = c.UUID.String() + " " + v
		n := func(modern string) string {
			if v == "3.2" {
				return strings.ToLower(modern[:1]) + modern[1:]
			}
			return modern
		}
		j.equal("SubTotal", dec(root, n("SubTotal")), sum(all(root, "./Conceptos/Concepto"), n("Importe")))
		total := new(big.Rat).Sub(dec(root, n("SubTotal")), dec(root, n("Descuento")))
		if g := root.SelectElement("Impuestos"); g != nil {
			j.equal("traslados", dec(g, n("TotalImpuestosTrasladados")), sum(all(g, "./Traslados/Traslado"), n("Importe")))
			j.equal("retenciones", dec(g, n("TotalImpuestosRetenidos")), sum(all(g, "./Retenciones/Retencion"), n("Importe")))
			total.Add(total, dec(g, n("TotalImpuestosTrasladados")))
			total.Sub(total, dec(g, n("TotalImpuestosRetenidos")))
		}
		j.equal("Total", dec(root, n("Total")), total)
		j.equal("the metadata's Monto", big.NewRat(c.Centavos(), 100), dec(root, n("Total")))
		if v == "3.3" && strings.Contains(string(xml), "ObjetoImp") || c.Tipo == 'I' && root.SelectAttrValue("MetodoPago", root.SelectAttrValue("metodoDePago", "")) == "" {
			j.bad("%s", xml)
		}
		if p := root.FindElement("./Complemento/Pagos/Pago"); p != nil {
			j.equal("Monto", dec(p, "Monto"), sum(all(p, "DoctoRelacionado"), "ImpPagado"))
		}
	}
	if versions["3.2"] < 100 || versions["3.3"] < 100 || len(versions) != 2 {
		t.Errorf("%v", versions)
	}
}

// TestForm_AnotherParserReadsThem has libxml2 read some of every kind and version.
func TestForm_AnotherParserReadsThem(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is missing")
		}
		t.Skip("xmllint is missing: nobody else reads these XML")
	}
	u := NewUniverse(5)
	dir := t.TempDir()
	var files []string
	for _, old := range []int64{0, 100} {
		for c := range show(u, 60) {
			xml, _ := u.writeXML(nil, &c, paqueteKnobs{old: old})
			file := filepath.Join(dir, fmt.Sprintf("%d-%s.xml", old, c.UUID))
			if err := os.WriteFile(file, xml, 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	if output, err := exec.CommandContext(t.Context(), program, append([]string{"--noout", "--nonet"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, bytes.TrimSpace(output))
	}
}
