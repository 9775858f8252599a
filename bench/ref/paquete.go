package ref

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"

	simd "github.com/segmentio/asm/base64"
)

const (
	// Block is what the streaming decoders read at a time.
	Block = 64 << 10
	slack = 64
)

var (
	errNoPaquete = errors.New("ref: no Paquete in the answer")
	paqueteTag   = []byte("<Paquete>")
)

// Decoder decodes whole quanta of base64.
type Decoder interface {
	Decode(dst, src []byte) (int, error)
}

// Decoders by name: the standard library's and one that uses vector instructions.
func Decoders() map[string]Decoder {
	return map[string]Decoder{"std": base64.StdEncoding, "simd": simd.StdEncoding}
}

// Stream decodes the text of Paquete into w, block by block.
func Stream(w io.Writer, r io.Reader, dec Decoder) error {
	buf, out := make([]byte, Block), make([]byte, Block/4*3+slack)
	n, err := io.ReadAtLeast(r, buf, 1<<10)
	if err != nil {
		return err
	}
	at := bytes.Index(buf[:n], paqueteTag)
	if at < 0 {
		return errNoPaquete
	}
	n = copy(buf, buf[at+len(paqueteTag):n])
	for {
		text, last := buf[:n], false
		if i := bytes.IndexByte(text, '<'); i >= 0 {
			text, last = text[:i], true
		}
		whole := len(text) &^ 3
		m, err := dec.Decode(out, text[:whole])
		if err != nil {
			return err
		}
		if _, err := w.Write(out[:m]); err != nil {
			return err
		}
		if last {
			_, err := io.Copy(io.Discard, r)
			return err
		}
		n = copy(buf, text[whole:])
		m, err = r.Read(buf[n:])
		n += m
		if m == 0 && err != nil {
			return err
		}
	}
}

// ReadAll decodes the text of Paquete as most clients do: the whole answer, the
// whole document, the whole package, then w.
func ReadAll(w io.Writer, r io.Reader) error {
	whole, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	start := bytes.Index(whole, paqueteTag)
	end := bytes.LastIndex(whole, []byte("</Paquete>"))
	if start < 0 || end < start {
		return errNoPaquete
	}
	text := whole[start+len(paqueteTag) : end]
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return err
	}
	_, err = w.Write(out[:n])
	return err
}

// verifyAnswer is what the floor reads of VerificaSolicitudDescarga's answer.
type verifyAnswer struct {
	XMLName xml.Name `xml:"Envelope"`
	Result  struct {
		CodEstatus            string   `xml:"CodEstatus,attr"`
		EstadoSolicitud       int      `xml:"EstadoSolicitud,attr"`
		CodigoEstadoSolicitud string   `xml:"CodigoEstadoSolicitud,attr"`
		NumeroCFDIs           int      `xml:"NumeroCFDIs,attr"`
		Mensaje               string   `xml:"Mensaje,attr"`
		IdsPaquetes           []string `xml:"IdsPaquetes"`
	} `xml:"Body>VerificaSolicitudDescargaResponse>VerificaSolicitudDescargaResult"`
}
