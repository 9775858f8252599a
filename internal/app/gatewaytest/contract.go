package gatewaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/pasarela-mx/pasarela/api"
)

const problemType = "application/problem+json"

// described is the contract, read.
type described struct {
	// router finds the operation of a request, whatever its host.
	router routers.Router
	// avisos are the schemas of what webhooks are sent, by type.
	avisos map[string]*openapi3.Schema
}

var contract = sync.OnceValues(func() (described, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		return described{}, err
	}
	doc.Servers = nil
	// A client may meet a value that is not listed; of this gateway's answers none is.
	for _, ref := range doc.Components.Schemas {
		if known, whole := ref.Value.Extensions["x-extensible-enum"].([]any); whole && ref.Value.Extensions["x-enum-descriptions"] != nil {
			ref.Value.Enum = known
		}
	}
	router, err := gorillamux.NewRouter(doc)
	return described{router: router, avisos: avisosOf(doc)}, err
})

// Client returns a client of the API that holds every answer against the
// contract: status, headers, media type, body, and whether a problem is of a type
// that the operation shows. An answer outside it fails t. Packages and streams are
// not read for it, so that they stream.
func Client(t testing.TB) *http.Client {
	t.Helper()
	read, err := contract()
	if err != nil {
		t.Fatalf("the contract: %v", err)
	}
	next := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http's own
	next.MaxIdleConnsPerHost = 100
	t.Cleanup(next.CloseIdleConnections)
	return &http.Client{Transport: &contractChecker{t: t, next: next, router: read.router}}
}

type contractChecker struct {
	t      testing.TB
	next   http.RoundTripper
	router routers.Router
}

func (c *contractChecker) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := c.check(req, resp); err != nil {
		c.t.Errorf("%s %s: the answer %d is outside the contract: %v", req.Method, req.URL.RequestURI(), resp.StatusCode, err)
	}
	return resp, nil
}

func (c *contractChecker) check(req *http.Request, resp *http.Response) error {
	if resp.Header.Get("X-Request-Id") == "" {
		return errors.New("no X-Request-Id")
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	asked := req
	if req.Method == http.MethodHead {
		// Answered as GET is, without the body.
		asked = req.Clone(req.Context())
		asked.Method = http.MethodGet
	}
	route, params, err := c.router.FindRoute(asked)
	if err != nil {
		if media != problemType || resp.StatusCode < http.StatusBadRequest {
			return errors.New("a route that the contract does not have must be answered with a problem")
		}
		return nil
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		ExcludeResponseBody: req.Method == http.MethodHead || streamed(media),
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options},
		Status:                 resp.StatusCode, Header: resp.Header, Options: options,
	}
	described := route.Operation.Responses.Status(resp.StatusCode)
	if described == nil && slices.Contains(Anywhere(route.PathItem, route.Operation), resp.StatusCode) {
		described = route.Operation.Responses.Default()
	}
	if described == nil {
		return errors.New("the status is not described")
	}
	if name := undescribed(described.Value, resp.Header); name != "" {
		return errors.New("the header " + name + " is not described")
	}
	if options.ExcludeResponseBody {
		if described.Value.Content.Get(media) == nil {
			return errors.New("the media type " + media + " is not described")
		}
	} else {
		whole, err := io.ReadAll(resp.Body)
		closeErr := resp.Body.Close()
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole), failingReader{errors.Join(err, closeErr)}))
		if err != nil {
			return nil //nolint:nilerr // a cut answer is the test's affair
		}
		if err := shown(described.Value.Content.Get(media), media, resp.StatusCode, whole); err != nil {
			return err
		}
		input.SetBodyBytes(whole)
	}
	return openapi3filter.ValidateResponse(req.Context(), input)
}

// undescribed names a header that the answer has and its description has not,
// but for those that any answer of HTTP may have, compressed or not, what keeps browsers from guessing a
// type, and what tells nginx to let a stream through.
func undescribed(described *openapi3.Response, header http.Header) string {
	for name := range header {
		switch name {
		case "Content-Type", "Content-Length", "Content-Encoding", "Vary", "Date", "Cache-Control", "X-Accel-Buffering", "X-Content-Type-Options":
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(described.Headers)), func(known string) bool { return strings.EqualFold(known, name) }) {
			return name
		}
	}
	return ""
}

// Anywhere are the statuses that an operation describes by `default`: they mean the same
// in all, and come where a request can be wrong in that way.
func Anywhere(item *openapi3.PathItem, op *openapi3.Operation) []int {
	all := []int{http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError}
	if op.Security == nil || len(*op.Security) > 0 {
		all = append(all, http.StatusUnauthorized, http.StatusServiceUnavailable)
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(op.Responses.Map())), func(r *openapi3.ResponseRef) bool {
		return len(r.Value.Content) > 0 && r.Value.Content.Get(problemType) == nil
	}) {
		all = append(all, http.StatusNotAcceptable)
	}
	if op.RequestBody != nil {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if op.RequestBody != nil || slices.ContainsFunc(slices.Concat(item.Parameters, op.Parameters), ruled) {
		all = append(all, http.StatusUnprocessableEntity)
	}
	return all
}

// ruled reports whether a parameter that can be read may still break a rule.
func ruled(p *openapi3.ParameterRef) bool {
	s := p.Value.Schema.Value
	return s.Pattern != "" || s.MaxLength != nil || s.Max != nil || len(s.Enum) > 0
}

// shown wants a problem to be of a type that one of the operation's examples for
// this status has: a client decides by it, so it is part of the contract.
func shown(described *openapi3.MediaType, media string, status int, body []byte) error {
	if media != problemType || described == nil {
		return nil
	}
	var got struct{ Type string }
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	for _, example := range described.Examples {
		if value, _ := example.Value.Value.(map[string]any); value["type"] == got.Type && value["status"] == float64(status) {
			return nil
		}
	}
	return errors.New("no example is of type " + got.Type)
}

// streamed tells of media types that are not held against a schema: they are no
// JSON, and some have no end.
func streamed(media string) bool {
	switch media {
	case "application/zip", "application/yaml", "text/event-stream", "application/x-ndjson", "text/csv":
		return true
	}
	return false
}

// failingReader ends with err, or with the end when there is none.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

// setHeader sets a request's header; Host is a field of its own in net/http.
func setHeader(req *http.Request, name, value string) {
	if strings.EqualFold(name, "Host") {
		req.Host = value
		return
	}
	req.Header.Set(name, value)
}
