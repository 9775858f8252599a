package contract

import (
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestSpec_WhenAPatternIsReadByteByByteItMeansTheSame: the client that is generated
// for PHP does, and refused PEÑA800101AB5 and TÍTULOS.zip. A class may hold all that is
// beyond ASCII or nothing of it.
func TestSpec_WhenAPatternIsReadByteByByteItMeansTheSame(t *testing.T) {
	t.Parallel()
	doc, patterns := load(t), 0
	for name, ref := range doc.Components.Schemas {
		for where, s := range writtenOut(name, ref.Value) {
			if s.Pattern == "" {
				continue
			}
			patterns++
			for _, fault := range byteFaults(s.Pattern) {
				t.Errorf("%s: %s in %s", where, fault, s.Pattern)
			}
		}
	}
	if patterns < 15 {
		t.Errorf("only %d patterns were found", patterns)
	}
	for _, bad := range []string{`^[A-ZÑ&]{3}$`, `^[^\x00-\x1F\x7F-\x9F]+$`, `^AÑ+$`, `^\p{Lu}$`} {
		if byteFaults(bad) == nil {
			t.Errorf("nothing was found in %s", bad)
		}
	}
}

// TestSpec_WhenAPatternIsBrokenPeopleReadWords: nobody is shown a regular expression.
func TestSpec_WhenAPatternIsBrokenPeopleReadWords(t *testing.T) {
	t.Parallel()
	for name, ref := range load(t).Components.Schemas {
		for where, s := range writtenOut(name, ref.Value) {
			words, _ := s.Extensions["x-forma"].(string)
			if (s.Pattern == "") != (words == "") || strings.ContainsAny(words, `^$\[{|`) || s.Pattern != "" && s.Example == nil {
				t.Errorf("%s: pattern %q, x-forma %q, example %v", where, s.Pattern, words, s.Example)
			}
		}
	}
}

// byteFaults are the parts of a pattern that name one character beyond ASCII where
// bytes are counted: in a class, or before a repetition.
func byteFaults(pattern string) []string {
	return regexp.MustCompile(`\[[^\]]*(?:[^\x00-\x7F]|\\x[89A-Fa-f])[^\]]*\]|[^\x00-\x7F][*+?{]|\\[pPu]`).FindAllString(strings.ReplaceAll(pattern, `\\`, ""), -1)
}

// writtenOut are a schema and the ones that it writes out, each with its place.
func writtenOut(place string, s *openapi3.Schema) map[string]*openapi3.Schema {
	all := map[string]*openapi3.Schema{place: s}
	for name, p := range s.Properties {
		if p.Ref == "" {
			all[place+"."+name] = p.Value
		}
	}
	if s.Items != nil && s.Items.Ref == "" {
		all[place+"[]"] = s.Items.Value
	}
	return all
}
