package sandbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

func TestVolume_EachDirectionHasItsOwn(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"emitidos_por_dia": 30, "recibidos_por_dia": 70})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	all := []string{"TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"}
	c.wait(c.paquetes(opEmitidos, c.emitidos(all...)), "NumeroCFDIs", "30")
	recibidos := c.paquetes(opRecibidos, c.recibidos(all...))
	c.wait(recibidos, "NumeroCFDIs", "70")
	// The last of the day has an index that no issued one has.
	rows := rowsOf(t, openZip(t, c.descarga(recibidos.paquetes[0]).zip))
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i]["Estatus"] == "1" {
			v := c.paquetes(opFolio, map[string]string{"Folio": rows[i]["Uuid"], "RfcSolicitante": c.rfc})
			c.wait(v, "NumeroCFDIs", "1")
			break
		}
	}
	b.knobs(t, map[string]any{"emitidos_por_dia": 0, "cfdis_por_dia": 11})
	c.wait(c.paquetes(opEmitidos, c.emitidos(append(all, "FechaFinal", "2026-01-10T23:59:58")...)), "NumeroCFDIs", "11")
}

// estadosDe asks for n days and returns the ids of the requests.
func (c *client) askDays(n int) []string {
	c.t.Helper()
	var ids []string
	for i := range n {
		day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format(time.DateOnly)
		r := c.request(opEmitidos, c.emitidos("FechaInicial", day+"T00:00:00", "FechaFinal", day+"T23:59:59"))
		c.wait(r, "CodEstatus", "5000")
		ids = append(ids, r.attr["IdSolicitud"])
	}
	return ids
}

func (c *client) estados(ids []string) string {
	c.t.Helper()
	var all strings.Builder
	for _, id := range ids {
		all.WriteString(c.verify(id).attr["EstadoSolicitud"])
	}
	return all.String()
}

func TestJam_OneInSoManyStays(t *testing.T) {
	t.Parallel()
	for en, quiet := range map[string]string{"aceptada": "1", "en_proceso": "2"} {
		t.Run(en, func(t *testing.T) {
			t.Parallel()
			b := start(t).fast(t, map[string]any{"atascadas_cada": 3, "atasco": "30h", "atasco_en": en})
			c := b.enter(t, "cfdi", sandbox.RFCCompany)
			ids := c.askDays(7)
			step := func(d time.Duration, wants string) {
				t.Helper()
				b.Clock().BringForward(d)
				if got := c.estados(ids); got != wants {
					t.Errorf("%s after %v, want %s", got, d, wants)
				}
			}
			step(0, "33"+quiet+"33"+quiet+"3")
			step(29*time.Hour, "33"+quiet+"33"+quiet+"3")
			step(time.Hour, "3333333")
			// The packages of a stuck request live as long as others', from when they are made.
			step(42*time.Hour, "66366"+"36")
			step(30*time.Hour, "6666666")
		})
	}
}

func TestErrors_OneInSoManyEndsInState4(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"errores_cada": 2})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	ids := c.askDays(4)
	if got := c.estados(ids); got != "3434" {
		t.Errorf("%s", got)
	}
	v := c.verify(ids[1])
	c.wait(v, "CodEstatus", "5000", "CodigoEstadoSolicitud", "404", "NumeroCFDIs", "0")
	c.wait(c.descarga(strings.ToUpper(ids[1])+"_01"), "CodEstatus", "5004")
	// What failed is not alive, but it was one of the two of a lifetime.
	other := func(codigo string) {
		t.Helper()
		c.wait(c.request(opEmitidos, c.emitidos("FechaInicial", "2026-01-02T00:00:00", "FechaFinal", "2026-01-02T23:59:59")), "CodEstatus", codigo)
	}
	other("5000")
	b.Clock().BringForward(80 * time.Hour)
	other("5002")
}

func TestPaquetes_ListGrowsWithTheClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := start(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } }).fast(t,
		map[string]any{"cfdis_por_paquete": 15, "paquetes_cada": "1h", "vida_paquete": "3h", "numero_de_mas": 2})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.request(opEmitidos, c.emitidos()).attr["IdSolicitud"]
	paquete := func(n int) string { return fmt.Sprintf("%s_%02d", strings.ToUpper(id), n) }
	for n, step := range []struct{ list, first, tercero string }{
		{"3: 1", "5000", "5004"}, {"3: 2", "5000", "5004"}, {"3: 3", "5008", "5000"}, {"3: 3", "5007", "5000"}, {"3: 3", "5007", "5008"}, {"6: 0", "5007", "5007"},
	} {
		v := c.verify(id)
		if got := fmt.Sprintf("%s: %d", v.attr["EstadoSolicitud"], len(v.paquetes)); got != step.list {
			t.Errorf("after %d h: %s, want %s", n, got, step.list)
		}
		c.wait(c.descarga(paquete(1)), "CodEstatus", step.first)
		c.wait(c.descarga(paquete(3)), "CodEstatus", step.tercero)
		b.Clock().BringForward(time.Hour)
	}
	e := b.Estado().Solicitudes[0]
	if v := c.verify(id); v.attr["NumeroCFDIs"] != fmt.Sprint(e.Total+2) || e.Total < 31 || e.Total > 40 {
		t.Errorf("NumeroCFDIs %s of %d", v.attr["NumeroCFDIs"], e.Total)
	}
}

// A year as the demo has it, by its metadata: two requests in time that a test can wait for.
func TestScenario_AnioGrandeIsAYearThatMustBeSplit(t *testing.T) {
	t.Parallel()
	b := start(t, func(c *sandbox.Config) { c.Scenario = "anio_grande" })
	b.knobs(t, map[string]any{"demora_aceptada": "0s", "demora_proceso": "0s"})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	year := []string{"FechaInicial", "2025-01-01T00:00:00", "FechaFinal", "2025-12-31T23:59:59"}
	all := append(year, "TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")
	c.wait(c.paquetes(opEmitidos, c.emitidos(all...)), "NumeroCFDIs", "485085")
	c.wait(c.paquetes(opRecibidos, c.recibidos(all...)), "NumeroCFDIs", "715035")
	big := c.request(opEmitidos, c.emitidos(year...)).attr["IdSolicitud"]
	c.wait(c.verify(big), "EstadoSolicitud", "5", "CodigoEstadoSolicitud", "5003")
	b.knobs(t, map[string]any{"max_cfdi": 1_000_000})
	v := c.paquetes(opEmitidos, c.emitidos(append(year, "FechaFinal", "2025-12-31T23:59:58")...))
	if n := v.attr["NumeroCFDIs"]; len(v.paquetes) != 46 || len(n) != 6 || n < "450000" {
		t.Errorf("%d packages of %s", len(v.paquetes), n)
	}
	since, until := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC)
	var allAre, current int
	for _, cancelled := range b.Folios(sandbox.RFCCompany, sat.Emitidos, since, until) {
		if allAre++; !cancelled {
			current++
		}
	}
	if fmt.Sprint(allAre) != "485085" || fmt.Sprint(current) != v.attr["NumeroCFDIs"] {
		t.Errorf("%d folios, %d in force; the service says %s", allAre, current, v.attr["NumeroCFDIs"])
	}
}
