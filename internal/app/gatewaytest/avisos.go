package gatewaytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// avisosOf are the schemas of what webhooks are sent, by type: the callbacks of the
// operation that registers one. They let no field pass that they do not have.
func avisosOf(doc *openapi3.T) map[string]*openapi3.Schema {
	out := map[string]*openapi3.Schema{}
	for _, callback := range doc.Paths.Value("/v1/webhooks").Post.Callbacks {
		for _, path := range callback.Value.Map() {
			schema := path.Post.RequestBody.Value.Content.Get("application/json").Schema.Value
			closed(schema)
			types, _ := schema.Properties["type"].Value.Extensions["x-extensible-enum"].([]any)
			for _, name := range types {
				out[fmt.Sprint(name)] = schema
			}
		}
	}
	return out
}

func closed(s *openapi3.Schema) {
	if len(s.Properties) == 0 {
		return
	}
	s.AdditionalProperties.Has = new(bool)
	for _, property := range s.Properties {
		closed(property.Value)
	}
}

// Avisos are the types of what webhooks are sent, as the contract has them.
func Avisos() ([]string, error) {
	read, err := contract()
	return slices.Sorted(maps.Keys(read.avisos)), err
}

// Aviso holds what a webhook was sent against the contract's schema of its type, and
// returns the type.
func Aviso(body []byte) (string, error) {
	read, err := contract()
	if err != nil {
		return "", err
	}
	var aviso map[string]any
	if err := json.Unmarshal(body, &aviso); err != nil {
		return "", err
	}
	name, _ := aviso["type"].(string)
	schema := read.avisos[name]
	if schema == nil {
		return name, fmt.Errorf("the contract has no schema of %q", name)
	}
	return name, schema.VisitJSON(aviso, openapi3.MultiErrors(), openapi3.EnableFormatValidation())
}
