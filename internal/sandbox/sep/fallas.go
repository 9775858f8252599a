package sep

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// zipFalsoSize is the size of ZipInvalido when it was asked for without one.
const zipFalsoSize = 1000

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
		s.o.Contadores.Codigo("HTTP 503")
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<HTML><HEAD><TITLE>Error 503--Service Unavailable</TITLE></HEAD><BODY><H2>Error 503--Service Unavailable</H2></BODY></HTML>\n"))
	case control.Pagina:
		s.o.Contadores.Codigo(fmt.Sprintf("HTTP %d", f.HTTP))
		f.EscribePagina(w)
	case control.Vacio:
		s.o.Contadores.Codigo("vacio")
		w.WriteHeader(http.StatusOK)
	case control.Fault:
		s.contesta(w, ll, func() (respuesta, error) { return respuesta{}, faltaPedida(f) })
	case control.Codigo:
		s.contesta(w, ll, func() (respuesta, error) { return ll.op.conCodigo(f.Codigo, f.Mensaje), nil })
	default:
		return false
	}
	return true
}

func faltaPedida(f control.Falla) *faltaSOAP {
	falta := &faltaSOAP{codigo: "Server", texto: "Error interno del servidor"}
	if f.Faultcode != "" {
		falta.codigo = f.Faultcode
	}
	if f.Mensaje != "" {
		falta.texto = f.Mensaje
	}
	return falta
}

// estropeaArchivo is the base64 of a result with what a fault does to it.
func estropeaArchivo(archivo []byte, f control.Falla) string {
	if f.Tipo == control.ZipInvalido {
		tamano := f.Bytes
		if tamano == 0 {
			tamano = zipFalsoSize
		}
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'x'}, int(min(tamano, maxArchivo))))
	}
	texto := base64.StdEncoding.EncodeToString(archivo)
	corte := int(min(f.Bytes, int64(len(texto))))
	switch f.Tipo {
	case control.Truncado:
		return texto[:corte]
	case control.Base64Invalido:
		return texto[:corte] + "*¡!*" + texto[corte:]
	}
	return texto
}
