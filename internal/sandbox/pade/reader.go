package pade

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// reader gives the tokens of a document one after the other, and what is wrong with it
// where it comes to that, as the service's parser does.
type reader struct {
	doc  wellformed.Document
	bad  error
	next int
	open []string // local names of the open elements
}

func newReader(b []byte) *reader {
	doc, bad := wellformed.Read(string(b))
	return &reader{doc: doc, bad: bad}
}

// token returns the next one; io.EOF after a whole document.
func (l *reader) token() (xml.Token, error) {
	if l.next == len(l.doc.Tokens) {
		return nil, cmp.Or(l.bad, io.EOF)
	}
	t := l.doc.Tokens[l.next]
	l.next++
	switch x := t.(type) {
	case xml.StartElement:
		l.open = append(l.open, x.Name.Local)
	case xml.EndElement:
		l.open = l.open[:len(l.open)-1]
	}
	return t, nil
}

// place is where the last token begins and ends.
func (l *reader) place() (start, end int) {
	p := l.doc.Places[l.next-1]
	return p[0], p[1]
}

// child returns the next child of the element that is open, or nil where it ends. Text between is dropped,
// and clean reports whether it was blank.
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
	for bottom := len(l.open); ; {
		t, err := l.token()
		if err != nil {
			return "", withChildren, err
		}
		switch x := t.(type) {
		case xml.StartElement:
			withChildren = true
		case xml.EndElement:
			if len(l.open) < bottom {
				return b.String(), withChildren, nil
			}
			b.Reset()
		case xml.CharData:
			if len(l.open) == bottom {
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
	at := &wellformed.SyntaxError{}
	if errors.As(err, &at) {
		text = at.Err.Error()
	}
	var codigo rune
	switch n, _ := fmt.Sscanf(text, "illegal character code U+%X", &codigo); {
	case errors.Is(err, wellformed.ErrEnd) && len(l.open) > 0:
		class, text = "WstxEOFException", "Unexpected EOF; was expecting a close tag for element <"+l.open[len(l.open)-1]+">"
	case errors.Is(err, wellformed.ErrEnd):
		class, text = "WstxEOFException", "Unexpected EOF in prolog"
	case n == 1:
		text = fmt.Sprintf("Illegal character entity: expansion character (code 0x%x", codigo)
	}
	return fmt.Sprintf("com.ctc.wstx.exc.%s: %s\n at [row,col {unknown-source}]: [%d,%d]", class, text, at.Row, at.Column)
}

// escapeText writes text as the service does: a CR as a reference, quotes as they are.
func escapeText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;").Replace(text)
}

func escapeAttribute(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;").Replace(text)
}
