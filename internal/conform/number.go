package conform

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// whole matches integers that every JSON reader reads alike.
var whole = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// integer reports a fault of a JSON integer, if any, and whether it is an integer.
func (s *Schema) integer(text string, wrong tell) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case !whole.MatchString(text):
		wrong("Debe ser un entero, en dígitos, sin punto ni exponente.")
		return false
	case errors.Is(err, strconv.ErrRange):
		wrong("Es un entero demasiado grande o demasiado pequeño.")
		return true
	case s.of.Min != nil && float64(n) < *s.of.Min:
		wrong(fmt.Sprintf("Debe ser %v como mínimo.", *s.of.Min))
	case s.of.Max != nil && float64(n) > *s.of.Max:
		wrong(fmt.Sprintf("Debe ser %v como máximo.", *s.of.Max))
	}
	return true
}
