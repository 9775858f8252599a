package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

const (
	// part and partsAtOnce bound what an upload holds in memory. Five MiB is
	// the least that S3 takes for a part.
	part        = 5 << 20
	partsAtOnce = 2
	// A stream asks for a range of minWindow first and for more each time, so
	// that small ranges cost little and whole packages few requests.
	minWindow = 1 << 20
	maxWindow = 64 << 20
	// maxFallas bounds the repeats of a read that brings nothing.
	maxFallas = 3
	// block and maxBlocks bound what a reader that jumps holds in memory.
	block     = 2 << 20
	maxBlocks = 4
)

// upload writes the object from the file.
func (d *Depot) upload(ctx context.Context, sha256, path string) error {
	f, err := os.Open(path) //nolint:gosec // a partial file of ours
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return d.write(ctx, key(sha256), f)
}

// write writes r under a key, unless the storage stands still. The uploader asks for
// the length of what it reads, so r seeks.
func (d *Depot) write(ctx context.Context, key string, r io.ReadSeeker) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(d.quiet, func() { cancel(errQuiet) })
	defer watchdog.Stop()
	options := &blob.WriterOptions{ContentType: tipo}
	if d.folder == "" {
		options.BeforeWrite = d.inParts
	}
	err := d.bucket.Upload(ctx, key, &watched{ReadSeeker: r, watchdog: watchdog, quiet: d.quiet}, options)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, errQuiet) {
		return cause
	}
	return fmt.Errorf("blobs: %w", d.publish(err))
}

// inParts sets what gocloud.dev has no option for: by itself the uploader reads
// 16 MiB before it decides whether there will be parts.
func (d *Depot) inParts(as func(any) bool) error {
	var client *s3.Client
	var uploader *transfermanager.Client
	if !d.bucket.As(&client) || !as(&uploader) {
		return errors.New("blobs: the bucket is not one of S3")
	}
	*uploader = *transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = part, part, partsAtOnce
		// By itself it takes parts back with the context that has ended, and they stay.
		o.FailTimeout = d.question
		o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
	})
	return nil
}

var errQuiet = errors.New("blobs: the storage did not move for too long")

// watched restarts the watch whenever more is asked for.
type watched struct {
	io.ReadSeeker
	watchdog *time.Timer
	quiet    time.Duration
}

func (v *watched) Read(p []byte) (int, error) {
	v.watchdog.Reset(v.quiet)
	return v.ReadSeeker.Read(p)
}

// tramo opens the bytes from off on, length of them.
func (d *Depot) tramo(ctx context.Context, key string, off, length int64) (*blob.Reader, error) {
	r, err := d.bucket.NewRangeReader(ctx, key, off, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("blobs: %s: %w", key, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", d.publish(err))
	}
	return r, nil
}

// running reads an object from any point on, by requests for ranges that it
// makes when they are needed. A range that breaks is asked for again.
type running struct {
	ctx       context.Context //nolint:containedctx // io.Reader has no other place for it
	d         *Depot
	key       string
	size, off int64
	window    int64 // of the last request
	body      io.ReadCloser
	left      int64 // of body
	cancel    context.CancelFunc
	fallas    int
}

func (c *running) Read(p []byte) (int, error) {
	for {
		if c.off >= c.size {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := c.read(p)
		if n > 0 {
			c.fallas = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		c.release()
		if c.fallas++; c.fallas > maxFallas || c.ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
}

// read reads from the open range, opening the next one if need be.
func (c *running) read(p []byte) (int, error) {
	if c.body == nil {
		if err := c.ask(); err != nil {
			return 0, err
		}
	}
	watchdog := time.AfterFunc(c.d.quiet, c.cancel)
	n, err := c.body.Read(p[:min(int64(len(p)), c.left)])
	watchdog.Stop()
	c.off += int64(n)
	c.left -= int64(n)
	if c.left == 0 {
		c.release()
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *running) ask() error {
	c.window = min(max(2*c.window, minWindow), maxWindow)
	ctx, cancel := context.WithCancel(c.ctx)
	watchdog := time.AfterFunc(c.d.quiet, cancel)
	defer watchdog.Stop()
	length := min(c.window, c.size-c.off)
	body, err := c.d.tramo(ctx, c.key, c.off, length)
	if err != nil {
		cancel()
		return err
	}
	c.body, c.left, c.cancel = body, length, cancel
	return nil
}

func (c *running) release() {
	if c.body != nil {
		c.cancel()
		c.body.Close() //nolint:errcheck // read only
		c.body = nil
	}
}

func (c *running) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.off
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("blobs: before the start")
	}
	if offset != c.off {
		c.release()
		c.off, c.window = offset, 0
	}
	return offset, nil
}

func (c *running) Close() error {
	c.release()
	return nil
}

// blocks reads an object here and there. It keeps the blocks that were used
// last, so that a directory that is walked in small steps is few requests.
type blocks struct {
	ctx  context.Context //nolint:containedctx // io.ReaderAt has no other place for it
	d    *Depot
	key  string
	size int64

	mu     sync.Mutex
	recent []*chunk // the last used first
}

type chunk struct {
	n     int64
	bytes []byte
}

func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("blobs: before the start")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	read := 0
	for read < len(p) {
		at := off + int64(read)
		if at >= b.size {
			return read, io.EOF
		}
		t, err := b.chunk(at / block)
		if err != nil {
			return read, err
		}
		read += copy(p[read:], t.bytes[at%block:])
	}
	return read, nil
}

// chunk returns the block n, out of memory or out of the bucket. b.mu is held.
func (b *blocks) chunk(n int64) (*chunk, error) {
	if i := slices.IndexFunc(b.recent, func(t *chunk) bool { return t.n == n }); i >= 0 {
		t := b.recent[i]
		copy(b.recent[1:i+1], b.recent[:i])
		b.recent[0] = t
		return t, nil
	}
	length := min(block, b.size-n*block)
	var buf []byte
	if len(b.recent) == maxBlocks {
		buf = b.recent[maxBlocks-1].bytes
		b.recent = b.recent[:maxBlocks-1]
	}
	if int64(cap(buf)) < length {
		buf = make([]byte, length)
	}
	t := &chunk{n: n, bytes: buf[:length]}
	if err := b.fill(t); err != nil {
		return nil, err
	}
	b.recent = slices.Insert(b.recent, 0, t)
	return t, nil
}

func (b *blocks) fill(t *chunk) error {
	c := &running{ctx: b.ctx, d: b.d, key: b.key, size: b.size, off: t.n * block, window: block / 2}
	defer c.Close() //nolint:errcheck // always nil
	if _, err := io.ReadFull(c, t.bytes); err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	return nil
}

func (b *blocks) Close() error { return nil }
