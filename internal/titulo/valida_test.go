package titulo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate_WhenStandardsExample(t *testing.T) {
	// The example's people are made up and so are their check digits.
	if got := sin(Validate(ejemplo()), CodigoCURPDigito); len(got) != 0 {
		t.Errorf("the standard's own example has %v", got)
	}
}

func TestValidate_WhenOneThingIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		cambia func(*Titulo)
		want   []string
	}{
		{"no version", func(e *Titulo) { e.Version = "" }, []string{"error version requerido"}},
		{"other version", func(e *Titulo) { e.Version = "2.0" }, []string{"error version version"}},
		{"no folio", func(e *Titulo) { e.FolioControl = " " }, []string{"error folioControl requerido"}},
		{"short folio", func(e *Titulo) { e.FolioControl = "0001" }, []string{"aviso folioControl longitud"}},
		{"long folio", func(e *Titulo) { e.FolioControl = strings.Repeat("9", 41) }, []string{"aviso folioControl longitud"}},
		{"no signers", func(e *Titulo) { e.FirmaResponsables = nil }, []string{"error firmaResponsables requerido"}},
		{"signer twice", func(e *Titulo) { e.FirmaResponsables = append(e.FirmaResponsables, e.FirmaResponsables[0]) }, []string{"aviso firmaResponsables/1/curp firmante_repetido"}},
		{"cargo of another id", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "1" }, []string{"error firmaResponsables/0/cargo catalogo_texto"}},
		{"cargo with a space", func(e *Titulo) { e.FirmaResponsables[0].Cargo = "RECTOR " }, []string{"aviso firmaResponsables/0/cargo espacios", "error firmaResponsables/0/cargo catalogo_texto"}},
		{"cargo unknown", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "O1" }, []string{"error firmaResponsables/0/idCargo catalogo_id"}},
		{"cargo id with a zero", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "03" }, []string{"error firmaResponsables/0/idCargo catalogo_id"}},
		{"cargo missing", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "" }, []string{"error firmaResponsables/0/idCargo requerido"}},
		{"fundamento unglued", func(e *Titulo) { e.Expedicion.FundamentoLegal = "ART. 55 LR ART. 5 CONST" }, []string{"error expedicion/fundamentoLegalServicioSocial catalogo_texto"}},
		{"both of a pair unknown", func(e *Titulo) { e.Antecedente.IDTipoEstudio, e.Antecedente.TipoEstudio = "7", "KÍNDER" },
			[]string{"error antecedente/idTipoEstudioAntecedente catalogo_id", "error antecedente/tipoEstudioAntecedente catalogo_texto"}},
		{"entidad of one digit", func(e *Titulo) { e.Expedicion.IDEntidadFederativa = "9" }, []string{"error expedicion/idEntidadFederativa entidad_dos_digitos"}},
		{"entidad unknown", func(e *Titulo) { e.Antecedente.IDEntidadFederativa = "34" }, []string{"error antecedente/idEntidadFederativa catalogo_id"}},
		{"entidad text left out of antecedente", func(e *Titulo) { e.Antecedente.EntidadFederativa = "" }, []string{"aviso antecedente/entidadFederativa requerido"}},
		{"entidad text left out of expedicion", func(e *Titulo) { e.Expedicion.EntidadFederativa = "" }, []string{"error expedicion/entidadFederativa requerido"}},
		{"tesis without examen", func(e *Titulo) { e.Expedicion.FechaExamenProfesional = "" }, []string{"error expedicion/fechaExamenProfesional fecha_requerida_por_modalidad"}},
		{"tesis with both dates", func(e *Titulo) { e.Expedicion.FechaExencionExamenProfesional = "2010-08-16" }, []string{"error expedicion/fechaExencionExamenProfesional fecha_excluida_por_modalidad"}},
		{"promedio with examen", func(e *Titulo) {
			e.Expedicion.IDModalidadTitulacion, e.Expedicion.ModalidadTitulacion = "2", "POR PROMEDIO"
		},
			[]string{"error expedicion/fechaExamenProfesional fecha_excluida_por_modalidad", "error expedicion/fechaExencionExamenProfesional fecha_requerida_por_modalidad"}},
		{"otro with exencion", func(e *Titulo) {
			e.Expedicion.IDModalidadTitulacion, e.Expedicion.ModalidadTitulacion = "6", "OTRO"
			e.Expedicion.FechaExamenProfesional, e.Expedicion.FechaExencionExamenProfesional = "", "2010-08-16"
		}, nil},
		{"modalidad unknown with both dates", func(e *Titulo) {
			e.Expedicion.IDModalidadTitulacion = "8"
			e.Expedicion.FechaExencionExamenProfesional = "2010-08-16"
		}, []string{"error expedicion/fechaExencionExamenProfesional fecha_excluida_por_modalidad", "error expedicion/idModalidadTitulacion catalogo_id"}},
		{"date of another form", func(e *Titulo) { e.Expedicion.FechaExpedicion = "10/08/2011" }, []string{"error expedicion/fechaExpedicion fecha"}},
		{"date with a time", func(e *Titulo) { e.Carrera.FechaTerminacion = "2009-06-12T00:00:00" }, []string{"error carrera/fechaTerminacion fecha"}},
		{"day that never was", func(e *Titulo) { e.Antecedente.FechaTerminacion = "2003-02-29" }, []string{"error antecedente/fechaTerminacion fecha"}},
		{"carrera backwards", func(e *Titulo) { e.Carrera.FechaInicio = "2009-06-13" }, []string{"error carrera/fechaTerminacion orden_de_fechas"}},
		{"carrera of one day", func(e *Titulo) { e.Carrera.FechaInicio = "2009-06-12" }, nil},
		{"antecedente backwards", func(e *Titulo) { e.Antecedente.FechaInicio = "2003-08-13" }, []string{"error antecedente/fechaTerminacion orden_de_fechas"}},
		{"antecedente after the carrera began", func(e *Titulo) { e.Antecedente.FechaTerminacion = "2004-08-17" }, []string{"aviso antecedente/fechaTerminacion orden_de_fechas"}},
		{"issued before the examen", func(e *Titulo) { e.Expedicion.FechaExpedicion = "2010-08-15" }, []string{"aviso expedicion/fechaExpedicion orden_de_fechas"}},
		{"issued before the end", func(e *Titulo) {
			e.Expedicion.FechaExpedicion, e.Expedicion.FechaExamenProfesional = "2009-06-11", "2009-06-11"
		}, []string{"aviso expedicion/fechaExpedicion orden_de_fechas"}},
		{"servicio social", func(e *Titulo) { e.Expedicion.CumplioServicioSocial = "true" }, []string{"error expedicion/cumplioServicioSocial valor"}},
		{"no servicio social", func(e *Titulo) { e.Expedicion.CumplioServicioSocial = "" }, []string{"error expedicion/cumplioServicioSocial requerido"}},
		{"RVOE without its number", func(e *Titulo) {
			e.Carrera.IDAutorizacionReconocimiento, e.Carrera.AutorizacionReconocimiento = "1", "RVOE FEDERAL"
		}, []string{"aviso carrera/numeroRvoe rvoe_sin_numero"}},
		{"CURP in lower case", func(e *Titulo) { e.Profesionista.CURP = "aica770112hdfrnl01" }, []string{"error profesionista/curp curp"}},
		{"CURP of a signer cut", func(e *Titulo) { e.FirmaResponsables[0].CURP = "EICA750212" }, []string{"error firmaResponsables/0/curp curp"}},
		{"no CURP", func(e *Titulo) { e.Profesionista.CURP = "" }, []string{"error profesionista/curp requerido"}},
		{"correo", func(e *Titulo) { e.Profesionista.CorreoElectronico = "antonio@localhost" }, []string{"error profesionista/correoElectronico correo"}},
		{"name in lower case", func(e *Titulo) { e.Profesionista.Nombre = "Antonio" }, []string{"aviso profesionista/nombre minusculas"}},
		{"name with accents", func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÑOZ PÉREZ" }, []string{"aviso profesionista/primerApellido acentos"}},
		{"name with Ñ and Ü", func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÑOZ AGÜERO" }, nil},
		{"name with two spaces", func(e *Titulo) { e.Profesionista.PrimerApellido = "DE  LA O" }, []string{"aviso profesionista/primerApellido espacios"}},
		{"name decomposed", func(e *Titulo) { e.Profesionista.PrimerApellido = "MUN\u0303OZ" }, []string{"aviso profesionista/primerApellido unicode_descompuesto"}},
		{"name with a bar", func(e *Titulo) { e.Profesionista.PrimerApellido = "A|B" }, []string{"error profesionista/primerApellido caracter_reservado"}},
		{"name with a zero width space", func(e *Titulo) { e.Profesionista.PrimerApellido = "A\u200bB" }, []string{"error profesionista/primerApellido caracter_invalido"}},
		{"name that was Latin-1", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU\xd1OZ" }, []string{"error profesionista/primerApellido caracter_invalido"}},
		{"name too long", func(e *Titulo) { e.Profesionista.PrimerApellido = strings.Repeat("Ñ", 201) }, []string{"aviso profesionista/primerApellido longitud"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := ejemplo()
			tt.cambia(&titulo)
			problemas := sin(Validate(titulo), CodigoCURPDigito)
			if diff := cmp.Diff(tt.want, resumen(problemas)); diff != "" {
				t.Error(diff)
			}
			for _, p := range problemas {
				if !strings.HasSuffix(p.Detalle, ".") {
					t.Errorf("text of %s: %q", p.Codigo, p.Detalle)
				}
			}
		})
	}
}

func TestValidate_WhenValuesAreListed(t *testing.T) {
	titulo := ejemplo()
	titulo.Expedicion.IDModalidadTitulacion = "9"
	titulo.FirmaResponsables[0].Cargo = "RECTORA"
	campos := Campos(sin(Validate(titulo), CodigoCURPDigito))
	if len(campos) != 2 {
		t.Fatalf("campos = %v", campos)
	}
	if diff := cmp.Diff([]string{"RECTOR"}, campos[0].ValoresValidos); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Modalidades().IDs(), campos[1].ValoresValidos); diff != "" || !strings.Contains(campos[1].Detalle, "5 POR CENEVAL") {
		t.Error(diff, campos[1].Detalle)
	}
}

func TestCampos_WhenOnlyAvisos(t *testing.T) {
	titulo := ejemplo()
	titulo.FolioControl = "1"
	problemas := Validate(titulo)
	if len(problemas) == 0 || HayErrores(problemas) || Campos(problemas) != nil {
		t.Errorf("problems %v give fields %v", problemas, Campos(problemas))
	}
}

func TestCURPValida_WhenTabled(t *testing.T) {
	for curp, want := range map[string]bool{
		"HEGG560427MVZRRL04":  true,
		"PEPJ800101HDFRRN09":  true,
		"MAAX000229MNEXXXA5":  true,  // 2000 was a leap year
		"MAAX000229MNEXXX05":  false, // 1900 was not
		"LOOA990101XSPPRN01":  true,
		"HEGG561327MVZRRL04":  false,
		"HEGG560431MVZRRL04":  false,
		"HEGG560427MXXRRL04":  false,
		"HEGG560427MVZRAL04":  false,
		"HEGG560427MVZRRL0":   false,
		"HEGG560427MVZRRL044": false,
		"":                    false,
	} {
		if got := CURPValida(curp); got != want {
			t.Errorf("CURPValida(%q) = %v", curp, got)
		}
	}
}

// TestDigitoCURP_WhenPublished uses the CURP with which RENAPO's algorithm is
// commonly explained.
func TestDigitoCURP_WhenPublished(t *testing.T) {
	const curp = "HEGG560427MVZRRL0"
	for d := byte('0'); d <= '9'; d++ {
		if got, want := digitoCURP(curp+string(d)), d == '4'; got != want {
			t.Errorf("digit %c: %v", d, got)
		}
	}
}
