package sat

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	emisorToken = "LoadSolicitudDecargaMasivaTerceros" //nolint:gosec // the service's name in its tokens, not a credential
	// declaredLife is what the claims say; what counts is the knob vida_token, as in the service,
	// whose header says five minutes while its claims say ten.
	declaredLife = 600 // seconds
	maxTitulares = 10_000
)

type claims struct {
	Nbf    int64  `json:"nbf"`
	Exp    int64  `json:"exp"`
	Iat    int64  `json:"iat"`
	Iss    string `json:"iss"`
	Actort string `json:"actort"`
}

// tokens issues and reads the tokens of both families. Each family has its own key, so that a token
// of one is nothing to the other.
type tokens struct {
	llaves map[string][]byte

	mu        sync.Mutex
	titulares map[string]string // serial in hexadecimal → RFC
}

func newTokens() (*tokens, error) {
	f := &tokens{llaves: make(map[string][]byte), titulares: make(map[string]string)}
	for _, servicio := range Servicios() {
		llave := make([]byte, sha256.Size)
		if _, err := rand.Read(llave); err != nil {
			return nil, err
		}
		f.llaves[servicio] = llave
	}
	return f, nil
}

// issue returns a token as AutenticaResult carries it: JWT%26wrap_subject%3dserial.
func (f *tokens) issue(servicio string, cert *x509.Certificate, now time.Time) string {
	serie := hex.EncodeToString(cert.SerialNumber.Bytes())
	f.mu.Lock()
	if len(f.titulares) >= maxTitulares {
		clear(f.titulares)
	}
	f.titulares[serie] = certificadoRFC(cert)
	f.mu.Unlock()
	iat := now.Unix()
	body, _ := json.Marshal(claims{Nbf: iat, Exp: iat + declaredLife, Iat: iat, Iss: emisorToken, Actort: serie}) //nolint:errchkjson // numbers and ASCII
	const header = `{"alg":"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256","typ":"JWT"}`
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(f.seal(servicio, signed)) + "%26wrap_subject%3d" + serie
}

// titular returns the RFC of the token in an Authorization header. It is taken as Autentica gave it,
// URL-decoded, or without its suffix.
func (f *tokens) titular(servicio, authorization string, now time.Time, life time.Duration) (string, *refusal) {
	text, ok := strings.CutPrefix(authorization, `WRAP access_token="`)
	text, shut := strings.CutSuffix(text, `"`)
	if flat, err := url.PathUnescape(text); err == nil {
		text = flat
	}
	text, _, _ = strings.Cut(text, "&")
	point := strings.LastIndexByte(text, '.')
	sello, err := base64.RawURLEncoding.DecodeString(text[point+1:])
	if !ok || !shut || point < 0 || err != nil || !hmac.Equal(sello, f.seal(servicio, text[:point])) {
		return "", reject(codTokenInvalid, mensajeToken)
	}
	_, body, _ := strings.Cut(text[:point], ".")
	var r claims
	inClear, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(inClear, &r) != nil || now.Sub(time.Unix(r.Iat, 0)) >= life {
		return "", reject(codTokenInvalid)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if rfc, ok := f.titulares[r.Actort]; ok {
		return rfc, nil
	}
	return "", reject(codTokenInvalid)
}

func (f *tokens) seal(servicio, signed string) []byte {
	m := hmac.New(sha256.New, f.llaves[servicio])
	m.Write([]byte(signed))
	return m.Sum(nil)
}
