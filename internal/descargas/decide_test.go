package descargas

import (
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

var ritmo = Ritmo{Minimo: time.Minute, Maximo: 15 * time.Minute}

// mediodia is noon in Mexico.
var mediodia = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

const (
	manana = 12*time.Hour + 5*time.Minute // from noon to five past midnight
	minuto = time.Minute
)

// sat is a refusal with the SAT's code, as internal/backends/sat translates it.
func sat(codigo string, kind gateway.Kind, reintentable bool) error {
	return &gateway.Error{Kind: kind, Backend: "sat", Codigo: codigo, Detail: "d", Reintentable: reintentable}
}

// respuestas are the refusals of sat.md §9.
var respuestas = map[string]error{ //nolint:gochecknoglobals // a table of tests
	"300":  sat("300", gateway.KindMensajeRechazado, true),
	"301":  sat("301", gateway.KindMensajeRechazado, false),
	"302":  sat("302", gateway.KindMensajeRechazado, false),
	"303":  sat("303", gateway.KindEFirma, false),
	"304":  sat("304", gateway.KindEFirma, false),
	"305":  sat("305", gateway.KindEFirma, false),
	"404":  sat("404", gateway.KindNoDisponible, true),
	"5001": sat("5001", gateway.KindProhibido, false),
	"5002": sat("5002", gateway.KindConflicto, false),
	"5003": sat("5003", gateway.KindConflicto, false),
	"5004": sat("5004", gateway.KindNoEncontrado, false),
	"5005": sat("5005", gateway.KindConflicto, false),
	"5006": sat("5006", gateway.KindNoDisponible, true),
	"5011": sat("5011", gateway.KindLimite, true),
	"5012": sat("5012", gateway.KindConflicto, false),
	"9999": sat("9999", gateway.KindRespuestaInvalida, false),
}

func mira(t *testing.T, nombre string, v veredicto, accion accion, causa string, espera time.Duration) {
	t.Helper()
	if v.accion != accion || v.causa != causa || v.espera != espera || v.decision == "" {
		t.Errorf("%s: %+v; want action %d, cause %q, wait %s, and a reason", nombre, v, accion, causa, espera)
	}
}

func TestTrasSolicita_WhenTheSATSaysEachCode(t *testing.T) {
	t.Parallel()
	for codigo, want := range map[string]struct {
		accion accion
		causa  string
		espera time.Duration
	}{
		"300": {esperar, "", minuto}, "301": {fallar, "", 0}, "302": {fallar, "", 0}, "303": {fallar, "", 0}, "304": {fallar, "", 0}, "305": {fallar, "", 0},
		"404": {esperar, "", minuto}, "5001": {fallar, "", 0}, "5002": {sustituir, causaDePorVida, 0}, "5003": {partir, "", 0}, "5004": {vaciar, "", 0},
		"5005": {sustituir, causaDuplicada, 0}, "5006": {esperar, "", minuto}, "5011": {esperar, "", manana}, "5012": {fallar, "", 0}, "9999": {fallar, "", 0},
	} {
		mira(t, codigo, trasSolicita(store.Tramo{}, "", respuestas[codigo], ritmo, mediodia), want.accion, want.causa, want.espera)
		// An id beside any error is followed, never asked for again (cfdiclient#25).
		mira(t, codigo+" with an id", trasSolicita(store.Tramo{}, "id", respuestas[codigo], ritmo, mediodia), seguir, "", minuto)
	}
	mira(t, "5000", trasSolicita(store.Tramo{}, "id", nil, ritmo, mediodia), seguir, "", minuto)
}

func TestTrasSolicita_WhenTheSATSaysNothing(t *testing.T) {
	t.Parallel()
	unknown := &gateway.Error{Kind: gateway.KindResultadoDesconocido, Detail: "d"}
	unsent := func(k gateway.Kind) error { return &gateway.Error{Kind: k, Detail: "d", NoEnviada: true} }
	n := func(sustituciones, fallos int) store.Tramo {
		return store.Tramo{Sustituciones: sustituciones, Fallos: fallos}
	}
	// Never the same again, and each further loss waits longer, so that an outage does not eat them all.
	mira(t, "unknown", trasSolicita(n(0, 0), "", unknown, ritmo, mediodia), sustituir, causaDesconocida, minuto)
	mira(t, "unknown again", trasSolicita(n(3, 0), "", unknown, ritmo, mediodia), sustituir, causaDesconocida, 8*minuto)
	mira(t, "unknown, with an id", trasSolicita(n(0, 0), "id", unknown, ritmo, mediodia), seguir, "", minuto)
	mira(t, "unknown too often", trasSolicita(n(maxSustituciones, 0), "", unknown, ritmo, mediodia), fallar, "", 0)
	mira(t, "no connection", trasSolicita(n(0, 0), "", unsent(gateway.KindNoDisponible), ritmo, mediodia), esperar, "", minuto)
	mira(t, "no connection for long", trasSolicita(n(0, 40), "", unsent(gateway.KindNoDisponible), ritmo, mediodia), esperar, "", 15*minuto)
	mira(t, "our database", trasSolicita(n(0, 0), "", unsent(gateway.KindInterno), ritmo, mediodia), esperar, "", minuto)
	mira(t, "no e.firma", trasSolicita(n(0, 0), "", unsent(gateway.KindEFirma), ritmo, mediodia), fallar, "", 0)
	mira(t, "our own rules", trasSolicita(n(0, 0), "", unsent(gateway.KindInvalida), ritmo, mediodia), fallar, "", 0)
	mira(t, "not one of ours", trasSolicita(n(0, 0), "", errors.New("x"), ritmo, mediodia), fallar, "", 0)
}

// TestTrasSolicita_WhenRefusedOnAndOn: each refusal may count, so that in 72 hours
// there are few.
func TestTrasSolicita_WhenRefusedOnAndOn(t *testing.T) {
	t.Parallel()
	var pasa time.Duration
	veces := 0
	for ; pasa < gateway.PlazoNormal; veces++ {
		v := trasSolicita(store.Tramo{Tramo: gateway.Tramo{}, Fallos: veces}, "", respuestas["404"], ritmo, mediodia)
		if v.accion != esperar || v.espera > 4*time.Hour {
			t.Fatalf("after %d: %+v", veces, v)
		}
		pasa += v.espera
	}
	if veces > 30 {
		t.Errorf("%d in %s", veces, pasa)
	}
}

func TestTrasSolicita_WhenTheQuotaIsGoneTwice(t *testing.T) {
	t.Parallel()
	mira(t, "again", trasSolicita(store.Tramo{Causa: causaDePorVida, Sustituciones: 1}, "", respuestas["5002"], ritmo, mediodia), fallar, "", 0)
	mira(t, "as a rejection", trasVerifica(store.Tramo{Causa: causaDePorVida, Sustituciones: 1}, estado("5", "5002", 0), nil, ritmo, mediodia), fallar, "", 0)
	for _, codigo := range []string{"5002", "5005"} {
		mira(t, codigo+" too often", trasSolicita(store.Tramo{Sustituciones: maxSustituciones}, "", respuestas[codigo], ritmo, mediodia), fallar, "", 0)
	}
}

// estado is an answer of Verifica with packages.
func estado(codigo, motivo string, numero int64, paquetes ...string) gateway.EstadoSolicitud {
	return gateway.EstadoSolicitud{Estado: gateway.Codigo{Codigo: codigo}, CodigoEstado: gateway.Codigo{Codigo: motivo}, NumeroCFDIs: numero, IDsPaquetes: paquetes}
}

func TestTrasVerifica_WhenEachStateMeetsEachReason(t *testing.T) {
	t.Parallel()
	motivos := []string{"", "5000", "5002", "5003", "5004", "5005", "5006", "404", "5011", "5012", "300", "777"}
	// Only of a rejected one does the reason matter: 5000 accompanies everything.
	for _, motivo := range motivos {
		for _, codigo := range []string{"", "0", "1", "2", "9"} {
			mira(t, codigo+"/"+motivo, trasVerifica(store.Tramo{}, estado(codigo, motivo, 0), nil, ritmo, mediodia), esperar, "", 90*time.Second)
		}
		mira(t, "3 with packages/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 7, "a", "b"), nil, ritmo, mediodia), traer, "", 0)
		mira(t, "3 with packages and no number/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 0, "a"), nil, ritmo, mediodia), traer, "", 0)
		mira(t, "3 and nothing/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 0), nil, ritmo, mediodia), vaciar, "", 0)
		mira(t, "3 without packages/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 7), nil, ritmo, mediodia), esperar, "", minuto)
		mira(t, "3 without packages for long/"+motivo, trasVerifica(store.Tramo{Fallos: maxSustituciones}, estado("3", motivo, 7), nil, ritmo, mediodia), sustituir, causaError, 15*minuto)
		mira(t, "4/"+motivo, trasVerifica(store.Tramo{}, estado("4", motivo, 0), nil, ritmo, mediodia), sustituir, causaError, 15*minuto)
		mira(t, "4 too often/"+motivo, trasVerifica(store.Tramo{Sustituciones: maxSustituciones}, estado("4", motivo, 0), nil, ritmo, mediodia), fallar, "", 0)
		mira(t, "6/"+motivo, trasVerifica(store.Tramo{}, estado("6", motivo, 9), nil, ritmo, mediodia), sustituir, causaVencida, 0)
	}
	for motivo, want := range map[string]struct {
		accion accion
		causa  string
		espera time.Duration
	}{
		"": {fallar, "", 0}, "5000": {fallar, "", 0}, "300": {fallar, "", 0}, "777": {fallar, "", 0}, "5012": {fallar, "", 0},
		"5002": {sustituir, causaDePorVida, 0}, "5003": {partir, "", 0}, "5004": {vaciar, "", 0}, "5005": {sustituir, causaDuplicada, 0},
		"404": {sustituir, causaError, 15 * minuto}, "5006": {sustituir, causaError, 15 * minuto}, "5011": {esperar, "", manana},
	} {
		mira(t, "5/"+motivo, trasVerifica(store.Tramo{}, estado("5", motivo, 0), nil, ritmo, mediodia), want.accion, want.causa, want.espera)
	}
}

func TestTrasVerifica_WhenTheCallFails(t *testing.T) {
	t.Parallel()
	for codigo, want := range map[string]struct {
		accion accion
		causa  string
		espera time.Duration
		// tarde is what the fourth in a row brings.
		tarde accion
	}{
		"300": {esperar, "", minuto, esperar}, "301": {esperar, "", minuto, fallar}, "302": {esperar, "", minuto, fallar}, "303": {esperar, "", minuto, fallar},
		"304": {esperar, "", minuto, fallar}, "305": {esperar, "", minuto, fallar}, "404": {esperar, "", minuto, esperar}, "5006": {esperar, "", minuto, esperar},
		// 5004 right after Solicita may be late news; then the SAT does not know it.
		"5004": {esperar, "", minuto, sustituir}, "5011": {esperar, "", manana, esperar},
		"5002": {sustituir, causaDePorVida, 0, sustituir}, "5003": {partir, "", 0, partir}, "5005": {sustituir, causaDuplicada, 0, sustituir},
		"5001": {esperar, "", minuto, fallar}, "5012": {fallar, "", 0, fallar}, "9999": {esperar, "", minuto, fallar},
	} {
		mira(t, codigo, trasVerifica(store.Tramo{}, estado("", "", 0), respuestas[codigo], ritmo, mediodia), want.accion, want.causa, want.espera)
		if v := trasVerifica(store.Tramo{Fallos: maxFallos}, estado("", "", 0), respuestas[codigo], ritmo, mediodia); v.accion != want.tarde {
			t.Errorf("%s after %d failures: %+v", codigo, maxFallos, v)
		}
	}
	silent := &gateway.Error{Kind: gateway.KindSinRespuesta, Reintentable: true, RetryAfter: time.Hour, Detail: "d"}
	mira(t, "silence, with a Retry-After beyond ours", trasVerifica(store.Tramo{}, estado("", "", 0), silent, ritmo, mediodia), esperar, "", 15*minuto)
}

func TestHastaManana_IsFivePastMidnightInMexico(t *testing.T) {
	t.Parallel()
	for utc, want := range map[string]time.Duration{
		"2026-11-21T18:00:00Z": manana, "2026-11-22T05:59:59Z": 5*time.Minute + time.Second, "2026-11-22T06:00:00Z": 24*time.Hour + 5*time.Minute,
		"2027-01-01T05:00:00Z": time.Hour + 5*time.Minute, "2028-02-29T05:00:00Z": time.Hour + 5*time.Minute,
	} {
		now, err := time.Parse(time.RFC3339, utc)
		if got := hastaManana(now); err != nil || got != want {
			t.Errorf("%s: %s, want %s", utc, got, want)
		}
	}
}

func TestRitmo_GrowsToItsLimit(t *testing.T) {
	t.Parallel()
	r := Ritmo0()
	for n, want := range []time.Duration{minuto, 90 * time.Second, 135 * time.Second} {
		if got := r.consulta(n); got != want {
			t.Errorf("question %d waits %s, want %s", n, got, want)
		}
	}
	for n, want := range []time.Duration{minuto, minuto, 2 * minuto, 4 * minuto, 8 * minuto, 15 * minuto} {
		if got := r.fallo(n); got != want {
			t.Errorf("failure %d waits %s, want %s", n, got, want)
		}
	}
	for _, n := range []int{6, 100, 1 << 30} {
		if r.consulta(n) > 15*minuto || r.fallo(n) != 15*minuto || r.rechazo(max(n, 20)) != 4*time.Hour {
			t.Errorf("%d: %s %s %s", n, r.consulta(n), r.fallo(n), r.rechazo(n))
		}
	}
	if corto := (Ritmo{Minimo: time.Hour, Maximo: minuto}); corto.consulta(0) != minuto {
		t.Errorf("the limit gives way: %s", corto.consulta(0))
	}
}

func TestProxima_IsTheNextTimeInMexico(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{
		{"2026-11-21T18:00:00Z", "04:00", "2026-11-22T10:00:00Z"},
		{"2026-11-21T09:59:59Z", "04:00", "2026-11-21T10:00:00Z"},
		{"2026-11-21T10:00:00Z", "04:00", "2026-11-22T10:00:00Z"}, // now is not next
		{"2026-11-22T03:00:00Z", "23:30", "2026-11-22T05:30:00Z"}, // still the 21st in Mexico
		{"2026-11-22T05:30:00Z", "00:00", "2026-11-22T06:00:00Z"},
		{"2026-12-31T10:30:00Z", "04:00", "2027-01-01T10:00:00Z"},
		{"2028-02-28T10:30:00Z", "04:00", "2028-02-29T10:00:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, tc[0])
		if got := proxima(now, tc[1]).UTC().Format(time.RFC3339); got != tc[2] {
			t.Errorf("after %s at %s: %s, want %s", tc[0], tc[1], got, tc[2])
		}
	}
}

func TestAntesDe_NeverSleepsPastTheDeadline(t *testing.T) {
	t.Parallel()
	a := mediodia
	for _, tc := range []struct{ limite, cuando, want time.Time }{
		{a.Add(2 * time.Hour), a.Add(time.Hour), a.Add(time.Hour)},
		{a.Add(time.Hour), a.Add(2 * time.Hour), a.Add(time.Hour)},
		{a.Add(-time.Hour), a.Add(2 * time.Hour), a.Add(2 * time.Hour)}, // it is told by then
	} {
		if got := antesDe(tc.limite, a, tc.cuando); !got.Equal(tc.want) {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

func TestFinal_WhenEverythingEndedInEachWay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		r    store.Recuento
		want gateway.EstadoDescarga
		// motivo tells whether a reason must be given.
		motivo bool
	}{
		"everything came":                {store.Recuento{Terminadas: 3, Vacias: 1, Contados: 9, Encontrados: 9}, gateway.DescargaTerminada, false},
		"some are missing":               {store.Recuento{Terminadas: 3, Contados: 9, Encontrados: 8}, gateway.DescargaParcial, true},
		"more than counted":              {store.Recuento{Terminadas: 3, Contados: 9, Encontrados: 10}, gateway.DescargaTerminada, true},
		"nothing there":                  {store.Recuento{Vacias: 4}, gateway.DescargaVacia, true},
		"nothing came":                   {store.Recuento{Fallidas: 2}, gateway.DescargaFallida, true},
		"a part failed":                  {store.Recuento{Terminadas: 1, Fallidas: 1, Contados: 9, Encontrados: 9}, gateway.DescargaParcial, true},
		"one failed, the rest is empty":  {store.Recuento{Vacias: 1, Fallidas: 1}, gateway.DescargaParcial, true},
		"it failed with a part in store": {store.Recuento{Fallidas: 1, Encontrados: 5}, gateway.DescargaParcial, true},
	} {
		if got, motivo := final(tc.r); got != tc.want || (motivo != "") != tc.motivo {
			t.Errorf("%s: %s %q", name, got, motivo)
		}
	}
}

func TestEnCurso_IsHowFarTheFurthestIs(t *testing.T) {
	t.Parallel()
	for want, m := range map[gateway.EstadoDescarga][]store.Marcha{
		gateway.DescargaEnCola:      {{Vivos: true}},
		gateway.DescargaSolicitada:  {{Presentadas: true}, {Acabadas: true}},
		gateway.DescargaEnProceso:   {{Presentadas: true, EnProceso: true}, {Terminadas: true}},
		gateway.DescargaDescargando: {{Descargando: true, EnProceso: true, Terminadas: true, Presentadas: true, Acabadas: true}},
	} {
		for _, una := range m {
			if got := enCurso(una); got != want {
				t.Errorf("%+v: %s, want %s", una, got, want)
			}
		}
	}
}
