package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// witness keeps the good answers of a gateway, by operation, status and media type.
type witness struct {
	next   http.RoundTripper
	router routers.Router
	mu     sync.Mutex
	seen   map[string][]*bytes.Buffer
}

// watch puts a witness between g's client and the gateway.
func watch(t *testing.T, doc *openapi3.T, g *gatewaytest.Gateway) *witness {
	t.Helper()
	doc.Servers = nil // the test's gateway has an address of its own
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{next: g.Client.Transport, router: router, seen: map[string][]*bytes.Buffer{}}
	g.Client.Transport = w
	return w
}

func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(req)
	if err != nil || resp.StatusCode >= http.StatusMultipleChoices || resp.StatusCode == http.StatusNoContent {
		return resp, err
	}
	route, _, err := w.router.FindRoute(req)
	if err != nil {
		return resp, nil // an unknown route is the client's affair
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	copied := &bytes.Buffer{}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, copied), resp.Body}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprintf("%s %d %s", route.Operation.OperationID, resp.StatusCode, media)
	w.seen[key] = append(w.seen[key], copied)
	return resp, nil
}

// compareShapes holds examples and answers against each other. What an example of
// an operation shows must have come, of the same type; and of what came, every
// field of every schema must be in some example. Whether values are good ones,
// the schemas say.
func compareShapes(t *testing.T, doc *openapi3.T, w *witness) {
	excused := neverSeen()
	shownOf, givenOf := map[string]bool{}, map[string]bool{}
	for _, op := range operations(doc) {
		for _, a := range answers(t, op) {
			if a.status >= http.StatusMultipleChoices {
				continue
			}
			for media, described := range a.Content {
				key := fmt.Sprintf("%s %d %s", op.OperationID, a.status, media)
				shown, given := map[string]bool{}, map[string]bool{}
				for _, ex := range described.Examples {
					shapeOf(t, key+" (example)", media, ex.Value.Value, shown)
					bySchema(ex.Value.Value, described.Schema, "", shownOf)
				}
				if len(w.seen[key]) == 0 {
					t.Errorf("%s: was never answered", key)
				}
				for _, answer := range w.seen[key] {
					shapeOf(t, key, media, answer.String(), given)
					if media == "application/json" {
						bySchema(unmarshal(t, key, answer.String()), described.Schema, "", givenOf)
					}
				}
				for _, path := range without(shown, given) {
					if !excuses(excused, key, path) {
						t.Errorf("%s: %s is shown and never came", key, path)
					}
				}
			}
		}
	}
	for _, property := range without(givenOf, shownOf) {
		t.Errorf("%s came and is in no example", property)
	}
	for place, e := range excused {
		if !e.used {
			t.Errorf("nothing is left to excuse at %s", place)
		}
	}
}

// excuse is why a place of an example never comes.
type excuse struct {
	why  string
	used bool
}

// excuses tells whether a line covers the path; a place is an operation, or an
// operation, status and media type, and after · how the path begins.
func excuses(excused map[string]*excuse, key, path string) bool {
	found := false
	for where, e := range excused {
		place, prefix, _ := strings.Cut(where, " · ")
		if (place == key || strings.HasPrefix(key, place+" ")) && strings.HasPrefix(path, prefix) {
			e.used, found = true, true
		}
	}
	return found
}

// bySchema adds "Schema.property" for each field that a value has, wherever in
// the contract the schema is.
func bySchema(value any, ref *openapi3.SchemaRef, owner string, into map[string]bool) {
	if ref == nil {
		return
	}
	for ref.Ref == "" && len(ref.Value.AllOf) == 1 {
		ref = ref.Value.AllOf[0]
	}
	if ref.Ref != "" {
		owner = ref.Ref[strings.LastIndexByte(ref.Ref, '/')+1:]
	}
	switch value := value.(type) {
	case map[string]any:
		for name, field := range value {
			if property := ref.Value.Properties[name]; property != nil {
				into[owner+"."+name] = true
				bySchema(field, property, owner, into)
			}
		}
	case []any:
		for _, element := range value {
			bySchema(element, ref.Value.Items, owner, into)
		}
	}
}

func without(a, b map[string]bool) []string {
	var only []string
	for path := range a {
		if !b[path] {
			only = append(only, path)
		}
	}
	slices.Sort(only)
	return only
}

// shapeOf adds the fields of a body, written as it travels or as an example
// shows it, to into.
func shapeOf(t *testing.T, label, media string, body any, into map[string]bool) {
	t.Helper()
	text, isText := body.(string)
	switch media {
	case "application/json":
		if isText {
			fields(unmarshal(t, label, text), "", into)
			return
		}
		fields(body, "", into)
	case "application/x-ndjson":
		for line := range strings.Lines(text) {
			fields(unmarshal(t, label, line), "", into)
		}
	case "text/csv":
		header, _, _ := strings.Cut(text, "\n")
		for column := range strings.SplitSeq(strings.TrimSpace(header), ",") {
			into["column "+column] = true
		}
	case "text/event-stream":
		for line := range strings.Lines(text) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			if !ok || name == "" {
				continue
			}
			into["field "+name] = true
			if name == "data" {
				fields(unmarshal(t, label, value), "", into)
			}
		}
	case "application/xml":
		if m := regexp.MustCompile(`<([A-Za-z][A-Za-z:]*)`).FindStringSubmatch(text); m != nil {
			into["root "+m[1]] = true
		}
	}
}

func unmarshal(t *testing.T, label, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Errorf("%s: %.200q: %v", label, text, err)
	}
	return value
}

// fields adds a path for each field, with its type.
func fields(value any, path string, into map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			fields(value[name], strings.TrimPrefix(path+"."+name, "."), into)
		}
	case []any:
		into[path+"[]"] = true
		for _, element := range value {
			fields(element, path+"[]", into)
		}
	case string:
		into[path+" text"] = true
	case bool:
		into[path+" boolean"] = true
	case nil:
		into[path+" null"] = true
	default:
		into[path+" number"] = true
	}
}
