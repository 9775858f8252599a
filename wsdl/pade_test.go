package wsdl_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/gen/soap/pade/addendas"
	"github.com/pasarela-mx/pasarela/gen/soap/pade/firmado"
	"github.com/pasarela-mx/pasarela/wsdl"
)

// A boolean of the stub's would leave false out, and what is left out is a real signature by accident.
func TestPADE_StubWritesModoPruebaAsItIs(t *testing.T) {
	for _, literal := range []string{"true", "false"} {
		for _, request := range []any{
			&firmado.Firmar{Contrato: "c", Usuario: "u", Passwd: "p", Xml: "eA==", ModoPrueba: literal},
			&firmado.FirmarManifiesto{Xml: "eA==", ModoPrueba: literal},
			&firmado.FirmarContratoAdhesion{Xml: "eA==", ModoPrueba: literal},
		} {
			b, err := xml.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(b), "<xml>eA==</xml><modoPrueba>"+literal+"</modoPrueba></") {
				t.Errorf("%s", b)
			}
		}
	}
}

func TestPADE_StubReadsAnUnqualifiedReturn(t *testing.T) {
	const document = `<ns2:procesarAddendaResponse xmlns:ns2="http://addendas.ws.pade.mx"><return>&lt;a/&gt;</return></ns2:procesarAddendaResponse>`
	var answer addendas.ProcesarAddendaResponse
	if err := xml.Unmarshal([]byte(document), &answer); err != nil || answer.Return_ != "<a/>" {
		t.Errorf("%v %q", err, answer.Return_)
	}
}

func TestPADE_ParametersHaveNoNamespaceInTheContract(t *testing.T) {
	for _, name := range []string{"pade/addendas.wsdl", "pade/firmado.wsdl"} {
		b, err := wsdl.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "elementFormDefault=") || !strings.Contains(string(b), `<xs:element name="return" type="xs:string" minOccurs="0"/>`) {
			t.Errorf("%s qualifies its parameters", name)
		}
	}
}
