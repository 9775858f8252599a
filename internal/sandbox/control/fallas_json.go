package control

import (
	"encoding/json"
	"fmt"
	"time"
)

// jsonFalla writes the durations as texts.
type jsonFalla struct {
	*fields
	Demora  string `json:"demora,omitempty"`
	Empieza string `json:"empieza,omitempty"`
	Dura    string `json:"dura,omitempty"`
	Repite  string `json:"repite,omitempty"`
	Fecha   string `json:"fecha,omitempty"`
}

type fields Falla

// MarshalJSON writes the fault as the admin port shows it.
func (f Falla) MarshalJSON() ([]byte, error) {
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(jsonFalla{
		fields: (*fields)(&f), Demora: text(f.Delay), Empieza: text(f.Begin), Dura: text(f.Last), Repite: text(f.Repeat), Fecha: text(f.Fecha),
	})
}

// UnmarshalJSON reads a fault and refuses fields that it does not have. Without veces, it is 1.
func (f *Falla) UnmarshalJSON(b []byte) error {
	read := Falla{Veces: 1}
	j := jsonFalla{fields: (*fields)(&read)}
	if err := Decode(b, &j); err != nil {
		return err
	}
	for _, d := range []struct {
		name, text string
		target     *time.Duration
	}{
		{"demora", j.Demora, &read.Delay}, {"empieza", j.Empieza, &read.Begin},
		{"dura", j.Dura, &read.Last}, {"repite", j.Repite, &read.Repeat}, {"fecha", j.Fecha, &read.Fecha},
	} {
		if d.text == "" {
			continue
		}
		read, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("%s %q no es una duración como \"2s\"", d.name, d.text)
		}
		*d.target = read
	}
	*f = read
	return nil
}
