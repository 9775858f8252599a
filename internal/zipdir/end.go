package zipdir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errNoEnd = fmt.Errorf("%w: no end of central directory", ErrZip)

// findDirectory returns the directory of the last end record that has one. A comment may
// hold the bytes of an end record, and foreign bytes may follow the true one; only a
// valid directory distinguishes them.
func findDirectory(r io.ReaderAt, size int64) (directory, error) {
	tail := make([]byte, min(size, lenEnd+maxZipComment+lenLocator64))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return directory{}, err
	}
	wrong := errNoEnd
	for i := len(tail) - lenEnd; i >= 0; i-- {
		i = bytes.LastIndex(tail[:i+4], []byte("PK\x05\x06"))
		if i < 0 {
			break
		}
		d, err := endAt(r, uint64(size)-uint64(len(tail)-i), tail[:i+lenEnd]) //nolint:gosec // a file's size is not negative
		if err == nil || !errors.Is(err, ErrZip) {
			return d, err
		}
		if errors.Is(wrong, errNoEnd) {
			wrong = err // the last candidate's fault is reported
		}
	}
	return directory{}, wrong
}

// endAt returns the directory of the end record at a position in tail.
func endAt(r io.ReaderAt, at uint64, tail []byte) (directory, error) {
	before, record := tail[:len(tail)-lenEnd], tail[len(tail)-lenEnd:]
	d := directory{
		entries: uint64(binary.LittleEndian.Uint16(record[10:])),
		size:    uint64(binary.LittleEndian.Uint32(record[12:])),
		offset:  uint64(binary.LittleEndian.Uint32(record[16:])),
	}
	large, at64, err := end64(r, at, before)
	switch {
	case err == nil:
		d, at = large, at64
	case !errors.Is(err, ErrZip) || d.size == unknown32 || d.offset == unknown32:
		return directory{}, err
	}
	return d.locate(r, at)
}

// locate finds the directory: directly before its end record, which also works if the
// offsets do not count bytes put before the ZIP, or else at the declared offset.
func (d directory) locate(r io.ReaderAt, end uint64) (directory, error) {
	if d.size > end {
		return d, fmt.Errorf("%w: the central directory is longer than what is before its end", ErrZip)
	}
	before := end - d.size
	if d.offset == before {
		return d, nil
	}
	for _, offset := range []uint64{before, d.offset} {
		if offset < d.offset || offset > before || d.size == 0 {
			continue
		}
		is, err := begins(r, offset, sigDirectory)
		if err != nil {
			return d, err
		}
		if is {
			d.shift, d.offset = offset-d.offset, offset
			return d, nil
		}
	}
	return d, fmt.Errorf("%w: the central directory is not where its end says", ErrZip)
}

// begins reports whether a record with this signature is at a position.
func begins(r io.ReaderAt, at uint64, sig uint32) (bool, error) {
	var b [4]byte
	if _, err := r.ReadAt(b[:], int64(at)); err != nil && !errors.Is(err, io.EOF) { //nolint:gosec // below the file's size
		return false, err
	}
	return binary.LittleEndian.Uint32(b[:]) == sig, nil
}

// end64 reads the ZIP64 end record, whose locator is directly before the end record, and
// returns its position. The error is ErrZip if there is none, or r's own.
func end64(r io.ReaderAt, end uint64, before []byte) (directory, uint64, error) {
	none := fmt.Errorf("%w: no ZIP64 end", ErrZip)
	if len(before) < lenLocator64 || end < lenLocator64+lenEnd64 {
		return directory{}, 0, none
	}
	locator := before[len(before)-lenLocator64:]
	if binary.LittleEndian.Uint32(locator) != sigLocator64 {
		return directory{}, 0, none
	}
	// The second position is for a locator that does not count bytes put before the ZIP.
	last := end - lenLocator64 - lenEnd64
	for _, at := range []uint64{binary.LittleEndian.Uint64(locator[8:]), last} {
		if at > last {
			continue
		}
		var record [lenEnd64]byte
		if _, err := r.ReadAt(record[:], int64(at)); err != nil { //nolint:gosec // below the file's size
			return directory{}, 0, err
		}
		if binary.LittleEndian.Uint32(record[:]) == sigEnd64 {
			return directory{
				entries: binary.LittleEndian.Uint64(record[32:]),
				size:    binary.LittleEndian.Uint64(record[40:]),
				offset:  binary.LittleEndian.Uint64(record[48:]),
			}, at, nil
		}
	}
	return directory{}, 0, none
}
