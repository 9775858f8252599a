package zipdir

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ErrRead is a failure of the underlying reader. It says nothing about the ZIP.
var ErrRead = errors.New("zipdir: reading failed")

const (
	// Offsets in a directory header and in the ZIP64 extra (APPNOTE 4.3.12, 4.5.3).
	extra64     = 1
	lenExtra    = 4
	flagEncrypt = 1 << 0
)

// Mark is a position in a directory from which a walk can resume. Its zero value is the
// beginning.
type Mark struct {
	// Entry is the number of entries before it.
	Entry uint64
	// Offset is its distance in bytes from the beginning of the directory.
	Offset uint64
}

// Entry is one entry as the directory describes it.
type Entry struct {
	// Name has the bytes of the ZIP, which may not be UTF-8.
	Name             string
	Method           uint16
	CRC32            uint32
	CompressedSize   uint64 // bytes
	UncompressedSize uint64 // bytes
	// Mark is the position of the entry's header, Next that of the following one.
	Mark, Next Mark

	flags  uint16
	offset uint64 // of the local header
	walk   *walk
}

// walk is shared by the entries of one walk.
type walk struct {
	data     *window
	inflater io.ReadCloser // not in use
	end      uint64        // where contents end and the directory begins
	// opened counts the bytes of opened contents. More than the ZIP has means that
	// entries overlap.
	opened uint64
}

// Walk yields the entries in the directory's order, in constant memory. It reads r
// forwards in blocks, one stream for the directory and one for the contents; a content
// out of order costs one more read. An error, ErrZip or ErrRead, is the last value. An
// entry can be opened until the next one is asked for.
func Walk(r io.ReaderAt, size int64) iter.Seq2[Entry, error] { return WalkFrom(r, size, Mark{}) }

// WalkFrom starts at a mark of an earlier walk over the same ZIP. Another mark yields
// nothing, or ErrZip.
func WalkFrom(r io.ReaderAt, size int64, from Mark) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		marked := failing{r}
		end, err := findDirectory(marked, size)
		end.entries = end.count(from.Entry)
		if err == nil && (from.Offset > end.size || from.Entry > end.entries) {
			err = fmt.Errorf("%w: its directory does not reach where to begin", ErrZip)
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		w := &walk{data: newWindow(marked, end.offset), end: end.offset}
		more, err := newHeaders(marked, end, from).each(func(e Entry) bool {
			e.walk = w
			return yield(e, nil)
		})
		if more && err != nil {
			yield(Entry{}, err)
		}
	}
}

// failing marks errors of r.
type failing struct{ r io.ReaderAt }

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.r.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", ErrRead, err)
	}
	return n, err
}

// headers reads a directory.
type headers struct {
	r        *bufio.Reader
	end      directory
	at       Mark
	variable []byte
}

func newHeaders(r io.ReaderAt, end directory, from Mark) *headers {
	section := io.NewSectionReader(r, int64(end.offset+from.Offset), int64(end.size-from.Offset)) //nolint:gosec // below the file's size, an int64
	return &headers{r: bufio.NewReaderSize(section, directoryBuffer), end: end, at: from}
}

// each calls f with every header until f returns false.
func (h *headers) each(f func(Entry) bool) (more bool, err error) {
	for h.more() {
		e, err := h.next()
		if errors.Is(err, ErrRead) {
			return true, err
		}
		if err != nil {
			return true, fmt.Errorf("%w: entry %d of %d: %w", ErrZip, h.at.Entry+1, h.end.entries, err)
		}
		h.at = e.Next
		if !f(e) {
			return false, nil
		}
	}
	switch _, err := h.r.ReadByte(); {
	case errors.Is(err, ErrRead):
		return true, err
	case !errors.Is(err, io.EOF):
		return true, fmt.Errorf("%w: the central directory is longer than its entries", ErrZip)
	}
	return true, nil
}

// lap is the number of entries after which a 16-bit count starts again.
const lap = unknown16 + 1

// more reports whether another header follows. A writer without ZIP64 has only 16 bits
// for the count; after that many, the rest of the directory decides.
func (h *headers) more() bool {
	if h.at.Entry < h.end.entries {
		return true
	}
	if h.at.Entry%lap == h.end.entries%lap && h.end.size-h.at.Offset >= lap*lenDirectory {
		h.end.entries += lap
	}
	return h.at.Entry < h.end.entries
}

// count returns the number of entries: at least mark, if the size of d allows it.
func (d directory) count(mark uint64) uint64 {
	n := d.entries
	for d.entries <= unknown16 && n < mark && (n+lap)*lenDirectory <= d.size {
		n += lap
	}
	return n
}

var (
	errHeader  = errors.New("it is no directory header")
	errOutside = errors.New("it lies outside")
)

func (h *headers) next() (Entry, error) {
	var fixed [lenDirectory]byte
	if _, err := io.ReadFull(h.r, fixed[:]); err != nil {
		return Entry{}, err
	}
	if binary.LittleEndian.Uint32(fixed[:]) != sigDirectory {
		return Entry{}, errHeader
	}
	local := uint64(binary.LittleEndian.Uint32(fixed[42:]))
	if local != unknown32 && local+h.end.shift >= h.end.offset {
		return Entry{}, errOutside
	}
	name, extra := int(binary.LittleEndian.Uint16(fixed[28:])), int(binary.LittleEndian.Uint16(fixed[30:]))
	variable := name + extra + int(binary.LittleEndian.Uint16(fixed[32:]))
	if cap(h.variable) < variable {
		h.variable = make([]byte, variable)
	}
	h.variable = h.variable[:variable]
	if _, err := io.ReadFull(h.r, h.variable); err != nil {
		return Entry{}, err
	}
	e := Entry{
		Name: string(h.variable[:name]), Mark: h.at, offset: local,
		flags: binary.LittleEndian.Uint16(fixed[8:]), Method: binary.LittleEndian.Uint16(fixed[10:]),
		CRC32:            binary.LittleEndian.Uint32(fixed[16:]),
		CompressedSize:   uint64(binary.LittleEndian.Uint32(fixed[20:])),
		UncompressedSize: uint64(binary.LittleEndian.Uint32(fixed[24:])),
	}
	e.Next = Mark{Entry: h.at.Entry + 1, Offset: h.at.Offset + lenDirectory + uint64(variable)} //nolint:gosec // not negative
	e.large(h.variable[name : name+extra])
	e.offset += h.end.shift
	return e, nil
}

// large takes the sizes and the offset from the ZIP64 extra if the header has no room for
// them. An entry whose extra lacks them cannot be opened.
func (e *Entry) large(extra []byte) {
	for len(extra) >= lenExtra {
		id, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		extra = extra[lenExtra:]
		if n > len(extra) {
			return
		}
		field := extra[:n]
		extra = extra[n:]
		if id != extra64 {
			continue
		}
		for _, v := range []*uint64{&e.UncompressedSize, &e.CompressedSize, &e.offset} {
			if *v == unknown32 && len(field) >= 8 {
				*v = binary.LittleEndian.Uint64(field)
				field = field[8:]
			}
		}
		return
	}
}
