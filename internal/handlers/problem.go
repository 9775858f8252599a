package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// problemBase is the page that explains every type.
const problemBase = "https://github.com/pasarela-mx/pasarela/blob/main/docs/errores.md#"

// helpPage is that page on this gateway, for callers without access to the internet.
const helpPage = "/docs/guias/errores#"

// ProblemType is a kind of failure on the wire (RFC 9457 §3.1). The fragment of its type
// is the kind itself.
type ProblemType struct {
	Title  string
	Status int
}

// ProblemTypes is the only map from kinds to HTTP. Tests compare it with docs/errores.md
// and the contract.
func ProblemTypes() map[gateway.Kind]ProblemType {
	return map[gateway.Kind]ProblemType{
		gateway.KindMalformada:           {"Solicitud malformada", http.StatusBadRequest},
		gateway.KindNoAutenticado:        {"No autenticado", http.StatusUnauthorized},
		gateway.KindProhibido:            {"Prohibido", http.StatusForbidden},
		gateway.KindNoEncontrado:         {"No encontrado", http.StatusNotFound},
		gateway.KindMetodo:               {"Método no permitido", http.StatusMethodNotAllowed},
		gateway.KindNoAceptable:          {"No aceptable", http.StatusNotAcceptable},
		gateway.KindLento:                {"Cuerpo demasiado lento", http.StatusRequestTimeout},
		gateway.KindConflicto:            {"Conflicto", http.StatusConflict},
		gateway.KindYaNoDisponible:       {"Ya no disponible", http.StatusGone},
		gateway.KindDemasiadoGrande:      {"Cuerpo demasiado grande", http.StatusRequestEntityTooLarge},
		gateway.KindTipoContenido:        {"Tipo de contenido no admitido", http.StatusUnsupportedMediaType},
		gateway.KindRango:                {"Rango no satisfacible", http.StatusRequestedRangeNotSatisfiable},
		gateway.KindInvalida:             {"Datos inválidos", http.StatusUnprocessableEntity},
		gateway.KindEFirma:               {"Problema con la e.firma", http.StatusUnprocessableEntity},
		gateway.KindLimite:               {"Demasiadas peticiones", http.StatusTooManyRequests},
		gateway.KindInterno:              {"Error interno", http.StatusInternalServerError},
		gateway.KindNoOfrecida:           {"Operación no ofrecida", http.StatusNotImplemented},
		gateway.KindMensajeRechazado:     {"Mensaje rechazado", http.StatusBadGateway},
		gateway.KindRespuestaInvalida:    {"Respuesta inválida", http.StatusBadGateway},
		gateway.KindSinServicio:          {"Pasarela no disponible", http.StatusServiceUnavailable},
		gateway.KindNoDisponible:         {"Sistema no disponible", http.StatusServiceUnavailable},
		gateway.KindSinRespuesta:         {"Sistema sin respuesta", http.StatusGatewayTimeout},
		gateway.KindResultadoDesconocido: {"Resultado desconocido", http.StatusGatewayTimeout},
	}
}

var errNoRoute = &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnRutaInexistente,
	Detail: "No hay tal ruta. El contrato está en /openapi.yaml."}

// defaultRetryAfter is sent with every 429 and 503 without a time of its own.
const defaultRetryAfter = 30

// wrap returns a handler for a function that returns its failure.
func wrap(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			writeProblem(w, r, err)
		}
	}
}

// contentProblem is the media type of RFC 9457 §3.
const contentProblem = "application/problem+json"

// writeProblem answers err as application/problem+json, and logs the parts of it that are
// for the log.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		err = &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnClienteAusente, Retryable: true, Detail: "El cliente cerró la conexión.", Err: err}
	}
	e := gateway.OwnFailure(err, "La pasarela no pudo atender la petición por una falla suya.")
	if !e.Kind.Known() {
		strange := *e
		strange.Kind = gateway.KindInterno
		e = &strange
	}
	kind, slug := ProblemTypes()[e.Kind], string(e.Kind)
	if e.Err != nil {
		zerolog.Ctx(r.Context()).WithLevel(level(e)).Err(e.Err).Str("tipo", slug).Msg("problem")
	}
	callerFrom(r.Context()).note(slug, e)
	header := w.Header()
	// Headers of the answer that failed.
	for _, name := range []string{"ETag", "Last-Modified", "Content-Disposition", "Content-Length", "Accept-Ranges", "X-Paquete-Dudoso"} {
		header.Del(name)
	}
	header.Set("Content-Type", contentProblem)
	header.Set("Cache-Control", "no-store")
	header.Add("Link", "<"+helpPage+slug+`>; rel="help"`)
	if e.Resource != "" {
		header.Set("Location", e.Resource)
	}
	switch {
	case e.RetryAfter > 0:
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	case kind.Status == http.StatusTooManyRequests, kind.Status == http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(defaultRetryAfter))
	}
	if kind.Status == http.StatusRequestTimeout {
		header.Set("Connection", "close") // RFC 9110 §15.5.9; the rest of the body is not awaited
	}
	if kind.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="pasarela"`)
	}
	body, err := encode(problemOf(r, e))
	if err != nil {
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("a problem could not be encoded")
	}
	send(w, kind.Status, body)
}

// send sends an answer from memory. Its caller has a deadline to take it.
func send(w http.ResponseWriter, status int, body []byte) {
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // a test's recorder has none
	w.WriteHeader(status)
	bytes.NewReader(body).WriteTo(w) //nolint:errcheck // the caller is gone; not Write, where gosec sees HTML in some runs and not in others
}

// problemOf returns err as the caller of r sees it.
func problemOf(r *http.Request, e *gateway.Error) rest.Problema {
	kind := ProblemTypes()[e.Kind]
	problem := rest.Problema{
		Type: problemBase + string(e.Kind), Title: kind.Title, Status: kind.Status, Detail: e.Detail,
		Instance: r.URL.EscapedPath(), Backend: e.Backend, Codigo: e.Code(), Mensaje: e.Mensaje, IDSolicitud: e.IDSolicitud,
		Reintentable: e.Retryable, RequestID: requestID(r.Context()),
	}
	for _, c := range e.Fields {
		problem.Errores = append(problem.Errores, rest.ErrorDeCampo{Campo: c.Campo, Codigo: c.Codigo, Detalle: c.Detalle, ValoresValidos: c.ValoresValidos})
	}
	return problem
}

// encode writes readable JSON: the & of an RFC is not escaped.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func level(e *gateway.Error) zerolog.Level {
	if e.IsOwn() {
		return zerolog.ErrorLevel
	}
	return zerolog.WarnLevel
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	send(w, status, body)
	return nil
}
