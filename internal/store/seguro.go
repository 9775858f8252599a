package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

const (
	// huecoUsual is the room that a package needs of which nothing is known, and
	// pisoUsual what stays free beside it, for the ledger. On a small disk they are
	// these parts of it; and mayorParte is the most of it that a guess may claim.
	huecoUsual, huecoParte = 64 << 20, 4
	pisoUsual, pisoParte   = 16 << 20, 16
	mayorParte             = 2
	// pisoMensaje is what SQLite's disk has free before a message leaves that must not
	// be sent twice: its answer is written there.
	pisoMensaje, mensajeParte = 1 << 20, 64
	// prueba is what is written and synced to see that the disk takes writes, and
	// pruebaAFondo the least of it after a failure of this machine.
	prueba, pruebaAFondo = 4096, 1 << 20
)

// ErrSinLugar says that the disk has not the room that was asked for.
var ErrSinLugar = errors.New("store: the disk is too full")

// Disco is what the disk of the packages on their way has free, and its size.
func (s *Store) Disco() (libre, total int64, err error) { return disk.Free(s.partial()) }

// Lugar is what that disk has free, and what it must have for Seguro to set h aside.
func (s *Store) Lugar(h Hueco) (libre, necesarios int64, err error) {
	libre, total, err := s.Disco()
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	return libre, h.bytes(total) + s.piso(total), nil
}

// Hueco is the room that a package needs here before it is asked for.
type Hueco struct {
	// Estimado is a guess, Visto what is known to be needed.
	Estimado, Visto int64
	// AFondo has all of Visto written and synced first, which is due after a failure of
	// this machine.
	AFondo bool
}

// bytes is h on a disk of that size.
func (h Hueco) bytes(total int64) int64 {
	return max(h.Visto, min(h.Estimado, total/mayorParte), min(huecoUsual, total/huecoParte))
}

// piso is what stays free for the ledger, on a disk of that size: nothing is fetched or
// taken below it.
func (s *Store) piso(total int64) int64 {
	if s.libre > 0 {
		return s.libre
	}
	return min(pisoUsual, total/pisoParte)
}

// Piso is what that disk has free, and what it keeps free.
func (s *Store) Piso() (libre, piso int64, err error) {
	libre, total, err := s.Disco()
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	return libre, s.piso(total), nil
}

// Queda fails where n bytes more would leave less free than what is kept.
func (s *Store) Queda(n int64) error {
	libre, piso, err := s.Piso()
	if err == nil && libre-n < piso {
		err = fmt.Errorf("%w: %d bytes are free, and %d of them stay so: %w", ErrSinLugar, libre, piso, syscall.ENOSPC)
	}
	return err
}

// Seguro is Parcial for what can be had so many times and no more: nothing that a
// system counts is asked for before it has returned. The file has gone the whole way of a
// package, and so many bytes are set aside for it.
func (s *Store) Seguro(h Hueco) (*os.File, int64, error) {
	libre, total, err := s.Disco()
	if err != nil {
		return nil, 0, fmt.Errorf("store: %w", err)
	}
	bytes := h.bytes(total)
	if piso := s.piso(total); libre < bytes || libre-bytes < piso {
		return nil, 0, fmt.Errorf("%w: %d bytes are free, and %d are needed with %d beside them", ErrSinLugar, libre, bytes, piso)
	}
	f, err := s.Parcial()
	if err != nil {
		return nil, 0, err
	}
	escribe := int64(prueba)
	if h.AFondo {
		escribe = min(max(h.Visto, pruebaAFondo), bytes)
	}
	err = ensaya(f, escribe)
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
		return nil, 0, fmt.Errorf("store: %w", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return f, bytes, nil
}

// cabe fails where SQLite's disk has not the room for the answer of a message, of which
// the intent alone would be on record.
func (s *Store) cabe() error {
	if s.Postgres() {
		return nil
	}
	libre, total, err := disk.Free(s.dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if piso := min(pisoMensaje, total/mensajeParte); libre < piso {
		return fmt.Errorf("%w: %d bytes are free for the ledger, and it keeps %d for what a message is answered: %w", ErrSinLugar, libre, piso, syscall.ENOSPC)
	}
	return nil
}

// Amplia sets aside twice the bytes that f, of Seguro, has outgrown, where as much stays
// free for another one. It reports whether it has.
func (s *Store) Amplia(f *os.File, bytes int64) bool {
	libre, total, err := s.Disco()
	return err == nil && bytes < total/mayorParte && libre-bytes >= 2*bytes+s.piso(total) && aparta(f, 2*bytes) == nil
}

// devuelve gives back the room of f that its bytes do not need.
func devuelve(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(info.Size())
}

// ensaya does with n bytes what will be done with a package: they are written, synced,
// read back and renamed. A disk may take the one and fail at another.
func ensaya(f *os.File, n int64) error {
	if err := errors.Join(llena(f, n), f.Sync()); err != nil {
		return err
	}
	if leidos, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, n)); err != nil || leidos != n {
		return fmt.Errorf("%d of %d bytes are read back: %w", leidos, n, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	otro := f.Name() + ".ensayo"
	if err := os.Rename(f.Name(), otro); err != nil {
		return err
	}
	if err := os.Rename(otro, f.Name()); err != nil {
		return errors.Join(err, os.Remove(otro))
	}
	return nil
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
