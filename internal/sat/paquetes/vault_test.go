package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

var samplePaquete = gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "ABC_01"}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // may be closed already
	return s
}

// source is a SAT that writes as told and counts.
type source struct {
	calls atomic.Int32
	serve func(ctx context.Context, n int32, sink io.Writer) error
}

func (s *source) Descarga(ctx context.Context, _ gateway.Paquete, sink io.Writer) error {
	return s.serve(ctx, s.calls.Add(1), sink)
}

// rig is one gateway's packages over a data directory of their own.
type rig struct {
	*Vault
	sat   *source
	store *store.Store
	dir   string
}

type options struct {
	dir      string
	blob     string // empty for the folder
	cluster  store.Processes
	wait     time.Duration
	max      int64
	serve    func(ctx context.Context, n int32, sink io.Writer) error
	step     func(point string)
	readable func(io.ReaderAt, int64) (int64, int64, error)
}

func start(t *testing.T, o options) *rig {
	t.Helper()
	if o.dir == "" {
		o.dir = t.TempDir()
	}
	return startOn(t, o, openStore(t, o.dir))
}

// startOn is start over a store that is open already, or shared.
func startOn(t *testing.T, o options, st *store.Store) *rig {
	t.Helper()
	if o.cluster == nil {
		o.cluster = cluster.New(st, cluster.Options{})
	}
	d, err := blobs.Open(t.Context(), o.blob, filepath.Join(o.dir, "paquetes"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{sat: &source{serve: o.serve}, store: st, dir: o.dir}
	r.Vault, err = Open(t.Context(), Config{SAT: r.sat, Store: Rows{st.Paquetes, st.Blobs, st.Folder}, Depot: d, Cluster: o.cluster, Log: zerolog.Nop(), Wait: o.wait, Max: o.max, Step: o.step, Readable: o.readable})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// stop ends it as a graceful stop does; a store of its own can be opened again.
func (r *rig) stop() {
	r.Close(context.Background()) //nolint:errcheck // never cut
	r.depot.Close()               //nolint:errcheck // nothing is written any more
	r.store.Close()               //nolint:errcheck // may be closed already
}

// received has the package on this machine's disk, whether it gets into storage
// or not.
func (r *rig) received(t *testing.T) {
	t.Helper()
	c, err := r.Open(t.Context(), samplePaquete)
	if err == nil {
		_, err = read(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.store.Paquetes.Get(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		if row.Partial != "" || row.Complete {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func newVault(t *testing.T, dir string, serve func(ctx context.Context, n int32, sink io.Writer) error) (*Vault, *source) {
	t.Helper()
	r := start(t, options{dir: dir, serve: serve})
	return r.Vault, r.sat
}

// read takes a Content to its end.
func read(c Content) ([]byte, error) {
	if c.Saved != nil {
		defer c.Saved.Close() //nolint:errcheck // read only
		return io.ReadAll(c.Saved)
	}
	defer c.InFlight.Close() //nolint:errcheck // always nil
	return io.ReadAll(c.InFlight)
}

// settle waits until every flight has ended and what it brought is stored.
func settle(p *Vault) { p.wg.Wait() }

func TestOpen_WhenManyCome(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 500, "")
	gate := make(chan struct{})
	p, sat := newVault(t, t.TempDir(), func(_ context.Context, _ int32, sink io.Writer) error {
		for i := 0; i < len(content); i += 1 + i%701 { // the first bytes one by one
			if i > len(content)/2 {
				<-gate
			}
			if _, err := sink.Write(content[i:min(i+1+i%701, len(content))]); err != nil {
				return err
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c, err := p.Open(t.Context(), samplePaquete)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := read(c); err != nil || !bytes.Equal(got, content) {
				t.Errorf("caller %d: %d bytes of %d, error %v", i, len(got), len(content), err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond) // some are waiting in the middle by now
	close(gate)
	wg.Wait()
	settle(p)
	c, err := p.Open(t.Context(), samplePaquete)
	if err != nil || c.Saved == nil || c.Saved.Bytes != int64(len(content)) {
		t.Fatalf("%+v, %v", c, err)
	}
	if got, err := read(c); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the stored copy: %d bytes, %v", len(got), err)
	}
	if n := sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads, want 1", n)
	}
}

// What is on this machine's disk alone is not brought yet: others cannot read it.
func TestFetch_WhenItIsWholeAndNotInStorage(t *testing.T) {
	t.Parallel()
	gate, reached := make(chan struct{}), make(chan struct{})
	r := start(t, options{serve: whole(makeZip(t, 3, "")), step: func(point string) {
		if point == "paquete-recibido" {
			close(reached)
			<-gate
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-reached
		time.Sleep(100 * time.Millisecond) // longer proves more, shorter fails nothing
		cancel()
	}()
	if _, err := r.Fetch(ctx, samplePaquete); err == nil || ctx.Err() == nil {
		t.Errorf("before it is stored: %v", err)
	}
	if c, err := r.Open(t.Context(), samplePaquete); err != nil || c.Saved == nil {
		t.Fatalf("callers of HTTP need not wait: %+v, %v", c, err)
	} else if _, err := read(c); err != nil {
		t.Error(err)
	}
	close(gate)
	f, err := r.Fetch(t.Context(), samplePaquete)
	row, errRow := r.store.Paquetes.Get(t.Context(), samplePaquete)
	if err != nil || errRow != nil || !row.Complete || f.SHA256 != row.SHA256 || f.Bytes != row.Bytes || f.Completed.IsZero() || r.sat.calls.Load() != 1 {
		t.Errorf("%+v, %+v, %v, %v, %d calls", f, row, err, errRow, r.sat.calls.Load())
	}
}

func TestOpen_WhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 50, "")
	gate := make(chan struct{})
	p, sat := newVault(t, t.TempDir(), func(ctx context.Context, _ int32, sink io.Writer) error {
		if _, err := sink.Write(content[:100]); err != nil {
			return err
		}
		<-gate
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_, err := sink.Write(content[100:])
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	c, err := p.Open(ctx, samplePaquete)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := read(c); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left reads on: %v", err)
	}
	close(gate)
	settle(p)
	if c, err := p.Open(t.Context(), samplePaquete); err != nil || c.Saved == nil {
		t.Errorf("the package is lost: %+v, %v", c, err)
	} else if got, err := read(c); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// What never arrived whole is never served whole, and what the SAT has counted
// is counted.
func TestOpen_WhenTheDownloadFails(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 50, "")
	lost := &gateway.Error{Kind: gateway.KindSinRespuesta, Detail: "d"}
	refused := &gateway.Error{Kind: gateway.KindNoEncontrado, Codigo: "5004", Detail: "d"}
	down := &gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d"}
	for name, tc := range map[string]struct {
		write []byte
		err   error
		kind  gateway.Kind
		calls int32 // that three requests cause: two at most if each counts
	}{
		"lost in the middle":    {content[:200], lost, gateway.KindSinRespuesta, 2},
		"its end missing":       {content[:len(content)-5], nil, gateway.KindRespuestaInvalida, 2},
		"not a ZIP":             {[]byte("this is no ZIP at all"), nil, gateway.KindRespuestaInvalida, 2},
		"nothing":               {nil, nil, gateway.KindRespuestaInvalida, 2},
		"refused with a code":   {nil, refused, gateway.KindNoEncontrado, 3},
		"no token":              {nil, &gateway.Error{Kind: gateway.KindSinRespuesta, Unsent: true, Detail: "d"}, gateway.KindSinRespuesta, 3},
		"a page in its place":   {nil, &gateway.Error{Kind: gateway.KindRespuestaInvalida, Detail: "d"}, gateway.KindRespuestaInvalida, 3},
		"the SAT was not there": {nil, down, gateway.KindNoDisponible, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p, sat := newVault(t, dir, func(_ context.Context, _ int32, sink io.Writer) error {
				if len(tc.write) > 0 {
					if _, err := sink.Write(tc.write); err != nil {
						return err
					}
				}
				return tc.err
			})
			for i := range 3 {
				c, err := p.Open(t.Context(), samplePaquete)
				if err == nil {
					_, err = read(c)
				}
				want := tc.kind
				if i == 2 && tc.calls == 2 {
					want = gateway.KindYaNoDisponible
				}
				if !gateway.IsKind(err, want) {
					t.Errorf("request %d: error %v, want kind %s", i+1, err, want)
				}
				settle(p)
			}
			if n := sat.calls.Load(); n != tc.calls {
				t.Errorf("%d downloads, want %d", n, tc.calls)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "paquetes", "parciales", "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestClose_WhenDownloadsRun(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	for name, patient := range map[string]bool{"patient": true, "impatient": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := newVault(t, t.TempDir(), func(ctx context.Context, _ int32, sink io.Writer) error {
				if _, err := sink.Write(content[:50]); err != nil {
					return err
				}
				var comes <-chan time.Time
				if patient {
					comes = time.After(100 * time.Millisecond)
				}
				select {
				case <-ctx.Done():
					return &gateway.Error{Kind: gateway.KindSinRespuesta, Err: ctx.Err()}
				case <-comes:
				}
				_, err := sink.Write(content[50:])
				return err
			})
			c, err := p.Open(t.Context(), samplePaquete)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if !patient {
				cancel()
			}
			if err := p.Close(ctx); (err == nil) != patient {
				t.Errorf("Close: %v", err)
			}
			if _, err := read(c); (err == nil) != patient {
				t.Errorf("the caller: %v", err)
			}
			other := samplePaquete
			other.IDPaquete = "ABC_02"
			if _, err := p.Open(t.Context(), other); !errors.Is(err, gateway.ErrStopping) {
				t.Errorf("a new download while closing: %v", err)
			}
		})
	}
}

// A caller that looks into storage just before a flight lands there, and for the
// flight just after it is over, must not cause a second download.
func TestOpen_WhenTheFlightLandsInBetween(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 3, "")
	p, sat := newVault(t, t.TempDir(), func(_ context.Context, _ int32, sink io.Writer) error {
		_, err := sink.Write(content)
		return err
	})
	c, err := p.Open(t.Context(), samplePaquete)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(c); err != nil {
		t.Fatal(err)
	}
	settle(p)
	// The rest of Open for a caller that had found storage empty.
	r, err := p.follow(t.Context(), samplePaquete)
	if err != nil || r != nil {
		t.Fatalf("reader %v, error %v", r, err)
	}
	if n := sat.calls.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}
