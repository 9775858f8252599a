package paquetes

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

func deleted(when time.Time) error {
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaqueteBorrado,
		Detail: "La pasarela borró este paquete el " + when.UTC().Format(time.RFC3339) + " por antigüedad, según su configuración, y no lo vuelve a traer. Presente una solicitud nueva."}
}

func absent() error {
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnPaqueteAusente, Detail: "La pasarela no tiene este paquete."}
}

// Delete removes the content of p for good; its count of downloads stays, so that
// it is never fetched again. The object goes when no other package refers to it.
// What was deleted before is no error: the object is tried again. Errors are
// *gateway.Error: KindNoEncontrado when p is not there, KindSinServicio while it
// is on its way into storage.
func (a *Vault) Delete(ctx context.Context, paquete gateway.Paquete) error {
	row, local, err := a.pinpoint(ctx, paquete)
	switch {
	case gateway.IsKind(err, gateway.KindYaNoDisponible):
		return a.collectNow(ctx, row.SHA256)
	case err != nil:
		return err
	case local != nil:
		if err := local.Close(); err != nil {
			return internal(err)
		}
		return errForeign
	case !row.Complete && row.Fly != "" && a.cluster.Alive(row.Fly):
		return errForeign
	}
	// A deletion that is cut may have been made.
	gone, err := a.store.Paquetes.Delete(context.WithoutCancel(ctx), paquete)
	if err != nil {
		return internal(err)
	}
	if !gone {
		return absent()
	}
	return a.collectNow(ctx, row.SHA256)
}

// Collect removes every object that no package refers to: those that a crash or a
// bucket that was away has left.
func (a *Vault) Collect(ctx context.Context) error {
	orphan, err := a.store.Blobs.Orphans(ctx)
	if err != nil {
		return err
	}
	for _, sha256 := range orphan {
		if err := a.collect(ctx, sha256); err != nil {
			return err
		}
	}
	return nil
}

func (a *Vault) collectNow(ctx context.Context, sha256 string) error {
	if err := a.collect(ctx, sha256); err != nil {
		return internal(err)
	}
	return nil
}

// collect removes an object if no package refers to it. While it does, nobody may
// refer to it again: refer waits.
func (a *Vault) collect(ctx context.Context, sha256 string) error {
	a.mu.Lock()
	busy := a.deleting[sha256]
	a.deleting[sha256] = true
	a.mu.Unlock()
	if busy {
		return nil
	}
	defer func() {
		a.mu.Lock()
		delete(a.deleting, sha256)
		a.mu.Unlock()
	}()
	id := a.cluster.ID()
	mine, err := a.store.Blobs.Claim(ctx, sha256, id, id)
	var held *store.BusyError
	if errors.As(err, &held) {
		if a.cluster.Alive(held.Process) {
			return nil // it removes it
		}
		mine, err = a.store.Blobs.Claim(ctx, sha256, id, held.Process)
	}
	if err != nil || !mine {
		return err
	}
	durable := context.WithoutCancel(ctx)
	if err := a.depot.Delete(ctx, sha256); err != nil {
		return errors.Join(err, a.store.Blobs.LetGo(durable, sha256, id))
	}
	return a.store.Blobs.Forget(durable, sha256, id)
}

// deleteStill tells whether process, which has reclaimed an object, is still
// removing it.
func (a *Vault) deleteStill(sha256, process string) bool {
	if process != a.cluster.ID() {
		return a.cluster.Alive(process)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deleting[sha256]
}
