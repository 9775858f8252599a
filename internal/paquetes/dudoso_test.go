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

// legiblesPorEntrada counts entries whose content is whole, and those whose is not.
func legiblesPorEntrada(r io.ReaderAt, size int64) (n, malas int64, err error) {
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return n, malas, err
		}
		c, err := e.Open(1 << 20)
		if err == nil {
			_, err = io.Copy(io.Discard, c)
		}
		if err == nil {
			n++
		} else {
			malas++
		}
	}
	return n, malas, nil
}

// danado spoils the content of the i-th entries of a ZIP of makeZip.
func danado(t *testing.T, zip []byte, entradas ...string) []byte {
	t.Helper()
	out := bytes.Clone(zip)
	for _, e := range entradas {
		at := bytes.Index(out, []byte("<a>"+e+"</a>"))
		if at < 0 {
			t.Fatal(e)
		}
		out[at+3] ^= 0x40
	}
	return out
}

// entregas is a SAT that delivers one after the other, and refuses what is more.
func entregas(todas ...any) func(context.Context, int32, io.Writer) error {
	return func(_ context.Context, n int32, sink io.Writer) error {
		if int(n) > len(todas) {
			return &gateway.Error{Kind: gateway.KindYaNoDisponible, Codigo: "5008", Detail: "demasiadas"}
		}
		switch e := todas[n-1].(type) {
		case []byte:
			_, err := sink.Write(e)
			return err
		case cortada:
			_, err := sink.Write(e)
			return errors.Join(err, &gateway.Error{Kind: gateway.KindSinRespuesta, Detail: "se cortó"})
		case error:
			return e
		}
		return errors.New("what is that?")
	}
}

// cortada is a delivery whose connection breaks after it.
type cortada []byte

// TestTrae_WhenNoDeliveryIsAWholeZIP: what came is kept, and handed out to those alone
// who ask for it so.
func TestTrae_WhenNoDeliveryIsAWholeZIP(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	corto, largo, ajeno := zip[:len(zip)/2], zip[:len(zip)-30], []byte("Rar! this is no ZIP at all")
	for name, tc := range map[string]struct {
		primera, segunda any
		quedan           []byte
		rotas            int
		iguales          bool
	}{
		"the same twice":            {corto, corto, corto, 2, true},
		"the second is longer":      {corto, largo, largo, 2, false},
		"the second is shorter":     {largo, corto, largo, 2, false},
		"neither begins like a ZIP": {ajeno, ajeno, ajeno, 2, true},
		"both connections break":    {cortada(corto), cortada(largo), largo, 0, false},
		"both are empty":            {[]byte{}, []byte{}, nil, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, options{serve: entregas(tc.primera, tc.segunda)})
			for i := range 2 {
				c, err := r.Abre(t.Context(), elPaquete)
				if err == nil {
					_, err = read(c)
				}
				if err == nil || gateway.IsKind(err, gateway.KindYaNoDisponible) {
					t.Errorf("delivery %d: %v", i+1, err)
				}
				settle(r.Almacen)
			}
			_, err := r.Trae(t.Context(), elPaquete)
			if !gateway.IsKind(err, gateway.KindYaNoDisponible) || r.sat.calls.Load() != 2 || strings.Contains(gateway.AsError(err).Detail, "idénticas") != tc.iguales {
				t.Errorf("%v after %d downloads", err, r.sat.calls.Load())
			}
			row, err := r.store.Paquete(t.Context(), elPaquete)
			if err != nil || row.Rotas != tc.rotas || row.Iguales != tc.iguales || row.Roto != (tc.quedan != nil) || row.Descargas != 2 {
				t.Errorf("%+v, %v", row, err)
			}
			if _, err := r.Lee(t.Context(), elPaquete); !gateway.IsKind(err, gateway.KindNoEncontrado) {
				t.Errorf("it is read: %v", err)
			}
			c, err := r.AbreDudoso(t.Context(), elPaquete)
			if tc.quedan == nil {
				if !gateway.IsKind(err, gateway.KindYaNoDisponible) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			roto := c.Guardado != nil && c.Guardado.Roto && c.Guardado.Dudoso != ""
			if got, err := read(c); err != nil || !bytes.Equal(got, tc.quedan) || !roto {
				t.Errorf("%d bytes of %d, %v", len(got), len(tc.quedan), err)
			}
		})
	}
}

func TestTrae_WhenTheSecondDeliveryIsWhole(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	r := start(t, options{serve: entregas(zip[:len(zip)/2], zip)})
	if _, err := r.Trae(t.Context(), elPaquete); err == nil {
		t.Fatal("half a ZIP was taken for one")
	}
	settle(r.Almacen)
	antes, err := r.store.Paquete(t.Context(), elPaquete)
	if err != nil || !antes.Roto {
		t.Fatalf("%+v, %v", antes, err)
	}
	f, err := r.Trae(t.Context(), elPaquete)
	if err != nil || f.Bytes != int64(len(zip)) {
		t.Fatalf("%+v, %v", f, err)
	}
	settle(r.Almacen)
	if row, err := r.store.Paquete(t.Context(), elPaquete); err != nil || row.Dudoso != "" || row.Roto || !row.Completo || row.SHA256 == antes.SHA256 {
		t.Errorf("%+v, %v", row, err)
	}
	if hay, err := r.deposito.Existe(t.Context(), antes.SHA256, antes.Bytes); err != nil || hay {
		t.Errorf("the half is still there: %v, %v", hay, err)
	}
}

func TestRepite_WhenEntriesAreDamaged(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	dos := danado(t, zip, "7", "8")
	for name, tc := range map[string]struct {
		segunda any
		queda   []byte
		want    Segunda
		falla   bool
	}{
		"the second is sound":       {zip, zip, Segunda{Hecha: true, Cambia: true}, false},
		"the second has one less":   {danado(t, zip, "9"), danado(t, zip, "9"), Segunda{Hecha: true, Cambia: true}, false},
		"the second has as many":    {danado(t, zip, "9", "10"), dos, Segunda{Hecha: true}, false},
		"the second has more":       {danado(t, zip, "7", "8", "9"), dos, Segunda{Hecha: true}, false},
		"the second is the same":    {dos, dos, Segunda{Hecha: true, Igual: true}, false},
		"the second is no ZIP":      {zip[:100], dos, Segunda{}, true},
		"the second is never begun": {&gateway.Error{Kind: gateway.KindNoDisponible, NoEnviada: true, Reintentable: true, Detail: "d"}, dos, Segunda{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, options{serve: entregas(dos, tc.segunda)})
			r.legibles = legiblesPorEntrada
			if _, err := r.Trae(t.Context(), elPaquete); err != nil {
				t.Fatal(err)
			}
			got, err := r.Repite(t.Context(), elPaquete, "7.xml: dañado")
			if got != tc.want || (err != nil) != tc.falla {
				t.Errorf("%+v, %v, want %+v", got, err, tc.want)
			}
			settle(r.Almacen)
			c, err := r.Abre(t.Context(), elPaquete)
			if err != nil {
				t.Fatal(err)
			}
			dudoso := c.Guardado != nil && c.Guardado.Dudoso != ""
			if bytes, err := read(c); err != nil || string(bytes) != string(tc.queda) || dudoso == tc.want.Cambia {
				t.Errorf("%d bytes, doubtful %v, %v", len(bytes), dudoso, err)
			}
			_, noSirvio := tc.segunda.(error)
			if _, err := r.Repite(t.Context(), elPaquete, "7.xml: dañado"); !noSirvio && (err != nil || r.sat.calls.Load() != 2) {
				t.Errorf("%d downloads, %v", r.sat.calls.Load(), err)
			}
		})
	}
}

// TestRepite_WhenReadMeanwhile: a caller gets what is kept, and not the second flight.
func TestRepite_WhenReadMeanwhile(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	dos := danado(t, zip, "7")
	var r *rig
	r = start(t, options{serve: func(ctx context.Context, n int32, sink io.Writer) error {
		if n == 1 {
			_, err := sink.Write(dos)
			return err
		}
		c, err := r.Abre(ctx, elPaquete)
		if err == nil {
			var got []byte
			if got, err = read(c); !bytes.Equal(got, dos) {
				err = errors.Join(err, errors.New("something else was served"))
			}
		}
		if err != nil {
			t.Error(err)
		}
		_, err = sink.Write(zip)
		return err
	}})
	r.legibles = legiblesPorEntrada
	if _, err := r.Trae(t.Context(), elPaquete); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Repite(t.Context(), elPaquete, "x"); err != nil || !got.Cambia {
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
	f, err := r.store.Parcial()
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(zip[:300])
	sum, errSum := suma(f, 300)
	_, errNombre := r.store.Entero(f, elPaquete, sum)
	if err := errors.Join(err, errSum, errNombre, f.Close()); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = start(t, options{dir: dir, serve: entregas(zip)})
	settle(r.Almacen)
	if row, err := r.store.Paquete(t.Context(), elPaquete); err != nil || !row.Roto || row.Bytes != 300 || row.SHA256 != sum {
		t.Errorf("%+v, %v", row, err)
	}
	if f, err := r.Trae(t.Context(), elPaquete); err != nil || f.Bytes != int64(len(zip)) {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestAbre_WhenTheIDIsWrittenInBothCases: one package, one download, one copy; and it
// is asked for as the SAT has written it.
func TestAbre_WhenTheIDIsWrittenInBothCases(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 5, "")
	r := start(t, options{serve: entregas(zip)})
	otro := elPaquete
	otro.IDPaquete = strings.ToLower(elPaquete.IDPaquete)
	for _, p := range []gateway.Paquete{otro, elPaquete, otro} {
		c, err := r.Abre(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(c); err != nil || !bytes.Equal(got, zip) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	settle(r.Almacen)
	if r.sat.calls.Load() != 1 {
		t.Errorf("%d downloads", r.sat.calls.Load())
	}
	a, errA := r.store.Paquete(t.Context(), elPaquete)
	b, errB := r.store.Paquete(t.Context(), otro)
	if a != b || !a.Completo || a.Descargas != 1 || errA != nil || errB != nil {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// TestTrae_WhenTheSecondFlightBeginsWhileTheFirstIsPutAside: what the first has left
// to do takes nothing from the second.
func TestTrae_WhenTheSecondFlightBeginsWhileTheFirstIsPutAside(t *testing.T) {
	t.Parallel()
	zip := makeZip(t, 50, "")
	moviendo, sigue := make(chan struct{}), make(chan struct{})
	var primera atomic.Bool
	var r0 atomic.Pointer[rig]
	r := start(t, options{paso: func(punto string) {
		if punto == "paquete-recibido" && primera.CompareAndSwap(false, true) {
			close(moviendo)
			<-sigue
		}
	}, serve: func(_ context.Context, n int32, sink io.Writer) error {
		if n == 1 {
			_, err := sink.Write(zip[:300])
			return err
		}
		close(sigue)
		// The first is in its place before the second has come.
		for {
			row, err := r0.Load().store.Paquete(t.Context(), elPaquete)
			if err != nil || row.Completo {
				_, errWrite := sink.Write(zip)
				return errors.Join(err, errWrite)
			}
			time.Sleep(time.Millisecond)
		}
	}})
	r0.Store(r)
	if c, err := r.Abre(t.Context(), elPaquete); err == nil {
		if _, err := read(c); err == nil {
			t.Fatal("half a ZIP was taken for one")
		}
	}
	<-moviendo
	c, err := r.Abre(t.Context(), elPaquete)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := read(c); err != nil || !bytes.Equal(got, zip) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	settle(r.Almacen)
	if row, err := r.store.Paquete(t.Context(), elPaquete); err != nil || !row.Completo || row.Roto || row.Vuela != "" || row.Bytes != int64(len(zip)) {
		t.Errorf("%+v, %v", row, err)
	}
}
