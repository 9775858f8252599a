package control

import (
	"bytes"
	"cmp"
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
	announceBoth       = "declaracion_y_marca"
	anunciaNada        = "nada"
)

func announcements() []string {
	return []string{anunciaDeclaracion, anunciaCharset, anunciaMarca, announceBoth, anunciaNada}
}

func encodings() []string {
	return []string{"utf-8", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252"}
}

func (f Falla) encode() encoding.Encoding {
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

// InCodigo writes an answer in the encoding that the fault asks for: what is written to it is UTF-8, whose
// own declaration must be gone. It returns the Content-Type too. Without an encoding both are as they were.
func (f Falla) InCodigo(w io.Writer, tipo string) (io.WriteCloser, string) {
	if f.Codificacion == "" {
		return withoutClosing{w}, tipo
	}
	tipo, _, _ = strings.Cut(tipo, ";")
	var before string
	if f.Anuncio == anunciaMarca || f.Anuncio == announceBoth {
		before = "\ufeff"
	}
	switch f.Anuncio {
	case anunciaCharset:
		tipo += "; charset=" + f.Codificacion
	case "", anunciaDeclaracion, announceBoth:
		// The name of either order of UTF-16 is one: the mark or the first bytes tell.
		name := strings.TrimSuffix(strings.TrimSuffix(f.Codificacion, "le"), "be")
		before += `<?xml version="1.0" encoding="` + name + `"?>`
	}
	target := transform.NewWriter(w, encoding.ReplaceUnsupported(f.encode().NewEncoder()))
	return &withStart{target, before}, tipo
}

// Rewrite is InCodigo of an answer that is whole.
func (f Falla) Rewrite(body []byte, tipo string) ([]byte, string) {
	if f.Codificacion == "" {
		return body, tipo
	}
	if bytes.HasPrefix(body, []byte("<?xml ")) {
		_, body, _ = bytes.Cut(body, []byte("?>"))
	}
	var b bytes.Buffer
	w, tipo := f.InCodigo(&b, tipo)
	_, _ = w.Write(body) // a buffer does not fail
	_ = w.Close()
	return b.Bytes(), tipo
}

type withoutClosing struct{ io.Writer }

func (withoutClosing) Close() error { return nil }

// withStart writes something before the first bytes.
type withStart struct {
	io.WriteCloser
	before string
}

func (c *withStart) Write(b []byte) (int, error) {
	if c.before != "" {
		before := c.before
		c.before = ""
		if _, err := io.WriteString(c.WriteCloser, before); err != nil {
			return 0, err
		}
	}
	return c.WriteCloser.Write(b)
}

// Headers puts the headers that a fault asks for, by the real clock.
func (f Falla) Headers(h http.Header, now time.Time) {
	if f.Fecha != 0 {
		h.Set("Date", now.Add(f.Fecha).UTC().Format(http.TimeFormat))
	}
	if f.RetryAfter == "" {
		return
	}
	value := f.RetryAfter
	if d, err := time.ParseDuration(strings.TrimPrefix(value, "+")); err == nil && strings.HasPrefix(value, "+") {
		value = now.Add(d).UTC().Format(http.TimeFormat)
	}
	h.Set("Retry-After", value)
}

// writePage answers the HTML of a Pagina: Mensaje, or what the status says.
func (f Falla) writePage(w http.ResponseWriter) {
	titulo := cmp.Or(f.Mensaje, http.StatusText(f.HTTP))
	if f.HTTP == http.StatusOK {
		titulo = cmp.Or(f.Mensaje, "Request Rejected")
	}
	if f.HTTP/100 == 3 {
		w.Header().Set("Location", cmp.Or(f.Ubicacion, "/mantenimiento.html"))
	}
	titulo = html.EscapeString(titulo)
	WriteHTML(w, f.HTTP, "text/html; charset=utf-8", "<!DOCTYPE html>\r\n<html><head><title>"+titulo+"</title></head><body><h1>"+titulo+
		"</h1><hr><p>El servicio no está disponible.<br></p></body></html>\r\n")
}
