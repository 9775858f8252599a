package titulo

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Validate lists what is wrong with a title, most of it by what the SEP is
// known to reject (sep.md §4, §5). It does not ask for what Sella fills, so
// that it can be called before; Verifica does. nil means nothing was found.
func (c *Criterio) Validate(t Titulo) []Problema {
	l := lista{criterio: c}
	l.titulo(&t)
	return l.problemas
}

func (l *lista) titulo(t *Titulo) {
	for _, n := range t.nodos() {
		for _, a := range n.atributos {
			l.atributo(n, a)
		}
	}
	if t.Version != "" && t.Version != Version {
		l.pon(Problema{Ruta: "version", Codigo: CodigoVersion, Nivel: NivelError, Detalle: "La versión del documento es 1.0.", ValoresValidos: []string{Version}})
	}
	l.firmantes(t)
	l.catalogos(t)
	l.personas(t)
	l.fechas(t)
	l.condiciones(t)
}

// atributo checks what the attribute's own row of the table says.
func (l *lista) atributo(n nodo, a atributo) {
	ruta, valor := n.en(a.nombre), *a.valor
	switch {
	case a.clase == sellado:
		return
	case strings.TrimSpace(valor) == "":
		// An id or a text that is missing is said with the catalogue in hand.
		if a.obligatorio && a.clase != catalogo {
			l.error(ruta, CodigoRequerido, "Falta %s, que es obligatorio.", a.nombre)
		}
		return
	}
	if l.caracteres(ruta, valor) {
		l.danos(n, a)
	}
	switch a.clase {
	case fecha:
		if d, ok := dia(valor); !ok {
			l.error(ruta, CodigoFecha, "«%s» no es una fecha: se escribe AAAA-MM-DD, y el día debe existir.", recorta(valor))
		} else if d.After(l.criterio.ahora().UTC()) {
			l.aviso(ruta, CodigoFechaFutura, "La fecha %s todavía no llega.", valor)
		}
	case mayuscula:
		if strings.ContainsFunc(valor, unicode.IsLower) {
			l.aviso(ruta, CodigoMinusculas, "«%s» tiene minúsculas; la SEP y el RENAPO escriben en mayúsculas.", recorta(valor))
		}
	}
	if minimo, maximo := limites(a.nombre); maximo > 0 {
		if n := utf8.RuneCountInString(valor); n < minimo || n > maximo {
			l.aviso(ruta, CodigoLongitud, "Tiene %d caracteres y lo usual son de %d a %d; la SEP no publica límites.", n, minimo, maximo)
		}
	}
}

// caracteres checks what no attribute may hold, and reports whether it holds none.
func (l *lista) caracteres(ruta, valor string) bool {
	if !imprimible(valor) {
		l.error(ruta, CodigoCaracterInvalido, "Tiene caracteres de control, invisibles o mal codificados; quítelos y escriba en UTF-8.")
	}
	if strings.Contains(valor, "|") {
		l.error(ruta, CodigoCaracterReservado, "La barra vertical (|) separa los campos de la cadena original y no puede ir en un valor.")
	}
	if valor != colapsa(valor) {
		l.aviso(ruta, CodigoEspacios, "Tiene espacios al principio, al final o repetidos; el RENAPO rechaza nombres así.")
	}
	if !norm.NFC.IsNormalString(valor) {
		l.aviso(ruta, CodigoUnicode, "Tiene acentos descompuestos; escríbalos en la forma NFC de Unicode.")
	}
	return imprimible(valor) && !strings.Contains(valor, "|")
}

// imprimible tells whether XML can carry s and people can see all of it. White
// space is judged apart.
func imprimible(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) && !unicode.IsSpace(r)
	})
}

// limites are the lengths that a client in production enforces (sep.md §5).
// The schema has none.
func limites(nombre string) (minimo, maximo int) {
	switch nombre {
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

// dia reads a date of the document.
func dia(s string) (time.Time, bool) {
	d, err := time.Parse(time.DateOnly, s)
	return d, err == nil
}

// formaCorreo is the least that an address has; the rest is for whoever sends to it.
var formaCorreo = regexp.MustCompile(`^[^\s@<>,;:"()|]+@[^\s@<>,;:"()|.]+(?:\.[^\s@<>,;:"()|.]+)+$`)
