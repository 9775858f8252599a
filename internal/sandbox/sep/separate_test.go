package sep

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// What is parted while it arrives is what a parser finds in the whole.
func FuzzSeparate(f *testing.F) {
	f.Add([]byte(`<a><b:archivoBase64 xmlns:b="u">e<![CDATA[A]]>&#xD;==</b:archivoBase64><!-- <archivoBase64>x --></a>`))
	f.Add([]byte(`<a x="<archivoBase64>"><archivoBase64/><archivoBase64>eA==</archivoBase64><?p <archivoBase64>?></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file bytes.Buffer
		s, err := separate(bytes.NewReader(b), &file)
		if err != nil {
			if !errors.Is(err, wellformed.ErrMalformed) && !errors.Is(err, errBig) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		doc := etree.NewDocument()
		doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
		if doc.ReadFromBytes(b) != nil || doc.Root() == nil || strings.Contains(string(b), "<!") && !strings.Contains(string(b), "<![CDATA[") {
			return
		}
		var first *etree.Element
		for _, e := range doc.FindElements("//" + elementFile) {
			if first = e; len(e.Child) > 0 {
				break
			}
		}
		if first == nil || len(first.ChildElements()) > 0 || len(first.Child) == 0 {
			return
		}
		text := withoutBlank(textOf(first))
		wants, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return
		}
		if !s.had || !s.base64 || !bytes.Equal(wants, file.Bytes()) {
			t.Fatalf("%q: parted %v %v %q, whole %q", b, s.had, s.base64, file.Bytes(), wants)
		}
	})
}
