package transport

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
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

// A file that comes coded is refused before a byte of it reaches the disk: 8 MB of one
// letter are 8 KB on the wire.
func TestDo_WhenAFileComesCoded(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.WriteString(z, packageStart+strings.Repeat("QUJD", 2<<20)+packageEnd) //nolint:errcheck // memory
	z.Close()                                                                //nolint:errcheck // memory
	op := request(false)
	op.Stream = []string{"Paquete"}
	for _, coding := range []string{"gzip", "GZIP", "x-gzip", "identity, gzip", "br", "zstd", "deflate"} {
		var asked string
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			asked = req.Header.Get("Accept-Encoding")
			w.Header().Set("Content-Encoding", coding)
			w.Write(bomb.Bytes()) //nolint:errcheck // a test's server
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
