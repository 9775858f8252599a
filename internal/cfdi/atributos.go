package cfdi

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// atributos reads those of the element just opened. quiere tells of each name
// whether its value is wanted; then toma gets it, valid until it returns.
func (l *lector) atributos(quiere func(nombre []byte) bool, toma func(valor []byte) error) error {
	for {
		hay, err := l.blancos()
		if err != nil {
			return err
		}
		c, err := l.asoma()
		switch {
		case err != nil:
			return cortado(err)
		case c == '>':
			l.pos++
			return nil
		case c == '/':
			l.pos++
			l.sola = true
			return l.espera(">")
		case !hay:
			return errMalFormado
		}
		querido := false
		if err := l.leeAtributo(func(n []byte) bool { querido = quiere(n); return querido }); err != nil {
			return err
		}
		if querido {
			if err := toma(l.valor); err != nil {
				return err
			}
		}
	}
}

func (l *lector) blancos() (hay bool, err error) {
	for {
		c, err := l.asoma()
		if err != nil {
			return hay, cortado(err)
		}
		if !blanco(c) {
			return hay, nil
		}
		hay = true
		l.pos++
	}
}

// leeNombre reads a name into nombre, with its prefix.
func (l *lector) leeNombre() error {
	l.nombre = l.nombre[:0]
	dosPuntos := 0
	for {
		c, err := l.asoma()
		if err != nil {
			return cortado(err)
		}
		if !deNombre(c, len(l.nombre) == 0) {
			break
		}
		if c == ':' {
			dosPuntos++
		}
		if len(l.nombre) == maxNombre {
			return errNombreLargo
		}
		l.nombre = append(l.nombre, c)
		l.pos++
	}
	if n := len(l.nombre); n == 0 || dosPuntos > 1 || l.nombre[n-1] == ':' {
		return errMalFormado
	}
	return nil
}

// deNombre tells the characters of a name (XML 1.0 §2.3); those over ASCII are
// not told apart.
func deNombre(c byte, primero bool) bool {
	if esLetra(c) || c == '_' || c >= utf8.RuneSelf {
		return true
	}
	return !primero && (esDigito(c) || c == '.' || c == '-' || c == ':')
}

func (l *lector) leeAtributo(quiere func(nombre []byte) bool) error {
	if err := l.leeNombre(); err != nil {
		return err
	}
	querido := quiere(l.nombre)
	if _, err := l.blancos(); err != nil {
		return err
	}
	if err := l.espera("="); err != nil {
		return err
	}
	if _, err := l.blancos(); err != nil {
		return err
	}
	comilla, err := l.byte()
	if err != nil {
		return err
	}
	if comilla != '"' && comilla != '\'' {
		return errMalFormado
	}
	l.valor = l.valor[:0]
	return l.leeValor(comilla, querido)
}

// leeValor reads up to the closing quote, into valor if it is wanted.
func (l *lector) leeValor(comilla byte, querido bool) error {
	trasCR := false
	for {
		if _, err := l.asoma(); err != nil {
			return cortado(err)
		}
		trozo, fin := l.trozo(comilla)
		if bytes.IndexByte(trozo, '<') >= 0 {
			return errMalFormado
		}
		if querido {
			trasCR = l.guarda(trozo, trasCR)
			if len(l.valor) > maxValor {
				return errValorLargo
			}
		}
		switch fin {
		case '&':
			r, err := l.referencia()
			if err != nil {
				return err
			}
			if querido {
				l.valor, trasCR = utf8.AppendRune(l.valor, r), false
			}
		case comilla:
			return nil
		}
	}
}

// guarda appends to valor with white space normalised (XML 1.0 §3.3.3): CR LF is
// one, also when its two halves come in two calls.
func (l *lector) guarda(trozo []byte, trasCR bool) bool {
	for _, c := range trozo {
		if c == '\n' && trasCR {
			trasCR = false
			continue
		}
		trasCR = c == '\r'
		if blanco(c) {
			c = ' '
		}
		l.valor = append(l.valor, c)
	}
	return trasCR
}

// referencia reads what follows a &: a character, or one of the five entities
// that there are without a DTD.
func (l *lector) referencia() (rune, error) {
	const maxReferencia = 10
	var b [maxReferencia]byte
	n := 0
	for {
		c, err := l.byte()
		if err != nil {
			return 0, err
		}
		if c == ';' {
			break
		}
		if n == maxReferencia {
			return 0, errMalFormado
		}
		b[n] = c
		n++
	}
	switch nombre := string(b[:n]); nombre {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	default:
		return caracter(nombre)
	}
}

func caracter(nombre string) (rune, error) {
	if len(nombre) < 2 || nombre[0] != '#' {
		return 0, errMalFormado
	}
	base, digitos := 10, nombre[1:]
	if digitos[0] == 'x' {
		base, digitos = 16, digitos[1:]
	}
	v, err := strconv.ParseUint(digitos, base, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, errMalFormado
	}
	r := rune(v)
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || !utf8.ValidRune(r) || r == 0xFFFE || r == 0xFFFF {
		return 0, errMalFormado
	}
	return r, nil
}
