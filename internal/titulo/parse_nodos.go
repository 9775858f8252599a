package titulo

import (
	"encoding/xml"
	"slices"
	"strings"
)

// hijos are the children of the root in the schema's order.
func hijos() []string {
	return []string{"FirmaResponsables", "Institucion", "Carrera", "Profesionista", "Expedicion", "Antecedente", "Autenticacion"}
}

// abre takes an element in, by its name and place.
func (r *lector) abre(e xml.StartElement) error {
	local := e.Name.Local
	switch {
	case len(r.pila) == 0:
		if local != "TituloElectronico" {
			return fallo("", CodigoNoEsTitulo, "El elemento raíz es «%s» y debe ser TituloElectronico.", recorta(local))
		}
		r.espacio(e)
		r.atributos(r.t.raiz(), e)
	case r.salta > 0, len(r.pila) > 1 && r.pila[1] == "Autenticacion":
	case len(r.pila) == 1:
		r.espacio(e)
		return r.hijo(e)
	case len(r.pila) == 2 && r.pila[1] == "FirmaResponsables" && local == "FirmaResponsable":
		r.espacio(e)
		if len(r.t.FirmaResponsables) == maxFirmantes {
			return fallo("firmaResponsables", CodigoDemasiadosFirmantes, "Hay más de %d firmantes.", maxFirmantes)
		}
		i := len(r.t.FirmaResponsables)
		r.t.FirmaResponsables = append(r.t.FirmaResponsables, FirmaResponsable{})
		r.atributos(r.t.FirmaResponsables[i].nodo(i), e)
	default:
		r.desconocido(e)
	}
	return nil
}

// hijo takes a child of the root in. A second one of its kind is not read: it
// must not pass for what the sello covers.
func (r *lector) hijo(e xml.StartElement) error {
	local := e.Name.Local
	orden := slices.Index(hijos(), local)
	switch {
	case orden < 0:
		r.desconocido(e)
		return nil
	case slices.Contains(r.vistos, local):
		if local == "FirmaResponsables" {
			return fallo("firmaResponsables", CodigoElementoRepetido, "FirmaResponsables está más de una vez.")
		}
		r.error(minuscula(local), CodigoElementoRepetido, "%s está más de una vez; solo se leyó el primero.", local)
		return nil
	case slices.ContainsFunc(r.vistos, func(visto string) bool { return slices.Index(hijos(), visto) > orden }):
		r.error(minuscula(local), CodigoOrdenElementos, "%s no está en su lugar; el orden es %s.", local, strings.Join(hijos(), ", "))
	}
	r.vistos = append(r.vistos, local)
	switch local {
	case "FirmaResponsables":
		r.atributos(nodo{ruta: "firmaResponsables"}, e)
	case "Institucion":
		r.atributos(r.t.Institucion.nodo(), e)
	case "Carrera":
		r.atributos(r.t.Carrera.nodo(), e)
	case "Profesionista":
		r.atributos(r.t.Profesionista.nodo(), e)
	case "Expedicion":
		r.atributos(r.t.Expedicion.nodo(), e)
	case "Antecedente":
		r.atributos(r.t.Antecedente.nodo(), e)
	case "Autenticacion":
		r.autenticacion(e)
	}
	return nil
}

func (r *lector) autenticacion(e xml.StartElement) {
	leida := Autenticacion{}
	r.atributos(leida.nodo(), e)
	if leida == (Autenticacion{}) {
		r.error("autenticacion", CodigoAutenticacionVacia, "Autenticacion está vacía y el esquema no lo admite; las instituciones la omiten.")
		return
	}
	r.t.Autenticacion = &leida
	r.aviso("autenticacion", CodigoAutenticacion, "Autenticacion la agrega la autoridad; las instituciones la omiten.")
}

// atributos puts the element's attributes into the places of n.
func (r *lector) atributos(n nodo, e xml.StartElement) {
	for _, a := range e.Attr {
		if a.Name.Space == namespaceXSI {
			r.schemaLocation(a)
			continue
		}
		i := slices.IndexFunc(n.atributos, func(d atributo) bool { return a.Name.Space == "" && d.nombre == a.Name.Local })
		if i < 0 {
			r.error(n.en(recorta(a.Name.Local)), CodigoAtributoDesconocido, "El esquema no tiene el atributo «%s» en este elemento.", recorta(a.Name.Local))
			continue
		}
		destino := n.atributos[i]
		*destino.valor = a.Value
		if destino.clase == fecha && !destino.obligatorio && *destino.valor == "" {
			r.error(n.en(destino.nombre), CodigoFechaVacia, "%s está vacía y el esquema no lo admite; omita el atributo.", destino.nombre)
		}
	}
}

// espacio reports once that the document is not in the namespace.
func (r *lector) espacio(e xml.StartElement) {
	if e.Name.Space == Namespace || r.ajeno {
		return
	}
	r.ajeno = true
	r.error("", CodigoEspacioDeNombres, "%s está en el espacio de nombres «%s» y debe estar en %s.", e.Name.Local, recorta(e.Name.Space), Namespace)
}

// schemaLocation is written as one token by several clients. Validators pass
// over that, so it is an aviso.
func (r *lector) schemaLocation(a xml.Attr) {
	if a.Name.Local == "schemaLocation" && len(strings.Fields(a.Value))%2 != 0 {
		r.aviso("", CodigoSchemaLocation, "xsi:schemaLocation lleva pares: se escribe «%s».", schemaLocation)
	}
}

// desconocido reports the element and passes over what is in it.
func (r *lector) desconocido(e xml.StartElement) {
	r.salta = len(r.pila) + 1
	r.error(ruta(append(slices.Clone(r.pila), recorta(e.Name.Local))), CodigoElementoDesconocido, "El esquema no tiene el elemento «%s» en este lugar.", recorta(e.Name.Local))
}

// ruta is the path of an element: its names below the root.
func ruta(pila []string) string {
	partes := make([]string, 0, len(pila))
	for _, nombre := range pila[1:] {
		partes = append(partes, minuscula(nombre))
	}
	return strings.Join(partes, "/")
}

func (r *lector) faltantes() {
	for _, nombre := range hijos() {
		if nombre != "Autenticacion" && !slices.Contains(r.vistos, nombre) {
			r.error(minuscula(nombre), CodigoElementoFaltante, "Falta el elemento %s.", nombre)
		}
	}
}

// minuscula makes an element's name the first part of a path.
func minuscula(nombre string) string { return strings.ToLower(nombre[:1]) + nombre[1:] }
