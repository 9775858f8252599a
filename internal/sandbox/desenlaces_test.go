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

func TestOutcomes_EveryCodeSoManyTimesForOneIDAlone(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0, "solicitudes_de_por_vida": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	ids := c.askDays(2)
	paquetes := []string{strings.ToUpper(ids[0]) + "_01", strings.ToUpper(ids[1]) + "_01"}
	days := []string{"2025-05-01", "2025-05-02"}
	request := func(day string) result {
		return c.request(opEmitidos, c.emitidos("FechaInicial", day+"T00:00:00", "FechaFinal", day+"T23:59:59", "TipoSolicitud", "Metadata"))
	}
	for operation, tc := range map[string]struct {
		blobs []string
		call  func(string) result
	}{
		"VerificaSolicitudDescarga": {ids, c.verify}, "Descargar": {paquetes, c.descarga}, opEmitidos: {days, request},
	} {
		for _, codigo := range codigosSAT() {
			b.falla(t, sandbox.Falla{Operacion: operation, Tipo: control.Codigo, Codigo: codigo, Contiene: tc.blobs[0], Veces: 2})
			for range 2 {
				if r := tc.call(tc.blobs[1]); r.attr["CodEstatus"] == codigo && codigo != "5005" {
					t.Errorf("%s: %s of another object", operation, codigo)
				}
				r := tc.call(tc.blobs[0])
				c.wait(r, "CodEstatus", codigo)
				if r.attr["Mensaje"] == "" || r.attr["IdSolicitud"] != "" {
					t.Errorf("%s %s: %v", operation, codigo, r.attr)
				}
			}
		}
	}
	if l := b.Fallas().List(); len(l) != 0 {
		t.Errorf("left %+v", l)
	}
}

func TestOutcomes_EveryStateWithEachReason(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.askDays(1)[0]
	for estado := range 7 {
		for _, reason := range []string{"", "5000", "5002", "5003", "5004", "5005", "404"} {
			b.falla(t, sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: estado,
				CodigoEstadoSolicitud: reason, NumeroCFDIs: 77, Contiene: id, Veces: 1})
			v := c.verify(id)
			c.wait(v, "CodEstatus", "5000", "EstadoSolicitud", fmt.Sprint(estado), "CodigoEstadoSolicitud", reason, "NumeroCFDIs", "77")
			if strings.Contains(v.body, "CodigoEstadoSolicitud") != (reason != "") || len(v.paquetes) != 0 {
				t.Errorf("%d %s: %s", estado, reason, v.body)
			}
		}
	}
	c.wait(c.verify(id), "EstadoSolicitud", "3")
}

// Whatever takes the place of the answer, the request is registered and the download is spent.
func TestAfter_TheEffectIsThere(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 1})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	impatient := c.en(t)
	done := func() int64 { return effects(b) }
	impatient.http = &http.Client{Transport: leaver{c.http.Transport, done}}
	for i, tc := range []struct {
		falla sandbox.Falla
		c     *client
		es    func(result) bool
	}{
		{sandbox.Falla{Tipo: control.Reset}, c, func(r result) bool { return errors.Is(r.err, syscall.ECONNRESET) }},
		{sandbox.Falla{Tipo: control.HTML503}, c, func(r result) bool { return r.estado == http.StatusServiceUnavailable }},
		{sandbox.Falla{Tipo: control.Vacio}, c, func(r result) bool { return r.estado == http.StatusOK && r.body == "" }},
		{sandbox.Falla{Tipo: control.Fault}, c, func(r result) bool { return r.estado == http.StatusInternalServerError }},
		{sandbox.Falla{Tipo: control.Codigo, Codigo: "404"}, c, func(r result) bool { return r.attr["CodEstatus"] == "404" && r.attr["IdSolicitud"] == "" }},
		{sandbox.Falla{Tipo: control.Silencio}, impatient, left},
		{sandbox.Falla{Tipo: control.Lento, Delay: time.Hour}, impatient, left},
	} {
		f := tc.falla
		f.Veces, f.Despues = 1, true
		day := time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		ask := c.emitidos("FechaInicial", day+"T00:00:00", "FechaFinal", day+"T23:59:59")
		f.Operacion = opEmitidos
		b.falla(t, f)
		if r := tc.c.request(opEmitidos, ask); !tc.es(r) {
			t.Errorf("%s: Solicita: %v %d %s", f.Tipo, r.err, r.estado, r.body)
		}
		c.wait(c.request(opEmitidos, ask), "CodEstatus", "5005")
		v := c.verify(b.Estado().Solicitudes[i].ID)
		c.wait(v, "EstadoSolicitud", "3")
		f.Operacion = "Descargar"
		b.falla(t, f)
		if r := tc.c.descarga(v.paquetes[0]); !tc.es(r) || len(r.zip) != 0 {
			t.Errorf("%s: Descargar: %v %d", f.Tipo, r.err, r.estado)
		}
		c.wait(c.descarga(v.paquetes[0]), "CodEstatus", "5008")
	}
	for name, f := range map[string]sandbox.Falla{
		"of the answer": {Tipo: control.Truncado, Despues: true}, "of the SEP": {Tipo: control.Vacio, Servicio: "sep", Operacion: "cargaTituloElectronico", Despues: true},
	} {
		if _, err := b.Fallas().Add(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// effects counts what calls have come to: solicitudes that are registered, and packages
// that were downloaded.
func effects(b *bench) (n int64) {
	for _, s := range b.Estado().Solicitudes {
		n += 1 + s.Descargas
	}
	return n
}

// leaver sends calls whose caller leaves without an answer once one more is done.
type leaver struct {
	http.RoundTripper
	done func() int64
}

func (l leaver) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, leave := context.WithTimeout(r.Context(), time.Minute)
	before := l.done()
	go func() {
		for ctx.Err() == nil && l.done() == before {
			time.Sleep(time.Millisecond)
		}
		leave()
	}()
	return l.RoundTripper.RoundTrip(r.WithContext(ctx))
}

// left reports whether no answer came before the caller left.
func left(r result) bool { return errors.Is(r.err, context.Canceled) }

func expired(r result) bool {
	var wait net.Error
	return errors.As(r.err, &wait) && wait.Timeout()
}

func TestSilence_BeforeNothingIsRegistered(t *testing.T) {
	t.Parallel()
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	c.http = &http.Client{Timeout: 100 * time.Millisecond, Transport: c.http.Transport}
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.Silencio, Veces: 1})
	if r := c.request(opEmitidos, c.emitidos()); !expired(r) || len(b.Estado().Solicitudes) != 0 {
		t.Errorf("%v; %d registered", r.err, len(b.Estado().Solicitudes))
	}
}

func TestSilence_EndsWithTheSandbox(t *testing.T) {
	t.Parallel()
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	arrival := make(chan struct{}, 1)
	var log bytes.Buffer
	s, err := sandbox.New(sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: dir, Log: zerolog.New(&log),
		Capture: func(sandbox.Capture) { arrival <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fallas().Add(sandbox.Falla{Tipo: control.Silencio, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	end, answers := make(chan error, 1), make(chan answer, 1)
	go func() {
		end <- s.Run(ctx, func(soap, _ net.Addr) {
			b := &bench{Sandbox: s, soap: "http://" + soap.String()}
			c := b.client(t, "cfdi", sandbox.RFCCompany)
			go func() { answers <- c.authenticate(c.security(time.Now())) }()
		})
	}()
	<-arrival
	cancel()
	if r := <-answers; r.err == nil {
		t.Errorf("an answer: %d %q", r.estado, r.body)
	}
	if err := <-end; err != nil || strings.Contains(log.String(), "do not end") {
		t.Errorf("%v, log %s", err, log.String())
	}
}
