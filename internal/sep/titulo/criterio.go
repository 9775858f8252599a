package titulo

import "time"

// Criterio is what titles are completed from and held against: the catalogues,
// and the day it is.
type Criterio struct {
	catalogos []Catalogo
	now       func() time.Time
}

// NewCriterio returns one of the catalogues, as Catalogos or CatalogosWith give
// them. now is the clock.
func NewCriterio(catalogos []Catalogo, now func() time.Time) *Criterio {
	return &Criterio{catalogos: catalogos, now: now}
}

// Catalogos lists the catalogues. They are not to be changed.
func (c *Criterio) Catalogos() []Catalogo { return c.catalogos }

// Catalogo returns the one of that name.
func (c *Criterio) Catalogo(name string) (Catalogo, bool) {
	for _, one := range c.catalogos {
		if one.Nombre == name {
			return one, true
		}
	}
	return Catalogo{}, false
}

// de is Catalogo for a name that is there.
func (c *Criterio) de(name string) Catalogo {
	one, _ := c.Catalogo(name)
	return one
}
