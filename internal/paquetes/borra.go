package paquetes

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func borrado(cuando time.Time) error {
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaqueteBorrado,
		Detail: "La pasarela borró este paquete el " + cuando.UTC().Format(time.RFC3339) + " por antigüedad, según su configuración, y no lo vuelve a traer. Presente una solicitud nueva."}
}

func ausente() error {
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnPaqueteAusente, Detail: "La pasarela no tiene este paquete."}
}

// Borra removes the content of p for good; its count of downloads stays, so that
// it is never fetched again. The object goes when no other package refers to it.
// What was deleted before is no error: the object is tried again. Errors are
// *gateway.Error: KindNoEncontrado when p is not there, KindSinServicio while it
// is on its way into storage.
func (a *Almacen) Borra(ctx context.Context, paquete gateway.Paquete) error {
	row, local, err := a.localiza(ctx, paquete)
	switch {
	case gateway.IsKind(err, gateway.KindYaNoDisponible):
		return a.recogeAhora(ctx, row.SHA256)
	case err != nil:
		return err
	case local != nil:
		if err := local.Close(); err != nil {
			return interno(err)
		}
		return errAjeno
	case !row.Completo && row.Vuela != "" && a.presencia.Vive(row.Vuela):
		return errAjeno
	}
	// A deletion that is cut may have been made.
	gone, err := a.store.Borra(context.WithoutCancel(ctx), paquete)
	if err != nil {
		return interno(err)
	}
	if !gone {
		return ausente()
	}
	return a.recogeAhora(ctx, row.SHA256)
}

// Recoge removes every object that no package refers to: those that a crash or a
// bucket that was away has left.
func (a *Almacen) Recoge(ctx context.Context) error {
	huerfanos, err := a.store.Huerfanos(ctx)
	if err != nil {
		return err
	}
	for _, sha256 := range huerfanos {
		if err := a.recoge(ctx, sha256); err != nil {
			return err
		}
	}
	return nil
}

func (a *Almacen) recogeAhora(ctx context.Context, sha256 string) error {
	if err := a.recoge(ctx, sha256); err != nil {
		return interno(err)
	}
	return nil
}

// recoge removes an object if no package refers to it. While it does, nobody may
// refer to it again: refiere waits.
func (a *Almacen) recoge(ctx context.Context, sha256 string) error {
	a.mu.Lock()
	busy := a.borrando[sha256]
	a.borrando[sha256] = true
	a.mu.Unlock()
	if busy {
		return nil
	}
	defer func() {
		a.mu.Lock()
		delete(a.borrando, sha256)
		a.mu.Unlock()
	}()
	id := a.presencia.ID()
	mine, err := a.store.ReclamaObjeto(ctx, sha256, id, id)
	var ocupado *store.OcupadoError
	if errors.As(err, &ocupado) {
		if a.presencia.Vive(ocupado.Proceso) {
			return nil // it removes it
		}
		mine, err = a.store.ReclamaObjeto(ctx, sha256, id, ocupado.Proceso)
	}
	if err != nil || !mine {
		return err
	}
	durable := context.WithoutCancel(ctx)
	if err := a.deposito.Borra(ctx, sha256); err != nil {
		return errors.Join(err, a.store.LiberaObjeto(durable, sha256, id))
	}
	return a.store.OlvidaObjeto(durable, sha256, id)
}

// borraAun tells whether proceso, which has reclaimed an object, is still
// removing it.
func (a *Almacen) borraAun(sha256, proceso string) bool {
	if proceso != a.presencia.ID() {
		return a.presencia.Vive(proceso)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.borrando[sha256]
}
