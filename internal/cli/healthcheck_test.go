package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHealthcheck_WhenTheGatewayIsInEachState(t *testing.T) {
	// What else is configured must not matter.
	t.Setenv("GATEWAY_LISTEN", "nowhere")
	t.Setenv("GATEWAY_DATA_DIR", "/dev/null/nada")
	t.Setenv("GATEWAY_NO_SUCH_SETTING", "x")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close() //nolint:errcheck // its port is what is wanted
	for name, tt := range map[string]struct {
		respond http.HandlerFunc
		listen  func(server string) string
		codigo  int
		want    string
	}{
		"ready":         {list, equal, 0, "lista: http://127.0.0.1:"},
		"on a wildcard": {list, func(s string) string { return ":" + port(s) }, 0, "lista: http://127.0.0.1:"},
		"on [::]":       {list, func(s string) string { return "[::]:" + port(s) }, 0, "lista: http://localhost:"},
		"on 0.0.0.0":    {list, func(s string) string { return "0.0.0.0:" + port(s) }, 0, "lista: http://127.0.0.1:"},
		"not ready": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "store: not ready", http.StatusServiceUnavailable)
		}, equal, 1, "no está lista: "},
		"slow":           {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, equal, 1, "no contestó a tiempo"},
		"nobody":         {list, func(string) string { return free.Addr().String() }, 1, "no hay quien conteste en http://127.0.0.1:"},
		"any port":       {list, func(string) string { return "127.0.0.1:0" }, 1, "con el puerto 0"},
		"not an address": {list, func(string) string { return "9090" }, 1, "no es host:puerto"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.respond)
			defer server.Close()
			t.Setenv("GATEWAY_ADMIN_LISTEN", tt.listen(strings.TrimPrefix(server.URL, "http://")))
			begin := time.Now()
			s := execute(t, "", "healthcheck", "--timeout", "300ms")
			if all := s.out + s.err; s.codigo != tt.codigo || !strings.Contains(all, tt.want) || strings.Count(all, "\n") != 1 {
				t.Errorf("%+v, want code %d and one line with %q", s, tt.codigo, tt.want)
			}
			if time.Since(begin) > time.Minute {
				t.Error("it took its time")
			}
		})
	}
}

func list(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/readyz" {
		http.NotFound(w, r)
	}
}

func equal(s string) string { return s }

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func TestWhomToAsk_WhenTheAddressIsIPv6(t *testing.T) {
	for listen, want := range map[string]string{"[::]:9090": "http://localhost:9090/readyz", "[::1]:1": "http://[::1]:1/readyz", "gateway:9": "http://gateway:9/readyz"} {
		if got, err := whomToAsk(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", listen, got, err, want)
		}
	}
}
