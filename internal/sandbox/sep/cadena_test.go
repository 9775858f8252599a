package sep

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The values of the standard's own example; length and digest are those of the cadena printed there.
func TestCadenaOriginal_IsTheStandardsExample(t *testing.T) {
	firmante := map[string]string{"curp": "EICA750212HDFRNL01", "idCargo": "3", "cargo": "RECTOR", "abrTitulo": "LIC."}
	root := &node{name: "TituloElectronico", attributes: map[string]string{"version": "1.0", "folioControl": "2345678"}, children: []*node{
		{name: "Institucion", attributes: map[string]string{"cveInstitucion": "010033", "nombreInstitucion": "UNIVERSIDAD TECNOLÓGICA DE AGUASCALIENTES"}},
		{name: "Carrera", attributes: map[string]string{
			"cveCarrera": "103339", "nombreCarrera": "INGENIERÍA EN NANOTECNOLOGÍA", "fechaInicio": "2004-08-16", "fechaTerminacion": "2009-06-12",
			"idAutorizacionReconocimiento": "5", "autorizacionReconocimiento": "ACTA DE SESIÓN",
		}},
		{name: "Profesionista", attributes: map[string]string{
			"curp": "AICA770112HDFRNL01", "nombre": "ANTONIO", "primerApellido": "ALPIZAR", "segundoApellido": "CASTRO", "correoElectronico": "antonio.alpizar@gmail.com",
		}},
		{name: "Expedicion", attributes: map[string]string{
			"fechaExpedicion": "2011-08-10", "idModalidadTitulacion": "1", "modalidadTitulacion": "POR TESIS", "fechaExamenProfesional": "2010-08-16",
			"cumplioServicioSocial": "1", "idFundamentoLegalServicioSocial": "2", "fundamentoLegalServicioSocial": "ART. 55 LRART. 5 CONST",
			"idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO",
		}},
		{name: "Antecedente", attributes: map[string]string{
			"institucionProcedencia": "C.E.T.I.S. NO. 80", "idTipoEstudioAntecedente": "4", "tipoEstudioAntecedente": "BACHILLERATO",
			"idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO", "fechaInicio": "2000-06-12", "fechaTerminacion": "2003-08-12",
		}},
	}}
	for _, form := range []string{cadenaPlana, cadenaEntidades} {
		got := cadenaOriginal(root, firmante, form)
		sum := sha256.Sum256([]byte(got))
		if len(got) != 405 || hex.EncodeToString(sum[:]) != "43cdf249ad3e0b74582970588973abebecdd8fda69df1eb6fbf286b30fc6406c" {
			t.Errorf("%s: %d bytes: %s", form, len(got), got)
		}
	}
}
