package descargas

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

var ritmo = Ritmo{Minimo: time.Minute, Maximo: 15 * time.Minute}

// mediodia is noon in Mexico.
var mediodia = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

// ahora is noon on the day on which a descarga without a deadline began.
var ahora = marco{Ritmo: ritmo, ahora: mediodia, limite: mediodia.Add(gateway.PlazoNormal), tope: mediodia.Add(gateway.TopeNormal)}

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
	if v.motivo == "" && v.accion != esperar && v.accion != seguir && v.accion != traer {
		t.Errorf("%s: %+v has no code", nombre, v)
	}
}

// otras are the failures that have no code of sat.md §9, as they come from
// internal/backends: after the message was sent, unless they say otherwise.
var otras = map[string]*gateway.Error{ //nolint:gochecknoglobals // a table of tests
	"InvalidSecurity, clocks alike":   {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "InvalidSecurity", Reintentable: true},
	"InvalidSecurity, our clock":      {Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "InvalidSecurity"},
	"InvalidSecurity at Autentica":    {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "InvalidSecurity", Reintentable: true, NoEnviada: true},
	"305 at Autentica":                {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "305", NoEnviada: true},
	"ActionNotSupported":              {Kind: gateway.KindNoDisponible, Backend: "sat", Codigo: "ActionNotSupported", Reintentable: true},
	"DeserializationFailed":           {Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "DeserializationFailed"},
	"HTTP 302, 403, 404":              {Kind: gateway.KindMensajeRechazado, Backend: "sat"},
	"HTTP 302, 403, 404 at Autentica": {Kind: gateway.KindMensajeRechazado, Backend: "sat", NoEnviada: true},
	"HTTP 503":                        {Kind: gateway.KindNoDisponible, Backend: "sat", Reintentable: true},
	"HTTP 503 at Autentica":           {Kind: gateway.KindNoDisponible, Backend: "sat", Reintentable: true, NoEnviada: true},
	"no connection":                   {Kind: gateway.KindNoDisponible, Backend: "sat", Reintentable: true, NoEnviada: true},
	"unreadable":                      {Kind: gateway.KindRespuestaInvalida, Backend: "sat", Reintentable: true},
	"a broken package":                {Kind: gateway.KindRespuestaInvalida, Backend: "sat"},
	"silence":                         {Kind: gateway.KindSinRespuesta, Backend: "sat", Reintentable: true},
	"unknown":                         {Kind: gateway.KindResultadoDesconocido, Backend: "sat", Own: gateway.OwnRespuestaDudosa},
	"5000 without an id":              {Kind: gateway.KindResultadoDesconocido, Backend: "sat", Codigo: "5000"},
	"our e.firma":                     {Kind: gateway.KindEFirma, Codigo: "password_incorrecto", NoEnviada: true},
	"our rules":                       {Kind: gateway.KindInvalida, NoEnviada: true},
	"our database":                    {Kind: gateway.KindInterno, NoEnviada: true},
	"our disk":                        {Kind: gateway.KindInterno},
	"it was here":                     {Kind: gateway.KindYaNoDisponible},
}

// TestTrasRechazo_WhenEachStepMeetsEachCondition states what the table must come
// to: the same in every step, unless the table says why not.
func TestTrasRechazo_WhenEachStepMeetsEachCondition(t *testing.T) {
	t.Parallel()
	siempre := func(v string) [4]string { return [4]string{v, v, v, v} }
	// Verdicts: "again" for as long as it lasts, "again N" for N in a row and then the
	// end, or a replacement where one is named; the steps are Solicita, Verifica, the
	// reason of a rejection, Descargar. Of a package the end is that it is lost.
	reemplazo := func(causa string) string { return "replace " + causa }
	for nombre, want := range map[string][4]string{
		"300":  {"again", "again", reemplazo(causaMuda), "again"},
		"301":  {"end", "again 3", "end", "again 3"},
		"302":  {"again 3", "again 3", reemplazo(causaMuda), "again 3"},
		"303":  {"again 3", "again 3", reemplazo(causaMuda), "again 3"},
		"304":  {"again 3", "again 3", reemplazo(causaMuda), "again 3"},
		"305":  {"again 8", "again 8", reemplazo(causaMuda), "again 8"},
		"404":  {"again", "again", reemplazo(causaError), "again"},
		"5001": {"end", "again 3", "end", "again 3"},
		"5002": {reemplazo(causaDePorVida), reemplazo(causaDePorVida), reemplazo(causaDePorVida), "again 3"},
		"5003": {"split", "split", "split", "again 3"},
		"5004": {"empty", "again 3", "empty", "again 3"},
		"5005": {reemplazo(causaDuplicada), reemplazo(causaDuplicada), reemplazo(causaDuplicada), "again 3"},
		"5006": {"again", "again", reemplazo(causaError), "again"},
		"5011": siempre("tomorrow"),
		"5012": {"end", "end", "end", "again 3"},
		"9999": {"again 3", "again 3", reemplazo(causaMuda), "again 3"},

		"InvalidSecurity, clocks alike":   {"again 10", "again 10", "", "again 10"},
		"InvalidSecurity, our clock":      {"again 10", "again 10", "", "again 10"},
		"InvalidSecurity at Autentica":    {"again 10", "again 10", "", "again 10"},
		"305 at Autentica":                {"again 8", "again 8", "", "again 8"},
		"ActionNotSupported":              {"again 10", "again 10", "", "again 10"},
		"DeserializationFailed":           {"again 3", "again 3", "", "again 3"},
		"HTTP 302, 403, 404":              {"again 24", "again 24", "", "again 24"},
		"HTTP 302, 403, 404 at Autentica": {"again 24", "again 24", "", "again 24"},
		"HTTP 503":                        {"again", "again", "", "again"},
		"HTTP 503 at Autentica":           {"again", "again", "", "again"},
		"no connection":                   {"again", "again", "", "again"},
		"unreadable":                      {"again 24", "again 24", "", "again 24"},
		"a broken package":                {"", "", "", "again 24"},
		"silence":                         {"", "again", "", "again"},
		"unknown":                         {reemplazo(causaDesconocida), "", "", ""},
		"5000 without an id":              {reemplazo(causaDesconocida), "", "", ""},
		"our e.firma":                     {"end", "again 24", "", "again 24"},
		"our rules":                       {"end", "", "", ""},
		"our database":                    {"again", "again", "", "again"},
		"our disk":                        {reemplazo(causaDesconocida), "again", "", "again"},
		"it was here":                     {"", "", "", "end"},
	} {
		e, ok := otras[nombre]
		if !ok {
			e = gateway.AsError(respuestas[nombre])
		}
		for en, quiere := range want {
			if quiere == "" {
				continue
			}
			if en := etapa(en); dice(en, e) != quiere {
				t.Errorf("%s in step %d: %q, want %q", nombre, en, dice(en, e), quiere)
			}
		}
	}
	for _, codigo := range []string{"5007", "5008"} {
		e := gateway.AsError(sat(codigo, gateway.KindYaNoDisponible, false))
		if got := dice(alBajar, e); got != "end" {
			t.Errorf("%s: %q", codigo, got)
		}
	}
}

// TestTabla_IsWhatThePageSays holds the page's patience against the table's.
func TestTabla_IsWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/descargas.md")
	if err != nil {
		t.Fatal(err)
	}
	veces := regexp.MustCompile(`^(\d+) veces`)
	codigo := regexp.MustCompile("`([^`]+)`")
	_, mal, _ := strings.Cut(string(page), "### Un mal día del SAT")
	mal, _, _ = strings.Cut(mal, "\n## ")
	vistas := 0
	for line := range strings.Lines(mal) {
		celdas := strings.Split(line, " | ")
		if len(celdas) != 2 {
			continue
		}
		want := regla{sentido: pasajera}
		if n := veces.FindStringSubmatch(celdas[1]); n != nil {
			want.sentido = dudosa
			if want.veces, err = strconv.Atoi(n[1]); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range codigo.FindAllStringSubmatch(celdas[0], -1) {
			vistas++
			for _, en := range []etapa{alPresentar, alConsultar, alBajar} {
				if got := significa(c[1], en); got != want {
					t.Errorf("%s in step %d: %+v, and the page says %q", c[1], en, got, celdas[1])
				}
			}
		}
	}
	if vistas < 9 {
		t.Errorf("the page names %d", vistas)
	}
	for cond, en := range map[string]string{condPagina: "página HTTP 3xx", condOtra: "que no documenta"} {
		if n := significa(cond, alConsultar).veces; !regexp.MustCompile(en + `.*\| ` + strconv.Itoa(n) + ` veces`).MatchString(mal) {
			t.Errorf("%s: %d times, and the page says otherwise", cond, n)
		}
	}
}

// dice is what a refusal comes to when it is heard on and on.
func dice(en etapa, e *gateway.Error) string {
	var tr store.Tramo
	for n := 0; ; n++ {
		v := trasRechazo(tr, en, e, ahora)
		switch {
		case v.decision == "":
			return "no reason"
		case v.accion == esperar && v.espera == manana:
			return "tomorrow"
		case v.accion == esperar && n < 200:
			tr.Serie, tr.Fallos = v.serie, tr.Fallos+1
			continue
		case v.accion == esperar:
			return "again"
		case n > 0 && (v.accion == fallar || v.causa == causaNoExiste):
			return fmt.Sprintf("again %d", n)
		}
		return map[accion]string{partir: "split", vaciar: "empty", fallar: "end", sustituir: "replace " + v.causa}[v.accion]
	}
}

// TestTrasRechazo_WhenOtherFailuresComeBetween: only the same in a row end it. What
// a failing network has used up is not taken off the patience with a refusal.
func TestTrasRechazo_WhenOtherFailuresComeBetween(t *testing.T) {
	t.Parallel()
	for _, en := range []etapa{alPresentar, alConsultar, alBajar} {
		tr := store.Tramo{}
		for n := range 40 {
			e := otras["no connection"]
			if n%4 == 3 {
				e = gateway.AsError(respuestas["303"])
			}
			v := trasRechazo(tr, en, e, ahora)
			if v.accion != esperar {
				t.Fatalf("step %d, failure %d: %+v", en, n, v)
			}
			tr.Serie, tr.Fallos = v.serie, tr.Fallos+1
		}
	}
}

func TestTrasSolicita_WhenTheSATSaysEachCode(t *testing.T) {
	t.Parallel()
	for codigo, err := range respuestas {
		// An id beside any error is followed, never asked for again (cfdiclient#25).
		mira(t, codigo+" with an id", trasSolicita(store.Tramo{}, "id", err, ahora), seguir, "", minuto)
	}
	mira(t, "5000", trasSolicita(store.Tramo{}, "id", nil, ahora), seguir, "", minuto)
	mira(t, "unknown, with an id", trasSolicita(store.Tramo{}, "id", otras["unknown"], ahora), seguir, "", minuto)
	mira(t, "not one of ours", trasSolicita(store.Tramo{}, "", errors.New("x"), ahora), sustituir, causaDesconocida, minuto)
}

// TestTrasSolicita_WhenAnswersAreLostOnAndOn: the replacements are as many as
// before, and the last is presented when half of the deadline has passed.
func TestTrasSolicita_WhenAnswersAreLostOnAndOn(t *testing.T) {
	t.Parallel()
	for _, plazo := range []time.Duration{time.Hour, 72 * time.Hour, gateway.PlazoNormal, gateway.MaxPlazo} {
		m := ahora
		m.limite = m.ahora.Add(plazo)
		m.tope = m.limite
		for n := range maxSustituciones {
			v := trasSolicita(store.Tramo{Sustituciones: n}, "", otras["unknown"], m)
			if v.accion != sustituir || v.causa != causaDesconocida || n == 0 && v.espera != minuto || n > 0 && v.espera <= minuto {
				t.Errorf("%s, loss %d: %+v", plazo, n, v)
			}
			m.ahora = m.ahora.Add(v.espera)
		}
		if pasa := m.ahora.Sub(mediodia); pasa < plazo/2 && plazo <= gateway.PlazoNormal || pasa > plazo*9/10 {
			t.Errorf("the last of %s is presented after %s", plazo, pasa)
		}
		mira(t, "once more", trasSolicita(store.Tramo{Sustituciones: maxSustituciones}, "", otras["unknown"], m), fallar, "", 0)
	}
}

// TestTrasRechazo_WhenRefusedOnAndOn: each refusal of a solicitud may count, so that
// until the deadline there are few; what never left counts nothing.
func TestTrasRechazo_WhenRefusedOnAndOn(t *testing.T) {
	t.Parallel()
	for nombre, e := range map[string]*gateway.Error{"404": gateway.AsError(respuestas["404"]), "503": otras["HTTP 503"]} {
		var pasa time.Duration
		tr := store.Tramo{}
		for ; pasa < gateway.PlazoNormal; tr.Fallos++ {
			v := trasRechazo(tr, alPresentar, e, ahora)
			if v.accion != esperar || v.espera > 4*time.Hour {
				t.Fatalf("%s after %d: %+v", nombre, tr.Fallos, v)
			}
			pasa += v.espera
		}
		if tr.Fallos > 75 {
			t.Errorf("%s: %d in %s", nombre, tr.Fallos, pasa)
		}
	}
	mira(t, "no connection for long", trasRechazo(store.Tramo{Fallos: 40}, alPresentar, otras["no connection"], ahora), esperar, "", 15*minuto)
	mira(t, "305 for hours", trasRechazo(store.Tramo{Fallos: 7}, alConsultar, gateway.AsError(respuestas["305"]), ahora), esperar, "", 128*minuto)
}

func TestTrasVerifica_WhenTheDeadlineOfNobodyHasPassed(t *testing.T) {
	t.Parallel()
	m := ahora
	m.ahora = m.limite.Add(time.Hour)
	v := trasVerifica(store.Tramo{}, estado("1", "5000", 0), nil, m)
	mira(t, "accepted", v, esperar, "", 15*minuto)
	if !strings.Contains(v.decision, "2027-01-20T12:00:00") { // sixty days on, in Mexico
		t.Error(v.decision)
	}
	mira(t, "a second replacement", trasVerifica(store.Tramo{Sustituciones: 1}, estado("4", "", 0), nil, m), sustituir, causaError, 4*time.Hour)
}

func TestTrasSolicita_WhenTheQuotaIsGoneTwice(t *testing.T) {
	t.Parallel()
	mira(t, "again", trasSolicita(store.Tramo{Causa: causaDePorVida, Sustituciones: 1}, "", respuestas["5002"], ahora), fallar, "", 0)
	mira(t, "as a rejection", trasVerifica(store.Tramo{Causa: causaDePorVida, Sustituciones: 1}, estado("5", "5002", 0), nil, ahora), fallar, "", 0)
	for _, codigo := range []string{"5002", "5005"} {
		mira(t, codigo+" too often", trasSolicita(store.Tramo{Sustituciones: maxSustituciones}, "", respuestas[codigo], ahora), fallar, "", 0)
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
			mira(t, codigo+"/"+motivo, trasVerifica(store.Tramo{}, estado(codigo, motivo, 0), nil, ahora), esperar, "", 90*time.Second)
		}
		mira(t, "3 with packages/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 7, "a", "b"), nil, ahora), traer, "", 0)
		mira(t, "3 with packages and no number/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 0, "a"), nil, ahora), traer, "", 0)
		mira(t, "3 and nothing/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 0), nil, ahora), vaciar, "", 0)
		mira(t, "3 and a number that is none/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, -1), nil, ahora), esperar, "", minuto)
		mira(t, "3 without packages/"+motivo, trasVerifica(store.Tramo{}, estado("3", motivo, 7), nil, ahora), esperar, "", minuto)
		mira(t, "3 without packages for long/"+motivo, trasVerifica(store.Tramo{Serie: store.Serie{Condicion: condSinPaquetes, Veces: 5}}, estado("3", motivo, 7), nil, ahora), sustituir, causaError, 15*minuto)
		mira(t, "3 without packages after failures/"+motivo, trasVerifica(store.Tramo{Fallos: 9}, estado("3", motivo, 7), nil, ahora), esperar, "", minuto)
		mira(t, "4/"+motivo, trasVerifica(store.Tramo{}, estado("4", motivo, 0), nil, ahora), sustituir, causaError, 15*minuto)
		mira(t, "4 too often/"+motivo, trasVerifica(store.Tramo{Sustituciones: maxSustituciones}, estado("4", motivo, 0), nil, ahora), fallar, "", 0)
		mira(t, "6/"+motivo, trasVerifica(store.Tramo{}, estado("6", motivo, 9), nil, ahora), sustituir, causaVencida, 0)
	}
	for motivo, want := range map[string]struct {
		accion accion
		causa  string
		espera time.Duration
	}{
		"": {sustituir, causaMuda, 15 * minuto}, "5000": {sustituir, causaMuda, 15 * minuto}, "300": {sustituir, causaMuda, 15 * minuto},
		"777": {sustituir, causaMuda, 15 * minuto}, "5012": {fallar, "", 0}, "301": {fallar, "", 0},
		"5002": {sustituir, causaDePorVida, 0}, "5003": {partir, "", 0}, "5004": {vaciar, "", 0}, "5005": {sustituir, causaDuplicada, 0},
		"404": {sustituir, causaError, 15 * minuto}, "5006": {sustituir, causaError, 15 * minuto}, "5011": {esperar, "", manana},
	} {
		mira(t, "5/"+motivo, trasVerifica(store.Tramo{}, estado("5", motivo, 0), nil, ahora), want.accion, want.causa, want.espera)
	}
	mira(t, "5 again", trasVerifica(store.Tramo{Causa: causaMuda, Sustituciones: 1}, estado("5", "", 0), nil, ahora), sustituir, causaMuda, 4*time.Hour)
	mira(t, "5 once more", trasVerifica(store.Tramo{Causa: causaMuda, Sustituciones: 3}, estado("5", "", 0), nil, ahora), fallar, "", 0)
	mira(t, "5 after other misfortunes", trasVerifica(store.Tramo{Causa: causaDesconocida, Sustituciones: 3}, estado("5", "5000", 0), nil, ahora), sustituir, causaMuda, 60*time.Hour)
}

func TestTrasVerifica_WhenTheCallFails(t *testing.T) {
	t.Parallel()
	mira(t, "305", trasVerifica(store.Tramo{}, estado("", "", 0), respuestas["305"], ahora), esperar, "", minuto)
	silent := &gateway.Error{Kind: gateway.KindSinRespuesta, Reintentable: true, RetryAfter: 2 * time.Hour, Detail: "d"}
	mira(t, "silence, with a Retry-After beyond ours", trasVerifica(store.Tramo{}, estado("", "", 0), silent, ahora), esperar, "", time.Hour)
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
	const crc = "a.xml: El archivo está dañado dentro del ZIP."
	for name, tc := range map[string]struct {
		r        store.Recuento
		metadata bool
		want     gateway.EstadoDescarga
		motivo   string
	}{
		"everything came":   {r: store.Recuento{Terminadas: 3, Vacias: 1, Contados: 9, Encontrados: 9}, want: gateway.DescargaTerminada},
		"some are missing":  {r: store.Recuento{Terminadas: 3, Contados: 9, Encontrados: 8, Faltan: 1}, want: gateway.DescargaParcial, motivo: "El SAT contó 9 comprobantes y se leen 8: falta 1."},
		"one is unreadable": {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 1, Faltan: 1, Fallas: 1, Danadas: 1, Falla: crc}, want: gateway.DescargaParcial, motivo: "El SAT contó 2 comprobantes y se lee 1: 1 no se puede leer (entrada a.xml: El archivo está dañado dentro del ZIP), faltan 0."},
		"one is unreadable and one missing": {r: store.Recuento{Terminadas: 1, Contados: 3, Encontrados: 1, Faltan: 2, Fallas: 1, Falla: crc}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 3 comprobantes y se lee 1: 1 no se puede leer (entrada a.xml: El archivo está dañado dentro del ZIP), falta 1."},
		"a text is unreadable": {r: store.Recuento{Terminadas: 1, Contados: 2, Faltan: 2, Fallas: 1, Falla: "m.txt: No."}, metadata: true, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se leen 0: 1 no se puede leer (entrada m.txt: No), y ahí puede estar lo que no se lee: faltan 2."},
		"in a folder": {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 1, Faltan: 1, Ajenas: 1, Ajena: "x/a.xml: No."}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se lee 1: falta 1, y en los paquetes 1 archivo no se lee, porque el SAT no entrega otros así (x/a.xml: No)."},
		"repeated in the place of others": {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 1, Faltan: 1, Repetidos: 1}, want: gateway.DescargaParcial, motivo: "El SAT contó 2 comprobantes y se lee 1: falta 1, 1 viene repetido."},
		"repeated beside all":             {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 2, Repetidos: 2}, want: gateway.DescargaTerminada, motivo: "2 vienen repetidos en los paquetes."},
		"more than counted":               {r: store.Recuento{Terminadas: 3, Contados: 9, Encontrados: 10}, want: gateway.DescargaTerminada, motivo: "El SAT contó 9 comprobantes y se leen 10: sobra 1."},
		"too many in one, too few in another": {r: store.Recuento{Terminadas: 2, Contados: 4, Encontrados: 4, Faltan: 1}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 4 comprobantes y se leen 4: falta 1, y a otras solicitudes les sobra 1."},
		"read from what is damaged": {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 2, Fallas: 1, Danadas: 1, Falla: "m.txt: X."}, metadata: true, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se leen 2, pero 1 no se puede leer (entrada m.txt: X): lo que se leyó ahí puede no ser lo que el SAT empacó."},
		"something else is unreadable": {r: store.Recuento{Terminadas: 1, Contados: 2, Encontrados: 2, Fallas: 2, Falla: "x/y.xml: X."}, want: gateway.DescargaTerminada,
			motivo: "Están todos los que contó el SAT; además, 2 no se pueden leer (la primera entrada, x/y.xml: X)."},
		"nothing there":                  {r: store.Recuento{Vacias: 4}, want: gateway.DescargaVacia, motivo: "El SAT no encontró comprobantes en el rango."},
		"nothing came":                   {r: store.Recuento{Fallidas: 2}, want: gateway.DescargaFallida, motivo: "De  a : "},
		"a part failed":                  {r: store.Recuento{Terminadas: 1, Fallidas: 1, Contados: 9, Encontrados: 9}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
		"one failed, the rest is empty":  {r: store.Recuento{Vacias: 1, Fallidas: 1}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
		"it failed with a part in store": {r: store.Recuento{Fallidas: 1, Encontrados: 5}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
	} {
		if got, motivo := final(tc.r, tc.metadata); got != tc.want || motivo != tc.motivo {
			t.Errorf("%s: %s\n%q, want\n%q", name, got, motivo, tc.motivo)
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
