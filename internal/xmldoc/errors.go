package xmldoc

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Kind is the kind of a document's fault; an *Error wraps one.
type Kind string

// The kinds of fault.
const (
	// Malformed: it violates a production or constraint of XML 1.0 or Namespaces in XML
	// 1.0.
	Malformed Kind = "not well-formed XML"
	// Incomplete: the document ends before its root element does.
	Incomplete Kind = "the document ends before its root does"
	// DTD: a document type declaration, which is refused.
	DTD Kind = "a document type declaration is refused"
	// Encoding: an encoding that is unknown, or not accepted here.
	Encoding Kind = "the encoding is not known or not accepted"
	// Bytes: bytes that are not characters in the document's encoding.
	Bytes Kind = "bytes that are no characters of the encoding"
	// Depth: more levels than Options allows.
	Depth Kind = "nested too deep"
	// Bound: another bound of Options is exceeded.
	Bound Kind = "over a bound"
)

func (k Kind) Error() string { return string(k) }

// Error is a fault of a document.
type Error struct {
	Kind Kind
	// Detail says what is wrong, in Spanish, without a full stop and without any value.
	// For Malformed and Incomplete it continues a sentence, see Sentence.
	Detail string
	// Offset counts the bytes before the fault, in UTF-8 and without a mark.
	Offset int64
}

func (e *Error) Error() string {
	return fmt.Sprintf("xmldoc: %s: %s (byte %d)", e.Kind, e.Detail, e.Offset)
}
func (e *Error) Unwrap() error { return e.Kind }

// Sentence returns the fault as a sentence that may be shown.
func (e *Error) Sentence() string { return e.whole() + "." }

// In returns Sentence with the position of the fault in the document's text.
func (e *Error) In(text string) string {
	line, column := Position(text, e.Offset)
	return fmt.Sprintf("%s (línea %d, columna %d).", e.whole(), line, column)
}

func (e *Error) whole() string {
	if e.Kind == Malformed || e.Kind == Incomplete {
		return "No es XML bien formado: " + e.Detail
	}
	return e.Detail
}

// Position returns the line and column, in characters, of an offset in a text in UTF-8.
// Both count from 1.
func Position(text string, offset int64) (line, column int) {
	before := text[:min(offset, int64(len(text)))]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// fail returns a fault at the current position.
func (r *Reader) fail(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), Offset: r.Offset()}
}

// failAt returns a fault of the markup that began last.
func (r *Reader) failAt(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), Offset: r.start}
}

// cut returns the fault of a premature end.
func (r *Reader) cut(err error) error {
	if errors.Is(err, io.EOF) {
		return r.incomplete()
	}
	return err
}

func (r *Reader) incomplete() error {
	switch {
	case len(r.ends) > 0:
		return r.fail(Incomplete, "el documento está incompleto: falta cerrar %s", brief(r.Name()))
	case r.rooted:
		return r.fail(Incomplete, "el documento está incompleto")
	}
	return r.fail(Incomplete, "el documento no tiene elemento raíz")
}

// brief makes a quotation short and valid.
func brief[T string | []byte](name T) string {
	const most = 60
	s := strings.ToValidUTF8(string(name), "\uFFFD")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
