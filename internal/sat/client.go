// Package sat speaks with the SAT's Descarga Masiva services over the stubs in
// gen/soap/sat. It translates between the vocabulary and the SOAP contracts and
// gives every code and fault its meaning. It refuses to sign, to retry and to
// read envelopes: that is transport's.
package sat

import (
	"context"
	"io"
	"time"

	"github.com/hooklift/gowsdl/soap"

	"github.com/pasarela-mx/pasarela/gen/soap/sat/autenticacion"
	"github.com/pasarela-mx/pasarela/gen/soap/sat/descarga"
	"github.com/pasarela-mx/pasarela/gen/soap/sat/solicita"
	"github.com/pasarela-mx/pasarela/gen/soap/sat/verifica"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/signing"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// backend is the label of this system in errors, logs and metrics.
const backend = "sat"

var (
	_ gateway.Authenticator = (*Client)(nil)
	_ gateway.Solicitante   = (*Client)(nil)
	_ gateway.Downloader    = (*Client)(nil)
)

// Endpoints are the four addresses of one family.
type Endpoints struct{ Authenticate, Request, Verify, Descarga string }

// Keyring gives the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// Config is what a Client needs to know.
type Config struct {
	Endpoints map[gateway.Servicio]Endpoints
	// Family selects the form of the signature (sat.md §4.1).
	Family signing.Family
	Now    func() time.Time
	// OnToken is told of every token fetched, with the fetch's outcome.
	OnToken func(servicio gateway.Servicio, err error)
}

// Client implements the ports of the SAT.
type Client struct {
	cfg    Config
	keys   Keyring
	tokens *signing.Tokens
	ops    *operations
	stubs  map[gateway.Servicio]stubs
}

// stubs are the generated clients of one family.
type stubs struct {
	authenticate autenticacion.IAutenticacion
	request      solicita.ISolicitaDescargaService
	verify       verifica.IVerificaSolicitudDescargaService
	descarga     descarga.IDescargaMasivaTercerosService
}

// New returns a client that sends through doer, a transport.Doer.
func New(cfg Config, doer soap.HTTPClient, keys Keyring) *Client {
	c := &Client{cfg: cfg, keys: keys, tokens: signing.NewTokens(cfg.Now), ops: newOperations(), stubs: make(map[gateway.Servicio]stubs)}
	for servicio, at := range cfg.Endpoints {
		client := func(url string) *soap.Client { return soap.NewClient(url, soap.WithHTTPClient(doer)) }
		c.stubs[servicio] = stubs{
			authenticate: autenticacion.NewIAutenticacion(client(at.Authenticate)),
			request:      solicita.NewISolicitaDescargaService(client(at.Request)),
			verify:       verifica.NewIVerificaSolicitudDescargaService(client(at.Verify)),
			descarga:     descarga.NewIDescargaMasivaTercerosService(client(at.Descarga)),
		}
	}
	return c
}

// Authenticate returns a token of rfc with at least a minute to spare, from the
// cache where there is one (sat.md §3).
func (c *Client) Authenticate(ctx context.Context, servicio gateway.Servicio, rfc string) (gateway.Token, error) {
	cred, err := c.credential(rfc)
	if err != nil {
		return gateway.Token{}, err
	}
	token, err := c.token(ctx, servicio, cred)
	if err != nil {
		return gateway.Token{}, failure(&c.ops.authenticate, err)
	}
	return gateway.Token{Value: token.Value, Created: token.Created, Expire: token.Expires}, nil
}

// Request presents s by the operation that its version and tipoDescarga name
// (sat.md §6).
func (c *Client) Request(ctx context.Context, s gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	op, present := c.requestOperation(s)
	ctx, _, err := c.call(ctx, op, s.Servicio, s.RFCSolicitante, nil)
	if err != nil {
		return gateway.SolicitudAceptada{}, err
	}
	result, err := present(ctx, c.stubs[s.Servicio].request, s)
	if err != nil {
		// The criteria are spent: the SAT takes them twice in a lifetime.
		if result = registered(transport.Came(err)); result.idSolicitud == "" {
			return gateway.SolicitudAceptada{}, failure(op, err)
		}
	}
	return result.accepted(op)
}

// requestOperation returns the operation of s and the function that calls it (sat.md §6).
func (c *Client) requestOperation(s gateway.Solicitud) (*transport.Operation, presenter) {
	switch {
	case s.Version == gateway.Version11:
		return &c.ops.request, presentVersion11
	case s.TipoDescarga == gateway.Recibidos:
		return &c.ops.recibidos, presentRecibidos
	case s.TipoDescarga == gateway.Folio:
		return &c.ops.folio, presentFolio
	}
	return &c.ops.emitidos, presentEmitidos
}

// Verify asks for the state of a solicitud (sat.md §7).
func (c *Client) Verify(ctx context.Context, servicio gateway.Servicio, rfc, idSolicitud string) (gateway.EstadoSolicitud, error) {
	op := &c.ops.verify
	ctx, _, err := c.call(ctx, op, servicio, rfc, nil)
	if err != nil {
		return gateway.EstadoSolicitud{}, err
	}
	request := &verifica.VerificaSolicitudDescarga{}
	request.Solicitud.IdSolicitud = idSolicitud
	request.Solicitud.RfcSolicitante = rfc
	response, err := c.stubs[servicio].verify.VerificaSolicitudDescargaContext(ctx, request)
	if err != nil {
		return gateway.EstadoSolicitud{}, failure(op, err)
	}
	return state(idSolicitud, response)
}

// Descarga streams a package into sink (sat.md §8).
func (c *Client) Descarga(ctx context.Context, p gateway.Paquete, sink io.Writer) error {
	op := &c.ops.download
	ctx, call, err := c.call(ctx, op, p.Servicio, p.RFCSolicitante, sink)
	if err != nil {
		return err
	}
	request := &descarga.PeticionDescargaMasivaTercerosEntrada{}
	request.PeticionDescarga.IdPaquete = p.IDPaquete
	request.PeticionDescarga.RfcSolicitante = p.RFCSolicitante
	if _, err := c.stubs[p.Servicio].descarga.DescargarContext(ctx, request); err != nil {
		return failure(op, err)
	}
	// The status is in the SOAP header, which the stub does not decode.
	if codigo := call.Answer.CodEstatus; codigo != "" && codigo != codAccepted {
		return refusal(codigo, call.Answer.Mensaje)
	}
	return nil
}

// call prepares the context of one signed call.
func (c *Client) call(ctx context.Context, op *transport.Operation, servicio gateway.Servicio, rfc string, sink io.Writer) (context.Context, *transport.Call, error) {
	if _, ok := c.stubs[servicio]; !ok {
		return ctx, nil, gateway.UnknownService()
	}
	cred, err := c.credential(rfc)
	if err != nil {
		return ctx, nil, err
	}
	call := &transport.Call{Operation: op, Servicio: string(servicio), RFC: rfc, Family: c.cfg.Family,
		Credential: cred, Sink: sink, Tokens: &tokenSource{client: c, servicio: servicio, cred: cred}}
	return transport.WithCall(ctx, call), call, nil
}

// Usable fails, as every call would, when the e.firma of rfc is missing or
// cannot be used.
func (c *Client) Usable(rfc string) error {
	_, err := c.credential(rfc)
	return err
}

func (c *Client) credential(rfc string) (*efirma.Credential, error) {
	cred, err := c.keys.Get(rfc)
	if err != nil {
		return nil, efirma.Refusal(rfc, "", err)
	}
	return cred, nil
}
