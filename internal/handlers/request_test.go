package handlers

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every bad parameter is reported at once, wherever it is.
func TestParams_WhenSeveralAreWrong(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		fields             []string
	}{
		"path and query":       {"GET", "/v1/sat/cfdi/solicitudes/x?rfcSolicitante=x", "", nil, 422, []string{"idSolicitud", "rfcSolicitante"}},
		"both in the query":    {"GET", "/v1/sat/descargas?limite=0&cursor=%20", "", nil, 422, []string{"limite", "cursor"}},
		"one missing, one bad": {"GET", "/v1/sat/cfdi/solicitudes/x", "", nil, 400, []string{"idSolicitud", "rfcSolicitante"}},
		"one unread, one bad":  {"GET", "/v1/sat/descargas?limite=abc&cursor=%20", "", nil, 400, []string{"limite", "cursor"}},
		"one unknown, one bad": {"GET", "/v1/sat/descargas?limite=0&zzz=1&aaa=1", "", nil, 400, []string{"limite", "aaa", "zzz"}},
		"one twice, one bad":   {"GET", "/v1/sat/descargas?limite=1&limite=2&cursor=%20", "", nil, 400, []string{"limite", "cursor"}},
		"no text, and bad":     {"GET", "/v1/sat/descargas?limite=0&cursor=%00", "", nil, 400, []string{"limite", "cursor"}},
		"of a list":            {"GET", "/v1/sat/descargas?estado=x&estado=parcial&estado=y", "", nil, 422, []string{"estado/0", "estado/2"}},
		"a header and a body":  {"POST", "/v1/sat/cfdi/solicitudes", `{"rfcEmisor":"x"}`, []string{"Idempotency-Key", "ñ ñ"}, 422, []string{"Idempotency-Key", "rfcEmisor", "rfcSolicitante"}},
		"an empty header":      {"POST", "/v1/sat/cfdi/solicitudes", `{"rfcSolicitante":"PRU010101AB1"}`, []string{"Idempotency-Key", ""}, 422, []string{"Idempotency-Key"}},
		"of no such service":   {"GET", "/v1/sat/nomina/solicitudes/x?rfcSolicitante=x", "", nil, 404, nil},
	} {
		w := s.do(tc.method, tc.path, tc.body, tc.headers...)
		p := problem(t, w)
		var fields []string
		for _, e := range p.Errores {
			fields = append(fields, e.Campo)
			if strings.ContainsAny(e.Detalle, `^\$`) {
				t.Errorf("%s: %q is for machines", name, e.Detalle)
			}
		}
		if diff := cmp.Diff(tc.fields, fields); diff != "" || w.Code != tc.status {
			t.Errorf("%s: status %d, want %d\n%s", name, w.Code, tc.status, diff)
		}
	}
}

func TestParams_WhenAHeaderComesTwice(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	r := requestOf("POST", "/v1/sat/cfdi/solicitudes", `{"rfcSolicitante":"PRU010101AB1"}`)
	r.Header["Idempotency-Key"] = []string{"a", "b"}
	w := serve(s, r)
	if p := problem(t, w); w.Code != 400 || len(p.Errores) != 1 || p.Errores[0].Campo != "Idempotency-Key" || p.Errores[0].Detalle != "Está repetido." {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestParams_WhenThereAreManyTheAnswerIsShort(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	var query []string
	for i := range 3000 {
		query = append(query, fmt.Sprintf("p%d=1", i))
	}
	w := s.do("GET", "/v1/sat/descargas?"+strings.Join(query, "&"), "")
	if p := problem(t, w); w.Code != 400 || len(p.Errores) != 100 || w.Body.Len() > 64<<10 {
		t.Errorf("%d: %d faults in %d bytes", w.Code, len(p.Errores), w.Body.Len())
	}
	states := "/v1/sat/descargas?" + strings.TrimSuffix(strings.Repeat("estado=x&", 3000), "&")
	if p := problem(t, s.do("GET", states, "")); len(p.Errores) != 1 || !slices.Contains([]string{"estado"}, p.Errores[0].Campo) {
		t.Errorf("%+v", p.Errores)
	}
}
