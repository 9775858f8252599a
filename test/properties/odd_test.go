package properties

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// odd is one request that a client should not send: the operation's own, with one
// thing changed.
type odd struct {
	name, method, target string
	header               http.Header
	body                 []byte
	// wrong requests must be refused; others may make sense to an operation.
	wrong bool
}

// TestServer_WhenOneThingIsOddTheAnswerIsInTheContract sends each operation what
// property tests would hardly think of. The client of gatewaytest holds every answer
// against the contract; here, none may be a failure of the gateway or of a system
// that it sent the odd thing to, and a refusal is of the request as it was sent.
func TestServer_WhenOneThingIsOddTheAnswerIsInTheContract(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	names := r.existing(t)
	paths := contract(t).Paths
	// What takes things away comes last.
	for _, methods := range [][]string{{http.MethodGet, http.MethodPost, http.MethodPut}, {http.MethodDelete}} {
		for path, item := range paths.Map() {
			for method, op := range item.Operations() {
				if slices.Contains(methods, method) {
					r.asksOddly(t, names, path, odd{name: "as it should be", method: method, target: address(names, path, item, op), header: http.Header{}}, item, op)
				}
			}
		}
	}
	r.checkLog(t)
}

func (r *rig) asksOddly(t *testing.T, names map[string][]string, path string, base odd, item *openapi3.PathItem, op *openapi3.Operation) {
	t.Helper()
	if op.RequestBody != nil {
		base.header.Set("Content-Type", "application/json")
		base.body = example(t, op)
	}
	if status := r.wantInContract(t, base); status >= http.StatusBadRequest && status != http.StatusConflict {
		t.Errorf("%s %s: the contract's own example is answered %d: nothing odd would get far: %s", base.method, base.target, status, base.body)
	}
	for _, o := range slices.Concat(oddPaths(names, base, path, item, op), oddQueries(base, item, op), oddHeaders(base, op), oddBodies(t, base)) {
		r.wantInContract(t, o)
	}
}

// address is that of an operation, with what exists in the places of its parameters.
func address(names map[string][]string, path string, item *openapi3.PathItem, op *openapi3.Operation) string {
	query := url.Values{}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		example := fmt.Sprint(p.Value.Example)
		if existing := names[dictionaries()[p.Value.Name]]; existing != nil {
			example = existing[0]
		}
		switch {
		case p.Value.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(example))
		case p.Value.In == openapi3.ParameterInQuery && p.Value.Required:
			query.Set(p.Value.Name, example)
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// dictionaries says which dictionary has the values of a parameter.
func dictionaries() map[string]string {
	return map[string]string{"idDescarga": "descargas", "uuid": "uuids", "idSolicitud": "solicitudes", "idPaquete": "paquetes",
		"numeroLote": "lotes", "folioControl": "folios", "idWebhook": "webhooks", "idEntrega": "entregas"}
}

// example is an example of a body, not one that signs for real, with what is this
// gateway's in it.
func example(t *testing.T, op *openapi3.Operation) []byte {
	t.Helper()
	examples := op.RequestBody.Value.Content.Get("application/json").Examples
	name := slices.Min(slices.Collect(maps.Keys(examples)))
	if examples["prueba"] != nil {
		name = "prueba"
	}
	body, ok := examples[name].Value.Value.(map[string]any)
	if !ok {
		t.Fatalf("the example of %s is no object", op.OperationID)
	}
	body = maps.Clone(body)
	// The configured account has a contract of its own.
	delete(body, "codigoContrato")
	if _, ok := body["url"]; ok {
		body["url"] = addressWebhook
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *rig) wantInContract(t *testing.T, o odd) (status int) {
	t.Helper()
	target, err := url.Parse(r.API + o.target)
	if err != nil {
		t.Fatalf("%s %s: %v", o.method, o.target, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), o.method, r.API, bytes.NewReader(o.body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL, req.Header = target, o.header
	resp, err := r.Client.Do(req)
	if err != nil {
		t.Errorf("%s %s: %s: %v", o.method, o.target, o.name, err)
		return 0
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError || o.wrong && resp.StatusCode < http.StatusBadRequest {
		t.Errorf("%s %s: %s: status %d, %v: %.300s", o.method, o.target, o.name, resp.StatusCode, err, body)
	}
	var problem struct{ Instance string }
	if resp.Header.Get("Content-Type") != "application/problem+json" {
		return resp.StatusCode
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Instance != target.EscapedPath() {
		t.Errorf("%s %s: %s: instance is %q, %v", o.method, o.target, o.name, problem.Instance, err)
	}
	return resp.StatusCode
}

// noText are values, percent-encoded, that no parameter may have.
func noText() []string { return []string{"%00", "%FF", "%C3%28", "%ED%A0%80", "%0D%0AX:1", "a%1Bb"} }

// oddSegments are what a parameter of the path may be, percent-encoded.
func oddSegments() []string {
	return []string{"%2F", "..%2F..", "%2e%2e", "%25", "null%2Cnull", "%F0%9F%98%80", "%20", "'%22%3Cx%3E", ";a=b", strings.Repeat("9", 5000)}
}

func oddPaths(names map[string][]string, base odd, path string, item *openapi3.PathItem, op *openapi3.Operation) []odd {
	var all []odd
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if p.Value.In != openapi3.ParameterInPath {
			continue
		}
		for _, segment := range slices.Concat(noText(), oddSegments()) {
			o := base
			o.wrong = slices.Contains(noText(), segment)
			o.name = p.Value.Name + " odd"
			o.target = address(names, strings.ReplaceAll(path, "{"+p.Value.Name+"}", segment), item, op)
			all = append(all, o)
		}
	}
	return all
}

func oddQueries(base odd, item *openapi3.PathItem, op *openapi3.Operation) []odd {
	var all []odd
	add := func(query string, wrong bool) {
		o := base
		o.wrong = wrong
		separator := "?"
		if strings.Contains(o.target, "?") {
			separator = "&"
		}
		o.name, o.target = fmt.Sprintf("query %.60q", query), o.target+separator+query
		all = append(all, o)
	}
	for _, query := range []string{"%zz", "%", ";", "=", "&&&", "x=%00", "%C3%28=1", strings.Repeat("a=1&", 3000)} {
		add(query, query != "&&&")
	}
	for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
		if p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		name := url.QueryEscape(p.Value.Name)
		for _, value := range []string{"", "-1", "0", "+5", "1e3", "0x10", "1.0", "NaN", "%2099999999999999999999", "99999999999999999999", "true", "TRUE", "null", "a,b", "../x", strings.Repeat("A", 5000)} {
			add(name+"="+value, false)
		}
		for _, value := range noText() {
			add(name+"="+value, true)
		}
		add(name, false)
		add(name+"[]=1", true)
		add(name+"=1&"+name+"=2", true)
	}
	return all
}

// oddHeaders are of the headers that the operation takes, and of those that every
// one reads.
func oddHeaders(base odd, op *openapi3.Operation) []odd {
	var all []odd
	values := map[string][]string{
		"Accept":                {"", "*/*;q=0", "application/json;q=nan", "a/b/c", ";;;", "application/*", "application/json;version=2", "\xff", strings.Repeat("text/x,", 2000) + "*/*"},
		"Range":                 {"bytes=", "bytes=-", "bytes=0-0,2-3", "bytes=5-1", "bytes=99999999999999999999-", "bytes=-0", "items=0-1", "\xff"},
		"If-None-Match":         {"*", "W/\"x\"", "\"", "\xff"},
		"If-Range":              {"\"x\"", "Thu, 01 Jan 1970 00:00:00 GMT", "\xff"},
		"Last-Event-Id":         {"", "-1", "0", "99999999999999999999", "1.5", "é", "\xff", "1, 2"},
		"Idempotency-Key":       {"", "a b", "\xff", "á", strings.Repeat("k", 256), "a\tb"},
		"X-Request-Id":          {"a b", "\xff", strings.Repeat("x", 5000)},
		"Authorization":         {"", "Bearer", "Bearer ", "Basic Og==", "\xff"},
		"Backend-Authorization": {"", "Basic", "Basic !", "Basic Og==", "Basic AAA6AAA=", "Bearer x", "Basic /zr/", "\xff"},
		"Expect":                {"100-continue"},
	}
	if op.RequestBody != nil {
		values["Content-Type"] = []string{"", "application/json; charset=latin1", "APPLICATION/JSON", "application/json;;", "application/json, application/json", "multipart/form-data", "multipart/form-data; boundary=\"\"",
			"multipart/form-data; boundary=x", "application/xml", "application/zip", "application/x-www-form-urlencoded", "\xff", "text/json"}
	}
	read := []string{"Accept", "Content-Type", "Authorization", "X-Request-Id", "Expect"}
	for _, p := range op.Parameters {
		read = append(read, http.CanonicalHeaderKey(p.Value.Name))
	}
	for name, odds := range values {
		if !slices.Contains(read, name) {
			continue
		}
		for _, value := range odds {
			o := base
			o.name = fmt.Sprintf("%s: %.60q", name, value)
			o.header = base.header.Clone()
			o.header.Set(name, value)
			o.wrong = strings.HasSuffix(value, "charset=latin1")
			all = append(all, o)
		}
	}
	return all
}

// oddBodies are bodies that are no JSON or another kind of it, and the example with
// each value in turn replaced.
func oddBodies(t *testing.T, base odd) []odd {
	t.Helper()
	var all []odd
	add := func(name, text string, wrong bool) {
		o := base
		o.wrong = wrong
		o.name, o.body = fmt.Sprintf("body %s: %.60q", name, text), []byte(text)
		all = append(all, o)
	}
	if base.body == nil {
		add("where there should be none", "{}", false)
		return all
	}
	text := string(base.body)
	for name, body := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "text": `"x"`, "number": "1e999", "no fields": "{}", "BOM": "\xef\xbb\xbf" + text, "two": text + text,
		"UTF-16": "\xff\xfe{\x00}\x00", "deep": strings.Repeat("[", 10_000), "deeper": strings.Repeat(`{"a":`, 10_000), "NUL": text + "\x00",
		"key twice": "{" + strings.Repeat(text[1:len(text)-1]+",", 2) + `"x":1}`, "empty key": `{"":1}`, "odd key": `{"\u0000":1,"\ud800":2}`, "huge key": `{"` + strings.Repeat("k", 5000) + `":1}`,
	} {
		add(name, body, true)
	}
	var example any
	if err := json.Unmarshal(base.body, &example); err != nil {
		t.Fatal(err)
	}
	const mark = "@@@"
	each := marked(example, mark)
	for _, where := range slices.Sorted(maps.Keys(each)) {
		marked := each[where]
		// A wrong name is what the validation of titles tells, not what it refuses.
		for _, value := range []string{`"\u0000"`, `"\ud800"`, "\"Mu\xd1oz\"", `1e400`} {
			add(where, strings.Replace(marked, `"`+mark+`"`, value, 1), where != "nombreArchivo")
		}
		// Of these each value has some, in turn, so that the whole is done in seconds.
		others := []string{`null`, `""`, `" "`, `"\ufffe"`, `"]]>&<\"'"`, `"\r\n"`, `-1`, `1.5`, `99999999999999999999`, `true`, `[]`, `[null]`, `{}`, `{"a":{}}`}
		for n := range 3 {
			add(where, strings.Replace(marked, `"`+mark+`"`, others[(len(all)+n*5)%len(others)], 1), false)
		}
	}
	return all
}

// marked returns the JSON of v once for each value in it, with mark in its place,
// by where the value is.
func marked(v any, mark string) map[string]string {
	all := map[string]string{}
	var walk func(at any, where string, put func(any))
	walk = func(at any, where string, put func(any)) {
		put(mark)
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // what came from JSON goes back
		}
		all[where] = string(text)
		put(at)
		switch at := at.(type) {
		case map[string]any:
			for key, value := range at {
				walk(value, where+"/"+key, func(x any) { at[key] = x })
			}
		case []any:
			for i, value := range at {
				walk(value, fmt.Sprint(where, "/", i), func(x any) { at[i] = x })
			}
		}
	}
	if object, ok := v.(map[string]any); ok {
		for key, value := range object {
			walk(value, key, func(x any) { object[key] = x })
		}
	}
	return all
}
