package paquetes

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// zipMagics are how a ZIP begins: with an entry, or with its end when empty.
var zipMagics = [][]byte{[]byte("PK\x03\x04"), []byte("PK\x05\x06")}

const magicLen = 4

// flight is one package on its way from the SAT: a file that grows at one end
// while any number of readers follow it. Readers see the bytes as they come and
// the end only once the package has been found whole.
type flight struct {
	// sheet is what the SAT's bytes are written through, to file.
	sheet *sheet
	file  *os.File

	mu      sync.Mutex
	moved   sync.Cond // on mu: something below has changed
	size    int64     // bytes written
	written bool      // all bytes are there; not yet found whole
	done    bool      // over: whole when err is nil
	err     error
	refs    int // readers and the fetch itself; the last closes file

	// begun is closed when readers may start: the first bytes are those of a
	// ZIP, or the flight is over.
	begun     chan struct{}
	beginOnce sync.Once
	// landed is closed when the flight is over and its package kept or lost.
	landed chan struct{}
}

func newFlight(h *sheet) *flight {
	v := &flight{sheet: h, file: h.File, refs: 1, begun: make(chan struct{}), landed: make(chan struct{})}
	v.moved.L = &v.mu
	return v
}

// Write appends what comes from the SAT. What does not begin like a ZIP no reader
// sees; it is received to its end, to be kept aside.
func (v *flight) Write(p []byte) (int, error) {
	n, err := v.sheet.Write(p)
	v.mu.Lock()
	v.size += int64(n)
	size := v.size
	v.mu.Unlock()
	if err != nil {
		return n, err
	}
	if size >= magicLen && size-int64(n) < magicLen {
		zip, err := v.checkMagic()
		if err != nil {
			return n, err
		}
		if zip {
			v.begin()
		}
	}
	v.moved.Broadcast()
	return n, nil
}

func (v *flight) checkMagic() (bool, error) {
	var head [magicLen]byte
	if _, err := v.file.ReadAt(head[:], 0); err != nil {
		return false, err
	}
	for _, magic := range zipMagics {
		if bytes.Equal(head[:], magic) {
			return true, nil
		}
	}
	return false, nil
}

func (v *flight) begin() { v.beginOnce.Do(func() { close(v.begun) }) }

// finishWriting tells the readers that wait for the bytes only.
func (v *flight) finishWriting() {
	v.mu.Lock()
	v.written = true
	v.mu.Unlock()
	v.moved.Broadcast()
}

// finish ends the flight: whole if err is nil.
func (v *flight) finish(err error) {
	v.mu.Lock()
	v.done, v.err = true, err
	v.mu.Unlock()
	v.begin()
	v.moved.Broadcast()
}

// over tells whether the flight is, and with which error.
func (v *flight) over() (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.done, v.err
}

func (v *flight) acquire() {
	v.mu.Lock()
	v.refs++
	v.mu.Unlock()
}

func (v *flight) release() {
	v.mu.Lock()
	v.refs--
	last := v.refs == 0
	v.mu.Unlock()
	if last {
		v.file.Close() //nolint:errcheck // read only by now; Conserva has synced what is kept
	}
}

// reader follows the flight from its first byte.
type reader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no other place for it
	v   *flight
	off int64
	// raw readers end when the bytes do; the others wait for the verdict.
	raw  bool
	stop func() bool
}

// newReader returns a reader that gives up when ctx does. Close it.
func (v *flight) newReader(ctx context.Context, raw bool) *reader {
	v.acquire()
	return &reader{ctx: ctx, v: v, raw: raw, stop: context.AfterFunc(ctx, v.wake)}
}

// wake holds the lock, or a reader between its look at ctx and its sleep would
// miss it.
func (v *flight) wake() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.moved.Broadcast()
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.wait(len(p))
	if err != nil || n == 0 {
		return 0, err
	}
	n, err = r.v.file.ReadAt(p[:n], r.off)
	r.off += int64(n)
	return n, err
}

// wait blocks until there is something to read and says how much of want.
func (r *reader) wait(want int) (int, error) {
	v := r.v
	v.mu.Lock()
	defer v.mu.Unlock()
	for {
		switch {
		case v.done && v.err != nil:
			// Nothing more is handed out of a package that failed.
			return 0, v.err
		case v.size > r.off:
			return int(min(v.size-r.off, int64(want))), nil
		case v.done, r.raw && v.written:
			return 0, io.EOF
		case r.ctx.Err() != nil:
			return 0, context.Cause(r.ctx)
		}
		v.moved.Wait()
	}
}

func (r *reader) Close() error {
	r.stop()
	r.v.release()
	return nil
}

// incomplete is what the readers of a flight get whose package is no whole ZIP.
func incomplete(err error) error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnZipIncompleto, Backend: "sat", Retryable: true, Err: err,
		Detail: "Lo que entregó el SAT no es un ZIP completo. Se guardó aparte y se obtiene con ?dudoso=true. El SAT permite dos descargas por paquete: repita una vez; si vuelve a ocurrir, presente una solicitud nueva."}
}
