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
	cola    = "~PAC010101AB1~2024-05-06 07:08:09~2024-05-06 07:09:10~116.00~I~1~"
)

type archivo struct{ nombre, contenido string }

func empaca(tb testing.TB, archivos ...archivo) []byte {
	tb.Helper()
	return empacaComo(tb, zip.Deflate, archivos...)
}

func empacaComo(tb testing.TB, metodo uint16, archivos ...archivo) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, a := range archivos {
		f, err := w.CreateHeader(&zip.FileHeader{Name: a.nombre, Method: metodo})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(f, a.contenido); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// leeTodo reads a package page by page, each page of n, from the position that
// the former one ended with; n of 0 reads it at once.
func leeTodo[T any](tb testing.TB, lee func(io.ReaderAt, int64, Posicion) func(func(Leido[T], error) bool), paquete []byte, n int) (valores []T, fallas []Falla) {
	tb.Helper()
	var desde Posicion
	for {
		vistos := 0
		for leido, err := range lee(bytes.NewReader(paquete), int64(len(paquete)), desde) {
			if err != nil {
				tb.Fatal(err)
			}
			if leido.Falla != nil {
				fallas = append(fallas, *leido.Falla)
			} else {
				valores = append(valores, leido.Valor)
			}
			desde = leido.Sigue
			if vistos++; vistos == n {
				break
			}
		}
		if n == 0 || vistos < n {
			return valores, fallas
		}
	}
}

func leeMetadatos(r io.ReaderAt, size int64, desde Posicion) func(func(Leido[Metadato], error) bool) {
	return Metadatos(r, size, desde)
}

func leeResumenes(r io.ReaderAt, size int64, desde Posicion) func(func(Leido[Resumen], error) bool) {
	return Resumenes(r, size, desde)
}
