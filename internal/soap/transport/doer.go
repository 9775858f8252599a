package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/pace"
	"github.com/pasarela-mx/pasarela/internal/signing"
)

// codRejectedToken is the CodEstatus for a refused token.
const codRejectedToken = "300"

// Doer is the HTTP client of every stub. Create it with New.
type Doer struct {
	base    http.RoundTripper
	fresh   http.RoundTripper // base, with a new connection for each call
	now     func() time.Time
	observe func(context.Context, Event)
	heard   func(backend string, date time.Time, way time.Duration)
	// fixed header values that every request shares.
	contentType, agent, identity []string

	mu        sync.Mutex
	endpoints map[address]*guard
}

// New returns a doer that sends through base, which should keep connections alive. It
// does not follow redirects. observe is called after every call. agent is the User-Agent.
func New(base http.RoundTripper, agent string, now func() time.Time, observe func(context.Context, Event)) *Doer {
	fresh := base
	if t, ok := base.(*http.Transport); ok {
		once := t.Clone()
		// DisableKeepAlives would announce the last message. A server may then close
		// before it has read all of it, and the reset loses its answer.
		once.MaxIdleConnsPerHost = -1
		fresh = once
	}
	return &Doer{base: base, fresh: fresh, now: now, observe: observe, heard: func(string, time.Time, time.Duration) {}, endpoints: make(map[address]*guard),
		contentType: []string{"text/xml; charset=utf-8"}, agent: []string{agent}, identity: []string{"identity"}}
}

// OnDate registers heard, which gets the Date of each answer (RFC 9110 §6.6.1) when its
// header arrives, and the time since the message began to leave. Call it before Do.
func (d *Doer) OnDate(heard func(backend string, date time.Time, way time.Duration)) { d.heard = heard }

// address identifies the endpoint of one breaker.
type address struct{ host, path string }

// nothing is decoded by the stub of a one-way operation.
const nothing = `<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body></s:Body></s:Envelope>`

// answer is an answer of the contract: an HTTP success with a SOAP message without a
// fault.
type answer struct {
	Answer
	status   int
	body     []byte
	received int64
	streamed int64
}

// Do implements soap.HTTPClient. The request's context must carry a Call. The error is an
// *Error, or comes from the call's TokenSource.
func (d *Doer) Do(req *http.Request) (*http.Response, error) {
	call := callFrom(req.Context())
	if call == nil {
		return nil, errors.New("transport: the context carries no call")
	}
	stub := make([]byte, req.ContentLength)
	if _, err := io.ReadFull(req.Body, stub); err != nil {
		return nil, &Error{Class: ClassInternal, Err: err}
	}
	body, err := parseEnvelope(stub)
	if err != nil {
		return nil, &Error{Class: ClassInternal, Err: err}
	}
	// gowsdl writes an empty action as two apostrophes.
	action := strings.Trim(req.Header.Get("SOAPAction"), "'")
	x := &exchange{doer: d, call: call, url: req.URL, action: action, body: body}
	started := d.now()
	got, err := x.run(req.Context())
	d.observe(req.Context(), x.event(got, err, d.now().Sub(started)))
	if err != nil {
		return nil, err
	}
	call.Answer = got.Answer
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}},
		Body:   io.NopCloser(bytes.NewReader(got.body)),
	}, nil
}

// endpoint returns the guard of a URL's address.
func (d *Doer) endpoint(u *url.URL) *guard {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := address{u.Host, u.Path}
	g, ok := d.endpoints[key]
	if !ok {
		g = newGuard()
		d.endpoints[key] = g
	}
	return g
}

// exchange is one call with all its attempts.
type exchange struct {
	doer   *Doer
	call   *Call
	url    *url.URL
	action string
	body   *signing.Element

	delivered bool // the sink has received bytes
	attempts  int
	signing   time.Duration
	sent      int
}

func (x *exchange) run(ctx context.Context) (*answer, error) {
	got, token, err := x.once(ctx)
	if token != "" && deniesAccess(err) {
		// The message is not sent again, but the next one uses a new token.
		x.call.Tokens.Reject(token)
	}
	if err == nil && got.CodEstatus == codRejectedToken && token != "" {
		// The token expired on the way or is another family's: one new token, one repeat.
		x.call.Tokens.Reject(token)
		got, _, err = x.once(ctx)
	}
	return got, err
}

// deniesAccess reports whether a bad token may be the cause of err.
func deniesAccess(err error) bool {
	var failed *Error
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Class {
	case ClassHTTP:
		return failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden
	case ClassFault:
		return failed.Faultcode == "InvalidSecurity"
	}
	return false
}

// once sends the call with one token, repeating as its operation allows.
func (x *exchange) once(ctx context.Context) (*answer, string, error) {
	token := ""
	if x.call.Tokens != nil {
		var err error
		if token, err = x.call.Tokens.Token(ctx); err != nil {
			return nil, "", err
		}
	}
	got, err := x.doer.endpoint(x.url).run(ctx, x.call.Operation, func() (*answer, error) {
		if ctx.Err() != nil {
			return nil, &Error{Class: ClassCanceled, Err: context.Cause(ctx)}
		}
		x.attempts++
		wire, err := x.wire()
		if err != nil {
			return nil, &Error{Class: ClassInternal, Err: err}
		}
		x.sent = int(wire.size)
		return x.send(ctx, wire, token)
	})
	return got, token, err
}

// wire completes the envelope for its operation.
func (x *exchange) wire() (message, error) {
	started := time.Now()
	defer func() { x.signing += time.Since(started) }()
	op := x.call.Operation
	var envelope []byte
	var err error
	switch op.Firma {
	case WithoutFirma:
		envelope = signing.Envelope(x.body, op.Namespace, op.Unqualified)
	case FirmaAuthenticate:
		envelope, err = signing.Authenticate(x.body, op.Namespace, x.call.Credential, x.doer.now(), "uuid-"+uuid.NewString()+"-1")
	case FirmaRequest:
		envelope, err = signing.Request(x.body, op.Namespace, x.call.Family, x.call.Credential)
	}
	if err != nil {
		return message{}, err
	}
	if x.call.Check != nil {
		if err := x.call.Check(envelope); err != nil {
			return message{}, err
		}
	}
	return newMessage(envelope, x.call.Attached, x.call.Mark)
}

// send makes one HTTP exchange and reads its answer whole.
func (x *exchange) send(ctx context.Context, wire message, token string) (*answer, error) {
	ctx, watch := newWatch(ctx, x.call.Operation.Timeout)
	defer watch.stop()
	out := &outgoing{message: wire}
	base := x.doer.base
	if !x.call.Operation.Repeatable {
		// The server may be closing a kept-alive connection. Then it would be unknown
		// whether a message that must not be sent twice has arrived.
		base = x.doer.fresh
	}
	left := time.Now()
	resp, err := base.RoundTrip(x.request(out, token).WithContext(ctx))
	if err != nil {
		return nil, x.failure(ctx, err, out.sent.Load(), 0)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost by a failing close of what was read
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		x.doer.heard(x.call.Operation.Backend, date, time.Since(left))
	}
	if resp.StatusCode < 200 {
		// 101 hands the connection over to another protocol, and no context ends a read
		// of it (net/http.Response.Body).
		return nil, &Error{Class: ClassHTTP, Status: resp.StatusCode, Sent: true}
	}
	counted := &countingReader{}
	got, err := x.read(resp, counted, watch)
	if err == nil {
		return got, nil
	}
	var failed *Error
	if !errors.As(err, &failed) {
		failed = x.failure(ctx, err, true, resp.StatusCode)
	}
	switch failed.Class {
	case ClassMalformed, ClassTruncated, ClassTooLarge:
		if !x.delivered && isPage(resp.Header.Get("Content-Type"), counted.head) {
			failed.Class = ClassPage
		}
	}
	if failed.Class == ClassMalformed || failed.Class == ClassPage {
		failed.Beginning = beginning(counted.head, charset(resp))
	}
	failed.Skew, failed.Answer = x.skew(resp), counted.whole
	return nil, failed
}

// request returns the HTTP request of one attempt.
func (x *exchange) request(out *outgoing, token string) *http.Request {
	own := []string{`"` + x.action + `"`, `WRAP access_token="` + token + `"`}
	header := http.Header{"Content-Type": x.doer.contentType, "Soapaction": own[:1:1], "User-Agent": x.doer.agent}
	if token != "" {
		header["Authorization"] = own[1:]
	}
	if len(x.call.Operation.Stream) > 0 {
		// Compressing base64 and inflating it again costs six times the transfer.
		header["Accept-Encoding"] = x.doer.identity
	}
	return &http.Request{
		Method: http.MethodPost, URL: x.url, Host: x.url.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: out.message.size, Body: out.open(), GetBody: func() (io.ReadCloser, error) { return out.open(), nil },
	}
}

// read classifies and reads the answer through counted.
func (x *exchange) read(resp *http.Response, counted *countingReader, watch *watch) (*answer, error) {
	op := x.call.Operation
	streams := len(op.Stream) > 0 && resp.StatusCode < 300
	if streams && coded(resp) {
		return nil, &Error{Class: ClassCoded, Status: resp.StatusCode, Sent: true, Err: errCoded}
	}
	body, err := inflated(resp)
	if err != nil {
		return nil, err
	}
	counted.r = body
	if streams {
		dec := newTextDecoder(x.call.Sink)
		counted.watch, counted.pace, counted.came = watch, &pace.Pace{Period: op.Period, Least: op.Least}, dec.came
		parsed, rest, err := streamAnswer(counted, charset(resp), op.Stream, dec, op.MaxAnswer)
		n := dec.n
		got := &answer{Answer: parsed, status: resp.StatusCode, body: rest, received: counted.n, streamed: n}
		x.delivered = n > 0
		switch {
		case err != nil && len(bytes.TrimSpace(counted.head)) == 0 && errors.Is(err, io.ErrUnexpectedEOF):
			return nil, &Error{Class: ClassEmpty, Status: resp.StatusCode, Sent: true}
		case err != nil:
			return nil, err
		case parsed.fault:
			return nil, parsed.faultError(resp.StatusCode, op.Namespace)
		}
		return got, nil
	}
	whole, err := io.ReadAll(io.LimitReader(counted, op.MaxAnswer+1))
	counted.whole = whole
	if err != nil {
		return nil, err
	}
	if int64(len(whole)) > op.MaxAnswer && resp.StatusCode < 300 {
		return nil, &Error{Class: ClassTooLarge, Status: resp.StatusCode, Sent: true}
	}
	// An error page or a fault with a stack trace may have any size; its first bytes
	// suffice.
	return x.classify(resp, whole)
}

// classify distinguishes a good answer from a fault, an error page and an empty body.
func (x *exchange) classify(resp *http.Response, whole []byte) (*answer, error) {
	parsed, text, err := parseAnswer(whole, charset(resp))
	switch {
	case parsed.fault && (err == nil || resp.StatusCode >= 300):
		return nil, parsed.faultError(resp.StatusCode, x.call.Operation.Namespace)
	case resp.StatusCode >= 300:
		return nil, &Error{Class: ClassHTTP, Status: resp.StatusCode, Sent: true, RetryAfter: retryAfter(resp, x.doer.now())}
	case x.call.Operation.OneWay && (len(bytes.TrimSpace(whole)) == 0 || err == nil):
		return &answer{Answer: parsed, status: resp.StatusCode, body: []byte(nothing), received: int64(len(whole))}, nil
	case len(bytes.TrimSpace(whole)) == 0:
		return nil, &Error{Class: ClassEmpty, Status: resp.StatusCode, Sent: true}
	case err != nil:
		return nil, &Error{Class: ClassMalformed, Status: resp.StatusCode, Sent: true, Err: err}
	}
	got := &answer{Answer: parsed, status: resp.StatusCode, body: text, received: int64(len(whole))}
	if stub := x.call.Operation.StubNamespace; stub != "" {
		if got.body, err = parsed.renamed(stub); err != nil {
			return nil, &Error{Class: ClassMalformed, Status: resp.StatusCode, Sent: true, Err: err}
		}
	}
	return got, nil
}

// failure classifies an error below HTTP or during the read.
func (x *exchange) failure(ctx context.Context, err error, sent bool, status int) *Error {
	e := &Error{Class: ClassLost, Status: status, Sent: sent, Err: err}
	var sink *sinkError
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, &sink):
		e.Class = ClassSink
	case errors.Is(err, pace.ErrSlow):
		e.Class = ClassTimeout
	case errors.Is(cause, errSilence):
		e.Class, e.Err = ClassTimeout, cause
	case ctx.Err() != nil:
		e.Class, e.Err = ClassCanceled, cause
	case !sent && untrusted(err):
		e.Class = ClassTLS
	case !sent && Exhausted(err):
		e.Class = ClassResources
	case !sent:
		e.Class = ClassConnect
	case x.delivered || len(x.call.Operation.Stream) > 0 && status != 0 && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBase64)):
		// Bytes in the sink cannot be taken back, so this is not the kind of outage after
		// which a message is repeated.
		e.Class = ClassTruncated
	case status != 0 && isMalformed(err):
		e.Class = ClassMalformed
	}
	return e
}

func (x *exchange) skew(resp *http.Response) time.Duration {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return x.doer.now().Sub(date)
}

func (x *exchange) event(got *answer, err error, took time.Duration) Event {
	e := Event{Operation: x.call.Operation, Servicio: x.call.Servicio, RFC: x.call.RFC, Attempts: x.attempts,
		Duration: took, Signing: x.signing, Sent: x.sent, Err: err}
	var failed *Error
	switch {
	case got != nil:
		e.Code, e.Status, e.Received, e.Streamed = codeOf(x.call.Operation, got), got.status, got.received, got.streamed
	case errors.As(err, &failed):
		e.Code, e.Status = failed.code(), failed.Status
	default:
		e.Code = "error"
	}
	return e
}

// codeOf returns the answer's own code, as a label.
func codeOf(op *Operation, got *answer) string {
	code := got.CodEstatus
	if code == "" && op.Code != nil {
		code = strings.TrimSpace(op.Code(got.Answer))
	}
	if code == "" {
		return "ok"
	}
	return label(code)
}

// maxRetryAfter bounds the wait that a server may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads both forms of the header (RFC 9110 §10.2.3). A date is compared with
// the server's own clock, if the answer has a Date.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	text := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if theirs, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// untrusted reports whether a handshake failed because of the server's certificate.
func untrusted(err error) bool {
	var checked *tls.CertificateVerificationError
	return errors.As(err, &checked)
}

// isPage reports whether an answer is a page for people, by its Content-Type or its first
// bytes.
func isPage(contentType string, head []byte) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	if kind = strings.TrimSpace(kind); kind == "text/html" || kind == "application/xhtml+xml" {
		return true
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, mark := range []string{"<!doctype html", "<html", "<head", "<title", "<body", "<h1", "<center"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return true
		}
	}
	return false
}

// charset returns the charset of the Content-Type, or "".
func charset(resp *http.Response) string {
	_, parameters, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return parameters["charset"]
}

// errCoded refuses a package in a content coding although identity was requested: a few
// bytes could expand without limit onto the disk.
var errCoded = errors.New("the answer has a Content-Encoding, and identity was asked for")

// coded reports whether an answer has a content coding (RFC 9110 §8.4). The header may
// list several; identity means none.
func coded(resp *http.Response) bool {
	for _, list := range resp.Header.Values("Content-Encoding") {
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "identity") {
				return true
			}
		}
	}
	return false
}

// inflated undoes a gzip that was not requested. Its caller bounds the read.
func inflated(resp *http.Response) (io.Reader, error) {
	// Names of codings ignore case, and x-gzip is gzip (RFC 9110 §8.4.1).
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "gzip", "x-gzip":
	default:
		return resp.Body, nil
	}
	return gzip.NewReader(resp.Body)
}
