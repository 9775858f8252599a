package descargas

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// fakeSAT answers as told and counts.
type fakeSAT struct {
	calls  int
	answer func(n int) (gateway.SolicitudAceptada, error)
}

func (f *fakeSAT) Request(context.Context, gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	f.calls++
	return f.answer(f.calls)
}

func (f *fakeSAT) Verify(context.Context, gateway.Servicio, string, string) (gateway.EstadoSolicitud, error) {
	return gateway.EstadoSolicitud{}, errors.New("not asked for")
}

// alone is the ledger of the only process that writes st.
func alone(st *store.Store) *ledger.Ledger {
	return ledger.New(st.Attempts, st.Titulos, cluster{present{}, new(workshop)})
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // may be closed already
	return s
}

func january() gateway.Solicitud {
	return gateway.Solicitud{Servicio: gateway.CFDI, TipoDescarga: gateway.Emitidos, RFCSolicitante: "PRU010101AB1", TipoSolicitud: gateway.TipoCFDI,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}
}

var fixedNow = func() time.Time { return time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC) }

// What a second use of an idempotency key gets, by what came of the first.
func TestSubmit_WhenKeyIsUsedAgain(t *testing.T) {
	t.Parallel()
	ok := gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}
	refused := func(k gateway.Kind, retry bool) error {
		return &gateway.Error{Kind: k, Backend: "sat", Codigo: "c", Mensaje: "m", Detail: "d", Retryable: retry}
	}
	for name, tc := range map[string]struct {
		first    error
		calls    int
		replayed bool
		second   gateway.Kind // KindInterno stands for success
	}{
		"accepted":            {nil, 1, true, gateway.KindInterno},
		"refused for good":    {refused(gateway.KindConflicto, false), 1, true, gateway.KindConflicto},
		"refused for now":     {refused(gateway.KindNoDisponible, true), 2, false, gateway.KindInterno},
		"of unknown outcome":  {refused(gateway.KindResultadoDesconocido, false), 1, true, gateway.KindResultadoDesconocido},
		"refused by a fault":  {refused(gateway.KindMensajeRechazado, false), 1, true, gateway.KindMensajeRechazado},
		"the e.firma was bad": {refused(gateway.KindEFirma, false), 1, true, gateway.KindEFirma},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sat := &fakeSAT{answer: func(n int) (gateway.SolicitudAceptada, error) {
				if n == 1 && tc.first != nil {
					return gateway.SolicitudAceptada{}, tc.first
				}
				return ok, nil
			}}
			l := NewSolicitudes(sat, alone(openStore(t, t.TempDir())), fixedNow)
			if _, replayed, err := l.Submit(t.Context(), "k", january()); replayed || (err == nil) != (tc.first == nil) {
				t.Fatalf("first: replayed %v, error %v", replayed, err)
			}
			got, replayed, err := l.Submit(t.Context(), "k", january())
			if sat.calls != tc.calls || replayed != tc.replayed {
				t.Errorf("%d calls, want %d; replayed %v", sat.calls, tc.calls, replayed)
			}
			if tc.second == gateway.KindInterno {
				if err != nil || got != ok {
					t.Errorf("second: %+v, %v", got, err)
				}
				return
			}
			var e *gateway.Error
			if !errors.As(err, &e) || e.Kind != tc.second || e.Codigo != "c" || e.Mensaje != "m" || e.Detail != "d" {
				t.Errorf("second: %+v", err)
			}
		})
	}
}

func TestSubmit_WhenKeyIsOfAnother(t *testing.T) {
	t.Parallel()
	sat := &fakeSAT{answer: func(int) (gateway.SolicitudAceptada, error) {
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, nil
	}}
	l := NewSolicitudes(sat, alone(openStore(t, t.TempDir())), fixedNow)
	if _, _, err := l.Submit(t.Context(), "k", january()); err != nil {
		t.Fatal(err)
	}
	february := january()
	february.FechaFinal = "2026-02-28T23:59:59"
	if _, _, err := l.Submit(t.Context(), "k", february); !gateway.IsKind(err, gateway.KindConflicto) || sat.calls != 1 {
		t.Errorf("error %v after %d calls", err, sat.calls)
	}
}

// An intent whose process died is of unknown outcome.
func TestSubmit_WhenTheFirstNeverEnded(t *testing.T) {
	t.Parallel()
	st := openStore(t, t.TempDir())
	sat := &fakeSAT{answer: func(int) (gateway.SolicitudAceptada, error) { panic("the process dies") }}
	func() {
		defer func() { _ = recover() }()
		NewSolicitudes(sat, alone(st), fixedNow).Submit(t.Context(), "k", january()) //nolint:errcheck // it does not return
	}()
	sat.calls = 0
	later := NewSolicitudes(sat, alone(st), fixedNow)
	if _, _, err := later.Submit(t.Context(), "k", january()); !gateway.IsKind(err, gateway.KindResultadoDesconocido) || sat.calls != 0 {
		t.Errorf("left behind: %v after %d calls", err, sat.calls)
	}
}

func TestSubmit_WhenTheSATHasAnEqualOne(t *testing.T) {
	t.Parallel()
	sat := &fakeSAT{answer: func(n int) (gateway.SolicitudAceptada, error) {
		if n == 1 {
			return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, nil
		}
		return gateway.SolicitudAceptada{}, &gateway.Error{Kind: gateway.KindConflicto, Backend: "sat", Codigo: "5005", Detail: "d."}
	}}
	l := NewSolicitudes(sat, alone(openStore(t, t.TempDir())), fixedNow)
	if _, _, err := l.Submit(t.Context(), "", january()); err != nil {
		t.Fatal(err)
	}
	_, _, err := l.Submit(t.Context(), "", january())
	if e := gateway.AsError(err); e.Codigo != "5005" || !strings.Contains(e.Detail, "id-1") || e.IDSolicitud != "id-1" {
		t.Errorf("the SAT does not say which one, the ledger must: %v", err)
	}
	other := january()
	other.TipoComprobante = "I"
	_, _, err = l.Submit(t.Context(), "", other)
	if e := gateway.AsError(err); strings.Contains(e.Detail, "id-1") {
		t.Errorf("another's id is told: %v", err)
	}
}

// Nothing leaves that is not valid or not on record.
func TestSubmit_WhenNothingMayLeave(t *testing.T) {
	t.Parallel()
	sat := &fakeSAT{}
	st := openStore(t, t.TempDir())
	l := NewSolicitudes(sat, alone(st), fixedNow)
	bad := january()
	bad.FechaFinal = bad.FechaInicial
	if _, _, err := l.Submit(t.Context(), "", bad); !gateway.IsKind(err, gateway.KindInvalida) {
		t.Errorf("invalid: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Submit(t.Context(), "", january()); !gateway.IsKind(err, gateway.KindSinServicio) {
		t.Errorf("no ledger: %v", err)
	}
	if sat.calls != 0 {
		t.Errorf("%d calls", sat.calls)
	}
}

// A caller that goes away must not leave a sent solicitud without its outcome.
func TestSubmit_WhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sat := &fakeSAT{answer: func(int) (gateway.SolicitudAceptada, error) {
		cancel()
		return gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000"}, nil
	}}
	st := openStore(t, t.TempDir())
	if _, _, err := NewSolicitudes(sat, alone(st), fixedNow).Submit(ctx, "k", january()); err != nil {
		t.Fatal(err)
	}
	if last, _, ok := ledger.Last[gateway.SolicitudAceptada](t.Context(), alone(st), operationRequest, january().Normalize().Criterios()); !ok || last.IDSolicitud != "id-1" {
		t.Errorf("last %+v, %v", last, ok)
	}
}
