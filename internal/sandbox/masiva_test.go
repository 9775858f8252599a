package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

func TestVolumen_EachDirectionHasItsOwn(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"emitidos_por_dia": 30, "recibidos_por_dia": 70})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	todos := []string{"TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"}
	c.espera(c.paquetes(opEmitidos, c.emitidos(todos...)), "NumeroCFDIs", "30")
	recibidos := c.paquetes(opRecibidos, c.recibidos(todos...))
	c.espera(recibidos, "NumeroCFDIs", "70")
	// The last of the day has an index that no issued one has.
	filas := filasDe(t, abreZip(t, c.descarga(recibidos.paquetes[0]).zip))
	for i := len(filas) - 1; i >= 0; i-- {
		if filas[i]["Estatus"] == "1" {
			v := c.paquetes(opFolio, map[string]string{"Folio": filas[i]["Uuid"], "RfcSolicitante": c.rfc})
			c.espera(v, "NumeroCFDIs", "1")
			break
		}
	}
	b.perillas(t, map[string]any{"emitidos_por_dia": 0, "cfdis_por_dia": 11})
	c.espera(c.paquetes(opEmitidos, c.emitidos(append(todos, "FechaFinal", "2026-01-10T23:59:58")...)), "NumeroCFDIs", "11")
}

// estadosDe asks for n days and returns the ids of the requests.
func (c *cliente) pideDias(n int) []string {
	c.t.Helper()
	var ids []string
	for i := range n {
		dia := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format(time.DateOnly)
		r := c.solicita(opEmitidos, c.emitidos("FechaInicial", dia+"T00:00:00", "FechaFinal", dia+"T23:59:59"))
		c.espera(r, "CodEstatus", "5000")
		ids = append(ids, r.attr["IdSolicitud"])
	}
	return ids
}

func (c *cliente) estados(ids []string) string {
	c.t.Helper()
	var todos strings.Builder
	for _, id := range ids {
		todos.WriteString(c.verifica(id).attr["EstadoSolicitud"])
	}
	return todos.String()
}

func TestAtasco_OneInSoManyStays(t *testing.T) {
	t.Parallel()
	for en, quieto := range map[string]string{"aceptada": "1", "en_proceso": "2"} {
		t.Run(en, func(t *testing.T) {
			t.Parallel()
			b := arranca(t).rapido(t, map[string]any{"atascadas_cada": 3, "atasco": "30h", "atasco_en": en})
			c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
			ids := c.pideDias(7)
			paso := func(d time.Duration, quiere string) {
				t.Helper()
				b.Reloj().Adelanta(d)
				if got := c.estados(ids); got != quiere {
					t.Errorf("%s after %v, want %s", got, d, quiere)
				}
			}
			paso(0, "33"+quieto+"33"+quieto+"3")
			paso(29*time.Hour, "33"+quieto+"33"+quieto+"3")
			paso(time.Hour, "3333333")
			// The packages of a stuck request live as long as others', from when they are made.
			paso(42*time.Hour, "66366"+"36")
			paso(30*time.Hour, "6666666")
		})
	}
}

func TestErrores_OneInSoManyEndsInState4(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"errores_cada": 2})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	ids := c.pideDias(4)
	if got := c.estados(ids); got != "3434" {
		t.Errorf("%s", got)
	}
	v := c.verifica(ids[1])
	c.espera(v, "CodEstatus", "5000", "CodigoEstadoSolicitud", "404", "NumeroCFDIs", "0")
	c.espera(c.descarga(strings.ToUpper(ids[1])+"_01"), "CodEstatus", "5004")
	// What failed is not alive, but it was one of the two of a lifetime.
	otra := func(codigo string) {
		t.Helper()
		c.espera(c.solicita(opEmitidos, c.emitidos("FechaInicial", "2026-01-02T00:00:00", "FechaFinal", "2026-01-02T23:59:59")), "CodEstatus", codigo)
	}
	otra("5000")
	b.Reloj().Adelanta(80 * time.Hour)
	otra("5002")
}

func TestPaquetes_ListGrowsWithTheClock(t *testing.T) {
	t.Parallel()
	ahora := time.Now()
	b := arranca(t, func(c *sandbox.Config) { c.Now = func() time.Time { return ahora } }).rapido(t,
		map[string]any{"cfdis_por_paquete": 15, "paquetes_cada": "1h", "vida_paquete": "3h", "numero_de_mas": 2})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.solicita(opEmitidos, c.emitidos()).attr["IdSolicitud"]
	paquete := func(n int) string { return fmt.Sprintf("%s_%02d", strings.ToUpper(id), n) }
	for n, paso := range []struct{ lista, primero, tercero string }{
		{"3: 1", "5000", "5004"}, {"3: 2", "5000", "5004"}, {"3: 3", "5008", "5000"}, {"3: 3", "5007", "5000"}, {"3: 3", "5007", "5008"}, {"6: 0", "5007", "5007"},
	} {
		v := c.verifica(id)
		if got := fmt.Sprintf("%s: %d", v.attr["EstadoSolicitud"], len(v.paquetes)); got != paso.lista {
			t.Errorf("after %d h: %s, want %s", n, got, paso.lista)
		}
		c.espera(c.descarga(paquete(1)), "CodEstatus", paso.primero)
		c.espera(c.descarga(paquete(3)), "CodEstatus", paso.tercero)
		b.Reloj().Adelanta(time.Hour)
	}
	e := b.Estado().Solicitudes[0]
	if v := c.verifica(id); v.attr["NumeroCFDIs"] != fmt.Sprint(e.Total+2) || e.Total < 31 || e.Total > 40 {
		t.Errorf("NumeroCFDIs %s of %d", v.attr["NumeroCFDIs"], e.Total)
	}
}

// A year as the demo has it, by its metadata: two requests in time that a test can wait for.
func TestEscenario_AnioGrandeIsAYearThatMustBeSplit(t *testing.T) {
	t.Parallel()
	b := arranca(t, func(c *sandbox.Config) { c.Escenario = "anio_grande" })
	b.perillas(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	anio := []string{"FechaInicial", "2025-01-01T00:00:00", "FechaFinal", "2025-12-31T23:59:59"}
	todos := append(anio, "TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")
	c.espera(c.paquetes(opEmitidos, c.emitidos(todos...)), "NumeroCFDIs", "485085")
	c.espera(c.paquetes(opRecibidos, c.recibidos(todos...)), "NumeroCFDIs", "715035")
	grande := c.solicita(opEmitidos, c.emitidos(anio...)).attr["IdSolicitud"]
	c.espera(c.verifica(grande), "EstadoSolicitud", "5", "CodigoEstadoSolicitud", "5003")
	b.perillas(t, map[string]any{"max_cfdi": 1_000_000})
	v := c.paquetes(opEmitidos, c.emitidos(append(anio, "FechaFinal", "2025-12-31T23:59:58")...))
	if n := v.attr["NumeroCFDIs"]; len(v.paquetes) != 46 || len(n) != 6 || n < "450000" {
		t.Errorf("%d packages of %s", len(v.paquetes), n)
	}
	desde, hasta := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)
	var todosSon, vigentes int
	for _, cancelado := range b.Folios(sandbox.RFCEmpresa, sat.Emitidos, desde, hasta) {
		if todosSon++; !cancelado {
			vigentes++
		}
	}
	if fmt.Sprint(todosSon) != "485085" || fmt.Sprint(vigentes) != v.attr["NumeroCFDIs"] {
		t.Errorf("%d folios, %d in force; the service says %s", todosSon, vigentes, v.attr["NumeroCFDIs"])
	}
}
