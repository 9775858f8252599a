package sat

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// formatoID is what Verifica and Descargar take: an identifier and whose it is.
func formatoID(atributo string, reglas func(*peticion) error) formato {
	return formato{
		obligatorios: []string{atributo, "RfcSolicitante"},
		solicitante:  func(p *peticion) string { return p.atributos["RfcSolicitante"] },
		reglas:       reglas,
	}
}

// verifica tells how far a request is. Its three codes are kept apart: this call's, the request's
// state, and why.
func (s *Servidor) verifica(ll *llamada) (respuesta, error) {
	p, err := s.examina(ll, formatoID("IdSolicitud", func(p *peticion) error {
		if _, ok := leeUUID(p.atributos["IdSolicitud"]); !ok {
			return rechaza(codMalFormado)
		}
		return nil
	}))
	if err != nil {
		return respuesta{}, err
	}
	sol := s.solicitudes.busca(ll.servicio, p.atributos["RfcSolicitante"], p.atributos["IdSolicitud"])
	if sol == nil {
		return respuesta{}, rechaza(codNoEncontrada)
	}
	ahora := s.reloj.Now()
	if !s.solicitudes.verificada(sol, ahora, s.perillas.Entero(verificacionesPorDia)) {
		return respuesta{}, rechaza(codLimiteDiario)
	}
	c := contestacion{codigo: codExito, codigoEstado: codExito, estado: s.solicitudes.estado(sol, ahora)}
	switch c.estado {
	case estRechazada:
		c.codigoEstado = codNoEncontrada
		if sol.resultado.excede {
			c.codigoEstado = codTope
		}
	case estError:
		c.codigoEstado = codNoControlado
	case estTerminada:
		for i := range sol.hay(ahora) {
			c.paquetes = append(c.paquetes, idPaquete(sol.id, i+1))
		}
		c.numero = sol.resultado.total + sol.desgracias.deMas
	case estVencida:
		c.numero = sol.resultado.total + sol.desgracias.deMas
	}
	return respondeVerifica(ll.op, c), nil
}

func respondeVerifica(op *operacion, c contestacion) respuesta {
	pares := []string{"CodEstatus", c.codigo, "EstadoSolicitud", strconv.Itoa(c.estado)}
	if c.codigoEstado != "" {
		pares = append(pares, "CodigoEstadoSolicitud", c.codigoEstado)
	}
	pares = append(pares, "NumeroCFDIs", strconv.FormatInt(c.numero, 10), "Mensaje", c.texto())
	var b strings.Builder
	b.WriteString("<" + op.nombre + `Response xmlns="` + nsDes + `"><` + op.nombre + "Result" + atributos(pares...))
	if len(c.paquetes) == 0 {
		b.WriteString("/>")
	} else {
		b.WriteByte('>')
		for _, id := range c.paquetes {
			b.WriteString("<IdsPaquetes>" + id + "</IdsPaquetes>")
		}
		b.WriteString("</" + op.nombre + "Result>")
	}
	b.WriteString("</" + op.nombre + "Response>")
	return respuesta{estado: http.StatusOK, codigo: c.codigo, cuerpo: sobre(b.String())}
}

// idPaquete is the request's id in upper case and the number of the package.
func idPaquete(solicitud string, numero int) string {
	return fmt.Sprintf("%s_%02d", strings.ToUpper(solicitud), numero)
}

// leeIDPaquete undoes idPaquete, which is the only form taken: a package's id is opaque to clients.
func leeIDPaquete(id string) (solicitud string, numero int, ok bool) {
	antes, despues, hay := strings.Cut(id, "_")
	n, err := strconv.Atoi(despues)
	if !hay || err != nil || idPaquete(antes, n) != id {
		return "", 0, false
	}
	return strings.ToLower(antes), n, true
}
