package sat

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/pasarela-mx/pasarela/gen/soap/sat/solicita"
	"github.com/pasarela-mx/pasarela/gen/soap/sat/verifica"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// requestResult is what the four Request operations answer alike.
type requestResult struct{ idSolicitud, codEstatus, mensaje string }

// result drops the space around what names things: a schema of strings keeps it.
func result(idSolicitud, codEstatus, mensaje string) requestResult {
	return requestResult{strings.TrimSpace(idSolicitud), strings.TrimSpace(codEstatus), mensaje}
}

var (
	resultForm = regexp.MustCompile(`<(?:[\w.-]+:)?SolicitaDescarga\w*Result\s[^<>]*>`)
	idForm     = regexp.MustCompile(`\sIdSolicitud\s*=\s*["']\s*([0-9A-Fa-f-]{36})\s*["']`)
	statusForm = regexp.MustCompile(`\sCodEstatus\s*=\s*["']\s*` + codAccepted + `\s*["']`)
)

// registered finds the solicitud that an answer accepts which cannot be read as a
// whole: it is empty unless there is one.
func registered(came []byte) requestResult {
	tags := resultForm.FindAll(came, 2)
	if len(tags) != 1 || !statusForm.Match(tags[0]) {
		return requestResult{}
	}
	id := idForm.FindSubmatch(tags[0])
	if id == nil {
		return requestResult{}
	}
	return result(string(id[1]), codAccepted, "")
}

// presenter calls one of the four operations that present a solicitud.
type presenter func(context.Context, solicita.ISolicitaDescargaService, gateway.Solicitud) (requestResult, error)

func presentEmitidos(ctx context.Context, stub solicita.ISolicitaDescargaService, s gateway.Solicitud) (requestResult, error) {
	request := &solicita.SolicitaDescargaEmitidos{}
	r := &request.Solicitud
	r.FechaInicial, r.FechaFinal = fecha(s.FechaInicial), fecha(s.FechaFinal)
	r.RfcEmisor, r.RfcSolicitante, r.RfcACuentaTerceros = s.RFCEmisor, s.RFCSolicitante, s.RFCACuentaTerceros
	r.TipoSolicitud, r.EstadoComprobante = tipo(s.TipoSolicitud), estado(s.EstadoComprobante)
	r.TipoComprobante, r.Complemento = comprobante(s.TipoComprobante), s.Complemento
	if len(s.RFCReceptores) > 0 {
		r.RfcReceptores = &solicita.RfcReceptores{RfcReceptor: s.RFCReceptores}
	}
	response, err := stub.SolicitaDescargaEmitidosContext(ctx, request)
	if err != nil {
		return requestResult{}, err
	}
	got := response.SolicitaDescargaEmitidosResult
	return result(got.IdSolicitud, got.CodEstatus, got.Mensaje), nil
}

func presentRecibidos(ctx context.Context, stub solicita.ISolicitaDescargaService, s gateway.Solicitud) (requestResult, error) {
	request := &solicita.SolicitaDescargaRecibidos{}
	r := &request.Solicitud
	r.FechaInicial, r.FechaFinal = fecha(s.FechaInicial), fecha(s.FechaFinal)
	r.RfcEmisor, r.RfcReceptor = s.RFCEmisor, s.RFCReceptor
	r.RfcSolicitante, r.RfcACuentaTerceros = s.RFCSolicitante, s.RFCACuentaTerceros
	r.TipoSolicitud, r.EstadoComprobante = tipo(s.TipoSolicitud), estado(s.EstadoComprobante)
	r.TipoComprobante, r.Complemento = comprobante(s.TipoComprobante), s.Complemento
	response, err := stub.SolicitaDescargaRecibidosContext(ctx, request)
	if err != nil {
		return requestResult{}, err
	}
	got := response.SolicitaDescargaRecibidosResult
	return result(got.IdSolicitud, got.CodEstatus, got.Mensaje), nil
}

func presentFolio(ctx context.Context, stub solicita.ISolicitaDescargaService, s gateway.Solicitud) (requestResult, error) {
	request := &solicita.SolicitaDescargaFolio{}
	request.Solicitud.Folio, request.Solicitud.RfcSolicitante = s.Folio, s.RFCSolicitante
	response, err := stub.SolicitaDescargaFolioContext(ctx, request)
	if err != nil {
		return requestResult{}, err
	}
	got := response.SolicitaDescargaFolioResult
	return result(got.IdSolicitud, got.CodEstatus, got.Mensaje), nil
}

func presentVersion11(ctx context.Context, stub solicita.ISolicitaDescargaService, s gateway.Solicitud) (requestResult, error) {
	request := &solicita.SolicitaDescarga{}
	r := &request.Solicitud
	r.FechaInicial, r.FechaFinal = fecha(s.FechaInicial), fecha(s.FechaFinal)
	r.RfcEmisor, r.RfcReceptor, r.RfcSolicitante = s.RFCEmisor, s.RFCReceptor, s.RFCSolicitante
	r.TipoSolicitud = tipo(s.TipoSolicitud)
	response, err := stub.SolicitaDescargaContext(ctx, request)
	if err != nil {
		return requestResult{}, err
	}
	got := response.SolicitaDescargaResult
	return result(got.IdSolicitud, got.CodEstatus, got.Mensaje), nil
}

// accepted turns an answer into the vocabulary, or into the refusal of its code.
func (r requestResult) accepted(op *transport.Operation) (gateway.SolicitudAceptada, error) {
	switch {
	case r.codEstatus == codAccepted && r.idSolicitud != "":
		return gateway.SolicitudAceptada{IDSolicitud: r.idSolicitud, CodEstatus: r.codEstatus, Mensaje: transport.PublicText(r.mensaje, nsDescarga)}, nil
	case r.codEstatus == codAccepted || r.codEstatus == "":
		e := System().Unclear(op, noID(r.codEstatus))
		e.Codigo, e.Mensaje = r.codEstatus, transport.PublicText(r.mensaje, nsDescarga)
		return gateway.SolicitudAceptada{}, e
	}
	e := refusal(r.codEstatus, r.mensaje)
	switch {
	case r.idSolicitud == "":
	case r.codEstatus == codNotControlled:
		// Seen in production: an error and an id; the SAT may hold the solicitud.
		e.Retryable, e.RetryAfter = false, 0
		e.Detail = "El SAT tuvo un error interno y aun así dio el idSolicitud " + r.idSolicitud + ". Verifíquelo antes de repetir: puede estar en proceso."
	default:
		e.Detail += " Con el rechazo vino el idSolicitud " + r.idSolicitud + "."
	}
	return gateway.SolicitudAceptada{IDSolicitud: r.idSolicitud}, e
}

// noID is what came in place of an idSolicitud.
func noID(codigo string) string {
	if codigo == "" {
		return "el SAT contestó sin código de estatus, así que no dice si la registró."
	}
	return "el SAT contestó que la aceptó (" + codigo + ") y no dio su idSolicitud."
}

// state turns Verify's answer into the vocabulary. Only CodEstatus decides
// between an answer and an error: a rejected solicitud is a state (sat.md §7).
func state(idSolicitud string, response *verifica.VerificaSolicitudDescargaResponse) (gateway.EstadoSolicitud, error) {
	r := response.VerificaSolicitudDescargaResult
	r.CodEstatus, r.CodigoEstadoSolicitud = strings.TrimSpace(r.CodEstatus), strings.TrimSpace(r.CodigoEstadoSolicitud)
	if r.CodEstatus != codAccepted {
		if r.CodEstatus == "" {
			return gateway.EstadoSolicitud{}, &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnSinEstatus, Backend: backend, Retryable: true,
				Detail: "El SAT respondió sin código de estatus. Puede repetir la petición sin riesgo."}
		}
		return gateway.EstadoSolicitud{}, refusal(r.CodEstatus, r.Mensaje)
	}
	out := gateway.EstadoSolicitud{
		IDSolicitud:  idSolicitud,
		CodEstatus:   gateway.CodigoSAT(r.CodEstatus),
		Estado:       gateway.EstadoSAT(strconv.Itoa(int(r.EstadoSolicitud))),
		CodigoEstado: gateway.CodigoSAT(r.CodigoEstadoSolicitud),
		Mensaje:      transport.PublicText(r.Mensaje, nsDescarga),
		NumeroCFDIs:  number(r.NumeroCFDIs),
	}
	for _, id := range r.IdsPaquetes {
		if id = strings.TrimSpace(id); id != "" {
			out.IDsPaquetes = append(out.IDsPaquetes, id)
		}
	}
	return out, nil
}

// maxNumber is beyond any count, and what JSON's readers hold exactly.
const maxNumber = 1<<53 - 1

// number reads NumeroCFDIs; -1 is no count. One that cannot be read must not cost the
// packages that are named beside it, which the SAT keeps for 72 hours.
func number(text string) int64 {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && n > 0 || n > maxNumber:
		return maxNumber
	case err != nil || n < 0:
		return -1
	}
	return n
}

// The generated enumerations, filled from values that were validated.

func fecha(s string) *solicita.FechaLocal { return new(solicita.FechaLocal(s)) }

func tipo(s string) *solicita.TipoDescargaMasivaTerceros {
	return new(solicita.TipoDescargaMasivaTerceros(s))
}

func estado(s string) *solicita.EstadoComprobante {
	if s == "" {
		return nil
	}
	return new(solicita.EstadoComprobante(s))
}

func comprobante(s string) *solicita.TipoComprobante {
	if s == "" {
		return nil
	}
	return new(solicita.TipoComprobante(s))
}
