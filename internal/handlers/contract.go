package handlers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// slowBody is how long a body may take to arrive.
const slowBody = 30 * time.Second

// Spec is the contract, ready to hold requests against. It does not change, so
// that surfaces of one process share it: reading it costs as much as the rest of
// a start.
type Spec struct {
	doc        *openapi3.T
	yaml, json []byte
}

// LoadSpec reads the contract from OpenAPI 3.0 in YAML.
func LoadSpec(yaml []byte) (*Spec, error) {
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	if err != nil {
		return nil, fmt.Errorf("handlers: the contract: %w", err)
	}
	asJSON, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("handlers: the contract: %w", err)
	}
	return &Spec{doc: doc, yaml: yaml, json: asJSON}, nil
}

// Doc is the contract as it was read. Read only.
func (s *Spec) Doc() *openapi3.T { return s.doc }

// operationOf returns the contract's operation of a routed request. chi's
// patterns are the contract's paths, as both come from it.
func operationOf(doc *openapi3.T, r *http.Request) *openapi3.Operation {
	if item := doc.Paths.Value(chi.RouteContext(r.Context()).RoutePattern()); item != nil {
		if op := item.GetOperation(r.Method); op != nil {
			return op
		}
	}
	return &openapi3.Operation{}
}

// validate holds each request against the contract and lists every fault.
func validate(doc *openapi3.T) func(http.Handler) http.Handler {
	options := openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true,
		AuthenticationFunc:      openapi3filter.NoopAuthenticationFunc, // authorize has done it
		SchemaValidationOptions: []openapi3.SchemaValidationOption{withBase64()},
	}
	return func(next http.Handler) http.Handler {
		return wrap(func(w http.ResponseWriter, r *http.Request) error {
			ctx := chi.RouteContext(r.Context())
			path := ctx.RoutePattern()
			op := operationOf(doc, r)
			if err := checkMediaType(op, r); err != nil {
				return err
			}
			if err := checkAccept(op, r); err != nil {
				return err
			}
			params := pathParams(ctx, r.URL.RawPath != "")
			if err := cmp.Or(checkPath(params), checkQuery(doc.Paths.Value(path), op, r)); err != nil {
				return err
			}
			control := http.NewResponseController(w)
			control.SetReadDeadline(time.Now().Add(slowBody)) //nolint:errcheck // a test's recorder has none
			policy := bodyOf(op)
			r.Body = http.MaxBytesReader(w, r.Body, policy.max)
			if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == contentJSON {
				r.Body = &uniqueKeys{ReadCloser: &utf8Body{ReadCloser: r.Body}}
			}
			// Who may call is authorize's; the validator would first read the body whole.
			open := *op
			open.Security = &openapi3.SecurityRequirements{}
			err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
				Request: r, PathParams: params, Options: policy.options(options),
				Route: &routers.Route{Spec: doc, Path: path, PathItem: doc.Paths.Value(path), Method: r.Method, Operation: &open},
			})
			if err != nil {
				return contractError(err)
			}
			control.SetReadDeadline(time.Time{}) //nolint:errcheck // see above
			next.ServeHTTP(w, r)
			return nil
		})
	}
}

// The bodies of the PAC's routes: a CFDI in base64, and a contract or a packet of
// data.
const (
	maxCFDI     = 16 << 20
	maxContrato = 4 << 20
)

// bodyPolicy says how large an operation's body may be and who reads it.
type bodyPolicy struct {
	max int64
	// streamed bodies are read by the handler alone: they pass with flat memory.
	streamed bool
}

func (p bodyPolicy) options(o openapi3filter.Options) *openapi3filter.Options {
	o.ExcludeRequestBody = p.streamed
	return &o
}

// bodyOf returns the policy of an operation.
func bodyOf(op *openapi3.Operation) bodyPolicy {
	switch op.OperationID {
	case "cargarLote", "validarTitulos":
		return bodyPolicy{max: maxUpload, streamed: true}
	case "emitirTitulos":
		return bodyPolicy{max: maxFields, streamed: true}
	case "adjuntarAddenda":
		return bodyPolicy{max: maxCFDI}
	case "procesarAddenda", "firmarContrato", "firmarManifiesto", "firmarContratoAdhesion":
		return bodyPolicy{max: maxContrato}
	}
	return bodyPolicy{max: maxBody}
}

// pathParams returns the route's parameters as the handlers get them: chi routes
// by RawPath, undecoded, where there is one, and by the decoded Path otherwise.
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

// checkMediaType refuses a body of another type than the operation's, first of
// all the one that curl sends by itself.
func checkMediaType(op *openapi3.Operation, r *http.Request) error {
	if op.RequestBody == nil {
		return nil
	}
	given, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if same := otherName(given); err == nil && op.RequestBody.Value.Content[given] == nil && op.RequestBody.Value.Content[same] != nil {
		given = same
		r.Header.Set("Content-Type", mime.FormatMediaType(given, params))
	}
	if err == nil && op.RequestBody.Value.Content[given] != nil {
		return checkCharset(given, params["charset"])
	}
	taken := slices.Sorted(maps.Keys(op.RequestBody.Value.Content))
	return &gateway.Error{Kind: gateway.KindTipoContenido, Campos: []gateway.Campo{{Campo: "Content-Type", Detalle: "No se admite en esta ruta.", ValoresValidos: taken}},
		Detail: "Diga de qué tipo es el cuerpo: envíe el encabezado Content-Type: " + strings.Join(taken, ", o ") + "."}
}

// otherName is the name in the contract of a type that has two: RFC 7303 §9.2
// makes text/xml an alias, and Windows calls a ZIP x-zip-compressed.
func otherName(media string) string {
	switch media {
	case "text/xml":
		return "application/xml"
	case "application/x-zip-compressed", "application/x-zip":
		return "application/zip"
	}
	return ""
}

// contentJSON is the media type of RFC 8259, which has no charset: it is UTF-8.
const contentJSON = "application/json"

func checkCharset(media, charset string) error {
	if media != contentJSON || charset == "" || slices.Contains([]string{"utf-8", "utf8", "us-ascii"}, strings.ToLower(charset)) {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindTipoContenido, Campos: []gateway.Campo{{Campo: "Content-Type", Detalle: "JSON va en UTF-8.", ValoresValidos: []string{contentJSON}}},
		Detail: "El cuerpo dice estar en otra codificación. Envíelo en UTF-8."}
}

// checkPath refuses parameters of the path that are no text.
func checkPath(params map[string]string) error {
	e := &gateway.Error{Kind: gateway.KindMalformada, Detail: "La petición no cumple el contrato; vea errores."}
	for name, value := range params {
		if !plainText(value) {
			e.Campos = append(e.Campos, gateway.Campo{Campo: name, Detalle: noPlainText})
		}
	}
	if e.Campos == nil {
		return nil
	}
	return e
}

const noPlainText = "No es texto en UTF-8 sin caracteres de control."

// checkQuery refuses parameters that the contract does not know: a mistyped one
// must not be ignored.
func checkQuery(item *openapi3.PathItem, op *openapi3.Operation, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &gateway.Error{Kind: gateway.KindMalformada, Detail: "Los parámetros de la dirección no se pueden leer."}
	}
	var known, lists []string
	for _, ref := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if ref.Value.In == openapi3.ParameterInQuery {
			known = append(known, ref.Value.Name)
			if ref.Value.Schema.Value.Type.Is("array") {
				lists = append(lists, ref.Value.Name)
			}
		}
	}
	e := &gateway.Error{Kind: gateway.KindMalformada, Detail: "La petición no cumple el contrato; vea errores."}
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			e.Campos = append(e.Campos, gateway.Campo{Campo: name, Detalle: "No es un parámetro de esta ruta.", ValoresValidos: known})
		case len(values) > 1 && !slices.Contains(lists, name):
			e.Campos = append(e.Campos, gateway.Campo{Campo: name, Detalle: "Está repetido."})
		case slices.ContainsFunc(values, func(v string) bool { return !plainText(v) }):
			e.Campos = append(e.Campos, gateway.Campo{Campo: name, Detalle: noPlainText})
		}
	}
	if e.Campos == nil {
		return nil
	}
	return e
}

// conforms holds fields that a handler has read by itself against a schema of
// the contract.
func (h *handler) conforms(schema string, fields map[string]json.RawMessage) error {
	value := make(map[string]any, len(fields))
	for name, raw := range fields {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return &gateway.Error{Kind: gateway.KindMalformada, Detail: "El cuerpo no es un objeto JSON que se pueda leer.", Err: err}
		}
		value[name] = v
	}
	if err := h.cfg.Spec.doc.Components.Schemas[schema].Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest(), withBase64()); err != nil {
		return contractError(err)
	}
	return nil
}

// contractError translates what the validator found. A missing parameter or an
// unreadable body is malformed; a value against its rule is invalid.
func contractError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &gateway.Error{Kind: gateway.KindDemasiadoGrande, Detail: fmt.Sprintf("El cuerpo rebasa el límite de %d bytes.", tooLarge.Limit)}
	}
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	e := &gateway.Error{Kind: gateway.KindInvalida, Detail: "La petición no cumple el contrato; vea errores.", Err: errContract}
	collect(err, "", e)
	e.Err = nil
	return e
}

var errContract = errors.New("contract")

// maxCampos bounds what one refusal lists.
const maxCampos = 1000

// collect walks the tree of faults into e.Campos.
func collect(err error, campo string, e *gateway.Error) {
	if len(e.Campos) >= maxCampos {
		return
	}
	var many openapi3.MultiError
	var request *openapi3filter.RequestError
	var schema *openapi3.SchemaError
	switch {
	case errors.As(err, &request) && campo == "":
		collectRequest(request, e)
	case asMulti(err, &many):
		for _, each := range many {
			collect(each, campo, e)
		}
	case errors.As(err, &schema) && schema.Origin != nil && combined[schema.SchemaField]:
		collect(schema.Origin, campo, e)
	case errors.As(err, &schema):
		e.Campos = append(e.Campos, schemaFault(campo, schema))
	default:
		e.Kind = gateway.KindMalformada
		e.Campos = append(e.Campos, gateway.Campo{Campo: campo, Detalle: "No se puede leer."})
	}
}

// combined are the keywords whose fault is that of the schema below them.
var combined = map[string]bool{"allOf": true, "oneOf": true, "anyOf": true}

// asMulti is errors.As for a MultiError, whose own As looks into its parts.
func asMulti(err error, many *openapi3.MultiError) bool {
	m, ok := err.(openapi3.MultiError) //nolint:errorlint // see above
	*many = m
	return ok
}

func collectRequest(err *openapi3filter.RequestError, e *gateway.Error) {
	var parse *openapi3filter.ParseError
	switch {
	case err.Parameter != nil && err.Parameter.Name == "servicio":
		e.Kind = gateway.KindNoEncontrado
		e.Detail = "No hay tal servicio: es cfdi o retenciones."
	case err.Parameter != nil && errors.Is(err.Err, openapi3filter.ErrInvalidRequired):
		e.Kind = gateway.KindMalformada
		e.Campos = append(e.Campos, gateway.Campo{Campo: err.Parameter.Name, Detalle: "Es obligatorio."})
	case err.Parameter != nil:
		collect(err.Err, err.Parameter.Name, e)
	case errors.As(err.Err, &parse) || errors.Is(err.Err, openapi3filter.ErrInvalidRequired):
		e.Kind = gateway.KindMalformada
		e.Detail = "El cuerpo no es un objeto JSON que se pueda leer."
	default:
		collect(err.Err, "", e)
	}
}

// unsupported finds the name in the validator's text: it gives it nowhere else.
var unsupported = regexp.MustCompile(`^property "(.{1,80}?)" is unsupported`)

// schemaFault says in Spanish what a value broke, and what it may be.
func schemaFault(campo string, s *openapi3.SchemaError) gateway.Campo {
	if path := s.JSONPointer(); len(path) > 0 {
		campo = strings.Join(append(strings.FieldsFunc(campo, func(r rune) bool { return r == '/' }), path...), "/")
	}
	c := gateway.Campo{Campo: campo}
	switch s.SchemaField {
	case "required":
		c.Detalle = "Es obligatorio."
	case "properties", "additionalProperties":
		if m := unsupported.FindStringSubmatch(s.Reason); m != nil {
			c.Campo = m[1]
		}
		c.Detalle = "No es un campo de esta petición."
		for name := range s.Schema.Properties {
			c.ValoresValidos = append(c.ValoresValidos, name)
		}
		slices.Sort(c.ValoresValidos)
	case "enum":
		c.Detalle = "No es uno de los valores válidos; se distinguen mayúsculas y minúsculas."
		for _, v := range s.Schema.Enum {
			c.ValoresValidos = append(c.ValoresValidos, fmt.Sprint(v))
		}
	case "pattern":
		c.Detalle = "No tiene la forma " + s.Schema.Pattern + "."
		if s.Schema.Example != nil {
			c.Detalle = fmt.Sprintf("No tiene la forma de %v, que es %s.", s.Schema.Example, s.Schema.Pattern)
		}
	case "type":
		c.Detalle = "Debe ser de tipo " + typeName(s.Schema) + "."
	case "nullable":
		c.Detalle = "No puede ser nulo; si no aplica, omita el campo."
	case "maxItems":
		c.Detalle = fmt.Sprintf("Admite %d como máximo.", *s.Schema.MaxItems)
	case "minItems":
		c.Detalle = fmt.Sprintf("Requiere %d como mínimo.", s.Schema.MinItems)
	case "maxLength":
		c.Detalle = fmt.Sprintf("Rebasa los %d caracteres.", *s.Schema.MaxLength)
	case "minLength":
		c.Detalle = fmt.Sprintf("Requiere %d caracteres como mínimo.", s.Schema.MinLength)
	case "minimum":
		c.Detalle = fmt.Sprintf("Debe ser %v como mínimo.", *s.Schema.Min)
	case "maximum":
		c.Detalle = fmt.Sprintf("Debe ser %v como máximo.", *s.Schema.Max)
	case "format":
		c.Detalle = formatFault(s)
	case "uniqueItems":
		c.Detalle = "Tiene valores repetidos."
	default:
		c.Detalle = "No cumple la regla " + s.SchemaField + " del contrato."
	}
	return c
}

// formatFault says what a value of a format must be like.
func formatFault(s *openapi3.SchemaError) string {
	var notBase64 base64Fault
	switch format := s.Schema.Format; {
	case errors.As(s.Origin, &notBase64):
		return notBase64.Error()
	case format == "date-time":
		return "No es un instante como 2026-02-01T06:00:00Z (RFC 3339)."
	case format == "date":
		return "No es una fecha como 2026-02-01."
	case format == "int32" || format == "int64":
		return "Es un entero demasiado grande o demasiado pequeño."
	default:
		return "No tiene el formato " + format + "."
	}
}

func typeName(s *openapi3.Schema) string {
	names := map[string]string{"string": "texto", "integer": "entero", "number": "número", "boolean": "verdadero o falso", "array": "lista", "object": "objeto"}
	for _, t := range s.Type.Slice() {
		if name, ok := names[t]; ok {
			return name
		}
	}
	return "otro"
}

// badParameter translates what the generated wrapper refuses after validate.
func badParameter(err error) error {
	e := &gateway.Error{Kind: gateway.KindMalformada, Detail: "Un parámetro no se puede leer.", Err: err}
	var format *rest.InvalidParamFormatError
	if errors.As(err, &format) {
		e.Campos = []gateway.Campo{{Campo: format.ParamName, Detalle: "No se puede leer."}}
	}
	return e
}
