package app

import (
	"context"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/backends/sat"
	"github.com/pasarela-mx/pasarela/internal/tablero"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// dashboard wires the page of the descargas.
func (a *App) dashboard() (http.Handler, error) {
	return tablero.New(tablero.Config{
		Descargas: a.descargas, DescribeCodigo: sat.Describe, DescribeEstado: sat.DescribeEstado,
		EFirmas: a.efirmasInView, Webhooks: a.webhooksInFalla,
		Now: a.opts.Now, Log: a.opts.Log,
	})
}

func (a *App) efirmasInView() ([]tablero.EFirma, error) {
	all, err := a.efirmas.List()
	if err != nil {
		return nil, err
	}
	out := make([]tablero.EFirma, len(all))
	for i, s := range all {
		out[i].RFC = s.RFC
		if s.Credential != nil {
			out[i].Expire = s.Credential.NotAfter
		}
		if s.Err != nil {
			out[i].Motivo = s.Err.Detail
		}
	}
	return out, nil
}

func (a *App) webhooksInFalla(ctx context.Context, limit int) ([]tablero.Webhook, error) {
	rows, err := a.store.WebhooksInFalla(ctx, webhooks.MotivoWithdrawal, limit)
	out := make([]tablero.Webhook, len(rows))
	for i, w := range rows {
		out[i] = tablero.Webhook{Host: w.Host, Withdrawn: w.Motivo == webhooks.MotivoWithdrawal, Pending: w.Pending, Next: w.Next}
	}
	return out, err
}
