// Package firmado obtains the PAC's countersignature of a contract at most once and
// stores the answer. The PAC neither signs a contract twice nor returns a signed one
// again.
//
// It refuses a contract whose seals do not hold, and a real signature unless the
// configuration says production. It always returns what the PAC delivered as signed, and
// says if that is not the contract that was sent.
package firmado

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
)

// The ledger's operations: for a contract, and for a caller's key.
const (
	operationFirma = "pade.firma"
	operationKey   = "pade.firma.clave"
)

// codAlreadySigned is the PAC's code for a contract that is already signed.
const codAlreadySigned = "2"

// Servicio signs contracts through the PAC's port.
type Servicio struct {
	pac        gateway.Signed
	ledger     *ledger.Ledger
	production bool
}

// New returns the service. Unless production, it sends no real signature.
func New(pac gateway.Signed, l *ledger.Ledger, production bool) *Servicio {
	return &Servicio{pac: pac, ledger: l, production: production}
}

// Document is a contract as it goes to the PAC.
type Document struct {
	XML []byte
	// read is what it says, once it has been read and found valid.
	read *contrato.Contrato
}

// Request is a contract to be signed.
type Request struct {
	Operation gateway.FirmaOperation
	Cuenta    gateway.CuentaPADE
	// Key is the caller's idempotency key, prefixed by the caller, or empty.
	Key        string
	Contrato   Document
	ModoPrueba bool
	// Path is the request's field with the contract.
	Path string
	// OnlyForm allows Sellos of unknown form.
	OnlyForm bool
}

// Firma obtains the signature of p, or answers from the record. A contract is presented
// once, whatever its keys, and the answer is stored before it is returned. After a lost
// answer it is presented once more, which is safe: the PAC refuses what it has already
// signed.
func (s *Servicio) Firma(ctx context.Context, p Request) (gateway.ContratoFirmado, bool, error) {
	if !p.ModoPrueba && !s.production {
		return gateway.ContratoFirmado{}, false, &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnFirmaRealCerrada, Unsent: true,
			Detail: "Una firma real (modoPrueba false) solo sale con GATEWAY_PADE_AMBIENTE=produccion. Use modoPrueba true para ensayar."}
	}
	p, err := p.known()
	if err != nil {
		return gateway.ContratoFirmado{}, false, err
	}
	got, replayed, err := s.keyed(ctx, p, identity(p))
	if err != nil && len(got.XML) > 0 {
		// The document was recorded together with the refusal.
		got.Motivo, err = gateway.AsError(err).Detail, nil
	}
	return got, replayed, err
}

// keyed obtains the signature under the caller's key, if there is one.
func (s *Servicio) keyed(ctx context.Context, p Request, identity string) (gateway.ContratoFirmado, bool, error) {
	if p.Key == "" {
		return s.once(ctx, p, identity)
	}
	again := false
	m := ledger.Message{Operation: operationKey, Key: p.Key, Criterios: identity, Free: true}
	got, replayed, err := ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.ContratoFirmado, error) {
		var got gateway.ContratoFirmado
		var err error
		got, again, err = s.once(ctx, p, identity)
		return got, err
	})
	return got, replayed || again, err
}

func never(gateway.ContratoFirmado) bool { return false }

// known returns p with its contract read. What Build made is known already.
func (p Request) known() (Request, error) {
	if p.Contrato.read != nil {
		return p, nil
	}
	c, err := contrato.Read(p.Contrato.XML)
	if err != nil {
		return p, invalid(p.Path, err)
	}
	if fields := contrato.Validate(c, p.Operation); len(fields) > 0 {
		return p, refused(p.Path, fields, "")
	}
	p.Contrato.read = &c
	return p, nil
}

// identity returns the identity of p's contract, whoever sends it and in whatever form.
func identity(p Request) string {
	return p.Cuenta.User + "|" + p.Cuenta.Contrato + "|" + contrato.Identity(*p.Contrato.read, p.Operation, p.ModoPrueba)
}

// verified refuses a contract whose Sellos do not hold, because the PAC's signature on it
// cannot be undone.
func verified(p Request) error {
	if p.OnlyForm {
		return nil
	}
	if fields := contrato.Sellos(*p.Contrato.read); len(fields) > 0 {
		return refused(p.Path, fields, " Si Prodigia le pide el sello de otra manera, mándelo con comprobar=forma.")
	}
	return nil
}

// once presents the contract if no answer is on record.
func (s *Servicio) once(ctx context.Context, p Request, identity string) (gateway.ContratoFirmado, bool, error) {
	m := mensaje(identity)
	lost, err := s.ledger.Lost(ctx, m.Operation, m.Key)
	if err != nil {
		return gateway.ContratoFirmado{}, false, err
	}
	m.Rest = func(err error) ledger.Rest {
		switch {
		case lost && alreadySigned(err):
			return ledger.Definitiva
		case lost:
			return ledger.Perdida
		}
		return ledger.Nothing
	}
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.ContratoFirmado, error) {
		// Checked here, so that a recorded answer is returned whatever its Sellos are.
		if err := verified(p); err != nil {
			return gateway.ContratoFirmado{}, err
		}
		got, err := s.present(ctx, p)
		if gateway.IsKind(err, gateway.KindResultadoDesconocido) {
			// The answer was lost: one repeat shows whether the PAC signed it.
			lost = true
			got, err = s.present(ctx, p)
		}
		if lost {
			err = afterLoss(err)
		}
		return got, err
	})
}

// mensaje returns the ledger's message for a contract.
func mensaje(identity string) ledger.Message {
	sum := sha256.Sum256([]byte(identity))
	return ledger.Message{Operation: operationFirma, Key: hex.EncodeToString(sum[:]), Criterios: identity, Free: true,
		Hint: "Repítala: Prodigia no firma dos veces el mismo contrato."}
}

// present makes one call and checks whether the returned document is the one that was
// sent, with the PAC's signature. If so it is returned whatever else the answer says. Any
// other document is returned if the answer says that it was signed: it may be the only
// copy, and the caller decides what it is worth.
func (s *Servicio) present(ctx context.Context, p Request) (gateway.ContratoFirmado, error) {
	got, err := s.pac.Firma(ctx, p.Operation, p.Cuenta, p.Contrato.XML, p.ModoPrueba)
	if err != nil && len(got.XML) == 0 {
		return gateway.ContratoFirmado{}, err
	}
	motivo := difference(*p.Contrato.read, got.XML)
	if err != nil && motivo != "" {
		return gateway.ContratoFirmado{}, err
	}
	if got.Motivo = cmp.Or(got.Motivo, motivo); got.Motivo != "" {
		zerolog.Ctx(ctx).Warn().Str("motivo", got.Motivo).Msg("pade: what was delivered as signed is not the contract that was sent, countersigned")
		got.Motivo += " Prodigia dice que firmó: guarde el documento, y no dé el contrato por firmado sin aclararlo con su soporte."
	}
	return got, nil
}

// difference explains in Spanish why the document is not before with one more Firma;
// empty if it is.
func difference(before contrato.Contrato, document []byte) string {
	after, err := contrato.ReadReceived(document)
	if err != nil {
		return "El documento no se puede leer. " + gateway.AsError(err).Detail
	}
	if err := contrato.Contramada(before, after); err != nil {
		return err.Error()
	}
	return ""
}

func alreadySigned(err error) bool {
	var e *gateway.Error
	return errors.As(err, &e) && e.Codigo == codAlreadySigned
}

// afterLoss changes the PAC's "already signed" after a call whose answer was lost: that
// call signed the contract, and the document is lost.
func afterLoss(err error) error {
	if !alreadySigned(err) {
		return err
	}
	known := *gateway.AsError(err)
	known.Detail = "El contrato quedó firmado: lo firmó una llamada anterior de esta pasarela cuya respuesta se perdió, y Prodigia no entrega otra vez el documento. Pídalo a su soporte; no es necesario volver a firmar."
	return &known
}
