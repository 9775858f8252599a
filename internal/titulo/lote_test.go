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

type tituloDe struct {
	folio string
	xml   []byte
}

func secuencia(titulos ...tituloDe) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, t := range titulos {
			if !yield(t.folio, t.xml) {
				return
			}
		}
	}
}

func conFolio(t testing.TB, folio string) tituloDe {
	t.Helper()
	e := ejemplo()
	e.FolioControl = folio
	return tituloDe{folio, documento(t, e)}
}

func lote(t testing.TB, titulos ...tituloDe) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EscribeZip(&b, secuencia(titulos...)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEscribeZip_WhenReadAgain(t *testing.T) {
	largo := strings.Repeat("9", 300)
	folios := []string{"0001", "UNAM/2026 ñ1", "UNAM_2026__1", "abc", "ABC", "../x", "", largo, largo + "1", "CBGE-17.028_750"}
	var titulos []tituloDe
	for _, f := range folios {
		titulos = append(titulos, conFolio(t, f))
	}
	cerrado := lote(t, titulos...)
	if !bytes.Equal(cerrado, lote(t, titulos...)) {
		t.Error("the same titles give another zip")
	}
	z, err := zip.NewReader(bytes.NewReader(cerrado), int64(len(cerrado)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range z.File {
		leido, err := Parse(abre(t, f))
		if err != nil {
			t.Fatal(err)
		}
		got[f.Name] = leido.FolioControl
	}
	want := map[string]string{
		"0001.xml": "0001", "UNAM_2026__1.xml": folios[1], "UNAM_2026__1-2.xml": folios[2], "abc.xml": "abc", "ABC-2.xml": "ABC",
		"_x.xml": "../x", "titulo.xml": "", largo[:90] + ".xml": largo, largo[:90] + "-2.xml": largo + "1", "CBGE-17.028_750.xml": "CBGE-17.028_750",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func abre(t testing.TB, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	contenido, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return contenido
}

func TestEscribeZip_WhenRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		titulos iter.Seq2[string, []byte]
		want    Codigo
	}{
		"empty":     {maps.All(map[string][]byte{}), CodigoZipVacio},
		"duplicate": {secuencia(conFolio(t, "1"), conFolio(t, "2"), conFolio(t, "1")), CodigoFolioDuplicado},
		"too many":  {secuencia(conFolio(t, "1"), conFolio(t, "2"), conFolio(t, "3"), conFolio(t, "4")), CodigoZipEntradas},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			err := escribeZip(&b, tt.titulos, 3)
			var p Problema
			if !errors.As(err, &p) || p.Codigo != tt.want {
				t.Errorf("error = %v", err)
			}
			if _, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
				t.Error("a whole zip was written")
			}
		})
	}
}

type roto struct{ quedan int }

var errRoto = errors.New("broken")

func (r *roto) Write(p []byte) (int, error) {
	if r.quedan -= len(p); r.quedan < 0 {
		return 0, errRoto
	}
	return len(p), nil
}

func TestEscribeZip_WhenWriterFails(t *testing.T) {
	size := len(lote(t, conFolio(t, "1")))
	for quedan := size - 1; quedan >= 0; quedan -= 37 {
		if err := EscribeZip(&roto{quedan}, secuencia(conFolio(t, "1"))); !errors.Is(err, errRoto) {
			t.Fatalf("after %d bytes: %v", quedan, err)
		}
	}
}
