package contract

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// TestNames_WhenGeneratorsMakeCodeOfThem: an operationId becomes a method, a tag
// the class that has it, a schema a class and a file. Acronyms are written as
// words, so that every language can put its own case on them.
func TestNames_WhenGeneratorsMakeCodeOfThem(t *testing.T) {
	doc := load(t)
	method := regexp.MustCompile(`^([a-z]+)(?:[A-Z][a-z]+)+$`)
	verbs := []string{
		"listar", "seguir", "exportar", "obtener", "crear", "actualizar", "eliminar", "cancelar", // ours
		"verificar", "descargar", "cargar", "consultar", "procesar", "adjuntar", "firmar", // what SAT, SEP and Prodigia call it
		"emitir", "validar", "rotar", "probar", "reenviar", "desbloquear",
	}
	for _, op := range operations(doc) {
		if m := method.FindStringSubmatch(op.OperationID); m == nil || !slices.Contains(verbs, m[1]) {
			t.Errorf("%s: operationId %s: want one of the verbs and a noun, in camelCase", op.label, op.OperationID)
		}
	}
	for _, tag := range doc.Tags {
		if !regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(tag.Name) || tag.Description == "" {
			t.Errorf("tag %q: want letters alone, and a description", tag.Name)
		}
	}
	class := regexp.MustCompile(`^(?:[A-Z][a-z]*)+$`)
	seen := map[string]string{}
	for name := range doc.Components.Schemas {
		if !class.MatchString(name) || regexp.MustCompile(`[A-Z]{3}`).MatchString(name) {
			t.Errorf("schema %s: want PascalCase, with acronyms as words", name)
		}
		folded := strings.ToLower(name)
		if other := seen[folded]; other != "" {
			t.Errorf("schemas %s and %s are one file where case does not count", name, other)
		}
		seen[folded] = name
	}
}

// TestSchemas_WhenGeneratorsMakeClassesOfThem: what has no name gets one that
// nobody chose (InlineObject1), a class in C# has no member of its own name, and
// a schema that allows null or several shapes is another thing in each language.
func TestSchemas_WhenGeneratorsMakeClassesOfThem(t *testing.T) {
	doc := load(t)
	for name, ref := range doc.Components.Schemas {
		for property := range ref.Value.Properties {
			if strings.EqualFold(property, name) {
				t.Errorf("schema %s has a property of its own name", name)
			}
		}
		checkNamed(t, name, ref, true)
	}
	place := func(label string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Ref == "" {
			t.Errorf("%s: the schema has no name", label)
		}
	}
	for name, p := range doc.Components.Parameters {
		place("parameter "+name, p.Value.Schema)
	}
	for name, h := range doc.Components.Headers {
		place("header "+name, h.Value.Schema)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				if p.Ref == "" {
					t.Errorf("%s %s: parameter %s has no name", method, path, p.Value.Name)
				}
			}
			if op.RequestBody != nil {
				for mime, media := range op.RequestBody.Value.Content {
					place(method+" "+path+" "+mime, media.Schema)
				}
			}
		}
	}
	for _, op := range operations(doc) {
		for _, a := range answers(t, op) {
			for mime, media := range a.Content {
				place(a.label+" "+mime, media.Schema)
			}
		}
	}
}

// checkNamed walks a schema: objects and enums have a name, and allOf only says
// more about one schema that has.
func checkNamed(t *testing.T, path string, ref *openapi3.SchemaRef, top bool) {
	t.Helper()
	s := ref.Value
	if ref.Ref != "" {
		return
	}
	if len(s.OneOf)+len(s.AnyOf) > 0 || s.Not != nil || s.Nullable {
		t.Errorf("schema %s: oneOf, anyOf, not and nullable are not for this contract", path)
	}
	if !top && (s.Type.Is("object") || len(s.Properties) > 0 || len(s.Enum) > 0) {
		t.Errorf("schema %s: an object or enum without a name", path)
	}
	if len(s.AllOf) > 1 || len(s.AllOf) == 1 && s.AllOf[0].Ref == "" {
		t.Errorf("schema %s: allOf must hold one reference", path)
	}
	for name, property := range s.Properties {
		checkNamed(t, path+"."+name, property, false)
	}
	if s.Items != nil {
		checkNamed(t, path+"[]", s.Items, false)
	}
	if s.AdditionalProperties.Schema != nil {
		checkNamed(t, path+"{}", s.AdditionalProperties.Schema, false)
	}
}

// TestNames_WhenAWordIsUsedAgainItIsTheSameThing: a name that is a text here and a
// list there is taken for the one by whoever has met the other. What may differ says why.
func TestNames_WhenAWordIsUsedAgainItIsTheSameThing(t *testing.T) {
	doc := load(t)
	kinds := map[string]map[string]string{} // name, kind: where
	note := func(name, kind, where string) {
		if kinds[name] == nil {
			kinds[name] = map[string]string{}
		}
		kinds[name][kind] = where
	}
	values := map[string]string{} // of enums
	for name, ref := range doc.Components.Schemas {
		for property, s := range ref.Value.Properties {
			note(property, kindOf(s), name)
		}
		for _, value := range valuesOf(ref.Value) {
			values[fmt.Sprint(value)] = name
		}
	}
	for name, p := range doc.Components.Parameters {
		if p.Value.In != openapi3.ParameterInHeader {
			note(p.Value.Name, kindOf(p.Value.Schema), "parameter "+name)
		}
	}
	reasons := map[string]string{
		"avisos":          "what comes with a success, of titles with its place",
		"data":            "what a webhook's event tells of",
		"estado":          "each thing has its own; that of an address is Prodigia's word",
		"eventos":         "those of a descarga, and the names of those that a webhook hears of",
		"firmas":          "those of a title and those of a contract",
		"motivoCodigo":    "why, for a program; each thing has its own reasons",
		"programacion":    "what is asked for, and with it when it runs next",
		"progreso":        "a descarga's, and what a webhook tells of it",
		"resultado":       "what became of a title, and of an attempt",
		"siguiente":       "what the next page is asked for with; events are numbered",
		"tipoComprobante": "a request has the SAT's list, a comprobante what it says of itself",
		"tipoDescarga":    "which comprobantes; a descarga is of a range, and so never of one",
		"titulos":         "titles, at each step of theirs",
		"version":         "of a document, as it says; a request chooses one of two",
	}
	for name, where := range kinds {
		if _, excused := reasons[name]; excused != (len(where) > 1) {
			t.Errorf("%s is %v, and excused is %v", name, where, excused)
		}
		for kind := range where {
			if schema := values[name]; schema != "" && kind == "date-time" {
				t.Errorf("%s is an instant in %s, and a state in %s", name, where[kind], schema)
			}
		}
	}
}

// kindOf is what a program makes of a value: a text, an instant, an object of a
// name, or a list of such.
func kindOf(ref *openapi3.SchemaRef) string {
	s := ref.Value
	switch {
	case len(s.AllOf) > 0:
		return kindOf(s.AllOf[0])
	case s.Type.Is("array"):
		return "[" + kindOf(s.Items) + "]"
	case len(valuesOf(s)) > 0 && whole(s), s.Type.Is("object"):
		return strings.TrimPrefix(ref.Ref, "#/components/schemas/")
	case s.Format == "date-time":
		return s.Format
	}
	return strings.Join(s.Type.Slice(), " ")
}

// TestEnums_WhenMadeConstantsKeepTheirMeaning: generators write
// x-enum-descriptions beside each constant; people read the same text in the
// schema's own description. x-enum-varnames name what makes no name by itself.
func TestEnums_WhenMadeConstantsKeepTheirMeaning(t *testing.T) {
	doc := load(t)
	meaning := regexp.MustCompile("(?m)^- `([^`]+)`: (.*(?:\n  .*)*)")
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name].Value
		if !whole(s) {
			continue
		}
		said := map[string]string{}
		for _, m := range meaning.FindAllStringSubmatch(s.Description, -1) {
			said[m[1]] = strings.ReplaceAll(m[2], "\n  ", " ")
		}
		var want []any
		for _, value := range valuesOf(s) {
			want = append(want, said[fmt.Sprint(value)])
		}
		if diff := cmp.Diff(any(want), s.Extensions["x-enum-descriptions"]); diff != "" {
			t.Errorf("schema %s: x-enum-descriptions (-description +extension):\n%s", name, diff)
		}
		names, _ := s.Extensions["x-enum-varnames"].([]any)
		if len(names) == 0 {
			names = valuesOf(s)
		}
		for _, constant := range names {
			if !regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]+([._][a-z]+)*$`).MatchString(fmt.Sprint(constant)) {
				t.Errorf("schema %s: %v makes no name of a constant; give it one in x-enum-varnames", name, constant)
			}
		}
		if len(names) != len(valuesOf(s)) {
			t.Errorf("schema %s: %d names for %d values", name, len(names), len(valuesOf(s)))
		}
	}
}

// valuesOf are the values of a schema: all that there are, or those known so far.
func valuesOf(s *openapi3.Schema) []any {
	if known, may := s.Extensions["x-extensible-enum"].([]any); may {
		return known
	}
	return s.Enum
}

// whole reports whether every value of this version is listed: of a vocabulary that
// others add to, as the SAT's codes, only some are.
func whole(s *openapi3.Schema) bool {
	return len(s.Enum) > 0 || s.Extensions["x-enum-descriptions"] != nil
}

// TestEnums_WhenAnAnswerMayHaveAValueThatIsNewClientsSurviveIt: a generated client fails
// at a value that its enum does not have. What an answer holds is a text whose values
// are known so far (x-extensible-enum), or it is closed, and then why.
func TestEnums_WhenAnAnswerMayHaveAValueThatIsNewClientsSurviveIt(t *testing.T) {
	closed := map[string]string{
		"Servicio":          "as it was asked for; the SAT has two services",
		"SentidoDescarga":   "as it was asked for",
		"TipoSolicitud":     "as it was asked for; the SAT's list",
		"EstadoComprobante": "as it was asked for; the SAT's list",
		"TipoComprobante":   "as it was asked for; the SAT's list",
		"EventoWebhook":     "as it was asked for",
		"EstadoDescarga":    "who follows a descarga decides by it, and whether it has ended: another needs another version of the API",
		"ResultadoDeTitulo": "one is for what is not known: the SEP's other words come as desconocido",
		"NivelDeProblema":   "whether a title is refused or not",
	}
	found, growing := map[string]bool{}, 0
	seen := map[*openapi3.Schema]bool{}
	var walk func(ref *openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		name := strings.TrimPrefix(ref.Ref, "#/components/schemas/")
		if may := s.Extensions["x-extensible-enum"] != nil; may {
			growing++
			if len(s.Enum) > 0 {
				t.Errorf("%s may grow, and is closed", name)
			}
		}
		if len(s.Enum) > 0 {
			found[name] = true
			if closed[name] == "" {
				t.Errorf("an answer holds %s, which cannot grow", name)
			}
		}
		for _, property := range s.Properties {
			walk(property)
		}
		for _, part := range s.AllOf {
			walk(part)
		}
		walk(s.Items)
	}
	for _, op := range operations(load(t)) {
		for _, a := range answers(t, op) {
			for _, media := range a.Content {
				walk(media.Schema)
			}
		}
	}
	for name := range closed {
		if !found[name] {
			t.Errorf("%s is in no answer", name)
		}
	}
	if growing < 8 {
		t.Errorf("only %d may grow", growing)
	}
}

// TestDates_WhenTheyHaveNoZoneHaveNoFormat: a client would put its own zone on
// what the SAT and the SEP write without one. Instants of ours are in UTC.
func TestDates_WhenTheyHaveNoZoneHaveNoFormat(t *testing.T) {
	zoneless := regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}:\d{2})?$`)
	local, utc := 0, 0
	var walk func(path string, ref *openapi3.SchemaRef)
	walk = func(path string, ref *openapi3.SchemaRef) {
		s := ref.Value
		if ref.Ref != "" {
			return
		}
		example := fmt.Sprint(s.Example)
		switch {
		case s.Format == "date-time":
			utc++
			if !strings.HasSuffix(example, "Z") {
				t.Errorf("schema %s: an instant, with the example %s", path, example)
			}
		case s.Format == "date", s.Format != "" && zoneless.MatchString(example):
			t.Errorf("schema %s: has the format %s, and the example %s", path, s.Format, example)
		case zoneless.MatchString(example):
			local++
		}
		// A boolean is another thing: see TestBooleans_WhenLeftOutOfARequestMeanWhatTheContractSays.
		if s.Default != nil && !s.Type.Is("boolean") {
			t.Errorf("schema %s: a default; generators would write it into requests where it is refused", path)
		}
		for name, property := range s.Properties {
			walk(path+"."+name, property)
		}
		if s.Items != nil {
			walk(path+"[]", s.Items)
		}
	}
	for name, ref := range load(t).Components.Schemas {
		walk(name, ref)
	}
	if local < 5 || utc < 15 {
		t.Errorf("%d dates without a zone and %d instants were looked at", local, utc)
	}
}
