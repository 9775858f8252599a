package integration

import (
	"math"
	"strconv"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// TestCodes_WhenTheAnswerIsInAnotherEncodingItsTextIsRead: what the SAT says has
// its accents, and a descarga whose every answer is written so comes whole,
// packages included.
func TestCodes_WhenTheAnswerIsInAnotherEncodingItsTextIsRead(t *testing.T) {
	t.Parallel()
	for _, how := range []struct{ encoding, announcement string }{
		{"iso-8859-1", "declaracion"}, {"iso-8859-1", "charset"}, {"windows-1252", "declaracion"}, {"windows-1252", "charset"},
		{"utf-8", "marca"}, {"utf-8", "declaracion"}, {"utf-16le", "marca"}, {"utf-16le", "declaracion_y_marca"}, {"utf-16be", "declaracion_y_marca"}, {"utf-16le", "charset"},
	} {
		t.Run(how.encoding+" by "+how.announcement, func(t *testing.T) {
			t.Parallel()
			r := mountRig(t, gatewaytest.Options{}, nil)
			f := sandbox.Falla{Codificacion: how.encoding, Anuncio: how.announcement}
			for _, op := range operations() {
				with := f
				with.Operacion, with.Tipo, with.Codigo, with.Mensaje = op.name, control.Codigo, "5006", "La petición falló: año «ñ»"
				r.falla(with)
				if p := wantProblem(t, op.call(r), 503, "backend-no-disponible"); p.Mensaje != with.Mensaje {
					t.Errorf("%s: mensaje %q", op.name, p.Mensaje)
				}
			}
			f.Tipo = control.InOtherCodigo
			r.always(f)
			for _, tipo := range []string{"CFDI", "Metadata"} {
				path := create(t, r.Gateway, request(tipo, nil))
				if d := wait(t, r.Gateway, path); d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Progreso.NumeroCFDIs == 0 {
					t.Errorf("%s: %+v, events %v", tipo, d, eventos(t, r, path))
				}
			}
		})
	}
}

// TestCodes_WhenTheSATCountsLessThanNothing: NumeroCFDIs below 0, which the
// contract has no place for, is not handed on, and no descarga takes it for a count.
func TestCodes_WhenTheSATCountsLessThanNothing(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	less := code(opVerify, "5000")
	less.EstadoSolicitud, less.CodigoEstadoSolicitud, less.NumeroCFDIs = 2, "5000", -1
	r.falla(less)
	got := operationNamed(opVerify).call(r)
	var v struct{ NumeroCFDIs *int64 }
	if got.JSON(t, &v); v.NumeroCFDIs != nil && *v.NumeroCFDIs < 0 {
		t.Errorf("status %d: %s", got.Status, got.Body)
	}
	r.falla(less)
	path := create(t, r.Gateway, request("Metadata", nil))
	if d := wait(t, r.Gateway, path); d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Progreso.NumeroCFDIs <= 0 {
		t.Errorf("%+v, events %v", d, eventos(t, r, path))
	}
}

// TestCodes_WhenTheSATCountsBeyondMeasureItsAnswerIsRead: a count of more than 32 bits does
// not cost the state and the packages beside it.
func TestCodes_WhenTheSATCountsBeyondMeasureItsAnswerIsRead(t *testing.T) {
	t.Parallel()
	r := mountRig(t, gatewaytest.Options{}, nil)
	for cuenta, want := range map[int64]int64{1 << 31: 1 << 31, 1 << 40: 1 << 40, 1<<53 - 1: 1<<53 - 1, 1 << 53: 1<<53 - 1, math.MaxInt64: 1<<53 - 1} {
		more := code(opVerify, "5000")
		more.EstadoSolicitud, more.CodigoEstadoSolicitud, more.NumeroCFDIs = 3, "5000", cuenta
		r.falla(more)
		got := operationNamed(opVerify).call(r)
		var v struct{ NumeroCFDIs int64 }
		if got.JSON(t, &v); got.Status != 200 || v.NumeroCFDIs != want {
			t.Errorf("%d: status %d: %s", cuenta, got.Status, got.Body)
		}
	}
}

// TestCodes_WhenTheSATSaysWhenToComeBackItIsHandedOn: in seconds and as a date.
func TestCodes_WhenTheSATSaysWhenToComeBackItIsHandedOn(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, when := range []string{"90", "+90s"} {
		for _, op := range operations() {
			r.Sandbox.Fallas().Reset()
			r.always(sandbox.Falla{Operacion: op.name, Tipo: control.HTML503, RetryAfter: when}) // what may be repeated is
			got := op.call(r)
			wantProblem(t, got, 503, "backend-no-disponible")
			if s, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || s < 80 || s > 90 {
				t.Errorf("%s, %s: Retry-After %q", op.name, when, got.Header.Get("Retry-After"))
			}
		}
	}
}
