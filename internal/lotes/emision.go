package lotes

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

// PorFirmar is a title and whose e.firma signs for each of its signers; an empty
// RFC is for a signer whose sello is there already.
type PorFirmar struct {
	Titulo titulo.Titulo
	RFCs   []string
}

// Emitido is a title that is ready for the SEP.
type Emitido struct {
	Titulo titulo.Titulo // completed and sealed
	XML    []byte        // nil when it was not to be signed
	// Cadenas are the cadenas originales, one per signer.
	Cadenas [][]byte
	Avisos  []titulo.Problema
}

// Emite completes, checks and seals titles with the e.firmas of the keyring. All
// of them or none: the error of KindInvalida lists every problem of every title,
// its field led by the title's place. A sello or a certificate that came with a
// title is verified before any e.firma signs. Without firmar the titles are
// completed and checked, and only their cadenas made.
func (s *Servicio) Emite(por []PorFirmar, firmar bool, escape titulo.Escape) ([]Emitido, error) {
	out := make([]Emitido, len(por))
	refused := &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnTitulosRechazables, NoEnviada: true,
		Detail: "Hay títulos que la SEP rechazaría. No se firmó ninguno: corrija lo indicado en errores."}
	folios := make(map[string]int, len(por))
	for i := range por {
		t := s.criterio.Completa(por[i].Titulo)
		problemas := s.criterio.Validate(t)
		if first, twice := folios[t.FolioControl]; twice {
			problemas = append(problemas, titulo.Problema{Ruta: "folioControl", Nivel: titulo.NivelError, Codigo: titulo.CodigoFolioDuplicado,
				Detalle: fmt.Sprintf("Es también el folio de titulos/%d.", first)})
		}
		folios[t.FolioControl] = i
		for firmante := range t.FirmaResponsables {
			problemas = append(problemas, s.criterio.Firma(&t, firmante)...)
		}
		if firmar {
			problemas = append(problemas, sinFirma(t, por[i].RFCs)...)
		}
		out[i].Titulo = t
		out[i].Avisos = collect(refused, i, problemas)
	}
	if len(refused.Campos) > 0 {
		return nil, refused
	}
	for i := range out {
		if err := s.sella(&out[i], i, por[i].RFCs, firmar, escape, refused); err != nil {
			return nil, err
		}
	}
	if len(refused.Campos) > 0 {
		return nil, refused
	}
	return out, nil
}

// sinFirma lists the signers who brought no sello and for whom no e.firma signs.
func sinFirma(t titulo.Titulo, rfcs []string) []titulo.Problema {
	var problemas []titulo.Problema
	for firmante, f := range t.FirmaResponsables {
		if f.Sello == "" && (firmante >= len(rfcs) || rfcs[firmante] == "") {
			problemas = append(problemas, titulo.Problema{Ruta: fmt.Sprintf("firmaResponsables/%d/rfc", firmante), Nivel: titulo.NivelError,
				Codigo: titulo.CodigoRequerido, Detalle: "Indique el RFC cuya e.firma firma, o mande el sello."})
		}
	}
	return problemas
}

// maxCampos bounds what one refusal lists.
const maxCampos = 1000

// collect adds the errors among problemas to e and returns the rest.
func collect(e *gateway.Error, i int, problemas []titulo.Problema) []titulo.Problema {
	var avisos []titulo.Problema
	for _, p := range problemas {
		if len(e.Campos) >= maxCampos {
			break
		}
		if p.Nivel == titulo.NivelAviso {
			avisos = append(avisos, p)
			continue
		}
		e.Campos = append(e.Campos, gateway.Campo{Campo: strings.TrimSuffix(fmt.Sprintf("titulos/%d/%s", i, p.Ruta), "/"),
			Detalle: p.Detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
	}
	return avisos
}

// sella seals one title and writes its document. What it sealed is verified like
// what came sealed: a key that fails must not be found out by the SEP.
func (s *Servicio) sella(out *Emitido, i int, rfcs []string, firmar bool, escape titulo.Escape, refused *gateway.Error) error {
	for firmante := range out.Titulo.FirmaResponsables {
		out.Cadenas = append(out.Cadenas, titulo.CadenaOriginal(out.Titulo, firmante, escape))
		if !firmar || out.Titulo.FirmaResponsables[firmante].Sello != "" {
			continue
		}
		cred, err := s.keys.Get(rfcs[firmante])
		if err != nil {
			return badCredential(fmt.Sprintf("titulos/%d/firmaResponsables/%d/rfc", i, firmante), rfcs[firmante], err)
		}
		var p titulo.Problema
		switch err := titulo.Sella(&out.Titulo, firmante, cred, escape); {
		case errors.As(err, &p):
			out.Avisos = append(out.Avisos, collect(refused, i, []titulo.Problema{p})...)
		case err != nil:
			return interno(err)
		default:
			out.Avisos = append(out.Avisos, collect(refused, i, s.criterio.Firma(&out.Titulo, firmante))...)
		}
	}
	if !firmar || len(refused.Campos) > 0 {
		return nil
	}
	var err error
	if out.XML, err = titulo.Marshal(out.Titulo); err != nil {
		return interno(err)
	}
	return nil
}

func badCredential(campo, rfc string, err error) error {
	var bad *efirma.Error
	if !errors.As(err, &bad) {
		return interno(err)
	}
	return &gateway.Error{Kind: gateway.KindEFirma, Codigo: string(bad.Problem), Err: err, NoEnviada: true,
		Campos: []gateway.Campo{{Campo: campo, Detalle: bad.Detail}}, Detail: "La e.firma de " + rfc + " no se puede usar. " + bad.Detail}
}

// EscribeZip writes emitted titles as the zip that the SEP takes.
func EscribeZip(w io.Writer, emitidos []Emitido) error {
	return titulo.EscribeZip(w, each(emitidos))
}

// Zip makes the file of a lote of emitted titles.
func (s *Servicio) Zip(nombre string, emitidos []Emitido) (*Archivo, error) {
	return s.Escribe(nombre, func(w io.Writer) error { return EscribeZip(w, emitidos) })
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

// Valida checks a file the way the SEP will, and its sellos with the
// certificates in it.
func (s *Servicio) Valida(a *Archivo) (titulo.Revision, error) {
	revision, err := s.criterio.VerificaArchivo(a.Section(), a.size, a.Nombre)
	if err != nil {
		return titulo.Revision{}, interno(err)
	}
	return revision, nil
}
