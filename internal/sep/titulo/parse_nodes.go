package titulo

import (
	"encoding/xml"
	"slices"
	"strings"
)

// children are the children of the root in the schema's order.
func children() []string {
	return []string{"FirmaResponsables", "Institucion", "Carrera", "Profesionista", "Expedicion", "Antecedente", "Autenticacion"}
}

// open reads an element by its name and place.
func (r *reader) open(e xml.StartElement) error {
	local := e.Name.Local
	switch {
	case len(r.stack) == 0:
		if local != "TituloElectronico" {
			return failure("", CodigoNoEsTitulo, "El elemento raíz es «%s» y debe ser TituloElectronico.", trim(local))
		}
		r.space(e)
		r.attributes(r.t.root(), e)
	case r.skip > 0, len(r.stack) > 1 && r.stack[1] == "Autenticacion":
	case len(r.stack) == 1:
		r.space(e)
		return r.child(e)
	case len(r.stack) == 2 && r.stack[1] == "FirmaResponsables" && local == "FirmaResponsable":
		r.space(e)
		if len(r.t.FirmaResponsables) == maxFirmantes {
			return failure("firmaResponsables", CodigoDemasiadosFirmantes, "Hay más de %d firmantes.", maxFirmantes)
		}
		i := len(r.t.FirmaResponsables)
		r.t.FirmaResponsables = append(r.t.FirmaResponsables, FirmaResponsable{})
		r.attributes(r.t.FirmaResponsables[i].node(i), e)
	default:
		r.unknown(e)
	}
	return nil
}

// child reads a child of the root. It skips a second one of the same kind, which must not
// pass for what the sello covers.
func (r *reader) child(e xml.StartElement) error {
	local := e.Name.Local
	order := slices.Index(children(), local)
	switch {
	case order < 0:
		r.unknown(e)
		return nil
	case slices.Contains(r.seen, local):
		if local == "FirmaResponsables" {
			return failure("firmaResponsables", CodigoElementoRepetido, "FirmaResponsables está más de una vez.")
		}
		r.error(lower(local), CodigoElementoRepetido, "%s está más de una vez; solo se leyó el primero.", local)
		return nil
	case slices.ContainsFunc(r.seen, func(seen string) bool { return slices.Index(children(), seen) > order }):
		r.error(lower(local), CodigoOrderElements, "%s no está en su lugar; el orden es %s.", local, strings.Join(children(), ", "))
	}
	r.seen = append(r.seen, local)
	switch local {
	case "FirmaResponsables":
		r.attributes(node{path: "firmaResponsables"}, e)
	case "Institucion":
		r.attributes(r.t.Institucion.node(), e)
	case "Carrera":
		r.attributes(r.t.Carrera.node(), e)
	case "Profesionista":
		r.attributes(r.t.Profesionista.node(), e)
	case "Expedicion":
		r.attributes(r.t.Expedicion.node(), e)
	case "Antecedente":
		r.attributes(r.t.Antecedente.node(), e)
	case "Autenticacion":
		r.autenticacion(e)
	}
	return nil
}

func (r *reader) autenticacion(e xml.StartElement) {
	read := Autenticacion{}
	r.attributes(read.node(), e)
	if read == (Autenticacion{}) {
		r.error("autenticacion", CodigoAutenticacionVacia, "Autenticacion está vacía y el esquema no lo admite; las instituciones la omiten.")
		return
	}
	r.t.Autenticacion = &read
	r.aviso("autenticacion", CodigoAutenticacion, "Autenticacion la agrega la autoridad; las instituciones la omiten.")
}

// attributes reads the element's attributes into the fields of n.
func (r *reader) attributes(n node, e xml.StartElement) {
	for _, a := range e.Attr {
		if a.Name.Space == namespaceXSI {
			r.schemaLocation(a)
			continue
		}
		i := slices.IndexFunc(n.attributes, func(d attribute) bool { return a.Name.Space == "" && d.name == a.Name.Local })
		if i < 0 {
			r.error(n.en(trim(a.Name.Local)), CodigoAtributoDesconocido, "El esquema no tiene el atributo «%s» en este elemento.", trim(a.Name.Local))
			continue
		}
		target := n.attributes[i]
		*target.value = a.Value
		if target.class == fecha && !target.required && *target.value == "" {
			r.error(n.en(target.name), CodigoFechaVacia, "%s está vacía y el esquema no lo admite; omita el atributo.", target.name)
		}
	}
}

// space reports once that the document is not in the namespace.
func (r *reader) space(e xml.StartElement) {
	if e.Name.Space == Namespace || r.foreign {
		return
	}
	r.foreign = true
	r.error("", CodigoEspacioDeNombres, "%s está en el espacio de nombres «%s» y debe estar en %s.", e.Name.Local, trim(e.Name.Space), Namespace)
}

// schemaLocation is one token in the output of several clients. Validators ignore that,
// so it is an aviso.
func (r *reader) schemaLocation(a xml.Attr) {
	if a.Name.Local == "schemaLocation" && len(strings.Fields(a.Value))%2 != 0 {
		r.aviso("", CodigoSchemaLocation, "xsi:schemaLocation lleva pares: se escribe «%s».", schemaLocation)
	}
}

// unknown reports the element and skips its content.
func (r *reader) unknown(e xml.StartElement) {
	r.skip = len(r.stack) + 1
	r.error(pathOf(append(slices.Clone(r.stack), trim(e.Name.Local))), CodigoElementoDesconocido, "El esquema no tiene el elemento «%s» en este lugar.", trim(e.Name.Local))
}

// pathOf returns the path of an element: the names below the root.
func pathOf(stack []string) string {
	parts := make([]string, 0, len(stack))
	for _, name := range stack[1:] {
		parts = append(parts, lower(name))
	}
	return strings.Join(parts, "/")
}

func (r *reader) missing() {
	for _, name := range children() {
		if name != "Autenticacion" && !slices.Contains(r.seen, name) {
			r.error(lower(name), CodigoElementoFaltante, "Falta el elemento %s.", name)
		}
	}
}

// lower turns an element's name into the first part of a path.
func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }
