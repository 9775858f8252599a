package sat

// cuentas are the sums of a comprobante that moves money, in cents: what was sold and what is taxed. They
// follow from its azar, so that its metadata and its XML agree without either being kept.
type cuentas struct {
	lineas                                 [maxRenglones]renglon
	n                                      int // lines that there are
	subtotal, descuento                    int64
	trasladado, retenido                   int64
	hayTraslado, hayTasa, hayRetencion     bool
	total                                  int64
	sueldo, vales, renta, cuotas, subsidio int64 // of the payroll
}

const (
	maxRenglones  = 3
	maxImpuestos  = 3
	millon        = 1_000_000
	conImpuestos  = "02" // c_ObjetoImp: subject to tax
	sinImpuestos  = "01"
	pesoMinimo    = 10_000 // cents
	importeMaximo = 2_000_000
)

// renglon is a Concepto.
type renglon struct {
	producto                         producto
	cantidad, valor, importe, rebaja int64
	gravamenes                       [maxImpuestos]impuesto
	n                                int // taxes that there are
}

// impuesto is a Traslado or a Retencion; tasa is in millionths.
type impuesto struct {
	tributo          tributo
	retenido, exento bool
	tasa             int64
	base, importe    int64
}

// tributo is a tax, and its key in the SAT's catalogue.
type tributo uint8

const (
	isr tributo = iota + 1
	iva
	ieps
)

func (t tributo) clave() string { return [...]string{"", "001", "002", "003"}[t] }

func (t tributo) nombre() string { return [...]string{"", "ISR", "IVA", "IEPS"}[t] }

func (i impuesto) factor() string {
	if i.exento {
		return "Exento"
	}
	return "Tasa"
}

func (r *renglon) impuestos() []impuesto { return r.gravamenes[:r.n] }

// objeto is the ObjetoImp of a line.
func (r *renglon) objeto() string {
	if r.n == 0 {
		return sinImpuestos
	}
	return conImpuestos
}

// grava sets the taxes of a line.
func (r *renglon) grava(impuestos ...impuesto) { r.n = copy(r.gravamenes[:], impuestos) }

// igual tells whether two are summed in the Impuestos of the Comprobante.
func (i impuesto) igual(o impuesto) bool {
	if i.retenido || o.retenido {
		return i.retenido == o.retenido && i.tributo == o.tributo
	}
	return i.tributo == o.tributo && i.exento == o.exento && i.tasa == o.tasa
}

// producto is what is sold.
type producto uint8

const (
	contabilidad producto = iota // the first ones are taxed with IVA
	computadora
	papeleria
	internet
	deIVA // how many those are

	granos
	consulta
	reembolso
	refresco
	honorarios
	flete
	devolucion
	abono
	pagoNomina
	mercancia
)

// ficha are the keys of the SAT's catalogues for a product.
func (p producto) ficha() (clave, unidad, descripcion string) {
	switch p {
	case contabilidad:
		return "84111500", "E48", "Servicio de facturación y asesoría"
	case computadora:
		return "43211503", unidadPieza, "Computadora portátil"
	case papeleria:
		return "44121600", unidadPieza, "Papelería y artículos de escritorio"
	case internet:
		return "81112101", "E48", "Servicio de internet"
	case granos:
		return "50221100", unidadKilo, "Maíz y frijol"
	case consulta:
		return "85121600", "E48", "Consulta médica"
	case reembolso:
		return "93161700", "E48", "Reembolso de derechos pagados por cuenta del cliente"
	case refresco:
		return "50202306", unidadPieza, "Refresco con azúcares añadidos"
	case honorarios:
		return "80121600", "E48", "Honorarios por asesoría jurídica"
	case flete:
		return "78101800", "E48", "Transporte de carga por carretera"
	case devolucion:
		return "84111506", "ACT", "Devolución o bonificación"
	case pagoNomina:
		return "84111505", "ACT", "Pago de nómina"
	case mercancia:
		return "78101800", "E48", "Traslado de mercancía"
	}
	return "84111506", "ACT", "Pago"
}

const (
	unidadPieza = "H87"
	unidadKilo  = "KGM"
)

// perfil is how a comprobante is taxed.
type perfil uint8

const (
	perfilIVA   perfil = iota
	perfilMixto        // IVA of 16 % and of 0 %
	perfilExento
	perfilSinObjeto
	perfilIEPS
	perfilRetencion // by who pays: of fees for a person, of freight for a company
)

func perfilDe(c *Comprobante) perfil {
	if c.Tipo != 'I' {
		return perfilIVA
	}
	switch n := c.azar >> 14 % 100; {
	case n < 62:
		return perfilIVA
	case n < 72:
		return perfilMixto
	case n < 77:
		return perfilExento
	case n < 82:
		return perfilSinObjeto
	case n < 88:
		return perfilIEPS
	}
	return perfilRetencion
}

// Centavos is the total; payments and transfers move no money themselves.
func (c *Comprobante) Centavos() int64 {
	switch c.Tipo {
	case 'P', 'T':
		return 0
	case 'R':
		return pesoMinimo + int64(c.azar>>20%5_000_000)
	}
	var k cuentas
	k.llena(c)
	return k.total
}

func (c *Comprobante) cuentas() *cuentas {
	k := new(cuentas)
	k.llena(c)
	return k
}

func (k *cuentas) llena(c *Comprobante) {
	switch c.Tipo {
	case 'N':
		k.paga(c.azar)
	case 'I', 'E':
		k.vende(c)
	default:
		k.nada(c)
	}
	k.total = k.subtotal - k.descuento + k.trasladado - k.retenido
}

// nada is the line of a payment or a transfer.
func (k *cuentas) nada(c *Comprobante) {
	k.n = 1
	k.lineas[0].producto, k.lineas[0].cantidad = mercancia, 1
	if c.Tipo == 'P' {
		k.lineas[0].producto = abono
	}
}

// paga makes a payroll: wages and coupons, less income tax and social security.
func (k *cuentas) paga(azar uint64) {
	k.sueldo = 300_000 + int64(azar>>20%3_000_000)
	k.vales = k.sueldo / 20
	k.renta, k.cuotas = proporcion(k.sueldo, 120_000), proporcion(k.sueldo, 23_750)
	if azar>>44%3 == 0 {
		k.subsidio = 20_000
	}
	k.subtotal, k.descuento = k.sueldo+k.vales+k.subsidio, k.renta+k.cuotas
	k.n = 1
	r := &k.lineas[0]
	r.producto, r.cantidad, r.valor, r.importe, r.rebaja = pagoNomina, 1, k.subtotal, k.subtotal, k.descuento
}

// vende makes the lines of an income or of its return.
func (k *cuentas) vende(c *Comprobante) {
	como := perfilDe(c)
	k.n = 1
	if c.Tipo == 'I' {
		k.n += int(c.azar >> 34 % maxRenglones)
	}
	persona := c.Sentido == Emitidos && esPersona(c.RFC)
	azar := c.azar
	for i := range k.n {
		azar = mezcla(azar)
		r := &k.lineas[i]
		r.cantidad = 1
		r.producto = producto(azar >> 4 % uint64(deIVA))
		r.cobra(como, i, persona)
		if c.Tipo == 'E' {
			r.producto = devolucion
		}
		if _, unidad, _ := r.producto.ficha(); unidad == unidadPieza || unidad == unidadKilo {
			r.cantidad += int64(azar >> 8 % 8)
		}
		r.valor = (pesoMinimo + int64(azar>>20%importeMaximo)) / r.cantidad
		r.importe = r.valor * r.cantidad
		if c.azar>>18%8 == 0 {
			r.rebaja = proporcion(r.importe, 100_000)
		}
		k.suma(r)
	}
}

// cobra decides what the i-th line is and which taxes it has.
func (r *renglon) cobra(como perfil, i int, persona bool) {
	iva16 := impuesto{tributo: iva, tasa: 160_000}
	r.grava(iva16)
	switch como {
	case perfilMixto:
		if i%2 == 1 {
			r.producto, r.gravamenes[0].tasa = granos, 0
		}
	case perfilExento:
		r.producto = consulta
		r.grava(impuesto{tributo: iva, exento: true})
	case perfilSinObjeto:
		r.producto = reembolso
		r.grava()
	case perfilIEPS:
		r.producto = refresco
		r.grava(impuesto{tributo: ieps, tasa: 80_000}, iva16)
	case perfilRetencion:
		r.producto = flete
		r.grava(iva16, impuesto{retenido: true, tributo: iva, tasa: 40_000})
		if persona {
			r.producto = honorarios
			r.grava(iva16, impuesto{retenido: true, tributo: isr, tasa: 100_000}, impuesto{retenido: true, tributo: iva, tasa: 106_667})
		}
	case perfilIVA:
	}
}

// suma works out the taxes of a line, each rounded to the cent, and adds it up. IVA is on IEPS too.
func (k *cuentas) suma(r *renglon) {
	base := r.importe - r.rebaja
	for i := range r.n {
		t := &r.gravamenes[i]
		t.base = base
		t.importe = proporcion(base, t.tasa)
		switch {
		case t.retenido:
			k.hayRetencion = true
			k.retenido += t.importe
		case !t.exento:
			k.hayTasa = true
			k.trasladado += t.importe
		}
		k.hayTraslado = k.hayTraslado || !t.retenido
		if t.tributo == ieps {
			base += t.importe
		}
	}
	k.subtotal += r.importe
	k.descuento += r.rebaja
}

// resumen yields the taxes of the whole: one for each kind, retained ones by tax alone.
func (k *cuentas) resumen(retenidos bool) []impuesto {
	var todos []impuesto
	for i := range k.n {
		todos = agrupa(todos, k.lineas[i].impuestos(), retenidos)
	}
	return todos
}

func agrupa(todos, mas []impuesto, retenidos bool) []impuesto {
otro:
	for _, t := range mas {
		if t.retenido != retenidos {
			continue
		}
		if todos == nil {
			todos = make([]impuesto, 0, 4)
		}
		for i := range todos {
			if todos[i].igual(t) {
				todos[i].base += t.base
				todos[i].importe += t.importe
				continue otro
			}
		}
		todos = append(todos, t)
	}
	return todos
}

// proporcion is a share of an amount in millionths, rounded to the cent.
func proporcion(centavos, millonesimas int64) int64 {
	return (centavos*millonesimas + millon/2) / millon
}

// aCredito tells whether an income is paid later, by a comprobante of payment.
func aCredito(azar uint64) bool { return azar>>30&1 == 1 }

// monedaDe is the currency: none where no money moves, and dollars now and then.
func monedaDe(c *Comprobante) string {
	switch {
	case c.Tipo == 'P' || c.Tipo == 'T':
		return "XXX"
	case c.Tipo == 'I' && !aCredito(c.azar) && c.azar>>33%16 == 0:
		return "USD"
	}
	return "MXN"
}

// intentosRelacion bounds how far back a comprobante looks for one that it is about.
const intentosRelacion = 2000

// facturas finds the last comprobantes of income between the same two that c may be about: with credito,
// those to be paid later. Where there are none, of small universes, it invents one.
func (u *Universo) facturas(c *Comprobante, cuantas int, credito bool) []Comprobante {
	f, _ := u.descifra(c.UUID)
	a := ambito{c.Servicio, c.RFC, c.Sentido, c.porDia}
	clave := u.claves(a)
	pos := posicion{f.dia, f.indice}
	var halladas []Comprobante
	for range intentosRelacion {
		if pos.indice--; pos.indice < 0 {
			pos.dia, pos.indice = pos.dia-1, c.porDia-1
		}
		// Most are not between these two, which is known without making them.
		azar := clave.azarDe(pos)
		if int(azar%empresas) != c.Contraparte || azar>>8%100 >= porCientoIngresos || credito && !aCredito(azar) {
			continue
		}
		if x := u.hace(a, clave, pos); x.Cancelacion == 0 || x.Cancelacion > c.Fecha {
			if halladas = append(halladas, x); len(halladas) == cuantas {
				return halladas
			}
		}
	}
	if len(halladas) > 0 {
		return halladas
	}
	x := *c
	x.Tipo, x.Complemento, x.azar = 'I', "", mezcla(c.azar)|1<<30
	x.UUID = u.cifra(folio{f.rfc, f.dia, maxIndice - 1 - f.indice, f.sentido, f.servicio})
	x.Fecha -= 15 * segundosDia
	return []Comprobante{x}
}
