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

var pace = Pace{Min: time.Minute, Max: 15 * time.Minute}

// noon is noon in Mexico.
var noon = time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)

// now is noon on the day on which a descarga without a deadline began.
var now = frame{Pace: pace, now: noon, limit: noon.Add(gateway.NormalDeadline), ceiling: noon.Add(gateway.NormalCeiling)}

const (
	tomorrow = 12*time.Hour + 5*time.Minute // from noon to five past midnight
	minute   = time.Minute
)

// sat is a refusal with the SAT's code, as internal/sat translates it.
func sat(codigo string, kind gateway.Kind, retryable bool) error {
	return &gateway.Error{Kind: kind, Backend: "sat", Codigo: codigo, Detail: "d", Retryable: retryable}
}

// answers are the refusals of sat.md §9.
var answers = map[string]error{ //nolint:gochecknoglobals // a table of tests
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

func look(t *testing.T, name string, v verdict, action action, cause string, espera time.Duration) {
	t.Helper()
	if v.action != action || v.cause != cause || v.wait != espera || v.decision == "" {
		t.Errorf("%s: %+v; want action %d, cause %q, wait %s, and a reason", name, v, action, cause, espera)
	}
	if v.motivo == "" && v.action != wait && v.action != follow && v.action != fetch {
		t.Errorf("%s: %+v has no code", name, v)
	}
}

// other are the failures that have no code of sat.md §9, as they come from
// internal/sat: after the message was sent, unless they say otherwise.
var other = map[string]*gateway.Error{ //nolint:gochecknoglobals // a table of tests
	"InvalidSecurity, clocks alike":   {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "InvalidSecurity", Retryable: true},
	"InvalidSecurity, our clock":      {Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "InvalidSecurity"},
	"InvalidSecurity at Autentica":    {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "InvalidSecurity", Retryable: true, Unsent: true},
	"305 at Autentica":                {Kind: gateway.KindEFirma, Backend: "sat", Codigo: "305", Unsent: true},
	"ActionNotSupported":              {Kind: gateway.KindNoDisponible, Backend: "sat", Codigo: "ActionNotSupported", Retryable: true},
	"DeserializationFailed":           {Kind: gateway.KindMensajeRechazado, Backend: "sat", Codigo: "DeserializationFailed"},
	"HTTP 302, 403, 404":              {Kind: gateway.KindMensajeRechazado, Backend: "sat"},
	"HTTP 302, 403, 404 at Autentica": {Kind: gateway.KindMensajeRechazado, Backend: "sat", Unsent: true},
	"HTTP 503":                        {Kind: gateway.KindNoDisponible, Backend: "sat", Retryable: true},
	"HTTP 503 at Autentica":           {Kind: gateway.KindNoDisponible, Backend: "sat", Retryable: true, Unsent: true},
	"no connection":                   {Kind: gateway.KindNoDisponible, Backend: "sat", Retryable: true, Unsent: true},
	"unreadable":                      {Kind: gateway.KindRespuestaInvalida, Backend: "sat", Retryable: true},
	"a broken package":                {Kind: gateway.KindRespuestaInvalida, Backend: "sat"},
	"silence":                         {Kind: gateway.KindSinRespuesta, Backend: "sat", Retryable: true},
	"unknown":                         {Kind: gateway.KindResultadoDesconocido, Backend: "sat", Own: gateway.OwnRespuestaDudosa},
	"5000 without an id":              {Kind: gateway.KindResultadoDesconocido, Backend: "sat", Codigo: "5000"},
	"our e.firma":                     {Kind: gateway.KindEFirma, Codigo: "password_incorrecto", Unsent: true},
	"our rules":                       {Kind: gateway.KindInvalida, Unsent: true},
	"our database":                    {Kind: gateway.KindInterno, Unsent: true},
	"our disk":                        {Kind: gateway.KindInterno},
	"it was here":                     {Kind: gateway.KindYaNoDisponible},
}

// TestAfterRefusal_WhenEachStepMeetsEachCondition states what the table must come
// to: the same in every step, unless the table says why not.
func TestAfterRefusal_WhenEachStepMeetsEachCondition(t *testing.T) {
	t.Parallel()
	always := func(v string) [4]string { return [4]string{v, v, v, v} }
	// Verdicts: "again" for as long as it lasts, "again N" for N in a row and then the
	// end, or a replacement where one is named; the steps are Request, Verify, the
	// reason of a rejection, Descargar. Of a package the end is that it is lost.
	replacement := func(cause string) string { return "replace " + cause }
	for name, want := range map[string][4]string{
		"300":  {"again", "again", replacement(causeMute), "again"},
		"301":  {"end", "again 3", "end", "again 3"},
		"302":  {"again 3", "again 3", replacement(causeMute), "again 3"},
		"303":  {"again 3", "again 3", replacement(causeMute), "again 3"},
		"304":  {"again 3", "again 3", replacement(causeMute), "again 3"},
		"305":  {"again 8", "again 8", replacement(causeMute), "again 8"},
		"404":  {"again", "again", replacement(causeError), "again"},
		"5001": {"end", "again 3", "end", "again 3"},
		"5002": {replacement(causeForLife), replacement(causeForLife), replacement(causeForLife), "again 3"},
		"5003": {"split", "split", "split", "again 3"},
		"5004": {"empty", "again 3", "empty", "again 3"},
		"5005": {replacement(causeDuplicate), replacement(causeDuplicate), replacement(causeDuplicate), "again 3"},
		"5006": {"again", "again", replacement(causeError), "again"},
		"5011": always("tomorrow"),
		"5012": {"end", "end", "end", "again 3"},
		"9999": {"again 3", "again 3", replacement(causeMute), "again 3"},

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
		"unknown":                         {replacement(causeUnknown), "", "", ""},
		"5000 without an id":              {replacement(causeUnknown), "", "", ""},
		"our e.firma":                     {"end", "again 24", "", "again 24"},
		"our rules":                       {"end", "", "", ""},
		"our database":                    {"again", "again", "", "again"},
		"our disk":                        {replacement(causeUnknown), "again", "", "again"},
		"it was here":                     {"", "", "", "end"},
	} {
		e, ok := other[name]
		if !ok {
			e = gateway.AsError(answers[name])
		}
		for en, wants := range want {
			if wants == "" {
				continue
			}
			if en := stage(en); say(en, e) != wants {
				t.Errorf("%s in step %d: %q, want %q", name, en, say(en, e), wants)
			}
		}
	}
	for _, codigo := range []string{"5007", "5008"} {
		e := gateway.AsError(sat(codigo, gateway.KindYaNoDisponible, false))
		if got := say(onDownload, e); got != "end" {
			t.Errorf("%s: %q", codigo, got)
		}
	}
}

// TestTable_IsWhatThePageSays holds the page's patience against the table's.
func TestTable_IsWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/descargas.md")
	if err != nil {
		t.Fatal(err)
	}
	times := regexp.MustCompile(`^(\d+) veces`)
	codigo := regexp.MustCompile("`([^`]+)`")
	_, bad, _ := strings.Cut(string(page), "### Un mal día del SAT")
	bad, _, _ = strings.Cut(bad, "\n## ")
	views := 0
	for line := range strings.Lines(bad) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 {
			continue
		}
		want := rule{direction: passing}
		if n := times.FindStringSubmatch(cells[1]); n != nil {
			want.direction = dubious
			if want.times, err = strconv.Atoi(n[1]); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range codigo.FindAllStringSubmatch(cells[0], -1) {
			views++
			for _, en := range []stage{onSubmit, onQuery, onDownload} {
				if got := mean(c[1], en); got != want {
					t.Errorf("%s in step %d: %+v, and the page says %q", c[1], en, got, cells[1])
				}
			}
		}
	}
	if views < 9 {
		t.Errorf("the page names %d", views)
	}
	for cond, en := range map[string]string{condPagina: "página HTTP 3xx", condOtra: "que no documenta"} {
		if n := mean(cond, onQuery).times; !regexp.MustCompile(en + `.*\| ` + strconv.Itoa(n) + ` veces`).MatchString(bad) {
			t.Errorf("%s: %d times, and the page says otherwise", cond, n)
		}
	}
}

// say is what a refusal comes to when it is heard on and on.
func say(en stage, e *gateway.Error) string {
	var tr store.Tramo
	for n := 0; ; n++ {
		v := afterRefusal(tr, en, e, now)
		switch {
		case v.decision == "":
			return "no reason"
		case v.action == wait && v.wait == tomorrow:
			return "tomorrow"
		case v.action == wait && n < 200:
			tr.Serie, tr.Failures = v.serie, tr.Failures+1
			continue
		case v.action == wait:
			return "again"
		case n > 0 && (v.action == fail || v.cause == causeNone):
			return fmt.Sprintf("again %d", n)
		}
		return map[action]string{split: "split", empty: "empty", fail: "end", replace: "replace " + v.cause}[v.action]
	}
}

// TestAfterRefusal_WhenOtherFailuresComeBetween: only the same in a row end it. What
// a failing network has used up is not taken off the patience with a refusal.
func TestAfterRefusal_WhenOtherFailuresComeBetween(t *testing.T) {
	t.Parallel()
	for _, en := range []stage{onSubmit, onQuery, onDownload} {
		tr := store.Tramo{}
		for n := range 40 {
			e := other["no connection"]
			if n%4 == 3 {
				e = gateway.AsError(answers["303"])
			}
			v := afterRefusal(tr, en, e, now)
			if v.action != wait {
				t.Fatalf("step %d, failure %d: %+v", en, n, v)
			}
			tr.Serie, tr.Failures = v.serie, tr.Failures+1
		}
	}
}

func TestAfterRequest_WhenTheSATSaysEachCode(t *testing.T) {
	t.Parallel()
	for codigo, err := range answers {
		// An id beside any error is followed, never asked for again (cfdiclient#25).
		look(t, codigo+" with an id", afterRequest(store.Tramo{}, "id", err, now), follow, "", minute)
	}
	look(t, "5000", afterRequest(store.Tramo{}, "id", nil, now), follow, "", minute)
	look(t, "unknown, with an id", afterRequest(store.Tramo{}, "id", other["unknown"], now), follow, "", minute)
	look(t, "not one of ours", afterRequest(store.Tramo{}, "", errors.New("x"), now), replace, causeUnknown, minute)
}

// TestAfterRequest_WhenAnswersAreLostOnAndOn: the replacements are as many as
// before, and the last is presented when half of the deadline has passed.
func TestAfterRequest_WhenAnswersAreLostOnAndOn(t *testing.T) {
	t.Parallel()
	for _, deadline := range []time.Duration{time.Hour, 72 * time.Hour, gateway.NormalDeadline, gateway.MaxDeadline} {
		m := now
		m.limit = m.now.Add(deadline)
		m.ceiling = m.limit
		for n := range maxSustituciones {
			v := afterRequest(store.Tramo{Sustituciones: n}, "", other["unknown"], m)
			if v.action != replace || v.cause != causeUnknown || n == 0 && v.wait != minute || n > 0 && v.wait <= minute {
				t.Errorf("%s, loss %d: %+v", deadline, n, v)
			}
			m.now = m.now.Add(v.wait)
		}
		if pass := m.now.Sub(noon); pass < deadline/2 && deadline <= gateway.NormalDeadline || pass > deadline*9/10 {
			t.Errorf("the last of %s is presented after %s", deadline, pass)
		}
		look(t, "once more", afterRequest(store.Tramo{Sustituciones: maxSustituciones}, "", other["unknown"], m), fail, "", 0)
	}
}

// TestAfterRefusal_WhenRefusedOnAndOn: each refusal of a solicitud may count, so that
// until the deadline there are few; what never left counts nothing.
func TestAfterRefusal_WhenRefusedOnAndOn(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*gateway.Error{"404": gateway.AsError(answers["404"]), "503": other["HTTP 503"]} {
		var pass time.Duration
		tr := store.Tramo{}
		for ; pass < gateway.NormalDeadline; tr.Failures++ {
			v := afterRefusal(tr, onSubmit, e, now)
			if v.action != wait || v.wait > 4*time.Hour {
				t.Fatalf("%s after %d: %+v", name, tr.Failures, v)
			}
			pass += v.wait
		}
		if tr.Failures > 75 {
			t.Errorf("%s: %d in %s", name, tr.Failures, pass)
		}
	}
	look(t, "no connection for long", afterRefusal(store.Tramo{Failures: 40}, onSubmit, other["no connection"], now), wait, "", 15*minute)
	look(t, "305 for hours", afterRefusal(store.Tramo{Failures: 7}, onQuery, gateway.AsError(answers["305"]), now), wait, "", 128*minute)
}

func TestAfterVerify_WhenTheDeadlineOfNobodyHasPassed(t *testing.T) {
	t.Parallel()
	m := now
	m.now = m.limit.Add(time.Hour)
	v := afterVerify(store.Tramo{}, estado("1", "5000", 0), nil, m)
	look(t, "accepted", v, wait, "", 15*minute)
	if !strings.Contains(v.decision, "2027-01-20T12:00:00") { // sixty days on, in Mexico
		t.Error(v.decision)
	}
	look(t, "a second replacement", afterVerify(store.Tramo{Sustituciones: 1}, estado("4", "", 0), nil, m), replace, causeError, 4*time.Hour)
}

func TestAfterRequest_WhenTheQuotaIsGoneTwice(t *testing.T) {
	t.Parallel()
	look(t, "again", afterRequest(store.Tramo{Cause: causeForLife, Sustituciones: 1}, "", answers["5002"], now), fail, "", 0)
	look(t, "as a rejection", afterVerify(store.Tramo{Cause: causeForLife, Sustituciones: 1}, estado("5", "5002", 0), nil, now), fail, "", 0)
	for _, codigo := range []string{"5002", "5005"} {
		look(t, codigo+" too often", afterRequest(store.Tramo{Sustituciones: maxSustituciones}, "", answers[codigo], now), fail, "", 0)
	}
}

// estado is an answer of Verify with packages.
func estado(codigo, motivo string, number int64, paquetes ...string) gateway.EstadoSolicitud {
	return gateway.EstadoSolicitud{Estado: gateway.Codigo{Codigo: codigo}, CodigoEstado: gateway.Codigo{Codigo: motivo}, NumeroCFDIs: number, IDsPaquetes: paquetes}
}

func TestAfterVerify_WhenEachStateMeetsEachReason(t *testing.T) {
	t.Parallel()
	motivos := []string{"", "5000", "5002", "5003", "5004", "5005", "5006", "404", "5011", "5012", "300", "777"}
	// Only of a rejected one does the reason matter: 5000 accompanies everything.
	for _, motivo := range motivos {
		for _, codigo := range []string{"", "0", "1", "2", "9"} {
			look(t, codigo+"/"+motivo, afterVerify(store.Tramo{}, estado(codigo, motivo, 0), nil, now), wait, "", 90*time.Second)
		}
		look(t, "3 with packages/"+motivo, afterVerify(store.Tramo{}, estado("3", motivo, 7, "a", "b"), nil, now), fetch, "", 0)
		look(t, "3 with packages and no number/"+motivo, afterVerify(store.Tramo{}, estado("3", motivo, 0, "a"), nil, now), fetch, "", 0)
		look(t, "3 and nothing/"+motivo, afterVerify(store.Tramo{}, estado("3", motivo, 0), nil, now), empty, "", 0)
		look(t, "3 and a number that is none/"+motivo, afterVerify(store.Tramo{}, estado("3", motivo, -1), nil, now), wait, "", minute)
		look(t, "3 without packages/"+motivo, afterVerify(store.Tramo{}, estado("3", motivo, 7), nil, now), wait, "", minute)
		look(t, "3 without packages for long/"+motivo, afterVerify(store.Tramo{Serie: store.Serie{Condition: condSinPaquetes, Times: 5}}, estado("3", motivo, 7), nil, now), replace, causeError, 15*minute)
		look(t, "3 without packages after failures/"+motivo, afterVerify(store.Tramo{Failures: 9}, estado("3", motivo, 7), nil, now), wait, "", minute)
		look(t, "4/"+motivo, afterVerify(store.Tramo{}, estado("4", motivo, 0), nil, now), replace, causeError, 15*minute)
		look(t, "4 too often/"+motivo, afterVerify(store.Tramo{Sustituciones: maxSustituciones}, estado("4", motivo, 0), nil, now), fail, "", 0)
		look(t, "6/"+motivo, afterVerify(store.Tramo{}, estado("6", motivo, 9), nil, now), replace, causaVencida, 0)
	}
	for motivo, want := range map[string]struct {
		action action
		cause  string
		wait   time.Duration
	}{
		"": {replace, causeMute, 15 * minute}, "5000": {replace, causeMute, 15 * minute}, "300": {replace, causeMute, 15 * minute},
		"777": {replace, causeMute, 15 * minute}, "5012": {fail, "", 0}, "301": {fail, "", 0},
		"5002": {replace, causeForLife, 0}, "5003": {split, "", 0}, "5004": {empty, "", 0}, "5005": {replace, causeDuplicate, 0},
		"404": {replace, causeError, 15 * minute}, "5006": {replace, causeError, 15 * minute}, "5011": {wait, "", tomorrow},
	} {
		look(t, "5/"+motivo, afterVerify(store.Tramo{}, estado("5", motivo, 0), nil, now), want.action, want.cause, want.wait)
	}
	look(t, "5 again", afterVerify(store.Tramo{Cause: causeMute, Sustituciones: 1}, estado("5", "", 0), nil, now), replace, causeMute, 4*time.Hour)
	look(t, "5 once more", afterVerify(store.Tramo{Cause: causeMute, Sustituciones: 3}, estado("5", "", 0), nil, now), fail, "", 0)
	look(t, "5 after other misfortunes", afterVerify(store.Tramo{Cause: causeUnknown, Sustituciones: 3}, estado("5", "5000", 0), nil, now), replace, causeMute, 60*time.Hour)
}

func TestAfterVerify_WhenTheCallFails(t *testing.T) {
	t.Parallel()
	look(t, "305", afterVerify(store.Tramo{}, estado("", "", 0), answers["305"], now), wait, "", minute)
	silent := &gateway.Error{Kind: gateway.KindSinRespuesta, Retryable: true, RetryAfter: 2 * time.Hour, Detail: "d"}
	look(t, "silence, with a Retry-After beyond ours", afterVerify(store.Tramo{}, estado("", "", 0), silent, now), wait, "", time.Hour)
}

func TestUntilTomorrow_IsFivePastMidnightInMexico(t *testing.T) {
	t.Parallel()
	for utc, want := range map[string]time.Duration{
		"2026-11-21T18:00:00Z": tomorrow, "2026-11-22T05:59:59Z": 5*time.Minute + time.Second, "2026-11-22T06:00:00Z": 24*time.Hour + 5*time.Minute,
		"2027-01-01T05:00:00Z": time.Hour + 5*time.Minute, "2028-02-29T05:00:00Z": time.Hour + 5*time.Minute,
	} {
		now, err := time.Parse(time.RFC3339, utc)
		if got := untilTomorrow(now); err != nil || got != want {
			t.Errorf("%s: %s, want %s", utc, got, want)
		}
	}
}

func TestPace_GrowsToItsLimit(t *testing.T) {
	t.Parallel()
	r := Pace0()
	for n, want := range []time.Duration{minute, 90 * time.Second, 135 * time.Second} {
		if got := r.query(n); got != want {
			t.Errorf("question %d waits %s, want %s", n, got, want)
		}
	}
	for n, want := range []time.Duration{minute, minute, 2 * minute, 4 * minute, 8 * minute, 15 * minute} {
		if got := r.failure(n); got != want {
			t.Errorf("failure %d waits %s, want %s", n, got, want)
		}
	}
	for _, n := range []int{6, 100, 1 << 30} {
		if r.query(n) > 15*minute || r.failure(n) != 15*minute || r.refusal(max(n, 20)) != 4*time.Hour {
			t.Errorf("%d: %s %s %s", n, r.query(n), r.failure(n), r.refusal(n))
		}
	}
	if short := (Pace{Min: time.Hour, Max: minute}); short.query(0) != minute {
		t.Errorf("the limit gives way: %s", short.query(0))
	}
}

func TestNext_IsTheNextTimeInMexico(t *testing.T) {
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
		if got := next(now, tc[1]).UTC().Format(time.RFC3339); got != tc[2] {
			t.Errorf("after %s at %s: %s, want %s", tc[0], tc[1], got, tc[2])
		}
	}
}

func TestBefore_NeverSleepsPastTheDeadline(t *testing.T) {
	t.Parallel()
	a := noon
	for _, tc := range []struct{ limit, when, want time.Time }{
		{a.Add(2 * time.Hour), a.Add(time.Hour), a.Add(time.Hour)},
		{a.Add(time.Hour), a.Add(2 * time.Hour), a.Add(time.Hour)},
		{a.Add(-time.Hour), a.Add(2 * time.Hour), a.Add(2 * time.Hour)}, // it is told by then
	} {
		if got := beforeOf(tc.limit, a, tc.when); !got.Equal(tc.want) {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

func TestFinal_WhenEverythingEndedInEachWay(t *testing.T) {
	t.Parallel()
	const crc = "a.xml: El archivo está dañado dentro del ZIP."
	for name, tc := range map[string]struct {
		r        store.Recount
		metadata bool
		want     gateway.EstadoDescarga
		motivo   string
	}{
		"everything came":   {r: store.Recount{Finished: 3, Empty: 1, Counted: 9, Found: 9}, want: gateway.DescargaTerminada},
		"some are missing":  {r: store.Recount{Finished: 3, Counted: 9, Found: 8, Missing: 1}, want: gateway.DescargaParcial, motivo: "El SAT contó 9 comprobantes y se leen 8: falta 1."},
		"one is unreadable": {r: store.Recount{Finished: 1, Counted: 2, Found: 1, Missing: 1, Fallas: 1, DamagedEntries: 1, Falla: crc}, want: gateway.DescargaParcial, motivo: "El SAT contó 2 comprobantes y se lee 1: 1 no se puede leer (entrada a.xml: El archivo está dañado dentro del ZIP), faltan 0."},
		"one is unreadable and one missing": {r: store.Recount{Finished: 1, Counted: 3, Found: 1, Missing: 2, Fallas: 1, Falla: crc}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 3 comprobantes y se lee 1: 1 no se puede leer (entrada a.xml: El archivo está dañado dentro del ZIP), falta 1."},
		"a text is unreadable": {r: store.Recount{Finished: 1, Counted: 2, Missing: 2, Fallas: 1, Falla: "m.txt: No."}, metadata: true, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se leen 0: 1 no se puede leer (entrada m.txt: No), y ahí puede estar lo que no se lee: faltan 2."},
		"in a folder": {r: store.Recount{Finished: 1, Counted: 2, Found: 1, Missing: 1, Foreign: 1, FirstForeign: "x/a.xml: No."}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se lee 1: falta 1, y en los paquetes 1 archivo no se lee, porque el SAT no entrega otros así (x/a.xml: No)."},
		"repeated in the place of others": {r: store.Recount{Finished: 1, Counted: 2, Found: 1, Missing: 1, Repeated: 1}, want: gateway.DescargaParcial, motivo: "El SAT contó 2 comprobantes y se lee 1: falta 1, 1 viene repetido."},
		"repeated beside all":             {r: store.Recount{Finished: 1, Counted: 2, Found: 2, Repeated: 2}, want: gateway.DescargaTerminada, motivo: "2 vienen repetidos en los paquetes."},
		"more than counted":               {r: store.Recount{Finished: 3, Counted: 9, Found: 10}, want: gateway.DescargaTerminada, motivo: "El SAT contó 9 comprobantes y se leen 10: sobra 1."},
		"too many in one, too few in another": {r: store.Recount{Finished: 2, Counted: 4, Found: 4, Missing: 1}, want: gateway.DescargaParcial,
			motivo: "El SAT contó 4 comprobantes y se leen 4: falta 1, y a otras solicitudes les sobra 1."},
		"read from what is damaged": {r: store.Recount{Finished: 1, Counted: 2, Found: 2, Fallas: 1, DamagedEntries: 1, Falla: "m.txt: X."}, metadata: true, want: gateway.DescargaParcial,
			motivo: "El SAT contó 2 comprobantes y se leen 2, pero 1 no se puede leer (entrada m.txt: X): lo que se leyó ahí puede no ser lo que el SAT empacó."},
		"something else is unreadable": {r: store.Recount{Finished: 1, Counted: 2, Found: 2, Fallas: 2, Falla: "x/y.xml: X."}, want: gateway.DescargaTerminada,
			motivo: "Están todos los que contó el SAT; además, 2 no se pueden leer (la primera entrada, x/y.xml: X)."},
		"nothing there":                  {r: store.Recount{Empty: 4}, want: gateway.DescargaVacia, motivo: "El SAT no encontró comprobantes en el rango."},
		"nothing came":                   {r: store.Recount{Failed: 2}, want: gateway.DescargaFallida, motivo: "De  a : "},
		"a part failed":                  {r: store.Recount{Finished: 1, Failed: 1, Counted: 9, Found: 9}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
		"one failed, the rest is empty":  {r: store.Recount{Empty: 1, Failed: 1}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
		"it failed with a part in store": {r: store.Recount{Failed: 1, Found: 5}, want: gateway.DescargaParcial, motivo: "Solicitudes que no trajeron nada, o no todo: 1. La primera: De  a : "},
	} {
		if got, motivo := final(tc.r, tc.metadata); got != tc.want || motivo != tc.motivo {
			t.Errorf("%s: %s\n%q, want\n%q", name, got, motivo, tc.motivo)
		}
	}
}

func TestInProgress_IsHowFarTheFurthestIs(t *testing.T) {
	t.Parallel()
	for want, m := range map[gateway.EstadoDescarga][]store.Standing{
		gateway.DescargaEnCola:      {{Live: true}},
		gateway.DescargaSolicitada:  {{Submitted: true}, {EmptyOrFailed: true}},
		gateway.DescargaEnProceso:   {{Submitted: true, EnProceso: true}, {Finished: true}},
		gateway.DescargaDescargando: {{Downloading: true, EnProceso: true, Finished: true, Submitted: true, EmptyOrFailed: true}},
	} {
		for _, one := range m {
			if got := inProgress(one); got != want {
				t.Errorf("%+v: %s, want %s", one, got, want)
			}
		}
	}
}
