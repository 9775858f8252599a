package handlers

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// head answers HEAD by what answers GET (RFC 9110 §9.3.2); net/http drops the body.
func head(routes chi.Routes, doc *openapi3.T) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && slices.Contains(allowed(routes, doc, r), http.MethodHead) {
				chi.RouteContext(r.Context()).RouteMethod = http.MethodGet
			}
			next.ServeHTTP(w, r)
		})
	}
}

// allowed are the methods that the path of r has.
func allowed(routes chi.Routes, doc *openapi3.T, r *http.Request) []string {
	path := r.URL.Path
	if r.URL.RawPath != "" {
		path = r.URL.RawPath // chi routes by it too
	}
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		found := chi.NewRouteContext()
		if !routes.Match(found, method, path) {
			continue
		}
		methods = append(methods, method)
		if method != http.MethodGet {
			continue
		}
		item := doc.Paths.Value(found.RoutePattern()) // nil for pages
		if item == nil || !asksFar(item.Get) {
			methods = append(methods, http.MethodHead)
		}
	}
	return methods
}

// methodNotAllowed answers 405 with the methods that the path has.
func methodNotAllowed(routes chi.Routes, doc *openapi3.T) http.HandlerFunc {
	return wrap(func(w http.ResponseWriter, r *http.Request) error {
		methods := strings.Join(allowed(routes, doc, r), ", ")
		w.Header().Set("Allow", methods)
		return &gateway.Error{Kind: gateway.KindMetodo, Own: gateway.OwnMetodoNoPermitido,
			Detail: "La ruta no admite el método " + method(r) + "; admite " + methods + "."}
	})
}

// noRoute answers 404, with the path of the contract that was probably meant.
func noRoute(doc *openapi3.T) http.HandlerFunc {
	return wrap(func(_ http.ResponseWriter, r *http.Request) error {
		e := *errNoRoute
		if meant := meantPath(doc, r.URL.Path); meant != "" {
			e.Detail = "No hay tal ruta. ¿Quiso decir " + meant + "? El contrato está en /openapi.yaml."
		}
		return &e
	})
}

// maxMistake is the largest number of wrong letters for which a path is guessed.
const maxMistake = 3

// meantPath returns the contract's path nearest to the one requested, if one is near:
// another or missing version, an extra slash, singular for plural.
func meantPath(doc *openapi3.T, written string) string {
	if len(written) > 256 {
		return ""
	}
	asked := segments(written)
	best, nearest := "", maxMistake+1
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		want := segments(path)
		off := mistakes(asked, want)
		if len(want) > 1 && want[0] == "v1" {
			off = min(off, mistakes(asked, want[1:]))
		}
		if off < nearest {
			best, nearest = path, off
		}
	}
	return best
}

func segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}

// mistakes counts the wrong letters of asked, compared with a path of the form of want.
func mistakes(asked, want []string) int {
	if len(asked) != len(want) {
		return maxMistake + 1
	}
	n := 0
	for i, s := range want {
		if !strings.HasPrefix(s, "{") {
			n += distance(strings.ToLower(asked[i]), s)
		}
	}
	return n
}

// distance is the Levenshtein distance, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
