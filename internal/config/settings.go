package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// Setting describes one variable. Default is the value if it is not set. Sandbox is, for
// a system's address, its path in a sandbox.
type Setting struct{ Name, Default, Sandbox, Description string }

// Settings lists every variable in the struct's order, for the generated documentation.
func Settings() ([]Setting, error) { return settings(reflect.ValueOf(Config{})) }

// ClientSettings lists the variables of the command line's client in the same way.
func ClientSettings() ([]Setting, error) { return settings(reflect.ValueOf(Client{})) }

func settings(v reflect.Value) ([]Setting, error) {
	var out []Setting
	err := walk(v, Prefix, reflect.StructField{}, func(l leaf) {
		out = append(out, Setting{Name: l.Name, Default: l.Default, Sandbox: l.sandbox, Description: l.description})
	})
	return out, err
}

// Environ returns c as variables from which Load reads the same c.
func (c Config) Environ() ([]string, error) {
	var out []string
	err := walk(reflect.ValueOf(c), Prefix, reflect.StructField{}, func(l leaf) {
		out = append(out, l.Name+"="+text(l.value))
	})
	return out, err
}

// text writes a value as envconfig reads it.
func text(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i))
		}
		return strings.Join(parts, ",")
	case v.Kind() == reflect.String:
		return v.String() // also a Secret, which prints as dots
	}
	return fmt.Sprint(v.Interface())
}

// leaf is a variable and its field.
type leaf struct {
	Name, Default, sandbox, description string

	value reflect.Value
}

// walk follows envconfig's rules for names: the prefix and the field's name, split into
// words if its tag says so.
func walk(v reflect.Value, prefix string, around reflect.StructField, visit func(leaf)) error {
	for field, value := range v.Fields() {
		name := field.Name
		if field.Tag.Get("split_words") == "true" {
			name = words(name)
		}
		name = prefix + "_" + strings.ToUpper(name)
		_, read := reflect.New(field.Type).Interface().(envconfig.Decoder)
		if value.Kind() == reflect.Struct && !read {
			if err := walk(value, name, field, visit); err != nil {
				return err
			}
			continue
		}
		l := leaf{Name: name, Default: field.Tag.Get("default"), description: field.Tag.Get("desc"), value: value}
		if l.description == "" {
			return fmt.Errorf("config: %s has no description", name)
		}
		if err := l.addressed(field, around); err != nil {
			return err
		}
		visit(l)
	}
	return nil
}

// addressed reads the address of a system. Without one it would have no default, or none
// in a sandbox; an address that is not a system's has upstream:"-".
func (l *leaf) addressed(field, around reflect.StructField) error {
	address, is := field.Tag.Lookup("upstream")
	if address == "-" || !is && (field.Type != reflect.TypeFor[string]() || !strings.HasSuffix(field.Name, "URL")) {
		return nil
	}
	l.Default, l.sandbox = within(around, "upstream", address), within(around, "sandbox", field.Tag.Get("sandbox"))
	if !strings.HasPrefix(l.Default, "https://") || !strings.HasPrefix(l.sandbox, "/") || strings.Contains(l.Default+l.sandbox, "{}") {
		return fmt.Errorf("config: %s needs the tags upstream and sandbox: where the system is, and its path in a sandbox", l.Name)
	}
	return nil
}

// within fills the placeholder of a tag from the struct around it.
func within(around reflect.StructField, key, value string) string {
	if outer, ok := around.Tag.Lookup(key); ok {
		return strings.ReplaceAll(value, "{}", outer)
	}
	return value
}

var (
	wordForm    = regexp.MustCompile(`[^A-Z]+|[A-Z]+[^A-Z]+|[A-Z]+`)
	acronymForm = regexp.MustCompile(`([A-Z]+)([A-Z][^A-Z]+)`)
)

// words splits a CamelCase name as envconfig does.
func words(name string) string {
	parts := wordForm.FindAllString(name, -1)
	for i, part := range parts {
		parts[i] = acronymForm.ReplaceAllString(part, "${1}_$2")
	}
	return strings.Join(parts, "_")
}

// unknown refuses unknown variables with the prefix: a misspelt setting must not become a
// silent default.
func unknown(environ []string) error {
	settings, err := Settings()
	if err != nil {
		return err
	}
	client, err := ClientSettings()
	if err != nil {
		return err
	}
	settings = append(settings, client...)
	var faults []error
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix+"_") {
			continue
		}
		if !slices.ContainsFunc(settings, func(s Setting) bool { return s.Name == name }) {
			faults = append(faults, fmt.Errorf("%s: there is no such setting", name))
		}
	}
	return errors.Join(faults...)
}
