package titulo

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type tituloOf struct {
	folio string
	xml   []byte
}

func sequence(titulos ...tituloOf) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, t := range titulos {
			if !yield(t.folio, t.xml) {
				return
			}
		}
	}
}

func withFolio(t testing.TB, folio string) tituloOf {
	t.Helper()
	e := example()
	e.FolioControl = folio
	return tituloOf{folio, document(t, e)}
}

func lote(t testing.TB, titulos ...tituloOf) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteZip(&b, sequence(titulos...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWriteZip_WhenReadAgain(t *testing.T) {
	length := strings.Repeat("9", 300)
	folios := []string{"0001", "UNAM/2026 ñ1", "UNAM_2026__1", "abc", "ABC", "../x", "", length, length + "1", "CBGE-17.028_750"}
	var titulos []tituloOf
	for _, f := range folios {
		titulos = append(titulos, withFolio(t, f))
	}
	closed := lote(t, titulos...)
	if !bytes.Equal(closed, lote(t, titulos...)) {
		t.Error("the same titles give another zip")
	}
	z, err := zip.NewReader(bytes.NewReader(closed), int64(len(closed)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range z.File {
		read, err := Parse(open(t, f))
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = read.FolioControl
	}
	want := map[string]string{
		"0001.xml": "0001", "UNAM_2026__1.xml": folios[1], "UNAM_2026__1-2.xml": folios[2], "abc.xml": "abc", "ABC-2.xml": "ABC",
		"_x.xml": "../x", "titulo.xml": "", length[:90] + ".xml": length, length[:90] + "-2.xml": length + "1", "CBGE-17.028_750.xml": "CBGE-17.028_750",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func open(t testing.TB, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWriteZip_WhenRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		titulos iter.Seq2[string, []byte]
		want    Codigo
	}{
		"empty":     {maps.All(map[string][]byte{}), CodigoZipVacio},
		"duplicate": {sequence(withFolio(t, "1"), withFolio(t, "2"), withFolio(t, "1")), CodigoFolioDuplicado},
		"too many":  {sequence(withFolio(t, "1"), withFolio(t, "2"), withFolio(t, "3"), withFolio(t, "4")), CodigoZipEntries},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := writeZip(&b, tt.titulos, 3)
			var p Problem
			if !errors.As(err, &p) || p.Codigo != tt.want {
				t.Errorf("error = %v", err)
			}
			if _, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
				t.Error("a whole zip was written")
			}
		})
	}
}

type broken struct{ remain int }

var errBroken = errors.New("broken")

func (r *broken) Write(p []byte) (int, error) {
	if r.remain -= len(p); r.remain < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestWriteZip_WhenWriterFails(t *testing.T) {
	size := len(lote(t, withFolio(t, "1")))
	for remain := size - 1; remain >= 0; remain -= 37 {
		if err := WriteZip(&broken{remain}, sequence(withFolio(t, "1"))); !errors.Is(err, errBroken) {
			t.Fatalf("after %d bytes: %v", remain, err)
		}
	}
}
