package pade

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	tipoXML    = "text/xml; charset=utf-8"
	tipoLatino = "text/xml ;charset=ISO-8859-1"
	// maxCuerpo is room for a CFDI of 16 MB whose every tag is escaped.
	maxCuerpo = 48 << 20
)

var reDeclarado = regexp.MustCompile(`^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)

// llamada is one request whose message was understood.
type llamada struct {
	op         *operacion
	ns         string
	parametros map[string]string
	latino     bool // came in ISO-8859-1 and is answered so
	falla      control.Falla
}

// dato returns a parameter; null and empty are one to the services.
func (ll *llamada) dato(nombre string) string { return ll.parametros[nombre] }

// faltan returns the parameters that are null or empty, but for modoPrueba, which is never missed.
func (ll *llamada) faltan() []string {
	var nombres []string
	for _, p := range ll.op.parametros {
		if p != parModoPrueba && ll.parametros[p] == "" {
			nombres = append(nombres, p)
		}
	}
	return nombres
}

// faltaSOAP is a SOAP fault; it always travels with HTTP 500 and has no detail.
type faltaSOAP struct{ codigo, texto string }

// atiende is the way of a POST: the type, the encoding, the envelope, whose wrapper names the operation
// whatever the SOAPAction, the fault asked for, the operation itself.
func (s *Servidor) atiende(w *contador, r *http.Request, p punto) {
	tipo, atributos, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || tipo != "text/xml" {
		s.sinCuerpo(w, http.StatusUnsupportedMediaType)
		return
	}
	crudo, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCuerpo))
	if err != nil {
		estado := http.StatusBadRequest
		var grande *http.MaxBytesError
		if errors.As(err, &grande) {
			estado = http.StatusRequestEntityTooLarge
		}
		s.sinCuerpo(w, estado)
		return
	}
	ll := &llamada{ns: s.o.Perillas.Texto(p.perNamespace)}
	b, falta := ll.decodifica(crudo, atributos["charset"])
	var leido *sobre
	if falta == nil {
		leido, falta = leeSobre(b, func(n xml.Name) bool { return n.Space == ll.ns && porNombre(p, n.Local) != nil })
	}
	if falta != nil {
		s.o.Contadores.Llamada(Servicio, "desconocida")
		s.escribeFalta(w, ll, falta)
		return
	}
	ll.op, ll.parametros = porNombre(p, leido.operacion), leido.parametros
	s.o.Contadores.Llamada(Servicio, ll.op.nombre)
	if s.o.Captura != nil {
		s.o.Captura(Captura{Servicio: Servicio, Operacion: ll.op.nombre, Header: r.Header.Clone(), Body: crudo})
	}
	ll.falla, _ = s.o.Fallas.Toma(Servicio, ll.op.nombre, b)
	ll.falla.Cabeceras(w.Header(), s.o.Reloj.Real())
	if s.antes(w, r, ll) {
		return
	}
	s.contesta(w, ll, ll.op.atiende(s, ll))
}

// decodifica makes UTF-8 of a message. The encoding of the Content-Type goes before the declared one.
func (ll *llamada) decodifica(b []byte, charset string) ([]byte, *faltaSOAP) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if m := reDeclarado.FindSubmatch(b); charset == "" && m != nil {
		charset = string(m[1])
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii":
		return b, nil
	case "iso-8859-1":
		ll.latino = true
		ancho := make([]byte, 0, len(b)+len(b)/8)
		for _, c := range b {
			ancho = utf8.AppendRune(ancho, rune(c))
		}
		return ancho, nil
	}
	return nil, &faltaSOAP{"S:Server", "XML reader error: java.io.UnsupportedEncodingException: " + charset}
}

// contesta answers what an operation came to, or what a fault makes of it.
func (s *Servidor) contesta(w *contador, ll *llamada, r resultado) {
	s.o.Log.Debug().Str("operacion", ll.op.nombre).Str("codigo", r.codigo).Str("falla", string(ll.falla.Tipo)).Msg("pade")
	s.o.Contadores.Codigo(r.codigo)
	retorno := "<return>" + escapaTexto(`<?xml version="1.0" encoding="UTF-8"?>`+ll.op.forma(s, ll, r)) + "</return>"
	apertura := `<ns2:` + ll.op.nombre + `Response xmlns:ns2="` + escapaAtributo(ll.ns) + `"`
	switch ll.falla.Tipo {
	case control.ResetDespues:
		control.Corta(w)
	case ReturnAusente:
		s.escribe(w, ll, http.StatusOK, apertura+`/>`)
		return
	case ReturnVacio:
		retorno = "<return></return>"
	}
	s.escribe(w, ll, http.StatusOK, apertura+`>`+retorno+`</ns2:`+ll.op.nombre+`Response>`)
}

func (s *Servidor) escribeFalta(w *contador, ll *llamada, f *faltaSOAP) {
	s.o.Log.Debug().Str("faultcode", f.codigo).Str("faultstring", f.texto).Msg("pade: fault")
	s.o.Contadores.Codigo(f.codigo)
	s.escribe(w, ll, http.StatusInternalServerError, `<S:Fault xmlns:ns4="http://www.w3.org/2003/05/soap-envelope"><faultcode>`+
		escapaTexto(f.codigo)+`</faultcode><faultstring>`+escapaTexto(f.texto)+`</faultstring></S:Fault>`)
}

// escribe sends an envelope in the encoding of the request.
func (s *Servidor) escribe(w *contador, ll *llamada, estado int, cuerpo string) {
	codificacion, tipo := "UTF-8", tipoXML
	if ll.latino && ll.falla.Codificacion == "" {
		codificacion, tipo, cuerpo = "ISO-8859-1", tipoLatino, enLatino(cuerpo)
	}
	b, tipo := ll.falla.Reescribe([]byte(`<?xml version='1.0' encoding='`+codificacion+`'?><S:Envelope xmlns:S="`+nsSOAP+`"><S:Body>`+cuerpo+`</S:Body></S:Envelope>`), tipo)
	w.Header().Set("Content-Type", tipo)
	w.WriteHeader(estado)
	_, _ = ll.falla.Estropea(w).Write(b)
}

func enLatino(texto string) string {
	b := make([]byte, 0, len(texto))
	for _, c := range texto {
		if c > 0xFF {
			b = fmt.Appendf(b, "&#%d;", c)
			continue
		}
		b = append(b, byte(c)) //nolint:gosec // G115: looked at above
	}
	return string(b)
}

func (s *Servidor) sinCuerpo(w http.ResponseWriter, estado int) {
	s.o.Contadores.Codigo(fmt.Sprintf("HTTP %d", estado))
	w.WriteHeader(estado)
}
