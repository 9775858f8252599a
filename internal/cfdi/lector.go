package cfdi

import (
	"bytes"
	"errors"
	"io"
)

const (
	// maxProfundidad is far beyond any CFDI with its complementos and addenda.
	maxProfundidad = 64
	maxNombre      = 256
	// maxValor bounds a value that is kept; those that are not may be of any length.
	maxValor = 64 << 10
	ventana  = 32 << 10
)

const (
	errMalFormado  defecto = "No es XML bien formado."
	errIncompleto  defecto = "Está incompleto: termina antes de cerrar sus elementos."
	errDTD         defecto = "Lleva un DTD: no se lee."
	errProfundo    defecto = "Tiene demasiados niveles."
	errNombreLargo defecto = "Tiene un nombre demasiado largo."
	errValorLargo  defecto = "Tiene un atributo demasiado largo."
)

// lector is a tokenizer of the XML that a CFDI can be: it keeps only what it is
// asked for, and passes over the rest, of any length, checking that it is well
// formed. encoding/xml makes every token, which costs half of the speed that is
// wanted here, and holds an addenda whole; a fuzz test compares the two.
type lector struct {
	r        io.Reader
	buf      []byte
	pos, fin int
	err      error // of r

	nombre []byte // of the element just opened, or of an attribute
	valor  []byte
	// pila are the names of the open elements, one after the other, each ending
	// where finales says.
	pila    []byte
	finales []int
	raiz    bool
	sola    bool // the element just opened has no content
	inicio  bool // nothing has been read yet
}

func (l *lector) reinicia(r io.Reader) {
	if l.buf == nil {
		l.buf = make([]byte, ventana)
	}
	*l = lector{r: r, buf: l.buf, nombre: l.nombre[:0], valor: l.valor[:0], pila: l.pila[:0], finales: l.finales[:0], inicio: true}
}

// llena reads more; what was in the window is gone. At the end it is io.EOF.
func (l *lector) llena() error {
	for vacias := 0; l.err == nil; vacias++ {
		var n int
		n, l.err = l.r.Read(l.buf)
		if n > 0 {
			l.pos, l.fin = 0, n
			return nil
		}
		if vacias > 100 {
			l.err = io.ErrNoProgress
		}
	}
	return l.err
}

func (l *lector) asoma() (byte, error) {
	if l.pos == l.fin {
		if err := l.llena(); err != nil {
			return 0, err
		}
	}
	return l.buf[l.pos], nil
}

// byte is one inside of something: the end is not expected there.
func (l *lector) byte() (byte, error) {
	c, err := l.asoma()
	if err != nil {
		return 0, cortado(err)
	}
	l.pos++
	return c, nil
}

func cortado(err error) error {
	if errors.Is(err, io.EOF) {
		return errIncompleto
	}
	return err
}

func blanco(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// abre returns at the next element that begins, or with cierra at the next that
// ends; io.EOF is the end of a whole document. After an element has begun its
// attributes must be read.
func (l *lector) abre() (cierra bool, err error) {
	if l.sola {
		l.sola = false
		return true, l.saca()
	}
	for {
		if err := l.texto(); err != nil {
			return false, err
		}
		c, err := l.byte()
		if err != nil {
			return false, err
		}
		switch c {
		case '!':
			err = l.declaracion()
		case '?':
			err = l.instruccion()
		case '/':
			return true, l.termina()
		default:
			l.pos--
			return false, l.comienza()
		}
		if err != nil {
			return false, err
		}
		l.inicio = false
	}
}

// texto passes over text up to the next <, inclusive.
func (l *lector) texto() error {
	var antes [2]byte // what comes before the window, for ]]>
	for {
		if _, err := l.asoma(); err != nil {
			if errors.Is(err, io.EOF) && (len(l.finales) > 0 || !l.raiz) {
				return errIncompleto
			}
			return err
		}
		trozo, fin := l.trozo('<')
		if err := l.juzgaTexto(antes, trozo); err != nil {
			return err
		}
		switch n := len(trozo); {
		case n >= 2:
			antes = [2]byte{trozo[n-2], trozo[n-1]}
		case n == 1:
			antes = [2]byte{antes[1], trozo[0]}
		}
		switch fin {
		case '&':
			if _, err := l.referencia(); err != nil {
				return err
			}
			antes = [2]byte{}
		case '<':
			return nil
		}
	}
}

func (l *lector) juzgaTexto(antes [2]byte, trozo []byte) error {
	if len(trozo) > 0 {
		l.inicio = false
	}
	if finCDATA(antes, trozo) || len(l.finales) == 0 && len(bytes.Trim(trozo, " \t\r\n")) > 0 {
		return errMalFormado
	}
	return nil
}

// trozo takes from the window what comes before hasta or a &, and that character
// too, which fin is; without one it takes the whole window, and fin is 0.
func (l *lector) trozo(hasta byte) (trozo []byte, fin byte) {
	trozo = l.buf[l.pos:l.fin]
	if i := bytes.IndexByte(trozo, hasta); i >= 0 {
		trozo, fin = trozo[:i], hasta
	}
	if i := bytes.IndexByte(trozo, '&'); i >= 0 {
		trozo, fin = trozo[:i], '&'
	}
	l.pos += len(trozo)
	if fin != 0 {
		l.pos++
	}
	return trozo, fin
}

// finCDATA tells whether ]]> stands in a text, where it may not (XML 1.0 §2.4).
func finCDATA(antes [2]byte, trozo []byte) bool {
	for at := 0; ; {
		i := bytes.IndexByte(trozo[at:], '>')
		if i < 0 {
			return false
		}
		at += i
		var a, b byte
		switch at {
		case 0:
			a, b = antes[0], antes[1]
		case 1:
			a, b = antes[1], trozo[0]
		default:
			a, b = trozo[at-2], trozo[at-1]
		}
		if a == ']' && b == ']' {
			return true
		}
		at++
	}
}

// declaracion is a comment or CDATA; a DTD is refused.
func (l *lector) declaracion() error {
	c, err := l.byte()
	if err != nil {
		return err
	}
	switch c {
	case '-':
		if err := l.espera("-"); err != nil {
			return err
		}
		if err := l.hasta("--"); err != nil {
			return err
		}
		return l.espera(">")
	case '[':
		if len(l.finales) == 0 {
			return errMalFormado
		}
		if err := l.espera("CDATA["); err != nil {
			return err
		}
		return l.hasta("]]>")
	case 'D':
		return errDTD
	}
	return errMalFormado
}

// instruccion passes over a processing instruction; a declaration is only at the beginning.
func (l *lector) instruccion() error {
	alInicio := l.inicio
	if err := l.leeNombre(); err != nil {
		return err
	}
	declara := len(l.nombre) == 3 && bytes.EqualFold(l.nombre, []byte("xml"))
	if declara && (!alInicio || string(l.nombre) != "xml") {
		return errMalFormado
	}
	if !declara {
		c, err := l.byte()
		if err != nil {
			return err
		}
		if c == '?' {
			return l.espera(">")
		}
		if !blanco(c) {
			return errMalFormado
		}
		return l.hasta("?>")
	}
	return l.declaracionXML()
}

// declaracionXML has the shape of attributes; its values are not believed but
// for the encoding, which has been looked at before.
func (l *lector) declaracionXML() error {
	var version []byte
	for {
		hay, err := l.blancos()
		if err != nil {
			return err
		}
		c, err := l.asoma()
		if err != nil {
			return cortado(err)
		}
		if c == '?' {
			l.pos++
			if string(version) != "1.0" {
				return errMalFormado
			}
			return l.espera(">")
		}
		if !hay {
			return errMalFormado
		}
		if err := l.leeAtributo(func([]byte) bool { return true }); err != nil {
			return err
		}
		if string(l.nombre) == "version" {
			version = append(version[:0], l.valor...)
		}
	}
}

func (l *lector) espera(texto string) error {
	for i := range len(texto) {
		if c, err := l.byte(); err != nil {
			return err
		} else if c != texto[i] {
			return errMalFormado
		}
	}
	return nil
}

// hasta passes over everything to the end of fin, whose bytes but the last are alike.
func (l *lector) hasta(fin string) error {
	primero, ultimo := fin[0], fin[len(fin)-1]
	seguidos := 0
	for {
		c, err := l.byte()
		switch {
		case err != nil:
			return err
		case c == ultimo && seguidos >= len(fin)-1:
			return nil
		case c == primero:
			seguidos++
		default:
			seguidos = 0
			if i := bytes.IndexByte(l.buf[l.pos:l.fin], primero); i >= 0 {
				l.pos += i
			} else {
				l.pos = l.fin
			}
		}
	}
}

// termina reads the end of the innermost element, after its </.
func (l *lector) termina() error {
	if err := l.leeNombre(); err != nil {
		return err
	}
	if n := len(l.finales); n == 0 || !bytes.Equal(l.pila[l.desde(n-1):], l.nombre) {
		return errMalFormado
	}
	if _, err := l.blancos(); err != nil {
		return err
	}
	if err := l.espera(">"); err != nil {
		return err
	}
	return l.saca()
}

func (l *lector) desde(n int) int {
	if n == 0 {
		return 0
	}
	return l.finales[n-1]
}

func (l *lector) saca() error {
	n := len(l.finales) - 1
	l.pila, l.finales = l.pila[:l.desde(n)], l.finales[:n]
	return nil
}

func (l *lector) comienza() error {
	if len(l.finales) == 0 && l.raiz {
		return errMalFormado
	}
	if len(l.finales) == maxProfundidad {
		return errProfundo
	}
	if err := l.leeNombre(); err != nil {
		return err
	}
	l.raiz, l.inicio = true, false
	l.pila = append(l.pila, l.nombre...)
	l.finales = append(l.finales, len(l.pila))
	return nil
}

func (l *lector) profundidad() int { return len(l.finales) }

// abierto is the name of the innermost element, with its prefix.
func (l *lector) abierto() []byte { return l.pila[l.desde(len(l.finales)-1):] }
