package sat

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/wsdl"
)

const tipoXML = "text/xml; charset=utf-8"

// ponCabeceras sets what every answer of the service carries; Date is the server's.
func ponCabeceras(h http.Header) {
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("X-Powered-By", "ASP.NET")
	h.Set("Cache-Control", "private")
	// Not of the service: nobody should take this for it.
	h.Set("X-Sandbox", "pasarela")
}

// contador counts the bytes of a body.
type contador struct {
	http.ResponseWriter
	cuenta func(int)
}

func (c *contador) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.cuenta(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *contador) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func escribeHTML(w http.ResponseWriter, estado int, titulo string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(estado)
	_, _ = io.WriteString(w, "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>"+titulo+"</title></head><body><h2>"+titulo+"</h2></body></html>\r\n")
}

// publica answers a GET: the contract with the address it was asked at, or the service's page.
func (s *Servidor) publica(w http.ResponseWriter, r *http.Request, p *punto) {
	consulta := strings.ToLower(r.URL.RawQuery)
	if consulta != "wsdl" && consulta != "singlewsdl" {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, "<html><head><title>Sandbox</title></head><body><h1>Sandbox de Pasarela: no es el SAT</h1><p>El contrato: <a href=\"?singleWsdl\">?singleWsdl</a></p></body></html>\n")
		return
	}
	contrato, err := wsdl.FS.ReadFile(p.wsdl)
	if err != nil {
		escribeHTML(w, http.StatusInternalServerError, "500 - Internal server error.")
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
	_, _ = w.Write(direccion(contrato, "http://"+r.Host+r.URL.Path))
}

// direccion replaces the location of soap:address.
func direccion(contrato []byte, url string) []byte {
	const marca = `<soap:address location="`
	antes, despues, ok := bytes.Cut(contrato, []byte(marca))
	if !ok {
		return contrato
	}
	_, despues, _ = bytes.Cut(despues, []byte(`"`))
	return bytes.Join([][]byte{antes, []byte(marca), agregaEscapado(nil, url), []byte(`"`), despues}, nil)
}

func aceptaGzip(r *http.Request) bool {
	for parte := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		nombre, calidad, _ := strings.Cut(strings.TrimSpace(parte), ";")
		if strings.EqualFold(nombre, "gzip") && strings.ReplaceAll(calidad, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// escribe sends an answer, spoilt by a fault when there is one: gzip for who takes it, chunked when
// there is a package.
func (s *Servidor) escribe(w *contador, r *http.Request, ll *llamada, resp respuesta, falla control.Falla) {
	s.codigo(ll, resp.codigo)
	if falla.Tipo == control.ResetDespues {
		control.Corta(w)
	}
	h := w.Header()
	if resp.paquete == nil {
		var tipo string
		if resp.cuerpo, tipo = ll.falla.Reescribe(resp.cuerpo, tipoXML); len(resp.cuerpo) > 0 {
			h.Set("Content-Type", tipo)
		}
	} else {
		_, tipo := ll.falla.EnCodigo(nil, tipoXML)
		h.Set("Content-Type", tipo)
	}
	h.Set("Vary", "Accept-Encoding")
	comprime := aceptaGzip(r) && len(resp.cuerpo) > 0
	if comprime {
		h.Set("Content-Encoding", "gzip")
	}
	if resp.paquete == nil {
		cuerpo := resp.cuerpo
		if comprime {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(cuerpo)
			_ = z.Close()
			cuerpo = b.Bytes()
		}
		h.Set("Content-Length", strconv.Itoa(len(cuerpo)))
		w.WriteHeader(resp.estado)
		_, _ = falla.Estropea(w).Write(cuerpo)
		return
	}
	w.WriteHeader(resp.estado)
	_ = http.NewResponseController(w).Flush()
	if err := s.escribePaquete(falla.Estropea(w), resp, falla, comprime); err != nil {
		s.log.Debug().Err(err).Msg("sat: package not sent whole")
		// A connection that just ended would look like the end of a whole answer.
		panic(http.ErrAbortHandler)
	}
}

// escribePaquete streams envelope, base64 and ZIP; nothing of the package is ever held.
func (s *Servidor) escribePaquete(w io.Writer, resp respuesta, falla control.Falla, comprime bool) error {
	if comprime {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err := s.escribePaquete(z, resp, falla, false); err != nil {
			return err
		}
		return z.Close()
	}
	x, _ := falla.EnCodigo(w, tipoXML)
	if _, err := x.Write(resp.cuerpo); err != nil {
		return err
	}
	if err := s.base64DePaquete(x, resp.paquete, falla); err != nil {
		return err
	}
	if _, err := x.Write(resp.cola); err != nil {
		return err
	}
	return x.Close()
}
