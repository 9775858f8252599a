package sat

import (
	"net/http"
	"time"
)

// vidaEncabezado is what the Timestamp of Autentica's answer says.
const vidaEncabezado = 5 * time.Minute

// autentica grants a token to who signs with an e.firma that is known and current. Every reason to
// refuse looks the same from outside; the log tells which it was.
func (s *Servidor) autentica(ll *llamada) (respuesta, error) {
	ahora := s.ahora()
	cert, err := verificaWSSecurity(ll.mensaje, ahora, s.perillas.Duracion(toleranciaReloj))
	if err != nil {
		s.log.Info().Err(err).Str("servicio", ll.servicio).Msg("sat: InvalidSecurity")
		return respuesta{}, seguridadInvalida()
	}
	if codigo := s.juzga(cert, ahora); codigo != "" {
		s.log.Info().Str("codigo", codigo).Str("rfc", rfcDeCertificado(cert)).Str("servicio", ll.servicio).Msg("sat: InvalidSecurity, certificate refused")
		return respuesta{}, seguridadInvalida()
	}
	if _, _, err := ll.envoltura(); err != nil {
		return respuesta{}, err
	}
	token := s.fichas.emite(ll.servicio, cert, ahora)
	s.contadores.Token()
	const formato = "2006-01-02T15:04:05.000Z"
	creado := ahora.UTC()
	return respuesta{estado: http.StatusOK, codigo: "token", cuerpo: []byte(
		`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:u="` + nsWSU + `"><s:Header><o:Security s:mustUnderstand="1" xmlns:o="` + nsWSSE +
			`"><u:Timestamp u:Id="_0"><u:Created>` + creado.Format(formato) + `</u:Created><u:Expires>` + creado.Add(vidaEncabezado).Format(formato) +
			`</u:Expires></u:Timestamp></o:Security></s:Header><s:Body><AutenticaResponse xmlns="` + nsAutentica + `"><AutenticaResult>` +
			escapa(token) + `</AutenticaResult></AutenticaResponse></s:Body></s:Envelope>`)}, nil
}
