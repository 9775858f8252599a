package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Bodies that are small ask for nothing, larger ones wait for each other, and one that
// waits in vain comes again later. What they had is there again.
func TestRoom_WhenThereIsNoMore(t *testing.T) {
	t.Parallel()
	of := semaphore.NewWeighted(2 << 20)
	read := func(wait time.Duration, n int) (*room, error) {
		m := &room{of: of, wait: wait}
		_, err := io.ReadAll(m.reader(t.Context(), io.LimitReader(endless('x'), int64(n))))
		return m, err
	}
	first, err := read(time.Minute, 1<<20)
	if err != nil || first.has == 0 {
		t.Fatal(first, err)
	}
	if _, err := read(time.Millisecond, 64<<10); err != nil {
		t.Error("a small one:", err)
	}
	beat, err := read(time.Millisecond, 16<<20)
	var e *gateway.Error
	if !errors.As(err, &e) || e.Own != gateway.OwnCuerposAlTope || !e.Retryable || e.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	beat.free()
	done := make(chan error, 1)
	go func() {
		m, err := read(time.Minute, 1<<20)
		m.free()
		done <- err
	}()
	first.free()
	first.free()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !of.TryAcquire(2 << 20) {
		t.Error("some of it is gone")
	}
}

// What is kept of a body is counted in every form in which it comes, and what goes to the disk is not.
func TestRoom_WhenABodyIsKept(t *testing.T) {
	t.Parallel()
	h, _ := receiver(t)
	large := strings.Repeat("QUJD", 1<<20)
	for name, tc := range map[string]struct {
		body string
		read func(r *http.Request) error
		want bool
	}{
		"JSON":    {`{"x":"` + large + `"}`, func(r *http.Request) error { _, err := readBody(r); return err }, true},
		"titles":  {`{"titulos":["` + large + `"]}`, func(r *http.Request) error { _, err := h.receiveFrom(r.Body, r, ""); return err }, true},
		"a file":  {`{"archivoBase64":"` + large + `"}`, func(r *http.Request) error { up, err := h.receiveFrom(r.Body, r, ""); return closed(up, err) }, false},
		"a short": {`{"titulos":[]}`, func(r *http.Request) error { _, err := h.receiveFrom(r.Body, r, ""); return err }, false},
	} {
		r := requestOf(http.MethodPost, "/", tc.body)
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, &caller{room: &room{of: semaphore.NewWeighted(1 << 20), wait: time.Millisecond}}))
		err := tc.read(r)
		if e := (*gateway.Error)(nil); tc.want != (errors.As(err, &e) && e.Own == gateway.OwnCuerposAlTope) || !tc.want && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func closed(up *upload, err error) error {
	if up != nil {
		up.Close()
	}
	return err
}

// The room is one for all requests, and each gives back what it had.
func TestRoom_WhenARequestEnds(t *testing.T) {
	t.Parallel()
	h := &handler{cfg: Config{Log: zerolog.Nop(), Now: time.Now, Observe: func(string, string, int, time.Duration) {}}, bodies: semaphore.NewWeighted(4 << 20)}
	for range 3 {
		serve(h.access(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := roomFrom(r.Context()).grow(r.Context(), 4<<20); err != nil || h.bodies.TryAcquire(1<<20) {
				t.Errorf("%v, or there is more than was meant", err)
			}
		})), requestOf(http.MethodPost, "/", "{}"))
	}
	if !h.bodies.TryAcquire(4 << 20) {
		t.Error("a request that has ended has some of it")
	}
}
