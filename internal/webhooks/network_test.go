package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestCheck_WhenAddressesAreRegistered(t *testing.T) {
	t.Parallel()
	public, private, ports := Red{}, Red{Private: true}, Red{Ports: []uint16{443, 8443}}
	for _, tc := range []struct {
		raw                       string
		public, private, withPort bool
	}{
		{"https://erp.example/avisos?token=canario", true, true, true},
		{"HTTPS://erp.example", true, true, true},
		{"https://93.184.216.34/", true, true, true},
		{"https://[2606:2800:220:1:248:1893:25c8:1946]:443/", true, true, true},
		{"https://erp.example:8443/", false, true, true},
		{"https://erp.example:22/", false, true, false},
		{"https://erp.example:0/", false, false, false},
		{"https://erp.example:70000/", false, false, false},
		{"http://erp.example/", false, true, false},
		{"https://localhost/", false, true, false},
		{"https://a.LOCALHOST/", false, true, false},
		{"https://127.0.0.1/", false, true, false},
		{"https://10.1.2.3/", false, true, false},
		{"https://192.168.1.1/", false, true, false},
		{"https://172.31.255.255/", false, true, false},
		{"https://100.64.0.1/", false, true, false},
		{"https://[::1]/", false, true, false},
		{"https://[fd00::1]/", false, true, false},
		{"https://[::ffff:127.0.0.1]/", false, true, false},
		// Never allowed, not even in one's own network.
		{"https://169.254.169.254/latest/meta-data", false, false, false},
		{"https://[::ffff:169.254.169.254]/", false, false, false},
		{"https://[::ffff:a9fe:a9fe]/", false, false, false},
		{"https://[fe80::1%25eth0]/", false, false, false},
		{"https://0.0.0.0/", false, false, false},
		{"https://[::]/", false, false, false},
		{"https://[64:ff9b::7f00:1]/", false, false, false},
		{"https://[2002:7f00:1::]/", false, false, false},
		{"https://[2001:0:7f00:1::]/", false, false, false},
		{"https://[2001:db8::1]/", false, false, false},
		{"https://[fec0::1]/", false, false, false},
		{"https://[::7f00:1]/", false, false, false},
		{"https://[ff02::1]/", false, false, false},
		{"https://224.0.0.1/", false, false, false},
		{"https://255.255.255.255/", false, false, false},
		{"https://198.18.0.1/", false, false, false},
		{"https://user:canario@erp.example/", false, false, false},
		{"https://user@erp.example/", false, false, false},
		{"https://erp.example/#canario", false, false, false},
		{"ftp://erp.example/canario", false, false, false},
		{"file:///etc/canario", false, false, false},
		{"javascript:canario", false, false, false},
		{"https:///canario", false, false, false},
		{"https://:443/", false, false, false},
		{"//erp.example/canario", false, false, false},
		{"erp.example", false, false, false},
		{"https://erp.example/\r\ncanario: 1", false, false, false},
		{"https://erp.example/a b", false, false, false},
		{"https://[canario/", false, false, false},
		{"https://erp.example/" + strings.Repeat("x", maxURL), false, false, false},
		{"", false, false, false},
	} {
		for _, r := range []struct {
			Red
			want bool
		}{{public, tc.public}, {private, tc.private}, {ports, tc.withPort}} {
			_, err := r.Check(tc.raw)
			if (err == nil) != r.want {
				t.Errorf("%.60s with %+v: %v", tc.raw, r.Red, err)
			}
			if err != nil && (!gateway.IsKind(err, gateway.KindInvalida) || strings.Contains(err.Error(), "canario")) {
				t.Errorf("%.60s: %v", tc.raw, err)
			}
		}
	}
}

// The same check at the moment of connecting, where it counts.
func TestGuard_WhenConnecting(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1:248:1893:25c8:1946]:443": true, "93.184.216.34:80": false, "93.184.216.34:22": false,
		"127.0.0.1:443": false, "10.0.0.1:443": false, "172.16.0.1:443": false, "192.168.0.1:443": false, "169.254.169.254:443": false, "100.64.0.1:443": false,
		"100.127.255.255:443": false, "0.0.0.0:443": false, "224.0.0.1:443": false, "255.255.255.255:443": false, "192.0.2.1:443": false, "198.18.0.1:443": false,
		"[::1]:443": false, "[::]:443": false, "[::ffff:127.0.0.1]:443": false, "[::ffff:93.184.216.34]:443": false, "[fd00::1]:443": false, "[fe80::1]:443": false,
		"[fe80::1%eth0]:443": false, "[64:ff9b::7f00:1]:443": false, "[64:ff9b:1::7f00:1]:443": false, "[2002:7f00:1::]:443": false, "[2001::1]:443": false,
		"[fec0::1]:443": false, "[::7f00:1]:443": false, "[ff02::1]:443": false, "[2001:db8::1]:443": false, "erp.example:443": false, "": false,
	} {
		network := "tcp4"
		if strings.HasPrefix(addr, "[") {
			network = "tcp6"
		}
		if err := (Red{}).guard().Safe(network, addr, nil); (err == nil) != want {
			t.Errorf("%s: %v", addr, err)
		}
		if err := (Red{}).guard().Safe("udp4", addr, nil); err == nil {
			t.Errorf("%s: by UDP", addr)
		}
	}
}

// names answers DNS on a local socket: the first query of a name with a public address,
// every later one with loopback.
func names(t *testing.T) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() }) //nolint:errcheck // a test's server
	var asked atomic.Int32
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(buf[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true}, Questions: q.Questions}
			if q.Questions[0].Type == dnsmessage.TypeA {
				ip := [4]byte{127, 0, 0, 1}
				if asked.Add(1) == 1 {
					ip = [4]byte{93, 184, 216, 34}
				}
				answer.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 0}, Body: &dnsmessage.AResource{A: ip}}}
			}
			packed, err := answer.Pack()
			if err == nil {
				pc.WriteTo(packed, from) //nolint:errcheck // a test's server
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// The first lookup returned a public address; the connection's own address is checked.
func TestSend_WhenTheNameIsRebound(t *testing.T) {
	t.Parallel()
	rec := newReceptor(t)
	_, port, err := net.SplitHostPort(rec.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := names(t)
	if ips, err := resolver.LookupHost(t.Context(), "rebota.example."); err != nil || len(ips) != 1 || ips[0] != "93.184.216.34" {
		t.Fatalf("%v, error %v", ips, err)
	}
	var n uint16
	for _, c := range port {
		n = n*10 + uint16(c-'0')
	}
	m := mensaje{url: "https://rebota.example.:" + port + "/", id: "msg_1", body: "{}", instant: start}
	strict := Red{Ports: []uint16{n}, Roots: rec.roots(), Resolver: resolver}
	if _, err := strict.Check(m.url); err != nil {
		t.Fatal(err)
	}
	if got := strict.client().send(t.Context(), m); got.result != ResultAddress || len(rec.recibidos()) != 0 {
		t.Errorf("%+v, %d requests", got, len(rec.recibidos()))
	}
	// The same name, with loopback allowed: the address was the reason for the refusal.
	lax := Red{Private: true, Roots: rec.roots(), Resolver: resolver}
	if got := lax.client().send(t.Context(), m); got.result != ResultTLS { // its certificate is for another name
		t.Errorf("%+v", got)
	}
}

func TestSend_WhenTheReceiverMisbehaves(t *testing.T) {
	t.Parallel()
	other := newReceptor(t)
	rec := newReceptor(t)
	c := Red{Private: true, Roots: rec.roots()}.client()
	send := func(to string) answer {
		return c.send(t.Context(), mensaje{url: to, id: "msg_1", body: "{}", instant: start})
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		rec.with(func(_ int, w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, other.URL, status) })
		if got := send(rec.URL); got.result != ResultadoRedireccion || got.status != status || len(other.recibidos()) != 0 {
			t.Errorf("redirect %d: %+v, followed %d times", status, got, len(other.recibidos()))
		}
	}
	rec.with(func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Grande", strings.Repeat("x", maxHeaders*2))
	})
	if got := send(rec.URL); got.result != ResultadoConexion {
		t.Errorf("large headers: %+v", got)
	}
	rec.with(func(_ int, w http.ResponseWriter, req *http.Request) {
		for req.Context().Err() == nil { // an endless answer
			if _, err := w.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	})
	started := time.Now()
	c.http.Timeout = 4 * time.Minute
	if got := send(rec.URL); got.result != ResultadoEntregado || time.Since(started) > c.http.Timeout/2 { // before it is given up
		t.Errorf("endless body: %+v after %v", got, time.Since(started))
	}
	rec.with(func(_ int, _ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	c.http.Timeout = 50 * time.Millisecond
	if got := send(rec.URL); got.result != ResultadoSinRespuesta {
		t.Errorf("silence: %+v", got)
	}
	c.http.Timeout = deadline
	rec.with(func(_ int, _ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if got := send(rec.URL); got.result != ResultadoConexion {
		t.Errorf("cut off: %+v", got)
	}
	rec.respond(101)
	if got := send(rec.URL); got.result == ResultadoEntregado {
		t.Errorf("101: %+v", got)
	}
	rec.with(func(_ int, w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()                                                                                      //nolint:errcheck // a test's
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: eco\r\n\r\n") //nolint:errcheck // a test's
		io.Copy(io.Discard, conn)                                                                               //nolint:errcheck // until the sender closes
	})
	if got := send(rec.URL); got.result != ResultadoRechazado || got.status != http.StatusSwitchingProtocols {
		t.Errorf("101, and it keeps the connection: %+v", got)
	}
	rec.Close()
	if got := send(rec.URL); got.result != ResultadoConexion {
		t.Errorf("nobody there: %+v", got)
	}
}

func TestSend_WhenTLSIsNotGood(t *testing.T) {
	t.Parallel()
	rec := newReceptor(t)
	m := mensaje{url: rec.URL, id: "msg_1", body: "{}", instant: start}
	if got := (Red{Private: true, Roots: x509.NewCertPool()}).client().send(t.Context(), m); got.result != ResultTLS {
		t.Errorf("an unknown authority: %+v", got)
	}
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached by TLS 1.1") }))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	pool := x509.NewCertPool()
	pool.AddCert(old.Certificate())
	m.url = old.URL
	if got := (Red{Private: true, Roots: pool}).client().send(t.Context(), m); got.result != ResultTLS {
		t.Errorf("TLS 1.1: %+v", got)
	}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer plain.Close()
	m.url = strings.Replace(plain.URL, "http:", "https:", 1)
	if got := (Red{Private: true}).client().send(t.Context(), m); got.result != ResultTLS && got.result != ResultadoConexion {
		t.Errorf("no TLS: %+v", got)
	}
}

func TestSend_WhenThereIsAProxy(t *testing.T) {
	t.Parallel()
	transport, ok := Red{}.client().http.Transport.(*http.Transport)
	if !ok || transport.Proxy != nil {
		t.Error("a proxy would connect in our stead")
	}
}

// Every refusal of the guard has its own result. No error of net/http is kept, because it
// holds the address.
func TestClass_WhenWrapped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want string
	}{
		{ssrf.ErrProhibitedIP, ResultAddress}, {ssrf.ErrProhibitedPort, ResultAddress}, {ssrf.ErrProhibitedNetwork, ResultAddress},
		{ssrf.ErrInvalidHostPort, ResultAddress}, {&net.DNSError{IsTimeout: true}, ResultDNS}, {context.DeadlineExceeded, ResultadoSinRespuesta},
		{errors.New("x"), ResultadoConexion}, {x509.UnknownAuthorityError{}, ResultTLS},
	} {
		if got := class(&url.Error{Op: "Post", URL: "https://canario", Err: &net.OpError{Op: "dial", Err: tc.err}}); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.err, got, tc.want)
		}
	}
}
