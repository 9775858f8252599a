package conform

import (
	"fmt"
	"strconv"
)

// Param checks a parameter's values against its schema. Only a list may have several. A
// text of the wrong type makes the request malformed.
func (s *Schema) Param(name string, values []string, faults *Faults) {
	if s.kind != "array" {
		s.param(name, values[0], faults)
		return
	}
	if n := uint64(len(values)); n > *s.of.MaxItems {
		faults.Add(name, tooMany(*s.of.MaxItems))
		return
	}
	for i, v := range values {
		s.items.param(fmt.Sprintf("%s/%d", name, i), v, faults)
	}
}

func (s *Schema) param(field, value string, faults *Faults) {
	wrong := func(detail string, valid ...string) { faults.Add(field, detail, valid...) }
	switch s.kind {
	case "integer":
		if !s.integer(value, wrong) {
			faults.Malformed = true
		}
	case "boolean":
		if _, err := strconv.ParseBool(value); err != nil {
			wrong("Debe ser true o false.")
			faults.Malformed = true
		}
	default:
		s.text([]byte(value), faults.patient(), wrong)
	}
}
