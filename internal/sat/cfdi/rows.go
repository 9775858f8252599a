package cfdi

import (
	"bytes"
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const (
	// maxRow bounds a row: names have at most 300 characters by the SAT's schemas.
	maxRow = 64 << 10
	// block is what is read at once.
	block = 256 << 10
	// maxBlank bounds the blank lines that may stand inside a name.
	maxBlank = 1 << 10
	// maxLines bounds the lines of one row: each is a question about all before it.
	maxLines = 64
	// maxStart is how far into a line a UUID is looked for that is not its first field.
	maxStart = 2 << 10
)

var errLongRow = errors.New("cfdi: the row is too long")

// rows cuts a text of the SAT into rows. Its header shows how lines end: by CRLF, as
// the SAT documents it, by LF or by CR. Names hold line breaks of every kind, so a line
// break ends a row when another row begins behind it, or when what is before it can have
// none. Blank lines between rows are passed over.
type rows struct {
	r        io.Reader
	buf      []byte
	pos, end int
	err      error // of r, once it has failed or ended

	align *aligner // knows the columns, once the header has been read
	jump  byte     // what lines are cut at
	crlf  bool     // an LF without CR is not yet the end of a line
	// doubt is that the last row could have been cut at another place.
	doubt bool
}

func newRows(r io.Reader) *rows {
	return &rows{r: r, buf: make([]byte, block), jump: '\n', crlf: true}
}

// header returns the first line that is not blank, and learns from it how lines
// end. Of one over maxRow it returns errLongRow.
func (f *rows) header() ([]byte, error) {
	if err := f.skipBlank(); err != nil {
		return nil, err
	}
	n := -1
	for n < 0 {
		if n = bytes.IndexAny(f.buf[f.pos:f.end], "\r\n"); n >= 0 || f.err != nil {
			break
		}
		if f.end-f.pos > maxRow {
			return nil, errLongRow
		}
		f.fill()
	}
	switch {
	case n < 0 && !f.finished():
		return nil, f.err
	case n < 0:
		n = f.end - f.pos
	case f.buf[f.pos+n] == '\n':
		f.crlf = false
	default:
		cr := n
		for f.ensure(cr + 1); f.pos+cr < f.end && f.buf[f.pos+cr] == '\r'; f.ensure(cr + 1) {
			cr++
		}
		if f.pos+cr < f.end && f.buf[f.pos+cr] != '\n' {
			f.jump, f.crlf = '\r', false
		}
	}
	row := f.buf[f.pos : f.pos+n]
	f.pos += n
	return row, nil
}

// next returns the next row, valid until the following call, and whether a line
// break ended it. What is no row, because it does not begin as one, is returned like
// one. Of a row over maxRow or maxLines it returns errLongRow, once it has been
// passed over. At the end it returns the reader's error, io.EOF if all is well.
func (f *rows) next() (row []byte, finished bool, err error) {
	if err := f.skipBlank(); err != nil {
		return nil, false, err
	}
	f.doubt = false
	isRow, long := f.begin(0), false
	for since, lines := 0, 1; ; {
		cut := f.jumpIndex(since)
		switch {
		case cut < 0:
			if since = f.end - f.pos; since > maxRow {
				long, since = true, f.release(since)
			}
			if f.err != nil {
				return f.last(long)
			}
			f.fill()
			continue
		case long || cut > maxRow || lines > maxLines:
			long, cut = true, f.release(cut)
		}
		follow := f.afterBlank(cut + 1)
		finish, err := f.finish(cut, follow, isRow, long)
		if err != nil {
			return nil, false, err
		}
		if !finish {
			since, lines = follow, lines+1
			continue
		}
		row = bytes.TrimRight(f.buf[f.pos:f.pos+cut], "\r")
		f.pos += cut + 1
		if long {
			return nil, true, errLongRow
		}
		return row, true, nil
	}
}

// finish reports whether the line break at cut ends the row that has begun; follow is
// what follows it and is not blank, negative when nothing does.
func (f *rows) finish(cut, follow int, isRow, long bool) (bool, error) {
	last := !f.crlf || cut > 0 && f.buf[f.pos+cut-1] == '\r'
	start := follow >= 0 && (f.begin(follow) || f.head(follow))
	switch {
	case last && start, long && follow < 0:
		return true, nil
	case !isRow:
		return last || start || follow < 0, nil
	case long:
		return false, nil
	}
	where, complete := f.align.final(string(bytes.TrimRight(f.buf[f.pos:f.pos+cut], "\r")))
	switch {
	case follow < 0:
		if where == inName && !complete && !f.finished() {
			return false, f.err // it was cut by a failure
		}
		return true, nil
	case where == inFixed:
		return last || start || complete, nil
	case where == inOtherColumn:
		return last || start, nil
	}
	f.doubt = f.doubt || start || last && complete
	return start && complete, nil
}

// finished reports whether all of the text has come. A checksum that is another is told
// behind the last byte.
func (f *rows) finished() bool {
	return errors.Is(f.err, io.EOF) || errors.Is(f.err, zipdir.ErrChecksum)
}

// last is what has no line break behind it.
func (f *rows) last(long bool) ([]byte, bool, error) {
	row := f.buf[f.pos:f.end]
	f.pos = f.end
	switch {
	case !f.finished(): // a row that was cut by a failure is none
		return nil, false, f.err
	case long:
		return nil, false, errLongRow
	}
	without := bytes.TrimRight(row, "\r\n")
	return without, len(without) < len(row), nil
}

func (f *rows) jumpIndex(since int) int {
	rest := f.buf[f.pos+since : f.end]
	i := bytes.IndexByte(rest, f.jump)
	if f.jump == '\r' {
		i = bytes.IndexAny(rest, "\r\n")
	}
	if i < 0 {
		return i
	}
	return since + i
}

// release drops what is before a place but for the byte right before it, and returns
// where the place is then.
func (f *rows) release(n int) int {
	f.pos += n - 1
	return 1
}

// begin reports whether what is at a place has the shape of a row's beginning.
func (f *rows) begin(at int) bool {
	k := f.align.uuid
	if k == 0 {
		f.ensure(at + uUIDLength + maxOrnaments + 1)
		b := f.buf[f.pos+at : min(f.end, f.pos+at+uUIDLength+maxOrnaments+1)]
		if len(b) > uUIDLength && b[uUIDLength] == separator {
			return uuidForm(b[:uUIDLength])
		}
		i := bytes.IndexByte(b, separator)
		return i > uUIDLength && uuidForm(bytes.Trim(b[:i], ornaments))
	}
	f.ensure(at + maxStart)
	line := f.buf[f.pos+at : min(f.end, f.pos+at+maxStart)]
	if i := bytes.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	for i := 0; ; i++ {
		field, rest, has := bytes.Cut(line, []byte{separator})
		if i == k {
			return uuidForm(bytes.Trim(field, ornaments))
		}
		if c := f.align.columns[i]; !has || !c.free() && !c.admit(string(field), false) {
			return false
		}
		line = rest
	}
}

// head reports whether a header begins at a place: texts that were put together have
// one in the middle.
func (f *rows) head(at int) bool {
	f.ensure(at + maxStartHeader)
	return looksHeader(f.buf[f.pos+at : min(f.end, f.pos+at+maxStartHeader)])
}

// uuidForm reports whether a field is as long as a UUID, with its hyphens. One that
// is damaged is to be told as a row, not taken for a part of the row before.
func uuidForm[T string | []byte](s T) bool {
	return len(s) == uUIDLength && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// inBlank are the bytes that may stand before a row: a DOS text ends with 0x1A.
func inBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == 0x1A
}

// afterBlank returns the place of the first byte from n on that is not blank; -1 when
// there is none, or none near.
func (f *rows) afterBlank(n int) int {
	for i := n; i-n < maxBlank; i++ {
		f.ensure(i + 1)
		if f.pos+i >= f.end {
			return -1
		}
		if f.buf[f.pos+i] == utf8Mark[0] {
			if f.ensure(i + len(utf8Mark)); bytes.HasPrefix(f.buf[f.pos+i:f.end], []byte(utf8Mark)) {
				i += len(utf8Mark) - 1
				continue
			}
		}
		if !inBlank(f.buf[f.pos+i]) {
			return i
		}
	}
	return -1
}

// skipBlank passes over blanks and marks. It returns the reader's error when nothing
// else is left.
func (f *rows) skipBlank() error {
	for {
		f.ensure(len(utf8Mark))
		switch rest := f.buf[f.pos:f.end]; {
		case len(rest) == 0:
			return f.err
		case inBlank(rest[0]):
			f.pos++
		case bytes.HasPrefix(rest, []byte(utf8Mark)):
			f.pos += len(utf8Mark)
		default:
			return nil
		}
	}
}

// ensure reads until n bytes are there, or no more come.
func (f *rows) ensure(n int) {
	for f.end-f.pos < n && f.err == nil {
		f.fill()
	}
}

func (f *rows) fill() {
	f.end = copy(f.buf, f.buf[f.pos:f.end])
	f.pos = 0
	for empty := 0; f.err == nil; empty++ {
		n, err := f.r.Read(f.buf[f.end:])
		f.end += n
		f.err = err
		if n > 0 {
			return
		}
		if err == nil && empty > 100 {
			f.err = io.ErrNoProgress
		}
	}
}
