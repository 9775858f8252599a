package store

import (
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

var errFallsBack = errors.New("store: GATEWAY_DATABASE_URL: without sslmode, and with allow or prefer, a connection beyond this machine may be in the clear unnoticed: " +
	"write sslmode=verify-full, or, where nobody else is on the network, sslmode=disable, require or verify-ca")

const unverified = "GATEWAY_DATABASE_URL: sslmode is below verify-full, so that whoever is between here and the database can read what is sent, or answer in its place"

// verified refuses a database off this machine that may be spoken to in the clear without
// anybody having said so, and reports whether each connection is to who it should be.
func verified(c *pgconn.Config) (bool, error) {
	plain, encrypted, all := map[string]bool{}, map[string]bool{}, true
	for _, at := range append([]*pgconn.FallbackConfig{{Host: c.Host, TLSConfig: c.TLSConfig}}, c.Fallbacks...) {
		if here(at.Host) {
			continue
		}
		all = all && at.TLSConfig != nil && !at.TLSConfig.InsecureSkipVerify
		if at.TLSConfig == nil {
			plain[at.Host] = true
		} else {
			encrypted[at.Host] = true
		}
		if plain[at.Host] && encrypted[at.Host] {
			return false, errFallsBack
		}
	}
	return all, nil
}

// here reports whether a host of the driver's is this machine: a socket's folder, or loopback.
func here(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || ip != nil && ip.IsLoopback()
}
