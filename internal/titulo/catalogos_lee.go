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
var incluidos embed.FS

// Catalogos returns the catalogues that the program comes with. The caller may
// keep and change what it gets.
func Catalogos() []Catalogo {
	todos := describe()
	for i := range todos {
		leidas, err := leeCSV(incluidos, "catalogos/"+todos[i].Nombre+".csv", todos[i])
		if err != nil {
			panic(err) // the files are part of the program; a test reads them all
		}
		todos[i].Entradas = leidas
	}
	return todos
}

// CatalogosCon returns the catalogues with the entries of an operator's files,
// cargos.csv and the others, which add an id or replace one. The error names
// the file, the line and what may stand there.
func CatalogosCon(dir fs.FS) ([]Catalogo, error) {
	archivos, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogues: %w", err)
	}
	todos := Catalogos()
	// The contract of the API lists the reasons to cancel, so a new one needs a new contract.
	propios := slices.DeleteFunc(nombres(todos), func(n string) bool { return n == motivosCancelacion+".csv" })
	var fallas []error
	for _, a := range archivos {
		if strings.HasPrefix(a.Name(), ".") || a.IsDir() { // "..data" of a ConfigMap, and what an editor leaves
			continue
		}
		i := slices.Index(propios, a.Name())
		if i < 0 {
			fallas = append(fallas, fmt.Errorf("%s is no catalogue; the files are called %s", a.Name(), strings.Join(propios, ", ")))
			continue
		}
		leidas, err := leeCSV(dir, a.Name(), todos[i])
		if err != nil {
			fallas = append(fallas, err)
			continue
		}
		todos[i].Entradas = une(todos[i].Entradas, leidas)
	}
	return todos, errors.Join(fallas...)
}

func nombres(todos []Catalogo) []string {
	var n []string
	for _, c := range todos {
		n = append(n, c.Nombre+".csv")
	}
	return n
}

// une puts the operator's entries in the place of those with their id, or behind all.
func une(entradas, propias []Entrada) []Entrada {
	for _, p := range propias {
		p.Evidencia = EvidenciaPropia
		if i := slices.IndexFunc(entradas, func(e Entrada) bool { return e.ID == p.ID }); i >= 0 {
			entradas[i] = p
			continue
		}
		entradas = append(entradas, p)
	}
	return entradas
}

// maxCatalogo bounds an operator's file.
const maxCatalogo = 1 << 20

// leeCSV reads a catalogue's file: a heading that names the columns, in any
// order, of which id and texto must be there. Excel's separator may be ; too.
func leeCSV(dir fs.FS, nombre string, c Catalogo) ([]Entrada, error) {
	f, err := dir.Open(nombre)
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	todo, err := io.ReadAll(io.LimitReader(f, maxCatalogo+1))
	switch base := path.Base(nombre); {
	case err != nil:
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	case len(todo) > maxCatalogo:
		return nil, fmt.Errorf("%s is larger than %d KiB", base, maxCatalogo>>10)
	case !utf8.Valid(todo):
		return nil, fmt.Errorf("%s is not in UTF-8; save it as «CSV UTF-8»", base)
	}
	return leeRenglones(path.Base(nombre), bytes.TrimPrefix(todo, []byte("\xEF\xBB\xBF")), c)
}

func leeRenglones(nombre string, todo []byte, c Catalogo) ([]Entrada, error) {
	primera, _, _ := bytes.Cut(todo, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(todo))
	if bytes.Contains(primera, []byte(";")) && !bytes.Contains(primera, []byte(",")) {
		r.Comma = ';'
	}
	encabezado, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s has no heading that can be read: the first line names the columns, id,texto: %w", nombre, err)
	}
	lugar, err := columnas(nombre, encabezado)
	if err != nil {
		return nil, err
	}
	var entradas []Entrada
	for {
		celdas, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", nombre, err)
		}
		linea, _ := r.FieldPos(0)
		celda := func(columna string) string {
			if i, ok := lugar[columna]; ok {
				return celdas[i]
			}
			return ""
		}
		e := Entrada{ID: celda("id"), Texto: celda("texto"), Nota: celda("nota"), Evidencia: Evidencia(celda("evidencia")), Fuente: celda("fuente"), Fecha: celda("fecha")}
		if err := e.revisa(c, entradas); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", nombre, linea, err)
		}
		entradas = append(entradas, e)
	}
	return entradas, nil
}

func columnas(nombre string, encabezado []string) (map[string]int, error) {
	validas := []string{"id", "texto", "nota", "evidencia", "fuente", "fecha"}
	lugar := make(map[string]int, len(encabezado))
	for i, columna := range encabezado {
		columna = strings.ToLower(strings.TrimSpace(columna))
		if _, dos := lugar[columna]; dos || !slices.Contains(validas, columna) {
			return nil, fmt.Errorf("%s: the heading has the column %q; it may have %s, each once", nombre, columna, strings.Join(validas, ", "))
		}
		lugar[columna] = i
	}
	for _, falta := range validas[:2] {
		if _, ok := lugar[falta]; !ok {
			return nil, fmt.Errorf("%s: the heading lacks the column %s", nombre, falta)
		}
	}
	return lugar, nil
}

// formaFecha is a year, a month or a day.
var formaFecha = regexp.MustCompile(`^[0-9]{4}(?:-[0-9]{2}){0,2}$`)

func (e Entrada) revisa(c Catalogo, antes []Entrada) error {
	switch {
	case c.Nombre != motivosCancelacion && !c.forma(e.ID):
		return fmt.Errorf("id %q is not written as an id of %s: digits without zeros in front, and two digits for an entidad", e.ID, c.Nombre)
	case strings.TrimSpace(e.Texto) == "":
		return fmt.Errorf("id %s has no texto", e.ID)
	case !imprimible(e.Texto) || strings.ContainsAny(e.Texto, "|\t\r\n") || !norm.NFC.IsNormalString(e.Texto):
		return fmt.Errorf("the texto of id %s has a bar, a line break, an invisible character or accents that are not composed (NFC)", e.ID)
	case e.Fecha != "" && !formaFecha.MatchString(e.Fecha):
		return fmt.Errorf("fecha %q is none; write 2026, 2026-11 or 2026-11-30", e.Fecha)
	case slices.ContainsFunc(antes, func(a Entrada) bool { return a.ID == e.ID || colapsa(a.Texto) == colapsa(e.Texto) }):
		return fmt.Errorf("id %s or its texto is there twice", e.ID)
	}
	return nil
}
