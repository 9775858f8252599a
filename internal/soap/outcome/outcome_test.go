package outcome

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

const whatNow = "Esto es lo que hay que hacer."

func system() System {
	return System{Backend: "sep", Name: "la SEP", Settings: "GATEWAY_SEP_URL", Unknown: func(*transport.Operation) string { return whatNow }}
}

// The kinds of operation, by the effect of a repeat.
const (
	asks    = "asks"    // a question: repeatable
	fetches = "fetches" // a file, repeatable
	counted = "counted" // a file whose downloads are counted: not repeatable, with no other effect
	spends  = "spends"  // changes something
	oneWay  = "one way" // changes something, and has no answer
)

func operation(kind string) *transport.Operation {
	op := &transport.Operation{Backend: "sep", Name: kind, Repeatable: kind == asks || kind == fetches, OneWay: kind == oneWay}
	if kind == fetches || kind == counted {
		op.Stream = []string{"titulosBase64"}
	}
	return op
}

// want is the expected translation of a failure.
type want struct {
	kind      gateway.Kind
	retryable bool
	// advice reports that the text must say what to do about a message that may have
	// arrived.
	advice bool
}

var (
	unknown     = want{gateway.KindResultadoDesconocido, false, true}
	unavailable = want{gateway.KindNoDisponible, true, false}
	silent      = want{gateway.KindSinRespuesta, true, false}
	silentFile  = want{gateway.KindSinRespuesta, true, true}
	unreadable  = want{gateway.KindRespuestaInvalida, true, false}
	halfFile    = want{gateway.KindRespuestaInvalida, true, true}
	refused     = want{gateway.KindMensajeRechazado, false, false}
	inTheWay    = want{gateway.KindMensajeRechazado, true, false}
	untrusted   = want{gateway.KindNoDisponible, false, false}
	ours        = want{gateway.KindInterno, false, false}
	oursForNow  = want{gateway.KindSinServicio, true, false}
)

// same expects one outcome for every kind of operation.
func same(w want) map[string]want {
	return map[string]want{asks: w, fetches: w, counted: w, spends: w, oneWay: w}
}

// but returns w with other outcomes for some kinds.
func but(w want, others map[string]want) map[string]want {
	out := same(w)
	for kind, other := range others {
		out[kind] = other
	}
	return out
}

func TestFailure_ByClassAndOperation(t *testing.T) {
	t.Parallel()
	lost := map[string]want{asks: silent, fetches: silent, counted: silentFile, spends: unknown, oneWay: unknown}
	// A repeat is worthwhile after an unintelligible answer, if it is harmless.
	unfit := map[string]want{asks: unreadable, fetches: unreadable, counted: {gateway.KindRespuestaInvalida, false, false}, spends: unknown, oneWay: unknown}
	down := but(unavailable, map[string]want{spends: unknown, oneWay: unknown})
	for name, tc := range map[string]struct {
		err  *transport.Error
		want map[string]want
	}{
		"no connection":                    {&transport.Error{Class: transport.ClassConnect}, same(unavailable)},
		"the breaker is open":              {&transport.Error{Class: transport.ClassBreaker, RetryAfter: 9 * time.Second}, same(unavailable)},
		"the connection broke":             {&transport.Error{Class: transport.ClassLost, Sent: true}, lost},
		"broke within the answer":          {&transport.Error{Class: transport.ClassLost, Sent: true, Status: 200}, lost},
		"silence":                          {&transport.Error{Class: transport.ClassTimeout, Sent: true}, lost},
		"the caller left, before":          {&transport.Error{Class: transport.ClassCanceled}, same(unavailable)},
		"the caller left, after":           {&transport.Error{Class: transport.ClassCanceled, Sent: true}, lost},
		"an empty answer":                  {&transport.Error{Class: transport.ClassEmpty, Sent: true, Status: 200}, unfit},
		"an answer that is no SOAP":        {&transport.Error{Class: transport.ClassMalformed, Sent: true, Status: 200}, unfit},
		"a page":                           {&transport.Error{Class: transport.ClassPage, Sent: true, Status: 200}, but(unreadable, map[string]want{spends: unknown, oneWay: unknown})},
		"an unknown authority":             {&transport.Error{Class: transport.ClassTLS, Err: x509.UnknownAuthorityError{}}, same(untrusted)},
		"another name":                     {&transport.Error{Class: transport.ClassTLS, Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}}, same(untrusted)},
		"past its date":                    {&transport.Error{Class: transport.ClassTLS, Err: x509.CertificateInvalidError{Reason: x509.Expired}}, same(unavailable)},
		"an answer that is too large":      {&transport.Error{Class: transport.ClassTooLarge, Sent: true, Status: 200}, unfit},
		"half a file":                      {&transport.Error{Class: transport.ClassTruncated, Sent: true, Status: 200}, but(unreadable, map[string]want{counted: halfFile, spends: unknown, oneWay: unknown})},
		"our message could not be made":    {&transport.Error{Class: transport.ClassInternal}, same(ours)},
		"we are out of files":              {&transport.Error{Class: transport.ClassResources}, same(oursForNow)},
		"our disk":                         {&transport.Error{Class: transport.ClassSink, Sent: true, Status: 200}, same(ours)},
		"our disk is full":                 {&transport.Error{Class: transport.ClassSink, Sent: true, Status: 200, Err: syscall.ENOSPC}, same(oursForNow)},
		"a fault of ours, SOAP 1.1":        {&transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: "Client"}, same(refused)},
		"a fault of ours, WCF":             {&transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: "DeserializationFailed"}, same(refused)},
		"a fault of theirs":                {&transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: "Server"}, down},
		"a fault without code":             {&transport.Error{Class: transport.ClassFault, Sent: true, Status: 200}, down},
		"HTTP 500 page":                    {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 500}, down},
		"HTTP 502 page":                    {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 502}, down},
		"HTTP 504 page":                    {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 504}, down},
		"HTTP 503, it says it is closed":   {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 503, RetryAfter: 9 * time.Second}, same(unavailable)},
		"HTTP 429, it says it is too much": {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 429}, same(unavailable)},
		"HTTP 404":                         {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 404}, same(inTheWay)},
		"HTTP 403, it says when":           {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 403, RetryAfter: 9 * time.Second}, same(unavailable)},
		"HTTP 101, another protocol":       {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 101}, but(inTheWay, map[string]want{spends: unknown, oneWay: unknown})},
		"HTTP 302, which is not followed":  {&transport.Error{Class: transport.ClassHTTP, Sent: true, Status: 302}, same(inTheWay)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, want := range tc.want {
				cause := fmt.Errorf("wrapped by the stub: %w", tc.err)
				check(t, kind, system().Failure(operation(kind), cause), tc.err, want)
			}
		})
	}
}

func check(t *testing.T, kind string, err error, from *transport.Error, want want) {
	t.Helper()
	var e *gateway.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v is not of the vocabulary", kind, err)
	}
	if e.Kind != want.kind || e.Retryable != want.retryable {
		t.Errorf("%s: kind %s, reintentable %v; want %s, %v", kind, e.Kind, e.Retryable, want.kind, want.retryable)
	}
	if e.Unsent == from.Sent {
		t.Errorf("%s: sent is %v and noEnviada %v", kind, from.Sent, e.Unsent)
	}
	if e.Kind == gateway.KindResultadoDesconocido && e.Unsent {
		t.Errorf("%s: of unknown outcome, and never sent", kind)
	}
	if got := strings.Contains(e.Detail, whatNow); got != want.advice {
		t.Errorf("%s: advice %v in %q", kind, got, e.Detail)
	}
	if (e.Backend == "") != from.Own() || !errors.Is(e.Err, from) || strings.TrimSpace(e.Detail) == "" {
		t.Errorf("%s: %+v", kind, e)
	}
	if want.kind == gateway.KindNoDisponible && e.RetryAfter != from.RetryAfter {
		t.Errorf("%s: Retry-After %v, the server's was %v", kind, e.RetryAfter, from.RetryAfter)
	}
	if isFault := from.Class == transport.ClassFault; (e.Codigo == from.Faultcode) != isFault && from.Faultcode != "" {
		t.Errorf("%s: código %q of the fault %q", kind, e.Codigo, from.Faultcode)
	}
}

func TestFailure_WhenTheStubCannotDecode(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]want{asks: unreadable, spends: unknown, oneWay: unknown} {
		cause := errors.New("expected element type <x>")
		e := gateway.AsError(system().Failure(operation(kind), cause))
		if e.Kind != want.kind || e.Retryable != want.retryable || e.Unsent || !errors.Is(e, cause) {
			t.Errorf("%s: %+v", kind, e)
		}
		if strings.Contains(e.Detail, "element") {
			t.Errorf("%s: the cause is in the detail: %s", kind, e.Detail)
		}
	}
}

func TestFailure_WhenItIsOfTheVocabularyPasses(t *testing.T) {
	t.Parallel()
	known := &gateway.Error{Kind: gateway.KindEFirma, Detail: "d"}
	if got := system().Failure(operation(spends), fmt.Errorf("wrapped: %w", known)); !errors.Is(got, known) || gateway.AsError(got).Backend != "" {
		t.Errorf("%v", got)
	}
}

func TestFailure_WhenTheSystemKnowsTheFault(t *testing.T) {
	t.Parallel()
	s := system()
	s.Fault = func(_ *transport.Operation, f *transport.Error) *gateway.Error {
		if f.Faultcode != "Suyo" {
			return nil
		}
		return &gateway.Error{Kind: gateway.KindEFirma, Detail: "d"}
	}
	for code, kind := range map[string]gateway.Kind{"Suyo": gateway.KindEFirma, "Server": gateway.KindNoDisponible, "Client": gateway.KindMensajeRechazado} {
		f := &transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: code, Faultstring: "texto"}
		e := gateway.AsError(s.Failure(operation(asks), f))
		if e.Kind != kind || e.Codigo != code || e.Mensaje != "texto" || e.Backend != "sep" {
			t.Errorf("%s: %+v", code, e)
		}
	}
}

// The text says that nothing came only if nothing came.
func TestFailure_WhenReadByPeopleItSaysWhatCame(t *testing.T) {
	t.Parallel()
	for says, f := range map[string]*transport.Error{
		"no llegó respuesta":      {Class: transport.ClassTimeout, Sent: true},
		"HTTP 500":                {Class: transport.ClassHTTP, Sent: true, Status: 500},
		"llegó una página":        {Class: transport.ClassPage, Sent: true, Status: 200},
		"(ilegible)":              {Class: transport.ClassMalformed, Sent: true, Status: 200},
		"(vacia)":                 {Class: transport.ClassEmpty, Sent: true, Status: 200},
		"un error interno":        {Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: "Server"},
		"GATEWAY_CA_FILE":         {Class: transport.ClassTLS, Err: x509.UnknownAuthorityError{}},
		"es de otro nombre":       {Class: transport.ClassTLS, Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}},
		"el reloj de este equipo": {Class: transport.ClassTLS, Err: x509.CertificateInvalidError{Reason: x509.Expired}},
	} {
		e := gateway.AsError(system().Failure(operation(spends), f))
		if !strings.Contains(e.Detail, says) || says != "no llegó respuesta" && strings.Contains(e.Detail, "no llegó respuesta") {
			t.Errorf("%s: %s", f.Class, e.Detail)
		}
		if f.Class == transport.ClassTLS && strings.Contains(e.Detail, "más tarde") != e.Retryable {
			t.Errorf("%s: reintentable %v: %s", f.Class, e.Retryable, e.Detail)
		}
	}
}

// Texts for people name the system and, if they matter, its settings, and never an
// address.
func TestFailure_WhenReadByPeople(t *testing.T) {
	t.Parallel()
	for _, f := range []*transport.Error{
		{Class: transport.ClassConnect, Err: errors.New("dial tcp 10.0.0.1:443: canario")}, {Class: transport.ClassTimeout, Sent: true},
		{Class: transport.ClassHTTP, Sent: true, Status: 404}, {Class: transport.ClassFault, Sent: true, Faultcode: "Client", Faultstring: "m"},
	} {
		e := gateway.AsError(system().Failure(operation(asks), f))
		if !strings.Contains(e.Detail, "la SEP") || strings.Contains(e.Detail, "canario") {
			t.Errorf("%s: %s", f.Class, e.Detail)
		}
		if f.Status == 404 && !strings.Contains(e.Detail, "GATEWAY_SEP_URL") {
			t.Errorf("%s", e.Detail)
		}
	}
}
