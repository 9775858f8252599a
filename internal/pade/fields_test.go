package pade

import (
	"encoding/base64"
	"html"
	"strings"
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

func TestDocument_WhenItsBase64IsOfAnyKind(t *testing.T) {
	t.Parallel()
	const xml = "<a>\u00ff\u00fe\u00fb??>></a>"
	std := base64.StdEncoding.EncodeToString([]byte(xml))
	for name, text := range map[string]string{
		"standard": std, "in lines": std[:8] + "\r\n  " + std[8:] + "\n", "without padding": strings.TrimRight(std, "="),
		"base64url": base64.URLEncoding.EncodeToString([]byte(xml)), "the document itself": "\n" + xml + " ",
		"twice": base64.StdEncoding.EncodeToString([]byte(std)), "escaped": html.EscapeString(xml),
	} {
		if got, err := document(text); err != nil || string(got) != xml {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, text := range []string{"", " \n", "*", "AAAA*AAAA", "A"} {
		if got, err := document(text); err == nil || string(got) != text && strings.TrimSpace(text) != "" {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// A document is kept beside whatever the answer says of it.
func TestSigned_WhenTheAnswerIsOdd(t *testing.T) {
	t.Parallel()
	const fields, document = "<codigoResultado>0</codigoResultado><mensajeResultado/>", "<xmlBase64>PGEvPg==</xmlBase64>"
	for name, tt := range map[string]struct {
		inner       string
		xml, motivo bool
		failed      bool
	}{
		"signed":                      {"<padeFirmado><firmaOk>true</firmaOk>" + fields + document + "</padeFirmado>", true, false, false},
		"in other case":               {"<padeFirmado><FirmaOK> TRUE </FirmaOK>" + fields + document + "</padeFirmado>", true, false, false},
		"cut behind its document":     {"<padeFirmado><firmaOk>true</firmaOk>" + fields + document + "<otro", true, false, false},
		"broken behind its document":  {"<padeFirmado><firmaOk>true</firmaOk>" + fields + document + "<m>a & b</m></padeFirmado>", true, false, false},
		"no base64":                   {"<padeFirmado><firmaOk>true</firmaOk>" + fields + "<xmlBase64>*</xmlBase64></padeFirmado>", true, true, false},
		"firmaOk false, with one":     {"<padeFirmado><firmaOk>false</firmaOk>" + fields + document + "</padeFirmado>", true, false, true},
		"refused, with one":           {"<padeFirmado><firmaOk>false</firmaOk><codigoResultado>2</codigoResultado>" + document + "</padeFirmado>", true, false, true},
		"signed, without one":         {"<padeFirmado><firmaOk>true</firmaOk>" + fields + "</padeFirmado>", false, false, true},
		"broken before its document":  {"<padeFirmado><firmaOk>true</firmaOk><m>a & b</m>" + fields + document + "</padeFirmado>", true, false, false},
		"cut in its document":         {"<padeFirmado><firmaOk>true</firmaOk>" + fields + "<xmlBase64>PGEvP", true, true, false},
		"escaped twice":               {html.EscapeString("<padeFirmado><firmaOk>true</firmaOk>" + fields + document + "</padeFirmado>"), true, false, false},
		"escaped three times":         {html.EscapeString(html.EscapeString("<padeFirmado><firmaOk>true</firmaOk>" + fields + document + "</padeFirmado>")), true, false, false},
		"in base64":                   {base64.StdEncoding.EncodeToString([]byte("<?xml version='1.0' encoding='ISO-8859-1'?><padeFirmado><m>\xF1</m><firmaOk>true</firmaOk>" + fields + document + "</padeFirmado>")), true, false, false},
		"one level deeper":            {"<return><padeFirmado><firmaOk>true</firmaOk>" + fields + document + "</padeFirmado></return>", true, false, false},
		"its document as elements":    {"<padeFirmado><firmaOk>true</firmaOk>" + fields + "<xmlBase64><Contrato a='1'/></xmlBase64></padeFirmado>", true, false, false},
		"broken, in CDATA, typed":     {"<padeFirmado><m>a & b</m><firmaOk>1</firmaOk>" + fields + "<x:xmlBase64 xsi:type='b'><![CDATA[PGEvPg==]]></x:xmlBase64></padeFirmado>", true, false, false},
		"no document of the PAC's":    {"Mantenimiento", false, false, true},
		"refused, and nothing beside": {"<padeFirmado><firmaOk>false</firmaOk><codigoResultado>301</codigoResultado></padeFirmado>", false, false, true},
	} {
		s := &service{setting: "GATEWAY_PADE_FIRMADO_NAMESPACE"}
		got, _, err := signed(newOperation("firmar", nsSigned, s, false), tt.inner)
		if (err != nil) != tt.failed || (len(got.XML) > 0) != tt.xml || (got.Motivo != "") != tt.motivo {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
