package contrato

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNoContramada says that an answer is not the Contrato that was sent with
// the PAC's Firma added.
var ErrNoContramada = errors.New("contrato: the answer is not the contract with one more signature")

// Contramada checks that despues is antes with more Firmas: the same Texto and
// Hash, every Firma that was sent, unchanged and in any order, and at least one
// that was not. The error is ErrNoContramada, wrapped with what differs and no
// value. What the added Firma is worth it does not say.
func Contramada(antes, despues Contrato) error {
	switch {
	case antes.Texto != despues.Texto:
		return fmt.Errorf("%w: another Texto", ErrNoContramada)
	case antes.Hash != despues.Hash:
		return fmt.Errorf("%w: another Hash", ErrNoContramada)
	}
	quedan := slices.Clone(despues.Firmas)
	for i, f := range antes.Firmas {
		j := slices.IndexFunc(quedan, func(otra Firma) bool { return misma(f, otra) })
		if j < 0 {
			return fmt.Errorf("%w: Firma %d is missing or changed", ErrNoContramada, i)
		}
		quedan = slices.Delete(quedan, j, j+1)
	}
	if len(quedan) == 0 {
		return fmt.Errorf("%w: no Firma was added", ErrNoContramada)
	}
	return nil
}
