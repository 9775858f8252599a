package pade

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

var (
	errDTD         = errors.New("DOCTYPE is not allowed")
	errPrologue    = errors.New("content is not allowed in prolog or after the root")
	errWithoutRoot = errors.New("no root element")
	errRoots       = errors.New("more than one root element")
	errPrefix      = errors.New("undeclared namespace prefix")
	errRepeated    = errors.New("duplicate attribute")
)

// reader reads a document of UTF-8 and refuses what Go's decoder lets pass and the service's parser does
// not: a DTD, prefixes not declared, attributes twice, text or elements beside the root where it comes to
// them, and the rest at the end.
type reader struct {
	source       []byte
	d            *xml.Decoder
	openElements []string   // local names of the open elements
	ns           [][]string // namespaces that each of them declares
	root         bool       // there was one
	before       int64      // offset of the last token
}

func newReader(b []byte) *reader {
	d := xml.NewDecoder(bytes.NewReader(b)) //nolint:gosec // G709: tokens alone, of a bounded body
	// What the declaration says does not matter: the text is decoded.
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return &reader{source: b, d: d}
}

// token returns the next one; io.EOF after a whole document.
func (l *reader) token() (xml.Token, error) {
	l.before = l.d.InputOffset()
	t, err := l.d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			if !l.root {
				return nil, errWithoutRoot
			}
			if _, bad := wellformed.Read(string(l.source)); bad != nil {
				return nil, bad
			}
		}
		return nil, err
	}
	switch x := t.(type) {
	case xml.Directive:
		return nil, errDTD
	case xml.ProcInst:
		if x.Target == "xml" && l.before != 0 {
			return nil, errPrologue
		}
	case xml.CharData:
		if len(l.openElements) == 0 && len(bytes.Trim(x, " \t\r\n")) > 0 {
			return nil, errPrologue
		}
	case xml.StartElement:
		return t, l.open(x)
	case xml.EndElement:
		l.openElements = l.openElements[:len(l.openElements)-1]
		l.ns = l.ns[:len(l.ns)-1]
	}
	return t, nil
}

func (l *reader) open(e xml.StartElement) error {
	if len(l.openElements) == 0 && l.root {
		return errRoots
	}
	l.root = true
	var declare []string
	for _, a := range e.Attr {
		if isDeclaration(a) {
			declare = append(declare, a.Value)
		}
	}
	l.openElements, l.ns = append(l.openElements, e.Name.Local), append(l.ns, declare)
	if !l.declared(e.Name.Space) {
		return fmt.Errorf("%w: %q", errPrefix, e.Name.Space)
	}
	for i, a := range e.Attr {
		if !isDeclaration(a) && !l.declared(a.Name.Space) {
			return fmt.Errorf("%w: %q", errPrefix, a.Name.Space)
		}
		if slices.ContainsFunc(e.Attr[:i], func(other xml.Attr) bool { return other.Name == a.Name }) {
			return fmt.Errorf("%w: %q", errRepeated, a.Name.Local)
		}
	}
	return nil
}

func isDeclaration(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || (a.Name.Space == "" && a.Name.Local == "xmlns")
}

// declared tells whether a namespace is in scope. The decoder leaves the prefix in its place when it is
// not.
func (l *reader) declared(ns string) bool {
	return ns == "" || ns == "http://www.w3.org/XML/1998/namespace" ||
		slices.ContainsFunc(l.ns, func(n []string) bool { return slices.Contains(n, ns) })
}

// child returns the next child of the element that is open, or nil where it ends. Text between is dropped,
// and clean tells whether it was blank.
func (l *reader) child() (e *xml.StartElement, clean bool, err error) {
	for clean = true; ; {
		t, err := l.token()
		if err != nil {
			return nil, clean, err
		}
		switch x := t.(type) {
		case xml.StartElement:
			return &x, clean, nil
		case xml.EndElement:
			return nil, clean, nil
		case xml.CharData:
			clean = clean && len(bytes.Trim(x, " \t\r\n")) == 0
		}
	}
}

// text reads to the end of the element that is open. Of mixed content it is what follows the last child:
// what the service makes of a string that was sent as elements.
func (l *reader) text() (text string, withChildren bool, err error) {
	var b strings.Builder
	for bottom := len(l.openElements); ; {
		t, err := l.token()
		if err != nil {
			return "", withChildren, err
		}
		switch x := t.(type) {
		case xml.StartElement:
			withChildren = true
		case xml.EndElement:
			if len(l.openElements) < bottom {
				return b.String(), withChildren, nil
			}
			b.Reset()
		case xml.CharData:
			if len(l.openElements) == bottom {
				b.Write(x)
			}
		}
	}
}

// rest reads to the end of the document.
func (l *reader) rest() error {
	for {
		if _, err := l.token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wellFormed tells what is wrong with a document.
func wellFormed(b []byte) error { return newReader(b).rest() }

// complaint says an error as the service's parser does, with the place.
func (l *reader) complaint(err error) string {
	class, text := "WstxParsingException", err.Error()
	var s *xml.SyntaxError
	if errors.As(err, &s) {
		text = s.Msg
	}
	var codigo rune
	switch {
	case strings.HasSuffix(text, "unexpected EOF") && len(l.openElements) > 0:
		class, text = "WstxEOFException", "Unexpected EOF; was expecting a close tag for element <"+l.openElements[len(l.openElements)-1]+">"
	case errors.Is(err, errWithoutRoot):
		class, text = "WstxEOFException", "Unexpected EOF in prolog"
	default:
		if n, _ := fmt.Sscanf(text, "illegal character code U+%X", &codigo); n == 1 {
			text = fmt.Sprintf("Illegal character entity: expansion character (code 0x%x", codigo)
		}
	}
	row, column := l.d.InputPos()
	return fmt.Sprintf("com.ctc.wstx.exc.%s: %s\n at [row,col {unknown-source}]: [%d,%d]", class, text, row, column)
}

// escapeText writes text as the service does: a CR as a reference, quotes as they are.
func escapeText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(text)
}

func escapeAttribute(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;").Replace(text)
}
