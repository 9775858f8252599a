package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a network in memory: in a bubble of synctest real sockets stop the clock.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.dialed <- theirs
	return ours, nil
}

// inBubble runs f with a rig whose clock moves only when all wait.
func inBubble(t *testing.T, serve http.HandlerFunc, f func(t *testing.T, r *rig)) {
	t.Helper()
	credential() // its dates are of this clock
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
		r := &rig{}
		server := httptest.NewUnstartedServer(r.counts(func(w http.ResponseWriter, req *http.Request) {
			io.Copy(io.Discard, req.Body) //nolint:errcheck // until then nobody notices a caller that leaves
			serve(w, req)
		}))
		server.Listener.Close() //nolint:errcheck // a real one
		server.Listener = network
		server.Start()
		transport := &http.Transport{DialContext: network.dial}
		t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
		r.serves(server.URL, transport)
		f(t, r)
	})
}

func TestDo_WhenSilent(t *testing.T) {
	t.Parallel()
	for _, repeatable := range []bool{true, false} {
		silent := func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }
		inBubble(t, silent, func(t *testing.T, r *rig) {
			t.Helper()
			op, began := request(repeatable), time.Now()
			_, _, err := r.call(op, &tokens{}, nil)
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != ClassTimeout || !failed.Sent || r.calls.Load() != 1 {
				t.Errorf("repeatable %v: error %v after %d calls", repeatable, err, r.calls.Load())
			}
			if took := time.Since(began); took != op.Timeout {
				t.Errorf("repeatable %v: given up after %s", repeatable, took)
			}
		})
	}
}

func TestDo_WhenStreamStopsMoving(t *testing.T) {
	t.Parallel()
	const each, bytes = 45 * time.Second, 6
	drops := func(w http.ResponseWriter, req *http.Request) {
		for i := range bytes { // each byte starts the wait anew
			io.WriteString(w, packageStart[i:i+1]) //nolint:errcheck // a test's server
			w.(http.Flusher).Flush()
			time.Sleep(each)
		}
		<-req.Context().Done()
	}
	inBubble(t, drops, func(t *testing.T, r *rig) {
		t.Helper()
		op, began := request(false), time.Now()
		op.Stream = []string{"Paquete"}
		r.without(t, op, io.Discard, ClassTimeout)
		if took := time.Since(began); took != (bytes-1)*each+op.Timeout {
			t.Errorf("given up after %s", took)
		}
	})
}

// slow takes its time once, as a disk does that has no room for a while.
type slow struct {
	takes time.Duration
	one   sync.Once
}

func (l *slow) Write(p []byte) (int, error) {
	l.one.Do(func() { time.Sleep(l.takes) })
	return len(p), nil
}

// While the sink takes its time, the system has not been silent.
func TestDo_WhenTheSinkTakesItsTime(t *testing.T) {
	t.Parallel()
	file := func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, packageStart+strings.Repeat("QUJD", 2*blockSize)+packageEnd) //nolint:errcheck // a test's server
	}
	inBubble(t, file, func(t *testing.T, r *rig) {
		t.Helper()
		op := request(false)
		op.Stream = []string{"Paquete"}
		if _, _, err := r.call(op, &tokens{}, &slow{takes: 3 * op.Timeout / 2}); err != nil {
			t.Errorf("error %v", err)
		}
	})
}

// A file that drips is never silent, and never comes. Nothing but text counts.
func TestDo_WhenAFileDrips(t *testing.T) {
	t.Parallel()
	head := strings.TrimSuffix(packageStart, "<Paquete>")
	for name, tc := range map[string]struct{ before, drop string }{
		"text":                    {packageStart, "QUJD"},
		"white space":             {packageStart + "QUJD", " "},
		"white space, much of it": {packageStart + "QUJD", strings.Repeat("\r\n", 8<<10)},
		"references to a blank":   {packageStart + "QUJD", strings.Repeat("&#32;", 4<<10)},
		"blanks before the text":  {head, " "},
	} {
		drips := func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, tc.before) //nolint:errcheck // a test's server
			for req.Context().Err() == nil {
				if _, err := io.WriteString(w, tc.drop); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		}
		inBubble(t, drips, func(t *testing.T, r *rig) {
			t.Helper()
			op, began := request(false), time.Now()
			op.Stream, op.Period, op.Least = []string{"Paquete"}, 200*time.Millisecond, 1<<20
			r.without(t, op, io.Discard, ClassTimeout)
			if took := time.Since(began); took >= 2*op.Period {
				t.Errorf("%s: ended after %s", name, took)
			}
		})
	}
}
