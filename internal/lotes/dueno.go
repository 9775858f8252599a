package lotes

import (
	"context"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

// Quien is who asks.
type Quien struct {
	// ID is that of the API key to which what it makes belongs.
	ID string
	// Clave is its idempotency key, scoped to it, or empty.
	Clave string
	// Todo says that it may see and change what is anybody's: its key sees every RFC,
	// or it has brought the account that the SEP will judge.
	Todo bool
}

// suyo refuses a lote that q has not uploaded by this gateway.
func (s *Servicio) suyo(ctx context.Context, q Quien, numeroLote string) error {
	if q.Todo {
		return nil
	}
	dueno, known, err := s.ledger.Dueno(ctx, operacionCarga, numeroLote)
	if err != nil {
		return err
	}
	if !known || dueno != q.ID {
		return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnLoteAjeno, NoEnviada: true,
			Detail: "No hay tal lote entre los que cargó esta clave de API. Los de otra clave, y los que no cargó esta pasarela, son para una clave que alcance a todo RFC, o con la cuenta en " +
				"Backend-Authorization."}
	}
	return nil
}

// anota notes which titles a lote has, so that whoever uploaded it may cancel them.
func (s *Servicio) anota(ctx context.Context, numeroLote string, revision titulo.Revision) {
	folios := make([]string, 0, len(revision.Documentos))
	for _, d := range revision.Documentos {
		if d.FolioControl != "" {
			folios = append(folios, d.FolioControl)
		}
	}
	if err := s.ledger.AnotaTitulos(ctx, numeroLote, folios); err != nil {
		// The lote is at the SEP all the same; its titles are for a key that sees all.
		zerolog.Ctx(ctx).Error().Err(err).Str("lote", numeroLote).Msg("the titles of a lote could not be noted")
	}
}

// registrado refuses to cancel a title unless a lote of q has registered it. That it
// was uploaded says nothing: anybody can upload another's title, which the SEP then
// finds registered before.
func (s *Servicio) registrado(ctx context.Context, cuenta gateway.CuentaSEP, q Quien, folio string) error {
	if q.Todo {
		return nil
	}
	lotes, err := s.ledger.LotesDeTitulo(ctx, folio)
	if err != nil {
		return err
	}
	var failed error
	for _, numero := range lotes {
		if s.suyo(ctx, q, numero) != nil {
			continue
		}
		ok, err := s.registra(ctx, cuenta, numero, folio)
		if ok {
			return nil
		}
		if err != nil {
			failed = err
		}
	}
	if failed != nil {
		e := *gateway.AsError(failed)
		e.NoEnviada = true
		return &e
	}
	return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnTituloAjeno, NoEnviada: true,
		Detail: "No hay tal título entre los que registró esta clave de API. Los de otra clave, y los que no cargó esta pasarela, los cancela una clave que alcance a todo RFC, o quien envíe la cuenta en " +
			"Backend-Authorization."}
}

// registra reports whether the SEP says that a lote registered the title of a folio.
func (s *Servicio) registra(ctx context.Context, cuenta gateway.CuentaSEP, numero, folio string) (bool, error) {
	resultado, err := s.procesado(ctx, cuenta, numero)
	if err != nil {
		return false, err
	}
	defer resultado.Close()
	lectura, err := resultado.Lee()
	if err != nil {
		return false, err
	}
	for _, t := range lectura.Titulos {
		if strings.TrimSpace(t.FolioControl) == folio && t.Resultado == Registrado {
			return true, nil
		}
	}
	return false, nil
}
