package titulo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompleta_WhenIDsOrTextsAreMissing(t *testing.T) {
	want := ejemplo()
	for name, quita := range map[string]func(p par){
		"texts": func(p par) { *p.texto = "" },
		"ids":   func(p par) { *p.id = "" },
	} {
		t.Run(name, func(t *testing.T) {
			titulo := ejemplo()
			titulo.Version = ""
			for _, p := range criterio().pares(&titulo) {
				quita(p)
			}
			if diff := cmp.Diff(want, Completa(titulo)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCompleta_WhenNothingCanBeFilled(t *testing.T) {
	titulo := ejemplo()
	titulo.FirmaResponsables[0].IDCargo, titulo.FirmaResponsables[0].Cargo = "", "RECTORA"
	titulo.Antecedente.IDTipoEstudio = "1" // of another text
	if diff := cmp.Diff(titulo, Completa(titulo)); diff != "" {
		t.Errorf("it was corrected: %s", diff)
	}
}

// The text of an id that is written otherwise is known: that it is missing is
// not what is wrong.
func TestCompleta_WhenAnIDIsWrittenOtherwise(t *testing.T) {
	titulo := ejemplo()
	titulo.Expedicion.IDEntidadFederativa, titulo.Expedicion.EntidadFederativa = "9", ""
	titulo.Expedicion.IDModalidadTitulacion, titulo.Expedicion.ModalidadTitulacion = "01", ""
	want := []string{"error expedicion/idEntidadFederativa entidad_dos_digitos", "error expedicion/idModalidadTitulacion catalogo_id"}
	if diff := cmp.Diff(want, resumen(sin(Validate(Completa(titulo)), CodigoCURPDigito))); diff != "" {
		t.Error(diff)
	}
}

// A blank in a sello may have been a +.
func TestCompleta_WhenASelloHasBlanks(t *testing.T) {
	titulo := ejemplo()
	titulo.FirmaResponsables[0].Sello, titulo.FirmaResponsables[0].CertificadoResponsable = " QQ  B ", " \n "
	got := Completa(titulo).FirmaResponsables[0]
	if got.Sello != " QQ  B " || got.CertificadoResponsable != "" {
		t.Errorf("%q, %q", got.Sello, got.CertificadoResponsable)
	}
}

func TestCompleta_WhenWhiteSpaceAndAccents(t *testing.T) {
	titulo := ejemplo()
	titulo.Profesionista.PrimerApellido = "\u00a0DE  LA\n\tPEN\u0303A "
	titulo.FirmaResponsables[0].Nombre = " ALBA "
	titulo.Autenticacion = &Autenticacion{}
	got := Completa(titulo)
	if got.Profesionista.PrimerApellido != "DE LA PEÑA" || got.FirmaResponsables[0].Nombre != "ALBA" {
		t.Errorf("completed to %q, %q", got.Profesionista.PrimerApellido, got.FirmaResponsables[0].Nombre)
	}
	if titulo.FirmaResponsables[0].Nombre != " ALBA " {
		t.Error("the argument was changed")
	}
}
