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

	falloTipo = "Tipo de Archivo Inválido"
)

// titulosDe examines an upload: a .xml is a title, a .zip as many as it has files. One title is held at a
// time. What is neither is one line of the result that says so, as the service opens a lote for anything.
func (s *Servidor) titulosDe(nombre string, archivo io.ReaderAt, tamano int64) ([]titulo, error) {
	r := s.revisor()
	switch strings.ToLower(path.Ext(nombre)) {
	case ".xml":
		return []titulo{r.lee(nombre, io.NewSectionReader(archivo, 0, tamano))}, nil
	case ".zip":
	default:
		return []titulo{{archivo: nombre, fallo: falloTipo}}, nil
	}
	z, err := zip.NewReader(archivo, tamano)
	if err != nil {
		return []titulo{{archivo: nombre, fallo: falloTipo}}, nil //nolint:nilerr // a refused file is an answer
	}
	var todos []titulo
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if len(todos) == maxFilasLote {
			return nil, errors.New("more titles than a result has rows")
		}
		todos = append(todos, r.entrada(f))
	}
	return todos, nil
}

// entrada examines a file of a ZIP.
func (r *revisor) entrada(f *zip.File) titulo {
	if !strings.EqualFold(path.Ext(f.Name), ".xml") {
		return titulo{archivo: f.Name, fallo: falloTipo}
	}
	abierto, err := f.Open()
	if err != nil {
		return titulo{archivo: f.Name, fallo: falloTipo}
	}
	defer func() { _ = abierto.Close() }()
	return r.lee(f.Name, abierto)
}

// lee reads and examines a document.
func (r *revisor) lee(nombre string, documento io.Reader) titulo {
	r.buf.Reset()
	t := titulo{archivo: nombre}
	if _, err := r.buf.ReadFrom(io.LimitReader(documento, maxTitulo+1)); err != nil || r.buf.Len() > maxTitulo {
		t.fallo = falloTipo
		return t
	}
	raiz, err := leeDocumento(r.buf.Bytes())
	if raiz != nil {
		t.folio = raiz.atributos["folioControl"]
	}
	if err != nil {
		t.fallo = "Estructura del archivo XML no válida: " + err.Error()
		return t
	}
	t.institucion = raiz.hijo("Institucion").atributos["cveInstitucion"]
	t.luego = r.examina(raiz)
	return t
}

// revisor examines titles, by the knobs as they were when the upload came.
type revisor struct {
	buf      bytes.Buffer
	curps    []string // that RENAPO does not know
	cadena   string
	registro certificados
	catalogo catalogos
}

func (s *Servidor) revisor() *revisor {
	r := &revisor{
		cadena: s.o.Perillas.Texto(perCadena), catalogo: losCatalogos(),
		registro: certificados{autoridad: s.o.Autoridad, ahora: s.o.Reloj.Real()},
	}
	for nuevo := range strings.SplitSeq(s.o.Perillas.Texto(perCargos), ",") {
		if id, texto, ok := strings.Cut(nuevo, "="); ok {
			r.catalogo.cargo[strings.TrimSpace(id)] = texto
		}
	}
	for curp := range strings.SplitSeq(s.o.Perillas.Texto(perCURPs), ",") {
		r.curps = append(r.curps, strings.TrimSpace(curp))
	}
	return r
}

// examina returns what speaks against a title of good structure, or "". The order is that of the texts in
// the record of the service: RENAPO, catalogues, and last the seals.
func (r *revisor) examina(raiz *nodo) string {
	for _, regla := range []func(*nodo) string{r.renapo, r.catalogo.revisa, r.bus} {
		if fallo := regla(raiz); fallo != "" {
			return fallo
		}
	}
	return ""
}
