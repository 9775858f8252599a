package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// live is who is alive, as the gateways of one ledger see it.
type live struct {
	mu   sync.Mutex
	dead map[string]bool
}

func (v *live) kill(id string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dead[id] = true
}

// present is one of them.
type present struct {
	*live
	id string
}

func (p present) ID() string { return p.id }

func (p present) Alive(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead[id]
}

func (present) Lost() bool { return false }

// community is some gateways, each with its own disk, over one ledger and one
// storage.
type community struct {
	t    *testing.T
	blob string
	db   string
	live *live
}

func newCommunity(t *testing.T, blob string) *community {
	t.Helper()
	return &community{t: t, blob: blob, db: filepath.Join(t.TempDir(), "comun.db"), live: &live{dead: map[string]bool{}}}
}

// start starts the gateway id on the disk dir. Each opens the one database by a
// link, as processes of their own would; the ledger's file lies elsewhere.
func (c *community) start(id, dir string, serve func(ctx context.Context, n int32, sink io.Writer) error) *rig {
	c.t.Helper()
	link := filepath.Join(dir, "pasarela.db")
	if _, err := os.Lstat(link); err != nil {
		if err := os.Symlink(c.db, link); err != nil {
			c.t.Fatal(err)
		}
	}
	return start(c.t, options{dir: dir, blob: c.blob, cluster: present{c.live, id}, wait: 400 * time.Millisecond, serve: serve})
}

// stopped serves half of content, then waits for gate.
func stopped(content []byte, gate chan struct{}) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, _ int32, sink io.Writer) error {
		if _, err := sink.Write(content[:len(content)/2]); err != nil {
			return err
		}
		<-gate
		_, err := sink.Write(content[len(content)/2:])
		return err
	}
}

func whole(content []byte) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	}
}

func forbidden(context.Context, int32, io.Writer) error { return errors.New("must not be called") }

// kinds runs a test over a folder that all share, and over a bucket.
func kinds(t *testing.T, test func(t *testing.T, c *community)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		test(t, newCommunity(t, "file://"+t.TempDir()))
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		test(t, newCommunity(t, newBucket(t).address))
	})
}

func TestOpen_WhenAnotherGatewayFliesIt(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *community) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		a := c.start("a", t.TempDir(), stopped(content, gate))
		b := c.start("b", t.TempDir(), forbidden)
		first, err := a.Open(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		// Bounded for a caller of HTTP, and by its patience.
		_, err = b.Open(t.Context(), samplePaquete)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindSinServicio || !e.Retryable || e.RetryAfter <= 0 {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := b.Fetch(ctx, samplePaquete); err == nil || ctx.Err() == nil {
			t.Errorf("%v", err)
		}
		if _, err := b.Read(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%v", err)
		}
		if err := b.Delete(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindSinServicio) {
			t.Errorf("%v", err)
		}
		time.AfterFunc(600*time.Millisecond, func() { close(gate) }) // longer than b's HTTP callers wait
		token, err := b.Fetch(t.Context(), samplePaquete)
		if err != nil || token.SHA256 != digestOf(content) || token.Bytes != int64(len(content)) || token.Completed.IsZero() {
			t.Errorf("%+v, %v", token, err)
		}
		second, err := b.Open(t.Context(), samplePaquete)
		if err != nil || second.Saved == nil {
			t.Fatalf("%+v, %v", second, err)
		}
		for _, got := range []Content{first, second} {
			if got, err := read(got); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		if n := a.sat.calls.Load() + b.sat.calls.Load(); n != 1 {
			t.Errorf("%d downloads", n)
		}
	})
}

func TestOpen_WhenManyGatewaysAreAskedAtOnce(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *community) {
		content := makeZip(t, 50, "")
		var rigs []*rig
		for _, id := range []string{"a", "b", "c"} {
			rigs = append(rigs, c.start(id, t.TempDir(), whole(content)))
		}
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if token, err := rigs[i%3].Fetch(t.Context(), samplePaquete); err != nil || token.SHA256 != digestOf(content) {
					t.Errorf("%+v, %v", token, err)
				}
			})
		}
		wg.Wait()
		total := int32(0)
		for _, r := range rigs {
			total += r.sat.calls.Load()
		}
		if total != 1 {
			t.Errorf("%d downloads", total)
		}
	})
}

// A gateway that dies in mid-flight leaves its download spent: the next is the
// second, and what the dead one still brings is nobody's.
func TestOpen_WhenTheOtherGatewayDies(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *community) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		dirA := t.TempDir()
		a := c.start("a", dirA, stopped(content, gate))
		b := c.start("b", t.TempDir(), whole(content))
		first, err := a.Open(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() {
			_, err := b.Fetch(t.Context(), samplePaquete)
			waiting <- err
		}()
		time.AfterFunc(300*time.Millisecond, func() { c.live.kill("a") })
		if err := <-waiting; err != nil {
			t.Fatal(err)
		}
		close(gate) // a was only thought dead
		if got, err := read(first); err != nil || !bytes.Equal(got, content) {
			t.Errorf("a's own caller: %d bytes, %v", len(got), err)
		}
		settle(a.Vault)
		settle(b.Vault)
		row, err := b.store.Paquetes.Get(t.Context(), samplePaquete)
		if err != nil || !row.Complete || row.Descargas != 2 || row.Fly != "" || row.Partial != "" {
			t.Errorf("row %+v, %v", row, err)
		}
		if a.sat.calls.Load() != 1 || b.sat.calls.Load() != 1 || len(partials(t, dirA)) > 0 {
			t.Errorf("%d and %d downloads, left %v", a.sat.calls.Load(), b.sat.calls.Load(), partials(t, dirA))
		}
	})
}

func TestOpen_WhenEveryGatewayDiesThereIsNoThird(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, c *community) {
		content, gate := makeZip(t, 200, ""), make(chan struct{})
		defer close(gate)
		for _, id := range []string{"a", "b"} {
			r := c.start(id, t.TempDir(), stopped(content, gate))
			got, err := r.Open(t.Context(), samplePaquete)
			if err != nil {
				t.Fatal(err)
			}
			got.InFlight.Close() //nolint:errcheck // always nil
			c.live.kill(id)
		}
		last := c.start("c", t.TempDir(), forbidden)
		_, err := last.Open(t.Context(), samplePaquete)
		if e := gateway.AsError(err); err == nil || e.Kind != gateway.KindYaNoDisponible || e.Backend != "" || e.Codigo != "" {
			t.Errorf("%+v", e)
		}
	})
}

// What a dead gateway holds whole on its disk is not lost: while a download is
// left another makes it; with none left, all wait for its disk.
func TestOpen_WhenADeadGatewayHoldsItWhole(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	for name, before := range map[string]int{"a download left": 0, "none left": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s3 := newBucket(t)
			c := newCommunity(t, s3.address)
			dirA := t.TempDir()
			s3.down.Store(true)
			a := c.start("a", dirA, whole(content))
			if before == 1 { // an earlier process, of which nothing is left
				if ok, err := a.store.Paquetes.Reserve(t.Context(), samplePaquete, "z", "", maxDescargas); !ok || err != nil {
					t.Fatal(ok, err)
				}
				c.live.kill("z")
			}
			a.received(t)
			a.stop()
			c.live.kill("a")
			s3.down.Store(false)
			b := c.start("b", t.TempDir(), whole(content))
			_, err := b.Fetch(t.Context(), samplePaquete)
			if before == 0 {
				if err != nil || b.sat.calls.Load() != 1 {
					t.Errorf("%v, %d downloads", err, b.sat.calls.Load())
				}
				settle(b.Vault)
			} else if e := gateway.AsError(err); e.Kind != gateway.KindSinServicio || !e.Retryable || b.sat.calls.Load() != 0 {
				t.Errorf("%v, %d downloads", err, b.sat.calls.Load())
			}
			again := c.start("a2", dirA, forbidden)
			settle(again.Vault)
			for _, r := range []*rig{again, b} {
				got, err := r.Open(t.Context(), samplePaquete)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := read(got); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
			if row, err := b.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || !row.Complete || len(partials(t, dirA)) > 0 {
				t.Errorf("row %+v, %v, left %v", row, err, partials(t, dirA))
			}
		})
	}
}
