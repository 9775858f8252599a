package sandbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

func TestCriterios_EverySolicitaThatArrivedCounts(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	c.wait(c.request(opEmitidos, c.emitidos()), "CodEstatus", "5000")
	if n := b.Estado().MaxRecibidas; n != 1 {
		t.Errorf("%d after one", n)
	}
	// The same, said otherwise: refused, lost before and after, and a code in its place.
	c.wait(c.request(opEmitidos, c.emitidos("RfcSolicitante", "", "EstadoComprobante", "Vigente")), "CodEstatus", "5005")
	for _, tipo := range []control.Tipo{control.Reset, control.ResetDespues, control.HTML503, control.Vacio} {
		b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: tipo, Veces: 1})
		c.request(opEmitidos, c.emitidos())
	}
	// Others.
	c.request(opEmitidos, c.emitidos("TipoSolicitud", "Metadata"))
	c.request(opEmitidos, c.emitidos(), "XAXX010101000", "AAA010101AAA")
	c.request(opEmitidos, c.emitidos(), "AAA010101AAA", "XAXX010101000")
	c.request(opRecibidos, c.recibidos())
	c.request(opFolio, map[string]string{"Folio": strings.ToUpper(idAny), "RfcSolicitante": c.rfc})
	var e struct {
		Criterios []struct {
			Servicio, Operacion, Criterios string
			Recibidas                      int64
			Registradas                    []string
		}
		MaxRecibidas int64
		Solicitudes  []struct{ IDSolicitud, Criterios, Operacion string }
	}
	b.adminJSON(t, "GET", "/estado", "", &e)
	day := "FechaFinal=2026-01-10T23:59:59 FechaInicial=2026-01-10T00:00:00 "
	var seen []string
	for _, x := range e.Criterios {
		seen = append(seen, fmt.Sprintf("%s %d %d %s", x.Operacion, x.Recibidas, len(x.Registradas), x.Criterios))
	}
	wants := []string{
		opEmitidos + " 6 1 EstadoComprobante=Vigente " + day + "RfcEmisor=PRU010101AB1 TipoSolicitud=CFDI",
		opEmitidos + " 2 2 EstadoComprobante=Vigente " + day + "RfcEmisor=PRU010101AB1 RfcReceptores=AAA010101AAA,XAXX010101000 TipoSolicitud=CFDI",
		opEmitidos + " 1 1 EstadoComprobante=Vigente " + day + "RfcEmisor=PRU010101AB1 TipoSolicitud=Metadata",
		opFolio + " 1 1 Folio=" + idAny + " RfcSolicitante=PRU010101AB1",
		opRecibidos + " 1 1 EstadoComprobante=Vigente " + day + "RfcReceptor=PRU010101AB1 TipoSolicitud=CFDI",
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(wants)), slices.Sorted(slices.Values(seen))); d != "" {
		t.Error(d)
	}
	if e.MaxRecibidas != 6 || len(e.Solicitudes) != 6 || e.Solicitudes[0].Criterios == "" || e.Solicitudes[0].Operacion != opEmitidos {
		t.Errorf("max %d; %+v", e.MaxRecibidas, e.Solicitudes)
	}
}

func TestEstado_LooksAndDownloadsByID(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"cfdis_por_paquete": 20})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos())
	id := b.Estado().Solicitudes[0].ID
	b.falla(t, sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.HTML503, Veces: 1})
	c.verify(id)
	c.verify(strings.ToUpper(id))
	for _, tipo := range []control.Tipo{control.Reset, control.ResetDespues} {
		b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: tipo, Veces: 1})
		c.descarga(v.paquetes[1])
	}
	for range 2 {
		c.descarga(v.paquetes[1])
	}
	var e struct {
		Solicitudes []struct {
			Verificaciones, Descargas int64
			PorPaquete                []struct {
				IDPaquete         string
				Pedidas, Servidas int64
			}
		}
	}
	b.adminJSON(t, "GET", "/estado", "", &e)
	s := e.Solicitudes[0]
	if got := fmt.Sprint(s.Verificaciones, s.Descargas, s.PorPaquete); got != fmt.Sprintf("3 2 [{%s 0 0} {%s 4 2}]", v.paquetes[0], v.paquetes[1]) {
		t.Error(got)
	}
}

func TestCalls_InOrderWithWhatCameOfThem(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues, Veces: 1})
	c.request(opEmitidos, c.emitidos())
	id := b.Estado().Solicitudes[0].ID
	c.verify(id)
	b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.Reset, Veces: 1})
	c.descarga(strings.ToUpper(id) + "_01")
	c.descarga(strings.ToUpper(id) + "_01")
	c.send(pathVerify, "urn:otra", "")
	c.send(pathVerify, accVerify, "<no")
	var list []control.Note
	b.adminJSON(t, "GET", "/llamadas?desde=1", "", &list)
	var views []string
	for _, a := range list {
		blob, _, _ := strings.Cut(a.Objeto, " ")
		views = append(views, strings.Join([]string{fmt.Sprint(a.Numero), a.Operacion, blob, a.Codigo, string(a.Falla), a.ID}, " "))
		if a.Servicio != "cfdi" || a.Instante.Before(now) || a.Real.Before(now) {
			t.Errorf("%+v", a)
		}
	}
	wants := []string{
		"2 " + opEmitidos + " EstadoComprobante=Vigente 5000 reset_despues " + id,
		"3 VerificaSolicitudDescarga " + id + " 5000  ",
		"4 Descargar " + strings.ToUpper(id) + "_01 reset reset ",
		"5 Descargar " + strings.ToUpper(id) + "_01 5000  ",
		"6 desconocida  ActionNotSupported  ",
		"7 VerificaSolicitudDescarga  HTTP 400  ",
	}
	if d := cmp.Diff(wants, views); d != "" {
		t.Error(d)
	}
	var r map[string]string
	if s := b.adminJSON(t, "GET", "/llamadas?desde=x", "", &r); s != 400 || r["error"] == "" {
		t.Errorf("%d %v", s, r)
	}
	b.Reset()
	if len(b.Calls(0)) != 0 || len(b.Estado().Criterios) != 0 {
		t.Error("the reset left something")
	}
}

// emptyFirma has the shape of A and signs nothing: for firma_estricta off.
func emptyFirma(c *client, op, node, attributes, children string) string {
	return c.envelope(op, node, attributes, children, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", excC14n, ` URI=""`, excC14n, "AA==")+
		"<SignatureValue>AA==</SignatureValue>"+c.llave("")+"</Signature>")
}

// Two thousand requests, all of them polled at once and again: each gets its own answer.
func TestUpload_HundredsOfLiveRequests(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"firma_estricta": false, "solicitudes_de_por_vida": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	c.firma = emptyFirma // keys would be most of the work
	const live, workers = 500, 32
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = workers
	ids := make([]string, live)
	inParallel := func(build func(i int)) {
		var g sync.WaitGroup
		for o := range workers {
			g.Go(func() {
				for i := o; i < live; i += workers {
					build(i)
				}
			})
		}
		g.Wait()
	}
	inParallel(func(i int) {
		since := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).Format(localFormat)
		ids[i] = c.request(opEmitidos, c.emitidos("FechaInicial", since)).attr["IdSolicitud"]
	})
	inParallel(func(i int) {
		for range 2 {
			if v := c.verify(ids[i]); v.attr["EstadoSolicitud"] != "3" || len(v.paquetes) != 1 || !strings.EqualFold(v.paquetes[0], ids[i]+"_01") {
				t.Errorf("%s: %v", ids[i], v.attr)
			}
		}
	})
	e := b.Estado()
	if e.MaxRecibidas != 1 || len(e.Solicitudes) != live || len(e.Criterios) != live {
		t.Errorf("max %d, %d requests, %d criteria", e.MaxRecibidas, len(e.Solicitudes), len(e.Criterios))
	}
	for _, s := range e.Solicitudes {
		if s.Verificaciones != 2 {
			t.Fatalf("%+v", s)
		}
	}
}

func BenchmarkVerify_AmongTwoThousand(b *testing.B) {
	s := start(b).fast(b, map[string]any{"solicitudes_de_por_vida": 0})
	c := s.enter(b, "cfdi", sandbox.RFCCompany)
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	var bodies []string
	for i := range 2000 {
		since := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).Format(localFormat)
		id := c.request(opEmitidos, c.emitidos("FechaInicial", since)).attr["IdSolicitud"]
		bodies = append(bodies, c.firma(c, "VerificaSolicitudDescarga", "solicitud", canonical(map[string]string{"IdSolicitud": id, "RfcSolicitante": c.rfc}), ""))
	}
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r := c.send(pathVerify, accVerify, bodies[n.Add(1)%2000]); r.estado != http.StatusOK {
				b.Error(r.err)
			}
		}
	})
}
