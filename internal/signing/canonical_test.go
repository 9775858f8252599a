package signing

import (
	"crypto/sha1"
	"encoding/base64"
	"testing"
)

func digestOf(b []byte) string {
	sum := sha1.Sum(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestCanonical_WhenDigestIsKnown(t *testing.T) {
	t.Parallel()
	const ns = "http://DescargaMasivaTerceros.sat.gob.mx"
	verify := func(id, rfc string) Element {
		return Element{Local: "VerificaSolicitudDescarga", Children: []Element{{Local: "solicitud",
			Attrs: []Attr{{"RfcSolicitante", rfc}, {"IdSolicitud", id}}}}}
	}
	emitidos := Element{Local: "SolicitaDescargaEmitidos", Children: []Element{{Local: "solicitud", Attrs: []Attr{
		{"TipoSolicitud", "Metadata"}, {"RfcSolicitante", "EKU9003173C9"}, {"RfcEmisor", "EKU9003173C9"},
		{"FechaInicial", "2019-01-01T00:00:00"}, {"FechaFinal", "2019-01-01T00:04:00"}, {"EstadoComprobante", "Todos"},
	}}}}
	for _, tc := range []struct {
		name   string
		body   Element
		digest string
	}{
		{"Verifica EWE1709045U0", verify("de7f98b6-d20f-44de-ab19-b312b489eec2", "EWE1709045U0"), "VsDpw9MED0i5ZrpWWYq/194d5HQ="},
		{"Verifica EKU9003173C9", verify("3f30a4e1-af73-4085-8991-e4d97eef16bd", "EKU9003173C9"), "DVHsbfyUP1fm7CPdctOp8N6132E="},
		{"Emitidos EKU9003173C9", emitidos, "BELGF9WsFcnEbvXILi03IoOZkjg="},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.body.SortAttrs()
			got := tc.body.AppendCanonical(nil, PrefixRequest, Namespace{PrefixRequest, ns})
			if d := digestOf(got); d != tc.digest {
				t.Errorf("digest %s, want %s, of\n%s", d, tc.digest, got)
			}
		})
	}
}

func TestCanonical_WhenTextNeedsEscapes(t *testing.T) {
	t.Parallel()
	e := Element{Local: "a", Attrs: []Attr{{"x", "&<>\"'\t\n\r"}}, Children: []Element{{Local: "b", Text: "&<>\"'\t\n\r"}}}
	got := string(e.AppendCanonical(nil, "p", Namespace{"p", "urn:n"}))
	// Canonical XML 1.0 §2.3: > stays in attributes, quotes and tabs stay in text.
	want := "<p:a xmlns:p=\"urn:n\" x=\"&amp;&lt;>&quot;'&#x9;&#xA;&#xD;\"><p:b>&amp;&lt;&gt;\"'\t\n&#xD;</p:b></p:a>"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
