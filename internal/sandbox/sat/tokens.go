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
	// vidaDeclarada is what the claims say; what counts is the knob vida_token, as in the service,
	// whose header says five minutes while its claims say ten.
	vidaDeclarada = 600 // seconds
	maxTitulares  = 10_000
)

type reclamos struct {
	Nbf    int64  `json:"nbf"`
	Exp    int64  `json:"exp"`
	Iat    int64  `json:"iat"`
	Iss    string `json:"iss"`
	Actort string `json:"actort"`
}

// fichas issues and reads the tokens of both families. Each family has its own key, so that a token
// of one is nothing to the other.
type fichas struct {
	llaves map[string][]byte

	mu        sync.Mutex
	titulares map[string]string // serial in hexadecimal → RFC
}

func nuevasFichas() (*fichas, error) {
	f := &fichas{llaves: make(map[string][]byte), titulares: make(map[string]string)}
	for _, servicio := range Servicios() {
		llave := make([]byte, sha256.Size)
		if _, err := rand.Read(llave); err != nil {
			return nil, err
		}
		f.llaves[servicio] = llave
	}
	return f, nil
}

// emite returns a token as AutenticaResult carries it: JWT%26wrap_subject%3dserial.
func (f *fichas) emite(servicio string, cert *x509.Certificate, ahora time.Time) string {
	serie := hex.EncodeToString(cert.SerialNumber.Bytes())
	f.mu.Lock()
	if len(f.titulares) >= maxTitulares {
		clear(f.titulares)
	}
	f.titulares[serie] = rfcDeCertificado(cert)
	f.mu.Unlock()
	iat := ahora.Unix()
	cuerpo, _ := json.Marshal(reclamos{Nbf: iat, Exp: iat + vidaDeclarada, Iat: iat, Iss: emisorToken, Actort: serie}) //nolint:errchkjson // numbers and ASCII
	const cabecera = `{"alg":"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256","typ":"JWT"}`
	firmado := base64.RawURLEncoding.EncodeToString([]byte(cabecera)) + "." + base64.RawURLEncoding.EncodeToString(cuerpo)
	return firmado + "." + base64.RawURLEncoding.EncodeToString(f.sella(servicio, firmado)) + "%26wrap_subject%3d" + serie
}

// titular returns the RFC of the token in an Authorization header. It is taken as Autentica gave it,
// URL-decoded, or without its suffix.
func (f *fichas) titular(servicio, autorizacion string, ahora time.Time, vida time.Duration) (string, *rechazo) {
	texto, ok := strings.CutPrefix(autorizacion, `WRAP access_token="`)
	texto, cierra := strings.CutSuffix(texto, `"`)
	if !ok || !cierra {
		return "", rechaza(codTokenInvalido, mensajeToken)
	}
	if plano, err := url.PathUnescape(texto); err == nil {
		texto = plano
	}
	texto, _, _ = strings.Cut(texto, "&")
	punto := strings.LastIndexByte(texto, '.')
	if punto < 0 {
		return "", rechaza(codTokenInvalido, mensajeToken)
	}
	sello, err := base64.RawURLEncoding.DecodeString(texto[punto+1:])
	if err != nil || !hmac.Equal(sello, f.sella(servicio, texto[:punto])) {
		return "", rechaza(codTokenInvalido, mensajeToken)
	}
	_, cuerpo, _ := strings.Cut(texto[:punto], ".")
	var r reclamos
	claro, err := base64.RawURLEncoding.DecodeString(cuerpo)
	if err != nil || json.Unmarshal(claro, &r) != nil || ahora.Sub(time.Unix(r.Iat, 0)) >= vida {
		return "", rechaza(codTokenInvalido)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	rfc, ok := f.titulares[r.Actort]
	if !ok {
		return "", rechaza(codTokenInvalido)
	}
	return rfc, nil
}

func (f *fichas) sella(servicio, firmado string) []byte {
	m := hmac.New(sha256.New, f.llaves[servicio])
	m.Write([]byte(firmado))
	return m.Sum(nil)
}
