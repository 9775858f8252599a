package zipdir

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
)

var (
	// ErrEntry is an entry whose content is damaged or not supported (MethodError).
	ErrEntry = errors.New("zipdir: the entry cannot be read")
	// ErrChecksum is an ErrEntry whose content was read completely and does not match its
	// CRC-32.
	ErrChecksum = fmt.Errorf("%w: its checksum is another", ErrEntry)
	// ErrLimit is an entry larger than the caller's limit, or far larger than its data.
	ErrLimit = errors.New("zipdir: the entry is too large")
)

const (
	sigLocal = 0x04034b50
	lenLocal = 30
	stored   = 0
	deflated = 8
	bzipped  = 12
	// maxRatio is the largest ratio of a content to its data. Deflate reaches 1032; the
	// SAT's texts and XML are below 30.
	maxRatio = 250
	// freeOfRatio is the size below which the ratio is not checked.
	freeOfRatio = 1 << 20
)

// Open opens the entry's content, of at most limit bytes. The content ends with io.EOF
// only if its length and CRC-32 match the directory. Errors are ErrEntry, ErrLimit and
// ErrRead. Opening an entry ends the reading of the walk's previous one.
func (e Entry) Open(limit int64) (io.ReadCloser, error) {
	switch {
	case e.flags&flagEncrypt != 0 || e.Method != stored && e.Method != deflated && e.Method != bzipped:
		return nil, &MethodError{Method: e.Method, Encrypted: e.flags&flagEncrypt != 0 || e.Method == aes}
	case e.Method == stored && e.CompressedSize != e.UncompressedSize:
		return nil, fmt.Errorf("%w: stored with two sizes", ErrEntry)
	case e.UncompressedSize > uint64(max(0, limit)):
		return nil, fmt.Errorf("%w: %d bytes, over %d", ErrLimit, e.UncompressedSize, limit)
	case e.UncompressedSize > freeOfRatio && e.UncompressedSize/maxRatio > e.CompressedSize:
		return nil, fmt.Errorf("%w: %d bytes from %d", ErrLimit, e.UncompressedSize, e.CompressedSize)
	}
	from, err := e.locate()
	if err != nil {
		return nil, err
	}
	raw := &section{w: e.walk.data, at: from, end: from + int64(e.CompressedSize)} //nolint:gosec // located: below the directory
	c := &content{raw: raw, r: raw, left: e.UncompressedSize, sum: crc32.NewIEEE(), want: e.CRC32, walk: e.walk}
	switch e.Method {
	case deflated:
		if err := c.inflate(); err != nil {
			return nil, err
		}
	case bzipped:
		c.r = bzip2.NewReader(raw)
	}
	return c, nil
}

// locate returns where the content begins, which is after its local header.
func (e Entry) locate() (int64, error) {
	w := e.walk
	if w.end < lenLocal || e.offset > w.end-lenLocal || e.offset > math.MaxInt64 {
		return 0, fmt.Errorf("%w: it lies outside", ErrEntry)
	}
	var header [lenLocal]byte
	w.data.expect(lenLocal + 2*uint64(len(e.Name)) + e.CompressedSize)
	if _, err := w.data.ReadAt(header[:], int64(e.offset)); errors.Is(err, ErrRead) {
		return 0, err
	} else if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if binary.LittleEndian.Uint32(header[:]) != sigLocal {
		return 0, fmt.Errorf("%w: it has no local header", ErrEntry)
	}
	from := e.offset + lenLocal + uint64(binary.LittleEndian.Uint16(header[26:])) + uint64(binary.LittleEndian.Uint16(header[28:]))
	if from > w.end || e.CompressedSize > w.end-from {
		return 0, fmt.Errorf("%w: it lies outside", ErrEntry)
	}
	if w.opened += e.CompressedSize; w.opened > w.end {
		return 0, fmt.Errorf("%w: entries lie over each other", ErrLimit)
	}
	return int64(from), nil //nolint:gosec // below the file's size
}

// content is an open entry.
type content struct {
	raw  *section
	r    io.Reader
	left uint64
	sum  hash.Hash32
	want uint32
	walk *walk
	err  error
}

func (c *content) inflate() error {
	r := c.walk.inflater
	c.walk.inflater = nil
	if r == nil {
		r = flate.NewReader(c.raw)
	} else if err := r.(flate.Resetter).Reset(c.raw, nil); err != nil { //nolint:forcetypeassert // documented: every reader of the package is one
		return err
	}
	c.r = r
	return nil
}

func (c *content) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	// Read one byte more than declared, to check that it does not exist.
	if uint64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if uint64(n) > c.left { //nolint:gosec // not negative
		n, err = int(c.left), fmt.Errorf("%w: it is longer than %d bytes", ErrEntry, c.left) //nolint:gosec // below n
	}
	c.left -= uint64(n) //nolint:gosec // at most left
	c.sum.Write(p[:n])
	c.err = c.judge(err)
	return n, c.err
}

func (c *content) judge(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrEntry) || errors.Is(err, ErrRead):
		return err
	case !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrEntry, err)
	case c.left > 0:
		return fmt.Errorf("%w: %d bytes are missing", ErrEntry, c.left)
	case c.sum.Sum32() != c.want:
		return ErrChecksum
	}
	return io.EOF
}

// Close returns the inflater for the next entry.
func (c *content) Close() error {
	if r, ok := c.r.(io.ReadCloser); ok && c.walk.inflater == nil {
		c.walk.inflater = r
	}
	c.r, c.err = bytes.NewReader(nil), io.ErrClosedPipe
	return nil
}

// section is a part of the ZIP. It implements io.ByteReader so that flate adds no buffer.
type section struct {
	w       *window
	at, end int64
	// ahead is the window's content from at, as of the window's turn.
	ahead []byte
	turn  int
}

// look fills ahead if it is empty.
func (s *section) look() error {
	if s.at >= s.end {
		return io.EOF
	}
	if s.turn == s.w.turn && len(s.ahead) > 0 {
		return nil
	}
	b, err := s.w.peek(s.at)
	s.turn, s.ahead = s.w.turn, b[:min(int64(len(b)), s.end-s.at)]
	return err
}

func (s *section) Read(p []byte) (int, error) {
	if err := s.look(); err != nil {
		return 0, err
	}
	n := copy(p, s.ahead)
	s.ahead = s.ahead[n:]
	s.at += int64(n)
	return n, nil
}

func (s *section) ReadByte() (byte, error) {
	if len(s.ahead) == 0 || s.turn != s.w.turn {
		if err := s.look(); err != nil {
			return 0, err
		}
	}
	b := s.ahead[0]
	s.ahead = s.ahead[1:]
	s.at++
	return b, nil
}
