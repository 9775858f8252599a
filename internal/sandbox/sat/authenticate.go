package sat

import (
	"net/http"
	"time"
)

// headerLife is what the Timestamp of Autentica's answer says.
const headerLife = 5 * time.Minute

// authenticate grants a token to who signs with an e.firma that is known and current. Every reason to
// refuse looks the same from outside; the log tells which it was.
func (s *Server) authenticate(ll *call) (answer, error) {
	now := s.now()
	cert, err := verifyWSSecurity(ll.mensaje, now, s.Knobs.Duration(toleranciaReloj))
	if err != nil {
		s.Log.Info().Err(err).Str("servicio", ll.servicio).Msg("sat: InvalidSecurity")
		return answer{}, invalidSecurity()
	}
	if codigo := s.judge(cert, now); codigo != "" {
		s.Log.Info().Str("codigo", codigo).Str("rfc", certificadoRFC(cert)).Str("servicio", ll.servicio).Msg("sat: InvalidSecurity, certificate refused")
		return answer{}, invalidSecurity()
	}
	if _, _, err := ll.wrapper(); err != nil {
		return answer{}, err
	}
	token := s.tokens.issue(ll.servicio, cert, now)
	s.Counters.Token()
	const format = "2006-01-02T15:04:05.000Z"
	created := now.UTC()
	return answer{estado: http.StatusOK, codigo: "token", body: []byte(
		`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:u="` + nsWSU + `"><s:Header><o:Security s:mustUnderstand="1" xmlns:o="` + nsWSSE +
			`"><u:Timestamp u:Id="_0"><u:Created>` + created.Format(format) + `</u:Created><u:Expires>` + created.Add(headerLife).Format(format) +
			`</u:Expires></u:Timestamp></o:Security></s:Header><s:Body><AutenticaResponse xmlns="` + nsAuthenticate + `"><AutenticaResult>` +
			escape(token) + `</AutenticaResult></AutenticaResponse></s:Body></s:Envelope>`)}, nil
}
