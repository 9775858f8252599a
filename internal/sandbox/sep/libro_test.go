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
	quiere := map[string][][]string{}
	argumentos := []string{"-env:UserInstallation=file://" + dir + "/perfil", "--headless", "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76", "--outdir", dir}
	for _, n := range []int{1, 30, 10_000} {
		filas, textos := [][]any{}, [][]string{}
		for i := range n {
			archivo, descripcion, folio := fmt.Sprintf("título_%d.xml", i), []string{"Título electrónico", "日本 «€»", "", strings.Repeat("ñ", i%300) + "𝄞"}[i%4], fmt.Sprintf("%04d", i)
			filas = append(filas, []any{archivo, float64(i%2 + 1), descripcion, folio})
			textos = append(textos, []string{archivo, strconv.Itoa(i%2 + 1), descripcion, folio})
		}
		nombre := filepath.Join(dir, strconv.Itoa(n))
		quiere[nombre+".csv"] = textos
		if err := os.WriteFile(nombre+".xls", sep.Libro(filas), 0o600); err != nil {
			t.Fatal(err)
		}
		argumentos = append(argumentos, nombre+".xls")
	}
	if salida, err := exec.CommandContext(t.Context(), soffice, argumentos...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, salida)
	}
	for nombre, textos := range quiere {
		b, err := os.ReadFile(nombre)
		if err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
		if d := cmp.Diff(textos, got); err != nil || d != "" {
			t.Errorf("%s: %v %.2000s", filepath.Base(nombre), err, d)
		}
	}
}

func TestLibro_IsTheSameEachTime(t *testing.T) {
	filas := [][]any{{"a", 1.0, "", "ñ"}}
	if !slices.Equal(sep.Libro(filas), sep.Libro(filas)) {
		t.Error("it differs")
	}
}
