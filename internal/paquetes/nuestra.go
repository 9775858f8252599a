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
// before a file here has room and has taken a write (store.Seguro), and the ledger has
// taken the count. That file is also where a package waits while its storage refuses it,
// and as long as it does nothing is asked for either (admite).
// What comes then waits for the disk to take it (lugar.go), and is written anew where it
// cannot be synced (asegura). What this machine loses all the same is entered as its own,
// and so is a flight that never ended, as its process died: the other download needs a
// probe as large as what was lost, and nothing is asked for anew because of it.

const (
	// holgura is how many times what a lost download had brought has to be free.
	holgura = 2
	// esperaRecursos is how long a caller is told to wait.
	esperaRecursos = time.Minute
	// esperaExcesivo is how long it takes until somebody has raised a limit.
	esperaExcesivo = 10 * time.Minute
	// esperaTurno is how long Trae waits for the room that other packages take.
	esperaTurno = 2 * time.Minute
)

// sinRecursos is a download that was not asked for, since this machine has not what it
// takes.
func sinRecursos(err error) error {
	own, detail := gateway.OwnSinLugar, "La pasarela no tiene ahora dónde guardar el paquete y por eso no lo pidió: no se gastó ninguna de sus descargas. Revise el espacio y los permisos de GATEWAY_DATA_DIR y la base de datos."
	if errors.Is(err, errRechaza) || errors.Is(err, errColmado) {
		own, detail = gateway.OwnAlmacenAtrasado, "El almacén no recibe los paquetes que ya llegaron, o va muy atrás, y por eso la pasarela no pidió este: no se gastó ninguna de sus descargas. Lo que espera está en GATEWAY_DATA_DIR, se sirve desde ahí y se sube solo. Revise GATEWAY_BLOB_URL, sus credenciales y su espacio."
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: own, Reintentable: true, NoEnviada: true, RetryAfter: esperaRecursos, Err: err,
		Detail: detail + " Repita más tarde."}
}

// enElDisco is a package that is whole on this machine and that its storage refuses.
func enElDisco(err error) error {
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnAlmacenRechaza, Reintentable: true, NoEnviada: true, RetryAfter: esperaRecursos, Err: err,
		Detail: "El paquete llegó entero y está en el disco de esta pasarela, porque el almacén no lo recibe; se sube solo cuando lo acepte. Revise GATEWAY_BLOB_URL, sus credenciales y su espacio. Repita más tarde."}
}

// errExcesivo says that a package is longer than it may be.
var errExcesivo = errors.New("paquetes: the package is longer than maximo")

// excesivo is a package that is longer than maximo. Nothing of it is kept, and it is asked
// for again only where maximo has been raised: its other download would bring the same.
func excesivo(maximo int64, noEnviada bool) error {
	detail := "Sus bytes se desecharon, y fue una de sus dos descargas"
	if noEnviada {
		detail = "No se pidió: la descarga que le queda traería lo mismo"
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteExcesivo, Reintentable: true, NoEnviada: noEnviada, RetryAfter: esperaExcesivo, Err: errExcesivo,
		Detail: fmt.Sprintf("El paquete pasa de %s, el tamaño que esta pasarela recibe (GATEWAY_SAT_PAQUETE_MAXIMO). %s. Si el tamaño es de creerse, suba el límite antes de que el SAT lo retire, a las 72 horas, y repita más tarde.", humanize.IBytes(uint64(max(maximo, 0))), detail)}
}

// perdida is a download that this machine lost after it had been asked for.
func perdida(err error) error {
	e := *gateway.OwnFailure(err, "Una falla de esta pasarela (su disco, su memoria o su base de datos) impidió guardar el paquete que llegó del SAT, y cuenta como una de sus dos descargas. No es culpa del SAT. Revise el espacio y los permisos de GATEWAY_DATA_DIR.")
	e.NoEnviada, e.RetryAfter = false, esperaRecursos
	return &e
}

// perdidoAqui is what is left to say of a package that the SAT owes no more, and that
// this machine has lost.
func perdidoAqui(row store.Paquete) error {
	detail := "El SAT entregó este paquete las dos veces que permite y una falla de esta pasarela (su disco, su memoria, su base de datos, o que se detuvo a la mitad) impidió guardarlo. No es culpa del SAT."
	if row.Roto {
		detail += " La parte que quedó se obtiene con ?dudoso=true."
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: detail}
}

// anotaNuestra enters that this machine has lost a download, before another may leave.
func (a *Almacen) anotaNuestra(paquete gateway.Paquete, llegaron int64) {
	err := a.insiste("the loss of a download cannot be entered in the ledger yet", func() error {
		return a.store.AnotaNuestra(context.WithoutCancel(a.ctx), paquete, llegaron)
	})
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("the loss of a download could not be entered in the ledger")
	}
}

// aguarda waits until a failed flight is put away, but not for ever: that takes the
// ledger.
func (a *Almacen) aguarda(ctx context.Context, v *vuelo) error {
	select {
	case <-v.landed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(a.espera):
		_, err := v.over()
		return sinRecursos(err)
	}
}

// Listo reports, as an error, why no package could be kept now.
func (a *Almacen) Listo() error {
	a.mu.Lock()
	h, err := store.Hueco{Estimado: a.mayor}, a.admite()
	a.mu.Unlock()
	if err != nil {
		return err
	}
	f, _, err := a.store.Seguro(h)
	if err != nil {
		return err
	}
	return discard(f)
}

// habraLugar reports whether packages of this process are on their way, whose room others
// can have then.
func (a *Almacen) habraLugar() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.vuelos)+len(a.mudanzas) > 0
}
