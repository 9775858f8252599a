package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	// maxKeys and maxLevels bound the memory used for a body. The contract's objects have
	// fewer than fifty keys and ten levels.
	maxKeys   = 1000
	maxLevels = 1000
	// maxName is longer than any name of the contract.
	maxName = 256
)

// Body checks a whole body against an object's schema and adds its faults to faults. A
// body that is not JSON, or that readers may understand differently, is an error.
func (s *Schema) Body(body []byte, faults *Faults) error {
	if err := Begins(body); err != nil {
		return err
	}
	return newWalker(body, faults).whole(s)
}

// Field checks the value of one field, read by Take, against its object's schema.
func (s *Schema) Field(name string, value []byte, faults *Faults) error {
	w := newWalker(value, faults)
	w.path = append(w.path, segment{name: shown([]byte(name))})
	field, ok := s.properties[name]
	if !ok {
		w.fault(unknown, s.valid...)
		return nil
	}
	return w.whole(field)
}

// Take reads one JSON value of a body, starting at the place at. It returns the value and
// the bytes that were read beyond it.
func Take(name string, r io.Reader, at Place) (value, beyond []byte, err error) {
	var text bytes.Buffer
	w := &walker{text: text.Bytes, at: at, dec: jsontext.NewDecoder(io.TeeReader(r, &text)), outer: name, faults: &Faults{}}
	if err := w.skip(); err != nil {
		return nil, nil, err
	}
	end := w.dec.InputOffset()
	return text.Bytes()[:end:end], text.Bytes()[end:], nil
}

// Fields checks that an object has its required fields.
func (s *Schema) Fields(have func(name string) bool, faults *Faults) {
	for _, name := range s.required {
		if !have(name) {
			faults.Add(name, needed)
		}
	}
}

// Names returns the names of an object's fields, sorted.
func (s *Schema) Names() []string { return s.valid }

// The texts for a missing required field and an unknown field.
const (
	needed  = "Es obligatorio."
	unknown = "No es un campo de esta petición."
)

// segment is one step of a path to a value.
type segment struct {
	name  string
	index int // in a list, if name is empty
}

// walker reads a text once, token by token.
type walker struct {
	text   func() []byte // at least what has been read of it
	at     Place         // the place of text's beginning
	dec    *jsontext.Decoder
	outer  string // the field that text is the value of, if read separately
	path   []segment
	faults *Faults
}

func newWalker(text []byte, faults *Faults) *walker {
	return &walker{text: func() []byte { return text }, dec: jsontext.NewDecoder(bytes.NewBuffer(text)), faults: faults}
}

// errEnough ends a walk after the largest number of faults that is reported.
var errEnough = errors.New("conform: enough faults")

// whole checks the only value of the text against s.
func (w *walker) whole(s *Schema) error {
	err := w.value(s)
	if errors.Is(err, errEnough) {
		return nil
	}
	if err != nil {
		return err
	}
	switch _, err := w.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return w.fails(err)
	}
	return w.at.Beyond(w.text()[:w.dec.InputOffset()-1]).Unreadable(behindTheEnd)
}

func (w *walker) value(s *Schema) error {
	kind := w.dec.PeekKind()
	if ok := isA(s.kind, kind); !ok && kind != jsontext.KindInvalid {
		if kind == 'n' {
			w.fault("No puede ser nulo; si no aplica, omita el campo.")
		} else {
			w.fault(wrongKind(s.kind, kind))
		}
		return w.skip()
	}
	switch s.kind {
	case "object":
		return w.object(s)
	case "array":
		return w.array(s)
	}
	raw, err := w.dec.ReadValue()
	if err != nil {
		return w.fails(err)
	}
	switch s.kind {
	case "integer":
		s.integer(string(raw), w.fault)
	case "string":
		s.text(unquoted(raw), w.faults.patient(), w.fault)
	}
	return w.enough()
}

// unquoted returns the content of a JSON string, without a copy if it has no escapes.
func unquoted(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // it has been parsed
	return text
}

func (w *walker) object(s *Schema) error {
	if err := w.read(); err != nil {
		return err
	}
	seen := 0
	have := make([]bool, len(s.valid))
	for w.dec.PeekKind() == '"' {
		raw, err := w.dec.ReadValue()
		if err != nil {
			return w.fails(err)
		}
		if seen++; seen > maxKeys {
			return malformed(fmt.Sprintf("Un objeto JSON tiene más de %d claves.", maxKeys))
		}
		name := unquoted(raw)
		field, ok := s.properties[string(name)]
		w.path = append(w.path, segment{name: shown(name)})
		if !ok {
			w.fault(unknown, s.valid...)
			err = w.skip()
		} else {
			have[s.place(string(name))] = true
			err = w.value(field)
		}
		if err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	if err := w.read(); err != nil { // the closing brace
		return err
	}
	for _, name := range s.required {
		if !have[s.place(name)] {
			w.path = append(w.path, segment{name: name})
			w.fault(needed)
			w.path = w.path[:len(w.path)-1]
		}
	}
	return w.enough()
}

func (w *walker) array(s *Schema) error {
	if err := w.read(); err != nil {
		return err
	}
	n := uint64(0)
	var seen map[string]bool
	for kind := w.dec.PeekKind(); kind != ']' && kind != jsontext.KindInvalid; kind = w.dec.PeekKind() {
		if n++; n > *s.of.MaxItems {
			// The rest is read without being checked, because the body may go on after
			// it.
			if n == *s.of.MaxItems+1 {
				w.fault(tooMany(*s.of.MaxItems))
			}
			if err := w.skip(); err != nil {
				return err
			}
			continue
		}
		w.path = append(w.path, segment{index: int(n - 1)})
		from := w.dec.InputOffset()
		if err := w.value(s.items); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
		if s.of.UniqueItems && kind == '"' {
			item := string(unquoted(bytes.TrimLeft(w.text()[from:w.dec.InputOffset()], " \t\r\n,")))
			if seen[item] {
				w.fault("Tiene valores repetidos.")
			} else if seen == nil {
				seen = make(map[string]bool)
			}
			seen[item] = true
		}
	}
	if n < s.of.MinItems {
		w.fault(fewItems(s.of.MinItems))
	}
	return w.read() // the closing bracket
}

// skip reads a value that only has to be JSON.
func (w *walker) skip() error {
	depth := w.dec.StackDepth()
	for {
		if err := w.read(); err != nil {
			return err
		}
		switch level := w.dec.StackDepth(); {
		case level <= depth:
			return w.enough()
		case level > maxLevels:
			return malformed(fmt.Sprintf("El JSON tiene más de %d niveles.", maxLevels))
		default:
			if kind, n := w.dec.StackIndex(level); kind == '{' && n > 2*maxKeys {
				return malformed(fmt.Sprintf("Un objeto JSON tiene más de %d claves.", maxKeys))
			}
		}
	}
}

// read reads one token.
func (w *walker) read() error {
	if _, err := w.dec.ReadToken(); err != nil {
		return w.fails(err)
	}
	return nil
}

func (w *walker) enough() error {
	if w.faults.full() {
		return errEnough
	}
	return nil
}

// fault adds a fault of the current value.
func (w *walker) fault(detail string, valid ...string) {
	w.faults.Add(joined(w.path), detail, valid...)
}

// joined returns a path as errors name a field.
func joined(path []segment) string {
	var b strings.Builder
	for i, s := range path {
		if i > 0 {
			b.WriteByte('/')
		}
		if s.name != "" {
			b.WriteString(s.name)
		} else {
			b.WriteString(strconv.Itoa(s.index))
		}
	}
	return shown([]byte(b.String()))
}

// shown returns a caller's name, cut to the length of the longest of ours.
func shown(name []byte) string {
	if len(name) == 0 {
		return `""`
	}
	if len(name) <= maxName {
		return string(name)
	}
	return strings.ToValidUTF8(string(name[:maxName]), "") + "…"
}

func malformed(detail string) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnJSONIlegible, Detail: detail}
}
