package paquetes

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// What has come whole waits in its file until the storage has it. A storage that refuses,
// is full, hangs or is away costs nothing that way: what waits is served from its file and
// tried again. But nothing more is asked of the SAT while the storage's last word is a
// refusal, as what comes would lie on one machine only, and nobody knows for how long; and
// not while more waits than the disk has free, where the storage is slow. The next upload
// that it takes is the probe.

var (
	errReject = errors.New("paquetes: the storage refuses")
	errFull   = errors.New("paquetes: too much waits for the storage")
)

// move is a package on its way into storage.
type move struct {
	bytes int64
	begun bool
	// end is closed at its end.
	end chan struct{}
}

// wait is what waits for the storage on this machine.
type wait struct {
	paquetes int
	bytes    int64
	// refusal is why the storage does not take it; nil while it does.
	refusal error
}

// inWait returns what waits for the storage. a.mu is held.
func (a *Vault) inWait() wait {
	e := wait{paquetes: len(a.moves), refusal: a.refusal}
	for _, m := range a.moves {
		e.bytes += m.bytes
	}
	return e
}

// admit tells why nothing more may come now because of what waits already. a.mu is held.
func (a *Vault) admit() error {
	e := a.inWait()
	if e.refusal != nil {
		return fmt.Errorf("%w: %w", errReject, e.refusal)
	}
	if !a.depot.Other() {
		return nil // it needs no room twice
	}
	free, _, err := a.store.Folder.Disk()
	if err == nil && e.bytes > free {
		err = fmt.Errorf("%w: %d packages of %d bytes, and %d bytes are free", errFull, e.paquetes, e.bytes, free)
	}
	return err
}

// hear enters what the storage has said to p. Where it refuses p and takes as many other
// bytes, that is p's own trouble and keeps nobody waiting.
func (a *Vault) hear(p store.Pending, written bool, err error) {
	if err == nil && !written || errors.Is(err, fs.ErrNotExist) {
		return // the object was there before, or the file is gone: it has taken no write
	}
	a.recordRefusal(err)
	if err != nil && a.depot.Trial(a.ctx, p.Bytes) == nil {
		a.recordRefusal(nil)
	}
}

func (a *Vault) recordRefusal(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusal = err
}

// ofNothing tells why it is of no use to try the storage: it refuses, and the gateway is
// going down, whose next start finds what waits.
func (a *Vault) ofNothing() error {
	if !a.isClosing() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refusal
}
