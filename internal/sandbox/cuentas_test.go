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
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	c.espera(c.solicita(opEmitidos, c.emitidos()), "CodEstatus", "5000")
	if n := b.Estado().MaxRecibidas; n != 1 {
		t.Errorf("%d after one", n)
	}
	// The same, said otherwise: refused, lost before and after, and a code in its place.
	c.espera(c.solicita(opEmitidos, c.emitidos("RfcSolicitante", "", "EstadoComprobante", "Vigente")), "CodEstatus", "5005")
	for _, tipo := range []control.Tipo{control.Reset, control.ResetDespues, control.HTML503, control.Vacio} {
		b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: tipo, Veces: 1})
		c.solicita(opEmitidos, c.emitidos())
	}
	// Others.
	c.solicita(opEmitidos, c.emitidos("TipoSolicitud", "Metadata"))
	c.solicita(opEmitidos, c.emitidos(), "XAXX010101000", "AAA010101AAA")
	c.solicita(opEmitidos, c.emitidos(), "AAA010101AAA", "XAXX010101000")
	c.solicita(opRecibidos, c.recibidos())
	c.solicita(opFolio, map[string]string{"Folio": strings.ToUpper(idCualquiera), "RfcSolicitante": c.rfc})
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
	dia := "FechaFinal=2026-01-10T23:59:59 FechaInicial=2026-01-10T00:00:00 "
	var vistos []string
	for _, x := range e.Criterios {
		vistos = append(vistos, fmt.Sprintf("%s %d %d %s", x.Operacion, x.Recibidas, len(x.Registradas), x.Criterios))
	}
	quiere := []string{
		opEmitidos + " 6 1 EstadoComprobante=Vigente " + dia + "RfcEmisor=PRU010101AB1 TipoSolicitud=CFDI",
		opEmitidos + " 2 2 EstadoComprobante=Vigente " + dia + "RfcEmisor=PRU010101AB1 RfcReceptores=AAA010101AAA,XAXX010101000 TipoSolicitud=CFDI",
		opEmitidos + " 1 1 EstadoComprobante=Vigente " + dia + "RfcEmisor=PRU010101AB1 TipoSolicitud=Metadata",
		opFolio + " 1 1 Folio=" + idCualquiera + " RfcSolicitante=PRU010101AB1",
		opRecibidos + " 1 1 EstadoComprobante=Vigente " + dia + "RfcReceptor=PRU010101AB1 TipoSolicitud=CFDI",
	}
	if d := cmp.Diff(slices.Sorted(slices.Values(quiere)), slices.Sorted(slices.Values(vistos))); d != "" {
		t.Error(d)
	}
	if e.MaxRecibidas != 6 || len(e.Solicitudes) != 6 || e.Solicitudes[0].Criterios == "" || e.Solicitudes[0].Operacion != opEmitidos {
		t.Errorf("max %d; %+v", e.MaxRecibidas, e.Solicitudes)
	}
}

func TestEstado_LooksAndDownloadsByID(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_paquete": 20})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	v := c.paquetes(opEmitidos, c.emitidos())
	id := b.Estado().Solicitudes[0].ID
	b.falla(t, sandbox.Falla{Operacion: "VerificaSolicitudDescarga", Tipo: control.HTML503, Veces: 1})
	c.verifica(id)
	c.verifica(strings.ToUpper(id))
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

func TestLlamadas_InOrderWithWhatCameOfThem(t *testing.T) {
	t.Parallel()
	ahora := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Operacion: opEmitidos, Tipo: control.ResetDespues, Veces: 1})
	c.solicita(opEmitidos, c.emitidos())
	id := b.Estado().Solicitudes[0].ID
	c.verifica(id)
	b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.Reset, Veces: 1})
	c.descarga(strings.ToUpper(id) + "_01")
	c.descarga(strings.ToUpper(id) + "_01")
	c.envia(rutaVerifica, "urn:otra", "")
	c.envia(rutaVerifica, accVerifica, "<no")
	var lista []control.Anotacion
	b.adminJSON(t, "GET", "/llamadas?desde=1", "", &lista)
	var vistas []string
	for _, a := range lista {
		objeto, _, _ := strings.Cut(a.Objeto, " ")
		vistas = append(vistas, strings.Join([]string{fmt.Sprint(a.Numero), a.Operacion, objeto, a.Codigo, string(a.Falla), a.ID}, " "))
		if a.Servicio != "cfdi" || a.Instante.Before(ahora) || a.Real.Before(ahora) {
			t.Errorf("%+v", a)
		}
	}
	quiere := []string{
		"2 " + opEmitidos + " EstadoComprobante=Vigente 5000 reset_despues " + id,
		"3 VerificaSolicitudDescarga " + id + " 5000  ",
		"4 Descargar " + strings.ToUpper(id) + "_01 reset reset ",
		"5 Descargar " + strings.ToUpper(id) + "_01 5000  ",
		"6 desconocida  ActionNotSupported  ",
		"7 VerificaSolicitudDescarga  HTTP 400  ",
	}
	if d := cmp.Diff(quiere, vistas); d != "" {
		t.Error(d)
	}
	var r map[string]string
	if s := b.adminJSON(t, "GET", "/llamadas?desde=x", "", &r); s != 400 || r["error"] == "" {
		t.Errorf("%d %v", s, r)
	}
	b.Reinicia()
	if len(b.Llamadas(0)) != 0 || len(b.Estado().Criterios) != 0 {
		t.Error("the reset left something")
	}
}

// firmaVacia has the shape of A and signs nothing: for firma_estricta off.
func firmaVacia(c *cliente, op, nodo, atributos, hijos string) string {
	return c.sobre(op, nodo, atributos, hijos, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", excC14n, ` URI=""`, excC14n, "AA==")+
		"<SignatureValue>AA==</SignatureValue>"+c.llave("")+"</Signature>")
}

// Two thousand requests, all of them polled at once and again: each gets its own answer.
func TestCarga_HundredsOfLiveRequests(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"firma_estricta": false, "solicitudes_de_por_vida": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	c.firma = firmaVacia // keys would be most of the work
	const vivas, obreros = 500, 32
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = obreros
	ids := make([]string, vivas)
	enParalelo := func(haz func(i int)) {
		var g sync.WaitGroup
		for o := range obreros {
			g.Go(func() {
				for i := o; i < vivas; i += obreros {
					haz(i)
				}
			})
		}
		g.Wait()
	}
	enParalelo(func(i int) {
		desde := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).Format(formatoLocal)
		ids[i] = c.solicita(opEmitidos, c.emitidos("FechaInicial", desde)).attr["IdSolicitud"]
	})
	enParalelo(func(i int) {
		for range 2 {
			if v := c.verifica(ids[i]); v.attr["EstadoSolicitud"] != "3" || len(v.paquetes) != 1 || !strings.EqualFold(v.paquetes[0], ids[i]+"_01") {
				t.Errorf("%s: %v", ids[i], v.attr)
			}
		}
	})
	e := b.Estado()
	if e.MaxRecibidas != 1 || len(e.Solicitudes) != vivas || len(e.Criterios) != vivas {
		t.Errorf("max %d, %d requests, %d criteria", e.MaxRecibidas, len(e.Solicitudes), len(e.Criterios))
	}
	for _, s := range e.Solicitudes {
		if s.Verificaciones != 2 {
			t.Fatalf("%+v", s)
		}
	}
}

func BenchmarkVerifica_AmongTwoThousand(b *testing.B) {
	s := arranca(b).rapido(b, map[string]any{"solicitudes_de_por_vida": 0})
	c := s.entra(b, "cfdi", sandbox.RFCEmpresa)
	c.http.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	var cuerpos []string
	for i := range 2000 {
		desde := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC).Format(formatoLocal)
		id := c.solicita(opEmitidos, c.emitidos("FechaInicial", desde)).attr["IdSolicitud"]
		cuerpos = append(cuerpos, c.firma(c, "VerificaSolicitudDescarga", "solicitud", canonicos(map[string]string{"IdSolicitud": id, "RfcSolicitante": c.rfc}), ""))
	}
	var n atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if r := c.envia(rutaVerifica, accVerifica, cuerpos[n.Add(1)%2000]); r.estado != http.StatusOK {
				b.Error(r.err)
			}
		}
	})
}
