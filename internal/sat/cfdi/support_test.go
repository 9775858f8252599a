package cfdi

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

const (
	titulos = "Uuid~RfcEmisor~NombreEmisor~RfcReceptor~NombreReceptor~RfcPac~FechaEmision~FechaCertificacionSat~Monto~EfectoComprobante~Estatus~FechaCancelacion"
	uuid1   = "0A1B2C3D-4E5F-4071-8293-A4B5C6D7E8F9"
	uuid2   = "11111111-2222-4333-8444-555555555555"
	queue   = "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~1~"
)

type file struct{ name, content string }

func pack(tb testing.TB, files ...file) []byte {
	tb.Helper()
	return packAs(tb, zip.Deflate, files...)
}

func packAs(tb testing.TB, method uint16, files ...file) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, a := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: a.name, Method: method})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, a.content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// readAll reads a package page by page, each page of n, from the position that
// the former one ended with; n of 0 reads it at once.
func readAll[T any](tb testing.TB, read func(io.ReaderAt, int64, Position) func(func(Read[T], error) bool), paquete []byte, n int) (values []T, fallas []Falla) {
	tb.Helper()
	var since Position
	for {
		seen := 0
		for readSoFar, err := range read(bytes.NewReader(paquete), int64(len(paquete)), since) {
			if err != nil {
				tb.Fatal(err)
			}
			if readSoFar.Falla != nil {
				fallas = append(fallas, *readSoFar.Falla)
			} else {
				values = append(values, readSoFar.Value)
			}
			since = readSoFar.Follow
			if seen++; seen == n {
				break
			}
		}
		if n == 0 || seen < n {
			return values, fallas
		}
	}
}

func readMetadatos(r io.ReaderAt, size int64, since Position) func(func(Read[Metadato], error) bool) {
	return Metadatos(r, size, since)
}

func readSummaries(r io.ReaderAt, size int64, since Position) func(func(Read[Summary], error) bool) {
	return Summaries(r, size, since)
}
