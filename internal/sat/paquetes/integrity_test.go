package paquetes

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// read makes the last reading of the only object one of the instant at.
func (r *rig) read(t *testing.T, at time.Time) {
	t.Helper()
	if _, err := r.store.DB().ExecContext(t.Context(), `UPDATE objetos SET verificado = $1`, store.Instant(at)); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) wants(t *testing.T, sha256 string, want store.Damage, damaged int64) {
	t.Helper()
	v, err := r.store.Blobs.Verification(t.Context(), sha256)
	if err != nil || v.Damage != want {
		t.Errorf("%+v, %v, want %q", v, err, want)
	}
	if live, err := r.store.Live(t.Context(), time.Time{}, 1); err != nil || live.DamagedPaquetes != damaged {
		t.Errorf("%d damaged, %v, want %d", live.DamagedPaquetes, err, damaged)
	}
}

// TestReview_WhenNobodyAsks: damage is found without a caller, in what was not read for
// long and in nothing else, and taken back when the bytes are; also by a later process.
func TestReview_WhenNobodyAsks(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{dir: t.TempDir(), serve: whole(content)})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	path := r.dir + "/paquetes/sha256/" + sum[:2] + "/" + sum + ".zip"
	write := func(b []byte) { // the time of its change stays, as when a disk does it
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(path, b, 0o600), os.Chtimes(path, time.Time{}, info.ModTime())); err != nil {
			t.Fatal(err)
		}
	}
	review := func() {
		t.Helper()
		r.Review()
		settle(r.Vault)
	}
	other := bytes.Clone(content)
	other[len(other)/2] ^= 4
	write(other)
	review() // it was read as it came
	r.wants(t, sum, "", 0)
	r.read(t, time.Now().Add(-vigencia-time.Minute))
	review()
	r.wants(t, sum, store.DanoAlterado, 1)

	write(content)
	review() // not an hour later
	r.wants(t, sum, store.DanoAlterado, 1)
	r.read(t, time.Now().Add(-damagedEvery-time.Minute))
	o := options{dir: r.dir, serve: forbidden}
	r.stop()
	r = start(t, o)
	review()
	r.wants(t, sum, "", 0)

	write(other)
	r.read(t, time.Now().Add(48*time.Hour)) // by a clock that was wrong
	review()
	r.wants(t, sum, store.DanoAlterado, 1)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.read(t, time.Now().Add(-damagedEvery-time.Minute))
	review()
	r.wants(t, sum, store.DanoAusente, 1)
	if _, err := r.Fetch(t.Context(), samplePaquete); !errors.Is(err, gateway.ErrDamagedPaquete) {
		t.Errorf("%v", err)
	}
	if n := r.sat.calls.Load(); n != 0 {
		t.Errorf("%d downloads", n)
	}
	if err := r.Delete(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	review() // what retention took is not missed
	if v, err := r.store.Live(t.Context(), time.Time{}, 1); err != nil || v.DamagedPaquetes != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestConfirm_WhenTheStorageTellsOfAChange: a reading counts until then, however recent.
func TestConfirm_WhenTheStorageTellsOfAChange(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{dir: t.TempDir(), serve: whole(content)})
	if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Vault)
	path := r.dir + "/paquetes/sha256/" + sum[:2] + "/" + sum + ".zip"
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// Bound to what was hashed as it came.
	if v, err := r.store.Blobs.Verification(t.Context(), sum); err != nil || !v.Done || v.Mark != blobs.Mark(info) {
		t.Errorf("%+v, %v", v, err)
	}
	confirm := func() error {
		t.Helper()
		c, err := r.Open(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Saved.Close() //nolint:errcheck // read only
		return c.Saved.Confirm(t.Context())
	}
	if err := confirm(); err != nil {
		t.Error(err)
	}
	other := bytes.Clone(content)
	other[7] ^= 1
	if err := errors.Join(os.WriteFile(path, other, 0o600), os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	if err := confirm(); !errors.Is(err, gateway.ErrDamagedPaquete) {
		t.Errorf("%v", err)
	}
	if _, err := r.Read(t.Context(), samplePaquete); !errors.Is(err, gateway.ErrDamagedPaquete) {
		t.Errorf("%v", err)
	}
	if l, err := r.ReadDamaged(t.Context(), samplePaquete); err != nil || l.Close() != nil {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := confirm(); err != nil {
		t.Error(err)
	}
	r.wants(t, sum, "", 0)
}

// TestFetch_WhenAnEqualPackageComesItMendsTheDamagedOne: the bytes that have come take the
// place of those that are wrong, in a bucket too.
func TestFetch_WhenAnEqualPackageComesItMendsTheDamagedOne(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	places(t, func(t *testing.T, o options) {
		o.serve = whole(content)
		r := start(t, o)
		if _, err := r.Fetch(t.Context(), samplePaquete); err != nil {
			t.Fatal(err)
		}
		settle(r.Vault)
		if err := r.depot.Delete(t.Context(), sum); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(t.Context(), samplePaquete); !errors.Is(err, gateway.ErrDamagedPaquete) {
			t.Errorf("%v", err)
		}
		r.wants(t, sum, store.DanoAusente, 1)
		if _, err := r.Fetch(t.Context(), otherPaquete()); err != nil {
			t.Fatal(err)
		}
		settle(r.Vault)
		r.wants(t, sum, "", 0)
		c, err := r.Open(t.Context(), samplePaquete)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
