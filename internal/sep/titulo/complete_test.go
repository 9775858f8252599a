package titulo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestComplete_WhenIDsOrTextsAreMissing(t *testing.T) {
	want := example()
	for name, remove := range map[string]func(p pair){
		"texts": func(p pair) { *p.text = "" },
		"ids":   func(p pair) { *p.id = "" },
	} {
		t.Run(name, func(t *testing.T) {
			titulo := example()
			titulo.Version = ""
			for _, p := range criterio().pairs(&titulo) {
				remove(p)
			}
			if diff := cmp.Diff(want, Complete(titulo)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestComplete_WhenNothingCanBeFilled(t *testing.T) {
	titulo := example()
	titulo.FirmaResponsables[0].IDCargo, titulo.FirmaResponsables[0].Cargo = "", "RECTORA"
	titulo.Antecedente.IDTipoEstudio = "1" // of another text
	if diff := cmp.Diff(titulo, Complete(titulo)); diff != "" {
		t.Errorf("it was corrected: %s", diff)
	}
}

// The text of an id that is written otherwise is known: that it is missing is
// not what is wrong.
func TestComplete_WhenAnIDIsWrittenOtherwise(t *testing.T) {
	titulo := example()
	titulo.Expedicion.IDEntidadFederativa, titulo.Expedicion.EntidadFederativa = "9", ""
	titulo.Expedicion.IDModalidadTitulacion, titulo.Expedicion.ModalidadTitulacion = "01", ""
	want := []string{"error expedicion/idEntidadFederativa entidad_dos_digitos", "error expedicion/idModalidadTitulacion catalogo_id"}
	if diff := cmp.Diff(want, summary(without(Validate(Complete(titulo)), CodigoCURPDigito))); diff != "" {
		t.Error(diff)
	}
}

// A blank in a sello may have been a +.
func TestComplete_WhenASelloHasBlanks(t *testing.T) {
	titulo := example()
	titulo.FirmaResponsables[0].Sello, titulo.FirmaResponsables[0].CertificadoResponsable = " QQ  B ", " \n "
	got := Complete(titulo).FirmaResponsables[0]
	if got.Sello != " QQ  B " || got.CertificadoResponsable != "" {
		t.Errorf("%q, %q", got.Sello, got.CertificadoResponsable)
	}
}

func TestComplete_WhenWhiteSpaceAndAccents(t *testing.T) {
	titulo := example()
	titulo.Profesionista.PrimerApellido = "\u00a0DE  LA\n\tPEN\u0303A "
	titulo.FirmaResponsables[0].Nombre = " ALBA "
	titulo.Autenticacion = &Autenticacion{}
	got := Complete(titulo)
	if got.Profesionista.PrimerApellido != "DE LA PEÑA" || got.FirmaResponsables[0].Nombre != "ALBA" {
		t.Errorf("completed to %q, %q", got.Profesionista.PrimerApellido, got.FirmaResponsables[0].Nombre)
	}
	if titulo.FirmaResponsables[0].Nombre != " ALBA " {
		t.Error("the argument was changed")
	}
}
