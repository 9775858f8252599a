package pade

import (
	"cmp"
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

// before applies the faults that come before the message is processed and reports whether the call ended
// there.
func (s *Server) before(w http.ResponseWriter, r *http.Request, ll *call) bool {
	f := ll.falla
	f.Wait(r)
	const page = "<html><head><title>Mantenimiento</title></head><body><h1>Servicio en mantenimiento</h1></body></html>\n"
	switch f.Tipo {
	case HTML200:
		s.Counters.Codigo(string(HTML200))
		control.WriteHTML(w, http.StatusOK, tipoHTML, page)
	case control.Fault:
		s.writeFault(w, ll, &soapFault{"S:" + cmp.Or(f.Faultcode, "Server"), cmp.Or(f.Mensaje, "java.lang.NullPointerException")})
	case control.Codigo:
		s.answer(w, ll, result{codigo: f.Codigo, mensaje: f.Mensaje})
	default:
		return f.Instead(w, s.Counters.Codigo, tipoHTML, page)
	}
	return true
}

const tipoHTML = "text/html; charset=utf-8"
