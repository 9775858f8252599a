package xls

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// The constants of a compound file, [MS-CFB] 2.1 and 2.2.
const (
	signature      = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"
	headerSize     = 512
	headerFATs     = 109
	entrySize      = 128
	miniSize       = 64
	miniCutoff     = 4096
	maxSector      = 0xFFFFFFFA // this and above are not sectors
	entryIsStream  = 2
	nameWorkbook   = "workbook" // BIFF8
	nameBook       = "book"     // BIFF5, of Excel 5 and 95
	minSectorShift = 9
	maxSectorShift = 12
)

// container reads a compound file. It scans the flat list of directory entries, not their
// tree, so a hostile tree costs nothing.
//
// The reader is our own, because the public one copies a path for each level of nesting:
// a file of a few megabytes drives it out of memory.
type container struct {
	r          io.ReaderAt
	sectorSize int64
	sectors    int64 // capacity of the file
	fat        []uint32
}

// workbookStream returns the stream with the sheets.
func workbookStream(r io.ReaderAt, size int64) ([]byte, error) {
	if size > MaxBytes {
		return nil, tooLarge("%d bytes, the bound is %d", size, MaxBytes)
	}
	header := make([]byte, headerSize)
	if _, err := r.ReadAt(header, 0); err != nil && !errors.Is(err, io.EOF) || size < headerSize {
		return nil, malformed("shorter than its header")
	}
	shift := binary.LittleEndian.Uint16(header[30:])
	if string(header[:8]) != signature || (shift != minSectorShift && shift != maxSectorShift) {
		return nil, malformed("not a compound file")
	}
	c := &container{r: r, sectorSize: 1 << shift}
	c.sectors = (size+c.sectorSize-1)/c.sectorSize - 1
	if err := c.readFAT(header); err != nil {
		return nil, err
	}
	return c.workbook(header)
}

// sector reads sector n. A short last sector is padded with zeros.
func (c *container) sector(n uint32, into []byte) error {
	if int64(n) >= c.sectors {
		return malformed("sector %d of %d", n, c.sectors)
	}
	read, err := c.r.ReadAt(into, (int64(n)+1)*c.sectorSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return malformed("%w", err)
	}
	clear(into[read:])
	return nil
}

// readFAT joins the sectors of the allocation table: the header lists the first ones, a
// chain of further sectors the rest. It stops when every sector of the file is covered.
func (c *container) readFAT(header []byte) error {
	buf := make([]byte, c.sectorSize)
	add := func(list []byte) error {
		for ; len(list) >= 4 && int64(len(c.fat)) < c.sectors; list = list[4:] {
			n := binary.LittleEndian.Uint32(list)
			if n >= maxSector {
				continue
			}
			if err := c.sector(n, buf); err != nil {
				return err
			}
			for i := 0; i < len(buf); i += 4 {
				c.fat = append(c.fat, binary.LittleEndian.Uint32(buf[i:]))
			}
		}
		return nil
	}
	if err := add(header[76 : 76+4*headerFATs]); err != nil {
		return err
	}
	next := binary.LittleEndian.Uint32(header[68:])
	list := make([]byte, c.sectorSize)
	for seen := int64(0); next < maxSector && int64(len(c.fat)) < c.sectors; seen++ {
		if seen > c.sectors {
			return malformed("the table of tables goes round")
		}
		if err := c.sector(next, list); err != nil {
			return err
		}
		end := len(list) - 4
		if err := add(list[:end]); err != nil {
			return err
		}
		next = binary.LittleEndian.Uint32(list[end:])
	}
	return nil
}

// chain returns the consecutive sectors from start, at most max.
func (c *container) chain(start uint32, limit int64) ([]uint32, error) {
	return follow(c.fat, start, min(limit, c.sectors))
}

func follow(table []uint32, start uint32, limit int64) ([]uint32, error) {
	var all []uint32
	for n := start; n < maxSector && int64(len(all)) < limit; n = table[n] {
		if int64(n) >= int64(len(table)) {
			return nil, malformed("sector %d is not in the table", n)
		}
		all = append(all, n)
	}
	return all, nil
}

// read joins the first size bytes of a chain.
func (c *container) read(start uint32, size int64) ([]byte, error) {
	if size > c.sectors*c.sectorSize {
		return nil, malformed("a stream of %d bytes is larger than the file", size)
	}
	count := (size + c.sectorSize - 1) / c.sectorSize
	chain, err := c.chain(start, count)
	if err != nil {
		return nil, err
	}
	if int64(len(chain)) < count {
		return nil, malformed("a stream of %d bytes ends before", size)
	}
	out := make([]byte, count*c.sectorSize)
	for i, n := range chain {
		if err := c.sector(n, out[int64(i)*c.sectorSize:][:c.sectorSize]); err != nil {
			return nil, err
		}
	}
	return out[:size], nil
}

// entry is the used part of a directory entry.
type entry struct {
	name  string
	kind  byte
	start uint32
	size  int64
}

func readEntry(b []byte) entry {
	units := make([]uint16, 0, 32)
	for i := 0; i < min(int(binary.LittleEndian.Uint16(b[64:]))-2, 62); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(b[i:]))
	}
	return entry{
		name: strings.ToLower(string(utf16.Decode(units))), kind: b[66],
		start: binary.LittleEndian.Uint32(b[116:]),
		// Version 3 leaves the upper four of the size's eight bytes undefined; no book
		// needs them.
		size: int64(binary.LittleEndian.Uint32(b[120:])),
	}
}

// workbook finds the stream in the directory and reads it.
func (c *container) workbook(header []byte) ([]byte, error) {
	directory, err := c.chain(binary.LittleEndian.Uint32(header[48:]), c.sectors)
	if err != nil {
		return nil, err
	}
	var root, found entry
	var first, isOld = true, false
	buf := make([]byte, c.sectorSize)
	for _, n := range directory {
		if err := c.sector(n, buf); err != nil {
			return nil, err
		}
		for at := 0; at < len(buf) && found.name == ""; at += entrySize {
			e := readEntry(buf[at:])
			switch {
			case first:
				root, first = e, false
			case e.kind == entryIsStream && e.name == nameWorkbook:
				found = e
			case e.kind == entryIsStream && e.name == nameBook:
				isOld = true
			}
		}
	}
	switch {
	case found.name == "" && isOld:
		return nil, malformed("a book of Excel 95 or before, not BIFF8")
	case found.name == "":
		return nil, malformed("no stream called Workbook")
	case found.size >= miniCutoff:
		return c.read(found.start, found.size)
	}
	return c.readMini(root, binary.LittleEndian.Uint32(header[60:]), found)
}

// readMini reads a stream of less than 4,096 bytes. Such streams are in pieces of 64
// bytes in a stream of the root entry, with their own allocation table; the book of a
// small lote is one.
func (c *container) readMini(root entry, tableStart uint32, e entry) ([]byte, error) {
	ministream, err := c.read(root.start, root.size)
	if err != nil {
		return nil, err
	}
	sectors, err := c.chain(tableStart, c.sectors)
	if err != nil {
		return nil, err
	}
	table := make([]uint32, 0, int64(len(sectors))*c.sectorSize/4)
	buf := make([]byte, c.sectorSize)
	for _, n := range sectors {
		if err := c.sector(n, buf); err != nil {
			return nil, err
		}
		for i := 0; i < len(buf); i += 4 {
			table = append(table, binary.LittleEndian.Uint32(buf[i:]))
		}
	}
	pieces, err := follow(table, e.start, (e.size+miniSize-1)/miniSize)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(pieces)*miniSize)
	for _, n := range pieces {
		at := int64(n) * miniSize
		if at >= int64(len(ministream)) {
			return nil, malformed("piece %d of the small streams", n)
		}
		out = append(out, ministream[at:min(at+miniSize, int64(len(ministream)))]...)
	}
	if int64(len(out)) < e.size {
		return nil, malformed("a stream of %d bytes ends before", e.size)
	}
	return out[:e.size], nil
}
