package integration

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// tamper replaces the value of the first attribute that begins with from.
func tamper(t *testing.T, document, from, with string) string {
	t.Helper()
	before, rest, ok := strings.Cut(document, from)
	_, after, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 {
		t.Fatalf("no %q in %s", from, document)
	}
	return before + from + with + `"` + after
}

type refusal struct {
	Errores []struct{ Campo, Codigo, Detalle string }
}

// An uploaded file is held against what the validation says, whatever its form,
// and with one title that is wrong no title leaves.
func TestSEP_WhenAnUploadedTitleIsWrongNothingLeaves(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(3, "U", gatewaytest.Persona)...)
	sello := func(with string) string { return tamper(t, docs[1], `sello="`, with) }
	_, rest, _ := strings.Cut(docs[2], `sello="`)
	other, _, _ := strings.Cut(rest, `"`)
	for name, tc := range map[string]struct{ document, path, codigo string }{
		"at random":           {sello(base64.StdEncoding.EncodeToString(make([]byte, 256))), "firmaResponsables/0/sello", "sello"},
		"of another title":    {sello(other), "firmaResponsables/0/sello", "sello"},
		"no base64":           {sello("no es base64"), "firmaResponsables/0/sello", "base64"},
		"no sello":            {sello(""), "firmaResponsables/0/sello", "requerido"},
		"another number":      {tamper(t, docs[1], `noCertificadoResponsable="`, "3030"), "firmaResponsables/0/noCertificadoResponsable", "certificado_numero"},
		"a PEM":               {tamper(t, docs[1], `certificadoResponsable="`, "-----BEGIN CERTIFICATE-----"), "firmaResponsables/0/certificadoResponsable", "certificado_ilegible"},
		"changed once sealed": {strings.Replace(docs[1], `nombreCarrera="`, `nombreCarrera="OTRA `, 1), "firmaResponsables/0/sello", "sello"},
		"an entidad":          {strings.Replace(docs[1], `idEntidadFederativa="09"`, `idEntidadFederativa="9"`, 1), "expedicion/idEntidadFederativa", "entidad_dos_digitos"},
		"an empty date":       {strings.Replace(docs[1], `fechaExamenProfesional=`, `fechaExencionExamenProfesional="" fechaExamenProfesional=`, 1), "expedicion/fechaExencionExamenProfesional", "fecha_vacia"},
	} {
		file := zipped(t, docs[0], tc.document)
		for form, up := range map[string]struct{ media, body, field string }{
			"raw":       {"application/zip", string(file), "1.xml#" + tc.path},
			"XML":       {"text/xml", tc.document, tc.path},
			"JSON":      {"application/json", `{"archivoBase64":"` + base64.StdEncoding.EncodeToString(file) + `"}`, "1.xml#" + tc.path},
			"multipart": {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"m.zip\"\r\n\r\n" + string(file) + "\r\n--x--\r\n", "1.xml#" + tc.path},
		} {
			r, err := upload(t, g, "/v1/sep/lotes", strings.NewReader(up.body), "Content-Type", up.media)
			if err != nil || r.Status != http.StatusUnprocessableEntity {
				t.Fatalf("%s, %s: status %d, %v: %s", name, form, r.Status, err, r.Body)
			}
			var got refusal
			r.JSON(t, &got)
			found := false
			for _, e := range got.Errores {
				found = found || e.Campo == up.field && e.Codigo == tc.codigo && strings.HasPrefix(e.Detalle, "Título U00002: ")
			}
			if !found {
				t.Errorf("%s, %s: no %s at %s in %s", name, form, tc.codigo, up.field, r.Body)
			}
		}
	}
	if n := g.Sandbox.Estado().Llamadas["sep"][opUpload]; n != 0 {
		t.Fatalf("%d uploads left", n)
	}
}

// Whoever wants the SEP to judge says so, and how is told by the refusal.
func TestSEP_WhenOnlyTheFormIsCheckedTheSEPJudges(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(2, "J", gatewaytest.Persona)...)
	file := zipped(t, docs[0], tamper(t, docs[1], `sello="`, base64.StdEncoding.EncodeToString(make([]byte, 256))))
	put := func(query, media, body string) gatewaytest.Response {
		r, err := upload(t, g, "/v1/sep/lotes"+query, strings.NewReader(body), "Content-Type", media)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := put("?comprobar=completa", "application/zip", string(file)); r.Status != 422 || !strings.Contains(string(r.Body), "comprobar=forma") {
		t.Errorf("status %d: %s", r.Status, r.Body)
	}
	if r := put("?comprobar=nada", "application/zip", string(file)); r.Status != 422 && r.Status != 400 || !strings.Contains(string(r.Body), `["completa","forma"]`) {
		t.Errorf("no such value: %d: %s", r.Status, r.Body)
	}
	if r := g.Post("/v1/sep/lotes?comprobar=forma", map[string]any{"titulos": devstack.Titulos(1, "T", gatewaytest.Persona)}); r.Status != 422 || !strings.Contains(string(r.Body), `"comprobar"`) {
		t.Errorf("with titulos: %d: %s", r.Status, r.Body)
	}
	if r := put("?comprobar=forma", "application/zip", string(zipped(t, docs[0], docs[0]))); r.Status != 422 || !strings.Contains(string(r.Body), `"folio_duplicado"`) {
		t.Errorf("the form is checked all the same: %d: %s", r.Status, r.Body)
	}
	got := lote(t, g, "application/json", "?comprobar=forma", []byte(`{"archivoBase64":"`+base64.StdEncoding.EncodeToString(file)+`"}`))
	if len(got.Titulos) != 2 || got.Titulos[0].Resultado != "registrado" || got.Titulos[1].MotivoCodigo != "sello_invalido" {
		t.Errorf("%+v", got)
	}
}
