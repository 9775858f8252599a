package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// passing are refusals that people saw pass, each returned once. two reports that the SAT
// had already registered a solicitud, so another one is presented.
func passing() map[string]struct {
	f   sandbox.Falla
	two bool
} {
	type tc = struct {
		f   sandbox.Falla
		two bool
	}
	all := map[string]tc{
		"InvalidSecurity":    {f: sandbox.Falla{Tipo: control.Fault, Faultcode: "InvalidSecurity"}},
		"ActionNotSupported": {f: sandbox.Falla{Tipo: control.Fault, Faultcode: "ActionNotSupported"}},
		"an internal fault":  {f: sandbox.Falla{Tipo: control.Fault}},
		"HTTP 503":           {f: sandbox.Falla{Tipo: control.HTML503}},
		"5 without a reason": {f: sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5}, two: true},
		"5 with 5000":        {f: sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5000"}, two: true},
	}
	for _, codigo := range []string{"302", "303", "304", "305", "404", "5006", "777"} {
		all[codigo] = tc{f: sandbox.Falla{Tipo: control.Codigo, Codigo: codigo}}
	}
	for _, status := range []int{200, 302, 403, 404, 429, 500, 502} {
		all[fmt.Sprintf("a page with HTTP %d", status)] = tc{f: sandbox.Falla{Tipo: control.Pagina, HTTP: status}}
	}
	return all
}

// A passing refusal at any step ends no descarga and costs no solicitud that the SAT had
// registered.
func TestDescargas_WhenTheSATHasABadMoment(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{opAutentica, opEmitidos, opVerify, opDescargar} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			r := mountRig(t, gatewaytest.Options{}, nil)
			day := 0
			for name, tc := range passing() {
				if isEstado := tc.f.EstadoSolicitud != 0; isEstado && operation != opVerify || operation == opAutentica && tc.f.Tipo == control.Codigo {
					continue
				}
				day++
				t.Run(name, func(t *testing.T) { // in turn: a fault knows no range
					if operation == opAutentica {
						r = mountRig(t, gatewaytest.Options{}, nil) // no token is in its cache
					}
					tc.f.Operacion = operation
					r.falla(tc.f)
					before := len(r.Sandbox.Estado().Solicitudes)
					today := fmt.Sprintf("2026-01-%02dT", day)
					path := create(t, r.Gateway, request("Metadata", map[string]any{"fechaInicial": today + "00:00:00", "fechaFinal": today + "23:00:00"}))
					d := wait(t, r.Gateway, path)
					if n := len(r.Sandbox.Fallas().List()); n != 0 {
						t.Errorf("%d faults were not met", n)
					}
					want := map[bool]int{false: 1, true: 2}[tc.two]
					if n := len(r.Sandbox.Estado().Solicitudes) - before; d.Estado != "terminada" || n != want || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
						t.Errorf("%s %q, the SAT registered %d: %+v, events %v", d.Estado, d.Motivo, n, d.Solicitudes, eventos(t, r, path))
					}
					for _, s := range r.Sandbox.Estado().Solicitudes {
						for _, p := range s.PorPaquete {
							if p.Servidas > 1 {
								t.Errorf("package %s was served %d times", p.ID, p.Servidas)
							}
						}
					}
					unrepeated(t, r)
				})
			}
		})
	}
}

// descargasMonth makes a descarga for each day of a month in two ways, and returns the
// results.
func descargasMonth(t *testing.T, r *rig) (ds []descarga) {
	t.Helper()
	var paths []string
	for day := 1; day <= 31; day++ {
		today := fmt.Sprintf("2026-01-%02dT", day)
		rango := map[string]any{"fechaInicial": today + "00:00:00", "fechaFinal": today + "23:59:59"}
		paths = append(paths, create(t, r.Gateway, request("Metadata", rango)))
		rango["tipoDescarga"] = "recibidos"
		paths = append(paths, create(t, r.Gateway, request("CFDI", rango)))
	}
	for _, path := range paths {
		var d descarga
		end := time.Now().Add(5 * time.Minute)
		for {
			if d = look(t, r, path); slices.Contains(final, d.Estado) {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("it does not end: %+v, events %v", d, eventos(t, r, path))
			}
			time.Sleep(50 * time.Millisecond)
		}
		if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Progreso.NumeroCFDIs == 0 {
			t.Errorf("%s: %s %q %+v, events %v", path, d.Estado, d.Motivo, d.Progreso, eventos(t, r, path))
		}
		ds = append(ds, d)
	}
	return ds
}

// If one answer in twenty is bad, a month ends as on a good day. The extra cost at the
// SAT is only what the bad answers had already cost.
func TestDescargas_WhenOneAnswerInTwentyIsABadOne(t *testing.T) {
	t.Parallel()
	expense := func(bad bool) (submitted, registered, downloads int) {
		r := mountRig(t, gatewaytest.Options{}, nil)
		if bad {
			r.always(sandbox.Falla{Tipo: control.Intermitencia, Porciento: 5, Semilla: 11})
		}
		ds := descargasMonth(t, r)
		for _, d := range ds {
			submitted += d.Cuota.SolicitudesPresentadas
			downloads += d.Cuota.PaquetesServidos
		}
		unrepeated(t, r)
		served := int64(0)
		for _, s := range r.Sandbox.Estado().Solicitudes {
			for _, p := range s.PorPaquete {
				served += p.Servidas
			}
		}
		if views := r.calls(opEmitidos) + r.calls(opRecibidos); int64(submitted) != views || int64(downloads) != served {
			t.Errorf("quota: %d solicitudes and %d downloads; the SAT saw %d and served %d", submitted, downloads, views, served)
		}
		malas := 0
		for _, ll := range r.Sandbox.Calls(0) {
			if ll.Falla != "" {
				malas++
			}
		}
		if bad != (malas > 0) {
			t.Errorf("%d calls met a bad answer", malas)
		}
		return submitted, len(r.Sandbox.Estado().Solicitudes), downloads
	}
	p0, r0, b0 := expense(false)
	p1, r1, b1 := expense(true)
	t.Logf("62 descargas, undisturbed: %d solicitudes presented, %d registered, %d downloads; with 5 %% of bad answers: %d, %d, %d", p0, r0, b0, p1, r1, b1)
	// One in twenty, and a rejection without a reason.
	if p0 != 62 || r0 != 62 || p1 < p0 || p1 > p0*3/2 || r1 > r0*5/4 || b1 > b0*5/4 {
		t.Errorf("the month costs too much")
	}
}
