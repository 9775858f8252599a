package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/textfold"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// CuentasPADE are the accounts that the PAC refused and that are no longer used.
type CuentasPADE interface {
	// LetGo allows one caller's accounts again and returns how many were stopped.
	LetGo(de string) int
	// LetGoAll does so for every caller's accounts and the configured one.
	LetGoAll()
	// Stopped reports whether the configured account is stopped.
	Stopped() bool
}

// headerBackendAuthorization carries a system's account for one call.
const headerBackendAuthorization = "Backend-Authorization"

// cuentaSEP returns the account of the call: the caller's own from Backend-Authorization, or
// the configured one.
func (h *handler) cuentaSEP(r *http.Request) (gateway.CuentaSEP, error) {
	user, password, given, err := backendAuthorization(r)
	ours := h.cfg.CuentaSEP
	switch {
	case err != nil:
		return gateway.CuentaSEP{}, err
	case given && h.intruders.intrudes(r, user, password, ours.User, ours.Password):
		return gateway.CuentaSEP{}, notTheirs("sep", "la contraseña no es la suya")
	case given:
		return gateway.CuentaSEP{User: user, Password: password}, nil
	case ours.User == "":
		return gateway.CuentaSEP{}, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnSinCuentaSEP, Unsent: true,
			Fields: []gateway.Field{{Campo: headerBackendAuthorization, Detalle: "Es obligatorio mientras no haya una cuenta configurada."}},
			Detail: "No hay cuenta de la SEP. Configure GATEWAY_SEP_USUARIO y GATEWAY_SEP_PASSWORD_FILE, o envíe " + headerBackendAuthorization + ": Basic."}
	}
	return ours, nil
}

// cuentaPADE returns the account of the call: the caller's own, from
// Backend-Authorization and with its contract code from the body, or the configured one.
// field is the name of that code in the body. The PAC counts wrong logins by user,
// whoever sends them, so no caller may send the configured user with another password or
// code.
func (h *handler) cuentaPADE(r *http.Request, field, contrato string) (gateway.CuentaPADE, error) {
	user, password, given, err := backendAuthorization(r)
	if err != nil {
		return gateway.CuentaPADE{}, err
	}
	ours := h.cfg.CuentaPADE
	otherCode := contrato != "" && ours.Contrato != "" && contrato != ours.Contrato
	if !given {
		switch {
		case ours.User == "" || ours.Contrato == "" && contrato == "":
			return gateway.CuentaPADE{}, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnSinCuentaPADE, Unsent: true,
				Fields: []gateway.Field{{Campo: headerBackendAuthorization, Detalle: "Es obligatorio mientras no haya una cuenta configurada, igual que el código de contrato."}},
				Detail: "No hay cuenta de Prodigia. Configure GATEWAY_PADE_CONTRATO, GATEWAY_PADE_USUARIO y GATEWAY_PADE_PASSWORD_FILE, o envíelos con la petición."}
		case otherCode:
			return gateway.CuentaPADE{}, badField(field, "No es el código de contrato de la cuenta configurada, y Prodigia cuenta contra ella los que no son suyos. Quítelo, o envíe con él su propia cuenta en "+headerBackendAuthorization+".")
		case contrato != "":
			ours.Contrato = contrato
		}
		return ours, nil
	}
	mine := gateway.CuentaPADE{User: user, Password: password, Contrato: contrato, De: "clave " + owner(r.Context())}
	same := sameUser(user, ours.User)
	switch {
	case same && (otherCode || h.intruders.intrudes(r, user, password, ours.User, ours.Password)):
		return gateway.CuentaPADE{}, notTheirs("pade", "la contraseña o el código de contrato no son los suyos")
	case same && contrato == "":
		mine.Contrato = ours.Contrato
	}
	if mine.Contrato == "" {
		return gateway.CuentaPADE{}, badField(field, "Es obligatorio con "+headerBackendAuthorization+": el código de contrato de esa cuenta.")
	}
	return mine, nil
}

// notTheirs returns the refusal of the configured user with another password or code.
func notTheirs(backend, what string) error {
	return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnCuentaAjena, Backend: backend, Unsent: true,
		Detail: "El usuario de " + headerBackendAuthorization + " es el de la cuenta configurada, y " + what + ". La petición no salió, para que nadie bloquee esa cuenta. Quite el encabezado para usarla, o envíe una cuenta propia."}
}

// sameUser reports whether a system that ignores spelling may take two users for one.
func sameUser(a, b string) bool { return b != "" && textfold.Fold(a) == textfold.Fold(b) }

// maxWrong is how many wrong passwords of a configured account a caller may send. After
// that the right one is refused too, so it cannot be guessed.
const maxWrong = 3

// intruders counts wrong passwords of configured accounts by API key.
type intruders struct {
	mu    sync.Mutex
	wrong map[string]int
}

func newIntruders() *intruders { return &intruders{wrong: make(map[string]int)} }

// intrudes reports whether user is the configured one and password is not. The time taken
// does not depend on the password.
func (i *intruders) intrudes(r *http.Request, user, password, ours, oursPassword string) bool {
	if !sameUser(user, ours) {
		return false
	}
	given, right := sha256.Sum256([]byte(password)), sha256.Sum256([]byte(oursPassword))
	same := subtle.ConstantTimeCompare(given[:], right[:]) == 1
	i.mu.Lock()
	defer i.mu.Unlock()
	who := owner(r.Context())
	if i.wrong[who] >= maxWrong {
		return true
	}
	if !same {
		i.wrong[who]++
	}
	return !same
}

// backendAuthorization reads a caller's own account (RFC 7617 §2), which is never logged
// or stored.
func backendAuthorization(r *http.Request) (user, password string, given bool, err error) {
	value := r.Header.Get(headerBackendAuthorization)
	if value == "" {
		return "", "", false, nil
	}
	scheme, encoded, _ := strings.Cut(value, " ")
	decoded, err := decodeBase64(encoded)
	user, password, found := strings.Cut(string(decoded), ":")
	if err != nil || !found || user == "" || password == "" || !strings.EqualFold(scheme, "Basic") {
		return "", "", false, badField(headerBackendAuthorization, "Debe ser Basic y el base64 de usuario:contraseña.")
	}
	if xmldoc.Foreign(string(decoded)) >= 0 || bytes.ContainsFunc(decoded, unicode.IsControl) {
		return "", "", false, badField(headerBackendAuthorization, "El usuario y la contraseña deben ser texto en UTF-8 sin caracteres de control ni otros que XML no puede llevar.")
	}
	return user, password, true, nil
}

// DesbloquearCuentaPADE unblocks the caller's accounts. Only the gateway's operator
// unblocks the configured account and those of others.
func (h *handler) DesbloquearCuentaPADE(w http.ResponseWriter, r *http.Request) error {
	switch {
	case h.operates(r.Context()):
		h.cfg.CuentasPADE.LetGoAll()
	case h.cfg.CuentasPADE.LetGo("clave "+owner(r.Context())) == 0 && h.cfg.CuentasPADE.Stopped():
		return &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnBloqueoAjeno, Unsent: true,
			Detail: "Está detenida la cuenta configurada, y ninguna de las que trajo esta clave. Aquella la suelta quien opera la pasarela, con una clave de todos los RFC que tenga el alcance pade:administrar por su nombre: * no lo incluye."}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// operates reports whether the key is the gateway operator's: it has every RFC, and the
// scope by name. Without keys, every caller on this machine is the operator.
func (h *handler) operates(ctx context.Context) bool {
	key := callerFrom(ctx).key
	return h.cfg.Keys == nil || key.SeesAll() && slices.Contains(key.Scopes, apikeys.ScopePADE)
}
