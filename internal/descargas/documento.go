package descargas

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// CFDI returns one CFDI as it is in its package, and its length in bytes. What counts is
// the UUID of its timbre: the name of an entry only says where to look first.
func (l *Lectura) CFDI(ctx context.Context, id, uuid string) (io.ReadCloser, int64, error) {
	d, err := l.store.Descarga(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, 0, ErrNoExiste
	case err != nil:
		return nil, 0, interno(err)
	case d.Peticion.Solicitud.TipoSolicitud != gateway.TipoCFDI:
		return nil, 0, ErrNoEsCFDI
	}
	b := &busqueda{l: l, uuid: uuid, err: errNoHayCFDI}
	for _, mira := range []func(context.Context, leible) (bool, error){b.porNombre, b.porTimbre} {
		for p, err := range l.recorre(ctx, d, 0) {
			if err != nil {
				return nil, 0, interno(err)
			}
			hallado, err := mira(ctx, p)
			if err != nil {
				return nil, 0, err
			}
			if hallado {
				return b.hallado()
			}
		}
	}
	if b.xml != nil {
		return b.hallado()
	}
	return nil, 0, b.err
}

// busqueda looks for one CFDI in the packages of a descarga.
type busqueda struct {
	l    *Lectura
	uuid string
	// xml is what was found: until the end perhaps only an entry of that name whose XML
	// cannot be read.
	xml []byte
	err error // when nothing is found
}

func (b *busqueda) hallado() (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(b.xml)), int64(len(b.xml)), nil
}

// porNombre looks into the entries that are called by the UUID.
func (b *busqueda) porNombre(ctx context.Context, p leible) (bool, error) {
	return b.abre(ctx, p, func(r Abierto, _ bool) (bool, error) {
		xml, cierto, err := cfdi.Busca(r, r.Size(), b.uuid)
		if err == nil && (cierto || b.xml == nil) {
			b.xml = xml
		}
		return cierto, err
	})
}

// porTimbre looks among those that are called otherwise. It reads a package whole, once:
// what it learns is kept.
func (b *busqueda) porTimbre(ctx context.Context, p leible) (bool, error) {
	clave, ok := cfdi.Clave(b.uuid)
	if !ok {
		return false, nil
	}
	return b.abre(ctx, p, func(r Abierto, danado bool) (bool, error) {
		sha256 := p.fila.SHA256
		if danado {
			sha256 = "" // what is learnt of other bytes is not kept
		}
		en, hay, err := b.l.lugares.busca(sha256, conContexto{ctx, r}, r.Size(), clave)
		if !hay || err != nil {
			return false, err
		}
		xml, err := cfdi.Documento(r, r.Size(), en)
		if err == nil {
			b.xml = xml
		}
		return err == nil, err
	})
}

// conContexto reads as long as the caller waits.
type conContexto struct {
	ctx context.Context //nolint:containedctx // one reading is one call
	r   io.ReaderAt
}

func (c conContexto) ReadAt(p []byte, at int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(p, at)
}

func (b *busqueda) abre(ctx context.Context, p leible, lee func(r Abierto, danado bool) (bool, error)) (bool, error) {
	r, dano, err := b.l.abre(ctx, p.fila.Paquete)
	if dano != nil {
		// It may be there; what is found elsewhere, or here with its sum, is it.
		b.err = dano
	}
	if err != nil || r == nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // read only
	hallado, err := lee(r, dano != nil)
	var falla *cfdi.Falla
	switch {
	case errors.Is(err, cfdi.ErrNoEsta), err != nil && dano != nil && ctx.Err() == nil:
		return false, nil
	case errors.As(err, &falla):
		b.err = &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnCFDIIlegible, Backend: "sat", Detail: "El CFDI está en el paquete y no se puede leer: " + falla.Detalle}
		return false, nil
	}
	return hallado, err
}

const (
	// maxLugares bounds what is kept of one package: some 3 MB. One with more such
	// entries is read again for each question.
	maxLugares = 50_000
	// maxLugaresEnTotal bounds all of it.
	maxLugaresEnTotal = 200_000
	// costoPaquete is what a package costs that has none, in places.
	costoPaquete = 4
)

// lugares remembers, by the digest of a package, where the CFDI are that their entries
// are not called by: in almost every package none, and then its question costs nothing.
type lugares struct {
	mu sync.Mutex
	// de has a package's places, in full.
	de    map[string]map[[16]byte]cfdi.Posicion
	total int
}

// busca returns where in a package a CFDI is that its entry is not called by.
func (g *lugares) busca(sha256 string, r io.ReaderAt, size int64, clave [16]byte) (en cfdi.Posicion, hay bool, err error) {
	todos, conocidos := g.conoce(sha256)
	if conocidos {
		en, hay = todos[clave]
		return en, hay, nil
	}
	todos = map[[16]byte]cfdi.Posicion{}
	for lugar, err := range cfdi.Lugares(r, size) {
		if err != nil {
			return cfdi.Posicion{}, false, err
		}
		if !hay && lugar.Clave == clave {
			en, hay = lugar.Posicion, true
		}
		if _, ya := todos[lugar.Clave]; !ya && len(todos) <= maxLugares {
			todos[lugar.Clave] = lugar.Posicion
		}
		if hay && len(todos) > maxLugares {
			break
		}
	}
	if len(todos) <= maxLugares {
		g.recuerda(sha256, todos)
	}
	return en, hay, nil
}

func (g *lugares) conoce(sha256 string) (map[[16]byte]cfdi.Posicion, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	todos, hay := g.de[sha256]
	return todos, hay
}

func (g *lugares) recuerda(sha256 string, todos map[[16]byte]cfdi.Posicion) {
	g.mu.Lock()
	defer g.mu.Unlock()
	costo := len(todos) + costoPaquete
	if sha256 == "" {
		return
	}
	if g.total += costo; g.de == nil || g.total > maxLugaresEnTotal {
		g.de, g.total = map[string]map[[16]byte]cfdi.Posicion{}, costo
	}
	g.de[sha256] = todos
}
