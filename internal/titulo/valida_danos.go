package titulo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// formaEntidad is a character reference of HTML or XML that was written into a
// value: MU&#209;OZ, MU&ntilde;OZ, also in capitals.
var formaEntidad = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// formaPerdida is a ? where a letter was, MU?OZ, or the sign that has the
// letter's number in another table: MU¥OZ.
var formaPerdida = regexp.MustCompile(`\p{L}\?|\?\p{L}|\p{L}[\p{Sc}\p{So}\p{Sk}±¬§¶]+\p{L}`)

// danos looks for what other programs leave in a text: references, bytes read
// in another encoding, lost letters, and words that stand for nothing. All are
// avisos: the title may mean what it says.
func (l *lista) danos(n nodo, a atributo) {
	ruta, valor := n.en(a.nombre), *a.valor
	if a.clase != mayuscula && a.clase != libre || strings.HasPrefix(a.nombre, "correo") {
		return
	}
	if relleno(a.nombre, valor) {
		l.aviso(ruta, CodigoRelleno, "«%s» parece ponerse donde no hay dato; si no lo hay, omita el campo.", recorta(valor))
		return
	}
	if dano := queTiene(valor); dano != "" {
		l.aviso(ruta, CodigoTextoDanado, "«%s» %s.", recorta(valor), dano)
		return
	}
	if persona(n, a) && strings.ContainsFunc(valor, fueraDeNombre) {
		l.aviso(ruta, CodigoNombreCaracteres, "«%s» tiene caracteres que los nombres no llevan, como «%s».", recorta(valor), string([]rune(valor)[indice(valor)]))
	}
}

// queTiene says what happened to a text, "" when nothing seems to have.
func queTiene(valor string) string {
	if entidad := formaEntidad.FindString(valor); entidad != "" {
		return fmt.Sprintf("lleva una entidad de HTML o XML (%s) en lugar de la letra", entidad)
	}
	if bien, mal := cruzado(valor); mal {
		return fmt.Sprintf("parece UTF-8 leído en otra codificación: sería «%s»", recorta(bien))
	}
	if formaPerdida.MatchString(valor) || strings.ContainsRune(valor, utf8.RuneError) {
		return "perdió una letra: donde va Ñ o un acento quedó un signo"
	}
	return ""
}

// cruzado undoes a text of UTF-8 whose bytes were read as Latin-1, windows-1252
// or as DOS did: Ã‘ or ├æ for Ñ. It reports whether the text was one.
func cruzado(valor string) (string, bool) {
	for _, tabla := range []*charmap.Charmap{charmap.Windows1252, charmap.ISO8859_1, charmap.CodePage850, charmap.CodePage437} {
		var b strings.Builder
		cambio := false
		for i, tramo := range tramos(valor) {
			if i%2 == 1 {
				datos, ok := enTabla(tabla, tramo)
				if dos, otra := enTabla(tabla, string(datos)); ok && utf8.Valid(datos) && !letras(datos) && otra {
					datos = dos // it happened twice
				}
				if ok && utf8.Valid(datos) && letras(datos) {
					tramo, cambio = string(datos), true
				}
			}
			b.WriteString(tramo)
		}
		if cambio {
			return b.String(), true
		}
	}
	return "", false
}

// tramos splits a text into ASCII and the rest, ASCII first.
func tramos(valor string) []string {
	partes := []string{""}
	for _, r := range valor {
		if (r >= utf8.RuneSelf) != (len(partes)%2 == 0) {
			partes = append(partes, "")
		}
		partes[len(partes)-1] += string(r)
	}
	return partes
}

// enTabla gives the bytes of a text in a table; what a table leaves free is taken for its own number.
func enTabla(tabla *charmap.Charmap, texto string) ([]byte, bool) {
	var datos []byte
	for _, r := range texto {
		b, ok := tabla.EncodeRune(r)
		if !ok {
			if r > unicode.MaxLatin1 {
				return nil, false
			}
			b = byte(r) //nolint:gosec // G115: of Latin-1
		}
		datos = append(datos, b)
	}
	return datos, true
}

// letras reports whether UTF-8 holds letters of our alphabet and nothing else.
func letras(datos []byte) bool {
	return !slices.ContainsFunc([]rune(string(datos)), func(r rune) bool { return !unicode.Is(unicode.Latin, r) })
}

// relleno reports whether a value stands for none: NULL, N/A, ----, and 0 for a
// number of RVOE or of cédula.
func relleno(nombre, valor string) bool {
	limpio := strings.ToUpper(strings.Trim(colapsa(valor), `()[]<>{}"' `))
	if slices.Contains([]string{
		"NULL", "NULO", "NIL", "NONE", "NAN", "UNDEFINED", `\N`, "N/A", "#N/A", "N.A.", "N/D", "S/N", "S/D", "SIN DATO", "SIN DATOS",
		"SIN INFORMACION", "SIN INFORMACIÓN", "NO APLICA", "NO DISPONIBLE", "NINGUNO", "NINGUNA", "VACIO", "VACÍO", "PENDIENTE",
		"SIN APELLIDO", "SIN SEGUNDO APELLIDO", "SIN NOMBRE", "NO TIENE",
	}, limpio) || len(limpio) > 1 && strings.Trim(limpio, "X") == "" {
		return true
	}
	numero := nombre == "numeroRvoe" || nombre == "noCedula"
	if numero && slices.Contains([]string{"NA", "ND", "SN", "NO", "X"}, limpio) {
		return true
	}
	return !strings.ContainsFunc(valor, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) && (!numero || r != '0')
	})
}

// persona reports whether the attribute is part of a person's name.
func persona(n nodo, a atributo) bool {
	return (n.nombre == "Profesionista" || n.nombre == "FirmaResponsable") && slices.Contains([]string{"nombre", "primerApellido", "segundoApellido"}, a.nombre)
}

// fueraDeNombre reports whether RENAPO has no such character in a name. It has
// letters, blanks, and these signs: MA. DEL CARMEN, D'ANGELO, PEREZ-GIL.
func fueraDeNombre(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsSpace(r) && !strings.ContainsRune(".'’-/", r)
}

func indice(valor string) int { return slices.IndexFunc([]rune(valor), fueraDeNombre) }
