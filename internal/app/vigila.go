package app

import (
	"context"
	"time"

	"github.com/pasarela-mx/pasarela/internal/backends/pade"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// atraso is how late a step of a descarga may be before metrics call it late.
const atraso = time.Minute

// vigila tells the metrics where to read what is read at each scrape.
func (a *App) vigila(record *ledger.Ledger, pac *pade.Client) {
	a.metrics.Watch(telemetry.Fuentes{
		Now: a.opts.Now, EFirmas: a.efirmasVigiladas, Base: a.baseVigilada,
		SinEscribir: record.Unwritten, Reloj: a.relojVigilado, CuentasRechazadas: pac.Refused, Equipo: a.equipoVigilado,
		Claves: a.keysFaultFor, ClavesQueVencen: a.keysThatEnd,
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
	return base, err
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
