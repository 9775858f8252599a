package titulo

import "time"

// Criterio is what titles are completed from and checked against: the catalogues and the
// date.
type Criterio struct {
	catalogos []Catalogo
	now       func() time.Time
}

// NewCriterio returns a Criterio of catalogues from Catalogos or CatalogosWith. now is
// the clock.
func NewCriterio(catalogos []Catalogo, now func() time.Time) *Criterio {
	return &Criterio{catalogos: catalogos, now: now}
}

// Catalogos returns the catalogues. Do not change them.
func (c *Criterio) Catalogos() []Catalogo { return c.catalogos }

// Catalogo returns the catalogue of a name.
func (c *Criterio) Catalogo(name string) (Catalogo, bool) {
	for _, one := range c.catalogos {
		if one.Nombre == name {
			return one, true
		}
	}
	return Catalogo{}, false
}

// de is Catalogo for a name that exists.
func (c *Criterio) de(name string) Catalogo {
	one, _ := c.Catalogo(name)
	return one
}
