package xmldoc

import (
	"bytes"
	"unicode/utf8"
)

// Namespaces that are bound without a declaration.
const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// attribute is the name of one attribute of the element that began last, in Reader.names.
type attribute struct {
	from, to int
	colon    int // before the local part; -1 without a prefix
	// namespace is that of the prefix, if there is one.
	namespace string
}

// maxBindings bounds the prefixes that are in scope: each lookup scans them.
const maxBindings = 256

// binding is a prefix declared by an open element.
type binding struct {
	prefix, namespace string
	depth             int
}

// Attributes reads the attributes of the element that has just begun; call it once. want
// reports whether a name's value is wanted, and take then gets it, valid until take
// returns. The tag is known to be well formed only after Attributes has returned.
func (r *Reader) Attributes(want func(name []byte) bool, take func(value []byte) error) error {
	if r.failed != nil {
		return r.failed
	}
	if !r.pending {
		return nil
	}
	r.pending = false
	if err := r.tag(want, take); err != nil {
		r.failed = err
		return err
	}
	return nil
}

func (r *Reader) tag(want func(name []byte) bool, take func(value []byte) error) error {
	r.attributes, r.names, r.prefixed = r.attributes[:0], r.names[:0], false
	var seen uint64
	for {
		if r.pos < r.end && r.buf[r.pos] == '>' {
			r.pos++
			return r.namespaces()
		}
		some, err := r.blanks()
		if err != nil {
			return err
		}
		c, err := r.peek()
		switch {
		case err != nil:
			return r.cut(err)
		case c == '>':
			r.pos++
			return r.namespaces()
		case c == '/':
			r.pos++
			r.empty = true
			if err := r.expect(">"); err != nil {
				return err
			}
			return r.namespaces()
		case !some:
			if len(r.attributes) > 0 && classes[c]&(nameStart|nameWide) != 0 {
				return r.fail(Malformed, "falta un espacio entre dos atributos")
			}
			return r.fail(Malformed, "hay un carácter que no puede estar en una etiqueta")
		case len(r.attributes) == r.o.MaxAttributes:
			return r.failAt(Bound, "Un elemento tiene más de %d atributos", r.o.MaxAttributes)
		}
		if err := r.attribute(&seen, want, take); err != nil {
			return err
		}
	}
}

func (r *Reader) attribute(seen *uint64, want func(name []byte) bool, take func(value []byte) error) error {
	from := len(r.names)
	plain, value, colon, taken := quickAttribute(r.buf[r.pos:r.end])
	quick := taken > 0 && len(plain) <= r.o.MaxName && (r.o.MaxValue == 0 || len(value) <= r.o.MaxValue)
	if quick {
		r.names = append(r.names, plain...)
		r.pos += taken
	} else {
		var err error
		if r.names, colon, err = r.name(r.names); err != nil {
			return err
		}
	}
	name := r.names[from:]
	if err := r.note(attribute{from: from, to: len(r.names), colon: colon}, name, seen); err != nil {
		return err
	}
	binds := declares(name)
	wanted := want != nil && want(name)
	if !quick {
		quote, err := r.equals()
		if err != nil {
			return err
		}
		if err := r.attributeValue(quote, wanted || binds); err != nil {
			return err
		}
		value = r.value
	}
	if binds {
		if err := r.bind(name, value); err != nil {
			return err
		}
	}
	if wanted {
		return take(value)
	}
	return nil
}

// note records an attribute's name. colon is relative to the name's beginning.
func (r *Reader) note(a attribute, name []byte, seen *uint64) error {
	if a.colon >= 0 {
		a.colon += a.from
		r.prefixed = true
	}
	// One bit of a hash distinguishes most names.
	bit := uint64(1) << ((uint(len(name)) + 7*uint(name[0]) + 5*uint(name[len(name)-1]) + 3*uint(name[len(name)/2])) & 63)
	if *seen&bit != 0 && r.repeated(name) {
		return r.failAt(Malformed, "el atributo %s está repetido", brief(name))
	}
	*seen |= bit
	r.attributes = append(r.attributes, a)
	return nil
}

func (r *Reader) repeated(name []byte) bool {
	for _, a := range r.attributes {
		if bytes.Equal(r.names[a.from:a.to], name) {
			return true
		}
	}
	return false
}

// attributeValue reads up to the closing quote, into value if it is to be kept.
func (r *Reader) attributeValue(quote byte, keep bool) error {
	r.value = r.value[:0]
	afterCR := false
	for {
		if _, err := r.peek(); err != nil {
			return r.cut(err)
		}
		piece, stop := r.piece(quote)
		if i := bytes.IndexByte(piece, '<'); i >= 0 {
			r.pos = int(r.taken-r.base) + i
			return &Error{Kind: Malformed, Detail: "el valor de un atributo tiene un < sin escapar", Offset: r.taken + int64(i)}
		}
		if err := r.check(piece); err != nil {
			r.unread(stop)
			return err
		}
		if keep {
			var err error
			if afterCR, err = r.keep(piece, ' ', afterCR); err != nil {
				return err
			}
		}
		switch stop {
		case '&':
			char, err := r.reference()
			if err != nil {
				return err
			}
			if keep {
				r.value, afterCR = utf8.AppendRune(r.value, char), false
			}
		case quote:
			return nil
		}
	}
}

// name reads a name and appends it to into. colon is the end of its prefix in it, or -1.
func (r *Reader) name(into []byte) (name []byte, colon int, err error) {
	begin, colon := len(into), -1
	want := byte(nameStart)
	for {
		if _, err := r.peek(); err != nil {
			return into, colon, r.cut(err)
		}
		c := r.buf[r.pos]
		n := 1
		switch class := classes[c]; {
		case class&want != 0:
			want = nameChar
		case class == nameWide:
			if n, err = r.wideInName(want); err != nil {
				return into, colon, err
			}
			want = nameChar
		case c == ':' && colon < 0 && want == nameChar:
			colon = len(into) - begin
			want = nameStart
		case c == ':' || want == nameStart:
			return into, colon, r.badName()
		default:
			return into, colon, nil
		}
		into = append(into, r.buf[r.pos:r.pos+n]...)
		r.pos += n
		if len(into)-begin > r.o.MaxName {
			return into, colon, r.failAt(Bound, "Un nombre pasa de %d bytes", r.o.MaxName)
		}
	}
}

// wideInName returns the length of the next character, which is not ASCII, or 0 if a name
// cannot have it.
func (r *Reader) wideInName(want byte) (int, error) {
	char, n := utf8.DecodeRune(r.buf[r.pos:r.end])
	switch {
	case char == utf8.RuneError && n == 1:
		return 0, r.fail(Bytes, "El texto no está en UTF-8")
	case want == nameStart && !startsName(char), !inName(char):
		return 0, r.badName()
	}
	return n, nil
}

func (r *Reader) badName() error { return r.fail(Malformed, "aquí debe estar un nombre") }

// bind records a namespace declaration (Namespaces in XML 1.0 §2.2 and §3).
func (r *Reader) bind(name, value []byte) error {
	prefix := ""
	if len(name) > len("xmlns") {
		prefix = r.intern(name[len("xmlns:"):])
	}
	namespace := r.intern(value)
	ok := namespace != xmlNamespace && namespace != xmlnsNamespace && (prefix == "" || namespace != "")
	switch prefix {
	case "xml":
		ok = namespace == xmlNamespace
	case "xmlns":
		ok = false
	}
	if !ok {
		return r.failAt(Malformed, "el espacio de nombres de %s está mal declarado", brief(name))
	}
	if len(r.bindings) == maxBindings {
		return r.failAt(Bound, "Hay más de %d espacios de nombres declarados a la vez", maxBindings)
	}
	r.bindings = append(r.bindings, binding{prefix, namespace, len(r.ends)})
	return nil
}

// Lookup returns the namespace bound to prefix in this place, and whether there is one.
// The default namespace has the prefix "".
func (r *Reader) Lookup(prefix string) (namespace string, ok bool) {
	for i := len(r.bindings) - 1; i >= 0; i-- {
		if r.bindings[i].prefix == prefix {
			return r.bindings[i].namespace, r.bindings[i].namespace != ""
		}
	}
	switch prefix {
	case "xml":
		return xmlNamespace, true
	case "xmlns":
		return xmlnsNamespace, true
	}
	return "", false
}

// namespaces checks the tag just read: its prefixes are declared (Namespaces in XML 1.0
// §5) and no attribute is repeated (§6.3).
func (r *Reader) namespaces() error {
	if prefix, _, has := bytes.Cut(r.Name(), []byte(":")); has && (string(prefix) == "xmlns" || !r.bound(r.intern(prefix))) {
		return r.failAt(Malformed, "el prefijo de %s no está declarado", brief(r.Name()))
	}
	if !r.prefixed {
		return nil
	}
	for i := range r.attributes {
		a := &r.attributes[i]
		if a.colon < 0 {
			continue
		}
		prefix := r.intern(r.names[a.from:a.colon])
		if prefix == "xmlns" {
			continue
		}
		var ok bool
		if a.namespace, ok = r.Lookup(prefix); !ok && !r.o.LoosePrefixes {
			return r.failAt(Malformed, "el prefijo de %s no está declarado", brief(r.names[a.from:a.to]))
		}
		if a.namespace != "" && r.again(i) {
			return r.failAt(Malformed, "el atributo %s está repetido", brief(r.names[a.colon+1:a.to]))
		}
	}
	return nil
}

// again reports whether an attribute before the one at i has the same name and namespace.
func (r *Reader) again(i int) bool {
	a := r.attributes[i]
	for _, b := range r.attributes[:i] {
		if b.namespace == a.namespace && bytes.Equal(r.names[a.colon:a.to], r.names[b.colon:b.to]) {
			return true
		}
	}
	return false
}

func (r *Reader) bound(prefix string) bool {
	_, ok := r.Lookup(prefix)
	return ok || r.o.LoosePrefixes
}
