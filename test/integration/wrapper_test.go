package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// rewriting starts a pair with a proxy between them that rewrites the answers of some
// addresses with the stored function.
func rewriting(t *testing.T, addresses func(*config.Config) []*string) (*gatewaytest.Gateway, *atomic.Pointer[func(*http.Response, string) string]) {
	t.Helper()
	rewrite := &atomic.Pointer[func(*http.Response, string) string]{}
	g := gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		production(c)
		for _, address := range addresses(c) {
			target, err := url.Parse(*address)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target.Host})
			proxy.ModifyResponse = func(r *http.Response) error {
				change := rewrite.Load() //nolint:bodyclose // the proxy's
				if r.Request.Method != http.MethodPost || change == nil {
					return nil
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return err
				}
				changed := (*change)(r, string(body))
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(changed)), int64(len(changed))
				r.Header.Set("Content-Length", strconv.Itoa(len(changed)))
				return nil
			}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Set("Accept-Encoding", "identity") // what is written anew is text
				proxy.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			*address = strings.Replace(*address, "http://"+target.Host, server.URL, 1)
		}
	}})
	return g, rewrite
}

func ofPADE(c *config.Config) []*string { return []*string{&c.PADE.Addendas.URL, &c.PADE.Firmado.URL} }

var (
	returnForm = regexp.MustCompile(`(?s)(<return[^>]*>)(.*)(</return>)`)
	base64Form = regexp.MustCompile(`(?s)(&lt;xmlBase64&gt;)(.*?)(&lt;/xmlBase64&gt;)`)
)

// inReturn writes the text of the return anew; the text is as it stands in XML.
func inReturn(body string, change func(string) string) string {
	m := returnForm.FindStringSubmatchIndex(body)
	return body[:m[4]] + change(body[m[4]:m[5]]) + body[m[5]:]
}

// inDocument writes the document in xmlBase64 anew.
func inDocument(change func(string) string) func(*http.Response, string) string {
	return func(_ *http.Response, body string) string {
		return base64Form.ReplaceAllStringFunc(body, func(s string) string {
			m := base64Form.FindStringSubmatch(s)
			document, err := base64.StdEncoding.DecodeString(m[2])
			if err != nil {
				return s
			}
			return m[1] + base64.StdEncoding.EncodeToString([]byte(change(string(document)))) + m[3]
		})
	}
}

// Whatever wraps the PAC's answer or changes its encoding on the way, the signed document
// is returned: at once, from the record, and after a restart. The PAC is called once.
func TestPADE_WhenTheAnswerIsWrappedOtherwiseWhatItSignedIsHandedOut(t *testing.T) {
	t.Parallel()
	g, rewrite := rewriting(t, ofPADE) //nolint:bodyclose // the proxy's
	// The answer is UTF-8; a comment in windows-1252 is not.
	mixed := func(body string) string { return strings.Replace(body, "<return", "<!-- versi\xF3n --><return", 1) }
	for name, change := range map[string]func(r *http.Response, body string) string{
		"broken, the return as elements": func(_ *http.Response, body string) string { return inReturn(body, html.UnescapeString) },
		"the return as elements, without a declaration": func(_ *http.Response, body string) string {
			return inReturn(body, func(s string) string {
				return regexp.MustCompile(`<\?.*?\?>`).ReplaceAllString(html.UnescapeString(s), "")
			})
		},
		"the return in CDATA": func(_ *http.Response, body string) string {
			return inReturn(body, func(s string) string { return "<![CDATA[" + html.UnescapeString(s) + "]]>" })
		},
		"escaped twice": func(_ *http.Response, body string) string { return inReturn(body, html.EscapeString) },
		"all of it in base64": func(_ *http.Response, body string) string {
			return inReturn(body, func(s string) string {
				return base64.StdEncoding.EncodeToString([]byte(html.UnescapeString(s)))
			})
		},
		"its document twice in base64": inDocument(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), //nolint:bodyclose // the proxy's
		"its document escaped":         inDocument(html.EscapeString),                                                             //nolint:bodyclose // the proxy's
		"a comment in another encoding": func(_ *http.Response, body string) string {
			return mixed(body)
		},
		"an encoding that nobody knows": func(r *http.Response, body string) string {
			r.Header.Set("Content-Type", `text/xml; charset="utf8mb4"`)
			_, rest, _ := strings.Cut(body, "?>")
			return `<?xml version="1.0" encoding="latin9"?>` + rest
		},
		"a Content-Type by default": func(r *http.Response, body string) string {
			r.Header.Set("Content-Type", "text/xml;charset=ISO-8859-1")
			return body
		},
		"broken, the envelope cut": func(_ *http.Response, body string) string { return body[:strings.Index(body, "</return>")-3] },
		"broken, cut in a character": func(_ *http.Response, body string) string {
			return body[:strings.Index(body, "/xmlBase64&gt;")+len("/xmlBase64&gt;")] + "\xC3"
		},
		"broken, under HTTP 500": func(r *http.Response, body string) string {
			r.StatusCode = http.StatusInternalServerError
			return body
		},
		"a gzip that was not asked for": func(r *http.Response, body string) string {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			io.WriteString(w, body) //nolint:errcheck // into memory
			w.Close()               //nolint:errcheck // into memory
			r.Header.Set("Content-Encoding", "X-GZIP")
			return b.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			rewrite.Store(&change)
			before := calls(g, "firmar")
			body := contratoBy("Contrato envuelto ñ: "+name, false)
			first := g.Post("/v1/pade/contratos", body, "Idempotency-Key", strings.ReplaceAll(name, " ", "-"))
			var got document
			first.JSON(t, &got)
			if first.Status != http.StatusOK || !got.Coincide || !strings.Contains(got.XML, "Contrato envuelto ñ: "+name) || calls(g, "firmar") != before+1 {
				t.Fatalf("status %d after %d calls: %.700s", first.Status, calls(g, "firmar")-before, first.Body)
			}
			rewrite.Store(nil)
			if again := g.Post("/v1/pade/contratos", body); again.Status != http.StatusOK || !bytes.Equal(again.Body, first.Body) || calls(g, "firmar") != before+1 {
				t.Errorf("again: %d %.300s", again.Status, again.Body)
			}
			if strings.HasPrefix(name, "broken") {
				return // what is not spent is asked for again
			}
			rewrite.Store(&change)
			if r := g.Post("/v1/pade/addendas", map[string]any{"datos": "pedido|Ñandú"}); r.Status != http.StatusOK || !strings.Contains(string(r.Body), "Ñandú") {
				t.Errorf("an addenda: %d %.300s", r.Status, r.Body)
			}
		})
	}
}

// A contract that a PAC's XML library wrote anew is the contract; one that is
// another, or two, is handed out all the same.
func TestPADE_WhenTheContractIsWrittenAnewItIsHandedOut(t *testing.T) {
	t.Parallel()
	g, rewrite := rewriting(t, ofPADE) //nolint:bodyclose // the proxy's
	attribute := regexp.MustCompile(` (\w+)="([^"]*)"`)
	signature := regexp.MustCompile(`<Firma Quien="P[^>]*/>`)
	for name, tt := range map[string]struct {
		change  func(string) string
		matches bool
	}{
		"with prefixes": {func(s string) string {
			s = regexp.MustCompile(`<(/?)(\w)`).ReplaceAllString(s, "<${1}c:$2")
			return strings.Replace(s, "<c:Contrato", `<c:Contrato xmlns:c="urn:c"`, 1)
		}, true},
		"attributes in reverse": {func(s string) string {
			return regexp.MustCompile(`(<Firma)((?: \w+="[^"]*")+)`).ReplaceAllStringFunc(s, func(tag string) string {
				var out string
				for _, a := range attribute.FindAllString(tag, -1) {
					out = "\n" + a + out
				}
				return "<Firma" + out
			})
		}, true},
		"apostrophes":         {func(s string) string { return attribute.ReplaceAllString(s, " $1 = '$2'") }, true},
		"indented, with CRLF": {func(s string) string { return strings.ReplaceAll(s, "<Firma", "\r\n  <Firma") }, true},
		"its signature first": {func(s string) string {
			f := signature.FindString(s)
			s = strings.Replace(s, f, "", 1)
			return strings.Replace(s, "<Firmas>", "<Firmas>"+f, 1)
		}, true},
		"in UTF-16, the big end first": {func(s string) string {
			b := []byte{0xFE, 0xFF}
			for _, r := range s {
				b = append(b, byte(r>>8), byte(r)) // all of the first plane
			}
			return string(b)
		}, true},
		"two contracts":        {func(s string) string { return s + strings.TrimPrefix(s, `<?xml version="1.0" encoding="UTF-8"?>`) }, false},
		"in another's element": {func(s string) string { return "<a>" + s[strings.Index(s, "?>")+2:] + "</a>" }, false},
		"no signatures":        {func(s string) string { return regexp.MustCompile(`<Firma .*/>`).ReplaceAllString(s, "") }, false},
		"a page":               {func(string) string { return "<html><body>Sesión terminada" }, false},
		"binary":               {func(string) string { return "%PDF-1.7\x00\xFF" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			change := inDocument(tt.change) //nolint:bodyclose // the proxy's
			for _, trial := range []bool{false, true} {
				rewrite.Store(&change)
				before := calls(g, "firmar")
				body, key := contratoBy("Contrato de nuevo ñ: "+name, trial), strings.ReplaceAll(name, " ", "-")+strconv.FormatBool(trial)
				first := g.Post("/v1/pade/contratos", body, "Idempotency-Key", key)
				var got document
				first.JSON(t, &got)
				if first.Status != http.StatusOK || got.Coincide != tt.matches || (got.Motivo == "") != tt.matches || len(got.XMLBase64) == 0 {
					t.Fatalf("trial %v: status %d: %.700s", trial, first.Status, first.Body)
				}
				rewrite.Store(nil)
				for _, headers := range [][]string{{"Idempotency-Key", key}, nil} {
					if again := g.Post("/v1/pade/contratos", body, headers...); again.Status != http.StatusOK || !bytes.Equal(again.Body, first.Body) {
						t.Errorf("trial %v, again, %v: %d %.300s", trial, headers, again.Status, again.Body)
					}
				}
				if n := calls(g, "firmar") - before; n != 1 {
					t.Errorf("trial %v: %d calls", trial, n)
				}
			}
		})
	}
	body := contratoBy("Contrato de nuevo ñ: two contracts", false)
	before := g.Post("/v1/pade/contratos", body)
	g.Restart()
	if after := g.Post("/v1/pade/contratos", body); after.Status != http.StatusOK || !bytes.Equal(after.Body, before.Body) {
		t.Errorf("after a restart: %d %.300s", after.Status, after.Body)
	}
}

// A solicitud that the SAT registered is not lost with the end of the answer that
// says so: the same criteria may be presented twice in a lifetime.
func TestRequest_WhenTheAnswerIsBrokenItsIDIsKept(t *testing.T) {
	t.Parallel()
	g, rewrite := rewriting(t, func(c *config.Config) []*string { return []*string{&c.SAT.CFDI.SolicitaURL} }) //nolint:bodyclose // the proxy's
	since := 1
	for name, change := range map[string]func(r *http.Response, body string) string{
		"cut": func(_ *http.Response, body string) string {
			return body[:strings.Index(body, "Result")+strings.Index(body[strings.Index(body, "Result"):], ">")+1]
		},
		"an & in it": func(_ *http.Response, body string) string {
			return strings.Replace(body, "Solicitud Aceptada", "A & B", 1)
		},
		"under HTTP 500":   func(r *http.Response, body string) string { r.StatusCode = http.StatusInternalServerError; return body },
		"behind a doctype": func(_ *http.Response, body string) string { return "<!DOCTYPE x>" + body },
	} {
		rewrite.Store(&change)
		before := g.Sandbox.Estado().Llamadas["cfdi"]["SolicitaDescargaEmitidos"]
		since++
		id := g.Request("cfdi", gatewaytest.Company, map[string]any{"fechaInicial": "2026-01-" + strconv.Itoa(10+since) + "T00:00:00"})
		if n := g.Sandbox.Estado().Llamadas["cfdi"]["SolicitaDescargaEmitidos"] - before; n != 1 || len(id) != 36 {
			t.Errorf("%s: id %q after %d calls", name, id, n)
		}
		g.Paquetes("cfdi", gatewaytest.Company, id)
	}
	// Without the whole id it is not known what became of it.
	half := func(_ *http.Response, body string) string { return body[:strings.Index(body, "IdSolicitud=")+20] }
	rewrite.Store(&half)
	r := g.Post("/v1/sat/cfdi/solicitudes", map[string]any{"tipoDescarga": "emitidos", "rfcSolicitante": gatewaytest.Company, "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-02-02T00:00:00"})
	wantStatus(t, r, http.StatusGatewayTimeout)
}
