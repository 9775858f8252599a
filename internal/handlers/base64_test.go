package handlers

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// What MIME encoders, PEM tools and people make of one text.
func TestBase64_WhenItIsWholeLinesAndBlanksDoNotMatter(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("0123456789abcde\xff\xfe\xfd"), 10_000) // more than a block
	text := base64.StdEncoding.EncodeToString(want)
	for name, text := range map[string]string{
		"one line": text, "lines of 76": lines(text, 76, "\r\n"), "lines of 64": lines(text, 64, "\n"), "lines of 5": lines(text, 5, "\n"),
		"a line break behind": text + "\n", "blanks before": " \t\r\n" + text, "indented": lines(text, 64, "\n\t  "), "a blank in every group": lines(text, 3, " "),
	} {
		got, err := decodeBase64(text)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
		var out bytes.Buffer
		d := newBase64Text(&out)
		if _, err := io.Copy(d, iotest.OneByteReader(strings.NewReader(text[:min(len(text), 1<<12)]))); err != nil {
			t.Errorf("%s, byte by byte: %v", name, err)
		}
		if !bytes.HasPrefix(want, out.Bytes()) || out.Len() < 1<<10 {
			t.Errorf("%s, byte by byte: %d bytes that are not its beginning", name, out.Len())
		}
	}
	for text, want := range map[string]string{"": "", " \n": "", "QQ==": "A", "QUI=": "AB", "Q Q\n=\t=": "A"} {
		if got, err := decodeBase64(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func lines(text string, width int, end string) string {
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + end)
		text = text[width:]
	}
	return b.String() + text
}

func TestBase64_WhenItIsNotItSaysWhatItSeemsToBe(t *testing.T) {
	t.Parallel()
	whole := base64.StdEncoding.EncodeToString([]byte("un documento cualquiera\xff\xfe\xfb\xef\xbe"))
	for name, tt := range map[string]struct{ text, want string }{
		"base64url":               {base64.URLEncoding.EncodeToString([]byte("\xff\xfe\xfb\xef\xbe\xff")), "Parece base64url"},
		"base64url, unpadded":     {base64.RawURLEncoding.EncodeToString([]byte("\xff\xfe\xfb\xef\xbe")), "Parece base64url"},
		"base64url, at its end":   {strings.Repeat("AAAA", 100) + "AA-_", "Parece base64url"},
		"base64url, in the rest":  {"AAAAA-", "Parece base64url"},
		"without padding, of 2":   {"QQ", "Le falta el relleno"},
		"without padding, of 3":   {"QUI", "Le falta el relleno"},
		"half a padding":          {"QQ=", "Le falta el relleno"},
		"cut":                     {"QUFBQ", "Está cortado"},
		"pluses that are spaces":  {"QUF QUFB", "quizá eran signos +"},
		"a data: URL":             {"data:application/xml;base64," + whole, "dirección data:"},
		"a data: URL, in capital": {"DATA:;base64," + whole, "dirección data:"},
		"a short data: URL":       {"data:,", "dirección data:"},
		"the document":            {"<a/>", "el documento mismo"},
		"base64, marked":          {"\ufeffQUJD", "una marca de orden de bytes"},
		"a blank that is another": {"QU\u00a0JD", "El carácter 3, que no se ve (U+00A0)"},
		"a blank without width":   {"QU\u200bJD", "El carácter 3, que no se ve (U+200B)"},
		"the document, marked":    {"\ufeff\n<a/>", "el documento mismo"},
		"the document, escaped":   {"&lt;a/&gt;", "el documento mismo"},
		"a PEM":                   {"-----BEGIN CERTIFICATE-----\n" + whole, "Parece PEM"},
		"in quotes":               {`"` + whole + `"`, "entre comillas"},
		"of an address":           {strings.ReplaceAll(whole, "+", "%2B") + "%2B=", "Parece escrito para una dirección"},
		"a character":             {"QUFB@UFB", "El carácter 5, «@»,"},
		"a letter with accent":    {"QUFBñUFB", "El carácter 5, «ñ»,"},
		"a zero width space":      {"QUFB\u200bQUFB", "El carácter 5, que no se ve (U+200B)"},
		"two texts":               {"QQ==QUFB", "El relleno (=) solo va al final"},
		"two texts, the rest":     {"QQ==Q", "El relleno (=) solo va al final"},
		"padding in the middle":   {"Q=FB", "El relleno (=) solo va al final"},
		"nothing but padding":     {"====", "El relleno (=) solo va al final"},
	} {
		_, err := decodeBase64(tt.text)
		if err == nil || !strings.HasPrefix(err.Error(), "No es base64 completo. ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want one that says %q", name, err, tt.want)
		}
	}
}
