package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
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
	for _, value := range s.Enum {
		if !strings.Contains(s.Description, fmt.Sprintf("- `%v`: ", value)) {
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
