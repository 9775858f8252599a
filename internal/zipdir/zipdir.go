// Package zipdir reads ZIPs whose directory is too long to hold in memory: whether a ZIP
// is complete, and its entries one after the other.
//
// archive/zip holds every entry in memory: the two hundred thousand of one SAT package
// would cost more than the gateway's whole budget.
//
// If the directory is complete, zipdir tolerates what unzip tolerates around it: up to 64
// KiB after the end record, a comment longer or shorter than declared, any bytes before
// the first entry whether or not the offsets count them, bytes between the directory and
// its end, unneeded ZIP64 records, and an entry count of which only the low 16 bits were
// written.
//
// It refuses what no SAT package has: encryption, methods other than stored, deflated and
// bzip2, overlapping entries, and contents far larger than their data. The error for an
// unsupported method names it (MethodError).
package zipdir

import (
	"errors"
	"io"
)

// The ZIP records that this package reads (APPNOTE 4.3.12 to 4.3.16).
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

// ErrZip means that the file is not a complete ZIP.
var ErrZip = errors.New("zipdir: not a whole ZIP")

// directory is the position of a ZIP's central directory, declared and actual.
type directory struct {
	entries, size, offset uint64
	// shift is added to every offset of the ZIP: the bytes that were put before it.
	shift uint64
}

// Check returns nil if r holds a complete ZIP: an end record at its end and, before it, a
// central directory of the declared length and count. Other errors are ErrZip or r's own.
func Check(r io.ReaderAt, size int64) error {
	marked := failing{r}
	end, err := findDirectory(marked, size)
	if err != nil {
		return err
	}
	_, err = newHeaders(marked, end, Mark{}).each(func(Entry) bool { return true })
	return err
}
