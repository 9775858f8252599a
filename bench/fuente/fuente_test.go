package fuente

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/bench/ref"
)

func TestDescarga_WhenDecodedIsAWholeZIPOfTheSizeAsked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Handler(time.Now))
	t.Cleanup(server.Close)
	for _, megas := range []int{1, 3, 7, 10} {
		for name, decode := range decoders() {
			t.Run(fmt.Sprintf("%d MB by %s", megas, name), func(t *testing.T) {
				t.Parallel()
				resp, err := http.Post(server.URL+"/descarga", "text/xml", strings.NewReader(`<r IdPaquete="`+ID(megas, 1)+`"/>`))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close() //nolint:errcheck // read only
				var got bytes.Buffer
				if err := decode(&got, resp.Body); err != nil {
					t.Fatal(err)
				}
				checkZIP(t, got.Bytes(), uint64(megas)*1e6)
			})
		}
	}
}

func decoders() map[string]func(io.Writer, io.Reader) error {
	out := map[string]func(io.Writer, io.Reader) error{"readall": ref.ReadAll}
	for name, dec := range ref.Decoders() {
		out[name] = func(w io.Writer, r io.Reader) error { return ref.Stream(w, r, dec) }
	}
	return out
}

// checkZIP reads the entry to its end, where archive/zip verifies the checksum.
func checkZIP(t *testing.T, whole []byte, size uint64) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 1 || archive.File[0].UncompressedSize64 != size {
		t.Fatalf("the ZIP holds %d entries, want one of %d bytes", len(archive.File), size)
	}
	content, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, content); err != nil || uint64(n) != size {
		t.Fatalf("the entry has %d bytes (%v), want %d", n, err, size)
	}
}

func TestGowsdl_WhenFetchingWritesTheSameZIP(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Handler(time.Now))
	t.Cleanup(server.Close)
	var got bytes.Buffer
	if err := ref.Gowsdl(&got, server.URL+"/descarga", ID(4, 1), "PRU010101AB1"); err != nil {
		t.Fatal(err)
	}
	checkZIP(t, got.Bytes(), 4e6)
}

func TestFixedAnswers_WhenReadAreWellFormed(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"Verifica": Verify, "Autentica": Authenticate(time.Now()), "Paquete": paqueteStart + paqueteEnd, "Consulta": Query, "Carga": Upload} {
		dec := xml.NewDecoder(strings.NewReader(answer))
		var err error
		for err == nil {
			_, err = dec.Token()
		}
		if err != io.EOF { //nolint:errorlint // the decoder's own
			t.Errorf("%s: %v", name, err)
		}
	}
}
