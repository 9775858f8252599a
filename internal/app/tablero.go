package app

import (
	"context"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/backends/sat"
	"github.com/pasarela-mx/pasarela/internal/tablero"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// tablero wires the page of the descargas.
func (a *App) tablero() (http.Handler, error) {
	return tablero.New(tablero.Config{
		Descargas: a.descargas, DescribeCodigo: sat.Describe, DescribeEstado: sat.DescribeEstado,
		EFirmas: a.efirmasALaVista, Webhooks: a.webhooksEnFalla,
		Now: a.opts.Now, Log: a.opts.Log,
	})
}

func (a *App) efirmasALaVista() ([]tablero.EFirma, error) {
	todas, err := a.efirmas.List()
	if err != nil {
		return nil, err
	}
	out := make([]tablero.EFirma, len(todas))
	for i, s := range todas {
		out[i].RFC = s.RFC
		if s.Credential != nil {
			out[i].Vence = s.Credential.NotAfter
		}
		if s.Err != nil {
			out[i].Motivo = s.Err.Detail
		}
	}
	return out, nil
}

func (a *App) webhooksEnFalla(ctx context.Context, limite int) ([]tablero.Webhook, error) {
	filas, err := a.store.WebhooksEnFalla(ctx, webhooks.MotivoRetiro, limite)
	out := make([]tablero.Webhook, len(filas))
	for i, w := range filas {
		out[i] = tablero.Webhook{Host: w.Host, Retirado: w.Motivo == webhooks.MotivoRetiro, Pendientes: w.Pendientes, Siguiente: w.Siguiente}
	}
	return out, err
}
