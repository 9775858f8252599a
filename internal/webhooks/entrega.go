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
	// lease is how long an attempt may take before its process is presumed dead.
	lease = time.Minute
	// sweep bounds the deliveries of one sweep; the next one finds the rest.
	sweep = 1000
	// Retencion is how long deliveries are kept.
	Retencion = 30 * 24 * time.Hour
	// hourWait is how long a message waits while the SAT is asked for the right time.
	hourWait = 10 * time.Second
	// slack is the largest difference between the clocks of gateways that share a
	// database.
	slack = time.Minute
)

// About reschedules deliveries whose wait began in the future, because a wrong clock set
// it. They then wait for as long as intended.
func (s *Servicio) About(ctx context.Context) error {
	now := s.cfg.Now()
	rows, err := s.cfg.Entregas.Early(ctx, s.cfg.Clock.Latest().Add(slack), sweep)
	for _, e := range rows {
		when := now.Add(max(e.Next.Sub(e.WaitSince), 0))
		_, errRow := s.cfg.Entregas.Postpone(ctx, e, when, now)
		err = errors.Join(err, errRow)
	}
	return err
}

// Purge removes finished deliveries older than Retencion and returns their number.
func (s *Servicio) Purge(ctx context.Context) (int64, error) {
	return s.cfg.Entregas.Purge(ctx, s.cfg.Clock.Earliest().Add(-Retencion))
}

// Deadline is the longest time for Try: less than the lease.
const Deadline = lease - 10*time.Second

// Try makes the attempt that is due in turn, and records it. It returns how long to leave
// the delivery alone if it is not really due yet. It does nothing if the turn has passed
// or the endpoint is gone.
//
// The delivery is taken before the message leaves. If the process dies before it records
// the result, the delivery becomes due again in another turn, and the message is sent
// once more with the same webhook-id.
func (s *Servicio) Try(ctx context.Context, id string, turn int64) (time.Duration, error) {
	e, err := s.cfg.Entregas.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	now := s.cfg.Now()
	if e.Estado != store.EntregaPendiente || e.Turn != turn {
		return 0, nil
	}
	if missing := e.Next.Sub(now); missing > 0 {
		return missing, nil
	}
	if ya := s.cfg.Clock.Earliest(); e.Next.After(ya) && !e.WaitSince.After(ya) {
		// The clock has jumped over the wait. There are few attempts, so none is spent on
		// it.
		return e.Next.Sub(ya), nil
	}
	instant, said := s.cfg.Clock.Told()
	if !said {
		// Receivers refuse a message whose time differs from theirs by five minutes.
		return hourWait, nil
	}
	var mine bool
	if e.Turn, mine, err = s.cfg.Entregas.Take(ctx, id, turn, now.Add(lease)); err != nil || !mine {
		return 0, err
	}
	d, err := s.cfg.Targets.Get(ctx, e.Target)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	hear, err := s.stillHear(d, e)
	if err != nil {
		return 0, err // it is due again in a minute
	}
	if !d.Active || !hear {
		return 0, s.cfg.Entregas.Cancel(ctx, id, e.Turn)
	}
	r, took := s.dispatch(ctx, d, e, instant)
	if r.status == 0 && ctx.Err() != nil {
		// The stop leaves the outcome unknown; the delivery is due again soon.
		return 0, ctx.Err()
	}
	// A known outcome is recorded even during a stop.
	return 0, s.register(context.WithoutCancel(ctx), d, e, r, Attempt{Start: now, Duration: took, Status: r.status, Result: r.result})
}

// stillHear calls hear again, because keys may change in three days. A test has no RFC:
// it goes to an endpoint that may still receive events about any.
func (s *Servicio) stillHear(d store.WebhookTarget, e Entrega) (bool, error) {
	if e.Evento == EventoTrial {
		for _, rfc := range d.RFCs {
			if hear, err := s.hear(d, rfc); hear || err != nil {
				return hear, err
			}
		}
		return false, nil
	}
	var m struct {
		Data Data `json:"data"`
	}
	if err := json.Unmarshal([]byte(e.Body), &m); err != nil {
		return false, nil //nolint:nilerr // no event of a descarga
	}
	return s.hear(d, m.Data.RFCSolicitante)
}

// dispatch signs and sends one message with the given time.
func (s *Servicio) dispatch(ctx context.Context, d store.WebhookTarget, e Entrega, instant time.Time) (answer, time.Duration) {
	now := s.cfg.Now()
	url, err := s.cfg.Sello.open(ctx, d.ID, d.URL)
	var firmas []string
	if err == nil {
		firmas, err = s.firmas(ctx, d.ID, e.ID, e.Body, instant)
	}
	if err != nil {
		s.cfg.Log.Error().Err(err).Str("webhook", d.ID).Msg("a webhook cannot be signed")
		return answer{result: ResultadoIlegible}, 0
	}
	if _, err := s.cfg.Red.Check(url); err != nil { // the settings may have changed since it was accepted
		return answer{result: ResultAddress}, 0
	}
	r := s.client.send(ctx, mensaje{url: url, id: e.ID, body: e.Body, firmas: firmas, instant: instant})
	return r, max(s.cfg.Now().Sub(now), 0)
}

// register records the result of the attempt and the time of the next one.
func (s *Servicio) register(ctx context.Context, d store.WebhookTarget, e Entrega, r answer, i Attempt) error {
	motivo := ""
	switch {
	case r.result == ResultadoEntregado:
		e.Estado, e.Next = store.EntregaEntregada, time.Time{}
	case r.status == http.StatusGone:
		// "The sender should disable the endpoint" (Standard Webhooks, deliverability).
		e.Estado, e.Next, motivo = store.EntregaCancelada, time.Time{}, MotivoWithdrawal
	default:
		e.Failed++
		e.WaitSince = s.cfg.Now()
		missing, other := wait(e.Failed, r.wait, s.cfg.Random())
		if e.Estado, e.Next = store.EntregaAgotada, (time.Time{}); other {
			e.Estado, e.Next = store.EntregaPendiente, e.WaitSince.Add(missing)
		}
	}
	if _, _, err := s.cfg.Entregas.RegisterAttempt(ctx, e, i, motivo); err != nil {
		return err
	}
	line := s.cfg.Log.Info()
	if r.result != ResultadoEntregado {
		line = s.cfg.Log.Warn()
	}
	if r.status != 0 {
		line.Int("status", r.status)
	}
	line.Str("webhook", d.ID).Str("host", d.Host).Str("entrega", e.ID).Str("evento", e.Evento).Str("resultado", r.result).
		Dur("ms", i.Duration).Str("estado", e.Estado).Msg("webhook")
	if s.cfg.Observe != nil {
		s.cfg.Observe(r.result, i.Duration)
	}
	return nil
}
