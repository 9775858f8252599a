package main

import (
	"context"
	"os"
)

// The goals of section 5.
const (
	goalReady  = 150 // ms
	goalIdle   = 40  // MiB
	goalBinary = 45  // MB
)

// start measures section 5: each round starts the gateway on an empty data
// directory and again on the one that the first start left.
func start(ctx context.Context, b *bench) ([]row, error) {
	var fresh, again, idle []float64
	for range b.plan.starts {
		for _, sample := range []*[]float64{&fresh, &again} {
			g, rss, err := b.idleGateway(ctx, "data-arranque")
			if err != nil {
				return nil, err
			}
			*sample = append(*sample, g.ready*1e3)
			idle = append(idle, rss)
			if err := g.stop(); err != nil {
				return nil, err
			}
		}
		if err := os.RemoveAll(b.file("data-arranque")); err != nil {
			return nil, err
		}
	}
	binary, err := os.Stat(b.gateway)
	if err != nil {
		return nil, err
	}
	return []row{
		atMost("ready on an empty directory (migrations run), ms", median(fresh), goalReady, "%.0f"),
		atMost("**ready on a directory of an earlier run, ms**", median(again), goalReady, "%.0f"),
		atMost("idle memory, MiB", median(idle), goalIdle, "%.1f"),
		atMost("static binary, stripped, MB", float64(binary.Size())/bytesPerMega, goalBinary, "%.1f"),
	}, nil
}
