package descargas

import "github.com/pasarela-mx/pasarela/internal/sat/cfdi"

// Line is one thing that was read of a descarga's packages, or what is broken
// in its place.
type Line[T any] struct {
	Value T
	// Falla says what could not be read; nil where Value is good.
	Falla *cfdi.Falla
	// Paquete is the id of the package that it is of.
	Paquete string
	// Cursor is where reading goes on after it.
	Cursor string
}
