package tablero

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// rango writes the bounds of a range without the hours that whole days imply.
func rango(desde, hasta string) string {
	d, h := fecha(strings.TrimSuffix(desde, "T00:00:00")), fecha(strings.TrimSuffix(hasta, "T23:59:59"))
	switch {
	case hasta == "":
		return "desde el " + d
	case d == h:
		return "el " + d
	}
	return "del " + d + " al " + h
}

// fecha writes a local date of the SAT's, as FormatoFecha or without its hours.
func fecha(s string) string {
	dia, hora, conHora := strings.Cut(s, "T")
	t, err := time.Parse(time.DateOnly, dia)
	if err != nil {
		return s
	}
	if conHora {
		return diaDe(t) + " " + hora
	}
	return diaDe(t)
}

func diaDe(t time.Time) string {
	meses := [...]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"}
	return fmt.Sprintf("%d %s %d", t.Day(), meses[t.Month()-1], t.Year())
}

// instante writes t on the clock of central Mexico.
func instante(t time.Time) string {
	t = gateway.EnMexico(t)
	return diaDe(t) + " " + t.Format("15:04:05")
}

// iso is t for machines.
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// falta says how long it is until t.
func falta(ahora, t time.Time) string {
	if d := t.Sub(ahora); d >= time.Second {
		return "en " + duracion(d)
	}
	return "ya toca"
}

// hace says how long ago t was.
func hace(ahora, t time.Time) string {
	if d := ahora.Sub(t); d >= time.Second {
		return "hace " + duracion(d)
	}
	return "ahora mismo"
}

// duracion writes d in its largest unit, and minutes beside hours.
func duracion(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		h, m := int(d/time.Hour), int(d%time.Hour/time.Minute)
		if m == 0 {
			return strconv.Itoa(h) + " h"
		}
		return fmt.Sprintf("%d h %d min", h, m)
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " días"
}

// dias says when an e.firma ends.
func dias(ahora, vence time.Time) string {
	if !vence.After(ahora) {
		return "venció " + hace(ahora, vence)
	}
	return "vence " + falta(ahora, vence)
}

// miles writes n with its thousands apart.
func miles[N int | int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural[N int | int64](n N, uno, muchos string) string {
	if n == 1 {
		return "1 " + uno
	}
	return miles(n) + " " + muchos
}

// tamano writes bytes in decimal units.
func tamano(n int64) string {
	unidades := [...]string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(unidades)-1 {
		v, u = v/1000, u+1
	}
	if u > 0 && v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + " " + unidades[u]
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " " + unidades[u]
}
