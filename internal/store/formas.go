package store

import (
	"encoding/json"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// instante is the form of every instant in the ledger: of fixed width, so that they
// sort as text.
const instante = "2006-01-02T15:04:05.000000Z"

// Instante writes t as the ledger holds it; the zero time is empty.
func Instante(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(instante)
}

func leeInstante(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(instante, text)
}

func leeInstanteEn(text string, into *time.Time) (err error) {
	*into, err = leeInstante(text)
	return err
}

// stamp is the instant of now as a row holds it.
func (s *Store) stamp() string { return Instante(s.now()) }

// Lapso is a length of time as the ledger's JSON holds it: "240h0m0s".
type Lapso time.Duration

// MarshalText implements encoding.TextMarshaler.
func (l Lapso) MarshalText() ([]byte, error) { return []byte(time.Duration(l).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Lapso) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*l = Lapso(d)
	return err
}

// peticion is what a descarga's row holds of what was asked for.
type peticion struct {
	gateway.PeticionDescarga
	Plazo Lapso `json:"plazo"`
}

func escribePeticion(p gateway.PeticionDescarga) (string, error) {
	text, err := json.Marshal(peticion{p, Lapso(p.Plazo)})
	return string(text), err
}

func leePeticion(text string) (gateway.PeticionDescarga, error) {
	var p peticion
	err := json.Unmarshal([]byte(text), &p)
	p.PeticionDescarga.Plazo = time.Duration(p.Plazo)
	return p.PeticionDescarga, err
}
