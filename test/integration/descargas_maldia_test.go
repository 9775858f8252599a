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

// pasajeras are the refusals that people saw pass, each heard once. dos says that
// the SAT had registered a solicitud by then, and another is presented.
func pasajeras() map[string]struct {
	f   sandbox.Falla
	dos bool
} {
	type caso = struct {
		f   sandbox.Falla
		dos bool
	}
	todas := map[string]caso{
		"InvalidSecurity":    {f: sandbox.Falla{Tipo: control.Fault, Faultcode: "InvalidSecurity"}},
		"ActionNotSupported": {f: sandbox.Falla{Tipo: control.Fault, Faultcode: "ActionNotSupported"}},
		"an internal fault":  {f: sandbox.Falla{Tipo: control.Fault}},
		"HTTP 503":           {f: sandbox.Falla{Tipo: control.HTML503}},
		"5 without a reason": {f: sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5}, dos: true},
		"5 with 5000":        {f: sandbox.Falla{Tipo: control.Codigo, Codigo: "5000", EstadoSolicitud: 5, CodigoEstadoSolicitud: "5000"}, dos: true},
	}
	for _, codigo := range []string{"302", "303", "304", "305", "404", "5006", "777"} {
		todas[codigo] = caso{f: sandbox.Falla{Tipo: control.Codigo, Codigo: codigo}}
	}
	for _, status := range []int{200, 302, 403, 404, 429, 500, 502} {
		todas[fmt.Sprintf("a page with HTTP %d", status)] = caso{f: sandbox.Falla{Tipo: control.Pagina, HTTP: status}}
	}
	return todas
}

// TestDescargas_WhenTheSATHasABadMoment: whatever passes, heard once at each step,
// ends no descarga and costs no solicitud that the SAT had registered.
func TestDescargas_WhenTheSATHasABadMoment(t *testing.T) {
	t.Parallel()
	for _, operacion := range []string{opAutentica, opEmitidos, opVerifica, opDescargar} {
		t.Run(operacion, func(t *testing.T) {
			t.Parallel()
			r := montaRig(t, gatewaytest.Options{}, nil)
			dia := 0
			for nombre, tc := range pasajeras() {
				if esEstado := tc.f.EstadoSolicitud != 0; esEstado && operacion != opVerifica || operacion == opAutentica && tc.f.Tipo == control.Codigo {
					continue
				}
				dia++
				t.Run(nombre, func(t *testing.T) { // in turn: a fault knows no range
					if operacion == opAutentica {
						r = montaRig(t, gatewaytest.Options{}, nil) // no token is in its cache
					}
					tc.f.Operacion = operacion
					r.falla(tc.f)
					antes := len(r.Sandbox.Estado().Solicitudes)
					hoy := fmt.Sprintf("2026-01-%02dT", dia)
					path := crea(t, r.Gateway, peticion("Metadata", map[string]any{"fechaInicial": hoy + "00:00:00", "fechaFinal": hoy + "23:00:00"}))
					d := espera(t, r.Gateway, path)
					if n := len(r.Sandbox.Fallas().Lista()); n != 0 {
						t.Errorf("%d faults were not met", n)
					}
					want := map[bool]int{false: 1, true: 2}[tc.dos]
					if n := len(r.Sandbox.Estado().Solicitudes) - antes; d.Estado != "terminada" || n != want || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs {
						t.Errorf("%s %q, the SAT registered %d: %+v, events %v", d.Estado, d.Motivo, n, d.Solicitudes, eventos(t, r, path))
					}
					for _, s := range r.Sandbox.Estado().Solicitudes {
						for _, p := range s.PorPaquete {
							if p.Servidas > 1 {
								t.Errorf("package %s was served %d times", p.ID, p.Servidas)
							}
						}
					}
					sinRepetir(t, r)
				})
			}
		})
	}
}

// mesDeDescargas asks for each day of a month in two ways, one descarga each, and
// returns what they came to.
func mesDeDescargas(t *testing.T, r *rig) (ds []descarga) {
	t.Helper()
	var paths []string
	for dia := 1; dia <= 31; dia++ {
		hoy := fmt.Sprintf("2026-01-%02dT", dia)
		rango := map[string]any{"fechaInicial": hoy + "00:00:00", "fechaFinal": hoy + "23:59:59"}
		paths = append(paths, crea(t, r.Gateway, peticion("Metadata", rango)))
		rango["tipoDescarga"] = "recibidos"
		paths = append(paths, crea(t, r.Gateway, peticion("CFDI", rango)))
	}
	for _, path := range paths {
		var d descarga
		fin := time.Now().Add(5 * time.Minute)
		for {
			if d = mirada(t, r, path); slices.Contains(finales, d.Estado) {
				break
			}
			if time.Now().After(fin) {
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

// TestDescargas_WhenOneAnswerInTwentyIsABadOne: a month ends as on a good day, and
// what it costs more at the SAT is what the bad answers had cost already.
func TestDescargas_WhenOneAnswerInTwentyIsABadOne(t *testing.T) {
	t.Parallel()
	gasto := func(mala bool) (presentadas, registradas, bajadas int) {
		r := montaRig(t, gatewaytest.Options{}, nil)
		if mala {
			r.siempre(sandbox.Falla{Tipo: control.Intermitencia, Porciento: 5, Semilla: 11})
		}
		ds := mesDeDescargas(t, r)
		for _, d := range ds {
			presentadas += d.Cuota.SolicitudesPresentadas
			bajadas += d.Cuota.PaquetesServidos
		}
		sinRepetir(t, r)
		servidas := int64(0)
		for _, s := range r.Sandbox.Estado().Solicitudes {
			for _, p := range s.PorPaquete {
				servidas += p.Servidas
			}
		}
		if vistas := r.calls(opEmitidos) + r.calls(opRecibidos); int64(presentadas) != vistas || int64(bajadas) != servidas {
			t.Errorf("quota: %d solicitudes and %d downloads; the SAT saw %d and served %d", presentadas, bajadas, vistas, servidas)
		}
		malas := 0
		for _, ll := range r.Sandbox.Llamadas(0) {
			if ll.Falla != "" {
				malas++
			}
		}
		if mala != (malas > 0) {
			t.Errorf("%d calls met a bad answer", malas)
		}
		return presentadas, len(r.Sandbox.Estado().Solicitudes), bajadas
	}
	p0, r0, b0 := gasto(false)
	p1, r1, b1 := gasto(true)
	t.Logf("62 descargas, undisturbed: %d solicitudes presented, %d registered, %d downloads; with 5 %% of bad answers: %d, %d, %d", p0, r0, b0, p1, r1, b1)
	// One in twenty, and a rejection that the SAT gives without a reason.
	if p0 != 62 || r0 != 62 || p1 < p0 || p1 > p0*3/2 || r1 > r0*5/4 || b1 > b0*5/4 {
		t.Errorf("the month costs too much")
	}
}
