package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/lotes"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

func (h *handler) emitirTitulos(w http.ResponseWriter, r *http.Request) error {
	up, err := h.receive(w, r, "")
	if err != nil {
		return err
	}
	defer up.Close()
	if err := h.titulosConform("EmisionDeTitulos", up); err != nil {
		return err
	}
	firmar := string(up.campos["firmar"]) != "false"
	emitidos, err := h.emite(r, up.campos["titulos"], up.campos["escape"], firmar)
	if err != nil {
		return err
	}
	switch form := prefers(r, "application/json", "application/xml", "application/zip"); {
	case form == "application/json":
		return writeJSON(w, http.StatusOK, titulosEmitidos(emitidos))
	case !firmar:
		return badField("firmar", "Sin firmar solo se entregan las cadenas originales, en JSON.", "true")
	case form == "application/zip":
		var file bytes.Buffer
		if err := lotes.EscribeZip(&file, emitidos); err != nil {
			return err
		}
		return writeFile(w, form, "titulos.zip", &file)
	case len(emitidos) != 1:
		return badField("titulos", "Como application/xml se entrega un solo título; pida application/zip.")
	default:
		return writeFile(w, form, archivo(emitidos[0]), bytes.NewReader(emitidos[0].XML))
	}
}

// maxTitulos is how many titles one call may bring.
const maxTitulos = 5000

// titulosConform holds a body of titles against the contract. They are counted
// first: every fault of every title is listed, which must be of few.
func (h *handler) titulosConform(schema string, up *upload) error {
	if up.archivo != nil {
		return badField(fieldArchivo, "No es un campo de esta petición.")
	}
	n := 0
	dec := json.NewDecoder(bytes.NewReader(up.campos["titulos"]))
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			break // its end; what it is, the contract judges
		}
		delim, ok := token.(json.Delim)
		switch {
		case ok && (delim == '{' || delim == '['):
			if depth++; depth == 2 {
				n++
			}
		case ok:
			depth--
		case depth == 1:
			n++
		}
		if n > maxTitulos {
			return badField("titulos", fmt.Sprintf("Admite %d como máximo; divida el lote.", maxTitulos))
		}
	}
	return h.conforms(schema, up.campos)
}

// emite reads titles as the contract has them, checks that the caller may sign
// for each RFC, and emits them.
func (h *handler) emite(r *http.Request, titulos, escape json.RawMessage, firmar bool) ([]lotes.Emitido, error) {
	var read []titulo.Titulo
	var signers []struct {
		FirmaResponsables []struct {
			RFC string `json:"rfc"`
		} `json:"firmaResponsables"`
	}
	name := ""
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{titulos, &read}, {titulos, &signers}, {escape, &name}} {
		if part.raw == nil {
			continue
		}
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return nil, &gateway.Error{Kind: gateway.KindMalformada, Detail: "Los títulos no tienen la forma del contrato.", Err: err}
		}
	}
	form, err := titulo.EscapeDe(name)
	if err != nil {
		return nil, badField("escape", "No es uno de los valores válidos.", "plano", "entidades")
	}
	if len(read) == 0 {
		return nil, badField("titulos", "Requiere 1 como mínimo.")
	}
	por := make([]lotes.PorFirmar, len(read))
	for i, t := range read {
		por[i].Titulo = t
		for _, s := range signers[i].FirmaResponsables {
			if s.RFC != "" {
				if err := permite(r.Context(), s.RFC); err != nil {
					return nil, err
				}
			}
			por[i].RFCs = append(por[i].RFCs, s.RFC)
		}
	}
	return h.cfg.Lotes.Emite(por, firmar, form)
}

func archivo(e lotes.Emitido) string { return titulo.NombreArchivo(e.Titulo.FolioControl) }

func titulosEmitidos(emitidos []lotes.Emitido) rest.TitulosEmitidos {
	out := rest.TitulosEmitidos{Titulos: make([]rest.TituloEmitido, 0, len(emitidos))}
	for _, e := range emitidos {
		t := rest.TituloEmitido{FolioControl: e.Titulo.FolioControl, Archivo: archivo(e), XML: string(e.XML), Avisos: problemas(e.Avisos)}
		for i, f := range e.Titulo.FirmaResponsables {
			t.Firmas = append(t.Firmas, rest.FirmaEmitida{CURP: f.CURP, CadenaOriginal: string(e.Cadenas[i]), Sello: f.Sello, NoCertificadoResponsable: f.NoCertificadoResponsable})
		}
		out.Titulos = append(out.Titulos, t)
	}
	return out
}

func problemas(ps []titulo.Problema) []rest.ProblemaDeTitulo {
	out := make([]rest.ProblemaDeTitulo, 0, len(ps))
	for _, p := range ps {
		out = append(out, rest.ProblemaDeTitulo{Ruta: p.Ruta, Codigo: string(p.Codigo), Nivel: rest.NivelDeProblema(p.Nivel), Detalle: p.Detalle, ValoresValidos: p.ValoresValidos})
	}
	return out
}

func (h *handler) validarTitulos(w http.ResponseWriter, r *http.Request, params rest.ValidarTitulosParams) error {
	up, err := h.receive(w, r, defaultName(r, params.NombreArchivo))
	if err != nil {
		return err
	}
	defer up.Close()
	if err := up.only(); err != nil {
		return err
	}
	if up.archivo == nil {
		return badField(fieldArchivo, "Es obligatorio.")
	}
	revision, err := h.cfg.Lotes.Valida(up.archivo)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, validacion(revision))
}

// validacion sorts the problems by the title that they are of.
func validacion(revision titulo.Revision) rest.ValidacionDeTitulos {
	out := rest.ValidacionDeTitulos{Valido: !titulo.HayErrores(revision.Problemas), Problemas: []rest.ProblemaDeTitulo{}, Titulos: []rest.TituloValidado{}}
	place := make(map[string]int, len(revision.Documentos))
	for i, d := range revision.Documentos {
		place[d.Archivo] = i
		out.Titulos = append(out.Titulos, rest.TituloValidado{Archivo: d.Archivo, FolioControl: d.FolioControl, Valido: true, Problemas: []rest.ProblemaDeTitulo{}})
	}
	for _, p := range revision.Problemas {
		shown := problemas([]titulo.Problema{p})
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
	io.Copy(w, content) //nolint:errcheck // the caller is gone
	return nil
}
