package handlers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pace"
)

// An upload that moves and brings next to nothing is ended, and so is one that stands still.
func TestUpload_WhenItIsTooSlow(t *testing.T) {
	t.Parallel()
	for name, drips := range map[string]bool{"it drips": true, "it stands still": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := receiver(t)
			server := httptest.NewServer(wrap(func(w http.ResponseWriter, r *http.Request) error {
				body := &paced{r: r.Body, control: http.NewResponseController(w), until: time.Now().Add(time.Hour), pace: pace.Pace{Period: 300 * time.Millisecond, Least: 1 << 20}}
				up, err := h.receiveFrom(body, r, "lote.zip")
				body.done(err)
				if up != nil {
					up.Close()
				}
				return err
			}))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()                                                                                                            //nolint:errcheck // a test's
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: 90000000\r\n\r\nPK\x03\x04") //nolint:errcheck // the answer tells
			over := make(chan struct{})
			defer close(over)
			go func() {
				for drips {
					select {
					case <-over:
						return
					case <-time.After(10 * time.Millisecond):
						conn.Write([]byte("x")) //nolint:errcheck // the answer tells
					}
				}
			}()
			answered := bufio.NewReader(conn)
			resp, err := http.ReadResponse(answered, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // a test's
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "cuerpo-lento") || !resp.Close {
				t.Errorf("%d, close %v, %s, %v", resp.StatusCode, resp.Close, text, err)
			}
			// What is left of the body keeps nobody.
			if _, err := io.Copy(io.Discard, answered); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Error(err)
			}
			empty(t, dir)
		})
	}
}

// deadlines notes what an answer's connection is told.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = append(d.read, at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = append(d.write, at)
	return nil
}

// An upload is watched from its first byte. One that was refused at its beginning may have
// the rest of its body come drop by drop, which net/http waits for.
func TestUpload_WhenItEndsItsDeadlineFitsWhatComes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body    string
		refused bool
	}{"taken": {`{"archivoBase64":"QUJD"}`, false}, "refused": {`{"otro":1,`, true}} {
		h, _ := receiver(t)
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", "application/json")
		began := time.Now()
		up, err := h.receiveAny(w, r, "")
		if (err != nil) != tc.refused {
			t.Fatalf("%s: %v", name, err)
		}
		if up != nil {
			up.Close()
		}
		if len(w.read) < 2 || w.read[0].IsZero() || w.read[0].Sub(began) > uploadPeriod+time.Minute {
			t.Fatalf("%s: told %v", name, w.read)
		}
		last := w.read[len(w.read)-1]
		if tc.refused == last.IsZero() || tc.refused && time.Until(last) > slowBody {
			t.Errorf("%s: the last deadline is %v", name, last)
		}
	}
}

// Of a body that came too slowly the rest is not waited for.
func TestProblem_WhenTheBodyIsSlowTheConnectionCloses(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	writeProblem(w, httptest.NewRequest(http.MethodPost, "/", http.NoBody), unreadable(pace.ErrSlow, ""))
	if w.Code != http.StatusRequestTimeout || w.Header().Get("Connection") != "close" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A caller who takes nothing of an answer is let go, whatever the answer is.
func TestAnswers_WhenTheCallerStalls(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"JSON":    func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, "x") }, //nolint:errcheck // a recorder's
		"problem": func(w http.ResponseWriter, r *http.Request) { writeProblem(w, r, gateway.ErrStopping) },
		"pieces":  func(w http.ResponseWriter, _ *http.Request) { newPatient(w).Write([]byte("x")) }, //nolint:errcheck // a recorder's
	} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		answer(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if len(w.write) != 1 || time.Until(w.write[0]) <= 0 || time.Until(w.write[0]) > stalledCaller {
			t.Errorf("%s: told %v", name, w.write)
		}
	}
}
