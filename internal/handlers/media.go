package handlers

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/conform"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// checkMediaType refuses a body of a type that the operation does not accept, such as
// curl's default type.
func checkMediaType(op *openapi3.Operation, r *http.Request) error {
	if op.RequestBody == nil {
		return nil
	}
	if err := conform.Encoded(strings.Join(r.Header.Values("Content-Encoding"), ", ")); err != nil {
		return err
	}
	given, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if same := otherName(given); err == nil && op.RequestBody.Value.Content[given] == nil && op.RequestBody.Value.Content[same] != nil {
		given = same
		r.Header.Set("Content-Type", mime.FormatMediaType(given, params))
	}
	if err == nil && op.RequestBody.Value.Content[given] != nil {
		return checkCharset(given, params["charset"])
	}
	taken := slices.Sorted(maps.Keys(op.RequestBody.Value.Content))
	return &gateway.Error{Kind: gateway.KindTipoContenido, Own: gateway.OwnTipoNoAdmitido, Fields: []gateway.Field{{Campo: "Content-Type", Detalle: "No se admite en esta ruta.", ValoresValidos: taken}},
		Detail: "Diga de qué tipo es el cuerpo: envíe el encabezado Content-Type: " + strings.Join(taken, ", o ") + "."}
}

// otherName returns the contract's name for a type with two names: text/xml is an alias
// (RFC 7303 §9.2), and Windows calls a ZIP x-zip-compressed.
func otherName(media string) string {
	switch media {
	case "text/xml":
		return "application/xml"
	case "application/x-zip-compressed", "application/x-zip":
		return "application/zip"
	}
	return ""
}

// contentJSON is the media type of RFC 8259, which has no charset parameter: it is UTF-8.
const contentJSON = "application/json"

func checkCharset(media, charset string) error {
	if media != contentJSON || charset == "" || slices.Contains([]string{"utf-8", "utf8", "us-ascii"}, strings.ToLower(charset)) {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindTipoContenido, Own: gateway.OwnCharsetNoAdmitido, Fields: []gateway.Field{{Campo: "Content-Type", Detalle: "JSON va en UTF-8.", ValoresValidos: []string{contentJSON}}},
		Detail: "El cuerpo dice estar en otra codificación. Envíelo en UTF-8."}
}
