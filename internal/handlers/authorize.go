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

// caller is who calls, filled in by authorize.
type caller struct {
	key apikeys.Key
	// scope is what the operation asks for, and rfcs are those that the answer is about.
	scope string
	rfcs  []string
	// room is what its body may take of the memory.
	room *room
	// tipo, codigo and field are of the problem that the caller gets, if it is one.
	tipo, codigo, field string
}

// fields are what the access line says of the key and of the problem that the caller got:
// of what there is.
func (c *caller) fields() map[string]any {
	said := map[string]any{}
	for name, value := range map[string]string{"clave": c.key.Name, "idClave": c.key.ID, "tipo": c.tipo, "codigo": c.codigo, "campo": c.field} {
		if value != "" {
			said[name] = value
		}
	}
	return said
}

// note keeps of a problem what its access line says.
func (c *caller) note(tipo string, e *gateway.Error) {
	if c == nil {
		return
	}
	c.tipo, c.codigo = tipo, e.Code()
	// The name of a field may be what the caller wrote.
	if len(e.Fields) > 0 && fieldForm.MatchString(e.Fields[0].Campo) {
		c.field = e.Fields[0].Campo
	}
}

// sees reports whether the caller's key sees rfc, and notes what the answer is about.
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

// owner is the ID to which belongs what the caller makes; empty without keys.
func owner(ctx context.Context) string { return callerFrom(ctx).key.Owner() }

var errNoKey = &gateway.Error{Kind: gateway.KindNoAutenticado, Own: gateway.OwnClaveInvalida,
	Detail: "Falta una clave de API válida. Envíela como Authorization: Bearer <clave>."}

// authorize admits the caller's key and its scope for the operation.
func (h *handler) authorize(doc *openapi3.T) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return wrap(func(w http.ResponseWriter, r *http.Request) error {
			for _, name := range []string{"Authorization", headerBackendAuthorization, "Content-Type"} {
				// A proxy may judge the other one.
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

// admit finds the key that the request presents, notes it for the access line, and
// refuses one that does not hold the scope.
func (h *handler) admit(r *http.Request, c *caller) error {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || value == "" {
		return errNoKey
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // without an address, no network has it
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

// still returns an error if the request would not be admitted any more, or not to
// what its answer is about: keys are revoked, expire, and lose RFCs.
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

// closedRetry is when to come again to a gateway that cannot read its keys.
const closedRetry = time.Minute

// allow refuses an RFC that the caller's key does not see.
func allow(ctx context.Context, rfc string) error {
	if callerFrom(ctx).sees(rfc) {
		return nil
	}
	return noRFC()
}

func noRFC() error {
	return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnRFCAjeno, Detail: "La clave de API no alcanza a ese RFC."}
}
