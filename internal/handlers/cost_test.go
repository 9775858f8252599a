package handlers

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// flood is a body that is as large as its operation takes and has much of one thing.
type flood struct {
	method, path, name string
	body               func() string // one at a time is enough to hold
}

// TestBodies_CostWhatTheirBytesCost drives every array of every body at the operation's
// largest body, of 5 MiB at most without PASARELA_GRANDE, and what else a body can have
// much of. A validator that makes a fault of every element allocates hundreds of times
// the body.
//
// It is not parallel: what is allocated is counted for the process.
func TestBodies_CostWhatTheirBytesCost(t *testing.T) { //nolint:paralleltest // see above
	s := newSurface(t, &fake{}, nil)
	arrays := 0
	for _, f := range floods(spec(t)) {
		body := f.body()
		r := requestOf(f.method, f.path, body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := serve(s, r)
		runtime.ReadMemStats(&after)
		// The body itself, as it grows in the reader's hands, and what tells of it.
		bound := uint64(12*len(body) + 4<<20)
		if got := after.TotalAlloc - before.TotalAlloc; got > bound {
			t.Errorf("%s %s: %s: %d bytes of body took %d MB", f.method, f.path, f.name, len(body), got>>20)
		}
		if w.Code < 400 || w.Code >= 500 || w.Body.Len() > 256<<10 {
			t.Errorf("%s %s: %s: status %d, an answer of %d bytes", f.method, f.path, f.name, w.Code, w.Body.Len())
		}
		if strings.HasPrefix(f.name, "many ") {
			arrays++
		}
	}
	if arrays < 20 {
		t.Errorf("only %d floods of arrays: is every body of the contract still found?", arrays)
	}
}

func floods(spec *Spec) []flood {
	var out []flood
	for path, item := range spec.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil || op.RequestBody.Value.Content[contentJSON] == nil {
				continue
			}
			size := int(min(bodyOf(op).max, maxFields)) - 64
			if op.OperationID == "cargarLote" || os.Getenv("PASARELA_GRANDE") == "" {
				size = min(size, 5<<20) // uploadLote's titles are those of issueTitulos, and pass the same reader
			}
			for _, p := range []string{"servicio", "folioControl", "idWebhook"} {
				path = strings.ReplaceAll(path, "{"+p+"}", map[string]string{"servicio": "cfdi", "folioControl": "PRU1", "idWebhook": "whd_k5zq3n7v2mxa4c6t8w1e0ry5ha"}[p])
			}
			add := func(name, open, each, closing string, most int) {
				n := (min(size, most) - len(open) - len(closing)) / (len(each) + 1)
				out = append(out, flood{method, path, name, func() string { return open + strings.TrimSuffix(strings.Repeat(each+",", n), ",") + closing }})
			}
			walkSchema(op.RequestBody.Value.Content[contentJSON].Schema.Value, "", "", "", func(at, open, closing string, s *openapi3.Schema) {
				switch {
				case s.Type.Is("array"):
					add("many {} in "+at, open+"[", `{}`, "]"+closing, size)
					add("many examples in "+at, open+"[", example(s.Items.Value), "]"+closing, size)
				case s.Type.Is("string") && (size <= maxBody || strings.Count(at, "/") == 1) && at != "/"+fieldFile:
					out = append(out, flood{method, path, "a long " + at, func() string {
						return open + `"` + strings.Repeat("A", size-len(open)-len(closing)-2) + `"` + closing
					}})
				}
			})
			deep := (size - 8) / 2
			out = append(out, flood{method, path, "deep", func() string { return `{"x":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}` }})
			add("many unknown fields", "{", `"k":1`, "}", size)
			add("many in an unknown field", `{"zzz":[`, `{}`, "]}", 2<<20)
			out = append(out, flood{method, path, "many names", func() string { return `{` + names(size-2) + `}` }},
				flood{method, path, "many names below", func() string { return `{"titulos":{` + names(size-14) + `}}` }})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].path+out[i].name < out[j].path+out[j].name })
	return out
}

func names(size int) string {
	var b strings.Builder
	for i := 0; b.Len()+16 < size; i++ {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// walkSchema visits every schema below s with the JSON that leads to it.
func walkSchema(s *openapi3.Schema, at, open string, closing string, visit func(at, open, closing string, s *openapi3.Schema)) {
	for _, all := range s.AllOf {
		walkSchema(all.Value, at, open, closing, visit)
	}
	if at != "" {
		visit(at, open, closing, s)
	}
	switch {
	case s.Type.Is("object"):
		for name, p := range s.Properties {
			walkSchema(p.Value, at+"/"+name, open+`{"`+name+`":`, "}"+closing, visit)
		}
	case s.Type.Is("array"):
		walkSchema(s.Items.Value, at+"/0", open+"[", "]"+closing, visit)
	}
}

// example is a value that the contract takes.
func example(s *openapi3.Schema) string {
	if len(s.AllOf) == 1 {
		return example(s.AllOf[0].Value)
	}
	if s.Type.Is("object") {
		var fields []string
		for _, name := range s.Required {
			fields = append(fields, `"`+name+`":`+example(s.Properties[name].Value))
		}
		return "{" + strings.Join(fields, ",") + "}"
	}
	if s.Type.Is("array") {
		return "[" + example(s.Items.Value) + "]"
	}
	text, err := json.Marshal(s.Example)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
