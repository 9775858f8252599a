package conform

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// maxFaults bounds the faults of one refusal.
const maxFaults = 100

// maxMendedFaults bounds the faults for which a correction is looked for: each costs half
// a millisecond.
const maxMendedFaults = 20

// Faults are the faults of one request.
type Faults struct {
	fields []gateway.Field
	// Malformed reports that a value is not even of the right type.
	Malformed bool
}

// Add adds a fault, up to maxFaults.
func (f *Faults) Add(field, detail string, valid ...string) {
	if f.full() {
		return
	}
	f.fields = append(f.fields, gateway.Field{Campo: field, Detalle: detail, ValoresValidos: valid})
}

// Len returns the number of faults.
func (f *Faults) Len() int { return len(f.fields) }

// patient reports whether the faults are few enough to look for a correction of each.
func (f *Faults) patient() bool { return len(f.fields) < maxMendedFaults }

func (f *Faults) full() bool { return len(f.fields) >= maxFaults }

// Err returns the error for the caller; nil without faults.
func (f *Faults) Err() error {
	if len(f.fields) == 0 {
		return nil
	}
	e := &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnContratoIncumplido, Fields: f.fields, Detail: "La petición no cumple el contrato; vea errores."}
	if f.Malformed {
		e.Kind, e.Own = gateway.KindMalformada, gateway.OwnParametrosInvalidos
	}
	if f.full() {
		e.Detail += fmt.Sprintf(" Son las primeras %d faltas.", maxFaults)
	}
	return e
}

// isA reports whether a JSON token begins a value of a type of the contract.
func isA(want string, kind jsontext.Kind) bool {
	switch want {
	case "object":
		return kind == '{'
	case "array":
		return kind == '['
	case "string":
		return kind == '"'
	case "integer":
		return kind == '0'
	}
	return kind == 't' || kind == 'f'
}

// kindOf names the value that begins with a JSON token.
func kindOf(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "un objeto"
	case '[':
		return "una lista"
	case '"':
		return "un texto"
	case '0':
		return "un número"
	case 't', 'f':
		return "un booleano"
	}
	return "null"
}

func wrongKind(want string, got jsontext.Kind) string {
	switch {
	case want == "array":
		return "Debe ser una lista, entre [ y ], aunque lleve un solo elemento; es " + kindOf(got) + "."
	case want == "object":
		return "Debe ser un objeto, entre { y }; es " + kindOf(got) + "."
	case want == "string":
		return "Debe ser un texto, entre comillas; es " + kindOf(got) + "."
	case want == "integer" && got == '"':
		return "Debe ser un entero, sin comillas; es un texto."
	case want == "integer":
		return "Debe ser un entero; es " + kindOf(got) + "."
	case got == '"':
		return "Debe ser true o false, sin comillas; es un texto."
	}
	return "Debe ser true o false; es " + kindOf(got) + "."
}

func tooMany(most uint64) string {
	return fmt.Sprintf("Admite %d elementos como máximo, y trae más.", most)
}

func fewItems(least uint64) string {
	if least == 1 {
		return "La lista no puede ir vacía: requiere al menos un elemento."
	}
	return fmt.Sprintf("La lista requiere %d elementos como mínimo.", least)
}

// tell receives a fault of a value.
type tell func(detail string, valid ...string)

// text reports the first fault of a text, if any. patient also looks for a likely slip.
func (s *Schema) text(text []byte, patient bool, wrong tell) {
	length := uint64(utf8.RuneCount(text)) //nolint:gosec // a length
	switch {
	case s.enum != nil && !s.enum[string(text)]:
		wrong("No es uno de los valores válidos; se distinguen mayúsculas y minúsculas.", s.valid...)
	case length < s.of.MinLength && length == 0:
		wrong("No puede ir vacío.")
	case length < s.of.MinLength:
		wrong(fmt.Sprintf("Requiere %d caracteres como mínimo.", s.of.MinLength))
	case s.of.MaxLength != nil && length > *s.of.MaxLength:
		wrong(fmt.Sprintf("Rebasa los %d caracteres.", *s.of.MaxLength))
	case s.pattern != nil && !s.pattern.Match(text):
		wrong(s.form(text, patient))
	case s.format != nil:
		if err := s.format(text); err != nil {
			wrong(err.Error())
		}
	}
}

// fault says in Spanish what is wrong with a text.
type fault string

func (f fault) Error() string { return string(f) }

// formatsOfText are the formats that do not depend on the contract.
func formatsOfText() map[string]Format {
	return map[string]Format{
		"date-time": func(text []byte) error {
			if _, err := time.Parse(time.RFC3339, string(text)); err != nil {
				return fault("Debe ser un instante con su zona (RFC 3339), como 2026-02-01T06:00:00Z.")
			}
			return nil
		},
	}
}
