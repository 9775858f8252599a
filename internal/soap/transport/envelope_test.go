package transport

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/signing"
)

// stubEnvelope wraps content as gowsdl does.
func stubEnvelope(content string) string {
	return `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` + content + `</soap:Body></soap:Envelope>`
}

func TestParseEnvelope_WhenStubWroteIt(t *testing.T) {
	t.Parallel()
	got, err := parseEnvelope([]byte(stubEnvelope(
		`<SolicitaDescargaEmitidos xmlns="urn:d"><solicitud RfcEmisor="Ñ&amp;P010101AB3" Nota="&#34;a&#39;&lt;&gt;&#xA;&#x9;&#xD;">` +
			`<RfcReceptores><RfcReceptor>A&amp;B</RfcReceptor><RfcReceptor></RfcReceptor></RfcReceptores></solicitud></SolicitaDescargaEmitidos>`)))
	if err != nil {
		t.Fatal(err)
	}
	want := &signing.Element{Local: "SolicitaDescargaEmitidos", Children: []signing.Element{{Local: "solicitud",
		Attrs: []signing.Attr{{Local: "RfcEmisor", Value: "Ñ&P010101AB3"}, {Local: "Nota", Value: "\"a'<>\n\t\r"}},
		Children: []signing.Element{{Local: "RfcReceptores", Children: []signing.Element{
			{Local: "RfcReceptor", Text: "A&B"}, {Local: "RfcReceptor"}}}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseEnvelope_WhenNotTheStubs(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":               "",
		"no body":             `<soap:Envelope></soap:Envelope>`,
		"two in the body":     stubEnvelope("<a></a><b></b>"),
		"nothing in the body": stubEnvelope(""),
		"empty-element tag":   stubEnvelope("<a/>"),
		"a comment":           stubEnvelope("<a><!-- x --></a>"),
		"CDATA":               stubEnvelope("<a><![CDATA[x]]></a>"),
		"single quotes":       stubEnvelope("<a x='1'></a>"),
		"unknown entity":      stubEnvelope("<a>&foo;</a>"),
		"hidden ampersand":    stubEnvelope("<a>&foo&amp;</a>"),
		"bare ampersand":      stubEnvelope("<a>a & b</a>"),
		"mixed content":       stubEnvelope("<a>text<b></b></a>"),
		"wrong end tag":       stubEnvelope("<a></b>"),
		"prefixed child":      stubEnvelope("<a><p:b></p:b></a>"),
		"prefixed attribute":  stubEnvelope(`<a p:x="1"></a>`),
		"text behind":         stubEnvelope("<a></a>") + "x",
		"control character":   stubEnvelope("<a>\x01</a>"),
		"not UTF-8":           stubEnvelope("<a>\xff</a>"),
		"too deep":            stubEnvelope(strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)),
		"declaration":         `<?xml version="1.0"?>` + stubEnvelope("<a></a>"),
	} {
		if got, err := parseEnvelope([]byte(text)); !errors.Is(err, errEnvelope) {
			t.Errorf("%s: got %+v, error %v", name, got, err)
		}
	}
}

// FuzzParseEnvelope holds the scanner against encoding/xml: whatever it accepts
// must be well formed and mean the same to it, and survive being written and
// read again in canonical form.
func FuzzParseEnvelope(f *testing.F) {
	f.Add([]byte(stubEnvelope(`<V xmlns="urn:d"><solicitud A="&amp;&#34;" B="x"></solicitud></V>`)))
	f.Add([]byte(stubEnvelope(`<V xmlns="urn:d"><r><x>1</x><x>&lt;</x></r></V>`)))
	f.Add([]byte(stubEnvelope(`<Autentica xmlns="urn:a"></Autentica>`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseEnvelope(data)
		if err != nil {
			return
		}
		want, err := decodeTree(data)
		if err != nil {
			if strings.Contains(err.Error(), "repeated attribute") {
				return
			}
			t.Fatalf("accepted what encoding/xml refuses: %v: %q", err, data)
		}
		envelope := want.Children[len(want.Children)-1].Children[0]
		if diff := cmp.Diff(&envelope, got); diff != "" {
			t.Fatalf("%q\n%s", data, diff)
		}
		again, err := decodeTree(got.AppendCanonical(nil, ""))
		if err != nil {
			t.Fatalf("the canonical form is not well formed: %v", err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatalf("the canonical form reads differently\n%s", diff)
		}
	})
}

// decodeTree reads data with encoding/xml.
func decodeTree(data []byte) (*signing.Element, error) {
	dec := xml.NewDecoder(bytes.NewReader(data))
	root := &signing.Element{}
	open := []*signing.Element{root}
	for {
		token, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			return &root.Children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := signing.Element{Local: token.Name.Local}
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					e.Attrs = append(e.Attrs, signing.Attr{Local: a.Name.Local, Value: a.Value})
				}
			}
			top.Children = append(top.Children, e)
			open = append(open, &top.Children[len(top.Children)-1])
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.Text += string(token)
		}
	}
}
