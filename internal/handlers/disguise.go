package handlers

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// disguised names a text that should be XML and is XML in an encoding of it; empty if it
// is not. inBase64 says what to do about base64.
func disguised(text, inBase64 string) string {
	head := strings.TrimLeft(text[:min(len(text), disguiseHead)], " \t\r\n\ufeff")
	switch {
	case strings.HasPrefix(head, "&lt;"), strings.HasPrefix(head, "&#60;"), strings.HasPrefix(head, "&#x3c;"), strings.HasPrefix(head, "&#x3C;"), strings.HasPrefix(head, "&amp;lt;"):
		return "El XML viene escapado una vez de más: empieza con &lt; en lugar de <. Envíelo tal cual."
	case strings.HasPrefix(head, "%3C"), strings.HasPrefix(head, "%3c"):
		return "El XML viene escrito para una dirección: empieza con %3C en lugar de <. Envíelo tal cual."
	case strings.HasPrefix(head, `"<`), strings.HasPrefix(head, `\"<`), strings.HasPrefix(head, "'<"):
		return "El XML viene entre comillas dentro del texto: quítelas."
	case isXML([]byte(head)):
		return ""
	}
	for layers := 0; layers < maxLayers; layers++ {
		inside := unwrapped(head)
		if isXML(inside) {
			return inBase64
		}
		head = string(inside)
	}
	return ""
}

const (
	// disguiseHead is long enough to contain the first character inside.
	disguiseHead = 1024
	// maxLayers of base64 are decoded.
	maxLayers = 3
)

// isXML decides by the first character, in UTF-8 or UTF-16.
func isXML(b []byte) bool {
	for _, mark := range []string{"\xEF\xBB\xBF", "\xFF\xFE", "\xFE\xFF"} {
		b = bytes.TrimPrefix(b, []byte(mark))
	}
	return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n\x00"), []byte("<"))
}

// unwrapped decodes the beginning of a base64 text of any variant.
func unwrapped(text string) []byte {
	if _, data, ok := strings.Cut(text, ","); ok && strings.HasPrefix(text, "data:") {
		text = data
	}
	text = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", `"`, "", "=", "", "-", "+", "_", "/").Replace(text)
	b, err := base64.RawStdEncoding.DecodeString(text[:len(text)/4*4]) // the head may end within a group
	if err != nil {
		return nil
	}
	return b
}
