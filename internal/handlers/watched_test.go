package handlers

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// An answer goes on while its key is good, and is cut within a second when it is not:
// a handler that took it for written would end it as a whole one.
func TestWatched_WhenTheKeyIsWithdrawnTheAnswerIsCut(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]func(w http.ResponseWriter) error{
		"by Write": func(w http.ResponseWriter) error { _, err := w.Write([]byte("x")); return err },
		"by Copy":  func(w http.ResponseWriter) error { _, err := io.Copy(w, bytes.NewBufferString("x")); return err },
		"a file in pieces": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(&io.LimitedReader{R: bytes.NewBufferString("x"), N: 1})
			return err
		},
		"a whole reader": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(io.LimitReader(bytes.NewBufferString("x"), storedPiece+1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked, gone := 0, false
				w := &watched{ResponseWriter: fileSender{httptest.NewRecorder()}, r: httptest.NewRequest(http.MethodGet, "/", nil), still: func(*http.Request) error {
					asked++
					if gone {
						return errNoKey
					}
					return nil
				}}
				write := func() (cut bool) {
					defer func() { cut = errors.Is(asError(recover()), http.ErrAbortHandler) }()
					if err := piece(w); err != nil {
						t.Error(err)
					}
					return false
				}
				time.Sleep(time.Hour) // what the answer took to begin is not asked for
				for range 30 {
					if write() {
						t.Fatal("cut while its key is good")
					}
					time.Sleep(askAgain / 10)
				}
				if asked == 0 || asked > 3 {
					t.Errorf("asked %d times in three seconds", asked)
				}
				gone = true
				time.Sleep(askAgain)
				if !write() {
					t.Error("it went on")
				}
			})
		})
	}
}

// fileSender takes files as net/http does.
type fileSender struct{ *httptest.ResponseRecorder }

func (f fileSender) ReadFrom(src io.Reader) (int64, error) { return io.Copy(f.Body, src) }

func asError(v any) error {
	err, _ := v.(error)
	return err
}
