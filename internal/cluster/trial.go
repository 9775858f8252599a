package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// recent is how long the outcome of a beat is an answer, so that whoever asks
	// often writes no more often than this.
	recent = time.Second
	// beatsSlow is how many beats may be missed before a database that is slow is
	// one that does not work.
	beatsSlow = 3
)

// Serve says why the database does not do what the gateway is for, and nil when it
// does: the last beat, which is a write that was committed, says it, and if that was
// not just now there is another. A database that is only slow is believed in for a
// few beats.
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
