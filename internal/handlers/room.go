package handlers

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	// bodiesRoom is the memory for all callers' bodies together. Reading and checking
	// them takes a few times as much.
	bodiesRoom = 64 << 20
	// bodyFree is the size up to which a body needs no room: it covers the usual ones.
	bodyFree = 256 << 10
	// roomStep is the unit of room; roomWait is how long a request waits for one.
	roomStep = 1 << 20
	roomWait = 5 * time.Second
)

// room is one request's part of bodiesRoom. A nil room needs none.
type room struct {
	of   *semaphore.Weighted
	wait time.Duration
	came int64 // bytes in memory
	has  int64 // bytes acquired from of
}

// grow acquires room for n bytes in all. Its wait for other requests is bounded: two that
// hold a part each and wait for the rest would otherwise wait for ever.
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

// free returns the room once the body is no longer in memory.
func (m *room) free() {
	if m.has > 0 {
		m.of.Release(m.has)
	}
	m.has = 0
}

// reader returns a reader of r that acquires room for what is read.
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
