package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/bench/ref"
)

const (
	goalSigned = 1.1
	rate       = 200 // requests per second, a fifth of what one core signs
)

// verify measures section 3.
func verify(ctx context.Context, b *bench) ([]row, error) {
	envelope, err := ref.NewSigner(b.own.Key, b.own.Certificate).Verify(idSolicitud, rfc)
	if err != nil {
		return nil, err
	}
	floor, err := b.start(ctx, "floor", b.efirmas, b.source.url)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(ctx, "data-verifica")
	if err != nil {
		return nil, err
	}
	// The CFDI services of the gateway are the instant ones, its Retenciones the slow ones.
	ask := func(prefix, servicio string) contest {
		return contest{
			name:   "Verifica",
			direct: b.direct(prefix+"/verifica", envelope),
			floor: &target{
				name: "floor", method: http.MethodPost, url: floor.url + prefix + "/verifica", server: floor,
				contentType: "application/json", body: `{"idSolicitud":"` + idSolicitud + `","rfcSolicitante":"` + rfc + `"}`,
			},
			product: &target{
				name: "gateway", method: http.MethodGet, server: g.process,
				url: g.url + "/v1/sat/" + servicio + "/solicitudes/" + idSolicitud + "?rfcSolicitante=" + rfc,
			},
		}
	}
	instant := ask("", "cfdi")
	rps, cpu, err := load(ctx, b.plan, connections, instant.floor, instant.product)
	if err != nil {
		return nil, err
	}
	rows := instant.throughput(fmt.Sprintf("Verifica, %d connections, instant upstream: ", connections), rps, cpu, 1/goalSigned, goalSigned)
	more, err := ask(fuente.Slow, "retenciones").latency(ctx, b.plan, rate, func(title string, _ int, floor, product float64) row {
		r := against(title, millis(product), "floor "+millis(floor), product/floor, goalSigned)
		if floor <= 0 || product <= 0 {
			r.ratio, r.met = "noise", "noise"
		}
		return r
	})
	return append(rows, more...), err
}
