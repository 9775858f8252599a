package sep

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

const (
	// maxTitulo bounds a document; one with a signer is about four kilobytes.
	maxTitulo = 1 << 20

	failureTipo = "Tipo de Archivo Inválido"
)

// titulosOf examines an upload: a .xml is a title, a .zip as many as it has files. One title is held at a
// time. What is neither is one line of the result that says so, as the service opens a lote for anything.
func (s *Server) titulosOf(name string, file io.ReaderAt, size int64) ([]titulo, error) {
	r := s.checker()
	switch strings.ToLower(path.Ext(name)) {
	case ".xml":
		return []titulo{r.read(name, io.NewSectionReader(file, 0, size))}, nil
	case ".zip":
	default:
		return []titulo{{file: name, failure: failureTipo}}, nil
	}
	z, err := zip.NewReader(file, size)
	if err != nil {
		return []titulo{{file: name, failure: failureTipo}}, nil //nolint:nilerr // a refused file is an answer
	}
	var all []titulo
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if len(all) == maxRowsLote {
			return nil, errors.New("more titles than a result has rows")
		}
		all = append(all, r.entry(f))
	}
	return all, nil
}

// entry examines a file of a ZIP.
func (r *checker) entry(f *zip.File) titulo {
	if !strings.EqualFold(path.Ext(f.Name), ".xml") {
		return titulo{file: f.Name, failure: failureTipo}
	}
	open, err := f.Open()
	if err != nil {
		return titulo{file: f.Name, failure: failureTipo}
	}
	defer func() { _ = open.Close() }()
	return r.read(f.Name, open)
}

// read reads and examines a document.
func (r *checker) read(name string, document io.Reader) titulo {
	r.buf.Reset()
	t := titulo{file: name}
	if _, err := r.buf.ReadFrom(io.LimitReader(document, maxTitulo+1)); err != nil || r.buf.Len() > maxTitulo {
		t.failure = failureTipo
		return t
	}
	root, err := readDocument(r.buf.Bytes())
	if root != nil {
		t.folio = root.attributes["folioControl"]
	}
	if err != nil {
		t.failure = "Estructura del archivo XML no válida: " + err.Error()
		return t
	}
	t.institucion = root.child("Institucion").attributes["cveInstitucion"]
	t.later = r.examine(root)
	return t
}

// checker examines titles, by the knobs as they were when the upload came.
type checker struct {
	buf      bytes.Buffer
	curps    []string // that RENAPO does not know
	cadena   string
	record   certificados
	catalogo catalogos
}

func (s *Server) checker() *checker {
	r := &checker{
		cadena: s.Knobs.Text(perCadena), catalogo: newCatalogos(),
		record: certificados{autoridad: s.Autoridad, now: s.Clock.Real()},
	}
	for fresh := range strings.SplitSeq(s.Knobs.Text(perCargos), ",") {
		if id, text, ok := strings.Cut(fresh, "="); ok {
			r.catalogo.cargo[strings.TrimSpace(id)] = text
		}
	}
	for curp := range strings.SplitSeq(s.Knobs.Text(perCURPs), ",") {
		r.curps = append(r.curps, strings.TrimSpace(curp))
	}
	return r
}

// examine returns what speaks against a title of good structure, or "". The order is that of the texts in
// the record of the service: RENAPO, catalogues, and last the seals.
func (r *checker) examine(root *node) string {
	for _, rule := range []func(*node) string{r.renapo, r.catalogo.check, r.bus} {
		if failure := rule(root); failure != "" {
			return failure
		}
	}
	return ""
}
