package handlers

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
)

// The results of lotes are written by the same hand as the rows of descargas.
func TestWriteCSV_WhenCellsAreOthersTextLeavesThemWholeAndInert(t *testing.T) {
	t.Parallel()
	got := []lotes.TituloResult{
		{File: "a.xml", Estatus: "2", Description: "uno\ndos\r\ntres, \"cuatro\"", FolioControl: "=1+1", Result: "rechazado", Motivo: "\n@x"}}
	const want = "archivo,estatus,descripcion,folioControl,resultado,motivoCodigo\r\n" +
		"a.xml,2,\"uno\ndos\r\ntres, \"\"cuatro\"\"\",'=1+1,rechazado,\"'\n@x\"\r\n"
	for mark, want := range map[bool]string{false: want, true: "\xEF\xBB\xBF" + want} {
		w := httptest.NewRecorder()
		if err := writeCSV(w, "7", got, mark); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, w.Body.String()); d != "" {
			t.Error(d)
		}
	}
}
