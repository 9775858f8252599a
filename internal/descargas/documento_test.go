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

// guardados are packages in memory that count what is read of them.
type guardados struct {
	zips   map[string][]byte
	leidos int64
}

func (g *guardados) Lee(_ context.Context, p gateway.Paquete) (Abierto, error) {
	return abierto{g, bytes.NewReader(g.zips[p.IDPaquete])}, nil
}

func (g *guardados) LeeDanado(ctx context.Context, p gateway.Paquete) (Abierto, error) {
	return g.Lee(ctx, p)
}

type abierto struct {
	g *guardados
	*bytes.Reader
}

func (a abierto) ReadAt(p []byte, at int64) (int, error) {
	a.g.leidos += int64(len(p))
	return a.Reader.ReadAt(p, at)
}

func (abierto) Close() error { return nil }

func (a abierto) Size() int64 { return a.Reader.Size() }

// sinComprimir makes a ZIP of names and contents.
func sinComprimir(t *testing.T, partes ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(partes); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: partes[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, partes[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xmlDe(uuid string) string {
	return `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0"><cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" UUID="` +
		uuid + `"/></cfdi:Complemento><cfdi:Addenda>` + strings.Repeat("relleno ", 2000) + `</cfdi:Addenda></cfdi:Comprobante>`
}

// conPaquetes is a descarga of CFDI that ended with these packages.
func conPaquetes(t *testing.T, zips ...[]byte) (*Lectura, *guardados, string) {
	t.Helper()
	w := nuevoTaller(t)
	g := &guardados{zips: map[string][]byte{}}
	ids := make([]string, 0, len(zips))
	for i, z := range zips {
		ids = append(ids, fmt.Sprintf("P_%02d", i+1))
		g.zips[ids[i]] = z
	}
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 10, ids...), nil }
	w.trae = func(p gateway.Paquete) error {
		suma := sha256.Sum256(g.zips[p.IDPaquete])
		pendiente := store.Pendiente{Paquete: p, SHA256: hex.EncodeToString(suma[:]), Bytes: int64(len(g.zips[p.IDPaquete])), Parcial: p.IDPaquete, Vuela: "yo"}
		for _, paso := range []func() (bool, error){
			func() (bool, error) { return w.st.Reserva(t.Context(), p, "yo", "", 2) },
			func() (bool, error) { return w.st.Recibe(t.Context(), pendiente, "") },
			func() (bool, error) { return w.st.Completa(t.Context(), p, p.IDPaquete) },
		} {
			if ok, err := paso(); !ok || err != nil {
				t.Fatal(p, ok, err)
			}
		}
		return nil
	}
	id := w.nueva(func(p *gateway.PeticionDescarga) {
		p.Solicitud.TipoSolicitud, p.Solicitud.EstadoComprobante = gateway.TipoCFDI, gateway.EstadoVigente
	})
	w.acaba(id)
	return NewLectura(w.st, g), g, id
}

func TestCFDI_WhenEntriesAreCalledOtherwiseIsFoundByItsTimbre(t *testing.T) {
	t.Parallel()
	const a, b, c, d = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-1111-4111-8111-111111111111", "cccccccc-1111-4111-8111-111111111111", "dddddddd-1111-4111-8111-111111111111"
	danado := sinComprimir(t, d+".xml", xmlDe(d))
	danado[bytes.Index(danado, []byte("relleno"))] = 'R' // its checksum is another
	l, _, id := conPaquetes(t,
		sinComprimir(t, a+".xml", xmlDe(b), "LEEME.txt", "hola"), // a's name on b
		danado,
		sinComprimir(t, "factura.xml", xmlDe(a), strings.ToUpper(c)+".xml.xml", xmlDe(strings.ToUpper(c))))
	for uuid, want := range map[string]string{a: xmlDe(a), b: xmlDe(b), strings.ToUpper(b): xmlDe(b), c: xmlDe(strings.ToUpper(c))} {
		r, n, err := l.CFDI(t.Context(), id, uuid)
		if err != nil {
			t.Errorf("%s: %v", uuid, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want || n != int64(len(want)) {
			t.Errorf("%s: %d bytes of %d, %v", uuid, len(got), n, err)
		}
	}
	if _, _, err := l.CFDI(t.Context(), id, d); !gateway.IsKind(err, gateway.KindRespuestaInvalida) {
		t.Errorf("damaged: %v", err)
	}
	for _, uuid := range []string{"eeeeeeee-1111-4111-8111-111111111111", "x"} {
		if _, _, err := l.CFDI(t.Context(), id, uuid); !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Errorf("%s: %v", uuid, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	otra := NewLectura(l.store, l.paquetes)
	cancel()
	if _, _, err := otra.CFDI(ctx, id, "eeeeeeee-1111-4111-8111-111111111111"); err == nil || gateway.IsKind(err, gateway.KindNoEncontrado) {
		t.Errorf("a caller who is gone is told %v", err)
	}
}

// A package is read whole once for what it does not have, and one that is called by its
// UUID is read alone.
func TestCFDI_WhenAskedAgainReadsNoPackageTwice(t *testing.T) {
	t.Parallel()
	var partes []string
	uuid := func(i int) string { return fmt.Sprintf("%08d-1111-4111-8111-111111111111", i) }
	for i := range 100 {
		partes = append(partes, uuid(i)+".xml", xmlDe(uuid(i)))
	}
	l, g, id := conPaquetes(t, sinComprimir(t, partes...))
	entero := int64(len(g.zips["P_01"]))
	pide := func(uuid string) int64 {
		antes := g.leidos
		_, _, err := l.CFDI(t.Context(), id, uuid)
		if err != nil && !gateway.IsKind(err, gateway.KindNoEncontrado) {
			t.Fatal(err)
		}
		return g.leidos - antes
	}
	if n := pide(uuid(70)); n > entero/4 {
		t.Errorf("one that is called by its UUID cost %d bytes of %d", n, entero)
	}
	if n := pide(uuid(1000)); n < entero {
		t.Errorf("the first that is not there cost %d bytes of %d: not all was looked into", n, entero)
	}
	if n := pide(uuid(1001)); n > entero/4 {
		t.Errorf("the second that is not there cost %d bytes of %d", n, entero)
	}
}
