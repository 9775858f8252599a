package signing

import (
	"cmp"
	"slices"
)

// Element is one XML element of a request. All elements of a request share one namespace
// and no attribute has one, as in every contract served here.
type Element struct {
	Local    string
	Attrs    []Attr
	Children []Element
	// Text is the character data, unescaped; an element has text or children.
	Text string
}

// Attr is one attribute, unescaped.
type Attr struct{ Local, Value string }

// Namespace binds a prefix to a namespace name.
type Namespace struct{ Prefix, Name string }

// SortAttrs sorts the attributes of e and its descendants in canonical order: by local
// name, because none has a namespace (Canonical XML 1.0 §2.2).
func (e *Element) SortAttrs() {
	slices.SortFunc(e.Attrs, func(a, b Attr) int { return cmp.Compare(a.Local, b.Local) })
	for i := range e.Children {
		e.Children[i].SortAttrs()
	}
}

// AppendCanonical appends e in canonical form, which is the same in Canonical XML 1.0 and
// Exclusive XML Canonicalization 1.0 if scope holds the namespaces to declare on e: no
// empty-element tags, declarations sorted by prefix before the attributes, double quotes,
// minimal escapes. Every element gets prefix. The attributes must be sorted.
func (e *Element) AppendCanonical(dst []byte, prefix string, scope ...Namespace) []byte {
	dst = append(dst, '<')
	dst = appendName(dst, prefix, e.Local)
	for _, ns := range scope {
		dst = append(dst, ` xmlns`...)
		if ns.Prefix != "" {
			dst = append(append(dst, ':'), ns.Prefix...)
		}
		dst = append(appendAttrValue(append(dst, `="`...), ns.Name), '"')
	}
	for _, a := range e.Attrs {
		dst = append(append(dst, ' '), a.Local...)
		dst = append(appendAttrValue(append(dst, `="`...), a.Value), '"')
	}
	dst = append(dst, '>')
	dst = appendText(dst, e.Text)
	for i := range e.Children {
		dst = e.Children[i].AppendCanonical(dst, prefix)
	}
	return appendEnd(dst, prefix, e.Local)
}

func appendEnd(dst []byte, prefix, local string) []byte {
	return append(appendName(append(dst, `</`...), prefix, local), '>')
}

func appendName(dst []byte, prefix, local string) []byte {
	if prefix != "" {
		dst = append(append(dst, prefix...), ':')
	}
	return append(dst, local...)
}

// appendText escapes character data (Canonical XML 1.0 §2.3, text nodes).
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '\r':
			dst = append(dst, "&#xD;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendAttrValue escapes an attribute's value (Canonical XML 1.0 §2.3, attribute nodes).
func appendAttrValue(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t':
			dst = append(dst, "&#x9;"...)
		case '\n':
			dst = append(dst, "&#xA;"...)
		case '\r':
			dst = append(dst, "&#xD;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
