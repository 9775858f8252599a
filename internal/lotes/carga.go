package lotes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

// The ledger's names of what is sent.
const (
	operacionCarga   = "sep.carga"
	operacionCancela = "sep.cancela"
)

// Carga checks a file and uploads it once. clave is the caller's idempotency
// key, scoped to the caller, or empty; see ledger.Once.
func (s *Servicio) Carga(ctx context.Context, cuenta gateway.CuentaSEP, clave string, a *Archivo) (gateway.LoteCargado, bool, error) {
	revision, err := titulo.RevisaArchivo(a.Section(), a.size, a.Nombre)
	if err != nil {
		return gateway.LoteCargado{}, false, interno(err)
	}
	if titulo.HayErrores(revision.Problemas) {
		return gateway.LoteCargado{}, false, Rechazo(revision.Problemas)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, a.Section()); err != nil {
		return gateway.LoteCargado{}, false, interno(err)
	}
	m := ledger.Message{Operacion: operacionCarga, Clave: clave, Consejo: "Un lote que se carga dos veces no daña: los títulos ya registrados vuelven como ya_registrado.",
		Criterios: fmt.Sprintf("%q|%q|%s", cuenta.Usuario, a.Nombre, hex.EncodeToString(hash.Sum(nil)))}
	never := func(gateway.LoteCargado) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.LoteCargado, error) {
		return s.sep.Carga(ctx, cuenta, a.Nombre, a.Section())
	})
}

// Rechazo is the refusal of a file or of titles with errors among problemas.
func Rechazo(problemas []titulo.Problema) error {
	e := &gateway.Error{Kind: gateway.KindInvalida, NoEnviada: true,
		Detail: "No se envió nada a la SEP porque lo rechazaría. Corrija lo indicado en errores."}
	for _, p := range problemas {
		if p.Nivel != titulo.NivelError {
			continue
		}
		campo := p.Ruta
		if p.Archivo != "" {
			campo = p.Archivo + "#" + p.Ruta
		}
		e.Campos = append(e.Campos, gateway.Campo{Campo: campo, Detalle: p.Detalle, ValoresValidos: p.ValoresValidos})
	}
	return e
}

// Cancela cancels a title once.
func (s *Servicio) Cancela(ctx context.Context, cuenta gateway.CuentaSEP, clave string, c gateway.Cancelacion) (gateway.CancelacionHecha, bool, error) {
	if err := c.Validate(); err != nil {
		return gateway.CancelacionHecha{}, false, err
	}
	m := ledger.Message{Operacion: operacionCancela, Clave: clave, Consejo: "Un título que ya está cancelado no se cancela de nuevo: la SEP responde que no lo encuentra.",
		Criterios: fmt.Sprintf("%q|%q|%q|%q", cuenta.Usuario, c.FolioControl, c.Motivo, c.CveInstitucion)}
	never := func(gateway.CancelacionHecha) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.CancelacionHecha, error) {
		return s.sep.Cancela(ctx, cuenta, c)
	})
}
