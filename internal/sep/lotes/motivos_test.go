package lotes

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/pasarela-mx/pasarela/internal/textfold"
)

// seen are the texts that the service has been seen to give (sep.md §4), the
// values in them made up.
func seen() []struct{ estatus, description, result, motivo string } {
	return []struct{ estatus, description, result, motivo string }{
		{"1", "Título electrónico registrado exitosamente", Registrado, ""},
		{"1", "Satisfactorio", Registrado, ""},
		{"2", "Tipo de Archivo Inválido", Rechazado, "tipo_de_archivo"},
		{"2", "Folio de control previamente registrado: 0001", YaRegistrado, "folio_ya_registrado"},
		{"2", "Validación RENAPO, CURP no válida en el nodo Profesionista: La CURP no se encuentra en la base de datos", Rechazado, "curp_no_encontrada"},
		{"2", "Validación RENAPO, nombre no válido en el nodo Profesionista: JOSÉ  ÑAÑEZ", Rechazado, "nombre_no_coincide"},
		{"2", "Identificador de entidad federativa no válido en el nodo Antecedente: 2", Rechazado, "entidad_invalida"},
		{"2", "Identificador de entidad federativa no válido en el nodo Expedicion: 9", Rechazado, "entidad_invalida"},
		{"2", "Nombre de cargo no válido en el nodo FirmaResponsables: RESPONSABLE DE EXPEDICIÓN", Rechazado, "cargo_invalido"},
		{"2", "Error Bus criptografico: El certificado de Emisor no ha sido registrado o es inválido", Rechazado, "certificado_no_registrado"},
		{"2", "Error Bus criptografico: La Curp del PEPJ800101MDFRRN03 no es igual a: MEXL010203HDFXXS05", Rechazado, "curp_del_certificado"},
		{"2", "Error Bus criptografico: La Secuencia no ha sido autenticada", Rechazado, "sello_invalido"},
		{"2", "Error Bus criptografico: No existe información para los datos proporcionados", Rechazado, "sin_informacion"},
	}
}

// Spellings vary between the published guide and the service.
func spellings() map[string]func(string) string {
	return map[string]func(string) string{
		"as seen": func(s string) string { return s },
		"upper":   strings.ToUpper,
		"lower":   strings.ToLower,
		"without accents": func(s string) string {
			out, _, _ := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
			return out
		},
		"decomposed":        func(s string) string { return norm.NFD.String(s) },
		"with spaces added": func(s string) string { return "  " + strings.ReplaceAll(s, " ", "\u00a0 \r\n") + ". " },
	}
}

func TestClassify_WhenTheTextIsKnown(t *testing.T) {
	t.Parallel()
	for name, spell := range spellings() {
		for _, tc := range seen() {
			if result, motivo := classify(tc.estatus, spell(tc.description)); result != tc.result || motivo != tc.motivo {
				t.Errorf("%s, %s %q: %s %s, want %s %s", name, tc.estatus, spell(tc.description), result, motivo, tc.result, tc.motivo)
			}
		}
	}
}

// The number decides; the text tells only one 2 from another.
func TestClassify_WhenNumberAndTextDoNotFit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ estatus, description, result, motivo string }{
		{"1", "La Secuencia no ha sido autenticada", Registrado, ""},
		{" 1 ", "", Registrado, ""},
		{"2", "Título electrónico registrado exitosamente", Rechazado, MotivoOtro},
		{"2", "", Rechazado, MotivoOtro},
		{"2", "Folio de control previamente cancelado: 1", Rechazado, MotivoOtro},
		{"2", "un texto nuevo de la SEP", Rechazado, MotivoOtro},
		{"", "", Desconocido, MotivoOtro},
		{"", "Folio de control previamente registrado: 1", Desconocido, "folio_ya_registrado"},
		{"3", "Tipo de Archivo Inválido", Desconocido, "tipo_de_archivo"},
		{"0", "Satisfactorio", Desconocido, MotivoOtro},
		{"1.5", "Satisfactorio", Desconocido, MotivoOtro},
		{"uno", "", Desconocido, MotivoOtro},
	} {
		if result, motivo := classify(tc.estatus, tc.description); result != tc.result || motivo != tc.motivo {
			t.Errorf("%q %q: %s %s, want %s %s", tc.estatus, tc.description, result, motivo, tc.result, tc.motivo)
		}
	}
}

// What a person wrote and the SEP repeats must not pass for another reason.
func TestMotivo_WhenTheTextRepeatsWhatWasSent(t *testing.T) {
	t.Parallel()
	const said = "Validación RENAPO, nombre no válido en el nodo Profesionista: "
	for _, m := range Motivos() {
		if m.Codigo == "nombre_no_coincide" {
			continue
		}
		if got := motivoOf(said + strings.ToUpper(m.Part)); got != "nombre_no_coincide" {
			t.Errorf("%s%s: %s", said, strings.ToUpper(m.Part), got)
		}
	}
}

func TestMotivos_AreComplete(t *testing.T) {
	t.Parallel()
	var codes, met []string
	for _, m := range Motivos() {
		if slices.Contains(codes, m.Codigo) || m.Codigo == MotivoOtro || m.WhatToDo == "" || m.Part == "" || m.Part != textfold.Fold(m.Part) {
			t.Errorf("%+v", m)
		}
		codes = append(codes, m.Codigo)
	}
	for _, tc := range seen() {
		met = append(met, tc.motivo)
	}
	for _, code := range codes {
		if !slices.Contains(met, code) {
			t.Errorf("no text that was seen has the motivo %s", code)
		}
	}
}
