package handlers

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
)

const (
	// wholeBlock is the size of one read of a whole package; wholeBlocks is how many may
	// be in flight.
	wholeBlock  = 256 << 10
	wholeBlocks = 4
)

// storedWriter stands between http.ServeContent and the caller of a stored package. It
// hashes a whole package while sending it, and sends the last block only if the hash
// agrees, so that bytes other than those of the ETag are never served as the whole. It
// sends the header with the first bytes, so that an earlier failure is a problem.
type storedWriter struct {
	http.ResponseWriter
	r *http.Request
	g *paquetes.Saved
	// status is ServeContent's status, not sent yet.
	status int
	begun  bool
	err    error
}

func (w *storedWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		// In place of ServeContent's own text.
		w.err = &gateway.Error{Kind: gateway.KindRango, Own: gateway.OwnRangoImposible, Detail: "El encabezado Range pide bytes que el paquete no tiene."}
	}
	w.status = status
}

// begin sends the header.
func (w *storedWriter) begin() {
	if !w.begun && w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	w.begun = true
}

func (w *storedWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return len(p), nil //nolint:nilerr // what ServeContent says of it is not for the caller
	}
	w.begin()
	return w.ResponseWriter.Write(p)
}

// ReadFrom is called by ServeContent with the content.
func (w *storedWriter) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	switch {
	case w.err != nil:
		return io.Copy(io.Discard, src)
	case ok && limited.N == w.g.Bytes:
		return w.whole(src)
	case ok:
		return w.pieces(limited)
	}
	return io.Copy(struct{ io.Writer }{w}, src)
}

// pieces sends a part of a file piece by piece, each with its own deadline. The file is
// passed on unwrapped, so that the system sends it directly.
func (w *storedWriter) pieces(limited *io.LimitedReader) (total int64, err error) {
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{w}, limited)
	}
	w.begin()
	control := http.NewResponseController(w.ResponseWriter)
	for limited.N > 0 {
		control.SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // a test's recorder has none
		n, err := rf.ReadFrom(&io.LimitedReader{R: limited.R, N: min(limited.N, storedPiece)})
		total += n
		limited.N -= n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// whole sends the whole package. Another goroutine reads and hashes it, some blocks
// ahead.
func (w *storedWriter) whole(src io.Reader) (total int64, err error) {
	done := make(chan struct{})
	blocks, free, sum := hashed(src, done)
	defer func() {
		close(done)
		for range blocks {
			continue // until the reader has released the file
		}
	}()
	to := newPatient(w.ResponseWriter)
	var kept *block
	for b := range blocks {
		if kept != nil {
			w.begin()
			n, err := to.Write(kept.bytes)
			total += int64(n)
			if err != nil {
				return total, err // the caller left
			}
			free <- kept
		}
		kept = b
	}
	got := <-sum
	if got.err != nil {
		err = w.g.Unreadable(w.r.Context(), got.err)
	} else {
		err = w.g.Judge(w.r.Context(), got.sha256)
	}
	if err != nil {
		return total, w.cut(err)
	}
	w.begin()
	if kept == nil {
		return total, nil
	}
	n, err := to.Write(kept.bytes)
	return total + int64(n), err
}

// cut ends a failed answer: as a problem if nothing was sent, or else by closing the
// connection.
func (w *storedWriter) cut(err error) error {
	if !w.begun {
		w.Header().Del("Content-Range")
		w.err = err
		return err
	}
	if w.r.Context().Err() == nil {
		zerolog.Ctx(w.r.Context()).Error().Err(err).Msg("a package in storage failed; the answer is cut")
	}
	panic(http.ErrAbortHandler)
}

// block is a piece of a package.
type block struct {
	buf   [wholeBlock]byte
	bytes []byte
}

// digest is the hash of all blocks.
type digest struct {
	sha256 string
	err    error
}

// hashed reads and hashes src in blocks until its end, or until done is closed. It reuses
// the blocks that come back through free. After the last block, sum has the digest.
func hashed(src io.Reader, done <-chan struct{}) (blocks <-chan *block, free chan<- *block, sum <-chan digest) {
	out, back, result := make(chan *block, wholeBlocks), make(chan *block, wholeBlocks+1), make(chan digest, 1)
	for range wholeBlocks {
		back <- &block{}
	}
	go func() {
		defer close(out)
		hash := sha256.New()
		for {
			var b *block
			select {
			case b = <-back:
			case <-done:
				return
			}
			n, err := io.ReadFull(src, b.buf[:])
			hash.Write(b.buf[:n])
			if b.bytes = b.buf[:n]; n > 0 {
				out <- b
			}
			// By identity: a failure may wrap io.EOF.
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				result <- digest{sha256: fmt.Sprintf("%x", hash.Sum(nil))}
				return
			}
			if err != nil {
				result <- digest{err: err}
				return
			}
		}
	}()
	return out, back, result
}
