package descargas

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
)

// CFDI returns one CFDI of d as it is in its package, and its length in bytes. What counts is
// the UUID of its timbre: the name of an entry only says where to look first.
func (l *Reading) CFDI(ctx context.Context, d gateway.Descarga, uuid string) (io.ReadCloser, int64, error) {
	b := &search{l: l, uuid: uuid, err: errNoCFDI}
	for _, look := range []func(context.Context, readable) (bool, error){b.byName, b.byTimbre} {
		for p, err := range l.walk(ctx, d, 0) {
			if err != nil {
				return nil, 0, internal(err)
			}
			found, err := look(ctx, p)
			if err != nil {
				return nil, 0, err
			}
			if found {
				return b.found()
			}
		}
	}
	if b.xml != nil {
		return b.found()
	}
	return nil, 0, b.err
}

// search looks for one CFDI in the packages of a descarga.
type search struct {
	l    *Reading
	uuid string
	// xml is what was found: until the end perhaps only an entry of that name whose XML
	// cannot be read.
	xml []byte
	err error // when nothing is found
}

func (b *search) found() (io.ReadCloser, int64, error) {
	return io.NopCloser(bytes.NewReader(b.xml)), int64(len(b.xml)), nil
}

// byName looks into the entries that are called by the UUID.
func (b *search) byName(ctx context.Context, p readable) (bool, error) {
	return b.open(ctx, p, func(r OpenPaquete, _ bool) (bool, error) {
		xml, isTrue, err := cfdi.Find(r, r.Size(), b.uuid)
		if err == nil && (isTrue || b.xml == nil) {
			b.xml = xml
		}
		return isTrue, err
	})
}

// byTimbre looks among those that are called otherwise. It reads a package whole, once:
// what it learns is kept.
func (b *search) byTimbre(ctx context.Context, p readable) (bool, error) {
	key, ok := cfdi.Key(b.uuid)
	if !ok {
		return false, nil
	}
	return b.open(ctx, p, func(r OpenPaquete, damaged bool) (bool, error) {
		sha256 := p.row.SHA256
		if damaged {
			sha256 = "" // what is learnt of other bytes is not kept
		}
		en, has, err := b.l.places.find(sha256, withContext{ctx, r}, r.Size(), key)
		if !has || err != nil {
			return false, err
		}
		xml, err := cfdi.Document(r, r.Size(), en)
		if err == nil {
			b.xml = xml
		}
		return err == nil, err
	})
}

// withContext reads as long as the caller waits.
type withContext struct {
	ctx context.Context //nolint:containedctx // one reading is one call
	r   io.ReaderAt
}

func (c withContext) ReadAt(p []byte, at int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(p, at)
}

func (b *search) open(ctx context.Context, p readable, read func(r OpenPaquete, damaged bool) (bool, error)) (bool, error) {
	r, damage, err := b.l.open(ctx, p.row.Paquete)
	if damage != nil {
		// It may be there; what is found elsewhere, or here with its sum, is it.
		b.err = damage
	}
	if err != nil || r == nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // read only
	found, err := read(r, damage != nil)
	var falla *cfdi.Falla
	switch {
	case errors.Is(err, cfdi.ErrNotThere), err != nil && damage != nil && ctx.Err() == nil:
		return false, nil
	case errors.As(err, &falla):
		b.err = &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnCFDIIlegible, Backend: "sat", Detail: "El CFDI está en el paquete y no se puede leer: " + falla.Detail}
		return false, nil
	}
	return found, err
}

const (
	// maxPlaces bounds what is kept of one package: some 3 MB. One with more such
	// entries is read again for each question.
	maxPlaces = 50_000
	// maxPlacesInTotal bounds all of it.
	maxPlacesInTotal = 200_000
	// paqueteCost is what a package costs that has none, in places.
	paqueteCost = 4
)

// places remembers, by the digest of a package, where the CFDI are that their entries
// are not called by: in almost every package none, and then its question costs nothing.
type places struct {
	mu sync.Mutex
	// de has a package's places, in full.
	de    map[string]map[[16]byte]cfdi.Position
	total int
}

// find returns where in a package a CFDI is that its entry is not called by.
func (g *places) find(sha256 string, r io.ReaderAt, size int64, key [16]byte) (en cfdi.Position, has bool, err error) {
	all, known := g.know(sha256)
	if known {
		en, has = all[key]
		return en, has, nil
	}
	all = map[[16]byte]cfdi.Position{}
	for place, err := range cfdi.Places(r, size) {
		if err != nil {
			return cfdi.Position{}, false, err
		}
		if !has && place.Key == key {
			en, has = place.Position, true
		}
		if _, ya := all[place.Key]; !ya && len(all) <= maxPlaces {
			all[place.Key] = place.Position
		}
		if has && len(all) > maxPlaces {
			break
		}
	}
	if len(all) <= maxPlaces {
		g.remember(sha256, all)
	}
	return en, has, nil
}

func (g *places) know(sha256 string) (map[[16]byte]cfdi.Position, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, has := g.de[sha256]
	return all, has
}

func (g *places) remember(sha256 string, all map[[16]byte]cfdi.Position) {
	g.mu.Lock()
	defer g.mu.Unlock()
	cost := len(all) + paqueteCost
	if sha256 == "" {
		return
	}
	if g.total += cost; g.de == nil || g.total > maxPlacesInTotal {
		g.de, g.total = map[string]map[[16]byte]cfdi.Position{}, cost
	}
	g.de[sha256] = all
}
