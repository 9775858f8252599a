// Package firmado gets a contract countersigned by the PAC at most once, and
// keeps the answer: a second one cannot be had, as the PAC neither signs a
// contract twice nor gives a signed one again.
//
// It refuses a contract that is not what it says, and a real signature where the
// configuration does not say production. What the PAC delivers as signed it always
// hands out, and says when that is not the contract that was sent.
package firmado

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/contrato"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
)

// The ledger's names: of a contract, and of a caller's key.
const (
	operacionFirma = "pade.firma"
	operacionClave = "pade.firma.clave"
)

// codYaFirmado is the PAC's code for a contract that was signed before.
const codYaFirmado = "2"

// Servicio is the signing of contracts over the PAC's port.
type Servicio struct {
	pac        gateway.Firmado
	ledger     *ledger.Ledger
	produccion bool
}

// New returns the service. Without produccion no real signature leaves.
func New(pac gateway.Firmado, l *ledger.Ledger, produccion bool) *Servicio {
	return &Servicio{pac: pac, ledger: l, produccion: produccion}
}

// Peticion is a contract to be signed.
type Peticion struct {
	Operacion gateway.OperacionFirma
	Cuenta    gateway.CuentaPADE
	// Clave is the caller's idempotency key, scoped to the caller, or empty.
	Clave      string
	Contrato   []byte // the XML
	ModoPrueba bool
	// Ruta is the field of the request that the contract came in.
	Ruta string
	// SoloForma lets sellos pass that are of no form known.
	SoloForma bool
}

// Firma gets p signed, or answers from the record: the same contract, by
// whatever key, is presented once, and its answer is kept before anybody gets
// it. After a lost answer it is presented once more, which is safe, as the PAC
// refuses what it has signed.
func (s *Servicio) Firma(ctx context.Context, p Peticion) (gateway.ContratoFirmado, bool, error) {
	if !p.ModoPrueba && !s.produccion {
		return gateway.ContratoFirmado{}, false, &gateway.Error{Kind: gateway.KindProhibido, Own: gateway.OwnFirmaRealCerrada, NoEnviada: true,
			Detail: "Una firma real (modoPrueba false) solo sale con GATEWAY_PADE_AMBIENTE=produccion. Use modoPrueba true para ensayar."}
	}
	identidad, err := s.identidad(p)
	if err != nil {
		return gateway.ContratoFirmado{}, false, err
	}
	got, replayed, err := s.keyed(ctx, p, identidad)
	if err != nil && len(got.XML) > 0 {
		// On record beside a refusal, from when it was withheld.
		got.Motivo, err = gateway.AsError(err).Detail, nil
	}
	return got, replayed, err
}

// keyed gets p signed under the caller's key, if there is one.
func (s *Servicio) keyed(ctx context.Context, p Peticion, identidad string) (gateway.ContratoFirmado, bool, error) {
	if p.Clave == "" {
		return s.once(ctx, p, identidad)
	}
	again := false
	m := ledger.Message{Operacion: operacionClave, Clave: p.Clave, Criterios: identidad, Libre: true}
	got, replayed, err := ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.ContratoFirmado, error) {
		var got gateway.ContratoFirmado
		var err error
		got, again, err = s.once(ctx, p, identidad)
		return got, err
	})
	return got, replayed || again, err
}

func never(gateway.ContratoFirmado) bool { return false }

// identidad says which contract p is, whoever sends it and in whatever form.
func (s *Servicio) identidad(p Peticion) (string, error) {
	c, err := contrato.Lee(p.Contrato)
	if err != nil {
		return "", invalido(p.Ruta, err)
	}
	if campos := contrato.Valida(c, p.Operacion); len(campos) > 0 {
		return "", rechazado(p.Ruta, campos, "")
	}
	return p.Cuenta.Usuario + "|" + p.Cuenta.Contrato + "|" + contrato.Identidad(c, p.Operacion, p.ModoPrueba), nil
}

// verificado refuses a contract whose sellos do not hold: the PAC's signature on it
// cannot be undone.
func verificado(p Peticion) error {
	if p.SoloForma {
		return nil
	}
	c, err := contrato.Lee(p.Contrato)
	if err != nil {
		return invalido(p.Ruta, err)
	}
	if campos := contrato.Sellos(c); len(campos) > 0 {
		return rechazado(p.Ruta, campos, " Si Prodigia le pide el sello de otra manera, mándelo con comprobar=forma.")
	}
	return nil
}

// once presents the contract, if there is no answer on record.
func (s *Servicio) once(ctx context.Context, p Peticion, identidad string) (gateway.ContratoFirmado, bool, error) {
	m := mensaje(identidad)
	lost, err := s.ledger.Lost(ctx, m.Operacion, m.Clave)
	if err != nil {
		return gateway.ContratoFirmado{}, false, err
	}
	m.Resto = func(err error) ledger.Resto {
		switch {
		case lost && yaFirmado(err):
			return ledger.Definitiva
		case lost:
			return ledger.Perdida
		}
		return ledger.Nada
	}
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.ContratoFirmado, error) {
		// Here, so that what is on record is answered whatever its sellos are.
		if err := verificado(p); err != nil {
			return gateway.ContratoFirmado{}, err
		}
		got, err := s.present(ctx, p)
		if gateway.IsKind(err, gateway.KindResultadoDesconocido) {
			// The answer was lost: one repeat tells what became of it.
			lost = true
			got, err = s.present(ctx, p)
		}
		if lost {
			err = afterLoss(err)
		}
		return got, err
	})
}

// mensaje is the ledger's message of a contract.
func mensaje(identidad string) ledger.Message {
	sum := sha256.Sum256([]byte(identidad))
	return ledger.Message{Operacion: operacionFirma, Clave: hex.EncodeToString(sum[:]), Criterios: identidad, Libre: true,
		Consejo: "Repítala: Prodigia no firma dos veces el mismo contrato."}
}

// present makes one call and judges whether what came back is what was sent, with
// the PAC's signature. A document that is so is handed out whatever the answer says
// beside it; any other, if the answer says that it was signed: it may be the only
// copy, and whoever asked decides what it is worth.
func (s *Servicio) present(ctx context.Context, p Peticion) (gateway.ContratoFirmado, error) {
	got, err := s.pac.Firma(ctx, p.Operacion, p.Cuenta, p.Contrato, p.ModoPrueba)
	if err != nil && len(got.XML) == 0 {
		return gateway.ContratoFirmado{}, err
	}
	motivo := diferencia(p.Contrato, got.XML)
	if err != nil && motivo != "" {
		return gateway.ContratoFirmado{}, err
	}
	if got.Motivo = cmp.Or(got.Motivo, motivo); got.Motivo != "" {
		zerolog.Ctx(ctx).Warn().Str("motivo", got.Motivo).Msg("pade: what was delivered as signed is not the contract that was sent, countersigned")
		got.Motivo += " Prodigia dice que firmó: guarde el documento, y no dé el contrato por firmado sin aclararlo con su soporte."
	}
	return got, nil
}

// diferencia says why despues is not antes with one more Firma, in Spanish; empty
// when it is.
func diferencia(antes, despues []byte) string {
	a, err := contrato.Lee(antes)
	if err != nil {
		return err.Error()
	}
	b, err := contrato.LeeRecibido(despues)
	if err != nil {
		return "El documento no se puede leer. " + gateway.AsError(err).Detail
	}
	if err := contrato.Contramada(a, b); err != nil {
		return err.Error()
	}
	return ""
}

func yaFirmado(err error) bool {
	var e *gateway.Error
	return errors.As(err, &e) && e.Codigo == codYaFirmado
}

// afterLoss tells the PAC's "signed before" after a call of ours whose answer
// was lost from the same out of the blue: then we signed it, and the document is
// gone.
func afterLoss(err error) error {
	if !yaFirmado(err) {
		return err
	}
	known := *gateway.AsError(err)
	known.Detail = "El contrato quedó firmado: lo firmó una llamada anterior de esta pasarela cuya respuesta se perdió, y Prodigia no entrega otra vez el documento. Pídalo a su soporte; no es necesario volver a firmar."
	return &known
}
