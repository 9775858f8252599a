package transport

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/pasarela-mx/pasarela/internal/pace"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// errSilence is the cause of a context that ended because no byte came within the
// operation's timeout.
var errSilence = errors.New("no byte came within the operation's timeout")

// watch cancels an exchange after its timeout. For a streamed answer the timeout starts
// anew with each read, so a large answer may take long as long as it moves. Time that the
// sink takes does not count.
type watch struct {
	timer   *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
}

func newWatch(parent context.Context, timeout time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(parent)
	return ctx, &watch{timer: time.AfterFunc(timeout, func() { cancel(errSilence) }), timeout: timeout, cancel: cancel}
}

func (w *watch) waits() { w.timer.Reset(w.timeout) }

func (w *watch) pause() { w.timer.Stop() }

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// maxHead is how much of an answer is kept to classify it.
const maxHead = 1 << 10

// countingReader counts the bytes, keeps the first ones, and reports each read to the
// watch, if it has one.
type countingReader struct {
	r     io.Reader
	watch *watch
	// pace is the required pace. It counts text only: white space and comments could go
	// on for ever.
	pace  *pace.Pace
	came  func() int64
	n     int64
	head  []byte
	whole []byte // everything that was read and did not go into a sink
}

func (c *countingReader) Read(p []byte) (int, error) {
	if c.watch != nil {
		c.watch.waits()
		defer c.watch.pause()
	}
	began := time.Now()
	n, err := c.r.Read(p)
	if c.pace != nil && err == nil {
		err = c.pace.Step(time.Since(began), c.came())
	}
	if n > 0 {
		c.n += int64(n)
		if missing := maxHead - len(c.head); missing > 0 {
			c.head = append(c.head, p[:min(n, missing)]...)
		}
	}
	return n, err
}

// isMalformed reports whether an error is about the content, not about its transfer.
func isMalformed(err error) bool {
	var (
		fault   *xmldoc.Error
		corrupt flate.CorruptInputError
	)
	if errors.As(err, &fault) || errors.As(err, &corrupt) {
		return true
	}
	return slices.ContainsFunc([]error{errNotSOAP, errTwice, errMixed, errEnvBound, errUncounted, errBase64, gzip.ErrHeader, gzip.ErrChecksum}, func(known error) bool { return errors.Is(err, known) })
}
