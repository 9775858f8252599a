package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Place is a position in a text: bytes, whole lines, and characters of the last line. The
// zero Place is the beginning.
type Place struct{ bytes, lines, columns int }

// Beyond returns the place after text, which begins at p.
func (p Place) Beyond(text []byte) Place {
	p.bytes += len(text)
	if n := bytes.Count(text, []byte{'\n'}); n > 0 {
		p.lines += n
		p.columns = 0
		text = text[bytes.LastIndexByte(text, '\n')+1:]
	}
	p.columns += utf8.RuneCount(text)
	return p
}

func (p Place) String() string { return fmt.Sprintf("línea %d, columna %d", p.lines+1, p.columns+1) }

// Unreadable returns the error for a body that is not JSON from p on.
func (p Place) Unreadable(why string) error {
	return malformed("El cuerpo no es JSON que se pueda leer: " + p.String() + ": " + why)
}

const (
	behindTheEnd = "hay algo más después del objeto; un cuerpo es un solo objeto JSON."
	endsHere     = "aquí termina, y está incompleto: "
)

// InObject returns the error at p in the outermost object of a body, after n names and
// values. inside is what follows the last of them: nothing, a comma or a colon.
func (p Place) InObject(n int, inside string, rest []byte) error {
	return p.wrong(Kind('{'), int64(n), []byte(inside), rest)
}

// BehindObject returns the error for a body that continues at p, after its object.
func (p Place) BehindObject() error { return p.Unreadable(behindTheEnd) }

// Kind is the open value in which a text is wrong.
type Kind = jsontext.Kind

func (p Place) wrong(kind Kind, n int64, inside, rest []byte) error {
	if r, size := utf8.DecodeRune(rest); r == utf8.RuneError && size == 1 {
		return notUTF8(fmt.Sprintf("El byte %d (%s) no es de UTF-8; quizá el texto está en Latin-1 o Windows-1252, como lo envía PowerShell 5 si Content-Type no dice charset=utf-8.", p.bytes+1, p))
	}
	return p.Unreadable(expected(kind, n, inside, rest))
}

// fails returns an error that explains where the JSON reader failed.
func (w *walker) fails(err error) error {
	var at *jsontext.SyntacticError
	var large *http.MaxBytesError
	text := w.text()
	switch {
	case errors.As(err, &large):
		return err
	case errors.Is(err, io.EOF):
		return w.at.Beyond(text).Unreadable(endsHere + missing(0, 0))
	case !errors.As(err, &at):
		return fmt.Errorf("conform: %w", err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return w.twice(at.JSONPointer)
	}
	kind, n := w.dec.StackIndex(w.dec.StackDepth())
	inside := bytes.TrimLeft(text[w.dec.InputOffset():at.ByteOffset], " \t\r\n")
	return w.at.Beyond(text[:at.ByteOffset]).wrong(kind, n, inside, text[at.ByteOffset:])
}

// twice returns the error for a repeated name in an object. RFC 8259 §4 leaves open which
// value counts, and one of the names decides whether a signature is real.
func (w *walker) twice(name jsontext.Pointer) error {
	path := w.outer
	for step := range name.Tokens() {
		path += "/" + step
	}
	return Twice(strings.TrimPrefix(path, "/"))
}

// Twice returns the error for a body in which an object repeats a name.
func Twice(path string) error {
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnClaveRepetida, Detail: "Una clave está dos veces en el mismo objeto JSON, y no se sabe cuál cuenta; vea errores.",
		Fields: []gateway.Field{{Campo: shown([]byte(path)), Detalle: "Está dos veces en el mismo objeto."}}}
}

// expected says what should be in place of rest, in an object or list ('{', '[') after n
// names and values. inside is what lies between the last of them and rest.
func expected(kind Kind, n int64, inside, rest []byte) string {
	last := bytes.TrimRight(inside, " \t\r\n")
	switch text := bytes.LastIndexByte(inside, '"') >= 0; {
	case text && len(rest) == 0:
		return endsHere + `falta cerrar el texto con ".`
	case text:
		return insideText(rest)
	case len(rest) == 0:
		return endsHere + missing(kind, n)
	case len(last) > 0 && last[len(last)-1] != ',' && last[len(last)-1] != ':':
		return "un número, true, false o null está mal escrito."
	}
	next := bytes.TrimLeft(rest[1:], " \t\r\n")
	comma := len(last) > 0
	switch c := rest[0]; {
	case c == ',' && len(next) > 0 && (next[0] == '}' || next[0] == ']'):
		return "sobra la coma antes de " + string(next[:1]) + "."
	case c == ',' && (kind == '{' && n%2 == 0 || kind == '[') && !comma:
		return "sobra una coma."
	case c == '/' || c == '#':
		return "JSON no admite comentarios."
	case kind == '{' && n%2 == 1 && !comma:
		return "se esperaban dos puntos (:) entre el nombre del campo y su valor."
	case kind == '{' && n%2 == 1, kind == '[' && (n == 0 || comma):
		return "se esperaba un valor; " + insteadOf(c)
	case kind == '{' && (n == 0 || comma):
		return "se esperaba el nombre de un campo, entre comillas dobles (\"); " + insteadOf(c)
	case kind == '{':
		return "se esperaba una coma (,) o el fin del objeto (}); " + insteadOf(c)
	case kind == '[':
		return "se esperaba una coma (,) o el fin de la lista (]); " + insteadOf(c)
	case n == 0:
		return "se esperaba un objeto JSON, que empieza con {; " + insteadOf(c)
	}
	return behindTheEnd
}

func missing(kind Kind, n int64) string {
	switch {
	case kind == '{' && n%2 == 1:
		return "falta el valor del último campo, y cerrar el objeto con }."
	case kind == '{':
		return "falta cerrar el objeto con }."
	case kind == '[':
		return "falta cerrar la lista con ]."
	}
	return "falta el valor."
}

// insteadOf says what is there, and how JSON writes it if that is known.
func insteadOf(c byte) string {
	switch {
	case c == '\'':
		return "las comillas son dobles (\"), no simples."
	case c == 'T', c == 'F', c == 'N', c == 'u':
		return "true, false y null van en minúsculas, y no hay otros: ni None, ni NaN, ni undefined."
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= utf8.RuneSelf:
		return "los textos van entre comillas dobles (\")."
	case c == '.', c == '+':
		return "un número empieza con un dígito, o con - y un dígito."
	case c == '"':
		return "hay otro texto: quizá falta una coma."
	case unicode.IsPrint(rune(c)):
		return "hay «" + string(rune(c)) + "»."
	}
	return fmt.Sprintf("hay un carácter que no se ve (U+%04X).", c)
}

// insideText says what is wrong with a string that continues with rest.
func insideText(rest []byte) string {
	switch c := rest[0]; {
	case c == '\n' || c == '\r':
		return `dentro de un texto, el salto de línea se escribe \n; o falta la comilla que lo cierra.`
	case c == '\t':
		return `dentro de un texto, el tabulador se escribe \t.`
	case c < ' ':
		return fmt.Sprintf(`dentro de un texto, ese carácter de control se escribe \u%04x.`, c)
	case c != '\\':
		return "el texto no se puede leer."
	case len(rest) > 1 && rest[1] == 'u' && half(rest):
		return `tiene medio par sustituto (\ud800 a \udfff): escriba el carácter completo.`
	case len(rest) > 1 && rest[1] == 'u':
		return `detrás de \u van cuatro dígitos hexadecimales.`
	}
	return `detrás de una diagonal inversa (\) solo va " \ / b f n r t o u; la diagonal misma se escribe \\.`
}

// half reports whether escape begins with one half of a surrogate pair.
func half(escape []byte) bool {
	return len(escape) > 3 && (escape[2] == 'd' || escape[2] == 'D') && bytes.IndexByte([]byte("89abcdefABCDEF"), escape[3]) >= 0
}
