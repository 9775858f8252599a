package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/wsdl"
)

// publishedOperation is an operation of a contract, and a message to it that says nothing more.
type publishedOperation struct{ name, servicio, path, action, root string }

// published reads them from the contracts themselves: what is added there is here too.
func published(t *testing.T) []publishedOperation {
	t.Helper()
	paths := map[string]string{
		"sat/autenticacion.wsdl": "/cfdi/" + pathAuthenticate, "sat/solicita.wsdl": "/cfdi/" + pathRequest,
		"sat/verifica.wsdl": "/cfdi/" + pathVerify, "sat/descarga.wsdl": "/cfdi/" + pathDescarga,
		"sep/titulos.wsdl": "/sep/services/", "pade/addendas.wsdl": "/pade/addendas", "pade/firmado.wsdl": "/pade/firmado",
	}
	contracts, err := wsdl.Operations()
	if err != nil {
		t.Fatal(err)
	}
	var all []publishedOperation
	for _, o := range contracts {
		path, ok := paths[o.Contract]
		if !ok {
			t.Errorf("%s is published, and the test does not know where the sandbox serves it", o.Contract)
			continue
		}
		servicio, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		root := o.Name
		if servicio == "sep" {
			root += "Request"
		}
		all = append(all, publishedOperation{o.Name, servicio, path, o.Action, fmt.Sprintf(`<x:%s xmlns:x="%s"/>`, root, o.Namespace)})
	}
	if len(all) < 17 {
		t.Fatalf("%d operations: the test does not see what it looks at", len(all))
	}
	return all
}

// ask sends the empty message of an operation and returns the status and the answer.
func (b *bench) ask(t *testing.T, o publishedOperation) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.soap+o.path, strings.NewReader(
		`<s:Envelope xmlns:s="`+nsSOAP+`"><s:Body>`+o.root+`</s:Body></s:Envelope>`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `"`+o.action+`"`)
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// Every operation of a contract can be made to answer a code, but those whose answer
// has no place for one.
func TestFalla_EveryOperationAnswersACode(t *testing.T) {
	b := start(t)
	withoutCodigo := []string{"Autentica", "cancelarTituloInstitucion"}
	const canary = "98765"
	for _, o := range published(t) {
		falla, err := b.Fallas().Add(sandbox.Falla{Servicio: o.servicio, Operacion: o.name, Tipo: control.Codigo, Codigo: canary, Mensaje: "texto " + canary, Veces: 1})
		if slices.Contains(withoutCodigo, o.name) {
			if err == nil || !strings.Contains(err.Error(), "no tiene sentido en "+o.name) {
				t.Errorf("%s: a code is admitted: %v", o.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", o.name, err)
			continue
		}
		if estado, body, err := b.ask(t, o); err != nil || estado != http.StatusOK || !strings.Contains(body, canary) {
			t.Errorf("%s: status %d, %v: %s", o.name, estado, err, body)
			b.Fallas().Delete(falla.ID)
		}
	}
}
