package sat

import "strconv"

// The headers of the two texts of a metadata package. Only CRLF ends a row, unless a fault asks for LF;
// nothing is quoted.
const (
	cabeceraMetadata = "Uuid~RfcEmisor~NombreEmisor~RfcReceptor~NombreReceptor~RfcPac~FechaEmision~FechaCertificacionSat~Monto~EfectoComprobante~Estatus~FechaCancelacion"
	cabeceraTerceros = "Uuid~RfcACuentaTerceros~NombreACuentaTerceros"

	rfcPAC = "SBX010101PA1"
	// cadaTrampa is how many names there are to each one with a trap.
	cadaTrampa = 64
)

// agregaFila appends the n-th row of a package.
func (u *Universo) agregaFila(b []byte, c *Comprobante, p *paquete, n int) []byte {
	emisor, receptor := u.emisor(c), u.receptor(c)
	otra := &receptor
	if c.Sentido == Recibidos {
		otra = &emisor
	}
	conTrampa := p.perillasPaquete.trampas && c.azar>>50%cadaTrampa == 0
	if conTrampa {
		otra.nombre = trampa(c.azar, otra.nombre)
	}
	if p.defectos.hay() {
		otra.nombre += p.defectos.saltos(n)
	}
	inicio := len(b)
	b = c.UUID.agrega(b)
	mayusculas(b[inicio:])
	for _, campo := range [...]string{emisor.rfc, emisor.nombre, receptor.rfc, receptor.nombre, rfcPAC} {
		b = append(append(b, '~'), campo...)
	}
	b = agregaFecha(append(b, '~'), c.Fecha, ' ')
	b = agregaFecha(append(b, '~'), certificacion(c), ' ')
	b = agregaMonto(append(b, '~'), c.Centavos())
	b = append(b, '~', c.Tipo, '~')
	if c.Cancelado(p.filtro.corte) {
		b = agregaFecha(append(b, "0~"...), c.Cancelacion, ' ')
	} else {
		b = append(b, "1~"...)
	}
	if p.perillasPaquete.dentro && !conTrampa {
		b = otrosCampos(b, c, p.filtro.corte)
	}
	return append(b, p.defectos.fin()...)
}

// mayusculas is what the metadata does to the UUID that the XML's file name has in lower case.
func mayusculas(b []byte) {
	for i, c := range b {
		if c >= 'a' {
			b[i] = c - 'a' + 'A'
		}
	}
}

func (u *Universo) agregaTercero(b []byte, c *Comprobante, p *paquete) []byte {
	if c.Tercero == sinTercero {
		return b
	}
	t := u.partes[c.Tercero]
	b = append(c.UUID.agrega(b), '~')
	b = append(append(b, t.rfc...), '~')
	return append(append(b, t.nombre...), p.defectos.fin()...)
}

// trampa spoils a name as names are spoilt in the service's files.
func trampa(azar uint64, nombre string) string {
	switch azar >> 56 % 3 {
	case 0:
		return nombre + "\nSUCURSAL"
	case 1:
		return `"` + nombre
	}
	return nombre + "~BIS"
}

// certificacion is when the PAC stamped it: seconds after it was issued.
func certificacion(c *Comprobante) int64 { return c.Fecha + 1 + int64(c.azar>>12%120) }

// agregaFecha appends yyyy-MM-dd, sep, HH:mm:ss.
func agregaFecha(b []byte, segundos int64, sep byte) []byte {
	t := fechaDe(segundos)
	anio, mes, dia := t.Date()
	hora, minuto, segundo := t.Clock()
	b = strconv.AppendInt(b, int64(anio), 10)
	for i, n := range [5]int{int(mes), dia, hora, minuto, segundo} {
		b = append(b, [5]byte{'-', '-', sep, ':', ':'}[i], byte('0'+n/10), byte('0'+n%10)) //nolint:gosec // two digits
	}
	return b
}

// agregaMonto appends an amount of cents with two decimals.
func agregaMonto(b []byte, centavos int64) []byte {
	b = strconv.AppendInt(b, centavos/100, 10)
	return append(b, '.', byte('0'+centavos/10%10), byte('0'+centavos%10))
}
