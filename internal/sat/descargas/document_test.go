package descargas

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// saved are packages in memory that count what is read of them.
type saved struct {
	zips map[string][]byte
	read int64
}

func (g *saved) Read(_ context.Context, p gateway.Paquete) (OpenPaquete, error) {
	return open{g, bytes.NewReader(g.zips[p.IDPaquete])}, nil
}

func (g *saved) ReadDamaged(ctx context.Context, p gateway.Paquete) (OpenPaquete, error) {
	return g.Read(ctx, p)
}

type open struct {
	g *saved
	*bytes.Reader
}

func (a open) ReadAt(p []byte, at int64) (int, error) {
	a.g.read += int64(len(p))
	return a.Reader.ReadAt(p, at)
}

func (open) Close() error { return nil }

func (a open) Size() int64 { return a.Reader.Size() }

// uncompressed makes a ZIP of names and contents.
func uncompressed(t *testing.T, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: parts[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xmlOf(uuid string) string {
	return `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0"><cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` +
		uuid + `"/></cfdi:Complemento><cfdi:Addenda>` + strings.Repeat("relleno ", 2000) + `</cfdi:Addenda></cfdi:Comprobante>`
}

// withPaquetes is a descarga of CFDI that ended with these packages.
func withPaquetes(t *testing.T, zips ...[]byte) (*Reading, *saved, gateway.Descarga) {
	t.Helper()
	w := newWorkshop(t)
	g := &saved{zips: map[string][]byte{}}
	ids := make([]string, 0, len(zips))
	for i, z := range zips {
		ids = append(ids, fmt.Sprintf("P_%02d", i+1))
		g.zips[ids[i]] = z
	}
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, ids...), nil }
	w.fetch = func(p gateway.Paquete) error {
		sum := sha256.Sum256(g.zips[p.IDPaquete])
		pending := store.Pending{Paquete: p, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(g.zips[p.IDPaquete])), Partial: p.IDPaquete, Fly: "yo"}
		for _, step := range []func() (bool, error){
			func() (bool, error) { return w.st.Paquetes.Reserve(t.Context(), p, "yo", "", 2) },
			func() (bool, error) { return w.st.Paquetes.Receive(t.Context(), pending, "") },
			func() (bool, error) { return w.st.Paquetes.Complete(t.Context(), p, p.IDPaquete) },
		} {
			if ok, err := step(); !ok || err != nil {
				t.Fatal(p, ok, err)
			}
		}
		return nil
	}
	id := w.new(func(p *gateway.PeticionDescarga) {
		p.Solicitud.TipoSolicitud, p.Solicitud.EstadoComprobante = gateway.TipoCFDI, gateway.EstadoVigente
	})
	return NewReading(rows(w.st), g), g, w.finish(id)
}

func TestCFDI_WhenEntriesAreCalledOtherwiseIsFoundByItsTimbre(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111", "cccccccc-1111-4111-8111-111111111111", "dddddddd-1111-4111-8111-111111111111"
	damaged := uncompressed(t, d+".xml", xmlOf(d))
	damaged[bytes.Index(damaged, []byte("relleno"))] = 'R' // its checksum is another
	l, _, finished := withPaquetes(t,
		uncompressed(t, a+".xml", xmlOf(b), "LEEME.txt", "hola"), // a's name on b
		damaged,
		uncompressed(t, "factura.xml", xmlOf(a), strings.ToUpper(c)+".xml.xml", xmlOf(strings.ToUpper(c))))
	for uuid, want := range map[string]string{a: xmlOf(a), b: xmlOf(b), strings.ToUpper(b): xmlOf(b), c: xmlOf(strings.ToUpper(c))} {
		r, n, err := l.CFDI(t.Context(), finished, uuid)
		if err != nil {
			t.Errorf("%s: %v", uuid, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want || n != int64(len(want)) {
			t.Errorf("%s: %d bytes of %d, %v", uuid, len(got), n, err)
		}
	}
	if _, _, err := l.CFDI(t.Context(), finished, d); !gateway.IsKind(err, gateway.KindRespuestaInvalida) {
		t.Errorf("damaged: %v", err)
	}
	for _, uuid := range []string{"eeeeeeee-1111-4111-8111-111111111111", "x"} {
		if _, _, err := l.CFDI(t.Context(), finished, uuid); !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%s: %v", uuid, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	other := NewReading(l.store, l.paquetes)
	cancel()
	if _, _, err := other.CFDI(ctx, finished, "eeeeeeee-1111-4111-8111-111111111111"); err == nil || gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("a caller who is gone is told %v", err)
	}
}

// A package is read whole once for what it does not have, and one that is called by its
// UUID is read alone.
func TestCFDI_WhenAskedAgainReadsNoPackageTwice(t *testing.T) {
	t.Parallel()
	var parts []string
	uuid := func(i int) string { return fmt.Sprintf("%08d-1111-4111-8111-111111111111", i) }
	for i := range 100 {
		parts = append(parts, uuid(i)+".xml", xmlOf(uuid(i)))
	}
	l, g, finished := withPaquetes(t, uncompressed(t, parts...))
	whole := int64(len(g.zips["P_01"]))
	ask := func(uuid string) int64 {
		before := g.read
		_, _, err := l.CFDI(t.Context(), finished, uuid)
		if err != nil && !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Fatal(err)
		}
		return g.read - before
	}
	if n := ask(uuid(70)); n > whole/4 {
		t.Errorf("one that is called by its UUID cost %d bytes of %d", n, whole)
	}
	if n := ask(uuid(1000)); n < whole {
		t.Errorf("the first that is not there cost %d bytes of %d: not all was looked into", n, whole)
	}
	if n := ask(uuid(1001)); n > whole/4 {
		t.Errorf("the second that is not there cost %d bytes of %d", n, whole)
	}
}
