package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/config"
)

func TestPage_WhenRenderedIsTheOneOnRecord(t *testing.T) {
	want, err := render()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/configuration.md is stale, run make generate (-want +got):\n%s", diff)
	}
}

func TestPage_WhenRenderedHasARowForEverySetting(t *testing.T) {
	page, err := render()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := config.Settings()
	if err != nil || len(settings) < 10 {
		t.Fatalf("%d settings: %v", len(settings), err)
	}
	for _, s := range settings {
		if strings.Count(page, "\n| `"+s.Name+"` | ") != 1 {
			t.Errorf("%s has not exactly one row", s.Name)
		}
	}
}

func TestRun_WithoutAPath(t *testing.T) {
	if err := run(nil); err == nil {
		t.Error("run without arguments: want an error")
	}
}
