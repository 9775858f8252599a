package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPage_WhenRenderedIsTheOneOnRecord(t *testing.T) {
	got, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "linea-de-ordenes.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(render(), string(got)); diff != "" {
		t.Errorf("docs/linea-de-ordenes.md is stale, run make generate (-want +got):\n%s", diff)
	}
}

func TestRun_WithoutAPath(t *testing.T) {
	if err := run(nil); err == nil {
		t.Error("run without arguments: want an error")
	}
}
