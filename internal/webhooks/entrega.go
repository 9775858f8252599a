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
	// lease is how long an attempt may take before it is taken for dead.
	lease = time.Minute
	// sweep bounds what one sweep finds; the next one finds the rest.
	sweep = 1000
	// Retencion is how long deliveries are kept.
	Retencion = 30 * 24 * time.Hour
	// hourWait is how long a message waits for the right time: the SAT is
	// asked for it.
	hourWait = 10 * time.Second
	// slack is how far the clocks of gateways that share a database may differ.
	slack = time.Minute
)

// About pulls in deliveries that wait for an instant that a wrong clock has set:
// their wait was begun in the future. They wait for as long as they were meant to.
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

// Purge removes deliveries older than Retencion that are done with, and returns how many.
func (s *Servicio) Purge(ctx context.Context) (int64, error) {
	return s.cfg.Entregas.Purge(ctx, s.cfg.Clock.Earliest().Add(-Retencion))
}

// Deadline is how long Try may take: less than the time after which an attempt is
// taken for dead.
const Deadline = lease - 10*time.Second

// Try makes the attempt that is due in turn, and records it. It returns how
// long to leave the delivery alone when its time has not really come, and nothing
// when there is nothing left to do in that turn: it is past, or the endpoint is gone.
//
// The delivery is taken before the message leaves and is due again, as another
// turn, if its taker dies before it has recorded what happened: the message is
// then sent once more, with the same webhook-id.
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
		// The clock has jumped over the wait: attempts are few.
		return e.Next.Sub(ya), nil
	}
	instant, said := s.cfg.Clock.Told()
	if !said {
		// Receivers refuse a message whose time is five minutes off theirs.
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
		// Told to stop: what became of the message is unknown, and it is due again soon.
		return 0, ctx.Err()
	}
	// What is known is written even when told to stop.
	return 0, s.register(context.WithoutCancel(ctx), d, e, r, Attempt{Start: now, Duration: took, Status: r.status, Result: r.result})
}

// stillHear asks hear again, as keys change in three days. A test is of no RFC: it goes to
// whoever still hears of any.
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

// dispatch signs and sends one message, of an instant that its receiver takes for now.
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
	if _, err := s.cfg.Red.Check(url); err != nil { // what was admitted once may not be by the settings of today
		return answer{result: ResultAddress}, 0
	}
	r := s.client.send(ctx, mensaje{url: url, id: e.ID, body: e.Body, firmas: firmas, instant: instant})
	return r, max(s.cfg.Now().Sub(now), 0)
}

// register writes what became of the attempt, and when the next one is.
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
