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
	libre, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	libre.Close() //nolint:errcheck // its port is what is wanted
	for name, tt := range map[string]struct {
		responde http.HandlerFunc
		listen   func(server string) string
		codigo   int
		want     string
	}{
		"ready":         {lista, iguales, 0, "lista: http://127.0.0.1:"},
		"on a wildcard": {lista, func(s string) string { return ":" + puerto(s) }, 0, "lista: http://127.0.0.1:"},
		"on [::]":       {lista, func(s string) string { return "[::]:" + puerto(s) }, 0, "lista: http://localhost:"},
		"on 0.0.0.0":    {lista, func(s string) string { return "0.0.0.0:" + puerto(s) }, 0, "lista: http://127.0.0.1:"},
		"not ready": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "store: not ready", http.StatusServiceUnavailable)
		}, iguales, 1, "no está lista: "},
		"slow":           {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, iguales, 1, "no contestó a tiempo"},
		"nobody":         {lista, func(string) string { return libre.Addr().String() }, 1, "no hay quien conteste en http://127.0.0.1:"},
		"any port":       {lista, func(string) string { return "127.0.0.1:0" }, 1, "con el puerto 0"},
		"not an address": {lista, func(string) string { return "9090" }, 1, "no es host:puerto"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.responde)
			defer server.Close()
			t.Setenv("GATEWAY_ADMIN_LISTEN", tt.listen(strings.TrimPrefix(server.URL, "http://")))
			empieza := time.Now()
			s := ejecuta(t, "", "healthcheck", "--timeout", "300ms")
			if todo := s.out + s.err; s.codigo != tt.codigo || !strings.Contains(todo, tt.want) || strings.Count(todo, "\n") != 1 {
				t.Errorf("%+v, want code %d and one line with %q", s, tt.codigo, tt.want)
			}
			if time.Since(empieza) > time.Minute {
				t.Error("it took its time")
			}
		})
	}
}

func lista(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/readyz" {
		http.NotFound(w, r)
	}
}

func iguales(s string) string { return s }

func puerto(direccion string) string {
	_, p, _ := net.SplitHostPort(direccion)
	return p
}

func TestAQuienPreguntar_WhenTheAddressIsIPv6(t *testing.T) {
	for listen, want := range map[string]string{"[::]:9090": "http://localhost:9090/readyz", "[::1]:1": "http://[::1]:1/readyz", "gateway:9": "http://gateway:9/readyz"} {
		if got, err := aQuienPreguntar(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", listen, got, err, want)
		}
	}
}
