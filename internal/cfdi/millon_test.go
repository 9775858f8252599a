package cfdi

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// azar makes values as the SAT's texts have them, each row from its number
// alone, so that none has to be kept to be compared with.
type azar struct{ *rand.Rand }

func deFila(i int) azar { return azar{rand.New(rand.NewPCG(1, uint64(i)))} }

func (a azar) de(opciones ...string) string { return opciones[a.IntN(len(opciones))] }

func (a azar) uuid() string {
	s := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a.Uint32(), a.IntN(1<<16), a.IntN(1<<12), a.IntN(1<<12), a.Uint64()>>16)
	if a.IntN(10) > 0 {
		s = strings.ToUpper(s)
	}
	return s
}

func (a azar) rfc() string {
	letras := []rune("ABCDEFGHIJKLMNÑOPQRSTUVWXYZ&")
	var b strings.Builder
	for range 3 + a.IntN(2) {
		b.WriteRune(letras[a.IntN(len(letras))])
	}
	fmt.Fprintf(&b, "%02d%02d%02d%s%s%s", a.IntN(100), 1+a.IntN(12), 1+a.IntN(28), a.de("A", "Z", "0"), a.de("B", "9"), a.de("A", "3"))
	return b.String()
}

// nombre has a trap in one of eight.
func (a azar) nombre() string {
	n := a.de("COMERCIALIZADORA", "GRUPO", "JOSÉ", "PEÑA", "SERVICIOS") + " " + a.de("DEL NORTE", "MÜLLER", "& HIJOS", "XXI") + " " + a.de("SA DE CV", "SC", "S DE RL")
	switch a.IntN(40) {
	case 0:
		return n + "\nSUCURSAL"
	case 1:
		return `"` + n
	case 2:
		return n + "~BIS"
	case 3:
		return "~" + n + "~~" + n + "~"
	case 4:
		return "'" + n + `""` + "\r" + n
	}
	return n
}

func (a azar) fecha() string {
	return fmt.Sprintf("20%02d-%02d-%02d %02d:%02d:%02d", 15+a.IntN(12), 1+a.IntN(12), 1+a.IntN(28), a.IntN(24), a.IntN(60), a.IntN(60))
}

// metadato is the i-th row, and whether it has a third party.
func metadato(i int) (m Metadato, tercero bool) {
	a := deFila(i)
	m = Metadato{UUID: a.uuid(), RFCEmisor: a.rfc(), NombreEmisor: a.nombre(), RFCReceptor: a.de(a.rfc(), "XAXX010101000", "XEXX010101000"), NombreReceptor: a.nombre(),
		RFCPac: a.rfc(), FechaEmision: a.fecha(), FechaCertificacionSAT: a.fecha(), Monto: fmt.Sprintf("%d.%0*d", a.IntN(1e6), 1+a.IntN(6), a.IntN(10)),
		EfectoComprobante: a.de("I", "E", "T", "N", "P"), Estatus: "1"}
	if a.IntN(10) == 0 {
		m.Estatus, m.FechaCancelacion = "0", a.fecha()
	}
	if a.IntN(20) == 0 {
		m.Extras = []Campo{{"#extra-01", a.de("x", "", "algo más")}, {"#extra-02", "y"}}
	}
	if tercero = a.IntN(4) == 0; tercero {
		quien := deFila(-1 - a.IntN(5000))
		m.RFCACuentaTerceros, m.NombreACuentaTerceros = quien.rfc(), quien.nombre()
	}
	return m, tercero
}

// escribe writes n rows by the SAT's rules: fields in the header's order with ~
// between them, CRLF after each row, third parties in a text of their own, with
// their UUID in the other case.
func escribe(tb testing.TB, w io.Writer, n int) {
	tb.Helper()
	z := zip.NewWriter(w)
	texto := func(nombre, cabeza string, fila func(i int) string) {
		f, err := z.Create(nombre)
		if err != nil {
			tb.Fatal(err)
		}
		var b bytes.Buffer
		b.WriteString(cabeza + "\r\n")
		for i := range n {
			b.WriteString(fila(i))
			if b.Len() > 64<<10 || i == n-1 {
				if _, err := b.WriteTo(f); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	texto("ABC_01.txt", titulos, func(i int) string {
		m, _ := metadato(i)
		campos := []string{m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision, m.FechaCertificacionSAT, m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion}
		for _, e := range m.Extras {
			campos = append(campos, e.Valor)
		}
		return strings.Join(campos, "~") + "\r\n"
	})
	texto("ABC_tercero.txt", "Uuid~RfcACuentaTerceros~NombreACuentaTerceros", func(i int) string {
		m, tercero := metadato(i)
		if !tercero {
			return ""
		}
		return strings.ToLower(m.UUID) + "~" + m.RFCACuentaTerceros + "~" + m.NombreACuentaTerceros + "\r\n"
	})
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
}

func TestMetadatos_WhenAMillionRowsAreReadTheyAreTheSame(t *testing.T) {
	n := millon
	if testing.Short() {
		n = 50_000
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "paquete.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // removed with its folder
	escribe(t, f, n)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var mem runtime.MemStats
	memoria := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&mem)
		return mem.HeapAlloc
	}
	antes, alPrincipio := memoria(), uint64(0)
	i := 0
	for leido, err := range Metadatos(f, info.Size(), Posicion{}) {
		if err != nil {
			t.Fatal(err)
		}
		if leido.Falla != nil {
			t.Fatal(leido.Falla)
		}
		want, _ := metadato(i)
		want.UUID = strings.ToLower(want.UUID)
		if !reflect.DeepEqual(want, leido.Valor) {
			t.Fatalf("row %d is\n%+v, want\n%+v", i+1, leido.Valor, want)
		}
		if i++; i == 1000 {
			alPrincipio = memoria()
		}
	}
	alFinal := memoria()
	if i != n {
		t.Errorf("%d rows of %d", i, n)
	}
	// Third parties cost 24 bytes each, with what a slice grows ahead; rows nothing.
	if terceros := uint64(n/4*24*5/4 + 2<<20); alPrincipio > antes+terceros || alFinal > alPrincipio+1<<20 {
		t.Errorf("KiB held: %d before, %d after 1000 rows (%d of third parties allowed), %d at the end", antes>>10, alPrincipio>>10, terceros>>10, alFinal>>10)
	}
}

// FuzzMetadatos: no text makes it panic or read without end, every row has a
// UUID, and pages are what one reading is.
func FuzzMetadatos(f *testing.F) {
	f.Add([]byte(titulos+"\r\n"+inicio+cola+"\r\n"), []byte("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n"+uuid1+"~TER010101AB1~T~S\r\n"))
	f.Add([]byte("\uFEFF"+titulos+"\r\n"+strings.Replace(inicio, " ", "~\n\"", 3)+cola+"~x\r\nbasura\r\n"+inicio), []byte("Uuid~x\r\n"))
	f.Add([]byte("Uuid~NombreX~NombreY~RfcEmisor\r\n"+uuid1+strings.Repeat("~AAA010101AAA", 40)), []byte{})
	f.Add([]byte("\n\n"+titulos+"\n"+strings.Replace(inicio, " ", "\n", 2)+cola+"\n"+inicio+"\r\n"), []byte("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r"+uuid1+"~TER010101AB1~T\rS\r"))
	f.Add([]byte("RfcEmisor~Uuid~NombreEmisor\r\nAAA010101AAA~"+uuid1+"~A\nB\r\nx\xd1~\xc3\r\n"), []byte("\xff\xfeU\x00u\x00i\x00d\x00~\x00"))
	f.Fuzz(func(t *testing.T, metadatos, terceros []byte) {
		if len(metadatos)+len(terceros) > 1<<20 {
			return
		}
		paquete := empacaComo(t, zip.Store, archivo{"a.txt", string(metadatos)}, archivo{"b.txt", string(terceros)})
		todos, fallas := leeTodo(t, leeMetadatos, paquete, 0)
		for _, m := range todos {
			if _, ok := Clave(m.UUID); !ok {
				t.Fatalf("a row without UUID: %+v", m)
			}
		}
		if len(todos)+len(fallas) > 30 {
			return
		}
		porPagina, fallasPorPagina := leeTodo(t, leeMetadatos, paquete, 3)
		if !reflect.DeepEqual(todos, porPagina) || !reflect.DeepEqual(fallas, fallasPorPagina) {
			t.Fatalf("at once %+v %+v\nby pages %+v %+v", todos, fallas, porPagina, fallasPorPagina)
		}
	})
}
