package app

import (
	"context"
	"net/netip"
	"time"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// findKey returns what finds an API key that is taken now, from an address; nil
// when no keys are configured.
func (a *App) findKey() func(string, netip.Addr) (apikeys.Key, error) {
	var find func(string) (apikeys.Key, error)
	switch {
	case a.opts.Key != nil:
		find = a.opts.Key.Find
	case a.keys == nil:
		return nil
	default:
		find = a.keys.Find
	}
	return func(key string, from netip.Addr) (apikeys.Key, error) {
		found, err := find(key)
		if err == nil {
			err = found.Usable(a.clock.Earliest(), from)
		}
		return found, err
	}
}

// mayHear returns what reports whether a key may receive events about an RFC; nil,
// meaning that all may, when no keys are configured.
func (a *App) mayHear() func(owner, rfc string) (bool, error) {
	if a.keys == nil {
		return nil
	}
	return func(owner, rfc string) (bool, error) {
		return a.keys.May(owner, apikeys.ScopeWebhooks, rfc, a.clock.Earliest())
	}
}

// keysFault is what is wrong with the file of the API keys; nothing without one.
func (a *App) keysFault() apikeys.Fault {
	if a.keys == nil {
		return apikeys.Fault{}
	}
	return a.keys.Fault()
}

// keysFaultFor is how long that has been so. One that is found at this moment shows.
func (a *App) keysFaultFor() time.Duration {
	fault := a.keysFault()
	if fault.Err != nil {
		return max(fault.Since, time.Millisecond)
	}
	return 0
}

// keysThatEnd are the keys that expire, for the metrics.
func (a *App) keysThatEnd() []telemetry.Key {
	if a.keys == nil {
		return nil
	}
	var out []telemetry.Key
	for _, k := range a.keys.Keys() {
		if !k.Expires.IsZero() {
			out = append(out, telemetry.Key{Name: k.Name, Expire: k.Expires})
		}
	}
	return out
}

// watchKeys looks at the file of the API keys now and then, so that a fault of it is
// told although nobody calls. It returns when ctx ends.
func (a *App) watchKeys(ctx context.Context) {
	ticker := time.NewTicker(lookAtKeys)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			a.keysFault()
		}
	}
}

const lookAtKeys = 15 * time.Second
