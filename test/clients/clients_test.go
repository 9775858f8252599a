package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := readBelow(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lines are those of a text without their indentation and without empty ones:
// a page shows a part of a function at its margin.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// TestPage_CodeIsThatOfTheProgramsThatRun: what docs/clientes.md shows of a
// language is taken from the program that `make clients` runs.
func TestPage_CodeIsThatOfTheProgramsThatRun(t *testing.T) {
	page := read(t, pageClients)
	for _, l := range languages() {
		if l.only == ejemplo {
			continue
		}
		var programs strings.Builder
		files, err := filepath.Glob(filepath.Join(l.name, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no programs: %v", l.name, err)
		}
		for _, file := range files {
			programs.WriteString(lines(read(t, path.Join("test/clients", filepath.ToSlash(file)))))
		}
		fence := map[string]string{"typescript": "ts", "orval": "ts", "openapi-python-client": "python"}[l.name]
		if fence == "" {
			fence = l.name
		}
		shown := blocks(section(page, l.titulo), fence)
		if len(shown) == 0 {
			t.Errorf("%s: the page shows no code", l.titulo)
		}
		for _, block := range shown {
			if !strings.Contains(programs.String(), lines(block)) {
				t.Errorf("%s: no program has these lines:\n%s", l.titulo, block)
			}
		}
	}
}

// TestPage_VersionsAreThoseThatRun: a version is said several times, and pinned
// in the module and package files too.
func TestPage_VersionsAreThoseThatRun(t *testing.T) {
	page, module, packages := read(t, pageClients), read(t, "go.mod"), read(t, "test/clients/typescript/package.json")
	table := tableBlock(page)
	for _, pinned := range []struct{ what, commands, table, file, text string }{
		{"openapi-generator", `openapi-generator-cli[:-]([0-9.]+[0-9])`, `openapi-generator ([0-9.]+)`, "", ""},
		{"oapi-codegen", `oapi-codegen@v([0-9.]+)`, `oapi-codegen ([0-9.]+)`, `oapi-codegen/oapi-codegen/v2 v([0-9.]+)`, module},
		{"its runtime", `oapi-codegen/runtime@v([0-9.]+)`, "", `oapi-codegen/runtime v([0-9.]+)`, module},
		{"openapi-typescript", `openapi-typescript@([0-9.]+)`, `openapi-typescript ([0-9.]+)`, `"openapi-typescript": "([0-9.]+)"`, packages},
		{"openapi-fetch", `openapi-fetch@([0-9.]+)`, `openapi-fetch ([0-9.]+)`, `"openapi-fetch": "([0-9.]+)"`, packages},
		{"orval", ` orval@([0-9.]+)`, `orval ([0-9.]+)`, "", ""},
		{"openapi-python-client", `openapi-python-client==([0-9.]+)`, `openapi-python-client ([0-9.]+)`, "", ""},
		{"typescript", ` typescript@([0-9.]+)`, "", `"typescript": "([0-9.]+)"`, packages},
		{"@types/node", `@types/node@([0-9.]+)`, "", `"@types/node": "([0-9.]+)"`, packages},
	} {
		got := versions(pinned.commands, strings.Join(blocks(page, "sh"), ""))
		if pinned.table != "" {
			got = append(got, versions(pinned.table, table)...)
		}
		if pinned.file != "" {
			got = append(got, versions(pinned.file, pinned.text)...)
		}
		slices.Sort(got)
		if len(got) < 2 || len(slices.Compact(slices.Clone(got))) != 1 {
			t.Errorf("%s is said in the versions %v; want one, at least twice", pinned.what, got)
		}
	}
}

func tableBlock(page string) string {
	var rows []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "|") {
			rows = append(rows, line)
		}
	}
	return strings.Join(rows, "")
}

func versions(pattern, text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestPages_LinksAndCommandsAreThere: every language has its commands and its
// programs, and the tables lead to them.
func TestPages_LinksAndCommandsAreThere(t *testing.T) {
	all, err := jobs(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 15 {
		t.Errorf("%d clients; want eight generated and seven examples", len(all))
	}
	for _, w := range all {
		if _, err := os.Stat(filepath.Join(root, w.origin, w.within)); err != nil {
			t.Errorf("%s: %v", w, err)
		}
	}
	for page, dir := range map[string]string{pageClients: "docs", pageExamples: "examples"} {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`).FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join(root, dir, m[1])); err != nil {
				t.Errorf("%s leads to nothing: %v", page, err)
			}
		}
	}
	if _, err := jobs(root, []string{"cobol"}); err == nil {
		t.Error("a language that there is not was accepted")
	}
}

// TestLockFiles_NameNoRegistry: a package's content is pinned by its digest; where
// it comes from is the reader's own affair.
func TestLockFiles_NameNoRegistry(t *testing.T) {
	lock := read(t, "test/clients/typescript/package-lock.json")
	if !strings.Contains(lock, `"integrity"`) || strings.Contains(lock, `"resolved"`) {
		t.Error("package-lock.json: want digests and no addresses; npm install --package-lock-only --omit-lockfile-registry-resolved")
	}
}

func TestRun_WhenAProgramIsMissing(t *testing.T) {
	w := job{language: language{name: "cobol", requirements: []requirement{program("no-such-compiler")}}, class: generado}
	c := corrida{workshop: t.TempDir()}
	if r := c.run(t.Context(), w); r.estado != omitido || r.with != "falta no-such-compiler" {
		t.Errorf("outside CI: %+v", r)
	}
	c.inCI = true
	r := c.run(t.Context(), w)
	if r.estado != failure {
		t.Errorf("in CI: %+v", r)
	}
	var out strings.Builder
	if err := table(&out, []result{r}, time.Second); err == nil || !strings.Contains(out.String(), "0 passed, 1 failed") {
		t.Errorf("the table: %v\n%s", err, out.String())
	}
	if err := table(&out, []result{{estado: omitido}}, time.Second); err == nil {
		t.Error("a run in which nothing ran is no success")
	}
}

func TestConfirm_WhenAClientDidLess(t *testing.T) {
	const all = "descarga: a_01.zip, 3 CFDI\nlote 1: X registrado\naddenda: <Dato>4500</Dato>\nerror 422: fechaFinal: antes\n"
	dir := t.TempDir()
	if err := confirm(dir, all); err == nil {
		t.Error("without a package: no error")
	}
	write := func(content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "a_01.zip"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("no zip"))
	if err := confirm(dir, all); err == nil {
		t.Error("a package that is no ZIP: no error")
	}
	var whole bytes.Buffer
	z := zip.NewWriter(&whole)
	if _, err := z.Create("a.xml"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(whole.Bytes())
	if err := confirm(dir, all); err != nil {
		t.Errorf("all that there is to do: %v", err)
	}
	for line := range strings.Lines(all) {
		if err := confirm(dir, strings.Replace(all, line, "", 1)); err == nil {
			t.Errorf("without %q: no error", line)
		}
	}
}

// TestShell_WhenPastedSeesItsEnvironment: and stops at the first failure, as .ci/run does.
func TestShell_WhenPastedSeesItsEnvironment(t *testing.T) {
	out, err := shell(t.Context(), t.TempDir(), "echo $PASARELA_URL\nfalse\necho after", "PASARELA_URL=http://x")
	if err == nil || out != "http://x\n" {
		t.Errorf("%q, %v; want the address, and the end at the first failure", out, err)
	}
}

// TestCopy_StartsAnew: a client of an earlier run must not make this one pass.
func TestCopy_StartsAnew(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "x", "y")
	for _, dir := range []string{from, to} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(dir)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := clone(to, from); err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(os.DirFS(to), ".")
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(from) {
		t.Errorf("%v, %v", entries, err)
	}
}
