package handlers

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestDisguised_WhenItIsXMLInAnotherDress(t *testing.T) {
	t.Parallel()
	const xml = `<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4"/>`
	long := xml[:len(xml)-2] + " a='" + strings.Repeat("ñ", 2000) + "'/>"
	once := base64.StdEncoding.EncodeToString([]byte(xml))
	twice := base64.StdEncoding.EncodeToString([]byte(once))
	for name, tt := range map[string]struct{ text, want string }{
		"itself":             {xml, ""},
		"marked":             {"\ufeff" + xml, ""},
		"blanks before":      {"\n " + xml, ""},
		"no XML":             {"hola", ""},
		"nothing":            {"", ""},
		"words":              {"Esto no es base64 ni XML, sino texto", ""},
		"base64":             {once, "BASE64"},
		"base64, in lines":   {lines(once, 76, "\r\n"), "BASE64"},
		"base64, URL":        {base64.RawURLEncoding.EncodeToString([]byte(xml)), "BASE64"},
		"base64, long":       {base64.StdEncoding.EncodeToString([]byte(long)), "BASE64"},
		"base64, marked":     {base64.StdEncoding.EncodeToString([]byte("\ufeff" + xml)), "BASE64"},
		"base64 of UTF-16":   {base64.StdEncoding.EncodeToString([]byte("\xff\xfe<\x00?\x00")), "BASE64"},
		"base64 twice":       {twice, "BASE64"},
		"a data: URL":        {"data:text/xml;base64," + once, "BASE64"},
		"escaped":            {strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(xml), "escapado"},
		"escaped, by number": {strings.ReplaceAll(xml, "<", "&#60;"), "escapado"},
		"escaped twice":      {strings.ReplaceAll(xml, "<", "&amp;lt;"), "escapado"},
		"of an address":      {strings.ReplaceAll(xml, "<", "%3C"), "%3C"},
		"in quotes":          {`"` + xml + `"`, "comillas"},
	} {
		if got := disguised(tt.text, "BASE64"); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
