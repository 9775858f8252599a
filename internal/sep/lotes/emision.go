package lotes

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// ToSign is a title and the RFC whose e.firma signs for each of its signers; empty for a
// signer that already has a sello.
type ToSign struct {
	Titulo titulo.Titulo
	RFCs   []string
}

// Emitido is a title that is ready for the SEP.
type Emitido struct {
	Titulo titulo.Titulo // completed and sealed
	XML    []byte        // nil if it was not to be signed
	// Strings are the cadenas originales, one per signer.
	Strings [][]byte
	Avisos  []titulo.Problem
}

// Issue completes, checks and seals titles with the keyring's e.firmas, all of them or
// none. An error of KindInvalida lists every problem of every title; its fields begin
// with the title's index. It verifies sellos and certificates that came with a title
// before any e.firma signs. Without sign it only completes and checks the titles and
// returns their cadenas.
func (s *Servicio) Issue(by []ToSign, sign bool, escape titulo.Escape) ([]Emitido, error) {
	out := make([]Emitido, len(by))
	refused := &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnTitulosRechazables, Unsent: true,
		Detail: "Hay títulos que la SEP rechazaría. No se firmó ninguno: corrija lo indicado en errores."}
	folios := make(map[string]int, len(by))
	for i := range by {
		t := s.criterio.Complete(by[i].Titulo)
		problems := s.criterio.Validate(t)
		if first, twice := folios[t.FolioControl]; twice {
			problems = append(problems, titulo.Problem{Ruta: "folioControl", Nivel: titulo.NivelError, Codigo: titulo.CodigoFolioDuplicado,
				Detalle: fmt.Sprintf("Es también el folio de titulos/%d.", first)})
		}
		folios[t.FolioControl] = i
		for firmante := range t.FirmaResponsables {
			problems = append(problems, s.criterio.Firma(&t, firmante)...)
		}
		if sign {
			problems = append(problems, withoutFirma(t, by[i].RFCs)...)
		}
		out[i].Titulo = t
		out[i].Avisos = collect(refused, i, problems)
	}
	if len(refused.Fields) > 0 {
		return nil, refused
	}
	for i := range out {
		if err := s.seal(&out[i], i, by[i].RFCs, sign, escape, refused); err != nil {
			return nil, err
		}
	}
	if len(refused.Fields) > 0 {
		return nil, refused
	}
	return out, nil
}

// withoutFirma lists the signers without a sello for whom no e.firma signs.
func withoutFirma(t titulo.Titulo, rfcs []string) []titulo.Problem {
	var problems []titulo.Problem
	for firmante, f := range t.FirmaResponsables {
		if f.Sello == "" && (firmante >= len(rfcs) || rfcs[firmante] == "") {
			problems = append(problems, titulo.Problem{Ruta: fmt.Sprintf("firmaResponsables/%d/rfc", firmante), Nivel: titulo.NivelError,
				Codigo: titulo.CodigoRequerido, Detalle: "Indique el RFC cuya e.firma firma, o mande el sello."})
		}
	}
	return problems
}

// maxFields bounds the fields of one refusal.
const maxFields = 1000

// collect adds the errors among problems to e and returns the rest.
func collect(e *gateway.Error, i int, problems []titulo.Problem) []titulo.Problem {
	var avisos []titulo.Problem
	for _, p := range problems {
		if len(e.Fields) >= maxFields {
			break
		}
		if p.Nivel == titulo.NivelAviso {
			avisos = append(avisos, p)
			continue
		}
		e.Fields = append(e.Fields, gateway.Field{Campo: strings.TrimSuffix(fmt.Sprintf("titulos/%d/%s", i, p.Ruta), "/"),
			Detalle: p.Detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
	}
	return avisos
}

// seal seals one title and writes its document. It verifies its own sello too, so that
// the SEP is not the one to find out about a faulty key.
func (s *Servicio) seal(out *Emitido, i int, rfcs []string, sign bool, escape titulo.Escape, refused *gateway.Error) error {
	for firmante := range out.Titulo.FirmaResponsables {
		out.Strings = append(out.Strings, titulo.CadenaOriginal(out.Titulo, firmante, escape))
		if !sign || out.Titulo.FirmaResponsables[firmante].Sello != "" {
			continue
		}
		cred, err := s.keys.Get(rfcs[firmante])
		if err != nil {
			return efirma.Refusal(rfcs[firmante], fmt.Sprintf("titulos/%d/firmaResponsables/%d/rfc", i, firmante), err)
		}
		var p titulo.Problem
		switch err := titulo.Seal(&out.Titulo, firmante, cred, escape); {
		case errors.As(err, &p):
			out.Avisos = append(out.Avisos, collect(refused, i, []titulo.Problem{p})...)
		case err != nil:
			return internal(err)
		default:
			out.Avisos = append(out.Avisos, collect(refused, i, s.criterio.Firma(&out.Titulo, firmante))...)
		}
	}
	if !sign || len(refused.Fields) > 0 {
		return nil
	}
	var err error
	if out.XML, err = titulo.Marshal(out.Titulo); err != nil {
		return internal(err)
	}
	return nil
}

// WriteZip writes issued titles as the zip that the SEP accepts.
func WriteZip(w io.Writer, emitidos []Emitido) error {
	return titulo.WriteZip(w, each(emitidos))
}

// Zip makes the file of a lote of issued titles.
func (s *Servicio) Zip(name string, emitidos []Emitido) (*File, error) {
	return s.Write(name, func(w io.Writer) error { return WriteZip(w, emitidos) })
}

func each(emitidos []Emitido) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, e := range emitidos {
			if !yield(e.Titulo.FolioControl, e.XML) {
				return
			}
		}
	}
}

// Validate checks a file as the SEP will, and its sellos with the certificates in it.
func (s *Servicio) Validate(a *File) (titulo.Revision, error) {
	revision, err := s.criterio.VerifyFile(a.Section(), a.size, a.Name)
	if err != nil {
		return titulo.Revision{}, internal(err)
	}
	return revision, nil
}
