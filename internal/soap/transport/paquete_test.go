package transport

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

const (
	packageStart = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><h:respuesta CodEstatus="5000" Mensaje="Solicitud Aceptada" xmlns:h="urn:d"/></s:Header>` +
		`<s:Body><RespuestaDescargaMasivaTercerosSalida xmlns="urn:d"><Paquete>`
	packageEnd = `</Paquete></RespuestaDescargaMasivaTercerosSalida></s:Body></s:Envelope>`
)

func stream(body io.Reader) ([]byte, Answer, []byte, error) {
	var sink bytes.Buffer
	dec := newTextDecoder(&sink)
	got, rest, err := streamAnswer(body, "", []string{"Paquete"}, dec, 64<<10)
	if int64(sink.Len()) != dec.n && err == nil {
		return nil, got, rest, errors.New("the count differs from what the sink got")
	}
	return sink.Bytes(), got, rest, err
}

func TestStream_WhenWhole(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 3*blockSize+7)
	for i := range content {
		content[i] = byte(rng.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(content)
	for name, tc := range map[string]struct {
		text string
		want []byte
	}{
		"one run":             {text, content},
		"lines of 76":         {lines(text, 76, "\r\n"), content},
		"lines of 77":         {lines(text, 77, "\n"), content},
		"references as WSEs":  {lines(text, 1021, "&#13;\n"), content},
		"hexadecimal ones":    {lines(text, 1021, "&#xD;&#xA;"), content},
		"tabs and spaces":     {"\t " + lines(text, 9973, " \t") + " ", content},
		"one byte":            {"QQ==", []byte("A")},
		"two bytes":           {"QUI=", []byte("AB")},
		"padding apart":       {"QQ=\n=", []byte("A")},
		"nothing":             {"", nil},
		"only white space":    {"\n \n", nil},
		"quantum by quantum":  {lines(text[:400], 1, "\n"), content[:300]},
		"exactly one block":   {text[:blockSize], content[:blockSize/4*3]},
		"references":          {strings.NewReplacer("A", "&#65;", "=", "&#x3D;").Replace(text[:4000] + "QQ=="), append(bytes.Clone(content[:3000]), 'A')},
		"CDATA":               {"<![CDATA[" + text[:8000] + "]]>" + text[8000:16000] + "<!-- x --><![CDATA[ QQ]]>==", append(bytes.Clone(content[:12000]), 'A')},
		"one byte of a block": {text[:blockSize-4] + "QQ==", append(bytes.Clone(content[:blockSize/4*3-3]), 'A')},
	} {
		for reader, body := range map[string]io.Reader{
			"whole":    strings.NewReader(packageStart + tc.text + packageEnd),
			"halves":   iotest.HalfReader(strings.NewReader(packageStart + tc.text + packageEnd)),
			"with EOF": iotest.DataErrReader(strings.NewReader(packageStart + tc.text + packageEnd)),
		} {
			got, answer, rest, err := stream(body)
			if err != nil || !bytes.Equal(got, tc.want) {
				t.Errorf("%s, %s: %d bytes, want %d, error %v", name, reader, len(got), len(tc.want), err)
			}
			if answer.CodEstatus != "5000" || name != "CDATA" && string(rest) != packageStart+packageEnd {
				t.Errorf("%s, %s: answer %+v, rest %q", name, reader, answer, rest)
			}
		}
	}
}

func lines(text string, n int, end string) string {
	var b strings.Builder
	for len(text) > n {
		b.WriteString(text[:n])
		b.WriteString(end)
		text = text[n:]
	}
	return b.String() + text
}

func TestStream_WhenNotWhole(t *testing.T) {
	t.Parallel()
	ok := strings.Repeat("QUJD", 100)
	for name, tc := range map[string]struct {
		body string
		want error
	}{
		"cut in the text":           {packageStart + ok, io.ErrUnexpectedEOF},
		"cut in a quantum":          {packageStart + ok + "QU", io.ErrUnexpectedEOF},
		"cut behind the text":       {packageStart + ok + "</Paqu", io.ErrUnexpectedEOF},
		"cut before the text":       {packageStart[:len(packageStart)-3], io.ErrUnexpectedEOF},
		"nothing at all":            {"", io.ErrUnexpectedEOF},
		"half a quantum":            {packageStart + ok + "QU" + packageEnd, errBase64},
		"no padding":                {packageStart + "QUI" + packageEnd, errBase64},
		"text behind the padding":   {packageStart + "QQ==QUJD" + packageEnd, errBase64},
		"a letter of another kind":  {packageStart + "QU-D" + packageEnd, errBase64},
		"late padding in a block":   {packageStart + ok + "QQ==" + ok + packageEnd, errBase64},
		"another reference":         {packageStart + "QUJD&amp;" + packageEnd, errBase64},
		"endless reference":         {packageStart + "QUJD&#13" + strings.Repeat("3", 50) + packageEnd, xmldoc.Malformed},
		"twice":                     {packageStart + "QUJD</Paquete><Paquete>QUJD" + packageEnd, errTwice},
		"HTML":                      {"<html><body>error</body></html>", errNotSOAP},
		"a DTD":                     {"<!DOCTYPE x>" + packageStart + packageEnd, xmldoc.DTD},
		"endless envelope":          {packageStart[:len(packageStart)-9] + "<!--" + strings.Repeat("x", 70<<10), errEnvBound},
		"a package that is refused": {strings.Replace(packageStart, "5000", "5008", 1) + ok + packageEnd, errUncounted},
	} {
		if _, _, _, err := stream(strings.NewReader(tc.body)); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
}

func TestStream_WhenAnElementIsInTheText(t *testing.T) {
	t.Parallel()
	for _, inner := range []string{"QUJD<x/>", "<x>QUJD</x>", "QUJD<?c?>"} {
		got, _, _, err := stream(strings.NewReader(packageStart + inner + packageEnd))
		if !errors.Is(err, errMixed) {
			t.Errorf("%s: got %q, error %v", inner, got, err)
		}
	}
}

func TestStream_WhenRefused(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{packageStart + packageEnd, strings.Replace(packageStart+packageEnd, "<Paquete></Paquete>", "<Paquete/>", 1)} {
		got, answer, _, err := stream(strings.NewReader(strings.Replace(empty, "5000", "5008", 1)))
		if err != nil || len(got) != 0 || answer.CodEstatus != "5008" {
			t.Errorf("%d bytes, answer %+v, error %v", len(got), answer, err)
		}
	}
}

func TestStream_WhenSourceOrSinkFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	body := packageStart + strings.Repeat("QUJD", blockSize) + packageEnd
	if _, _, _, err := stream(io.MultiReader(strings.NewReader(body[:len(body)/2]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a broken source: %v", err)
	}
	var sink *sinkError
	if _, _, err := streamAnswer(strings.NewReader(body), "", []string{"Paquete"}, newTextDecoder(failingWriter{broken}), 64<<10); !errors.As(err, &sink) || !errors.Is(err, broken) {
		t.Errorf("a broken sink: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzStream: whatever text stands in the element, the stream accepts it exactly
// when encoding/base64 does once white space is gone, and with the same bytes.
func FuzzStream(f *testing.F) {
	for _, s := range []string{"QUJD", "QQ==", "Q Q\n=\t=", "QUI=", "QU", "=", "QUJD====", "QUJD&#13;\nQUJD", strings.Repeat("QUJD", 99) + "QQ=="} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, text string, chunk int) {
		if strings.ContainsAny(text, "<&") {
			// The structure around the text is the XML decoder's; here: no panic.
			stream(strings.NewReader(packageStart + text + packageEnd)) //nolint:errcheck // see above
			return
		}
		clean := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(text)
		want, wantErr := base64.StdEncoding.DecodeString(clean)
		got, _, _, err := stream(&chunks{s: packageStart + text + packageEnd, n: max(1, chunk%64)})
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q: got %q, %v; want %q, %v", text, got, err, want, wantErr)
		}
	})
}

// chunks reads n bytes at a time.
type chunks struct {
	s string
	n int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.s == "" {
		return 0, io.EOF
	}
	n := copy(p, c.s[:min(c.n, len(c.s))])
	c.s = c.s[n:]
	return n, nil
}
