package xmldoc

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// The default bounds of Options.
const (
	defaultDepth      = 64
	defaultName       = 1000
	defaultAttributes = 256
)

// window is the size of one read.
const window = 32 << 10

// Options control the reading of a document. The zero value suits a document that is
// received whole.
type Options struct {
	// Charset is the transport's encoding, such as the charset of a Content-Type. It has
	// priority over the declaration.
	Charset string
	// Decoded reports that the document is text already, such as a JSON string: UTF-8
	// without a mark, whatever it declares.
	Decoded bool
	// OnlyUTF8 refuses a document that is in, or declares, another encoding.
	OnlyUTF8 bool
	// LoosePrefixes allows undeclared prefixes. Such a name has the prefix as its
	// namespace.
	LoosePrefixes bool
	// Around tolerates text around a complete document: up to a kilobyte before its first
	// <, and anything after its root. Reader.Around reports whether there was any. A
	// second root is still refused.
	Around bool
	// Copy receives the document as it is read, in UTF-8, up to the end of its root,
	// without what Piece returns. Its error ends the reading.
	Copy io.Writer
	// Window is the size of one read; 0 means 32 KiB.
	Window int
	// The bounds. 0 means 64 levels, names of 1,000 bytes, 256 attributes per element,
	// and values and texts of any length.
	MaxDepth, MaxName, MaxAttributes, MaxValue int
}

// Event is the kind of item that Next found.
type Event uint8

// The events. There is none for comments, the declaration and empty texts.
const (
	// Start is the start of an element. Its attributes must be read next.
	Start Event = iota + 1
	// End is the end of an element; an empty element has one too.
	End
	// CharData is text, in Value. A CDATA section is a CharData of its own.
	CharData
	// Instruction is a processing instruction: Target has its target, Value the rest.
	Instruction
)

// Reader reads one document. Reset reuses it, and its memory, for another.
type Reader struct {
	o        Options
	src      io.Reader
	buf      []byte
	pos, end int
	base     int64 // bytes before the window
	err      error // the error with which src ended
	carry    [utf8.UTFMax]byte
	carried  int // bytes of a character cut by the end of the window

	start, taken int64 // start of the last markup, and of the last piece of text
	value        []byte
	target       []byte // of an instruction
	// stack holds the names of the open elements one after the other; ends holds their
	// ends.
	stack []byte
	ends  []int
	// The following fields describe the element that began last.
	attributes []attribute
	names      []byte // of the attributes, one after the other
	prefixed   bool   // one of its attributes has a prefix

	bindings       []binding
	declared       string // encoding of the declaration
	wide           bool   // the document is in UTF-16
	rooted         bool
	empty          bool // the element that began last is empty
	pending        bool // its attributes have not been read
	closing        bool // the innermost element has ended
	resumed        bool // the name of its end tag has been skipped
	crossed        bool // the fault is another element's end tag, whose name is in value
	before, behind bool // there was text, see Options.Around
	copied         int  // how much of the window has gone to Options.Copy
	failed         error
	interned       map[string]string
	values         []string
}

// NewReader returns a Reader of src's document. The first event reports a fault of its
// encoding.
func NewReader(src io.Reader, o Options) *Reader {
	r := &Reader{}
	r.Reset(src, o)
	return r
}

// Reset starts reading another document.
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

// Offset returns how many bytes have been read, in UTF-8 and without a mark.
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// Depth returns the number of open elements, including one that has just ended.
func (r *Reader) Depth() int { return len(r.ends) }

// Name returns the name, with prefix, of the innermost element or of the one that has
// just ended. It is valid until the next call.
func (r *Reader) Name() []byte { return r.Open(len(r.ends)) }

// Open returns the name of the open element at a level; the root's level is 1.
func (r *Reader) Open(level int) []byte { return r.stack[r.from(level-1):r.ends[level-1]] }

// Value returns the text of a CharData or the data of an Instruction, valid until the
// next call.
func (r *Reader) Value() []byte { return r.value }

// Declared returns the declared encoding, or "".
func (r *Reader) Declared() string { return r.declared }

// Around reports whether text was skipped because of Options.Around, before and after.
func (r *Reader) Around() (before, behind bool) { return r.before, r.behind }

// from returns where the name of the element at an index begins.
func (r *Reader) from(i int) int {
	if i == 0 {
		return 0
	}
	return r.ends[i-1]
}

// fill replaces the window's content with the next bytes. At the end it returns io.EOF.
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

// copy passes the window up to a position to Options.Copy.
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

// byte reads a byte within an item, where the document must not end.
func (r *Reader) byte() (byte, error) {
	c, err := r.peek()
	if err != nil {
		return 0, r.cut(err)
	}
	r.pos++
	return c, nil
}

// Next returns the next event, and io.EOF after a complete document. Every other error is
// an *Error or the source's own, and is returned again by later calls.
func (r *Reader) Next() (Event, error) { return r.advance(true) }

// NextTag is Next, but only checks texts and instructions and skips them.
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
		r.pos++ // the < at which text stopped
		e, err := r.markup(keep)
		if err != nil {
			return 0, err
		}
		if e == Start || e == End || keep && e != 0 {
			return e, nil
		}
	}
}

// markup reads one item of markup after its <; 0 means that it has no event.
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

// endTag reads the end tag of the innermost element, after its </.
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

// pop removes the innermost element, which has ended, and its namespaces.
func (r *Reader) pop() {
	for n := len(r.bindings); n > 0 && r.bindings[n-1].depth == len(r.ends); n-- {
		r.bindings = r.bindings[:n-1]
	}
	last := len(r.ends) - 1
	r.stack, r.ends, r.closing = r.stack[:r.from(last)], r.ends[:last], false
}

// ended tells the copy that the innermost element has ended. The root is the end of the
// copy.
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
