package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// inBoth runs a scenario with each database.
func inBoth(t *testing.T, test func(*testing.T, gatewaytest.Options)) {
	t.Helper()
	t.Parallel()
	for _, postgres := range []bool{false, true} {
		t.Run(map[bool]string{false: "sqlite", true: "postgres"}[postgres], func(t *testing.T) {
			t.Parallel()
			test(t, gatewaytest.Options{Postgres: postgres})
		})
	}
}

// mountRig starts a pair with a running sandbox clock.
func mountRig(t *testing.T, opts gatewaytest.Options, knobs map[string]any) *rig {
	t.Helper()
	r := start(t, opts)
	fast(t, r.Gateway, knobs)
	return r
}

// unrepeated checks that no criteria were sent twice, that no package was served three
// times, and that the descargas' quotas equal the sandbox's counts.
func unrepeated(t *testing.T, r *rig, ds ...descarga) {
	t.Helper()
	e := r.Sandbox.Estado()
	if e.MaxRecibidas > 1 {
		t.Errorf("the same was asked for %d times", e.MaxRecibidas)
	}
	for _, s := range e.Solicitudes {
		for _, p := range s.PorPaquete {
			// A download without a single byte may be requested again: the SAT may or may
			// not have counted it.
			if p.Servidas > 2 || p.Pedidas > 3 {
				t.Errorf("package %s was asked for %d times and served %d", p.ID, p.Pedidas, p.Servidas)
			}
		}
	}
	if len(ds) == 0 {
		return
	}
	var solicitudes, downloads int64
	for _, d := range ds {
		solicitudes += int64(d.Cuota.SolicitudesPresentadas)
		downloads += int64(d.Cuota.PaquetesServidos)
	}
	views := r.calls(opEmitidos) + r.calls(opRecibidos)
	if solicitudes != views || downloads != r.calls(opDescargar) {
		t.Errorf("quota: %d solicitudes and %d downloads, the SAT saw %d and %d", solicitudes, downloads, views, r.calls(opDescargar))
	}
}

// uuids returns all UUIDs of a metadata descarga, sorted.
func uuids(t *testing.T, g *gatewaytest.Gateway, path string) []string {
	t.Helper()
	got := g.Get(path + "/metadatos.ndjson?parcial=true")
	wantStatus(t, got, http.StatusOK)
	var all []string
	for line := range strings.Lines(string(got.Body)) {
		var row struct{ UUID, FechaEmision string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.ToLower(row.UUID))
	}
	slices.Sort(all)
	return all
}

// wholeRange reads the same range in one piece, from another sandbox with the same seed.
func wholeRange(t *testing.T, knobs, body map[string]any) []string {
	t.Helper()
	r := mountRig(t, gatewaytest.Options{}, knobs)
	path := create(t, r.Gateway, body)
	if d := wait(t, r.Gateway, path); d.Estado != "terminada" || d.Cuota.SolicitudesPresentadas != 1 {
		t.Fatalf("in one piece: %+v", d)
	}
	return uuids(t, r.Gateway, path)
}

// same checks that the contents are equal.
func same(t *testing.T, got, want []string) {
	t.Helper()
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d: %v", len(got), len(want), difference(got, want))
	}
}

func difference(got, want []string) string {
	times := map[string]int{}
	for _, x := range got {
		times[x]++
	}
	for _, x := range want {
		times[x]--
	}
	missing, surplus := 0, 0
	for _, n := range times {
		missing, surplus = missing+max(-n, 0), surplus+max(n, 0)
	}
	return fmt.Sprintf("%d missing, %d too many", missing, surplus)
}

func estados(d descarga) map[string]int {
	n := map[string]int{}
	for _, s := range d.Solicitudes {
		n[s.Estado]++
	}
	return n
}

// eventos returns the types of a descarga's events, whose numbers have no gap.
func eventos(t *testing.T, r *rig, path string) []string {
	t.Helper()
	var tipos []string
	for next := path + "/eventos"; next != ""; {
		got := r.Get(next)
		var page struct {
			Eventos []struct {
				Numero int
				Tipo   string
			}
		}
		got.JSON(t, &page)
		for _, e := range page.Eventos {
			if tipos = append(tipos, e.Tipo); e.Numero != len(tipos) {
				t.Errorf("event %d is numbered %d", len(tipos), e.Numero)
			}
		}
		next = nextOf(got)
	}
	return tipos
}

func TestDescargas_When5003HalvesToTheEnd(t *testing.T) {
	inBoth(t, func(t *testing.T, opts gatewaytest.Options) {
		r := mountRig(t, opts, map[string]any{"cfdis_por_dia": 40, "max_metadata": 100, "filas_por_paquete": 30})
		body := request("Metadata", map[string]any{"fechaInicial": "2026-01-03T04:05:06", "fechaFinal": "2026-01-29T07:08:09"})
		path := create(t, r.Gateway, body)
		d := wait(t, r.Gateway, path)
		if n := estados(d); d.Estado != "terminada" || n["partida"] < 10 || n["sustituida"] != 0 || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
			t.Errorf("%s %s %v %+v", d.Estado, d.Motivo, n, d.Progreso)
		}
		same(t, uuids(t, r.Gateway, path), wholeRange(t, map[string]any{"cfdis_por_dia": 40}, body))
		unrepeated(t, r, d)
	})
}

// There is a comprobante in every two seconds, and a solicitud holds one row. A half of
// two seconds therefore also brings a neighbour, which is read elsewhere.
func TestDescargas_When5003HalvesDownToSingleSeconds(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 43_200, "max_metadata": 1})
	body := request("Metadata", map[string]any{"fechaInicial": "2026-01-03T00:00:01", "fechaFinal": "2026-01-03T00:00:32"})
	path := create(t, r.Gateway, body)
	d := wait(t, r.Gateway, path)
	only := 0
	for _, s := range d.Solicitudes {
		if s.Desde == s.Hasta {
			if s.PideDesde == s.PideHasta {
				t.Errorf("a single second was asked for: %+v", s)
			}
			only++
		}
	}
	if d.Estado != "terminada" || only == 0 {
		t.Errorf("%s %s, %d single seconds", d.Estado, d.Motivo, only)
	}
	same(t, uuids(t, r.Gateway, path), wholeRange(t, map[string]any{"cfdis_por_dia": 43_200}, body))
	unrepeated(t, r) // neighbours share a solicitud
}

func TestDescargas_WhenASecondHoldsTooManyItIsTold(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 172_800, "max_metadata": 3})
	path := create(t, r.Gateway, request("Metadata", map[string]any{"fechaInicial": "2026-01-03T00:00:00", "fechaFinal": "2026-01-03T00:00:03"}))
	d := wait(t, r.Gateway, path)
	if d.Estado != "fallida" || !strings.Contains(d.Motivo, "demasiados comprobantes en un solo segundo") || !strings.Contains(d.Motivo, "tipoComprobante") {
		t.Errorf("%s %q", d.Estado, d.Motivo)
	}
	unrepeated(t, r)
}

// The same criteria are never sent again: each repeat is a second wider, and the extra
// second is not in the content.
func TestDescargas_WhenAnswersOfSolicitaAreLost(t *testing.T) {
	inBoth(t, func(t *testing.T, opts gatewaytest.Options) {
		knobs := map[string]any{"cfdis_por_dia": 43_200} // something in every two seconds
		body := request("Metadata", map[string]any{"fechaInicial": "2026-01-03T00:00:00", "fechaFinal": "2026-01-03T01:00:00"})
		want := wholeRange(t, knobs, body)
		for name, f := range map[string]sandbox.Falla{
			"reset": {Tipo: control.ResetDespues}, "503": {Tipo: control.HTML503, Despues: true},
		} {
			if opts.Postgres && name != "reset" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := mountRig(t, opts, knobs)
				f.Operacion, f.Veces = opEmitidos, 2
				r.falla(f)
				path := create(t, r.Gateway, body)
				d := wait(t, r.Gateway, path)
				last := d.Solicitudes[len(d.Solicitudes)-1]
				if d.Estado != "terminada" || d.Cuota.SolicitudesPresentadas != 3 || last.PideHasta != "2026-01-03T01:00:02" || last.Hasta != "2026-01-03T01:00:00" {
					t.Errorf("%s %s %+v %+v", d.Estado, d.Motivo, d.Cuota, d.Solicitudes)
				}
				same(t, uuids(t, r.Gateway, path), want)
				unrepeated(t, r, d)
			})
		}
	})
}

func TestDescargas_WhenTheSATRefusesSolicita(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	day := 0
	for name, tc := range map[string]struct {
		f           sandbox.Falla
		estado      string
		solicitudes int
		// more is how many seconds wider the last request is; motivo is a part of the
		// reason.
		more   int
		motivo string
	}{
		"5002 once":              {sandbox.Falla{Tipo: control.Codigo, Codigo: "5002"}, "terminada", 2, 1, ""},
		"5002 twice":             {sandbox.Falla{Tipo: control.Codigo, Codigo: "5002", Veces: 2}, "fallida", 2, 1, "de por vida"},
		"5005 of nobody we know": {sandbox.Falla{Tipo: control.Codigo, Codigo: "5005"}, "terminada", 2, 1, ""},
		"404 with the id":        {sandbox.Falla{Tipo: control.Codigo, Codigo: "404", ConID: true}, "terminada", 1, 0, ""},
		"5002 with the id":       {sandbox.Falla{Tipo: control.Codigo, Codigo: "5002", ConID: true}, "terminada", 1, 0, ""},
		"404 and 404":            {sandbox.Falla{Tipo: control.Codigo, Codigo: "404", Veces: 3}, "terminada", 4, 3, ""},
		"the service is away":    {sandbox.Falla{Tipo: control.HTML503, Veces: 3}, "terminada", 4, 3, ""},
		"304 for good":           {sandbox.Falla{Tipo: control.Codigo, Codigo: "304", Veces: 100}, "fallida", 4, 3, "revocada"},
		"305 for good":           {sandbox.Falla{Tipo: control.Codigo, Codigo: "305", Veces: 100}, "fallida", 9, 8, "certificado"},
		"301":                    {sandbox.Falla{Tipo: control.Codigo, Codigo: "301"}, "fallida", 1, 0, "rechazó un dato"},
		"5001":                   {sandbox.Falla{Tipo: control.Codigo, Codigo: "5001"}, "fallida", 1, 0, "no autoriza"},
		"5012":                   {sandbox.Falla{Tipo: control.Codigo, Codigo: "5012"}, "fallida", 1, 0, "Metadata"},
	} {
		day++
		since := fmt.Sprintf("2026-01-%02dT00:00:00", day)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.f.Operacion, tc.f.Contiene = opEmitidos, since
			r.falla(tc.f)
			path := create(t, r.Gateway, request("Metadata", map[string]any{"fechaInicial": since, "fechaFinal": since[:11] + "12:00:00"}))
			d := wait(t, r.Gateway, path)
			last := d.Solicitudes[len(d.Solicitudes)-1]
			views := 0
			for _, ll := range r.Sandbox.Calls(0) {
				if ll.Operacion == opEmitidos && strings.Contains(ll.Objeto, since) {
					views++
				}
			}
			if d.Estado != tc.estado || d.Cuota.SolicitudesPresentadas != tc.solicitudes || views != tc.solicitudes || last.PideHasta != since[:11]+fmt.Sprintf("12:00:%02d", tc.more) || !strings.Contains(d.Motivo, tc.motivo) {
				t.Errorf("%s %q, %d solicitudes, the last %+v", d.Estado, d.Motivo, d.Cuota.SolicitudesPresentadas, last)
			}
			if tipos := eventos(t, r, path); tipos[0] != "creada" || tipos[len(tipos)-1] != d.Estado {
				t.Errorf("events %v", tipos)
			}
			unrepeated(t, r)
		})
	}
}

func TestDescargas_WhenTheSATAnswersVerifica(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	day := 0
	five := func(motivo string) sandbox.Falla {
		return sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: motivo}
	}
	for name, tc := range map[string]struct {
		f           sandbox.Falla
		estado      string
		solicitudes int
	}{
		"4":                    {sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 4}, "terminada", 2},
		"6":                    {sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 6}, "terminada", 2},
		"3 without packages":   {sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 3, NumeroCFDIs: 7, Veces: 2}, "terminada", 1},
		"0":                    {sandbox.Falla{Tipo: control.Codigo, Codigo: "5000"}, "terminada", 1},
		"5 with 5002":          {five("5002"), "terminada", 2},
		"5 with 5003":          {five("5003"), "terminada", 3},
		"5 with 5004":          {five("5004"), "vacia", 1},
		"5 with 5005":          {five("5005"), "terminada", 2},
		"5 with 404":           {five("404"), "terminada", 2},
		"5 with nothing":       {five(""), "terminada", 2},
		"5 with 5000":          {five("5000"), "terminada", 2},
		"404s":                 {sandbox.Falla{Tipo: control.Codigo, Codigo: "404", Veces: 6}, "terminada", 1},
		"5004, late":           {sandbox.Falla{Tipo: control.Codigo, Codigo: "5004", Veces: 2}, "terminada", 1},
		"5004 for good":        {sandbox.Falla{Tipo: control.Codigo, Codigo: "5004", Veces: 4}, "terminada", 2},
		"305 on a bad day":     {sandbox.Falla{Tipo: control.Codigo, Codigo: "305", Veces: 2}, "terminada", 1},
		"305 for good":         {sandbox.Falla{Tipo: control.Codigo, Codigo: "305", Veces: 100}, "fallida", 1},
		"resets":               {sandbox.Falla{Tipo: control.Reset, Veces: 4}, "terminada", 1},
		"an expired token":     {sandbox.Falla{Tipo: control.Codigo, Codigo: "300", Veces: 1}, "terminada", 1},
		"expired tokens, many": {sandbox.Falla{Tipo: control.Codigo, Codigo: "300", Veces: 7}, "terminada", 1},
	} {
		day++
		t.Run(name, func(t *testing.T) { // in turn: a fault of Verifica knows no range
			r.Sandbox.Fallas().Reset()
			before := r.calls(opEmitidos)
			tc.f.Operacion = opVerify
			r.falla(tc.f)
			today := fmt.Sprintf("2026-01-%02dT", day)
			d := wait(t, r.Gateway, create(t, r.Gateway, request("Metadata", map[string]any{"fechaInicial": today + "00:00:00", "fechaFinal": today + "23:00:00"})))
			if d.Estado != tc.estado || d.Cuota.SolicitudesPresentadas != tc.solicitudes || r.calls(opEmitidos)-before != int64(tc.solicitudes) {
				t.Errorf("%s %q, %d solicitudes: %+v", d.Estado, d.Motivo, d.Cuota.SolicitudesPresentadas, d.Solicitudes)
			}
			unrepeated(t, r)
		})
	}
}

func TestDescargas_WhenTheSATIsAwayForAWhileItFinishes(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	// Two of every three minutes on the sandbox's clock, which is about a second.
	if _, err := r.Sandbox.Fallas().Add(sandbox.Falla{Servicio: "cfdi", Tipo: control.HTML503, Last: 2 * time.Minute, Repeat: 4 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	path := create(t, r.Gateway, request("Metadata", nil))
	d := wait(t, r.Gateway, path)
	if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
		t.Errorf("%+v", d)
	}
	if e := r.Sandbox.Estado(); e.MaxRecibidas > 1 {
		t.Errorf("the same was asked for %d times", e.MaxRecibidas)
	}
}

func TestDescargas_WhenAPackageIsLostTheRangeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]sandbox.Falla{
		"truncated": {Tipo: control.Truncado, Bytes: 2500}, "no ZIP": {Tipo: control.ZipInvalido, Bytes: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mountRig(t, gatewaytest.Options{}, map[string]any{"filas_por_paquete": 50})
			f.Operacion, f.Contiene = opDescargar, "_02"
			r.falla(f)
			f.Bytes++ // two that are the same would be all that the SAT has
			r.falla(f)
			path := create(t, r.Gateway, request("Metadata", nil))
			d := wait(t, r.Gateway, path)
			if n := estados(d); d.Estado != "terminada" || n["sustituida"] != 1 || n["terminada"] != 1 || d.Cuota.SolicitudesPresentadas != 2 {
				t.Errorf("%s %s %v %+v", d.Estado, d.Motivo, n, d.Cuota)
			}
			// The content of the lost solicitud is not read in addition to its
			// replacement's.
			same(t, uuids(t, r.Gateway, path), wholeRange(t, nil, request("Metadata", nil)))
			unrepeated(t, r)
		})
	}
}

func TestDescargas_WhenTheListOfPackagesGrows(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"filas_por_paquete": 40, "paquetes_cada": "30s"})
	path := create(t, r.Gateway, request("Metadata", nil))
	d := wait(t, r.Gateway, path)
	if d.Estado != "terminada" || d.Progreso.TotalPaquetes != 4 || d.Progreso.PaquetesGuardados != 4 || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
		t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
	}
	unrepeated(t, r, d)
}

func TestDescargas_WhenTheSATCountsMoreThanItGives(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"numero_de_mas": 3})
	path := create(t, r.Gateway, request("Metadata", nil))
	d := wait(t, r.Gateway, path)
	if d.Estado != "parcial" || !strings.Contains(d.Motivo, "faltan 3") || d.Progreso.NumeroCFDIs != d.Progreso.Encontrados+3 {
		t.Errorf("%s %q %+v", d.Estado, d.Motivo, d.Progreso)
	}
	if got := uuids(t, r.Gateway, path); int64(len(got)) != d.Progreso.Encontrados {
		t.Errorf("%d rows, and %d were found", len(got), d.Progreso.Encontrados)
	}
	unrepeated(t, r, d)
}

func TestDescargas_WhenThereIsNothing(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 1})
	for _, tipo := range []string{"CFDI", "Metadata"} {
		path := create(t, r.Gateway, request(tipo, map[string]any{"fechaInicial": "2026-01-03T00:00:00", "fechaFinal": "2026-01-03T00:00:01"}))
		d := wait(t, r.Gateway, path)
		if d.Estado != "vacia" || d.Progreso.Porcentaje != 100 || d.Cuota.PaquetesServidos != 0 {
			t.Errorf("%s: %+v", tipo, d)
		}
		unrepeated(t, r)
	}
}

// If our ledger knows the other program's solicitud, it is adopted. Otherwise its id is
// unknown, and a second more is requested.
func TestDescargas_WhenAnotherProgramHasAskedForTheSame(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{true, false} {
		t.Run(map[bool]string{true: "through us", false: "elsewhere"}[ours], func(t *testing.T) {
			t.Parallel()
			r := mountRig(t, gatewaytest.Options{}, nil)
			other := r.Gateway
			if !ours {
				other = r.Beside()
			}
			id := other.Request("cfdi", gatewaytest.Company, map[string]any{"tipoSolicitud": "Metadata", "estadoComprobante": "Todos"})
			path := create(t, r.Gateway, request("Metadata", nil))
			d := wait(t, r.Gateway, path)
			last := d.Solicitudes[len(d.Solicitudes)-1]
			if d.Estado != "terminada" || (last.IDSolicitud == id) != ours {
				t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Solicitudes)
			}
			if ours {
				if d.Cuota.SolicitudesPresentadas != 0 || !slices.Contains(eventos(t, r, path), "adoptada") {
					t.Errorf("%+v, events %v", d.Cuota, eventos(t, r, path))
				}
				unrepeated(t, r)
			} else if d.Cuota.SolicitudesPresentadas != 2 || last.PideHasta != "2026-02-01T00:00:00" {
				t.Errorf("%+v %+v", d.Cuota, last)
			}
			same(t, uuids(t, r.Gateway, path), wholeRange(t, nil, request("Metadata", nil)))
		})
	}
}

func TestDescargas_WhenTheTaxpayerOrTheServiceIsUnusual(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"max_metadata": 60, "max_cfdi": 60})
	for name, changes := range map[string]map[string]any{
		"an RFC with Ñ and &":            {"rfcSolicitante": gatewaytest.CompanyOdd},
		"a person":                       {"rfcSolicitante": gatewaytest.Persona, "tipoDescarga": "recibidos"},
		"retenciones":                    {"servicio": "retenciones"},
		"retenciones of an RFC with Ñ&":  {"servicio": "retenciones", "rfcSolicitante": gatewaytest.CompanyOdd, "tipoDescarga": "recibidos"},
		"XML of retenciones":             {"servicio": "retenciones", "tipoSolicitud": "CFDI"},
		"cancelled ones of the metadata": {"estadoComprobante": "Cancelado"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := create(t, r.Gateway, request("Metadata", changes))
			d := wait(t, r.Gateway, path)
			if d.Estado != "terminada" || d.Progreso.Encontrados == 0 || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
				t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
			}
			unrepeated(t, r)
		})
	}
}

func TestDescargas_WhenTheEFirmaIsMissingOrTheKeyIsTaken(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	wantProblem(t, r.Post(descargasPath, request("Metadata", map[string]any{"rfcSolicitante": "AAA010101AAA"})), http.StatusUnprocessableEntity, "efirma")
	wantStatus(t, r.Post(descargasPath, request("Metadata", nil), "Idempotency-Key", "k"), http.StatusAccepted)
	wantProblem(t, r.Post(descargasPath, request("CFDI", nil), "Idempotency-Key", "k"), http.StatusConflict, "conflicto")
	wantProblem(t, r.Post(descargasPath, request("Metadata", map[string]any{"plazoHoras": 5}), "Idempotency-Key", "k"), http.StatusConflict, "conflicto")
	wantProblem(t, r.Get(descargasPath+"?cursor=nada"), http.StatusBadRequest, "solicitud-malformada")
	if n := r.calls(opEmitidos); n > 1 {
		t.Errorf("%d solicitudes", n)
	}
}

// From the first second that the SAT serves to the last.
func TestDescargas_WhenSixYearsAreAskedForAtOnce(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 1, "max_metadata": 300})
	today := time.Now().Add(-6 * time.Hour).UTC()
	body := request("Metadata", map[string]any{"fechaInicial": today.AddDate(-6, 0, 1).Format("2006-01-02") + "T00:00:00", "fechaFinal": today.Add(-time.Minute).Format("2006-01-02T15:04:05")})
	path := create(t, r.Gateway, body)
	d := wait(t, r.Gateway, path)
	if d.Estado != "terminada" || d.Progreso.Encontrados < 2185 || d.Progreso.Encontrados != int64(len(uuids(t, r.Gateway, path))) {
		t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
	}
	unrepeated(t, r, d)
}
