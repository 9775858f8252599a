package paquetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// The SAT serves a package twice and counts when it answers. So nothing is asked for
// before a file here has room and has taken a write (store.Folder.Safe), and the ledger has
// taken the count. That file is also where a package waits while its storage refuses it,
// and as long as it does nothing is asked for either (admit).
// What comes then waits for the disk to take it (lugar.go), and is written anew where it
// cannot be synced (ensure). What this machine loses all the same is entered as its own,
// and so is a flight that never ended, as its process died: the other download needs a
// probe as large as what was lost, and nothing is asked for anew because of it.

const (
	// slack is how many times what a lost download had brought has to be free.
	slack = 2
	// resourcesWait is how long a caller is told to wait.
	resourcesWait = time.Minute
	// excessiveWait is how long it takes until somebody has raised a limit.
	excessiveWait = 10 * time.Minute
	// turnWait is how long Fetch waits for the room that other packages take.
	turnWait = 2 * time.Minute
)

// withoutResources is a download that was not asked for, since this machine has not what it
// takes.
func withoutResources(err error) error {
	own, detail := gateway.OwnSinLugar, "La pasarela no tiene ahora dónde guardar el paquete y por eso no lo pidió: no se gastó ninguna de sus descargas. Revise el espacio y los permisos de GATEWAY_DATA_DIR y la base de datos."
	if errors.Is(err, errReject) || errors.Is(err, errFull) {
		own, detail = gateway.OwnAlmacenAtrasado, "El almacén no recibe los paquetes que ya llegaron, o va muy atrás, y por eso la pasarela no pidió este: no se gastó ninguna de sus descargas. Lo que espera está en GATEWAY_DATA_DIR, se sirve desde ahí y se sube solo. Revise GATEWAY_BLOB_URL, sus credenciales y su espacio."
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: own, Retryable: true, Unsent: true, RetryAfter: resourcesWait, Err: err,
		Detail: detail + " Repita más tarde."}
}

// inDisk is a package that is whole on this machine and that its storage refuses.
func inDisk(err error) error {
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnAlmacenRechaza, Retryable: true, Unsent: true, RetryAfter: resourcesWait, Err: err,
		Detail: "El paquete llegó entero y está en el disco de esta pasarela, porque el almacén no lo recibe; se sube solo cuando lo acepte. Revise GATEWAY_BLOB_URL, sus credenciales y su espacio. Repita más tarde."}
}

// errExcessive says that a package is longer than it may be.
var errExcessive = errors.New("paquetes: the package is longer than maximo")

// excessive is a package that is longer than highest. Nothing of it is kept, and it is asked
// for again only where highest has been raised: its other download would bring the same.
func excessive(highest int64, unsent bool) error {
	detail := "Sus bytes se desecharon, y fue una de sus dos descargas"
	if unsent {
		detail = "No se pidió: la descarga que le queda traería lo mismo"
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteExcesivo, Retryable: true, Unsent: unsent, RetryAfter: excessiveWait, Err: errExcessive,
		Detail: fmt.Sprintf("El paquete pasa de %s, el tamaño que esta pasarela recibe (GATEWAY_SAT_PAQUETE_MAXIMO). %s. Si el tamaño es de creerse, suba el límite antes de que el SAT lo retire, a las 72 horas, y repita más tarde.", humanize.IBytes(uint64(max(highest, 0))), detail)}
}

// lostDownload is a download that this machine lost after it had been asked for.
func lostDownload(err error) error {
	e := *gateway.OwnFailure(err, "Una falla de esta pasarela (su disco, su memoria o su base de datos) impidió guardar el paquete que llegó del SAT, y cuenta como una de sus dos descargas. No es culpa del SAT. Revise el espacio y los permisos de GATEWAY_DATA_DIR.")
	e.Unsent, e.RetryAfter = false, resourcesWait
	return &e
}

// lostHere is what is left to say of a package that the SAT owes no more, and that
// this machine has lost.
func lostHere(row store.Paquete) error {
	detail := "El SAT entregó este paquete las dos veces que permite y una falla de esta pasarela (su disco, su memoria, su base de datos, o que se detuvo a la mitad) impidió guardarlo. No es culpa del SAT."
	if row.Broken {
		detail += " La parte que quedó se obtiene con ?dudoso=true."
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: detail}
}

// recordOurs enters that this machine has lost a download, before another may leave.
func (a *Vault) recordOurs(paquete gateway.Paquete, arrived int64) {
	err := a.insist("the loss of a download cannot be entered in the ledger yet", func() error {
		return a.store.Paquetes.RecordOurs(context.WithoutCancel(a.ctx), paquete, arrived)
	})
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("the loss of a download could not be entered in the ledger")
	}
}

// await waits until a failed flight is put away, but not for ever: that takes the
// ledger.
func (a *Vault) await(ctx context.Context, v *flight) error {
	select {
	case <-v.landed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(a.wait):
		_, err := v.over()
		return withoutResources(err)
	}
}

// Ready reports, as an error, why no package could be kept now.
func (a *Vault) Ready() error {
	a.mu.Lock()
	h, err := store.Gap{Estimated: a.greater}, a.admit()
	a.mu.Unlock()
	if err != nil {
		return err
	}
	f, _, err := a.store.Folder.Safe(h)
	if err != nil {
		return err
	}
	return discard(f)
}

// willHavePlace reports whether packages of this process are on their way, whose room others
// can have then.
func (a *Vault) willHavePlace() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.flights)+len(a.moves) > 0
}
