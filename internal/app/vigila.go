package app

import (
	"context"
	"time"

	"github.com/pasarela-mx/pasarela/internal/backends/pade"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// atraso is how late a step of a descarga may be before metrics call it late.
const atraso = time.Minute

// vigila tells the metrics where to read what is read at each scrape.
func (a *App) vigila(record *ledger.Ledger, pac *pade.Client) {
	a.metrics.Watch(telemetry.Fuentes{
		Now: a.opts.Now, EFirmas: a.efirmasVigiladas, Base: a.baseVigilada,
		SinEscribir: record.Unwritten, Reloj: a.relojVigilado, CuentasRechazadas: pac.Refused, Equipo: a.equipoVigilado,
		Claves: a.keysFaultFor, ClavesQueVencen: a.keysThatEnd, Hands: a.hands,
	})
}

func (a *App) relojVigilado() telemetry.Reloj {
	_, believed := a.clock.Believed()
	skew, known := a.clock.Skew()
	return telemetry.Reloj{Creido: believed, Adelanto: skew, DelSAT: known}
}

func (a *App) equipoVigilado() (telemetry.Equipo, error) {
	m, err := a.paquetes.Medidas()
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the disk of the packages cannot be measured")
	}
	return telemetry.Equipo(m), err
}

func (a *App) baseVigilada() (telemetry.Base, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	if err := a.presente.Sirve(ctx); err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the database takes no write")
		return telemetry.Base{}, err
	}
	v, err := a.store.Vivas(ctx, a.opts.Now().Add(-atraso), descargas.PenultimaSustitucion)
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the database cannot be read")
	}
	base := telemetry.Base{Descargas: v.PorEstado, Atrasados: v.Atrasados,
		PaquetesAlLimite: v.PaquetesAlLimite, RangosAlLimite: v.RangosAlLimite, PaquetesDanados: v.PaquetesDanados, PorGuardar: v.PorGuardar}
	if !v.EsperaDesde.IsZero() {
		base.Espera = max(a.opts.Now().Sub(v.EsperaDesde), 0)
	}
	if err == nil {
		base.Queue, err = a.queue(ctx)
	}
	return base, err
}

// queue is what waits for a hand.
func (a *App) queue(ctx context.Context) (map[string]telemetry.Waiting, error) {
	out := make(map[string]telemetry.Waiting)
	now := a.opts.Now()
	for kind, count := range map[string]func(context.Context, time.Time) (store.Waiting, error){
		deSolicitudes: a.store.WaitingTramos, dePaquetes: a.store.WaitingPaquetes, deWebhooks: a.store.WaitingEntregas,
	} {
		w, err := count(ctx, now)
		if err != nil {
			a.opts.Log.Error().Err(err).Msg("metrics: the queue cannot be read")
			return nil, err
		}
		if out[kind] = (telemetry.Waiting{Rows: w.Rows}); w.Rows > 0 {
			out[kind] = telemetry.Waiting{Rows: w.Rows, Late: now.Sub(w.Since)}
		}
	}
	return out, nil
}

// hands is how busy this gateway is.
func (a *App) hands() []telemetry.Hands {
	var out []telemetry.Hands
	for _, l := range a.cola.Loads() {
		out = append(out, telemetry.Hands{Kind: l.Kind, All: l.Hands, Busy: l.Busy})
	}
	return out
}

func (a *App) efirmasVigiladas() []telemetry.EFirma {
	todas, err := a.efirmas.List()
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the e.firmas cannot be listed")
		return nil
	}
	out := make([]telemetry.EFirma, len(todas))
	for i, s := range todas {
		out[i] = telemetry.EFirma{RFC: s.RFC, Sirve: s.Err == nil}
		if s.Credential != nil {
			out[i].Vence = s.Credential.NotAfter
		}
	}
	return out
}
