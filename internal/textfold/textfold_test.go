package textfold

import "testing"

func TestFold_WhenSpelledOtherwise(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"Usuario Inválido", "usuario  INVALIDO ", "Usuario Inva\u0301lido", "\tusuario\ninválido"} {
		if got := Fold(s); got != "usuario invalido" {
			t.Errorf("%q folds to %q", s, got)
		}
	}
	if got := Fold("AÑO, año"); got != "ano, ano" {
		t.Errorf("%q", got)
	}
	if got := Fold(""); got != "" {
		t.Errorf("%q", got)
	}
}
