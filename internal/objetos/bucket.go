package objetos

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
	// parte and partesALaVez bound what an upload holds in memory. Five MiB is
	// the least that S3 takes for a part.
	parte        = 5 << 20
	partesALaVez = 2
	// A stream asks for a range of minVentana first and for more each time, so
	// that small ranges cost little and whole packages few requests.
	minVentana = 1 << 20
	maxVentana = 64 << 20
	// maxFallas bounds the repeats of a read that brings nothing.
	maxFallas = 3
	// bloque and maxBloques bound what a reader that jumps holds in memory.
	bloque     = 2 << 20
	maxBloques = 4
)

// sube writes the object from the file.
func (d *Deposito) sube(ctx context.Context, sha256, ruta string) error {
	f, err := os.Open(ruta) //nolint:gosec // a partial file of ours
	if err != nil {
		return fmt.Errorf("objetos: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return d.escribe(ctx, clave(sha256), f)
}

// escribe writes r under a key, unless the storage stands still. The uploader asks for
// the length of what it reads, so r seeks.
func (d *Deposito) escribe(ctx context.Context, clave string, r io.ReadSeeker) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	perro := time.AfterFunc(d.quieto, func() { cancel(errQuieto) })
	defer perro.Stop()
	options := &blob.WriterOptions{ContentType: tipo}
	if d.carpeta == "" {
		options.BeforeWrite = d.enPartes
	}
	err := d.bucket.Upload(ctx, clave, &vigilado{ReadSeeker: r, perro: perro, quieto: d.quieto}, options)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, errQuieto) {
		return cause
	}
	return fmt.Errorf("objetos: %w", d.publica(err))
}

// enPartes sets what gocloud.dev has no option for: by itself the uploader reads
// 16 MiB before it decides whether there will be parts.
func (d *Deposito) enPartes(as func(any) bool) error {
	var client *s3.Client
	var uploader *transfermanager.Client
	if !d.bucket.As(&client) || !as(&uploader) {
		return errors.New("objetos: the bucket is not one of S3")
	}
	*uploader = *transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = parte, parte, partesALaVez
		// By itself it takes parts back with the context that has ended, and they stay.
		o.FailTimeout = d.pregunta
		o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
	})
	return nil
}

var errQuieto = errors.New("objetos: the storage did not move for too long")

// vigilado restarts the watch whenever more is asked for.
type vigilado struct {
	io.ReadSeeker
	perro  *time.Timer
	quieto time.Duration
}

func (v *vigilado) Read(p []byte) (int, error) {
	v.perro.Reset(v.quieto)
	return v.ReadSeeker.Read(p)
}

// tramo opens the bytes from off on, length of them.
func (d *Deposito) tramo(ctx context.Context, clave string, off, length int64) (*blob.Reader, error) {
	r, err := d.bucket.NewRangeReader(ctx, clave, off, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("objetos: %s: %w", clave, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", d.publica(err))
	}
	return r, nil
}

// corriente reads an object from any point on, by requests for ranges that it
// makes when they are needed. A range that breaks is asked for again.
type corriente struct {
	ctx       context.Context //nolint:containedctx // io.Reader has no other place for it
	d         *Deposito
	clave     string
	size, off int64
	ventana   int64 // of the last request
	body      io.ReadCloser
	left      int64 // of body
	cancel    context.CancelFunc
	fallas    int
}

func (c *corriente) Read(p []byte) (int, error) {
	for {
		if c.off >= c.size {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := c.lee(p)
		if n > 0 {
			c.fallas = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		c.suelta()
		if c.fallas++; c.fallas > maxFallas || c.ctx.Err() != nil || errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
	}
}

// lee reads from the open range, opening the next one if need be.
func (c *corriente) lee(p []byte) (int, error) {
	if c.body == nil {
		if err := c.pide(); err != nil {
			return 0, err
		}
	}
	perro := time.AfterFunc(c.d.quieto, c.cancel)
	n, err := c.body.Read(p[:min(int64(len(p)), c.left)])
	perro.Stop()
	c.off += int64(n)
	c.left -= int64(n)
	if c.left == 0 {
		c.suelta()
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *corriente) pide() error {
	c.ventana = min(max(2*c.ventana, minVentana), maxVentana)
	ctx, cancel := context.WithCancel(c.ctx)
	perro := time.AfterFunc(c.d.quieto, cancel)
	defer perro.Stop()
	length := min(c.ventana, c.size-c.off)
	body, err := c.d.tramo(ctx, c.clave, c.off, length)
	if err != nil {
		cancel()
		return err
	}
	c.body, c.left, c.cancel = body, length, cancel
	return nil
}

func (c *corriente) suelta() {
	if c.body != nil {
		c.cancel()
		c.body.Close() //nolint:errcheck // read only
		c.body = nil
	}
}

func (c *corriente) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.off
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("objetos: before the start")
	}
	if offset != c.off {
		c.suelta()
		c.off, c.ventana = offset, 0
	}
	return offset, nil
}

func (c *corriente) Close() error {
	c.suelta()
	return nil
}

// bloques reads an object here and there. It keeps the blocks that were used
// last, so that a directory that is walked in small steps is few requests.
type bloques struct {
	ctx   context.Context //nolint:containedctx // io.ReaderAt has no other place for it
	d     *Deposito
	clave string
	size  int64

	mu     sync.Mutex
	recent []*trozo // the last used first
}

type trozo struct {
	n     int64
	bytes []byte
}

func (b *bloques) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("objetos: before the start")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	read := 0
	for read < len(p) {
		at := off + int64(read)
		if at >= b.size {
			return read, io.EOF
		}
		t, err := b.trozo(at / bloque)
		if err != nil {
			return read, err
		}
		read += copy(p[read:], t.bytes[at%bloque:])
	}
	return read, nil
}

// trozo returns the block n, out of memory or out of the bucket. b.mu is held.
func (b *bloques) trozo(n int64) (*trozo, error) {
	if i := slices.IndexFunc(b.recent, func(t *trozo) bool { return t.n == n }); i >= 0 {
		t := b.recent[i]
		copy(b.recent[1:i+1], b.recent[:i])
		b.recent[0] = t
		return t, nil
	}
	length := min(bloque, b.size-n*bloque)
	var buf []byte
	if len(b.recent) == maxBloques {
		buf = b.recent[maxBloques-1].bytes
		b.recent = b.recent[:maxBloques-1]
	}
	if int64(cap(buf)) < length {
		buf = make([]byte, length)
	}
	t := &trozo{n: n, bytes: buf[:length]}
	if err := b.llena(t); err != nil {
		return nil, err
	}
	b.recent = slices.Insert(b.recent, 0, t)
	return t, nil
}

func (b *bloques) llena(t *trozo) error {
	c := &corriente{ctx: b.ctx, d: b.d, clave: b.clave, size: b.size, off: t.n * bloque, ventana: bloque / 2}
	defer c.Close() //nolint:errcheck // always nil
	if _, err := io.ReadFull(c, t.bytes); err != nil {
		return fmt.Errorf("objetos: %w", err)
	}
	return nil
}

func (b *bloques) Close() error { return nil }
