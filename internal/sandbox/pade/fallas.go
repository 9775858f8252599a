package pade

import (
	"fmt"
	"io"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The faults of this system alone. In the first two the message is processed, as in control.ResetDespues.
const (
	ReturnAusente control.Tipo = "return_ausente" // the answer has no return: what a null of Java's looks like
	ReturnVacio   control.Tipo = "return_vacio"   // the return has no text
	HTML200       control.Tipo = "html200"        // a maintenance page, HTTP 200
)

// CatalogoFallas says which faults make sense here.
func CatalogoFallas() control.Catalogo {
	return control.Catalogo{
		Servicios: []string{Servicio}, Operaciones: nombresOperaciones(),
		Propios: []control.Tipo{ReturnAusente, ReturnVacio, HTML200}, Defectos: defectos(),
		Admite: func(tipo control.Tipo, _ string) bool { return tipo != control.ZipInvalido },
	}
}

// antes applies the faults that come before the message is processed and tells whether the call ended
// there.
func (s *Servidor) antes(w *contador, r *http.Request, ll *llamada) bool {
	f := ll.falla
	f.Espera(r)
	switch f.Tipo {
	case control.Reset:
		s.o.Contadores.Codigo("reset")
		control.Corta(w)
	case control.HTML503:
		s.escribeHTML(w, http.StatusServiceUnavailable, "HTTP 503")
	case HTML200:
		s.escribeHTML(w, http.StatusOK, string(HTML200))
	case control.Pagina:
		s.o.Contadores.Codigo(fmt.Sprintf("HTTP %d", f.HTTP))
		f.EscribePagina(w)
	case control.Vacio:
		s.o.Contadores.Codigo("vacio")
		w.WriteHeader(http.StatusOK)
	case control.Fault:
		falta := &faltaSOAP{codigo: "S:Server", texto: "java.lang.NullPointerException"}
		if f.Faultcode != "" {
			falta.codigo = "S:" + f.Faultcode
		}
		if f.Mensaje != "" {
			falta.texto = f.Mensaje
		}
		s.escribeFalta(w, ll, falta)
	case control.Codigo:
		s.contesta(w, ll, resultado{codigo: f.Codigo, mensaje: f.Mensaje})
	default:
		return false
	}
	return true
}

func (s *Servidor) escribeHTML(w *contador, estado int, codigo string) {
	s.o.Contadores.Codigo(codigo)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(estado)
	_, _ = io.WriteString(w, "<html><head><title>Mantenimiento</title></head><body><h1>Servicio en mantenimiento</h1></body></html>\n")
}

// estropeaBase64 does to the base64 of a document what a fault asks.
func estropeaBase64(texto string, f control.Falla) string {
	corte := int(min(f.Bytes, int64(len(texto))))
	switch f.Tipo {
	case control.Truncado:
		return texto[:corte]
	case control.Base64Invalido:
		return texto[:corte] + "*¡!*" + texto[corte:]
	}
	return texto
}
