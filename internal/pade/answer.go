package pade

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

var errAnswer = errors.New("pade: the inner document cannot be read")

// maxFields bounds the inner document: the PAC's have six elements.
const maxFields = 64

// fields reads the inner document of an answer and returns the texts of its root's
// children, by names in lower case, because the PAC's case varies. The text was decoded
// with the envelope, so its own declared encoding does not apply (pade.md §2.4).
func fields(inner string) (map[string]string, error) {
	// Prefixes mean nothing here, so undeclared ones are allowed.
	r := xmldoc.NewReader(strings.NewReader(strings.TrimSpace(inner)), xmldoc.Options{Decoded: true, LoosePrefixes: true})
	out := make(map[string]string)
	name := ""
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) && len(out) > 0 {
			return out, nil
		}
		if err != nil || len(out) > maxFields {
			return nil, errors.Join(errAnswer, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if r.Depth() == 2 {
				name = strings.ToLower(t.Name.Local)
				out[name] = ""
			}
		case xml.CharData:
			if r.Depth() == 2 {
				out[name] += string(t)
			}
		}
	}
}

// read returns the fields of an inner document. With an error it returns those that can
// be found in a document that is not XML, because what was signed or paid for cannot be
// obtained again.
func read(inner string) (map[string]string, error) {
	inner = unwrapped(inner)
	f, err := fields(inner)
	if err == nil && f["xmlbase64"] != "" {
		return f, nil
	}
	found := salvaged(inner)
	for name, text := range f {
		if text != "" || found[name] == "" {
			found[name] = text
		}
	}
	return found, err
}

// maxWrappings bounds how often the inner document may be escaped or encoded in excess.
const maxWrappings = 3

// unwrapped undoes excess escaping and base64.
func unwrapped(inner string) string {
	for range maxWrappings {
		text := strings.TrimSpace(strings.TrimPrefix(inner, "\ufeff"))
		if strings.HasPrefix(text, "&") {
			inner = html.UnescapeString(text)
			continue
		}
		b, err := document(text)
		decoded, unread := xmldoc.Text(b, "")
		if err != nil || unread != nil || !strings.HasPrefix(decoded, "<") {
			return inner
		}
		return decoded
	}
	return inner
}

var (
	// field matches one of the services' fields, with text only.
	field = regexp.MustCompile(`(?i)<(?:\w+:)?(firmaOk|codigoResultado|mensajeResultado|fechaFirma|xmlBase64|id|codigo|mensaje)(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?([^<]*?)(?:\]\]>)?(?:<|$)`)
	// unencoded matches a document that is in its field as elements.
	unencoded = regexp.MustCompile(`(?is)<(?:\w+:)?xmlBase64(?:\s[^<>]*)?>\s*(<[^!].*)</(?:\w+:)?xmlBase64\s*>`)
)

// salvaged finds the fields anywhere in a document, whether or not it is XML.
func salvaged(inner string) map[string]string {
	out := make(map[string]string)
	if m := unencoded.FindStringSubmatch(inner); m != nil {
		out["xmlbase64"] = m[1]
	}
	for _, m := range field.FindAllStringSubmatch(inner, maxFields) {
		if name := strings.ToLower(m[1]); out[name] == "" {
			out[name] = m[2]
		}
	}
	return out
}

// whole matches a return that contains the end of its document.
var whole = regexp.MustCompile(`(?is)<(?:\w+:)?return(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?(.*/(?:\w+:)?xmlBase64\s*(?:>|&gt;).*?)(?:\]\]>)?\s*(?:</(?:\w+:)?return\s*>|$)`)

// delivered returns the inner document of a failed answer, with a broken or truncated
// envelope or an HTTP error. It is empty unless the signed document is complete.
func delivered(err error) string {
	m := whole.FindSubmatch(transport.Came(err))
	if m == nil {
		return ""
	}
	return string(m[1])
}

// document decodes a base64 field: in lines, without padding, in the other alphabet,
// encoded twice, or not encoded at all. Otherwise it returns the text unchanged and an
// error.
func document(text string) ([]byte, error) {
	clean := strings.Join(strings.Fields(text), "")
	switch {
	case clean == "":
		return nil, errAnswer
	case strings.HasPrefix(clean, "<"):
		return []byte(strings.TrimSpace(text)), nil
	case strings.HasPrefix(clean, "&") && html.UnescapeString(text) != text:
		return document(html.UnescapeString(text))
	}
	clean = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(clean, "="))
	b, err := base64.RawStdEncoding.DecodeString(clean)
	if err != nil {
		return []byte(text), errors.Join(errAnswer, err)
	}
	if again, err := document(string(b)); err == nil && !bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) && bytes.HasPrefix(again, []byte("<")) {
		return again, nil
	}
	return b, nil
}

// unreadable returns the failure of an answer that says nothing.
func unreadable(err error) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnRespuestaPADEIlegible, Backend: backend, Retryable: true, Err: err,
		Detail: "La respuesta de Prodigia no se pudo interpretar. Puede repetir la petición."}
}
