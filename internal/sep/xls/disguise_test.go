package xls_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sep/xls"
)

// What is called .xls and is none is named for what it is.
func TestSheets_WhenAnXLSIsSomethingElse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ content, want string }{
		"a page":              {"\xEF\xBB\xBF\r\n<HTML xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><body><table>", "una página HTML"},
		"a table alone":       {"<meta charset=utf-8>\n<table border=1><tr><td>ARCHIVO", "una página HTML"},
		"SpreadsheetML":       {"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "XML"},
		"text with tabs":      {"ARCHIVO\tESTATUS\r\na.xml\t1\r\n", "texto"},
		"text in Latin-1":     {"ARCHIVO,DESCRIPCI\xD3N\n", "texto"},
		"text in UTF-16":      {"\xFF\xFEA\x00R\x00", "texto"},
		"nothing":             {" ", "un archivo vacío"},
		"who knows":           {"\x01\x02\x03", "otra cosa"},
		"bytes of BIFF alone": {"\x09\x08\x10\x00\x00\x06\x05\x00", "otra cosa"},
	} {
		file := zipped(t, map[string][]byte{"ResultadoCargaTitulos1.xls": []byte(tc.content)})
		books, err := xls.Books(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = books[0].Sheets()
		var got xls.Disguise
		if !errors.Is(err, xls.ErrFormat) || !errors.As(err, &got) || string(got) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
