package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// worked is the example of the standard, of 2018-04-13, as a caller writes it.
// Texts of catalogues may be left to the gateway.
const worked = `{
  "folioControl": "2345678",
  "firmaResponsables": [{"nombre": "FIRMANTE", "primerApellido": "DE", "segundoApellido": "PRUEBA", "curp": "EICA750212HDFRNL01", "idCargo": "3", "cargo": "RECTOR", "abrTitulo": "LIC."}],
  "institucion": {"cveInstitucion": "010033", "nombreInstitucion": "UNIVERSIDAD TECNOLÓGICA DE AGUASCALIENTES"},
  "carrera": {"cveCarrera": "103339", "nombreCarrera": "INGENIERÍA EN NANOTECNOLOGÍA", "fechaInicio": "2004-08-16", "fechaTerminacion": "2009-06-12",
    "idAutorizacionReconocimiento": "5", "autorizacionReconocimiento": "ACTA DE SESIÓN"},
  "profesionista": {"curp": "AICA770112HDFRNL01", "nombre": "ANTONIO", "primerApellido": "ALPIZAR", "segundoApellido": "CASTRO", "correoElectronico": "antonio.alpizar@gmail.com"},
  "expedicion": {"fechaExpedicion": "2011-08-10", "idModalidadTitulacion": "1", "modalidadTitulacion": "POR TESIS", "fechaExamenProfesional": "2010-08-16",
    "cumplioServicioSocial": "1", "idFundamentoLegalServicioSocial": "2", "fundamentoLegalServicioSocial": "ART. 55 LRART. 5 CONST",
    "idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO"},
  "antecedente": {"institucionProcedencia": "C.E.T.I.S. NO. 80", "idTipoEstudioAntecedente": "4", "tipoEstudioAntecedente": "BACHILLERATO",
    "idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO", "fechaInicio": "2000-06-12", "fechaTerminacion": "2003-08-12"}
}`

// The cadena original that the standard prints for it.
const (
	workedBytes  = 405
	workedDigest = "43cdf249ad3e0b74582970588973abebecdd8fda69df1eb6fbf286b30fc6406c"
)

func TestSEP_WhenTheStandardsExampleIsBuiltItsCadenaIsTheStandards(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	short := worked
	for _, text := range []string{`, "cargo": "RECTOR"`, `, "autorizacionReconocimiento": "ACTA DE SESIÓN"`, `, "modalidadTitulacion": "POR TESIS"`,
		`, "fundamentoLegalServicioSocial": "ART. 55 LRART. 5 CONST"`, `, "entidadFederativa": "CIUDAD DE MÉXICO"`, `, "tipoEstudioAntecedente": "BACHILLERATO"`} {
		if !strings.Contains(short, text) {
			t.Fatalf("there is no %s to leave out", text)
		}
		short = strings.ReplaceAll(short, text, "")
	}
	for name, titulo := range map[string]string{"with every text": worked, "with ids alone": short} {
		r := g.Post("/v1/sep/titulos", json.RawMessage(`{"firmar": false, "titulos": [`+titulo+`]}`))
		wantStatus(t, r, http.StatusOK)
		var out struct {
			Titulos []struct {
				FolioControl, XML string
				Firmas            []struct{ CURP, CadenaOriginal, Sello string }
			}
		}
		r.JSON(t, &out)
		if len(out.Titulos) != 1 || len(out.Titulos[0].Firmas) != 1 {
			t.Fatalf("%s: %s", name, r.Body)
		}
		firma := out.Titulos[0].Firmas[0]
		sum := sha256.Sum256([]byte(firma.CadenaOriginal))
		if len(firma.CadenaOriginal) != workedBytes || hex.EncodeToString(sum[:]) != workedDigest {
			t.Errorf("%s: %d bytes, SHA-256 %x:\n%s", name, len(firma.CadenaOriginal), sum, firma.CadenaOriginal)
		}
		if firma.Sello != "" || out.Titulos[0].XML != "" || firma.CURP != "EICA750212HDFRNL01" || out.Titulos[0].FolioControl != "2345678" {
			t.Errorf("%s: not to be signed, and %s", name, r.Body)
		}
	}
}

// The published guide contradicts itself: credentials flat in the body, or
// children of another namespace. Both fail the service's schema, so the gateway
// sends neither; what it reads leniently is in the backend's tests.
func TestSEP_WhenTheGuidesFormsAreSentTheyAreRefused(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	const open, shut = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>`, `</s:Body></s:Envelope>`
	const ns, beans = `xmlns="http://ws.web.mec.sep.mx/schemas"`, `xmlns:min="http://ws.web.mec.sep.mx/schemas/beans"`
	const flat, nested = `<usuario>sandbox</usuario><password>sandbox</password>`, `<autenticacion><usuario>sandbox</usuario><password>sandbox</password></autenticacion>`
	const strange = `<autenticacion><min:usuario>sandbox</min:usuario><min:password>sandbox</min:password></autenticacion>`
	const all = `<min:autenticacion><min:usuario>sandbox</min:usuario><min:password>sandbox</min:password></min:autenticacion>`
	fields := map[string]string{
		opUpload: `<nombreArchivo>a.xml</nombreArchivo><archivoBase64>PGEvPg==</archivoBase64>`, opQuery: `<numeroLote>1</numeroLote>`,
		opDescarga: `<numeroLote>1</numeroLote>`, opCancel: `<folioControl>F</folioControl><motCancelacion>R5</motCancelacion>`,
		opCancelInstitucion: `<folioControl>F</folioControl><cveInstitucion>1</cveInstitucion><motCancelacion>R5</motCancelacion>`,
	}
	for operation, children := range fields {
		for name, body := range map[string]string{
			"right": children + nested, "flat": children + flat, "flat, credentials first": flat + children, "beans: children": children + strange,
			"beans: altogether": children + all, "credentials first": nested + children,
		} {
			text := fmt.Sprintf("%s<%[2]sRequest %[3]s %[4]s>%[5]s</%[2]sRequest>%[6]s", open, operation, ns, beans, body, shut)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/sep/services/", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "text/xml; charset=utf-8")
			req.Header.Set("SOAPAction", `""`)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close() //nolint:errcheck // read only
			refused := resp.StatusCode == http.StatusInternalServerError && strings.Contains(string(answer), "Validation error")
			if err != nil || refused != (name != "right") || name == "right" && resp.StatusCode >= 300 {
				t.Errorf("%s, %s: status %d, %v: %s", operation, name, resp.StatusCode, err, answer)
			}
		}
	}
}
