package paquetes

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/objetos"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// A package that has arrived whole goes into storage in steps, each of which may
// be the last before a crash:
//
//  1. the file's name says what it holds (Entero), and callers get their end;
//  2. the file is synced;
//  3. the row says that it was received whole, and in which file (Recibe);
//  4. the file becomes the object (Guarda);
//  5. the row says that it is stored (Completa).
//
// Before 1 the file is removed at the next start and the download was spent.
// From 1 on the next start goes on, after a power cut if the file holds what its
// name says; from 3 on the package is served from the file.
const (
	// maxSubidas is how many files go into a bucket at a time.
	maxSubidas = 1
	// What fails is tried again, the sooner the first times.
	minReintento, maxReintento = time.Second, time.Minute
)

// errNadaQueda says that this process has lost the bytes that it held.
var errNadaQueda = errors.New("paquetes: what had come is not readable any more")

// asegura makes step 2. Where the file could not be named (err) or cannot be synced, what
// it holds is written to another one until that is: of what a failed sync has lost the
// next one says nothing (fsync(2)). The error says that this machine has lost it.
func (a *Almacen) asegura(p *store.Pendiente, v *vuelo, err error) error {
	if err == nil {
		p.Marca = marca(v.file)
		err = errors.Join(v.file.Sync(), a.store.SincronizaParciales())
	}
	fin := time.Now().Add(a.lugar.espera)
	for espera := minReintento; err != nil; espera = min(2*espera, maxReintento) {
		a.log.Warn().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package cannot be kept yet; it is written anew")
		if err = a.reescribe(p, v); err == nil {
			os.Remove(v.file.Name()) //nolint:errcheck // it has been named, and so is gone, or the next start removes it
			return nil
		}
		if errors.Is(err, errNadaQueda) || time.Now().After(fin) {
			break
		}
		select {
		case <-a.cierra:
			return err
		case <-time.After(espera):
		}
	}
	return err
}

// reescribe writes what v holds to a file of its own, which takes the name of the first.
func (a *Almacen) reescribe(p *store.Pendiente, v *vuelo) error {
	fuente, err := a.fuente(*p, v)
	if err != nil {
		return err
	}
	defer fuente.Close() //nolint:errcheck // read only
	f, _, err := a.store.Seguro(store.Hueco{Visto: p.Bytes})
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // synced, or of no use
	if _, err = io.Copy(f, fuente); err == nil {
		p.Parcial, err = a.store.Entero(f, p.Paquete, p.SHA256)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	p.Marca = marca(f)
	return errors.Join(f.Sync(), a.store.SincronizaParciales())
}

// fuente is where the bytes of p can still be read: the file that v holds open, or the
// one of p's name.
func (a *Almacen) fuente(p store.Pendiente, v *vuelo) (io.ReadCloser, error) {
	sum, err := suma(v.file, p.Bytes)
	if err == nil && sum == p.SHA256 {
		return io.NopCloser(io.NewSectionReader(v.file, 0, p.Bytes)), nil
	}
	if p.Parcial == "" {
		return nil, errors.Join(errNadaQueda, err)
	}
	f, errFile := os.Open(a.store.RutaParcial(p.Parcial))
	if errFile != nil {
		return nil, errors.Join(errNadaQueda, err, errFile)
	}
	if sum, err = suma(f, p.Bytes); err != nil || sum != p.SHA256 {
		return nil, errors.Join(errNadaQueda, err, f.Close())
	}
	return f, nil
}

// recibe makes step 3. It returns false when the package is there already by another
// process's work, and an error when the ledger does not take it.
func (a *Almacen) recibe(p store.Pendiente) (bool, error) {
	mine := false
	err := a.insiste("a whole package cannot be entered in the ledger yet", func() error {
		var err error
		mine, err = a.refiere(p, a.store.Recibe)
		return err
	})
	return mine && err == nil, err
}

// refiere enters, by recibe, that p's object is referred to, as soon as nobody
// removes that object.
func (a *Almacen) refiere(p store.Pendiente, recibe func(context.Context, store.Pendiente, string) (bool, error)) (bool, error) {
	muerto := ""
	for {
		// Also when the downloads are being cut: this one has arrived.
		mine, err := recibe(context.WithoutCancel(a.ctx), p, muerto)
		var ocupado *store.OcupadoError
		if !errors.As(err, &ocupado) {
			return mine, err
		}
		if muerto = ocupado.Proceso; !a.borraAun(p.SHA256, muerto) {
			continue
		}
		muerto = ""
		select {
		case <-a.ctx.Done():
			return false, context.Cause(a.ctx)
		case <-time.After(minSondeo):
		}
	}
}

// encarga makes steps 4 and 5 beside, if nobody does.
func (a *Almacen) encarga(p store.Pendiente) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, moving := a.mudanzas[p.Parcial]; moving || a.closing {
		return
	}
	a.wg.Go(func() { a.muda(p) })
}

// muda makes steps 4 and 5 until they succeed or the gateway goes down.
func (a *Almacen) muda(p store.Pendiente) {
	m := &mudanza{bytes: p.Bytes, fin: make(chan struct{})}
	a.mu.Lock()
	_, moving := a.mudanzas[p.Parcial]
	if !moving {
		a.mudanzas[p.Parcial] = m
	}
	a.mu.Unlock()
	if moving {
		return
	}
	err := a.insiste("a whole package cannot be put into storage yet", func() error { return a.guarda(p) })
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package is not in storage; its file stays until the next start")
	}
	a.mu.Lock()
	delete(a.mudanzas, p.Parcial)
	if len(a.mudanzas) == 0 {
		a.rechazo = nil // nobody would find out that it takes them again
	}
	a.mu.Unlock()
	close(m.fin)
}

func (a *Almacen) guarda(p store.Pendiente) error {
	a.subidas <- struct{}{}
	defer func() { <-a.subidas }()
	if err := a.deNada(); err != nil {
		return err
	}
	ruta := a.store.RutaParcial(p.Parcial)
	a.paso("paquete-recibido")
	if err := a.deposita(p, ruta); err != nil {
		return err
	}
	a.paso("paquete-guardado")
	if _, err := a.store.Completa(context.WithoutCancel(a.ctx), p.Paquete, p.Parcial); err != nil {
		return err
	}
	// Also where the row is another's by now: then the package is there twice.
	if err := os.Remove(ruta); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn().Err(err).Msg("the local file of a stored package could not be removed")
	}
	return nil
}

// deposita makes step 4. What was hashed as it arrived counts as read.
func (a *Almacen) deposita(p store.Pendiente, ruta string) error {
	info, errInfo := os.Stat(ruta)
	v, err := a.store.Verificacion(a.ctx, p.SHA256)
	guarda := a.deposito.Guarda
	if v.Dano != "" {
		guarda = a.deposito.Repone
	}
	if err == nil {
		var escrito bool
		escrito, err = guarda(a.ctx, p.SHA256, p.Bytes, ruta)
		a.oye(p, escrito, err)
	}
	if err != nil || errInfo != nil || p.Marca == "" || p.Marca != objetos.Marca(info) {
		return err
	}
	marca, err := a.deposito.Marca(a.ctx, p.SHA256, p.Bytes)
	if err != nil {
		return err
	}
	return a.store.AnotaVerificacion(context.WithoutCancel(a.ctx), p.SHA256, marca, "")
}

// marca is a file's objetos.Marca; empty where that cannot be told.
func marca(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	return objetos.Marca(info)
}

// insiste does something until it succeeds, or cannot succeed, or the gateway
// goes down.
func (a *Almacen) insiste(falla string, hace func() error) error {
	for espera := minReintento; ; espera = min(2*espera, maxReintento) {
		err := hace()
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		a.log.Warn().Err(err).Msg(falla)
		select {
		case <-a.cierra:
			return err
		case <-a.ctx.Done():
			return err
		case <-time.After(espera):
		}
	}
}

// termina makes step 5 for a package whose file is not on this machine, if the
// object is there; it waits for a move under way. It returns false when the file
// is another process's, or lost.
func (a *Almacen) termina(ctx context.Context, paquete gateway.Paquete, row store.Paquete) (bool, error) {
	a.mu.Lock()
	moving, ok := a.mudanzas[row.Parcial]
	a.mu.Unlock()
	if ok {
		select {
		case <-moving.fin:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
		return true, nil
	}
	if row.Vuela != a.presencia.ID() && a.presencia.Vive(row.Vuela) {
		return false, nil
	}
	if ok, err := a.deposito.Existe(ctx, row.SHA256, row.Bytes); err != nil || !ok {
		return false, err
	}
	_, err := a.store.Completa(context.WithoutCancel(ctx), paquete, row.Parcial)
	return err == nil, err
}

// reconoce takes over the files that an earlier process has received whole and
// not entered in the ledger, if they hold what their names say.
func (a *Almacen) reconoce(ctx context.Context) error {
	enteros, err := a.store.Enteros(ctx)
	if err != nil {
		return err
	}
	for _, p := range enteros {
		ruta := a.store.RutaParcial(p.Parcial)
		taken, err := a.reconoceUno(ctx, ruta, &p)
		if err != nil {
			return err
		}
		if taken {
			a.encarga(p)
		} else if err := os.Remove(ruta); err != nil {
			return err
		}
	}
	return nil
}

// reconoceUno enters p, whose file lies at ruta, if that holds what its name says and
// nothing better is kept.
func (a *Almacen) reconoceUno(ctx context.Context, ruta string, p *store.Pendiente) (bool, error) {
	sum, n, roto, err := revisa(ruta)
	if err != nil || sum != p.SHA256 {
		return false, err
	}
	row, err := a.store.Paquete(ctx, p.Paquete)
	if err != nil {
		return false, err
	}
	f, err := os.Open(ruta) //nolint:gosec // a package of ours
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	p.Bytes, p.Vuela, p.Marca = n, a.presencia.ID(), marca(f)
	if roto {
		p.Duda = store.Duda{Dudoso: noEsZIP, Roto: true}
	}
	gana, igual, err := a.pesa(ctx, p.Paquete, row, entrega{f: f, bytes: n, sha256: sum, duda: p.Duda})
	switch {
	case err != nil:
		return false, err
	case igual:
		return false, a.store.AnotaIguales(ctx, p.Paquete)
	case !gana:
		return false, nil
	}
	return a.refiere(*p, a.store.Adopta)
}

// reanuda goes on with what earlier processes have left undone.
func (a *Almacen) reanuda(pendientes []store.Pendiente) {
	for _, p := range pendientes {
		if err := a.retoma(p); err != nil {
			a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package of an earlier process could not be taken over")
		}
	}
	if err := a.Recoge(a.ctx); err != nil && a.ctx.Err() == nil {
		a.log.Warn().Err(err).Msg("objects that no package refers to could not be removed yet")
	}
}

// retoma goes on with one package that an earlier process received whole.
func (a *Almacen) retoma(p store.Pendiente) error {
	_, err := os.Stat(a.store.RutaParcial(p.Parcial))
	if err == nil {
		// So that other gateways wait for it instead of downloading it again.
		if _, err := a.store.Toma(a.ctx, p, a.presencia.ID()); err != nil {
			return err
		}
		a.encarga(p)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = a.termina(a.ctx, p.Paquete, store.Paquete{SHA256: p.SHA256, Bytes: p.Bytes, Parcial: p.Parcial, Vuela: p.Vuela})
	return err
}
