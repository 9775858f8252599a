package conform

import (
	"bytes"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Begins refuses a body that does not begin like a JSON object: an empty one, another
// value, or one whose first bytes are not UTF-8 (RFC 8259 §8.1). The error names what it
// is.
func Begins(body []byte) error {
	text := bytes.TrimLeft(body, " \t\r\n")
	if len(text) == 0 {
		return malformed("El cuerpo está vacío. Esta operación lleva un objeto JSON, entre { y }.")
	}
	if err := head(body); err != nil || text[0] == '{' {
		return err
	}
	if what := another(text); what != "" {
		return malformed("El cuerpo debe ser un objeto JSON, entre { y }, y es " + what + ".")
	}
	return Place{}.Beyond(body[:len(body)-len(text)]).wrong(0, 0, nil, text)
}

// another names the JSON value that text begins with; empty if there is none.
func another(text []byte) string {
	switch c := text[0]; {
	case c == '-' || c >= '0' && c <= '9':
		return kindOf('0')
	case c == '[' || c == '"':
		return kindOf(Kind(c))
	}
	for _, literal := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(text, []byte(literal)) {
			return kindOf(Kind(literal[0]))
		}
	}
	return ""
}

func head(body []byte) error {
	const powershell = "Guárdelo o envíelo en UTF-8 sin BOM; el > y el Out-File de PowerShell 5 escriben UTF-16."
	begins := func(with ...byte) bool { return bytes.HasPrefix(body, with) }
	switch {
	case begins(0x1F, 0x8B):
		return compressed(" con gzip")
	case begins(0x28, 0xB5, 0x2F, 0xFD):
		return compressed(" con zstd")
	case begins(0xEF, 0xBB, 0xBF):
		return notUTF8("Empieza con la marca de orden de bytes (BOM, EF BB BF): guárdelo o envíelo como UTF-8 sin BOM.")
	case begins(0xFF, 0xFE, 0, 0), begins(0, 0, 0xFE, 0xFF), zeros(body, true, true, true, false), zeros(body, false, true, true, true):
		return notUTF8("Está en UTF-32. " + powershell)
	case begins(0xFF, 0xFE), begins(0xFE, 0xFF), zeros(body, true, false), zeros(body, false, true):
		return notUTF8("Está en UTF-16. " + powershell)
	}
	return nil
}

// zeros reports whether body has zeros in the positions that ASCII has in another
// encoding. JSON begins with ASCII (RFC 4627 §3).
func zeros(body []byte, where ...bool) bool {
	if len(body) < len(where) {
		return false
	}
	for i, zero := range where {
		if (body[i] == 0) != zero {
			return false
		}
	}
	return true
}

// Encoded refuses a body with a Content-Encoding: none is decoded here, because a small
// body could expand into a large one.
func Encoded(contentEncoding string) error {
	if contentEncoding == "" || strings.EqualFold(contentEncoding, "identity") {
		return nil
	}
	return compressed(", según Content-Encoding")
}

func compressed(how string) error {
	return &gateway.Error{Kind: gateway.KindTipoContenido, Own: gateway.OwnCuerpoComprimido, Detail: "El cuerpo viene comprimido" + how + ". Envíelo sin comprimir y sin el encabezado Content-Encoding.",
		Fields: []gateway.Field{{Campo: "Content-Encoding", Detalle: "No se admite ninguno.", ValoresValidos: []string{"identity"}}}}
}

// notUTF8 returns the error for text that is not UTF-8. Most readers would silently
// replace its bytes with U+FFFD, so the name signed or sent would be another.
func notUTF8(detail string) error {
	return malformed("El cuerpo no se puede leer sin cambiarlo: JSON va en UTF-8. " + detail)
}
