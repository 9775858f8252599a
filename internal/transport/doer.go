package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/signing"
)

// codRejectedToken is the CodEstatus for a token that the SAT does not take.
const codRejectedToken = "300"

// Doer is the HTTP client of every stub. Create it with New.
type Doer struct {
	client  *http.Client
	now     func() time.Time
	observe func(Event)
	agent   string

	mu        sync.Mutex
	endpoints map[string]*policies
}

// New returns a doer that sends through client, which should keep connections
// alive. observe is told of every call that ends; agent is the User-Agent.
func New(client *http.Client, agent string, now func() time.Time, observe func(Event)) *Doer {
	bare := *client
	bare.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Doer{client: &bare, now: now, observe: observe, agent: agent, endpoints: make(map[string]*policies)}
}

// answer is an answer of the contract: HTTP success and a SOAP message without fault.
type answer struct {
	Answer
	status   int
	body     []byte
	received int64
	streamed int64
}

// Do implements soap.HTTPClient. The request's context must carry a Call. Its
// error is an *Error, or what the call's TokenSource returned.
func (d *Doer) Do(req *http.Request) (*http.Response, error) {
	call := callFrom(req.Context())
	if call == nil {
		return nil, errors.New("transport: the context carries no call")
	}
	stub, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	body, err := parseEnvelope(stub)
	if err != nil {
		return nil, &Error{Class: ClassInternal, Err: err}
	}
	x := &exchange{doer: d, call: call, url: req.URL.String(), action: req.Header.Get("SOAPAction"), body: body}
	started := d.now()
	got, err := x.run(req.Context())
	event := x.event(got, err, d.now().Sub(started))
	event.RequestID = requestID(req.Context())
	d.observe(event)
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

func (d *Doer) endpoint(url string) *policies {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.endpoints[url]
	if !ok {
		p = newPolicies()
		d.endpoints[url] = p
	}
	return p
}

// exchange is one call with all its attempts.
type exchange struct {
	doer        *Doer
	call        *Call
	url, action string
	body        *signing.Element

	attempts int
	signing  time.Duration
	sent     int
}

func (x *exchange) run(ctx context.Context) (*answer, error) {
	got, token, err := x.once(ctx)
	if err == nil && got.CodEstatus == codRejectedToken && token != "" {
		// The token expired on the way or belongs elsewhere: one new one, one repeat.
		x.call.Tokens.Reject(token)
		got, _, err = x.once(ctx)
	}
	return got, err
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
	got, err := x.doer.endpoint(x.url).run(x.call.Operation, func() (*answer, error) {
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

// wire makes the envelope right for its operation.
func (x *exchange) wire() (message, error) {
	started := time.Now()
	defer func() { x.signing += time.Since(started) }()
	op := x.call.Operation
	var envelope []byte
	var err error
	switch op.Firma {
	case SinFirma:
		envelope = signing.Envelope(x.body, op.Namespace)
	case FirmaAutentica:
		envelope, err = signing.Autentica(x.body, op.Namespace, x.call.Credential, x.doer.now(), "uuid-"+uuid.NewString()+"-1")
	case FirmaPeticion:
		envelope, err = signing.Peticion(x.body, op.Namespace, x.call.Familia, x.call.Credential)
	}
	if err != nil {
		return message{}, err
	}
	return newMessage(envelope, x.call.Adjunto)
}

// send makes one HTTP exchange and reads its answer whole.
func (x *exchange) send(ctx context.Context, wire message, token string) (*answer, error) {
	op := x.call.Operation
	ctx, watch := newWatch(ctx, op.Timeout)
	defer watch.stop()
	sent := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent = true }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, x.url, wire.reader())
	if err != nil {
		return nil, err
	}
	req.ContentLength = wire.size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("SOAPAction", strconv.Quote(x.action))
	req.Header.Set("User-Agent", x.doer.agent)
	if token != "" {
		req.Header.Set("Authorization", `WRAP access_token="`+token+`"`)
	}
	if len(op.Stream) > 0 {
		// Inflating what base64 has inflated costs six times the transfer.
		req.Header.Set("Accept-Encoding", "identity")
	}
	resp, err := x.doer.client.Do(req)
	if err != nil {
		return nil, x.failure(ctx, err, sent, 0)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is lost by a failing close of what was read
	got, err := x.read(resp, watch)
	if err == nil {
		return got, nil
	}
	var failed *Error
	if !errors.As(err, &failed) {
		failed = x.failure(ctx, err, true, resp.StatusCode)
	}
	failed.Skew = x.skew(resp)
	return nil, failed
}

// read takes the answer apart by what it is.
func (x *exchange) read(resp *http.Response, watch *watch) (*answer, error) {
	op := x.call.Operation
	body, err := inflated(resp)
	if err != nil {
		return nil, err
	}
	counted := &countingReader{r: body}
	if len(op.Stream) > 0 && resp.StatusCode < 300 {
		counted.watch = watch
		parsed, n, rest, err := streamAnswer(counted, op.Stream, x.call.Sink, op.MaxAnswer)
		got := &answer{Answer: parsed, status: resp.StatusCode, body: rest, received: counted.n, streamed: n}
		switch {
		case err != nil && counted.n == 0 && errors.Is(err, io.ErrUnexpectedEOF):
			return nil, &Error{Class: ClassEmpty, Status: resp.StatusCode, Sent: true}
		case err != nil:
			return nil, err
		case parsed.fault:
			return nil, parsed.faultError(resp.StatusCode, op.Namespace)
		}
		return got, nil
	}
	whole, err := io.ReadAll(io.LimitReader(counted, op.MaxAnswer+1))
	if err != nil {
		return nil, err
	}
	if int64(len(whole)) > op.MaxAnswer {
		return nil, &Error{Class: ClassTooLarge, Status: resp.StatusCode, Sent: true}
	}
	return x.classify(resp, whole)
}

// classify tells a good answer from a fault, an error page and nothing.
func (x *exchange) classify(resp *http.Response, whole []byte) (*answer, error) {
	parsed, err := parseAnswer(whole)
	switch {
	case err == nil && parsed.fault:
		return nil, parsed.faultError(resp.StatusCode, x.call.Operation.Namespace)
	case resp.StatusCode >= 300 || resp.StatusCode < 200:
		return nil, &Error{Class: ClassHTTP, Status: resp.StatusCode, Sent: true, RetryAfter: retryAfter(resp)}
	case len(bytes.TrimSpace(whole)) == 0:
		return nil, &Error{Class: ClassEmpty, Status: resp.StatusCode, Sent: true}
	case err != nil:
		return nil, &Error{Class: ClassMalformed, Status: resp.StatusCode, Sent: true, Err: err}
	}
	return &answer{Answer: parsed, status: resp.StatusCode, body: whole, received: int64(len(whole))}, nil
}

// failure classifies what went wrong below HTTP, or while reading.
func (x *exchange) failure(ctx context.Context, err error, sent bool, status int) *Error {
	e := &Error{Class: ClassLost, Status: status, Sent: sent, Err: err}
	var sink *sinkError
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, &sink):
		e.Class = ClassSink
	case errors.Is(cause, errSilence):
		e.Class, e.Err = ClassTimeout, cause
	case ctx.Err() != nil:
		e.Class, e.Err = ClassCanceled, cause
	case !sent:
		e.Class = ClassConnect
	case len(x.call.Operation.Stream) > 0 && status != 0 && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errBase64)):
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
		e.Code, e.Status, e.Received, e.Streamed = label(got.CodEstatus), got.status, got.received, got.streamed
		if got.CodEstatus == "" {
			e.Code = "ok"
		}
	case errors.As(err, &failed):
		e.Code, e.Status = failed.code(), failed.Status
	default:
		e.Code = "error"
	}
	return e
}

func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Hour)
}

// inflated undoes a gzip that was asked not to be there.
func inflated(resp *http.Response) (io.Reader, error) {
	if resp.Header.Get("Content-Encoding") != "gzip" {
		return resp.Body, nil
	}
	return gzip.NewReader(resp.Body)
}
