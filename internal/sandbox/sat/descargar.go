package sat

import (
	"net/http"
)

// descarga serves a package. Its status travels in the SOAP header; each time it is served counts,
// whether or not it arrives.
func (s *Servidor) descarga(ll *llamada) (respuesta, error) {
	p, err := s.examina(ll, formatoID("IdPaquete", nil))
	if err != nil {
		return respuesta{}, err
	}
	id, numero, ok := leeIDPaquete(p.atributos["IdPaquete"])
	if !ok {
		return respuesta{}, rechaza(codNoEncontrada)
	}
	sol := s.solicitudes.busca(ll.servicio, p.atributos["RfcSolicitante"], id)
	if sol == nil {
		return respuesta{}, rechaza(codNoEncontrada)
	}
	ahora := s.reloj.Now()
	estado := s.solicitudes.estado(sol, ahora)
	switch {
	case estado != estTerminada && estado != estVencida, numero < 1, numero > sol.hay(ahora):
		return respuesta{}, rechaza(codNoEncontrada)
	case !ahora.Before(sol.vence(numero)):
		return respuesta{}, rechaza(codPaqueteCaduco)
	case !s.solicitudes.servida(sol, numero, s.perillas.Entero(descargasPorPaquete)):
		return respuesta{}, rechaza(codMaxDescargas)
	}
	antes, cola := sobreDescarga(contestacion{codigo: codExito})
	return respuesta{estado: http.StatusOK, codigo: codExito, cuerpo: antes, cola: cola, paquete: &paquete{sol, numero, defectosDe(ll.falla)}}, nil
}

func respondeDescarga(_ *operacion, c contestacion) respuesta {
	antes, cola := sobreDescarga(c)
	return respuesta{estado: http.StatusOK, codigo: c.codigo, cuerpo: append(antes, cola...)}
}

// sobreDescarga returns what goes before and after the base64.
func sobreDescarga(c contestacion) (antes, cola []byte) {
	const xsd = `xmlns:xsd="http://www.w3.org/2001/XMLSchema"`
	const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	antes = []byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Header><h:respuesta` + atributos("CodEstatus", c.codigo, "Mensaje", c.texto()) +
		` xmlns:h="` + nsDes + `" xmlns="` + nsDes + `" ` + xsd + ` ` + xsi + `/></s:Header><s:Body ` + xsi + ` ` + xsd +
		`><RespuestaDescargaMasivaTercerosSalida xmlns="` + nsDes + `"><Paquete>`)
	return antes, []byte(`</Paquete></RespuestaDescargaMasivaTercerosSalida></s:Body></s:Envelope>`)
}
