package paquetes

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"
)

// makeZip writes n small entries, with a comment.
func makeZip(tb testing.TB, n int, comment string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d.xml", i), Method: zip.Store})
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(f, "<a>%d</a>", i) //nolint:errcheck // memory
	}
	if err := w.SetComment(comment); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
