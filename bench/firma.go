package main

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/bench/ref"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat"
	"github.com/pasarela-mx/pasarela/internal/signing"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

const (
	idSolicitud    = "05e4038d-6f1b-4c0e-9a57-1d2f83b6c9e4"
	goalEnvelope   = 1.05
	goalAllocs     = 60
	allocSamples   = 200
	opensslPattern = `(?m)^rsa\s+2048 bits\s+([0-9.]+)s`
)

// capture is the network's end of the transport: it notes when an envelope is
// ready to be sent and answers at once.
type capture struct{ onSend func() }

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.onSend != nil {
		c.onSend()
	}
	body := fuente.Verify
	if strings.Contains(r.Header.Get("SOAPAction"), "IAutenticacion") {
		body = fuente.Authenticate(time.Now())
	}
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}},
		Body: io.NopCloser(strings.NewReader(body))}, nil
}

// oneKey is a keyring of one e.firma in memory.
type oneKey struct{ cred *efirma.Credential }

func (k oneKey) Get(string) (*efirma.Credential, error) { return k.cred, nil }

// signer is the product from the backend down: client, stub, transport, signing.
type signer struct {
	capture *capture
	client  *sat.Client
}

func newSigner(b *bench) (*signer, error) {
	cred, err := efirma.Load(b.own.CerDER, b.own.KeyDER, []byte(b.own.Password), time.Now())
	if err != nil {
		return nil, err
	}
	s := &signer{capture: &capture{}}
	doer := transport.New(s.capture, "bench", time.Now, func(context.Context, transport.Event) {})
	at := sat.Endpoints{Authenticate: "http://sat.invalid/a", Request: "http://sat.invalid/s", Verify: "http://sat.invalid/v", Descarga: "http://sat.invalid/d"}
	s.client = sat.New(sat.Config{
		Endpoints: map[gateway.Servicio]sat.Endpoints{gateway.CFDI: at},
		Family:    signing.FamilyEnvelope, Now: time.Now, OnToken: func(gateway.Servicio, error) {},
	}, doer, oneKey{cred})
	return s, s.verify() // the token is cached from here on
}

func (s *signer) verify() error {
	_, err := s.client.Verify(context.Background(), gateway.CFDI, rfc, idSolicitud)
	return err
}

// timed returns the seconds from the call to the envelope's being ready to send,
// and to its answer's being read.
func (s *signer) timed() (ready, whole float64, err error) {
	started := time.Now()
	s.capture.onSend = func() { ready = since(started) }
	err = s.verify()
	s.capture.onSend = nil
	return ready, since(started), err
}

// allocs returns the allocations up to the same point.
func (s *signer) allocs() (float64, error) {
	var before, after runtime.MemStats
	total := 0.0
	s.capture.onSend = func() { runtime.ReadMemStats(&after) }
	defer func() { s.capture.onSend = nil }()
	for range allocSamples {
		runtime.ReadMemStats(&before)
		if err := s.verify(); err != nil {
			return 0, err
		}
		total += float64(after.Mallocs - before.Mallocs)
	}
	return total / allocSamples, nil
}

// firma measures section 1: each round times a raw RSA signature, the string
// signer and the product in turn, so that whatever slows the machine slows all.
func firma(ctx context.Context, b *bench) ([]row, error) {
	s, err := newSigner(b)
	if err != nil {
		return nil, err
	}
	reference := ref.NewSigner(b.own.Key, b.own.Certificate)
	digest := sha1.Sum([]byte("bench"))
	var raw, glued, product, answered []float64
	for range b.plan.pairs {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		started := time.Now()
		_, errRaw := reference.RSA(digest)
		raw = append(raw, since(started))
		started = time.Now()
		_, errGlued := reference.Verify(idSolicitud, rfc)
		glued = append(glued, since(started))
		ready, whole, errProduct := s.timed()
		product, answered = append(product, ready), append(answered, whole)
		if err := errors.Join(errRaw, errGlued, errProduct); err != nil {
			return nil, err
		}
	}
	rows := []row{info("Go crypto/rsa alone, RSA-2048 SHA-1", millis(median(raw)))}
	if openssl, err := opensslSign(ctx, b.plan.openssl); err == nil {
		rows = append(rows, row{measure: "OpenSSL RSA-2048 sign (`openssl speed`)", value: millis(openssl), reference: millis(median(raw)), ratio: fmt.Sprintf("%.2f", openssl/median(raw))})
	}
	rows = append(rows,
		row{measure: "exc-c14n by strings + crypto/rsa", value: millis(median(glued)), reference: millis(median(raw)), ratio: fmt.Sprintf("%.3f", median(glued)/median(raw))},
		row{measure: "**Verifica's envelope ready to send, stub included**", value: millis(median(product)), reference: millis(median(raw)),
			ratio: fmt.Sprintf("%.3f", median(product)/median(raw)), goal: fmt.Sprintf("≤ %.2f", goalEnvelope), met: yes(median(product)/median(raw) <= goalEnvelope)})
	allocs, err := s.allocs()
	if err != nil {
		return rows, err
	}
	rows = append(rows, atMost("its allocations", allocs, goalAllocs, "%.0f"))
	return append(rows, calls(s, b, median(answered), median(raw))...), nil
}

// calls measures what the call with its answer read allocates (its time was
// taken in turn with the others), and the opening of an e.firma.
func calls(s *signer, b *bench, answered, raw float64) []row {
	call := testing.Benchmark(func(t *testing.B) {
		t.ReportAllocs()
		for t.Loop() {
			if err := s.verify(); err != nil {
				t.Fatal(err)
			}
		}
	})
	open := testing.Benchmark(func(t *testing.B) {
		t.ReportAllocs()
		for t.Loop() {
			if _, err := efirma.Load(b.own.CerDER, b.own.KeyDER, []byte(b.own.Password), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	})
	cell := func(took float64, r testing.BenchmarkResult) string {
		return fmt.Sprintf("%s, %d allocations, %d KiB", millis(took), r.AllocsPerOp(), r.AllocedBytesPerOp()>>10)
	}
	return []row{
		{measure: "Verifica without network, answer read", value: cell(answered, call), reference: millis(raw), ratio: fmt.Sprintf("%.3f", answered/raw)},
		info("opening .cer + .key + password (once, not per request)", cell(float64(open.NsPerOp())/1e9, open)),
	}
}

// opensslSign returns the seconds of one signature by OpenSSL.
func opensslSign(ctx context.Context, run int) (float64, error) {
	out, err := exec.CommandContext(ctx, "openssl", "speed", "-seconds", strconv.Itoa(run), "rsa2048").Output()
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(opensslPattern).FindSubmatch(out)
	if found == nil {
		return 0, errors.New("openssl speed: no rsa 2048 line")
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
