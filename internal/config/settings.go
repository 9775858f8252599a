package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Setting describes one variable.
type Setting struct{ Name, Default, Description string }

// Settings lists every variable in the order of the struct, for the generated
// documentation.
func Settings() ([]Setting, error) {
	var out []Setting
	err := walk(reflect.TypeFor[Config](), Prefix, &out)
	return out, err
}

// ClientSettings lists the variables of the command line's client in the same way.
func ClientSettings() ([]Setting, error) {
	var out []Setting
	err := walk(reflect.TypeFor[Cliente](), Prefix, &out)
	return out, err
}

// walk follows envconfig's own rules for names: the field's name, split into
// words where its tag says so, behind the prefix.
func walk(t reflect.Type, prefix string, out *[]Setting) error {
	for field := range t.Fields() {
		name := field.Name
		if field.Tag.Get("split_words") == "true" {
			name = words(name)
		}
		name = prefix + "_" + strings.ToUpper(name)
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[Duration]() && field.Type != reflect.TypeFor[Bytes]() {
			if err := walk(field.Type, name, out); err != nil {
				return err
			}
			continue
		}
		desc := field.Tag.Get("desc")
		if desc == "" {
			return fmt.Errorf("config: %s has no description", name)
		}
		*out = append(*out, Setting{Name: name, Default: fallback(name, field.Tag.Get("default")), Description: desc})
	}
	return nil
}

// fallback is the value in force when the variable is not set.
func fallback(name, tag string) string {
	switch name {
	case Prefix + "_PADE_ADDENDAS_URL":
		return addendasURL
	case Prefix + "_PADE_FIRMADO_URL":
		return firmadoURL
	}
	for _, family := range []struct {
		prefix string
		at     Servicio
	}{{Prefix + "_SAT_CFDI_", production("cfdi")}, {Prefix + "_SAT_RETENCIONES_", production("reten")}} {
		switch name {
		case family.prefix + "AUTENTICA_URL":
			return family.at.AutenticaURL
		case family.prefix + "SOLICITA_URL":
			return family.at.SolicitaURL
		case family.prefix + "VERIFICA_URL":
			return family.at.VerificaURL
		case family.prefix + "DESCARGA_URL":
			return family.at.DescargaURL
		}
	}
	return tag
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

// unknown refuses variables that bear the prefix and mean nothing: a mistyped
// setting must not be a silent default.
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
