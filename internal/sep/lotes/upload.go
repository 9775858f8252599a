package lotes

import (
	"context"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// The ledger's operations.
const (
	operationUpload = "sep.carga"
	operationCancel = "sep.cancela"
)

// Check is how thoroughly a file is checked before it is sent.
type Check string

const (
	// Completa refuses everything that Validate finds wrong, such as a sello that does
	// not hold.
	Completa Check = "completa"
	// Forma refuses only a file without titles, or with unreadable ones. It is for titles
	// that the SEP is to judge, and for those that Issue has checked.
	Forma Check = "forma"
)

// criteriosUpload and cancelCriterios return the text by which the ledger compares
// messages.
func criteriosUpload(user, name string, sum []byte) string {
	return fmt.Sprintf("%q|%q|%x", user, name, sum)
}

func cancelCriterios(user string, c gateway.Cancelacion) string {
	return fmt.Sprintf("%q|%q|%q|%q", user, c.FolioControl, c.Motivo, c.CveInstitucion)
}

// Upload checks a file and uploads it once; see ledger.Once.
func (s *Servicio) Upload(ctx context.Context, cuenta gateway.CuentaSEP, q Who, a *File, c Check) (gateway.LoteCargado, bool, error) {
	revision, err := s.check(a, c)
	if err != nil {
		return gateway.LoteCargado{}, false, err
	}
	if titulo.HasErrors(revision.Problems) {
		return gateway.LoteCargado{}, false, refusal(revision)
	}
	m := ledger.Message{Operation: operationUpload, Key: q.Key, Owner: q.ID, Hint: "Cargue el archivo otra vez, con otra Idempotency-Key. Un lote que se carga dos veces no daña: los títulos ya registrados vuelven como ya_registrado.",
		Criterios: criteriosUpload(cuenta.User, a.Name, a.sum)}
	never := func(gateway.LoteCargado) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.LoteCargado, error) {
		got, err := s.sep.Upload(ctx, cuenta, a.Name, a.Section())
		if err == nil {
			s.record(ctx, got.NumeroLote, revision)
		}
		return got, err
	})
}

func (s *Servicio) check(a *File, c Check) (titulo.Revision, error) {
	if c != Forma {
		return s.Validate(a)
	}
	revision, err := titulo.CheckFile(a.Section(), a.size, a.Name)
	if err != nil {
		return titulo.Revision{}, internal(err)
	}
	return revision, nil
}

// refusal returns the refusal of a file with errors. Each error names its entry and
// title.
func refusal(revision titulo.Revision) error {
	e := &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnLoteRechazable, Unsent: true,
		Detail: "No se envió nada a la SEP porque lo rechazaría. Corrija lo indicado en errores; si cree que la SEP sí admite la forma, mándelo con comprobar=forma."}
	folios := make(map[string]string, len(revision.Documents))
	for _, d := range revision.Documents {
		folios[d.File] = d.FolioControl
	}
	for _, p := range revision.Problems {
		if p.Nivel != titulo.NivelError {
			continue
		}
		field, detail := p.Ruta, p.Detalle
		if p.Archivo != "" {
			field = p.Archivo + "#" + p.Ruta
		}
		if folio := folios[p.Archivo]; folio != "" && p.Ruta != "nombreArchivo" {
			detail = "Título " + gateway.Clip(folio, 200) + ": " + detail
		}
		e.Fields = append(e.Fields, gateway.Field{Campo: field, Detalle: detail, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
	}
	return e
}

// Cancel cancels, once, a title that q has registered.
func (s *Servicio) Cancel(ctx context.Context, cuenta gateway.CuentaSEP, q Who, c gateway.Cancelacion) (gateway.DoneCancelacion, bool, error) {
	if err := c.Validate(); err != nil {
		return gateway.DoneCancelacion{}, false, err
	}
	m := ledger.Message{Operation: operationCancel, Key: q.Key, Owner: q.ID, Hint: "Cancélelo otra vez, con otra Idempotency-Key. Un título que ya está cancelado no se cancela de nuevo: la SEP responde que no lo encuentra.",
		Criterios: cancelCriterios(cuenta.User, c)}
	never := func(gateway.DoneCancelacion) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.DoneCancelacion, error) {
		if err := s.registered(ctx, cuenta, q, c.FolioControl); err != nil {
			return gateway.DoneCancelacion{}, err
		}
		return s.sep.Cancel(ctx, cuenta, c)
	})
}
