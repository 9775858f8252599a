package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// falla is a refusal as a row stores it, with the field names of the problem that the
// caller was shown.
type falla struct {
	Tipo         gateway.Kind    `json:"tipo"`
	Propio       gateway.OwnCode `json:"propio,omitempty"`
	Backend      string          `json:"backend,omitempty"`
	Codigo       string          `json:"codigo,omitempty"`
	Mensaje      string          `json:"mensaje,omitempty"`
	Detail       string          `json:"detail"`
	Errores      []gateway.Field `json:"errores,omitempty"`
	Reintentable bool            `json:"reintentable,omitempty"`
	NoEnviada    bool            `json:"noEnviada,omitempty"`
	Espera       store.Span      `json:"espera,omitempty"`
	IDSolicitud  string          `json:"idSolicitud,omitempty"`
	Recurso      string          `json:"recurso,omitempty"`
	Resto        Rest            `json:"resto,omitempty"`
}

func encodeFalla(e *gateway.Error, rest Rest) string {
	text, _ := json.Marshal(falla{Tipo: e.Kind, Propio: e.Own, Backend: e.Backend, Codigo: e.Codigo, Mensaje: e.Mensaje, //nolint:errchkjson // words, texts and lists of them
		Detail: e.Detail, Errores: e.Fields, Reintentable: e.Retryable, NoEnviada: e.Unsent, Espera: store.Span(e.RetryAfter),
		IDSolicitud: e.IDSolicitud, Recurso: e.Resource, Resto: rest})
	return string(text)
}

// decodeFalla reads a refusal. A refusal that cannot be read, or whose kind is unknown to
// this program, becomes a failure that binds the key: it may say that nothing must be
// sent again.
func decodeFalla(text string) (*gateway.Error, Rest) {
	var f falla
	err := json.Unmarshal([]byte(text), &f)
	if err == nil && !f.Tipo.Known() {
		err = fmt.Errorf("of the unknown kind %q", f.Tipo)
	}
	if err != nil {
		return gateway.AsError(fmt.Errorf("ledger: a row's refusal: %w", err)), Definitiva
	}
	return &gateway.Error{Kind: f.Tipo, Own: f.Propio, Backend: f.Backend, Codigo: f.Codigo, Mensaje: f.Mensaje, Detail: f.Detail,
		Fields: f.Errores, Retryable: f.Reintentable, Unsent: f.NoEnviada, RetryAfter: time.Duration(f.Espera),
		IDSolicitud: f.IDSolicitud, Resource: f.Recurso}, f.Resto
}
