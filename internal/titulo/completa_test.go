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
			for _, p := range titulo.pares() {
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
	titulo.Expedicion.IDEntidadFederativa, titulo.Expedicion.EntidadFederativa = "9", ""
	titulo.Antecedente.IDTipoEstudio = "1" // of another text
	if diff := cmp.Diff(titulo, Completa(titulo)); diff != "" {
		t.Errorf("it was corrected: %s", diff)
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
