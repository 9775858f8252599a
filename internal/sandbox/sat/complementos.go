package sat

import "strconv"

// complementoCFDI writes the complement that the filter of the same name finds.
func (u *Universe) complementoCFDI(x *writer, c *Comprobante, k *cuentas) {
	switch c.Complemento {
	case "nomina12":
		u.nomina12(x, c, k)
	case "pagos20":
		u.pagos20(x, c)
	case "leyendasfisc":
		x.open("leyendasFisc:LeyendasFiscales", ">", "version", "1.0")
		x.open("leyendasFisc:Leyenda", "/>", "textoLeyenda", "Operación de prueba, sin efectos fiscales")
		x.raw("</leyendasFisc:LeyendasFiscales>")
	}
}

// weeks is how long a worker has worked.
func weeks(c *Comprobante) int64 { return 20 + int64(c.random>>48%900) }

// nomina12 writes a payroll: a fortnight's wages, coupons, income tax and social security, and a subsidy now
// and then.
func (u *Universe) nomina12(x *writer, c *Comprobante, k *cuentas) {
	day := func(seconds int64) string { return fechaT(seconds)[:len("2006-01-02")] }
	x.open("nomina12:Nomina", ">", "Version", "1.2", "TipoNomina", "O", "FechaPago", day(c.Fecha),
		"FechaInicialPago", day(c.Fecha-14*secondsDay), "FechaFinalPago", day(c.Fecha), "NumDiasPagados", "15.000",
		"TotalPercepciones", monto(k.sueldo+k.vouchers), "TotalDeducciones", monto(k.descuento),
		"TotalOtrosPagos", when(k.subsidio > 0, monto(k.subsidio)))
	x.open("nomina12:Emisor", "/>", "Curp", when(isPersona(u.emisor(c).rfc), "XEXX010101MNEXXXA8"), "RegistroPatronal", "B5510768108")
	daily := monto(k.sueldo / 15)
	x.open("nomina12:Receptor", "/>", "Curp", "XEXX010101HNEXXXA4",
		"NumSeguridadSocial", "04"+strconv.FormatUint(100_000_000+c.random>>32%900_000_000, 10),
		"FechaInicioRelLaboral", day(c.Fecha-weeks(c)*7*secondsDay), "Antigüedad", "P"+strconv.FormatInt(weeks(c), 10)+"W",
		"TipoContrato", "01", "TipoRegimen", "02", "NumEmpleado", strconv.FormatUint(1+c.random%personas, 10),
		"Puesto", "Ingeniería de diseño", "RiesgoPuesto", "1",
		"PeriodicidadPago", "04", "SalarioBaseCotApor", daily, "SalarioDiarioIntegrado", daily, "ClaveEntFed", "CMX")
	x.open("nomina12:Percepciones", ">", "TotalSueldos", monto(k.sueldo+k.vouchers), "TotalGravado", monto(k.sueldo), "TotalExento", monto(k.vouchers))
	x.open("nomina12:Percepcion", "/>", "TipoPercepcion", "001", "Clave", "001", "Concepto", "Sueldo",
		"ImporteGravado", monto(k.sueldo), "ImporteExento", "0.00")
	x.open("nomina12:Percepcion", "/>", "TipoPercepcion", "029", "Clave", "029", "Concepto", "Vales de despensa",
		"ImporteGravado", "0.00", "ImporteExento", monto(k.vouchers))
	x.raw("</nomina12:Percepciones>")
	x.open("nomina12:Deducciones", ">", "TotalOtrasDeducciones", monto(k.cuotas), "TotalImpuestosRetenidos", monto(k.renta))
	x.open("nomina12:Deduccion", "/>", "TipoDeduccion", "001", "Clave", "001", "Concepto", "Seguridad social", "Importe", monto(k.cuotas))
	x.open("nomina12:Deduccion", "/>", "TipoDeduccion", "002", "Clave", "002", "Concepto", "ISR", "Importe", monto(k.renta))
	x.raw("</nomina12:Deducciones>")
	if k.subsidio > 0 {
		x.raw("<nomina12:OtrosPagos>")
		x.open("nomina12:OtroPago", ">", "TipoOtroPago", "002", "Clave", "002", "Concepto", "Subsidio para el empleo", "Importe", monto(k.subsidio))
		x.open("nomina12:SubsidioAlEmpleo", "/>", "SubsidioCausado", monto(k.subsidio))
		x.raw("</nomina12:OtroPago></nomina12:OtrosPagos>")
	}
	x.raw("</nomina12:Nomina>")
}

// pago is what a comprobante of payment pays: whole invoices.
type pago struct {
	facturas []Comprobante
	cuentas  []*cuentas
	total    int64
}

func (u *Universe) pago(c *Comprobante) pago {
	p := pago{facturas: u.facturas(c, 1+int(c.random>>44%2), true)}
	for i := range p.facturas {
		k := p.facturas[i].cuentas()
		p.cuentas = append(p.cuentas, k)
		p.total += k.total
	}
	return p
}

// impuestos sums the taxes of all invoices.
func (p pago) impuestos(retenidos bool) []impuesto {
	var all []impuesto
	for _, k := range p.cuentas {
		all = group(all, k.summary(retenidos), retenidos)
	}
	return all
}

// pagos20 writes one payment of the invoices between the same two that were sold on credit before.
func (u *Universe) pagos20(x *writer, c *Comprobante) {
	p := u.pago(c)
	retenidos, trasladados := p.impuestos(true), p.impuestos(false)
	x.open("pago20:Pagos", ">", "Version", "2.0")
	x.open("pago20:Totales", "/>", append(totals(retenidos, trasladados), "MontoTotalPagos", monto(p.total))...)
	x.open("pago20:Pago", ">", "FechaPago", fechaT(c.Fecha), "FormaDePagoP", "03", "MonedaP", "MXN",
		"TipoCambioP", "1", "Monto", monto(p.total))
	for i := range p.facturas {
		f, k := &p.facturas[i], p.cuentas[i]
		has := k.hasTraslado || k.hasRetencion
		blob, end := withImpuestos, ">"
		if !has {
			blob, end = withoutImpuestos, "/>"
		}
		x.open("pago20:DoctoRelacionado", end, "IdDocumento", f.UUID.String(), "Serie", string(f.Tipo), "Folio", f.number(),
			"MonedaDR", "MXN", "EquivalenciaDR", "1", "NumParcialidad", "1",
			"ImpSaldoAnt", monto(k.total), "ImpPagado", monto(k.total), "ImpSaldoInsoluto", "0.00", "ObjetoImpDR", blob)
		if has {
			x.raw("<pago20:ImpuestosDR>")
			x.impuestos("pago20:Retencion", "es", "DR", k.summary(true), whole)
			x.impuestos("pago20:Traslado", "s", "DR", k.summary(false), whole)
			x.raw("</pago20:ImpuestosDR></pago20:DoctoRelacionado>")
		}
	}
	if len(retenidos)+len(trasladados) > 0 {
		x.raw("<pago20:ImpuestosP>")
		x.impuestos("pago20:Retencion", "es", "P", retenidos, byTax)
		x.impuestos("pago20:Traslado", "s", "P", trasladados, whole)
		x.raw("</pago20:ImpuestosP>")
	}
	x.raw("</pago20:Pago></pago20:Pagos>")
}

// totals are the attributes of Totales, which has those of IVA and the retained ones alone.
func totals(retenidos, trasladados []impuesto) []string {
	var pairs []string
	for _, t := range retenidos {
		pairs = append(pairs, "TotalRetenciones"+t.levy.name(), monto(t.importe))
	}
	for _, t := range trasladados {
		switch {
		case t.levy != iva:
		case t.exento:
			pairs = append(pairs, "TotalTrasladosBaseIVAExento", monto(t.base))
		case t.tasa == 0:
			pairs = append(pairs, "TotalTrasladosBaseIVA0", monto(t.base), "TotalTrasladosImpuestoIVA0", monto(t.importe))
		default:
			pairs = append(pairs, "TotalTrasladosBaseIVA16", monto(t.base), "TotalTrasladosImpuestoIVA16", monto(t.importe))
		}
	}
	return pairs
}
