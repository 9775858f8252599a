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

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// maxDescargas is how often the SAT serves a package (sat.md §8).
	maxDescargas = 2
	// PaqueteMax is how long a package may be: several times the longest that has been
	// heard of.
	PaqueteMax = 4 << 30
	// maxFlight bounds one download, whatever its size and speed.
	maxFlight = 6 * time.Hour
	// hashBlock is what the hash reads at a time.
	hashBlock = 128 << 10
	// httpWait is how long Open waits for a download of another gateway.
	httpWait = 20 * time.Second
	// minPoll and maxPoll are how often it looks at the row meanwhile.
	minPoll, maxPoll = 200 * time.Millisecond, time.Second
	// endWait is how long a late caller waits for the row of a package that has
	// arrived, to be served from the file rather than from the flight.
	endWait = 2 * time.Second
)

// Rows are what the Vault keeps: the packages' rows, those of their objects, and the files
// of what arrives.
type Rows struct {
	Paquetes store.Paquetes
	Blobs    store.Blobs
	Folder   store.Folder
}

// Content is a package to be served: Saved when it is there whole, or else
// InFlight, which yields it as it arrives.
type Content struct {
	Saved    *Saved
	InFlight io.ReadCloser
}

// Saved is a whole package. Close it.
type Saved struct {
	// ReadSeekCloser is an *os.File where the package lies on this machine.
	io.ReadSeekCloser
	Bytes     int64
	SHA256    string // hexadecimal
	Completed time.Time
	// Doubt says what is wrong with it.
	store.Doubt
	keptBytes
}

// Reader reads a stored package here and there. Close it.
type Reader struct {
	blobs.ReaderAtCloser
	Size   int64
	SHA256 string // hexadecimal
	keptBytes
}

// Config is what an Vault works with.
type Config struct {
	SAT     gateway.Downloader
	Store   Rows
	Depot   *blobs.Depot
	Cluster store.Processes
	Log     zerolog.Logger
	// Max is how long a package may be; zero for PaqueteMax.
	Max int64
	// Wait is how long Open waits for another gateway's download; zero for
	// twenty seconds.
	Wait time.Duration
	// Readable counts the comprobantes that can be read in a package, and what cannot; nil
	// where nobody reads them. Of two deliveries with damaged entries the better one is
	// kept by it.
	Readable func(r io.ReaderAt, size int64) (readable, fallas int64, err error)
	// Step is called at named points of a flight; tests stop the process there. Nil
	// for nothing.
	Step func(point string)
}

// Vault fetches packages at most once and keeps them.
type Vault struct {
	sat      gateway.Downloader
	store    Rows
	depot    *blobs.Depot
	cluster  store.Processes
	log      zerolog.Logger
	max      int64
	wait     time.Duration
	readable func(r io.ReaderAt, size int64) (readable, fallas int64, err error)
	step     func(point string)
	ctx      context.Context //nolint:containedctx // the life of the downloads, which outlive their callers
	cancel   context.CancelFunc
	// close is closed when the gateway goes down: what fails is not tried again.
	close chan struct{}
	// uploads bounds the uploads at a time, each of which holds parts in memory.
	uploads chan struct{}
	place   place
	// readings are those that Confirm makes.
	readings singleflight.Group
	// postponed is for Measures.
	postponed atomic.Int64

	mu sync.Mutex
	// greater is the longest package seen, by the ledger too.
	greater  int64
	flights  map[gateway.Paquete]*flight // by Unico
	moves    map[string]*move            // by partial file
	refusal  error                       // the storage's last word to one of them; nil where it was taken
	deleting map[string]bool             // by SHA-256
	closing  bool
	// reviewing says that Review is at work.
	reviewing bool
	wg        sync.WaitGroup
}

// Open returns the packages of c, and goes on with what an earlier process left
// undone: packages received whole go into storage, and objects that nothing refers to
// are removed. All of that happens beside, and nothing waits for it; but what a
// kill has kept from being entered in the ledger is read before anybody asks.
func Open(ctx context.Context, c Config) (*Vault, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := &Vault{sat: c.SAT, store: c.Store, depot: c.Depot, cluster: c.Cluster, log: c.Log, max: cmp.Or(c.Max, PaqueteMax), wait: c.Wait, readable: c.Readable, step: c.Step,
		ctx: life, cancel: cancel, close: make(chan struct{}), uploads: make(chan struct{}, maxUploads),
		flights: make(map[gateway.Paquete]*flight), moves: make(map[string]*move), deleting: make(map[string]bool)}
	if a.wait == 0 {
		a.wait = httpWait
	}
	if a.step == nil {
		a.step = func(string) {}
	}
	a.place = place{folder: c.Store.Folder, turn: make(chan struct{}, 1), wait: placeWait, log: c.Log}
	pending, err := a.store.Paquetes.Pending(ctx)
	if err == nil {
		a.greater, err = a.store.Paquetes.Greater(ctx, a.max)
	}
	if err == nil {
		err = a.recognise(ctx)
	}
	if err != nil {
		cancel()
		a.wg.Wait()
		return nil, err
	}
	a.wg.Go(func() { a.resume(pending) })
	return a, nil
}

// Open returns p: from storage; or from the download that is under way; or from
// a new one, if the SAT still owes one. It waits for the first bytes, so that a
// refusal is an error and not an empty file. While another gateway downloads it,
// it waits for that, but not for long. The download goes on if the caller goes
// away. Errors are *gateway.Error.
func (a *Vault) Open(ctx context.Context, paquete gateway.Paquete) (Content, error) {
	ctx2, cancel := context.WithTimeout(ctx, a.wait)
	defer cancel()
	for poll := minPoll; ; poll = min(poll*3/2, maxPoll) {
		c, err := a.open(ctx, paquete)
		if !errors.Is(err, errForeign) {
			return c, err
		}
		select {
		case <-ctx2.Done():
			if ctx.Err() != nil {
				return Content{}, context.Cause(ctx)
			}
			return Content{}, err
		case <-a.close:
			return Content{}, gateway.ErrStopping
		case <-time.After(poll):
		}
	}
}

// errForeign says that another process downloads the package, or has it whole.
var errForeign = &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnPaqueteEnCamino, Retryable: true, Unsent: true, RetryAfter: 10 * time.Second,
	Detail: "Otra pasarela está trayendo o guardando este paquete. Repita en unos segundos."}

func (a *Vault) open(ctx context.Context, paquete gateway.Paquete) (Content, error) {
	saved, err := a.whole(ctx, paquete)
	if err != nil || saved != nil {
		return Content{Saved: saved}, err
	}
	r, err := a.follow(ctx, paquete)
	if err != nil {
		return Content{}, err
	}
	if r == nil {
		// A flight that ended since the caller looked has left it whole.
		if saved, err := a.whole(ctx, paquete); err != nil || saved != nil {
			return Content{Saved: saved}, err
		}
		return Content{}, errForeign
	}
	select {
	case <-ctx.Done():
		return Content{}, errors.Join(context.Cause(ctx), r.Close())
	case <-r.v.begun:
	}
	over, err := r.v.over()
	if err != nil {
		r.Close() //nolint:errcheck // always nil
		return Content{}, err
	}
	if over {
		// It is being entered in the ledger, after which it can be served better.
		select {
		case <-r.v.landed:
		case <-ctx.Done():
		case <-time.After(endWait):
		}
		if saved, err := a.whole(ctx, paquete); err == nil && saved != nil {
			return Content{Saved: saved}, r.Close()
		}
	}
	return Content{InFlight: r}, nil
}

// Token says of a package that is there whole what it is.
type Token struct {
	Bytes     int64
	SHA256    string // hexadecimal
	Completed time.Time
}

// Fetch sees to it that p is in storage, by a download if the SAT still owes one,
// and waits for it, also for another gateway's, until ctx ends. That it is whole
// on this machine's disk is not enough: other gateways could not read it, nor
// anybody if this machine were lost. Errors are *gateway.Error, or the cause of
// ctx's end.
func (a *Vault) Fetch(ctx context.Context, paquete gateway.Paquete) (Token, error) {
	end := time.Now().Add(turnWait)
	for {
		c, err := a.Open(ctx, paquete)
		switch {
		case errors.Is(err, errForeign):
			continue
		case errors.Is(err, store.ErrWithoutPlace) && gateway.AsError(err).Unsent && a.willHavePlace() && time.Now().Before(end):
			if err := a.pause(ctx); err != nil {
				return Token{}, err
			}
			continue
		case err != nil:
			return Token{}, err
		case c.Saved != nil:
			f, stored, err := a.stored(ctx, paquete)
			if err = errors.Join(err, c.Saved.Close()); err != nil || stored {
				return f, err
			}
			continue
		}
		r, ok := c.InFlight.(*reader)
		if !ok {
			return Token{}, internal(errors.New("paquetes: an unknown flight"))
		}
		if err := a.land(ctx, r); err != nil {
			return Token{}, err
		}
	}
}

// stored waits while a package that is whole is put into storage; false when
// it is not there yet, or no more. It does not wait for a storage that refuses.
func (a *Vault) stored(ctx context.Context, paquete gateway.Paquete) (Token, bool, error) {
	row, err := a.store.Paquetes.Get(ctx, paquete)
	switch {
	case err != nil:
		return Token{}, false, internal(err)
	case row.Complete:
		return Token{Bytes: row.Bytes, SHA256: row.SHA256, Completed: row.Completed}, true, nil
	}
	a.mu.Lock()
	moving, ok := a.moves[row.Partial]
	refusal := a.refusal
	a.mu.Unlock()
	if ok && refusal != nil {
		return Token{}, false, inDisk(refusal)
	}
	if ok {
		select {
		case <-moving.end:
			return Token{}, false, nil
		case <-time.After(maxPoll):
			return Token{}, false, nil
		case <-ctx.Done():
			return Token{}, false, context.Cause(ctx)
		}
	}
	// The move is about to begin, or has just ended.
	return Token{}, false, a.pause(ctx)
}

// pause waits for a moment.
func (a *Vault) pause(ctx context.Context) error {
	select {
	case <-time.After(minPoll):
		return nil
	case <-a.close:
		return gateway.ErrStopping
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// land waits for the end of r's flight and closes r.
func (a *Vault) land(ctx context.Context, r *reader) error {
	defer r.Close() //nolint:errcheck // always nil
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.v.landed:
	}
	_, err := r.v.over()
	return err
}

// Read opens p to be read here and there, if it is stored; it downloads nothing.
// What lies in a bucket is read until ctx ends. Errors are *gateway.Error:
// KindNoEncontrado when it is not there, KindYaNoDisponible when it was deleted, and
// of gateway.ErrDamagedPaquete when its bytes are not those that were kept.
func (a *Vault) Read(ctx context.Context, paquete gateway.Paquete) (Reader, error) {
	l, err := a.ReadDamaged(ctx, paquete)
	if err != nil {
		return l, err
	}
	if err := l.Confirm(ctx); err != nil {
		return Reader{}, errors.Join(err, l.Close())
	}
	return l, nil
}

// ReadDamaged is Read for whoever takes the bytes as they are, and checks what it reads.
func (a *Vault) ReadDamaged(ctx context.Context, paquete gateway.Paquete) (Reader, error) {
	row, local, err := a.pinpoint(ctx, paquete)
	if err == nil && row.Broken {
		if local != nil {
			err = local.Close()
		}
		err = errors.Join(err, &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnPaqueteIncompleto, Detail: "La pasarela no tiene este paquete completo."})
	}
	switch {
	case err != nil:
		return Reader{}, err
	case local == nil && !row.Complete:
		return Reader{}, absent()
	}
	l := Reader{Size: row.Bytes, SHA256: row.SHA256}
	l.keptBytes, err = a.copy(ctx, paquete, row)
	switch {
	case local != nil:
		l.ReaderAtCloser = local
		if err = errors.Join(err, l.ofFile(local)); err != nil {
			err = errors.Join(err, local.Close())
		}
	case err == nil:
		if l.ReaderAtCloser, l.mark, err = a.depot.Read(ctx, row.SHA256, row.Bytes); err != nil {
			err = l.Unreadable(ctx, err)
		}
	}
	return l, err
}

// saved returns the package if it is there whole, or nil.
func (a *Vault) saved(ctx context.Context, paquete gateway.Paquete) (*Saved, error) {
	row, local, err := a.pinpoint(ctx, paquete)
	if err != nil {
		return nil, err
	}
	if local == nil && !row.Complete {
		return nil, nil
	}
	g := &Saved{Bytes: row.Bytes, SHA256: row.SHA256, Completed: row.Completed, Doubt: row.Doubt}
	g.keptBytes, err = a.copy(ctx, paquete, row)
	switch {
	case local != nil:
		g.ReadSeekCloser = local
		if err = errors.Join(err, g.ofFile(local)); err != nil {
			err = errors.Join(err, local.Close())
		}
	case err == nil:
		if g.ReadSeekCloser, g.mark, err = a.depot.Open(ctx, row.SHA256, row.Bytes); err != nil {
			err = g.Unreadable(ctx, err)
		}
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

// pinpoint returns the row of a package, and the file of this machine that holds
// it whole where it is not in storage yet. What an earlier process received is taken
// over on the way.
func (a *Vault) pinpoint(ctx context.Context, paquete gateway.Paquete) (store.Paquete, *os.File, error) {
	// Between the row and the file it names, the file may move into storage.
	for range 3 {
		row, err := a.store.Paquetes.Get(ctx, paquete)
		if err != nil {
			return row, nil, internal(err)
		}
		if !row.Deleted.IsZero() {
			return row, nil, deleted(row.Deleted)
		}
		if row.Partial == "" {
			return row, nil, nil
		}
		f, err := os.Open(a.store.Folder.Path(row.Partial))
		if err == nil {
			a.order(store.Pending{Paquete: paquete, SHA256: row.SHA256, Bytes: row.Bytes, Partial: row.Partial, Fly: row.Fly})
			return row, f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return row, nil, internal(err)
		}
		if done, err := a.finish(ctx, paquete, row); err != nil {
			return row, nil, internal(err)
		} else if !done {
			return row, nil, nil
		}
	}
	return store.Paquete{}, nil, errForeign // it changes faster than it can be read
}

// Quiet starts no more downloads from now on. What is stored goes on being served.
func (a *Vault) Quiet() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closing {
		close(a.close)
	}
	a.closing = true
}

// Land waits for the downloads under way; when ctx ends first, they are cut, and it
// says so. Call Quiet before.
func (a *Vault) Land(ctx context.Context) error {
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
func (a *Vault) Close(ctx context.Context) error {
	defer a.cancel()
	a.Quiet()
	return a.Land(ctx)
}

func internal(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise la base de datos, el espacio y los permisos de GATEWAY_DATA_DIR y, si los paquetes se guardan aparte, GATEWAY_BLOB_URL.")
}
