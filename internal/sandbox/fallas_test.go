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

func (b *banco) falla(t testing.TB, f sandbox.Falla) {
	t.Helper()
	if _, err := b.Fallas().Agrega(f); err != nil {
		t.Fatal(err)
	}
}

const idCualquiera = "3f30a4e1-af73-4085-8991-e4d97eef16bd"

func TestFalla_EndsTheCallAndIsSpent(t *testing.T) {
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	casos := []struct {
		nombre string
		falla  sandbox.Falla
		revisa func(r resultado) bool
	}{
		{"reset", sandbox.Falla{Tipo: control.Reset}, func(r resultado) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{"html503", sandbox.Falla{Tipo: control.HTML503}, func(r resultado) bool {
			return r.estado == 503 && strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && strings.Contains(r.cuerpo, "Service Unavailable")
		}},
		{"vacio", sandbox.Falla{Tipo: control.Vacio}, func(r resultado) bool { return r.estado == 200 && r.cuerpo == "" }},
		{"fault", sandbox.Falla{Tipo: control.Fault}, func(r resultado) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "a:InternalServiceFault") && strings.Contains(r.cuerpo, "The server was unable to process the request due to an internal error")
		}},
		{"fault of one's own", sandbox.Falla{Tipo: control.Fault, Faultcode: "Raro", Mensaje: "a < b"}, func(r resultado) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "a:Raro</faultcode>") && strings.Contains(r.cuerpo, ">a &lt; b</faultstring>")
		}},
		{"fault InvalidSecurity", sandbox.Falla{Tipo: control.Fault, Faultcode: "InvalidSecurity"}, func(r resultado) bool { return r.estado == 500 && r.cuerpo == faltaSeguridad }},
		{"codigo", sandbox.Falla{Tipo: control.Codigo, Codigo: "404"}, func(r resultado) bool {
			return r.estado == 200 && r.attr["CodEstatus"] == "404" && r.attr["Mensaje"] == "Error no controlado"
		}},
		{"codigo with state", sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5003", Mensaje: "M"}, func(r resultado) bool {
			return r.attr["CodEstatus"] == "5000" && r.attr["EstadoSolicitud"] == "5" && r.attr["CodigoEstadoSolicitud"] == "5003" && r.attr["Mensaje"] == "M"
		}},
		{"corte", sandbox.Falla{Tipo: control.Corte, Bytes: 50}, func(r resultado) bool { return len(r.cuerpo) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
	}
	for _, caso := range casos {
		t.Run(caso.nombre, func(t *testing.T) {
			c := c.en(t)
			caso.falla.Veces = 1
			b.falla(t, caso.falla)
			if r := c.verifica(idCualquiera); !caso.revisa(r) {
				t.Errorf("%v %d %s", r.err, r.estado, r.cuerpo)
			}
			c.espera(c.verifica(idCualquiera), "CodEstatus", "5004")
		})
	}
}

func TestFalla_SlowOnes(t *testing.T) {
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	for _, f := range []sandbox.Falla{
		{Tipo: control.Lento, Demora: 200 * time.Millisecond, Veces: 1},
		{Tipo: control.Goteo, Demora: 20 * time.Millisecond, Bytes: 40, Veces: 1},
		{Tipo: control.Codigo, Codigo: "404", Demora: 200 * time.Millisecond, Veces: 1},
	} {
		b.falla(t, f)
		antes := time.Now()
		r := c.verifica(idCualquiera)
		if r.err != nil || r.attr["CodEstatus"] == "" || time.Since(antes) < 150*time.Millisecond {
			t.Errorf("%s: %v after %v: %s", f.Tipo, r.err, time.Since(antes), r.cuerpo)
		}
	}
}

func TestFalla_SelectsServiceOperationAndTimes(t *testing.T) {
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	r := b.entra(t, "retenciones", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Servicio: "retenciones", Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "404", Veces: 2})
	b.falla(t, sandbox.Falla{Servicio: "retenciones", Tipo: control.Codigo, Codigo: "5011", Veces: 1})
	b.falla(t, sandbox.Falla{Servicio: "cfdi", Operacion: "Descargar", Tipo: control.Codigo, Codigo: "5008"})
	c.espera(c.verifica(idCualquiera), "CodEstatus", "5004")
	r.espera(r.descarga("X_01"), "CodEstatus", "5011")
	r.espera(r.verifica(idCualquiera), "CodEstatus", "404")
	r.espera(r.verifica(idCualquiera), "CodEstatus", "404")
	r.espera(r.verifica(idCualquiera), "CodEstatus", "5004")
	for range 3 {
		c.espera(c.descarga("X_01"), "CodEstatus", "5008")
	}
	if l := b.Fallas().Lista(); len(l) != 1 || !b.Fallas().Borra(l[0].ID) || b.Fallas().Borra(l[0].ID) {
		t.Errorf("pending %+v", l)
	}
	c.espera(c.descarga("X_01"), "CodEstatus", "5004")
}

func TestFalla_LostAnswerSpendsTheQuota(t *testing.T) {
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues, Veces: 1})
	if r := c.solicita(opEmitidos, c.emitidos()); !errors.Is(r.err, syscall.ECONNRESET) {
		t.Fatalf("%v %d", r.err, r.estado)
	}
	c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", "5005")
	id := b.Estado().Solicitudes[0].ID
	v := c.verifica(id)
	for range 2 {
		b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.ResetDespues, Veces: 1})
		if r := c.descarga(v.paquetes[0]); r.err == nil {
			t.Fatal("no reset")
		}
	}
	c.espera(c.descarga(v.paquetes[0]), "CodEstatus", "5008")
	b.falla(t, sandbox.Falla{Operacion: "Autentica", Tipo: control.ResetDespues, Veces: 1})
	if r := c.autentica(c.seguridad(time.Now())); r.err == nil {
		t.Error("no reset of Autentica")
	}
}

func TestFalla_CodeWithTheIDOfWhatWasRegistered(t *testing.T) {
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Tipo: control.Codigo, Codigo: "404", ConID: true, Veces: 1})
	r := c.solicita(opEmitidos, c.emitidos())
	c.espera(r, "CodEstatus", "404", "Mensaje", "Error no controlado")
	c.espera(c.verifica(r.attr["IdSolicitud"]), "CodEstatus", "5000", "EstadoSolicitud", "3")
}

func TestFalla_OfThePackage(t *testing.T) {
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	entero := entre(c.descarga(id).cuerpo, "<Paquete>", "</Paquete>")
	baja := func(f sandbox.Falla) (respuesta, string) {
		t.Helper()
		f.Veces = 1
		b.falla(t, f)
		r := c.descarga(id)
		return r.respuesta, entre(r.cuerpo, "<Paquete>", "</Paquete>")
	}
	if r, p := baja(sandbox.Falla{Tipo: control.Truncado, Bytes: 1001}); r.err != nil || p != entero[:1001] || !strings.HasSuffix(r.cuerpo, "</s:Envelope>") {
		t.Errorf("truncado: %v, %d characters", r.err, len(p))
	}
	if r, p := baja(sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 1000}); r.err != nil || !strings.HasPrefix(p, entero[:1000]+"*") || !strings.HasSuffix(p, entero[len(entero)-1000:]) {
		t.Errorf("base64_invalido: %v, %d characters", r.err, len(p))
	}
	if _, p := baja(sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 777}); p == "" {
		t.Error("zip_invalido: nothing")
	} else if z, err := base64.StdEncoding.DecodeString(p); err != nil || len(z) != 777 || strings.HasPrefix(string(z), "PK") {
		t.Errorf("zip_invalido: %v, %d bytes", err, len(z))
	}
	if r, _ := baja(sandbox.Falla{Tipo: control.Corte, Bytes: 5000}); !errors.Is(r.err, io.ErrUnexpectedEOF) || len(r.cuerpo) != 5000 {
		t.Errorf("corte: %v after %d bytes", r.err, len(r.cuerpo))
	}
	if r, p := baja(sandbox.Falla{Tipo: control.Goteo, Bytes: 4000, Demora: time.Millisecond}); r.err != nil || p != entero {
		t.Errorf("goteo: %v", r.err)
	}
	// Those of the package leave the other operations alone.
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Veces: 1})
	c.espera(c.verifica(idCualquiera), "CodEstatus", "5004")
	if len(b.Fallas().Lista()) != 1 {
		t.Error("a fault of the package was spent on Verifica")
	}
}

func TestFalla_Refused(t *testing.T) {
	b := arranca(t)
	for nombre, f := range map[string]sandbox.Falla{
		"type":           {Tipo: "raro"},
		"service":        {Tipo: control.Vacio, Servicio: "imss"},
		"operation":      {Tipo: control.Vacio, Operacion: "Nada"},
		"no sense":       {Tipo: control.Truncado, Operacion: "Autentica"},
		"code for token": {Tipo: control.Codigo, Codigo: "300", Operacion: "Autentica"},
		"no code":        {Tipo: control.Codigo},
		"no delay":       {Tipo: control.Lento},
		"negative":       {Tipo: control.Corte, Bytes: -1},
	} {
		if _, err := b.Fallas().Agrega(f); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
	c := b.cliente(t, "cfdi", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Tipo: control.Codigo, Codigo: "300"})
	if r := c.autentica(c.seguridad(time.Now())); r.estado != http.StatusOK {
		t.Errorf("a code for any operation touched Autentica: %d", r.estado)
	}
}
