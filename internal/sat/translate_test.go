package sat

import (
	"math"
	"strconv"
	"testing"
)

func TestNumber_WhenItIsNoCountSaysSo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"": 0, "0": 0, " 12 ": 12, "+7": 7, "4294967296": 1 << 32, strconv.FormatInt(maxNumber+1, 10): maxNumber, strconv.FormatInt(math.MaxInt64, 10): maxNumber,
		"99999999999999999999999": maxNumber, "-1": -1, "-99999999999999999999999": -1, "dos": -1, "1.5": -1, "1,200": -1,
	} {
		if got := number(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
