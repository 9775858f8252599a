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
)

// operacion is an entry of the list of operations.
type operacion struct{ Metodo, Ruta, Resumen, ID string }

// grupo are the operations under a tag of the contract.
type grupo struct {
	Nombre, Descripcion string
	Operaciones         []operacion
}

// operaciones lists those of a contract by their first tag, the tags in the
// contract's order, the paths by their names.
func operaciones(contrato *openapi3.T) []grupo {
	grupos := make([]grupo, len(contrato.Tags))
	lugar := map[string]int{}
	for i, t := range contrato.Tags {
		grupos[i] = grupo{Nombre: t.Name, Descripcion: t.Description}
		lugar[t.Name] = i
	}
	for _, ruta := range slices.Sorted(maps.Keys(contrato.Paths.Map())) {
		for _, metodo := range []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			op := contrato.Paths.Value(ruta).GetOperation(metodo)
			if op == nil || len(op.Tags) == 0 {
				continue
			}
			g := &grupos[lugar[op.Tags[0]]]
			g.Operaciones = append(g.Operaciones, operacion{Metodo: metodo, Ruta: ruta, Resumen: op.Summary, ID: op.OperationID})
		}
	}
	return grupos
}

// referencia is the page that Swagger UI fills.
func (p *portal) referencia() (string, pagina, error) {
	return "referencia", pagina{Titulo: "Referencia del API", Actual: "api", Contenido: p.operaciones}, nil
}

// sirveUI adds the two files that the reference uses of Swagger UI.
func sirveUI(mux *http.ServeMux) error {
	for nombre, tipo := range map[string]string{"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8"} {
		if _, err := static.FS.Open(nombre + ".gz"); err != nil {
			return err
		}
		mux.HandleFunc("GET /docs/recursos/"+nombre, func(w http.ResponseWriter, r *http.Request) {
			comprimido, err := static.FS.ReadFile(nombre + ".gz")
			if err == nil {
				w.Header().Set("Content-Type", tipo)
				err = comprime(w, r, nombre, comprimido)
			}
			if err != nil {
				http.Error(w, "No se pudo leer "+nombre+".", http.StatusInternalServerError)
			}
		})
	}
	return nil
}

// comprime sends what is kept compressed, as it is to whoever takes it so, which
// is every browser. Each of the two forms has an ETag of its own (RFC 9110 §8.8.3).
func comprime(w http.ResponseWriter, r *http.Request, nombre string, comprimido []byte) error {
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		entrega(w, r, nombre, comprimido)
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(comprimido))
	if err != nil {
		return fmt.Errorf("reading an embedded file: %w", err)
	}
	contenido, err := io.ReadAll(z)
	if err != nil {
		return fmt.Errorf("reading an embedded file: %w", err)
	}
	entrega(w, r, nombre, contenido)
	return nil
}
