// Package conform checks what a caller sent, a JSON body or a parameter's text, against
// the contract's schemas, and describes each fault in plain Spanish with what would be
// right. It reads a body once, strictly, and builds nothing from it. It stops after a
// bounded number of faults. It refuses schemas with unknown keywords, because it could
// not check them.
package conform

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Format returns what is wrong with a text of a format; nil if nothing is.
type Format func(text []byte) error

// Schema is a schema of the contract, ready to check values.
type Schema struct {
	of         *openapi3.Schema
	kind       string
	pattern    *regexp.Regexp
	format     Format
	enum       map[string]bool
	valid      []string // the valid values of enum, or names of properties, as shown to callers
	properties map[string]*Schema
	required   []string
	items      *Schema
	// words describe a text's pattern for people: x-forma in the contract.
	words string
}

// wordsOf is the extension that describes a pattern in words.
const wordsOf = "x-forma"

// Compiler compiles the contract's schemas.
type Compiler struct {
	formats map[string]Format
	known   map[*openapi3.Schema]*Schema
}

// NewCompiler returns a Compiler with these formats beside its own.
func NewCompiler(formats map[string]Format) *Compiler {
	all := formatsOfText()
	maps.Copy(all, formats)
	return &Compiler{formats: all, known: make(map[*openapi3.Schema]*Schema)}
}

// Compile returns the Schema of ref.
func (c *Compiler) Compile(ref *openapi3.SchemaRef) (*Schema, error) {
	of := ref.Value
	if s, ok := c.known[of]; ok {
		return s, nil
	}
	if err := supported(of); err != nil {
		return nil, err
	}
	if len(of.AllOf) == 1 {
		s, err := c.Compile(of.AllOf[0])
		c.known[of] = s
		return s, err
	}
	s := &Schema{of: of, kind: of.Type.Slice()[0], required: slices.Sorted(slices.Values(of.Required))}
	c.known[of] = s // before its parts, which may refer to it
	return s, c.fill(s)
}

func (c *Compiler) fill(s *Schema) (err error) {
	switch s.kind {
	case openapi3.TypeArray:
		if s.of.MaxItems == nil {
			return fmt.Errorf("conform: an array without maxItems: %s", s.of.Description)
		}
		s.items, err = c.Compile(s.of.Items)
		return err
	case openapi3.TypeObject:
		return c.object(s)
	case openapi3.TypeString:
		return c.string(s)
	}
	return nil
}

func (c *Compiler) object(s *Schema) (err error) {
	if has := s.of.AdditionalProperties.Has; has == nil || *has || s.of.AdditionalProperties.Schema != nil {
		return fmt.Errorf("conform: an object of a request without additionalProperties: false: %s", s.of.Description)
	}
	s.properties = make(map[string]*Schema, len(s.of.Properties))
	s.valid = slices.Sorted(maps.Keys(s.of.Properties))
	for _, name := range s.valid {
		if s.properties[name], err = c.Compile(s.of.Properties[name]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Compiler) string(s *Schema) (err error) {
	for _, v := range s.of.Enum {
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("conform: an enum of other things than texts: %v", v)
		}
		if s.enum == nil {
			s.enum = make(map[string]bool)
		}
		s.enum[text] = true
		s.valid = append(s.valid, text)
	}
	if s.of.Pattern != "" {
		if s.words, _ = s.of.Extensions[wordsOf].(string); s.words == "" {
			return fmt.Errorf("conform: the pattern %s has no %s that puts it into words", s.of.Pattern, wordsOf)
		}
		if s.pattern, err = regexp.Compile(s.of.Pattern); err != nil {
			return fmt.Errorf("conform: %w", err)
		}
	}
	if s.of.Format != "" {
		var ok bool
		if s.format, ok = c.formats[s.of.Format]; !ok {
			return fmt.Errorf("conform: unknown format %s", s.of.Format)
		}
	}
	return nil
}

// place returns the position of name among the object's properties.
func (s *Schema) place(name string) int {
	i, _ := slices.BinarySearch(s.valid, name)
	return i
}

// supported refuses keywords that Compile would ignore.
func supported(of *openapi3.Schema) error {
	types := of.Type.Slice()
	rest := *of // without the keywords that are checked or do not restrict a value
	rest.Description, rest.Title, rest.Default, rest.Example, rest.ExternalDocs, rest.Deprecated = "", "", nil, nil, nil, false
	rest.Extensions, rest.Origin = nil, nil
	rest.ReadOnly, rest.WriteOnly = false, false
	if len(of.AllOf) == 1 {
		rest.AllOf = nil
		if !reflect.DeepEqual(rest, openapi3.Schema{}) {
			return fmt.Errorf("conform: something beside allOf that is not held to in: %s", of.Description)
		}
		return nil
	}
	rest.Type = nil
	known := false
	switch {
	case of.Type.Is(openapi3.TypeString):
		known = true
		rest.Enum, rest.Pattern, rest.Format, rest.MinLength, rest.MaxLength = nil, "", "", 0, nil
	case of.Type.Is(openapi3.TypeInteger):
		known = of.Format == "" || of.Format == "int64"
		rest.Format, rest.Min, rest.Max = "", nil, nil
	case of.Type.Is(openapi3.TypeBoolean):
		known = true
	case of.Type.Is(openapi3.TypeArray):
		known = !of.UniqueItems || of.Items.Value.Type.Is(openapi3.TypeString)
		rest.Items, rest.MinItems, rest.MaxItems, rest.UniqueItems = nil, 0, nil, false
	case of.Type.Is(openapi3.TypeObject):
		known = true
		rest.Properties, rest.Required, rest.AdditionalProperties = nil, nil, openapi3.AdditionalProperties{}
	}
	if !known || !reflect.DeepEqual(rest, openapi3.Schema{}) {
		return fmt.Errorf("conform: a keyword, or a type of %v, that is not held to in: %s", types, of.Description)
	}
	return nil
}
