// Package zipdir reads ZIPs that are too long to be listed in memory: whether one
// is whole, and its entries one after the other.
//
// It exists because archive/zip holds every entry: the two hundred thousand of one
// package of the SAT would cost more than the whole gateway may.
//
// It tolerates what unzip tolerates of a frame whose directory is whole: up to
// 64 KiB behind the end record, a comment that is longer or shorter than the end
// record says, any bytes before the first entry whether or not the offsets count
// them, bytes between the directory and its end, ZIP64 records that nothing needed,
// and a count of entries of which only the low 16 bits were written.
//
// It refuses what no package of the SAT has: encryption, methods other than stored,
// deflated and bzip2, entries that lie over each other, and contents far larger than
// their data. What it refuses of one entry it names (MethodError).
package zipdir

import (
	"errors"
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

// directory is where the central directory of a ZIP lies, by what its end says and
// by where it is found.
type directory struct {
	entries, size, offset uint64
	// shift is what every offset of the ZIP falls short of: bytes that were put
	// before it.
	shift uint64
}

// Check reports whether r holds a whole ZIP: an end record at its end, and a central
// directory of the promised length and count before it. Its errors are ErrZip or
// those of r.
func Check(r io.ReaderAt, size int64) error {
	marked := failing{r}
	end, err := findDirectory(marked, size)
	if err != nil {
		return err
	}
	_, err = newHeaders(marked, end, Mark{}).each(func(Entry) bool { return true })
	return err
}
