package transport

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// Class says how a call failed below the contract.
type Class string

// The classes of failure.
const (
	// ClassConnect: no connection; the message never left.
	ClassConnect Class = "conexion"
	// ClassTLS: no connection, as the server's certificate is not trusted; Err is why.
	ClassTLS Class = "tls"
	// ClassLost: sent, then the connection broke before a whole answer.
	ClassLost Class = "perdida"
	// ClassTimeout: sent, and silence until the deadline; or a file came so slowly that it
	// is none.
	ClassTimeout Class = "silencio"
	// ClassCanceled: our own caller gave up.
	ClassCanceled Class = "cancelada"
	// ClassFault: a SOAP fault.
	ClassFault Class = "fault"
	// ClassHTTP: an HTTP error without a SOAP message: an error page of the server before the service.
	ClassHTTP Class = "http"
	// ClassEmpty: an HTTP success with nothing in it.
	ClassEmpty Class = "vacia"
	// ClassPage: an HTTP success that is a page for people, of something that answers in
	// the service's place.
	ClassPage Class = "pagina"
	// ClassMalformed: an HTTP success that is no SOAP message, or a broken one.
	ClassMalformed Class = "ilegible"
	// ClassCoded: a file with a Content-Encoding, where identity had been asked for; nothing
	// of it was read.
	ClassCoded Class = "comprimida"
	// ClassTooLarge: more than the operation's bound.
	ClassTooLarge Class = "excesiva"
	// ClassTruncated: the streamed text is no whole base64, or the message ends within it.
	ClassTruncated Class = "truncada"
	// ClassBreaker: not sent, as the endpoint has just failed too often.
	ClassBreaker Class = "interruptor"
	// ClassInternal: our own message could not be made.
	ClassInternal Class = "interna"
	// ClassResources: not sent, as this machine is out of files, memory or ports.
	ClassResources Class = "recursos"
	// ClassSink: what receives the stream failed: our own disk.
	ClassSink Class = "destino"
)

// Error is a call that brought no answer of its contract.
type Error struct {
	Class  Class
	Status int // HTTP status; 0 when none came
	// Sent says that the message may have reached the system.
	Sent bool
	// Faultcode is the local name, Faultstring one line without addresses or
	// stack text.
	Faultcode, Faultstring string
	// RetryAfter is how long the breaker stays open, or what the server asked for.
	RetryAfter time.Duration
	// Beginning is how an answer begins that could not be read: one line for the
	// log, without addresses and what could be a secret.
	Beginning string
	// Answer is all that came where that is no answer of the contract: nil of a
	// stream. It may hold anything, and goes into no log.
	Answer []byte
	// Skew is our clock minus the server's, where its Date header told.
	Skew time.Duration
	Err  error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "transport: %s", e.Class)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.Status)
	}
	if e.Faultcode != "" {
		fmt.Fprintf(&b, " %s: %s", e.Faultcode, e.Faultstring)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Came is the text of what came where err says that it was no answer of the
// contract: what it cost may be in it.
func Came(err error) []byte {
	var failed *Error
	if !errors.As(err, &failed) {
		return nil
	}
	return xmldoc.Salvage(failed.Answer)
}

// Own tells a failure of this machine, of which the system knows nothing.
func (e *Error) Own() bool {
	return e.Class == ClassInternal || e.Class == ClassResources || e.Class == ClassSink
}

// Exhausted tells that this machine is out of files or memory (socket(2), open(2)). The
// resolver keeps of it only the text.
func Exhausted(err error) bool {
	var lookup *net.DNSError
	unnamed := errors.As(err, &lookup)
	for _, own := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS} {
		if errors.Is(err, own) || unnamed && strings.Contains(lookup.Err, own.Error()) {
			return true
		}
	}
	return false
}

// code is the event's label for the failure.
func (e *Error) code() string {
	if e.Class == ClassFault {
		return "fault:" + label(e.Faultcode)
	}
	return string(e.Class)
}

var (
	addresses = regexp.MustCompile(`(?i)\b(?:https?|net\.tcp)://[^\s'"<>]+`)
	stackText = regexp.MustCompile(`(?s)(\r?\n|\s+at (System|Microsoft|java|javax|sun|org|com)\.|--->).*$`)
	labelForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)
)

const maxFaultstring = 300

// PublicText makes a text of a system fit to show: one line, without stack text and
// without any address but the contract's own namespace.
func PublicText(s, namespace string) string {
	s = stackText.ReplaceAllString(strings.TrimSpace(s), "")
	s = addresses.ReplaceAllStringFunc(s, func(url string) string {
		if namespace != "" && strings.HasPrefix(url, namespace) {
			return url
		}
		return "[dirección]"
	})
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if runes := []rune(s); len(runes) > maxFaultstring {
		s = string(runes[:maxFaultstring]) + "…"
	}
	return s
}

const maxBeginning = 200

var (
	// secretNames are elements, attributes and fields that bear secrets.
	secretNames = regexp.MustCompile(`(?i)((?:contrase|password|passwd|clave|token|secret)[\pL\d_.:-]*["']?\s*[>=:]\s*["']?)[^<>"']+`)
	// longWords are tokens, keys, seals, base64.
	longWords = regexp.MustCompile(`[A-Za-z0-9+/=_-]{24,}`)
)

// beginning makes the first bytes of an answer fit for the log.
func beginning(head []byte, charset string) string {
	s, err := xmldoc.Text(head, charset)
	if err != nil && bytes.IndexByte(head, 0) < 0 {
		s = string(head) // not UTF-16: the bytes that are wrong are told too
	}
	s = addresses.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "[dirección]")
	s = longWords.ReplaceAllString(secretNames.ReplaceAllString(s, "$1[…]"), "[…]")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(s); len(runes) > maxBeginning {
		s = string(runes[:maxBeginning]) + "…"
	}
	return s
}

// label bounds what an upstream text may do to a metric's cardinality.
func label(s string) string {
	if labelForm.MatchString(s) {
		return s
	}
	return "otro"
}
