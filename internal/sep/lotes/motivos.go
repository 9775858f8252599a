package lotes

import (
	"strings"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// Motivo is a stable code for why a title was not registered.
type Motivo struct {
	Codigo string
	// Part is what the SEP's text holds, folded: its spelling varies.
	Part string
	// WhatToDo says what to do about it.
	WhatToDo string
}

// maxMotivo is how much of a text is looked at; the SEP's are shorter.
const maxMotivo = 2000

// MotivoOtro is a rejection whose text is not known yet.
const MotivoOtro = "otro"

// motivoRegistered is the one that is no rejection.
const motivoRegistered = "folio_ya_registrado"

// Motivos is the table of rejections by text (sep.md §4). The part that stands
// first in the text counts: the SEP ends a text with the value that it refused,
// which may say anything. docs/errores.md shows the same rows; a test holds the
// two together.
func Motivos() []Motivo {
	return []Motivo{
		{motivoRegistered, "folio de control previamente registrado", "El título ya está registrado con ese folio: no hay que repetirlo. Si es de otro título, use otro folio."},
		{"tipo_de_archivo", "tipo de archivo inval", "La entrada del zip no es un XML."},
		{"curp_no_encontrada", "curp no valida", "RENAPO no tiene la CURP del profesionista. Corríjala."},
		{"nombre_no_coincide", "nombre no valido en el nodo profesionista", "El nombre no es el que tiene RENAPO: revise mayúsculas, acentos y espacios dobles."},
		{"entidad_invalida", "identificador de entidad federativa no valido", "El identificador de la entidad lleva dos dígitos: 02, no 2."},
		{"cargo_invalido", "nombre de cargo no valido", "El texto del cargo no es el del catálogo para su identificador."},
		{"certificado_no_registrado", "el certificado de emisor no ha sido registrado", "La DGP no tiene registrado el certificado del firmante, o es de otro ambiente."},
		{"curp_del_certificado", "no es igual a", "La CURP del firmante no es la de su certificado."},
		{"sello_invalido", "secuencia no ha sido autenticada", "El sello no corresponde a la cadena original. Vuelva a firmar el título."},
		{"sin_informacion", "no existe informacion para los datos proporcionados", "La SEP no encontró los datos del firmante. Revise certificado y cuenta."},
	}
}

// classify reads a row: the number decides, the text tells one kind of 2 from
// another, as a folio that is there already is no rejection.
func classify(estatus, description string) (result, motivo string) {
	switch strings.TrimSuffix(strings.TrimSpace(estatus), ".0") {
	case "1":
		return Registrado, ""
	case "2":
		motivo = motivoOf(description)
		if motivo == motivoRegistered {
			return YaRegistrado, motivo
		}
		return Rechazado, motivo
	}
	return Desconocido, motivoOf(description)
}

func motivoOf(description string) string {
	folded, first, codigo := textfold.Fold(description[:min(len(description), maxMotivo)]), -1, MotivoOtro
	for _, m := range Motivos() {
		if at := strings.Index(folded, m.Part); at >= 0 && (first < 0 || at < first) {
			first, codigo = at, m.Codigo
		}
	}
	return codigo
}
