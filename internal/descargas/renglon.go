package descargas

import "github.com/pasarela-mx/pasarela/internal/cfdi"

// Renglon is one thing that was read of a descarga's packages, or what is broken
// in its place.
type Renglon[T any] struct {
	Valor T
	// Falla says what could not be read; nil where Valor is good.
	Falla *cfdi.Falla
	// Paquete is the id of the package that it is of.
	Paquete string
	// Cursor is where reading goes on after it.
	Cursor string
}
