package gateway

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// now is 2026-11-21 12:00 in central Mexico.
var now = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

func emitidos() Solicitud {
	return Solicitud{Servicio: CFDI, TipoDescarga: Emitidos, RFCSolicitante: "PRU010101AB1", TipoSolicitud: TipoCFDI,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59"}
}

func with(s Solicitud, change func(*Solicitud)) Solicitud {
	change(&s)
	return s
}

func TestValidate_WhenAccepted(t *testing.T) {
	t.Parallel()
	recibidos := with(emitidos(), func(s *Solicitud) { s.TipoDescarga = Recibidos })
	v11 := with(emitidos(), func(s *Solicitud) { s.Version, s.TipoDescarga, s.RFCEmisor = Version11, "", "PRU010101AB1" })
	for name, s := range map[string]Solicitud{
		"emitidos": emitidos(),
		"all filters": with(emitidos(), func(s *Solicitud) {
			s.EstadoComprobante, s.TipoComprobante, s.Complemento, s.RFCACuentaTerceros, s.RFCReceptores = "Todos", "N", "nomina12", "PEPJ800101AB5", []string{"Ñ&P010101AB3", "AAA010101AAA", "BBB010101AAA", "CCC010101AAA", "DDD010101AAA"}
		}),
		"recibidos":            recibidos,
		"recibidos, one":       with(recibidos, func(s *Solicitud) { s.RFCEmisor = "PEPJ800101AB5" }),
		"recibidos metadata":   with(recibidos, func(s *Solicitud) { s.TipoSolicitud, s.EstadoComprobante = TipoMetadata, EstadoCancelado }),
		"folio":                {Servicio: CFDI, TipoDescarga: Folio, RFCSolicitante: "PRU010101AB1", Folio: "B3166F5C-B1F6-4B09-9984-17163E3DB029"},
		"unknown complemento":  with(emitidos(), func(s *Solicitud) { s.Complemento = "hidroypetro10" }),
		"retenciones":          with(emitidos(), func(s *Solicitud) { s.Servicio, s.Complemento = Retenciones, "dividendos" }),
		"v1.1":                 v11,
		"one second":           with(emitidos(), func(s *Solicitud) { s.FechaFinal = "2026-01-01T00:00:01" }),
		"until this second":    with(emitidos(), func(s *Solicitud) { s.FechaFinal = "2026-11-21T12:00:00" }),
		"six years to the day": with(emitidos(), func(s *Solicitud) { s.FechaInicial = "2020-11-21T00:00:00" }),
	} {
		if err := s.Normalize().Validate(now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidate_WhenRefused(t *testing.T) {
	t.Parallel()
	recibidos := with(emitidos(), func(s *Solicitud) { s.TipoDescarga = Recibidos })
	folio := Solicitud{Servicio: CFDI, TipoDescarga: Folio, RFCSolicitante: "PRU010101AB1", Folio: "b3166f5c-b1f6-4b09-9984-17163e3db029"}
	v11 := with(emitidos(), func(s *Solicitud) { s.Version, s.TipoDescarga, s.RFCEmisor = Version11, "", "PRU010101AB1" })
	for name, tc := range map[string]struct {
		s    Solicitud
		want []string // the fields named
	}{
		"nothing":                 {Solicitud{Servicio: CFDI}, []string{"rfcSolicitante", "tipoDescarga"}},
		"start is end":            {with(emitidos(), func(s *Solicitud) { s.FechaFinal = s.FechaInicial }), []string{"fechaFinal"}},
		"end before start":        {with(emitidos(), func(s *Solicitud) { s.FechaFinal = "2025-12-31T00:00:00" }), []string{"fechaFinal"}},
		"a second in the future":  {with(emitidos(), func(s *Solicitud) { s.FechaFinal = "2026-11-21T12:00:01" }), []string{"fechaFinal"}},
		"a second over six years": {with(emitidos(), func(s *Solicitud) { s.FechaInicial = "2020-11-20T23:59:59" }), []string{"fechaInicial"}},
		"no such day":             {with(emitidos(), func(s *Solicitud) { s.FechaInicial = "2026-02-30T00:00:00" }), []string{"fechaInicial"}},
		"a zone":                  {with(emitidos(), func(s *Solicitud) { s.FechaInicial = "2026-01-01T00:00:00Z" }), []string{"fechaInicial"}},
		"no dates":                {with(emitidos(), func(s *Solicitud) { s.FechaInicial, s.FechaFinal = "", "" }), []string{"fechaInicial", "fechaFinal"}},
		"small letters":           {with(emitidos(), func(s *Solicitud) { s.RFCSolicitante, s.RFCEmisor = "pru010101ab1", "pru010101ab1" }), []string{"rfcSolicitante", "rfcEmisor"}},
		"another's emitidos":      {with(emitidos(), func(s *Solicitud) { s.RFCEmisor = "PEPJ800101AB5" }), []string{"rfcEmisor"}},
		"six receivers":           {with(emitidos(), func(s *Solicitud) { s.RFCReceptores = slices.Repeat([]string{"PEPJ800101AB5"}, 6) }), []string{"rfcReceptores"}},
		"a bad receiver":          {with(emitidos(), func(s *Solicitud) { s.RFCReceptores = []string{"PEPJ800101AB5", "X"} }), []string{"rfcReceptores/1"}},
		"receptor in emitidos":    {with(emitidos(), func(s *Solicitud) { s.RFCReceptor = "PEPJ800101AB5" }), []string{"rfcReceptor"}},
		"METADATA":                {with(emitidos(), func(s *Solicitud) { s.TipoSolicitud = "METADATA" }), []string{"tipoSolicitud"}},
		"no tipoSolicitud":        {with(emitidos(), func(s *Solicitud) { s.TipoSolicitud = "" }), []string{"tipoSolicitud"}},
		"estado as in v1.2":       {with(emitidos(), func(s *Solicitud) { s.EstadoComprobante = "1" }), []string{"estadoComprobante"}},
		"tipoComprobante":         {with(emitidos(), func(s *Solicitud) { s.TipoComprobante = "X" }), []string{"tipoComprobante"}},
		"complemento in capitals": {with(emitidos(), func(s *Solicitud) { s.Complemento = "Nomina12" }), []string{"complemento"}},
		"complemento of two":      {with(emitidos(), func(s *Solicitud) { s.Complemento = "nomina12,pagos20" }), []string{"complemento"}},
		"complemento too long":    {with(emitidos(), func(s *Solicitud) { s.Complemento = strings.Repeat("a", 61) }), []string{"complemento"}},
		"received XML cancelled":  {with(recibidos, func(s *Solicitud) { s.EstadoComprobante = "Cancelado" }), []string{"estadoComprobante"}},
		"received XML of all":     {with(recibidos, func(s *Solicitud) { s.EstadoComprobante = "Todos" }), []string{"estadoComprobante"}},
		"another's recibidos":     {with(recibidos, func(s *Solicitud) { s.RFCReceptor = "PEPJ800101AB5" }), []string{"rfcReceptor"}},
		"receivers in recibidos":  {with(recibidos, func(s *Solicitud) { s.RFCReceptores = []string{"PEPJ800101AB5"} }), []string{"rfcReceptores"}},
		"folio in emitidos":       {with(emitidos(), func(s *Solicitud) { s.Folio = folio.Folio }), []string{"uuid"}},
		"no folio":                {with(folio, func(s *Solicitud) { s.Folio = "" }), []string{"uuid"}},
		"folio is no UUID":        {with(folio, func(s *Solicitud) { s.Folio = "b3166f5cb1f64b09998417163e3db029" }), []string{"uuid"}},
		"folio with a range":      {with(folio, func(s *Solicitud) { s.FechaInicial, s.FechaFinal = "2026-01-01T00:00:00", "2026-01-02T00:00:00" }), []string{"fechaInicial", "fechaFinal"}},
		"folio as metadata":       {with(folio, func(s *Solicitud) { s.TipoSolicitud = TipoMetadata }), []string{"tipoSolicitud"}},
		"v1.1 of strangers":       {with(v11, func(s *Solicitud) { s.RFCEmisor = "PEPJ800101AB5" }), []string{"rfcSolicitante"}},
		"v1.1 without sides":      {with(v11, func(s *Solicitud) { s.RFCEmisor = "" }), []string{"rfcEmisor"}},
		"v1.1 with v1.5's":        {with(v11, func(s *Solicitud) { s.TipoDescarga, s.EstadoComprobante = Emitidos, "Todos" }), []string{"tipoDescarga", "estadoComprobante"}},
		"version":                 {with(emitidos(), func(s *Solicitud) { s.Version = "1.2" }), []string{"version"}},
	} {
		err := tc.s.Normalize().Validate(now)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalida {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		var named []string
		for _, c := range e.Fields {
			named = append(named, c.Campo)
			if c.Detalle == "" {
				t.Errorf("%s: %s has no text", name, c.Campo)
			}
		}
		if diff := cmp.Diff(tc.want, named); diff != "" {
			t.Errorf("%s: fields named\n%s", name, diff)
		}
	}
}

func TestAvisos_WhenAComplementoIsNotKnownSaySo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		servicio    Servicio
		complemento string
		want        string // in the notice; empty for none
	}{
		"none":         {CFDI, "", ""},
		"known":        {CFDI, "nomina12", ""},
		"unknown":      {CFDI, "hidroypetro10", "no conoce el complemento «hidroypetro10»"},
		"of the other": {CFDI, "dividendos", "es del servicio retenciones"},
		"of CFDI":      {Retenciones, "nomina12", "es del servicio cfdi"},
		"a retencion":  {Retenciones, "dividendos", ""},
	} {
		got := strings.Join(Solicitud{Servicio: tc.servicio, Complemento: tc.complemento}.Avisos(), "|")
		if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestNormalize_WhenTheContractImplies(t *testing.T) {
	t.Parallel()
	got := emitidos().Normalize()
	if got.RFCEmisor != "PRU010101AB1" || got.EstadoComprobante != EstadoVigente || got.Version != Version15 {
		t.Errorf("%+v", got)
	}
	got = with(emitidos(), func(s *Solicitud) { s.TipoDescarga = Recibidos }).Normalize()
	if got.RFCReceptor != "PRU010101AB1" || got.RFCEmisor != "" || got.EstadoComprobante != EstadoVigente {
		t.Errorf("%+v", got)
	}
}

// Every field counts for the SAT's quotas; the order of receivers does not.
func TestCriterios_WhenAFieldDiffers(t *testing.T) {
	t.Parallel()
	base := emitidos().Normalize()
	seen := map[string]string{base.Criterios(): "base"}
	for name, s := range map[string]Solicitud{
		"servicio": with(base, func(s *Solicitud) { s.Servicio = Retenciones }), "version": with(base, func(s *Solicitud) { s.Version = Version11 }),
		"tipoDescarga": with(base, func(s *Solicitud) { s.TipoDescarga = Recibidos }), "rfc": with(base, func(s *Solicitud) { s.RFCSolicitante = "x" }),
		"inicial": with(base, func(s *Solicitud) { s.FechaInicial = "x" }), "final": with(base, func(s *Solicitud) { s.FechaFinal = "x" }),
		"emisor": with(base, func(s *Solicitud) { s.RFCEmisor = "x" }), "receptor": with(base, func(s *Solicitud) { s.RFCReceptor = "x" }),
		"receptores": with(base, func(s *Solicitud) { s.RFCReceptores = []string{"a", "b"} }), "tipo": with(base, func(s *Solicitud) { s.TipoSolicitud = "x" }),
		"estado": with(base, func(s *Solicitud) { s.EstadoComprobante = "x" }), "comprobante": with(base, func(s *Solicitud) { s.TipoComprobante = "x" }),
		"complemento": with(base, func(s *Solicitud) { s.Complemento = "x" }), "terceros": with(base, func(s *Solicitud) { s.RFCACuentaTerceros = "x" }),
		"folio": with(base, func(s *Solicitud) { s.Folio = "x" }),
	} {
		c := s.Criterios()
		if other, ok := seen[c]; ok {
			t.Errorf("%s and %s have the same criteria", name, other)
		}
		seen[c] = name
	}
	ab := with(base, func(s *Solicitud) { s.RFCReceptores = []string{"a", "b"} })
	ba := with(base, func(s *Solicitud) { s.RFCReceptores = []string{"b", "a"} })
	if ab.Criterios() != ba.Criterios() {
		t.Error("the order of receivers changes the criteria")
	}
	if !slices.Equal(ba.RFCReceptores, []string{"b", "a"}) {
		t.Error("Criterios reorders its receiver")
	}
	if len(slices.Collect(maps.Keys(seen))) != 16 {
		t.Errorf("%d different criteria", len(seen))
	}
}

func TestError_WhenShownAndLogged(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	e := &Error{Kind: KindConflicto, Backend: "sat", Codigo: "5005", Mensaje: "m", Detail: "d", Err: cause}
	if !errors.Is(e, cause) || !IsKind(e, KindConflicto) || IsKind(cause, KindConflicto) {
		t.Error("the cause or the kind is lost")
	}
	if got := AsError(cause); got.Kind != KindInterno || !errors.Is(got, cause) {
		t.Errorf("%+v", got)
	}
	if got := (Token{Value: "secreto"}).GoString(); got != (Token{}).String() {
		t.Errorf("a token prints as %s", got)
	}
}
