package integration

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// outside seals titles outside the gateway, as who has the key elsewhere does.
type outside struct {
	*autoridad.Emitido
	g *gatewaytest.Gateway
}

func signOutside(t *testing.T, g *gatewaytest.Gateway) outside {
	t.Helper()
	e, err := g.Sandbox.Autoridad().Issue(autoridad.Request{RFC: gatewaytest.Persona, Name: "JUANA PEREZ", CURP: devstack.CURPRepresentante, Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return outside{e, g}
}

// cadena is what the gateway says that the title's first signer seals.
func (f outside) cadena(t *testing.T, titulo map[string]any) string {
	t.Helper()
	r := f.g.Post("/v1/sep/titulos", map[string]any{"firmar": false, "titulos": []any{titulo}})
	wantStatus(t, r, http.StatusOK)
	var out struct {
		Titulos []struct {
			Firmas []struct{ CadenaOriginal string }
		}
	}
	r.JSON(t, &out)
	return out.Titulos[0].Firmas[0].CadenaOriginal
}

func (f outside) seal(t *testing.T, titulo map[string]any) map[string]any {
	t.Helper()
	firmante := titulo["firmaResponsables"].([]any)[0].(map[string]any)
	digest := sha256.Sum256([]byte(f.cadena(t, titulo)))
	sello, err := rsa.SignPKCS1v15(rand.Reader, f.Key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	delete(firmante, "rfc")
	firmante["sello"] = base64.StdEncoding.EncodeToString(sello)
	firmante["certificadoResponsable"] = base64.StdEncoding.EncodeToString(f.CerDER)
	firmante["noCertificadoResponsable"] = autoridad.Serial(f.Certificate)
	return firmante
}

// What comes sealed is verified like everything else, before anything is sealed
// or sent. The fields that are wrong are named as in a validation.
func TestSEP_WhenASealThatCameIsWrongNothingLeaves(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	f := signOutside(t, g)
	other := devstack.Titulo("OTRO01", gatewaytest.Persona)
	foreign := f.seal(t, other)["sello"].(string)
	for name, tc := range map[string]struct {
		change func(firmante map[string]any)
		fields []string
	}{
		"at random": {func(x map[string]any) {
			x["sello"] = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 256)))
		}, []string{"sello"}},
		"of another title": {func(x map[string]any) { x["sello"] = foreign }, []string{"sello"}},
		"not base64":       {func(x map[string]any) { x["sello"] = "sello de prueba ¡!" }, []string{"sello"}},
		"a number in hex": {func(x map[string]any) {
			x["noCertificadoResponsable"] = hex.EncodeToString([]byte(x["noCertificadoResponsable"].(string)))
		}, []string{"noCertificadoResponsable"}},
		"a PEM certificate": {func(x map[string]any) {
			x["certificadoResponsable"] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.CerDER}))
		}, []string{"certificadoResponsable"}},
		"no certificate": {func(x map[string]any) {
			delete(x, "certificadoResponsable")
			delete(x, "noCertificadoResponsable")
		}, []string{"certificadoResponsable", "noCertificadoResponsable"}},
		"another's CURP": {func(x map[string]any) { x["curp"] = "GOLA000115MDFMPNA5" }, []string{"curp", "sello"}},
	} {
		t.Run(name, func(t *testing.T) {
			titulo := devstack.Titulo("SELLO01", gatewaytest.Persona)
			tc.change(f.seal(t, titulo))
			// The second title has an e.firma that could sign, and does not.
			titulos := []any{titulo, devstack.Titulo("SELLO02", gatewaytest.Persona)}
			for _, call := range []struct {
				path string
				body map[string]any
			}{
				{"/v1/sep/titulos", map[string]any{"titulos": titulos}},
				{"/v1/sep/titulos", map[string]any{"titulos": titulos, "firmar": false}},
				{"/v1/sep/lotes", map[string]any{"titulos": titulos}},
			} {
				r := g.Post(call.path, call.body)
				wantStatus(t, r, http.StatusUnprocessableEntity)
				for _, field := range tc.fields {
					if !strings.Contains(string(r.Body), `"titulos/0/firmaResponsables/0/`+field+`"`) {
						t.Errorf("%s does not name %s: %s", call.path, field, r.Body)
					}
				}
			}
		})
	}
	if n := g.Sandbox.Estado().Llamadas["sep"]["cargaTituloElectronico"]; n != 0 {
		t.Errorf("%d uploads left", n)
	}
}

// A right seal made elsewhere, base64 in lines among them, is registered; so is
// a title of two signers, of whom one came sealed and the other's e.firma is here.
func TestSEP_WhenSealsMadeElsewhereAreRightTheyAreRegistered(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	f := signOutside(t, g)
	inLines := devstack.Titulo("FUERA01", gatewaytest.Persona)
	firmante := f.seal(t, inLines)
	for _, field := range []string{"sello", "certificadoResponsable"} {
		b64 := firmante[field].(string)
		firmante[field] = b64[:76] + "\r\n" + b64[76:152] + "\r\n" + b64[152:] + "\n"
	}
	two := devstack.Titulo("FUERA02", gatewaytest.Persona)
	f.seal(t, two)
	second := devstack.Titulo("", gatewaytest.Persona)["firmaResponsables"].([]any)[0].(map[string]any)
	second["idCargo"] = "1"
	two["firmaResponsables"] = append(two["firmaResponsables"].([]any), second)
	r := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{inLines, two}})
	wantStatus(t, r, http.StatusOK)
	var out struct{ Titulos []struct{ XML string } }
	r.JSON(t, &out)
	if strings.Contains(out.Titulos[0].XML, "&#") || strings.Count(out.Titulos[0].XML, "\n") != strings.Count(out.Titulos[1].XML, "\n")-1 {
		t.Errorf("the base64 is not in one line: %s", out.Titulos[0].XML)
	}
	got := rows(t, g, g.Post("/v1/sep/lotes", map[string]any{"titulos": []any{inLines, two}}))
	for _, row := range got.Titulos {
		if row.Resultado != "registrado" {
			t.Errorf("%+v", row)
		}
	}
	if len(got.Titulos) != 2 {
		t.Errorf("%d rows", len(got.Titulos))
	}
}

type notified struct {
	Titulos []struct {
		XML    string
		Avisos []struct{ Ruta, Codigo, Nivel, Detalle string }
	}
}

// avisosOf issues one title and returns the codes of its avisos by path.
func avisosOf(t *testing.T, g *gatewaytest.Gateway, titulo map[string]any) map[string]string {
	t.Helper()
	r := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{titulo}})
	wantStatus(t, r, http.StatusOK)
	var out notified
	r.JSON(t, &out)
	codigos := map[string]string{}
	for _, a := range out.Titulos[0].Avisos {
		codigos[a.Ruta] += a.Codigo + " "
	}
	return codigos
}

func TestSEP_WhenNamesAreDamagedItIsAnAviso(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	titulo := devstack.Titulo("DANOS01", gatewaytest.Persona)
	change := func(node, field, value string) { titulo[node].(map[string]any)[field] = value }
	change("profesionista", "primerApellido", "MU&#209;OZ")
	change("profesionista", "segundoApellido", "NULL")
	change("profesionista", "nombre", "MUÃ‘OZ")
	change("carrera", "numeroRvoe", "----")
	change("carrera", "nombreCarrera", "LENGUA ESPA?OLA")
	change("antecedente", "noCedula", "----")
	change("expedicion", "idFundamentoLegalServicioSocial", "5")
	change("expedicion", "fechaExpedicion", "2099-05-20")
	got := avisosOf(t, g, titulo)
	for path, codigo := range map[string]string{
		"profesionista/primerApellido": "texto_danado", "profesionista/segundoApellido": "valor_de_relleno", "profesionista/nombre": "texto_danado",
		"carrera/numeroRvoe": "valor_de_relleno", "carrera/nombreCarrera": "texto_danado", "antecedente/noCedula": "valor_de_relleno",
		"expedicion/idFundamentoLegalServicioSocial": "servicio_social", "expedicion/fechaExpedicion": "fecha_futura",
		"firmaResponsables/0/certificadoResponsable": "certificado_fuera_de_vigencia",
	} {
		if !strings.Contains(got[path], codigo) {
			t.Errorf("%s: %q, want %s", path, got[path], codigo)
		}
	}
}

// Our copies of the SEP's catalogues may be older than the SEP's own.
func TestSEP_WhenACatalogueLacksAnEntry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cargos.csv"), []byte("id,texto,fuente,fecha\n13,JEFE DE TÍTULOS,Oficio de la SEP,2026-11\n5,\"RESPONSABLE DE EXPEDICIÓN \",,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.SEP.CatalogosDir = dir }})
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_cargos": "12=COORDINADOR GENERAL,13=JEFE DE TÍTULOS"}); err != nil {
		t.Fatal(err)
	}
	with := func(folio, id, text string) map[string]any {
		titulo := devstack.Titulo(folio, gatewaytest.Persona)
		firmante := titulo["firmaResponsables"].([]any)[0].(map[string]any)
		firmante["idCargo"] = id
		if text != "" {
			firmante["cargo"] = text
		}
		return titulo
	}
	const path = "firmaResponsables/0/idCargo"
	for name, tc := range map[string]struct{ id, text, aviso string }{
		"0, of little evidence":  {"0", "", "catalogo_sin_confirmar"},
		"11, of little evidence": {"11", "TITULAR DE LA AUTORIDAD EDUCATIVA FEDERAL EN LA CIUDAD DE MÉXICO", "catalogo_sin_confirmar"},
		"12, of none":            {"12", "COORDINADOR GENERAL", "catalogo_id"},
		"13, the operator's":     {"13", "", ""},
		"3, of the standard":     {"3", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := avisosOf(t, g, with("CARGO"+tc.id+"X", tc.id, tc.text))[path]; strings.TrimSpace(got) != tc.aviso {
				t.Errorf("avisos %q, want %q", got, tc.aviso)
			}
			row := rows(t, g, g.Post("/v1/sep/lotes", map[string]any{"titulos": []any{with("CARGO"+tc.id+"X", tc.id, tc.text)}})).Titulos[0]
			if row.Resultado != "registrado" {
				t.Errorf("%+v", row)
			}
		})
	}
	// The operator's form of cargo 5, with its blank, is what goes out: this sandbox knows the other.
	if row := rows(t, g, g.Post("/v1/sep/lotes", map[string]any{"titulos": []any{with("CARGO5", "5", "")}})).Titulos[0]; row.MotivoCodigo != "cargo_invalido" || !strings.HasSuffix(row.Descripcion, "EXPEDICIÓN ") {
		t.Errorf("%+v", row)
	}
	if r := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{with("SINTEXTO", "12", "")}}); r.Status != 422 || !strings.Contains(string(r.Body), "titulos/0/firmaResponsables/0/cargo") {
		t.Errorf("an unknown id without its text: %d: %s", r.Status, r.Body)
	}
	var cargos struct {
		Valores []struct{ ID, Evidencia, Fuente, Fecha string }
	}
	g.Get("/v1/sep/catalogos/cargos").JSON(t, &cargos)
	evidencia := map[string]string{}
	for _, v := range cargos.Valores {
		evidencia[v.ID] = v.Evidencia + " " + v.Fecha
	}
	if evidencia["3"] != "firme 2018-04-13" || evidencia["11"] != "escasa 2026-11-30" || evidencia["13"] != "propia 2026-11" {
		t.Errorf("%v", evidencia)
	}
}

// The error of an entidad of one digit is not followed by one about its text.
func TestSEP_WhenAnEntidadHasOneDigitOneErrorSaysSo(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Now: time.Now})
	titulo := devstack.Titulo("UNDIGITO", gatewaytest.Persona)
	titulo["expedicion"].(map[string]any)["idEntidadFederativa"] = "9"
	r := g.Post("/v1/sep/titulos", map[string]any{"titulos": []any{titulo}})
	var out struct {
		Errores []struct{ Campo, Detalle string }
	}
	r.JSON(t, &out)
	if r.Status != 422 || len(out.Errores) != 1 || out.Errores[0].Campo != "titulos/0/expedicion/idEntidadFederativa" {
		t.Errorf("%d: %s", r.Status, r.Body)
	}
}
