package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// caller describes the caller of a request; authorize fills it in.
type caller struct {
	key apikeys.Key
	// scope is the operation's scope. rfcs are the RFCs that the answer is about.
	scope string
	rfcs  []string
	// room is the memory reserved for its body.
	room *room
	// tipo, codigo and field describe the problem that the caller gets, if there is one.
	tipo, codigo, field string
}

// fields returns the access line's fields about the key and the problem, without empty
// ones.
func (c *caller) fields() map[string]any {
	said := map[string]any{}
	for name, value := range map[string]string{"clave": c.key.Name, "idClave": c.key.ID, "tipo": c.tipo, "codigo": c.codigo, "campo": c.field} {
		if value != "" {
			said[name] = value
		}
	}
	return said
}

// note keeps the parts of a problem that the access line shows.
func (c *caller) note(tipo string, e *gateway.Error) {
	if c == nil {
		return
	}
	c.tipo, c.codigo = tipo, e.Code()
	// The name of a field may be the caller's own text.
	if len(e.Fields) > 0 && fieldForm.MatchString(e.Fields[0].Campo) {
		c.field = e.Fields[0].Campo
	}
}

// sees reports whether the caller's key has access to rfc, and records that the answer is
// about rfc.
func (c *caller) sees(rfc string) bool {
	if !c.key.Sees(rfc) {
		return false
	}
	if !slices.Contains(c.rfcs, rfc) {
		c.rfcs = append(c.rfcs, rfc)
	}
	return true
}

func callerFrom(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

func roomFrom(ctx context.Context) *room {
	if c := callerFrom(ctx); c != nil {
		return c.room
	}
	return nil
}

// owner returns the ID that owns what the caller makes; empty without keys.
func owner(ctx context.Context) string { return callerFrom(ctx).key.Owner() }

var errNoKey = &gateway.Error{Kind: gateway.KindNoAutenticado, Own: gateway.OwnClaveInvalida,
	Detail: "Falta una clave de API válida. Envíela como Authorization: Bearer <clave>."}

// authorize admits a caller whose key holds the operation's scope.
func (h *handler) authorize(doc *openapi3.T) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return wrap(func(w http.ResponseWriter, r *http.Request) error {
			for _, name := range []string{"Authorization", headerBackendAuthorization, "Content-Type"} {
				// A proxy may check the other header.
				if len(r.Header.Values(name)) > 1 {
					return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnEncabezadoRepetido, Unsent: true, Detail: "El encabezado " + name + " está dos veces, y no se sabe cuál cuenta.",
						Fields: []gateway.Field{{Campo: name, Detalle: "Envíelo una sola vez."}}}
				}
			}
			caller := callerFrom(r.Context())
			operation := operationOf(doc, r)
			switch {
			case h.cfg.Keys == nil:
				caller.key = apikeys.Key{RFCs: []string{apikeys.All}, Scopes: []string{apikeys.All}}
			case !public(operation):
				caller.scope = scopeOf(operation)
				if err := h.admit(r, caller); err != nil {
					return err
				}
				w = &watched{ResponseWriter: w, r: r, still: h.still}
			}
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// admit finds the request's key, records it for the access line, and refuses a key that
// does not hold the scope.
func (h *handler) admit(r *http.Request, c *caller) error {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return errNoKey
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // an invalid address is in no network
	key, err := h.cfg.Keys(strings.TrimSpace(value), from.Addr())
	c.key = key
	switch {
	case errors.Is(err, apikeys.ErrExpired):
		return &gateway.Error{Kind: gateway.KindNoAutenticado, Own: gateway.OwnClaveVencida, Detail: "La clave de API venció el " + gateway.InMexico(key.Expires).Format(gateway.FechaFormat) +
			". Pida otra a quien administra la pasarela."}
	case errors.Is(err, apikeys.ErrNetwork):
		return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnRedAjena, Detail: "La clave de API no vale desde la dirección " + from.Addr().Unmap().String() + ", que es la que ve la pasarela."}
	case errors.Is(err, apikeys.ErrClosed):
		return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnClavesIlegibles, Retryable: true, RetryAfter: closedRetry,
			Detail: "La pasarela no puede leer sus claves de API y no atiende a nadie hasta que pueda. Avise a quien la administra."}
	case err != nil:
		return errNoKey
	case c.scope == "" || !key.Allows(c.scope):
		return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnSinAlcance, Detail: "La clave de API no tiene el alcance " + c.scope + "."}
	}
	return nil
}

// still returns an error if the request, or access to the RFCs of its answer, would no
// longer be allowed: keys are revoked, expire, and lose RFCs.
func (h *handler) still(r *http.Request) error {
	was := callerFrom(r.Context())
	if h.cfg.Keys == nil || was.scope == "" {
		return nil
	}
	now := caller{scope: was.scope}
	if err := h.admit(r, &now); err != nil {
		return err
	}
	for _, rfc := range was.rfcs {
		if !now.key.Sees(rfc) {
			return noRFC()
		}
	}
	return nil
}

// closedRetry is the Retry-After of a gateway that cannot read its keys.
const closedRetry = time.Minute

// allow refuses an RFC to which the caller's key has no access.
func allow(ctx context.Context, rfc string) error {
	if callerFrom(ctx).sees(rfc) {
		return nil
	}
	return noRFC()
}

func noRFC() error {
	return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnRFCAjeno, Detail: "La clave de API no alcanza a ese RFC."}
}
