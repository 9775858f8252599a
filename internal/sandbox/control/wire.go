package control

import (
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
		return &cutter{w: w, remain: f.Bytes}
	case Goteo:
		g := &dripper{w: w, bytes: int(f.Bytes), delay: f.Delay}
		if g.bytes == 0 {
			g.bytes = dripBytes
		}
		if g.delay == 0 {
			g.delay = dripDelay
		}
		return g
	}
	return w
}

// cutter ends the connection after some bytes, in the middle of a write if need be.
type cutter struct {
	w      http.ResponseWriter
	remain int64
}

func (c *cutter) Write(b []byte) (int, error) {
	if int64(len(b)) < c.remain {
		c.remain -= int64(len(b))
		return c.w.Write(b)
	}
	_, _ = c.w.Write(b[:c.remain])
	_ = http.NewResponseController(c.w).Flush()
	panic(http.ErrAbortHandler)
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
