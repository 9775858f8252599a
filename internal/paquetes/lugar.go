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
	// esperaLugar is how long a flight waits at most for the disk to take what has come,
	// and what has come whole to be synced. The SAT waits meanwhile, or hangs up.
	esperaLugar = time.Hour
	// minProbar and maxProbar are how often it tries.
	minProbar, maxProbar = 50 * time.Millisecond, 2 * time.Second
)

// lugar is the disk that the flights of this process share. Each has what was set aside
// for it (store.Seguro), and more where there is plenty. Beyond that one writes at a
// time: two that fill the last of the disk would wait for each other.
type lugar struct {
	store *store.Store
	// turno is held by the one that writes beyond its own.
	turno  chan struct{}
	espera time.Duration
	log    zerolog.Logger
}

// hoja is the file of a flight. What it cannot write now it writes later.
type hoja struct {
	*os.File
	ctx   context.Context //nolint:containedctx // io.Writer has no other place for it
	lugar *lugar
	// aparte are the bytes that are set aside, escritos those written.
	aparte, escritos int64
	turno            bool
	// maximo is how long a package may be.
	maximo int64
	// espero says that it has kept the SAT waiting, which may have hung up for that.
	espero bool
}

// Write implements io.Writer.
func (h *hoja) Write(p []byte) (int, error) {
	if h.escritos+int64(len(p)) > h.maximo {
		return 0, excesivo(h.maximo, false)
	}
	if err := h.cabe(int64(len(p))); err != nil {
		return 0, err
	}
	n := 0
	err := h.insiste(func() error {
		if h.escritos+int64(len(p)) > h.aparte {
			if err := h.lugar.store.Queda(int64(len(p))); err != nil {
				return err
			}
		}
		m, err := h.File.Write(p[n:])
		n += m
		return err
	})
	h.escritos += int64(n)
	return n, err
}

// cabe sees to it that n more bytes may be written.
func (h *hoja) cabe(n int64) error {
	for !h.turno && h.escritos+n > h.aparte {
		if h.lugar.store.Amplia(h.File, h.aparte) {
			h.aparte *= 2
			continue
		}
		select {
		case h.lugar.turno <- struct{}{}:
			h.turno = true
			continue
		default:
			h.espero = true
		}
		select {
		case h.lugar.turno <- struct{}{}:
			h.turno = true
		case <-h.ctx.Done():
			return context.Cause(h.ctx)
		case <-time.After(h.lugar.espera):
			return syscall.ENOSPC
		}
	}
	return nil
}

// suelta lets another one write beyond its own.
func (h *hoja) suelta() {
	if h.turno {
		h.turno = false
		<-h.lugar.turno
	}
}

// insiste writes until the disk takes it.
func (h *hoja) insiste(escribe func() error) error {
	fin := time.Now().Add(h.lugar.espera)
	for espera := minProbar; ; espera = min(2*espera, maxProbar) {
		err := escribe()
		if err == nil || !gateway.Passes(err) || time.Now().After(fin) {
			return err
		}
		if espera == minProbar {
			h.lugar.log.Warn().Err(err).Msg("the disk does not take what comes from the SAT, which is kept waiting")
		}
		h.espero = true
		select {
		case <-h.ctx.Done():
			return err
		case <-time.After(espera):
		}
	}
}
