package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"
)

// wide writes text in UTF-16 with its mark.
func wide(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// narrow writes text in windows-1252; of its upper half it has only the euro.
func narrow(text string) string {
	var b []byte
	for _, r := range text {
		if r == '€' {
			r = 0x80
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// encoded are the ways in which one answer may come, with its Content-Type.
func encoded(envelope string) map[string][2]string {
	declared := func(encoding string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` }
	return map[string][2]string{
		"UTF-8":                   {"text/xml", envelope},
		"UTF-8, a mark":           {"text/xml; charset=utf-8", "\xEF\xBB\xBF" + declared("UTF-8") + envelope},
		"windows-1252, declared":  {"text/xml", declared("windows-1252") + narrow(envelope)},
		"windows-1252, charset":   {"text/xml; charset=Windows-1252", narrow(envelope)},
		"Latin-1, odd blanks":     {"text/xml", "<?xml version = '1.0' encoding = 'ISO-8859-1' ?>\r\n" + narrow(strings.ReplaceAll(envelope, "€", "&#8364;"))},
		"Latin-1, both":           {"text/xml ;charset=ISO-8859-1", declared("ISO-8859-1") + narrow(strings.ReplaceAll(envelope, "€", "&#8364;"))},
		"UTF-16LE":                {"text/xml; charset=utf-16", wide(declared("UTF-16")+envelope, binary.LittleEndian)},
		"UTF-16BE, undeclared":    {"text/xml", wide(envelope, binary.BigEndian)},
		"labelled UTF-16":         {"text/xml", declared("utf-16") + envelope},
		"a line before":           {"text/xml", "\r\n" + declared("UTF-8") + envelope},
		"something behind":        {"text/xml", declared("UTF-8") + envelope + "\x00<!--"},
		"a line before, Latin-1":  {"text/xml", "\n" + declared("ISO-8859-1") + narrow(strings.ReplaceAll(envelope, "€", "&#8364;"))},
		"no Content-Type at all":  {"", declared("windows-1252") + narrow(envelope)},
		"a Content-Type of noise": {"text/xml; charset", declared("windows-1252") + narrow(envelope)},
	}
}

// contradictory are answers whose bytes are not in the encoding that is said, or
// say one that is not known.
func contradictory(envelope string) map[string][2]string {
	declared := func(encoding string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` }
	return map[string][2]string{
		"1252 under UTF-8":            {"text/xml", declared("UTF-8") + narrow(envelope)},
		"1252, nothing said":          {"text/xml", narrow(envelope)},
		"1252 under UTF-8, a line":    {"text/xml", "\r\n" + declared("UTF-8") + narrow(envelope)},
		"1252 under UTF-8 and a mark": {"text/xml", "\xEF\xBB\xBF" + declared("UTF-8") + narrow(envelope)},
		"1252, UTF-8 by Content-Type": {`text/xml; charset="UTF-8"`, declared("windows-1252") + narrow(envelope)},
		"UTF-8, Latin-1 by default":   {"text/xml;charset=ISO-8859-1", declared("UTF-8") + envelope},
		"UTF-8, 1252 by default":      {"text/xml; charset=windows-1252", envelope},
		"UTF-8, an unknown name":      {"text/xml", declared("utf8mb4") + envelope},
		"1252, an unknown name":       {"text/xml; charset=latin9", declared("ISO-8859-15") + narrow(envelope)},
		"two texts in two encodings":  {"text/xml", declared("UTF-8") + "<!-- " + narrow("versión") + " -->" + envelope},
	}
}

func served(r [2]string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{r[0]}
		io.WriteString(w, r[1]) //nolint:errcheck // a test's server
	}
}

func TestDo_WhenTheAnswerIsInAnotherEncodingTheStubGetsUTF8(t *testing.T) {
	t.Parallel()
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><R xmlns="urn:d"><Res CodEstatus="5000" Mensaje="Petición Ñ €"/></R></s:Body></s:Envelope>`
	answers := encoded(envelope)
	maps.Copy(answers, contradictory(envelope))
	for name, answer := range answers {
		r := newRig(t, served(answer))
		body, got, err := r.call(request(false), &tokens{}, nil)
		if err != nil || got.Mensaje != "Petición Ñ €" {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		var stub struct {
			Body struct {
				R struct {
					Res struct {
						Mensaje string `xml:",attr"`
					}
				}
			}
		}
		// As gowsdl decodes it: no CharsetReader.
		if err := xml.NewDecoder(strings.NewReader(body)).Decode(&stub); err != nil || stub.Body.R.Res.Mensaje != "Petición Ñ €" {
			t.Errorf("%s: the stub reads %+v of %q: %v", name, stub, body, err)
		}
	}
}

func TestDo_WhenAFaultIsInAnotherEncodingItIsAFault(t *testing.T) {
	t.Parallel()
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>Excepción €</faultstring></s:Fault></s:Body></s:Envelope>`
	for name, answer := range encoded(envelope) {
		for _, streams := range []bool{false, true} {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{answer[0]}
				w.WriteHeader(http.StatusInternalServerError)
				io.WriteString(w, answer[1]) //nolint:errcheck // a test's server
			})
			op := request(false)
			if streams {
				op.Stream = []string{"Paquete"}
			}
			_, _, err := r.call(op, &tokens{}, io.Discard)
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != ClassFault || failed.Faultstring != "Excepción €" {
				t.Errorf("%s, streams %v: %v", name, streams, err)
			}
		}
	}
}

func TestDo_WhenAStreamIsInAnotherEncodingItIsRead(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("un paquete de muchos bytes\x00\xFF"), 3*blockSize/26)
	envelope := strings.Replace(packageStart, "Solicitud Aceptada", "Petición €", 1) + base64.StdEncoding.EncodeToString(content) + packageEnd
	op := request(false)
	op.Stream = []string{"Paquete"}
	for name, answer := range encoded(envelope) {
		r := newRig(t, served(answer))
		var sink bytes.Buffer
		body, got, err := r.call(op, &tokens{}, &sink)
		if err != nil || !bytes.Equal(sink.Bytes(), content) || got.Mensaje != "Petición €" {
			t.Errorf("%s: %d bytes, %+v, %v", name, sink.Len(), got, err)
		}
		if err := xml.NewDecoder(strings.NewReader(body)).Decode(&struct{}{}); err != nil || len(body) > 1<<10 {
			t.Errorf("%s: the stub gets %.300q: %v", name, body, err)
		}
	}
}

// Whatever came, it is said to be unreadable, never that nothing came, and how it
// begins is told without secrets.
func TestDo_WhenTheAnswerCannotBeReadTellsHowItBegins(t *testing.T) {
	t.Parallel()
	const open = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`
	secret := strings.Repeat("Zm9vYmFy", 8)
	for name, tc := range map[string]struct {
		contentType, body string
		class             Class
		tells             string
	}{
		"an unknown encoding":   {"text/xml", `<?xml version="1.0" encoding="EBCDIC-MX"?>` + open, ClassMalformed, `<?xml version="1.0" encoding="EBCDIC-MX"?>`},
		"not in its encoding":   {"text/xml", `<?xml version="1.0" encoding="UTF-8"?>` + open + "recepci\xF3n</s:Body>", ClassMalformed, "recepci\uFFFDn"},
		"cut UTF-16":            {"text/xml", wide(open, binary.LittleEndian) + "x", ClassMalformed, "<s:Envelope"},
		"plain text":            {"text/plain", "Error en http://10.1.2.3/x: token=" + secret + "<br/>\n más", ClassMalformed, "Error en [dirección] token=[…]<br/> más"},
		"an echo of a secret":   {"text/xml", "<a><password>muy secreta</password><Token>abc</Token><x clave='u1'/>" + secret + "</b>", ClassMalformed, "<a><password>[…]"},
		"attributes that touch": {"text/xml", open + `<R a="1"b="2"/></s:Body></s:Envelope>`, ClassMalformed, `<R a="1"b="2"/>`},
		"a page":                {"text/html", "<html><body>Mantenimiento programado</body></html>", ClassPage, "Mantenimiento programado"},
		"not JSON's business":   {"application/json", `{"error": "no"}`, ClassMalformed, `{"error": "no"}`},
		"no gzip":               {"text/xml", "\x1f\x8bno", ClassMalformed, "no"},
	} {
		for _, streams := range []bool{false, true} {
			r := newRig(t, served([2]string{tc.contentType, tc.body}))
			op := request(false)
			if streams {
				op.Stream = []string{"Paquete"}
			}
			_, _, err := r.call(op, &tokens{}, io.Discard)
			var failed *Error
			if !errors.As(err, &failed) || failed.Class != tc.class || !strings.Contains(failed.Beginning, tc.tells) {
				t.Errorf("%s, streams %v: %v", name, streams, err)
				if failed != nil {
					t.Errorf("  it begins %q, want %q", failed.Beginning, tc.tells)
				}
				continue
			}
			for _, no := range []string{secret, "10.1.2.3", "muy", "secreta", "abc", "u1", "\n"} {
				if strings.Contains(failed.Beginning, no) {
					t.Errorf("%s: %q is told: %q", name, no, failed.Beginning)
				}
			}
			if len([]rune(failed.Beginning)) > maxBeginning+1 {
				t.Errorf("%s: it tells %d characters", name, len([]rune(failed.Beginning)))
			}
		}
	}
}
