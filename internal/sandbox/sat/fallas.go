package sat

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// zipFalsoSize is the size of ZipInvalido when it was asked for without one.
const zipFalsoSize = 1000

// antes applies the faults that take the place of an answer, before the message is processed or, with
// Despues, after it, and tells whether the call ended there.
func (s *Servidor) antes(w *contador, r *http.Request, ll *llamada) bool {
	f := ll.falla
	if f.Tipo == control.Silencio {
		s.codigo(ll, string(control.Silencio))
	}
	f.Espera(r)
	switch f.Tipo {
	case control.Reset:
		s.codigo(ll, "reset")
		control.Corta(w)
	case control.HTML503:
		s.codigo(ll, "HTTP 503")
		escribeHTML(w, http.StatusServiceUnavailable, "Service Unavailable")
	case control.Pagina:
		s.codigo(ll, fmt.Sprintf("HTTP %d", f.HTTP))
		f.EscribePagina(w)
	case control.Vacio:
		s.codigo(ll, "vacio")
		w.WriteHeader(http.StatusOK)
	case control.Fault:
		s.escribe(w, r, ll, faltaPedida(f, ll.op.accion).respuesta(), control.Falla{})
	case control.Codigo:
		if f.ConID && ll.op.registra {
			return false // the operation answers it, once it has registered the request
		}
		s.escribe(w, r, ll, ll.op.responde(ll.op, codigoPedido(f)), control.Falla{})
	default:
		return false
	}
	return true
}

func faltaPedida(f control.Falla, accion string) *faltaSOAP {
	falta := errorInterno()
	if f.Faultcode != "" {
		falta.codigo = f.Faultcode
	}
	if f.Mensaje != "" {
		falta.texto = f.Mensaje
	}
	for _, conocida := range []*faltaSOAP{seguridadInvalida(), accionNoSoportada(accion)} {
		if falta.codigo == conocida.codigo {
			falta.ns = conocida.ns
			if f.Mensaje == "" {
				falta.texto = conocida.texto
			}
		}
	}
	return falta
}

// malDia is what the service does now and then for a moment, and a repeated call does not meet again: the
// passing refusals that people reported, before anything is registered or spent.
func malDia(operacion string) []control.Falla {
	if !slices.Contains(nombresOperaciones(), operacion) {
		return nil
	}
	fallas := []control.Falla{
		{Tipo: control.Fault, Faultcode: "InvalidSecurity"}, {Tipo: control.Fault}, {Tipo: control.HTML503},
		{Tipo: control.Pagina, HTTP: http.StatusOK}, {Tipo: control.Pagina, HTTP: http.StatusFound},
		{Tipo: control.Pagina, HTTP: http.StatusForbidden}, {Tipo: control.Pagina, HTTP: http.StatusNotFound},
		{Tipo: control.Pagina, HTTP: http.StatusInternalServerError},
	}
	if operacion != opAutentica {
		for _, codigo := range []string{codSello, codSelloOtroRFC, codCertificado, codNoControlado} {
			fallas = append(fallas, control.Falla{Tipo: control.Codigo, Codigo: codigo})
		}
	}
	if operacion == opVerifica {
		fallas = append(fallas,
			control.Falla{Tipo: control.Codigo, Codigo: codExito, EstadoSolicitud: estRechazada, CodigoEstadoSolicitud: codExito},
			control.Falla{Tipo: control.Codigo, Codigo: codExito, EstadoSolicitud: estRechazada})
	}
	return fallas
}

func codigoPedido(f control.Falla) contestacion {
	return contestacion{
		codigo: f.Codigo, mensaje: f.Mensaje,
		estado: f.EstadoSolicitud, codigoEstado: f.CodigoEstadoSolicitud, numero: f.NumeroCFDIs,
	}
}

// errBasta stops the making of a package whose rest nobody will see.
var errBasta = errors.New("the rest is not wanted")

// base64DePaquete writes the base64 of the package, or of what a fault puts in its place.
func (s *Servidor) base64DePaquete(w io.Writer, p *paquete, f control.Falla) error {
	switch f.Tipo {
	case control.ZipInvalido:
		tamano := f.Bytes
		if tamano == 0 {
			tamano = zipFalsoSize
		}
		c := base64.NewEncoder(base64.StdEncoding, w)
		if err := rellena(c, 0, tamano); err != nil {
			return err
		}
		return c.Close()
	case control.Truncado:
		w = &limitado{w: w, quedan: f.Bytes}
	case control.Base64Invalido:
		w = &ensuciado{w: w, faltan: f.Bytes}
	}
	c := nuevoCodificador(w)
	err := s.universo.escribeZip(c, p)
	if err == nil {
		err = c.Close()
	}
	if errors.Is(err, errBasta) {
		return nil
	}
	return err
}

// limitado drops everything after some bytes.
type limitado struct {
	w      io.Writer
	quedan int64
}

func (l *limitado) Write(b []byte) (int, error) {
	if int64(len(b)) <= l.quedan {
		l.quedan -= int64(len(b))
		return l.w.Write(b)
	}
	if _, err := l.w.Write(b[:l.quedan]); err != nil {
		return 0, err
	}
	return 0, errBasta
}

// ensuciado puts characters that are not base64 after some bytes.
type ensuciado struct {
	w      io.Writer
	faltan int64
}

func (e *ensuciado) Write(b []byte) (int, error) {
	if int64(len(b)) <= e.faltan {
		e.faltan -= int64(len(b))
		return e.w.Write(b)
	}
	limpio := b[:e.faltan]
	resto := b[e.faltan:]
	e.faltan = math.MaxInt64
	for _, parte := range [][]byte{limpio, []byte("*¡!*"), resto} {
		if _, err := e.w.Write(parte); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
