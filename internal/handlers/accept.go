package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// prefers returns the one of offers that the caller likes best (RFC 9110
// §12.5.1); among equals the first of offers, which is also what a caller
// without a preference gets. It is empty when the caller takes none of them.
func prefers(r *http.Request, offers ...string) string {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return offers[0]
	}
	best, liked := "", 0.0
	for _, offer := range offers {
		if q := quality(accept, offer); q > liked {
			best, liked = offer, q
		}
	}
	return best
}

// quality is the weight that accept gives to offer: that of its most specific
// range.
func quality(accept, offer string) float64 {
	family, _, _ := strings.Cut(offer, "/")
	weight, precision := 0.0, 0
	for part := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(part, ";")
		level := 1 + slices.Index([]string{"*/*", family + "/*", offer}, strings.ToLower(strings.TrimSpace(media)))
		if level > precision {
			weight, precision = weightOf(params), level
		}
	}
	return weight
}

// weightOf reads q out of a media range's parameters; 1 when it is not there.
func weightOf(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
				return q
			}
		}
	}
	return 1
}

// forms are the media types of what the operation gives.
func forms(op *openapi3.Operation) []string {
	var offered []string
	for status, ref := range op.Responses.Map() {
		for offer := range ref.Value.Content {
			if strings.HasPrefix(status, "2") && !slices.Contains(offered, offer) {
				offered = append(offered, offer)
			}
		}
	}
	slices.Sort(offered)
	return offered
}

// beside are the paths right below that of r, or that only end otherwise, whose GET gives
// what it takes.
func beside(doc *openapi3.T, r *http.Request) []string {
	var paths []string
	here := chi.RouteContext(r.Context()).RoutePattern()
	for path, item := range doc.Paths.Map() {
		rest, ok := strings.CutPrefix(path, here)
		if ok && rest != "" && strings.LastIndexAny(rest, "/{") <= 0 && item.Get != nil && prefers(r, forms(item.Get)...) != "" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// checkAccept refuses a caller that takes none of what the operation gives, and names
// the paths that have it.
func checkAccept(doc *openapi3.T, op *openapi3.Operation, r *http.Request) error {
	offered := forms(op)
	// A client that lists the problem's type alone means the route's own formats too.
	if len(offered) == 0 || prefers(r, append(offered, contentProblem)...) != "" {
		return nil
	}
	detail := "Ningún formato de Accept se ofrece aquí; vea errores."
	if paths := beside(doc, r); len(paths) > 0 {
		detail = "Lo que pide Accept está en " + strings.Join(paths, " y ") + "."
	}
	return &gateway.Error{Kind: gateway.KindNoAceptable, Own: gateway.OwnFormatoNoOfrecido, Fields: []gateway.Field{{Campo: "Accept", Detalle: "Esta ruta entrega otros formatos.", ValoresValidos: offered}},
		Detail: detail}
}
