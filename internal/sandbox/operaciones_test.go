package sandbox_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/wsdl"
)

// publicada is an operation of a contract, and a message to it that says nothing more.
type publicada struct{ nombre, servicio, ruta, accion, raiz string }

// publicadas reads them from the contracts themselves: what is added there is here too.
func publicadas(t *testing.T) []publicada {
	t.Helper()
	rutas := map[string]string{
		"sat/autenticacion.wsdl": "/cfdi/" + rutaAutentica, "sat/solicita.wsdl": "/cfdi/" + rutaSolicita,
		"sat/verifica.wsdl": "/cfdi/" + rutaVerifica, "sat/descarga.wsdl": "/cfdi/" + rutaDescarga,
		"sep/titulos.wsdl": "/sep/services/", "pade/addendas.wsdl": "/pade/addendas", "pade/firmado.wsdl": "/pade/firmado",
	}
	contratos, err := fs.Glob(wsdl.FS, "*/*.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	var todas []publicada
	for _, contrato := range contratos {
		ruta, ok := rutas[contrato]
		if !ok {
			t.Errorf("%s is published, and the test does not know where the sandbox serves it", contrato)
			continue
		}
		texto, err := fs.ReadFile(wsdl.FS, contrato)
		if err != nil {
			t.Fatal(err)
		}
		ns := regexp.MustCompile(`targetNamespace="([^"]+)"`).FindStringSubmatch(string(texto))[1]
		servicio, _, _ := strings.Cut(strings.TrimPrefix(ruta, "/"), "/")
		for _, m := range regexp.MustCompile(`<wsdl:operation name="([^"]+)">\s*<soap:operation soapAction="([^"]*)"`).FindAllStringSubmatch(string(texto), -1) {
			raiz := m[1]
			if servicio == "sep" {
				raiz += "Request"
			}
			todas = append(todas, publicada{m[1], servicio, ruta, m[2], fmt.Sprintf(`<x:%s xmlns:x="%s"/>`, raiz, ns)})
		}
	}
	if len(todas) < 17 {
		t.Fatalf("%d operations: the test does not see what it looks at", len(todas))
	}
	return todas
}

// pide sends the empty message of an operation and returns the status and the answer.
func (b *banco) pide(t *testing.T, o publicada) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.soap+o.ruta, strings.NewReader(
		`<s:Envelope xmlns:s="`+nsSOAP+`"><s:Body>`+o.raiz+`</s:Body></s:Envelope>`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", `"`+o.accion+`"`)
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	cuerpo, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(cuerpo), err
}

// Every operation of a contract can be made to answer a code, but those whose answer
// has no place for one.
func TestFalla_EveryOperationAnswersACode(t *testing.T) {
	b := arranca(t)
	sinCodigo := []string{"Autentica", "cancelarTituloInstitucion"}
	const canario = "98765"
	for _, o := range publicadas(t) {
		falla, err := b.Fallas().Agrega(sandbox.Falla{Servicio: o.servicio, Operacion: o.nombre, Tipo: control.Codigo, Codigo: canario, Mensaje: "texto " + canario, Veces: 1})
		if slices.Contains(sinCodigo, o.nombre) {
			if err == nil || !strings.Contains(err.Error(), "no tiene sentido en "+o.nombre) {
				t.Errorf("%s: a code is admitted: %v", o.nombre, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", o.nombre, err)
			continue
		}
		if estado, cuerpo, err := b.pide(t, o); err != nil || estado != http.StatusOK || !strings.Contains(cuerpo, canario) {
			t.Errorf("%s: status %d, %v: %s", o.nombre, estado, err, cuerpo)
			b.Fallas().Borra(falla.ID)
		}
	}
}
