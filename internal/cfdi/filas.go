package cfdi

import (
	"bytes"
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const (
	// maxFila bounds a row: names have at most 300 characters by the SAT's schemas.
	maxFila = 64 << 10
	// bloque is what is read at once.
	bloque = 256 << 10
	// maxBlancos bounds the blank lines that may stand inside a name.
	maxBlancos = 1 << 10
	// maxRenglones bounds the lines of one row: each is a question about all before it.
	maxRenglones = 64
	// maxInicio is how far into a line a UUID is looked for that is not its first field.
	maxInicio = 2 << 10
)

var errFilaLarga = errors.New("cfdi: the row is too long")

// filas cuts a text of the SAT into rows. Its header shows how lines end: by CRLF, as
// the SAT documents it, by LF or by CR. Names hold line breaks of every kind, so a line
// break ends a row when another row begins behind it, or when what is before it can have
// none. Blank lines between rows are passed over.
type filas struct {
	r        io.Reader
	buf      []byte
	pos, fin int
	err      error // of r, once it has failed or ended

	alinea *alineador // knows the columns, once the header has been read
	salto  byte       // what lines are cut at
	crlf   bool       // an LF without CR is not yet the end of a line
	// duda is that the last row could have been cut at another place.
	duda bool
}

func nuevasFilas(r io.Reader) *filas {
	return &filas{r: r, buf: make([]byte, bloque), salto: '\n', crlf: true}
}

// encabezado returns the first line that is not blank, and learns from it how lines
// end. Of one over maxFila it returns errFilaLarga.
func (f *filas) encabezado() ([]byte, error) {
	if err := f.saltaBlancos(); err != nil {
		return nil, err
	}
	n := -1
	for n < 0 {
		if n = bytes.IndexAny(f.buf[f.pos:f.fin], "\r\n"); n >= 0 || f.err != nil {
			break
		}
		if f.fin-f.pos > maxFila {
			return nil, errFilaLarga
		}
		f.llena()
	}
	switch {
	case n < 0 && !f.acabo():
		return nil, f.err
	case n < 0:
		n = f.fin - f.pos
	case f.buf[f.pos+n] == '\n':
		f.crlf = false
	default:
		cr := n
		for f.asegura(cr + 1); f.pos+cr < f.fin && f.buf[f.pos+cr] == '\r'; f.asegura(cr + 1) {
			cr++
		}
		if f.pos+cr < f.fin && f.buf[f.pos+cr] != '\n' {
			f.salto, f.crlf = '\r', false
		}
	}
	fila := f.buf[f.pos : f.pos+n]
	f.pos += n
	return fila, nil
}

// siguiente returns the next row, valid until the following call, and whether a line
// break ended it. What is no row, because it does not begin as one, is returned like
// one. Of a row over maxFila or maxRenglones it returns errFilaLarga, once it has been
// passed over. At the end it returns the reader's error, io.EOF if all is well.
func (f *filas) siguiente() (fila []byte, terminada bool, err error) {
	if err := f.saltaBlancos(); err != nil {
		return nil, false, err
	}
	f.duda = false
	esFila, larga := f.empieza(0), false
	for desde, renglones := 0, 1; ; {
		corte := f.indiceSalto(desde)
		switch {
		case corte < 0:
			if desde = f.fin - f.pos; desde > maxFila {
				larga, desde = true, f.suelta(desde)
			}
			if f.err != nil {
				return f.ultima(larga)
			}
			f.llena()
			continue
		case larga || corte > maxFila || renglones > maxRenglones:
			larga, corte = true, f.suelta(corte)
		}
		sigue := f.trasBlancos(corte + 1)
		acaba, err := f.acaba(corte, sigue, esFila, larga)
		if err != nil {
			return nil, false, err
		}
		if !acaba {
			desde, renglones = sigue, renglones+1
			continue
		}
		fila = bytes.TrimRight(f.buf[f.pos:f.pos+corte], "\r")
		f.pos += corte + 1
		if larga {
			return nil, true, errFilaLarga
		}
		return fila, true, nil
	}
}

// acaba reports whether the line break at corte ends the row that has begun; sigue is
// what follows it and is not blank, negative when nothing does.
func (f *filas) acaba(corte, sigue int, esFila, larga bool) (bool, error) {
	dura := !f.crlf || corte > 0 && f.buf[f.pos+corte-1] == '\r'
	inicio := sigue >= 0 && (f.empieza(sigue) || f.encabeza(sigue))
	switch {
	case dura && inicio, larga && sigue < 0:
		return true, nil
	case !esFila:
		return dura || inicio || sigue < 0, nil
	case larga:
		return false, nil
	}
	donde, completa := f.alinea.final(string(bytes.TrimRight(f.buf[f.pos:f.pos+corte], "\r")))
	switch {
	case sigue < 0:
		if donde == enNombre && !completa && !f.acabo() {
			return false, f.err // it was cut by a failure
		}
		return true, nil
	case donde == enFija:
		return dura || inicio || completa, nil
	case donde == enOtra:
		return dura || inicio, nil
	}
	f.duda = f.duda || inicio || dura && completa
	return inicio && completa, nil
}

// acabo reports whether all of the text has come. A checksum that is another is told
// behind the last byte.
func (f *filas) acabo() bool {
	return errors.Is(f.err, io.EOF) || errors.Is(f.err, zipdir.ErrChecksum)
}

// ultima is what has no line break behind it.
func (f *filas) ultima(larga bool) ([]byte, bool, error) {
	fila := f.buf[f.pos:f.fin]
	f.pos = f.fin
	switch {
	case !f.acabo(): // a row that was cut by a failure is none
		return nil, false, f.err
	case larga:
		return nil, false, errFilaLarga
	}
	sin := bytes.TrimRight(fila, "\r\n")
	return sin, len(sin) < len(fila), nil
}

func (f *filas) indiceSalto(desde int) int {
	resto := f.buf[f.pos+desde : f.fin]
	i := bytes.IndexByte(resto, f.salto)
	if f.salto == '\r' {
		i = bytes.IndexAny(resto, "\r\n")
	}
	if i < 0 {
		return i
	}
	return desde + i
}

// suelta drops what is before a place but for the byte right before it, and returns
// where the place is then.
func (f *filas) suelta(n int) int {
	f.pos += n - 1
	return 1
}

// empieza reports whether what is at a place has the shape of a row's beginning.
func (f *filas) empieza(at int) bool {
	k := f.alinea.uuid
	if k == 0 {
		f.asegura(at + largoUUID + maxAdornos + 1)
		b := f.buf[f.pos+at : min(f.fin, f.pos+at+largoUUID+maxAdornos+1)]
		if len(b) > largoUUID && b[largoUUID] == separador {
			return formaDeUUID(b[:largoUUID])
		}
		i := bytes.IndexByte(b, separador)
		return i > largoUUID && formaDeUUID(bytes.Trim(b[:i], adornos))
	}
	f.asegura(at + maxInicio)
	linea := f.buf[f.pos+at : min(f.fin, f.pos+at+maxInicio)]
	if i := bytes.IndexAny(linea, "\r\n"); i >= 0 {
		linea = linea[:i]
	}
	for i := 0; ; i++ {
		campo, resto, hay := bytes.Cut(linea, []byte{separador})
		if i == k {
			return formaDeUUID(bytes.Trim(campo, adornos))
		}
		if c := f.alinea.columnas[i]; !hay || !c.libre() && !c.admite(string(campo), false) {
			return false
		}
		linea = resto
	}
}

// encabeza reports whether a header begins at a place: texts that were put together have
// one in the middle.
func (f *filas) encabeza(at int) bool {
	f.asegura(at + maxInicioEncabezado)
	return pareceEncabezado(f.buf[f.pos+at : min(f.fin, f.pos+at+maxInicioEncabezado)])
}

// formaDeUUID reports whether a field is as long as a UUID, with its hyphens. One that
// is damaged is to be told as a row, not taken for a part of the row before.
func formaDeUUID[T string | []byte](s T) bool {
	return len(s) == largoUUID && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// enBlanco are the bytes that may stand before a row: a DOS text ends with 0x1A.
func enBlanco(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0 || c == 0x1A
}

// trasBlancos returns the place of the first byte from n on that is not blank; -1 when
// there is none, or none near.
func (f *filas) trasBlancos(n int) int {
	for i := n; i-n < maxBlancos; i++ {
		f.asegura(i + 1)
		if f.pos+i >= f.fin {
			return -1
		}
		if f.buf[f.pos+i] == marcaUTF8[0] {
			if f.asegura(i + len(marcaUTF8)); bytes.HasPrefix(f.buf[f.pos+i:f.fin], []byte(marcaUTF8)) {
				i += len(marcaUTF8) - 1
				continue
			}
		}
		if !enBlanco(f.buf[f.pos+i]) {
			return i
		}
	}
	return -1
}

// saltaBlancos passes over blanks and marks. It returns the reader's error when nothing
// else is left.
func (f *filas) saltaBlancos() error {
	for {
		f.asegura(len(marcaUTF8))
		switch resto := f.buf[f.pos:f.fin]; {
		case len(resto) == 0:
			return f.err
		case enBlanco(resto[0]):
			f.pos++
		case bytes.HasPrefix(resto, []byte(marcaUTF8)):
			f.pos += len(marcaUTF8)
		default:
			return nil
		}
	}
}

// asegura reads until n bytes are there, or no more come.
func (f *filas) asegura(n int) {
	for f.fin-f.pos < n && f.err == nil {
		f.llena()
	}
}

func (f *filas) llena() {
	f.fin = copy(f.buf, f.buf[f.pos:f.fin])
	f.pos = 0
	for vacias := 0; f.err == nil; vacias++ {
		n, err := f.r.Read(f.buf[f.fin:])
		f.fin += n
		f.err = err
		if n > 0 {
			return
		}
		if err == nil && vacias > 100 {
			f.err = io.ErrNoProgress
		}
	}
}
