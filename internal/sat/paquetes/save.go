package paquetes

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/gateway"
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
	// maxUploads is how many files go into a bucket at a time.
	maxUploads = 1
	// What fails is tried again, the sooner the first times.
	minRetry, maxRetry = time.Second, time.Minute
)

// errNothingLeft says that this process has lost the bytes that it held.
var errNothingLeft = errors.New("paquetes: what had come is not readable any more")

// ensure makes step 2. Where the file could not be named (err) or cannot be synced, what
// it holds is written to another one until that is: of what a failed sync has lost the
// next one says nothing (fsync(2)). The error says that this machine has lost it.
func (a *Vault) ensure(p *store.Pending, v *flight, err error) error {
	if err == nil {
		p.Mark = mark(v.file)
		err = errors.Join(v.file.Sync(), a.store.Folder.Sync())
	}
	end := time.Now().Add(a.place.wait)
	for wait := minRetry; err != nil; wait = min(2*wait, maxRetry) {
		a.log.Warn().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package cannot be kept yet; it is written anew")
		if err = a.rewrite(p, v); err == nil {
			os.Remove(v.file.Name()) //nolint:errcheck // it has been named, and so is gone, or the next start removes it
			return nil
		}
		if errors.Is(err, errNothingLeft) || time.Now().After(end) {
			break
		}
		select {
		case <-a.close:
			return err
		case <-time.After(wait):
		}
	}
	return err
}

// rewrite writes what v holds to a file of its own, which takes the name of the first.
func (a *Vault) rewrite(p *store.Pending, v *flight) error {
	source, err := a.source(*p, v)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // read only
	f, _, err := a.store.Folder.Safe(store.Gap{Seen: p.Bytes})
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // synced, or of no use
	if _, err = io.Copy(f, source); err == nil {
		p.Partial, err = a.store.Folder.MakeWhole(f, p.Paquete, p.SHA256)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	p.Mark = mark(f)
	return errors.Join(f.Sync(), a.store.Folder.Sync())
}

// source is where the bytes of p can still be read: the file that v holds open, or the
// one of p's name.
func (a *Vault) source(p store.Pending, v *flight) (io.ReadCloser, error) {
	sum, err := sumOf(v.file, p.Bytes)
	if err == nil && sum == p.SHA256 {
		return io.NopCloser(io.NewSectionReader(v.file, 0, p.Bytes)), nil
	}
	if p.Partial == "" {
		return nil, errors.Join(errNothingLeft, err)
	}
	f, errFile := os.Open(a.store.Folder.Path(p.Partial))
	if errFile != nil {
		return nil, errors.Join(errNothingLeft, err, errFile)
	}
	if sum, err = sumOf(f, p.Bytes); err != nil || sum != p.SHA256 {
		return nil, errors.Join(errNothingLeft, err, f.Close())
	}
	return f, nil
}

// receive makes step 3. It returns false when the package is there already by another
// process's work, and an error when the ledger does not take it.
func (a *Vault) receive(p store.Pending) (bool, error) {
	mine := false
	err := a.insist("a whole package cannot be entered in the ledger yet", func() error {
		var err error
		mine, err = a.refer(p, a.store.Paquetes.Receive)
		return err
	})
	return mine && err == nil, err
}

// refer enters, by receive, that p's object is referred to, as soon as nobody
// removes that object.
func (a *Vault) refer(p store.Pending, receive func(context.Context, store.Pending, string) (bool, error)) (bool, error) {
	dead := ""
	for {
		// Also when the downloads are being cut: this one has arrived.
		mine, err := receive(context.WithoutCancel(a.ctx), p, dead)
		var busy *store.BusyError
		if !errors.As(err, &busy) {
			return mine, err
		}
		if dead = busy.Process; !a.deleteStill(p.SHA256, dead) {
			continue
		}
		dead = ""
		select {
		case <-a.ctx.Done():
			return false, context.Cause(a.ctx)
		case <-time.After(minPoll):
		}
	}
}

// order makes steps 4 and 5 beside, if nobody does.
func (a *Vault) order(p store.Pending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, moving := a.moves[p.Partial]; moving || a.closing {
		return
	}
	a.wg.Go(func() { a.move(p) })
}

// announce enters a move that begins later. It returns false when there is one.
func (a *Vault) announce(p store.Pending) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, moving := a.moves[p.Partial]; moving {
		return false
	}
	a.moves[p.Partial] = &move{bytes: p.Bytes, end: make(chan struct{})}
	return true
}

// over ends the move of p.
func (a *Vault) over(p store.Pending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.moves[p.Partial].end)
	delete(a.moves, p.Partial)
	if len(a.moves) == 0 {
		a.refusal = nil // nobody would find out that it takes them again
	}
}

// move makes steps 4 and 5 until they succeed or the gateway goes down.
func (a *Vault) move(p store.Pending) {
	a.announce(p)
	a.mu.Lock()
	m := a.moves[p.Partial]
	begun := m == nil || m.begun
	if !begun {
		m.begun = true
	}
	a.mu.Unlock()
	if begun {
		return
	}
	if err := a.insist("a whole package cannot be put into storage yet", func() error { return a.save(p) }); err != nil {
		a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package is not in storage; its file stays until the next start")
	}
	a.over(p)
}

func (a *Vault) save(p store.Pending) error {
	a.uploads <- struct{}{}
	defer func() { <-a.uploads }()
	if err := a.ofNothing(); err != nil {
		return err
	}
	path := a.store.Folder.Path(p.Partial)
	a.step("paquete-recibido")
	if err := a.deposit(p, path); err != nil {
		return err
	}
	a.step("paquete-guardado")
	if _, err := a.store.Paquetes.Complete(context.WithoutCancel(a.ctx), p.Paquete, p.Partial); err != nil {
		return err
	}
	// Also where the row is another's by now: then the package is there twice.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.log.Warn().Err(err).Msg("the local file of a stored package could not be removed")
	}
	return nil
}

// deposit makes step 4. What was hashed as it arrived counts as read.
func (a *Vault) deposit(p store.Pending, path string) error {
	info, errInfo := os.Stat(path)
	v, err := a.store.Blobs.Verification(a.ctx, p.SHA256)
	save := a.depot.Save
	if v.Damage != "" {
		save = a.depot.Restore
	}
	if err == nil {
		var written bool
		written, err = save(a.ctx, p.SHA256, p.Bytes, path)
		a.hear(p, written, err)
	}
	if err != nil || errInfo != nil || p.Mark == "" || p.Mark != blobs.Mark(info) {
		return err
	}
	mark, err := a.depot.Mark(a.ctx, p.SHA256, p.Bytes)
	if err != nil {
		return err
	}
	return a.store.Blobs.RecordVerification(context.WithoutCancel(a.ctx), p.SHA256, mark, "")
}

// mark is a file's objetos.Mark; empty where that cannot be told.
func mark(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	return blobs.Mark(info)
}

// insist does something until it succeeds, or cannot succeed, or the gateway
// goes down.
func (a *Vault) insist(falla string, build func() error) error {
	for wait := minRetry; ; wait = min(2*wait, maxRetry) {
		err := build()
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return err
		}
		a.log.Warn().Err(err).Msg(falla)
		select {
		case <-a.close:
			return err
		case <-a.ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// finish makes step 5 for a package whose file is not on this machine, if the
// object is there; it waits for a move under way. It returns false when the file
// is another process's, or lost.
func (a *Vault) finish(ctx context.Context, paquete gateway.Paquete, row store.Paquete) (bool, error) {
	a.mu.Lock()
	moving, ok := a.moves[row.Partial]
	a.mu.Unlock()
	if ok {
		select {
		case <-moving.end:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
		return true, nil
	}
	if row.Fly != a.cluster.ID() && a.cluster.Alive(row.Fly) {
		return false, nil
	}
	if ok, err := a.depot.Exist(ctx, row.SHA256, row.Bytes); err != nil || !ok {
		return false, err
	}
	_, err := a.store.Paquetes.Complete(context.WithoutCancel(ctx), paquete, row.Partial)
	return err == nil, err
}

// recognise takes over the files that an earlier process has received whole and
// not entered in the ledger, if they hold what their names say.
func (a *Vault) recognise(ctx context.Context) error {
	whole, err := a.store.Folder.Wholes(ctx)
	if err != nil {
		return err
	}
	for _, p := range whole {
		path := a.store.Folder.Path(p.Partial)
		taken, err := a.recogniseOne(ctx, path, &p)
		if err != nil {
			return err
		}
		if taken {
			a.order(p)
		} else if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// recogniseOne enters p, whose file lies at path, if that holds what its name says and
// nothing better is kept.
func (a *Vault) recogniseOne(ctx context.Context, path string, p *store.Pending) (bool, error) {
	sum, n, broken, err := check(path)
	if err != nil || sum != p.SHA256 {
		return false, err
	}
	row, err := a.store.Paquetes.Get(ctx, p.Paquete)
	if err != nil {
		return false, err
	}
	f, err := os.Open(path) //nolint:gosec // a package of ours
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // read only
	p.Bytes, p.Fly, p.Mark = n, a.cluster.ID(), mark(f)
	if broken {
		p.Doubt = store.Doubt{Dubious: notZIP, Broken: true}
	}
	wins, same, err := a.weigh(ctx, p.Paquete, row, entrega{f: f, bytes: n, sha256: sum, doubt: p.Doubt})
	switch {
	case err != nil:
		return false, err
	case same:
		return false, a.store.Paquetes.RecordEqual(ctx, p.Paquete)
	case !wins:
		return false, nil
	}
	return a.refer(*p, a.store.Paquetes.Adopt)
}

// resume goes on with what earlier processes have left undone.
func (a *Vault) resume(pending []store.Pending) {
	for _, p := range pending {
		if err := a.pickUp(p); err != nil {
			a.log.Error().Err(err).Str("idPaquete", p.IDPaquete).Msg("a whole package of an earlier process could not be taken over")
		}
	}
	if err := a.Collect(a.ctx); err != nil && a.ctx.Err() == nil {
		a.log.Warn().Err(err).Msg("objects that no package refers to could not be removed yet")
	}
}

// pickUp goes on with one package that an earlier process received whole.
func (a *Vault) pickUp(p store.Pending) error {
	_, err := os.Stat(a.store.Folder.Path(p.Partial))
	if err == nil {
		// So that other gateways wait for it instead of downloading it again.
		if _, err := a.store.Paquetes.Take(a.ctx, p, a.cluster.ID()); err != nil {
			return err
		}
		a.order(p)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = a.finish(a.ctx, p.Paquete, store.Paquete{SHA256: p.SHA256, Bytes: p.Bytes, Partial: p.Partial, Fly: p.Fly})
	return err
}
