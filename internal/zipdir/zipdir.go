// Package zipdir reads ZIPs that are too long to be listed in memory: whether one
// is whole, and its entries one after the other.
//
// It exists because archive/zip holds every entry: the two hundred thousand of one
// package of the SAT would cost more than the whole gateway may. It refuses what
// no package of the SAT has: encryption, methods other than stored and deflated,
// entries that lie over each other, and contents far larger than their data.
package zipdir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The records of a ZIP that are read here (APPNOTE 4.3.12 to 4.3.16).
const (
	sigDirectory    = 0x02014b50
	sigEnd          = 0x06054b50
	sigEnd64        = 0x06064b50
	sigLocator64    = 0x07064b50
	lenDirectory    = 46
	lenEnd          = 22
	lenEnd64        = 56
	lenLocator64    = 20
	maxZipComment   = 1<<16 - 1
	unknown16       = 1<<16 - 1
	unknown32       = 1<<32 - 1
	directoryBuffer = 64 << 10
)

// ErrZip is a ZIP that is not whole, or is none.
var ErrZip = errors.New("zipdir: not a whole ZIP")

// directory is what the end of a ZIP says of its central directory.
type directory struct{ entries, size, offset uint64 }

// Check tells whether r holds a whole ZIP: an end record that closes the file,
// and a central directory of the promised length, count and place before it. Its
// errors are ErrZip or those of r.
func Check(r io.ReaderAt, size int64) error {
	end, err := findDirectory(r, size)
	if err != nil {
		return err
	}
	_, err = newHeaders(r, end, Mark{}).each(func(Entry) bool { return true })
	return err
}

func findDirectory(r io.ReaderAt, size int64) (directory, error) {
	end, at, err := findEnd(r, size)
	if err == nil && (end.offset > at || end.size != at-end.offset) {
		err = fmt.Errorf("%w: the central directory is not where its end says", ErrZip)
	}
	return end, err
}

// findEnd returns the end record and the offset at which the directory must end.
func findEnd(r io.ReaderAt, size int64) (directory, uint64, error) {
	tail := make([]byte, min(size, lenEnd+maxZipComment+lenLocator64))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return directory{}, 0, err
	}
	for i := len(tail) - lenEnd; i >= 0; i-- {
		i = bytes.LastIndex(tail[:i+4], []byte("PK\x05\x06"))
		if i < 0 {
			break
		}
		record := tail[i:]
		if int(binary.LittleEndian.Uint16(record[20:])) != len(record)-lenEnd {
			continue
		}
		found := directory{
			entries: uint64(binary.LittleEndian.Uint16(record[10:])),
			size:    uint64(binary.LittleEndian.Uint32(record[12:])),
			offset:  uint64(binary.LittleEndian.Uint32(record[16:])),
		}
		at := uint64(size) - uint64(len(record)) //nolint:gosec // a file's size is not negative
		if found.entries == unknown16 || found.size == unknown32 || found.offset == unknown32 {
			return findEnd64(r, at)
		}
		return found, at, nil
	}
	return directory{}, 0, fmt.Errorf("%w: no end of central directory", ErrZip)
}

// findEnd64 reads the ZIP64 end record, which stands before its locator.
func findEnd64(r io.ReaderAt, end uint64) (directory, uint64, error) {
	if end < lenLocator64+lenEnd64 {
		return directory{}, 0, fmt.Errorf("%w: no ZIP64 end", ErrZip)
	}
	var locator [lenLocator64]byte
	if _, err := r.ReadAt(locator[:], int64(end-lenLocator64)); err != nil { //nolint:gosec // below the file's size
		return directory{}, 0, err
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	if binary.LittleEndian.Uint32(locator[:]) != sigLocator64 || at > end-lenLocator64-lenEnd64 {
		return directory{}, 0, fmt.Errorf("%w: no ZIP64 locator", ErrZip)
	}
	var record [lenEnd64]byte
	if _, err := r.ReadAt(record[:], int64(at)); err != nil { //nolint:gosec // below the file's size
		return directory{}, 0, err
	}
	if binary.LittleEndian.Uint32(record[:]) != sigEnd64 {
		return directory{}, 0, fmt.Errorf("%w: no ZIP64 end", ErrZip)
	}
	return directory{
		entries: binary.LittleEndian.Uint64(record[32:]),
		size:    binary.LittleEndian.Uint64(record[40:]),
		offset:  binary.LittleEndian.Uint64(record[48:]),
	}, at, nil
}
