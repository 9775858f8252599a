// Package sep calls the SEP's title service through the stub in gen/soap/sep. It sends
// exactly the schema's form and reads answers leniently: any field may be missing. It
// does not look into files and workbooks: lotes does.
package sep

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/hooklift/gowsdl/soap"

	"github.com/pasarela-mx/pasarela/gen/soap/sep/titulos"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// backend is this system's label in errors, logs and metrics.
const backend = "sep"

var _ gateway.Titulos = (*Client)(nil)

// Client implements the SEP's port.
type Client struct {
	stub titulos.TitulosPortType
	ops  *operations
}

// New returns a client of the service at url that sends through doer, a transport.Doer.
// The address in the service's own WSDL is never followed: it depends on the request and
// may not be https (sep.md §2).
func New(url string, doer soap.HTTPClient) *Client {
	return &Client{stub: titulos.NewTitulosPortType(soap.NewClient(url, soap.WithHTTPClient(doer))), ops: newOperations()}
}

// loteForm matches the number of a lote in an answer that cannot be parsed.
var loteForm = regexp.MustCompile(`<(?:[\w.-]+:)?numeroLote(?:\s[^<>]*)?>\s*\+?0*([1-9][0-9]*)\s*</`)

// Upload uploads a file (sep.md §3) and encodes it while sending.
func (c *Client) Upload(ctx context.Context, cuenta gateway.CuentaSEP, name string, file *io.SectionReader) (gateway.LoteCargado, error) {
	op := &c.ops.upload
	mark := "{{" + uuid.NewString() + "}}"
	ctx = transport.WithCall(ctx, &transport.Call{Operation: op, Attached: file, Mark: mark})
	response, err := c.stub.CargaTituloElectronicoContext(ctx, &titulos.CargaTituloElectronicoRequest{
		NombreArchivo: name, ArchivoBase64: []byte(mark), Autenticacion: autenticacion(cuenta)})
	if err != nil {
		// The lote exists, and no list of lotes shows which one it is.
		if m := loteForm.FindAllSubmatch(transport.Came(err), 2); len(m) == 1 {
			return gateway.LoteCargado{NumeroLote: string(m[0][1])}, nil
		}
		return gateway.LoteCargado{}, failure(op, err)
	}
	number := strings.TrimLeft(strings.TrimPrefix(text(response.NumeroLote), "+"), "0")
	if number == "" && strings.TrimSpace(response.Mensaje) == "" {
		return gateway.LoteCargado{}, refusal("", System().Unclear(op, "la SEP contestó sin decir qué hizo."))
	}
	if number == "" {
		return gateway.LoteCargado{}, refusal(response.Mensaje, &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnLoteNoAbierto,
			Detail: "La SEP no abrió un lote con el archivo; la razón está en mensaje."})
	}
	return gateway.LoteCargado{NumeroLote: number, Mensaje: public(response.Mensaje)}, nil
}

// Query asks for the state of a lote (sep.md §3).
func (c *Client) Query(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (gateway.EstadoLote, error) {
	op := &c.ops.query
	ctx = transport.WithCall(ctx, &transport.Call{Operation: op})
	response, err := c.stub.ConsultaProcesoTituloElectronicoContext(ctx, &titulos.ConsultaProcesoTituloElectronicoRequest{
		NumeroLote: new(titulos.Lote(numeroLote)), Autenticacion: autenticacion(cuenta)})
	if err != nil {
		return gateway.EstadoLote{}, failure(op, err)
	}
	estatus, err := strconv.Atoi(text(response.EstatusLote))
	if err != nil {
		return gateway.EstadoLote{}, refusal(response.Mensaje, &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnLoteSinEstatus, Retryable: true,
			Detail: "La SEP respondió sin estatus del lote. Puede repetir la petición sin riesgo."})
	}
	if e := ofAnother(numeroLote, text(response.NumeroLote)); e != nil {
		return gateway.EstadoLote{}, e
	}
	out := gateway.EstadoLote{NumeroLote: numeroLote, EstatusLote: estatus, Mensaje: public(response.Mensaje)}
	if !out.Processed() {
		if e := known(response.Mensaje); e != nil {
			return gateway.EstadoLote{}, e
		}
	}
	return out, nil
}

// ofAnother returns the error for an answer about another lote than the requested one.
// The number may be missing, or have a sign and leading zeros.
func ofAnother(asked, answered string) *gateway.Error {
	number := func(s string) string { return strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(s), "+"), "0") }
	if number(answered) == "" || number(answered) == number(asked) {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnLoteCambiado, Backend: backend, Retryable: true,
		Detail: fmt.Sprintf("La SEP respondió por el lote %s y se preguntó por el %s. Repita la petición; si sigue así, avise a la SEP.", public(answered), asked)}
}

// Result fetches the archive of a processed lote (sep.md §3, §4).
func (c *Client) Result(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string, sink io.Writer) (string, error) {
	op := &c.ops.descarga
	counted := &countingWriter{w: sink}
	ctx = transport.WithCall(ctx, &transport.Call{Operation: op, Sink: counted})
	response, err := c.stub.DescargaTituloElectronicoContext(ctx, &titulos.DescargaTituloElectronicoRequest{
		NumeroLote: new(titulos.Lote(numeroLote)), Autenticacion: autenticacion(cuenta)})
	if err != nil {
		return "", failure(op, err)
	}
	if e := ofAnother(numeroLote, text(response.NumeroLote)); e != nil {
		return "", e
	}
	if counted.n > 0 {
		return public(response.Mensaje), nil
	}
	return "", refusal(response.Mensaje, &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnResultadoPendiente, Retryable: true, RetryAfter: notYet, Err: gateway.ErrWithoutFile,
		Detail: "La SEP aún no entrega el resultado del lote. Consulte el lote y repita cuando esté procesado."})
}

// Cancel cancels a title (sep.md §3). The operation for several institutions has no
// answer, so success means only that it was accepted.
func (c *Client) Cancel(ctx context.Context, cuenta gateway.CuentaSEP, x gateway.Cancelacion) (gateway.DoneCancelacion, error) {
	if x.CveInstitucion != "" {
		op := &c.ops.cancelInstitucion
		call := &transport.Call{Operation: op}
		ctx = transport.WithCall(ctx, call)
		err := c.stub.CancelarTituloInstitucionContext(ctx, &titulos.CancelarTituloInstitucionRequest{
			FolioControl: x.FolioControl, CveInstitucion: x.CveInstitucion, MotCancelacion: x.Motivo, Autenticacion: autenticacion(cuenta)})
		if err != nil {
			return gateway.DoneCancelacion{}, failure(op, err)
		}
		// The contract has no answer here, but a refusal is believed.
		codigo := strings.TrimSpace(call.Answer.Codigo)
		if e := known(call.Answer.Text); e != nil || codigo != "" && strings.Trim(codigo, "0") != "" {
			if e == nil {
				e = refusal(call.Answer.Text, notCanceled())
			}
			e.Codigo = codigo
			return gateway.DoneCancelacion{}, e
		}
		return gateway.DoneCancelacion{Codigo: "0", Mensaje: "La SEP recibió la solicitud; esta operación no da respuesta."}, nil
	}
	op := &c.ops.cancel
	ctx = transport.WithCall(ctx, &transport.Call{Operation: op})
	response, err := c.stub.CancelaTituloElectronicoContext(ctx, &titulos.CancelaTituloElectronicoRequest{
		FolioControl: x.FolioControl, MotCancelacion: x.Motivo, Autenticacion: autenticacion(cuenta)})
	if err != nil {
		return gateway.DoneCancelacion{}, failure(op, err)
	}
	codigo := text(response.Codigo)
	if n, err := strconv.Atoi(codigo); err == nil && n == 0 {
		return gateway.DoneCancelacion{Codigo: codigo, Mensaje: public(response.Mensaje)}, nil
	}
	e := refusal(response.Mensaje, notCanceled())
	if codigo == "" {
		e = refusal(response.Mensaje, System().Unclear(op, "la SEP contestó sin decir qué hizo."))
	}
	e.Codigo = codigo
	return gateway.DoneCancelacion{}, e
}

func notCanceled() *gateway.Error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnTituloNoCancelado, Detail: "La SEP no canceló el título; la razón está en mensaje."}
}

func autenticacion(c gateway.CuentaSEP) *titulos.Autenticacion {
	return &titulos.Autenticacion{Usuario: c.User, Password: c.Password}
}

// text returns an optional element's text.
func text[T ~string](v *T) string {
	if v == nil {
		return ""
	}
	return strings.TrimSpace(string(*v))
}

// countingWriter records whether anything was written.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
