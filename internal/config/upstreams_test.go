package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sandboxURL = "http://127.0.0.1:8081"

// addresses are the settings of the systems' addresses.
func addresses(t *testing.T) []Setting {
	t.Helper()
	all, err := Settings()
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(s Setting) bool { return s.Sandbox == "" })
	if len(all) < 11 {
		t.Fatalf("%d addresses: the test does not see what it looks at", len(all))
	}
	return all
}

// loaded is the configuration of the environment as variables, and its error.
func loaded(t *testing.T) (map[string]string, error) {
	t.Helper()
	c, fault := Load()
	environ, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		got[name] = value
	}
	return got, fault
}

// What is not set is production's without the switch and the sandbox's with it.
func TestLoad_WhenAnAddressIsNotSet(t *testing.T) {
	clear(t)
	production, err := loaded(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GATEWAY_SIN_SALIDA", sandboxURL+"/")
	trial, err := loaded(t)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range addresses(t) {
		if production[s.Name] != s.Default || !strings.HasPrefix(s.Default, "https://") || trial[s.Name] != sandboxURL+s.Sandbox {
			t.Errorf("%s: %q in production and %q in a trial, want %q and %q", s.Name, production[s.Name], trial[s.Name], s.Default, sandboxURL+s.Sandbox)
		}
		if seen[s.Default] || seen[s.Sandbox] {
			t.Errorf("%s is where another setting is: %s, %s", s.Name, s.Default, s.Sandbox)
		}
		seen[s.Default], seen[s.Sandbox] = true, true
	}
}

// Each address is taken by itself to where it must not be.
func TestLoad_WhenAnAddressLeavesTheMachine(t *testing.T) {
	clear(t)
	for _, s := range addresses(t) {
		for value, fine := range map[string]struct{ production, trial bool }{
			s.Default:                          {true, false},
			"https://sat.example/x":            {true, false},
			"https://10.1.2.3/x":               {true, false},
			"https://127.0.0.1.sat.example/x":  {true, false},
			"https://SAT.GOB.MX./x":            {true, false},
			"http://sat.example/x":             {false, false},
			"ftp://127.0.0.1/x":                {false, false},
			"https://127.0.0.1:8443/otro":      {true, true},
			"http://[::1]:8081/otro":           {true, true},
			"http://localhost:8081/otro":       {true, true},
			"https://user:canario@sat.example": {false, false},
		} {
			for withoutOutput, want := range map[string]bool{"": fine.production, sandboxURL: fine.trial} {
				t.Setenv("GATEWAY_SIN_SALIDA", withoutOutput)
				t.Setenv(s.Name, value)
				got, err := loaded(t)
				switch {
				case want && (err != nil || got[s.Name] != value):
					t.Errorf("%s=%s, %q: %q, %v", s.Name, value, withoutOutput, got[s.Name], err)
				case !want && (err == nil || !strings.HasPrefix(err.Error(), s.Name+": ") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "canario")):
					t.Errorf("%s=%s, %q: %v", s.Name, value, withoutOutput, err)
				}
			}
		}
		t.Setenv(s.Name, "")
	}
}

func TestLoad_WhenSinSalidaIsWrongItAloneIsNamed(t *testing.T) {
	clear(t)
	for _, value := range []string{"true", "127.0.0.1:8081", "https://met.sep.gob.mx", "http://10.0.0.1:8081", "http://u:canario@127.0.0.1:8081", "http://127.0.0.1:8081?x"} {
		t.Setenv("GATEWAY_SIN_SALIDA", value)
		if _, err := Load(); err == nil || !strings.HasPrefix(err.Error(), "GATEWAY_SIN_SALIDA: ") || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "canario") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// Who forgets a part of an address's description is told before anything starts.
func TestSettings_WhenAnAddressIsNotDescribed(t *testing.T) {
	t.Parallel()
	type bare struct {
		NuevaURL string `desc:"x"`
	}
	type noSandbox struct {
		NuevaURL string `upstream:"https://sat.example/x" desc:"x"`
	}
	type noFamily struct{ Nuevo Servicio }
	type halfFamily struct {
		Nuevo Servicio `upstream:"nuevo"`
	}
	type ofAnotherName struct {
		Nueva string `upstream:"sat.example" sandbox:"/x" desc:"x"`
	}
	for _, v := range []any{bare{}, noSandbox{}, noFamily{}, halfFamily{}, ofAnotherName{}} {
		if _, err := settings(reflect.ValueOf(v)); err == nil || !strings.Contains(err.Error(), "GATEWAY_NUEV") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// fill gives every field a value of its own.
func fill(t *testing.T, c *Config) {
	t.Helper()
	n := 0
	if err := walk(reflect.ValueOf(c).Elem(), Prefix, reflect.StructField{}, func(l leaf) {
		n++
		switch v := l.value.Addr().Interface().(type) {
		case *string:
			*v = fmt.Sprintf("valor %d = ñ", n)
		case *Secret:
			*v = Secret(fmt.Sprintf("secreto %d", n))
		case *bool:
			*v = true
		case *Duration:
			v.Duration = time.Duration(n)*time.Hour + 30*time.Millisecond
		case *Bytes:
			v.N = int64(n) << 30
		case *[]string:
			*v = []string{fmt.Sprint(n), "otro"}
		case *[]uint16:
			*v = []uint16{uint16(n), 8443}
		default:
			t.Fatalf("%s: the test does not know a %T", l.Name, v)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestEnviron_IsWhatLoadReads(t *testing.T) {
	clear(t)
	var want Config
	fill(t, &want)
	environ, err := want.Environ()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		names[name] = true
		t.Setenv(name, value)
	}
	all, err := Settings()
	if err != nil || len(names) != len(all) {
		t.Errorf("%d variables for %d settings: %v: %v", len(names), len(all), slices.Sorted(maps.Keys(names)), err)
	}
	got, _ := Load() // its faults are those of the values made up here
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Duration{}, Bytes{}), cmp.Transformer("", func(s Secret) string { return string(s) })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
