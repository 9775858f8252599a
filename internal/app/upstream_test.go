package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The settings are checked before: this is what they do not show.
func TestUpstream_WhenNothingMayLeave(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("HTTP_PROXY", server.URL)
	for _, tc := range []struct {
		withoutOutput bool
		url, says     string
		asked         int
	}{
		{true, server.URL, "", 1},
		{true, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "", 1},
		{true, "http://192.0.2.1/", "GATEWAY_SIN_SALIDA: 192.0.2.1:80 is not on this machine", 0},
		{true, "http://[2001:db8::1]:8081/", "GATEWAY_SIN_SALIDA: [2001:db8::1]:8081 is not on this machine", 0},
		// A proxy on this machine leads everywhere.
		{false, "http://192.0.2.1/", "", 1},
	} {
		base, err := upstream("", tc.withoutOutput)
		if err != nil {
			t.Fatal(err)
		}
		asked = 0
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := base.RoundTrip(req)
		if err == nil {
			resp.Body.Close() //nolint:errcheck // nothing is in it
		}
		if asked != tc.asked || (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v: asked %d times: %v", tc, asked, err)
		}
	}
}
