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
	errRechaza = errors.New("paquetes: the storage refuses")
	errColmado = errors.New("paquetes: too much waits for the storage")
)

// mudanza is a package on its way into storage.
type mudanza struct {
	bytes int64
	// fin is closed at its end.
	fin chan struct{}
}

// espera is what waits for the storage on this machine.
type espera struct {
	paquetes int
	bytes    int64
	// rechazo is why the storage does not take it; nil while it does.
	rechazo error
}

// enEspera returns what waits for the storage. a.mu is held.
func (a *Almacen) enEspera() espera {
	e := espera{paquetes: len(a.mudanzas), rechazo: a.rechazo}
	for _, m := range a.mudanzas {
		e.bytes += m.bytes
	}
	return e
}

// admite tells why nothing more may come now because of what waits already. a.mu is held.
func (a *Almacen) admite() error {
	e := a.enEspera()
	if e.rechazo != nil {
		return fmt.Errorf("%w: %w", errRechaza, e.rechazo)
	}
	if !a.deposito.Otro() {
		return nil // it needs no room twice
	}
	libre, _, err := a.store.Disco()
	if err == nil && e.bytes > libre {
		err = fmt.Errorf("%w: %d packages of %d bytes, and %d bytes are free", errColmado, e.paquetes, e.bytes, libre)
	}
	return err
}

// oye enters what the storage has said to p. Where it refuses p and takes as many other
// bytes, that is p's own trouble and keeps nobody waiting.
func (a *Almacen) oye(p store.Pendiente, escrito bool, err error) {
	if err == nil && !escrito || errors.Is(err, fs.ErrNotExist) {
		return // the object was there before, or the file is gone: it has taken no write
	}
	a.anotaRechazo(err)
	if err != nil && a.deposito.Prueba(a.ctx, p.Bytes) == nil {
		a.anotaRechazo(nil)
	}
}

func (a *Almacen) anotaRechazo(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rechazo = err
}

// deNada tells why it is of no use to try the storage: it refuses, and the gateway is
// going down, whose next start finds what waits.
func (a *Almacen) deNada() error {
	if !a.cerrando() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rechazo
}
