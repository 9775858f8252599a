package lotes

import (
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestCriterios_AreThoseThatRowsHave: by another text a repeat would not be known, and sent.
func TestCriterios_AreThoseThatRowsHave(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		operationUpload: "sep.carga",
		operationCancel: "sep.cancela",
		criteriosUpload("ñ|\"u", "lote.zip", []byte{0, 0xAB}):                                                  `"ñ|\"u"|"lote.zip"|00ab`,
		cancelCriterios("u", gateway.Cancelacion{FolioControl: "F|1", Motivo: "R5", CveInstitucion: "010033"}): `"u"|"F|1"|"R5"|"010033"`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
