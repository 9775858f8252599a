package descargas

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Abierto is a package in storage, to be read.
type Abierto interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Abridor opens packages that are in storage; it never downloads.
type Abridor interface {
	// Lee fails with KindNoEncontrado when p is not in storage, and with
	// gateway.ErrPaqueteDanado when its bytes are not those that were kept.
	Lee(ctx context.Context, p gateway.Paquete) (Abierto, error)
	// LeeDanado opens what there is of p: its entries are checked as they are read.
	LeeDanado(ctx context.Context, p gateway.Paquete) (Abierto, error)
}

// Lectura reads what descargas have brought.
type Lectura struct {
	store    *store.Store
	paquetes Abridor
	lugares  lugares
}

// NewLectura returns a reader over st and the packages.
func NewLectura(st *store.Store, p Abridor) *Lectura { return &Lectura{store: st, paquetes: p} }

// What is said of a descarga that never holds what is asked of it.
var (
	ErrNoEsMetadata = &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaSinMetadatos,
		Detail: "La descarga es de CFDI y no trae metadatos. Pida sus XML en …/cfdis, o cree una descarga con tipoSolicitud Metadata."}
	ErrNoEsCFDI = &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaSinCFDI,
		Detail: "La descarga es de metadatos y no trae XML. Pida sus filas en …/metadatos, o cree una descarga con tipoSolicitud CFDI."}
	errNoHayCFDI = &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnCFDIInexistente, Detail: "La descarga no tiene un CFDI con ese UUID."}
)

// Metadatos yields the rows of metadata behind cursor, each with the cursor of
// what follows it. What is broken comes as a fault between them; an error is the
// last thing, a *gateway.Error. A damaged package is one, unless parcial says that a
// part will do: then it is a fault behind what can be read of it.
func (l *Lectura) Metadatos(ctx context.Context, id, cursor string, parcial bool) iter.Seq2[Renglon[cfdi.Metadato], error] {
	return lee(l, fuenteMetadatos(), ctx, pedido{id, cursor, parcial})
}

// Resumenes yields a summary of each CFDI behind cursor, as Metadatos does.
func (l *Lectura) Resumenes(ctx context.Context, id, cursor string, parcial bool) iter.Seq2[Renglon[cfdi.Resumen], error] {
	return lee(l, fuenteResumenes(), ctx, pedido{id, cursor, parcial})
}

// pedido is what is to be read.
type pedido struct {
	id, cursor string
	parcial    bool
}

// fuente is how one kind of content is read.
type fuente[T any] struct {
	tipo string
	otro error
	abre func(io.ReaderAt, int64, cfdi.Posicion) iter.Seq2[cfdi.Leido[T], error]
	// fecha is the date of emission as the package has it, clave the UUID in lower case
	// and the SAT's status.
	fecha func(T) string
	clave func(T) (uuid, estatus string)
}

func fuenteMetadatos() fuente[cfdi.Metadato] {
	return fuente[cfdi.Metadato]{tipo: gateway.TipoMetadata, otro: ErrNoEsMetadata, abre: cfdi.Metadatos,
		fecha: func(m cfdi.Metadato) string { return m.FechaEmision },
		clave: func(m cfdi.Metadato) (string, string) { return strings.ToLower(m.UUID), m.Estatus }}
}

func fuenteResumenes() fuente[cfdi.Resumen] {
	return fuente[cfdi.Resumen]{tipo: gateway.TipoCFDI, otro: ErrNoEsCFDI, abre: cfdi.Resumenes,
		fecha: func(r cfdi.Resumen) string { return r.Fecha },
		clave: func(r cfdi.Resumen) (string, string) { return strings.ToLower(r.UUID), "1" }}
}

// lote is how many rows are looked up at once among a run's news.
const lote = 500

func lee[T any](l *Lectura, f fuente[T], ctx context.Context, q pedido) iter.Seq2[Renglon[T], error] { //nolint:revive // generic methods do not exist
	return func(yield func(Renglon[T], error) bool) {
		d, err := l.store.Descarga(ctx, q.id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = ErrNoExiste
		case err != nil:
			err = interno(err)
		case d.Peticion.Solicitud.TipoSolicitud != f.tipo:
			err = f.otro
		}
		desde, pos, errCur := leeCursor(q.cursor)
		if err = errors.Join(err, errCur); err == nil && !q.parcial {
			err = l.entera(ctx, d, desde)
		}
		if err != nil {
			yield(Renglon[T]{}, err)
			return
		}
		c := &criba[T]{ctx: ctx, l: l, f: f, yield: yield, corrida: corridaDe(d), parcial: q.parcial}
		for p, err := range l.recorre(ctx, d, desde) {
			if err != nil {
				yield(Renglon[T]{}, interno(err))
				return
			}
			if p.fila.Numero != desde {
				pos = cfdi.Posicion{}
			}
			if !c.paquete(p, pos) {
				return
			}
		}
	}
}

// entera refuses to begin what is known to come to a damaged package. One that was
// mended meanwhile is none.
func (l *Lectura) entera(ctx context.Context, d store.Descarga, desde int64) error {
	for p, err := range l.recorre(ctx, d, desde) {
		if err != nil {
			return interno(err)
		}
		if !p.fila.Danado {
			continue
		}
		r, err := l.paquetes.Lee(ctx, p.fila.Paquete)
		if err != nil {
			return entero(err, p)
		}
		if err := r.Close(); err != nil {
			return interno(err)
		}
	}
	return nil
}

// entero says of a damaged package, to who wants all of a descarga, how to get the rest.
func entero(err error, p leible) error {
	if !errors.Is(err, gateway.ErrPaqueteDanado) {
		return err
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnPaquetesDanados, Err: err, Detail: danado(err, p) + " Lo demás se entrega con parcial=true."}
}

// danado says what is wrong with a damaged package.
func danado(err error, p leible) string {
	var e *gateway.Error
	if errors.As(err, &e) && e.Detail != "" {
		return e.Detail
	}
	return "El paquete " + p.fila.Paquete.IDPaquete + " está dañado en el almacén."
}

// corridaDe is the run whose news alone d yields; empty for everything.
func corridaDe(d store.Descarga) string {
	if d.IDProgramacion != "" && d.Peticion.NovedadesDe == "" {
		return d.ID
	}
	return d.Peticion.NovedadesDe
}

// leible is a package whose content counts, with the solicitud that it is of.
type leible struct {
	fila  store.PaqueteDeTramo
	tramo store.Tramo
}

// paginaPaquetes is how many rows are read at once.
const paginaPaquetes = 200

// recorre yields the stored packages from a row on, in order, without those of
// solicitudes that others have replaced.
func (l *Lectura) recorre(ctx context.Context, d store.Descarga, desde int64) iter.Seq2[leible, error] {
	return func(yield func(leible, error) bool) {
		tramos, err := l.store.Tramos(ctx, d.ID)
		if err != nil {
			yield(leible{}, err)
			return
		}
		por := make(map[int64]store.Tramo, len(tramos))
		for _, t := range tramos {
			por[t.Numero] = t
		}
		filas := []store.PaqueteDeTramo{{PaqueteDescarga: gateway.PaqueteDescarga{Numero: desde - 1}}}
		for len(filas) > 0 {
			filas, err = l.store.PaquetesDeDescarga(ctx, d.ID, filas[len(filas)-1].Numero, paginaPaquetes)
			if err != nil {
				yield(leible{}, err)
				return
			}
			for _, p := range filas {
				if u := (leible{p, por[p.Tramo]}); u.cuenta() && !yield(u, nil) {
					return
				}
			}
		}
	}
}

// cuenta tells whether the package was kept, and for a solicitud that no other
// has replaced.
func (u leible) cuenta() bool {
	return u.tramo.Estado != gateway.TramoSustituida && u.tramo.Estado != gateway.TramoPartida &&
		(u.fila.Estado == gateway.PaqueteGuardado || u.fila.Estado == gateway.PaqueteBorrado)
}

// criba lets through what belongs to the descarga.
type criba[T any] struct {
	ctx     context.Context //nolint:containedctx // one reading is one call
	l       *Lectura
	f       fuente[T]
	yield   func(Renglon[T], error) bool
	corrida string
	parcial bool
	lote    []Renglon[T]
}

// paquete reads one package from pos on; false when nobody reads on.
func (c *criba[T]) paquete(p leible, pos cfdi.Posicion) bool {
	r, dano, err := c.l.abre(c.ctx, p.fila.Paquete)
	if dano != nil && !c.parcial {
		err = entero(dano, p)
		if r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	if err != nil {
		c.yield(Renglon[T]{}, err)
		return false
	}
	if r == nil {
		return c.falta(p, dano)
	}
	defer r.Close() //nolint:errcheck // read only
	for leido, err := range c.f.abre(r, r.Size(), pos) {
		if err == nil {
			err = c.ctx.Err()
		}
		if err != nil && dano != nil && c.ctx.Err() == nil {
			break
		}
		if err != nil {
			c.yield(Renglon[T]{}, gateway.OwnFailure(err, "No se pudo seguir leyendo el paquete "+p.fila.Paquete.IDPaquete+" del almacén."))
			return false
		}
		// The solicitud whose range that is yields it.
		if leido.Falla == nil && lugarDe(c.f.fecha(leido.Valor), p.tramo) == store.Ampliado {
			continue
		}
		c.lote = append(c.lote, Renglon[T]{Valor: leido.Valor, Falla: leido.Falla, Paquete: p.fila.Paquete.IDPaquete,
			Cursor: strconv.FormatInt(p.fila.Numero, 10) + "." + leido.Sigue.String()})
		if (c.corrida == "" || len(c.lote) >= lote) && !c.suelta() {
			return false
		}
	}
	if dano != nil {
		return c.falta(p, dano)
	}
	return c.suelta()
}

// falta yields a fault for a damaged package behind what could be read of it: reading
// goes on with the next one.
func (c *criba[T]) falta(p leible, dano error) bool {
	c.lote = append(c.lote, Renglon[T]{Falla: &cfdi.Falla{Detalle: danado(dano, p)}, Paquete: p.fila.Paquete.IDPaquete,
		Cursor: strconv.FormatInt(p.fila.Numero+1, 10) + "." + cfdi.Posicion{}.String()})
	return c.suelta()
}

// abre opens a package, also one that is damaged, if there is something to be read: dano
// says what is wrong with it.
func (l *Lectura) abre(ctx context.Context, p gateway.Paquete) (r Abierto, dano, err error) {
	r, err = l.paquetes.Lee(ctx, p)
	if !errors.Is(err, gateway.ErrPaqueteDanado) {
		return r, nil, err
	}
	dano = err
	r, err = l.paquetes.LeeDanado(ctx, p)
	if errors.Is(err, gateway.ErrPaqueteDanado) {
		return nil, dano, nil
	}
	return r, dano, err
}

// suelta yields what has gathered, without what the run has no news of.
func (c *criba[T]) suelta() bool {
	nuevas := map[store.Novedad]bool(nil)
	if c.corrida != "" && len(c.lote) > 0 {
		uuids := make([]string, 0, len(c.lote))
		for _, r := range c.lote {
			if r.Falla == nil {
				uuid, _ := c.f.clave(r.Valor)
				uuids = append(uuids, uuid)
			}
		}
		var err error
		if nuevas, err = c.l.store.Novedades(c.ctx, c.corrida, uuids); err != nil {
			c.yield(Renglon[T]{}, interno(err))
			return false
		}
	}
	for _, r := range c.lote {
		if c.corrida != "" && r.Falla == nil {
			uuid, estatus := c.f.clave(r.Valor)
			if !nuevas[store.Novedad{UUID: uuid, Estatus: estatus}] {
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

// leeCursor reads "<number of a package>.<position>".
func leeCursor(cursor string) (int64, cfdi.Posicion, error) {
	if cursor == "" {
		return 0, cfdi.Posicion{}, nil
	}
	fila, resto, _ := strings.Cut(cursor, ".")
	id, err := strconv.ParseInt(fila, 10, 64)
	pos, errPos := cfdi.LeePosicion(resto)
	if err != nil || errPos != nil {
		return 0, cfdi.Posicion{}, errCursor
	}
	return id, pos, nil
}
