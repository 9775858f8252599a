package dashboard

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// rango writes the bounds of a range without the hours that whole days imply.
func rango(since, until string) string {
	d, h := fecha(strings.TrimSuffix(since, "T00:00:00")), fecha(strings.TrimSuffix(until, "T23:59:59"))
	switch {
	case until == "":
		return "desde el " + d
	case d == h:
		return "el " + d
	}
	return "del " + d + " al " + h
}

// fecha writes a local date of the SAT's, as FormatoFecha or without its hours.
func fecha(s string) string {
	day, hour, withHour := strings.Cut(s, "T")
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return s
	}
	if withHour {
		return dayOf(t) + " " + hour
	}
	return dayOf(t)
}

func dayOf(t time.Time) string {
	months := [...]string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"}
	return fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()-1], t.Year())
}

// instant writes t on the clock of central Mexico.
func instant(t time.Time) string {
	t = gateway.InMexico(t)
	return dayOf(t) + " " + t.Format("15:04:05")
}

// iso is t for machines.
func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// missing says how long it is until t.
func missing(now, t time.Time) string {
	if d := t.Sub(now); d >= time.Second {
		return "en " + duration(d)
	}
	return "ya toca"
}

// build says how long ago t was.
func build(now, t time.Time) string {
	if d := now.Sub(t); d >= time.Second {
		return "hace " + duration(d)
	}
	return "ahora mismo"
}

// duration writes d in its largest unit, and minutes beside hours.
func duration(d time.Duration) string {
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

// days says when an e.firma ends.
func days(now, expire time.Time) string {
	if !expire.After(now) {
		return "venció " + build(now, expire)
	}
	return "vence " + missing(now, expire)
}

func plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// size writes bytes in decimal units.
func size(n int64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u > 0 && v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[u]
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " " + units[u]
}
