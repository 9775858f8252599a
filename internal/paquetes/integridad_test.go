package paquetes

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/objetos"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// leida makes the last reading of the only object one of the instant at.
func (r *rig) leida(t *testing.T, at time.Time) {
	t.Helper()
	if _, err := r.store.DB().ExecContext(t.Context(), `UPDATE objetos SET verificado = $1`, store.Instante(at)); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) quiere(t *testing.T, sha256 string, want store.Dano, danados int64) {
	t.Helper()
	v, err := r.store.Verificacion(t.Context(), sha256)
	if err != nil || v.Dano != want {
		t.Errorf("%+v, %v, want %q", v, err, want)
	}
	if vivas, err := r.store.Vivas(t.Context(), time.Time{}, 1); err != nil || vivas.PaquetesDanados != danados {
		t.Errorf("%d damaged, %v, want %d", vivas.PaquetesDanados, err, danados)
	}
}

// TestRepasa_WhenNobodyAsks: damage is found without a caller, in what was not read for
// long and in nothing else, and taken back when the bytes are; also by a later process.
func TestRepasa_WhenNobodyAsks(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{dir: t.TempDir(), serve: entero(content)})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	ruta := r.dir + "/paquetes/sha256/" + sum[:2] + "/" + sum + ".zip"
	escribe := func(b []byte) { // the time of its change stays, as when a disk does it
		t.Helper()
		info, err := os.Stat(ruta)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.WriteFile(ruta, b, 0o600), os.Chtimes(ruta, time.Time{}, info.ModTime())); err != nil {
			t.Fatal(err)
		}
	}
	repasa := func() {
		t.Helper()
		r.Repasa()
		settle(r.Almacen)
	}
	otra := bytes.Clone(content)
	otra[len(otra)/2] ^= 4
	escribe(otra)
	repasa() // it was read as it came
	r.quiere(t, sum, "", 0)
	r.leida(t, time.Now().Add(-vigencia-time.Minute))
	repasa()
	r.quiere(t, sum, store.DanoAlterado, 1)

	escribe(content)
	repasa() // not an hour later
	r.quiere(t, sum, store.DanoAlterado, 1)
	r.leida(t, time.Now().Add(-danadosCada-time.Minute))
	o := options{dir: r.dir, serve: prohibido}
	r.stop()
	r = start(t, o)
	repasa()
	r.quiere(t, sum, "", 0)

	escribe(otra)
	r.leida(t, time.Now().Add(48*time.Hour)) // by a clock that was wrong
	repasa()
	r.quiere(t, sum, store.DanoAlterado, 1)

	if err := os.Remove(ruta); err != nil {
		t.Fatal(err)
	}
	r.leida(t, time.Now().Add(-danadosCada-time.Minute))
	repasa()
	r.quiere(t, sum, store.DanoAusente, 1)
	if _, err := r.Trae(t.Context(), elPaquete); !errors.Is(err, gateway.ErrPaqueteDanado) {
		t.Errorf("%v", err)
	}
	if n := r.sat.calls.Load(); n != 0 {
		t.Errorf("%d downloads", n)
	}
	if err := r.Borra(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	repasa() // what retention took is not missed
	if v, err := r.store.Vivas(t.Context(), time.Time{}, 1); err != nil || v.PaquetesDanados != 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestComprueba_WhenTheStorageTellsOfAChange: a reading counts until then, however recent.
func TestComprueba_WhenTheStorageTellsOfAChange(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{dir: t.TempDir(), serve: entero(content)})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	ruta := r.dir + "/paquetes/sha256/" + sum[:2] + "/" + sum + ".zip"
	info, err := os.Stat(ruta)
	if err != nil {
		t.Fatal(err)
	}
	// Bound to what was hashed as it came.
	if v, err := r.store.Verificacion(t.Context(), sum); err != nil || !v.Hecha || v.Marca != objetos.Marca(info) {
		t.Errorf("%+v, %v", v, err)
	}
	comprueba := func() error {
		t.Helper()
		c, err := r.Abre(t.Context(), elPaquete)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Guardado.Close() //nolint:errcheck // read only
		return c.Guardado.Comprueba(t.Context())
	}
	if err := comprueba(); err != nil {
		t.Error(err)
	}
	otra := bytes.Clone(content)
	otra[7] ^= 1
	if err := errors.Join(os.WriteFile(ruta, otra, 0o600), os.Chtimes(ruta, time.Time{}, info.ModTime().Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	if err := comprueba(); !errors.Is(err, gateway.ErrPaqueteDanado) {
		t.Errorf("%v", err)
	}
	if _, err := r.Lee(t.Context(), elPaquete); !errors.Is(err, gateway.ErrPaqueteDanado) {
		t.Errorf("%v", err)
	}
	if l, err := r.LeeDanado(t.Context(), elPaquete); err != nil || l.Close() != nil {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(ruta, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := comprueba(); err != nil {
		t.Error(err)
	}
	r.quiere(t, sum, "", 0)
}

// TestTrae_WhenAnEqualPackageComesItMendsTheDamagedOne: the bytes that have come take the
// place of those that are wrong, in a bucket too.
func TestTrae_WhenAnEqualPackageComesItMendsTheDamagedOne(t *testing.T) {
	t.Parallel()
	content := makeZip(t, 200, "")
	sum := digestOf(content)
	places(t, func(t *testing.T, o options) {
		o.serve = entero(content)
		r := start(t, o)
		if _, err := r.Trae(t.Context(), elPaquete); err != nil {
			t.Fatal(err)
		}
		settle(r.Almacen)
		if err := r.deposito.Borra(t.Context(), sum); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Abre(t.Context(), elPaquete); !errors.Is(err, gateway.ErrPaqueteDanado) {
			t.Errorf("%v", err)
		}
		r.quiere(t, sum, store.DanoAusente, 1)
		if _, err := r.Trae(t.Context(), otroPaquete()); err != nil {
			t.Fatal(err)
		}
		settle(r.Almacen)
		r.quiere(t, sum, "", 0)
		c, err := r.Abre(t.Context(), elPaquete)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
