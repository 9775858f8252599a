package conform

import (
	"bytes"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Begins refuses a body that does not begin as an object of JSON does: one that is
// empty, another value, or by its first bytes not in UTF-8. It names what it is
// instead (RFC 8259 §8.1).
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

// another names the value of JSON that text begins with; empty when it is none.
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

// zeros reports whether body has zeros where ASCII in another encoding has them; JSON
// begins with ASCII (RFC 4627 §3).
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

// Encoded refuses a body by its Content-Encoding: none is undone here, as a small
// body could be a large one.
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

// notUTF8 is a text that most readers change in silence: they put U+FFFD in the place
// of what they cannot read, and what is sealed or sent would be another name.
func notUTF8(detail string) error {
	return malformed("El cuerpo no se puede leer sin cambiarlo: JSON va en UTF-8. " + detail)
}
