package descargas

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Seen is one comprobante that a package lets be read.
type Seen struct {
	UUID string // lower case
	// Estatus is the SAT's: 1 vigente, 0 cancelado. An XML is of one in force.
	Estatus string
	Fecha   string // of emission, as the package has it
}

// Count is what reading a package to its end has come to.
type Count struct {
	// Read are comprobantes, as often as they are there.
	Read int64
	// Fallas are what cannot be read: entries, or rows of a text. DamagedEntries are those of
	// them whose bytes are not what was packed. Foreign are other entries, which no
	// package of the SAT has.
	Fallas, DamagedEntries, Foreign int64
	// Falla says where the first of them is, and what is wrong there; of Foreign only
	// where there is nothing else.
	Falla string
}

// Reader reads what a package in storage holds.
type Reader interface {
	// Count reads p to its end. visto is told of each comprobante.
	Count(ctx context.Context, p gateway.Paquete, metadata bool, seen func(Seen) error) (Count, error)
}

// Count implements Reader.
func (l *Reading) Count(ctx context.Context, p gateway.Paquete, metadata bool, seen func(Seen) error) (Count, error) {
	r, err := l.paquetes.Read(ctx, p)
	if err != nil {
		return Count{}, err
	}
	defer r.Close() //nolint:errcheck // read only
	if metadata {
		return count(ctx, r, metadatosSource(), seen)
	}
	return count(ctx, r, summariesSource(), seen)
}

// Readable counts the different comprobantes that can be read in a package, of XML or
// of metadata, and what cannot: a damaged text may have all its rows. It holds 16
// bytes for each: two deliveries are seldom weighed.
func Readable(r io.ReaderAt, size int64) (readable, fallas int64, err error) {
	var seen [][store.UUIDLength]byte
	weigh := func(uuid string, falla *cfdi.Falla) {
		key, ok := cfdi.Key(uuid)
		switch {
		case falla != nil && falla.Foreign: // all of one kind are to the reader of the other
		case falla != nil || !ok:
			fallas++
		default:
			seen = append(seen, key)
		}
	}
	for read, err := range cfdi.Summaries(r, size, cfdi.Position{}) {
		if err != nil {
			return 0, 0, err
		}
		weigh(read.Value.UUID, read.Falla)
	}
	for read, err := range cfdi.Metadatos(r, size, cfdi.Position{}) {
		if err != nil {
			return 0, 0, err
		}
		weigh(read.Value.UUID, read.Falla)
	}
	slices.SortFunc(seen, func(a, b [store.UUIDLength]byte) int { return bytes.Compare(a[:], b[:]) })
	return int64(len(slices.Compact(seen))), fallas, nil
}

func count[T any](ctx context.Context, r OpenPaquete, f source[T], seen func(Seen) error) (Count, error) {
	var c Count
	for read, err := range f.open(r, r.Size(), cfdi.Position{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c, internal(err)
		}
		if read.Falla != nil {
			c.falla(read.Falla)
			continue
		}
		uuid, estatus := f.key(read.Value)
		if err := seen(Seen{UUID: uuid, Estatus: estatus, Fecha: f.fecha(read.Value)}); err != nil {
			return c, internal(err)
		}
		c.Read++
	}
	return c, nil
}

func (c *Count) falla(f *cfdi.Falla) {
	if f.Foreign {
		if c.Foreign++; c.Falla == "" {
			c.Falla = f.Error()
		}
		return
	}
	if c.Fallas++; c.Fallas == 1 {
		c.Falla = f.Error()
	}
	if f.Damaged {
		c.DamagedEntries++
	}
}

// motivo is the code of what Falla says in words.
func (c Count) motivo() string {
	switch {
	case c.DamagedEntries > 0:
		return string(gateway.OwnEntradasDanadas)
	case c.Fallas > 0:
		return string(gateway.OwnEntradasIlegibles)
	case c.Foreign > 0:
		return string(gateway.OwnEntradasAjenas)
	}
	return ""
}

// loteIdentities is how many UUIDs are sorted and written at once: half a megabyte.
const loteIdentities = 32 << 10

// identities gathers the UUIDs of one package by where their dates lie.
type identities struct {
	ctx   context.Context //nolint:containedctx // the life of one count
	rows  store.Comprobantes
	p     store.TramoPaquete
	tramo store.Tramo
	lote  int // how many are written at once
	lotes map[store.Place][][store.UUIDLength]byte
}

func (i *identities) add(v Seen) error {
	key, ok := cfdi.Key(v.UUID)
	if !ok {
		return fmt.Errorf("descargas: %q is no UUID", v.UUID)
	}
	place := placeOf(v.Fecha, i.tramo)
	i.lotes[place] = append(i.lotes[place], key)
	if len(i.lotes[place]) < i.lote {
		return nil
	}
	return i.write(place)
}

func (i *identities) write(place store.Place) error {
	lote := i.lotes[place]
	slices.SortFunc(lote, func(a, b [store.UUIDLength]byte) int { return bytes.Compare(a[:], b[:]) })
	lote = slices.Compact(lote)
	uuids := make([]byte, 0, len(lote)*store.UUIDLength)
	for _, u := range lote {
		uuids = append(uuids, u[:]...)
	}
	i.lotes[place] = i.lotes[place][:0]
	return i.rows.RecordIdentities(i.ctx, i.p, place, uuids)
}

func (i *identities) close() error {
	for place := range i.lotes {
		if err := i.write(place); err != nil {
			return err
		}
	}
	return nil
}

// countPaquete reads a package that is in storage and enters what it holds in p. A
// count that was cut is made again, and comes to the same.
func (m *Engine) countPaquete(ctx context.Context, d store.Descarga, p *store.TramoPaquete) error {
	tramo, err := m.cfg.Store.Tramos.Get(ctx, p.IDTramo)
	if err != nil {
		return err
	}
	metadata := d.Request.Solicitud.TipoSolicitud == gateway.TipoMetadata
	ids := &identities{ctx: ctx, rows: m.cfg.Store.Comprobantes, p: *p, tramo: tramo, lote: loteIdentities, lotes: map[store.Place][][store.UUIDLength]byte{}}
	var fresh *novedades
	if metadata && d.IDProgramacion != "" {
		fresh = &novedades{ctx: ctx, rows: m.cfg.Store.Comprobantes, programacion: d.IDProgramacion, corrida: d.ID}
	}
	c, err := m.cfg.Reader.Count(ctx, p.Paquete, metadata, func(v Seen) error {
		if fresh != nil {
			if err := fresh.add(v.UUID, v.Estatus, v.Fecha); err != nil {
				return err
			}
		}
		return ids.add(v)
	})
	if err == nil {
		err = ids.close()
	}
	if err == nil && fresh != nil {
		err = fresh.close()
	}
	if err != nil {
		return err
	}
	p.Comprobantes, err = m.cfg.Store.Comprobantes.CountIdentities(ctx, *p)
	p.Repeated, p.Fallas, p.DamagedEntries, p.Detalle = c.Read-p.Comprobantes, c.Fallas, c.DamagedEntries, c.Falla
	p.Foreign, p.MotivoCodigo = c.Foreign, c.motivo()
	return err
}

// placeOf tells where a date lies, seen from the solicitud that brought it.
func placeOf(fecha string, t store.Tramo) store.Place {
	if len(fecha) < len(gateway.FechaFormat) {
		return store.Own
	}
	fecha = inFormat(fecha)
	switch {
	case fecha >= t.Since && fecha <= t.Until:
		return store.Own
	case fecha >= t.PideDesde && fecha <= t.PideHasta:
		return store.Ampliado
	}
	return store.Ajeno
}

// inFormat is the date of a comprobante as FormatoFecha, to the second; what is shorter
// than a date stays as it is.
func inFormat(fecha string) string {
	if len(fecha) < len(gateway.FechaFormat) {
		return fecha
	}
	return strings.Replace(fecha[:len(gateway.FechaFormat)], " ", "T", 1)
}
