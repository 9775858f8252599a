package cfdi

import "strings"

const (
	// maxCampos bounds the fields of a row; what is beyond stays in the last one.
	maxCampos = 256
	// maxPasos bounds the search for an alignment, and maxPasosFinal for that of a row
	// at one of its line breaks.
	maxPasos      = 20_000
	maxPasosFinal = 2_000
	// maxFaltantes is how many columns at the end may be missing from a row that
	// also has a separator in a name.
	maxFaltantes = 3
)

// alineador says which fields of a row are which column. A name may hold the
// separator, since nothing is quoted: then the columns of fixed shape on both
// sides tell where it ends.
type alineador struct {
	encabezado
	texto string
	// inicio has where each field begins, and one more for the end.
	inicio []int32
	// desde has the first field of each column; columns beyond n are missing.
	desde [maxColumnas + 1]int16
	n     int

	estricto   bool
	minimo     int // fields of a name
	fin        int // fields to be used up
	pasos      int
	halladas   int
	alineacion [maxColumnas + 1]int16 // being tried
}

func (a *alineador) corta(texto string) {
	a.texto = texto
	a.inicio = append(a.inicio[:0], 0)
	for at := 0; len(a.inicio) < maxCampos; {
		i := strings.IndexByte(texto[at:], separador)
		if i < 0 {
			break
		}
		at += i + 1
		a.inicio = append(a.inicio, int32(at)) //nolint:gosec // below maxFila
	}
	a.inicio = append(a.inicio, int32(len(texto)+1)) //nolint:gosec // below maxFila
}

func (a *alineador) campos() int { return len(a.inicio) - 1 }

// tramo is the text from one field to before another.
func (a *alineador) tramo(desde, hasta int) string {
	if hasta <= desde {
		return ""
	}
	return a.texto[a.inicio[desde] : a.inicio[hasta]-1]
}

// alinea finds the columns of a row, and says in Spanish what is doubtful about
// it. Fields beyond the last column are those from desde[n] on.
func (a *alineador) alinea(texto string) (aviso string) {
	a.corta(texto)
	m, n := a.campos(), len(a.columnas)
	if a.enOrden(min(m, n)) {
		if m < n {
			return "La fila tiene menos campos que el encabezado."
		}
		return ""
	}
	a.pasos = 0
	for _, intento := range [...]struct {
		estricto bool
		minimo   int
	}{{true, 1}, {false, 1}, {false, 0}} {
		a.estricto, a.minimo = intento.estricto, intento.minimo
		// A name that is missing with its separator leaves a field too few.
		faltan := max(0, n-m) * a.minimo
		for ; faltan <= max(0, n-m)+maxFaltantes && faltan < n; faltan++ {
			if a.conFaltantes(n-faltan, m) {
				return a.duda()
			}
		}
	}
	a.n = min(m, n)
	for i := range a.n + 1 {
		a.desde[i] = int16(i)
	}
	return "Los campos de la fila no corresponden a las columnas: se leyeron en orden."
}

func (a *alineador) duda() string {
	switch {
	case a.halladas > 1:
		return "Un nombre lleva «~» y la fila admite más de una lectura."
	case a.n < len(a.columnas) || a.minimo == 0:
		return "La fila tiene menos campos que el encabezado."
	}
	return ""
}

// enOrden takes the fields as they come, if all have the shape of their column.
// What is left over belongs to a name at the end.
func (a *alineador) enOrden(n int) bool {
	for i := range n {
		if i == 0 && a.uuid == 0 {
			continue // which the row has been told by
		}
		if c := a.columnas[i]; !c.libre() && !c.admite(a.tramo(i, i+1), false) {
			return false
		}
	}
	a.n = n
	for i := range n + 1 {
		a.desde[i] = int16(i)
	}
	if n == len(a.columnas) && a.columnas[n-1].libre() {
		a.desde[n] = int16(a.campos()) //nolint:gosec // at most maxCampos
	}
	return true
}

// conFaltantes tries the first n columns, with fewer and more of the fields left
// over at the end.
func (a *alineador) conFaltantes(n, m int) bool {
	for sobran := 0; sobran <= m-1; sobran++ {
		if sobran > 0 && n < len(a.columnas) {
			return false // too few and too many at once: not believed
		}
		a.fin, a.halladas = m-sobran, 0
		a.busca(0, n, 0)
		if a.halladas > 0 {
			a.n = n
			return true
		}
	}
	return false
}

// busca aligns the columns from c on with the fields from campo on, and keeps
// the first way to do it.
func (a *alineador) busca(c, n, campo int) {
	if a.pasos++; a.pasos > maxPasos || a.halladas > 1 {
		return
	}
	a.alineacion[c] = int16(campo) //nolint:gosec // at most maxCampos
	if c == n {
		if campo == a.fin {
			if a.halladas++; a.halladas == 1 {
				a.desde = a.alineacion
			}
		}
		return
	}
	col := a.columnas[c]
	if !col.libre() {
		if campo < a.fin && col.admite(a.tramo(campo, campo+1), a.estricto) {
			a.busca(c+1, n, campo+1)
		}
		return
	}
	for hasta := campo + a.minimo; hasta <= a.fin; hasta++ {
		a.busca(c+1, n, hasta)
	}
}

// lugarFinal is what a row that is cut somewhere ends in.
type lugarFinal uint8

const (
	enNombre lugarFinal = iota // a name, or nobody knows
	enOtra                     // a column that is not known, or a field beyond the header
	enFija                     // a column that never holds a line break
)

// final tells what a row ends in that may go on behind a line break, and whether it has
// all of its columns already.
func (a *alineador) final(texto string) (donde lugarFinal, completa bool) {
	a.corta(texto)
	m, n := a.campos(), len(a.columnas)
	if !a.enOrden(min(m, n)) {
		a.pasos, a.estricto, a.minimo = maxPasos-maxPasosFinal, true, 1
		if m < n || !a.conFaltantes(n, m) {
			return enNombre, false
		}
		m = n + m - int(a.desde[n])
	}
	ultima := a.columnas[min(m, n)-1]
	switch {
	case ultima.libre():
		return enNombre, m >= n
	case m > n || ultima == colOtra:
		return enOtra, m >= n
	case m < n && !ultima.admite(a.tramo(m-1, m), true):
		return enNombre, false // an empty field may be the rest of a name
	}
	return enFija, m >= n
}
