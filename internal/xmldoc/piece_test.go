package xmldoc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// pieces reads the text of every b piece by piece.
func pieces(src io.Reader, o xmldoc.Options) (string, error) {
	var all strings.Builder
	r := xmldoc.NewReader(src, o)
	for {
		e, err := r.NextTag()
		if errors.Is(err, io.EOF) {
			return all.String(), nil
		}
		if err != nil {
			return all.String(), err
		}
		if e != xmldoc.Start || string(r.Name()) != "b" {
			continue
		}
		if err := r.Attributes(nil, nil); err != nil {
			return all.String(), err
		}
		for {
			piece, err := r.Piece()
			if err != nil {
				return all.String(), err
			}
			if piece == nil {
				break
			}
			all.Write(piece)
		}
	}
}

func TestReader_WhenReadInPiecesTheCopyIsWithoutThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("QUJD", 50_000)
	const before, after = "<?xml version=\"1.0\"?><a x=\"&#10;\">á<b y=\"1\">", "</b><b/><c>t</c></a>"
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":    {"", ""},
		"long":       {long, long},
		"references": {strings.Repeat(long[:1000]+"&#13;&#x0a;&#61;&amp;", 200), strings.Repeat(long[:1000]+"\r\n=&", 200)},
		"accents":    {strings.Repeat("ñ", 40_000), strings.Repeat("ñ", 40_000)},
	} {
		document := before + tc.text + after
		for how, src := range map[string]io.Reader{
			"whole": strings.NewReader(document), "byte by byte": iotest.OneByteReader(strings.NewReader(document)),
			"in Latin-1": strings.NewReader(latin(strings.Replace(document, "?>", " encoding='ISO-8859-1'?>", 1))),
		} {
			var copied bytes.Buffer
			got, err := pieces(src, xmldoc.Options{Copy: &copied})
			if err != nil || got != tc.want {
				t.Errorf("%s, %s: %d bytes, want %d: %v", name, how, len(got), len(tc.want), err)
			}
			if want := before + after; xmldoc.Decoded(strings.Replace(copied.String(), " encoding='ISO-8859-1'", "", 1)) != want {
				t.Errorf("%s, %s: the copy is %.200q", name, how, copied.String())
			}
		}
	}
	for _, document := range []string{before + "QUJD", before + "QU&x;", before + "QU&#", before + "QUJD</c>"} {
		if got, err := pieces(strings.NewReader(document), xmldoc.Options{}); err == nil {
			t.Errorf("%q: %q", document, got)
		}
	}
	full := errors.New("full")
	if _, err := pieces(strings.NewReader(before+after), xmldoc.Options{Copy: failing{full}}); !errors.Is(err, full) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOptions_WhenSomethingStandsAroundPassesOverIt(t *testing.T) {
	t.Parallel()
	const document = `<?xml version="1.0"?><a>Ñ</a>`
	le, be := binary.LittleEndian, binary.BigEndian
	in1 := latin(`<?xml version="1.0" encoding="ISO-8859-1"?><a>Ñ</a>`)
	for name, tc := range map[string]struct {
		document       string
		before, behind bool
	}{
		"nothing":               {document, false, false},
		"a mark":                {"\xEF\xBB\xBF" + document, false, false},
		"a line before":         {"\n" + document, true, false},
		"text before":           {"Warning: x\r\n" + document, true, false},
		"a mark and a line":     {"\xEF\xBB\xBF\r\n" + document, true, false},
		"a mark and Latin-1":    {"\xEF\xBB\xBF\r\n" + `<?xml version="1.0" encoding="ISO-8859-1"?><a>Ñ</a>`, true, false},
		"before Latin-1":        {"\n" + in1, true, false},
		"before UTF-16":         {utf16Of("\n"+document, le, true), true, false},
		"before UTF-16, big":    {utf16Of("\n"+document, be, true), true, false},
		"before, UTF-16, plain": {utf16Of(" \n"+document, be, false), true, false},
		"UTF-16":                {utf16Of(document, le, true), false, false},
		"UTF-16, big":           {utf16Of(document, be, true), false, false},
		"UTF-16, unmarked":      {utf16Of(document, be, false), false, false},
		"NULs before":           {"\x00\x00" + document, true, false},
		"text behind":           {document + "x", false, true},
		"a NUL behind":          {document + "\x00", false, true},
		"bytes behind":          {document + "\n\xFF\xFE", false, true},
		"a tag cut behind":      {document + "<!-", false, true},
		"both":                  {"\n" + document + "&", true, true},
		"long behind":           {document + strings.Repeat("z", 100_000), false, true},
	} {
		for how, src := range map[string]io.Reader{"whole": strings.NewReader(tc.document), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.document))} {
			var copied bytes.Buffer
			r := xmldoc.NewReader(src, xmldoc.Options{Around: true, Copy: &copied})
			held, err := dump(r)
			before, behind := r.Around()
			if err != nil || held != "S\x00\x00a\nT\x00Ñ\nE\n" || before != tc.before || behind != tc.behind {
				t.Errorf("%s, %s: %q, %v, %v, %v", name, how, held, before, behind, err)
			}
			if got := xmldoc.Decoded(copied.String()); !strings.HasPrefix(got, "<?xml") || !strings.HasSuffix(got, "<a>Ñ</a>") {
				t.Errorf("%s, %s: the copy is %q", name, how, got)
			}
			if _, err := dump(xmldoc.NewReader(strings.NewReader(tc.document), xmldoc.Options{})); (err == nil) != (!tc.before && !tc.behind) {
				t.Errorf("%s, without the option: %v", name, err)
			}
		}
	}
	for name, document := range map[string]string{
		"two roots": "<a/><b/>", "nothing": "", "text alone": "hola", "a root cut": "x<a>", "far": strings.Repeat(" ", 3000) + "<?xml version='1.0'?><a/>",
	} {
		if _, err := dump(xmldoc.NewReader(strings.NewReader(document), xmldoc.Options{Around: true})); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
