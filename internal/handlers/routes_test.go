package handlers

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
)

func TestNoRoute_WhenOneIsNear(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	for path, want := range map[string]string{
		"/v1/sat/descarga":                  "/v1/sat/descargas",
		"/v1/sat/descargas/":                "/v1/sat/descargas",
		"/v1//sat/descargas":                "/v1/sat/descargas",
		"/v2/sat/descargas":                 "/v1/sat/descargas",
		"/sat/descargas":                    "/v1/sat/descargas",
		"/V1/SAT/Descargas":                 "/v1/sat/descargas",
		"/v1/sat/descargas/x/csv":           "",
		"/v1/webhook/x/entregas":            "/v1/webhooks/{idWebhook}/entregas",
		"/v1/sep/lotes/1/result":            "/v1/sep/lotes/{numeroLote}/resultado",
		"/v1/efirma/PRU010101AB1":           "/v1/efirmas/{rfc}",
		"/algo":                             "",
		"/v1/" + strings.Repeat("x/", 5000): "",
	} {
		p := problem(t, s.do(http.MethodGet, path, ""))
		_, said, _ := strings.Cut(p.Detail, "¿Quiso decir ")
		said, _, _ = strings.Cut(said, "?")
		if p.Codigo != string(gateway.OwnRutaInexistente) || said != want {
			t.Errorf("%.40s: %q, want %q: %s", path, said, want, p.Detail)
		}
	}
}

func TestMethodNotAllowed_SaysWhatIs(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, nil)
	for path, want := range map[string]string{
		"/v1/sat/descargas":               "GET, HEAD, POST",
		"/v1/webhooks/whd_x":              "GET, HEAD, PUT, DELETE",
		"/v1/sep/lotes/5/resultado":       "GET",
		verifyPath:                        "GET",
		"/v1/efirmas/%C3%91%26P010101AB3": "GET, HEAD",
		"/v1/sat/cfdi/solicitudes":        "POST",
	} {
		w := s.do(http.MethodPatch, path, "")
		if diff := cmp.Diff([]string{want}, w.Header().Values("Allow")); diff != "" {
			t.Errorf("%s: Allow (-want +got):\n%s", path, diff)
		}
		if p := problem(t, w); !strings.Contains(p.Detail, "no admite el método PATCH; admite "+want+".") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
}

// TestHead_WhenGetIsThere: every GET of the contract has a HEAD, except those that would
// ask a far system.
func TestHead_WhenGetIsThere(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{}, func(cfg *Config) {
		cfg.Keys = func(string, netip.Addr) (apikeys.Key, error) { return apikeys.Key{}, apikeys.ErrUnknown }
	})
	for path, item := range spec(t).doc.Paths.Map() {
		if item.Get == nil {
			continue
		}
		status := map[string]int{}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			status[method] = s.do(method, strings.NewReplacer("{servicio}", "cfdi", "{", "", "}", "").Replace(path), "").Code
		}
		want := status[http.MethodGet]
		if asksFar(item.Get) {
			want = http.StatusMethodNotAllowed
		}
		if status[http.MethodHead] != want {
			t.Errorf("%s: HEAD %d, GET %d", path, status[http.MethodHead], status[http.MethodGet])
		}
	}
}

// TestHead_WhenLookingWouldCostIsNotThere: what is kept here may be looked at.
func TestHead_WhenLookingWouldCostIsNotThere(t *testing.T) {
	t.Parallel()
	for _, item := range spec(t).doc.Paths.Map() {
		if item.Get == nil {
			continue
		}
		want, known := map[string]bool{"verificarSolicitud": true, "consultarLote": true, "descargarResultadoLote": true,
			"descargarPaquete": false, "obtenerDescarga": false, "listarEfirmas": false}[item.Get.OperationID]
		if known && asksFar(item.Get) != want {
			t.Errorf("%s asks far: %v", item.Get.OperationID, !want)
		}
	}
}

// TestHead_WhenThePackageIsNotHere: whoever looks spends nothing; fake fails where more
// is called than is set.
func TestHead_WhenThePackageIsNotHere(t *testing.T) {
	t.Parallel()
	s := newSurface(t, &fake{saved: func() (paquetes.Content, error) {
		return paquetes.Content{}, &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnPaqueteAusente}
	}}, nil)
	for _, dubious := range []string{"", "&dudoso=true"} {
		w := s.do(http.MethodHead, "/v1/sat/cfdi/paquetes/ABC_01?rfcSolicitante=PRU010101AB1"+dubious, "")
		if w.Code != http.StatusNotFound {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
}

func TestProblem_LeadsToThePageOfThisGateway(t *testing.T) {
	t.Parallel()
	w := newSurface(t, &fake{}, nil).do(http.MethodGet, "/v1/sat/otro/paquetes/ABC_01?rfcSolicitante=PRU010101AB1", "")
	if got := w.Header().Get("Link"); got != `</docs/guias/errores#no-encontrado>; rel="help"` {
		t.Errorf("Link %q", got)
	}
}

func TestAccess_WhenTheAnswerIsAProblem(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/v1/sat/descargas?rfcSolicitante=pru010101ab1": {`"tipo":"datos-invalidos"`, `"codigo":"contrato_incumplido"`, `"campo":"rfcSolicitante"`},
		"/v1/sat/descargas?a%0Ab%20=1":                  {`"tipo":"solicitud-malformada"`, `"codigo":"parametros_invalidos"`, `not:"campo"`},
		"/openapi.json":                                 {`not:"tipo"`, `not:"codigo"`, `not:"campo"`},
	} {
		s := newSurface(t, &fake{}, nil)
		s.do(http.MethodGet, path, "")
		line := accessLine(s.log)
		for _, w := range want {
			w, absent := strings.CutPrefix(w, "not:")
			if strings.Contains(line, w) == absent {
				t.Errorf("%s: %s in %s (absent: %t)", path, w, line, absent)
			}
		}
	}
}

func accessLine(log *bytes.Buffer) string {
	for line := range strings.SplitSeq(log.String(), "\n") {
		if strings.Contains(line, `"message":"access"`) {
			return line
		}
	}
	return ""
}

// TestParams_WhenAListIsWrittenAnotherWay: generators write lists in five ways.
func TestParams_WhenAListIsWrittenAnotherWay(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"estado=parcial,fallida", "estado=parcial&estado=fallida", "estado[]=parcial&estado[]=fallida",
		"estado%5B0%5D=parcial&estado%5B1%5D=fallida", "estado[1]=fallida&estado[0]=parcial", "estado=parcial%2Cfallida",
	} {
		var got []gateway.EstadoDescarga
		s := newSurface(t, &fake{}, func(cfg *Config) { cfg.Descargas = listed{got: &got} })
		if w := s.do(http.MethodGet, "/v1/sat/descargas?"+query, ""); w.Code != http.StatusOK ||
			!slices.Equal(got, []gateway.EstadoDescarga{gateway.DescargaParcial, gateway.DescargaFallida}) {
			t.Errorf("%s: status %d, states %v: %s", query, w.Code, got, w.Body)
		}
	}
	s := newSurface(t, &fake{}, nil)
	for query, field := range map[string]string{"estado=parcial,otro": "estado/1", "estado[x]=parcial": "estado[x]", "estados=parcial": "estados", "rfcSolicitante[]=PRU010101AB1": "rfcSolicitante[]"} {
		if p := problem(t, s.do(http.MethodGet, "/v1/sat/descargas?"+query, "")); len(p.Errores) != 1 || p.Errores[0].Campo != field {
			t.Errorf("%s: %+v", query, p.Errores)
		}
	}
}

// listed keeps the states that a list was asked for.
type listed struct {
	Descargas
	got *[]gateway.EstadoDescarga
}

func (l listed) List(_ context.Context, f gateway.DescargasFilter) ([]gateway.Descarga, string, error) {
	*l.got = f.Estados
	return nil, "", nil
}
