package integration

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// defective gives the PAC's next documents these defects.
func defective(t *testing.T, g *gatewaytest.Gateway, operation string, times int, defects ...string) {
	t.Helper()
	if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: operation, Tipo: "defectos", Defectos: defects, Veces: times}); err != nil {
		t.Fatal(err)
	}
}

// document is the answer about a document, in both families of routes.
type document struct {
	XML       string
	XMLBase64 []byte
	Coincide  bool
	Motivo    string
	Avisos    []struct{ Codigo, Detalle string }
}

// encoded is text in one of the sandbox's encodings.
func encoded(text, encoding string) []byte {
	switch encoding {
	case "utf_16":
		b := []byte{0xFF, 0xFE}
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return b
	default:
		var b []byte
		for _, r := range text {
			b = append(b, byte(r)) // what the tests write is in both
		}
		return b
	}
}

// JSON has the decoded text and the original bytes, for addendas and contracts alike: a
// name with Ñ is the same in every encoding of XML.
func TestPADE_WhenADocumentComesInAnotherEncodingItsTextIsTheSame(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	declared := map[string]string{"iso_8859_1": "ISO-8859-1", "windows_1252": "windows-1252", "utf_16": "UTF-16"}
	for _, route := range []struct {
		path, operation string
		body            map[string]any
		want            []string
	}{
		{"/v1/pade/addendas", "procesarAddenda", map[string]any{"datos": "pedido|Ñandú"}, []string{">Ñandú<"}},
		{"/v1/pade/addendas/adjunta", "procesarAdjuntarAddenda", map[string]any{"datos": "pedido|Ñandú", "xmlCfdi": cfdiSealed}, []string{`Nombre="Ñandú &amp; Peña`, ">Ñandú<"}},
		{"/v1/pade/contratos", "firmar", byPath("/v1/pade/contratos", "Contrato con ñ, Ú y §", true), []string{"Contrato con ñ, Ú y §", "PCCFDI"}},
		{"/v1/pade/contratos/adhesion", "firmarContratoAdhesion", byPath("/adhesion", "De adhesión", true), []string{"De adhesión", "PCCFDI"}},
	} {
		for encoding, name := range declared {
			if strings.Contains(route.path, "contratos") { // the answer on record is another
				route.body["contrato"].(map[string]any)["texto"] = route.want[0] + " " + encoding
			}
			defective(t, g, route.operation, 1, encoding)
			r := g.Post(route.path, route.body)
			var got document
			r.JSON(t, &got)
			if r.Status != http.StatusOK || strings.HasPrefix(got.XML, "\ufeff") || !strings.HasPrefix(got.XML, `<?xml version="1.0" encoding="UTF-8"?>`) || len(got.Avisos) > 0 || got.Motivo != "" {
				t.Errorf("%s in %s: %d %.500s", route.path, encoding, r.Status, r.Body)
			}
			for _, want := range route.want {
				if !strings.Contains(got.XML, want) {
					t.Errorf("%s in %s: no %q in %.500q", route.path, encoding, want, got.XML)
				}
			}
			if want := encoded(strings.Replace(got.XML, `"UTF-8"`, `"`+name+`"`, 1), encoding); !bytes.Equal(got.XMLBase64, want) {
				t.Errorf("%s in %s: xmlBase64 is not what came: %.60q", route.path, encoding, got.XMLBase64)
			}
			if r := g.Post(route.path, route.body, "Accept", "application/xml"); r.Header.Get("X-Avisos") != "" || r.Header.Get("X-Coincide") == "false" {
				t.Errorf("%s in %s: %v", route.path, encoding, r.Header)
			}
		}
	}
}

// An answer may have its whole envelope in another encoding.
func TestPADE_WhenTheEnvelopeComesInAnotherEncoding(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	for i, f := range []sandbox.Falla{
		{Codificacion: "iso-8859-1"}, {Codificacion: "windows-1252", Anuncio: "charset"}, {Codificacion: "utf-16le", Anuncio: "marca"}, {Codificacion: "utf-16be", Anuncio: "declaracion_y_marca"},
	} {
		f.Servicio, f.Operacion, f.Tipo, f.Veces = "pade", "*", "codificacion", 2
		if _, err := g.Sandbox.Fallas().Add(f); err != nil {
			t.Fatal(err)
		}
		if r := g.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|Ñandú"}); r.Status != http.StatusOK || !strings.Contains(string(r.Body), "Ñandú") {
			t.Errorf("an addenda in %s: %d %.300s", f.Codificacion, r.Status, r.Body)
		}
		before := calls(g, "firmar")
		r := g.Post("/v1/pade/contratos", contratoBy("Sobre ñ "+f.Codificacion, false))
		if r.Status != http.StatusOK || !strings.Contains(string(r.Body), `"coincide":true`) || calls(g, "firmar") != before+1 {
			t.Errorf("%d: a contract in %s, after %d calls: %d %.300s", i, f.Codificacion, calls(g, "firmar")-before, r.Status, r.Body)
		}
	}
}

// What the PAC delivers as signed is returned, at once and later from the record, under
// any key: the PAC signs once and returns nothing again.
func TestPADE_WhenWhatItSignedIsNotWhatWasSentItIsHandedOut(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	for defect, tt := range map[string]struct {
		defects []string
		motivo  string
		hasText bool
	}{
		"another text":             {[]string{"alterado"}, "Su Texto no es el que se envió.", true},
		"not countersigned":        {[]string{"sin_firma"}, "No trae la firma de Prodigia", true},
		"an encoding that is none": {[]string{"sin_declarar"}, "El documento no se puede leer", false},
		"altered and in UTF-16":    {[]string{"alterado", "utf_16"}, "Su Texto no es el que se envió.", true},
		"not in base64":            {[]string{"sin_base64"}, "", true},
		"in ISO-8859-1":            {[]string{"iso_8859_1"}, "", true},
	} {
		t.Run(defect, func(t *testing.T) {
			body, key := contratoBy("Contrato ñ "+defect, false), strings.ReplaceAll(defect, " ", "-")
			defective(t, g, "firmar", 1, tt.defects...)
			before := calls(g, "firmar")
			first := g.Post("/v1/pade/contratos", body, "Idempotency-Key", key)
			var got document
			first.JSON(t, &got)
			if first.Status != http.StatusOK || got.Coincide != (tt.motivo == "") || !strings.Contains(got.Motivo, tt.motivo) || (got.XML != "") != tt.hasText || len(got.XMLBase64) == 0 {
				t.Fatalf("status %d: %.700s", first.Status, first.Body)
			}
			if tt.motivo != "" && !strings.Contains(got.Motivo, "guarde el documento") {
				t.Errorf("the reason does not say what to do: %s", got.Motivo)
			}
			if tt.hasText && !strings.Contains(got.XML, "Contrato ñ "+defect) {
				t.Errorf("the text is not there: %.300q", got.XML)
			}
			for _, headers := range [][]string{{"Idempotency-Key", key}, nil, {"Idempotency-Key", key + ".otra"}} {
				if again := g.Post("/v1/pade/contratos", body, headers...); again.Status != http.StatusOK || !bytes.Equal(again.Body, first.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
					t.Errorf("again, %v: %d %.300s", headers, again.Status, again.Body)
				}
			}
			file := g.Post("/v1/pade/contratos", body, "Accept", "application/xml")
			if file.Status != http.StatusOK || !bytes.Equal(file.Body, got.XMLBase64) || file.Header.Get("X-Coincide") != map[bool]string{true: "true", false: "false"}[got.Coincide] {
				t.Errorf("the document itself: %d, X-Coincide %q", file.Status, file.Header.Get("X-Coincide"))
			}
			if n := calls(g, "firmar") - before; n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// A broken base64 is the only copy of a signature: it is stored as it came, and nothing
// is sent again.
func TestPADE_WhenTheSignedDocumentIsBrokenItIsHandedOutAsItCame(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: production})
	for _, tipo := range []string{"truncado", "base64_invalido"} {
		if _, err := g.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: control.Tipo(tipo), Bytes: 1001, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		before := calls(g, "firmar")
		r := g.Post("/v1/pade/contratos", contratoBy("Roto "+tipo, false))
		var got document
		r.JSON(t, &got)
		if r.Status != http.StatusOK || got.Coincide || got.Motivo == "" || len(got.XMLBase64) < 700 || calls(g, "firmar") != before+1 {
			t.Errorf("%s: %d after %d calls: %.400s", tipo, r.Status, calls(g, "firmar")-before, r.Body)
		}
	}
}

// It is unknown what Prodigia may return for an addenda besides one element, and each
// call may cost: it is delivered, with a description.
func TestPADE_WhenAnAddendaIsOddItIsDeliveredWithAnAviso(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, tt := range []struct {
		path, operation string
		defects, want   []string
	}{
		{"/v1/pade/addendas", "procesarAddenda", []string{"dos_elementos"}, []string{"varios_elementos"}},
		{"/v1/pade/addendas", "procesarAddenda", []string{"solo_texto"}, []string{"sin_elementos"}},
		{"/v1/pade/addendas", "procesarAddenda", []string{"sin_declarar"}, []string{"no_es_xml"}},
		{"/v1/pade/addendas", "procesarAddenda", []string{"sin_base64"}, nil},
		{"/v1/pade/addendas/adjunta", "procesarAdjuntarAddenda", []string{"addenda_al_principio"}, []string{"addenda_no_al_final"}},
		{"/v1/pade/addendas/adjunta", "procesarAdjuntarAddenda", []string{"dos_addendas"}, []string{"varias_addendas"}},
		{"/v1/pade/addendas/adjunta", "procesarAdjuntarAddenda", []string{"addenda_al_principio", "utf_16"}, []string{"addenda_no_al_final"}},
		{"/v1/pade/addendas/adjunta", "procesarAdjuntarAddenda", []string{"sin_base64"}, nil},
	} {
		defective(t, g, tt.operation, 2, tt.defects...)
		body := map[string]any{"datos": "pedido|Ñandú"}
		if strings.HasSuffix(tt.path, "adjunta") {
			body["xmlCfdi"] = cfdiSealed
		}
		r := g.Post(tt.path, body)
		var got document
		r.JSON(t, &got)
		var codes []string
		for _, a := range got.Avisos {
			codes = append(codes, a.Codigo)
		}
		if r.Status != http.StatusOK || !slices.Equal(codes, tt.want) || len(got.XMLBase64) == 0 || (got.XML == "") != slices.Contains(tt.defects, "sin_declarar") {
			t.Errorf("%s %v: %d %.600s", tt.path, tt.defects, r.Status, r.Body)
		}
		file := g.Post(tt.path, body, "Accept", "application/xml")
		if file.Status != http.StatusOK || !bytes.Equal(file.Body, got.XMLBase64) || !slices.Equal(file.Header.Values("X-Avisos"), tt.want) {
			t.Errorf("%s %v, the document itself: %d %v", tt.path, tt.defects, file.Status, file.Header)
		}
	}
}

// A CFDI that came back changed is withheld, and the error has its own code.
func TestPADE_WhenACFDIComesBackChangedTheReasonIsItsOwn(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for defect, want := range map[string]string{
		"sin_addenda":  "sin la addenda, y no se entrega. No trae una Addenda con contenido.",
		"alterado":     "su sello podría haber dejado de valer. La primera diferencia está en /Comprobante/@Sello.",
		"sin_declarar": "no se puede leer como CFDI",
	} {
		defective(t, g, "procesarAdjuntarAddenda", 1, defect)
		r := g.Post("/v1/pade/addendas/adjunta", map[string]any{"datos": "pedido|1", "xmlCfdi": cfdiSealed})
		if r.Status != http.StatusBadGateway || !strings.Contains(string(r.Body), want) || strings.Contains(string(r.Body), base64.StdEncoding.EncodeToString([]byte("cfdi:Comprobante"))[:8]) {
			t.Errorf("%s: %d %s", defect, r.Status, r.Body)
		}
	}
}
