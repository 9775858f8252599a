package sep

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// zipFakeSize is the size of ZipInvalido when it was asked for without one.
const zipFakeSize = 1000

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
		s.o.Counters.Codigo("HTTP 503")
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<HTML><HEAD><TITLE>Error 503--Service Unavailable</TITLE></HEAD><BODY><H2>Error 503--Service Unavailable</H2></BODY></HTML>\n"))
	case control.Pagina:
		s.o.Counters.Codigo(fmt.Sprintf("HTTP %d", f.HTTP))
		f.WritePage(w)
	case control.Vacio:
		s.o.Counters.Codigo("vacio")
		w.WriteHeader(http.StatusOK)
	case control.Fault:
		s.answer(w, ll, func() (answer, error) { return answer{}, requestedFault(f) })
	case control.Codigo:
		s.answer(w, ll, func() (answer, error) { return ll.op.withCodigo(f.Codigo, f.Mensaje), nil })
	default:
		return false
	}
	return true
}

func requestedFault(f control.Falla) *soapFault {
	missing := &soapFault{codigo: "Server", text: "Error interno del servidor"}
	if f.Faultcode != "" {
		missing.codigo = f.Faultcode
	}
	if f.Mensaje != "" {
		missing.text = f.Mensaje
	}
	return missing
}

// spoilFile is the base64 of a result with what a fault does to it.
func spoilFile(file []byte, f control.Falla) string {
	if f.Tipo == control.ZipInvalido {
		size := f.Bytes
		if size == 0 {
			size = zipFakeSize
		}
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'x'}, int(min(size, maxFile))))
	}
	text := base64.StdEncoding.EncodeToString(file)
	cut := int(min(f.Bytes, int64(len(text))))
	switch f.Tipo {
	case control.Truncado:
		return text[:cut]
	case control.Base64Invalido:
		return text[:cut] + "*¡!*" + text[cut:]
	}
	return text
}
