package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const someUUID = "5A3D7C1E-94B2-4f60-8e1d-2c7b6a905f43"

func TestCFDI_WhenItIsThere(t *testing.T) {
	t.Parallel()
	d := finished(gateway.TipoCFDI)
	d.Estado = gateway.DescargaDescargando // what has come is served at once
	f := &fakeReading{cfdi: func(id, uuid string) (io.ReadCloser, int64, error) {
		if id != "d-1" || uuid != someUUID {
			t.Errorf("%s %s", id, uuid)
		}
		return io.NopCloser(strings.NewReader("<x/>")), 4, nil
	}}
	w := newReading(t, f, d).do(http.MethodGet, cfdisPath+"/"+someUUID, "")
	if h := w.Header(); w.Code != 200 || w.Body.String() != "<x/>" || h.Get("Content-Type") != "application/xml" || h.Get("Content-Length") != "4" ||
		h.Get("Content-Disposition") != `attachment; filename="`+strings.ToLower(someUUID)+`.xml"` {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
}

func TestCFDI_WhenItIsNotThere(t *testing.T) {
	t.Parallel()
	d, f := finished(gateway.TipoCFDI), &fakeReading{}
	s := newOfReading(t, f, &d)
	for _, tc := range []struct {
		estado gateway.EstadoDescarga
		kind   gateway.Kind
		status int
		retry  bool
	}{
		{gateway.DescargaEnProceso, gateway.KindNoEncontrado, 409, true},
		{gateway.DescargaTerminada, gateway.KindNoEncontrado, 404, false},
		{gateway.DescargaParcial, gateway.KindNoEncontrado, 404, false},
		{gateway.DescargaEnProceso, gateway.KindRespuestaInvalida, 502, false},
		{gateway.DescargaTerminada, gateway.KindYaNoDisponible, 410, false},
	} {
		d := finished(gateway.TipoCFDI)
		d.Estado = tc.estado
		f := &fakeReading{cfdi: func(string, string) (io.ReadCloser, int64, error) {
			return nil, 0, &gateway.Error{Kind: tc.kind, Detail: "d"}
		}}
		w := newReading(t, f, d).do(http.MethodGet, cfdisPath+"/"+someUUID, "")
		if p := problem(t, w); p.Status != tc.status || p.Reintentable != tc.retry || (w.Header().Get("Retry-After") != "") != tc.retry {
			t.Errorf("%+v: %+v %v", tc, p, w.Header())
		}
	}
	w := s.do(http.MethodGet, cfdisPath+"/no-es", "")
	if p := problem(t, w); p.Status != 422 || p.Errores[0].Campo != "uuid" {
		t.Errorf("%+v", p)
	}
}

func TestCFDI_WhenReadingItFails(t *testing.T) {
	t.Parallel()
	f := &fakeReading{cfdi: func(string, string) (io.ReadCloser, int64, error) {
		return io.NopCloser(&failing{fmt.Errorf("canario: %w", io.ErrUnexpectedEOF)}), 4, nil
	}}
	s := newReading(t, f, finished(gateway.TipoCFDI))
	w := s.do(http.MethodGet, cfdisPath+"/"+someUUID, "")
	if p := problem(t, w); p.Status != 503 || !p.Reintentable || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Length") != "" {
		t.Errorf("%+v %v", p, w.Header())
	}
	f.cfdi = func(string, string) (io.ReadCloser, int64, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("<x"), &failing{errors.New("canario")})), 4, nil
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // passed by identity
			t.Errorf("the answer ends as if it were whole: %v", p)
		}
	}()
	s.do(http.MethodGet, cfdisPath+"/"+someUUID, "")
}
