package secretfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestText_WhenPeopleWriteIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want string }{
		"plain":                       {"contraseña", "contraseña"},
		"empty":                       {"", ""},
		"line end":                    {"contraseña\r\n\n", "contraseña"},
		"spaces stay":                 {" a b \n", " a b "},
		"UTF-8 mark":                  {"\ufeffcontraseña\r\n", "contraseña"},
		"UTF-16LE with mark":          {"\xff\xfea\x00\xf1\x00\r\x00\n\x00", "añ"},
		"UTF-16BE with mark":          {"\xfe\xff\x00a\x00\xf1\x00\r\x00\n", "añ"},
		"UTF-16LE without mark":       {"a\x00\xf1\x00\n\x00", "añ"},
		"UTF-16BE without mark":       {"\x00a\x00\xf1\x00\n", "añ"},
		"UTF-16LE, a line read of it": {"\xff\xfea\x00\n", "a"},
		"UTF-16 with only the mark":   {"\xff\xfe", ""},
		"UTF-16 and an emoji":         {"\xff\xfe=\xd8\x11\xdd", "🔑"},
		"Latin-1":                     {"contrase\xf1a\n", "contraseña"},
		"windows-1252":                {"\x80uro", "€uro"},
		"NUL at both halves":          {"\x00\x00ab", "\x00\x00ab"},
		"NUL behind":                  {"secre\x00", "secre"},
		"NUL and line end behind":     {"secreto\x00\n", "secreto"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Text([]byte(tt.content)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestVariants_WhenBytesMayBeSeveral(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content string
		want    []string
		how     []string // part of each
	}{
		"ASCII is tried once":     {"secreto\n", []string{"secreto"}, []string{""}},
		"ASCII in UTF-16":         {"\xff\xfea\x00b\x00", []string{"ab"}, []string{"UTF-16"}},
		"no password":             {"", []string{""}, []string{""}},
		"UTF-8, composed":         {"ñ", []string{"ñ", "\xf1", "n\u0303", "\xa4"}, []string{"", "Latin-1", "NFD", "CP850"}},
		"UTF-8, decomposed":       {"n\u0303", []string{"n\u0303", "\xf1", "ñ", "\xa4"}, []string{"", "Latin-1", "NFC", "CP850"}},
		"UTF-16":                  {"\xff\xfe\xf1\x00", []string{"ñ", "\xf1", "n\u0303", "\xa4"}, []string{"UTF-16", "UTF-16, y la contraseña se probó en Latin-1", "NFD", "CP850"}},
		"Latin-1":                 {"\xf1", []string{"\xf1", "ñ", "n\u0303", "\xa4", "±", "\xb1"}, []string{"", "leyó como Latin-1", "NFD", "CP850", "leyó como CP850", "Latin-1"}},
		"beyond every code page":  {"🔑", []string{"🔑"}, []string{""}},
		"a blank behind, of echo": {"a b \r\n", []string{"a b ", "a b"}, []string{"", "sin los espacios de sus extremos"}},
		"blanks of other kinds":   {"\n\t\u00a0ab\u00a0\n", []string{"\n\t\u00a0ab\u00a0", "\n\t\xa0ab\xa0", "\n\t\xffab\xff", "ab", "\xa0ab\xa0", "\xffab\xff"}, []string{"", "Latin-1", "CP850", "sin los espacios", "", ""}},
		"blanks in UTF-16":        {"\xff\xfea\x00 \x00", []string{"a ", "a"}, []string{"UTF-16", "UTF-16, y la contraseña se probó sin los espacios"}},
		"nothing but blanks":      {"  \n", []string{"  "}, []string{""}},
		"the console's code page": {"a\xa4o", []string{"a\xa4o", "a¤o", "a\xcfo", "año", "a\xf1o", "an\u0303o"}, []string{"", "", "", "leyó como CP850", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Variants([]byte(tt.content))
			if len(got) != len(tt.want) {
				t.Fatalf("%q, want %q", got, tt.want)
			}
			for i, v := range got {
				if string(v.Secret) != tt.want[i] || !strings.Contains(v.How, tt.how[i]) || i > 0 && v.How == "" {
					t.Errorf("variant %d is %q by %q, want %q by %q", i, v.Secret, v.How, tt.want[i], tt.how[i])
				}
			}
		})
	}
}

func FuzzVariants(f *testing.F) {
	for _, s := range []string{"", "ñ", "n\u0303\r\n", "\xff\xfea\x00", "\xfe\xff\x00", "a\xa4", "🔑"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		vs := Variants(content)
		if len(vs) == 0 || len(vs) > 20 {
			t.Errorf("%d variants", len(vs))
		}
		seen := map[string]bool{}
		for _, v := range vs {
			if seen[string(v.Secret)] {
				t.Errorf("%q is tried twice", v.Secret)
			}
			seen[string(v.Secret)] = true
		}
	})
}

func TestRead_WhenItIsNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clave.txt")
	if _, err := Read(path); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", Max+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(path); err == nil || text != "" || strings.Contains(err.Error(), "xx") {
		t.Errorf("a large one: %q, %v", text, err)
	}
	if err := os.WriteFile(path, []byte("\xff\xfea\x00\r\x00\n\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(path); err != nil || text != "a" {
		t.Errorf("%q, %v", text, err)
	}
}
