package titulo

import "time"

// Criterio is what titles are completed from and held against: the catalogues,
// and the day it is.
type Criterio struct {
	catalogos []Catalogo
	ahora     func() time.Time
}

// NewCriterio returns one of the catalogues, as Catalogos or CatalogosCon give
// them. ahora is the clock.
func NewCriterio(catalogos []Catalogo, ahora func() time.Time) *Criterio {
	return &Criterio{catalogos: catalogos, ahora: ahora}
}

// Catalogos lists the catalogues. They are not to be changed.
func (c *Criterio) Catalogos() []Catalogo { return c.catalogos }

// Catalogo returns the one of that name.
func (c *Criterio) Catalogo(nombre string) (Catalogo, bool) {
	for _, uno := range c.catalogos {
		if uno.Nombre == nombre {
			return uno, true
		}
	}
	return Catalogo{}, false
}

// de is Catalogo for a name that is there.
func (c *Criterio) de(nombre string) Catalogo {
	uno, _ := c.Catalogo(nombre)
	return uno
}
