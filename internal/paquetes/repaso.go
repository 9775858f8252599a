package paquetes

import (
	"context"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// ritmoRepaso is how many bytes of a second are read at most, so that nobody else
	// waits for the disk or the bucket.
	ritmoRepaso = 16 << 20
	// porRepaso bounds the objects of one call; the next goes on.
	porRepaso = 500
	// danadosCada is how often a damaged object is looked at again: somebody may have
	// put it back.
	danadosCada = time.Hour
	// maxFallidos ends a call: the storage is away.
	maxFallidos = 10
)

// Repasa reads, beside and slowly, the stored objects whose last reading is the oldest,
// unless it does so already. What it has read is in the ledger: a process that ends
// loses the one in hand. One gateway at a time should call it; two do no harm.
func (a *Almacen) Repasa() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.repasando || a.closing {
		return
	}
	a.repasando = true
	a.wg.Go(func() {
		defer func() {
			a.mu.Lock()
			a.repasando = false
			a.mu.Unlock()
		}()
		ctx, cancel := context.WithCancel(a.ctx)
		defer cancel()
		go func() {
			select {
			case <-a.cierra:
				cancel()
			case <-ctx.Done():
			}
		}()
		if err := a.repasa(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("stored packages cannot be verified now")
		}
	})
}

func (a *Almacen) repasa(ctx context.Context) error {
	objetos, err := a.store.PorVerificar(ctx, vigencia, danadosCada, adelanto, porRepaso)
	fallidos := 0
	for _, o := range objetos {
		if errUno := a.repasaUno(ctx, o); errUno != nil {
			err = errUno
			if fallidos++; fallidos == maxFallidos || ctx.Err() != nil {
				break
			}
		}
	}
	return err
}

func (a *Almacen) repasaUno(ctx context.Context, o store.Objeto) error {
	v, err := a.store.Verificacion(ctx, o.SHA256)
	if err != nil {
		return err
	}
	c := &copia{a: a, sha256: o.SHA256, bytes: o.Bytes, antes: v}
	d, err := c.mide(ctx, func(n int) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(n) * time.Second / ritmoRepaso):
			return nil
		}
	})
	if err != nil {
		return err
	}
	c.anota(ctx, d) //nolint:errcheck // damage is no failure of the reading
	return nil
}
