package handlers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

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

// A body in any operation, whoever reads it.
func TestBodies_WhenTheyComeInAnotherWayItIsNamed(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	const solicitudes, lote, validation = "/v1/sat/cfdi/solicitudes", "/v1/sep/titulos", "/v1/sep/titulos/validacion"
	for _, path := range []string{solicitudes, lote, validation} {
		for name, tc := range map[string]struct {
			body    string
			headers []string
			status  int
			says    string
		}{
			"gzip, said":       {"\x1f\x8b\x08\x00", []string{"Content-Encoding", "gzip"}, 415, "comprimido, según Content-Encoding"},
			"gzip, not said":   {"\x1f\x8b\x08\x00", nil, 415, "comprimido con gzip"},
			"said, and is not": {"{}", []string{"Content-Encoding", "br"}, 415, "sin comprimir"},
			"UTF-16":           {"\xff\xfe{\x00}\x00", nil, 400, "Está en UTF-16"},
			"UTF-32":           {"{\x00\x00\x00}\x00\x00\x00", nil, 400, "Está en UTF-32"},
			"a mark":           {"\ufeff{}", nil, 400, "sin BOM"},
			"Latin-1":          {"{\"escape\":\"\xd1\"}", nil, 400, "El byte 12 (línea 1, columna 12) no es de UTF-8"},
			"nothing":          {" ", nil, 400, "está vacío"},
			"a list":           {"[]", nil, 400, "es una lista"},
			"a comma":          {"{\n\"escape\":1,\n}", nil, 400, "línea 2, columna 11: sobra la coma"},
			"two objects":      {"{}{}", nil, 400, "columna 3: hay algo más"},
			"cut":              {`{"escape":`, nil, 400, "columna 11: aquí termina"},
			"a key twice":      {`{"escape":1,"escape":1}`, nil, 400, "dos veces"},
		} {
			w := s.do("POST", path, tc.body, tc.headers...)
			if p := problem(t, w); w.Code != tc.status || !strings.Contains(p.Detail, tc.says) {
				t.Errorf("%s: %s: %d %s", path, name, w.Code, p.Detail)
			}
		}
	}
	if w := s.do("GET", "/v1/efirmas", "", "Content-Encoding", "gzip"); w.Code != http.StatusOK {
		t.Errorf("of no body: %s", w.Body)
	}
	if w := s.do("POST", solicitudes, "{}", "Content-Encoding", "Identity"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("identity: %s", w.Body)
	}
}

// An operation that takes no body does not pass one over in silence.
func TestBodies_WhenTheOperationTakesNone(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	for body, refused := range map[string]bool{
		"": false, "{}": false, " {\n } ": false, `{"limite":1}`: true, "x": true, "[]": true, strings.Repeat(" ", 100): true, "{}" + strings.Repeat(" ", 100): false,
	} {
		for _, call := range [][2]string{{"GET", "/v1/efirmas"}, {"POST", "/v1/webhooks/whd_k5zq3n7v2mxa4c6t8w1e0ry5ha/prueba?x=1"}} {
			w := s.do(call[0], call[1], body)
			if got := w.Code == http.StatusBadRequest && strings.Contains(w.Body.String(), "no lleva cuerpo"); got != refused {
				t.Errorf("%s %s with %.20q: %d %s", call[0], call[1], body, w.Code, w.Body)
			}
		}
	}
}
