package handlers

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	// bodiesRoom is what the bodies that are held in memory may take at a time, of all
	// callers: what reading and judging them takes is some times as much.
	bodiesRoom = 64 << 20
	// bodyFree is what each body takes without asking: all of the usual ones.
	bodyFree = 256 << 10
	// roomStep is what is asked for at a time, and roomWait for how long.
	roomStep = 1 << 20
	roomWait = 5 * time.Second
)

// room is the part of bodiesRoom that one request has. A nil one asks for none.
type room struct {
	of   *semaphore.Weighted
	wait time.Duration
	came int64 // bytes that are held
	has  int64 // of of
}

// grow makes sure of room for n bytes in all. It waits for others to end, and not for
// long: two that have a part each and wait for the rest must not do so for ever.
func (m *room) grow(ctx context.Context, n int64) error {
	for m.has < n-bodyFree {
		short, cancel := context.WithTimeout(ctx, m.wait)
		err := m.of.Acquire(short, roomStep)
		cancel()
		if err != nil {
			return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnCuerposAlTope, Retryable: true, Unsent: true, RetryAfter: roomWait, Err: err,
				Detail: "La pasarela ya tiene en memoria otros cuerpos grandes y no le cabe este; no se hizo nada. Repita en unos segundos, o envíe menos a la vez."}
		}
		m.has += roomStep
	}
	return nil
}

// free gives the room back. Nothing of the body is held any more.
func (m *room) free() {
	if m.has > 0 {
		m.of.Release(m.has)
	}
	m.has = 0
}

// reader returns r for who keeps in memory what it reads.
func (m *room) reader(ctx context.Context, r io.Reader) io.Reader {
	if m == nil {
		return r
	}
	return &roomed{r: r, ctx: ctx, room: m}
}

type roomed struct {
	r    io.Reader
	ctx  context.Context //nolint:containedctx // of the request that is read
	room *room
}

func (r *roomed) Read(p []byte) (int, error) {
	if err := r.room.grow(r.ctx, r.room.came+int64(len(p))); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	r.room.came += int64(n)
	return n, err
}
