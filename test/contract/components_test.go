package contract

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

func TestSchemas_WhenReadByAPersonAreDescribed(t *testing.T) {
	doc := load(t)
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		checkSchema(t, name, doc.Components.Schemas[name])
	}
	for name, p := range doc.Components.Parameters {
		if p.Value.Description == "" || p.Value.Example == nil {
			t.Errorf("parameter %s: needs a description and an example", name)
		}
	}
	for name, h := range doc.Components.Headers {
		if h.Value.Description == "" || h.Value.Example == nil {
			t.Errorf("header %s: needs a description and an example", name)
		}
	}
}

// checkSchema walks a schema written at path; a reference is described where it
// points.
func checkSchema(t *testing.T, path string, ref *openapi3.SchemaRef) {
	t.Helper()
	s := ref.Value
	if s.Description == "" {
		t.Errorf("schema %s: lacks a description", path)
	}
	if ref.Ref != "" {
		return
	}
	for _, value := range valuesOf(s) {
		if whole(s) && !strings.Contains(s.Description, fmt.Sprintf("- `%v`: ", value)) {
			t.Errorf("schema %s: the description does not say what `%v` means", path, value)
		}
	}
	for name, property := range s.Properties {
		checkSchema(t, path+"."+name, property)
	}
	if s.Items != nil {
		checkSchema(t, path+"[]", s.Items)
	}
}

// TestComponents_WhenNamedAreUsed follows the references from the paths: what
// they do not reach is dead weight in every generated client.
func TestComponents_WhenNamedAreUsed(t *testing.T) {
	spec := load(t)
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	components := doc["components"].(map[string]any)
	schemes := components["securitySchemes"].(map[string]any)
	delete(components, "securitySchemes")

	reached := map[string]bool{}
	var follow func(node any)
	follow = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, child := range node {
				follow(child)
			}
		case map[string]any:
			for _, child := range node {
				follow(child)
			}
			target, _ := node["$ref"].(string)
			kind, name, _ := strings.Cut(strings.TrimPrefix(target, "#/components/"), "/")
			if target == "" || reached[kind+"/"+name] {
				return
			}
			reached[kind+"/"+name] = true
			follow(components[kind].(map[string]any)[name])
		}
	}
	follow(doc["paths"])

	for kind, group := range components {
		for name := range group.(map[string]any) {
			if !reached[kind+"/"+name] {
				t.Errorf("component %s/%s is not used by any operation", kind, name)
			}
		}
	}
	required := map[string]bool{}
	for _, requirement := range spec.Security {
		for name := range requirement {
			required[name] = true
		}
	}
	for name := range schemes {
		if !required[name] {
			t.Errorf("security scheme %s is not required anywhere", name)
		}
	}
}

// TestTitulo_FieldsAreThoseOfTheVocabulary compares, object by object, what a
// request may hold with what the document is made of. rfc is the request's own:
// whose e.firma seals.
func TestTitulo_FieldsAreThoseOfTheVocabulary(t *testing.T) {
	doc := load(t)
	want := map[string][]string{}
	describe(reflect.TypeFor[titulo.Titulo](), "", want)
	want["firmaResponsables"] = append(want["firmaResponsables"], "rfc")
	got := map[string][]string{}
	var walk func(path string, s *openapi3.Schema)
	walk = func(path string, s *openapi3.Schema) {
		for name, property := range s.Properties {
			child := property.Value
			got[path] = append(got[path], name)
			switch {
			case child.Items != nil:
				walk(name, child.Items.Value)
			case len(child.Properties) > 0:
				walk(name, child)
			case len(child.AllOf) > 0:
				walk(name, child.AllOf[0].Value)
			}
		}
	}
	walk("", doc.Components.Schemas["Titulo"].Value)
	for _, names := range []map[string][]string{want, got} {
		for path := range names {
			slices.Sort(names[path])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-vocabulary +contract):\n%s", diff)
	}
}

// describe gathers the JSON names of a struct and of those within it.
func describe(typ reflect.Type, path string, into map[string][]string) {
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		into[path] = append(into[path], name)
		inner := field.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			describe(inner, name, into)
		}
	}
}

func TestCatalogos_NamesAndMotivesAreThoseOfTheVocabulary(t *testing.T) {
	doc := load(t)
	var want []string
	for _, c := range titulo.Catalogos() {
		want = append(want, c.Nombre)
	}
	if diff := cmp.Diff(want, quoted(doc.Components.Parameters["Catalogo"].Value.Description)); diff != "" {
		t.Errorf("catalogues (-vocabulary +contract):\n%s", diff)
	}
	var motives []string
	for _, value := range doc.Components.Schemas["MotivoCancelacion"].Value.Enum {
		motives = append(motives, fmt.Sprint(value))
	}
	if diff := cmp.Diff(motivos(t).IDs(), motives); diff != "" {
		t.Errorf("motives (-vocabulary +contract):\n%s", diff)
	}
}

// motivos are the reasons to cancel.
func motivos(t *testing.T) titulo.Catalogo {
	t.Helper()
	for _, c := range titulo.Catalogos() {
		if c.Nombre == "motivosCancelacion" {
			return c
		}
	}
	t.Fatal("no catalogue of reasons")
	return titulo.Catalogo{}
}

// quoted are the words in code.
func quoted(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile("`([A-Za-z0-9_]+)`").FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestEstados_AreThoseOfTheVocabulary, and every other value of a descarga's
// parts is shown as one of the contract.
func TestEstados_AreThoseOfTheVocabulary(t *testing.T) {
	doc := load(t)
	var descargas []string
	for _, e := range gateway.EstadosDescarga() {
		descargas = append(descargas, string(e))
	}
	for schema, want := range map[string][]string{
		"EstadoDescarga": descargas,
		"EstadoSolicitudDeDescarga": {string(gateway.TramoPendiente), string(gateway.TramoPresentada), string(gateway.TramoDescargando), string(gateway.TramoTerminada),
			string(gateway.TramoVacia), string(gateway.TramoPartida), string(gateway.TramoSustituida), string(gateway.TramoFallida), string(gateway.TramoCancelada)},
		"EstadoPaqueteDeDescarga": {string(gateway.PaquetePendiente), string(gateway.PaqueteGuardado), string(gateway.PaquetePerdido), string(gateway.PaqueteBorrado), string(gateway.PaqueteDanado)},
	} {
		var got []string
		for _, value := range valuesOf(doc.Components.Schemas[schema].Value) {
			got = append(got, fmt.Sprint(value))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-vocabulary +contract):\n%s", schema, diff)
		}
	}
}

func TestTituloProblem_CodesAreThoseOfTheVocabulary(t *testing.T) {
	var want []string
	for _, c := range titulo.Codigos() {
		want = append(want, string(c))
	}
	sameWords(t, want, quoted(load(t).Components.Schemas["ProblemaDeTitulo"].Value.Properties["codigo"].Value.Description))
}

func TestProcessedTitulo_MotivesAreThoseOfTheTable(t *testing.T) {
	want := []string{lotes.MotivoOtro}
	for _, m := range lotes.Motivos() {
		want = append(want, m.Codigo)
	}
	text := load(t).Components.Schemas["TituloProcesado"].Value.Properties["motivoCodigo"].Value.Description
	_, known, _ := strings.Cut(text, "Conocidos:")
	sameWords(t, want, quoted(known))
}

// sameWords compares without regard to order.
func sameWords(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("words (-code +contract):\n%s", diff)
	}
}

// TestDocuments_WhenShownInBothFormsAreTheSame: where an example holds a
// document as text and in base64, one is the other.
func TestDocuments_WhenShownInBothFormsAreTheSame(t *testing.T) {
	doc := load(t)
	for _, id := range []string{"procesarAddenda", "adjuntarAddenda", "firmarContrato", "firmarManifiesto", "firmarContratoAdhesion"} {
		for name, ex := range byID(t, doc, id).Responses.Status(http.StatusOK).Value.Content.Get("application/json").Examples {
			value := ex.Value.Value.(map[string]any)
			if got := unbase64(t, value["xmlBase64"]); string(got) != value["xml"] {
				t.Errorf("%s: example %s: xml is %q and xmlBase64 is %q", id, name, value["xml"], got)
			}
		}
	}
	cfdi := doc.Components.Schemas["PeticionAdjuntarAddenda"].Value.Properties
	if got := unbase64(t, cfdi["xmlCfdiBase64"].Value.Example); string(got) != cfdi["xmlCfdi"].Value.Example {
		t.Errorf("xmlCfdi is %q and xmlCfdiBase64 is %q", cfdi["xmlCfdi"].Value.Example, got)
	}
}

func unbase64(t *testing.T, text any) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.Strict().DecodeString(fmt.Sprint(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return raw
}

// TestContrato_WhenShownReadyIsTrue checks the one whole contract of the
// contract as the PAC would: Hash of Texto and Sello by Certificado (pade.md §4).
// The certificate is of a sandbox that is gone, and with it its key.
func TestContrato_WhenShownReadyIsTrue(t *testing.T) {
	value := byID(t, load(t), "firmarContratoAdhesion").RequestBody.Value.Content.Get("application/json").Examples["listo"].Value.Value
	var c struct {
		Hash, Texto string
		Firmas      struct {
			Firma []struct {
				CertificadoSerie string `xml:",attr"`
				Certificado      string `xml:",attr"`
				Sello            string `xml:",attr"`
			}
		}
	}
	if err := xml.Unmarshal(unbase64(t, value.(map[string]any)["xmlBase64"]), &c); err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum([]byte(c.Texto))
	if want := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", "-"); c.Hash != want {
		t.Errorf("Hash is %s, want %s", c.Hash, want)
	}
	if len(c.Firmas.Firma) != 1 {
		t.Fatalf("%d signatures", len(c.Firmas.Firma))
	}
	firma := c.Firmas.Firma[0]
	cert, err := x509.ParseCertificate(unbase64(t, firma.Certificado))
	if err != nil {
		t.Fatal(err)
	}
	if serie := string(cert.SerialNumber.Bytes()); firma.CertificadoSerie != serie {
		t.Errorf("CertificadoSerie is %s, want %s", firma.CertificadoSerie, serie)
	}
	digest := sha256.Sum256([]byte(c.Texto))
	if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], unbase64(t, firma.Sello)); err != nil {
		t.Errorf("Sello: %v", err)
	}
}

// TestContratoFirma_FieldsAreTheAttributes: the fields are the attributes of a
// Firma (pade.md §4.1) with a small letter first; firmarCon is the request's
// own: whose e.firma seals.
func TestContratoFirma_FieldsAreTheAttributes(t *testing.T) {
	want := []string{"firmarCon"}
	for _, attribute := range []string{"Quien", "RFC", "Nombre", "RepLegalRFC", "RepLegal", "CertificadoSerie", "Certificado", "Sello",
		"Siglas", "CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal", "NombreSoftware", "URLInformacion", "Facultad"} {
		plain := strings.NewReplacer("RFC", "Rfc", "URL", "Url").Replace(attribute)
		want = append(want, strings.ToLower(plain[:1])+plain[1:])
	}
	schema := load(t).Components.Schemas["FirmaDeContrato"].Value
	sameWords(t, want, slices.Collect(maps.Keys(schema.Properties)))
	// The table says of each field which party has it.
	_, table, _ := strings.Cut(schema.Description, "| | contribuyente |")
	table, text, _ := strings.Cut(table, "\n\n")
	named := slices.DeleteFunc(append(quoted(table), quoted(text)...), func(word string) bool { return word == "Cliente" })
	slices.Sort(named)
	sameWords(t, want, slices.Compact(named))
}
