package sat

import "strconv"

// complementoCFDI writes the complement that the filter of the same name finds.
func (u *Universo) complementoCFDI(x *escritor, c *Comprobante, k *cuentas) {
	switch c.Complemento {
	case "nomina12":
		u.nomina12(x, c, k)
	case "pagos20":
		u.pagos20(x, c)
	case "leyendasfisc":
		x.abre("leyendasFisc:LeyendasFiscales", ">", "version", "1.0")
		x.abre("leyendasFisc:Leyenda", "/>", "textoLeyenda", "Operación de prueba, sin efectos fiscales")
		x.crudo("</leyendasFisc:LeyendasFiscales>")
	}
}

// semanas is how long a worker has worked.
func semanas(c *Comprobante) int64 { return 20 + int64(c.azar>>48%900) }

// nomina12 writes a payroll: a fortnight's wages, coupons, income tax and social security, and a subsidy now
// and then.
func (u *Universo) nomina12(x *escritor, c *Comprobante, k *cuentas) {
	dia := func(segundos int64) string { return string(agregaFecha(nil, segundos, 'T')[:10]) }
	pares := []string{"Version", "1.2", "TipoNomina", "O", "FechaPago", dia(c.Fecha), "FechaInicialPago", dia(c.Fecha - 14*segundosDia),
		"FechaFinalPago", dia(c.Fecha), "NumDiasPagados", "15.000", "TotalPercepciones", monto(k.sueldo + k.vales), "TotalDeducciones", monto(k.descuento)}
	if k.subsidio > 0 {
		pares = append(pares, "TotalOtrosPagos", monto(k.subsidio))
	}
	x.abre("nomina12:Nomina", ">", pares...)
	pares = nil
	if esPersona(u.emisor(c).rfc) {
		pares = append(pares, "Curp", "XEXX010101MNEXXXA8")
	}
	x.abre("nomina12:Emisor", "/>", append(pares, "RegistroPatronal", "B5510768108")...)
	diario := monto(k.sueldo / 15)
	x.abre("nomina12:Receptor", "/>", "Curp", "XEXX010101HNEXXXA4", "NumSeguridadSocial", "04"+strconv.FormatUint(100_000_000+c.azar>>32%900_000_000, 10),
		"FechaInicioRelLaboral", dia(c.Fecha-semanas(c)*7*segundosDia), "Antigüedad", "P"+strconv.FormatInt(semanas(c), 10)+"W",
		"TipoContrato", "01", "TipoRegimen", "02", "NumEmpleado", strconv.FormatUint(1+c.azar%personas, 10), "Puesto", "Ingeniería de diseño", "RiesgoPuesto", "1",
		"PeriodicidadPago", "04", "SalarioBaseCotApor", diario, "SalarioDiarioIntegrado", diario, "ClaveEntFed", "CMX")
	x.abre("nomina12:Percepciones", ">", "TotalSueldos", monto(k.sueldo+k.vales), "TotalGravado", monto(k.sueldo), "TotalExento", monto(k.vales))
	x.abre("nomina12:Percepcion", "/>", "TipoPercepcion", "001", "Clave", "001", "Concepto", "Sueldo", "ImporteGravado", monto(k.sueldo), "ImporteExento", "0.00")
	x.abre("nomina12:Percepcion", "/>", "TipoPercepcion", "029", "Clave", "029", "Concepto", "Vales de despensa", "ImporteGravado", "0.00", "ImporteExento", monto(k.vales))
	x.crudo("</nomina12:Percepciones>")
	x.abre("nomina12:Deducciones", ">", "TotalOtrasDeducciones", monto(k.cuotas), "TotalImpuestosRetenidos", monto(k.renta))
	x.abre("nomina12:Deduccion", "/>", "TipoDeduccion", "001", "Clave", "001", "Concepto", "Seguridad social", "Importe", monto(k.cuotas))
	x.abre("nomina12:Deduccion", "/>", "TipoDeduccion", "002", "Clave", "002", "Concepto", "ISR", "Importe", monto(k.renta))
	x.crudo("</nomina12:Deducciones>")
	if k.subsidio > 0 {
		x.crudo("<nomina12:OtrosPagos>")
		x.abre("nomina12:OtroPago", ">", "TipoOtroPago", "002", "Clave", "002", "Concepto", "Subsidio para el empleo", "Importe", monto(k.subsidio))
		x.abre("nomina12:SubsidioAlEmpleo", "/>", "SubsidioCausado", monto(k.subsidio))
		x.crudo("</nomina12:OtroPago></nomina12:OtrosPagos>")
	}
	x.crudo("</nomina12:Nomina>")
}

// pago is what a comprobante of payment pays: whole invoices.
type pago struct {
	facturas []Comprobante
	cuentas  []*cuentas
	total    int64
}

func (u *Universo) pago(c *Comprobante) pago {
	p := pago{facturas: u.facturas(c, 1+int(c.azar>>44%2), true)}
	for i := range p.facturas {
		k := p.facturas[i].cuentas()
		p.cuentas = append(p.cuentas, k)
		p.total += k.total
	}
	return p
}

// impuestos sums the taxes of all invoices.
func (p pago) impuestos(retenidos bool) []impuesto {
	var todos []impuesto
	for _, k := range p.cuentas {
		todos = agrupa(todos, k.resumen(retenidos), retenidos)
	}
	return todos
}

// pagos20 writes one payment of the invoices between the same two that were sold on credit before.
func (u *Universo) pagos20(x *escritor, c *Comprobante) {
	p := u.pago(c)
	retenidos, trasladados := p.impuestos(true), p.impuestos(false)
	x.abre("pago20:Pagos", ">", "Version", "2.0")
	x.abre("pago20:Totales", "/>", append(totales(retenidos, trasladados), "MontoTotalPagos", monto(p.total))...)
	x.abre("pago20:Pago", ">", "FechaPago", string(agregaFecha(nil, c.Fecha, 'T')), "FormaDePagoP", "03", "MonedaP", "MXN", "TipoCambioP", "1", "Monto", monto(p.total))
	for i := range p.facturas {
		f, k := &p.facturas[i], p.cuentas[i]
		hay := k.hayTraslado || k.hayRetencion
		objeto, fin := conImpuestos, ">"
		if !hay {
			objeto, fin = sinImpuestos, "/>"
		}
		x.abre("pago20:DoctoRelacionado", fin, "IdDocumento", f.UUID.String(), "Serie", string(f.Tipo), "Folio", strconv.FormatUint(f.azar>>40, 10),
			"MonedaDR", "MXN", "EquivalenciaDR", "1", "NumParcialidad", "1",
			"ImpSaldoAnt", monto(k.total), "ImpPagado", monto(k.total), "ImpSaldoInsoluto", "0.00", "ObjetoImpDR", objeto)
		if hay {
			x.crudo("<pago20:ImpuestosDR>")
			impuestosDePago(x, "DR", k.resumen(true), k.resumen(false))
			x.crudo("</pago20:ImpuestosDR></pago20:DoctoRelacionado>")
		}
	}
	if len(retenidos)+len(trasladados) > 0 {
		x.crudo("<pago20:ImpuestosP>")
		impuestosDePago(x, "P", retenidos, trasladados)
		x.crudo("</pago20:ImpuestosP>")
	}
	x.crudo("</pago20:Pago></pago20:Pagos>")
}

// totales are the attributes of Totales, which has those of IVA and the retained ones alone.
func totales(retenidos, trasladados []impuesto) []string {
	var pares []string
	for _, t := range retenidos {
		pares = append(pares, "TotalRetenciones"+t.tributo.nombre(), monto(t.importe))
	}
	for _, t := range trasladados {
		switch {
		case t.tributo != iva:
		case t.exento:
			pares = append(pares, "TotalTrasladosBaseIVAExento", monto(t.base))
		case t.tasa == 0:
			pares = append(pares, "TotalTrasladosBaseIVA0", monto(t.base), "TotalTrasladosImpuestoIVA0", monto(t.importe))
		default:
			pares = append(pares, "TotalTrasladosBaseIVA16", monto(t.base), "TotalTrasladosImpuestoIVA16", monto(t.importe))
		}
	}
	return pares
}

// impuestosDePago writes the taxes of an invoice that is paid (DR), or of the payment (P), whose retained ones
// are by tax alone.
func impuestosDePago(x *escritor, de string, retenidos, trasladados []impuesto) {
	if len(retenidos) > 0 {
		x.crudo("<pago20:Retenciones" + de + ">")
		for _, t := range retenidos {
			if de == "P" {
				x.abre("pago20:RetencionP", "/>", "ImpuestoP", t.tributo.clave(), "ImporteP", monto(t.importe))
				continue
			}
			x.abre("pago20:RetencionDR", "/>", "BaseDR", monto(t.base), "ImpuestoDR", t.tributo.clave(), "TipoFactorDR", t.factor(), "TasaOCuotaDR", tasa(t.tasa), "ImporteDR", monto(t.importe))
		}
		x.crudo("</pago20:Retenciones" + de + ">")
	}
	if len(trasladados) == 0 {
		return
	}
	x.crudo("<pago20:Traslados" + de + ">")
	for _, t := range trasladados {
		pares := []string{"Base" + de, monto(t.base), "Impuesto" + de, t.tributo.clave(), "TipoFactor" + de, t.factor()}
		if !t.exento {
			pares = append(pares, "TasaOCuota"+de, tasa(t.tasa), "Importe"+de, monto(t.importe))
		}
		x.abre("pago20:Traslado"+de, "/>", pares...)
	}
	x.crudo("</pago20:Traslados" + de + ">")
}
