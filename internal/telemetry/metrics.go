package telemetry

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// Metrics is every metric of the gateway on one registry.
type Metrics struct {
	registry *prometheus.Registry

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	upstream        *prometheus.CounterVec
	upstreamTime    *prometheus.HistogramVec
	own             *prometheus.CounterVec
	signing         *prometheus.HistogramVec
	tokens          *prometheus.CounterVec
	packageBytes    *prometheus.CounterVec
	webhooks        *prometheus.CounterVec
	webhookTime     prometheus.Histogram

	mu sync.Mutex
	// codes are the codes of each operation that have their own series.
	codes map[operation]map[string]bool
}

type operation struct{ backend, name string }

// maxCodes bounds the series of one operation: a faulty system may return a new code each
// time.
const maxCodes = 100

// code returns the label for a code of op.
func (m *Metrics) code(op operation, code string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.codes[op]
	if known == nil {
		known = make(map[string]bool)
		m.codes[op] = known
	}
	if !known[code] && len(known) >= maxCodes {
		return "otro"
	}
	known[code] = true
	return code
}

// The buckets, in seconds: for the gateway's own time, and for the systems' time.
var (
	requestBuckets  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	upstreamBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60, 120, 600}
	signingBuckets  = []float64{.0005, .001, .0015, .002, .003, .005, .01, .025, .1}
)

// NewMetrics returns the metrics on a new registry, with the process's and the Go
// runtime's.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), codes: make(map[operation]map[string]bool),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_http_requests_total",
			Help: "API requests by route pattern, method and status."}, []string{"route", "method", "status"}),
		requestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pasarela_http_request_duration_seconds",
			Help: "Time to the end of the answer, by route pattern.", Buckets: requestBuckets}, []string{"route"}),
		upstream: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_upstream_calls_total",
			Help: "Upstream calls by operation and by code: the system's own, fault:<code>, or the class of failure."}, []string{"backend", "operation", "code"}),
		upstreamTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pasarela_upstream_duration_seconds",
			Help: "Time of upstream calls, repeats included.", Buckets: upstreamBuckets}, []string{"backend", "operation"}),
		own: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_own_failures_total",
			Help: "Upstream calls that failed by this machine's own fault, by class: the system knows nothing of it."}, []string{"code"}),
		signing: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pasarela_signing_duration_seconds",
			Help: "Time to make an envelope right, RSA included.", Buckets: signingBuckets}, []string{"backend", "operation"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_token_fetches_total",
			Help: "Tokens asked of the SAT, by family and result."}, []string{"servicio", "result"}),
		packageBytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_package_bytes_total",
			Help: "Bytes of packages decoded from the SAT's answers."}, []string{"backend"}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pasarela_webhook_attempts_total",
			Help: "Attempts to deliver webhooks, by result."}, []string{"resultado"}),
		webhookTime: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "pasarela_webhook_duration_seconds",
			Help: "Time of attempts to deliver webhooks.", Buckets: upstreamBuckets}),
	}
	// A series that first appears with a failure has no increase to alert on.
	for _, servicio := range []gateway.Servicio{gateway.CFDI, gateway.Retenciones} {
		m.tokens.WithLabelValues(string(servicio), "ok")
		m.tokens.WithLabelValues(string(servicio), "error")
	}
	for _, own := range []transport.Class{transport.ClassInternal, transport.ClassResources, transport.ClassSink} {
		m.own.WithLabelValues(string(own))
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pasarela_build_info", Help: "Always 1; the version is a label.",
		ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.requestDuration, m.upstream, m.upstreamTime, m.own, m.signing, m.tokens, m.packageBytes, m.webhooks, m.webhookTime, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry returns the registry of every metric.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Request counts one API request. route is the contract's pattern, never a path.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.requestDuration.WithLabelValues(route).Observe(took.Seconds())
}

// Token counts one fetch of a token.
func (m *Metrics) Token(servicio gateway.Servicio, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	m.tokens.WithLabelValues(string(servicio), result).Inc()
}

// Webhook counts one attempt to deliver a webhook. result is one of our own words.
func (m *Metrics) Webhook(result string, took time.Duration) {
	m.webhooks.WithLabelValues(result).Inc()
	m.webhookTime.Observe(took.Seconds())
}

// Upstream returns an observer that counts each upstream call and logs one line about it:
// on whose behalf it was made, and how an unreadable answer begins. The line has no body,
// header or address.
func (m *Metrics) Upstream(log zerolog.Logger) func(context.Context, transport.Event) {
	return func(ctx context.Context, e transport.Event) {
		op := e.Operation
		m.upstream.WithLabelValues(op.Backend, op.Name, m.code(operation{op.Backend, op.Name}, e.Code)).Inc()
		m.upstreamTime.WithLabelValues(op.Backend, op.Name).Observe(e.Duration.Seconds())
		m.signing.WithLabelValues(op.Backend, op.Name).Observe(e.Signing.Seconds())
		m.packageBytes.WithLabelValues(op.Backend).Add(float64(e.Streamed))
		line := log.Info()
		if e.Err != nil {
			line = log.Warn().Err(e.Err)
		}
		var failed *transport.Error
		if errors.As(e.Err, &failed) && failed.Beginning != "" {
			line = line.Str("respuesta", failed.Beginning)
		}
		if failed != nil && failed.Own() {
			m.own.WithLabelValues(string(failed.Class)).Inc()
		}
		w := gateway.WorkOf(ctx)
		line.Str("backend", op.Backend).Str("operacion", op.Name).
			Fields(known(map[string]any{"servicio": e.Servicio, "rfc": e.RFC, "requestId": w.RequestID, "idDescarga": w.IDDescarga})).
			Str("codigo", e.Code).Int("intentos", e.Attempts)
		if w.Solicitud != 0 {
			line.Int64("solicitud", w.Solicitud)
		}
		if e.Status != 0 {
			line.Int("status", e.Status)
		}
		line.Dur("ms", e.Duration).Int("enviados", e.Sent).Int64("recibidos", e.Received).Msg("upstream")
	}
}

// known returns the fields that have a value.
func known(fields map[string]any) map[string]any {
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == "" })
	return fields
}
