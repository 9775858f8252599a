package handlers

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/conform"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

func (h *handler) EmitirTitulos(w http.ResponseWriter, r *http.Request) error {
	up, err := h.receive(w, r, "")
	if err != nil {
		return err
	}
	defer up.Close()
	if err := h.titulosConform("emitirTitulos", up); err != nil {
		return err
	}
	sign := string(up.fields["firmar"]) != "false"
	emitidos, err := h.issue(r, up, sign)
	if err != nil {
		return err
	}
	switch form := prefers(r, "application/json", "application/xml", "application/zip"); {
	case form == "application/json":
		return writeJSON(w, http.StatusOK, titulosEmitidos(emitidos))
	case !sign:
		return badField("firmar", "Sin firmar solo se entregan las cadenas originales, en JSON.", "true")
	case form == "application/zip":
		var file bytes.Buffer
		if err := lotes.WriteZip(&file, emitidos); err != nil {
			return err
		}
		return writeFile(w, form, "titulos.zip", &file)
	case len(emitidos) != 1:
		return badField("titulos", "Como application/xml se entrega un solo título; pida application/zip.")
	default:
		return writeFile(w, form, file(emitidos[0]), bytes.NewReader(emitidos[0].XML))
	}
}

// titulosConform checks a body of titles against the contract.
func (h *handler) titulosConform(operation string, up *upload) error {
	if up.file != nil {
		return badField(fieldFile, "No es un campo de esta petición.")
	}
	faults := &conform.Faults{}
	schema := h.cfg.Spec.requests[operation].schema
	for _, name := range slices.Sorted(maps.Keys(up.fields)) {
		if err := schema.Field(name, up.fields[name], faults); err != nil {
			return err
		}
	}
	schema.Fields(func(name string) bool { return up.fields[name] != nil }, faults)
	return faults.Err()
}

// tituloToSign is a title of a request. Its signers name their e.firmas.
type tituloToSign struct {
	titulo.Titulo
	FirmaResponsables []struct {
		titulo.FirmaResponsable
		RFC string `json:"rfc"`
	} `json:"firmaResponsables"`
}

// issue reads titles that conform to the contract, checks that the caller may sign for
// each RFC, and emits them.
func (h *handler) issue(r *http.Request, up *upload, sign bool) ([]lotes.Emitido, error) {
	var read []tituloToSign
	name := ""
	err := json.Unmarshal(up.fields["titulos"], &read)
	if escape := up.fields["escape"]; err == nil && escape != nil {
		err = json.Unmarshal(escape, &name)
	}
	if err != nil {
		return nil, fmt.Errorf("handlers: the contract takes what its types do not: %w", err)
	}
	form, err := titulo.EscapeOf(name)
	if err != nil {
		return nil, badField("escape", "No es uno de los valores válidos.", "plano", "entidades")
	}
	by := make([]lotes.ToSign, len(read))
	for i, t := range read {
		by[i].Titulo = t.Titulo
		for _, s := range t.FirmaResponsables {
			if s.RFC != "" {
				if err := allow(r.Context(), s.RFC); err != nil {
					return nil, err
				}
			}
			by[i].Titulo.FirmaResponsables = append(by[i].Titulo.FirmaResponsables, s.FirmaResponsable)
			by[i].RFCs = append(by[i].RFCs, s.RFC)
		}
	}
	return h.cfg.Lotes.Issue(by, sign, form)
}

func file(e lotes.Emitido) string { return titulo.FileName(e.Titulo.FolioControl) }

func titulosEmitidos(emitidos []lotes.Emitido) rest.TitulosEmitidos {
	out := rest.TitulosEmitidos{Titulos: make([]rest.TituloEmitido, 0, len(emitidos))}
	for _, e := range emitidos {
		t := rest.TituloEmitido{FolioControl: e.Titulo.FolioControl, Archivo: file(e), XML: string(e.XML), Avisos: problems(e.Avisos)}
		for i, f := range e.Titulo.FirmaResponsables {
			t.Firmas = append(t.Firmas, rest.FirmaEmitida{CURP: f.CURP, CadenaOriginal: string(e.Strings[i]), Sello: f.Sello, NoCertificadoResponsable: f.NoCertificadoResponsable})
		}
		out.Titulos = append(out.Titulos, t)
	}
	return out
}

func problems(ps []titulo.Problem) []rest.ProblemaDeTitulo {
	out := make([]rest.ProblemaDeTitulo, 0, len(ps))
	for _, p := range ps {
		out = append(out, rest.ProblemaDeTitulo{Ruta: p.Ruta, Codigo: string(p.Codigo), Nivel: rest.NivelDeProblema(p.Nivel), Detalle: p.Detalle, ValoresValidos: p.ValoresValidos})
	}
	return out
}

func (h *handler) ValidarTitulos(w http.ResponseWriter, r *http.Request, params rest.ValidarTitulosParams) error {
	up, err := h.receive(w, r, defaultName(r, params.NombreArchivo))
	if err != nil {
		return err
	}
	defer up.Close()
	if err := up.only(); err != nil {
		return err
	}
	if up.file == nil {
		return badField(fieldFile, "Es obligatorio.")
	}
	revision, err := h.cfg.Lotes.Validate(up.file)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, validation(revision))
}

// validation groups the problems by their title.
func validation(revision titulo.Revision) rest.ValidacionDeTitulos {
	out := rest.ValidacionDeTitulos{Valido: !titulo.HasErrors(revision.Problems), Problemas: []rest.ProblemaDeTitulo{}, Titulos: []rest.TituloValidado{}}
	place := make(map[string]int, len(revision.Documents))
	for i, d := range revision.Documents {
		place[d.File] = i
		out.Titulos = append(out.Titulos, rest.TituloValidado{Archivo: d.File, FolioControl: d.FolioControl, Valido: true, Problemas: []rest.ProblemaDeTitulo{}})
	}
	for _, p := range revision.Problems {
		shown := problems([]titulo.Problem{p})
		i, ok := place[p.Archivo]
		if !ok || p.Ruta == "nombreArchivo" {
			out.Problemas = append(out.Problemas, shown...)
			continue
		}
		t := &out.Titulos[i]
		t.Problemas = append(t.Problemas, shown...)
		t.Valido = t.Valido && p.Nivel != titulo.NivelError
	}
	return out
}

func catalogo(c titulo.Catalogo) rest.CatalogoSEP {
	out := rest.CatalogoSEP{Nombre: c.Nombre, Descripcion: c.Descripcion}
	for _, e := range c.Entradas {
		out.Valores = append(out.Valores, rest.ValorDeCatalogo{ID: e.ID, Texto: e.Texto, Nota: e.Nota,
			Evidencia: rest.EvidenciaDeCatalogo(e.Evidencia), Fuente: e.Fuente, Fecha: e.Fecha})
	}
	return out
}

func writeFile(w http.ResponseWriter, media, name string, content io.Reader) error {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	io.Copy(newPatient(w), content) //nolint:errcheck // the caller is gone
	return nil
}
