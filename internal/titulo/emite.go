package titulo

import (
	"errors"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// Emite completes t, checks it, seals it with credenciales[i] for each signer i
// and returns the document. t itself is not changed.
//
// The problems are returned in any case; when one of them is an error there is
// no document and nothing was signed but what had to be to find out. The error
// is for a number of credentials other than that of signers, and for signers
// that fail.
func Emite(t Titulo, credenciales []*efirma.Credential, escape Escape) ([]byte, []Problema, error) {
	t = Completa(t)
	problemas := Validate(t)
	if HayErrores(problemas) {
		return nil, problemas, nil
	}
	if len(credenciales) != len(t.FirmaResponsables) {
		return nil, problemas, fmt.Errorf("titulo: %d e.firmas for %d signers", len(credenciales), len(t.FirmaResponsables))
	}
	for i, cred := range credenciales {
		var p Problema
		switch err := Sella(&t, i, cred, escape); {
		case errors.As(err, &p):
			problemas = append(problemas, p)
		case err != nil:
			return nil, problemas, err
		}
	}
	if HayErrores(problemas) {
		return nil, problemas, nil
	}
	documento, err := Marshal(t)
	return documento, problemas, err
}
