package control

import (
	"encoding/json"
	"fmt"
	"time"
)

// jsonFalla writes the durations as texts.
type jsonFalla struct {
	*campos
	Demora  string `json:"demora,omitempty"`
	Empieza string `json:"empieza,omitempty"`
	Dura    string `json:"dura,omitempty"`
	Repite  string `json:"repite,omitempty"`
	Fecha   string `json:"fecha,omitempty"`
}

type campos Falla

// MarshalJSON writes the fault as the admin port shows it.
func (f Falla) MarshalJSON() ([]byte, error) {
	texto := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(jsonFalla{
		campos: (*campos)(&f), Demora: texto(f.Demora), Empieza: texto(f.Empieza), Dura: texto(f.Dura), Repite: texto(f.Repite), Fecha: texto(f.Fecha),
	})
}

// UnmarshalJSON reads a fault and refuses fields that it does not have. Without veces, it is 1.
func (f *Falla) UnmarshalJSON(b []byte) error {
	leida := Falla{Veces: 1}
	j := jsonFalla{campos: (*campos)(&leida)}
	if err := Decodifica(b, &j); err != nil {
		return err
	}
	for _, d := range []struct {
		nombre, texto string
		destino       *time.Duration
	}{
		{"demora", j.Demora, &leida.Demora}, {"empieza", j.Empieza, &leida.Empieza},
		{"dura", j.Dura, &leida.Dura}, {"repite", j.Repite, &leida.Repite}, {"fecha", j.Fecha, &leida.Fecha},
	} {
		if d.texto == "" {
			continue
		}
		leido, err := time.ParseDuration(d.texto)
		if err != nil {
			return fmt.Errorf("%s %q no es una duración como \"2s\"", d.nombre, d.texto)
		}
		*d.destino = leido
	}
	*f = leida
	return nil
}
