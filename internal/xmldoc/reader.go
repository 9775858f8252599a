package xmldoc

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// The bounds where Options leaves them 0.
const (
	defaultDepth      = 64
	defaultName       = 1000
	defaultAttributes = 256
)

// window is what is read at a time.
const window = 32 << 10

// Options say how a document is read; the zero value is right for one that is
// received whole.
type Options struct {
	// Charset is the encoding that the transport tells, such as the charset of a
	// Content-Type; it goes before the declaration.
	Charset string
	// Decoded says that the document is text already, such as a string of JSON: in
	// UTF-8 without a mark, whatever its declaration says.
	Decoded bool
	// OnlyUTF8 refuses a document that is in another encoding, or says so.
	OnlyUTF8 bool
	// LoosePrefixes lets prefixes pass that are not declared. Their names then
	// have the prefix in the place of the namespace.
	LoosePrefixes bool
	// Around passes over what stands around a document that came whole otherwise:
	// anything before its first <, within a kilobyte, and text behind its root.
	// Reader.Around tells. A second root is refused all the same.
	Around bool
	// Copy gets the document as it is read, in UTF-8 and to the end of its root,
	// without what Piece takes. What it returns as an error ends the reading.
	Copy io.Writer
	// Window is what is read at a time: 0 stands for 32 KiB.
	Window int
	// The bounds; 0 stands for 64 levels, names of 1,000 bytes, 256 attributes
	// of one element, and values and texts of any length.
	MaxDepth, MaxName, MaxAttributes, MaxValue int
}

// Event is what Next has come to.
type Event uint8

// The events. Comments, the declaration and texts without a character are none.
const (
	// Start is an element that begins; its attributes must be read next.
	Start Event = iota + 1
	// End is the end of an element, also of an empty one.
	End
	// CharData is text, as Value; a CDATA section is one of its own.
	CharData
	// Instruction is a processing instruction: Name is its target, Value the rest.
	Instruction
)

// Reader reads one document. Reset makes it ready for another one with the same memory.
type Reader struct {
	o        Options
	src      io.Reader
	buf      []byte
	pos, end int
	base     int64 // bytes before the window
	err      error // that src ended with
	carry    [utf8.UTFMax]byte
	carried  int // bytes of a character that the window's end cut

	start, taken int64 // where the last markup began, and the last piece of text
	value        []byte
	target       []byte // of an instruction
	// stack has the names of the open elements, one after the other; each ends
	// where ends says.
	stack []byte
	ends  []int
	// What follows is of the element that began last.
	attributes []attribute
	names      []byte // of the attributes, one after the other
	prefixed   bool   // one of its attributes has a prefix

	bindings       []binding
	declared       string // encoding of the declaration
	wide           bool   // the document is in UTF-16
	rooted         bool
	empty          bool // the element that began last has no content
	pending        bool // its attributes have not been read
	closing        bool // the innermost element has ended
	resumed        bool // the name of its end tag has been passed over
	crossed        bool // the fault is an end tag of another element, whose name is value
	before, behind bool // something stood there, see Options.Around
	copied         int  // what of the window has gone to Options.Copy
	failed         error
	interned       map[string]string
	values         []string
}

// NewReader returns a Reader of the document that src has. What is wrong with
// its encoding is told by the first event.
func NewReader(src io.Reader, o Options) *Reader {
	r := &Reader{}
	r.Reset(src, o)
	return r
}

// Reset begins another document.
func (r *Reader) Reset(src io.Reader, o Options) {
	if o.Window == 0 {
		o.Window = window
	}
	if len(r.buf) != o.Window {
		r.buf = make([]byte, o.Window)
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = defaultDepth
	}
	if o.MaxName == 0 {
		o.MaxName = defaultName
	}
	if o.MaxAttributes == 0 {
		o.MaxAttributes = defaultAttributes
	}
	*r = Reader{o: o, src: src, buf: r.buf, value: r.value[:0], target: r.target[:0], stack: r.stack[:0], ends: r.ends[:0],
		attributes: r.attributes[:0], names: r.names[:0], bindings: r.bindings[:0], interned: r.interned, values: r.values[:0]}
	r.failed = r.open()
}

// Offset counts the bytes that have been read, in UTF-8 and without a mark.
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// Depth is the number of open elements; one that has just ended is still counted.
func (r *Reader) Depth() int { return len(r.ends) }

// Name is the name of the innermost element, or of the one that has just ended,
// with its prefix; valid until the next call.
func (r *Reader) Name() []byte { return r.Open(len(r.ends)) }

// Open is the name of the open element at a level, the root's being 1.
func (r *Reader) Open(level int) []byte { return r.stack[r.from(level-1):r.ends[level-1]] }

// Value is the text of a CharData, the data of an Instruction; valid until the next call.
func (r *Reader) Value() []byte { return r.value }

// Target is the name of an Instruction.
func (r *Reader) Target() []byte { return r.target }

// Declared is the encoding that the declaration names, or "".
func (r *Reader) Declared() string { return r.declared }

// Around reports what has been passed over by Options.Around.
func (r *Reader) Around() (before, behind bool) { return r.before, r.behind }

// from is where the name of the element at an index begins.
func (r *Reader) from(i int) int {
	if i == 0 {
		return 0
	}
	return r.ends[i-1]
}

// fill reads more; what was in the window is gone. At the end it is io.EOF.
func (r *Reader) fill() error {
	for idle := 0; r.err == nil; idle++ {
		if err := r.copy(r.end); err != nil {
			return err
		}
		r.copied = 0
		r.base += int64(r.end)
		held := copy(r.buf, r.carry[:r.carried])
		n, err := r.src.Read(r.buf[held:])
		n += held
		r.err, r.carried = err, 0
		if !errors.Is(err, io.EOF) {
			whole := n - unfinished(r.buf[:n])
			r.carried = copy(r.carry[:], r.buf[whole:n])
			n = whole
		}
		r.pos, r.end = 0, n
		if n > 0 {
			return nil
		}
		if idle > 100 {
			r.err = io.ErrNoProgress
		}
	}
	return r.err
}

// copy hands the window on up to a place.
func (r *Reader) copy(to int) error {
	if r.o.Copy == nil || to <= r.copied {
		return nil
	}
	_, err := r.o.Copy.Write(r.buf[r.copied:to])
	r.copied = to
	return err
}

// unfinished counts the bytes at the end of b that begin a character.
func unfinished(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(b[len(b)-i:]) {
				return i
			}
			return 0
		}
	}
	return 0
}

func (r *Reader) peek() (byte, error) {
	if r.pos == r.end {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	return r.buf[r.pos], nil
}

// byte is one inside of something: the end is not expected there.
func (r *Reader) byte() (byte, error) {
	c, err := r.peek()
	if err != nil {
		return 0, r.cut(err)
	}
	r.pos++
	return c, nil
}

// Next returns the next event; io.EOF comes after a whole document. Every other
// error is an *Error, or what the source failed with, and stays.
func (r *Reader) Next() (Event, error) { return r.advance(true) }

// NextTag is Next without texts and instructions, which are only checked.
func (r *Reader) NextTag() (Event, error) { return r.advance(false) }

func (r *Reader) advance(keep bool) (Event, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	e, err := r.scan(keep)
	if err != nil && r.o.Around && r.rooted && len(r.ends) == 0 && !errors.Is(err, io.EOF) && !errors.Is(err, errRoots) {
		var fault *Error
		if errors.As(err, &fault) {
			r.behind, err = true, io.EOF
		}
	}
	if err != nil {
		r.failed = err
	}
	return e, err
}

// errRoots marks the fault of a second root.
var errRoots = errors.New("xmldoc: a second root")

func (r *Reader) scan(keep bool) (Event, error) {
	if r.pending {
		if err := r.Attributes(nil, nil); err != nil {
			return 0, err
		}
	}
	if r.closing {
		r.pop()
	}
	if r.empty {
		r.empty = false
		return End, r.ended()
	}
	if r.resumed {
		r.resumed = false
		return End, r.endOfTag()
	}
	for {
		if some, err := r.text(keep); err != nil || some {
			return CharData, err
		}
		r.start = r.Offset()
		r.pos++ // <, which text has stopped at
		e, err := r.markup(keep)
		if err != nil {
			return 0, err
		}
		if e == Start || e == End || keep && e != 0 {
			return e, nil
		}
	}
}

// markup reads one item of markup behind its <; 0 is one without an event.
func (r *Reader) markup(keep bool) (Event, error) {
	c, err := r.byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case '!':
		return r.bang(keep)
	case '?':
		return r.instruction(keep)
	case '/':
		return End, r.endTag()
	}
	r.pos--
	return Start, r.startTag()
}

func (r *Reader) startTag() error {
	switch {
	case len(r.ends) == 0 && r.rooted:
		return errors.Join(r.failAt(Malformed, "hay otro elemento después del elemento raíz"), errRoots)
	case len(r.ends) == r.o.MaxDepth:
		return r.failAt(Depth, "El documento tiene más de %d niveles", r.o.MaxDepth)
	}
	if n, _ := quickName(r.buf[r.pos:r.end]); n > 0 && n <= r.o.MaxName {
		r.stack = append(r.stack, r.buf[r.pos:r.pos+n]...)
		r.pos += n
	} else {
		var err error
		if r.stack, _, err = r.name(r.stack); err != nil {
			return err
		}
	}
	r.ends = append(r.ends, len(r.stack))
	r.rooted, r.pending = true, true
	return nil
}

// endTag reads the end of the innermost element, after its </.
func (r *Reader) endTag() error {
	if len(r.ends) == 0 {
		return r.failAt(Malformed, "se cierra un elemento que no está abierto")
	}
	if r.quickEnd() {
		return r.ended()
	}
	open := len(r.stack)
	var err error
	if r.stack, _, err = r.name(r.stack); err != nil {
		return err
	}
	closed := r.stack[open:]
	r.stack = r.stack[:open]
	if !bytes.Equal(closed, r.Name()) {
		r.crossed, r.value = true, append(r.value[:0], closed...)
		return r.failAt(Malformed, "se cierra %s, que no es el último elemento abierto", brief(closed))
	}
	return r.endOfTag()
}

func (r *Reader) endOfTag() error {
	if _, err := r.blanks(); err != nil {
		return err
	}
	if err := r.expect(">"); err != nil {
		return err
	}
	return r.ended()
}

// pop takes the innermost element, which has ended, and its namespaces off.
func (r *Reader) pop() {
	for n := len(r.bindings); n > 0 && r.bindings[n-1].depth == len(r.ends); n-- {
		r.bindings = r.bindings[:n-1]
	}
	last := len(r.ends) - 1
	r.stack, r.ends, r.closing = r.stack[:r.from(last)], r.ends[:last], false
}

// ended tells the copy that the innermost element has ended, which is the last
// of it when it is the root.
func (r *Reader) ended() error {
	r.closing = true
	if len(r.ends) > 1 {
		return nil
	}
	err := r.copy(r.pos)
	r.o.Copy = nil
	return err
}

func (r *Reader) blanks() (any bool, err error) {
	for {
		c, err := r.peek()
		if err != nil {
			return any, r.cut(err)
		}
		if !blank(c) {
			return any, nil
		}
		any = true
		r.pos++
	}
}

func (r *Reader) expect(text string) error {
	for i := range len(text) {
		if c, err := r.byte(); err != nil {
			return err
		} else if c != text[i] {
			r.pos--
			return r.fail(Malformed, "aquí debe estar %q", text[i:])
		}
	}
	return nil
}
