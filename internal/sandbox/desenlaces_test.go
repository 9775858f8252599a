package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// codigosSAT are those of the service's three tables, less 5000.
func codigosSAT() []string {
	return []string{"300", "301", "302", "303", "304", "305", "404", "5001", "5002", "5003", "5004", "5005", "5006", "5007", "5008", "5011", "5012"}
}

func TestDesenlaces_EveryCodeSoManyTimesForOneIDAlone(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0, "solicitudes_de_por_vida": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	ids := c.pideDias(2)
	paquetes := []string{strings.ToUpper(ids[0]) + "_01", strings.ToUpper(ids[1]) + "_01"}
	dias := []string{"2025-05-01", "2025-05-02"}
	solicita := func(dia string) resultado {
		return c.solicita(opEmitidos, c.emitidos("FechaInicial", dia+"T00:00:00", "FechaFinal", dia+"T23:59:59", "TipoSolicitud", "Metadata"))
	}
	for operacion, caso := range map[string]struct {
		objetos []string
		llama   func(string) resultado
	}{
		"VerificaSolicitudDescarga": {ids, c.verifica}, "Descargar": {paquetes, c.descarga}, opEmitidos: {dias, solicita},
	} {
		for _, codigo := range codigosSAT() {
			b.falla(t, sandbox.Falla{Operacion: operacion, Tipo: control.Codigo, Codigo: codigo, Contiene: caso.objetos[0], Veces: 2})
			for range 2 {
				if r := caso.llama(caso.objetos[1]); r.attr["CodEstatus"] == codigo && codigo != "5005" {
					t.Errorf("%s: %s of another object", operacion, codigo)
				}
				r := caso.llama(caso.objetos[0])
				c.espera(r, "CodEstatus", codigo)
				if r.attr["Mensaje"] == "" || r.attr["IdSolicitud"] != "" {
					t.Errorf("%s %s: %v", operacion, codigo, r.attr)
				}
			}
		}
	}
	if l := b.Fallas().Lista(); len(l) != 0 {
		t.Errorf("left %+v", l)
	}
}

func TestDesenlaces_EveryStateWithEachReason(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.pideDias(1)[0]
	for estado := range 7 {
		for _, razon := range []string{"", "5000", "5002", "5003", "5004", "5005", "404"} {
			b.falla(t, sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: estado,
				CodigoEstadoSolicitud: razon, NumeroCFDIs: 77, Contiene: id, Veces: 1})
			v := c.verifica(id)
			c.espera(v, "CodEstatus", "5000", "EstadoSolicitud", fmt.Sprint(estado), "CodigoEstadoSolicitud", razon, "NumeroCFDIs", "77")
			if strings.Contains(v.cuerpo, "CodigoEstadoSolicitud") != (razon != "") || len(v.paquetes) != 0 {
				t.Errorf("%d %s: %s", estado, razon, v.cuerpo)
			}
		}
	}
	c.espera(c.verifica(id), "EstadoSolicitud", "3")
}

// Whatever takes the place of the answer, the request is registered and the download is spent.
func TestDespues_TheEffectIsThere(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 1})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	c.http = &http.Client{Timeout: 5 * time.Second, Transport: c.http.Transport}
	impaciente := c.en(t)
	impaciente.http = &http.Client{Timeout: 200 * time.Millisecond, Transport: c.http.Transport}
	for i, caso := range []struct {
		falla sandbox.Falla
		c     *cliente
		es    func(resultado) bool
	}{
		{sandbox.Falla{Tipo: control.Reset}, c, func(r resultado) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{sandbox.Falla{Tipo: control.HTML503}, c, func(r resultado) bool { return r.estado == http.StatusServiceUnavailable }},
		{sandbox.Falla{Tipo: control.Vacio}, c, func(r resultado) bool { return r.estado == http.StatusOK && r.cuerpo == "" }},
		{sandbox.Falla{Tipo: control.Fault}, c, func(r resultado) bool { return r.estado == http.StatusInternalServerError }},
		{sandbox.Falla{Tipo: control.Codigo, Codigo: "404"}, c, func(r resultado) bool { return r.attr["CodEstatus"] == "404" && r.attr["IdSolicitud"] == "" }},
		{sandbox.Falla{Tipo: control.Silencio}, impaciente, vencida},
		{sandbox.Falla{Tipo: control.Lento, Demora: time.Hour}, impaciente, vencida},
	} {
		f := caso.falla
		f.Veces, f.Despues = 1, true
		dia := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		pide := c.emitidos("FechaInicial", dia+"T00:00:00", "FechaFinal", dia+"T23:59:59")
		f.Operacion = opEmitidos
		b.falla(t, f)
		if r := caso.c.solicita(opEmitidos, pide); !caso.es(r) {
			t.Errorf("%s: Solicita: %v %d %s", f.Tipo, r.err, r.estado, r.cuerpo)
		}
		c.espera(c.solicita(opEmitidos, pide), "CodEstatus", "5005")
		v := c.verifica(b.Estado().Solicitudes[i].ID)
		c.espera(v, "EstadoSolicitud", "3")
		f.Operacion = "Descargar"
		b.falla(t, f)
		if r := caso.c.descarga(v.paquetes[0]); !caso.es(r) || len(r.zip) != 0 {
			t.Errorf("%s: Descargar: %v %d", f.Tipo, r.err, r.estado)
		}
		c.espera(c.descarga(v.paquetes[0]), "CodEstatus", "5008")
	}
	for nombre, f := range map[string]sandbox.Falla{
		"of the answer": {Tipo: control.Truncado, Despues: true}, "of the SEP": {Tipo: control.Vacio, Servicio: "sep", Operacion: "cargaTituloElectronico", Despues: true},
	} {
		if _, err := b.Fallas().Agrega(f); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}

func vencida(r resultado) bool {
	var espera net.Error
	return errors.As(r.err, &espera) && espera.Timeout()
}

func TestSilencio_BeforeNothingIsRegistered(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	c.http = &http.Client{Timeout: 100 * time.Millisecond, Transport: c.http.Transport}
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.Silencio, Veces: 1})
	if r := c.solicita(opEmitidos, c.emitidos()); !vencida(r) || len(b.Estado().Solicitudes) != 0 {
		t.Errorf("%v; %d registered", r.err, len(b.Estado().Solicitudes))
	}
}

func TestSilencio_EndsWithTheSandbox(t *testing.T) {
	t.Parallel()
	dir, err := carpeta()
	if err != nil {
		t.Fatal(err)
	}
	llegada := make(chan struct{}, 1)
	var log bytes.Buffer
	s, err := sandbox.New(sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir, Log: zerolog.New(&log),
		Captura: func(sandbox.Captura) { llegada <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fallas().Agrega(sandbox.Falla{Tipo: control.Silencio, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancela := context.WithCancel(t.Context())
	defer cancela()
	fin, respuestas := make(chan error, 1), make(chan respuesta, 1)
	go func() {
		fin <- s.Run(ctx, func(soap, _ net.Addr) {
			b := &banco{Sandbox: s, soap: "http://" + soap.String()}
			c := b.cliente(t, "cfdi", sandbox.RFCEmpresa)
			go func() { respuestas <- c.autentica(c.seguridad(time.Now())) }()
		})
	}()
	<-llegada
	cancela()
	if r := <-respuestas; r.err == nil {
		t.Errorf("an answer: %d %q", r.estado, r.cuerpo)
	}
	if err := <-fin; err != nil || strings.Contains(log.String(), "do not end") {
		t.Errorf("%v, log %s", err, log.String())
	}
}
