package paquetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// follow returns a reader on the package's flight, starting one if there is none.
// It returns nil when the package is there whole by now.
func (a *Vault) follow(ctx context.Context, paquete gateway.Paquete) (*reader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for v := a.flights[paquete.Only()]; v != nil; v = a.flights[paquete.Only()] {
		if over, err := v.over(); !over || err == nil {
			return v.newReader(ctx, false), nil
		}
		// It has failed and is being put away: its error is of those who were aboard.
		a.mu.Unlock()
		err := a.await(ctx, v)
		a.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	row, err := a.store.Paquetes.Get(ctx, paquete)
	switch {
	case err != nil:
		return nil, internal(err)
	case !row.Deleted.IsZero(), !row.Broken && (row.Complete || row.Partial != "" && a.here(row.Partial)):
		return nil, nil
	case a.closing:
		return nil, gateway.ErrStopping
	}
	if err := a.mayFly(row); err != nil {
		return nil, err
	}
	return a.takeOff(ctx, paquete, row)
}

// here tells whether this process has the whole file, or is storing it. a.mu is
// held.
func (a *Vault) here(partial string) bool {
	if _, moving := a.moves[partial]; moving {
		return true
	}
	_, err := os.Stat(a.store.Folder.Path(partial))
	return err == nil
}

// mayFly tells why nobody may download the package of row now, if so.
func (a *Vault) mayFly(row store.Paquete) error {
	if row.Fly != "" && row.Fly != a.cluster.ID() && a.cluster.Alive(row.Fly) {
		return errForeign
	}
	if row.Descargas < maxDescargas && row.Arrived > a.max {
		return excessive(a.max, true)
	}
	if row.Descargas < maxDescargas {
		return nil
	}
	switch {
	case row.Partial != "" && !row.Broken:
		return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteEnOtra, Retryable: true, Unsent: true, RetryAfter: time.Minute,
			Detail: "El paquete está completo en el disco de otra pasarela, que no está en marcha. Estará disponible cuando arranque."}
	case row.Missed():
		return lostHere(row)
	case row.Broken:
		return brokenExhausted(row)
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5008", Mensaje: "Máximo de descargas permitidas",
		Detail: "La pasarela ya descargó este paquete las dos veces que el SAT permite y ninguna llegó completa. Presente una solicitud nueva con el rango cambiado en un segundo."}
}

// takeOff starts a flight of the package of row, whose Vuela flies it no more. It is
// counted before it leaves, and what it needs here is secured before it is counted.
// a.mu is held.
func (a *Vault) takeOff(ctx context.Context, paquete gateway.Paquete, row store.Paquete) (*reader, error) {
	if err := a.admit(); err != nil {
		return nil, a.postpone(err)
	}
	file, apart, err := a.store.Folder.Safe(store.Gap{Estimated: a.greater, Seen: min(slack*row.Arrived, a.max), Deep: row.Missed()})
	if err != nil {
		return nil, a.postpone(err)
	}
	// Without the caller's cancellation: a write that is cut may have been made.
	mine, err := a.store.Paquetes.Reserve(context.WithoutCancel(ctx), paquete, a.cluster.ID(), row.Fly, maxDescargas)
	if err != nil {
		return nil, a.postpone(errors.Join(err, discard(file)))
	}
	if !mine {
		// Another gateway was faster.
		return nil, errors.Join(errForeign, discard(file))
	}
	// The id goes out as the SAT has written it, where that is known.
	if id, err := a.store.Paquetes.SATWrite(ctx, paquete); err == nil {
		paquete.IDPaquete = id
	} else {
		a.log.Warn().Err(err).Msg("the SAT's spelling of a package's id could not be read; it goes out as it was asked for")
	}
	a.step("descarga-contada")
	v := newFlight(&sheet{File: file, ctx: a.ctx, place: &a.place, apart: apart, max: a.max})
	a.flights[paquete.Only()] = v
	r := v.newReader(ctx, false)
	// It outlives who asked for it, and is still their work.
	life := gateway.WithWork(zerolog.Ctx(ctx).WithContext(a.ctx), gateway.WorkOf(ctx))
	a.wg.Go(func() { a.fly(life, paquete, v) })
	return r, nil
}

// fly runs one flight to its end.
func (a *Vault) fly(ctx context.Context, paquete gateway.Paquete, v *flight) {
	defer v.release()
	sum, err := a.fetch(ctx, paquete, v)
	if err != nil {
		a.fail(ctx, paquete, v, err)
		return
	}
	a.step("paquete-llegado")
	previous, wins, err := a.compare(ctx, paquete, entrega{f: v.file, bytes: v.size, sha256: sum})
	if err == nil && !wins {
		a.finished(ctx, paquete, 0, 0)
		a.dismiss(paquete, v, nil)
		return
	}
	p := store.Pending{Paquete: paquete, SHA256: sum, Bytes: v.size, Fly: a.cluster.ID()}
	// Before anybody has it whole: from here on a kill loses nothing.
	var errName error
	if p.Partial, errName = a.store.Folder.MakeWhole(v.file, paquete, sum); errName == nil {
		a.step("paquete-entero")
		// Whoever reads has it whole now; making it durable is our own affair.
		v.finish(nil)
	}
	kept := false
	if err == nil {
		kept, err = a.enter(&p, v, errName)
	} else {
		err = lostDownload(err)
	}
	if over, _ := v.over(); !over {
		v.finish(err)
	}
	if !kept {
		a.withoutRow(ctx, p, err)
	}
	a.forget(paquete)
	close(v.landed)
	if kept {
		a.move(p)
		a.withdraw(previous, sum)
	}
}

// enter makes steps 2 and 3, after the first one, which may have failed with err. It
// returns false when the package is there already by another process's work, and an
// error when this machine has lost it.
func (a *Vault) enter(p *store.Pending, v *flight, err error) (kept bool, lost error) {
	if err = a.ensure(p, v, err); err == nil {
		// Who reads in the ledger of a file orders its move, and knows no mark of it.
		announced := a.announce(*p)
		if kept, err = a.receive(*p); announced && !kept {
			a.over(*p)
		}
	}
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package could not be kept")
		return false, lostDownload(err)
	}
	return kept, nil
}

// withoutRow ends a flight whose whole package no row names: err says why, and is nil where
// another has it. What only a stop has kept from being entered is found by its name at
// the next start.
func (a *Vault) withoutRow(ctx context.Context, p store.Pending, err error) {
	if err != nil && a.isClosing() {
		a.log.Warn().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package is not entered in the ledger; its file stays until the next start")
		return
	}
	if err != nil {
		a.recordOurs(p.Paquete, p.Bytes)
	}
	a.finished(ctx, p.Paquete, 0, 0)
	os.Remove(a.store.Folder.Path(p.Partial)) //nolint:errcheck // the next start finds out
}

// isClosing reports whether the gateway is going down.
func (a *Vault) isClosing() bool {
	select {
	case <-a.close:
		return true
	default:
		return a.ctx.Err() != nil
	}
}

// fetch downloads the package and returns its SHA-256. It keeps a panic from ending the
// process: no handler stands above a flight.
func (a *Vault) fetch(ctx context.Context, paquete gateway.Paquete, v *flight) (sum string, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxFlight)
	defer cancel()
	defer v.sheet.release()
	defer func() {
		if r := recover(); r != nil {
			a.log.Error().Bytes("stack", debug.Stack()).Msg("panic in a download")
			err = lostDownload(fmt.Errorf("panic: %T", r))
		}
	}()
	sum, err = a.descarga(ctx, paquete, v)
	if v.sheet.waited && err != nil && !errors.Is(err, zipdir.ErrZip) && !errors.Is(err, errExcessive) {
		// Whatever ended it: the SAT was kept waiting.
		err = lostDownload(fmt.Errorf("the SAT was kept waiting for the disk: %s", err)) //nolint:errorlint // it is no failure of the SAT's
	}
	return sum, err
}

// descarga fetches the package into v and hashes it on the way, on another core.
func (a *Vault) descarga(ctx context.Context, paquete gateway.Paquete, v *flight) (string, error) {
	hashed := make(chan error, 1)
	hash := sha256.New()
	follower := v.newReader(ctx, true)
	go func() {
		defer follower.Close() //nolint:errcheck // always nil
		_, err := io.CopyBuffer(struct{ io.Writer }{hash}, follower, make([]byte, hashBlock))
		hashed <- err
	}()
	if err := a.sat.Descarga(ctx, paquete, v); err != nil {
		return "", err
	}
	v.finishWriting()
	if err := <-hashed; err != nil {
		return "", lostDownload(err)
	}
	switch err := zipdir.Check(v.file, v.size); {
	case errors.Is(err, zipdir.ErrZip):
		return "", incomplete(err)
	case err != nil:
		return "", lostDownload(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// fail ends a flight that brought no whole package, and settles its count: the
// download is given back when the SAT surely did not serve it. What it did bring is
// kept aside.
func (a *Vault) fail(ctx context.Context, paquete gateway.Paquete, v *flight, err error) {
	failed := gateway.AsError(err)
	if errors.Is(err, zipdir.ErrZip) && failed.Kind != gateway.KindRespuestaInvalida {
		failed = gateway.AsError(incomplete(err))
	}
	returned := 0
	// An answer that is none and brought not one byte comes from something before
	// the SAT; an empty package of the SAT has been counted.
	if unserved(failed) || v.size == 0 && failed.Kind == gateway.KindRespuestaInvalida && !errors.Is(err, zipdir.ErrZip) {
		returned = 1
	}
	// Nobody takes the part for the whole while it is being kept.
	v.finish(failed)
	excessive := errors.Is(err, errExcessive)
	if returned == 0 && failed.IsOwn() {
		arrived := v.size
		if excessive {
			arrived = a.max + 1 // at least
		}
		a.recordOurs(paquete, arrived)
	}
	broken := returned == 0 && errors.Is(err, zipdir.ErrZip)
	if returned == 0 && !excessive {
		if p, kept := a.setAside(ctx, paquete, v, broken); kept {
			a.forget(paquete)
			close(v.landed)
			a.move(p)
			return
		}
	}
	rotas := 0
	if broken {
		rotas = 1
	}
	a.finished(ctx, paquete, returned, rotas)
	a.dismiss(paquete, v, failed)
}

// dismiss ends a flight whose bytes nobody needs.
func (a *Vault) dismiss(paquete gateway.Paquete, v *flight, failed error) {
	a.forget(paquete)
	v.finish(failed)
	close(v.landed)
	if err := os.Remove(v.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Error().Err(err).Msg("a partial package could not be removed")
	}
}

func (a *Vault) finished(ctx context.Context, paquete gateway.Paquete, returned, broken int) {
	err := a.insist("the end of a download cannot be written yet", func() error {
		return a.store.Paquetes.Fail(context.WithoutCancel(ctx), paquete, a.cluster.ID(), returned, broken)
	})
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Int("devuelta", returned).Msg("the end of a download could not be written")
	}
}

// unserved tells the failures in which the SAT counted nothing: it refused with
// a code or a fault, or the message never arrived.
func unserved(e *gateway.Error) bool {
	if e.Unsent {
		return true
	}
	switch e.Kind {
	case gateway.KindSinRespuesta, gateway.KindRespuestaInvalida, gateway.KindInterno, gateway.KindSinServicio, gateway.KindResultadoDesconocido:
		return false
	}
	return true
}

func (a *Vault) forget(paquete gateway.Paquete) {
	a.mu.Lock()
	if v := a.flights[paquete.Only()]; v != nil {
		// What has no end says nothing of how long packages are.
		if _, err := v.over(); !errors.Is(err, errExcessive) {
			a.greater = max(a.greater, v.size)
		}
	}
	delete(a.flights, paquete.Only())
	a.mu.Unlock()
}

func discard(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }
