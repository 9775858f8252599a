package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The results of an attempt. Beside them only the status is kept.
const (
	ResultadoEntregado    = "entregado"
	ResultadoRechazado    = "rechazado"
	ResultFalla           = "falla_del_receptor"
	ResultadoRedireccion  = "redireccion"
	ResultadoSinRespuesta = "sin_respuesta"
	ResultDNS             = "dns"
	ResultAddress         = "direccion_no_permitida"
	ResultTLS             = "tls"
	ResultadoConexion     = "conexion"
	ResultadoIlegible     = "secreto_ilegible"
)

// Results lists every result.
func Results() []string {
	return []string{ResultadoEntregado, ResultadoRechazado, ResultFalla, ResultadoRedireccion, ResultadoSinRespuesta, ResultDNS,
		ResultAddress, ResultTLS, ResultadoConexion, ResultadoIlegible}
}

// maxResponse is how much of an answer is read and discarded. A receiver that still
// writes then is cut off.
const maxResponse = 4 << 10

// client sends messages.
type client struct{ http *http.Client }

// answer is the result of one message on the wire.
type answer struct {
	status int
	result string
	// wait is the receiver's Retry-After; zero if absent.
	wait time.Duration
}

// mensaje is one message to be sent.
type mensaje struct {
	url, id, body string
	// firmas are the signatures, the newest secret's first.
	firmas  []string
	instant time.Time
}

// send makes one attempt. It drops net/http's error, which holds the whole address.
func (c client) send(ctx context.Context, m mensaje) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, strings.NewReader(m.body))
	if err != nil {
		return answer{result: ResultadoConexion}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "pasarela-webhooks")
	// Set writes the canonical case; HTTP ignores case (Standard Webhooks, webhook
	// headers).
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.instant.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(m.firmas, " "))
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{result: class(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // nothing of it is kept
	if resp.StatusCode >= 200 {
		// 101 hands the connection over, and no deadline ends a read of it.
		io.Copy(io.Discard, io.LimitReader(resp.Body, maxResponse)) //nolint:errcheck // the status has been said
	}
	out := answer{status: resp.StatusCode, result: ResultadoRechazado}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		out.result = ResultadoEntregado
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		out.result = ResultadoRedireccion
	case resp.StatusCode >= 500:
		out.result = ResultFalla
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		out.wait = waitRequested(resp.Header.Get("Retry-After"), m.instant)
	}
	return out
}

// class names the reason for a message without an answer.
func class(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var autoridad x509.UnknownAuthorityError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var alert *net.OpError
	var time net.Error
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return ResultAddress
	case errors.As(err, &dns):
		return ResultDNS
	case errors.As(err, &cert), errors.As(err, &autoridad), errors.As(err, &name), errors.As(err, &record),
		errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"): // a TLS alert has no exported type
		return ResultTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &time) && time.Timeout():
		return ResultadoSinRespuesta
	}
	return ResultadoConexion
}
