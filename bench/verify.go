package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/bench/ref"
)

const (
	goalSigned  = 1.1
	connections = 16
	rate        = 200 // requests per second, a fifth of what one core signs
	warmups     = 64
)

// pair is the product beside the floor and the direct call.
type pair struct {
	floor   *process
	gateway *gatewayProcess
	direct  string // a signed envelope
}

func verify(ctx context.Context, b *bench) (rows []row, err error) {
	p := &pair{}
	if p.direct, err = ref.NewSigner(b.own.Key, b.own.Certificate).Verify(idSolicitud, rfc); err != nil {
		return nil, err
	}
	if p.floor, err = startSelf(ctx, "floor", b.efirmas, b.source.url); err != nil {
		return nil, err
	}
	if p.gateway, err = b.startGateway(ctx, "data-verifica"); err != nil {
		return nil, errors.Join(err, p.floor.stop())
	}
	defer func() { err = errors.Join(err, p.gateway.stop(), p.floor.stop(), os.RemoveAll(p.gateway.data)) }()
	if rows, err = p.throughput(ctx, b); err != nil {
		return rows, err
	}
	more, err := p.latency(ctx, b)
	return append(rows, more...), err
}

// targets are the direct call, the floor and the gateway, on the instant
// upstream or the slow one.
func (p *pair) targets(b *bench, slow bool) (direct, floor, product *target) {
	prefix, servicio := "", "cfdi"
	if slow {
		prefix, servicio = fuente.Slow, "retenciones"
	}
	direct = &target{name: "direct SOAP", method: http.MethodPost, url: b.source.url + prefix + "/verifica", body: p.direct,
		contentType: "text/xml; charset=utf-8", server: b.source}
	floor = &target{name: "floor", method: http.MethodPost, url: p.floor.url + prefix + "/verifica",
		body: `{"idSolicitud":"` + idSolicitud + `","rfcSolicitante":"` + rfc + `"}`, contentType: "application/json", server: p.floor}
	product = &target{name: "gateway", method: http.MethodGet,
		url: p.gateway.url + "/v1/sat/" + servicio + "/solicitudes/" + idSolicitud + "?rfcSolicitante=" + rfc, server: p.gateway.process}
	return direct, floor, product
}

func (p *pair) throughput(ctx context.Context, b *bench) ([]row, error) {
	_, floor, product := p.targets(b, false)
	rps, cpu := map[*target][]float64{}, map[*target][]float64{}
	for round := range b.plan.loadRounds {
		order := []*target{floor, product}
		if round%2 == 1 {
			order = []*target{product, floor}
		}
		for _, t := range order {
			if err := warm(ctx, t); err != nil {
				return nil, err
			}
			r, c, err := closedLoop(ctx, t, connections, b.plan.loadFor)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			rps[t], cpu[t] = append(rps[t], r), append(cpu[t], c)
		}
	}
	title := fmt.Sprintf("Verifica, %d connections, instant upstream: ", connections)
	floorRPS, productRPS := median(rps[floor]), median(rps[product])
	return []row{
		{title + "requests per second", fmt.Sprintf("%.0f", productRPS), fmt.Sprintf("floor %.0f", floorRPS),
			fmt.Sprintf("%.2f", productRPS/floorRPS), fmt.Sprintf("≥ %.2f", 1/goalSigned), yes(productRPS/floorRPS >= 1/goalSigned)},
		against("**"+title+"CPU per request**", millis(median(cpu[product])), "floor "+millis(median(cpu[floor])), median(cpu[product])/median(cpu[floor]), goalSigned),
	}, nil
}

func warm(ctx context.Context, t *target) error {
	client := newClient(connections)
	defer client.CloseIdleConnections()
	for range warmups {
		if err := t.once(ctx, client); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

func (p *pair) latency(ctx context.Context, b *bench) ([]row, error) {
	direct, floor, product := p.targets(b, true)
	p50, p99 := map[*target][]float64{}, map[*target][]float64{}
	for range b.plan.rateRounds {
		for _, t := range []*target{direct, floor, product} {
			if err := warm(ctx, t); err != nil {
				return nil, err
			}
			sample, err := openLoop(ctx, t, rate, b.plan.rateFor)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			p50[t], p99[t] = append(p50[t], quantile(sample, .5)), append(p99[t], quantile(sample, .99))
		}
	}
	title := fmt.Sprintf("Verifica at %d/s, %s upstream: ", rate, fuente.Delay)
	rows := []row{info(title+"direct SOAP, p50 / p99", millis(median(p50[direct]))+" / "+millis(median(p99[direct])))}
	for _, q := range []struct {
		name string
		took map[*target][]float64
	}{{"p50", p50}, {"p99", p99}} {
		base := median(q.took[direct])
		floorAdds, adds := median(q.took[floor])-base, median(q.took[product])-base
		r := against(title+q.name+" added over direct", millis(adds), "floor "+millis(floorAdds), adds/floorAdds, goalSigned)
		if floorAdds <= 0 || adds <= 0 {
			r.ratio, r.met = "noise", "noise"
		}
		rows = append(rows, r)
	}
	return rows, nil
}
