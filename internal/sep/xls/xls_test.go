package xls_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox/sep"
	"github.com/pasarela-mx/pasarela/internal/sep/xls"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// rowsOf reads the rows of every sheet of every book of a file.
func rowsOf(b []byte) ([][]string, error) {
	books, err := xls.Books(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, book := range books {
		sheets, err := book.Sheets()
		if err != nil {
			return all, err
		}
		for _, sheet := range sheets {
			all = slices.AppendSeq(all, sheet.Rows)
		}
	}
	return all, nil
}

func csvRows(t testing.TB, b []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// The fixtures were made by LibreOffice 7.4 from the CSV beside them: muchos has shared strings over
// several CONTINUEs in both widths, uno lives in the small streams.
func TestRows_AreTheCSVThatLibreOfficeConverted(t *testing.T) {
	for _, name := range []string{"muchos", "uno"} {
		got, err := rowsOf(fixture(t, name+".xls"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(csvRows(t, fixture(t, name+".csv")), got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// largeCSV has accents, blanks, quotes and numbers in column D.
func largeCSV(t testing.TB, rows int) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"JOSÉ", "MARÍA", "Ñandú \"X\"", "O'FARRILL", "日本", "€uro", "a, b", "𝄞"}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"})
	for i := range rows {
		description := []string{
			"Título electrónico registrado exitosamente", "",
			"Validación RENAPO, nombre no válido en el nodo Profesionista: " + names[random.IntN(len(names))] + strconv.Itoa(i),
		}[random.IntN(3)]
		folio := []string{
			strconv.Itoa(i), strconv.FormatFloat(float64(i)+0.5, 'f', -1, 64), strconv.Itoa(-i - 1), "AB" + strconv.Itoa(i), "", "12345678901", "0.25",
		}[random.IntN(7)]
		_ = w.Write([]string{fmt.Sprintf("título_%d.xml", i), []string{"1", "2", ""}[random.IntN(3)], description, folio})
	}
	w.Flush()
	return b.Bytes()
}

func TestRows_TenThousandFromLibreOffice(t *testing.T) {
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("SKIPPED: soffice is not installed, so no fresh workbook of LibreOffice was read; only those in testdata")
	}
	dir := t.TempDir()
	want := largeCSV(t, 10_000)
	if err := os.WriteFile(filepath.Join(dir, "lote.csv"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	convert := exec.CommandContext(t.Context(), soffice, "-env:UserInstallation=file://"+dir+"/profile", "--headless",
		"--convert-to", "xls", "--infilter=CSV:44,34,76", "--outdir", dir, filepath.Join(dir, "lote.csv"))
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	book, err := os.ReadFile(filepath.Join(dir, "lote.xls"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := rowsOf(book)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(csvRows(t, want), got); d != "" {
		t.Error(d)
	}
}

// The sandbox's writer was made apart from this reader. Its sizes here are: the small streams, both sides of
// their bound, several CONTINUEs, and a container whose table no longer fits the header.
func TestRows_AreThoseTheSandboxWrote(t *testing.T) {
	sizes := []struct{ rows, text int }{{3, 30_000}, {10_000, 90}, {65_536, 100}}
	for n := range 50 {
		sizes = append(sizes, struct{ rows, text int }{n + 1, 9})
	}
	small := map[bool]int{}
	for _, c := range sizes {
		written, want := make([][]any, 0, c.rows), make([][]string, 0, c.rows)
		for i := range c.rows {
			name, text := strconv.Itoa(i)+".xml", strconv.Itoa(i)+strings.Repeat([]string{"ñ", "日", "x"}[i%3], c.text)
			written = append(written, []any{name, float64(i%2 + 1), text, fmt.Sprintf("%05d", i)})
			want = append(want, []string{name, strconv.Itoa(i%2 + 1), text, fmt.Sprintf("%05d", i)})
		}
		book := sep.Libro(written)
		small[binary.LittleEndian.Uint32(book[64:]) > 0]++
		if fatSectors := binary.LittleEndian.Uint32(book[44:]); c.rows == 65_536 && fatSectors <= 109 {
			t.Errorf("%d sectors of table: too few for this test", fatSectors)
		}
		got, err := rowsOf(book)
		if err != nil || !slices.EqualFunc(want, got, slices.Equal[[]string]) {
			t.Errorf("%d rows of %d: %d, %v", c.rows, c.text, len(got), err)
		}
	}
	if small[true] < 5 || small[false] < 5 {
		t.Errorf("books in the small streams and not: %v", small)
	}
}

func TestRows_StopsWhenAsked(t *testing.T) {
	book := fixture(t, "muchos.xls")
	books, err := xls.Books(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	sheets, err := books[0].Sheets()
	if err != nil || len(sheets) != 1 {
		t.Fatalf("%d sheets, %v", len(sheets), err)
	}
	n := 0
	for range sheets[0].Rows {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d rows", n)
	}
}

func TestRows_RefusesWhatIsNoBook(t *testing.T) {
	book := fixture(t, "uno.xls")
	change := func(at int, with ...byte) []byte {
		b := bytes.Clone(book)
		copy(b[at:], with)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"a header alone":        book[:512],
		"half":                  book[:len(book)/2],
		"text":                  bytes.Repeat([]byte("<html>"), 500),
		"another signature":     change(0, 0),
		"sectors of a megabyte": change(30, 20),
		"directory out of file": change(48, 0xFF, 0xFF),
		"no allocation table":   change(76, 0xFF, 0xFF, 0xFF, 0xFF),
		"BIFF5":                 bytes.Replace(book, []byte("\x09\x08\x10\x00\x00\x06"), []byte("\x09\x08\x10\x00\x00\x05"), 1),
		"another stream":        bytes.Replace(book, []byte("W\x00o\x00r\x00k\x00"), []byte("X\x00o\x00r\x00k\x00"), 1),
	} {
		rows, err := rowsOf(b)
		if len(rows) > 0 || !errors.Is(err, xls.ErrFormat) {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
	if _, err := xls.Books(bytes.NewReader(nil), xls.MaxBytes+1); !errors.Is(err, xls.ErrLimit) {
		t.Errorf("too large: %v", err)
	}
}

// zipped writes a ZIP with sizes after the data, as the SEP's.
func zipped(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBooks_WhenThereAreSome(t *testing.T) {
	want := csvRows(t, fixture(t, "uno.csv"))
	book := fixture(t, "uno.xls")
	for name, b := range map[string][]byte{
		"as the SEP":       zipped(t, map[string][]byte{"ResultadoCargaTitulos257945.xls": book}),
		"among others":     zipped(t, map[string][]byte{"leeme.txt": []byte("x"), "a/Resultado.XLS": book}),
		"made on a Mac":    zipped(t, map[string][]byte{"a.xls": book, "__MACOSX/._a.xls": []byte("x"), ".b.xls": []byte("x")}),
		"without its ZIP ": book,
	} {
		got, err := rowsOf(b)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	b := zipped(t, map[string][]byte{`c:\x\ResultadoCargaTitulos7.xls`: book})
	books, err := xls.Books(bytes.NewReader(b), int64(len(b)))
	if err != nil || len(books) != 1 || books[0].Name != "ResultadoCargaTitulos7.xls" || books[0].Reader().Size() != int64(len(book)) || books[0].Kind != xls.XLS {
		t.Errorf("%+v %v", books, err)
	}
	// A book is handed out whatever is in it.
	b = zipped(t, map[string][]byte{"a.xlsx": []byte("no book")})
	if books, err = xls.Books(bytes.NewReader(b), int64(len(b))); err != nil || books[0].Kind != xls.XLSX {
		t.Errorf("%+v %v", books, err)
	}
	if _, err := books[0].Sheets(); !errors.Is(err, xls.ErrFormat) {
		t.Errorf("and read: %v", err)
	}
}

func TestBooks_RefusesOthers(t *testing.T) {
	book := fixture(t, "uno.xls")
	many := map[string][]byte{"a.xls": book}
	for i := range xls.MaxZipFiles {
		many[strconv.Itoa(i)] = nil
	}
	damaged := zipped(t, map[string][]byte{"a.xls": bytes.Repeat(book, 3)})
	damaged[100] ^= 0xFF
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"no ZIP":     {[]byte("PK\x03\x04 and no more"), xls.ErrFormat},
		"empty":      {nil, xls.ErrFormat},
		"no book":    {zipped(t, map[string][]byte{"a.xml": book}), xls.ErrFormat},
		"damaged":    {damaged, xls.ErrFormat},
		"bomb":       {zipped(t, map[string][]byte{"a.xls": make([]byte, xls.MaxBytes+1)}), xls.ErrLimit},
		"many files": {zipped(t, many), xls.ErrLimit},
	} {
		rows, err := rowsOf(c.b)
		if len(rows) > 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add(fixture(f, "uno.xls"))
	f.Add(fixture(f, "muchos.xls")[:20_000])
	f.Add(zipped(f, map[string][]byte{"a.xls": fixture(f, "uno.xls")}))
	f.Add(fixture(f, "openpyxl.xlsx"))
	f.Add(xlsx(f, `<row><c t="inlineStr"><is><t>a</t></is></c><c><v>1.5</v></c></row>`, `<si><t>b</t></si>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		books, err := xls.Books(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			ofAKind(t, err)
			return
		}
		for _, book := range books {
			sheets, err := book.Sheets()
			if err != nil {
				ofAKind(t, err)
			}
			for _, sheet := range sheets {
				width := -1
				for row := range sheet.Rows {
					if width >= 0 && len(row) != width || len(row) > xls.MaxColumns {
						t.Fatalf("%d columns after %d", len(row), width)
					}
					width = len(row)
					if strings.Contains(strings.Join(row, ""), "\xff") {
						t.Fatal("not UTF-8")
					}
				}
			}
		}
	})
}

func ofAKind(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, xls.ErrFormat) && !errors.Is(err, xls.ErrLimit) {
		t.Fatalf("an error of no kind: %v", err)
	}
}
