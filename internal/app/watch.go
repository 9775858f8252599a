package app

import (
	"context"
	"time"

	"github.com/pasarela-mx/pasarela/internal/pade"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// backlog is how late a step of a descarga may be before metrics call it late.
const backlog = time.Minute

// watch tells the metrics where to read what is read at each scrape.
func (a *App) watch(pac *pade.Client) {
	a.metrics.Watch(telemetry.Sources{
		Now:            a.opts.Now,
		EFirmas:        a.watchedEfirmas,
		Base:           a.watchedBase,
		Unwritten:      a.ledger.Unwritten,
		Clock:          a.watchedClock,
		RefusedCuentas: pac.Refused,
		Machine:        a.watchedMachine,
		Keys:           a.keysFaultFor,
		KeysThatExpire: a.keysThatEnd,
		Hands:          a.hands,
	})
}

func (a *App) watchedClock() telemetry.Clock {
	_, believed := a.clock.Believed()
	skew, known := a.clock.Skew()
	return telemetry.Clock{Believed: believed, Lead: skew, OfSAT: known}
}

func (a *App) watchedMachine() (telemetry.Machine, error) {
	m, err := a.paquetes.Measures()
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the disk of the packages cannot be measured")
	}
	return telemetry.Machine(m), err
}

func (a *App) watchedBase() (telemetry.Base, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	if err := a.present.Serve(ctx); err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the database takes no write")
		return telemetry.Base{}, err
	}
	v, err := a.store.Live(ctx, a.opts.Now().Add(-backlog), descargas.PenultimateSustitucion)
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the database cannot be read")
	}
	base := telemetry.Base{Descargas: v.ByEstado, Overdue: v.Overdue,
		PaquetesAtLimit: v.PaquetesAtLimit, RangosAtLimit: v.RangosAtLimit, DamagedPaquetes: v.DamagedPaquetes, ToSave: v.ToSave}
	if !v.WaitSince.IsZero() {
		base.Wait = max(a.opts.Now().Sub(v.WaitSince), 0)
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
		deSolicitudes: a.store.Tramos.Waiting, dePaquetes: a.store.TramosPaquetes.Waiting, deWebhooks: a.store.Entregas.Waiting,
	} {
		w, err := count(ctx, now)
		if err != nil {
			a.opts.Log.Error().Err(err).Msg("metrics: the queue cannot be read")
			return nil, err
		}
		if out[kind] = (telemetry.Waiting{Rows: w.Rows}); w.Rows > 0 {
			out[kind] = telemetry.Waiting{Rows: w.Rows, Beat: now.Sub(w.Since)}
		}
	}
	return out, nil
}

// hands is how busy this gateway is.
func (a *App) hands() []telemetry.Hands {
	var out []telemetry.Hands
	for _, l := range a.jobQueue.Loads() {
		out = append(out, telemetry.Hands{Kind: l.Kind, All: l.Hands, Busy: l.Busy})
	}
	return out
}

func (a *App) watchedEfirmas() []telemetry.EFirma {
	all, err := a.efirmas.List()
	if err != nil {
		a.opts.Log.Error().Err(err).Msg("metrics: the e.firmas cannot be listed")
		return nil
	}
	out := make([]telemetry.EFirma, len(all))
	for i, s := range all {
		out[i] = telemetry.EFirma{RFC: s.RFC, Serve: s.Err == nil}
		if s.Credential != nil {
			out[i].Expire = s.Credential.NotAfter
		}
	}
	return out
}
