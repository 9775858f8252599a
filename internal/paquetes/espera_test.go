package paquetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// distintos serves other bytes each time.
func distintos(t *testing.T) func(context.Context, int32, io.Writer) error {
	t.Helper()
	return func(_ context.Context, n int32, sink io.Writer) error {
		_, err := sink.Write(numero(t, int(n)))
		return err
	}
}

// numero is what distintos serves for the n-th time.
func numero(t *testing.T, n int) []byte {
	t.Helper()
	return makeZip(t, 20, strconv.Itoa(n))
}

func (r *rig) abreYLee(t *testing.T, p gateway.Paquete, want []byte) {
	t.Helper()
	c, err := r.Abre(t.Context(), p)
	if err == nil {
		var got []byte
		if got, err = read(c); err == nil && !bytes.Equal(got, want) {
			err = fmt.Errorf("%d bytes of %d", len(got), len(want))
		}
	}
	if err != nil {
		t.Errorf("%s: %v", p.IDPaquete, err)
	}
}

// hasta waits for what comes when it comes.
func hasta(t *testing.T, que string, holds func() bool) {
	t.Helper()
	for fin := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(fin) {
			t.Fatalf("it never came true: %s", que)
		}
	}
}

func (r *rig) espera() espera {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.enEspera()
}

func (r *rig) rechazado() bool { return r.espera().rechazo != nil }

// escribiendo reports whether a request would change the bucket.
func escribiendo(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodPost
}

// TestAbre_WhenTheBucketRefuses in each of the ways: what has come is served, nothing
// more is asked of the SAT until the bucket takes what waits, and nothing is lost.
func TestAbre_WhenTheBucketRefuses(t *testing.T) {
	t.Parallel()
	contesta := func(status int, codigo string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !escribiendo(r) {
				return false
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			fmt.Fprintf(w, `<Error><Code>%s</Code></Error>`, codigo) //nolint:errcheck // the caller is gone
			return true
		}
	}
	for name, responde := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"its keys are no good any more": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		},
		"writing is forbidden": contesta(http.StatusForbidden, "AccessDenied"),
		"it is full":           contesta(http.StatusInsufficientStorage, "XMinioStorageFull"),
		"its quota is full":    contesta(http.StatusForbidden, "QuotaExceeded"),
		"it is broken":         contesta(http.StatusInternalServerError, "InternalError"),
		"it is too slow":       contesta(http.StatusServiceUnavailable, "SlowDown"),
		"it is gone":           contesta(http.StatusNotFound, "NoSuchBucket"),
		"it cuts": func(_ http.ResponseWriter, r *http.Request) bool {
			if escribiendo(r) {
				io.CopyN(io.Discard, r.Body, 20) //nolint:errcheck // to break it
				panic(http.ErrAbortHandler)
			}
			return false
		},
		"it says yes and keeps nothing": func(w http.ResponseWriter, r *http.Request) bool {
			if !escribiendo(r) {
				return false
			}
			io.Copy(io.Discard, r.Body) //nolint:errcheck // it may be cut
			w.Header().Set("ETag", `"0"`)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket(t)
			r := start(t, options{blob: b.address, serve: distintos(t)})
			b.responde.Store(&responde)
			r.abreYLee(t, elPaquete, numero(t, 1))
			hasta(t, "the refusal is known", r.rechazado)
			for range 3 {
				_, err := r.Abre(t.Context(), otroPaquete())
				noPedido(t, err)
				if !errors.Is(err, errRechaza) || !strings.Contains(gateway.AsError(err).Detail, "GATEWAY_BLOB_URL") {
					t.Errorf("%v", err)
				}
				r.abreYLee(t, elPaquete, numero(t, 1))
			}
			// Whoever waits for the storage is told, and does not wait on.
			if _, err := r.Trae(t.Context(), elPaquete); !gateway.IsKind(err, gateway.KindSinServicio) || !strings.Contains(gateway.AsError(err).Detail, "está en el disco de esta pasarela") {
				t.Errorf("%v", err)
			}
			if e := r.espera(); r.sat.calls.Load() != 1 || e.paquetes != 1 || e.bytes != int64(len(numero(t, 1))) {
				t.Fatalf("%d calls, %+v", r.sat.calls.Load(), e)
			}
			b.responde.Store(nil)
			hasta(t, "the bucket has it", func() bool { return b.stored(digestOf(numero(t, 1))) && !r.rechazado() })
			if _, err := r.Trae(t.Context(), otroPaquete()); err != nil {
				t.Error(err)
			}
			settle(r.Almacen)
			r.abreYLee(t, elPaquete, numero(t, 1))
			r.abreYLee(t, otroPaquete(), numero(t, 2))
			if claves := b.claves(t); r.sat.calls.Load() != 2 || len(claves) != 2 || r.espera() != (espera{}) {
				t.Errorf("%d calls, %v, %+v", r.sat.calls.Load(), claves, r.espera())
			}
		})
	}
}

// TestAbre_WhenAFolderElsewhereIsAway is the same for a folder whose disk is gone.
func TestAbre_WhenAFolderElsewhereIsAway(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "almacen")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := start(t, options{blob: "file://" + dir, serve: distintos(t)})
	if err := os.Rename(dir, dir+".fuera"); err != nil {
		t.Fatal(err)
	}
	r.abreYLee(t, elPaquete, numero(t, 1))
	hasta(t, "the refusal is known", r.rechazado)
	if _, err := r.Abre(t.Context(), otroPaquete()); !errors.Is(err, errRechaza) {
		t.Errorf("%v", err)
	}
	// It has not been made anew.
	if err := os.Rename(dir+".fuera", dir); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	if _, err := r.Trae(t.Context(), elPaquete); err != nil || r.rechazado() {
		t.Errorf("%v", err)
	}
}

// TestAbre_WhenTheBucketRefusesOneObject the others go on.
func TestAbre_WhenTheBucketRefusesOneObject(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	r := start(t, options{blob: b.address, serve: distintos(t)})
	prueba, sigue := make(chan struct{}, 100), make(chan struct{})
	responde := func(w http.ResponseWriter, req *http.Request) bool {
		if escribiendo(req) && strings.HasSuffix(req.URL.Path, "/pasarela.prueba") {
			prueba <- struct{}{}
			<-sigue
		}
		if !escribiendo(req) || !strings.HasSuffix(req.URL.Path, clave(digestOf(numero(t, 1)))) {
			return false
		}
		w.WriteHeader(http.StatusNotImplemented)
		return true
	}
	b.responde.Store(&responde)
	r.abreYLee(t, elPaquete, numero(t, 1))
	select {
	case <-prueba:
	case <-time.After(60 * time.Second):
		t.Fatal("there was no probe")
	}
	_, err := r.Abre(t.Context(), otroPaquete())
	noPedido(t, err)
	close(sigue)
	hasta(t, "it is the object's own trouble", func() bool { return !r.rechazado() })
	hasta(t, "another has come", func() bool {
		_, err := r.Trae(t.Context(), otroPaquete())
		return err == nil
	})
	if e := r.espera(); e.paquetes != 1 {
		t.Errorf("%+v", e)
	}
	for _, c := range b.claves(t) {
		if !strings.HasPrefix(c, "sha256/") {
			t.Errorf("%s is left", c)
		}
	}
	b.responde.Store(nil)
	settle(r.Almacen)
}

// TestAbre_WhenARefusingBucketHasTheBytesAlready: that an equal package needs no write is
// no sign that it takes one.
func TestAbre_WhenARefusingBucketHasTheBytesAlready(t *testing.T) {
	t.Parallel()
	b, gate := newBucket(t), make(chan struct{})
	r := start(t, options{blob: b.address, serve: func(_ context.Context, n int32, sink io.Writer) error {
		content := numero(t, int(n))
		if n == 2 {
			content = numero(t, 1)
		}
		_, err := sink.Write(content[:9])
		if n == 2 {
			<-gate
		}
		if err == nil {
			_, err = sink.Write(content[9:])
		}
		return err
	}})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	vuela, err := r.Abre(t.Context(), otroPaquete())
	if err != nil {
		t.Fatal(err)
	}
	hasta(t, "the equal one is in the air", func() bool { return r.sat.calls.Load() == 2 })
	responde := func(w http.ResponseWriter, req *http.Request) bool {
		if escribiendo(req) {
			w.WriteHeader(http.StatusNotImplemented)
		}
		return escribiendo(req)
	}
	b.responde.Store(&responde)
	tercero := elPaquete
	tercero.IDPaquete = "ABC_03"
	r.abreYLee(t, tercero, numero(t, 3))
	hasta(t, "the refusal is known", r.rechazado)
	close(gate)
	if _, err := read(vuela); err != nil {
		t.Error(err)
	}
	hasta(t, "the equal one is stored", func() bool {
		row, err := r.store.Paquete(t.Context(), otroPaquete())
		return err == nil && row.Completo
	})
	if !r.rechazado() {
		t.Error("it is taken to be well again")
	}
	b.responde.Store(nil)
	settle(r.Almacen)
}

// TestAbre_WhenTooMuchWaitsForTheStorage nothing more is asked for; a folder beside the
// files takes no room twice.
func TestAbre_WhenTooMuchWaitsForTheStorage(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, o options) {
		o.serve = distintos(t)
		r := start(t, o)
		r.mu.Lock()
		r.mudanzas["otro"] = &mudanza{bytes: 1 << 60, fin: make(chan struct{})}
		r.mu.Unlock()
		_, err := r.Abre(t.Context(), elPaquete)
		if o.blob == "" {
			if err != nil {
				t.Error(err)
			}
		} else if noPedido(t, err); !errors.Is(err, errColmado) || r.sat.calls.Load() != 0 {
			t.Errorf("%v after %d calls", err, r.sat.calls.Load())
		}
		r.mu.Lock()
		delete(r.mudanzas, "otro")
		r.mu.Unlock()
		if _, err := r.Trae(t.Context(), elPaquete); err != nil || r.sat.calls.Load() != 1 {
			t.Errorf("%v after %d calls", err, r.sat.calls.Load())
		}
	})
}

// TestClose_WhenTheBucketRefusesWhatWaitsIsNotTried: one refusal is enough to know.
func TestClose_WhenTheBucketRefusesWhatWaitsIsNotTried(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	gate := make(chan struct{})
	responde := func(w http.ResponseWriter, r *http.Request) bool {
		if escribiendo(r) {
			<-gate
			w.WriteHeader(http.StatusNotImplemented)
			return true
		}
		return false
	}
	b.responde.Store(&responde)
	dir := t.TempDir()
	r := start(t, options{dir: dir, blob: b.address, serve: distintos(t)})
	const cuantos = 4
	for i := range cuantos {
		p := elPaquete
		p.IDPaquete = fmt.Sprintf("ABC_%02d", i+1)
		r.abreYLee(t, p, numero(t, i+1))
	}
	hasta(t, "all wait", func() bool { return r.espera().paquetes == cuantos && b.writes.Load() == 1 })
	cerrado := make(chan error, 1)
	go func() { cerrado <- r.Close(context.Background()) }()
	hasta(t, "it is going down", r.cerrando)
	close(gate)
	if err := <-cerrado; err != nil {
		t.Error(err)
	}
	if n := b.writes.Load(); n > 2 { // the object, and the probe
		t.Errorf("%d writes", n)
	}
	b.responde.Store(nil)
	r.stop()
	again := start(t, options{dir: dir, blob: b.address, serve: prohibido})
	settle(again.Almacen)
	if claves := b.claves(t); len(claves) != cuantos {
		t.Errorf("%v", claves)
	}
}

// segunda is a gateway whose package has an entry that cannot be read, kept in a bucket
// that answers nothing any more, and whose second delivery has come meanwhile.
func segunda(t *testing.T) (r *rig, b *bucket, dir string, buena []byte, repetida chan error) {
	t.Helper()
	b, dir = newBucket(t), t.TempDir()
	buena = makeZip(t, 50, "")
	mala := danado(t, buena, "7")
	r = start(t, options{dir: dir, blob: b.address, serve: func(_ context.Context, n int32, sink io.Writer) error {
		_, err := sink.Write(map[int32][]byte{1: mala, 2: buena}[n])
		return err
	}, legibles: legiblesPorEntrada})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	preguntas := make(chan struct{}, 1000)
	nada := func(w http.ResponseWriter, _ *http.Request) bool {
		preguntas <- struct{}{}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	b.responde.Store(&nada)
	repetida = make(chan error, 1)
	go func() {
		s, err := r.Repite(context.Background(), elPaquete, "una entrada no se lee")
		if err == nil && !s.Cambia {
			err = fmt.Errorf("%+v", s)
		}
		repetida <- err
	}()
	<-preguntas
	return r, b, dir, buena, repetida
}

// TestRepite_WhenTheBucketIsAwayTheSecondIsNotThrownAway: what was paid for waits until it
// can be told which is the better.
func TestRepite_WhenTheBucketIsAwayTheSecondIsNotThrownAway(t *testing.T) {
	t.Parallel()
	r, b, _, buena, repetida := segunda(t)
	b.responde.Store(nil)
	if err := <-repetida; err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	r.abreYLee(t, elPaquete, buena)
}

// TestRepite_WhenTheGatewayStopsMeanwhile the next start finds it.
func TestRepite_WhenTheGatewayStopsMeanwhile(t *testing.T) {
	t.Parallel()
	r, b, dir, buena, repetida := segunda(t)
	r.stop()
	if err := <-repetida; err == nil {
		t.Error("the second was weighed without the bucket")
	}
	if len(partials(t, dir)) != 1 {
		t.Fatalf("%v", partials(t, dir))
	}
	b.responde.Store(nil)
	again := start(t, options{dir: dir, blob: b.address, serve: prohibido, legibles: legiblesPorEntrada})
	settle(again.Almacen)
	again.abreYLee(t, elPaquete, buena)
}

// TestClose_WhenTheLedgerIsAwayAWholePackageStays in its file, as after a kill.
func TestClose_WhenTheLedgerIsAwayAWholePackageStays(t *testing.T) {
	t.Parallel()
	dir, content := t.TempDir(), makeZip(t, 20, "")
	var r *rig
	listo := make(chan struct{})
	r = start(t, options{dir: dir, serve: entero(content), paso: func(punto string) {
		cuando(punto, "paquete-entero", func() {
			<-listo
			r.store.Close() //nolint:errcheck // it is away
		})
	}})
	close(listo)
	r.abreYLee(t, elPaquete, content)
	r.stop()
	again := start(t, options{dir: dir, serve: prohibido})
	settle(again.Almacen)
	again.abreYLee(t, elPaquete, content)
}

// TestTrae_WhenAnEqualPackageComesItMendsRotInABucket of the same length too.
func TestTrae_WhenAnEqualPackageComesItMendsRotInABucket(t *testing.T) {
	t.Parallel()
	b, content := newBucket(t), makeZip(t, 200, "")
	sum := digestOf(content)
	r := start(t, options{blob: b.address, serve: entero(content)})
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	otros := bytes.Clone(content)
	otros[100] ^= 1
	b.pon(t, sum, otros)
	if _, err := r.Lee(t.Context(), elPaquete); !errors.Is(err, gateway.ErrPaqueteDanado) {
		t.Fatalf("%v", err)
	}
	if _, err := r.Trae(t.Context(), otroPaquete()); err != nil {
		t.Fatal(err)
	}
	settle(r.Almacen)
	r.quiere(t, sum, "", 0)
	r.abreYLee(t, elPaquete, content)
}
