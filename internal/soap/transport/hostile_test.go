package transport

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted is a sink that keeps nothing.
type counted struct{ n atomic.Int64 }

func (c *counted) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// without says that a stream ended in class, after as many calls as one.
func (r *rig) without(t *testing.T, op Operation, sink io.Writer, class Class) {
	t.Helper()
	_, _, err := r.call(op, &tokens{}, sink)
	var failed *Error
	if !errors.As(err, &failed) || failed.Class != class || !failed.Sent || r.calls.Load() != 1 {
		t.Errorf("error %v after %d calls, want class %s", err, r.calls.Load(), class)
	}
}

// TestDo_WhenAFileComesCoded: 200 MB of one letter are 200 KB on the wire.
func TestDo_WhenAFileComesCoded(t *testing.T) {
	t.Parallel()
	bomb := func(w http.ResponseWriter, coding string) {
		w.Header().Set("Content-Encoding", coding)
		w.(http.Flusher).Flush() // what is packed may take its time
		z := gzip.NewWriter(w)
		text := strings.Repeat("QUJD", 1<<18)
		io.WriteString(z, packageStart) //nolint:errcheck // a test's server
		for range 200 {
			if _, err := io.WriteString(z, text); err != nil {
				return
			}
		}
		io.WriteString(z, packageEnd) //nolint:errcheck // see above
		z.Close()                     //nolint:errcheck // see above
	}
	op := request(false)
	op.Stream = []string{"Paquete"}
	for _, coding := range []string{"gzip", "GZIP", "x-gzip", "identity, gzip", "br", "zstd", "deflate"} {
		var asked string
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			asked = req.Header.Get("Accept-Encoding")
			bomb(w, coding)
		})
		sink := &counted{}
		r.without(t, op, sink, ClassCoded)
		if sink.n.Load() != 0 || asked != "identity" {
			t.Errorf("%s: %d bytes reached the disk; %q was asked for", coding, sink.n.Load(), asked)
		}
	}
	for _, coding := range []string{"identity", "Identity", ""} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			io.WriteString(w, packageStart+"QUJD"+packageEnd) //nolint:errcheck // a test's server
		})
		if _, _, err := r.call(op, &tokens{}, io.Discard); err != nil {
			t.Errorf("%q: %v", coding, err)
		}
	}
}

// TestDo_WhenARefusalComesCoded it is read as ever: it is bounded, and a fault says that
// nothing was counted.
func TestDo_WhenARefusalComesCoded(t *testing.T) {
	t.Parallel()
	op := request(false)
	op.Stream = []string{"Paquete"}
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusInternalServerError)
		z := gzip.NewWriter(w)
		io.WriteString(z, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:X</faultcode></s:Fault></s:Body></s:Envelope>`) //nolint:errcheck // a test's server
		z.Close()                                                                                                                                                        //nolint:errcheck // see above
	})
	r.without(t, op, io.Discard, ClassFault)
}

// TestDo_WhenAFileDrips: it is never silent, and never comes. Nothing but text counts.
func TestDo_WhenAFileDrips(t *testing.T) {
	t.Parallel()
	op := request(false)
	op.Stream, op.Timeout, op.Period, op.Least = []string{"Paquete"}, time.Minute, 200*time.Millisecond, 1<<20
	head := strings.TrimSuffix(packageStart, "<Paquete>")
	for name, tc := range map[string]struct{ before, drop string }{
		"text":                  {packageStart, "QUJD"},
		"white space":           {packageStart + "QUJD", " "},
		"white space, at once":  {packageStart + "QUJD", strings.Repeat("\r\n", 8<<10)},
		"references to a blank": {packageStart + "QUJD", strings.Repeat("&#32;", 4<<10)},
		"before the text":       {head, " "},
	} {
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			io.WriteString(w, tc.before) //nolint:errcheck // a test's server
			for req.Context().Err() == nil {
				if _, err := io.WriteString(w, tc.drop); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				if len(tc.drop) < 1<<10 {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
		began := time.Now()
		r.without(t, op, io.Discard, ClassTimeout)
		if took := time.Since(began); took > op.Timeout {
			t.Errorf("%s: ended after %s, by silence", name, took)
		}
	}
}
