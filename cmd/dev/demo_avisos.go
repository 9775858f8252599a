package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	patience = 30 * time.Second // for notices to arrive
	maxAviso = 64 << 10
)

// receptor is a caller's own system: it takes the notices and believes those that
// Standard Webhooks' own library believes.
type receptor struct {
	*year
	server *http.Server
	secret *standardwebhooks.Webhook
	ready  chan struct{} // closed once the secret is known
	good   chan string   // bodies whose signature is right
	bad    chan error
}

// register starts a receiver and registers its address.
func (a *year) register(ctx context.Context) (*receptor, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receptor{year: a, ready: make(chan struct{}), good: make(chan string, 100), bad: make(chan error, 100)}
	r.server = &http.Server{Handler: http.HandlerFunc(r.receive), ReadHeaderTimeout: patience}
	go r.server.Serve(l) //nolint:errcheck // Close ends it
	var answer struct{ Secreto string }
	url := "http://" + l.Addr().String() + "/avisos"
	if err := a.call(ctx, http.MethodPost, "/v1/webhooks", map[string]any{"url": url, "rfcs": []string{rfcCompany},
		"eventos": []string{"descarga.terminada"}}, http.StatusCreated, &answer); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if r.secret, err = standardwebhooks.NewWebhook(answer.Secreto); err != nil {
		return nil, errors.Join(errors.New("the secret is none"), r.Close())
	}
	close(r.ready)
	a.say("  POST /v1/webhooks → 201, notices go to %s (its secret is not shown)", url)
	return r, nil
}

// Close ends the receiver.
func (r *receptor) Close() error { return r.server.Close() }

func (r *receptor) receive(w http.ResponseWriter, req *http.Request) {
	<-r.ready
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxAviso))
	if err == nil {
		err = r.secret.Verify(body, req.Header)
	}
	if err != nil {
		r.bad <- err
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	r.good <- string(body)
}

// wait wants a notice for each descarga.
func (r *receptor) wait(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for n := range r.requested {
		select {
		case body := <-r.good:
			r.say("    notice %d of %d, its signature verified: %s", n+1, len(r.requested), body)
		case err := <-r.bad:
			return fmt.Errorf("a notice whose signature is wrong: %w", err)
		case <-timer.C:
			return errors.New("a notice did not arrive")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
