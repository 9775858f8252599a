package sat

import (
	"net/http"
)

// descarga serves a package. Its status travels in the SOAP header; each time it is served counts,
// whether or not it arrives.
func (s *Server) descarga(ll *call) (answer, error) {
	p, err := s.examine(ll, idFormat("IdPaquete", nil))
	if err != nil {
		return answer{}, err
	}
	id, number, ok := readIDPaquete(p.attributes["IdPaquete"])
	if !ok {
		return answer{}, reject(codNotFound)
	}
	sol := s.solicitudes.find(ll.servicio, p.attributes["RfcSolicitante"], id)
	if sol == nil {
		return answer{}, reject(codNotFound)
	}
	now := s.Clock.Now()
	estado := s.solicitudes.estado(sol, now)
	switch {
	case estado != estFinished && estado != estExpired, number < 1, number > sol.present(now):
		return answer{}, reject(codNotFound)
	case !now.Before(sol.expire(number)):
		return answer{}, reject(codPaqueteExpired)
	case !s.solicitudes.served(sol, number, s.Knobs.Whole(descargasPorPaquete)):
		return answer{}, reject(codMaxDescargas)
	}
	before, queue := descargaEnvelope(operationAnswer{codigo: codSuccess})
	return answer{estado: http.StatusOK, codigo: codSuccess, body: before, queue: queue, paquete: &paquete{sol, number, defectsOf(ll.falla)}}, nil
}

func respondDescarga(_ *operation, c operationAnswer) answer {
	before, queue := descargaEnvelope(c)
	return answer{estado: http.StatusOK, codigo: c.codigo, body: append(before, queue...)}
}

// descargaEnvelope returns what goes before and after the base64.
func descargaEnvelope(c operationAnswer) (before, queue []byte) {
	const xsd = `xmlns:xsd="http://www.w3.org/2001/XMLSchema"`
	const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	before = []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Header><h:respuesta` + attributes("CodEstatus", c.codigo, "Mensaje", c.text()) +
		` xmlns:h="` + nsDes + `" xmlns="` + nsDes + `" ` + xsd + ` ` + xsi + `/></s:Header><s:Body ` + xsi + ` ` + xsd +
		`><RespuestaDescargaMasivaTercerosSalida xmlns="` + nsDes + `"><Paquete>`)
	return before, []byte(`</Paquete></RespuestaDescargaMasivaTercerosSalida></s:Body></s:Envelope>`)
}
