package titulo

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// complete has every attribute there is, and two signers.
func complete(t testing.TB) Titulo {
	t.Helper()
	return signed(t, EscapeFlat, func(e *Titulo) {
		second := e.FirmaResponsables[0]
		second.CURP, second.IDCargo, second.Cargo, second.SegundoApellido = curpOther, "5", "RESPONSABLE DE EXPEDICIÓN", "LÓPEZ"
		e.FirmaResponsables = append(e.FirmaResponsables, second)
		e.Institucion.NombreInstitucion = `INSTITUTO "A & B" <C> DEL D'ANGELO`
		e.Carrera.NumeroRvoe = "20181234"
		e.Expedicion.IDModalidadTitulacion, e.Expedicion.ModalidadTitulacion = "5", "POR CENEVAL"
		e.Expedicion.FechaExamenProfesional, e.Expedicion.FechaExencionExamenProfesional = "", "2010-08-16"
		e.Antecedente.NoCedula = "1234567"
		e.Autenticacion = &Autenticacion{
			Version: "1.0", FolioDigital: "6f0a1c9e-0d1f-4b4e-9d55-0a4f9a6f2b10", FechaAutenticacion: "2019-05-06T10:11:12",
			SelloTitulo: "QQ==", NoCertificadoAutoridad: "00001000000000000000", SelloAutenticacion: "QQ==",
		}
	})
}

func TestMarshal_WhenParsedAgain(t *testing.T) {
	for name, want := range map[string]Titulo{"the example": signed(t, EscapeFlat, nil), "everything": complete(t)} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(document(t, want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMarshal_WhenReadByEye(t *testing.T) {
	titulo := example()
	titulo.Autenticacion = &Autenticacion{}
	f := &titulo.FirmaResponsables[0]
	f.Sello, f.CertificadoResponsable, f.NoCertificadoResponsable = "U0VMTE8=", "Q0VSVA==", "00001000000000000000"
	want, err := os.ReadFile("testdata/TestMarshal_WhenReadByEye.xml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(document(t, titulo))); diff != "" {
		t.Error(diff)
	}
}

func TestMarshal_WhenXMLCannotCarryIt(t *testing.T) {
	for _, value := range []string{"A\x00B", "A\nB", "A\tB", "A\xd1B", "A\uFFFEB", "A\u200BB"} {
		titulo := example()
		titulo.Profesionista.Nombre = value
		if xml, err := Marshal(titulo); err == nil || xml != nil || !strings.Contains(err.Error(), "profesionista/nombre") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// xmllint validates with the schema of this package.
func xmllint(t *testing.T, xml []byte) (string, error) {
	t.Helper()
	return program(t, "xmllint", "--nonet", "--noout", "--schema", "esquema/titulo.xsd", write(t, t.TempDir(), "titulo.xml", xml))
}

func TestSchema_WhenMarshalWroteIt(t *testing.T) {
	for name, titulo := range map[string]Titulo{"the example": signed(t, EscapeFlat, nil), "everything": complete(t)} {
		t.Run(name, func(t *testing.T) {
			if output, err := xmllint(t, document(t, titulo)); err != nil {
				t.Error(output)
			}
		})
	}
}

// alterations are ways to break the structure of a sealed document, with what
// Verify says of each. The schema must refuse the same ones.
func alterations() []alteration {
	return []alteration{
		{"empty date", `fechaExamenProfesional=`, `fechaExencionExamenProfesional="" fechaExamenProfesional=`, "error expedicion/fechaExencionExamenProfesional fecha_vacia"},
		{"empty Autenticacion", `</TituloElectronico>`, `<Autenticacion/></TituloElectronico>`, "error autenticacion autenticacion_vacia"},
		{"no namespace", ` xmlns="` + Namespace + `"`, ``, "error  espacio_de_nombres"},
		{"another namespace", Namespace + `" xmlns`, `http://www.siged.sep.gob.mx/titulos/" xmlns`, "error  espacio_de_nombres"},
		{"unknown attribute", `cveCarrera=`, `sobra="1" cveCarrera=`, "error carrera/sobra atributo_desconocido"},
		{"unknown element", `<Carrera`, `<Sobra><A>b</A></Sobra><Carrera`, "error sobra elemento_desconocido"},
		{"unknown signer", `</FirmaResponsables>`, `<Firma/></FirmaResponsables>`, "error firmaResponsables/firma elemento_desconocido"},
		{"text", `</TituloElectronico>`, `hola</TituloElectronico>`, "error  texto_inesperado"},
		{"child of a leaf", `noCedula="1"/>`, `noCedula="1"><X/></Antecedente>`, "error antecedente/x elemento_desconocido"},
		{"node twice", `<Carrera`, `<Institucion cveInstitucion="1" nombreInstitucion="X"/><Carrera`, "error institucion elemento_repetido"},
		{"other version", `version="1.0" folio`, `version="1.1" folio`, "error version version"},
	}
}

type alteration struct{ name, de, a, want string }

func (a alteration) apply(t *testing.T) []byte {
	t.Helper()
	xml := string(document(t, signed(t, EscapeFlat, func(e *Titulo) { e.Antecedente.NoCedula = "1" })))
	declaration, rest, _ := strings.Cut(xml, "\n")
	if !strings.Contains(rest, a.de) {
		t.Fatalf("there is no %s in %s", a.de, rest)
	}
	return []byte(declaration + "\n" + strings.Replace(rest, a.de, a.a, 1))
}

func TestSchema_WhenItIsNotATitle(t *testing.T) {
	for _, a := range alterations() {
		t.Run(a.name, func(t *testing.T) {
			if output, err := xmllint(t, a.apply(t)); err == nil || !strings.Contains(output, "fails to validate") {
				t.Errorf("the schema accepts it: %s", output)
			}
		})
	}
}
