package portal

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/swaggest/swgui/v5/static"

	"github.com/pasarela-mx/pasarela/internal/web"
)

// operation is an entry of the list of operations.
type operation struct{ Method, Path, Summary, ID string }

// group are the operations under a tag of the contract.
type group struct {
	Name, Descripcion string
	Operations        []operation
}

// operations lists those of a contract by their first tag, the tags in the
// contract's order, the paths by their names.
func operations(contrato *openapi3.T) []group {
	groups := make([]group, len(contrato.Tags))
	place := map[string]int{}
	for i, t := range contrato.Tags {
		groups[i] = group{Name: t.Name, Descripcion: t.Description}
		place[t.Name] = i
	}
	for _, path := range slices.Sorted(maps.Keys(contrato.Paths.Map())) {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			op := contrato.Paths.Value(path).GetOperation(method)
			if op == nil || len(op.Tags) == 0 {
				continue
			}
			g := &groups[place[op.Tags[0]]]
			g.Operations = append(g.Operations, operation{Method: method, Path: path, Summary: op.Summary, ID: op.OperationID})
		}
	}
	return groups
}

// reference is the page that Swagger UI fills.
func (p *portal) reference() (string, page, error) {
	return "referencia", page{Titulo: "Referencia del API", Actual: "api", Content: p.operations}, nil
}

// serveUI adds the two files that the reference uses of Swagger UI.
func serveUI(mux *http.ServeMux) error {
	for name, tipo := range map[string]string{"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"} {
		if _, err := static.FS.Open(name + ".gz"); err != nil {
			return err
		}
		mux.HandleFunc("GET /docs/recursos/"+name, func(w http.ResponseWriter, r *http.Request) {
			compressed, err := static.FS.ReadFile(name + ".gz")
			if err == nil {
				w.Header().Set("Content-Type", tipo)
				err = compress(w, r, name, compressed)
			}
			if err != nil {
				http.Error(w, "No se pudo leer "+name+".", http.StatusInternalServerError)
			}
		})
	}
	return nil
}

// compress sends what is kept compressed, as it is to whoever takes it so, which
// is every browser. Each of the two forms has an ETag of its own (RFC 9110 §8.8.3).
func compress(w http.ResponseWriter, r *http.Request, name string, compressed []byte) error {
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		web.Serve(w, r, name, compressed)
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return fmt.Errorf("reading an embedded file: %w", err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		return fmt.Errorf("reading an embedded file: %w", err)
	}
	web.Serve(w, r, name, content)
	return nil
}
