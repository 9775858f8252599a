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
		Servicios: []string{Servicio}, Operations: operationNames(),
		Own: []control.Tipo{ReturnAusente, ReturnVacio, HTML200}, Defects: defects(),
		Admit: func(tipo control.Tipo, _ string) bool { return tipo != control.ZipInvalido },
	}
}

// before applies the faults that come before the message is processed and tells whether the call ended
// there.
func (s *Server) before(w *counter, r *http.Request, ll *call) bool {
	f := ll.falla
	f.Wait(r)
	switch f.Tipo {
	case control.Reset:
		s.o.Counters.Codigo("reset")
		control.Cut(w)
	case control.HTML503:
		s.writeHTML(w, http.StatusServiceUnavailable, "HTTP 503")
	case HTML200:
		s.writeHTML(w, http.StatusOK, string(HTML200))
	case control.Pagina:
		s.o.Counters.Codigo(fmt.Sprintf("HTTP %d", f.HTTP))
		f.WritePage(w)
	case control.Vacio:
		s.o.Counters.Codigo("vacio")
		w.WriteHeader(http.StatusOK)
	case control.Fault:
		missing := &soapFault{codigo: "S:Server", text: "java.lang.NullPointerException"}
		if f.Faultcode != "" {
			missing.codigo = "S:" + f.Faultcode
		}
		if f.Mensaje != "" {
			missing.text = f.Mensaje
		}
		s.writeFault(w, ll, missing)
	case control.Codigo:
		s.answer(w, ll, result{codigo: f.Codigo, mensaje: f.Mensaje})
	default:
		return false
	}
	return true
}

func (s *Server) writeHTML(w *counter, estado int, codigo string) {
	s.o.Counters.Codigo(codigo)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(estado)
	_, _ = io.WriteString(w, "<html><head><title>Mantenimiento</title></head><body><h1>Servicio en mantenimiento</h1></body></html>\n")
}

// spoilBase64 does to the base64 of a document what a fault asks.
func spoilBase64(text string, f control.Falla) string {
	cut := int(min(f.Bytes, int64(len(text))))
	switch f.Tipo {
	case control.Truncado:
		return text[:cut]
	case control.Base64Invalido:
		return text[:cut] + "*¡!*" + text[cut:]
	}
	return text
}
