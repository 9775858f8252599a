package control

import (
	"io"
	"net"
	"net/http"
	"time"
)

// The defaults of Goteo when it was asked for without sizes.
const (
	gotaBytes  = 64
	gotaDemora = 100 * time.Millisecond
)

// maxSilencio bounds how long a call is held without an answer, by the real clock.
const maxSilencio = 10 * time.Minute

// Espera waits the Demora that comes before everything else; with Silencio, for ever. It does not return
// when the client gave up or the server ends: there is nobody to answer.
func (f Falla) Espera(r *http.Request) {
	demora := f.Demora
	switch {
	case f.Tipo == Silencio:
		demora = maxSilencio
	case f.Tipo == Goteo || demora <= 0:
		return
	}
	select {
	case <-time.After(demora):
		if f.Tipo != Silencio {
			return
		}
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// Corta ends the connection with a TCP reset and does not return. Where there is no connection to take
// over, as in a recorder, the handler is aborted.
func Corta(w http.ResponseWriter) {
	conexion, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conexion.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conexion.Close()
	panic(http.ErrAbortHandler)
}

// Estropea puts in the way of a body the faults that touch any body: Corte and Goteo.
func (f Falla) Estropea(w http.ResponseWriter) io.Writer {
	switch f.Tipo {
	case Corte:
		return &cortador{w: w, quedan: f.Bytes}
	case Goteo:
		g := &gotero{w: w, bytes: int(f.Bytes), demora: f.Demora}
		if g.bytes == 0 {
			g.bytes = gotaBytes
		}
		if g.demora == 0 {
			g.demora = gotaDemora
		}
		return g
	}
	return w
}

// cortador ends the connection after some bytes, in the middle of a write if need be.
type cortador struct {
	w      http.ResponseWriter
	quedan int64
}

func (c *cortador) Write(b []byte) (int, error) {
	if int64(len(b)) < c.quedan {
		c.quedan -= int64(len(b))
		return c.w.Write(b)
	}
	_, _ = c.w.Write(b[:c.quedan])
	_ = http.NewResponseController(c.w).Flush()
	panic(http.ErrAbortHandler)
}

// gotero lets the body out drop by drop.
type gotero struct {
	w      http.ResponseWriter
	bytes  int
	demora time.Duration
}

func (g *gotero) Write(b []byte) (int, error) {
	escritos := 0
	for len(b) > 0 {
		gota := b[:min(g.bytes, len(b))]
		n, err := g.w.Write(gota)
		escritos += n
		if err != nil {
			return escritos, err
		}
		if err := http.NewResponseController(g.w).Flush(); err != nil {
			return escritos, err
		}
		time.Sleep(g.demora)
		b = b[len(gota):]
	}
	return escritos, nil
}
