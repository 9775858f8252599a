package contrato

import (
	"fmt"
	"slices"
)

// Diferencia is why an answer is not the Contrato that was sent with the PAC's
// Firma added, in Spanish and without values.
type Diferencia string

func (d Diferencia) Error() string { return string(d) }

// Contramada checks that despues is antes with more Firmas: the same Texto and
// Hash, every Firma that was sent, unchanged and in any order, and at least one
// that was not. The error is a Diferencia. What the added Firma is worth it does
// not say.
func Contramada(antes, despues Contrato) error {
	switch {
	case antes.Texto != despues.Texto:
		return Diferencia("Su Texto no es el que se envió.")
	case antes.Hash != despues.Hash:
		return Diferencia("Su Hash no es el que se envió.")
	}
	quedan := slices.Clone(despues.Firmas)
	for i, f := range antes.Firmas {
		j := slices.IndexFunc(quedan, func(otra Firma) bool { return misma(f, otra) })
		if j < 0 {
			return Diferencia(fmt.Sprintf("La firma %d de las que se enviaron falta o cambió.", i+1))
		}
		quedan = slices.Delete(quedan, j, j+1)
	}
	if len(quedan) == 0 {
		return Diferencia("No trae la firma de Prodigia: solo las que se enviaron.")
	}
	return nil
}
