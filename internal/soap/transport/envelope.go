package transport

import (
	"errors"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/signing"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// errEnvelope is returned for bytes that gowsdl and encoding/xml would not write.
var errEnvelope = errors.New("transport: not an envelope as the stub writes it")

// maxDepth bounds nesting; the deepest contract needs six.
const maxDepth = 32

// usualAttrs is how many attributes the largest request has.
const usualAttrs = 12

// parseEnvelope returns the element in the Body of an envelope written by a gowsdl stub.
// It accepts the small part of XML that encoding/xml writes (a start and an end tag for
// each element, double quotes, default namespaces, no comments, no CDATA) and refuses the
// rest. Elements take the body's namespace; xmlns attributes are dropped.
func parseEnvelope(stub []byte) (*signing.Element, error) {
	s := &scanner{rest: string(stub)}
	envelope, ok := s.element(0)
	if !ok || s.rest != "" || envelope.Local != "soap:Envelope" || len(envelope.Children) == 0 {
		return nil, errEnvelope
	}
	body := envelope.Children[len(envelope.Children)-1]
	if body.Local != "soap:Body" || len(body.Children) != 1 {
		return nil, errEnvelope
	}
	return &body.Children[0], nil
}

// scanner consumes rest from the front.
type scanner struct{ rest string }

func (s *scanner) element(depth int) (signing.Element, bool) {
	var e signing.Element
	var ok bool
	if depth > maxDepth || !s.skip("<") {
		return e, false
	}
	if e.Local, ok = s.name(); !ok || depth > 1 && strings.ContainsRune(e.Local, ':') {
		return e, false
	}
	for s.skip(" ") {
		name, ok1 := s.name()
		value, ok2 := s.quoted()
		if !ok1 || !ok2 {
			return e, false
		}
		if name == "xmlns" || strings.HasPrefix(name, "xmlns:") {
			continue
		}
		if strings.ContainsRune(name, ':') {
			return e, false
		}
		if e.Attrs == nil {
			e.Attrs = make([]signing.Attr, 0, usualAttrs)
		}
		e.Attrs = append(e.Attrs, signing.Attr{Local: name, Value: value})
	}
	if !s.skip(">") || !s.content(&e, depth) {
		return e, false
	}
	return e, s.skip("</") && s.skip(e.Local) && s.skip(">")
}

// content reads text or children up to the end tag, and refuses a mixture.
func (s *scanner) content(e *signing.Element, depth int) bool {
	i := strings.IndexByte(s.rest, '<')
	if i < 0 {
		return false
	}
	text, ok := unescape(s.rest[:i])
	if !ok {
		return false
	}
	e.Text, s.rest = text, s.rest[i:]
	for !strings.HasPrefix(s.rest, "</") {
		child, ok := s.element(depth + 1)
		if !ok || e.Text != "" {
			return false
		}
		e.Children = append(e.Children, child)
	}
	return true
}

func (s *scanner) skip(prefix string) bool {
	rest, ok := strings.CutPrefix(s.rest, prefix)
	if ok {
		s.rest = rest
	}
	return ok
}

// name reads an ASCII name with an optional prefix. All names of the contracts are ASCII.
func (s *scanner) name() (string, bool) {
	n := 0
	for n < len(s.rest) && isNameByte(s.rest[n], n == 0 || s.rest[n-1] == ':') {
		n++
	}
	name := s.rest[:n]
	s.rest = s.rest[n:]
	return name, n > 0 && name[n-1] != ':' && strings.Count(name, ":") <= 1
}

func isNameByte(c byte, first bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		return true
	case c >= '0' && c <= '9', c == '-', c == '.', c == ':':
		return !first
	}
	return false
}

func (s *scanner) quoted() (string, bool) {
	if !s.skip(`="`) {
		return "", false
	}
	i := strings.IndexByte(s.rest, '"')
	if i < 0 || strings.IndexByte(s.rest[:i], '<') >= 0 {
		return "", false
	}
	value, ok := unescape(s.rest[:i])
	s.rest = s.rest[i+1:]
	return value, ok
}

// entity returns the character of a reference that encoding/xml writes.
func entity(ref string) (string, bool) {
	switch ref {
	case "&amp;":
		return "&", true
	case "&lt;":
		return "<", true
	case "&gt;":
		return ">", true
	case "&#34;":
		return `"`, true
	case "&#39;":
		return "'", true
	case "&#x9;":
		return "\t", true
	case "&#xA;":
		return "\n", true
	case "&#xD;":
		return "\r", true
	}
	return "", false
}

// unescape resolves the references that encoding/xml writes. It refuses any other, and
// any character that XML 1.0 forbids.
func unescape(s string) (string, bool) {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '>' {
			return "", false
		}
	}
	if xmldoc.Foreign(s) >= 0 {
		return "", false
	}
	if strings.IndexByte(s, '&') < 0 {
		return s, true
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String(), true
		}
		b.WriteString(s[:i])
		j := strings.IndexByte(s[i:], ';')
		if j < 0 {
			return "", false
		}
		text, ok := entity(s[i : i+j+1])
		if !ok {
			return "", false
		}
		b.WriteString(text)
		s = s[i+j+1:]
	}
}
