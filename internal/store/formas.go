package store

import (
	"encoding/json"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// instant is the form of every instant in the ledger: of fixed width, so that they
// sort as text.
const instant = "2006-01-02T15:04:05.000000Z"

// Instant writes t as the ledger holds it; the zero time is empty.
func Instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(instant)
}

func readInstant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(instant, text)
}

func readInstantIn(text string, into *time.Time) (err error) {
	*into, err = readInstant(text)
	return err
}

// Span is a length of time as the ledger's JSON holds it: "240h0m0s".
type Span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (l Span) MarshalText() ([]byte, error) { return []byte(time.Duration(l).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*l = Span(d)
	return err
}

// request is what a descarga's row holds of what was asked for.
type request struct {
	gateway.PeticionDescarga
	Plazo Span `json:"plazo"`
}

func writeRequest(p gateway.PeticionDescarga) (string, error) {
	text, err := json.Marshal(request{p, Span(p.Deadline)})
	return string(text), err
}

func readRequest(text string) (gateway.PeticionDescarga, error) {
	var p request
	err := json.Unmarshal([]byte(text), &p)
	p.Deadline = time.Duration(p.Plazo)
	return p.PeticionDescarga, err
}
