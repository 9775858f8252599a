package titulo

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// Validate lists the faults of a title, mostly those for which the SEP is known to reject
// (sep.md §4, §5). It does not require what Seal fills in, so it can be called before;
// Verify does. nil means no faults.
func (c *Criterio) Validate(t Titulo) []Problem {
	l := list{criterio: c}
	l.titulo(&t)
	return l.problems
}

func (l *list) titulo(t *Titulo) {
	for _, n := range t.nodes() {
		for _, a := range n.attributes {
			l.attribute(n, a)
		}
	}
	if t.Version != "" && t.Version != Version {
		l.set(Problem{Ruta: "version", Codigo: CodigoVersion, Nivel: NivelError, Detalle: "La versión del documento es 1.0.", ValoresValidos: []string{Version}})
	}
	l.firmantes(t)
	l.catalogos(t)
	l.personas(t)
	l.fechas(t)
	l.conditions(t)
}

// attribute checks an attribute against its row of the table.
func (l *list) attribute(n node, a attribute) {
	path, value := n.en(a.name), *a.value
	switch {
	case a.class == sealed:
		return
	case strings.TrimSpace(value) == "":
		// A missing id or text is reported with the catalogue's entries.
		if a.required && a.class != catalogo {
			l.error(path, CodigoRequerido, "Falta %s, que es obligatorio.", a.name)
		}
		return
	}
	if l.characters(path, value) {
		l.damages(n, a)
	}
	switch a.class {
	case fecha:
		if d, ok := day(value); !ok {
			l.error(path, CodigoFecha, "«%s» no es una fecha: se escribe AAAA-MM-DD, y el día debe existir.", trim(value))
		} else if d.After(l.criterio.now().UTC()) {
			l.aviso(path, CodigoFechaFutura, "La fecha %s todavía no llega.", value)
		}
	case upper:
		if strings.ContainsFunc(value, unicode.IsLower) {
			l.aviso(path, CodigoMinusculas, "«%s» tiene minúsculas; la SEP y el RENAPO escriben en mayúsculas.", trim(value))
		}
	}
	if lowest, highest := limits(a.name); highest > 0 {
		if n := utf8.RuneCountInString(value); n < lowest || n > highest {
			l.aviso(path, CodigoLongitud, "Tiene %d caracteres y lo usual son de %d a %d; la SEP no publica límites.", n, lowest, highest)
		}
	}
}

// characters reports characters that no attribute may have, and returns true if there are
// none.
func (l *list) characters(path, value string) bool {
	if !printable(value) {
		l.error(path, CodigoCaracterInvalido, "Tiene caracteres de control, invisibles o mal codificados; quítelos y escriba en UTF-8.")
	}
	if strings.Contains(value, "|") {
		l.error(path, CodigoCaracterReservado, "La barra vertical (|) separa los campos de la cadena original y no puede ir en un valor.")
	}
	if value != collapse(value) {
		l.aviso(path, CodigoEspacios, "Tiene espacios al principio, al final o repetidos; el RENAPO rechaza nombres así.")
	}
	if !norm.NFC.IsNormalString(value) {
		l.aviso(path, CodigoUnicode, "Tiene acentos descompuestos; escríbalos en la forma NFC de Unicode.")
	}
	return printable(value) && !strings.Contains(value, "|")
}

// printable reports whether XML can carry s and people can see all of it. White space is
// checked separately.
func printable(s string) bool {
	return xmldoc.Foreign(s) < 0 && !strings.ContainsFunc(s, func(r rune) bool {
		return gateway.Invisible(r) && !unicode.IsSpace(r)
	})
}

// limits are the lengths that a production client enforces (sep.md §5). The schema has
// none.
func limits(name string) (lowest, highest int) {
	switch name {
	case "folioControl":
		return 6, 40
	case "cveInstitucion", "cveCarrera":
		return 6, 20
	case "nombre", "primerApellido", "segundoApellido", "nombreInstitucion", "nombreCarrera", "institucionProcedencia":
		return 1, 200
	case "abrTitulo":
		return 1, 30
	}
	return 0, 0
}

// day parses a date of the document.
func day(s string) (time.Time, bool) {
	d, err := time.Parse(time.DateOnly, s)
	return d, err == nil
}

// correoForm is the minimal form of an address; the sender checks the rest.
var correoForm = regexp.MustCompile(`^[^\s@<>,;:"()|]+@[^\s@<>,;:"()|.]+(?:\.[^\s@<>,;:"()|.]+)+$`)
