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

// Red restricts where messages may go.
type Red struct {
	// Private also allows loopback and private networks, http and any port. Link-local
	// addresses stay refused, because clouds serve metadata there.
	Private bool
	// Ports are the allowed ports of public addresses; empty means 443.
	Ports []uint16
	// Roots are the trusted authorities; nil means the system's.
	Roots *x509.CertPool
	// Resolver resolves names; nil means the system's.
	Resolver *net.Resolver
}

const (
	maxURL             = 2048
	portHTTPS          = 443
	deadline           = 15 * time.Second // within the 15 to 30 s that the specification advises
	connectionDeadline = 10 * time.Second
	maxHeaders         = 16 << 10
)

// Check parses raw and returns it if messages may go there, as far as this shows without
// resolving it. The error does not repeat raw.
func (r Red) Check(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxURL:
		return nil, badURL("Tiene más de 2048 caracteres.")
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(raw, odd):
		return nil, badURL("No es una dirección completa, como https://erp.example/avisos.")
	case u.Scheme != "https" && (u.Scheme != "http" || !r.Private):
		return nil, badURL("Debe empezar con https://.")
	case u.User != nil:
		return nil, badURL("No debe llevar usuario ni contraseña.")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, badURL("No debe llevar fragmento (#).")
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !r.Private && !slices.Contains(r.ports(), uint16(n)) {
		return nil, badURL("Ese puerto no está permitido; quien administra la pasarela lo configura en GATEWAY_WEBHOOKS_PUERTOS.")
	}
	if !r.Private && (strings.EqualFold(u.Hostname(), "localhost") || strings.HasSuffix(strings.ToLower(u.Hostname()), ".localhost")) {
		return nil, badURL(nonPublic)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && r.guard().SafeAddr(ip.Unmap()) != nil {
		return nil, badURL(nonPublic)
	}
	return u, nil
}

const nonPublic = "No es una dirección pública; para usar las de su red, quien administra la pasarela configura GATEWAY_WEBHOOKS_PRIVADOS."

func odd(c rune) bool { return c <= ' ' || c == 0x7f }

func badURL(detail string) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnDireccionNoAceptada, Detail: "La dirección del webhook no se acepta.",
		Fields: []gateway.Field{{Campo: "url", Detalle: detail}}}
}

func (r Red) ports() []uint16 {
	if len(r.Ports) == 0 {
		return []uint16{portHTTPS}
	}
	return r.Ports
}

// guard checks the address of each connection after it is resolved and before it is
// opened, so a later change of the name in DNS does not matter. Its list
// comes from IANA's registries: of IPv6 it allows global unicast without 6to4, Teredo and
// documentation, and so excludes NAT64, mapped and unique local addresses.
//
// doyensec/safeurl v0.2.2 also checks at this moment, but it panics on an address with a
// zone (net.ParseIP), allows 64:ff9b:1::/48, fec0::/10 and ::/96, bounds no header, and
// supports neither a resolver nor private networks beside public ones.
func (r Red) guard() *ssrf.Guardian {
	if !r.Private {
		return ssrf.New(ssrf.WithPorts(r.ports()...))
	}
	return ssrf.New(ssrf.WithAnyPort(),
		ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
			netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10")),
		ssrf.WithAllowedV6Prefixes(netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7")))
}

// client returns a client that sends where r allows. Each request has a new connection,
// so its address is checked again. It uses no proxy, which would connect in our place,
// and follows no redirect.
func (r Red) client() client {
	dialer := &net.Dialer{Timeout: connectionDeadline, Control: r.guard().Safe, Resolver: r.Resolver}
	return client{&http.Client{
		Timeout:       deadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: r.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    connectionDeadline,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}}
}
