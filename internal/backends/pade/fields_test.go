package pade

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFields_WhenTheInnerDocumentIsReadTakesItsChildren(t *testing.T) {
	t.Parallel()
	want := map[string]string{"codigo": "0", "mensaje": "Peña & <hijos>", "xml": ""}
	for name, inner := range map[string]string{
		"as the service has it": "<respuesta><codigo>0</codigo><Mensaje>Peña &amp; &lt;hijos&gt;</Mensaje><xml/></respuesta>",
		// The text came decoded with the envelope, so its declaration is past.
		"declared otherwise":               "\n<?xml version='1.0' encoding='ISO-8859-1'?><respuesta><codigo>0</codigo><mensaje>Peña <![CDATA[& <hijos>]]></mensaje><xml/></respuesta>\n",
		"with prefixes of its own":         "<r:respuesta><r:codigo>0</r:codigo><r:mensaje>Peña &amp; &lt;hijos&gt;</r:mensaje><r:xml><a>b</a></r:xml></r:respuesta>",
		"with comments and a UTF-16-label": "<?xml version='1.0' encoding='UTF-16'?><!-- x --><r><codigo>0</codigo><mensaje>Peña <!-- y -->&amp; &lt;hijos></mensaje><xml></xml></r>",
	} {
		got, err := fields(inner)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, inner := range []string{"", "hola", "<r/>", "<r><a>1</a>", "<r><a>1</b></r>", "<!DOCTYPE r><r><a>1</a></r>", `<r><a b="1"c="2"/></r>`, "<r><a>1</a></r>x"} {
		if got, err := fields(inner); err == nil {
			t.Errorf("%q: %v", inner, got)
		}
	}
}
