package webhooks

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Red says where messages may go.
type Red struct {
	// Privados lets them go to loopback and private networks, by http and on any
	// port, too. Link-local addresses stay refused: a cloud's metadata is there.
	Privados bool
	// Puertos are the ports of public addresses; none means 443.
	Puertos []uint16
	// Raices are the authorities to trust; nil means the system's.
	Raices *x509.CertPool
	// Resolver resolves names; nil means the system's.
	Resolver *net.Resolver
}

const (
	maxURL       = 2048
	puertoHTTPS  = 443
	plazo        = 15 * time.Second // within the 15 to 30 s that the specification advises
	plazoConexio = 10 * time.Second
	maxHeaders   = 16 << 10
)

// Revisa returns raw as an address that messages may go to, as far as it says
// without being resolved, or an error that does not repeat it.
func (r Red) Revisa(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxURL:
		return nil, malURL("Tiene más de 2048 caracteres.")
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(raw, raro):
		return nil, malURL("No es una dirección completa, como https://erp.example/avisos.")
	case u.Scheme != "https" && (u.Scheme != "http" || !r.Privados):
		return nil, malURL("Debe empezar con https://.")
	case u.User != nil:
		return nil, malURL("No debe llevar usuario ni contraseña.")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, malURL("No debe llevar fragmento (#).")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !r.Privados && !slices.Contains(r.puertos(), uint16(n)) {
		return nil, malURL("Ese puerto no está permitido; quien administra la pasarela lo configura en GATEWAY_WEBHOOKS_PUERTOS.")
	}
	if !r.Privados && (strings.EqualFold(u.Hostname(), "localhost") || strings.HasSuffix(strings.ToLower(u.Hostname()), ".localhost")) {
		return nil, malURL(noPublica)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && r.guardian().SafeAddr(ip.Unmap()) != nil {
		return nil, malURL(noPublica)
	}
	return u, nil
}

const noPublica = "No es una dirección pública; para usar las de su red, quien administra la pasarela configura GATEWAY_WEBHOOKS_PRIVADOS."

func raro(c rune) bool { return c <= ' ' || c == 0x7f }

func malURL(detalle string) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnDireccionNoAceptada, Detail: "La dirección del webhook no se acepta.",
		Campos: []gateway.Campo{{Campo: "url", Detalle: detalle}}}
}

func (r Red) puertos() []uint16 {
	if len(r.Puertos) == 0 {
		return []uint16{puertoHTTPS}
	}
	return r.Puertos
}

// guardian judges the address of each connection once it is resolved and before
// it is opened, so that what is checked is what is connected to, whatever a name
// resolves to later. It is made from IANA's registries: of IPv6 it admits global
// unicast without 6to4, Teredo and documentation, and so neither NAT64, nor
// mapped, nor unique local addresses.
//
// doyensec/safeurl v0.2.2 also checks at this moment, but panics on an address
// with a zone (net.ParseIP), leaves 64:ff9b:1::/48, fec0::/10 and ::/96 open,
// bounds no header, and takes neither a resolver nor private networks beside
// public ones.
func (r Red) guardian() *ssrf.Guardian {
	if !r.Privados {
		return ssrf.New(ssrf.WithPorts(r.puertos()...))
	}
	return ssrf.New(ssrf.WithAnyPort(),
		ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
			netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10")),
		ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7")))
}

// cliente sends requests to where r lets them go. Each has a connection of its
// own, so that its address is judged anew; there is no proxy, which would be
// asked to connect in our stead, and no redirect is followed.
func (r Red) cliente() cliente {
	dialer := &net.Dialer{Timeout: plazoConexio, Control: r.guardian().Safe, Resolver: r.Resolver}
	return cliente{&http.Client{
		Timeout:       plazo,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: r.Raices, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    plazoConexio,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}}
}
