package sat

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const tipoHTML = "text/html"

// page is a page of IIS.
func page(titulo string) string {
	return "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\r\n" +
		"<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>" + titulo + "</title></head>" +
		"<body><h2>" + titulo + "</h2></body></html>\r\n"
}

// publish answers a GET: the contract with the address it was asked at, or the service's page.
func (s *Server) publish(w http.ResponseWriter, r *http.Request, p *point) {
	query := strings.ToLower(r.URL.RawQuery)
	if query != "wsdl" && query != "singlewsdl" {
		control.WriteHTML(w, http.StatusOK, "text/html; charset=UTF-8", "<html><head><title>Sandbox</title></head><body>"+
			"<h1>Sandbox de Pasarela: no es el SAT</h1><p>El contrato: <a href=\"?singleWsdl\">?singleWsdl</a></p></body></html>\n")
		return
	}
	contrato, err := control.Contrato(p.wsdl, "http://"+r.Host+r.URL.Path)
	if err != nil {
		control.WriteHTML(w, http.StatusInternalServerError, tipoHTML, page("500 - Internal server error."))
		return
	}
	control.WriteContrato(w, "text/xml; charset=UTF-8", contrato)
}

func acceptGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// write sends an answer, spoilt by a fault when there is one: gzip for who takes it, chunked when
// there is a package.
func (s *Server) write(w http.ResponseWriter, r *http.Request, ll *call, resp answer, falla control.Falla) {
	s.codigo(ll, resp.codigo)
	if falla.Tipo == control.ResetDespues {
		control.Cut(w)
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	body, tipo := resp.body, control.TipoXML
	if resp.paquete == nil {
		body, tipo = ll.falla.Rewrite(body, tipo)
	} else {
		_, tipo = ll.falla.InCodigo(nil, tipo)
	}
	compress := acceptGzip(r) && len(body) > 0
	if len(body) > 0 {
		h.Set("Content-Type", tipo)
	}
	if compress {
		h.Set("Content-Encoding", "gzip")
	}
	if resp.paquete == nil {
		if compress {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(body)
			_ = z.Close()
			body = b.Bytes()
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(resp.estado)
		_, _ = falla.Spoil(w).Write(body)
		return
	}
	w.WriteHeader(resp.estado)
	_ = http.NewResponseController(w).Flush()
	if err := s.writePaquete(falla.Spoil(w), resp, falla, compress); err != nil {
		s.Log.Debug().Err(err).Msg("sat: package not sent whole")
		// A connection that just ended would look like the end of a whole answer.
		panic(http.ErrAbortHandler)
	}
}

// writePaquete streams envelope, base64 and ZIP. It never holds the package.
func (s *Server) writePaquete(w io.Writer, resp answer, falla control.Falla, compress bool) error {
	if compress {
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err := s.writePaquete(z, resp, falla, false); err != nil {
			return err
		}
		return z.Close()
	}
	x, _ := falla.InCodigo(w, control.TipoXML)
	if _, err := x.Write(resp.body); err != nil {
		return err
	}
	if err := s.paqueteBase64(x, resp.paquete, falla); err != nil {
		return err
	}
	if _, err := x.Write(resp.queue); err != nil {
		return err
	}
	return x.Close()
}
