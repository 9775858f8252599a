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
	b := start(t)
	call := func() answer { return b.addenda("a|1") }
	whole := call().field("xmlBase64")
	well := func(r answer) bool { return r.codigo() == "0" && r.field("xmlBase64") == whole }
	for name, c := range map[string]struct {
		falla sandbox.Falla
		min   time.Duration
		check func(answer) bool
	}{
		"reset":   {sandbox.Falla{Tipo: control.Reset}, 0, func(r answer) bool { return errors.Is(r.err, syscall.ECONNRESET) || errors.Is(r.err, io.EOF) }},
		"html503": {sandbox.Falla{Tipo: control.HTML503}, 0, func(r answer) bool { return r.estado == 503 && strings.HasPrefix(r.tipo, "text/html") }},
		"html200": {sandbox.Falla{Tipo: pade.HTML200}, 0, func(r answer) bool {
			return r.estado == 200 && strings.HasPrefix(r.tipo, "text/html") && strings.Contains(r.body, "<html>")
		}},
		"vacio": {sandbox.Falla{Tipo: control.Vacio}, 0, func(r answer) bool { return r.estado == 200 && r.body == "" }},
		"fault": {sandbox.Falla{Tipo: control.Fault}, 0, func(r answer) bool {
			return r.estado == 500 && strings.Contains(r.body, "<faultcode>S:Server</faultcode><faultstring>java.")
		}},
		"fault of one's own": {sandbox.Falla{Tipo: control.Fault, Faultcode: "Client", Mensaje: "a < b"}, 0, func(r answer) bool {
			return r.estado == 500 && strings.Contains(r.body, "<faultcode>S:Client</faultcode><faultstring>a &lt; b</faultstring>")
		}},
		"codigo": {sandbox.Falla{Tipo: control.Codigo, Codigo: "5", Mensaje: "M & m"}, 0, func(r answer) bool {
			return r.codigo() == "5" && r.field("mensaje") == "M & m" && r.field("contrato") == "sandbox" && r.field("xmlBase64") == "-"
		}},
		"codigo nobody knows": {sandbox.Falla{Tipo: control.Codigo, Codigo: "raro"}, 0, func(r answer) bool { return r.codigo() == "raro" }},
		"corte":               {sandbox.Falla{Tipo: control.Corte, Bytes: 50}, 0, func(r answer) bool { return len(r.body) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
		"truncado":            {sandbox.Falla{Tipo: control.Truncado, Bytes: 21}, 0, func(r answer) bool { return r.codigo() == "0" && r.field("xmlBase64") == whole[:21] }},
		"base64_invalido":     {sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 20}, 0, func(r answer) bool { return r.field("xmlBase64") == whole[:20]+"*¡!*"+whole[20:] }},
		"return_ausente": {sandbox.Falla{Tipo: pade.ReturnAusente}, 0, func(r answer) bool {
			return r.estado == 200 && r.body == open+`<ns2:procesarAddendaResponse xmlns:ns2="http://addendas.ws.pade.mx"/></S:Body></S:Envelope>`
		}},
		"return_vacio": {sandbox.Falla{Tipo: pade.ReturnVacio}, 0, func(r answer) bool {
			return r.estado == 200 && r.withRet && r.internal == "" && strings.Contains(r.body, "<return></return>")
		}},
		"lento":             {sandbox.Falla{Tipo: control.Lento, Delay: 100 * time.Millisecond}, 90 * time.Millisecond, well},
		"goteo":             {sandbox.Falla{Tipo: control.Goteo, Delay: 10 * time.Millisecond, Bytes: 40}, 50 * time.Millisecond, well},
		"another's":         {sandbox.Falla{Tipo: control.Vacio, Servicio: "sep"}, 0, well},
		"another operation": {sandbox.Falla{Tipo: control.Vacio, Operacion: "firmar"}, 0, well},
		"a ZIP's":           {sandbox.Falla{Tipo: control.ZipInvalido}, 0, well},
	} {
		c.falla.Veces = 1
		if _, err := b.Fallas().Add(c.falla); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before := time.Now()
		if r := call(); !c.check(r) || time.Since(before) < c.min {
			t.Errorf("%s: %v %d %s", name, r.err, r.estado, r.body)
		}
		b.Fallas().Reset()
		if r := call(); !well(r) {
			t.Errorf("after %s: %v %s", name, r.err, r.body)
		}
	}
}

func TestFault_OwnTypesAreForTheOwnOperations(t *testing.T) {
	b := start(t)
	for _, f := range []sandbox.Falla{
		{Tipo: pade.ReturnAusente, Operacion: "Descargar"},
		{Tipo: pade.HTML200, Operacion: "cargaTituloElectronico"},
		{Tipo: control.ZipInvalido, Operacion: "firmar"},
	} {
		if _, err := b.Fallas().Add(f); err == nil {
			t.Errorf("%s of %s: taken", f.Tipo, f.Operacion)
		}
	}
	if _, err := b.Fallas().Add(sandbox.Falla{Tipo: "no hay"}); err == nil || !strings.Contains(err.Error(), "return_ausente, return_vacio, html200") {
		t.Errorf("the list of types: %v", err)
	}
	if _, err := b.Fallas().Add(sandbox.Falla{Tipo: pade.HTML200}); err != nil {
		t.Fatal(err)
	}
	if f, ok := b.Fallas().Take("cfdi", "Descargar", nil); ok {
		t.Errorf("the SAT took %+v", f)
	}
}

// Every code of both tables can be had with a fault, in the shape of its service.
func TestFault_AnyCodeOfFirmado(t *testing.T) {
	b := start(t)
	document := b.contrato(textContrato).xml(t)
	for _, codigo := range strings.Fields("1 2 301 302 303 304 305 306 307 308 309 310 311 400 99 777") {
		if _, err := b.Fallas().Add(sandbox.Falla{Operacion: "firmar", Tipo: control.Codigo, Codigo: codigo, Mensaje: "M", Veces: 1}); err != nil {
			t.Fatal(err)
		}
		if r := b.firma(document); r.codigo() != codigo || r.field("firmaOk") != "false" || r.field("mensajeResultado") != "M" || r.field("xmlBase64") != "-" {
			t.Errorf("%s: %s", codigo, r.body)
		}
	}
	if _, err := b.Fallas().Add(sandbox.Falla{Operacion: "firmar", Tipo: control.Codigo, Codigo: "0", Veces: 1}); err != nil {
		t.Fatal(err)
	}
	if r := b.firma(document); r.field("firmaOk") != "true" || r.field("xmlBase64") != "-" {
		t.Errorf("a success without a document: %s", r.body)
	}
	if n := len(b.Estado().Contratos); n != 0 {
		t.Errorf("%d contracts were signed", n)
	}
}

func TestFault_LostAnswerLeavesTheContractSigned(t *testing.T) {
	b := start(t)
	document := b.contrato(textContrato).xml(t)
	for _, tipo := range []control.Tipo{control.ResetDespues, pade.ReturnAusente, pade.ReturnVacio, control.Truncado, control.Corte} {
		b.Reset()
		if _, err := b.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: tipo, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		lost := b.firma(document)
		if lost.field("xmlBase64") != "-" && lost.field("xmlBase64") != "" {
			t.Errorf("%s: the answer arrived: %s", tipo, lost.body)
		}
		if (tipo == control.ResetDespues) != (lost.estado == 0) {
			t.Errorf("%s: %v %d", tipo, lost.err, lost.estado)
		}
		if r := b.firma(document); r.codigo() != "2" {
			t.Errorf("%s: the repeat got %s", tipo, r.body)
		}
	}
	for _, tipo := range []control.Tipo{control.Reset, pade.HTML200, control.HTML503, control.Vacio, control.Fault} {
		b.Reset()
		if _, err := b.Fallas().Add(sandbox.Falla{Servicio: "pade", Operacion: "firmar", Tipo: tipo, Veces: 1}); err != nil {
			t.Fatal(err)
		}
		_ = b.firma(document)
		if r := b.firma(document); r.codigo() != "0" {
			t.Errorf("%s was processed: %s", tipo, r.body)
		}
	}
}
