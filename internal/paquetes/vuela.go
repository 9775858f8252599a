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

// sigue returns a reader on the package's flight, starting one if there is none.
// It returns nil when the package is there whole by now.
func (a *Almacen) sigue(ctx context.Context, paquete gateway.Paquete) (*reader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for v := a.vuelos[paquete.Unico()]; v != nil; v = a.vuelos[paquete.Unico()] {
		if over, err := v.over(); !over || err == nil {
			return v.newReader(ctx, false), nil
		}
		// It has failed and is being put away: its error is of those who were aboard.
		a.mu.Unlock()
		err := a.aguarda(ctx, v)
		a.mu.Lock()
		if err != nil {
			return nil, err
		}
	}
	row, err := a.store.Paquete(ctx, paquete)
	switch {
	case err != nil:
		return nil, interno(err)
	case !row.Borrado.IsZero(), !row.Roto && (row.Completo || row.Parcial != "" && a.aqui(row.Parcial)):
		return nil, nil
	case a.closing:
		return nil, gateway.ErrStopping
	}
	if err := a.puedeVolar(row); err != nil {
		return nil, err
	}
	return a.despega(ctx, paquete, row)
}

// aqui tells whether this process has the whole file, or is storing it. a.mu is
// held.
func (a *Almacen) aqui(parcial string) bool {
	if _, moving := a.mudanzas[parcial]; moving {
		return true
	}
	_, err := os.Stat(a.store.RutaParcial(parcial))
	return err == nil
}

// puedeVolar tells why nobody may download the package of row now, if so.
func (a *Almacen) puedeVolar(row store.Paquete) error {
	if row.Vuela != "" && row.Vuela != a.presencia.ID() && a.presencia.Vive(row.Vuela) {
		return errAjeno
	}
	if row.Descargas < maxDescargas && row.Llegaron > a.maximo {
		return excesivo(a.maximo, true)
	}
	if row.Descargas < maxDescargas {
		return nil
	}
	switch {
	case row.Parcial != "" && !row.Roto:
		return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteEnOtra, Reintentable: true, NoEnviada: true, RetryAfter: time.Minute,
			Detail: "El paquete está completo en el disco de otra pasarela, que no está en marcha. Estará disponible cuando arranque."}
	case row.Falto():
		return perdidoAqui(row)
	case row.Roto:
		return rotoAgotado(row)
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5008", Mensaje: "Máximo de descargas permitidas",
		Detail: "La pasarela ya descargó este paquete las dos veces que el SAT permite y ninguna llegó completa. Presente una solicitud nueva con el rango cambiado en un segundo."}
}

// despega starts a flight of the package of row, whose Vuela flies it no more. It is
// counted before it leaves, and what it needs here is secured before it is counted.
// a.mu is held.
func (a *Almacen) despega(ctx context.Context, paquete gateway.Paquete, row store.Paquete) (*reader, error) {
	if err := a.admite(); err != nil {
		return nil, a.aplaza(err)
	}
	file, aparte, err := a.store.Seguro(store.Hueco{Estimado: a.mayor, Visto: min(holgura*row.Llegaron, a.maximo), AFondo: row.Falto()})
	if err != nil {
		return nil, a.aplaza(err)
	}
	// Without the caller's cancellation: a write that is cut may have been made.
	mine, err := a.store.Reserva(context.WithoutCancel(ctx), paquete, a.presencia.ID(), row.Vuela, maxDescargas)
	if err != nil {
		return nil, a.aplaza(errors.Join(err, discard(file)))
	}
	if !mine {
		// Another gateway was faster.
		return nil, errors.Join(errAjeno, discard(file))
	}
	// The id goes out as the SAT has written it, where that is known.
	if id, err := a.store.EscrituraDelSAT(ctx, paquete); err == nil {
		paquete.IDPaquete = id
	} else {
		a.log.Warn().Err(err).Msg("the SAT's spelling of a package's id could not be read; it goes out as it was asked for")
	}
	a.paso("descarga-contada")
	v := newVuelo(&hoja{File: file, ctx: a.ctx, lugar: &a.lugar, aparte: aparte, maximo: a.maximo})
	a.vuelos[paquete.Unico()] = v
	r := v.newReader(ctx, false)
	// It outlives who asked for it, and is still their work.
	life := gateway.WithWork(zerolog.Ctx(ctx).WithContext(a.ctx), gateway.WorkOf(ctx))
	a.wg.Go(func() { a.vuela(life, paquete, v) })
	return r, nil
}

// vuela runs one flight to its end.
func (a *Almacen) vuela(ctx context.Context, paquete gateway.Paquete, v *vuelo) {
	defer v.release()
	sum, err := a.trae(ctx, paquete, v)
	if err != nil {
		a.fracasa(ctx, paquete, v, err)
		return
	}
	a.paso("paquete-llegado")
	anterior, gana, err := a.compara(ctx, paquete, entrega{f: v.file, bytes: v.size, sha256: sum})
	if err == nil && !gana {
		a.termino(ctx, paquete, 0, 0)
		a.despide(paquete, v, nil)
		return
	}
	p := store.Pendiente{Paquete: paquete, SHA256: sum, Bytes: v.size, Vuela: a.presencia.ID()}
	// Before anybody has it whole: from here on a kill loses nothing.
	var errNombre error
	if p.Parcial, errNombre = a.store.Entero(v.file, paquete, sum); errNombre == nil {
		a.paso("paquete-entero")
		// Whoever reads has it whole now; making it durable is our own affair.
		v.finish(nil)
	}
	kept := false
	if err == nil {
		kept, err = a.entra(&p, v, errNombre)
	} else {
		err = perdida(err)
	}
	if over, _ := v.over(); !over {
		v.finish(err)
	}
	if !kept {
		a.sinFila(ctx, p, err)
	}
	a.olvida(paquete)
	close(v.landed)
	if kept {
		a.muda(p)
		a.retira(anterior, sum)
	}
}

// entra makes steps 2 and 3, after the first one, which may have failed with err. It
// returns false when the package is there already by another process's work, and an
// error when this machine has lost it.
func (a *Almacen) entra(p *store.Pendiente, v *vuelo, err error) (kept bool, lost error) {
	if err = a.asegura(p, v, err); err == nil {
		kept, err = a.recibe(*p)
	}
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package could not be kept")
		return false, perdida(err)
	}
	return kept, nil
}

// sinFila ends a flight whose whole package no row names: err says why, and is nil where
// another has it. What only a stop has kept from being entered is found by its name at
// the next start.
func (a *Almacen) sinFila(ctx context.Context, p store.Pendiente, err error) {
	if err != nil && a.cerrando() {
		a.log.Warn().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package is not entered in the ledger; its file stays until the next start")
		return
	}
	if err != nil {
		a.anotaNuestra(p.Paquete, p.Bytes)
	}
	a.termino(ctx, p.Paquete, 0, 0)
	os.Remove(a.store.RutaParcial(p.Parcial)) //nolint:errcheck // the next start finds out
}

// cerrando reports whether the gateway is going down.
func (a *Almacen) cerrando() bool {
	select {
	case <-a.cierra:
		return true
	default:
		return a.ctx.Err() != nil
	}
}

// trae downloads the package and returns its SHA-256. It keeps a panic from ending the
// process: no handler stands above a flight.
func (a *Almacen) trae(ctx context.Context, paquete gateway.Paquete, v *vuelo) (sum string, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxVuelo)
	defer cancel()
	defer v.hoja.suelta()
	defer func() {
		if r := recover(); r != nil {
			a.log.Error().Bytes("stack", debug.Stack()).Msg("panic in a download")
			err = perdida(fmt.Errorf("panic: %T", r))
		}
	}()
	sum, err = a.descarga(ctx, paquete, v)
	if v.hoja.espero && err != nil && !errors.Is(err, zipdir.ErrZip) && !errors.Is(err, errExcesivo) {
		// Whatever ended it: the SAT was kept waiting.
		err = perdida(fmt.Errorf("the SAT was kept waiting for the disk: %s", err)) //nolint:errorlint // it is no failure of the SAT's
	}
	return sum, err
}

// descarga fetches the package into v and hashes it on the way, on another core.
func (a *Almacen) descarga(ctx context.Context, paquete gateway.Paquete, v *vuelo) (string, error) {
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
		return "", perdida(err)
	}
	switch err := zipdir.Check(v.file, v.size); {
	case errors.Is(err, zipdir.ErrZip):
		return "", incompleto(err)
	case err != nil:
		return "", perdida(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// fracasa ends a flight that brought no whole package, and settles its count: the
// download is given back when the SAT surely did not serve it. What it did bring is
// kept aside.
func (a *Almacen) fracasa(ctx context.Context, paquete gateway.Paquete, v *vuelo, err error) {
	failed := gateway.AsError(err)
	if errors.Is(err, zipdir.ErrZip) && failed.Kind != gateway.KindRespuestaInvalida {
		failed = gateway.AsError(incompleto(err))
	}
	devuelta := 0
	// An answer that is none and brought not one byte comes from something before
	// the SAT; an empty package of the SAT has been counted.
	if noServido(failed) || v.size == 0 && failed.Kind == gateway.KindRespuestaInvalida && !errors.Is(err, zipdir.ErrZip) {
		devuelta = 1
	}
	// Nobody takes the part for the whole while it is being kept.
	v.finish(failed)
	excesivo := errors.Is(err, errExcesivo)
	if devuelta == 0 && failed.IsOwn() {
		llegaron := v.size
		if excesivo {
			llegaron = a.maximo + 1 // at least
		}
		a.anotaNuestra(paquete, llegaron)
	}
	rota := devuelta == 0 && errors.Is(err, zipdir.ErrZip)
	if devuelta == 0 && !excesivo {
		if p, kept := a.aparta(ctx, paquete, v, rota); kept {
			a.olvida(paquete)
			close(v.landed)
			a.muda(p)
			return
		}
	}
	rotas := 0
	if rota {
		rotas = 1
	}
	a.termino(ctx, paquete, devuelta, rotas)
	a.despide(paquete, v, failed)
}

// despide ends a flight whose bytes nobody needs.
func (a *Almacen) despide(paquete gateway.Paquete, v *vuelo, failed error) {
	a.olvida(paquete)
	v.finish(failed)
	close(v.landed)
	if err := os.Remove(v.file.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Error().Err(err).Msg("a partial package could not be removed")
	}
}

func (a *Almacen) termino(ctx context.Context, paquete gateway.Paquete, devuelta, rotas int) {
	err := a.insiste("the end of a download cannot be written yet", func() error {
		return a.store.Fracasa(context.WithoutCancel(ctx), paquete, a.presencia.ID(), devuelta, rotas)
	})
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Int("devuelta", devuelta).Msg("the end of a download could not be written")
	}
}

// noServido tells the failures in which the SAT counted nothing: it refused with
// a code or a fault, or the message never arrived.
func noServido(e *gateway.Error) bool {
	if e.NoEnviada {
		return true
	}
	switch e.Kind {
	case gateway.KindSinRespuesta, gateway.KindRespuestaInvalida, gateway.KindInterno, gateway.KindSinServicio, gateway.KindResultadoDesconocido:
		return false
	}
	return true
}

func (a *Almacen) olvida(paquete gateway.Paquete) {
	a.mu.Lock()
	if v := a.vuelos[paquete.Unico()]; v != nil {
		// What has no end says nothing of how long packages are.
		if _, err := v.over(); !errors.Is(err, errExcesivo) {
			a.mayor = max(a.mayor, v.size)
		}
	}
	delete(a.vuelos, paquete.Unico())
	a.mu.Unlock()
}

func discard(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }
