package paquetes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// readablePerEntry counts entries whose content is whole, and those whose is not.
func readablePerEntry(r io.ReaderAt, size int64) (n, bad int64, err error) {
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return n, bad, err
		}
		c, err := e.Open(1 << 20)
		if err == nil {
			_, err = io.Copy(io.Discard, c)
		}
		if err == nil {
			n++
		} else {
			bad++
		}
	}
	return n, bad, nil
}

// damaged spoils the content of the i-th entries of a ZIP of makeZip.
func damaged(t *testing.T, zip []byte, entries ...string) []byte {
	t.Helper()
	out := bytes.Clone(zip)
	for _, e := range entries {
		at := bytes.Index(out, []byte("<a>"+e+"</a>"))
		if at < 0 {
			t.Fatal(e)
		}
		out[at+3] ^= 0x40
	}
	return out
}

// entregas is a SAT that delivers one after the other, and refuses what is more.
func entregas(all ...any) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, n int32, sink io.Writer) error {
		if int(n) > len(all) {
			return &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5008", Detail: "demasiadas"}
		}
		switch e := all[n-1].(type) {
		case []byte:
			_, err := sink.Write(e)
			return err
		case cut:
			_, err := sink.Write(e)
			return errors.Join(err, &gateway.Error{Kind: gateway.KindSinRespuesta, Detail: "se cortó"})
		case error:
			return e
		}
		return errors.New("what is that?")
	}
}

// cut is a delivery whose connection breaks after it.
type cut []byte

// TestFetch_WhenNoDeliveryIsAWholeZIP: what came is kept, and handed out to those alone
// who ask for it so.
func TestFetch_WhenNoDeliveryIsAWholeZIP(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	short, length, foreign := zip[:len(zip)/2], zip[:len(zip)-30], []byte("Rar! this is no ZIP at all")
	for name, tc := range map[string]struct {
		first, second any
		remain        []byte
		broken        int
		equal         bool
	}{
		"the same twice":            {short, short, short, 2, true},
		"the second is longer":      {short, length, length, 2, false},
		"the second is shorter":     {length, short, length, 2, false},
		"neither begins like a ZIP": {foreign, foreign, foreign, 2, true},
		"both connections break":    {cut(short), cut(length), length, 0, false},
		"both are empty":            {[]byte{}, []byte{}, nil, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, options{serve: entregas(tc.first, tc.second)})
			for i := range 2 {
				c, err := r.Open(t.Context(), samplePaquete)
				if err == nil {
					_, err = read(c)
				}
				if err == nil || gateway.IsKind(err, gateway.KindYaNoDisponible) {
					t.Errorf("delivery %d: %v", i+1, err)
				}
				settle(r.Vault)
			}
			_, err := r.Fetch(t.Context(), samplePaquete)
			if !gateway.IsKind(err, gateway.KindYaNoDisponible) || r.sat.calls.Load() != 2 || strings.Contains(gateway.AsError(err).Detail, "idénticas") != tc.equal {
				t.Errorf("%v after %d downloads", err, r.sat.calls.Load())
			}
			row, err := r.store.Paquetes.Get(t.Context(), samplePaquete)
			if err != nil || row.BrokenDeliveries != tc.broken || row.Equal != tc.equal || row.Broken != (tc.remain != nil) || row.Descargas != 2 {
				t.Errorf("%+v, %v", row, err)
			}
			if _, err := r.Read(t.Context(), samplePaquete); !gateway.IsKind(err, gateway.KindNoEncontrado) {
				t.Errorf("it is read: %v", err)
			}
			c, err := r.OpenDubious(t.Context(), samplePaquete)
			if tc.remain == nil {
				if !gateway.IsKind(err, gateway.KindYaNoDisponible) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			broken := c.Saved != nil && c.Saved.Broken && c.Saved.Dubious != ""
			if got, err := read(c); err != nil || !bytes.Equal(got, tc.remain) || !broken {
				t.Errorf("%d bytes of %d, %v", len(got), len(tc.remain), err)
			}
		})
	}
}

func TestFetch_WhenTheSecondDeliveryIsWhole(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	r := start(t, options{serve: entregas(zip[:len(zip)/2], zip)})
	if _, err := r.Fetch(t.Context(), samplePaquete); err == nil {
		t.Fatal("half a ZIP was taken for one")
	}
	settle(r.Vault)
	before, err := r.store.Paquetes.Get(t.Context(), samplePaquete)
	if err != nil || !before.Broken {
		t.Fatalf("%+v, %v", before, err)
	}
	f, err := r.Fetch(t.Context(), samplePaquete)
	if err != nil || f.Bytes != int64(len(zip)) {
		t.Fatalf("%+v, %v", f, err)
	}
	settle(r.Vault)
	if row, err := r.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || row.Dubious != "" || row.Broken || !row.Complete || row.SHA256 == before.SHA256 {
		t.Errorf("%+v, %v", row, err)
	}
	if has, err := r.depot.Exist(t.Context(), before.SHA256, before.Bytes); err != nil || has {
		t.Errorf("the half is still there: %v, %v", has, err)
	}
}

func TestRepeat_WhenEntriesAreDamaged(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	two := damaged(t, zip, "7", "8")
	for name, tc := range map[string]struct {
		second any
		remain []byte
		want   Second
		falla  bool
	}{
		"the second is sound":       {zip, zip, Second{Done: true, Change: true}, false},
		"the second has one less":   {damaged(t, zip, "9"), damaged(t, zip, "9"), Second{Done: true, Change: true}, false},
		"the second has as many":    {damaged(t, zip, "9", "10"), two, Second{Done: true}, false},
		"the second has more":       {damaged(t, zip, "7", "8", "9"), two, Second{Done: true}, false},
		"the second is the same":    {two, two, Second{Done: true, Same: true}, false},
		"the second is no ZIP":      {zip[:100], two, Second{}, true},
		"the second is never begun": {&gateway.Error{Kind: gateway.KindNoDisponible, Unsent: true, Retryable: true, Detail: "d"}, two, Second{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, options{serve: entregas(two, tc.second)})
			r.readable = readablePerEntry
			if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
				t.Fatal(err)
			}
			got, err := r.Repeat(t.Context(), samplePaquete, "7.xml: dañado")
			if got != tc.want || (err != nil) != tc.falla {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
			settle(r.Vault)
			c, err := r.Open(t.Context(), samplePaquete)
			if err != nil {
				t.Fatal(err)
			}
			dubious := c.Saved != nil && c.Saved.Dubious != ""
			if bytes, err := read(c); err != nil || string(bytes) != string(tc.remain) || dubious == tc.want.Change {
				t.Errorf("%d bytes, doubtful %v, %v", len(bytes), dubious, err)
			}
			_, unserved := tc.second.(error)
			if _, err := r.Repeat(t.Context(), samplePaquete, "7.xml: dañado"); !unserved && (err != nil || r.sat.calls.Load() != 2) {
				t.Errorf("%d downloads, %v", r.sat.calls.Load(), err)
			}
		})
	}
}

// TestRepeat_WhenReadMeanwhile: a caller gets what is kept, and not the second flight.
func TestRepeat_WhenReadMeanwhile(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	two := damaged(t, zip, "7")
	var r *rig
	r = start(t, options{serve: func(ctx context.Context, n int32, sink io.Writer) error {
		if n == 1 {
			_, err := sink.Write(two)
			return err
		}
		c, err := r.Open(ctx, samplePaquete)
		if err == nil {
			var got []byte
			if got, err = read(c); !bytes.Equal(got, two) {
				err = errors.Join(err, errors.New("something else was served"))
			}
		}
		if err != nil {
			t.Error(err)
		}
		_, err = sink.Write(zip)
		return err
	}})
	r.readable = readablePerEntry
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Repeat(t.Context(), samplePaquete, "x"); err != nil || !got.Change {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestOpen_WhenADoubtfulDeliveryWasLeft: the file of a process that died before its
// row was written is known for what it is.
func TestOpen_WhenADoubtfulDeliveryWasLeft(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	dir := t.TempDir()
	r := start(t, options{dir: dir, serve: entregas(zip[:200])})
	f, err := r.store.Folder.Partial()
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(zip[:300])
	sum, errSum := sumOf(f, 300)
	_, errName := r.store.Folder.MakeWhole(f, samplePaquete, sum)
	if err := errors.Join(err, errSum, errName, f.Close()); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = start(t, options{dir: dir, serve: entregas(zip)})
	settle(r.Vault)
	if row, err := r.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || !row.Broken || row.Bytes != 300 || row.SHA256 != sum {
		t.Errorf("%+v, %v", row, err)
	}
	if f, err := r.Fetch(t.Context(), samplePaquete); err != nil || f.Bytes != int64(len(zip)) {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestOpen_WhenTheIDIsWrittenInBothCases: one package, one download, one copy; and it
// is asked for as the SAT has written it.
func TestOpen_WhenTheIDIsWrittenInBothCases(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 5, "")
	r := start(t, options{serve: entregas(zip)})
	other := samplePaquete
	other.IDPaquete = strings.ToLower(samplePaquete.IDPaquete)
	for _, p := range []gateway.Paquete{other, samplePaquete, other} {
		c, err := r.Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, zip) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	settle(r.Vault)
	if r.sat.calls.Load() != 1 {
		t.Errorf("%d downloads", r.sat.calls.Load())
	}
	a, errA := r.store.Paquetes.Get(t.Context(), samplePaquete)
	b, errB := r.store.Paquetes.Get(t.Context(), other)
	if a != b || !a.Complete || a.Descargas != 1 || errA != nil || errB != nil {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// TestFetch_WhenTheSecondFlightBeginsWhileTheFirstIsPutAside: what the first has left
// to do takes nothing from the second.
func TestFetch_WhenTheSecondFlightBeginsWhileTheFirstIsPutAside(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	moving, follow := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	var r0 atomic.Pointer[rig]
	r := start(t, options{step: func(point string) {
		if point == "paquete-recibido" && first.CompareAndSwap(false, true) {
			close(moving)
			<-follow
		}
	}, serve: func(_ context.Context, n int32, sink io.Writer) error {
		if n == 1 {
			_, err := sink.Write(zip[:300])
			return err
		}
		close(follow)
		// The first is in its place before the second has come.
		for {
			row, err := r0.Load().store.Paquetes.Get(t.Context(), samplePaquete)
			if err != nil || row.Complete {
				_, errWrite := sink.Write(zip)
				return errors.Join(err, errWrite)
			}
			time.Sleep(time.Millisecond)
		}
	}})
	r0.Store(r)
	if c, err := r.Open(t.Context(), samplePaquete); err == nil {
		if _, err := read(c); err == nil {
			t.Fatal("half a ZIP was taken for one")
		}
	}
	<-moving
	c, err := r.Open(t.Context(), samplePaquete)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(c); err != nil || !bytes.Equal(got, zip) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	settle(r.Vault)
	if row, err := r.store.Paquetes.Get(t.Context(), samplePaquete); err != nil || !row.Complete || row.Broken || row.Fly != "" || row.Bytes != int64(len(zip)) {
		t.Errorf("%+v, %v", row, err)
	}
}
