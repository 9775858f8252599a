package descargas

import "github.com/pasarela-mx/pasarela/internal/cfdi"

// Renglon is one row of what a descarga's packages hold: a value, or what could
// not be read.
type Renglon[T any] struct {
	// Paquete is the SAT's id of the package that the row is in.
	Paquete string
	Valor   T
	// Falla stands in the place of Valor; nil for a row that could be read.
	Falla *cfdi.Falla
	// Cursor is the position behind this row, to read on from.
	Cursor string
}
