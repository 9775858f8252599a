package sep

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxArchivo bounds an upload; the SEP publishes no bound.
	maxArchivo = 100 << 20
	// maxCuerpo leaves room for its base64 with line breaks.
	maxCuerpo = 150 << 20
	// maxSobre bounds the rest of the message.
	maxSobre = 256 << 10
)

var (
	errMalformado = errors.New("malformed message")
	errGrande     = errors.New("message too large")
)

// separador parts a message in two while it arrives: the archivo, which may be large, goes decoded to a
// writer; the rest stays in memory with the archivo's element empty. A parser of XML would hold the whole
// text of the element.
type separador struct {
	r       *bufio.Reader
	sobre   bytes.Buffer
	archivo io.Writer

	hubo   bool  // the element was there, and not of the short form
	bytes  int64 // decoded
	base64 bool  // what it held was base64
}

const elementoArchivo = "archivoBase64"

// separa reads the whole of r.
func separa(r io.Reader, archivo io.Writer) (*separador, error) {
	s := &separador{r: bufio.NewReaderSize(r, 64<<10), archivo: archivo, base64: true}
	for {
		if err := s.hasta("<"); err != nil {
			if errors.Is(err, io.EOF) {
				return s, nil
			}
			return nil, err
		}
		esArchivo, err := s.marca()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%w: it ends within a tag", errMalformado)
			}
			return nil, err
		}
		if !esArchivo || s.hubo {
			continue
		}
		s.hubo = true
		if err := s.copia(); err != nil {
			return nil, err
		}
	}
}

// hasta copies up to a text, it included.
func (s *separador) hasta(fin string) error {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		s.sobre.WriteByte(c)
		if s.sobre.Len() > maxSobre {
			return errGrande
		}
		if c == fin[len(fin)-1] && bytes.HasSuffix(s.sobre.Bytes(), []byte(fin)) {
			return nil
		}
	}
}

// marca copies a tag, a comment or the like, whose "<" was copied, and tells whether it opens the archivo.
func (s *separador) marca() (esArchivo bool, err error) {
	for inicio, fin := range map[string]string{"!--": "-->", "![CDATA[": "]]>", "?": "?>"} {
		if b, _ := s.r.Peek(len(inicio)); string(b) == inicio {
			for range len(inicio) {
				c, _ := s.r.ReadByte()
				s.sobre.WriteByte(c)
			}
			return false, s.hasta(fin)
		}
	}
	desde := s.sobre.Len()
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return false, err
		}
		s.sobre.WriteByte(c)
		switch c {
		case '"', '\'':
			if err := s.hasta(string(c)); err != nil {
				return false, err
			}
		case '>':
			etiqueta := string(s.sobre.Bytes()[desde : s.sobre.Len()-1])
			nombre, _, _ := strings.Cut(strings.Fields(etiqueta + " x")[0], "/")
			if _, local, ok := strings.Cut(nombre, ":"); ok {
				nombre = local
			}
			return nombre == elementoArchivo && !strings.HasSuffix(etiqueta, "/"), nil
		}
		if s.sobre.Len() > maxSobre {
			return false, errGrande
		}
	}
}

// copia decodes the text of the element. When it turns out not to be base64, the rest is passed over, so
// that the message can still be understood and refused as the service would.
func (s *separador) copia() error {
	texto := &contenido{r: s.r}
	bloque, abierto := make([]byte, bloqueBase64), make([]byte, bloqueBase64)
	relleno := false // seen: nothing may follow
	for {
		leidos, err := io.ReadFull(texto, bloque)
		if texto.err != nil {
			return texto.err
		}
		if leidos > 0 && s.base64 {
			n, mal := base64.StdEncoding.Decode(abierto, bloque[:leidos])
			s.base64 = mal == nil && !relleno
			relleno = bytes.HasSuffix(bloque[:leidos], []byte("="))
			if s.bytes += int64(n); s.bytes > maxArchivo {
				return errGrande
			}
			if _, mal := s.archivo.Write(abierto[:n]); mal != nil {
				return mal
			}
		}
		if err != nil {
			return nil //nolint:nilerr // it is the end of the text; errors of the connection were seen above
		}
	}
}

// bloqueBase64 is decoded at a time, and is of whole groups of four.
const bloqueBase64 = 64 << 10

// contenido reads the text of an element up to the next tag, without its white space: not as characters,
// nor as references, which is how some clients write line breaks.
type contenido struct {
	r     *bufio.Reader
	cdata bool
	fin   bool
	err   error // of the connection, apart from what the decoder says
}

const (
	abreCDATA   = "<![CDATA["
	cierraCDATA = "]]>"
)

func (c *contenido) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !c.fin {
		if _, err := c.r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: it ends within the archivo", errMalformado)
			}
			c.err = err
			return n, err
		}
		trozo, _ := c.r.Peek(min(c.r.Buffered(), len(p)-n))
		leidos := 0
		for _, b := range trozo {
			if b > ' ' && b != '<' && b != '&' && b != ']' {
				p[n] = b
				n++
			} else if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
				break
			}
			leidos++
		}
		_, _ = c.r.Discard(leidos)
		if leidos < len(trozo) {
			n += c.especial(p[n:])
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// especial passes over what is not a character of the text, or gives one that is no base64 in its place.
func (c *contenido) especial(p []byte) int {
	for _, referencia := range []string{"&#xD;", "&#xA;", "&#x9;", "&#x20;", "&#13;", "&#10;", "&#9;", "&#32;"} {
		if b, _ := c.r.Peek(len(referencia)); !c.cdata && strings.EqualFold(string(b), referencia) {
			_, _ = c.r.Discard(len(referencia))
			return 0
		}
	}
	if b, _ := c.r.Peek(len(abreCDATA)); !c.cdata && string(b) == abreCDATA {
		_, _ = c.r.Discard(len(abreCDATA))
		c.cdata = true
		return 0
	}
	if b, _ := c.r.Peek(len(cierraCDATA)); c.cdata && string(b) == cierraCDATA {
		_, _ = c.r.Discard(len(cierraCDATA))
		c.cdata = false
		return 0
	}
	if b, _ := c.r.Peek(1); !c.cdata && string(b) == "<" {
		c.fin = true
		return 0
	}
	_, _ = c.r.Discard(1)
	p[0] = '*'
	return 1
}
