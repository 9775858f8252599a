package descargas

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// OpenPaquete is a package in storage, to be read.
type OpenPaquete interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Opener opens packages that are in storage; it never downloads.
type Opener interface {
	// Read fails with KindNoEncontrado when p is not in storage, and with
	// gateway.ErrDamagedPaquete when its bytes are not those that were kept.
	Read(ctx context.Context, p gateway.Paquete) (OpenPaquete, error)
	// ReadDamaged opens what there is of p: its entries are checked as they are read.
	ReadDamaged(ctx context.Context, p gateway.Paquete) (OpenPaquete, error)
}

// Reading reads what descargas have brought.
type Reading struct {
	store    Rows
	paquetes Opener
	places   places
}

// NewReading returns a reader over st and the packages.
func NewReading(rows Rows, p Opener) *Reading { return &Reading{store: rows, paquetes: p} }

// errNoCFDI is said of a descarga without the CFDI that is asked for.
var errNoCFDI = &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnCFDIInexistente, Detail: "La descarga no tiene un CFDI con ese UUID."}

// Metadatos yields the rows of the metadata of d behind cursor, each with the cursor of
// what follows it. What is broken comes as a fault between them; an error is the
// last thing, a *gateway.Error. A damaged package is one, unless partial says that a
// part will do: then it is a fault behind what can be read of it.
func (l *Reading) Metadatos(ctx context.Context, d gateway.Descarga, cursor string, partial bool) iter.Seq2[Line[cfdi.Metadato], error] {
	return read(l, metadatosSource(), ctx, requested{d, cursor, partial})
}

// Summaries yields a summary of each CFDI behind cursor, as Metadatos does.
func (l *Reading) Summaries(ctx context.Context, d gateway.Descarga, cursor string, partial bool) iter.Seq2[Line[cfdi.Summary], error] {
	return read(l, summariesSource(), ctx, requested{d, cursor, partial})
}

// requested is what is to be read.
type requested struct {
	d       gateway.Descarga
	cursor  string
	partial bool
}

// source is how one kind of content is read.
type source[T any] struct {
	open func(io.ReaderAt, int64, cfdi.Position) iter.Seq2[cfdi.Read[T], error]
	// fecha is the date of emission as the package has it, key the UUID in lower case
	// and the SAT's status.
	fecha func(T) string
	key   func(T) (uuid, estatus string)
}

func metadatosSource() source[cfdi.Metadato] {
	return source[cfdi.Metadato]{open: cfdi.Metadatos,
		fecha: func(m cfdi.Metadato) string { return m.FechaEmision },
		key:   func(m cfdi.Metadato) (string, string) { return strings.ToLower(m.UUID), m.Estatus }}
}

func summariesSource() source[cfdi.Summary] {
	return source[cfdi.Summary]{open: cfdi.Summaries,
		fecha: func(r cfdi.Summary) string { return r.Fecha },
		key:   func(r cfdi.Summary) (string, string) { return strings.ToLower(r.UUID), "1" }}
}

// lote is how many rows are looked up at once among a run's news.
const lote = 500

func read[T any](l *Reading, f source[T], ctx context.Context, q requested) iter.Seq2[Line[T], error] { //nolint:revive // generic methods do not exist
	return func(yield func(Line[T], error) bool) {
		since, pos, err := readCursor(q.cursor)
		if err == nil && !q.partial {
			err = l.whole(ctx, q.d, since)
		}
		if err != nil {
			yield(Line[T]{}, err)
			return
		}
		c := &sieve[T]{ctx: ctx, l: l, f: f, yield: yield, corrida: corridaOf(q.d), partial: q.partial}
		for p, err := range l.walk(ctx, q.d, since) {
			if err != nil {
				yield(Line[T]{}, internal(err))
				return
			}
			if p.row.Number != since {
				pos = cfdi.Position{}
			}
			if !c.paquete(p, pos) {
				return
			}
		}
	}
}

// whole refuses to begin what is known to come to a damaged package. One that was
// mended meanwhile is none.
func (l *Reading) whole(ctx context.Context, d gateway.Descarga, since int64) error {
	for p, err := range l.walk(ctx, d, since) {
		if err != nil {
			return internal(err)
		}
		if !p.row.Damaged {
			continue
		}
		r, err := l.paquetes.Read(ctx, p.row.Paquete)
		if err != nil {
			return whole(err, p)
		}
		if err := r.Close(); err != nil {
			return internal(err)
		}
	}
	return nil
}

// whole says of a damaged package, to who wants all of a descarga, how to get the rest.
func whole(err error, p readable) error {
	if !errors.Is(err, gateway.ErrDamagedPaquete) {
		return err
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnPaquetesDanados, Err: err, Detail: damaged(err, p) + " Lo demás se entrega con parcial=true."}
}

// damaged says what is wrong with a damaged package.
func damaged(err error, p readable) string {
	var e *gateway.Error
	if errors.As(err, &e) && e.Detail != "" {
		return e.Detail
	}
	return "El paquete " + p.row.Paquete.IDPaquete + " está dañado en el almacén."
}

// corridaOf is the run whose news alone d yields; empty for everything.
func corridaOf(d gateway.Descarga) string {
	if d.IDProgramacion != "" && d.Request.NovedadesDe == "" {
		return d.ID
	}
	return d.Request.NovedadesDe
}

// readable is a package whose content counts, with the solicitud that it is of.
type readable struct {
	row   store.TramoPaquete
	tramo store.Tramo
}

// pagePaquetes is how many rows are read at once.
const pagePaquetes = 200

// walk yields the stored packages from a row on, in order, without those of
// solicitudes that others have replaced.
func (l *Reading) walk(ctx context.Context, d gateway.Descarga, since int64) iter.Seq2[readable, error] {
	return func(yield func(readable, error) bool) {
		tramos, err := l.store.Tramos.Of(ctx, d.ID)
		if err != nil {
			yield(readable{}, err)
			return
		}
		by := make(map[int64]store.Tramo, len(tramos))
		for _, t := range tramos {
			by[t.Number] = t
		}
		rows := []store.TramoPaquete{{PaqueteDescarga: gateway.PaqueteDescarga{Number: since - 1}}}
		for len(rows) > 0 {
			rows, err = l.store.TramosPaquetes.Page(ctx, d.ID, rows[len(rows)-1].Number, pagePaquetes)
			if err != nil {
				yield(readable{}, err)
				return
			}
			for _, p := range rows {
				if u := (readable{p, by[p.Tramo]}); u.count() && !yield(u, nil) {
					return
				}
			}
		}
	}
}

// count reports whether the package was kept, and for a solicitud that no other
// has replaced.
func (u readable) count() bool {
	return u.tramo.Estado != gateway.TramoSustituida && u.tramo.Estado != gateway.TramoPartida &&
		(u.row.Estado == gateway.PaqueteGuardado || u.row.Estado == gateway.PaqueteBorrado)
}

// sieve lets through what belongs to the descarga.
type sieve[T any] struct {
	ctx     context.Context //nolint:containedctx // one reading is one call
	l       *Reading
	f       source[T]
	yield   func(Line[T], error) bool
	corrida string
	partial bool
	lote    []Line[T]
}

// paquete reads one package from pos on; false when nobody reads on.
func (c *sieve[T]) paquete(p readable, pos cfdi.Position) bool {
	r, damage, err := c.l.open(c.ctx, p.row.Paquete)
	if damage != nil && !c.partial {
		err = whole(damage, p)
		if r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	if err != nil {
		c.yield(Line[T]{}, err)
		return false
	}
	if r == nil {
		return c.missing(p, damage)
	}
	defer r.Close() //nolint:errcheck // read only
	for read, err := range c.f.open(r, r.Size(), pos) {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil && damage != nil && c.ctx.Err() == nil {
			break
		}
		if err != nil {
			c.yield(Line[T]{}, gateway.OwnFailure(err, "No se pudo seguir leyendo el paquete "+p.row.Paquete.IDPaquete+" del almacén."))
			return false
		}
		// The solicitud whose range that is yields it.
		if read.Falla == nil && placeOf(c.f.fecha(read.Value), p.tramo) == store.Ampliado {
			continue
		}
		c.lote = append(c.lote, Line[T]{Value: read.Value, Falla: read.Falla, Paquete: p.row.Paquete.IDPaquete,
			Cursor: strconv.FormatInt(p.row.Number, 10) + "." + read.Follow.String()})
		if (c.corrida == "" || len(c.lote) >= lote) && !c.release() {
			return false
		}
	}
	if damage != nil {
		return c.missing(p, damage)
	}
	return c.release()
}

// missing yields a fault for a damaged package behind what could be read of it: reading
// goes on with the next one.
func (c *sieve[T]) missing(p readable, damage error) bool {
	c.lote = append(c.lote, Line[T]{Falla: &cfdi.Falla{Detail: damaged(damage, p)}, Paquete: p.row.Paquete.IDPaquete,
		Cursor: strconv.FormatInt(p.row.Number+1, 10) + "." + cfdi.Position{}.String()})
	return c.release()
}

// open opens a package, also one that is damaged, if there is something to be read: damage
// says what is wrong with it.
func (l *Reading) open(ctx context.Context, p gateway.Paquete) (r OpenPaquete, damage, err error) {
	r, err = l.paquetes.Read(ctx, p)
	if !errors.Is(err, gateway.ErrDamagedPaquete) {
		return r, nil, err
	}
	damage = err
	r, err = l.paquetes.ReadDamaged(ctx, p)
	if errors.Is(err, gateway.ErrDamagedPaquete) {
		return nil, damage, nil
	}
	return r, damage, err
}

// release yields what has gathered, without what the run has no news of.
func (c *sieve[T]) release() bool {
	fresh := map[store.Novedad]bool(nil)
	if c.corrida != "" && len(c.lote) > 0 {
		uuids := make([]string, 0, len(c.lote))
		for _, r := range c.lote {
			if r.Falla == nil {
				uuid, _ := c.f.key(r.Value)
				uuids = append(uuids, uuid)
			}
		}
		var err error
		if fresh, err = c.l.store.Comprobantes.Novedades(c.ctx, c.corrida, uuids); err != nil {
			c.yield(Line[T]{}, internal(err))
			return false
		}
	}
	for _, r := range c.lote {
		if c.corrida != "" && r.Falla == nil {
			uuid, estatus := c.f.key(r.Value)
			if !fresh[store.Novedad{UUID: uuid, Estatus: estatus}] {
				continue
			}
		}
		if !c.yield(r, nil) {
			return false
		}
	}
	c.lote = c.lote[:0]
	return true
}

// readCursor reads "<number of a package>.<position>".
func readCursor(cursor string) (int64, cfdi.Position, error) {
	if cursor == "" {
		return 0, cfdi.Position{}, nil
	}
	row, rest, _ := strings.Cut(cursor, ".")
	id, err := strconv.ParseInt(row, 10, 64)
	pos, errPos := cfdi.ReadPosition(rest)
	if err != nil || errPos != nil {
		return 0, cfdi.Position{}, errCursor
	}
	return id, pos, nil
}
