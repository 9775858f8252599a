package lotes

import (
	"context"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// Who is the caller.
type Who struct {
	// ID is the ID of the API key that owns what the caller makes.
	ID string
	// Key is the caller's idempotency key, prefixed by the caller, or empty.
	Key string
	// All reports that the caller may see and change everything: its key has every RFC,
	// or it brought its own account, which the SEP authorizes.
	All bool
}

// its refuses a lote that q has not uploaded through this gateway.
func (s *Servicio) its(ctx context.Context, q Who, numeroLote string) error {
	if q.All {
		return nil
	}
	owner, known, err := s.ledger.Owner(ctx, operationUpload, numeroLote)
	if err != nil {
		return err
	}
	if !known || owner != q.ID {
		return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnLoteAjeno, Unsent: true,
			Detail: "No hay tal lote entre los que cargó esta clave de API. Los de otra clave, y los que no cargó esta pasarela, son para una clave que alcance a todo RFC, o con la cuenta en " +
				"Backend-Authorization."}
	}
	return nil
}

// record records the titles of a lote, so that its uploader may cancel them.
func (s *Servicio) record(ctx context.Context, numeroLote string, revision titulo.Revision) {
	folios := make([]string, 0, len(revision.Documents))
	for _, d := range revision.Documents {
		if d.FolioControl != "" {
			folios = append(folios, d.FolioControl)
		}
	}
	if err := s.ledger.RecordTitulos(ctx, numeroLote, folios); err != nil {
		// The SEP has the lote all the same; only a key with every RFC can then cancel
		// its titles.
		zerolog.Ctx(ctx).Error().Err(err).Str("lote", numeroLote).Msg("the titles of a lote could not be noted")
	}
}

// registered refuses to cancel a title unless a lote of q registered it. An upload proves
// nothing: anybody can upload another's title, and the SEP then answers that it is
// already registered.
func (s *Servicio) registered(ctx context.Context, cuenta gateway.CuentaSEP, q Who, folio string) error {
	if q.All {
		return nil
	}
	lotes, err := s.ledger.TituloLotes(ctx, folio)
	if err != nil {
		return err
	}
	var failed error
	for _, number := range lotes {
		if s.its(ctx, q, number) != nil {
			continue
		}
		ok, err := s.register(ctx, cuenta, number, folio)
		if ok {
			return nil
		}
		if err != nil {
			failed = err
		}
	}
	if failed != nil {
		e := *gateway.AsError(failed)
		e.Unsent = true
		return &e
	}
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnTituloAjeno, Unsent: true,
		Detail: "No hay tal título entre los que registró esta clave de API. Los de otra clave, y los que no cargó esta pasarela, los cancela una clave que alcance a todo RFC, o quien envíe la cuenta en " +
			"Backend-Authorization."}
}

// register reports whether the SEP says that a lote registered the title of a folio.
func (s *Servicio) register(ctx context.Context, cuenta gateway.CuentaSEP, number, folio string) (bool, error) {
	result, err := s.processed(ctx, cuenta, number)
	if err != nil {
		return false, err
	}
	defer result.Close()
	reading, err := result.Read()
	if err != nil {
		return false, err
	}
	for _, t := range reading.Titulos {
		if strings.TrimSpace(t.FolioControl) == folio && t.Result == Registrado {
			return true, nil
		}
	}
	return false, nil
}
