package handlers

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestUniqueKeys_WhenAKeyComesTwice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, path string }{
		"once each":                   {`{"a":1,"b":{"a":[{"a":1},{"a":2}]},"c":"a"}`, ""},
		"at the top":                  {`{"a":1,"a":1}`, "a"},
		"deep":                        {`{"t":[{"f":"x"},{"g":{"f":1}, "g" : 2}]}`, "t/1/g"},
		"behind an object":            {`{"a":{"b":[1,2]},"c":3,"a":4}`, "a"},
		"written with an escape":      {`{"modoPrueba":false,"modoPrueb\u0061":true}`, "modoPrueba"},
		"with a quote in it":          {`{"a\"":1,"a\\":2,"a\"":3}`, `a"`},
		"in a text":                   {`{"a":"\"a\":1,\"a\":2 {\"a\\","b":"\\"}`, ""},
		"a text that ends in slashes": {`{"a":"\\\\","a":1}`, "a"},
		"of another case":             {`{"a":1,"A":2}`, ""},
		"values that are alike":       {`{"a":"a","b":"a","c":["a","a"]}`, ""},
		"base64 with its escapes":     {`{"archivoBase64":"` + strings.Repeat(`\/`, 5000) + `","archivoBase64":""}`, "archivoBase64"},
		"a key of any length":         {`{"` + strings.Repeat("k", 100_000) + `":1,"a":2}`, ""},
		"no JSON":                     {`}]"a":"a",,:{{`, ""},
		"many keys":                   {`{` + manyKeys(maxKeys+1) + `}`, "!"},
		"many levels":                 {strings.Repeat("[", maxLevels+1), "!"},
		"as many as may be":           {strings.Repeat("[", maxLevels-1) + "{" + manyKeys(maxKeys) + "}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, pieces := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader} {
				got, err := io.ReadAll(&uniqueKeys{ReadCloser: io.NopCloser(pieces(strings.NewReader(tc.text)))})
				if tc.path == "" {
					if err != nil || string(got) != tc.text {
						t.Errorf("%d bytes, %v", len(got), err)
					}
					continue
				}
				e := gateway.AsError(err)
				if err == nil || e.Kind != gateway.KindMalformada || !strings.HasSuffix(tc.path, "!") && (len(e.Campos) != 1 || e.Campos[0].Campo != tc.path) {
					t.Errorf("%+v", err)
				}
			}
		})
	}
}

func manyKeys(n int) string {
	var keys []string
	for i := range n {
		keys = append(keys, `"`+strings.Repeat("k", i%7)+string(rune('A'+i/100))+string(rune(0x4E00+i))+`":1`)
	}
	return strings.Join(keys, ",")
}

func BenchmarkUniqueKeys(b *testing.B) {
	text := `{"archivoBase64":"` + strings.Repeat("QUJD", 1<<20) + `"}`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, &uniqueKeys{ReadCloser: io.NopCloser(strings.NewReader(text))}); err != nil {
			b.Fatal(err)
		}
	}
}
