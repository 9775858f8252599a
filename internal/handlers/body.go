package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// held is a body that was read and checked against the contract. A handler decodes the
// same bytes that were checked.
type held []byte

func (held) Read([]byte) (int, error) { return 0, errDecode }
func (held) Close() error             { return nil }

var errDecode = errors.New("handlers: a body in JSON is read by decode")

// decode decodes the body that validate has checked into v.
func decode(r *http.Request, v any) error {
	text, ok := r.Body.(held)
	if !ok {
		return errDecode
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("handlers: the contract takes what its types do not: %w", err)
	}
	return nil
}

// readBody reads a whole body.
func readBody(r *http.Request) ([]byte, error) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(roomFrom(r.Context()).reader(r.Context(), r.Body)); err != nil {
		return nil, unreadable(err, "El cuerpo no llegó completo.")
	}
	return text.Bytes(), nil
}

// maxNoBody bounds the read of an unexpected body.
const maxNoBody = 64

// noBody refuses a body if the operation has none: its sender expects it to have an
// effect. An empty object is allowed, because some clients always send it.
func noBody(r *http.Request) error {
	head, err := io.ReadAll(io.LimitReader(r.Body, maxNoBody))
	if err != nil {
		return unreadable(err, "El cuerpo no llegó completo.")
	}
	if text := strings.Join(strings.Fields(string(head)), ""); text == "" && len(head) < maxNoBody || text == "{}" {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCuerpoSobrante, Detail: "Esta operación no lleva cuerpo. Quítelo; lo que se elige va en la dirección. Un objeto vacío, {}, se pasa por alto."}
}

// plainText reports whether a parameter is text: UTF-8 without ASCII control characters,
// which the contract's patterns do not exclude.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}
