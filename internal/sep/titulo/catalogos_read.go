package titulo

import (
	"bytes"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:embed catalogos/*.csv
var included embed.FS

// Catalogos returns the embedded catalogues. The caller may keep and change them.
func Catalogos() []Catalogo {
	all := describe()
	for i := range all {
		read, err := readCSV(included, "catalogos/"+all[i].Nombre+".csv", all[i])
		if err != nil {
			panic(err) // the files are embedded; a test reads them all
		}
		all[i].Entradas = read
	}
	return all
}

// CatalogosWith returns the catalogues with an operator's files, such as cargos.csv,
// which add or replace entries by id. The error names the file, the line and the valid
// values.
func CatalogosWith(dir fs.FS) ([]Catalogo, error) {
	files, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogues: %w", err)
	}
	all := Catalogos()
	// The API's contract lists the cancellation reasons, so a new one needs a new
	// contract.
	own := slices.DeleteFunc(names(all), func(n string) bool { return n == motivosCancelacion+".csv" })
	var fallas []error
	for _, a := range files {
		if strings.HasPrefix(a.Name(), ".") || a.IsDir() { // "..data" of a ConfigMap, or an editor's file
			continue
		}
		i := slices.Index(own, a.Name())
		if i < 0 {
			fallas = append(fallas, fmt.Errorf("%s is no catalogue; the files are called %s", a.Name(), strings.Join(own, ", ")))
			continue
		}
		read, err := readCSV(dir, a.Name(), all[i])
		if err != nil {
			fallas = append(fallas, err)
			continue
		}
		all[i].Entradas = unite(all[i].Entradas, read)
	}
	return all, errors.Join(fallas...)
}

func names(all []Catalogo) []string {
	var n []string
	for _, c := range all {
		n = append(n, c.Nombre+".csv")
	}
	return n
}

// unite replaces entries with the operator's of the same id, and appends the others.
func unite(entries, own []Entry) []Entry {
	for _, p := range own {
		p.Evidencia = EvidenciaPropia
		if i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == p.ID }); i >= 0 {
			entries[i] = p
			continue
		}
		entries = append(entries, p)
	}
	return entries
}

// maxCatalogo bounds an operator's file.
const maxCatalogo = 1 << 20

// readCSV reads a catalogue's file. Its heading names the columns in any order; id and
// text are required. The separator may be Excel's ; too.
func readCSV(dir fs.FS, name string, c Catalogo) ([]Entry, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	all, err := io.ReadAll(io.LimitReader(f, maxCatalogo+1))
	switch base := path.Base(name); {
	case err != nil:
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	case len(all) > maxCatalogo:
		return nil, fmt.Errorf("%s is larger than %d KiB", base, maxCatalogo>>10)
	case !utf8.Valid(all):
		return nil, fmt.Errorf("%s is not in UTF-8; save it as «CSV UTF-8»", base)
	}
	return readLines(path.Base(name), bytes.TrimPrefix(all, []byte("\xEF\xBB\xBF")), c)
}

func readLines(name string, all []byte, c Catalogo) ([]Entry, error) {
	first, _, _ := bytes.Cut(all, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(all))
	if bytes.Contains(first, []byte(";")) && !bytes.Contains(first, []byte(",")) {
		r.Comma = ';'
	}
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s has no heading that can be read: the first line names the columns, id,texto: %w", name, err)
	}
	place, err := columns(name, header)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := r.FieldPos(0)
		cell := func(column string) string {
			if i, ok := place[column]; ok {
				return cells[i]
			}
			return ""
		}
		e := Entry{ID: cell("id"), Texto: cell("texto"), Nota: cell("nota"), Evidencia: Evidencia(cell("evidencia")), Fuente: cell("fuente"), Fecha: cell("fecha")}
		if err := e.check(c, entries); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, line, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func columns(name string, header []string) (map[string]int, error) {
	valid := []string{"id", "texto", "nota", "evidencia", "fuente", "fecha"}
	place := make(map[string]int, len(header))
	for i, column := range header {
		column = strings.ToLower(strings.TrimSpace(column))
		if _, two := place[column]; two || !slices.Contains(valid, column) {
			return nil, fmt.Errorf("%s: the heading has the column %q; it may have %s, each once", name, column, strings.Join(valid, ", "))
		}
		place[column] = i
	}
	for _, missing := range valid[:2] {
		if _, ok := place[missing]; !ok {
			return nil, fmt.Errorf("%s: the heading lacks the column %s", name, missing)
		}
	}
	return place, nil
}

// fechaForm matches a year, a month or a day.
var fechaForm = regexp.MustCompile(`^[0-9]{4}(?:-[0-9]{2}){0,2}$`)

func (e Entry) check(c Catalogo, before []Entry) error {
	switch {
	case c.Nombre != motivosCancelacion && !c.form(e.ID):
		return fmt.Errorf("id %q is not written as an id of %s: digits without zeros in front, and two digits for an entidad", e.ID, c.Nombre)
	case strings.TrimSpace(e.Texto) == "":
		return fmt.Errorf("id %s has no texto", e.ID)
	case !printable(e.Texto) || strings.ContainsAny(e.Texto, "|\t\r\n") || !norm.NFC.IsNormalString(e.Texto):
		return fmt.Errorf("the texto of id %s has a bar, a line break, an invisible character or accents that are not composed (NFC)", e.ID)
	case e.Fecha != "" && !fechaForm.MatchString(e.Fecha):
		return fmt.Errorf("fecha %q is none; write 2026, 2026-11 or 2026-11-30", e.Fecha)
	case slices.ContainsFunc(before, func(a Entry) bool { return a.ID == e.ID || collapse(a.Texto) == collapse(e.Texto) }):
		return fmt.Errorf("id %s or its texto is there twice", e.ID)
	}
	return nil
}
