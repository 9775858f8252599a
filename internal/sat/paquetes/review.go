package paquetes

import (
	"context"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

const (
	// paceReview is how many bytes of a second are read at most, so that nobody else
	// waits for the disk or the bucket.
	paceReview = 16 << 20
	// byReview bounds the objects of one call; the next goes on.
	byReview = 500
	// damagedEvery is how often a damaged object is looked at again: somebody may have
	// put it back.
	damagedEvery = time.Hour
	// maxFailed ends a call: the storage is away.
	maxFailed = 10
)

// Review reads, beside and slowly, the stored objects whose last reading is the oldest,
// unless it does so already. What it has read is in the ledger: a process that ends
// loses the one in hand. One gateway at a time should call it; two do no harm.
func (a *Vault) Review() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reviewing || a.closing {
		return
	}
	a.reviewing = true
	a.wg.Go(func() {
		defer func() {
			a.mu.Lock()
			a.reviewing = false
			a.mu.Unlock()
		}()
		ctx, cancel := context.WithCancel(a.ctx)
		defer cancel()
		go func() {
			select {
			case <-a.close:
				cancel()
			case <-ctx.Done():
			}
		}()
		if err := a.review(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("stored packages cannot be verified now")
		}
	})
}

func (a *Vault) review(ctx context.Context) error {
	blobs, err := a.store.Blobs.ToVerify(ctx, vigencia, damagedEvery, lead, byReview)
	failed := 0
	for _, o := range blobs {
		if errOne := a.reviewOne(ctx, o); errOne != nil {
			err = errOne
			if failed++; failed == maxFailed || ctx.Err() != nil {
				break
			}
		}
	}
	return err
}

func (a *Vault) reviewOne(ctx context.Context, o store.Blob) error {
	v, err := a.store.Blobs.Verification(ctx, o.SHA256)
	if err != nil {
		return err
	}
	c := &keptBytes{a: a, sha256: o.SHA256, bytes: o.Bytes, before: v}
	d, err := c.measure(ctx, func(n int) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(n) * time.Second / paceReview):
			return nil
		}
	})
	if err != nil {
		return err
	}
	c.record(ctx, d) //nolint:errcheck // damage is no failure of the reading
	return nil
}
