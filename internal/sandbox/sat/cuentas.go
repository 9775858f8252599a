package sat

import "strconv"

// cuentas are the sums of a comprobante that moves money, in cents: what was sold and what is taxed. They
// follow from its random, so that its metadata and its XML agree without either being kept.
type cuentas struct {
	lines                                     [maxLines]line
	n                                         int // lines that there are
	subtotal, descuento                       int64
	trasladado, retenido                      int64
	hasTraslado, hasTasa, hasRetencion        bool
	total                                     int64
	sueldo, vouchers, renta, cuotas, subsidio int64 // of the payroll
}

const (
	maxLines         = 3
	maxImpuestos     = 3
	million          = 1_000_000
	withImpuestos    = "02" // c_ObjetoImp: subject to tax
	withoutImpuestos = "01"
	minWeight        = 10_000 // cents
	importeMax       = 2_000_000
)

// line is a Concepto.
type line struct {
	product                         product
	quantity, value, importe, lower int64
	gravamenes                      [maxImpuestos]impuesto
	n                               int // taxes that there are
}

// impuesto is a Traslado or a Retencion; tasa is in millionths.
type impuesto struct {
	levy             levy
	retenido, exento bool
	tasa             int64
	base, importe    int64
}

// levy is a tax, and its key in the SAT's catalogue.
type levy uint8

const (
	isr levy = iota + 1
	iva
	ieps
)

func (t levy) key() string { return [...]string{"", "001", "002", "003"}[t] }

func (t levy) name() string { return [...]string{"", "ISR", "IVA", "IEPS"}[t] }

func (i impuesto) factor() string {
	if i.exento {
		return "Exento"
	}
	return "Tasa"
}

func (r *line) impuestos() []impuesto { return r.gravamenes[:r.n] }

// blob is the ObjetoImp of a line.
func (r *line) blob() string {
	if r.n == 0 {
		return withoutImpuestos
	}
	return withImpuestos
}

// levy sets the taxes of a line.
func (r *line) levy(impuestos ...impuesto) { r.n = copy(r.gravamenes[:], impuestos) }

// same reports whether two are summed in the Impuestos of the Comprobante.
func (i impuesto) same(o impuesto) bool {
	if i.retenido || o.retenido {
		return i.retenido == o.retenido && i.levy == o.levy
	}
	return i.levy == o.levy && i.exento == o.exento && i.tasa == o.tasa
}

// product is what is sold.
type product uint8

const (
	bookkeeping product = iota // the first ones are taxed with IVA
	computer
	stationery
	internet
	ofIVA // how many those are

	grains
	query
	refund
	refresh
	honorarios
	flete
	giveback
	credit
	pagoNomina
	goods
)

// sold is what the SAT's catalogues have for a product.
type sold struct{ key, unit, description string }

func (p product) sold() sold {
	return [...]sold{
		bookkeeping: {"84111500", "E48", "Servicio de facturación y asesoría"},
		computer:    {"43211503", unitPiece, "Computadora portátil"},
		stationery:  {"44121600", unitPiece, "Papelería y artículos de escritorio"},
		internet:    {"81112101", "E48", "Servicio de internet"},
		grains:      {"50221100", unitKilo, "Maíz y frijol"},
		query:       {"85121600", "E48", "Consulta médica"},
		refund:      {"93161700", "E48", "Reembolso de derechos pagados por cuenta del cliente"},
		refresh:     {"50202306", unitPiece, "Refresco con azúcares añadidos"},
		honorarios:  {"80121600", "E48", "Honorarios por asesoría jurídica"},
		flete:       {"78101800", "E48", "Transporte de carga por carretera"},
		giveback:    {"84111506", "ACT", "Devolución o bonificación"},
		credit:      {"84111506", "ACT", "Pago"},
		pagoNomina:  {"84111505", "ACT", "Pago de nómina"},
		goods:       {"78101800", "E48", "Traslado de mercancía"},
	}[p]
}

const (
	unitPiece = "H87"
	unitKilo  = "KGM"
)

// profile is how a comprobante is taxed.
type profile uint8

const (
	profileIVA   profile = iota
	profileMixed         // IVA of 16 % and of 0 %
	profileExento
	profileWithoutBlob
	profileIEPS
	profileRetencion // by who pays: of fees for a person, of freight for a company
)

func profileOf(c *Comprobante) profile {
	if c.Tipo != 'I' {
		return profileIVA
	}
	n := c.random >> 14 % 100
	for how, below := range [...]uint64{profileIVA: 62, profileMixed: 72, profileExento: 77, profileWithoutBlob: 82, profileIEPS: 88} {
		if n < below {
			return profile(how)
		}
	}
	return profileRetencion
}

// Centavos is the total; payments and transfers move no money themselves.
func (c *Comprobante) Centavos() int64 {
	switch c.Tipo {
	case 'P', 'T':
		return 0
	case 'R':
		return minWeight + int64(c.random>>20%5_000_000)
	}
	return c.cuentas().total
}

func (c *Comprobante) cuentas() *cuentas {
	k := new(cuentas)
	switch c.Tipo {
	case 'N':
		k.pay(c.random)
	case 'I', 'E':
		k.sell(c)
	default:
		k.nothing(c)
	}
	k.total = k.subtotal - k.descuento + k.trasladado - k.retenido
	return k
}

// nothing is the line of a payment or a transfer.
func (k *cuentas) nothing(c *Comprobante) {
	k.n = 1
	k.lines[0].product, k.lines[0].quantity = goods, 1
	if c.Tipo == 'P' {
		k.lines[0].product = credit
	}
}

// pay makes a payroll: wages and coupons, less income tax and social security.
func (k *cuentas) pay(random uint64) {
	k.sueldo = 300_000 + int64(random>>20%3_000_000)
	k.vouchers = k.sueldo / 20
	k.renta, k.cuotas = ratio(k.sueldo, 120_000), ratio(k.sueldo, 23_750)
	if random>>44%3 == 0 {
		k.subsidio = 20_000
	}
	k.subtotal, k.descuento = k.sueldo+k.vouchers+k.subsidio, k.renta+k.cuotas
	k.n = 1
	r := &k.lines[0]
	r.product, r.quantity, r.value, r.importe, r.lower = pagoNomina, 1, k.subtotal, k.subtotal, k.descuento
}

// sell makes the lines of an income or of its return.
func (k *cuentas) sell(c *Comprobante) {
	how := profileOf(c)
	k.n = 1
	if c.Tipo == 'I' {
		k.n += int(c.random >> 34 % maxLines)
	}
	persona := c.Direction == Emitidos && isPersona(c.RFC)
	random := c.random
	for i := range k.n {
		random = mix(random)
		r := &k.lines[i]
		r.quantity = 1
		r.product = product(random >> 4 % uint64(ofIVA))
		r.charge(how, i, persona)
		if c.Tipo == 'E' {
			r.product = giveback
		}
		if unit := r.product.sold().unit; unit == unitPiece || unit == unitKilo {
			r.quantity += int64(random >> 8 % 8)
		}
		r.value = (minWeight + int64(random>>20%importeMax)) / r.quantity
		r.importe = r.value * r.quantity
		if c.random>>18%8 == 0 {
			r.lower = ratio(r.importe, 100_000)
		}
		k.sum(r)
	}
}

// charge decides what the i-th line is and which taxes it has.
func (r *line) charge(how profile, i int, persona bool) {
	iva16 := impuesto{levy: iva, tasa: 160_000}
	r.levy(iva16)
	switch how {
	case profileMixed:
		if i%2 == 1 {
			r.product, r.gravamenes[0].tasa = grains, 0
		}
	case profileExento:
		r.product = query
		r.levy(impuesto{levy: iva, exento: true})
	case profileWithoutBlob:
		r.product = refund
		r.levy()
	case profileIEPS:
		r.product = refresh
		r.levy(impuesto{levy: ieps, tasa: 80_000}, iva16)
	case profileRetencion:
		r.product = flete
		r.levy(iva16, impuesto{retenido: true, levy: iva, tasa: 40_000})
		if persona {
			r.product = honorarios
			r.levy(iva16, impuesto{retenido: true, levy: isr, tasa: 100_000}, impuesto{retenido: true, levy: iva, tasa: 106_667})
		}
	case profileIVA:
	}
}

// sum works out the taxes of a line, each rounded to the cent, and adds it up. IVA is on IEPS too.
func (k *cuentas) sum(r *line) {
	base := r.importe - r.lower
	for i := range r.n {
		t := &r.gravamenes[i]
		t.base = base
		t.importe = ratio(base, t.tasa)
		switch {
		case t.retenido:
			k.hasRetencion = true
			k.retenido += t.importe
		case !t.exento:
			k.hasTasa = true
			k.trasladado += t.importe
		}
		k.hasTraslado = k.hasTraslado || !t.retenido
		if t.levy == ieps {
			base += t.importe
		}
	}
	k.subtotal += r.importe
	k.descuento += r.lower
}

// summary yields the taxes of the whole: one for each kind, retained ones by tax alone.
func (k *cuentas) summary(retenidos bool) []impuesto {
	var all []impuesto
	for i := range k.n {
		all = group(all, k.lines[i].impuestos(), retenidos)
	}
	return all
}

func group(all, more []impuesto, retenidos bool) []impuesto {
other:
	for _, t := range more {
		if t.retenido != retenidos {
			continue
		}
		if all == nil {
			all = make([]impuesto, 0, 4)
		}
		for i := range all {
			if all[i].same(t) {
				all[i].base += t.base
				all[i].importe += t.importe
				continue other
			}
		}
		all = append(all, t)
	}
	return all
}

// ratio is a share of an amount in millionths, rounded to the cent.
func ratio(centavos, ppms int64) int64 {
	return (centavos*ppms + million/2) / million
}

// aCredito reports whether an income is paid later, by a comprobante of payment.
func aCredito(random uint64) bool { return random>>30&1 == 1 }

// monedaOf is the currency and how much of it is a dollar's: none where no money moves, and dollars now and then.
func monedaOf(c *Comprobante) (moneda, exchange string) {
	switch {
	case c.Tipo == 'P' || c.Tipo == 'T':
		return "XXX", ""
	case c.Tipo == 'I' && !aCredito(c.random) && c.random>>33%16 == 0:
		return "USD", "1" + strconv.FormatUint(6+c.random>>36%4, 10) + ".7543"
	}
	return "MXN", ""
}

// relationAttempts bounds how far back a comprobante looks for one that it is about.
const relationAttempts = 2000

// facturas finds the last comprobantes of income between the same two that c may be about: with credito,
// those to be paid later. Where there are none, of small universes, it invents one.
func (u *Universe) facturas(c *Comprobante, howMany int, credito bool) []Comprobante {
	f, _ := u.decrypt(c.UUID)
	a := scope{c.Servicio, c.RFC, c.Direction, c.perDay}
	key := u.keys(a)
	pos := position{f.day, f.index}
	var found []Comprobante
	for range relationAttempts {
		if pos.index--; pos.index < 0 {
			pos.day, pos.index = pos.day-1, c.perDay-1
		}
		// Most are not between these two, which is known without making them.
		random := key.randomOf(pos)
		if int(random%companies) != c.Contraparte || random>>8%100 >= incomePercent || credito && !aCredito(random) {
			continue
		}
		if x := u.make(a, key, pos); x.Cancelacion == 0 || x.Cancelacion > c.Fecha {
			if found = append(found, x); len(found) == howMany {
				return found
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	x := *c
	x.Tipo, x.Complemento, x.random = 'I', "", mix(c.random)|1<<30
	x.UUID = u.encrypt(folio{f.rfc, f.day, maxIndex - 1 - f.index, f.direction, f.servicio})
	x.Fecha -= 15 * secondsDay
	return []Comprobante{x}
}
