package titulo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Nivel says how bad a Problema is.
type Nivel string

const (
	// NivelError is for what the SEP rejects, or what does not mean what it says.
	NivelError Nivel = "error"
	// NivelAviso is for what may be right; have a look.
	NivelAviso Nivel = "aviso"
)

// Problema is one thing that is wrong with a title or with a file of them. It
// is an error too, for the functions that fail at the first.
type Problema struct {
	// Archivo is the entry of the zip, empty outside one.
	Archivo string `json:"archivo,omitempty"`
	// Ruta is where: "folioControl", "expedicion/fechaExpedicion",
	// "firmaResponsables/0/cargo"; empty when it is the whole.
	Ruta   string `json:"ruta,omitempty"`
	Codigo Codigo `json:"codigo"`
	Nivel  Nivel  `json:"nivel"`
	// Detalle says in Spanish what is wrong and what to write instead.
	Detalle string `json:"detalle"`
	// ValoresValidos is the closed list, where there is one.
	ValoresValidos []string `json:"valoresValidos,omitempty"`
}

func (p Problema) Error() string {
	donde := strings.Join(slices.DeleteFunc([]string{p.Archivo, p.Ruta}, func(s string) bool { return s == "" }), ": ")
	if donde != "" {
		donde += ": "
	}
	return fmt.Sprintf("%s%s (%s)", donde, p.Detalle, p.Codigo)
}

// HayErrores tells whether any of them is more than an aviso.
func HayErrores(problemas []Problema) bool {
	return slices.ContainsFunc(problemas, func(p Problema) bool { return p.Nivel == NivelError })
}

// Campos gives the errors, not the avisos, as the vocabulary's refused fields.
func Campos(problemas []Problema) []gateway.Campo {
	var campos []gateway.Campo
	for _, p := range problemas {
		if p.Nivel == NivelError {
			campos = append(campos, gateway.Campo{Campo: p.Ruta, Detalle: p.Detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
		}
	}
	return campos
}

// maxProblemas bounds what a hostile document can make us say of it, by Nivel: a
// large lote may have an aviso in every title, and nothing wrong.
const maxProblemas = 1000

// lista gathers problems up to maxProblemas.
type lista struct {
	criterio        *Criterio // what a title is judged by; nil where only its XML is read
	archivo         string
	problemas       []Problema
	errores, avisos int // that there were
}

func (l *lista) pon(p Problema) {
	n := &l.errores
	if p.Nivel == NivelAviso {
		n = &l.avisos
	}
	switch *n++; {
	case *n <= maxProblemas:
		if p.Archivo == "" {
			p.Archivo = l.archivo
		}
		l.problemas = append(l.problemas, p)
	case *n == maxProblemas+1:
		l.problemas = append(l.problemas, Problema{
			Codigo: CodigoDemasiadosProblemas, Nivel: p.Nivel,
			Detalle: fmt.Sprintf("Hay más de %d problemas de nivel %s; se muestran los primeros.", maxProblemas, p.Nivel),
		})
	}
}

func (l *lista) lleno() bool { return l.errores > maxProblemas }

func (l *lista) error(ruta string, c Codigo, format string, args ...any) {
	l.pon(fallo(ruta, c, format, args...))
}

func (l *lista) aviso(ruta string, c Codigo, format string, args ...any) {
	p := fallo(ruta, c, format, args...)
	p.Nivel = NivelAviso
	l.pon(p)
}

func fallo(ruta string, c Codigo, format string, args ...any) Problema {
	return Problema{Ruta: ruta, Codigo: c, Nivel: NivelError, Detalle: fmt.Sprintf(format, args...)}
}

// recorta shortens what a text quotes of the input.
func recorta(s string) string {
	const max = 80
	s = strings.ToValidUTF8(s, "\uFFFD")
	if runas := []rune(s[:min(len(s), 4*max+4)]); len(runas) > max {
		return string(runas[:max]) + "…"
	}
	return s
}

// comoProblema finds the Problema in err.
func comoProblema(err error) (Problema, bool) {
	var p Problema
	ok := errors.As(err, &p)
	return p, ok
}
