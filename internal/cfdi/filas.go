package cfdi

import (
	"bytes"
	"errors"
	"io"
)

const (
	// maxFila bounds a row: names have at most 300 characters by the SAT's schemas.
	maxFila = 64 << 10
	// bloque is what is read at once.
	bloque  = 256 << 10
	finFila = "\r\n"
)

var errFilaLarga = errors.New("cfdi: the row is too long")

// filas cuts a text of the SAT into rows. Only CRLF ends one: names hold LF.
type filas struct {
	r        io.Reader
	buf      []byte
	pos, fin int
	err      error // of r, once it has failed or ended
}

func nuevasFilas(r io.Reader) *filas { return &filas{r: r, buf: make([]byte, bloque)} }

// siguiente returns the next row, valid until the following call, and whether it
// was ended by CRLF. Of a row over maxFila it returns errFilaLarga, once it has
// been passed over. At the end it returns the reader's error, io.EOF if all is well.
func (f *filas) siguiente() (fila []byte, terminada bool, err error) {
	larga := false
	for {
		if i := bytes.Index(f.buf[f.pos:f.fin], []byte(finFila)); i >= 0 {
			fila = f.buf[f.pos : f.pos+i]
			f.pos += i + len(finFila)
			if larga || i > maxFila {
				return nil, true, errFilaLarga
			}
			return fila, true, nil
		}
		if f.fin-f.pos > maxFila {
			larga = true
			f.pos = f.fin - 1 // it may be the CR
		}
		if f.err != nil {
			return f.ultima(larga)
		}
		f.llena()
	}
}

func (f *filas) ultima(larga bool) ([]byte, bool, error) {
	fila := f.buf[f.pos:f.fin]
	f.pos = f.fin
	switch {
	case !errors.Is(f.err, io.EOF): // a row that was cut by a failure is none
		return nil, false, f.err
	case larga:
		return nil, false, errFilaLarga
	case len(fila) == 0:
		return nil, false, io.EOF
	}
	return fila, false, nil
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

// salta passes over n rows without looking into them, and returns how many there were.
func (f *filas) salta(n int) (saltadas int, err error) {
	for saltadas < n {
		if _, _, err := f.siguiente(); err != nil && !errors.Is(err, errFilaLarga) {
			return saltadas, err
		}
		saltadas++
	}
	return saltadas, nil
}

// cuenta counts the rows that are left and not empty. An error that is not the
// end comes with those before it.
func (f *filas) cuenta() (n int, err error) {
	for {
		fila, _, err := f.siguiente()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil && !errors.Is(err, errFilaLarga):
			return n, err
		case err != nil || len(fila) > 0:
			n++
		}
	}
}
