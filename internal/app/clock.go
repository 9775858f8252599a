package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pasarela-mx/pasarela/internal/clock"
)

const (
	// questionHour is how often the SAT is asked for the time while the machine's clock
	// is doubted and nothing else is asked of it.
	questionHour = 10 * time.Second
	// hourDeadline bounds that question.
	hourDeadline = 10 * time.Second
)

// openClock starts the clock that deadlines are judged by.
func (a *App) openClock(ctx context.Context, base http.RoundTripper) error {
	last, err := a.store.Reloj.Last(ctx)
	if err != nil {
		return fmt.Errorf("the clock: %w", err)
	}
	a.clock = clock.New(clock.Config{Wall: a.opts.Now, Monotonic: a.opts.Monotonic, Last: last, Log: a.opts.Log})
	a.base = base
	return nil
}

// hears takes the time of the SAT's answers; the other systems are not known to keep it.
func (a *App) hears(backend string, date time.Time, way time.Duration) {
	if backend == "sat" {
		a.clock.Heard(date, way)
	}
}

// asksTheTime asks the SAT for the time while that would settle a doubt, until ctx ends.
func (a *App) asksTheTime(ctx context.Context) {
	ticker := time.NewTicker(questionHour)
	defer ticker.Stop()
	for {
		if a.clock.Wants() {
			if err := a.askTheTime(ctx); err != nil && ctx.Err() == nil {
				a.opts.Log.Info().Err(err).Msg("the SAT does not tell the time")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// askTheTime reads no more than the header of an answer to GET, which spends nothing.
func (a *App) askTheTime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hourDeadline)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.cfg.SAT.CFDI.AutenticaURL, http.NoBody)
	if err != nil {
		return err
	}
	left := time.Now()
	answer, err := a.base.RoundTrip(request)
	if err != nil {
		return err
	}
	way := time.Since(left)
	if err := answer.Body.Close(); err != nil {
		return err
	}
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err == nil {
		a.clock.Heard(date, way)
	}
	return err
}

// keepsTheTime writes down what the next start holds its clock against.
func (a *App) keepsTheTime(ctx context.Context) error {
	if now, believed := a.clock.Believed(); believed {
		return a.store.Reloj.Record(ctx, now)
	}
	return nil
}
