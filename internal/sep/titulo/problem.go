package titulo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Level says how bad a Problem is.
type Level string

const (
	// NivelError is for what the SEP rejects, or what does not mean what it says.
	NivelError Level = "error"
	// NivelAviso is for what may be right; have a look.
	NivelAviso Level = "aviso"
)

// Problem is one thing that is wrong with a title or with a file of them. It
// is an error too, for the functions that fail at the first.
type Problem struct {
	// File is the entry of the zip, empty outside one.
	Archivo string `json:"archivo,omitempty"`
	// Ruta is where: "folioControl", "expedicion/fechaExpedicion",
	// "firmaResponsables/0/cargo"; empty when it is the whole.
	Ruta   string `json:"ruta,omitempty"`
	Codigo Codigo `json:"codigo"`
	Nivel  Level  `json:"nivel"`
	// Detalle says in Spanish what is wrong and what to write instead.
	Detalle string `json:"detalle"`
	// ValoresValidos is the closed list, where there is one.
	ValoresValidos []string `json:"valoresValidos,omitempty"`
}

func (p Problem) Error() string {
	where := strings.Join(slices.DeleteFunc([]string{p.Archivo, p.Ruta}, func(s string) bool { return s == "" }), ": ")
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s (%s)", where, p.Detalle, p.Codigo)
}

// HasErrors tells whether any of them is more than an aviso.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Nivel == NivelError })
}

// Fields gives the errors, not the avisos, as the vocabulary's refused fields.
func Fields(problems []Problem) []gateway.Field {
	var fields []gateway.Field
	for _, p := range problems {
		if p.Nivel == NivelError {
			fields = append(fields, gateway.Field{Campo: p.Ruta, Detalle: p.Detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
		}
	}
	return fields
}

// maxProblems bounds what a hostile document can make us say of it, by Level: a
// large lote may have an aviso in every title, and nothing wrong.
const maxProblems = 1000

// list gathers problems up to maxProblems.
type list struct {
	criterio       *Criterio // what a title is judged by; nil where only its XML is read
	file           string
	problems       []Problem
	errors, avisos int // that there were
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

// trim shortens what a text quotes of the input.
func trim(s string) string {
	const max = 80
	s = strings.ToValidUTF8(s, "\uFFFD")
	if runas := []rune(s[:min(len(s), 4*max+4)]); len(runas) > max {
		return string(runas[:max]) + "…"
	}
	return s
}

// asProblem finds the Problem in err.
func asProblem(err error) (Problem, bool) {
	var p Problem
	ok := errors.As(err, &p)
	return p, ok
}
