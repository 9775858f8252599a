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
	// ClassConnect: no connection; nothing was sent.
	ClassConnect Class = "conexion"
	// ClassTLS: no connection, because the server's certificate is not trusted; Err is
	// why.
	ClassTLS Class = "tls"
	// ClassLost: sent; the connection broke before the whole answer came.
	ClassLost Class = "perdida"
	// ClassTimeout: sent; no answer before the deadline, or a file came too slowly.
	ClassTimeout Class = "silencio"
	// ClassCanceled: our own caller gave up.
	ClassCanceled Class = "cancelada"
	// ClassFault: a SOAP fault.
	ClassFault Class = "fault"
	// ClassHTTP: an HTTP error without a SOAP message, from a server in front of the
	// service.
	ClassHTTP Class = "http"
	// ClassEmpty: an HTTP success with an empty body.
	ClassEmpty Class = "vacia"
	// ClassPage: an HTTP success with a page for people, which the service did not send.
	ClassPage Class = "pagina"
	// ClassMalformed: an HTTP success with a broken message, or one that is not SOAP.
	ClassMalformed Class = "ilegible"
	// ClassCoded: a file with a Content-Encoding although identity was requested. It was
	// not read.
	ClassCoded Class = "comprimida"
	// ClassTooLarge: larger than the operation's bound.
	ClassTooLarge Class = "excesiva"
	// ClassTruncated: the streamed text is not complete base64, or the message ends
	// within it.
	ClassTruncated Class = "truncada"
	// ClassBreaker: not sent, because the endpoint has just failed too often.
	ClassBreaker Class = "interruptor"
	// ClassInternal: our own message could not be built.
	ClassInternal Class = "interna"
	// ClassResources: not sent, because this machine is out of files, memory or ports.
	ClassResources Class = "recursos"
	// ClassSink: the receiver of the stream failed, usually our own disk.
	ClassSink Class = "destino"
)

// Error is a call without an answer of its contract.
type Error struct {
	Class  Class
	Status int // HTTP status; 0 when none came
	// Sent reports that the message may have reached the system.
	Sent bool
	// Faultcode is a local name. Faultstring is one line without addresses or stack text.
	Faultcode, Faultstring string
	// RetryAfter is how long the breaker stays open, or what the server asked for.
	RetryAfter time.Duration
	// Beginning is the start of an unreadable answer: one line for the log, without
	// addresses and possible secrets.
	Beginning string
	// Answer is the whole body if it is not an answer of the contract; nil if it was
	// streamed. It may hold secrets and is never logged.
	Answer []byte
	// Skew is our clock minus the server's, if the answer had a Date header.
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

// Came returns the body that came, if err says that it was not an answer of the contract.
// It may hold the result of a counted call.
func Came(err error) []byte {
	var failed *Error
	if !errors.As(err, &failed) {
		return nil
	}
	return xmldoc.Salvage(failed.Answer)
}

// Own reports whether the failure is this machine's and not the system's.
func (e *Error) Own() bool {
	return e.Class == ClassInternal || e.Class == ClassResources || e.Class == ClassSink
}

// Exhausted reports whether err means that this machine is out of files or memory
// (socket(2), open(2)). The resolver keeps only the error's text.
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

// PublicText returns a system's text in a form fit to show: one line, without stack text,
// and without any address but the contract's own namespace.
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
	// secretNames matches elements, attributes and fields that hold secrets.
	secretNames = regexp.MustCompile(`(?i)((?:contrase|password|passwd|clave|token|secret)[\pL\d_.:-]*["']?\s*[>=:]\s*["']?)[^<>"']+`)
	// longWords matches tokens, keys, seals and base64.
	longWords = regexp.MustCompile(`[A-Za-z0-9+/=_-]{24,}`)
)

// beginning returns the first bytes of an answer in a form fit for the log.
func beginning(head []byte, charset string) string {
	s, err := xmldoc.Text(head, charset)
	if err != nil && bytes.IndexByte(head, 0) < 0 {
		s = string(head) // not UTF-16: the invalid bytes are shown too
	}
	s = addresses.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "[dirección]")
	s = longWords.ReplaceAllString(secretNames.ReplaceAllString(s, "$1[…]"), "[…]")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(s); len(runes) > maxBeginning {
		s = string(runes[:maxBeginning]) + "…"
	}
	return s
}

// label bounds the number of metric series that upstream texts can create.
func label(s string) string {
	if labelForm.MatchString(s) {
		return s
	}
	return "otro"
}
