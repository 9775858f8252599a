package sat

import (
	"cmp"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// before applies the faults that take the place of an answer, before the message is processed or, with
// Despues, after it, and reports whether the call ended there.
func (s *Server) before(w http.ResponseWriter, r *http.Request, ll *call) bool {
	f := ll.falla
	if f.Tipo == control.Silencio {
		s.codigo(ll, string(control.Silencio))
	}
	f.Wait(r)
	switch f.Tipo {
	case control.Fault:
		s.write(w, r, ll, requestedFault(f, ll.op.action).answer(), control.Falla{})
	case control.Codigo:
		if f.ConID && ll.op.register {
			return false // the operation answers it, once it has registered the request
		}
		s.write(w, r, ll, ll.op.respond(ll.op, requestedCodigo(f)), control.Falla{})
	default:
		return f.Instead(w, func(codigo string) { s.codigo(ll, codigo) }, tipoHTML, page("Service Unavailable"))
	}
	return true
}

func requestedFault(f control.Falla, action string) *soapFault {
	missing := internalError()
	for _, known := range []*soapFault{invalidSecurity(), actionNotSupported(action)} {
		if f.Faultcode == known.codigo {
			missing = known
		}
	}
	missing.codigo, missing.text = cmp.Or(f.Faultcode, missing.codigo), cmp.Or(f.Mensaje, missing.text)
	return missing
}

// badDay is what the service does now and then for a moment, and a repeated call does not meet again: the
// passing refusals that people reported, before anything is registered or spent.
func badDay(operation string) []control.Falla {
	if !slices.Contains(operationNames(), operation) {
		return nil
	}
	fallas := []control.Falla{
		{Tipo: control.Fault, Faultcode: "InvalidSecurity"}, {Tipo: control.Fault}, {Tipo: control.HTML503},
		{Tipo: control.Pagina, HTTP: http.StatusOK}, {Tipo: control.Pagina, HTTP: http.StatusFound},
		{Tipo: control.Pagina, HTTP: http.StatusForbidden}, {Tipo: control.Pagina, HTTP: http.StatusNotFound},
		{Tipo: control.Pagina, HTTP: http.StatusInternalServerError},
	}
	if operation != opAutentica {
		for _, codigo := range []string{codSello, codSelloOtherRFC, codCertificado, codNotControlled} {
			fallas = append(fallas, control.Falla{Tipo: control.Codigo, Codigo: codigo})
		}
	}
	if operation == opVerify {
		fallas = append(fallas,
			control.Falla{Tipo: control.Codigo, Codigo: codSuccess, EstadoSolicitud: estRefused, CodigoEstadoSolicitud: codSuccess},
			control.Falla{Tipo: control.Codigo, Codigo: codSuccess, EstadoSolicitud: estRefused})
	}
	return fallas
}

func requestedCodigo(f control.Falla) operationAnswer {
	return operationAnswer{
		codigo: f.Codigo, mensaje: f.Mensaje,
		estado: f.EstadoSolicitud, codigoEstado: f.CodigoEstadoSolicitud, number: f.NumeroCFDIs,
	}
}

// errSuffice stops the making of a package whose rest nobody will see.
var errSuffice = errors.New("the rest is not wanted")

// paqueteBase64 writes the base64 of the package, or of what a fault puts in its place.
func (s *Server) paqueteBase64(w io.Writer, p *paquete, f control.Falla) error {
	switch f.Tipo {
	case control.ZipInvalido:
		c := base64.NewEncoder(base64.StdEncoding, w)
		if err := pad(c, 0, f.ZipSize()); err != nil {
			return err
		}
		return c.Close()
	case control.Truncado:
		w = control.Turning(w, f.Bytes, func([]byte) error { return errSuffice })
	case control.Base64Invalido:
		clean := w
		w = control.Turning(w, f.Bytes, func(rest []byte) error {
			_, err := clean.Write(append([]byte(control.NoBase64), rest...))
			return err
		})
	}
	c := newEncoder(w)
	err := s.universe.writeZip(c, p)
	if err == nil {
		err = c.Close()
	}
	if errors.Is(err, errSuffice) {
		return nil
	}
	return err
}
