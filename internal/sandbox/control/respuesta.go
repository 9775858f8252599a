package control

import (
	"bytes"
	"html"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// How an answer says which encoding it is in.
const (
	anunciaDeclaracion = "declaracion" // in the XML declaration; the default
	anunciaCharset     = "charset"     // in the Content-Type
	anunciaMarca       = "marca"       // by a byte order mark
	anunciaAmbas       = "declaracion_y_marca"
	anunciaNada        = "nada"
)

func anuncios() []string {
	return []string{anunciaDeclaracion, anunciaCharset, anunciaMarca, anunciaAmbas, anunciaNada}
}

func codificaciones() []string {
	return []string{"utf-8", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252"}
}

func (f Falla) codifica() encoding.Encoding {
	switch f.Codificacion {
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "iso-8859-1":
		return charmap.ISO8859_1
	case "windows-1252":
		return charmap.Windows1252
	}
	return encoding.Nop
}

// EnCodigo writes an answer in the encoding that the fault asks for: what is written to it is UTF-8, whose
// own declaration must be gone. It returns the Content-Type too. Without an encoding both are as they were.
func (f Falla) EnCodigo(w io.Writer, tipo string) (io.WriteCloser, string) {
	if f.Codificacion == "" {
		return sinCierre{w}, tipo
	}
	tipo, _, _ = strings.Cut(tipo, ";")
	var antes string
	if f.Anuncio == anunciaMarca || f.Anuncio == anunciaAmbas {
		antes = "\ufeff"
	}
	switch f.Anuncio {
	case anunciaCharset:
		tipo += "; charset=" + f.Codificacion
	case "", anunciaDeclaracion, anunciaAmbas:
		// The name of either order of UTF-16 is one: the mark or the first bytes tell.
		nombre := strings.TrimSuffix(strings.TrimSuffix(f.Codificacion, "le"), "be")
		antes += `<?xml version="1.0" encoding="` + nombre + `"?>`
	}
	destino := transform.NewWriter(w, encoding.ReplaceUnsupported(f.codifica().NewEncoder()))
	return &conPrincipio{destino, antes}, tipo
}

// Reescribe is EnCodigo of an answer that is whole.
func (f Falla) Reescribe(cuerpo []byte, tipo string) ([]byte, string) {
	if f.Codificacion == "" {
		return cuerpo, tipo
	}
	if bytes.HasPrefix(cuerpo, []byte("<?xml ")) {
		_, cuerpo, _ = bytes.Cut(cuerpo, []byte("?>"))
	}
	var b bytes.Buffer
	w, tipo := f.EnCodigo(&b, tipo)
	_, _ = w.Write(cuerpo) // a buffer does not fail
	_ = w.Close()
	return b.Bytes(), tipo
}

type sinCierre struct{ io.Writer }

func (sinCierre) Close() error { return nil }

// conPrincipio writes something before the first bytes.
type conPrincipio struct {
	io.WriteCloser
	antes string
}

func (c *conPrincipio) Write(b []byte) (int, error) {
	if c.antes != "" {
		antes := c.antes
		c.antes = ""
		if _, err := io.WriteString(c.WriteCloser, antes); err != nil {
			return 0, err
		}
	}
	return c.WriteCloser.Write(b)
}

// Cabeceras puts the headers that a fault asks for, by the real clock.
func (f Falla) Cabeceras(h http.Header, ahora time.Time) {
	if f.Fecha != 0 {
		h.Set("Date", ahora.Add(f.Fecha).UTC().Format(http.TimeFormat))
	}
	if f.RetryAfter == "" {
		return
	}
	valor := f.RetryAfter
	if d, err := time.ParseDuration(strings.TrimPrefix(valor, "+")); err == nil && strings.HasPrefix(valor, "+") {
		valor = ahora.Add(d).UTC().Format(http.TimeFormat)
	}
	h.Set("Retry-After", valor)
}

// EscribePagina answers the HTML of a Pagina: Mensaje, or what the status says.
func (f Falla) EscribePagina(w http.ResponseWriter) {
	titulo := f.Mensaje
	if titulo == "" {
		titulo = http.StatusText(f.HTTP)
	}
	if f.HTTP == http.StatusOK && f.Mensaje == "" {
		titulo = "Request Rejected"
	}
	if f.HTTP/100 == 3 {
		ubicacion := f.Ubicacion
		if ubicacion == "" {
			ubicacion = "/mantenimiento.html"
		}
		w.Header().Set("Location", ubicacion)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(f.HTTP)
	titulo = html.EscapeString(titulo)
	_, _ = io.WriteString(w, "<!DOCTYPE html>\r\n<html><head><title>"+titulo+"</title></head><body><h1>"+titulo+"</h1><hr><p>El servicio no está disponible.<br></p></body></html>\r\n")
}
