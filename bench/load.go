package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is one program under load: a request, made anew each time.
type target struct {
	name, method, url, body, contentType string
	server                               *process // whose CPU is counted; nil for none
}

// newClient returns a client with as many kept connections as wanted.
func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxIdleConns: connections}}
}

func (t *target) once(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, t.method, t.url, strings.NewReader(t.body))
	if err != nil {
		return err
	}
	if t.contentType != "" {
		req.Header.Set("Content-Type", t.contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close() //nolint:errcheck // read to its end
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", t.url, resp.Status)
	}
	return err
}

// closedLoop sends from connections workers, each waiting for its answer, and
// returns requests per second and CPU seconds per request.
func closedLoop(ctx context.Context, t *target, connections int, during time.Duration) (rps, cpu float64, err error) {
	client := newClient(connections)
	defer client.CloseIdleConnections()
	var count atomic.Int64
	failed := make([]error, connections)
	before := t.server.usage().cpu
	started := time.Now()
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			for time.Since(started) < during && failed[i] == nil {
				if failed[i] = t.once(ctx, client); failed[i] == nil {
					count.Add(1)
				}
			}
		})
	}
	wg.Wait()
	n := float64(count.Load())
	return n / since(started), (t.server.usage().cpu - before) / n, errors.Join(failed...)
}

// openLoop sends rate requests per second whether or not answers come, and
// returns the latency of each in seconds.
func openLoop(ctx context.Context, t *target, rate int, during time.Duration) ([]float64, error) {
	client := newClient(rate)
	defer client.CloseIdleConnections()
	n := int(during.Seconds() * float64(rate))
	took, failed := make([]float64, n), make([]error, n)
	every := time.Second / time.Duration(rate)
	started := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		time.Sleep(time.Until(started.Add(time.Duration(i) * every)))
		wg.Go(func() {
			sent := time.Now()
			failed[i] = t.once(ctx, client)
			took[i] = since(sent)
		})
	}
	wg.Wait()
	return took, errors.Join(failed...)
}
