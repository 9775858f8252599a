package handlers

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/conform"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// request is an operation's compiled schema.
type request struct {
	params []parameter
	body   bodyPolicy
	// schema is that of its JSON body; nil if it has none.
	schema *conform.Schema
}

type parameter struct {
	name, in string
	required bool
	list     bool // it may be given several times
	schema   *conform.Schema
}

func newRequest(schemas *conform.Compiler, item *openapi3.PathItem, op *openapi3.Operation) (*request, error) {
	out := &request{body: bodyOf(op)}
	for _, ref := range slices.Concat(item.Parameters, op.Parameters) {
		schema, err := schemas.Compile(ref.Value.Schema)
		if err != nil {
			return nil, err
		}
		out.params = append(out.params, parameter{name: ref.Value.Name, in: ref.Value.In, required: ref.Value.Required,
			list: ref.Value.Schema.Value.Type.Is(openapi3.TypeArray), schema: schema})
	}
	if op.RequestBody == nil {
		return out, nil
	}
	media := op.RequestBody.Value.Content[contentJSON]
	if media == nil {
		return out, nil
	}
	var err error
	out.schema, err = schemas.Compile(media.Schema)
	return out, err
}

// check checks r against the operation. It keeps a JSON body in r for decode, and leaves
// a streamed one to the handler.
func (q *request) check(w http.ResponseWriter, r *http.Request) error {
	faults := &conform.Faults{}
	ctx := chi.RouteContext(r.Context())
	if err := q.checkParams(r, pathParams(ctx, r.URL.RawPath != ""), faults); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, q.body.max)
	switch {
	case q.body.streamed:
	case q.schema == nil:
		if err := noBody(r); err != nil {
			return err
		}
	default:
		text, err := readBody(r)
		if err != nil {
			return err
		}
		if err := q.schema.Body(text, faults); err != nil {
			return err
		}
		r.Body = held(text)
	}
	return faults.Err()
}

// checkParams adds the faults of the parameters to faults.
func (q *request) checkParams(r *http.Request, path map[string]string, faults *conform.Faults) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnDireccionIlegible, Detail: "Los parámetros de la dirección no se pueden leer: escriba % como %25, y ; como %3B."}
	}
	var known []string
	for _, p := range q.params {
		var values []string
		switch p.in {
		case openapi3.ParameterInPath:
			values = []string{path[p.name]}
		case openapi3.ParameterInQuery:
			values = p.take(query)
			known = append(known, p.name)
		case openapi3.ParameterInHeader:
			values = r.Header.Values(p.name)
		}
		before := faults.Len()
		p.check(values, faults)
		if p.name == "servicio" && faults.Len() > before {
			return gateway.UnknownService()
		}
	}
	r.URL.RawQuery = query.Encode()
	// A misspelt parameter must not be ignored.
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			faults.Malformed = true
			faults.Add(name, "No es un parámetro de esta ruta.", known...)
		}
	}
	return nil
}

// take returns the query's values for p. A list may have commas, as in the contract, or
// be repeated, or use name[] and name[0], as other generators write. take rewrites the
// query to the contract's form, the only one that the generated wrapper reads.
func (p *parameter) take(query url.Values) []string {
	if !p.list {
		return query[p.name]
	}
	var values []string
	for _, name := range slices.SortedFunc(maps.Keys(query), cmpIndex) {
		if index, ok := strings.CutPrefix(name, p.name); !ok || index != "" && !indexForm.MatchString(index) {
			continue
		}
		for _, v := range query[name] {
			values = append(values, strings.Split(v, ",")...)
		}
		delete(query, name)
	}
	if len(values) > 0 {
		query.Set(p.name, strings.Join(values, ","))
	}
	return values
}

// indexForm matches the index of a list after its name.
var indexForm = regexp.MustCompile(`^\[[0-9]{0,4}\]$`)

// cmpIndex sorts name[2] before name[10].
func cmpIndex(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func (p *parameter) check(values []string, faults *conform.Faults) {
	var malformed string
	switch {
	case len(values) == 0 && p.required:
		malformed = "Es obligatorio."
	case len(values) == 0:
		return
	case len(values) > 1 && !p.list:
		malformed = "Está repetido."
	case p.in != openapi3.ParameterInHeader && slices.ContainsFunc(values, func(v string) bool { return !plainText(v) }):
		malformed = "No es texto en UTF-8 sin caracteres de control."
	default:
		p.schema.Param(p.name, values, faults)
		return
	}
	faults.Malformed = true
	faults.Add(p.name, malformed)
}

// pathParams returns the route's parameters as the handlers get them: chi routes by
// RawPath, undecoded, if there is one, and otherwise by the decoded Path.
func pathParams(ctx *chi.Context, raw bool) map[string]string {
	params := make(map[string]string, len(ctx.URLParams.Keys))
	for i, key := range ctx.URLParams.Keys {
		value := ctx.URLParams.Values[i]
		if decoded, err := url.PathUnescape(value); raw && err == nil {
			value = decoded
		}
		params[key] = value
	}
	return params
}

// badParameter translates what the generated code refuses after validate. Another error
// is returned unchanged.
func badParameter(err error) error {
	var bad *rest.ParamError
	if !errors.As(err, &bad) {
		return err
	}
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnParametroIlegible, Detail: "Un parámetro no se puede leer.",
		Fields: []gateway.Field{{Campo: bad.Name, Detalle: "No se puede leer."}}, Err: err}
}
