package handlers

import (
	"io"
	"net/http"
	"time"

	"github.com/rs/zerolog"
)

// askAgain is how often, during an answer, the caller's key is checked again.
const askAgain = time.Second

// watched is an answer that ends if the caller's key does: packages and rows may take
// hours. The connection is cut, so that no caller takes the part for the whole.
type watched struct {
	http.ResponseWriter
	r     *http.Request
	still func(*http.Request) error
	asked time.Time
}

// Unwrap gives http.ResponseController the writer below.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) Write(b []byte) (int, error) {
	w.ask()
	return w.ResponseWriter.Write(b)
}

// ReadFrom sends a file as the system does, if the caller sends it in pieces.
func (w *watched) ReadFrom(src io.Reader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if piece, limited := src.(*io.LimitedReader); !ok || !limited || piece.N > storedPiece {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	w.ask()
	return to.ReadFrom(src)
}

// ask cuts the answer if its key is no longer valid. It does not check an answer that has
// just begun.
func (w *watched) ask() {
	if w.asked.IsZero() {
		w.asked = time.Now()
	}
	if time.Since(w.asked) < askAgain {
		return
	}
	w.asked = time.Now()
	if err := w.still(w.r); err != nil {
		zerolog.Ctx(w.r.Context()).Warn().Err(err).Msg("the key of an answer is not good for it any more; the answer is cut")
		panic(http.ErrAbortHandler)
	}
}
