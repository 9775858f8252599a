package sat

import (
	"math"
	"strconv"
	"testing"
)

func TestNumero_WhenItIsNoCountSaysSo(t *testing.T) {
	t.Parallel()
	for texto, want := range map[string]int64{
		"": 0, "0": 0, " 12 ": 12, "+7": 7, "4294967296": 1 << 32, strconv.FormatInt(maxNumero+1, 10): maxNumero, strconv.FormatInt(math.MaxInt64, 10): maxNumero,
		"99999999999999999999999": maxNumero, "-1": -1, "-99999999999999999999999": -1, "dos": -1, "1.5": -1, "1,200": -1,
	} {
		if got := numero(texto); got != want {
			t.Errorf("%q: %d, want %d", texto, got, want)
		}
	}
}
