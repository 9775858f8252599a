package paquetes

import (
	"context"
	"os"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// placeWait is how long a flight waits at most for the disk to take what has come,
	// and what has come whole to be synced. The SAT waits meanwhile, or hangs up.
	placeWait = time.Hour
	// minTry and maxTry are how often it tries.
	minTry, maxTry = 50 * time.Millisecond, 2 * time.Second
)

// place is the disk that the flights of this process share. Each has what was set aside
// for it (store.Folder.Safe), and more where there is plenty. Beyond that one writes at a
// time: two that fill the last of the disk would wait for each other.
type place struct {
	folder store.Folder
	// turn is held by the one that writes beyond its own.
	turn chan struct{}
	wait time.Duration
	log  zerolog.Logger
}

// sheet is the file of a flight. What it cannot write now it writes later.
type sheet struct {
	*os.File
	ctx   context.Context //nolint:containedctx // io.Writer has no other place for it
	place *place
	// apart are the bytes that are set aside, written those written.
	apart, written int64
	turn           bool
	// max is how long a package may be.
	max int64
	// waited says that it has kept the SAT waiting, which may have hung up for that.
	waited bool
}

// Write implements io.Writer.
func (h *sheet) Write(p []byte) (int, error) {
	if h.written+int64(len(p)) > h.max {
		return 0, excessive(h.max, false)
	}
	if err := h.fit(int64(len(p))); err != nil {
		return 0, err
	}
	n := 0
	err := h.insist(func() error {
		if h.written+int64(len(p)) > h.apart {
			if err := h.place.folder.Remain(int64(len(p))); err != nil {
				return err
			}
		}
		m, err := h.File.Write(p[n:])
		n += m
		return err
	})
	h.written += int64(n)
	return n, err
}

// fit sees to it that n more bytes may be written.
func (h *sheet) fit(n int64) error {
	for !h.turn && h.written+n > h.apart {
		if h.place.folder.Widen(h.File, h.apart) {
			h.apart *= 2
			continue
		}
		select {
		case h.place.turn <- struct{}{}:
			h.turn = true
			continue
		default:
			h.waited = true
		}
		select {
		case h.place.turn <- struct{}{}:
			h.turn = true
		case <-h.ctx.Done():
			return context.Cause(h.ctx)
		case <-time.After(h.place.wait):
			return syscall.ENOSPC
		}
	}
	return nil
}

// release lets another one write beyond its own.
func (h *sheet) release() {
	if h.turn {
		h.turn = false
		<-h.place.turn
	}
}

// insist writes until the disk takes it.
func (h *sheet) insist(write func() error) error {
	end := time.Now().Add(h.place.wait)
	for wait := minTry; ; wait = min(2*wait, maxTry) {
		err := write()
		if err == nil || !gateway.Passes(err) || time.Now().After(end) {
			return err
		}
		if wait == minTry {
			h.place.log.Warn().Err(err).Msg("the disk does not take what comes from the SAT, which is kept waiting")
		}
		h.waited = true
		select {
		case <-h.ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
