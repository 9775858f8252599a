package handlers

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestUTF8Body_WhenTheTextWouldBeChangedByReadingIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		ok   bool
	}{
		"ASCII":                         {`{"a":"b"}`, true},
		"Spanish":                       {`{"a":"MUÑOZ"}`, true},
		"four bytes":                    {`{"a":"😀"}`, true},
		"an escaped pair":               {`{"a":"\ud83d\ude00"}`, true},
		"two escaped pairs":             {`"\uD83D\uDE00\uD83D\uDE00"`, true},
		"an escape that is none":        {`"\\ud800"`, true},
		"a backslash before a pair":     {`"\\\ud83d\ude00"`, true},
		"what stands for no character":  {`"\ufffd�"`, true},
		"nothing":                       {``, true},
		"Latin-1":                       {"{\"a\":\"MU\xd1OZ\"}", false},
		"Latin-1 at the end":            {"{\"a\":\"\xd1", false},
		"a surrogate in UTF-8":          {"\"\xed\xa0\x80\"", false},
		"longer than need be":           {"\"\xc0\xaf\"", false},
		"a byte order mark":             {"\ufeff{}", false},
		"such a mark in the text":       {"{\"a\":\"\ufeff\"}", true},
		"UTF-16":                        {"\xff\xfe{\x00}\x00", false},
		"a first half":                  {`"\ud83d"`, false},
		"a first half and more":         {`"\ud83dx\ude00"`, false},
		"a first half and an escape":    {`"\ud83d\n"`, false},
		"a first half twice":            {`"\ud83d\ud83d\ude00"`, false},
		"a second half":                 {`"\ude00"`, false},
		"a first half and a character":  {`"\ud83d\u00d1"`, false},
		"a second half behind the pair": {`"\ud83d\ude00\ude00"`, false},
	} {
		for how, pieces := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "bytes": iotest.OneByteReader, "end with the data": iotest.DataErrReader,
		} {
			got, err := io.ReadAll(&utf8Body{ReadCloser: io.NopCloser(pieces(strings.NewReader(tc.text)))})
			if (err == nil) != tc.ok || tc.ok && string(got) != tc.text || err != nil && !gateway.IsKind(err, gateway.KindMalformada) {
				t.Errorf("%s in %s: %q, %v", name, how, got, err)
			}
		}
	}
}

func TestUTF8Body_WhenNotInUTF8ItSaysWhere(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Ñ", 5000) + "\xd1"
	_, err := io.ReadAll(&utf8Body{ReadCloser: io.NopCloser(iotest.HalfReader(strings.NewReader(text)))})
	if err == nil || !strings.Contains(gateway.AsError(err).Detail, "El byte 10001 no es de UTF-8") {
		t.Errorf("%v", err)
	}
}

func TestUTF8Body_WhenItIsSomethingElseItSaysWhat(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"\xff\xfe{\x00}\x00": "está en UTF-16", "\xfe\xff\x00{\x00}": "está en UTF-16", "\x1f\x8b\x08\x00": "comprimido con gzip", "{\xd1}": "quizá el texto está en Latin-1",
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			if _, err := io.ReadAll(&utf8Body{ReadCloser: io.NopCloser(r)}); err == nil || !strings.Contains(gateway.AsError(err).Detail, says) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

func TestUTF8Body_WhenMarkedItSaysHowToSendIt(t *testing.T) {
	t.Parallel()
	_, err := io.ReadAll(&utf8Body{ReadCloser: io.NopCloser(iotest.OneByteReader(strings.NewReader("\ufeff{}")))})
	if err == nil || !strings.Contains(gateway.AsError(err).Detail, "sin BOM") {
		t.Errorf("%v", err)
	}
}

// TestPlainText_IsWhatThePatternsOfTheContractAllow: neither refuses what the other takes.
func TestPlainText_IsWhatThePatternsOfTheContractAllow(t *testing.T) {
	t.Parallel()
	schemas := spec(t).Doc().Components.Schemas
	for text, plain := range map[string]bool{
		"MUÑOZ": true, "TÍTULOS": true, "a\u0085b": true, "a b": true, "a\x00b": false, "a\nb": false, "a\x7fb": false,
	} {
		if plainText(text) != plain {
			t.Errorf("%q is plain text: %t", text, !plain)
		}
		for _, name := range []string{"FolioControl", "NombreArchivo", "NombreCatalogo"} {
			if err := schemas[name].Value.VisitJSONString(text); (err == nil) != plain {
				t.Errorf("%s of %q: %v", name, text, err)
			}
		}
	}
}

// FuzzUTF8Body holds it against encoding/json, which puts U+FFFD where it reads
// what is no character.
func FuzzUTF8Body(f *testing.F) {
	for _, seed := range []string{`"MUÑOZ"`, "\"MU\xd1OZ\"", `"\ud83d\ude00"`, `"\ud83d"`, `"\\ud83d"`, `"\ude00\ud83d"`, "\"\xf0\x9f\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read := func(pieces func(io.Reader) io.Reader) error {
			_, err := io.ReadAll(&utf8Body{ReadCloser: io.NopCloser(pieces(strings.NewReader(string(text))))})
			return err
		}
		err := read(func(r io.Reader) io.Reader { return r })
		if again := read(iotest.OneByteReader); (err == nil) != (again == nil) {
			t.Fatalf("whole %v, in bytes %v", err, again)
		}
		var value string
		if json.Unmarshal(text, &value) != nil || strings.ContainsRune(string(text), utf8.RuneError) && utf8.Valid(text) || strings.Contains(strings.ToLower(string(text)), "ufffd") {
			return
		}
		if changed := strings.ContainsRune(value, utf8.RuneError); changed != (err != nil) {
			t.Fatalf("%q is read as %q: %v", text, value, err)
		}
	})
}

func TestCheckCharset_WhenJSONSaysThatItIsNotUTF8(t *testing.T) {
	t.Parallel()
	for charset, ok := range map[string]bool{"": true, "utf-8": true, "UTF-8": true, "US-ASCII": true, "iso-8859-1": false, "windows-1252": false, "utf-16": false} {
		err := checkCharset(contentJSON, charset)
		if (err == nil) != ok || err != nil && ProblemTypes()[gateway.AsError(err).Kind].Status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %v", charset, err)
		}
	}
	if err := checkCharset("application/xml", "iso-8859-1"); err != nil {
		t.Errorf("XML says by itself what it is in: %v", err)
	}
}
