package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// arriendo is how long an attempt may take before it is taken for dead.
	arriendo = time.Minute
	// barrido bounds what one sweep finds; the next one finds the rest.
	barrido = 1000
	// Retencion is how long deliveries are kept.
	Retencion = 30 * 24 * time.Hour
	// esperaHora is how long a message waits for the right time: the SAT is
	// asked for it.
	esperaHora = 10 * time.Second
	// holgura is how far the clocks of gateways that share a database may differ.
	holgura = time.Minute
)

// Acerca pulls in deliveries that wait for an instant that a wrong clock has set:
// their wait was begun in the future. They wait for as long as they were meant to.
func (s *Servicio) Acerca(ctx context.Context) error {
	now := s.cfg.Now()
	rows, err := s.cfg.Store.EntregasAdelantadas(ctx, s.cfg.Clock.Latest().Add(holgura), barrido)
	for _, e := range rows {
		cuando := now.Add(max(e.Siguiente.Sub(e.EsperaDesde), 0))
		_, errFila := s.cfg.Store.AplazaEntrega(ctx, e, cuando, now)
		err = errors.Join(err, errFila)
	}
	return err
}

// Purga removes deliveries older than Retencion that are done with, and returns how many.
func (s *Servicio) Purga(ctx context.Context) (int64, error) {
	return s.cfg.Store.PurgaEntregas(ctx, s.cfg.Clock.Earliest().Add(-Retencion))
}

// Plazo is how long Intenta may take: less than the time after which an attempt is
// taken for dead.
const Plazo = arriendo - 10*time.Second

// Intenta makes the attempt that is due in turno, and records it. It returns how
// long to leave the delivery alone when its time has not really come, and nothing
// when there is nothing left to do in that turn: it is past, or the endpoint is gone.
//
// The delivery is taken before the message leaves and is due again, as another
// turn, if its taker dies before it has recorded what happened: the message is
// then sent once more, with the same webhook-id.
func (s *Servicio) Intenta(ctx context.Context, id string, turno int64) (time.Duration, error) {
	e, err := s.cfg.Store.Entrega(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	now := s.cfg.Now()
	if e.Estado != store.EntregaPendiente || e.Turno != turno {
		return 0, nil
	}
	if falta := e.Siguiente.Sub(now); falta > 0 {
		return falta, nil
	}
	if ya := s.cfg.Clock.Earliest(); e.Siguiente.After(ya) && !e.EsperaDesde.After(ya) {
		// The clock has jumped over the wait: attempts are few.
		return e.Siguiente.Sub(ya), nil
	}
	instante, dicho := s.cfg.Clock.Told()
	if !dicho {
		// Receivers refuse a message whose time is five minutes off theirs.
		return esperaHora, nil
	}
	var mia bool
	if e.Turno, mia, err = s.cfg.Store.TomaEntrega(ctx, id, turno, now.Add(arriendo)); err != nil || !mia {
		return 0, err
	}
	d, err := s.cfg.Store.Webhook(ctx, e.Destino)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	oye, err := s.aunOye(d, e)
	if err != nil {
		return 0, err // it is due again in a minute
	}
	if !d.Activo || !oye {
		return 0, s.cfg.Store.CancelaEntrega(ctx, id, e.Turno)
	}
	r, tardo := s.manda(ctx, d, e, instante)
	if r.status == 0 && ctx.Err() != nil {
		// Told to stop: what became of the message is unknown, and it is due again soon.
		return 0, ctx.Err()
	}
	// What is known is written even when told to stop.
	return 0, s.registra(context.WithoutCancel(ctx), d, e, r, Intento{Inicio: now, Duracion: tardo, Status: r.status, Resultado: r.resultado})
}

// aunOye asks oye again, as keys change in three days. A test is of no RFC: it goes to
// whoever still hears of any.
func (s *Servicio) aunOye(d store.WebhookDestino, e Entrega) (bool, error) {
	if e.Evento == EventoPrueba {
		for _, rfc := range d.RFCs {
			if oye, err := s.oye(d, rfc); oye || err != nil {
				return oye, err
			}
		}
		return false, nil
	}
	var m struct {
		Data Datos `json:"data"`
	}
	if err := json.Unmarshal([]byte(e.Cuerpo), &m); err != nil {
		return false, nil //nolint:nilerr // no event of a descarga
	}
	return s.oye(d, m.Data.RFCSolicitante)
}

// manda signs and sends one message, of an instant that its receiver takes for now.
func (s *Servicio) manda(ctx context.Context, d store.WebhookDestino, e Entrega, instante time.Time) (respuesta, time.Duration) {
	now := s.cfg.Now()
	url, err := s.cfg.Sello.abre(ctx, d.ID, d.URL)
	var firmas []string
	if err == nil {
		firmas, err = s.firmas(ctx, d.ID, e.ID, e.Cuerpo, instante)
	}
	if err != nil {
		s.cfg.Log.Error().Err(err).Str("webhook", d.ID).Msg("a webhook cannot be signed")
		return respuesta{resultado: ResultadoIlegible}, 0
	}
	if _, err := s.cfg.Red.Revisa(url); err != nil { // what was admitted once may not be by the settings of today
		return respuesta{resultado: ResultadoDireccion}, 0
	}
	r := s.cliente.envia(ctx, mensaje{url: url, id: e.ID, cuerpo: e.Cuerpo, firmas: firmas, instante: instante})
	return r, max(s.cfg.Now().Sub(now), 0)
}

// registra writes what became of the attempt, and when the next one is.
func (s *Servicio) registra(ctx context.Context, d store.WebhookDestino, e Entrega, r respuesta, i Intento) error {
	motivo := ""
	switch {
	case r.resultado == ResultadoEntregado:
		e.Estado, e.Siguiente = store.EntregaEntregada, time.Time{}
	case r.status == http.StatusGone:
		// "The sender should disable the endpoint" (Standard Webhooks, deliverability).
		e.Estado, e.Siguiente, motivo = store.EntregaCancelada, time.Time{}, MotivoRetiro
	default:
		e.Fallidos++
		e.EsperaDesde = s.cfg.Now()
		falta, otra := espera(e.Fallidos, r.espera, s.cfg.Azar())
		if e.Estado, e.Siguiente = store.EntregaAgotada, (time.Time{}); otra {
			e.Estado, e.Siguiente = store.EntregaPendiente, e.EsperaDesde.Add(falta)
		}
	}
	if _, _, err := s.cfg.Store.RegistraIntento(ctx, e, i, motivo); err != nil {
		return err
	}
	line := s.cfg.Log.Info()
	if r.resultado != ResultadoEntregado {
		line = s.cfg.Log.Warn()
	}
	if r.status != 0 {
		line.Int("status", r.status)
	}
	line.Str("webhook", d.ID).Str("host", d.Host).Str("entrega", e.ID).Str("evento", e.Evento).Str("resultado", r.resultado).
		Dur("ms", i.Duracion).Str("estado", e.Estado).Msg("webhook")
	if s.cfg.Observa != nil {
		s.cfg.Observa(r.resultado, i.Duracion)
	}
	return nil
}
