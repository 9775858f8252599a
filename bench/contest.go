package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/pasarela-mx/pasarela/bench/fuente"
)

const (
	connections = 16
	warmups     = 4 // of each connection
)

// contest is one question, put to the system itself, to the floor and to the gateway.
type contest struct {
	name                   string
	direct, floor, product *target
}

// direct is the target of a finished envelope at the source.
func (b *bench) direct(path, envelope string) *target {
	return &target{
		name: "direct SOAP", method: http.MethodPost, url: b.source.url + path, body: envelope,
		contentType: "text/xml; charset=utf-8", server: b.source,
	}
}

func warm(ctx context.Context, t *target, conns int) error {
	client := newClient(conns)
	defer client.CloseIdleConnections()
	for range warmups * conns {
		if err := t.once(ctx, client); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// load takes the targets in turn, the other way round in every second round, and
// returns the medians of requests per second and CPU seconds per request.
func load(ctx context.Context, p plan, conns int, targets ...*target) (rps, cpu map[*target]float64, err error) {
	manyRPS, manyCPU := map[*target][]float64{}, map[*target][]float64{}
	targets = slices.Clone(targets)
	for range p.loadRounds {
		for _, t := range targets {
			if err := warm(ctx, t, conns); err != nil {
				return nil, nil, err
			}
			r, c, err := closedLoop(ctx, t, conns, p.loadFor)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", t.name, err)
			}
			manyRPS[t], manyCPU[t] = append(manyRPS[t], r), append(manyCPU[t], c)
		}
		slices.Reverse(targets)
	}
	return medians(manyRPS), medians(manyCPU), nil
}

func medians(samples map[*target][]float64) map[*target]float64 {
	out := map[*target]float64{}
	for t, sample := range samples {
		out[t] = median(sample)
	}
	return out
}

// throughput is how many requests floor and product take, and their CPU.
func (c contest) throughput(title string, rps, cpu map[*target]float64, goalRate, goalCPU float64) []row {
	perSecond := func(t *target) string { return fmt.Sprintf("%.0f", rps[t]) }
	ratio := rps[c.product] / rps[c.floor]
	return []row{
		{
			title + "requests per second", perSecond(c.product), "floor " + perSecond(c.floor), fmt.Sprintf("%.2f", ratio),
			fmt.Sprintf("≥ %.2f", goalRate), yes(ratio >= goalRate),
		},
		against("**"+title+"CPU per request**", millis(cpu[c.product]), "floor "+millis(cpu[c.floor]),
			cpu[c.product]/cpu[c.floor], goalCPU),
	}
}

// latency holds p50 and p99 at a fixed rate, less those of the direct call, against
// each other by added, which makes the row of one of them.
func (c contest) latency(
	ctx context.Context, p plan, rate int, added func(title string, q int, floor, product float64) row,
) ([]row, error) {
	took := [2]map[*target][]float64{{}, {}}
	for range p.rateRounds {
		for _, t := range []*target{c.direct, c.floor, c.product} {
			if err := warm(ctx, t, connections); err != nil {
				return nil, err
			}
			sample, err := openLoop(ctx, t, rate, p.rateFor)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			took[0][t], took[1][t] = append(took[0][t], quantile(sample, .5)), append(took[1][t], quantile(sample, .99))
		}
	}
	title := fmt.Sprintf("%s at %d/s, %s upstream: ", c.name, rate, fuente.Delay)
	p50, p99 := medians(took[0]), medians(took[1])
	rows := []row{info(title+"direct SOAP, p50 / p99", millis(p50[c.direct])+" / "+millis(p99[c.direct]))}
	for i, q := range []map[*target]float64{p50, p99} {
		name := [...]string{"p50", "p99"}[i]
		rows = append(rows, added(title+name+" added over direct", i, q[c.floor]-q[c.direct], q[c.product]-q[c.direct]))
	}
	return rows, nil
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err()
}
