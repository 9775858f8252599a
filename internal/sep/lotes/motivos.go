package lotes

import (
	"strings"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// Motivo is a stable code for the reason why a title was not registered.
type Motivo struct {
	Codigo string
	// Part is a folded part of the SEP's text, whose spelling varies.
	Part string
	// WhatToDo says what to do about it.
	WhatToDo string
}

// maxMotivo bounds the part of a text that is searched; the SEP's texts are shorter.
const maxMotivo = 2000

// MotivoOtro is a rejection with an unknown text.
const MotivoOtro = "otro"

// motivoRegistered is the only one that is not a rejection.
const motivoRegistered = "folio_ya_registrado"

// Motivos is the table of rejections by text (sep.md §4). The first matching part in the
// text counts: the SEP appends the refused value, which may contain anything. A test
// compares the table with docs/errores.md.
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

// classify returns the meaning of a row: the number decides, and the text distinguishes
// the kinds of 2, because a folio that is already registered is not a rejection.
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
