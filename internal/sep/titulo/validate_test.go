package titulo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate_WhenStandardsExample(t *testing.T) {
	// The example's people are made up and so are their check digits.
	if got := without(Validate(example()), CodigoCURPDigito); len(got) != 0 {
		t.Errorf("the standard's own example has %v", got)
	}
}

func TestValidate_WhenOneThingIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Titulo)
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
		{"cargo with a space", func(e *Titulo) { e.FirmaResponsables[0].Cargo = "RECTOR " }, []string{"aviso firmaResponsables/0/cargo catalogo_texto", "aviso firmaResponsables/0/cargo espacios"}},
		{"cargo unknown", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "O1" }, []string{"error firmaResponsables/0/idCargo catalogo_id"}},
		{"cargo id with a zero", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "03" }, []string{"error firmaResponsables/0/idCargo catalogo_id"}},
		{"cargo missing", func(e *Titulo) { e.FirmaResponsables[0].IDCargo = "" }, []string{"error firmaResponsables/0/idCargo requerido"}},
		{"fundamento unglued", func(e *Titulo) { e.Expedicion.FundamentoLegal = "ART. 55 LR ART. 5 CONST" }, []string{"error expedicion/fundamentoLegalServicioSocial catalogo_texto"}},
		{"both of a pair unknown", func(e *Titulo) { e.Antecedente.IDTipoEstudio, e.Antecedente.TipoEstudio = "7", "KÍNDER" },
			[]string{"aviso antecedente/idTipoEstudioAntecedente catalogo_id"}},
		{"id unknown and no text", func(e *Titulo) { e.FirmaResponsables[0].IDCargo, e.FirmaResponsables[0].Cargo = "12", "" },
			[]string{"aviso firmaResponsables/0/idCargo catalogo_id", "error firmaResponsables/0/cargo requerido"}},
		{"entidad unknown with its own text", func(e *Titulo) {
			e.Expedicion.IDEntidadFederativa, e.Expedicion.EntidadFederativa = "34", "OTRA"
		}, []string{"aviso expedicion/idEntidadFederativa catalogo_id"}},
		{"entidad by its letters", func(e *Titulo) {
			e.Expedicion.IDEntidadFederativa, e.Expedicion.EntidadFederativa = "DF", "OTRA"
		}, []string{"error expedicion/entidadFederativa catalogo_texto", "error expedicion/idEntidadFederativa catalogo_id"}},
		{"cargo 11", func(e *Titulo) {
			e.FirmaResponsables[0].IDCargo, e.FirmaResponsables[0].Cargo = "11", "TITULAR DE LA AUTORIDAD EDUCATIVA FEDERAL EN LA CIUDAD DE MÉXICO"
		}, []string{"aviso firmaResponsables/0/idCargo catalogo_sin_confirmar"}},
		{"cargo 0", func(e *Titulo) {
			e.FirmaResponsables[0].IDCargo, e.FirmaResponsables[0].Cargo = "0", "SECRETARIO DE EDUCACIÓN PÚBLICA"
		}, []string{"aviso firmaResponsables/0/idCargo catalogo_sin_confirmar"}},
		{"fundamento in lower case", func(e *Titulo) { e.Expedicion.FundamentoLegal = "Art. 55 LRART. 5 Const" }, []string{"error expedicion/fundamentoLegalServicioSocial catalogo_texto"}},
		{"LRART for RLRART", func(e *Titulo) {
			e.Expedicion.IDFundamentoLegal, e.Expedicion.FundamentoLegal = "3", "ART. 91 LRART. 5 CONST"
		}, []string{"error expedicion/fundamentoLegalServicioSocial catalogo_texto"}},
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
		{"name with a vertical tab", func(e *Titulo) { e.Profesionista.PrimerApellido = "A\vB" }, []string{"aviso profesionista/primerApellido espacios", "error profesionista/primerApellido caracter_invalido"}},
		{"name with a zero width space", func(e *Titulo) { e.Profesionista.PrimerApellido = "A\u200bB" }, []string{"error profesionista/primerApellido caracter_invalido"}},
		{"name that was Latin-1", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU\xd1OZ" }, []string{"error profesionista/primerApellido caracter_invalido"}},
		{"name with an entity", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU&#209;OZ" }, []string{"aviso profesionista/primerApellido texto_danado"}},
		{"name with an entity in capitals", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU&NTILDE;OZ" }, []string{"aviso profesionista/primerApellido texto_danado"}},
		{"name with a hexadecimal entity", func(e *Titulo) { e.FirmaResponsables[0].Nombre = "MU&#xD1;OZ" }, []string{"aviso firmaResponsables/0/nombre minusculas", "aviso firmaResponsables/0/nombre texto_danado"}},
		{"name of UTF-8 read as windows-1252", func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÃ‘OZ" }, []string{"aviso profesionista/primerApellido texto_danado"}},
		{"name of UTF-8 read so twice", func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÃƒâ€˜OZ" }, []string{"aviso profesionista/primerApellido minusculas", "aviso profesionista/primerApellido texto_danado"}},
		{"carrera of UTF-8 read as by DOS", func(e *Titulo) { e.Carrera.NombreCarrera = "LENGUA ESPA├æOLA" }, []string{"aviso carrera/nombreCarrera minusculas", "aviso carrera/nombreCarrera texto_danado"}},
		{"institution of UTF-8 read as Latin-1", func(e *Titulo) { e.Institucion.NombreInstitucion = "COLEGIO DE ESPAÃ±A" },
			[]string{"aviso institucion/nombreInstitucion texto_danado"}},
		{"name that lost a letter", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU?OZ" }, []string{"aviso profesionista/primerApellido texto_danado"}},
		{"name that lost its last letter", func(e *Titulo) { e.Profesionista.Nombre = "JOS?" }, []string{"aviso profesionista/nombre texto_danado"}},
		{"name with a yen, as DOS has Ñ", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU¥OZ" }, []string{"aviso profesionista/primerApellido texto_danado"}},
		{"name with a replacement character", func(e *Titulo) { e.Profesionista.PrimerApellido = "MU\uFFFDOZ" }, []string{"error profesionista/primerApellido caracter_invalido"}},
		{"name NULL", func(e *Titulo) { e.Profesionista.SegundoApellido = "NULL" }, []string{"aviso profesionista/segundoApellido valor_de_relleno"}},
		{"name n/a", func(e *Titulo) { e.FirmaResponsables[0].SegundoApellido = "N/A" }, []string{"aviso firmaResponsables/0/segundoApellido valor_de_relleno"}},
		{"name of a point", func(e *Titulo) { e.Profesionista.SegundoApellido = "." }, []string{"aviso profesionista/segundoApellido valor_de_relleno"}},
		{"name with digits", func(e *Titulo) { e.Profesionista.Nombre = "ANTON1O" }, []string{"aviso profesionista/nombre nombre_caracteres"}},
		{"names as RENAPO has them", func(e *Titulo) {
			e.Profesionista.Nombre, e.Profesionista.PrimerApellido, e.Profesionista.SegundoApellido = "MA. DEL ROSARIO", "D'ANGELO-NUÑEZ", "MAGALHÃES"
		}, nil},
		{"institution with signs of its own", func(e *Titulo) {
			e.Institucion.NombreInstitucion, e.Antecedente.InstitucionProcedencia = "UNIVERSIDAD ÑÁÉÍÓÚÜ «A&B», S.C. (PLANTEL 1)", "ESCUELA N° 5"
		}, nil},
		{"RVOE of dashes", func(e *Titulo) { e.Carrera.NumeroRvoe = "----" }, []string{"aviso carrera/numeroRvoe valor_de_relleno"}},
		{"cédula of dashes", func(e *Titulo) { e.Antecedente.NoCedula = "----" }, []string{"aviso antecedente/noCedula valor_de_relleno"}},
		{"cédula 0", func(e *Titulo) { e.Antecedente.NoCedula = "0" }, []string{"aviso antecedente/noCedula valor_de_relleno"}},
		{"service done on no ground", func(e *Titulo) {
			e.Expedicion.IDFundamentoLegal, e.Expedicion.FundamentoLegal = "5", "NO APLICA"
		}, []string{"aviso expedicion/idFundamentoLegalServicioSocial servicio_social"}},
		{"service not done, on ART. 55", func(e *Titulo) { e.Expedicion.CumplioServicioSocial = "0" }, []string{"aviso expedicion/idFundamentoLegalServicioSocial servicio_social"}},
		{"service not due", func(e *Titulo) {
			e.Expedicion.CumplioServicioSocial, e.Expedicion.IDFundamentoLegal, e.Expedicion.FundamentoLegal = "0", "5", "NO APLICA"
		}, nil},
		{"issued in 2099", func(e *Titulo) { e.Expedicion.FechaExpedicion = "2099-01-01" }, []string{"aviso expedicion/fechaExpedicion fecha_futura"}},
		{"issued today", func(e *Titulo) { e.Expedicion.FechaExpedicion = "2026-03-01" }, nil},
		{"a degree upon a degree", func(e *Titulo) {
			e.Antecedente.IDTipoEstudio, e.Antecedente.TipoEstudio = "2", "LICENCIATURA"
		}, []string{"aviso antecedente/noCedula antecedente_sin_cedula"}},
		{"a degree upon one of another country", func(e *Titulo) {
			e.Antecedente.IDTipoEstudio, e.Antecedente.TipoEstudio = "2", "LICENCIATURA"
			e.Antecedente.IDEntidadFederativa, e.Antecedente.EntidadFederativa = "33", "EXTRANJERO"
		}, nil},
		{"a degree upon a degree with its cédula", func(e *Titulo) {
			e.Antecedente.IDTipoEstudio, e.Antecedente.TipoEstudio, e.Antecedente.NoCedula = "1", "MAESTRÍA", "1234567"
		}, nil},
		{"name too long", func(e *Titulo) { e.Profesionista.PrimerApellido = strings.Repeat("Ñ", 201) }, []string{"aviso profesionista/primerApellido longitud"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := example()
			tt.change(&titulo)
			problems := without(Validate(titulo), CodigoCURPDigito)
			if diff := cmp.Diff(tt.want, summary(problems)); diff != "" {
				t.Error(diff)
			}
			for _, p := range problems {
				if !strings.HasSuffix(p.Detalle, ".") {
					t.Errorf("text of %s: %q", p.Codigo, p.Detalle)
				}
			}
		})
	}
}

func TestValidate_WhenValuesAreListed(t *testing.T) {
	titulo := example()
	titulo.Expedicion.IDModalidadTitulacion = "9"
	titulo.FirmaResponsables[0].Cargo = "RECTORA"
	fields := Fields(without(Validate(titulo), CodigoCURPDigito))
	if len(fields) != 2 {
		t.Fatalf("campos = %v", fields)
	}
	if diff := cmp.Diff([]string{"RECTOR"}, fields[0].ValoresValidos); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(criterio().de(modalidades).IDs(), fields[1].ValoresValidos); diff != "" || !strings.Contains(fields[1].Detalle, "5 POR CENEVAL") {
		t.Error(diff, fields[1].Detalle)
	}
}

func TestFields_WhenOnlyAvisos(t *testing.T) {
	titulo := example()
	titulo.FolioControl = "1"
	problems := Validate(titulo)
	if len(problems) == 0 || HasErrors(problems) || Fields(problems) != nil {
		t.Errorf("problems %v give fields %v", problems, Fields(problems))
	}
}

func TestValidCURP_WhenTabled(t *testing.T) {
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
		if got := ValidCURP(curp); got != want {
			t.Errorf("CURPValida(%q) = %v", curp, got)
		}
	}
}

// TestCURPDigit_WhenPublished uses the CURP with which RENAPO's algorithm is
// commonly explained.
func TestCURPDigit_WhenPublished(t *testing.T) {
	const curp = "HEGG560427MVZRRL0"
	for d := byte('0'); d <= '9'; d++ {
		if got, want := curpDigit(curp+string(d)), d == '4'; got != want {
			t.Errorf("digit %c: %v", d, got)
		}
	}
}
