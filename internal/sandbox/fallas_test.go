package sandbox_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

func (b *bench) falla(t testing.TB, f sandbox.Falla) {
	t.Helper()
	if _, err := b.Fallas().Add(f); err != nil {
		t.Fatal(err)
	}
}

const idAny = "3f30a4e1-af73-4085-8991-e4d97eef16bd"

func TestFalla_EndsTheCallAndIsSpent(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	cases := []struct {
		name  string
		falla sandbox.Falla
		check func(r result) bool
	}{
		{"reset", sandbox.Falla{Tipo: control.Reset}, func(r result) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{"html503", sandbox.Falla{Tipo: control.HTML503}, func(r result) bool {
			return r.estado == 503 && strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && strings.Contains(r.body, "Service Unavailable")
		}},
		{"vacio", sandbox.Falla{Tipo: control.Vacio}, func(r result) bool { return r.estado == 200 && r.body == "" }},
		{"fault", sandbox.Falla{Tipo: control.Fault}, func(r result) bool {
			return r.estado == 500 && strings.Contains(r.body, "a:InternalServiceFault") && strings.Contains(r.body, "The server was unable to process the request due to an internal error")
		}},
		{"fault of one's own", sandbox.Falla{Tipo: control.Fault, Faultcode: "Raro", Mensaje: "a < b"}, func(r result) bool {
			return r.estado == 500 && strings.Contains(r.body, "a:Raro</faultcode>") && strings.Contains(r.body, ">a &lt; b</faultstring>")
		}},
		{"fault InvalidSecurity", sandbox.Falla{Tipo: control.Fault, Faultcode: "InvalidSecurity"}, func(r result) bool { return r.estado == 500 && r.body == securityFault }},
		{"codigo", sandbox.Falla{Tipo: control.Codigo, Codigo: "404"}, func(r result) bool {
			return r.estado == 200 && r.attr["CodEstatus"] == "404" && r.attr["Mensaje"] == "Error no controlado"
		}},
		{"codigo with state", sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5003", Mensaje: "M"}, func(r result) bool {
			return r.attr["CodEstatus"] == "5000" && r.attr["EstadoSolicitud"] == "5" && r.attr["CodigoEstadoSolicitud"] == "5003" && r.attr["Mensaje"] == "M"
		}},
		{"corte", sandbox.Falla{Tipo: control.Corte, Bytes: 50}, func(r result) bool { return len(r.body) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := c.en(t)
			tc.falla.Veces = 1
			b.falla(t, tc.falla)
			if r := c.verify(idAny); !tc.check(r) {
				t.Errorf("%v %d %s", r.err, r.estado, r.body)
			}
			c.wait(c.verify(idAny), "CodEstatus", "5004")
		})
	}
}

func TestFalla_SlowOnes(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	for _, f := range []sandbox.Falla{
		{Tipo: control.Lento, Delay: 200 * time.Millisecond, Veces: 1},
		{Tipo: control.Goteo, Delay: 20 * time.Millisecond, Bytes: 40, Veces: 1},
		{Tipo: control.Codigo, Codigo: "404", Delay: 200 * time.Millisecond, Veces: 1},
	} {
		b.falla(t, f)
		before := time.Now()
		r := c.verify(idAny)
		if r.err != nil || r.attr["CodEstatus"] == "" || time.Since(before) < 150*time.Millisecond {
			t.Errorf("%s: %v after %v: %s", f.Tipo, r.err, time.Since(before), r.body)
		}
	}
}

func TestFalla_SelectsServiceOperationAndTimes(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	r := b.enter(t, "retenciones", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Servicio: "retenciones", Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404", Veces: 2})
	b.falla(t, sandbox.Falla{Servicio: "retenciones", Tipo: control.Codigo, Codigo: "5011", Veces: 1})
	b.falla(t, sandbox.Falla{Servicio: "cfdi", Operacion: "Descargar", Tipo: control.Codigo, Codigo: "5008"})
	c.wait(c.verify(idAny), "CodEstatus", "5004")
	r.wait(r.descarga("X_01"), "CodEstatus", "5011")
	r.wait(r.verify(idAny), "CodEstatus", "404")
	r.wait(r.verify(idAny), "CodEstatus", "404")
	r.wait(r.verify(idAny), "CodEstatus", "5004")
	for range 3 {
		c.wait(c.descarga("X_01"), "CodEstatus", "5008")
	}
	if l := b.Fallas().List(); len(l) != 1 || !b.Fallas().Delete(l[0].ID) || b.Fallas().Delete(l[0].ID) {
		t.Errorf("pending %+v", l)
	}
	c.wait(c.descarga("X_01"), "CodEstatus", "5004")
}

func TestFalla_LostAnswerSpendsTheQuota(t *testing.T) {
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues, Veces: 1})
	if r := c.request(opEmitidos, c.emitidos()); !errors.Is(r.err, syscall.ECONNRESET) {
		t.Fatalf("%v %d", r.err, r.estado)
	}
	c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", "5005")
	id := b.Estado().Solicitudes[0].ID
	v := c.verify(id)
	for range 2 {
		b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.ResetDespues, Veces: 1})
		if r := c.descarga(v.paquetes[0]); r.err == nil {
			t.Fatal("no reset")
		}
	}
	c.wait(c.descarga(v.paquetes[0]), "CodEstatus", "5008")
	b.falla(t, sandbox.Falla{Operacion: "Autentica", Tipo: control.ResetDespues, Veces: 1})
	if r := c.authenticate(c.security(time.Now())); r.err == nil {
		t.Error("no reset of Autentica")
	}
}

func TestFalla_CodeWithTheIDOfWhatWasRegistered(t *testing.T) {
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Tipo: control.Codigo, Codigo: "404", ConID: true, Veces: 1})
	r := c.request(opEmitidos, c.emitidos())
	c.wait(r, "CodEstatus", "404", "Mensaje", "Error no controlado")
	c.wait(c.verify(r.attr["IdSolicitud"]), "CodEstatus", "5000", "EstadoSolicitud", "3")
}

func TestFalla_OfThePackage(t *testing.T) {
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	whole := between(c.descarga(id).body, "<Paquete>", "</Paquete>")
	low := func(f sandbox.Falla) (answer, string) {
		t.Helper()
		f.Veces = 1
		b.falla(t, f)
		r := c.descarga(id)
		return r.answer, between(r.body, "<Paquete>", "</Paquete>")
	}
	if r, p := low(sandbox.Falla{Tipo: control.Truncado, Bytes: 1001}); r.err != nil || p != whole[:1001] || !strings.HasSuffix(r.body, "</s:Envelope>") {
		t.Errorf("truncado: %v, %d characters", r.err, len(p))
	}
	if r, p := low(sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 1000}); r.err != nil || !strings.HasPrefix(p, whole[:1000]+"*") || !strings.HasSuffix(p, whole[len(whole)-1000:]) {
		t.Errorf("base64_invalido: %v, %d characters", r.err, len(p))
	}
	if _, p := low(sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 777}); p == "" {
		t.Error("zip_invalido: nothing")
	} else if z, err := base64.StdEncoding.DecodeString(p); err != nil || len(z) != 777 || strings.HasPrefix(string(z), "PK") {
		t.Errorf("zip_invalido: %v, %d bytes", err, len(z))
	}
	if r, _ := low(sandbox.Falla{Tipo: control.Corte, Bytes: 5000}); !errors.Is(r.err, io.ErrUnexpectedEOF) || len(r.body) != 5000 {
		t.Errorf("corte: %v after %d bytes", r.err, len(r.body))
	}
	if r, p := low(sandbox.Falla{Tipo: control.Goteo, Bytes: 4000, Delay: time.Millisecond}); r.err != nil || p != whole {
		t.Errorf("goteo: %v", r.err)
	}
	// Those of the package leave the other operations alone.
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Veces: 1})
	c.wait(c.verify(idAny), "CodEstatus", "5004")
	if len(b.Fallas().List()) != 1 {
		t.Error("a fault of the package was spent on Verifica")
	}
}

func TestFalla_Refused(t *testing.T) {
	b := start(t)
	for name, f := range map[string]sandbox.Falla{
		"type":           {Tipo: "raro"},
		"service":        {Tipo: control.Vacio, Servicio: "imss"},
		"operation":      {Tipo: control.Vacio, Operacion: "Nada"},
		"no sense":       {Tipo: control.Truncado, Operacion: "Autentica"},
		"code for token": {Tipo: control.Codigo, Codigo: "300", Operacion: "Autentica"},
		"no code":        {Tipo: control.Codigo},
		"no delay":       {Tipo: control.Lento},
		"negative":       {Tipo: control.Corte, Bytes: -1},
	} {
		if _, err := b.Fallas().Add(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c := b.client(t, "cfdi", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Tipo: control.Codigo, Codigo: "300"})
	if r := c.authenticate(c.security(time.Now())); r.estado != http.StatusOK {
		t.Errorf("a code for any operation touched Autentica: %d", r.estado)
	}
}
