package sat

import (
	"fmt"
	"strconv"
	"strings"
)

// idFormat is what Verifica and Descargar take: an identifier and whose it is.
func idFormat(attribute string, rules func(*request) error) format {
	return format{
		required:    []string{attribute, "RfcSolicitante"},
		solicitante: func(p *request) string { return p.attributes["RfcSolicitante"] },
		rules:       rules,
	}
}

// verify tells how far a request is. Its three codes are kept apart: this call's, the request's
// state, and why.
func (s *Server) verify(ll *call) (answer, error) {
	p, err := s.examine(ll, idFormat("IdSolicitud", func(p *request) error {
		if _, ok := readUUID(p.attributes["IdSolicitud"]); !ok {
			return reject(codBadFormed)
		}
		return nil
	}))
	if err != nil {
		return answer{}, err
	}
	sol := s.solicitudes.find(ll.servicio, p.attributes["RfcSolicitante"], p.attributes["IdSolicitud"])
	if sol == nil {
		return answer{}, reject(codNotFound)
	}
	now := s.Clock.Now()
	if !s.solicitudes.verified(sol, now, s.Knobs.Whole(verificacionesPorDia)) {
		return answer{}, reject(codLimitDaily)
	}
	c := operationAnswer{codigo: codSuccess, codigoEstado: codSuccess, estado: s.solicitudes.estado(sol, now)}
	switch c.estado {
	case estRefused:
		c.codigoEstado = codNotFound
		if sol.result.exceed {
			c.codigoEstado = codCeiling
		}
	case estError:
		c.codigoEstado = codNotControlled
	case estFinished:
		for i := range sol.present(now) {
			c.paquetes = append(c.paquetes, idPaquete(sol.id, i+1))
		}
		c.number = sol.result.total + sol.mishaps.extra
	case estExpired:
		c.number = sol.result.total + sol.mishaps.extra
	}
	return respondVerify(ll.op, c), nil
}

func respondVerify(op *operation, c operationAnswer) answer {
	end := "/>"
	if len(c.paquetes) > 0 {
		end = "><IdsPaquetes>" + strings.Join(c.paquetes, "</IdsPaquetes><IdsPaquetes>") + "</IdsPaquetes></" + op.name + "Result>"
	}
	return resultAnswer(op, c, end, "CodEstatus", c.codigo, "EstadoSolicitud", strconv.Itoa(c.estado),
		"CodigoEstadoSolicitud", c.codigoEstado, "NumeroCFDIs", strconv.FormatInt(c.number, 10), "Mensaje", c.text())
}

// idPaquete is the request's id in upper case and the number of the package.
func idPaquete(solicitud string, number int) string {
	return fmt.Sprintf("%s_%02d", strings.ToUpper(solicitud), number)
}

// readIDPaquete undoes idPaquete, which is the only form taken: a package's id is opaque to clients.
func readIDPaquete(id string) (solicitud string, number int, ok bool) {
	before, after, has := strings.Cut(id, "_")
	n, err := strconv.Atoi(after)
	if !has || err != nil || idPaquete(before, n) != id {
		return "", 0, false
	}
	return strings.ToLower(before), n, true
}
