package control

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The defaults of Goteo when it was asked for without sizes.
const (
	dripBytes = 64
	dripDelay = 100 * time.Millisecond
)

// maxSilence bounds how long a call is held without an answer, by the real clock.
const maxSilence = 10 * time.Minute

// Wait waits the Delay that comes before everything else; with Silencio, for ever. It does not return
// when the client gave up or the server ends: there is nobody to answer.
func (f Falla) Wait(r *http.Request) {
	delay := f.Delay
	switch {
	case f.Tipo == Silencio:
		delay = maxSilence
	case f.Tipo == Goteo || delay <= 0:
		return
	}
	select {
	case <-time.After(delay):
		if f.Tipo != Silencio {
			return
		}
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// Instead answers what takes an answer's place alike in every system, and reports whether the call ended there.
// codigo counts it, and unavailable is the page of a system that has too much to do, with its Content-Type.
func (f Falla) Instead(w http.ResponseWriter, codigo func(string), tipo, unavailable string) bool {
	switch f.Tipo {
	case Reset:
		codigo("reset")
		Cut(w)
	case HTML503:
		codigo("HTTP 503")
		WriteHTML(w, http.StatusServiceUnavailable, tipo, unavailable)
	case Pagina:
		codigo(fmt.Sprintf("HTTP %d", f.HTTP))
		f.writePage(w)
	case Vacio:
		codigo("vacio")
		w.WriteHeader(http.StatusOK)
	default:
		return false
	}
	return true
}

// WriteHTML answers a page.
func WriteHTML(w http.ResponseWriter, status int, tipo, page string) {
	w.Header().Set("Content-Type", tipo)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, page)
}

// SpoilBase64 does to the base64 of a file what the fault asks.
func (f Falla) SpoilBase64(text string) string {
	cut := int(min(f.Bytes, int64(len(text))))
	switch f.Tipo {
	case Truncado:
		return text[:cut]
	case Base64Invalido:
		return text[:cut] + NoBase64 + text[cut:]
	}
	return text
}

// NoBase64 is what Base64Invalido puts in.
const NoBase64 = "*¡!*"

// ZipSize is the size of what ZipInvalido sends.
func (f Falla) ZipSize() int64 { return cmp.Or(f.Bytes, 1000) }

// Cut ends the connection with a TCP reset and does not return. Where there is no connection to take
// over, as in a recorder, the handler is aborted.
func Cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
	panic(http.ErrAbortHandler)
}

// Spoil puts in the way of a body the faults that touch any body: Corte and Goteo.
func (f Falla) Spoil(w http.ResponseWriter) io.Writer {
	switch f.Tipo {
	case Corte:
		// The connection ends in the middle of a write, if need be.
		return Turning(w, f.Bytes, func([]byte) error {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	case Goteo:
		return &dripper{w: w, bytes: int(cmp.Or(f.Bytes, dripBytes)), delay: cmp.Or(f.Delay, dripDelay)}
	}
	return w
}

// turning writes to w until so many bytes have passed, and hands what comes next to then, once.
type turning struct {
	w      io.Writer
	remain int64
	then   func(rest []byte) error
}

// Turning returns a writer that writes to w until n bytes have passed, and then hands the rest of that write to then.
// Where then returns no error, what follows goes to w again.
func Turning(w io.Writer, n int64, then func(rest []byte) error) io.Writer {
	return &turning{w, n, then}
}

func (t *turning) Write(b []byte) (int, error) {
	if t.then == nil || int64(len(b)) < t.remain {
		t.remain -= int64(len(b))
		return t.w.Write(b)
	}
	n, err := t.w.Write(b[:t.remain])
	if err != nil {
		return n, err
	}
	then := t.then
	t.then = nil
	return len(b), then(b[n:])
}

// dripper lets the body out drop by drop.
type dripper struct {
	w     http.ResponseWriter
	bytes int
	delay time.Duration
}

func (g *dripper) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		drip := b[:min(g.bytes, len(b))]
		n, err := g.w.Write(drip)
		written += n
		if err != nil {
			return written, err
		}
		if err := http.NewResponseController(g.w).Flush(); err != nil {
			return written, err
		}
		time.Sleep(g.delay)
		b = b[len(drip):]
	}
	return written, nil
}

// counting counts the bytes of a body.
type counting struct {
	http.ResponseWriter
	counters *Counters
}

// Writer returns w with its bytes counted.
func (c *Counters) Writer(w http.ResponseWriter) http.ResponseWriter { return counting{w, c} }

func (c counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.counters.Bytes(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack.
func (c counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }
