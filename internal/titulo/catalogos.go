package titulo

import "strings"

// Catalogo is one of the SEP's lists. In a title the id and the text of one
// entry go together, to the letter.
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
	// Evidencia, Fuente and Fecha say how we know: the SEP publishes the lists to
	// institutions, not to everybody.
	Evidencia Evidencia `json:"evidencia"`
	Fuente    string    `json:"fuente,omitempty"`
	Fecha     string    `json:"fecha,omitempty"` // of the source: 2006, 2006-01 or 2006-01-02
}

// Evidencia says how well an Entrada is known.
type Evidencia string

const (
	// EvidenciaFirme is the standard's own text, or copies that agree.
	EvidenciaFirme Evidencia = "firme"
	// EvidenciaEscasa is an entry that few copies have. A title that uses it gets an aviso.
	EvidenciaEscasa Evidencia = "escasa"
	// EvidenciaPropia is an entry of GATEWAY_SEP_CATALOGOS_DIR.
	EvidenciaPropia Evidencia = "propia"
)

// The catalogues, by the names of their files.
const (
	cargos              = "cargos"
	autorizaciones      = "autorizaciones"
	modalidades         = "modalidades"
	fundamentos         = "fundamentos"
	estudiosAntecedente = "estudiosAntecedente"
	entidadesCatalogo   = "entidades"
	motivosCancelacion  = "motivosCancelacion"
)

// describe lists the catalogues in their order and says what each is of.
func describe() []Catalogo {
	return []Catalogo{
		{Nombre: cargos, Descripcion: "Cargo de quien firma el título (idCargo, cargo)."},
		{Nombre: autorizaciones, Descripcion: "Autorización o reconocimiento de la carrera (idAutorizacionReconocimiento, autorizacionReconocimiento)."},
		{Nombre: modalidades, Descripcion: "Modalidad de titulación (idModalidadTitulacion, modalidadTitulacion)."},
		{Nombre: fundamentos, Descripcion: "Fundamento legal del servicio social (idFundamentoLegalServicioSocial, fundamentoLegalServicioSocial)."},
		{Nombre: estudiosAntecedente, Descripcion: "Tipo de estudio antecedente (idTipoEstudioAntecedente, tipoEstudioAntecedente)."},
		{Nombre: entidadesCatalogo, Descripcion: "Entidad federativa, con dos dígitos (idEntidadFederativa, entidadFederativa)."},
		{Nombre: motivosCancelacion, Descripcion: "Motivo de cancelación (motCancelacion lleva la clave)."},
	}
}

// Entrada returns the entry of an id, which must be exact ("09", not "9").
func (c Catalogo) Entrada(id string) (Entrada, bool) {
	for _, e := range c.Entradas {
		if e.ID == id {
			return e, true
		}
	}
	return Entrada{}, false
}

// ID returns the id of a text, whatever its blanks.
func (c Catalogo) ID(texto string) (string, bool) {
	texto = colapsa(texto)
	for _, e := range c.Entradas {
		if colapsa(e.Texto) == texto {
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

// canonico writes an id as the catalogue does: two digits for an entidad, and
// no zeros in front of the others, which the schema has as numbers.
func (c Catalogo) canonico(id string) string {
	switch {
	case c.Nombre == motivosCancelacion || !digitos(id):
		return id
	case c.Nombre == entidadesCatalogo && len(id) == 1:
		return "0" + id
	case c.Nombre == entidadesCatalogo:
		return id
	}
	if id = strings.TrimLeft(id, "0"); id == "" {
		return "0"
	}
	return id
}

// forma reports whether id is written as an id of this catalogue, known or not.
func (c Catalogo) forma(id string) bool {
	const masLargo = 4 // the SEP's have one or two digits
	return digitos(id) && id == c.canonico(id) && len(id) <= masLargo && (c.Nombre != entidadesCatalogo || len(id) == 2)
}

func digitos(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// frase lists the entries for people: "1 DIRECTOR; 2 SUBDIRECTOR".
func (c Catalogo) frase() string {
	partes := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		partes[i] = e.ID + " " + e.Texto
	}
	return strings.Join(partes, "; ")
}
