package transport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

const nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"

// Answer holds the parts of an answer that the doer reads itself: what decides about a
// repeat, and what the stub does not decode.
type Answer struct {
	// CodEstatus and Mensaje come from the result's attributes, or from the header
	// `respuesta` if the system puts its status there (sat.md §8).
	CodEstatus, Mensaje string
	// Codigo and Text are the elements codigo and mensaje of the Body's element. A
	// one-way operation is refused by these alone.
	Codigo, Text string
	// Created and Expires are those of the header's Timestamp; zero without one.
	Created, Expires time.Time

	faultcode, faultstring string
	fault                  bool

	// payload is the local name of the Body's element. returned is the text of its child
	// `return`: a JAX-WS runtime puts a whole document there as text.
	payload  string
	returned []byte
	returns  bool
}

// Returned is the text of the element return: a JAX-WS runtime puts a whole document
// there.
func (a Answer) Returned() []byte { return a.returned }

var errNotSOAP = errors.New("not a SOAP 1.1 envelope")

// parseAnswer parses a whole answer and also returns its text in UTF-8, for the stub.
// charset is the transport's; empty if it gave none.
//
// An answer may have cost a counted call, so a wrong or unknown encoding does not discard
// it.
func parseAnswer(body []byte, charset string) (Answer, []byte, error) {
	if charset != "" && utf8.Valid(body) {
		charset = "utf-8" // servers declare ISO-8859-1 by default, whatever they send
	}
	answer, text, err := parseText(body, xmldoc.Options{Charset: charset})
	if errors.Is(err, xmldoc.Bytes) || errors.Is(err, xmldoc.Encoding) {
		if again, told, err := parseText(xmldoc.Salvage(body), xmldoc.Options{Decoded: true}); err == nil {
			return again, told, nil
		}
	}
	return answer, text, err
}

func parseText(body []byte, o xmldoc.Options) (Answer, []byte, error) {
	text := bytes.NewBuffer(make([]byte, 0, len(body)+len(body)/64))
	o.Copy = text
	r := newAnswerReader(bytes.NewReader(body), o)
	_, err := r.run(nil)
	if i := bytes.LastIndex(text.Bytes()[:min(r.to, int64(text.Len()))], []byte("</")); r.nested && i > 0 {
		r.answer.returned = slices.Concat([]byte("<return>"), text.Bytes()[r.from:i], []byte("</return>"))
	}
	return r.answer, canonical(text, r.doc), err
}

// canonical returns the document for the stub: in UTF-8, and declared as such.
func canonical(text *bytes.Buffer, doc *xmldoc.Reader) []byte {
	if said := doc.Declared(); said == "" || strings.EqualFold(said, "utf-8") {
		return text.Bytes()
	}
	return []byte(xmldoc.Decoded(text.String()))
}

// answerReader walks an envelope token by token.
type answerReader struct {
	doc    *xmldoc.Reader
	answer Answer
	path   []string // local names of the open elements
	// nested reports that the document in the return is XML and not text. It extends from
	// from to to, its end tag included.
	nested   bool
	from, to int64
}

// newAnswerReader reads an answer. Text around the envelope and undeclared prefixes are
// tolerated.
func newAnswerReader(src io.Reader, o xmldoc.Options) *answerReader {
	o.Around, o.LoosePrefixes, o.MaxDepth = true, true, maxDepth
	return &answerReader{doc: xmldoc.NewReader(src, o)}
}

// run reads to the end and returns false, or to the start tag of an element named in stop
// inside the Body and returns true.
func (r *answerReader) run(stop []string) (bool, error) {
	for {
		token, err := r.doc.Token()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.start(t); err != nil {
				return false, err
			}
			if slices.Contains(stop, t.Name.Local) && len(r.path) == 4 && r.path[1] == "Body" {
				return true, nil
			}
		case xml.EndElement:
			r.end()
		case xml.CharData:
			switch {
			case len(r.path) == 4 && r.returning():
				r.answer.returned = append(r.answer.returned, t...)
			case len(r.path) == 4 || len(r.path) == 5:
				r.text(string(t))
			}
		}
	}
}

// finish reads the rest after the text of the element named in stop. A second such
// element is an error.
func (r *answerReader) finish(stop []string) error {
	r.path = r.path[:len(r.path)-1]
	again, err := r.run(stop)
	if err == nil && again {
		err = errTwice
	}
	return err
}

func (r *answerReader) end() {
	if r.returning() && len(r.path) == 4 {
		r.to = r.doc.Offset()
	}
	r.path = r.path[:len(r.path)-1]
}

func (r *answerReader) start(t xml.StartElement) error {
	if len(r.path) == 0 && (t.Name.Space != nsSOAP || t.Name.Local != "Envelope") {
		return errNotSOAP
	}
	r.path = append(r.path, t.Name.Local)
	if len(r.path) == 3 && r.path[1] == "Body" {
		r.answer.payload = t.Name.Local
	}
	switch {
	case len(r.path) == 4 && r.returning():
		r.answer.returns, r.from = true, r.doc.Offset()
	case len(r.path) > 4 && r.returning():
		r.nested = true
	case len(r.path) == 3 && r.path[1] == "Body" && t.Name.Space == nsSOAP && t.Name.Local == "Fault":
		r.answer.fault = true
	case len(r.path) == 3 && r.path[1] == "Header" && t.Name.Local == "respuesta",
		len(r.path) == 4 && r.path[1] == "Body":
		for _, a := range t.Attr {
			switch a.Name.Local {
			case "CodEstatus":
				r.answer.CodEstatus = strings.TrimSpace(a.Value)
			case "Mensaje":
				r.answer.Mensaje = strings.TrimSpace(a.Value)
			}
		}
	}
	return nil
}

// returning reports whether the reader is in the return of the Body's element.
func (r *answerReader) returning() bool {
	return len(r.path) > 3 && r.path[1] == "Body" && r.path[3] == "return"
}

// text keeps the few texts that matter, trimmed of white space.
func (r *answerReader) text(s string) {
	n := len(r.path)
	switch {
	case n == 4 && r.path[2] == "Fault" && r.path[3] == "faultcode":
		r.answer.faultcode += s
	case n == 4 && r.path[2] == "Fault" && r.path[3] == "faultstring":
		r.answer.faultstring += s
	case n == 4 && r.path[1] == "Body" && r.path[3] == "codigo":
		r.answer.Codigo += s
	case n == 4 && r.path[1] == "Body" && r.path[3] == "mensaje":
		r.answer.Text += s
	case n == 5 && r.path[1] == "Header" && r.path[3] == "Timestamp" && r.path[4] == "Created":
		r.answer.Created, _ = time.Parse(time.RFC3339, strings.TrimSpace(s))
	case n == 5 && r.path[1] == "Header" && r.path[3] == "Timestamp" && r.path[4] == "Expires":
		r.answer.Expires, _ = time.Parse(time.RFC3339, strings.TrimSpace(s))
	}
}

// renamed writes an answer whose wrapper alone is qualified in the namespace of the
// stub's types. The system's own namespace is known only at run time, and gowsdl's types
// have theirs fixed.
func (a Answer) renamed(namespace string) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 0, len(a.returned)+len(a.returned)/8+512))
	out.WriteString(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body><` + a.payload + ` xmlns="`)
	if err := xml.EscapeText(out, []byte(namespace)); err != nil {
		return nil, err
	}
	out.WriteString(`">`)
	if a.returns {
		out.WriteString(`<return xmlns="">`)
		if err := xml.EscapeText(out, a.returned); err != nil {
			return nil, err
		}
		out.WriteString(`</return>`)
	}
	out.WriteString(`</` + a.payload + `></s:Body></s:Envelope>`)
	return out.Bytes(), nil
}

// faultError returns a fault as an *Error whose texts are fit to show.
func (a Answer) faultError(status int, namespace string) *Error {
	code := strings.TrimSpace(a.faultcode)
	if i := strings.LastIndexByte(code, ':'); i >= 0 {
		code = code[i+1:]
	}
	return &Error{Class: ClassFault, Status: status, Sent: true,
		Faultcode: PublicText(code, ""), Faultstring: PublicText(a.faultstring, namespace)}
}
