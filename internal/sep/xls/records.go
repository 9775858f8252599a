package xls

import "encoding/binary"

// The records that are read, [MS-XLS] 2.3.
const (
	recFormula    = 0x0006
	recEOF        = 0x000A
	recFilePass   = 0x002F
	recContinue   = 0x003C
	recBoundSheet = 0x0085
	recMulRK      = 0x00BD
	recRString    = 0x00D6
	recArray      = 0x0221
	recTable      = 0x0236
	recShared     = 0x04BC
	recSST        = 0x00FC
	recLabelSST   = 0x00FD
	recNumber     = 0x0203
	recLabel      = 0x0204
	recBoolErr    = 0x0205
	recString     = 0x0207
	recRK         = 0x027E
	recBOF        = 0x0809

	versionBIFF8   = 0x0600
	substreamSheet = 0x0010
	sheetIsCells   = 0
)

// records walks the records of a stream.
type records struct {
	stream []byte
	at     int
}

// next returns a record's kind and body, a part of the stream. ok is false at the end.
func (r *records) next() (kind uint16, body []byte, ok bool, err error) {
	rest := r.stream[r.at:]
	if len(rest) == 0 {
		return 0, nil, false, nil
	}
	if len(rest) < 4 {
		return 0, nil, false, malformed("%d bytes after the last record", len(rest))
	}
	kind, size := binary.LittleEndian.Uint16(rest), int(binary.LittleEndian.Uint16(rest[2:]))
	if len(rest) < 4+size {
		return 0, nil, false, malformed("record %#04x of %d bytes is cut", kind, size)
	}
	r.at += 4 + size
	return kind, rest[4 : 4+size], true, nil
}

// continued returns the bodies of the following CONTINUE records.
func (r *records) continued() ([][]byte, error) {
	var all [][]byte
	for {
		before := r.at
		kind, body, ok, err := r.next()
		if err != nil {
			return nil, err
		}
		if !ok || kind != recContinue {
			r.at = before
			return all, nil
		}
		all = append(all, body)
	}
}

// start reads a BOF and returns what begins there.
func (r *records) start() (substream uint16, err error) {
	kind, body, ok, err := r.next()
	switch {
	case err != nil:
		return 0, err
	case !ok || kind != recBOF || len(body) < 4:
		return 0, malformed("no BOF where a substream begins")
	case binary.LittleEndian.Uint16(body) != versionBIFF8:
		return 0, malformed("version %#04x, not BIFF8", binary.LittleEndian.Uint16(body))
	}
	return binary.LittleEndian.Uint16(body[2:]), nil
}

// place is the beginning of a worksheet.
type place struct {
	name string
	at   int
}

// readBIFF reads the globals and then each worksheet.
func readBIFF(stream []byte) ([]Sheet, error) {
	places, strings, err := readGlobals(&records{stream: stream})
	if err != nil {
		return nil, err
	}
	if len(places) == 0 {
		return nil, malformed("no worksheet")
	}
	var all []Sheet
	left := MaxCells
	for _, p := range places {
		if p.at < 0 || p.at > len(stream) {
			return nil, malformed("worksheet %q is outside the book", p.name)
		}
		cells := &records{stream: stream, at: p.at}
		substream, err := cells.start()
		if err != nil {
			return nil, err
		}
		if substream != substreamSheet {
			return nil, malformed("worksheet %q is a substream of kind %#04x", p.name, substream)
		}
		s := &sheet{strings: strings, left: left}
		if err := s.read(cells); err != nil {
			return nil, err
		}
		if left = s.left; len(s.cells) > 0 {
			all = append(all, Sheet{Name: p.name, Rows: s.each})
		}
	}
	return all, nil
}

func readGlobals(globals *records) (places []place, shared []string, err error) {
	if _, err := globals.start(); err != nil {
		return nil, nil, err
	}
	for {
		kind, body, ok, err := globals.next()
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			return nil, nil, malformed("the globals have no end")
		case kind == recEOF:
			return places, shared, nil
		case kind == recFilePass:
			return nil, nil, malformed("the book is encrypted")
		case kind == recBoundSheet && len(body) >= 8 && body[5] == sheetIsCells:
			if len(places) == MaxSheets {
				return nil, nil, tooLarge("more than %d worksheets", MaxSheets)
			}
			places = append(places, place{name: sheetName(body[6:]), at: int(binary.LittleEndian.Uint32(body))})
		case kind == recSST:
			more, err := globals.continued()
			if err != nil {
				return nil, nil, err
			}
			if shared, err = readSST(append([][]byte{body}, more...)); err != nil {
				return nil, nil, err
			}
		}
	}
}

// sheetName reads a name of up to 255 characters, [MS-XLS] 2.5.240; a truncated one is
// read as far as it goes.
func sheetName(b []byte) string {
	size := int(b[0]) * (1 + int(b[1]&flagWide))
	return decode(appendUnits(nil, b[2:min(2+size, len(b))], b[1]))
}

// segments reads across the bodies of a record and its CONTINUEs.
type segments struct {
	list [][]byte // unread bodies; the first is being read
}

// bytes returns n bytes across the breaks.
func (s *segments) bytes(n int) ([]byte, error) {
	if len(s.list) > 0 && len(s.list[0]) >= n {
		b := s.list[0][:n]
		s.list[0] = s.list[0][n:]
		return b, nil
	}
	b := make([]byte, 0, n)
	for len(b) < n {
		if err := s.more(); err != nil {
			return nil, err
		}
		part := min(n-len(b), len(s.list[0]))
		b = append(b, s.list[0][:part]...)
		s.list[0] = s.list[0][part:]
	}
	return b, nil
}

// more drops a body that was read to its end. It does so only when more is needed,
// because the data after a break depends on what is read there.
func (s *segments) more() error {
	for len(s.list) > 0 && len(s.list[0]) == 0 {
		s.list = s.list[1:]
	}
	if len(s.list) == 0 {
		return malformed("the shared strings end in the middle of one")
	}
	return nil
}

// skip skips n bytes.
func (s *segments) skip(n int) error {
	for n > 0 {
		if err := s.more(); err != nil {
			return err
		}
		part := min(n, len(s.list[0]))
		n -= part
		s.list[0] = s.list[0][part:]
	}
	return nil
}

func (s *segments) left() int {
	total := 0
	for _, one := range s.list {
		total += len(one)
	}
	return total
}
