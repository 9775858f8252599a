package sat

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"iter"
	"strings"
	"time"
	"unicode/utf8"
)

// Sentido is whose comprobantes: those a taxpayer issued or those he received.
type Sentido uint8

// The two directions.
const (
	Emitidos Sentido = iota
	Recibidos
)

const (
	segundosDia = 24 * 60 * 60
	bitsIndice  = 24
	maxIndice   = 1 << bitsIndice
	sinTercero  = -1
)

// zonaMexico is the distance of Mexican official time to UTC since daylight saving ended in 2022.
const zonaMexico = -6 * time.Hour

// pared turns an instant into seconds of a Mexican wall clock; every date of the universe is one.
func pared(t time.Time) int64 { return t.Add(zonaMexico).Unix() }

func fechaDe(segundos int64) time.Time { return time.Unix(segundos, 0).UTC() }

// UUID is the folio fiscal of a comprobante.
type UUID [16]byte

// String writes it in lower case.
func (u UUID) String() string {
	return string(u.agrega(nil))
}

func (u UUID) agrega(b []byte) []byte {
	for i, corte := range [5][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[corte[0]:corte[1]])
	}
	return b
}

func leeUUID(texto string) (UUID, bool) {
	var u UUID
	if len(texto) != 36 || texto[8] != '-' || texto[13] != '-' || texto[18] != '-' || texto[23] != '-' {
		return u, false
	}
	n, err := hex.Decode(u[:], []byte(strings.ReplaceAll(texto, "-", "")))
	return u, err == nil && n == len(u)
}

// Comprobante is one document of the universe, small enough to be made a million times a second; its
// XML and its metadata row are written from it.
type Comprobante struct {
	UUID        UUID
	Servicio    string
	Sentido     Sentido
	RFC         string // whose universe this is
	Contraparte int    // place in Universo.partes
	Tercero     int    // place in Universo.partes, or sinTercero
	Fecha       int64  // wall clock
	Cancelacion int64  // wall clock; 0 when it never is
	Tipo        byte   // I, E, T, N, P; R for a retención
	Complemento string
	azar        uint64 // decides the details
	porDia      int64  // of its ambito
}

// Cancelado tells whether it is so at the instant corte of the wall clock.
func (c *Comprobante) Cancelado(corte int64) bool {
	return c.Cancelacion != 0 && c.Cancelacion <= corte
}

// parte is a taxpayer that ours trade with.
type parte struct{ rfc, nombre string }

// Universo makes every comprobante that exists from a seed; it keeps none.
type Universo struct {
	semilla uint64
	partes  []parte
	porRFC  map[string]int
}

// NewUniverso returns the universe of a seed.
func NewUniverso(semilla uint64) *Universo {
	u := &Universo{semilla: semilla, partes: partes(semilla)}
	u.porRFC = make(map[string]int, len(u.partes))
	for i, p := range u.partes {
		u.porRFC[p.rfc] = i
	}
	return u
}

// ambito is one taxpayer's comprobantes in one direction.
type ambito struct {
	servicio string
	rfc      string
	sentido  Sentido
	porDia   int64
}

// posicion is a place in an ambito, to begin again from.
type posicion struct{ dia, indice int64 }

// desde yields the comprobantes from a position to the second hasta of the wall clock, both ends
// included, in order of date.
func (u *Universo) desde(a ambito, p posicion, hasta int64) iter.Seq2[posicion, Comprobante] {
	return func(yield func(posicion, Comprobante) bool) {
		clave := u.claves(a)
		for ; p.dia*segundosDia <= hasta; p.dia, p.indice = p.dia+1, 0 {
			for ; p.indice < a.porDia; p.indice++ {
				c := u.hace(a, clave, p)
				if c.Fecha > hasta {
					return
				}
				if !yield(p, c) {
					return
				}
			}
		}
	}
}

// inicio returns the first position whose comprobante is dated segundo or later.
func (u *Universo) inicio(a ambito, segundo int64) posicion {
	p := posicion{dia: segundo / segundosDia}
	clave := u.claves(a)
	for p.indice = segundo % segundosDia * a.porDia / segundosDia; p.indice < a.porDia; p.indice++ {
		if u.hace(a, clave, p).Fecha >= segundo {
			return p
		}
	}
	return posicion{dia: p.dia + 1}
}

// sentido tells on which side a folio's comprobante would be; of a folio that is none of ours, any.
func (u *Universo) sentido(id UUID) Sentido {
	f, _ := u.descifra(id)
	return f.sentido
}

// busca finds a comprobante of the ambito by its folio.
func (u *Universo) busca(a ambito, folio UUID) (Comprobante, bool) {
	f, ok := u.descifra(folio)
	if !ok || f.rfc != u.huella(a.rfc) || f.sentido != a.sentido || f.servicio != bit(a.servicio == Retenciones) || f.indice >= a.porDia {
		return Comprobante{}, false
	}
	return u.hace(a, u.claves(a), posicion{f.dia, f.indice}), true
}

// claves is what every comprobante of an ambito is made with, worked out once for a walk over it.
type claves struct {
	azar, huella       uint64
	persona, retencion bool // the taxpayer is a person; the family is Retenciones
}

// suerte decides the date of the comprobante at a position, and azarDe the rest of it.
func (k claves) suerte(p posicion) uint64 {
	return mezcla(k.azar ^ mezcla(uint64(p.dia)<<bitsIndice|uint64(p.indice))) //nolint:gosec // days since 1970 and an index
}

func (k claves) azarDe(p posicion) uint64 { return mezcla(k.suerte(p) + 1) }

func esPersona(rfc string) bool { return utf8.RuneCountInString(rfc) == largoPersona }

func (u *Universo) claves(a ambito) claves {
	k := claves{huella: u.huella(a.rfc), persona: esPersona(a.rfc), retencion: a.servicio == Retenciones}
	k.azar = mezcla(k.huella ^ bit(k.retencion)<<62 ^ uint64(a.sentido)<<61 ^ mezcla(u.semilla))
	return k
}

// hace makes the comprobante at a position. Each has its own slot of the day, so dates never go back
// as the index grows.
func (u *Universo) hace(a ambito, clave claves, p posicion) Comprobante {
	h := clave.suerte(p)
	slot, siguiente := p.indice*segundosDia/a.porDia, (p.indice+1)*segundosDia/a.porDia
	fecha := p.dia*segundosDia + slot
	if ancho := siguiente - slot; ancho > 1 {
		fecha += int64(h % uint64(ancho)) //nolint:gosec // less than a day of seconds
	}
	c := Comprobante{
		UUID:     u.cifra(folio{clave.huella, p.dia, p.indice, a.sentido, bit(clave.retencion)}),
		Servicio: a.servicio, Sentido: a.sentido, RFC: a.rfc,
		Fecha: fecha, Tercero: sinTercero, azar: mezcla(h + 1), porDia: a.porDia,
	}
	detalla(&c, clave)
	return c
}

// porCientoIngresos is the share of comprobantes that are of income, whoever issues them.
const porCientoIngresos = 62

// detalla decides type, parties and fate in proportions that resemble a company's.
func detalla(c *Comprobante, clave claves) {
	h := c.azar
	c.Contraparte = int(h % empresas)
	switch n := h >> 8 % 100; {
	case clave.retencion:
		c.Tipo, c.Complemento = 'R', complementoRetencion(h>>44)
	case n < porCientoIngresos:
		c.Tipo = 'I'
		if h>>44%25 == 0 {
			c.Complemento = "leyendasfisc"
		}
	case n < 70:
		c.Tipo = 'E'
	case n < 86:
		c.Tipo, c.Complemento = 'P', "pagos20"
	case n < 98 && (c.Sentido == Emitidos || clave.persona):
		c.Tipo, c.Complemento = 'N', "nomina12"
		if c.Sentido == Emitidos {
			c.Contraparte = empresas + int(h%personas)
		}
	case n < 98:
		c.Tipo = 'I'
	default:
		c.Tipo = 'T'
	}
	if c.Tipo == 'I' && h>>32%32 == 0 {
		c.Tercero = int(h >> 37 % empresas)
	}
	if d := mezcla(h); d%14 == 0 {
		c.Cancelacion = c.Fecha + 3600 + int64(d>>8%(20*segundosDia))
	}
}

// folio is what a UUID hides so that its comprobante can be found again.
type folio struct {
	rfc      uint64 // 44 bits
	dia      int64  // 17 bits, since 1970
	indice   int64  // 24 bits
	sentido  Sentido
	servicio uint64
}

const (
	mitad       = 61 // bits of each half; 122 are free in a UUID of version 4
	mascara     = 1<<mitad - 1
	bitsRFC     = 44
	bitsControl = 35
	rondas      = 4
)

// cifra and descifra are a Feistel network keyed by the seed over the 122 free bits.
func (u *Universo) cifra(f folio) UUID {
	l := f.rfc<<17 | uint64(f.dia)&(1<<17-1)                                       //nolint:gosec // cut to its bits
	r := u.control()<<26 | uint64(f.indice)<<2 | uint64(f.sentido)<<1 | f.servicio //nolint:gosec // an index under 2^24
	for i := range uint64(rondas) {
		l, r = r, l^mezcla(r^u.semilla+i)&mascara
	}
	alto, bajo := l>>1, l<<61&(1<<62-1)|r
	var id UUID
	binary.BigEndian.PutUint64(id[:], alto>>12<<16|0x4000|alto&0xfff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|bajo)
	return id
}

func (u *Universo) descifra(id UUID) (folio, bool) {
	a, b := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])
	if a>>12&0xf != 4 || b>>62 != 2 {
		return folio{}, false
	}
	bajo := b & (1<<62 - 1)
	l, r := (a>>16<<12|a&0xfff)<<1|bajo>>61, bajo&mascara
	for i := range uint64(rondas) {
		i = rondas - 1 - i
		l, r = r^mezcla(l^u.semilla+i)&mascara, l
	}
	return folio{
		rfc: l >> 17, dia: int64(l & (1<<17 - 1)),
		indice: int64(r >> 2 & (maxIndice - 1)), sentido: Sentido(r >> 1 & 1), servicio: r & 1,
	}, r>>26 == u.control()
}

func (u *Universo) control() uint64 { return mezcla(u.semilla^0x5a7) & (1<<bitsControl - 1) }

func (u *Universo) huella(rfc string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(rfc))
	return mezcla(h.Sum64()^u.semilla) & (1<<bitsRFC - 1)
}

// mezcla is the finaliser of splitmix64: cheap, and good enough for data that must only look random.
func mezcla(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
