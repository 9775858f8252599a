package descargas

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
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const (
	// maxDescargas is how often the SAT serves a package (sat.md §8).
	maxDescargas = 2
	// maxVuelo bounds one download, whatever its size and speed.
	maxVuelo = 6 * time.Hour
	// hashBlock is what the hash reads at a time.
	hashBlock = 128 << 10
)

// ErrCerrando says that the gateway is going down and starts no new download.
var ErrCerrando = &gateway.Error{Kind: gateway.KindNoDisponible, Reintentable: true, RetryAfter: 10 * time.Second,
	Detail: "La pasarela se está deteniendo. Repita en unos segundos."}

// Contenido is a package to be served: Guardado when it lies in storage whole,
// or else EnVuelo, which yields it as it arrives.
type Contenido struct {
	Guardado *Guardado
	EnVuelo  io.ReadCloser
}

// Guardado is a whole package in storage.
type Guardado struct {
	File       *os.File // close it
	Bytes      int64
	SHA256     string // hexadecimal
	Completado time.Time
}

// Paquetes fetches packages at most once and keeps them.
type Paquetes struct {
	sat    gateway.Descargador
	store  *store.Store
	log    zerolog.Logger
	ctx    context.Context //nolint:containedctx // the life of the downloads, which outlive their callers
	cancel context.CancelFunc

	mu      sync.Mutex
	vuelos  map[gateway.Paquete]*vuelo
	closing bool
	wg      sync.WaitGroup
}

// NewPaquetes returns the packages over st, which no other process writes.
func NewPaquetes(sat gateway.Descargador, st *store.Store, log zerolog.Logger) *Paquetes {
	ctx, cancel := context.WithCancel(context.Background())
	return &Paquetes{sat: sat, store: st, log: log, ctx: ctx, cancel: cancel, vuelos: make(map[gateway.Paquete]*vuelo)}
}

// Abre returns p: from storage; or from the download that is under way; or from
// a new one, if the SAT still owes one. It waits for the first bytes, so that a
// refusal is an error and not an empty file. The download goes on if the caller
// goes away. Errors are *gateway.Error.
func (p *Paquetes) Abre(ctx context.Context, paquete gateway.Paquete) (Contenido, error) {
	guardado, err := p.guardado(ctx, paquete)
	if err != nil || guardado != nil {
		return Contenido{Guardado: guardado}, err
	}
	r, guardado, err := p.sigue(ctx, paquete)
	if err != nil || guardado != nil {
		return Contenido{Guardado: guardado}, err
	}
	select {
	case <-ctx.Done():
		return Contenido{}, errors.Join(context.Cause(ctx), r.Close())
	case <-r.v.begun:
	}
	over, err := r.v.over()
	if err != nil {
		r.Close() //nolint:errcheck // always nil
		return Contenido{}, err
	}
	if over {
		// It is being put into storage, whence it can be served better.
		<-r.v.landed
		if guardado, err := p.guardado(ctx, paquete); err == nil && guardado != nil {
			return Contenido{Guardado: guardado}, r.Close()
		}
	}
	return Contenido{EnVuelo: r}, nil
}

// guardado returns the stored package, or nil. A whole file whose entry in the
// ledger a crash has prevented is entered now.
func (p *Paquetes) guardado(ctx context.Context, paquete gateway.Paquete) (*Guardado, error) {
	f, err := p.store.Abre(paquete)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, interno(err)
	}
	row, err := p.store.Paquete(ctx, paquete)
	if err == nil && !row.Completo {
		err = p.adopta(ctx, paquete, f)
		if err == nil {
			row, err = p.store.Paquete(ctx, paquete)
		}
	}
	if err != nil {
		return nil, interno(errors.Join(err, f.Close()))
	}
	return &Guardado{File: f, Bytes: row.Bytes, SHA256: row.SHA256, Completado: row.Completado}, nil
}

func interno(err error) error {
	return &gateway.Error{Kind: gateway.KindInterno, Err: err,
		Detail: "La pasarela no pudo leer o escribir sus datos. Revise el espacio y los permisos de GATEWAY_DATA_DIR."}
}

func (p *Paquetes) adopta(ctx context.Context, paquete gateway.Paquete, f *os.File) error {
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := zipdir.Check(f, n); err != nil {
		return err
	}
	return p.store.Completa(ctx, paquete, n, hex.EncodeToString(hash.Sum(nil)))
}

// sigue returns a reader on the package's flight, starting one if there is none.
// A flight that ended since the caller looked has left the package in storage.
func (p *Paquetes) sigue(ctx context.Context, paquete gateway.Paquete) (*reader, *Guardado, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.vuelos[paquete]; ok {
		return v.newReader(ctx, false), nil, nil
	}
	if guardado, err := p.guardado(ctx, paquete); err != nil || guardado != nil {
		return nil, guardado, err
	}
	if p.closing {
		return nil, nil, ErrCerrando
	}
	r, err := p.despega(ctx, paquete)
	return r, nil, err
}

// despega starts a flight, counted before it leaves. p.mu is held.
func (p *Paquetes) despega(ctx context.Context, paquete gateway.Paquete) (*reader, error) {
	row, err := p.store.Paquete(ctx, paquete)
	if err != nil {
		return nil, interno(err)
	}
	if row.Descargas >= maxDescargas {
		return nil, &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5008", Mensaje: "Máximo de descargas permitidas",
			Detail: "La pasarela ya descargó este paquete las dos veces que el SAT permite y ninguna llegó completa. Presente una solicitud nueva con el rango cambiado en un segundo."}
	}
	file, err := p.store.Parcial()
	if err != nil {
		return nil, interno(err)
	}
	// Without the caller's cancellation: a write that is cut may have been made.
	if err := p.store.CuentaDescarga(context.WithoutCancel(ctx), paquete, 1); err != nil {
		return nil, interno(errors.Join(err, discard(file)))
	}
	v := newVuelo(file)
	p.vuelos[paquete] = v
	r := v.newReader(ctx, false)
	log := *zerolog.Ctx(ctx)
	p.wg.Go(func() { p.vuela(log.WithContext(p.ctx), paquete, v) })
	return r, nil
}

// vuela runs one flight to its end.
func (p *Paquetes) vuela(ctx context.Context, paquete gateway.Paquete, v *vuelo) {
	ctx, cancel := context.WithTimeout(ctx, maxVuelo)
	defer cancel()
	defer v.release()
	sum, err := p.descarga(ctx, paquete, v)
	if err != nil {
		p.fracasa(ctx, paquete, v, err)
		return
	}
	// Whoever reads has it whole now; making it durable is our own affair.
	v.finish(nil)
	if err := p.store.Conserva(context.WithoutCancel(ctx), paquete, v.file, v.size, sum); err != nil {
		p.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("a whole package could not be kept")
		os.Remove(v.file.Name()) //nolint:errcheck // it may be in its place already
	}
	p.olvida(paquete)
	close(v.landed)
}

// descarga fetches the package into v and hashes it on the way, on another core.
func (p *Paquetes) descarga(ctx context.Context, paquete gateway.Paquete, v *vuelo) (string, error) {
	hashed := make(chan error, 1)
	hash := sha256.New()
	follower := v.newReader(ctx, true)
	go func() {
		defer follower.Close() //nolint:errcheck // always nil
		_, err := io.CopyBuffer(struct{ io.Writer }{hash}, follower, make([]byte, hashBlock))
		hashed <- err
	}()
	if err := p.fetch(ctx, paquete, v); err != nil {
		return "", err
	}
	v.finishWriting()
	if err := <-hashed; err != nil {
		return "", interno(err)
	}
	if err := zipdir.Check(v.file, v.size); err != nil {
		return "", incompleto(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// fetch keeps a panic from ending the process: no handler stands above a flight.
func (p *Paquetes) fetch(ctx context.Context, paquete gateway.Paquete, v *vuelo) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error().Bytes("stack", debug.Stack()).Msg("panic in a download")
			err = interno(fmt.Errorf("panic: %T", r))
		}
	}()
	return p.sat.Descarga(ctx, paquete, v)
}

// fracasa ends a flight that brought no package, and settles its count: the
// download is given back when the SAT surely did not serve it.
func (p *Paquetes) fracasa(ctx context.Context, paquete gateway.Paquete, v *vuelo, err error) {
	failed := gateway.AsError(err)
	if errors.Is(err, zipdir.ErrZip) && failed.Kind != gateway.KindRespuestaInvalida {
		failed = gateway.AsError(incompleto(err))
	}
	// An answer that is none and brought not one byte comes from something before
	// the SAT; an empty package of the SAT has been counted.
	if noServido(failed) || v.size == 0 && failed.Kind == gateway.KindRespuestaInvalida && !errors.Is(err, zipdir.ErrZip) {
		if err := p.store.CuentaDescarga(context.WithoutCancel(ctx), paquete, -1); err != nil {
			p.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("a download could not be given back")
		}
	}
	p.olvida(paquete)
	v.finish(failed)
	close(v.landed)
	if err := os.Remove(v.file.Name()); err != nil {
		p.log.Error().Err(err).Msg("a partial package could not be removed")
	}
}

// noServido tells the failures in which the SAT counted nothing: it refused with
// a code or a fault, or the message never arrived.
func noServido(e *gateway.Error) bool {
	if e.NoEnviada {
		return true
	}
	switch e.Kind {
	case gateway.KindSinRespuesta, gateway.KindRespuestaInvalida, gateway.KindInterno, gateway.KindResultadoDesconocido:
		return false
	}
	return true
}

func (p *Paquetes) olvida(paquete gateway.Paquete) {
	p.mu.Lock()
	delete(p.vuelos, paquete)
	p.mu.Unlock()
}

// Close starts no more downloads and waits for those under way; when ctx ends
// first, they are cut.
func (p *Paquetes) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	landed := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(landed)
	}()
	select {
	case <-landed:
		p.cancel()
		return nil
	case <-ctx.Done():
	}
	p.cancel()
	<-landed
	return fmt.Errorf("descargas: running downloads were cut: %w", context.Cause(ctx))
}

func discard(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }
