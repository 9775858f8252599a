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
func (r *revisor) renapo(raiz *nodo) string {
	p := raiz.hijo("Profesionista").atributos
	if !reCURP.MatchString(p["curp"]) || slices.Contains(r.curps, p["curp"]) {
		return "Validación RENAPO, CURP no válida en el nodo Profesionista: La CURP no se encuentra en la base de datos"
	}
	for _, parte := range []string{p["nombre"], p["primerApellido"], p["segundoApellido"]} {
		if strings.ContainsFunc(parte, unicode.IsLower) || strings.Join(strings.Fields(parte), " ") != parte {
			return "Validación RENAPO, nombre no válido en el nodo Profesionista: " + parte
		}
	}
	return ""
}

// pareja is a place where an id and its text stand: what the service calls them, and the attributes.
type pareja struct {
	nodo, nombre  string
	id, texto     string
	catalogo      map[string]string
	textoOpcional bool
}

// revisa holds each id and its text against its catalogue. The words of the record are «Identificador de
// entidad federativa» and «Nombre de cargo»; the others are made after them.
func (c catalogos) revisa(raiz *nodo) string {
	for _, p := range []pareja{
		{"Expedicion", "entidad federativa", "idEntidadFederativa", "entidadFederativa", c.entidad, false},
		{"Antecedente", "entidad federativa", "idEntidadFederativa", "entidadFederativa", c.entidad, true},
		{"FirmaResponsables", "cargo", "idCargo", "cargo", c.cargo, false},
		{"Carrera", "autorización de reconocimiento", "idAutorizacionReconocimiento", "autorizacionReconocimiento", c.autorizacion, false},
		{"Expedicion", "modalidad de titulación", "idModalidadTitulacion", "modalidadTitulacion", c.modalidad, false},
		{"Expedicion", "fundamento legal de servicio social", "idFundamentoLegalServicioSocial", "fundamentoLegalServicioSocial", c.fundamento, false},
		{"Antecedente", "tipo de estudio", "idTipoEstudioAntecedente", "tipoEstudioAntecedente", c.estudio, false},
	} {
		nodos := []*nodo{raiz.hijo(p.nodo)}
		if p.nodo == "FirmaResponsables" {
			nodos = nodos[0].hijos
		}
		for _, n := range nodos {
			if fallo := p.revisa(n.atributos); fallo != "" {
				return fallo
			}
		}
	}
	return ""
}

func (p pareja) revisa(atributos map[string]string) string {
	id := atributos[p.id]
	quiere, existe := p.catalogo[id]
	if !existe {
		return "Identificador de " + p.nombre + " no válido en el nodo " + p.nodo + ": " + id
	}
	if texto, esta := atributos[p.texto]; texto != quiere && (esta || !p.textoOpcional) {
		return "Nombre de " + p.nombre + " no válido en el nodo " + p.nodo + ": " + texto
	}
	return ""
}
