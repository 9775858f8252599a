package sep

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// What is parted while it arrives is what a parser finds in the whole.
func FuzzSepara(f *testing.F) {
	f.Add([]byte(`<a><b:archivoBase64 xmlns:b="u">e<![CDATA[A]]>&#xD;==</b:archivoBase64><!-- <archivoBase64>x --></a>`))
	f.Add([]byte(`<a x="<archivoBase64>"><archivoBase64/><archivoBase64>eA==</archivoBase64><?p <archivoBase64>?></a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var archivo bytes.Buffer
		s, err := separa(bytes.NewReader(b), &archivo)
		if err != nil {
			if !errors.Is(err, errMalformado) && !errors.Is(err, errGrande) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		doc := etree.NewDocument()
		doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
		if doc.ReadFromBytes(b) != nil || doc.Root() == nil || strings.Contains(string(b), "<!") && !strings.Contains(string(b), "<![CDATA[") {
			return
		}
		var primero *etree.Element
		for _, e := range doc.FindElements("//" + elementoArchivo) {
			if primero = e; len(e.Child) > 0 {
				break
			}
		}
		if primero == nil || len(primero.ChildElements()) > 0 || len(primero.Child) == 0 {
			return
		}
		texto := sinBlancos(textoDe(primero))
		quiere, err := base64.StdEncoding.DecodeString(texto)
		if err != nil {
			return
		}
		if !s.hubo || !s.base64 || !bytes.Equal(quiere, archivo.Bytes()) {
			t.Fatalf("%q: parted %v %v %q, whole %q", b, s.hubo, s.base64, archivo.Bytes(), quiere)
		}
	})
}
