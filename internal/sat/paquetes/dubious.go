package paquetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// What the SAT delivers is kept also when it is broken: it delivers no third time.
// A delivery is doubtful when it is no whole ZIP, or when whoever reads it finds
// entries in it that cannot be read (Repeat). Only a doubtful one can be replaced, by a better.

const notZIP = "Lo que entregó el SAT no es un ZIP completo."

// entrega is a delivery that lies in a file.
type entrega struct {
	f      io.ReaderAt
	bytes  int64
	sha256 string
	doubt  store.Doubt
}

// weigh tells whether e takes the place of what row has, and whether it is the same.
func (a *Vault) weigh(ctx context.Context, paquete gateway.Paquete, row store.Paquete, e entrega) (wins, same bool, err error) {
	switch {
	case !row.Deleted.IsZero():
		return false, false, nil
	case !row.Complete && !a.inDisk(row.Partial):
		// Nothing is, or it lies on the disk of a gateway that is dead.
		return true, false, nil
	case row.SHA256 == e.sha256:
		return false, true, nil
	case row.Dubious == "":
		return false, false, nil
	case e.doubt.Broken:
		// Of two that cannot be read the longer may be mended the further.
		return row.Broken && e.bytes > row.Bytes, false, nil
	case row.Broken:
		return true, false, nil
	case a.readable == nil:
		return false, false, nil
	}
	wins, err = a.isReadFurther(ctx, paquete, e)
	return wins, false, err
}

func (a *Vault) inDisk(partial string) bool {
	if partial == "" {
		return false
	}
	_, err := os.Stat(a.store.Folder.Path(partial))
	return err == nil
}

// isReadFurther tells whether more can be read in e than in what is kept, or as much with
// less that cannot be read.
func (a *Vault) isReadFurther(ctx context.Context, paquete gateway.Paquete, e entrega) (more bool, err error) {
	defer func() {
		// No handler stands above a flight.
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %T", r)
		}
	}()
	kept, err := a.Read(ctx, paquete)
	if errors.Is(err, gateway.ErrDamagedPaquete) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer kept.Close() //nolint:errcheck // read only
	before, bad, err := a.readable(kept, kept.Size)
	if err != nil {
		return false, err
	}
	now, remain, err := a.readable(e.f, e.bytes)
	return now > before || now == before && remain < bad, err
}

// setAside keeps the bytes of a flight that ended without a whole ZIP. broken says that
// the delivery came to its end all the same. It returns false when there is nothing
// to keep, or something better is kept.
func (a *Vault) setAside(ctx context.Context, paquete gateway.Paquete, v *flight, broken bool) (store.Pending, bool) {
	end, ok := a.judge(ctx, paquete, v, broken)
	if !ok {
		return end, false
	}
	var err error
	end.Partial, err = a.store.Folder.MakeWhole(v.file, paquete, end.SHA256)
	kept, err := a.enter(&end, v, err)
	return end, kept && err == nil
}

func (a *Vault) judge(ctx context.Context, paquete gateway.Paquete, v *flight, broken bool) (p store.Pending, wins bool) {
	p = store.Pending{Paquete: paquete, Bytes: v.size, Fly: a.cluster.ID(), BrokenDelivery: broken,
		Doubt: store.Doubt{Dubious: notZIP, Broken: true}}
	if !broken {
		p.Dubious = "La entrega del SAT se cortó y esta es la parte que llegó."
	}
	if v.size == 0 {
		return p, false
	}
	var err error
	if p.SHA256, err = sumOf(v.file, v.size); err == nil {
		_, wins, err = a.compare(ctx, paquete, entrega{f: v.file, bytes: v.size, sha256: p.SHA256, doubt: p.Doubt})
	}
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("a doubtful package could not be kept")
	}
	return p, wins && err == nil
}

// compare is weigh until it can be told: neither the ledger nor the storage has to be
// there at this moment, and what has come is not given up for that. It enters that e is
// what is kept, where it is.
func (a *Vault) compare(ctx context.Context, paquete gateway.Paquete, e entrega) (previous store.Paquete, wins bool, err error) {
	durable := context.WithoutCancel(ctx)
	err = a.insist("what has come cannot be held against what is kept yet", func() error {
		var same bool
		var err error
		if previous, err = a.store.Paquetes.Get(durable, paquete); err == nil {
			wins, same, err = a.weigh(durable, paquete, previous, e)
		}
		if err == nil && same {
			err = a.store.Paquetes.RecordEqual(durable, paquete)
		}
		return err
	})
	return previous, wins, err
}

func sumOf(f io.ReaderAt, n int64) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(f, 0, n)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Second is what the second download of a package with unreadable entries has come to.
type Second struct {
	// Done says that it was made, now or before.
	Done bool
	// Change says that it has taken the place of the first, Same that it is the same.
	Change, Same bool
}

// Repeat enters that a whole package which is kept has entries that cannot be read, and makes the
// second download if the SAT owes one. What of both lets more be read is kept. Errors
// are *gateway.Error, of the second download; the first stays.
func (a *Vault) Repeat(ctx context.Context, paquete gateway.Paquete, detail string) (Second, error) {
	row, err := a.store.Paquetes.Get(ctx, paquete)
	if err == nil && row.Has() && !row.Broken {
		err = a.store.Paquetes.RecordDoubt(context.WithoutCancel(ctx), paquete, row.SHA256, store.Doubt{Dubious: detail})
	}
	switch {
	case err != nil:
		return Second{}, internal(err)
	case !row.Has() || row.Broken || row.Descargas >= maxDescargas:
		return Second{Done: row.Descargas >= maxDescargas, Same: row.Equal}, nil
	}
	r, err := a.back(ctx, paquete)
	if err != nil {
		return Second{}, err
	}
	if err := a.land(ctx, r); err != nil {
		return Second{}, err
	}
	now, err := a.store.Paquetes.Get(ctx, paquete)
	if err != nil {
		return Second{}, internal(err)
	}
	return Second{Done: true, Change: now.SHA256 != row.SHA256, Same: now.Equal}, nil
}

// back starts the second flight of a package that is kept, or follows it.
func (a *Vault) back(ctx context.Context, paquete gateway.Paquete) (*reader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v, ok := a.flights[paquete.Only()]; ok {
		return v.newReader(ctx, false), nil
	}
	row, err := a.store.Paquetes.Get(ctx, paquete)
	switch {
	case err != nil:
		return nil, internal(err)
	case a.closing:
		return nil, gateway.ErrStopping
	}
	if err := a.mayFly(row); err != nil {
		return nil, err
	}
	return a.takeOff(ctx, paquete, row)
}

// OpenDubious is Open for whoever takes what is no whole ZIP too: it returns what is
// kept, whatever it is, and downloads only where nothing is.
func (a *Vault) OpenDubious(ctx context.Context, paquete gateway.Paquete) (Content, error) {
	saved, err := a.saved(ctx, paquete)
	if err != nil || saved != nil {
		return Content{Saved: saved}, err
	}
	return a.Open(ctx, paquete)
}

// OpenSaved returns what is kept and never downloads: what is no whole ZIP only if
// dubious. What is not here is an *Error of KindNoEncontrado.
func (a *Vault) OpenSaved(ctx context.Context, paquete gateway.Paquete, dubious bool) (Content, error) {
	kept := a.whole
	if dubious {
		kept = a.saved
	}
	saved, err := kept(ctx, paquete)
	if err == nil && saved == nil {
		err = absent()
	}
	return Content{Saved: saved}, err
}

// whole is saved without what is no whole ZIP.
func (a *Vault) whole(ctx context.Context, paquete gateway.Paquete) (*Saved, error) {
	g, err := a.saved(ctx, paquete)
	if err != nil || g == nil || !g.Broken {
		return g, err
	}
	return nil, g.Close()
}

// brokenExhausted is what is left to say of a package that the SAT owes no more.
func brokenExhausted(row store.Paquete) error {
	detail := "El SAT entregó este paquete las dos veces que permite y ninguna es un ZIP completo"
	if row.Equal {
		detail += ": son idénticas, byte por byte"
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5008", Mensaje: "Máximo de descargas permitidas",
		Detail: detail + ". La copia que quedó se obtiene con ?dudoso=true."}
}

// check reads a file that an earlier process has received: the SHA-256 in hexadecimal
// and the length of what it holds, and whether that is no whole ZIP.
func check(path string) (sum string, n int64, broken bool, err error) {
	f, err := os.Open(path) //nolint:gosec // a package of ours
	if err != nil {
		return "", 0, false, err
	}
	defer f.Close() //nolint:errcheck // read only
	hash := sha256.New()
	if n, err = io.Copy(hash, f); err != nil {
		return "", 0, false, err
	}
	if err = zipdir.Check(f, n); errors.Is(err, zipdir.ErrZip) {
		broken, err = true, nil
	}
	return hex.EncodeToString(hash.Sum(nil)), n, broken, err
}

// delay is how long the object of a delivery that another has replaced may wait to
// be removed: the next start finds it too.
const delay = time.Minute

// withdraw removes the object of a delivery that another has replaced.
func (a *Vault) withdraw(previous store.Paquete, sum string) {
	if !previous.Complete || previous.SHA256 == sum {
		return
	}
	ctx, cancel := context.WithTimeout(a.ctx, delay)
	defer cancel()
	if err := a.collect(ctx, previous.SHA256); err != nil {
		a.log.Warn().Err(err).Msg("a delivery that another has replaced could not be removed yet")
	}
}
