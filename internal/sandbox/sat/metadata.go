package sat

import "strconv"

// The headers of the two texts of a metadata package. Only CRLF ends a row, unless a fault asks for LF;
// nothing is quoted.
const (
	headerMetadata = "Uuid~RfcEmisor~NombreEmisor~RfcReceptor~NombreReceptor~RfcPac~FechaEmision~FechaCertificacionSat~Monto~EfectoComprobante~Estatus~FechaCancelacion"
	headerTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros"

	rfcPAC = "SBX010101PA1"
	// everyTrap is how many names there are to each one with a trap.
	everyTrap = 64
)

// addRow appends the n-th row of a package.
func (u *Universe) addRow(b []byte, c *Comprobante, p *paquete, n int) []byte {
	emisor, receptor := u.emisor(c), u.receptor(c)
	other := &receptor
	if c.Direction == Recibidos {
		other = &emisor
	}
	withTrap := p.paqueteKnobs.traps && c.random>>50%everyTrap == 0
	if withTrap {
		other.name = trap(c.random, other.name)
	}
	if p.defects.present() {
		other.name += p.defects.jumps(n)
	}
	start := len(b)
	b = c.UUID.add(b)
	uppers(b[start:])
	for _, field := range [...]string{emisor.rfc, emisor.name, receptor.rfc, receptor.name, rfcPAC} {
		b = append(append(b, '~'), field...)
	}
	b = addFecha(append(b, '~'), c.Fecha, ' ')
	b = addFecha(append(b, '~'), certification(c), ' ')
	b = addMonto(append(b, '~'), c.Centavos())
	b = append(b, '~', c.Tipo, '~')
	if c.Cancelled(p.filter.cut) {
		b = addFecha(append(b, "0~"...), c.Cancelacion, ' ')
	} else {
		b = append(b, "1~"...)
	}
	if p.paqueteKnobs.within && !withTrap {
		b = otherFields(b, c, p.filter.cut)
	}
	return append(b, p.defects.end()...)
}

// uppers is what the metadata does to the UUID that the XML's file name has in lower case.
func uppers(b []byte) {
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 'a' + 'A'
		}
	}
}

func (u *Universe) addTercero(b []byte, c *Comprobante, p *paquete) []byte {
	if c.Tercero == withoutTercero {
		return b
	}
	t := u.parts[c.Tercero]
	b = append(c.UUID.add(b), '~')
	b = append(append(b, t.rfc...), '~')
	return append(append(b, t.name...), p.defects.end()...)
}

// trap spoils a name as names are spoilt in the service's files.
func trap(random uint64, name string) string {
	switch random >> 56 % 3 {
	case 0:
		return name + "\nSUCURSAL"
	case 1:
		return `"` + name
	}
	return name + "~BIS"
}

// certification is when the PAC stamped it: seconds after it was issued.
func certification(c *Comprobante) int64 { return c.Fecha + 1 + int64(c.random>>12%120) }

// addFecha appends yyyy-MM-dd, sep, HH:mm:ss.
func addFecha(b []byte, seconds int64, sep byte) []byte {
	t := fechaOf(seconds)
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = strconv.AppendInt(b, int64(year), 10)
	for i, n := range [5]int{int(month), day, hour, minute, second} {
		b = append(b, [5]byte{'-', '-', sep, ':', ':'}[i], byte('0'+n/10), byte('0'+n%10)) //nolint:gosec // two digits
	}
	return b
}

// addMonto appends an amount of cents with two decimals.
func addMonto(b []byte, centavos int64) []byte {
	b = strconv.AppendInt(b, centavos/100, 10)
	return append(b, '.', byte('0'+centavos/10%10), byte('0'+centavos%10))
}
