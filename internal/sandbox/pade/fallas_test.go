package pade_test

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/pade"
)

func TestFault_Applies(t *testing.T) {
	b := arranca(t)
	llama := func() respuesta { return b.addenda("a|1") }
	entero := llama().campo("xmlBase64")
	bien := func(r respuesta) bool { return r.codigo() == "0" && r.campo("xmlBase64") == entero }
	for nombre, c := range map[string]struct {
		falla  sandbox.Falla
		minimo time.Duration
		revisa func(respuesta) bool
	}{
		"reset":   {sandbox.Falla{Tipo: control.Reset}, 0, func(r respuesta) bool { return errors.Is(r.err, syscall.ECONNRESET) || errors.Is(r.err, io.EOF) }},
		"html503": {sandbox.Falla{Tipo: control.HTML503}, 0, func(r respuesta) bool { return r.estado == 503 && strings.HasPrefix(r.tipo, "text/html") }},
		"html200": {sandbox.Falla{Tipo: pade.HTML200}, 0, func(r respuesta) bool {
			return r.estado == 200 && strings.HasPrefix(r.tipo, "text/html") && strings.Contains(r.cuerpo, "<html>")
		}},
		"vacio": {sandbox.Falla{Tipo: control.Vacio}, 0, func(r respuesta) bool { return r.estado == 200 && r.cuerpo == "" }},
		"fault": {sandbox.Falla{Tipo: control.Fault}, 0, func(r respuesta) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "<faultcode>S:Server</faultcode><faultstring>java.")
		}},
		"fault of one's own": {sandbox.Falla{Tipo: control.Fault, Faultcode: "Client", Mensaje: "a < b"}, 0, func(r respuesta) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "<faultcode>S:Client</faultcode><faultstring>a &lt; b</faultstring>")
		}},
		"codigo": {sandbox.Falla{Tipo: control.Codigo, Codigo: "5", Mensaje: "M & m"}, 0, func(r respuesta) bool {
			return r.codigo() == "5" && r.campo("mensaje") == "M & m" && r.campo("contrato") == "sandbox" && r.campo("xmlBase64") == "-"
		}},
		"codigo nobody knows": {sandbox.Falla{Tipo: control.Codigo, Codigo: "raro"}, 0, func(r respuesta) bool { return r.codigo() == "raro" }},
		"corte":               {sandbox.Falla{Tipo: control.Corte, Bytes: 50}, 0, func(r respuesta) bool { return len(r.cuerpo) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
		"truncado":            {sandbox.Falla{Tipo: control.Truncado, Bytes: 21}, 0, func(r respuesta) bool { return r.codigo() == "0" && r.campo("xmlBase64") == entero[:21] }},
		"base64_invalido":     {sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 20}, 0, func(r respuesta) bool { return r.campo("xmlBase64") == entero[:20]+"*¡!*"+entero[20:] }},
		"return_ausente": {sandbox.Falla{Tipo: pade.ReturnAusente}, 0, func(r respuesta) bool {
			return r.estado == 200 && r.cuerpo == abre+`<ns2:procesarAddendaResponse xmlns:ns2="http://addendas.ws.pade.mx"/></S:Body></S:Envelope>`
		}},
		"return_vacio": {sandbox.Falla{Tipo: pade.ReturnVacio}, 0, func(r respuesta) bool {
			return r.estado == 200 && r.conRet && r.interno == "" && strings.Contains(r.cuerpo, "<return></return>")
		}},
		"lento":             {sandbox.Falla{Tipo: control.Lento, Demora: 100 * time.Millisecond}, 90 * time.Millisecond, bien},
		"goteo":             {sandbox.Falla{Tipo: control.Goteo, Demora: 10 * time.Millisecond, Bytes: 40}, 50 * time.Millisecond, bien},
		"another's":         {sandbox.Falla{Tipo: control.Vacio, Servicio: "sep"}, 0, bien},
		"another operation": {sandbox.Falla{Tipo: control.Vacio, Operacion: "firmar"}, 0, bien},
		"a ZIP's":           {sandbox.Falla{Tipo: control.ZipInvalido}, 0, bien},
	} {
		c.falla.Veces = 1
		if _, err := b.Fallas().Agrega(c.falla); err != nil {
			t.Fatalf("%s: %v", nombre, err)
		}
		antes := time.Now()
		if r := llama(); !c.revisa(r) || time.Since(antes) < c.minimo {
			t.Errorf("%s: %v %d %s", nombre, r.err, r.estado, r.cuerpo)
		}
		b.Fallas().Reinicia()
		if r := llama(); !bien(r) {
			t.Errorf("after %s: %v %s", nombre, r.err, r.cuerpo)
		}
	}
}

func TestFault_OwnTypesAreForTheOwnOperations(t *testing.T) {
	b := arranca(t)
	for _, f := range []sandbox.Falla{
		{Tipo: pade.ReturnAusente, Operacion: "Descargar"},
		{Tipo: pade.HTML200, Operacion: "cargaTituloElectronico"},
		{Tipo: control.ZipInvalido, Operacion: "firmar"},
	} {
		if _, err := b.Fallas().Agrega(f); err == nil {
			t.Errorf("%s of %s: taken", f.Tipo, f.Operacion)
		}
	}
	if _, err := b.Fallas().Agrega(sandbox.Falla{Tipo: "no hay"}); err == nil || !strings.Contains(err.Error(), "return_ausente, return_vacio, html200") {
		t.Errorf("the list of types: %v", err)
	}
	if _, err := b.Fallas().Agrega(sandbox.Falla{Tipo: pade.HTML200}); err != nil {
		t.Fatal(err)
	}
	if f, ok := b.Fallas().Toma("cfdi", "Descargar", nil); ok {
		t.Errorf("the SAT took %+v", f)
	}
}

// Every code of both tables can be had with a fault, in the shape of its service.
func TestFault_AnyCodeOfFirmado(t *testing.T) {
	b := arranca(t)
	documento := b.contrato(textoContrato).xml(t)
	for _, codigo := range strings.Fields("1 2 301 302 303 304 305 306 307 308 309 310 311 400 99 777") {
		if _, err := b.Fallas().Agrega(sandbox.Falla{Operacion: "firmar", Tipo: control.Codigo, Codigo: codigo, Mensaje: "M", Veces: 1}); err != nil {
			t.Fatal(err)
		}
		if r := b.firma(documento); r.codigo() != codigo || r.campo("firmaOk") != "false" || r.campo("mensajeResultado") != "M" || r.campo("xmlBase64") != "-" {
			t.Errorf("%s: %s", codigo, r.cuerpo)
		}
	}
	if _, err := b.Fallas().Agrega(sandbox.Falla{Operacion: "firmar", Tipo: control.Codigo, Codigo: "0", Veces: 1}); err != nil {
		t.Fatal(err)
	}
	if r := b.firma(documento); r.campo("firmaOk") != "true" || r.campo("xmlBase64") != "-" {
		t.Errorf("a success without a document: %s", r.cuerpo)
	}
	if n := len(b.Estado().Contratos); n != 0 {
		t.Errorf("%d contracts were signed", n)
	}
}

func TestFault_LostAnswerLeavesTheContractSigned(t *testing.T) {
	b := arranca(t)
	documento := b.contrato(textoContrato).xml(t)
	for _, tipo := range []control.Tipo{control.ResetDespues, pade.ReturnAusente, pade.ReturnVacio, control.Truncado, control.Corte} {
		b.Reinicia()
		if _, err := b.Fallas().Agrega(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: tipo, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		perdida := b.firma(documento)
		if perdida.campo("xmlBase64") != "-" && perdida.campo("xmlBase64") != "" {
			t.Errorf("%s: the answer arrived: %s", tipo, perdida.cuerpo)
		}
		if (tipo == control.ResetDespues) != (perdida.estado == 0) {
			t.Errorf("%s: %v %d", tipo, perdida.err, perdida.estado)
		}
		if r := b.firma(documento); r.codigo() != "2" {
			t.Errorf("%s: the repeat got %s", tipo, r.cuerpo)
		}
	}
	for _, tipo := range []control.Tipo{control.Reset, pade.HTML200, control.HTML503, control.Vacio, control.Fault} {
		b.Reinicia()
		if _, err := b.Fallas().Agrega(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: tipo, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		_ = b.firma(documento)
		if r := b.firma(documento); r.codigo() != "0" {
			t.Errorf("%s was processed: %s", tipo, r.cuerpo)
		}
	}
}
