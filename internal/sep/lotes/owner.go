package lotes

import (
	"context"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// Who is who asks.
type Who struct {
	// ID is that of the API key to which what it makes belongs.
	ID string
	// Key is its idempotency key, scoped to it, or empty.
	Key string
	// All says that it may see and change what is anybody's: its key sees every RFC,
	// or it has brought the account that the SEP will judge.
	All bool
}

// its refuses a lote that q has not uploaded by this gateway.
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

// record notes which titles a lote has, so that whoever uploaded it may cancel them.
func (s *Servicio) record(ctx context.Context, numeroLote string, revision titulo.Revision) {
	folios := make([]string, 0, len(revision.Documents))
	for _, d := range revision.Documents {
		if d.FolioControl != "" {
			folios = append(folios, d.FolioControl)
		}
	}
	if err := s.ledger.RecordTitulos(ctx, numeroLote, folios); err != nil {
		// The lote is at the SEP all the same; its titles are for a key that sees all.
		zerolog.Ctx(ctx).Error().Err(err).Str("lote", numeroLote).Msg("the titles of a lote could not be noted")
	}
}

// registered refuses to cancel a title unless a lote of q has registered it. That it
// was uploaded says nothing: anybody can upload another's title, which the SEP then
// finds registered before.
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
