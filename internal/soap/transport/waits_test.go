package transport

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// held answers with head and keeps the connection; gone is told when the caller has
// closed it.
func held(t *testing.T, head string, gone chan<- struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()         //nolint:errcheck // a test's
		buffered.WriteString(head) //nolint:errcheck // Flush says it
		if err := buffered.Flush(); err != nil {
			t.Error(err)
		}
		io.Copy(io.Discard, conn) //nolint:errcheck // until the caller closes
		gone <- struct{}{}
	}
}

// A peer that switches protocols is given no connection to keep: the call ends at
// once, and not by its timeout, which ends no read of such an answer.
func TestDo_WhenThePeerSwitchesProtocols(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]Operation{"repeatable": request(true), "sent once": request(false), "streamed": {
		Backend: "sat", Name: "D", Namespace: "urn:d", Firma: FirmaRequest, Timeout: time.Hour, MaxAnswer: 4 << 10, Stream: []string{"Paquete"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 8)
			r := newRig(t, held(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: eco\r\n\r\n", gone))
			op.Timeout = time.Hour
			err := ends(t, func() error { _, _, err := r.call(op, &tokens{}, io.Discard); return err })
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != ClassHTTP || failed.Status != http.StatusSwitchingProtocols || !failed.Sent || r.calls.Load() != 1 {
				t.Errorf("%v after %d calls", err, r.calls.Load())
			}
			ends(t, func() error { <-gone; return nil }) //nolint:errcheck // it returns none
		})
	}
}

// Interim answers without end are cut at the operation's timeout, and those that
// come quickly at the bound of a header.
func TestDo_WhenInterimAnswersNeverEnd(t *testing.T) {
	t.Parallel()
	for name, pause := range map[string]time.Duration{"slowly": 20 * time.Millisecond, "quickly": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close() //nolint:errcheck // a test's
				for err == nil {
					_, err = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
					time.Sleep(pause)
				}
			})
			op := request(false)
			if pause > 0 {
				op.Timeout = 3 * time.Second
			}
			err := ends(t, func() error { _, _, err := r.call(op, &tokens{}, nil); return err })
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != ClassTimeout && failed.Class != ClassLost || !failed.Sent {
				t.Errorf("%v", err)
			}
		})
	}
}

// ends fails the test if f does not end.
func ends(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("it never ends")
		return nil
	}
}
