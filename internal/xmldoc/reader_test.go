package xmldoc_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

func TestReader_WhenItsSourceComesInPiecesReadsTheSame(t *testing.T) {
	t.Parallel()
	for _, s := range corpus() {
		want := ours(s.document)
		for how, src := range map[string]io.Reader{
			"byte by byte": iotest.OneByteReader(strings.NewReader(s.document)),
			"with its end": iotest.DataErrReader(strings.NewReader(s.document)),
			"in halves":    iotest.HalfReader(strings.NewReader(s.document)),
		} {
			held, err := dump(xmldoc.NewReader(src, xmldoc.Options{}))
			if (err == nil) != want.accepted || err == nil && sumOf(held) != want.holds || err != nil && err.Error() != want.why {
				t.Errorf("%s, %s: %v, want %v %s", s.name, how, err, want.accepted, want.why)
			}
		}
		if err := check(strings.NewReader(s.document), xmldoc.Options{}); (err == nil) != want.accepted || err != nil && err.Error() != want.why {
			t.Errorf("%s, checked only: %v, want %v %s", s.name, err, want.accepted, want.why)
		}
	}
}

func TestReader_WhenUsedAgainReadsTheSame(t *testing.T) {
	t.Parallel()
	r := xmldoc.NewReader(strings.NewReader(""), xmldoc.Options{})
	for _, s := range corpus() {
		want := ours(s.document)
		r.Reset(strings.NewReader(s.document), xmldoc.Options{})
		held, err := dump(r)
		if (err == nil) != want.accepted || err == nil && sumOf(held) != want.holds {
			t.Errorf("%s: %v, want %v %s", s.name, err, want.accepted, want.why)
		}
	}
}

// Text returns a document that reads the same.
func TestText_WhenDecodedReadsTheSame(t *testing.T) {
	t.Parallel()
	for _, s := range corpus() {
		want := ours(s.document)
		if !want.accepted {
			continue
		}
		text, err := xmldoc.Text([]byte(s.document), "")
		if err != nil {
			t.Errorf("%s: %v", s.name, err)
			continue
		}
		held, err := dump(xmldoc.NewReader(strings.NewReader(text), xmldoc.Options{Decoded: true}))
		if err != nil || sumOf(held) != want.holds {
			t.Errorf("%s: its text is %.200q: %v", s.name, text, err)
		}
	}
}

func TestOptions_WhenOnlyUTF8RefusesOtherEncodingsAsSuch(t *testing.T) {
	t.Parallel()
	for _, s := range corpus() {
		err := check(strings.NewReader(s.document), xmldoc.Options{OnlyUTF8: true})
		if want := ours(s.document); err == nil && !want.accepted {
			t.Errorf("%s: accepted, though %s", s.name, want.why)
		}
	}
	for name, tc := range map[string]struct {
		document string
		kind     error
	}{
		"nothing said":        {`<a>Ñ</a>`, nil},
		"UTF-8":               {`<?xml version="1.0" encoding='utf-8'?><a>Ñ</a>`, nil},
		"a mark":              {"\xEF\xBB\xBF<a>Ñ</a>", nil},
		"Latin-1 said":        {`<?xml version="1.0" encoding="ISO-8859-1"?><a>x</a>`, xmldoc.Encoding},
		"with blanks":         {`<?xml version="1.0" encoding = 'ISO-8859-1'?><a>x</a>`, xmldoc.Encoding},
		"with a mark":         {"\xEF\xBB\xBF" + `<?xml version="1.0" encoding="ISO-8859-1"?><a>x</a>`, xmldoc.Encoding},
		"UTF-16":              {"\xFF\xFE<\x00a\x00/\x00>\x00", xmldoc.Encoding},
		"UTF-16 said":         {`<?xml version="1.0" encoding="UTF-16"?><a/>`, xmldoc.Encoding},
		"bytes of Latin-1":    {`<?xml version="1.0" encoding="UTF-8"?><a>` + "\xD1</a>", xmldoc.Bytes},
		"in a name":           {"<a\xD1/>", xmldoc.Bytes},
		"half a character":    {"<a b=\"\xC3\"/>", xmldoc.Bytes},
		"not a name":          {`<?xml version="1.0" encoding="utf - 8"?><a/>`, xmldoc.Malformed},
		"Latin-1, then wrong": {"<?xml version=\"1.0\"?><a b=\"1\"c=\"2\">\xD1</a>", xmldoc.Malformed},
	} {
		if err := check(strings.NewReader(tc.document), xmldoc.Options{OnlyUTF8: true}); !errors.Is(err, tc.kind) {
			t.Errorf("%s: %v, want %v", name, err, tc.kind)
		}
	}
}

func TestError_WhenTheDeclarationIsOfSomethingElseSaysWhat(t *testing.T) {
	t.Parallel()
	for document, says := range map[string]string{
		`<?xml version="1.1"?><a/>`:     "XML 1.1, y se lee XML 1.0",
		`<?xml version="2"?><a/>`:       "la declaración XML está mal escrita",
		"\xFF\xFE\x00\x00<\x00\x00\x00": "está en UTF-32; guárdelo en UTF-8",
		"\xFF\xFE<\x00a\x00/\x00>\x00":  "está en UTF-16; guárdelo en UTF-8",
	} {
		if err := check(strings.NewReader(document), xmldoc.Options{OnlyUTF8: true}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", document, err, says)
		}
	}
}

func TestOptions_WhenTheTransportTellsTheEncodingItGoesBeforeTheDeclaration(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ charset, document string }{
		"Latin-1":                   {"ISO-8859-1", "<a>\xD1</a>"},
		"Latin-1, UTF-8 declared":   {"iso-8859-1", `<?xml version="1.0" encoding="UTF-8"?><a>` + "\xD1</a>"},
		"windows-1252":              {"windows-1252", "<a>\xD1</a>"},
		"UTF-8, Latin-1 declared":   {"utf-8", `<?xml version="1.0" encoding="ISO-8859-1"?><a>Ñ</a>`},
		"UTF-8, with a mark":        {"ISO-8859-1", "\xEF\xBB\xBF<a>Ñ</a>"},
		"UTF-16, little end":        {"utf-16", "<\x00a\x00>\x00\xD1\x00<\x00/\x00a\x00>\x00"},
		"UTF-16, big end":           {"UTF-16", "\x00<\x00a\x00>\x00\xD1\x00<\x00/\x00a\x00>"},
		"UTF-16LE":                  {"utf-16le", "<\x00a\x00>\x00\xD1\x00<\x00/\x00a\x00>\x00"},
		"UTF-16, and it is not":     {"utf-16", "<a>Ñ</a>"},
		"unknown":                   {"x-propio", "<a>Ñ</a>"},
		"unknown, Latin-1 declared": {"x-propio", `<?xml version="1.0" encoding="ISO-8859-1"?><a>` + "\xD1</a>"},
	} {
		var a struct {
			Text string `xml:",chardata"`
		}
		if err := unmarshal([]byte(tc.document), &a, xmldoc.Options{Charset: tc.charset}); err != nil || a.Text != "Ñ" {
			t.Errorf("%s: %q, %v", name, a.Text, err)
		}
	}
}

func TestOptions_WhenDecodedWhatIsSaidOfAnEncodingIsPast(t *testing.T) {
	t.Parallel()
	for document, accepted := range map[string]bool{
		`<?xml version="1.0" encoding="ISO-8859-1"?><a>Ñ</a>`: true,
		`<?xml version="1.0" encoding="EBCDIC-MX"?><a>Ñ</a>`:  true,
		"\xEF\xBB\xBF<a/>":     false,
		"<a>\xD1</a>":          false,
		"<\x00a\x00/\x00>\x00": false,
	} {
		if err := check(strings.NewReader(document), xmldoc.Options{Decoded: true}); (err == nil) != accepted {
			t.Errorf("%q: %v", document, err)
		}
	}
}

func TestOptions_WhenOverABoundSaysSo(t *testing.T) {
	t.Parallel()
	o := xmldoc.Options{MaxDepth: 2, MaxName: 4, MaxAttributes: 2, MaxValue: 8}
	for document, within := range map[string]bool{
		`<a><b/></a>`:                  true,
		`<abcd/>`:                      true,
		`<abcde/>`:                     false,
		`<a b="" c=""/>`:               true,
		`<a b="" c="" d=""/>`:          false,
		`<a b="12345678"/>`:            true,
		`<a b="123456789"/>`:           false,
		`<a>12345678</a>`:              true,
		`<a>1234&amp;56789</a>`:        false,
		`<a><![CDATA[12345]]></a>`:     true,
		`<a><![CDATA[123456789]]></a>`: false,
	} {
		_, err := dump(xmldoc.NewReader(strings.NewReader(document), o))
		if within && err != nil || !within && !errors.Is(err, xmldoc.Bound) {
			t.Errorf("%s: %v", document, err)
		}
	}
	// Lookups scan all attributes and prefixes, so their number is bounded, in one
	// element and in all open ones.
	numbered := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for document, within := range map[string]bool{
		"<a" + numbered(` b%d=""`, 256) + "/>": true,
		"<a" + numbered(` b%d=""`, 257) + "/>": false,
		"<a" + numbered(` xmlns:p%d="u"`, 128) + ">" + "<b" + numbered(` xmlns:p%d="u"`, 128) + "/></a>":                 true,
		"<a" + numbered(` xmlns:p%d="u"`, 128) + ">" + "<b" + numbered(` xmlns:p%d="u"`, 129) + "/></a>":                 false,
		"<a>" + strings.Repeat("<b"+numbered(` xmlns:p%d="u"`, 200)+"/>", 3) + "<c" + numbered(` p%d="u"`, 2) + "/></a>": true,
	} {
		if err := check(strings.NewReader(document), xmldoc.Options{}); within && err != nil || !within && !errors.Is(err, xmldoc.Bound) {
			t.Errorf("%.60s…: %v", document, err)
		}
	}
	// Skipped content may have any length.
	if err := check(strings.NewReader(`<a b="`+strings.Repeat("x", 1<<20)+`"/>`), o); err != nil {
		t.Error(err)
	}
}

func TestOptions_WhenPrefixesAreLooseTheyPass(t *testing.T) {
	t.Parallel()
	const document = `<p:a q:b="1" xmlns:r="urn:r"><r:c/></p:a>`
	if err := check(strings.NewReader(document), xmldoc.Options{}); !errors.Is(err, xmldoc.Malformed) {
		t.Error(err)
	}
	held, err := dump(xmldoc.NewReader(strings.NewReader(document), xmldoc.Options{LoosePrefixes: true}))
	if want := "S\x00p\x00a\x00q\x00b\x001\nS\x00urn:r\x00c\nE\nE\n"; err != nil || held != want {
		t.Errorf("%q, %v", held, err)
	}
}

func TestError_WhenTheTextIsAtHandTellsThePlace(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		"<a>\n  <b/>\n  <ñ c=\"1\"d=\"2\"/></a>": "No es XML bien formado: falta un espacio entre dos atributos (línea 3, columna 11).",
		"\n<?xml version=\"1.0\"?><a/>":          "No es XML bien formado: la declaración XML está mal escrita o no está al principio (línea 2, columna 1).",
		"<a>\n&nbsp;</a>":                        "No es XML bien formado: la referencia &nbsp; no existe; un & suelto se escribe &amp; (línea 2, columna 1).",
		"<a>\n\n<b></a>":                         "No es XML bien formado: se cierra a, que no es el último elemento abierto (línea 3, columna 4).",
		"<a>é\x01</a>":                           "No es XML bien formado: el carácter U+0001 no puede estar en XML (línea 1, columna 5).",
		"<!DOCTYPE a><a/>":                       "El documento lleva un DTD: quítelo (línea 1, columna 1).",
		"<a><b>":                                 "No es XML bien formado: el documento está incompleto: falta cerrar b (línea 1, columna 7).",
	} {
		err := check(strings.NewReader(document), xmldoc.Options{})
		var fault *xmldoc.Error
		if !errors.As(err, &fault) || fault.In(document) != want {
			t.Errorf("%q: %v", document, err)
			if fault != nil {
				t.Errorf("  %s", fault.In(document))
			}
		}
	}
}

func TestReader_WhenTheSourceFailsSaysIt(t *testing.T) {
	t.Parallel()
	failed := errors.New("a broken wire")
	for _, begun := range []string{"", "<", "<a", "<a b=\"", "<a>Ñ", "<a>\xC3", "<a/>", "<?xml version=\"1.0\"", "\xFF\xFE<\x00a\x00"} {
		if err := check(io.MultiReader(strings.NewReader(begun), iotest.ErrReader(failed)), xmldoc.Options{}); !errors.Is(err, failed) {
			t.Errorf("%q: %v", begun, err)
		}
	}
}

func TestUnmarshal_WhenThereIsMoreBehindTheRootRefusesIt(t *testing.T) {
	t.Parallel()
	var a struct {
		B string `xml:"b,attr"`
		C []struct {
			D string `xml:"urn:x d,attr"`
		} `xml:"urn:x c"`
	}
	const document = `<a b="1&#10;2" xmlns:p="urn:x"><p:c p:d="3"/><c/><p:c/></a>`
	if err := unmarshal([]byte(document), &a, xmldoc.Options{}); err != nil || a.B != "1\n2" || len(a.C) != 2 || a.C[0].D != "3" {
		t.Errorf("%+v, %v", a, err)
	}
	if err := unmarshal([]byte(document+"x"), &a, xmldoc.Options{}); !errors.Is(err, xmldoc.Malformed) {
		t.Error(err)
	}
}

func TestReader_WhenAskedLooksPrefixesUp(t *testing.T) {
	t.Parallel()
	r := xmldoc.NewReader(strings.NewReader(`<a xmlns="urn:a" xmlns:p="urn:p"><b xmlns=""/><p:c/></a>`), xmldoc.Options{})
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			plain, hasPlain := r.Lookup("")
			p, hasP := r.Lookup("p")
			if _, other := r.Lookup("q"); other || !hasP || p != "urn:p" || hasPlain != (start.Name.Local != "b") || hasPlain && plain != "urn:a" {
				t.Errorf("%v: %q %q", start.Name, plain, p)
			}
		}
	}
}

// unmarshal reads a document to its end and fills v as xml.Unmarshal would.
func unmarshal(document []byte, v any, o xmldoc.Options) error {
	r := xmldoc.NewReader(bytes.NewReader(document), o)
	if err := xml.NewTokenDecoder(r).Decode(v); err != nil {
		return err
	}
	return rest(r)
}

// check reads a document to its end.
func check(src io.Reader, o xmldoc.Options) error { return rest(xmldoc.NewReader(src, o)) }

func rest(r *xmldoc.Reader) error {
	for {
		if _, err := r.NextTag(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
