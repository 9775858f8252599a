package titulo

import "strings"

// Catalogo is one of the SEP's closed lists. In a title the id and the text of
// one entry go together, to the letter.
type Catalogo struct {
	Nombre      string    `json:"nombre"`      // "cargos"
	Descripcion string    `json:"descripcion"` // in Spanish
	Entradas    []Entrada `json:"entradas"`
}

// Entrada is one line of a Catalogo.
type Entrada struct {
	ID    string `json:"id"`    // as the XML carries it: "3", "09", "R1"
	Texto string `json:"texto"` // as the XML carries it, the official misprints included
	Nota  string `json:"nota,omitempty"`
}

// Catalogos returns all of them. The caller may keep and change what it gets.
func Catalogos() []Catalogo {
	return []Catalogo{
		Cargos(), Autorizaciones(), Modalidades(), Fundamentos(),
		EstudiosAntecedente(), Entidades(), MotivosCancelacion(),
	}
}

// CatalogoDe returns the catalogue of that name.
func CatalogoDe(nombre string) (Catalogo, bool) {
	for _, c := range Catalogos() {
		if c.Nombre == nombre {
			return c, true
		}
	}
	return Catalogo{}, false
}

// Texto returns the text of an id, which must be exact ("09", not "9").
func (c Catalogo) Texto(id string) (string, bool) {
	for _, e := range c.Entradas {
		if e.ID == id {
			return e.Texto, true
		}
	}
	return "", false
}

// ID returns the id of a text, which must be exact.
func (c Catalogo) ID(texto string) (string, bool) {
	for _, e := range c.Entradas {
		if e.Texto == texto {
			return e.ID, true
		}
	}
	return "", false
}

// IDs lists the ids in order.
func (c Catalogo) IDs() []string {
	ids := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		ids[i] = e.ID
	}
	return ids
}

// Textos lists the texts in order.
func (c Catalogo) Textos() []string {
	textos := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		textos[i] = e.Texto
	}
	return textos
}

// frase lists the entries for people: "1 DIRECTOR; 2 SUBDIRECTOR".
func (c Catalogo) frase() string {
	partes := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		partes[i] = e.ID + " " + e.Texto
	}
	return strings.Join(partes, "; ")
}
