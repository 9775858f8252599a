package titulo

import "strings"

// Catalogo is one of the SEP's lists. A title has the id and the exact text of one entry.
type Catalogo struct {
	Nombre      string  `json:"nombre"`      // "cargos"
	Descripcion string  `json:"descripcion"` // in Spanish
	Entradas    []Entry `json:"entradas"`
}

// Entry is one entry of a Catalogo.
type Entry struct {
	ID    string `json:"id"`    // as in the XML: "3", "09", "R1"
	Texto string `json:"texto"` // as in the XML, including the official misprints
	Nota  string `json:"nota,omitempty"`
	// Evidencia, Fuente and Fecha say how the entry is known: the SEP gives the lists to
	// institutions and does not publish them.
	Evidencia Evidencia `json:"evidencia"`
	Fuente    string    `json:"fuente,omitempty"`
	Fecha     string    `json:"fecha,omitempty"` // of the source: 2006, 2006-01 or 2006-01-02
}

// Evidencia is how well an Entry is known.
type Evidencia string

const (
	// EvidenciaFirme means the standard's own text, or copies that agree.
	EvidenciaFirme Evidencia = "firme"
	// EvidenciaEscasa means that few copies have it. A title with it gets an aviso.
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

// describe lists the catalogues in order with their descriptions.
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

// Entry returns the entry of an id, which must be exact ("09", not "9").
func (c Catalogo) Entry(id string) (Entry, bool) {
	for _, e := range c.Entradas {
		if e.ID == id {
			return e, true
		}
	}
	return Entry{}, false
}

// ID returns the id of a text, ignoring differences of spaces.
func (c Catalogo) ID(text string) (string, bool) {
	text = collapse(text)
	for _, e := range c.Entradas {
		if collapse(e.Texto) == text {
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

// Texts lists the texts in order.
func (c Catalogo) Texts() []string {
	texts := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		texts[i] = e.Texto
	}
	return texts
}

// canonical writes an id as the catalogue does: two digits for an entidad, and no leading
// zeros for the others, which are numbers in the schema.
func (c Catalogo) canonical(id string) string {
	switch {
	case c.Nombre == motivosCancelacion || !digits(id):
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

// form reports whether id has the form of this catalogue's ids, known or not.
func (c Catalogo) form(id string) bool {
	const longest = 4 // the SEP's have one or two digits
	return digits(id) && id == c.canonical(id) && len(id) <= longest && (c.Nombre != entidadesCatalogo || len(id) == 2)
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// phrase lists the entries for people: "1 DIRECTOR; 2 SUBDIRECTOR".
func (c Catalogo) phrase() string {
	parts := make([]string, len(c.Entradas))
	for i, e := range c.Entradas {
		parts[i] = e.ID + " " + e.Texto
	}
	return strings.Join(parts, "; ")
}
