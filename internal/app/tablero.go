package app

import (
	"context"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/web/dashboard"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// dashboard wires the page of the descargas.
func (a *App) dashboard() (http.Handler, error) {
	return dashboard.New(dashboard.Config{
		Descargas: a.view,
		EFirmas:   a.efirmasInView, Webhooks: a.webhooksInFalla,
		Now: a.opts.Now, Log: a.opts.Log,
	})
}

func (a *App) efirmasInView() ([]dashboard.EFirma, error) {
	all, err := a.efirmas.List()
	if err != nil {
		return nil, err
	}
	out := make([]dashboard.EFirma, len(all))
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

func (a *App) webhooksInFalla(ctx context.Context, limit int) ([]dashboard.Webhook, error) {
	rows, err := a.store.Webhooks.InFalla(ctx, webhooks.MotivoWithdrawal, limit)
	out := make([]dashboard.Webhook, len(rows))
	for i, w := range rows {
		out[i] = dashboard.Webhook{Host: w.Host, Withdrawn: w.Motivo == webhooks.MotivoWithdrawal, Pending: w.Pending, Next: w.Next}
	}
	return out, err
}
