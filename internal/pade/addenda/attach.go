package addenda

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// The reasons to withhold a returned CFDI.
var (
	// ErrUnreadable: it is not a readable CFDI.
	ErrUnreadable = errors.New("addenda: the answer is not a readable CFDI")
	// ErrAltered: something other than its Addenda changed.
	ErrAltered = errors.New("addenda: the CFDI changed outside of its Addenda")
	// ErrWithoutAddenda: it has no Addenda with content, or only the one that it had.
	ErrWithoutAddenda = errors.New("addenda: the CFDI came back without a new Addenda")
)

// Refusal is the reason to withhold a returned CFDI.
type Refusal struct {
	// Class is one of the errors above.
	Class error
	// Detail describes it in Spanish, without values.
	Detail string
}

func (r *Refusal) Error() string { return r.Class.Error() + ": " + r.Detail }

// Unwrap returns the class.
func (r *Refusal) Unwrap() error { return r.Class }

// Attach checks that after is before with an addenda attached, so that the seal is
// unchanged. It compares the documents without their Addendas (children of the
// Comprobante, in its namespace), as Canonical XML without comments would, and regardless
// of prefixes: names with their namespaces, attributes as sets, text exactly. Two more
// things may differ, because no seal covers them: white space between elements, and
// locations added to the root's xsi:schemaLocation.
//
// The error is a *Refusal, or another one if before itself is not a CFDI. The avisos are
// about parts that the seal does not cover.
func Attach(before, after []byte) ([]Aviso, error) {
	a, err := newComparison(before)
	if err != nil {
		return nil, fmt.Errorf("addenda: the CFDI that was sent: %w", err)
	}
	b, err := newComparison(after)
	if err != nil {
		return nil, &Refusal{ErrUnreadable, err.Error()}
	}
	var path []string
	for {
		de, errA := a.next()
		en, errB := b.next()
		switch {
		case errA != nil && !errors.Is(errA, io.EOF):
			return nil, fmt.Errorf("addenda: the CFDI that was sent: %w", errA)
		case errB != nil && !errors.Is(errB, io.EOF):
			return nil, &Refusal{ErrUnreadable, errB.Error()}
		case errA != nil && errB != nil:
			return b.ofPlace(), withAddenda(a, b)
		case errA != nil || errB != nil:
			return nil, &Refusal{ErrAltered, "Cambió lo que está detrás del elemento raíz."}
		}
		if de.class == open {
			path = append(path, de.name.Local)
		}
		if where, same := compare(de, en, len(path) == 1); !same {
			return nil, altered(path, where, en)
		}
		if de.class == shut {
			path = path[:len(path)-1]
		}
	}
}

func withAddenda(a, b *comparison) error {
	switch {
	case !b.content:
		return &Refusal{ErrWithoutAddenda, "No trae una Addenda con contenido."}
	case a.content && slices.Equal(a.addenda.Sum(nil), b.addenda.Sum(nil)):
		return &Refusal{ErrWithoutAddenda, "Su Addenda es la misma que ya tenía."}
	}
	return nil
}

// altered describes the first difference.
func altered(path []string, where string, en evento) error {
	place := "/" + strings.Join(path, "/") + where
	if en.class == open && en.name.Local == "Addenda" && where == "" {
		return &Refusal{ErrAltered, "Trae una Addenda que no es hija de Comprobante en su espacio de nombres, en " + place + "."}
	}
	return &Refusal{ErrAltered, "La primera diferencia está en " + place + "."}
}

// compare compares two events; where is the part that differs.
func compare(a, b evento, root bool) (where string, same bool) {
	if a.class != b.class || a.name != b.name {
		return "", false
	}
	if a.text != b.text {
		return "/text()", false
	}
	if root && a.class == open {
		a.attributes, b.attributes = locations(a.attributes, b.attributes)
	}
	for i := range max(len(a.attributes), len(b.attributes)) {
		switch {
		case i >= len(a.attributes):
			return "/@" + b.attributes[i].Name.Local, false
		case i >= len(b.attributes) || a.attributes[i] != b.attributes[i]:
			return "/@" + a.attributes[i].Name.Local, false
		}
	}
	return "", true
}

// locations removes schemaLocation from both lists if b's has all the pairs of a's: the
// PAC may add the location of the addenda's schema.
func locations(a, b []xml.Attr) (withoutA, withoutB []xml.Attr) {
	es := func(x xml.Attr) bool {
		return x.Name == xml.Name{Space: "http://www.w3.org/2001/XMLSchema-instance", Local: "schemaLocation"}
	}
	pairs := func(attributes []xml.Attr) map[[2]string]bool {
		all := map[[2]string]bool{}
		if i := slices.IndexFunc(attributes, es); i >= 0 {
			words := strings.Fields(attributes[i].Value)
			for pair := range slices.Chunk(words, 2) {
				all[[2]string{pair[0], pair[len(pair)-1]}] = true
			}
		}
		return all
	}
	has := pairs(b)
	for pair := range pairs(a) {
		if !has[pair] {
			return a, b
		}
	}
	return slices.DeleteFunc(slices.Clone(a), es), slices.DeleteFunc(slices.Clone(b), es)
}

// comparison returns the events of a CFDI to compare, and summarizes its Addendas.
type comparison struct {
	l        *reader
	root     xml.Name
	prior    class   // of the last event that was not text
	pending  *evento // read after a text that had to be returned first
	addenda  hash.Hash
	content  bool
	addendas int
	behind   bool // something follows an Addenda
}

func newComparison(b []byte) (*comparison, error) {
	s, err := read(b)
	if err != nil {
		return nil, err
	}
	return &comparison{l: newReader(s, false), addenda: sha256.New()}, nil
}

// next returns the next event outside the Addenda.
func (c *comparison) next() (evento, error) {
	for {
		e, err := c.whole()
		if err != nil || e.class != open {
			return e, err
		}
		if c.root.Local == "" {
			if !isCFDI(e.name) {
				return evento{}, errors.New("the root is not a Comprobante")
			}
			c.root = e.name
		}
		if c.l.r.Depth() != 2 || e.name != (xml.Name{Space: c.root.Space, Local: "Addenda"}) {
			c.behind = c.behind || c.addendas > 0
			return e, nil
		}
		c.addendas++
		if err := c.pass(); err != nil {
			return evento{}, err
		}
	}
}

// pass reads to the end of an Addenda.
func (c *comparison) pass() error {
	for depth := 1; depth > 0; {
		e, err := c.whole()
		if err != nil {
			return err
		}
		switch e.class {
		case open:
			depth++
			c.content = true
		case shut:
			depth--
		case text:
			c.content = c.content || strings.Trim(e.text, blank) != ""
		}
		c.addenda.Write(fmt.Appendf(nil, "%d %q %q %q\n", e.class, e.name, e.attributes, e.text))
	}
	return nil
}

// whole joins text split by CDATA sections or comments. White space between elements is
// dropped; white space that is an element's only content is kept.
func (c *comparison) whole() (evento, error) {
	if p := c.pending; p != nil {
		c.pending = nil
		c.prior = p.class
		return *p, nil
	}
	var parts strings.Builder
	for {
		e, err := c.l.next()
		if err != nil {
			return evento{}, err
		}
		if e.class == text {
			parts.WriteString(e.text)
			continue
		}
		only := c.prior == open && e.class == shut && c.l.r.Depth() > 1
		if parts.Len() > 0 && (only || strings.Trim(parts.String(), blank) != "") {
			c.pending = &e
			return evento{class: text, text: parts.String()}, nil
		}
		c.prior = e.class
		return e, nil
	}
}
