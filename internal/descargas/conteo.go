package descargas

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Visto is one comprobante that a package lets be read.
type Visto struct {
	UUID string // lower case
	// Estatus is the SAT's: 1 vigente, 0 cancelado. An XML is of one in force.
	Estatus string
	Fecha   string // of emission, as the package has it
}

// Conteo is what reading a package to its end has come to.
type Conteo struct {
	// Leidos are comprobantes, as often as they are there.
	Leidos int64
	// Fallas are what cannot be read: entries, or rows of a text. Danadas are those of
	// them whose bytes are not what was packed. Ajenas are other entries, which no
	// package of the SAT has.
	Fallas, Danadas, Ajenas int64
	// Falla says where the first of them is, and what is wrong there; of Ajenas only
	// where there is nothing else.
	Falla string
}

// Lector reads what a package in storage holds.
type Lector interface {
	// Cuenta reads p to its end. visto is told of each comprobante.
	Cuenta(ctx context.Context, p gateway.Paquete, metadata bool, visto func(Visto) error) (Conteo, error)
}

// Cuenta implements Lector.
func (l *Lectura) Cuenta(ctx context.Context, p gateway.Paquete, metadata bool, visto func(Visto) error) (Conteo, error) {
	r, err := l.paquetes.Lee(ctx, p)
	if err != nil {
		return Conteo{}, err
	}
	defer r.Close() //nolint:errcheck // read only
	if metadata {
		return cuenta(ctx, r, fuenteMetadatos(), visto)
	}
	return cuenta(ctx, r, fuenteResumenes(), visto)
}

// Legibles counts the different comprobantes that can be read in a package, of XML or
// of metadata, and what cannot: a damaged text may have all its rows. It holds 16
// bytes for each: two deliveries are seldom weighed.
func Legibles(r io.ReaderAt, size int64) (legibles, fallas int64, err error) {
	var vistos [][store.LargoUUID]byte
	pesa := func(uuid string, falla *cfdi.Falla) {
		clave, ok := cfdi.Clave(uuid)
		switch {
		case falla != nil && falla.Ajena: // all of one kind are to the reader of the other
		case falla != nil || !ok:
			fallas++
		default:
			vistos = append(vistos, clave)
		}
	}
	for leido, err := range cfdi.Resumenes(r, size, cfdi.Posicion{}) {
		if err != nil {
			return 0, 0, err
		}
		pesa(leido.Valor.UUID, leido.Falla)
	}
	for leido, err := range cfdi.Metadatos(r, size, cfdi.Posicion{}) {
		if err != nil {
			return 0, 0, err
		}
		pesa(leido.Valor.UUID, leido.Falla)
	}
	slices.SortFunc(vistos, func(a, b [store.LargoUUID]byte) int { return bytes.Compare(a[:], b[:]) })
	return int64(len(slices.Compact(vistos))), fallas, nil
}

func cuenta[T any](ctx context.Context, r Abierto, f fuente[T], visto func(Visto) error) (Conteo, error) {
	var c Conteo
	for leido, err := range f.abre(r, r.Size(), cfdi.Posicion{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return c, interno(err)
		}
		if leido.Falla != nil {
			c.falla(leido.Falla)
			continue
		}
		uuid, estatus := f.clave(leido.Valor)
		if err := visto(Visto{UUID: uuid, Estatus: estatus, Fecha: f.fecha(leido.Valor)}); err != nil {
			return c, interno(err)
		}
		c.Leidos++
	}
	return c, nil
}

func (c *Conteo) falla(f *cfdi.Falla) {
	if f.Ajena {
		if c.Ajenas++; c.Falla == "" {
			c.Falla = f.Error()
		}
		return
	}
	if c.Fallas++; c.Fallas == 1 {
		c.Falla = f.Error()
	}
	if f.Danada {
		c.Danadas++
	}
}

// motivo is the code of what Falla says in words.
func (c Conteo) motivo() string {
	switch {
	case c.Danadas > 0:
		return string(gateway.OwnEntradasDanadas)
	case c.Fallas > 0:
		return string(gateway.OwnEntradasIlegibles)
	case c.Ajenas > 0:
		return string(gateway.OwnEntradasAjenas)
	}
	return ""
}

// loteIdentidades is how many UUIDs are sorted and written at once: half a megabyte.
const loteIdentidades = 32 << 10

// identidades gathers the UUIDs of one package by where their dates lie.
type identidades struct {
	ctx   context.Context //nolint:containedctx // the life of one count
	store *store.Store
	p     store.PaqueteDeTramo
	tramo store.Tramo
	lote  int // how many are written at once
	lotes map[store.Lugar][][store.LargoUUID]byte
}

func (i *identidades) agrega(v Visto) error {
	clave, ok := cfdi.Clave(v.UUID)
	if !ok {
		return fmt.Errorf("descargas: %q is no UUID", v.UUID)
	}
	lugar := lugarDe(v.Fecha, i.tramo)
	i.lotes[lugar] = append(i.lotes[lugar], clave)
	if len(i.lotes[lugar]) < i.lote {
		return nil
	}
	return i.escribe(lugar)
}

func (i *identidades) escribe(lugar store.Lugar) error {
	lote := i.lotes[lugar]
	slices.SortFunc(lote, func(a, b [store.LargoUUID]byte) int { return bytes.Compare(a[:], b[:]) })
	lote = slices.Compact(lote)
	uuids := make([]byte, 0, len(lote)*store.LargoUUID)
	for _, u := range lote {
		uuids = append(uuids, u[:]...)
	}
	i.lotes[lugar] = i.lotes[lugar][:0]
	return i.store.AnotaIdentidades(i.ctx, i.p, lugar, uuids)
}

func (i *identidades) cierra() error {
	for lugar := range i.lotes {
		if err := i.escribe(lugar); err != nil {
			return err
		}
	}
	return nil
}

// cuentaPaquete reads a package that is in storage and enters what it holds in p. A
// count that was cut is made again, and comes to the same.
func (m *Motor) cuentaPaquete(ctx context.Context, d store.Descarga, p *store.PaqueteDeTramo) error {
	tramo, err := m.cfg.Store.Tramo(ctx, p.IDTramo)
	if err != nil {
		return err
	}
	metadata := d.Peticion.Solicitud.TipoSolicitud == gateway.TipoMetadata
	ids := &identidades{ctx: ctx, store: m.cfg.Store, p: *p, tramo: tramo, lote: loteIdentidades, lotes: map[store.Lugar][][store.LargoUUID]byte{}}
	var nuevas *novedades
	if metadata && d.IDProgramacion != "" {
		nuevas = m.novedades(ctx, d)
	}
	c, err := m.cfg.Lector.Cuenta(ctx, p.Paquete, metadata, func(v Visto) error {
		if nuevas != nil {
			if err := nuevas.agrega(v.UUID, v.Estatus, v.Fecha); err != nil {
				return err
			}
		}
		return ids.agrega(v)
	})
	if err == nil {
		err = ids.cierra()
	}
	if err == nil && nuevas != nil {
		err = nuevas.cierra()
	}
	if err != nil {
		return err
	}
	p.Comprobantes, err = m.cfg.Store.CuentaIdentidades(ctx, *p)
	p.Repetidos, p.Fallas, p.Danadas, p.Detalle = c.Leidos-p.Comprobantes, c.Fallas, c.Danadas, c.Falla
	p.Ajenas, p.MotivoCodigo = c.Ajenas, c.motivo()
	return err
}

// lugarDe tells where a date lies, seen from the solicitud that brought it.
func lugarDe(fecha string, t store.Tramo) store.Lugar {
	if len(fecha) < len(gateway.FormatoFecha) {
		return store.Propio
	}
	fecha = enFormato(fecha)
	switch {
	case fecha >= t.Desde && fecha <= t.Hasta:
		return store.Propio
	case fecha >= t.PideDesde && fecha <= t.PideHasta:
		return store.Ampliado
	}
	return store.Ajeno
}

// enFormato is the date of a comprobante as FormatoFecha, to the second; what is shorter
// than a date stays as it is.
func enFormato(fecha string) string {
	if len(fecha) < len(gateway.FormatoFecha) {
		return fecha
	}
	return strings.Replace(fecha[:len(gateway.FormatoFecha)], " ", "T", 1)
}
