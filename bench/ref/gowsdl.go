package ref

import (
	"encoding/base64"
	"io"
	"time"

	"github.com/hooklift/gowsdl/soap"

	"github.com/pasarela-mx/pasarela/gen/soap/sat/descarga"
)

// longEnough is for gowsdl's client, which allows 90 s by default.
const longEnough = 10 * time.Minute

// Gowsdl fetches a package with the generated stub over gowsdl's own client,
// unsigned, and writes it to w.
func Gowsdl(w io.Writer, url, idPaquete, rfc string) error {
	client := soap.NewClient(url, soap.WithRequestTimeout(longEnough))
	request := &descarga.PeticionDescargaMasivaTercerosEntrada{}
	request.PeticionDescarga.IdPaquete = idPaquete
	request.PeticionDescarga.RfcSolicitante = rfc
	response, err := descarga.NewIDescargaMasivaTercerosService(client).Descargar(request)
	if err != nil {
		return err
	}
	decoded, err := base64.StdEncoding.DecodeString(response.Paquete)
	if err != nil {
		return err
	}
	_, err = w.Write(decoded)
	return err
}
