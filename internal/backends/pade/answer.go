package pade

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

var errAnswer = errors.New("pade: the inner document cannot be read")

// maxFields bounds the inner document: the PAC's have six elements.
const maxFields = 64

// fields reads the inner document of an answer: the texts of its root's
// children, by their names in lower case, as the PAC is careless with case. The
// text has been decoded with the envelope, so whatever encoding its own
// declaration names is past (pade.md §2.4).
func fields(inner string) (map[string]string, error) {
	// Prefixes say nothing here, so one that is not declared loses nothing.
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

// field is one of Firmado's, as text alone.
var field = regexp.MustCompile(`(?i)<(?:\w+:)?(firmaOk|codigoResultado|mensajeResultado|fechaFirma|xmlBase64)\s*>([^<]*)(?:<|$)`)

// salvaged finds the fields of a document that is no XML: there may be a contract
// in it that was signed and cannot be had again.
func salvaged(inner string) map[string]string {
	out := make(map[string]string)
	for _, m := range field.FindAllStringSubmatch(inner, maxFields) {
		out[strings.ToLower(m[1])] = m[2]
	}
	return out
}

// document decodes a field of base64: in lines, without padding, in the other
// alphabet, or not encoded at all. What cannot be told is returned as it came,
// with an error.
func document(text string) ([]byte, error) {
	clean := strings.Join(strings.Fields(text), "")
	switch {
	case clean == "":
		return nil, errAnswer
	case strings.HasPrefix(clean, "<"):
		return []byte(strings.TrimSpace(text)), nil
	}
	clean = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(clean, "="))
	b, err := base64.RawStdEncoding.DecodeString(clean)
	if err != nil {
		return []byte(text), errors.Join(errAnswer, err)
	}
	return b, nil
}

// unreadable is an answer that says nothing.
func unreadable(err error) *gateway.Error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: backend, Reintentable: true, Err: err,
		Detail: "La respuesta de Prodigia no se pudo interpretar. Puede repetir la petición."}
}
