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

// prefers returns the one of offers that the caller prefers (RFC 9110 §12.5.1). Among
// equals, and for a caller without a preference, it is the first. It is empty if the
// caller accepts none.
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

// quality returns the weight that accept gives to offer: that of its most specific range.
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

// weightOf returns q from a media range's parameters, or 1 if it is absent.
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

// forms returns the media types of the operation's answers.
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

// beside returns the paths directly below r's, or with another ending, whose GET has an
// answer that the caller accepts.
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

// checkAccept refuses a caller that accepts none of the operation's media types, and
// names the paths that have one.
func checkAccept(doc *openapi3.T, op *openapi3.Operation, r *http.Request) error {
	offered := forms(op)
	// A client that lists only the problem's type accepts the route's own formats too.
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
