// Package pade calls the PAC Prodigia's services, Addendas and Signed, through the stubs
// in gen/soap/pade. It sends the form that a JAX-WS runtime understands, learns the
// namespaces that no document gives, reads the document inside each answer, and keeps an
// account that was refused once from being refused again. It does not judge contracts and
// invoices: contrato and addenda do.
package pade

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/hooklift/gowsdl/soap"

	"github.com/pasarela-mx/pasarela/gen/soap/pade/addendas"
	"github.com/pasarela-mx/pasarela/gen/soap/pade/firmado"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/soap/outcome"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

// backend is this system's label in errors, logs and metrics.
const backend = "pade"

var (
	_ gateway.Addendas = (*Client)(nil)
	_ gateway.Signed   = (*Client)(nil)
)

// Endpoint is one service: its address, and its namespace if known.
type Endpoint struct{ URL, Namespace string }

// Config configures a Client.
type Config struct{ Addendas, Signed Endpoint }

// Client implements the PAC's ports.
type Client struct {
	addendas, signed *service
	addendasStub     addendas.IntegracionAddendas
	signedStub       firmado.FirmarContrato
	cuentas          *cuentas
}

// New returns a client that calls through doer, a transport.Doer, and reads the services'
// WSDLs through base.
func New(cfg Config, doer soap.HTTPClient, base http.RoundTripper) *Client {
	stub := func(url string) *soap.Client { return soap.NewClient(url, soap.WithHTTPClient(doer)) }
	return &Client{
		addendas:     &service{url: plain(cfg.Addendas.URL), namespace: cfg.Addendas.Namespace, setting: "GATEWAY_PADE_ADDENDAS_NAMESPACE", base: base},
		signed:       &service{url: plain(cfg.Signed.URL), namespace: cfg.Signed.Namespace, setting: "GATEWAY_PADE_FIRMADO_NAMESPACE", base: base},
		addendasStub: addendas.NewIntegracionAddendas(stub(plain(cfg.Addendas.URL))),
		signedStub:   firmado.NewFirmarContrato(stub(plain(cfg.Signed.URL))),
		cuentas:      newCuentas(),
	}
}

// plain removes a ?wsdl that was copied with the address.
func plain(url string) string {
	address, _, _ := strings.Cut(url, "?")
	return address
}

// LetGo allows the refused accounts of de (gateway.CuentaPADE.De) again and returns their
// number.
func (c *Client) LetGo(de string) int { return c.cuentas.free(de) }

// LetGoAll allows every refused account again.
func (c *Client) LetGoAll() { c.cuentas.freeAll() }

// Stopped reports whether the configured account was refused.
func (c *Client) Stopped() bool { return c.cuentas.stopped("") }

// Refused counts the accounts that wait for LetGo.
func (c *Client) Refused() int { return c.cuentas.count() }

// Process turns data into an addenda (pade.md §3.2).
func (c *Client) Process(ctx context.Context, cuenta gateway.CuentaPADE, data string) (gateway.AddendaProcesada, error) {
	return c.addenda(ctx, "procesarAddenda", cuenta, func(ctx context.Context) (string, error) {
		r, err := c.addendasStub.ProcesarAddendaContext(ctx, &addendas.ProcesarAddenda{
			Contrato: cuenta.Contrato, Usuario: cuenta.User, Passwd: cuenta.Password, Datos: data})
		if err != nil {
			return "", err
		}
		return r.Return_, nil
	})
}

// Attach attaches the addenda of data to cfdi (pade.md §3.2).
func (c *Client) Attach(ctx context.Context, cuenta gateway.CuentaPADE, data, cfdi string) (gateway.AddendaProcesada, error) {
	return c.addenda(ctx, "procesarAdjuntarAddenda", cuenta, func(ctx context.Context) (string, error) {
		r, err := c.addendasStub.ProcesarAdjuntarAddendaContext(ctx, &addendas.ProcesarAdjuntarAddenda{
			Contrato: cuenta.Contrato, Usuario: cuenta.User, Passwd: cuenta.Password, Datos: data, Xmlcfdi: cfdi})
		if err != nil {
			return "", err
		}
		return r.Return_, nil
	})
}

func (c *Client) addenda(ctx context.Context, name string, cuenta gateway.CuentaPADE, call func(context.Context) (string, error)) (gateway.AddendaProcesada, error) {
	ctx, op, err := c.prepare(ctx, c.addendas, name, true, nil)
	if err != nil {
		return gateway.AddendaProcesada{}, err
	}
	var out gateway.AddendaProcesada
	err = c.cuentas.use(ctx, cuenta, func() (bool, error) {
		inner, err := call(ctx)
		if err != nil {
			return false, c.addendas.failure(op, err)
		}
		f, err := read(inner)
		if err != nil && f["xmlbase64"] == "" {
			return false, unreadable(err)
		}
		out = gateway.AddendaProcesada{ID: f["id"], Contrato: f["contrato"], Codigo: strings.TrimSpace(f["codigo"]), Mensaje: transport.PublicText(f["mensaje"], "")}
		if out.Codigo != codDone {
			e, credentials := refusal(CodigosAddendas(), out.Codigo, f["mensaje"])
			return credentials, e
		}
		if out.XML, err = document(f["xmlbase64"]); err != nil {
			return false, unreadable(err)
		}
		return false, nil
	})
	return out, err
}

// Firma presents a Contrato once (pade.md §3.3). A document that came with a refusal is
// returned with it. The literal of modoPrueba is checked in the outgoing bytes, because
// any other value would make a real signature.
func (c *Client) Firma(ctx context.Context, operation gateway.FirmaOperation, cuenta gateway.CuentaPADE, contrato []byte, modoPrueba bool) (gateway.ContratoFirmado, error) {
	literal := strconv.FormatBool(modoPrueba)
	ctx, op, err := c.prepare(ctx, c.signed, string(operation), false, func(envelope []byte) error {
		if bytes.Count(envelope, []byte("<modoPrueba>"+literal+"</modoPrueba>")) != 1 || bytes.Count(envelope, []byte("modoPrueba")) != 2 {
			return errTrialMode
		}
		return nil
	})
	if err != nil {
		return gateway.ContratoFirmado{}, err
	}
	if !operation.WithCuenta() {
		cuenta = gateway.CuentaPADE{}
	}
	var out gateway.ContratoFirmado
	call := func() (bool, error) {
		inner, err := c.present(ctx, operation, cuenta, base64.StdEncoding.EncodeToString(contrato), literal)
		if err != nil {
			if inner = delivered(err); inner == "" {
				return false, c.signed.failure(op, err)
			}
		}
		var refused bool
		out, refused, err = signed(op, inner)
		return refused, err
	}
	if operation.WithCuenta() {
		err = c.cuentas.use(ctx, cuenta, call)
	} else {
		_, err = call()
	}
	return out, err
}

var errTrialMode = errors.New("pade: modoPrueba is not in the envelope as it must be")

func (c *Client) present(ctx context.Context, operation gateway.FirmaOperation, cuenta gateway.CuentaPADE, xml, modoPrueba string) (string, error) {
	switch operation {
	case gateway.FirmaManifiesto:
		r, err := c.signedStub.FirmarManifiestoContext(ctx, &firmado.FirmarManifiesto{Xml: xml, ModoPrueba: modoPrueba})
		if err != nil {
			return "", err
		}
		return r.Return_, nil
	case gateway.FirmaAdhesion:
		r, err := c.signedStub.FirmarContratoAdhesionContext(ctx, &firmado.FirmarContratoAdhesion{Xml: xml, ModoPrueba: modoPrueba})
		if err != nil {
			return "", err
		}
		return r.Return_, nil
	}
	r, err := c.signedStub.FirmarContext(ctx, &firmado.Firmar{
		Contrato: cuenta.Contrato, Usuario: cuenta.User, Passwd: cuenta.Password, Xml: xml, ModoPrueba: modoPrueba})
	if err != nil {
		return "", err
	}
	return r.Return_, nil
}

// signed reads Signed's inner document. Success is firmaOk, code 0 and a document, even
// one that cannot be decoded. An answer without a document may still have been a
// signature.
func signed(op *transport.Operation, inner string) (gateway.ContratoFirmado, bool, error) {
	f, err := read(inner)
	if err != nil && f["xmlbase64"] == "" {
		e := System().Unclear(op, "la respuesta de Prodigia no se entiende, así que no dice si firmó.")
		e.Err = err
		return gateway.ContratoFirmado{}, false, e
	}
	out := gateway.ContratoFirmado{Codigo: strings.TrimSpace(f["codigoresultado"]), Mensaje: transport.PublicText(f["mensajeresultado"], ""), FechaFirma: strings.TrimSpace(f["fechafirma"])}
	out.XML, err = document(f["xmlbase64"])
	if out.Codigo != codDone {
		e, credentials := refusal(SignedCodigos(), out.Codigo, f["mensajeresultado"])
		return out, credentials, e
	}
	if !signedBy(f["firmaok"]) || len(out.XML) == 0 {
		e := System().Unclear(op, "la respuesta de Prodigia no se entiende, así que no dice si firmó.")
		e.Codigo, e.Mensaje, e.Err = out.Codigo, out.Mensaje, errors.Join(errAnswer, err)
		return out, false, e
	}
	if err != nil {
		out.Motivo = "Lo que entregó Prodigia como documento no es base64, y va tal como llegó."
	}
	return out, false, nil
}

// signedBy parses firmaOk, an XML Schema boolean whose spelling by the PAC varies.
func signedBy(firmaOk string) bool {
	firmaOk = strings.TrimSpace(firmaOk)
	return firmaOk == "1" || strings.EqualFold(firmaOk, "true")
}

// prepare returns the context of one call.
func (c *Client) prepare(ctx context.Context, s *service, name string, repeatable bool, check func([]byte) error) (context.Context, *transport.Operation, error) {
	known, err := s.contract(ctx)
	if err != nil {
		return ctx, nil, err
	}
	if !known.offers(name) {
		return ctx, nil, &gateway.Error{Kind: gateway.KindNoOfrecida, Own: gateway.OwnOperacionAusente, Backend: backend, Unsent: true,
			Detail: "El servicio de Prodigia no ofrece la operación " + name + "; ofrece " + clip(strings.Join(known.operations, ", ")) + "."}
	}
	op := newOperation(name, known.of(name), s, repeatable)
	return transport.WithCall(ctx, &transport.Call{Operation: op, Check: check}), op, nil
}

// System returns the PAC's name and texts for failures.
func System() outcome.System {
	return outcome.System{Backend: backend, Name: "Prodigia", Settings: "GATEWAY_PADE_*_URL", Again: true,
		Unknown: func(*transport.Operation) string {
			return "Prodigia puede haber firmado el contrato. Repita la misma petición: Prodigia no firma dos veces el mismo contrato y la pasarela dirá en qué quedó."
		}}
}
