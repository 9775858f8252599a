package titulo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Level is the severity of a Problem.
type Level string

const (
	// NivelError means that the SEP rejects it, or it does not mean what it says.
	NivelError Level = "error"
	// NivelAviso means that it may be right and should be checked.
	NivelAviso Level = "aviso"
)

// Problem is one fault of a title or of a file of titles. It is also an error, for
// functions that stop at the first fault.
type Problem struct {
	// File is the entry of the zip; empty without one.
	Archivo string `json:"archivo,omitempty"`
	// Ruta is the path of the fault, such as "folioControl", "expedicion/fechaExpedicion"
	// or "firmaResponsables/0/cargo"; empty for the whole title.
	Ruta   string `json:"ruta,omitempty"`
	Codigo Codigo `json:"codigo"`
	Nivel  Level  `json:"nivel"`
	// Detalle says in Spanish what is wrong and what to write instead.
	Detalle string `json:"detalle"`
	// ValoresValidos is the closed list of values, if there is one.
	ValoresValidos []string `json:"valoresValidos,omitempty"`
}

func (p Problem) Error() string {
	where := strings.Join(slices.DeleteFunc([]string{p.Archivo, p.Ruta}, func(s string) bool { return s == "" }), ": ")
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s (%s)", where, p.Detalle, p.Codigo)
}

// HasErrors reports whether any problem is an error and not an aviso.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Nivel == NivelError })
}

// Fields returns the errors, without the avisos, as the vocabulary's refused fields.
func Fields(problems []Problem) []gateway.Field {
	var fields []gateway.Field
	for _, p := range problems {
		if p.Nivel == NivelError {
			fields = append(fields, gateway.Field{Campo: p.Ruta, Detalle: p.Detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
		}
	}
	return fields
}

// maxProblems bounds, by Level, the problems reported of a hostile document. A large lote
// may have an aviso in every title and no error.
const maxProblems = 1000

// list collects up to maxProblems problems.
type list struct {
	criterio       *Criterio // to judge a title; nil if only its XML is read
	file           string
	problems       []Problem
	errors, avisos int // how many there were
}

func (l *list) set(p Problem) {
	n := &l.errors
	if p.Nivel == NivelAviso {
		n = &l.avisos
	}
	switch *n++; {
	case *n <= maxProblems:
		if p.Archivo == "" {
			p.Archivo = l.file
		}
		l.problems = append(l.problems, p)
	case *n == maxProblems+1:
		l.problems = append(l.problems, Problem{
			Codigo: CodigoDemasiadosProblemas, Nivel: p.Nivel,
			Detalle: fmt.Sprintf("Hay más de %d problemas de nivel %s; se muestran los primeros.", maxProblems, p.Nivel),
		})
	}
}

func (l *list) full() bool { return l.errors > maxProblems }

func (l *list) error(path string, c Codigo, format string, args ...any) {
	l.set(failure(path, c, format, args...))
}

func (l *list) aviso(path string, c Codigo, format string, args ...any) {
	p := failure(path, c, format, args...)
	p.Nivel = NivelAviso
	l.set(p)
}

func failure(path string, c Codigo, format string, args ...any) Problem {
	return Problem{Ruta: path, Codigo: c, Nivel: NivelError, Detalle: fmt.Sprintf(format, args...)}
}

// asProblem returns the Problem in err.
func asProblem(err error) (Problem, bool) {
	var p Problem
	ok := errors.As(err, &p)
	return p, ok
}

// trim shortens what a text quotes of the input.
func trim(s string) string { return gateway.Clip(s, 80) }
