package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestDo_WhenAnswered(t *testing.T) {
	t.Parallel()
	var got *http.Request
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got = req
		io.WriteString(w, goodAnswer) //nolint:errcheck // a test's server
	})
	body, answer, err := r.call(request(true), &tokens{}, nil)
	if err != nil || body != goodAnswer || answer.CodEstatus != "5000" {
		t.Fatalf("body %q, answer %+v, error %v", body, answer, err)
	}
	for header, want := range map[string]string{
		"Content-Type": "text/xml; charset=utf-8", "Soapaction": `"urn:d/V"`,
		"Authorization": `WRAP access_token="token-1"`, "User-Agent": "pasarela/test",
	} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s: %q, want %q", header, v, want)
		}
	}
	e := r.events[0]
	if len(r.events) != 1 || e.Code != "5000" || e.Attempts != 1 || e.Sent == 0 || e.Received != int64(len(goodAnswer)) || e.Signing == 0 {
		t.Errorf("event %+v", e)
	}
}

// What each kind of bad answer is taken for, and how often it is asked for.
func TestDo_WhenAnswerIsBad(t *testing.T) {
	t.Parallel()
	fault := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>a:InvalidSecurity</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>`
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body) //nolint:errcheck // a test's server
		}
	}
	says := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, body) //nolint:errcheck // a test's server
		}
	}
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, tc := range map[string]struct {
		serve      http.HandlerFunc
		class      Class
		repeatable int32 // calls when a repeat is safe
		once       int32 // calls when it is not
	}{
		"fault with 500":   {answer(500, fault), ClassFault, 1, 1},
		"fault with 200":   {answer(200, fault), ClassFault, 1, 1},
		"HTML 503":         {answer(503, "<html>down</html>"), ClassHTTP, 3, 1},
		"HTML 404":         {answer(404, "<html>no</html>"), ClassHTTP, 1, 1},
		"redirect":         {answer(302, ""), ClassHTTP, 1, 1},
		"nothing":          {answer(200, ""), ClassEmpty, 3, 1},
		"HTML 200":         {answer(200, "<html>login</html>"), ClassPage, 1, 1},
		"old HTML 200":     {answer(200, "\xef\xbb\xbf\r\n<!DOCTYPE HTML PUBLIC>\n<br>"), ClassPage, 1, 1},
		"said to be HTML":  {says("Text/HTML; charset=x", "Request Rejected"), ClassPage, 1, 1},
		"a large page":     {answer(200, "<html>"+strings.Repeat("x", 5<<10)), ClassPage, 1, 1},
		"other XML":        {answer(200, "<?xml version=\"1.0\"?><otro/>"), ClassMalformed, 1, 1},
		"plain text":       {says("text/plain", "no"), ClassMalformed, 1, 1},
		"too large":        {answer(200, strings.Repeat("x", 5<<10)), ClassTooLarge, 1, 1},
		"broken after all": {abort, ClassLost, 3, 1},
		"long fault":       {answer(500, fault+strings.Repeat(" ", 5<<10)), ClassFault, 1, 1},
		"long HTML 503":    {answer(503, "<html>"+strings.Repeat("x", 5<<10)), ClassHTTP, 3, 1},
	} {
		for _, repeatable := range []bool{true, false} {
			want := tc.once
			if repeatable {
				want = tc.repeatable
			}
			t.Run(fmt.Sprintf("%s, repeatable %v", name, repeatable), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, tc.serve)
				_, _, err := r.call(request(repeatable), &tokens{}, nil)
				var failed *Error
				if !errors.As(err, &failed) || failed.Class != tc.class || !failed.Sent {
					t.Fatalf("error %v, want class %s", err, tc.class)
				}
				if n := r.calls.Load(); n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
				if strings.Contains(err.Error(), "html") {
					t.Errorf("the answer's body is in the error: %v", err)
				}
			})
		}
	}
}

// TestDo_WhenAskedToWait: in both forms of the header, by the server's own clock,
// and never for longer than an hour.
func TestDo_WhenAskedToWait(t *testing.T) {
	t.Parallel()
	theirs := time.Date(2020, 5, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) string { return theirs.Add(d).Format(http.TimeFormat) }
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "86400": time.Hour, "-5": 0, "+5": 0, "mañana": 0, "99999999999999999999": 0,
		in(90 * time.Second): 90 * time.Second, in(-time.Minute): 0, in(48 * time.Hour): time.Hour,
		theirs.Add(time.Minute).Format(time.RFC850): time.Minute,
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.Header().Set("Date", in(0))
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		_, _, err := r.call(request(false), &tokens{}, nil)
		var failed *Error
		if !errors.As(err, &failed) || failed.RetryAfter != want {
			t.Errorf("%q: %v of %v, want %s", header, failed.RetryAfter, err, want)
		}
	}
	if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {in(time.Minute)}}}, theirs); got != time.Minute {
		t.Errorf("without its Date: %s", got)
	}
}

// TestDo_WhenTheCertificateIsNotTrusted tries handshakes: what fails for the
// certificate is told apart from a server that is not there, and is not repeated.
func TestDo_WhenTheCertificateIsNotTrusted(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, goodAnswer) //nolint:errcheck // a test's server
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	known := x509.NewCertPool()
	known.AddCert(server.Certificate())
	for name, tc := range map[string]struct {
		config *tls.Config
		class  Class
		cause  any
	}{
		"trusted":              {&tls.Config{RootCAs: known}, "", nil},
		"an unknown authority": {&tls.Config{RootCAs: x509.NewCertPool()}, ClassTLS, new(x509.UnknownAuthorityError)},
		"another name":         {&tls.Config{RootCAs: known, ServerName: "sat.example.mx"}, ClassTLS, new(x509.HostnameError)},
		"past its date":        {&tls.Config{RootCAs: known, Time: func() time.Time { return time.Now().AddDate(90, 0, 0) }}, ClassTLS, new(x509.CertificateInvalidError)},
	} {
		calls := atomic.Int32{}
		base := &http.Transport{TLSClientConfig: tc.config, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			calls.Add(1)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}}
		t.Cleanup(base.CloseIdleConnections)
		r := &rig{url: server.URL, doer: New(base, "pasarela/test", time.Now, func(context.Context, Event) {})}
		_, _, err := r.call(request(true), &tokens{}, nil)
		var failed *Error
		switch {
		case tc.class == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case !errors.As(err, &failed) || failed.Class != tc.class || failed.Sent || !errors.As(err, tc.cause) || calls.Load() != 1:
			t.Errorf("%s: %v after %d connections", name, err, calls.Load())
		}
	}
}

// TestDo_WhenAccessIsDeniedTheTokenIsNotUsedAgain: the message is not repeated,
// because nobody says that the token was the reason.
func TestDo_WhenAccessIsDeniedTheTokenIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	for status, rejected := range map[int]int32{401: 1, 403: 1, 404: 0} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		tk := &tokens{}
		if _, _, err := r.call(request(true), tk, nil); err == nil {
			t.Errorf("%d: no error", status)
		}
		if got := tk.rejected.Load(); got != rejected || r.calls.Load() != 1 {
			t.Errorf("%d: %d tokens rejected in %d calls, want %d in one", status, got, r.calls.Load(), rejected)
		}
	}
}

// TestDo_WhenItMustNotBeSentTwiceItsConnectionIsItsOwn: a kept one may be closing.
func TestDo_WhenItMustNotBeSentTwiceItsConnectionIsItsOwn(t *testing.T) {
	t.Parallel()
	for repeatable, want := range map[bool]int{true: 1, false: 3} {
		peers := map[string]bool{}
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			peers[req.RemoteAddr] = true
			io.Copy(io.Discard, req.Body) //nolint:errcheck // a test's server
			io.WriteString(w, goodAnswer) //nolint:errcheck // see above
		})
		for range 3 {
			if _, _, err := r.call(request(repeatable), &tokens{}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if len(peers) != want {
			t.Errorf("repeatable %v: %d connections for three calls, want %d", repeatable, len(peers), want)
		}
	}
}

func TestDo_WhenTheAnswerIsCompressedUnasked(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"gzip", "GZIP", "x-gzip"} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			z := gzip.NewWriter(w)
			io.WriteString(z, goodAnswer) //nolint:errcheck // a test's server
			z.Close()                     //nolint:errcheck // see above
		})
		if _, _, err := r.call(request(true), &tokens{}, nil); err != nil {
			t.Errorf("%s: %v", coding, err)
		}
	}
}

func TestDo_WhenNobodyListens(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	r.url = "http://" + listener.Addr().String()
	listener.Close() //nolint:errcheck // its port is now free
	_, _, err = r.call(request(false), &tokens{}, nil)
	var failed *Error
	if !errors.As(err, &failed) || failed.Class != ClassConnect || failed.Sent {
		t.Fatalf("error %v", err)
	}
	if n := r.events[0].Attempts; n != 3 {
		t.Errorf("%d attempts: what never left may be repeated", n)
	}
}

func TestDo_WhenEndpointStaysDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	var failed *Error
	for range breakerThreshold {
		if _, _, err := r.call(request(false), &tokens{}, nil); !errors.As(err, &failed) || failed.Class != ClassHTTP {
			t.Fatal(err)
		}
	}
	_, _, err := r.call(request(false), &tokens{}, nil)
	if !errors.As(err, &failed) || failed.Class != ClassBreaker || failed.Sent || failed.RetryAfter <= 0 {
		t.Errorf("error %+v", failed)
	}
	if n := r.calls.Load(); n != breakerThreshold {
		t.Errorf("%d calls, want %d: the breaker is open", n, breakerThreshold)
	}
}

func TestDo_WhenTokenIsRejected(t *testing.T) {
	t.Parallel()
	rejected := strings.Replace(goodAnswer, "5000", "300", 1)
	for name, tc := range map[string]struct {
		answers []string
		code    string
		tokens  int32
	}{
		"once":   {[]string{rejected, goodAnswer}, "5000", 2},
		"always": {[]string{rejected, rejected, goodAnswer}, "300", 2},
	} {
		var n atomic.Int32
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, tc.answers[n.Add(1)-1]) //nolint:errcheck // a test's server
		})
		tk := &tokens{}
		_, answer, err := r.call(request(false), tk, nil)
		if err != nil || answer.CodEstatus != tc.code || tk.given.Load() != tc.tokens || tk.rejected.Load() != 1 {
			t.Errorf("%s: answer %+v, error %v, %d tokens, %d rejected", name, answer, err, tk.given.Load(), tk.rejected.Load())
		}
	}
}

func TestDo_WhenStreamed(t *testing.T) {
	t.Parallel()
	body := packageStart + strings.Repeat("QUJD", blockSize) + packageEnd
	op := request(false)
	op.Stream = []string{"Paquete"}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if enc := req.Header.Get("Accept-Encoding"); enc != "identity" {
			t.Errorf("Accept-Encoding %q", enc)
		}
		io.WriteString(w, body) //nolint:errcheck // a test's server
	})
	var sink bytes.Buffer
	rest, answer, err := r.call(op, &tokens{}, &sink)
	if err != nil || rest != packageStart+packageEnd || answer.CodEstatus != "5000" || sink.Len() != blockSize*3 {
		t.Errorf("%d bytes, answer %+v, error %v", sink.Len(), answer, err)
	}
	if e := r.events[0]; e.Streamed != blockSize*3 {
		t.Errorf("event %+v", e)
	}
}

func TestDo_WhenStreamFails(t *testing.T) {
	t.Parallel()
	op := request(false)
	op.Stream = []string{"Paquete"}
	for name, tc := range map[string]struct {
		body  string
		sink  io.Writer
		class Class
	}{
		"cut":            {packageStart + "QUJD", io.Discard, ClassTruncated},
		"not base64":     {packageStart + "????" + packageEnd, io.Discard, ClassTruncated},
		"our disk":       {packageStart + "QUJD" + packageEnd, failingWriter{errors.New("full")}, ClassSink},
		"a fault":        {`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:X</faultcode></s:Fault></s:Body></s:Envelope>`, io.Discard, ClassFault},
		"nothing":        {"", io.Discard, ClassEmpty},
		"a login page":   {"<html></html>", io.Discard, ClassPage},
		"half a page":    {"<!doctype html", io.Discard, ClassPage},
		"header too big": {packageStart[:120] + strings.Repeat(" ", 8<<10) + packageStart[120:] + packageEnd, io.Discard, ClassMalformed},
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, tc.body) //nolint:errcheck // a test's server
		})
		_, _, err := r.call(op, &tokens{}, tc.sink)
		var failed *Error
		if !errors.As(err, &failed) || failed.Class != tc.class || r.calls.Load() != 1 {
			t.Errorf("%s: error %v after %d calls, want class %s", name, err, r.calls.Load(), tc.class)
		}
	}
}

// The answer's Date tells how far the clocks are apart.
func TestDo_WhenClockDiffers(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, strings.Replace(goodAnswer, `<R xmlns="urn:d"><Res CodEstatus="5000" Mensaje="ok"/></R>`, //nolint:errcheck // a test's server
			`<s:Fault><faultcode>a:InvalidSecurity</faultcode><faultstring>no</faultstring></s:Fault>`, 1))
	})
	_, _, err := r.call(request(false), &tokens{}, nil)
	var failed *Error
	if !errors.As(err, &failed) || failed.Skew > -9*time.Minute || failed.Skew < -11*time.Minute {
		t.Errorf("error %v, skew %s, want ten minutes behind", err, failed.Skew)
	}
}
