package handlers

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPrefers_WhenTheCallerSays(t *testing.T) {
	t.Parallel()
	offers := []string{"application/json", "text/csv", "application/zip"}
	for accept, want := range map[string]string{
		"":                                   "application/json",
		"*/*":                                "application/json",
		"text/csv":                           "text/csv",
		"Text/CSV ; q=0.5":                   "text/csv",
		"application/*":                      "application/json",
		"application/zip, application/json":  "application/json",
		"application/json;q=0.1, text/csv":   "text/csv",
		"*/*;q=0.1, application/zip":         "application/zip",
		"application/json;q=0, */*;q=0.5":    "text/csv",
		"text/html, */*;q=0.8":               "application/json",
		"text/html":                          "",
		"text/csv;q=0":                       "",
		"application/json;charset=utf-8;q=1": "application/json",
		"application/zip;q=nonsense":         "application/zip",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		if got := prefers(r, offers...); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
