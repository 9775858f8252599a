package sep

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"net/http"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// before applies the faults that come before the message is processed and reports whether the call ended
// there.
func (s *Server) before(w http.ResponseWriter, r *http.Request, ll *call) bool {
	f := ll.falla
	f.Wait(r)
	switch f.Tipo {
	case control.Fault:
		s.answer(w, ll, func() (answer, error) {
			return answer{}, &soapFault{codigo: cmp.Or(f.Faultcode, "Server"), text: cmp.Or(f.Mensaje, "Error interno del servidor")}
		})
	case control.Codigo:
		s.answer(w, ll, func() (answer, error) { return ll.op.withCodigo(f.Codigo, f.Mensaje), nil })
	default:
		return f.Instead(w, s.Counters.Codigo, "text/html; charset=UTF-8",
			"<HTML><HEAD><TITLE>Error 503--Service Unavailable</TITLE></HEAD><BODY><H2>Error 503--Service Unavailable</H2></BODY></HTML>\n")
	}
	return true
}

// spoilFile is the base64 of a result with what a fault does to it.
func spoilFile(file []byte, f control.Falla) string {
	if f.Tipo == control.ZipInvalido {
		file = bytes.Repeat([]byte{'x'}, int(min(f.ZipSize(), maxFile)))
	}
	return f.SpoilBase64(base64.StdEncoding.EncodeToString(file))
}
