package paquetes

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/objetos"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// maxDescargas is how often the SAT serves a package (sat.md §8).
	maxDescargas = 2
	// PaqueteMaximo is how long a package may be: several times the longest that has been
	// heard of.
	PaqueteMaximo = 4 << 30
	// maxVuelo bounds one download, whatever its size and speed.
	maxVuelo = 6 * time.Hour
	// hashBlock is what the hash reads at a time.
	hashBlock = 128 << 10
	// esperaHTTP is how long Abre waits for a download of another gateway.
	esperaHTTP = 20 * time.Second
	// minSondeo and maxSondeo are how often it looks at the row meanwhile.
	minSondeo, maxSondeo = 200 * time.Millisecond, time.Second
	// esperaFin is how long a late caller waits for the row of a package that has
	// arrived, to be served from the file rather than from the flight.
	esperaFin = 2 * time.Second
)

// Presencia tells which processes that share the ledger are alive.
type Presencia interface {
	// ID identifies this process; no other has ever had it.
	ID() string
	// Vive tells whether the process id is alive.
	Vive(id string) bool
}

// Solo is the presence of a process that shares its ledger with nobody.
type Solo string

// ID implements Presencia.
func (s Solo) ID() string { return string(s) }

// Vive implements Presencia.
func (s Solo) Vive(id string) bool { return id == string(s) }

// Contenido is a package to be served: Guardado when it is there whole, or else
// EnVuelo, which yields it as it arrives.
type Contenido struct {
	Guardado *Guardado
	EnVuelo  io.ReadCloser
}

// Guardado is a whole package. Close it.
type Guardado struct {
	// ReadSeekCloser is an *os.File where the package lies on this machine.
	io.ReadSeekCloser
	Bytes      int64
	SHA256     string // hexadecimal
	Completado time.Time
	// Duda says what is wrong with it.
	store.Duda
	copia
}

// Lector reads a stored package here and there. Close it.
type Lector struct {
	objetos.ReaderAtCloser
	Size   int64
	SHA256 string // hexadecimal
	copia
}

// Config is what an Almacen works with.
type Config struct {
	SAT       gateway.Descargador
	Store     *store.Store
	Deposito  *objetos.Deposito
	Presencia Presencia
	Log       zerolog.Logger
	// Maximo is how long a package may be; zero for PaqueteMaximo.
	Maximo int64
	// Espera is how long Abre waits for another gateway's download; zero for
	// twenty seconds.
	Espera time.Duration
	// Legibles counts the comprobantes that can be read in a package, and what cannot; nil
	// where nobody reads them. Of two deliveries with damaged entries the better one is
	// kept by it.
	Legibles func(r io.ReaderAt, size int64) (legibles, fallas int64, err error)
	// Paso is called at named points of a flight; tests stop the process there. Nil
	// for nothing.
	Paso func(punto string)
}

// Almacen fetches packages at most once and keeps them.
type Almacen struct {
	sat       gateway.Descargador
	store     *store.Store
	deposito  *objetos.Deposito
	presencia Presencia
	log       zerolog.Logger
	maximo    int64
	espera    time.Duration
	legibles  func(r io.ReaderAt, size int64) (legibles, fallas int64, err error)
	paso      func(punto string)
	ctx       context.Context //nolint:containedctx // the life of the downloads, which outlive their callers
	cancel    context.CancelFunc
	// cierra is closed when the gateway goes down: what fails is not tried again.
	cierra chan struct{}
	// subidas bounds the uploads at a time, each of which holds parts in memory.
	subidas chan struct{}
	lugar   lugar
	// lecturas are those that Comprueba makes.
	lecturas singleflight.Group
	// aplazadas is for Medidas.
	aplazadas atomic.Int64

	mu sync.Mutex
	// mayor is the longest package seen, by the ledger too.
	mayor    int64
	vuelos   map[gateway.Paquete]*vuelo // by Unico
	mudanzas map[string]*mudanza        // by partial file
	rechazo  error                      // the storage's last word to one of them; nil where it was taken
	borrando map[string]bool            // by SHA-256
	closing  bool
	// repasando says that Repasa is at work.
	repasando bool
	wg        sync.WaitGroup
}

// Open returns the packages of c, and goes on with what an earlier process left
// undone: packages received whole go into storage, and objects that nothing refers to
// are removed. All of that happens beside, and nothing waits for it; but what a
// kill has kept from being entered in the ledger is read before anybody asks.
func Open(ctx context.Context, c Config) (*Almacen, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := &Almacen{sat: c.SAT, store: c.Store, deposito: c.Deposito, presencia: c.Presencia, log: c.Log, maximo: cmp.Or(c.Maximo, PaqueteMaximo), espera: c.Espera, legibles: c.Legibles, paso: c.Paso,
		ctx: life, cancel: cancel, cierra: make(chan struct{}), subidas: make(chan struct{}, maxSubidas),
		vuelos: make(map[gateway.Paquete]*vuelo), mudanzas: make(map[string]*mudanza), borrando: make(map[string]bool)}
	if a.espera == 0 {
		a.espera = esperaHTTP
	}
	if a.paso == nil {
		a.paso = func(string) {}
	}
	a.lugar = lugar{store: c.Store, turno: make(chan struct{}, 1), espera: esperaLugar, log: c.Log}
	pendientes, err := a.store.Pendientes(ctx)
	if err == nil {
		a.mayor, err = a.store.Mayor(ctx, a.maximo)
	}
	if err == nil {
		err = a.reconoce(ctx)
	}
	if err != nil {
		cancel()
		a.wg.Wait()
		return nil, err
	}
	a.wg.Go(func() { a.reanuda(pendientes) })
	return a, nil
}

// Abre returns p: from storage; or from the download that is under way; or from
// a new one, if the SAT still owes one. It waits for the first bytes, so that a
// refusal is an error and not an empty file. While another gateway downloads it,
// it waits for that, but not for long. The download goes on if the caller goes
// away. Errors are *gateway.Error.
func (a *Almacen) Abre(ctx context.Context, paquete gateway.Paquete) (Contenido, error) {
	ctx2, cancel := context.WithTimeout(ctx, a.espera)
	defer cancel()
	for sondeo := minSondeo; ; sondeo = min(sondeo*3/2, maxSondeo) {
		c, err := a.abre(ctx, paquete)
		if !errors.Is(err, errAjeno) {
			return c, err
		}
		select {
		case <-ctx2.Done():
			if ctx.Err() != nil {
				return Contenido{}, context.Cause(ctx)
			}
			return Contenido{}, err
		case <-a.cierra:
			return Contenido{}, gateway.ErrStopping
		case <-time.After(sondeo):
		}
	}
}

// errAjeno says that another process downloads the package, or has it whole.
var errAjeno = &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteEnCamino, Reintentable: true, NoEnviada: true, RetryAfter: 10 * time.Second,
	Detail: "Otra pasarela está trayendo o guardando este paquete. Repita en unos segundos."}

func (a *Almacen) abre(ctx context.Context, paquete gateway.Paquete) (Contenido, error) {
	guardado, err := a.entero(ctx, paquete)
	if err != nil || guardado != nil {
		return Contenido{Guardado: guardado}, err
	}
	r, err := a.sigue(ctx, paquete)
	if err != nil {
		return Contenido{}, err
	}
	if r == nil {
		// A flight that ended since the caller looked has left it whole.
		if guardado, err := a.entero(ctx, paquete); err != nil || guardado != nil {
			return Contenido{Guardado: guardado}, err
		}
		return Contenido{}, errAjeno
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
		// It is being entered in the ledger, after which it can be served better.
		select {
		case <-r.v.landed:
		case <-ctx.Done():
		case <-time.After(esperaFin):
		}
		if guardado, err := a.entero(ctx, paquete); err == nil && guardado != nil {
			return Contenido{Guardado: guardado}, r.Close()
		}
	}
	return Contenido{EnVuelo: r}, nil
}

// Ficha says of a package that is there whole what it is.
type Ficha struct {
	Bytes      int64
	SHA256     string // hexadecimal
	Completado time.Time
}

// Trae sees to it that p is in storage, by a download if the SAT still owes one,
// and waits for it, also for another gateway's, until ctx ends. That it is whole
// on this machine's disk is not enough: other gateways could not read it, nor
// anybody if this machine were lost. Errors are *gateway.Error, or the cause of
// ctx's end.
func (a *Almacen) Trae(ctx context.Context, paquete gateway.Paquete) (Ficha, error) {
	fin := time.Now().Add(esperaTurno)
	for {
		c, err := a.Abre(ctx, paquete)
		switch {
		case errors.Is(err, errAjeno):
			continue
		case errors.Is(err, store.ErrSinLugar) && gateway.AsError(err).NoEnviada && a.habraLugar() && time.Now().Before(fin):
			if err := a.pausa(ctx); err != nil {
				return Ficha{}, err
			}
			continue
		case err != nil:
			return Ficha{}, err
		case c.Guardado != nil:
			f, stored, err := a.almacenado(ctx, paquete)
			if err = errors.Join(err, c.Guardado.Close()); err != nil || stored {
				return f, err
			}
			continue
		}
		r, ok := c.EnVuelo.(*reader)
		if !ok {
			return Ficha{}, interno(errors.New("paquetes: an unknown flight"))
		}
		if err := a.aterriza(ctx, r); err != nil {
			return Ficha{}, err
		}
	}
}

// almacenado waits while a package that is whole is put into storage; false when
// it is not there yet, or no more. It does not wait for a storage that refuses.
func (a *Almacen) almacenado(ctx context.Context, paquete gateway.Paquete) (Ficha, bool, error) {
	row, err := a.store.Paquete(ctx, paquete)
	switch {
	case err != nil:
		return Ficha{}, false, interno(err)
	case row.Completo:
		return Ficha{Bytes: row.Bytes, SHA256: row.SHA256, Completado: row.Completado}, true, nil
	}
	a.mu.Lock()
	moving, ok := a.mudanzas[row.Parcial]
	rechazo := a.rechazo
	a.mu.Unlock()
	if ok && rechazo != nil {
		return Ficha{}, false, enElDisco(rechazo)
	}
	if ok {
		select {
		case <-moving.fin:
			return Ficha{}, false, nil
		case <-time.After(maxSondeo):
			return Ficha{}, false, nil
		case <-ctx.Done():
			return Ficha{}, false, context.Cause(ctx)
		}
	}
	// The move is about to begin, or has just ended.
	return Ficha{}, false, a.pausa(ctx)
}

// pausa waits for a moment.
func (a *Almacen) pausa(ctx context.Context) error {
	select {
	case <-time.After(minSondeo):
		return nil
	case <-a.cierra:
		return gateway.ErrStopping
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// aterriza waits for the end of r's flight and closes r.
func (a *Almacen) aterriza(ctx context.Context, r *reader) error {
	defer r.Close() //nolint:errcheck // always nil
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.v.landed:
	}
	_, err := r.v.over()
	return err
}

// Lee opens p to be read here and there, if it is stored; it downloads nothing.
// What lies in a bucket is read until ctx ends. Errors are *gateway.Error:
// KindNoEncontrado when it is not there, KindYaNoDisponible when it was deleted, and
// of gateway.ErrPaqueteDanado when its bytes are not those that were kept.
func (a *Almacen) Lee(ctx context.Context, paquete gateway.Paquete) (Lector, error) {
	l, err := a.LeeDanado(ctx, paquete)
	if err != nil {
		return l, err
	}
	if err := l.Comprueba(ctx); err != nil {
		return Lector{}, errors.Join(err, l.Close())
	}
	return l, nil
}

// LeeDanado is Lee for whoever takes the bytes as they are, and checks what it reads.
func (a *Almacen) LeeDanado(ctx context.Context, paquete gateway.Paquete) (Lector, error) {
	row, local, err := a.localiza(ctx, paquete)
	if err == nil && row.Roto {
		if local != nil {
			err = local.Close()
		}
		err = errors.Join(err, &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnPaqueteIncompleto, Detail: "La pasarela no tiene este paquete completo."})
	}
	switch {
	case err != nil:
		return Lector{}, err
	case local == nil && !row.Completo:
		return Lector{}, ausente()
	}
	l := Lector{Size: row.Bytes, SHA256: row.SHA256}
	l.copia, err = a.copia(ctx, paquete, row)
	switch {
	case local != nil:
		l.ReaderAtCloser = local
		if err = errors.Join(err, l.deArchivo(local)); err != nil {
			err = errors.Join(err, local.Close())
		}
	case err == nil:
		if l.ReaderAtCloser, l.marca, err = a.deposito.Lee(ctx, row.SHA256, row.Bytes); err != nil {
			err = l.NoSeLee(ctx, err)
		}
	}
	return l, err
}

// guardado returns the package if it is there whole, or nil.
func (a *Almacen) guardado(ctx context.Context, paquete gateway.Paquete) (*Guardado, error) {
	row, local, err := a.localiza(ctx, paquete)
	if err != nil {
		return nil, err
	}
	if local == nil && !row.Completo {
		return nil, nil
	}
	g := &Guardado{Bytes: row.Bytes, SHA256: row.SHA256, Completado: row.Completado, Duda: row.Duda}
	g.copia, err = a.copia(ctx, paquete, row)
	switch {
	case local != nil:
		g.ReadSeekCloser = local
		if err = errors.Join(err, g.deArchivo(local)); err != nil {
			err = errors.Join(err, local.Close())
		}
	case err == nil:
		if g.ReadSeekCloser, g.marca, err = a.deposito.Abre(ctx, row.SHA256, row.Bytes); err != nil {
			err = g.NoSeLee(ctx, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// localiza returns the row of a package, and the file of this machine that holds
// it whole where it is not in storage yet. What an earlier process received is taken
// over on the way.
func (a *Almacen) localiza(ctx context.Context, paquete gateway.Paquete) (store.Paquete, *os.File, error) {
	// Between the row and the file it names, the file may move into storage.
	for range 3 {
		row, err := a.store.Paquete(ctx, paquete)
		if err != nil {
			return row, nil, interno(err)
		}
		if !row.Borrado.IsZero() {
			return row, nil, borrado(row.Borrado)
		}
		if row.Parcial == "" {
			return row, nil, nil
		}
		f, err := os.Open(a.store.RutaParcial(row.Parcial))
		if err == nil {
			a.encarga(store.Pendiente{Paquete: paquete, SHA256: row.SHA256, Bytes: row.Bytes, Parcial: row.Parcial, Vuela: row.Vuela})
			return row, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return row, nil, interno(err)
		}
		if done, err := a.termina(ctx, paquete, row); err != nil {
			return row, nil, interno(err)
		} else if !done {
			return row, nil, nil
		}
	}
	return store.Paquete{}, nil, errAjeno // it changes faster than it can be read
}

// Quiet starts no more downloads from now on. What is stored goes on being served.
func (a *Almacen) Quiet() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		close(a.cierra)
	}
	a.closing = true
}

// Land waits for the downloads under way; when ctx ends first, they are cut, and it
// says so. Call Quiet before.
func (a *Almacen) Land(ctx context.Context) error {
	landed := make(chan struct{})
	go func() {
		a.wg.Wait()
		close(landed)
	}()
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
	}
	a.cancel()
	<-landed
	return errors.Join(errors.New("paquetes: running downloads were cut"), context.Cause(ctx))
}

// Close is Quiet and Land, after which nothing is read either.
func (a *Almacen) Close(ctx context.Context) error {
	defer a.cancel()
	a.Quiet()
	return a.Land(ctx)
}

func interno(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise la base de datos, el espacio y los permisos de GATEWAY_DATA_DIR y, si los paquetes se guardan aparte, GATEWAY_BLOB_URL.")
}
