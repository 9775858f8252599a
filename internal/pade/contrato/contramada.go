package contrato

import (
	"fmt"
	"slices"
)

// Difference explains, in Spanish and without values, why an answer is not the Contrato
// that was sent with the PAC's Firma added.
type Difference string

func (d Difference) Error() string { return string(d) }

// Contramada checks that after is before with more Firmas: the same Text and Hash, every
// sent Firma unchanged and in any order, and at least one new one. The error is a
// Difference. It does not verify the new Firma.
func Contramada(before, after Contrato) error {
	switch {
	case before.Text != after.Text:
		return Difference("Su Texto no es el que se envió.")
	case before.Hash != after.Hash:
		return Difference("Su Hash no es el que se envió.")
	}
	remain := slices.Clone(after.Firmas)
	for i, f := range before.Firmas {
		j := slices.IndexFunc(remain, func(other Firma) bool { return same(f, other) })
		if j < 0 {
			return Difference(fmt.Sprintf("La firma %d de las que se enviaron falta o cambió.", i+1))
		}
		remain = slices.Delete(remain, j, j+1)
	}
	if len(remain) == 0 {
		return Difference("No trae la firma de Prodigia: solo las que se enviaron.")
	}
	return nil
}
