package store

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// huecoUsual is the room that a package needs of which nothing is known, and
	// pisoUsual what stays free beside it, for the ledger. On a small disk they are
	// these parts of it.
	huecoUsual, huecoParte = 64 << 20, 4
	pisoUsual, pisoParte   = 16 << 20, 16
	// prueba is what is written and synced to see that the disk takes writes.
	prueba = 4096
)

// ErrSinLugar says that the disk has not the room that was asked for.
var ErrSinLugar = errors.New("store: the disk is too full")

// Disco is what the disk of the packages on their way has free, and its size.
func (s *Store) Disco() (libre, total int64, err error) { return disco(s.partial()) }

// Lugar is what that disk has free, and what it must have for Seguro to take so many bytes.
func (s *Store) Lugar(bytes int64) (libre, necesarios int64, err error) {
	libre, hueco, piso, err := s.lugar(bytes)
	return libre, hueco + piso, err
}

// lugar is what the disk has free, the room that so many bytes are given, and what stays
// free beside it.
func (s *Store) lugar(bytes int64) (libre, hueco, piso int64, err error) {
	libre, total, err := s.Disco()
	if err != nil {
		return 0, 0, 0, fmt.Errorf("store: %w", err)
	}
	return libre, max(bytes, min(huecoUsual, total/huecoParte)), min(pisoUsual, total/pisoParte), nil
}

// Seguro is Parcial for what can be had so many times and no more: nothing that a
// system counts is asked for before it has returned. The file has taken a write that is
// synced, and has room for so many bytes, or for the usual size where that is more.
// After a failure of this machine aFondo sees first that so many can be written.
func (s *Store) Seguro(bytes int64, aFondo bool) (*os.File, error) {
	libre, hueco, piso, err := s.lugar(bytes)
	if err != nil {
		return nil, err
	}
	bytes = hueco
	if libre < bytes || libre-bytes < piso {
		return nil, fmt.Errorf("%w: %d bytes are free, and %d are needed with %d beside them", ErrSinLugar, libre, bytes, piso)
	}
	f, err := s.Parcial()
	if err != nil {
		return nil, err
	}
	escribe := int64(prueba)
	if aFondo {
		escribe = bytes
	}
	err = llena(f, escribe)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		// Before the room is taken: to cut a file gives back what lies beyond its end.
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = aparta(f, bytes)
	}
	if err == nil {
		err = s.SincronizaParciales()
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return f, nil
}

// devuelve gives back the room of f that its bytes do not need.
func devuelve(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(info.Size())
}

// llena writes n bytes.
func llena(f *os.File, n int64) error {
	bloque := make([]byte, min(n, 1<<20))
	for n > 0 {
		w, err := f.Write(bloque[:min(n, int64(len(bloque)))])
		if err != nil {
			return err
		}
		n -= int64(w)
	}
	return nil
}
