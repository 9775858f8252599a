// Package origin tells the requests of programs and of a server's own pages from those
// that pages of other origins have a browser send. It serves listeners that ask nobody
// who they are. It keeps no list of trusted origins, and refuses names that a stranger
// could own.
package origin

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// Foreign reports whether a page of another origin sent r. Browsers say where a request
// comes from in Sec-Fetch-Site, and in Origin wherever the answer may be read or the
// method is not safe; programs send neither. Another port of this machine is another
// origin, although of the same site.
func Foreign(r *http.Request) bool {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return slices.ContainsFunc(r.Header.Values("Sec-Fetch-Site"), func(site string) bool { return site != "none" && site != "same-origin" }) ||
		slices.ContainsFunc(r.Header.Values("Origin"), func(origin string) bool { return !strings.EqualFold(origin, scheme+r.Host) })
}

// Opens reports whether r shows its answer in a window of its own, as a link does that
// somebody follows. Where it comes from can read nothing of it.
func Opens(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// Loopback reports whether host, as a request names it, is this machine.
func Loopback(host string) bool {
	name := hostname(host)
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// Private reports whether host, as a request names it, is a name that no stranger can
// own: an address, a name without a dot, one below a domain that is never delegated
// (RFC 6761 §6.3 and ICANN's reservation of .internal) or that Kubernetes serves, or one
// of names. A stranger's page reaches a listener through its reader's browser by pointing
// a name of its own there (DNS rebinding). No browser leaves the host out.
func Private(host string, names ...string) bool {
	if host == "" {
		return true
	}
	name := hostname(host)
	if name == "" {
		return false
	}
	return net.ParseIP(name) != nil || !strings.Contains(name, ".") ||
		slices.ContainsFunc([]string{".localhost", ".internal", ".svc", ".cluster.local"}, func(domain string) bool { return strings.HasSuffix(name, domain) }) ||
		slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// hostname is host in small letters, without port, brackets and the root's dot.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
