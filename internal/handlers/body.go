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

// held is a body that has been read and held against the contract: what a handler
// decodes are the very bytes that were judged.
type held []byte

func (held) Read([]byte) (int, error) { return 0, errDecode }
func (held) Close() error             { return nil }

var errDecode = errors.New("handlers: a body in JSON is read by decode")

// decode reads the body that validate has judged into v.
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

// readBody reads a body whole.
func readBody(r *http.Request) ([]byte, error) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(roomFrom(r.Context()).reader(r.Context(), r.Body)); err != nil {
		return nil, unreadable(err, "El cuerpo no llegó completo.")
	}
	return text.Bytes(), nil
}

// maxNoBody is what is read of a body that should not be there.
const maxNoBody = 64

// noBody refuses a body where the operation takes none: whoever sends one means
// something by it. An empty object means nothing, and some clients always send it.
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

// plainText reports whether a parameter is text: UTF-8, and no control characters of
// ASCII, which are those that the contract's patterns leave out.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}
