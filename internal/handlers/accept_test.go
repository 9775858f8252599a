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

// TestAccept_WhenAnotherPathHasTheForm: whoever asks as one did before, or as elsewhere, is
// led on.
func TestAccept_WhenAnotherPathHasTheForm(t *testing.T) {
	t.Parallel()
	s := newDescargas(t, &fakeDescargas{}, nil)
	const descarga = "/v1/sat/descargas/{idDescarga}"
	for _, tc := range []struct{ path, accept, want string }{
		{cfdisPath, "text/csv", "Lo que pide Accept está en " + descarga + "/cfdis.csv."},
		{metadatosPath, "application/x-ndjson", "Lo que pide Accept está en " + descarga + "/metadatos.ndjson."},
		{eventosPath, "text/event-stream", "Lo que pide Accept está en " + descarga + "/eventos/flujo."},
		{"/v1/sep/lotes/1/resultado", "application/zip", "Lo que pide Accept está en /v1/sep/lotes/{numeroLote}/resultado.zip."},
		{"/v1/sep/lotes/1/resultado", "application/vnd.ms-excel", "Lo que pide Accept está en /v1/sep/lotes/{numeroLote}/resultado/libro."},
		{"/v1/sat/descargas/d-1", "text/csv", "Lo que pide Accept está en " + descarga + "/cfdis.csv y " + descarga + "/metadatos.csv."},
		{"/v1/sat/descargas", "text/csv", "Ningún formato de Accept se ofrece aquí; vea errores."},
		{cfdisPath + ".csv", "application/json", "Ningún formato de Accept se ofrece aquí; vea errores."},
	} {
		if p := problem(t, s.do(http.MethodGet, tc.path, "", "Accept", tc.accept)); p.Status != http.StatusNotAcceptable || p.Detail != tc.want {
			t.Errorf("%s as %s: %d %s", tc.path, tc.accept, p.Status, p.Detail)
		}
	}
}
