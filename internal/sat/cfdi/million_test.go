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

// random makes values as the SAT's texts have them, each row from its number
// alone, so that none has to be kept to be compared with.
type random struct{ *rand.Rand }

func ofRow(i int) random { return random{rand.New(rand.NewPCG(1, uint64(i)))} }

func (a random) de(options ...string) string { return options[a.IntN(len(options))] }

func (a random) uuid() string {
	s := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a.Uint32(), a.IntN(1<<16), a.IntN(1<<12), a.IntN(1<<12), a.Uint64()>>16)
	if a.IntN(10) > 0 {
		s = strings.ToUpper(s)
	}
	return s
}

func (a random) rfc() string {
	letters := []rune("ABCDEFGHIJKLMNÑOPQRSTUVWXYZ&")
	var b strings.Builder
	for range 3 + a.IntN(2) {
		b.WriteRune(letters[a.IntN(len(letters))])
	}
	fmt.Fprintf(&b, "%02d%02d%02d%s%s%s", a.IntN(100), 1+a.IntN(12), 1+a.IntN(28), a.de("A", "Z", "0"), a.de("B", "9"), a.de("A", "3"))
	return b.String()
}

// name has a trap in one of eight.
func (a random) name() string {
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

func (a random) fecha() string {
	return fmt.Sprintf("20%02d-%02d-%02d %02d:%02d:%02d", 15+a.IntN(12), 1+a.IntN(12), 1+a.IntN(28), a.IntN(24), a.IntN(60), a.IntN(60))
}

// metadato is the i-th row, and whether it has a third party.
func metadato(i int) (m Metadato, tercero bool) {
	a := ofRow(i)
	m = Metadato{UUID: a.uuid(), RFCEmisor: a.rfc(), NombreEmisor: a.name(), RFCReceptor: a.de(a.rfc(), "XAXX010101000", "XEXX010101000"), NombreReceptor: a.name(),
		RFCPac: a.rfc(), FechaEmision: a.fecha(), FechaCertificacionSAT: a.fecha(), Monto: fmt.Sprintf("%d.%0*d", a.IntN(1e6), 1+a.IntN(6), a.IntN(10)),
		EfectoComprobante: a.de("I", "E", "T", "N", "P"), Estatus: "1"}
	if a.IntN(10) == 0 {
		m.Estatus, m.FechaCancelacion = "0", a.fecha()
	}
	if a.IntN(20) == 0 {
		m.Extras = []Field{{"#extra-01", a.de("x", "", "algo más")}, {"#extra-02", "y"}}
	}
	if tercero = a.IntN(4) == 0; tercero {
		who := ofRow(-1 - a.IntN(5000))
		m.RFCACuentaTerceros, m.NombreACuentaTerceros = who.rfc(), who.name()
	}
	return m, tercero
}

// write writes n rows by the SAT's rules: fields in the header's order with ~
// between them, CRLF after each row, third parties in a text of their own, with
// their UUID in the other case.
func write(tb testing.TB, w io.Writer, n int) {
	tb.Helper()
	z := zip.NewWriter(w)
	text := func(name, head string, row func(i int) string) {
		f, err := z.Create(name)
		if err != nil {
			tb.Fatal(err)
		}
		var b bytes.Buffer
		b.WriteString(head + "\r\n")
		for i := range n {
			b.WriteString(row(i))
			if b.Len() > 64<<10 || i == n-1 {
				if _, err := b.WriteTo(f); err != nil {
					tb.Fatal(err)
				}
			}
		}
	}
	text("ABC_01.txt", titulos, func(i int) string {
		m, _ := metadato(i)
		fields := []string{m.UUID, m.RFCEmisor, m.NombreEmisor, m.RFCReceptor, m.NombreReceptor, m.RFCPac, m.FechaEmision, m.FechaCertificacionSAT, m.Monto, m.EfectoComprobante, m.Estatus, m.FechaCancelacion}
		for _, e := range m.Extras {
			fields = append(fields, e.Value)
		}
		return strings.Join(fields, "~") + "\r\n"
	})
	text("ABC_tercero.txt", "Uuid~RfcACuentaTerceros~NombreACuentaTerceros", func(i int) string {
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
	n := million
	if testing.Short() {
		n = 50_000
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "paquete.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // removed with its folder
	write(t, f, n)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var mem runtime.MemStats
	memory := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&mem)
		return mem.HeapAlloc
	}
	before, atBeginning := memory(), uint64(0)
	i := 0
	for read, err := range Metadatos(f, info.Size(), Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if read.Falla != nil {
			t.Fatal(read.Falla)
		}
		want, _ := metadato(i)
		want.UUID = strings.ToLower(want.UUID)
		if !reflect.DeepEqual(want, read.Value) {
			t.Fatalf("row %d is\n%+v, want\n%+v", i+1, read.Value, want)
		}
		if i++; i == 1000 {
			atBeginning = memory()
		}
	}
	atEnd := memory()
	if i != n {
		t.Errorf("%d rows of %d", i, n)
	}
	// Third parties cost 24 bytes each, with what a slice grows ahead; rows nothing.
	if terceros := uint64(n/4*24*5/4 + 2<<20); atBeginning > before+terceros || atEnd > atBeginning+1<<20 {
		t.Errorf("KiB held: %d before, %d after 1000 rows (%d of third parties allowed), %d at the end", before>>10, atBeginning>>10, terceros>>10, atEnd>>10)
	}
}

// FuzzMetadatos: no text makes it panic or read without end, every row has a
// UUID, and pages are what one reading is.
func FuzzMetadatos(f *testing.F) {
	f.Add([]byte(titulos+"\r\n"+start+queue+"\r\n"), []byte("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r\n"+uuid1+"~TER010101AB1~T~S\r\n"))
	f.Add([]byte("\uFEFF"+titulos+"\r\n"+strings.Replace(start, " ", "~\n\"", 3)+queue+"~x\r\nbasura\r\n"+start), []byte("Uuid~x\r\n"))
	f.Add([]byte("Uuid~NombreX~NombreY~RfcEmisor\r\n"+uuid1+strings.Repeat("~AAA010101AAA", 40)), []byte{})
	f.Add([]byte("\n\n"+titulos+"\n"+strings.Replace(start, " ", "\n", 2)+queue+"\n"+start+"\r\n"), []byte("Uuid~RfcACuentaTerceros~NombreACuentaTerceros\r"+uuid1+"~TER010101AB1~T\rS\r"))
	f.Add([]byte("RfcEmisor~Uuid~NombreEmisor\r\nAAA010101AAA~"+uuid1+"~A\nB\r\nx\xd1~\xc3\r\n"), []byte("\xff\xfeU\x00u\x00i\x00d\x00~\x00"))
	f.Fuzz(func(t *testing.T, metadatos, terceros []byte) {
		if len(metadatos)+len(terceros) > 1<<20 {
			return
		}
		paquete := packAs(t, zip.Store, file{"a.txt", string(metadatos)}, file{"b.txt", string(terceros)})
		all, fallas := readAll(t, readMetadatos, paquete, 0)
		for _, m := range all {
			if _, ok := Key(m.UUID); !ok {
				t.Fatalf("a row without UUID: %+v", m)
			}
		}
		if len(all)+len(fallas) > 30 {
			return
		}
		perPage, fallasPerPage := readAll(t, readMetadatos, paquete, 3)
		if !reflect.DeepEqual(all, perPage) || !reflect.DeepEqual(fallas, fallasPerPage) {
			t.Fatalf("at once %+v %+v\nby pages %+v %+v", all, fallas, perPage, fallasPerPage)
		}
	})
}
