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

// Direction is whose comprobantes: those a taxpayer issued or those he received.
type Direction uint8

// The two directions.
const (
	Emitidos Direction = iota
	Recibidos
)

const (
	secondsDay     = 24 * 60 * 60
	indexBits      = 24
	maxIndex       = 1 << indexBits
	withoutTercero = -1
)

// zoneMexico is the distance of Mexican official time to UTC since daylight saving ended in 2022.
const zoneMexico = -6 * time.Hour

// wall turns an instant into seconds of a Mexican wall clock; every date of the universe is one.
func wall(t time.Time) int64 { return t.Add(zoneMexico).Unix() }

func fechaOf(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// UUID is the folio fiscal of a comprobante.
type UUID [16]byte

// String writes it in lower case.
func (u UUID) String() string {
	return string(u.add(nil))
}

func (u UUID) add(b []byte) []byte {
	for i, cut := range [5][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[cut[0]:cut[1]])
	}
	return b
}

func readUUID(text string) (UUID, bool) {
	var u UUID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return u, false
	}
	n, err := hex.Decode(u[:], []byte(strings.ReplaceAll(text, "-", "")))
	return u, err == nil && n == len(u)
}

// Comprobante is one document of the universe, small enough to be made a million times a second; its
// XML and its metadata row are written from it.
type Comprobante struct {
	UUID        UUID
	Servicio    string
	Direction   Direction
	RFC         string // whose universe this is
	Contraparte int    // place in Universe.parts
	Tercero     int    // place in Universe.parts, or withoutTercero
	Fecha       int64  // wall clock
	Cancelacion int64  // wall clock; 0 when it never is
	Tipo        byte   // I, E, T, N, P; R for a retención
	Complemento string
	random      uint64 // decides the details
	perDay      int64  // of its scope
}

// Cancelled reports whether it is so at the instant cut of the wall clock.
func (c *Comprobante) Cancelled(cut int64) bool {
	return c.Cancelacion != 0 && c.Cancelacion <= cut
}

// part is a taxpayer that ours trade with.
type part struct{ rfc, name string }

// Universe makes every comprobante that exists from a seed; it keeps none.
type Universe struct {
	seed  uint64
	parts []part
	byRFC map[string]int
}

// NewUniverse returns the universe of a seed.
func NewUniverse(seed uint64) *Universe {
	u := &Universe{seed: seed, parts: parts(seed)}
	u.byRFC = make(map[string]int, len(u.parts))
	for i, p := range u.parts {
		u.byRFC[p.rfc] = i
	}
	return u
}

// scope is one taxpayer's comprobantes in one direction.
type scope struct {
	servicio  string
	rfc       string
	direction Direction
	perDay    int64
}

// position is a place in an scope, to begin again from.
type position struct{ day, index int64 }

// since yields the comprobantes from a position to the second until of the wall clock, both ends
// included, in order of date.
func (u *Universe) since(a scope, p position, until int64) iter.Seq2[position, Comprobante] {
	return func(yield func(position, Comprobante) bool) {
		key := u.keys(a)
		for ; p.day*secondsDay <= until; p.day, p.index = p.day+1, 0 {
			for ; p.index < a.perDay; p.index++ {
				c := u.make(a, key, p)
				if c.Fecha > until {
					return
				}
				if !yield(p, c) {
					return
				}
			}
		}
	}
}

// start returns the first position whose comprobante is dated second or later.
func (u *Universe) start(a scope, second int64) position {
	p := position{day: second / secondsDay}
	key := u.keys(a)
	for p.index = second % secondsDay * a.perDay / secondsDay; p.index < a.perDay; p.index++ {
		if u.make(a, key, p).Fecha >= second {
			return p
		}
	}
	return position{day: p.day + 1}
}

// direction returns the side of a folio's comprobante. For a folio of another universe it returns either.
func (u *Universe) direction(id UUID) Direction {
	f, _ := u.decrypt(id)
	return f.direction
}

// find finds a comprobante of the scope by its folio.
func (u *Universe) find(a scope, folio UUID) (Comprobante, bool) {
	f, ok := u.decrypt(folio)
	if !ok || f.rfc != u.digest(a.rfc) || f.direction != a.direction || f.servicio != bit(a.servicio == Retenciones) || f.index >= a.perDay {
		return Comprobante{}, false
	}
	return u.make(a, u.keys(a), position{f.day, f.index}), true
}

// keys is what every comprobante of an scope is made with, worked out once for a walk over it.
type keys struct {
	random, digest     uint64
	persona, retencion bool // the taxpayer is a person; the family is Retenciones
}

// luck decides the date of the comprobante at a position, and randomOf the rest of it.
func (k keys) luck(p position) uint64 {
	return mix(k.random ^ mix(uint64(p.day)<<indexBits|uint64(p.index))) //nolint:gosec // days since 1970 and an index
}

func (k keys) randomOf(p position) uint64 { return mix(k.luck(p) + 1) }

func isPersona(rfc string) bool { return utf8.RuneCountInString(rfc) == personaLength }

func (u *Universe) keys(a scope) keys {
	k := keys{digest: u.digest(a.rfc), persona: isPersona(a.rfc), retencion: a.servicio == Retenciones}
	k.random = mix(k.digest ^ bit(k.retencion)<<62 ^ uint64(a.direction)<<61 ^ mix(u.seed))
	return k
}

// make makes the comprobante at a position. Each has its own slot of the day, so dates never go back
// as the index grows.
func (u *Universe) make(a scope, key keys, p position) Comprobante {
	h := key.luck(p)
	slot, next := p.index*secondsDay/a.perDay, (p.index+1)*secondsDay/a.perDay
	fecha := p.day*secondsDay + slot
	if width := next - slot; width > 1 {
		fecha += int64(h % uint64(width)) //nolint:gosec // less than a day of seconds
	}
	c := Comprobante{
		UUID:     u.encrypt(folio{key.digest, p.day, p.index, a.direction, bit(key.retencion)}),
		Servicio: a.servicio, Direction: a.direction, RFC: a.rfc,
		Fecha: fecha, Tercero: withoutTercero, random: mix(h + 1), perDay: a.perDay,
	}
	detail(&c, key)
	return c
}

// incomePercent is the share of comprobantes that are of income, whoever issues them.
const incomePercent = 62

// detail decides type, parties and fate in proportions that resemble a company's.
func detail(c *Comprobante, key keys) {
	h := c.random
	c.Contraparte = int(h % companies)
	switch n := h >> 8 % 100; {
	case key.retencion:
		c.Tipo, c.Complemento = 'R', retencionKinds()[h>>44%5].complemento
	case n < incomePercent:
		c.Tipo = 'I'
		if h>>44%25 == 0 {
			c.Complemento = "leyendasfisc"
		}
	case n < 70:
		c.Tipo = 'E'
	case n < 86:
		c.Tipo, c.Complemento = 'P', "pagos20"
	case n < 98 && (c.Direction == Emitidos || key.persona):
		c.Tipo, c.Complemento = 'N', "nomina12"
		if c.Direction == Emitidos {
			c.Contraparte = companies + int(h%personas)
		}
	case n < 98:
		c.Tipo = 'I'
	default:
		c.Tipo = 'T'
	}
	if c.Tipo == 'I' && h>>32%32 == 0 {
		c.Tercero = int(h >> 37 % companies)
	}
	if d := mix(h); d%14 == 0 {
		c.Cancelacion = c.Fecha + 3600 + int64(d>>8%(20*secondsDay))
	}
}

// folio is what a UUID hides so that its comprobante can be found again.
type folio struct {
	rfc       uint64 // 44 bits
	day       int64  // 17 bits, since 1970
	index     int64  // 24 bits
	direction Direction
	servicio  uint64
}

const (
	half        = 61 // bits of each half; 122 are free in a UUID of version 4
	mask        = 1<<half - 1
	bitsRFC     = 44
	bitsControl = 35
	rondas      = 4
)

// encrypt and decrypt are a Feistel network keyed by the seed over the 122 free bits.
func (u *Universe) encrypt(f folio) UUID {
	l := f.rfc<<17 | uint64(f.day)&(1<<17-1)                                        //nolint:gosec // cut to its bits
	r := u.control()<<26 | uint64(f.index)<<2 | uint64(f.direction)<<1 | f.servicio //nolint:gosec // an index under 2^24
	for i := range uint64(rondas) {
		l, r = r, l^mix(r^u.seed+i)&mask
	}
	height, low := l>>1, l<<61&(1<<62-1)|r
	var id UUID
	binary.BigEndian.PutUint64(id[:], height>>12<<16|0x4000|height&0xfff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|low)
	return id
}

func (u *Universe) decrypt(id UUID) (folio, bool) {
	a, b := binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:])
	if a>>12&0xf != 4 || b>>62 != 2 {
		return folio{}, false
	}
	low := b & (1<<62 - 1)
	l, r := (a>>16<<12|a&0xfff)<<1|low>>61, low&mask
	for i := range uint64(rondas) {
		i = rondas - 1 - i
		l, r = r^mix(l^u.seed+i)&mask, l
	}
	return folio{
		rfc: l >> 17, day: int64(l & (1<<17 - 1)),
		index: int64(r >> 2 & (maxIndex - 1)), direction: Direction(r >> 1 & 1), servicio: r & 1,
	}, r>>26 == u.control()
}

func (u *Universe) control() uint64 { return mix(u.seed^0x5a7) & (1<<bitsControl - 1) }

func (u *Universe) digest(rfc string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(rfc))
	return mix(h.Sum64()^u.seed) & (1<<bitsRFC - 1)
}

// mix is the finaliser of splitmix64: cheap, and good enough for data that must only look random.
func mix(x uint64) uint64 {
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
