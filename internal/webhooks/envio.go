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

// The results of an attempt: all that is kept of it beside the status.
const (
	ResultadoEntregado    = "entregado"
	ResultadoRechazado    = "rechazado"
	ResultadoFalla        = "falla_del_receptor"
	ResultadoRedireccion  = "redireccion"
	ResultadoSinRespuesta = "sin_respuesta"
	ResultadoDNS          = "dns"
	ResultadoDireccion    = "direccion_no_permitida"
	ResultadoTLS          = "tls"
	ResultadoConexion     = "conexion"
	ResultadoIlegible     = "secreto_ilegible"
)

// Resultados lists them all.
func Resultados() []string {
	return []string{ResultadoEntregado, ResultadoRechazado, ResultadoFalla, ResultadoRedireccion, ResultadoSinRespuesta, ResultadoDNS,
		ResultadoDireccion, ResultadoTLS, ResultadoConexion, ResultadoIlegible}
}

// maxRespuesta is how much of an answer is read, and thrown away: a receiver
// that is still writing then is cut off.
const maxRespuesta = 4 << 10

// cliente sends messages.
type cliente struct{ http *http.Client }

// respuesta is what became of one message on the wire.
type respuesta struct {
	status    int
	resultado string
	// espera is the receiver's Retry-After; zero without one.
	espera time.Duration
}

// mensaje is one message as it is sent.
type mensaje struct {
	url, id, cuerpo string
	// firmas are the signatures, by the last secret first.
	firmas   []string
	instante time.Time
}

// envia makes one attempt. The error of net/http holds the whole address and is
// dropped here.
func (c cliente) envia(ctx context.Context, m mensaje) respuesta {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, strings.NewReader(m.cuerpo))
	if err != nil {
		return respuesta{resultado: ResultadoConexion}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "pasarela-webhooks")
	// Set writes canonical case; the names are the same to HTTP (Standard Webhooks, webhook headers).
	req.Header.Set(standardwebhooks.HeaderWebhookID, m.id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.instante.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(m.firmas, " "))
	resp, err := c.http.Do(req)
	if err != nil {
		return respuesta{resultado: clase(err)}
	}
	defer resp.Body.Close() //nolint:errcheck // nothing of it is kept
	if resp.StatusCode >= 200 {
		// Of 101 the connection is handed over, and no deadline ends a read of it.
		io.Copy(io.Discard, io.LimitReader(resp.Body, maxRespuesta)) //nolint:errcheck // the status has been said
	}
	out := respuesta{status: resp.StatusCode, resultado: ResultadoRechazado}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		out.resultado = ResultadoEntregado
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		out.resultado = ResultadoRedireccion
	case resp.StatusCode >= 500:
		out.resultado = ResultadoFalla
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		out.espera = esperaPedida(resp.Header.Get("Retry-After"), m.instante)
	}
	return out
}

// clase names what kept a message from an answer.
func clase(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var autoridad x509.UnknownAuthorityError
	var nombre x509.HostnameError
	var registro tls.RecordHeaderError
	var alerta *net.OpError
	var tiempo net.Error
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return ResultadoDireccion
	case errors.As(err, &dns):
		return ResultadoDNS
	case errors.As(err, &cert), errors.As(err, &autoridad), errors.As(err, &nombre), errors.As(err, &registro),
		errors.As(err, &alerta) && (alerta.Op == "remote error" || alerta.Op == "local error"): // a TLS alert has no type of its own
		return ResultadoTLS
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &tiempo) && tiempo.Timeout():
		return ResultadoSinRespuesta
	}
	return ResultadoConexion
}
