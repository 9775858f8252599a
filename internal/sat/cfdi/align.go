package cfdi

import "strings"

const (
	// maxFields bounds the fields of a row; what is beyond stays in the last one.
	maxFields = 256
	// maxSteps bounds the search for an alignment, and maxStepsFinal for that of a row
	// at one of its line breaks.
	maxSteps      = 20_000
	maxStepsFinal = 2_000
	// maxMissing is how many columns at the end may be missing from a row that
	// also has a separator in a name.
	maxMissing = 3
)

// aligner says which fields of a row are which column. A name may hold the
// separator, since nothing is quoted: then the columns of fixed shape on both
// sides tell where it ends.
type aligner struct {
	header
	text string
	// start has where each field begins, and one more for the end.
	start []int32
	// since has the first field of each column; columns beyond n are missing.
	since [maxColumns + 1]int16
	n     int

	strict    bool
	min       int // fields of a name
	end       int // fields to be used up
	steps     int
	found     int
	alignment [maxColumns + 1]int16 // being tried
}

func (a *aligner) cut(text string) {
	a.text = text
	a.start = append(a.start[:0], 0)
	for at := 0; len(a.start) < maxFields; {
		i := strings.IndexByte(text[at:], separator)
		if i < 0 {
			break
		}
		at += i + 1
		a.start = append(a.start, int32(at)) //nolint:gosec // below maxFila
	}
	a.start = append(a.start, int32(len(text)+1)) //nolint:gosec // below maxFila
}

func (a *aligner) fields() int { return len(a.start) - 1 }

// tramo is the text from one field to before another.
func (a *aligner) tramo(since, until int) string {
	if until <= since {
		return ""
	}
	return a.text[a.start[since] : a.start[until]-1]
}

// align finds the columns of a row, and says in Spanish what is doubtful about
// it. Fields beyond the last column are those from since[n] on.
func (a *aligner) align(text string) (aviso string) {
	a.cut(text)
	m, n := a.fields(), len(a.columns)
	if a.inOrder(min(m, n)) {
		if m < n {
			return "La fila tiene menos campos que el encabezado."
		}
		return ""
	}
	a.steps = 0
	for _, attempt := range [...]struct {
		strict bool
		min    int
	}{{true, 1}, {false, 1}, {false, 0}} {
		a.strict, a.min = attempt.strict, attempt.min
		// A name that is missing with its separator leaves a field too few.
		missing := max(0, n-m) * a.min
		for ; missing <= max(0, n-m)+maxMissing && missing < n; missing++ {
			if a.withMissing(n-missing, m) {
				return a.doubt()
			}
		}
	}
	a.n = min(m, n)
	for i := range a.n + 1 {
		a.since[i] = int16(i)
	}
	return "Los campos de la fila no corresponden a las columnas: se leyeron en orden."
}

func (a *aligner) doubt() string {
	switch {
	case a.found > 1:
		return "Un nombre lleva «~» y la fila admite más de una lectura."
	case a.n < len(a.columns) || a.min == 0:
		return "La fila tiene menos campos que el encabezado."
	}
	return ""
}

// inOrder takes the fields as they come, if all have the shape of their column.
// What is left over belongs to a name at the end.
func (a *aligner) inOrder(n int) bool {
	for i := range n {
		if i == 0 && a.uuid == 0 {
			continue // which the row has been told by
		}
		if c := a.columns[i]; !c.free() && !c.admit(a.tramo(i, i+1), false) {
			return false
		}
	}
	a.n = n
	for i := range n + 1 {
		a.since[i] = int16(i)
	}
	if n == len(a.columns) && a.columns[n-1].free() {
		a.since[n] = int16(a.fields()) //nolint:gosec // at most maxCampos
	}
	return true
}

// withMissing tries the first n columns, with fewer and more of the fields left
// over at the end.
func (a *aligner) withMissing(n, m int) bool {
	for surplus := 0; surplus <= m-1; surplus++ {
		if surplus > 0 && n < len(a.columns) {
			return false // too few and too many at once: not believed
		}
		a.end, a.found = m-surplus, 0
		a.find(0, n, 0)
		if a.found > 0 {
			a.n = n
			return true
		}
	}
	return false
}

// find aligns the columns from c on with the fields from field on, and keeps
// the first way to do it.
func (a *aligner) find(c, n, field int) {
	if a.steps++; a.steps > maxSteps || a.found > 1 {
		return
	}
	a.alignment[c] = int16(field) //nolint:gosec // at most maxCampos
	if c == n {
		if field == a.end {
			if a.found++; a.found == 1 {
				a.since = a.alignment
			}
		}
		return
	}
	col := a.columns[c]
	if !col.free() {
		if field < a.end && col.admit(a.tramo(field, field+1), a.strict) {
			a.find(c+1, n, field+1)
		}
		return
	}
	for until := field + a.min; until <= a.end; until++ {
		a.find(c+1, n, until)
	}
}

// finalPlace is what a row that is cut somewhere ends in.
type finalPlace uint8

const (
	inName        finalPlace = iota // a name, or nobody knows
	inOtherColumn                   // a column that is not known, or a field beyond the header
	inFixed                         // a column that never holds a line break
)

// final tells what a row ends in that may go on behind a line break, and whether it has
// all of its columns already.
func (a *aligner) final(text string) (where finalPlace, complete bool) {
	a.cut(text)
	m, n := a.fields(), len(a.columns)
	if !a.inOrder(min(m, n)) {
		a.steps, a.strict, a.min = maxSteps-maxStepsFinal, true, 1
		if m < n || !a.withMissing(n, m) {
			return inName, false
		}
		m = n + m - int(a.since[n])
	}
	last := a.columns[min(m, n)-1]
	switch {
	case last.free():
		return inName, m >= n
	case m > n || last == colOther:
		return inOtherColumn, m >= n
	case m < n && !last.admit(a.tramo(m-1, m), true):
		return inName, false // an empty field may be the rest of a name
	}
	return inFixed, m >= n
}
