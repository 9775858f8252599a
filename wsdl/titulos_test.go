package wsdl_test

import (
	"bytes"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/gen/soap/sep/titulos"
	"github.com/pasarela-mx/pasarela/wsdl"
)

// xmllint validates documents against the schema inside the contract.
func xmllint(t *testing.T) func(document string) (valid bool, output string) {
	t.Helper()
	program, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is not installed")
		}
		t.Skip("SKIPPED: xmllint is not installed, so nothing was held against the contract's schema")
	}
	contract, err := wsdl.FS.ReadFile("sep/titulos.wsdl")
	if err != nil {
		t.Fatal(err)
	}
	_, schema, _ := strings.Cut(string(contract), "<xs:schema ")
	schema, _, _ = strings.Cut(schema, "</xs:schema>")
	file := filepath.Join(t.TempDir(), "titulos.xsd")
	whole := `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="http://ws.web.mec.sep.mx/schemas" ` + schema + "</xs:schema>"
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(document string) (bool, string) {
		c := exec.CommandContext(t.Context(), program, "--noout", "--schema", file, "-")
		c.Stdin = strings.NewReader(document)
		out, err := c.CombinedOutput()
		return err == nil, string(out)
	}
}

func TestTitulos_StubMarshalsWhatTheSchemaSays(t *testing.T) {
	valid := xmllint(t)
	account := &titulos.Autenticacion{Usuario: "u", Password: "<&>"}
	lote := titulos.Lote("303")
	for _, request := range []any{
		&titulos.CargaTituloElectronicoRequest{NombreArchivo: "lote.zip", ArchivoBase64: []byte("UEsDBA=="), Autenticacion: account},
		&titulos.ConsultaProcesoTituloElectronicoRequest{NumeroLote: &lote, Autenticacion: account},
		&titulos.DescargaTituloElectronicoRequest{NumeroLote: &lote, Autenticacion: account},
		&titulos.CancelaTituloElectronicoRequest{FolioControl: "F", MotCancelacion: "R3", Autenticacion: account},
		&titulos.CancelarTituloInstitucionRequest{FolioControl: "F", CveInstitucion: "170074", MotCancelacion: "R3", Autenticacion: account},
	} {
		b, err := xml.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if ok, out := valid(string(b)); !ok {
			t.Errorf("%s\n%s", b, out)
		}
		if upload, ok := request.(*titulos.CargaTituloElectronicoRequest); ok && !bytes.Contains(b, append([]byte(">"), upload.ArchivoBase64...)) {
			t.Errorf("the bytes of the archivo are not written as they are: %s", b)
		}
	}
}

func TestTitulos_SchemaRefusesTheFormsThatClientsTry(t *testing.T) {
	valid := xmllint(t)
	open, end := `<s:consultaProcesoTituloElectronicoRequest xmlns:s="http://ws.web.mec.sep.mx/schemas" xmlns:b="http://ws.web.mec.sep.mx/schemas/beans">`, `</s:consultaProcesoTituloElectronicoRequest>`
	account := `<s:autenticacion><s:usuario>u</s:usuario><s:password>p</s:password></s:autenticacion>`
	lote := `<s:numeroLote>1</s:numeroLote>`
	for name, c := range map[string]struct {
		document string
		want     bool
	}{
		"as it should be":     {open + lote + account + end, true},
		"flat credentials":    {open + lote + `<s:usuario>u</s:usuario><s:password>p</s:password>` + end, false},
		"beans":               {open + lote + strings.ReplaceAll(account, "s:", "b:") + end, false},
		"beans within":        {open + lote + strings.NewReplacer("s:usuario", "b:usuario", "s:password", "b:password").Replace(account) + end, false},
		"another order":       {open + account + lote + end, false},
		"lote of letters":     {open + `<s:numeroLote>X</s:numeroLote>` + account + end, false},
		"a lote beyond int32": {open + `<s:numeroLote>99999999999999999999</s:numeroLote>` + account + end, true},
	} {
		if got, out := valid(c.document); got != c.want {
			t.Errorf("%s: %v %s", name, got, out)
		}
	}
}

// What the service leaves out on errors must not read as a zero: 0 is what cancela answers when it is done.
func TestTitulos_StubTellsAbsentFromZero(t *testing.T) {
	const missing = `<ns2:cancelaTituloElectronicoResponse xmlns:ns2="http://ws.web.mec.sep.mx/schemas"><ns2:mensaje>Usuario Invalido</ns2:mensaje></ns2:cancelaTituloElectronicoResponse>`
	for document, want := range map[string]string{
		missing: "absent",
		strings.Replace(missing, "<ns2:mensaje>", "<ns2:codigo/><ns2:mensaje>", 1):              "",
		strings.Replace(missing, "<ns2:mensaje>", "<ns2:codigo>0</ns2:codigo><ns2:mensaje>", 1): "0",
	} {
		var answer titulos.CancelaTituloElectronicoResponse
		if err := xml.NewDecoder(strings.NewReader(document)).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		got := "absent"
		if answer.Codigo != nil {
			got = string(*answer.Codigo)
		}
		if got != want || answer.Mensaje != "Usuario Invalido" {
			t.Errorf("%s: %q %q", document, got, answer.Mensaje)
		}
	}
}
