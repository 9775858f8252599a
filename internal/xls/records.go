package xls

import "encoding/binary"

// The records read here, [MS-XLS] 2.3.
const (
	recFormula    = 0x0006
	recEOF        = 0x000A
	recFilePass   = 0x002F
	recContinue   = 0x003C
	recBoundSheet = 0x0085
	recMulRK      = 0x00BD
	recRString    = 0x00D6
	recSST        = 0x00FC
	recLabelSST   = 0x00FD
	recNumber     = 0x0203
	recLabel      = 0x0204
	recBoolErr    = 0x0205
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

// next returns a record's kind and body, which is a part of the stream. ok is false at the end.
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

// continued returns the bodies of the CONTINUE records that follow.
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

// start reads a BOF and tells what begins with it.
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

// readSheet reads the globals and then the first worksheet.
func readSheet(stream []byte) (*sheet, error) {
	globals := &records{stream: stream}
	if _, err := globals.start(); err != nil {
		return nil, err
	}
	s := &sheet{}
	position := -1
	for done := false; !done; {
		kind, body, ok, err := globals.next()
		if err != nil {
			return nil, err
		}
		switch {
		case !ok:
			return nil, malformed("the globals have no end")
		case kind == recEOF:
			done = true
		case kind == recFilePass:
			return nil, malformed("the book is encrypted")
		case kind == recBoundSheet && position < 0 && len(body) >= 6 && body[5] == sheetIsCells:
			position = int(binary.LittleEndian.Uint32(body))
		case kind == recSST:
			more, err := globals.continued()
			if err != nil {
				return nil, err
			}
			if s.strings, err = readSST(append([][]byte{body}, more...)); err != nil {
				return nil, err
			}
		}
	}
	if position < 0 || position > len(stream) {
		return nil, malformed("no worksheet")
	}
	cells := &records{stream: stream, at: position}
	substream, err := cells.start()
	if err != nil {
		return nil, err
	}
	if substream != substreamSheet {
		return nil, malformed("the first worksheet is a substream of kind %#04x", substream)
	}
	return s, s.read(cells)
}

// segments reads across the bodies of a record and its CONTINUEs.
type segments struct {
	list [][]byte // what is left; the first is being read
}

// bytes returns n bytes, wherever the breaks are.
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

// more drops the body that was read to its end. It is not dropped before something else is wanted: what
// follows a break depends on what is read there.
func (s *segments) more() error {
	for len(s.list) > 0 && len(s.list[0]) == 0 {
		s.list = s.list[1:]
	}
	if len(s.list) == 0 {
		return malformed("the shared strings end in the middle of one")
	}
	return nil
}

// skip passes over n bytes.
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
