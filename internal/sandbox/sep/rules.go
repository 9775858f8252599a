package sep

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// reCURP is the form of a CURP: initials, date, sex, state, consonants, and two characters that tell
// people apart.
var reCURP = regexp.MustCompile(`^[A-ZÑ][AEIOUX][A-ZÑ]{2}[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[HMX][A-Z]{2}[B-DF-HJ-NP-TV-ZÑ]{3}[0-9A-Z][0-9]$`)

// renapo stands for the registry of population: a CURP that has not its form or that the knob lists is not
// there, and names are in capitals with single spaces. It knows no one else.
func (r *checker) renapo(root *node) string {
	p := root.child("Profesionista").attributes
	if !reCURP.MatchString(p["curp"]) || slices.Contains(r.curps, p["curp"]) {
		return "Validación RENAPO, CURP no válida en el nodo Profesionista: La CURP no se encuentra en la base de datos"
	}
	for _, part := range []string{p["nombre"], p["primerApellido"], p["segundoApellido"]} {
		if strings.ContainsFunc(part, unicode.IsLower) || strings.Join(strings.Fields(part), " ") != part {
			return "Validación RENAPO, nombre no válido en el nodo Profesionista: " + part
		}
	}
	return ""
}

// couple is a place where an id and its text stand: what the service calls them, and the attributes.
type couple struct {
	node, name   string
	id, text     string
	catalogo     map[string]string
	optionalText bool
}

// check holds each id and its text against its catalogue. The words of the record are «Identificador de
// entidad federativa» and «Nombre de cargo»; the others are made after them.
func (c catalogos) check(root *node) string {
	for _, p := range []couple{
		{"Expedicion", "entidad federativa", "idEntidadFederativa", "entidadFederativa", c.entidad, false},
		{"Antecedente", "entidad federativa", "idEntidadFederativa", "entidadFederativa", c.entidad, true},
		{"FirmaResponsables", "cargo", "idCargo", "cargo", c.cargo, false},
		{"Carrera", "autorización de reconocimiento", "idAutorizacionReconocimiento", "autorizacionReconocimiento", c.authorization, false},
		{"Expedicion", "modalidad de titulación", "idModalidadTitulacion", "modalidadTitulacion", c.modalidad, false},
		{"Expedicion", "fundamento legal de servicio social", "idFundamentoLegalServicioSocial", "fundamentoLegalServicioSocial", c.fundamento, false},
		{"Antecedente", "tipo de estudio", "idTipoEstudioAntecedente", "tipoEstudioAntecedente", c.estudio, false},
	} {
		nodes := []*node{root.child(p.node)}
		if p.node == "FirmaResponsables" {
			nodes = nodes[0].children
		}
		for _, n := range nodes {
			if failure := p.check(n.attributes); failure != "" {
				return failure
			}
		}
	}
	return ""
}

func (p couple) check(attributes map[string]string) string {
	id := attributes[p.id]
	wants, exist := p.catalogo[id]
	if !exist {
		return "Identificador de " + p.name + " no válido en el nodo " + p.node + ": " + id
	}
	if text, this := attributes[p.text]; text != wants && (this || !p.optionalText) {
		return "Nombre de " + p.name + " no válido en el nodo " + p.node + ": " + text
	}
	return ""
}
