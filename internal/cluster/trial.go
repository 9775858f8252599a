package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// recent is how long the outcome of a beat stays valid, so frequent callers cause no
	// more writes than this.
	recent = time.Second
	// beatsSlow is how many beats a slow database may miss before it counts as failed.
	beatsSlow = 3
)

// Serve returns nil if the database does what the gateway needs, and otherwise why not.
// The last beat, a committed write, decides; if it is not recent, another beat is made. A
// database that is only slow is tolerated for a few beats.
func (p *Cluster) Serve(ctx context.Context) error {
	p.mu.Lock()
	fresh, err := p.o.Now().Sub(p.trial) < recent, p.falla
	p.mu.Unlock()
	if !fresh {
		err = p.tryBeat(ctx)
	}
	if err == nil {
		return nil
	}
	p.mu.Lock()
	quiet := p.o.Now().Sub(p.lastBeat)
	p.mu.Unlock()
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		if quiet < beatsSlow*p.o.Beat {
			return nil
		}
		return fmt.Errorf("the database has taken no write for %s: %w", quiet.Round(time.Second), err)
	}
	return err
}
