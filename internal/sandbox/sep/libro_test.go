package sep_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox/sep"
)

// LibreOffice reads the books of the sandbox: of the small streams, of the first table, and with strings
// over many CONTINUEs.
func TestLibro_LibreOfficeReadsIt(t *testing.T) {
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("SKIPPED: soffice is not installed, so no other program read the sandbox's workbooks")
	}
	dir := t.TempDir()
	wants := map[string][][]string{}
	arguments := []string{"-env:UserInstallation=file://" + dir + "/perfil", "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76", "--outdir", dir}
	for _, n := range []int{1, 30, 10_000} {
		rows, texts := [][]any{}, [][]string{}
		for i := range n {
			file, description, folio := fmt.Sprintf("título_%d.xml", i), []string{"Título electrónico", "日本 «€»", "", strings.Repeat("ñ", i%300) + "𝄞"}[i%4], fmt.Sprintf("%04d", i)
			rows = append(rows, []any{file, float64(i%2 + 1), description, folio})
			texts = append(texts, []string{file, strconv.Itoa(i%2 + 1), description, folio})
		}
		name := filepath.Join(dir, strconv.Itoa(n))
		wants[name+".csv"] = texts
		if err := os.WriteFile(name+".xls", sep.Libro(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, name+".xls")
	}
	if output, err := exec.CommandContext(t.Context(), soffice, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for name, texts := range wants {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
		if d := cmp.Diff(texts, got); err != nil || d != "" {
			t.Errorf("%s: %v %.2000s", filepath.Base(name), err, d)
		}
	}
}

func TestLibro_IsTheSameEachTime(t *testing.T) {
	rows := [][]any{{"a", 1.0, "", "ñ"}}
	if !slices.Equal(sep.Libro(rows), sep.Libro(rows)) {
		t.Error("it differs")
	}
}
