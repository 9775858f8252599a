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
	// gapUsual is the room that a package needs of which nothing is known, and
	// floorUsual what stays free beside it, for the ledger. On a small disk they are
	// these parts of it; and greaterPart is the most of it that a guess may claim.
	gapUsual, gapPart     = 64 << 20, 4
	floorUsual, floorPart = 16 << 20, 16
	greaterPart           = 2
	// floorMensaje is what SQLite's disk has free before a message leaves that must not
	// be sent twice: its answer is written there.
	floorMensaje, mensajePart = 1 << 20, 64
	// trial is what is written and synced to see that the disk takes writes, and
	// deepTrial the least of it after a failure of this machine.
	trial, deepTrial = 4096, 1 << 20
)

// ErrWithoutPlace says that the disk has not the room that was asked for.
var ErrWithoutPlace = errors.New("store: the disk is too full")

// Disk is what the disk of the packages on their way has free, and its size.
func (s Folder) Disk() (free, total int64, err error) { return disk.Free(s.partial()) }

// Place is what that disk has free, and what it must have for Safe to set h aside.
func (s Folder) Place(h Gap) (free, needed int64, err error) {
	free, total, err := s.Disk()
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	return free, h.bytes(total) + s.floor(total), nil
}

// Gap is the room that a package needs here before it is asked for.
type Gap struct {
	// Estimated is a guess, Seen what is known to be needed.
	Estimated, Seen int64
	// Deep has all of Seen written and synced first, which is due after a failure of
	// this machine.
	Deep bool
}

// bytes is h on a disk of that size.
func (h Gap) bytes(total int64) int64 {
	return max(h.Seen, min(h.Estimated, total/greaterPart), min(gapUsual, total/gapPart))
}

// floor is what stays free for the ledger, on a disk of that size: nothing is fetched or
// taken below it.
func (s Folder) floor(total int64) int64 {
	if s.free > 0 {
		return s.free
	}
	return min(floorUsual, total/floorPart)
}

// Floor is what that disk has free, and what it keeps free.
func (s Folder) Floor() (free, floor int64, err error) {
	free, total, err := s.Disk()
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	return free, s.floor(total), nil
}

// Remain fails where n bytes more would leave less free than what is kept.
func (s Folder) Remain(n int64) error {
	free, floor, err := s.Floor()
	if err == nil && free-n < floor {
		err = fmt.Errorf("%w: %d bytes are free, and %d of them stay so: %w", ErrWithoutPlace, free, floor, syscall.ENOSPC)
	}
	return err
}

// Safe is Partial for what can be had so many times and no more: nothing that a
// system counts is asked for before it has returned. The file has gone the whole way of a
// package, and so many bytes are set aside for it.
func (s Folder) Safe(h Gap) (*os.File, int64, error) {
	free, total, err := s.Disk()
	if err != nil {
		return nil, 0, fmt.Errorf("store: %w", err)
	}
	bytes := h.bytes(total)
	if floor := s.floor(total); free < bytes || free-bytes < floor {
		return nil, 0, fmt.Errorf("%w: %d bytes are free, and %d are needed with %d beside them", ErrWithoutPlace, free, bytes, floor)
	}
	f, err := s.Partial()
	if err != nil {
		return nil, 0, err
	}
	write := int64(trial)
	if h.Deep {
		write = min(max(h.Seen, deepTrial), bytes)
	}
	err = rehearse(f, write)
	if err == nil {
		// Before the room is taken: to cut a file gives back what lies beyond its end.
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = setAside(f, bytes)
	}
	if err == nil {
		err = s.Sync()
	}
	if err != nil {
		return nil, 0, fmt.Errorf("store: %w", errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return f, bytes, nil
}

// fit fails where SQLite's disk has not the room for the answer of a message, of which
// the intent alone would be on record.
func (s *core) fit() error {
	if s.pool != nil {
		return nil
	}
	free, total, err := disk.Free(s.dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if floor := min(floorMensaje, total/mensajePart); free < floor {
		return fmt.Errorf("%w: %d bytes are free for the ledger, and it keeps %d for what a message is answered: %w", ErrWithoutPlace, free, floor, syscall.ENOSPC)
	}
	return nil
}

// Widen sets aside twice the bytes that f, of Safe, has outgrown, where as much stays
// free for another one. It reports whether it has.
func (s Folder) Widen(f *os.File, bytes int64) bool {
	free, total, err := s.Disk()
	return err == nil && bytes < total/greaterPart && free-bytes >= 2*bytes+s.floor(total) && setAside(f, 2*bytes) == nil
}

// giveBack gives back the room of f that its bytes do not need.
func giveBack(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(info.Size())
}

// rehearse does with n bytes what will be done with a package: they are written, synced,
// read back and renamed. A disk may take the one and fail at another.
func rehearse(f *os.File, n int64) error {
	if err := errors.Join(fillFile(f, n), f.Sync()); err != nil {
		return err
	}
	if read, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, n)); err != nil || read != n {
		return fmt.Errorf("%d of %d bytes are read back: %w", read, n, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	other := f.Name() + ".ensayo"
	if err := os.Rename(f.Name(), other); err != nil {
		return err
	}
	if err := os.Rename(other, f.Name()); err != nil {
		return errors.Join(err, os.Remove(other))
	}
	return nil
}

// fillFile writes n bytes.
func fillFile(f *os.File, n int64) error {
	block := make([]byte, min(n, 1<<20))
	for n > 0 {
		w, err := f.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return err
		}
		n -= int64(w)
	}
	return nil
}
